package rules

import (
	"go/ast"
	"go/token"
	"go/types"
)

const writtenText = "%s is written into after it was sent: whoever reads the stream sees the change; make a new one"

// sends is the variables that a statement sends into a stream, or memory of which it does.
func (r *reporter) sends(s ast.Node, visit func(v types.Object)) {
	ast.Inspect(s, func(n ast.Node) bool {
		if _, nested := n.(*ast.FuncLit); nested {
			return false
		}
		call, ok := n.(*ast.CallExpr)
		if !ok || !r.calls(call, "Input.Push", "Input.PushAll") || call.Ellipsis.IsValid() {
			return true
		}
		for _, arg := range call.Args {
			r.lent(arg)
			if v := r.sent(arg); v != nil {
				visit(v)
			}
		}
		return true
	})
}

// lent reports what a scanner lends until its next Scan.
func (r *reporter) lent(arg ast.Expr) {
	call, ok := ast.Unparen(arg).(*ast.CallExpr)
	if !ok {
		return
	}
	if f, ok := r.callee(call).(*types.Func); ok && f.FullName() == "(*bufio.Scanner).Bytes" {
		r.report(arg.Pos(), "%s is written over by the next Scan, and whoever reads the stream sees the change; send a copy", name(arg))
	}
}

// sent is the variable whose memory an argument has: the argument itself, if it is a map, a
// slice, a struct that holds some, or a pointer; or what it slices or converts.
func (r *reporter) sent(arg ast.Expr) types.Object {
	arg = ast.Unparen(r.converted(arg))
	if s, ok := arg.(*ast.SliceExpr); ok {
		arg = ast.Unparen(s.X)
	}
	id, ok := arg.(*ast.Ident)
	if !ok {
		return nil
	}
	obj := r.pass.TypesInfo.Uses[id]
	if obj == nil {
		return nil
	}
	_, pointer := obj.Type().Underlying().(*types.Pointer)
	if pointer || shares(obj.Type()) || r.holds(obj.Type()) {
		return obj
	}
	return nil
}

// pushed reports writes into a variable that stand after a push of it.
func (r *reporter) pushed(list []ast.Stmt) {
	sent := make(map[types.Object]bool)
	for _, s := range list {
		if len(sent) > 0 {
			r.writtenAfter(s, sent)
		}
		r.sends(s, func(v types.Object) { sent[v] = true })
	}
}

// pushedInTurns reports writes, in a loop that sends a variable, into what it has from turn
// to turn; one that is made anew in the loop is another each time.
func (r *reporter) pushedInTurns(loop ast.Node, body *ast.BlockStmt) {
	r.lentInTurns(loop, body)
	sent := make(map[types.Object]bool)
	r.sends(body, func(v types.Object) {
		if v.Pos() < loop.Pos() || v.Pos() > loop.End() {
			sent[v] = true
		}
	})
	if len(sent) == 0 {
		return
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok {
			for i, left := range a.Lhs {
				id, ok := left.(*ast.Ident)
				if !ok || !sent[r.pass.TypesInfo.ObjectOf(id)] {
					continue
				}
				if len(a.Rhs) != len(a.Lhs) || !r.sameMemory(a.Rhs[i], sent) {
					delete(sent, r.pass.TypesInfo.ObjectOf(id))
				}
			}
		}
		return true
	})
	r.writtenAfter(body, sent)
}

// lentInTurns reports what a bytes.Buffer lends in a loop until it is reset in the next turn.
func (r *reporter) lentInTurns(loop ast.Node, body *ast.BlockStmt) {
	reset := make(map[types.Object]bool)
	on := func(n ast.Node, method string) types.Object {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return nil
		}
		f, ok := r.callee(call).(*types.Func)
		if !ok || f.FullName() != "(*bytes.Buffer)."+method {
			return nil
		}
		v := r.variable(call.Fun.(*ast.SelectorExpr).X)
		if v == nil || v.Pos() >= loop.Pos() && v.Pos() <= loop.End() {
			return nil
		}
		return v
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if v := on(n, "Reset"); v != nil {
			reset[v] = true
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !r.calls(call, "Input.Push", "Input.PushAll") {
			return true
		}
		for _, arg := range call.Args {
			if v := on(ast.Unparen(arg), "Bytes"); v != nil && reset[v] {
				r.report(arg.Pos(), "%s is written over after Reset, and whoever reads the stream sees the change; send a copy", name(arg))
			}
		}
		return true
	})
}

// sameMemory reports an expression that has the memory of one of the variables: it slices
// it, or appends to it.
func (r *reporter) sameMemory(e ast.Expr, vars map[types.Object]bool) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && r.isAppend(call) && len(call.Args) > 0 {
		return r.sameMemory(call.Args[0], vars)
	}
	return r.rooted(e, vars)
}

// overwrites is the slice whose elements an append writes over, since it is given less of it
// than there is; nil of others.
func (r *reporter) overwrites(e ast.Expr, vars map[types.Object]bool) ast.Expr {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || !r.isAppend(call) || len(call.Args) < 2 {
		return nil
	}
	if s, ok := ast.Unparen(call.Args[0]).(*ast.SliceExpr); ok && s.High != nil && !s.Slice3 && r.rooted(s.X, vars) {
		return s.X
	}
	return nil
}

// writtenAfter reports writes into what was sent, and forgets what is made anew.
func (r *reporter) writtenAfter(s ast.Node, sent map[types.Object]bool) {
	report := func(at token.Pos, what ast.Expr) { r.report(at, writtenText, name(what)) }
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if what := r.writesInto(left, sent); what != nil {
					report(left.Pos(), what)
				}
			}
			for i, left := range n.Lhs {
				id, ok := left.(*ast.Ident)
				if !ok {
					continue
				}
				if len(n.Rhs) == len(n.Lhs) {
					if what := r.overwrites(n.Rhs[i], sent); what != nil {
						report(n.Pos(), what)
						continue
					}
					if r.sameMemory(n.Rhs[i], sent) {
						continue
					}
				}
				delete(sent, r.pass.TypesInfo.ObjectOf(id))
			}
		case *ast.IncDecStmt:
			if what := r.writesInto(n.X, sent); what != nil {
				report(n.Pos(), what)
			}
		case *ast.CallExpr:
			if len(n.Args) > 0 && r.writesFirst(n) && r.rooted(n.Args[0], sent) {
				report(n.Pos(), n.Args[0])
			}
		}
		return true
	})
}

// writesInto is what an assignment to left writes into of what was sent: the map or slice
// that is indexed, or what a pointer points to; nil where it writes elsewhere.
func (r *reporter) writesInto(left ast.Expr, sent map[types.Object]bool) ast.Expr {
	switch e := ast.Unparen(left).(type) {
	case *ast.IndexExpr:
		if r.rooted(e.X, sent) {
			return e.X
		}
	case *ast.SelectorExpr, *ast.StarExpr:
		var x ast.Expr
		if s, ok := e.(*ast.SelectorExpr); ok {
			x = s.X
		} else {
			x = e.(*ast.StarExpr).X
		}
		if of := r.elementOf(x, sent); of != nil {
			return of
		}
		if id, ok := ast.Unparen(x).(*ast.Ident); ok && sent[r.pass.TypesInfo.Uses[id]] {
			if _, pointer := r.pass.TypesInfo.TypeOf(id).Underlying().(*types.Pointer); pointer {
				return x
			}
		}
	}
	return nil
}
