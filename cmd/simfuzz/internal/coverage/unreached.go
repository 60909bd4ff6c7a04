package coverage

import (
	_ "embed"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrUnreached is returned for a table of unreached statements that cannot be read.
var ErrUnreached = errors.New("table of unreached statements")

//go:embed unreached.txt
var unreached string

// Explanation says why some statements of a function are never reached.
type Explanation struct {
	File       string // as of [Block]
	Func       string // as of [Block]
	Statements int    // at most
	Why        string
}

// Explanations are those that are known of this module.
func Explanations() ([]Explanation, error) { return parseExplanations(unreached) }

// parseExplanations reads blocks that are separated by empty lines: "why: " and the reason,
// and then a file, a function and a number of statements a line. Lines that begin with "#"
// are comments.
func parseExplanations(text string) (list []Explanation, err error) {
	why := ""
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		reason, opens := strings.CutPrefix(line, "why: ")
		switch fields := strings.Fields(line); {
		case line == "":
			why = ""
		case strings.HasPrefix(line, "#"):
		case opens:
			why = reason
		case len(fields) != 3 || why == "":
			return nil, fmt.Errorf("%w: line %d: %q: want a file, a function and a number, below a line with the reason", ErrUnreached, number, line)
		default:
			n, err := strconv.Atoi(fields[2])
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%w: line %d: %q: want a number from 1 on", ErrUnreached, number, fields[2])
			}
			list = append(list, Explanation{fields[0], fields[1], n, why})
		}
	}
	return list, nil
}

// Unexplained are the statements that were never reached and that no explanation is for: of
// a function with more than are explained, all of them.
func (c *Count) Unexplained(known []Explanation) (blocks []Block, statements int) {
	type function struct{ file, name string }
	explained, never := map[function]int{}, map[function]int{}
	for _, x := range known {
		explained[function{x.File, x.Func}] += x.Statements
	}
	for _, b := range c.Never {
		never[function{b.File, b.Func}] += b.Statements
	}
	for _, b := range c.Never {
		if f := (function{b.File, b.Func}); never[f] > explained[f] {
			blocks = append(blocks, b)
			statements += b.Statements
		}
	}
	return blocks, statements
}

// functions are the functions of a source file, by the lines that they take.
type functions []struct {
	name        string
	first, last int
}

// functionsOf reads them.
func functionsOf(root, file string) (list functions, err error) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, filepath.Join(root, filepath.FromSlash(file)), nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("count statements: %w", err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			name = receiver(fn.Recv.List[0].Type) + "." + name
		}
		list = append(list, struct {
			name        string
			first, last int
		}{name, files.Position(fn.Pos()).Line, files.Position(fn.End()).Line})
	}
	return list, nil
}

// receiver is the name of a receiver's type.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// at is the function that a line is in, "" for none.
func (l functions) at(line int) string {
	for _, f := range l {
		if f.first <= line && line <= f.last {
			return f.name
		}
	}
	return ""
}
