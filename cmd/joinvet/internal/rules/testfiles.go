package rules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// lawChecked is the names that occur in a package's tests where laws are checked: in the
// declarations that name a package of laws, in those that lead to one of them, and in
// those that these name, and so on. Test files are read as text, all of them, whatever
// they are built for: the go command hands an analyzer either the package or its tests.
func lawChecked(pass *analysis.Pass, r *reporter) (map[string]bool, error) {
	checked := make(map[string]bool)
	if len(r.files) == 0 {
		return checked, nil
	}
	dir := filepath.Dir(pass.Fset.Position(r.files[0].FileStart).Filename)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the tests of %s: %w", pass.Pkg.Path(), err)
	}
	t := &testText{decls: make(map[string][]ast.Decl), users: make(map[string][]ast.Decl)}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("read the tests of %s: %w", pass.Pkg.Path(), err)
		}
		t.add(f)
	}
	t.rise()
	t.follow(checked)
	return checked, nil
}

// testText is the declarations of test files.
type testText struct {
	decls map[string][]ast.Decl // by what they declare
	users map[string][]ast.Decl // by the names in them
	laws  []ast.Decl            // that lead to a package of laws
}

func (t *testText) add(f *ast.File) {
	laws := lawNames(f)
	for _, d := range f.Decls {
		for _, name := range declares(d) {
			t.decls[name] = append(t.decls[name], d)
		}
		seen := make(map[string]bool)
		for name := range namesIn(d) {
			if !seen[name] {
				seen[name] = true
				t.users[name] = append(t.users[name], d)
			}
		}
		if mentions(d, laws) {
			t.laws = append(t.laws, d)
		}
	}
}

// namesIn is the identifiers of a declaration, some of them several times. What is
// selected from an expression that is not a name is left out: the Merge of (*T).Merge is
// not a function of that name.
func namesIn(d ast.Decl) iter.Seq[string] {
	return func(yield func(string) bool) {
		more := true
		var visit func(n ast.Node) bool
		visit = func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				more = more && yield(n.Name)
			case *ast.SelectorExpr:
				if _, name := n.X.(*ast.Ident); !name {
					ast.Inspect(n.X, visit)
					return false
				}
			}
			return more
		}
		ast.Inspect(d, visit)
	}
}

// rise adds the declarations that lead to those which name laws.
func (t *testText) rise() {
	done := make(map[ast.Decl]bool)
	for _, d := range t.laws {
		done[d] = true
	}
	for i := 0; i < len(t.laws); i++ {
		for _, name := range declares(t.laws[i]) {
			if name == "_" || name == "init" {
				continue
			}
			for _, d := range t.users[name] {
				if !done[d] {
					done[d] = true
					t.laws = append(t.laws, d)
				}
			}
		}
	}
}

// follow adds the names in the declarations, and in those of what they name.
func (t *testText) follow(names map[string]bool) {
	done := make(map[ast.Decl]bool)
	todo := t.laws
	for len(todo) > 0 {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if done[d] {
			continue
		}
		done[d] = true
		for name := range namesIn(d) {
			if !names[name] {
				names[name] = true
				todo = append(todo, t.decls[name]...)
			}
		}
	}
}

// lawNames is by which names a file knows packages of laws.
func lawNames(f *ast.File) map[string]bool {
	names := make(map[string]bool)
	for _, imp := range f.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil || !isLaws(p) {
			continue
		}
		name := p[strings.LastIndex(p, "/")+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		names[name] = true
	}
	return names
}

// declares is the names that a declaration at top level declares.
func declares(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || len(d.Recv.List) == 0 {
			return []string{d.Name.Name}
		}
		// A method is reached by its type: what is checked of that is its methods.
		ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names = append(names, id.Name)
				return false
			}
			return true
		})
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// mentions reports that a declaration selects from one of the packages named.
func mentions(d ast.Decl, packages map[string]bool) (found bool) {
	if len(packages) == 0 {
		return false
	}
	ast.Inspect(d, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			id, ok := s.X.(*ast.Ident)
			found = found || ok && packages[id.Name]
		}
		return !found
	})
	return found || packages["."]
}
