package rules

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// KeptDelta reports merges that keep a delta's memory, or write into it, and deltas that
// are written into after they were handed on.
var KeptDelta = &analysis.Analyzer{
	Name: "keptdelta",
	Doc: `report deltas that a merge keeps or changes, and deltas that are changed after they were sent

A merge into a target, in the forms that uncheckedmerge knows, neither changes its delta
nor keeps memory of it. Reported are writes into maps and slices of the delta (by index,
delete, clear, copy, sort), and maps and slices of the delta that are assigned to the
target as they are. Of what flow's Input.Push was given, writes are reported in the
statements after it in the same block. Pointers may lead to what nobody changes, and are
not followed.`,
	Run: runKeptDelta,
}

func runKeptDelta(pass *analysis.Pass) (any, error) {
	r := newReporter(pass)
	r.functions(func(f *ast.FuncDecl) {
		if target, delta := r.mergedInto(f); delta != nil {
			w := &deltaWalk{r: r, target: target, parts: map[types.Object]bool{delta: true}, delta: delta.Name()}
			ast.Inspect(f.Body, w.visit)
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if block, ok := n.(*ast.BlockStmt); ok {
				r.pushed(block.List)
			}
			return true
		})
	})
	return nil, nil
}

// mergedInto is the target and the delta of a merge into a target, nil of other functions.
func (r *reporter) mergedInto(f *ast.FuncDecl) (target, delta types.Object) {
	obj, ok := r.pass.TypesInfo.Defs[f.Name].(*types.Func)
	if !ok {
		return nil, nil
	}
	m, ok := mergeOf(obj)
	if !ok || m.door == "CheckMerge" {
		return nil, nil
	}
	sig := obj.Signature()
	if m.door != "CheckMethod" {
		return sig.Params().At(0), sig.Params().At(1)
	}
	res := sig.Results()
	for i := range res.Len() { // a method that returns a state may return one made of both
		if sameType(res.At(i).Type(), sig.Recv().Type()) {
			return nil, nil
		}
	}
	return sig.Recv(), sig.Params().At(0)
}

// deltaWalk goes over the body of a merge.
type deltaWalk struct {
	r      *reporter
	target types.Object
	parts  map[types.Object]bool // the delta, and variables that hold maps or slices of it
	delta  string
}

func (w *deltaWalk) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.RangeStmt:
		if w.ofDelta(n.X) && n.Tok == token.DEFINE {
			w.hold(n.Value)
		}
	case *ast.AssignStmt:
		w.assigned(n)
	case *ast.IncDecStmt:
		w.written(n.X)
	case *ast.CallExpr:
		w.called(n)
	}
	return true
}

// hold notes a variable that holds memory of the delta.
func (w *deltaWalk) hold(e ast.Expr) {
	id, ok := e.(*ast.Ident)
	if !ok || id.Name == "_" {
		return
	}
	if obj := w.r.pass.TypesInfo.Defs[id]; obj != nil && shares(obj.Type()) {
		w.parts[obj] = true
	}
}

func (w *deltaWalk) assigned(n *ast.AssignStmt) {
	for i, left := range n.Lhs {
		w.written(left)
		if len(n.Rhs) != len(n.Lhs) || !w.ofDelta(n.Rhs[i]) || !shares(w.r.pass.TypesInfo.TypeOf(n.Rhs[i])) {
			continue
		}
		if n.Tok == token.DEFINE {
			w.hold(left)
			continue
		}
		if w.r.rooted(left, map[types.Object]bool{w.target: true}) {
			w.r.report(n.Pos(), "the target keeps memory of %s: a later merge into it changes what the sender holds; copy it", w.delta)
		} else if id, ok := ast.Unparen(left).(*ast.Ident); ok {
			if obj := w.r.pass.TypesInfo.Uses[id]; obj != nil && w.parts[obj] {
				continue
			}
		}
	}
}

// written reports an element of the delta that is assigned to.
func (w *deltaWalk) written(left ast.Expr) {
	if ix, ok := ast.Unparen(left).(*ast.IndexExpr); ok && w.ofDelta(ix.X) && shares(w.r.pass.TypesInfo.TypeOf(ix.X)) {
		w.r.report(left.Pos(), "the merge writes into %s, which the sender still holds", w.delta)
	}
}

// called reports a call that writes into the delta.
func (w *deltaWalk) called(n *ast.CallExpr) {
	if len(n.Args) > 0 && w.r.writesFirst(n) && w.ofDelta(n.Args[0]) && shares(w.r.pass.TypesInfo.TypeOf(n.Args[0])) {
		w.r.report(n.Pos(), "the merge writes into %s, which the sender still holds", w.delta)
	}
}

// ofDelta reports that an expression is the delta, or leads into it.
func (w *deltaWalk) ofDelta(e ast.Expr) bool { return w.r.rooted(e, w.parts) }

// rooted reports that an expression selects, indexes, slices or dereferences its way from
// one of the variables.
func (r *reporter) rooted(e ast.Expr, vars map[types.Object]bool) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return vars[r.pass.TypesInfo.ObjectOf(e)]
	case *ast.SelectorExpr:
		_, selected := r.pass.TypesInfo.Selections[e]
		return selected && r.rooted(e.X, vars)
	case *ast.IndexExpr:
		return r.rooted(e.X, vars)
	case *ast.SliceExpr:
		return r.rooted(e.X, vars)
	case *ast.StarExpr:
		return r.rooted(e.X, vars)
	}
	return false
}

// shares reports that values of a type are maps or slices: copies of one have its memory.
func shares(t types.Type) bool {
	if t == nil {
		return false
	}
	switch t.Underlying().(type) {
	case *types.Map, *types.Slice:
		return true
	}
	return false
}

// writesFirst reports that a call writes into its first argument.
func (r *reporter) writesFirst(call *ast.CallExpr) bool {
	switch f := r.callee(call).(type) {
	case *types.Builtin:
		return f.Name() == "delete" || f.Name() == "clear" || f.Name() == "copy"
	case *types.Func:
		if f.Pkg() == nil || f.Signature().Recv() != nil {
			return false
		}
		switch f.Pkg().Path() {
		case "slices":
			switch f.Name() {
			case "Sort", "SortFunc", "SortStableFunc", "Reverse", "Delete", "DeleteFunc", "Compact", "CompactFunc":
				return true
			}
		case "maps":
			return f.Name() == "Copy" || f.Name() == "DeleteFunc" || f.Name() == "Insert"
		case "sort":
			switch f.Name() {
			case "Ints", "Strings", "Float64s", "Slice", "SliceStable":
				return true
			}
		}
	}
	return false
}

// pushed reports writes into a variable that stand after a push of it.
func (r *reporter) pushed(list []ast.Stmt) {
	sent := make(map[types.Object]bool)
	for _, s := range list {
		if len(sent) > 0 {
			r.writtenAfter(s, sent)
		}
		ast.Inspect(s, func(n ast.Node) bool {
			if _, nested := n.(*ast.FuncLit); nested {
				return false
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || !r.calls(call, "Input.Push") || len(call.Args) != 1 {
				return true
			}
			if id, ok := ast.Unparen(call.Args[0]).(*ast.Ident); ok {
				if obj := r.pass.TypesInfo.Uses[id]; obj != nil && shares(obj.Type()) {
					sent[obj] = true
				}
			}
			return true
		})
	}
}

// writtenAfter reports writes into what was sent, and forgets what is made anew.
func (r *reporter) writtenAfter(s ast.Stmt, sent map[types.Object]bool) {
	const text = "%s is written into after it was sent: whoever reads the stream sees the change; make a new one"
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if ix, ok := ast.Unparen(left).(*ast.IndexExpr); ok && r.rooted(ix.X, sent) {
					r.report(left.Pos(), text, name(ix.X))
				}
			}
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok {
					delete(sent, r.pass.TypesInfo.ObjectOf(id))
				}
			}
		case *ast.IncDecStmt:
			if ix, ok := ast.Unparen(n.X).(*ast.IndexExpr); ok && r.rooted(ix.X, sent) {
				r.report(n.Pos(), text, name(ix.X))
			}
		case *ast.CallExpr:
			if len(n.Args) > 0 && r.writesFirst(n) && r.rooted(n.Args[0], sent) {
				r.report(n.Pos(), text, name(n.Args[0]))
			}
		}
		return true
	})
}

// name is an expression as it is written.
func name(e ast.Expr) string { return types.ExprString(e) }
