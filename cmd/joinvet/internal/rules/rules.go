// Package rules is the analyzers of joinvet.
//
// They are after what laws are about: laws judge a merge that is given to them, and a
// merge that nobody gives them is judged by nobody. Analyzers see that, and the few
// mistakes around a merge whose shape tells them. They refuse to guess: where a mistake
// cannot be told from what is right by the types and the text of one function, nothing
// is reported.
package rules

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// All is the analyzers of joinvet.
func All() []*analysis.Analyzer {
	return []*analysis.Analyzer{UncheckedMerge, UncheckedClass, Unsealed, KeptDelta}
}

// marker opens the comment that lets a line stand.
const marker = "//joinery:vetted"

// reporter reports what stands in production code, on lines that nobody vetted.
type reporter struct {
	pass   *analysis.Pass
	vetted map[string]map[int]bool // lines by file
	files  []*ast.File             // neither tests nor generated

	given  values                    // see values
	ranged map[types.Object]ast.Expr // what a variable ranges over
	stored values                    // what is assigned to elements of a variable
	decls  map[types.Object]*ast.FuncDecl
	mute   bool                  // what is found is only noted
	said   map[string]bool       // what was reported, and where
	writes map[types.Object]bool // see writtenFields
}

func newReporter(pass *analysis.Pass) *reporter {
	r := &reporter{pass: pass, vetted: make(map[string]map[int]bool), said: make(map[string]bool)}
	for _, f := range pass.Files {
		name := pass.Fset.Position(f.FileStart).Filename
		if strings.HasSuffix(name, "_test.go") || ast.IsGenerated(f) {
			continue
		}
		r.files = append(r.files, f)
		lines := make(map[int]bool)
		for _, group := range f.Comments {
			for _, c := range group.List {
				why, ok := strings.CutPrefix(c.Text, marker)
				if !ok {
					continue
				}
				why, _, _ = strings.Cut(why, "//")
				if strings.TrimSpace(why) == "" {
					pass.Reportf(c.Pos(), "%s gives no reason", marker)
				}
				line := pass.Fset.Position(c.Pos()).Line
				lines[line], lines[line+1] = true, true
			}
		}
		r.vetted[name] = lines
	}
	return r
}

func (r *reporter) report(pos token.Pos, format string, args ...any) {
	at := r.pass.Fset.Position(pos)
	what := fmt.Sprintf("%d "+format, append([]any{pos}, args...)...)
	if !r.vetted[at.Filename][at.Line] && !r.said[what] {
		r.said[what] = true
		if !r.mute {
			r.pass.Reportf(pos, format, args...)
		}
	}
}

// functions calls visit with every function that is declared with a body.
func (r *reporter) functions(visit func(f *ast.FuncDecl)) {
	for _, file := range r.files {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				visit(f)
			}
		}
	}
}

// inFlow reports that a function or method is of package lattice/flow, and returns its
// name, "Type.Method" of a method.
func (r *reporter) inFlow(call *ast.CallExpr) (name string, ok bool) {
	f, _ := r.callee(call).(*types.Func)
	if f == nil || f.Pkg() == nil || !isFlow(f.Pkg().Path()) {
		return "", false
	}
	if recv := f.Signature().Recv(); recv != nil {
		if n := namedOf(recv.Type()); n != nil {
			return n.Obj().Name() + "." + f.Name(), true
		}
	}
	return f.Name(), true
}

// callee is what a call calls, where it has a name.
func (r *reporter) callee(call *ast.CallExpr) types.Object {
	return r.object(call.Fun)
}

// object is what an expression names, type arguments aside; nil if it is no name.
func (r *reporter) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return r.pass.TypesInfo.Uses[e]
	case *ast.SelectorExpr:
		return r.pass.TypesInfo.Uses[e.Sel]
	case *ast.IndexExpr:
		return r.object(e.X)
	case *ast.IndexListExpr:
		return r.object(e.X)
	}
	return nil
}

// namedOf is the named type of t, or of what t points to.
func namedOf(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

// sameType reports that two types are one, or that one is a pointer to the other; type
// arguments do not matter.
func sameType(a, b types.Type) bool {
	x, y := namedOf(a), namedOf(b)
	return x != nil && y != nil && x.Origin().Obj() == y.Origin().Obj()
}

// isLaws reports an import path of a package that checks laws.
func isLaws(importPath string) bool {
	for part := range strings.SplitSeq(importPath, "/") {
		if part == "laws" || part == "lawtest" {
			return true
		}
	}
	return path.Base(importPath) == "gopterlaws"
}

// isFlow reports the import path of package lattice/flow.
func isFlow(importPath string) bool { return strings.HasSuffix(importPath, "lattice/flow") }
