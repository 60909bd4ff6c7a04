package mechanical

import (
	"bytes"
	"fmt"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
)

// What the schema adds to the module and to each mutated package.
const (
	// Switch is the environment variable that says by number which mutation is on.
	// Without it the program is the original.
	Switch = "JOINERY_MUTANT"
	// ReachedFile is the environment variable that names a file to create once the
	// function that is mutated has been called.
	ReachedFile = "JOINERY_MUTANT_REACHED"

	switchName  = "joineryMutant"
	reachedName = "joineryMutantReached"
	packageFile = "joinery_mutant_switch.go"
	switchPath  = "internal/joinerymutant"
)

// Schema is source in which many mutations stand behind one switch.
//
// A function F with mutations 3 and 7 becomes
//
//	func (r *T) F(x int) bool { switch joineryMutant {
//		case 3: joineryMutantReached(); return r.joineryMutant3F(x)
//		case 7: joineryMutantReached(); return r.joineryMutant7F(x) }
//		…
//
// on its old lines; the copies joineryMutant3F and joineryMutant7F stand behind the
// rest of the file, with one copy without a mutation, joineryMutant0F, to compare
// their machine code with.
type Schema struct {
	// Files are the contents by absolute path; some do not exist in the checkout.
	Files map[string][]byte

	spans map[string][]span // by absolute path: which lines belong to which mutation
}

// span is where the copy of a mutated function stands: the lines first to last.
type span struct {
	first, last int
	number      int
}

// NewSchema puts mutations behind a switch, each by its number, from 1 on. All must be
// switchable and of packages of the module at root.
func NewSchema(root, module string, packages []*Package, mutations map[int]*Mutation) (*Schema, error) {
	s := &Schema{Files: make(map[string][]byte), spans: make(map[string][]span)}
	for _, p := range packages {
		mutated := false
		for _, f := range p.files {
			of := make(map[*ast.FuncDecl][]int)
			for n, m := range mutations {
				if m.file == f {
					of[m.decl] = append(of[m.decl], n)
				}
			}
			if len(of) == 0 {
				continue
			}
			mutated = true
			if err := s.file(p, f, of, mutations); err != nil {
				return nil, err
			}
		}
		if mutated {
			s.Files[filepath.Join(p.Dir, packageFile)] = fmt.Appendf(nil,
				"package %s\n\nimport %q\n\nvar %s = joinerymutant.Number\n\nfunc %s() { joinerymutant.Reached() }\n",
				p.Name, module+"/"+switchPath, switchName, reachedName)
		}
	}
	s.Files[filepath.Join(root, filepath.FromSlash(switchPath), "switch.go")] = []byte(switchSource)
	return s, nil
}

// switchSource reads the switch once, before any package that depends on it starts.
const switchSource = `package joinerymutant

import (
	"os"
	"strconv"
	"sync"
)

var Number, _ = strconv.Atoi(os.Getenv("` + Switch + `"))

var once sync.Once

func Reached() {
	once.Do(func() {
		if name := os.Getenv("` + ReachedFile + `"); name != "" {
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				panic(err)
			}
		}
	})
}
`

// file writes the schema of one file.
func (s *Schema) file(p *Package, f *file, of map[*ast.FuncDecl][]int, mutations map[int]*Mutation) error {
	var edits []edit
	var copies bytes.Buffer
	line := bytes.Count(f.text, []byte("\n")) + 1 // the last one; no edit of the original adds any
	if !bytes.HasSuffix(f.text, []byte("\n")) {
		line++
	}
	offset := func(n ast.Node) (int, int) { return p.fset.Position(n.Pos()).Offset, p.fset.Position(n.End()).Offset }
	for _, d := range f.syntax.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok || len(of[decl]) == 0 {
			continue
		}
		numbers := of[decl]
		slices.Sort(numbers)
		call, more, err := call(p, f, decl)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", f.rel, decl.Name.Name, err)
		}
		edits = append(edits, more...)
		cases := " switch " + switchName + " {"
		for _, n := range numbers {
			cases += fmt.Sprintf(" case %d: %s(); %s;", n, reachedName, fmt.Sprintf(call, n))
		}
		brace := p.fset.Position(decl.Body.Lbrace).Offset + 1
		edits = append(edits, edit{brace, brace, cases + " };"})

		// Declarations begin at their func keyword where they have a comment, too.
		start, end := p.fset.Position(decl.Type.Func).Offset, p.fset.Position(decl.End()).Offset
		nameStart, nameEnd := offset(decl.Name)
		for _, n := range slices.Concat([]int{0}, numbers) {
			rename := edit{nameStart - start, nameEnd - start, fmt.Sprintf("%s%d%s", switchName, n, decl.Name.Name)}
			changes := []edit{rename}
			if n > 0 {
				e := mutations[n].edit
				changes = append(changes, edit{e.start - start, e.end - start, e.text})
			}
			text := append(apply(f.text[start:end], changes...), '\n')
			copies.Write(append([]byte{'\n'}, text...))
			lines := bytes.Count(text, []byte("\n"))
			s.spans[f.path] = append(s.spans[f.path], span{line + 1, line + lines, n})
			line += lines + 1
		}
	}
	text := apply(f.text, edits...)
	if !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	s.Files[f.path] = append(text, copies.Bytes()...)
	return nil
}

// call is the statement, a format for the number, that calls a copy of a function with
// its own parameters and returns what it returns; and the edits that give a name to
// parameters that have none.
func call(p *Package, f *file, decl *ast.FuncDecl) (string, []edit, error) {
	var edits []edit
	fresh := 0
	// names lists the names in a list of parameters.
	names := func(list *ast.FieldList) (names []string) {
		if list == nil {
			return nil
		}
		for _, field := range list.List {
			if len(field.Names) == 0 {
				at := p.fset.Position(field.Type.Pos()).Offset
				name := fmt.Sprintf("%sArg%d", switchName, fresh)
				fresh++
				edits = append(edits, edit{at, at, name + " "})
				names = append(names, name)
			}
			for _, id := range field.Names {
				name := id.Name
				if name == "_" {
					at := p.fset.Position(id.Pos()).Offset
					name = fmt.Sprintf("%sArg%d", switchName, fresh)
					fresh++
					edits = append(edits, edit{at, at + 1, name})
				}
				names = append(names, name)
			}
		}
		return names
	}
	target := switchName + "%d" + decl.Name.Name
	if decl.Recv != nil {
		target = names(decl.Recv)[0] + "." + target
	}
	if tp := decl.Type.TypeParams; tp != nil {
		var params []string
		for _, field := range tp.List {
			for _, id := range field.Names {
				if id.Name == "_" {
					return "", nil, fmt.Errorf("a type parameter without a name cannot be passed on")
				}
				params = append(params, id.Name)
			}
		}
		target += "[" + strings.Join(params, ", ") + "]"
	}
	args := strings.Join(names(decl.Type.Params), ", ")
	if list := decl.Type.Params.List; len(list) > 0 {
		if _, variadic := list[len(list)-1].Type.(*ast.Ellipsis); variadic {
			args += "..."
		}
	}
	if decl.Type.Results == nil || len(decl.Type.Results.List) == 0 {
		return target + "(" + args + "); return", edits, nil
	}
	return "return " + target + "(" + args + ")", edits, nil
}

// At is the number of the mutation whose copy stands on a line of a file, 0 for the
// copy without one, and false where no copy stands.
func (s *Schema) At(path string, line int) (number int, ok bool) {
	for _, sp := range s.spans[path] {
		if sp.first <= line && line <= sp.last {
			return sp.number, true
		}
	}
	return 0, false
}
