package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// pureFuncs are functions whose result depends on their arguments only, by
// package; functions that take functions are excluded at the call.
var pureFuncs = []string{"math", "math/bits", "strings", "bytes", "cmp", "unicode", "unicode/utf8"}

// pureSlices are the functions of package slices that only read.
var pureSlices = []string{"BinarySearch", "Clone", "Compare", "Concat", "Contains", "Equal", "Index", "Max", "Min"}

// pureBuiltins read and build; append is judged where it is assigned.
var pureBuiltins = []string{"len", "cap", "min", "max", "complex", "real", "imag", "make", "new"}

// pure returns why evaluating e may do something, or "" where it only reads; the
// expression is kept, since what it reads must not be what the loop changes.
func (p *proof) pure(e ast.Expr) string {
	why := ""
	ast.Inspect(e, func(n ast.Node) bool {
		if why != "" {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			why = "it makes a function"
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				why = "it receives from a channel"
			}
		case *ast.CallExpr:
			if !p.pureCall(n) {
				why = "it calls " + types.ExprString(n.Fun)
			}
		}
		return why == ""
	})
	if why == "" {
		p.reads = append(p.reads, e)
	}
	return why
}

func (p *proof) pureCall(call *ast.CallExpr) bool {
	if p.pass.TypesInfo.Types[call.Fun].IsType() {
		return true // a conversion
	}
	name := p.calleeName(call)
	dot := strings.LastIndex(name, ".")
	if dot < 0 {
		return false
	}
	if name[:dot] == "builtin" {
		return slices.Contains(pureBuiltins, name[dot+1:])
	}
	if name[:dot] == "slices" {
		return slices.Contains(pureSlices, name[dot+1:])
	}
	for _, a := range call.Args {
		if t := p.typeOf(a); t != nil {
			if _, isFunc := t.Underlying().(*types.Signature); isFunc {
				return false
			}
		}
	}
	return slices.Contains(pureFuncs, name[:dot])
}

// readsEffect names an effect of the loop that e reads, or "". Reading the
// element at the loop's key is no conflict with effects that stay at that key.
func (p *proof) readsEffect(e ast.Expr) string {
	conflict := ""
	ast.Inspect(e, func(n ast.Node) bool {
		if conflict != "" {
			return false
		}
		switch n := n.(type) {
		case *ast.IndexExpr:
			if eff, ok := p.effects[pathOf(n.X)]; ok && eff.keyed && p.isKey(n.Index) {
				return false
			}
		case *ast.SelectorExpr, *ast.Ident:
			path := pathOf(n.(ast.Expr))
			if path == "" {
				return true
			}
			for changed := range p.effects {
				if overlap(path, changed) && (conflict == "" || changed < conflict) {
					conflict = changed
				}
			}
			return false
		}
		return true
	})
	return conflict
}

// overlap reports whether one path is the other or leads to it.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

// pathOf writes a chain of identifiers and fields ("s.seen"); "" for anything
// else. Dereferences and parentheses are looked through.
func pathOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.ParenExpr:
		return pathOf(e.X)
	case *ast.StarExpr:
		return pathOf(e.X)
	case *ast.SelectorExpr:
		if base := pathOf(e.X); base != "" {
			return base + "." + e.Sel.Name
		}
	}
	return ""
}

// root is the identifier an expression starts from, nil if it starts otherwise.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isLocal reports whether id is declared by the loop or inside its body, so that
// every entry has its own.
func (p *proof) isLocal(id *ast.Ident) bool {
	if id == nil {
		return false
	}
	obj := p.pass.TypesInfo.ObjectOf(id)
	return obj != nil && obj.Pos() >= p.loop.Pos() && obj.Pos() < p.loop.End()
}

// isKey reports whether e is the loop's key variable.
func (p *proof) isKey(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && p.key != nil && p.pass.TypesInfo.ObjectOf(id) == p.key
}

func isInteger(t types.Type) bool { return hasInfo(t, types.IsInteger) }

// isTotal reports whether < is a total order on t; NaN makes floats fail.
func isTotal(t types.Type) bool { return hasInfo(t, types.IsInteger|types.IsString) }

func hasInfo(t types.Type, info types.BasicInfo) bool {
	if t == nil {
		return false
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&info != 0
}
