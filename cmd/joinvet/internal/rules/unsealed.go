package rules

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// Unsealed reports values of states that may still rise and are used as if they were
// complete.
var Unsealed = &analysis.Analyzer{
	Name: "unsealed",
	Doc: `report values that are read from a state and used in a way that is not monotone

What flow.Read returns, and what flow.Subscribe tells its function, may rise afterwards. A
comparison that says the value is large enough (>, >=) stays true; one that it is equal,
different, small enough, or not true, may not. Such comparisons, also of its len, are
reported where nothing in the function asks whether the value is complete (flow.Complete,
flow.Seal, flow.SealWhen, Subscription.Final) or runs the graph to its end
(Scheduler.Run). A value that is handed on to another function is not followed.`,
	Run: runUnsealed,
}

func runUnsealed(pass *analysis.Pass) (any, error) {
	r := newReporter(pass)
	r.functions(func(f *ast.FuncDecl) {
		if growing := r.growing(f); len(growing) > 0 && !r.waits(f) {
			r.judge(f, growing)
		}
	})
	return nil, nil
}

// growing is the variables that hold values which may rise: the first result of
// flow.Read, and the parameter of a function literal that flow.Subscribe is given.
func (r *reporter) growing(f *ast.FuncDecl) map[types.Object]bool {
	found := make(map[types.Object]bool)
	note := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok && id.Name != "_" {
			if obj := r.pass.TypesInfo.ObjectOf(id); obj != nil {
				found[obj] = true
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Rhs) == 1 && len(n.Lhs) == 2 && r.calls(n.Rhs[0], "Read") {
				note(n.Lhs[0])
			}
		case *ast.ValueSpec:
			if len(n.Values) == 1 && len(n.Names) == 2 && r.calls(n.Values[0], "Read") {
				note(n.Names[0])
			}
		case *ast.CallExpr:
			if !r.calls(n, "Subscribe") || len(n.Args) != 2 {
				return true
			}
			if lit, ok := ast.Unparen(n.Args[1]).(*ast.FuncLit); ok {
				for _, p := range lit.Type.Params.List {
					for _, name := range p.Names {
						note(name)
					}
				}
			}
		}
		return true
	})
	return found
}

// calls reports that an expression calls a function of flow.
func (r *reporter) calls(e ast.Expr, names ...string) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := r.inFlow(call)
	if !ok {
		return false
	}
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// waits reports that a function asks whether a state is complete, or makes it so.
func (r *reporter) waits(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			found = found || r.calls(call, "Complete", "Seal", "SealWhen", "Subscription.Final", "Scheduler.Run")
		}
		return !found
	})
	return found
}

// judge reports uses of the variables that more input can make wrong.
func (r *reporter) judge(f *ast.FuncDecl, growing map[types.Object]bool) {
	const remedy = "may still rise: wait until it is complete (flow.Complete), seal the state, or ask whether it is large enough"
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.UnaryExpr:
			if name := r.isGrowing(n.X, growing); n.Op == token.NOT && name != "" {
				r.report(n.Pos(), "!%s is not monotone, and %s %s", name, name, remedy)
			}
		case *ast.BinaryExpr:
			left, right := r.isGrowing(n.X, growing), r.isGrowing(n.Y, growing)
			if (left != "") == (right != "") {
				return true // not one of those, or two of them
			}
			shrinks := n.Op == token.EQL || n.Op == token.NEQ
			if left != "" {
				shrinks = shrinks || n.Op == token.LSS || n.Op == token.LEQ
			} else {
				shrinks = shrinks || n.Op == token.GTR || n.Op == token.GEQ
			}
			if shrinks && !r.isNil(n.X) && !r.isNil(n.Y) {
				r.report(n.Pos(), "%s is compared by %s, which is not monotone, and it %s", left+right, n.Op, remedy)
			}
		case *ast.SwitchStmt:
			if n.Tag == nil {
				return true
			}
			if name := r.isGrowing(n.Tag, growing); name != "" {
				r.report(n.Tag.Pos(), "%s is switched on, which is not monotone, and it %s", name, remedy)
			}
		}
		return true
	})
}

// isGrowing is how an expression is written that is one of the variables, its len, or a
// field of it; "" if it is none.
func (r *reporter) isGrowing(e ast.Expr, growing map[types.Object]bool) string {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if growing[r.pass.TypesInfo.ObjectOf(e)] {
			return e.Name
		}
	case *ast.SelectorExpr:
		if _, field := r.pass.TypesInfo.Selections[e]; field {
			if name := r.isGrowing(e.X, growing); name != "" {
				return name + "." + e.Sel.Name
			}
		}
	case *ast.CallExpr:
		id, ok := e.Fun.(*ast.Ident)
		if !ok || id.Name != "len" || len(e.Args) != 1 {
			return ""
		}
		if _, builtin := r.pass.TypesInfo.Uses[id].(*types.Builtin); builtin {
			if name := r.isGrowing(e.Args[0], growing); name != "" {
				return "len(" + name + ")"
			}
		}
	}
	return ""
}

func (r *reporter) isNil(e ast.Expr) bool { return r.pass.TypesInfo.Types[e].IsNil() }
