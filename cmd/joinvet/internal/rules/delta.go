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
delete, clear, copy, sort, append to a slice that may have room), and into its fields where it
is a pointer; and maps and slices of the delta that are assigned to the target as they are,
alone, within a struct, or as what the entries of a map are that is copied. A slice within a
struct counts where the package writes into the field's elements. Of what flow's Input.Push
was given, writes are reported in the statements after it in the same block, and, where it was
made outside of the loop, anywhere in the loop that sends it; so is what bufio.Scanner.Bytes lends. Pointers may lead to what nobody
changes, and are not followed.`,
	Run: runKeptDelta,
}

func runKeptDelta(pass *analysis.Pass) (any, error) {
	r := newReporter(pass)
	walk := func(body *ast.BlockStmt, target, delta types.Object) {
		if delta == nil {
			return
		}
		w := &deltaWalk{r: r, target: target, delta: delta, parts: map[types.Object]bool{delta: true}, whole: make(map[types.Object]bool)}
		if _, pointer := types.Unalias(delta.Type()).(*types.Pointer); pointer && len(r.values()[delta]) == 1 {
			w.whole[delta] = true // it is never made to point elsewhere
		}
		ast.Inspect(body, w.visit)
	}
	for _, m := range r.heldMerges() {
		if p := r.pass.TypesInfo.TypeOf(m.lit).(*types.Signature).Params(); m.door == "CheckMergeIn" {
			walk(m.lit.Body, p.At(0), p.At(1))
		}
	}
	r.functions(func(f *ast.FuncDecl) {
		target, delta := r.mergedInto(f)
		walk(f.Body, target, delta)
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BlockStmt:
				r.pushed(n.List)
			case *ast.ForStmt:
				r.pushedInTurns(n, n.Body)
			case *ast.RangeStmt:
				r.pushedInTurns(n, n.Body)
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
	if sig.Recv() == nil || m.door == "Check" {
		return sig.Params().At(0), sig.Params().At(1)
	}
	res := sig.Results()
	for i := range res.Len() { // a method that returns a state may return one made of both
		if sameType(res.At(i).Type(), sig.Recv().Type()) {
			return nil, nil
		}
	}
	d, _ := deltaOf(sig)
	return sig.Recv(), d
}

// deltaWalk goes over the body of a merge.
type deltaWalk struct {
	r             *reporter
	target, delta types.Object
	parts         map[types.Object]bool // the delta, and variables that hold memory of it
	whole         map[types.Object]bool // pointers to the delta
}

func (w *deltaWalk) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.RangeStmt:
		if n.Tok != token.DEFINE {
			return true
		}
		if w.ofDelta(n.X) {
			w.hold(n.Value)
		} else if in, values := w.r.yielded(n.X); in != nil && w.ofDelta(in) {
			if w.hold(n.Value); values {
				w.hold(n.Key)
			}
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
	if obj := w.r.pass.TypesInfo.Defs[id]; obj != nil && (shares(obj.Type()) || w.r.holds(obj.Type())) {
		w.parts[obj] = true
	}
}

// alias notes a variable that is the delta by another name.
func (w *deltaWalk) alias(left, right ast.Expr) {
	id, ok := ast.Unparen(right).(*ast.Ident)
	if !ok || !w.parts[w.r.pass.TypesInfo.Uses[id]] {
		if assert, ok := ast.Unparen(right).(*ast.TypeAssertExpr); ok && assert.Type != nil {
			w.alias(left, assert.X)
		}
		return
	}
	to, ok := left.(*ast.Ident)
	if !ok || w.r.pass.TypesInfo.Defs[to] == nil {
		return
	}
	obj := w.r.pass.TypesInfo.Defs[to]
	if _, pointer := types.Unalias(obj.Type()).(*types.Pointer); pointer && len(w.r.values()[obj]) <= 1 {
		w.parts[obj], w.whole[obj] = true, true
	}
}

func (w *deltaWalk) assigned(n *ast.AssignStmt) {
	for i, left := range n.Lhs {
		w.written(left)
		if len(n.Rhs) != len(n.Lhs) {
			if len(n.Rhs) == 1 && i == 0 && n.Tok == token.DEFINE {
				w.alias(left, n.Rhs[0]) // v, ok := delta.(T)
			}
			continue
		}
		if n.Tok == token.DEFINE {
			if w.alias(left, n.Rhs[i]); w.ofDelta(n.Rhs[i]) {
				w.hold(left)
			}
			continue
		}
		if w.keeps(n.Rhs[i]) && w.r.rooted(left, map[types.Object]bool{w.target: true}) {
			w.kept(n.Pos())
		}
	}
}

func (w *deltaWalk) kept(at token.Pos) {
	w.r.report(at, "the target keeps memory of %s: a later merge into it changes what the sender holds; copy it", w.delta.Name())
}

// keeps reports an expression whose value has memory of the delta that may be written into.
func (w *deltaWalk) keeps(e ast.Expr) bool {
	t := w.r.pass.TypesInfo.TypeOf(e)
	if w.ofDelta(e) {
		return shares(t) || w.r.holds(t)
	}
	in := w.r.copiedFlat(e)
	return in != nil && w.ofDelta(in) && isMapOfMaps(t)
}

// written reports an element of the delta that is assigned to.
func (w *deltaWalk) written(left ast.Expr) {
	switch e := ast.Unparen(left).(type) {
	case *ast.IndexExpr:
		if w.ofDelta(e.X) && shares(w.r.pass.TypesInfo.TypeOf(e.X)) {
			w.wrote(left.Pos())
		}
	case *ast.SelectorExpr:
		if w.r.rooted(e.X, w.whole) && w.r.direct(e.X) || w.r.elementOf(e.X, w.parts) != nil {
			w.wrote(left.Pos())
		}
	case *ast.StarExpr:
		if w.r.rooted(e.X, w.whole) && w.r.direct(e.X) {
			w.wrote(left.Pos())
		}
	}
}

func (w *deltaWalk) wrote(at token.Pos) {
	w.r.report(at, "the merge writes into %s, which the sender still holds", w.delta.Name())
}

// called reports a call that writes into the delta, or copies it into the target so that
// memory is kept.
func (w *deltaWalk) called(n *ast.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	first := n.Args[0]
	switch {
	case w.r.isAppend(n):
		if w.ofDelta(first) && !isClipped(first) && len(n.Args) > 1 {
			w.r.report(n.Pos(), "append may write behind %s, where the sender does, and keeps its memory: append to a copy, or to slices.Clip of it", name(first))
		}
	case w.r.writesFirst(n) && w.ofDelta(first) && shares(w.r.pass.TypesInfo.TypeOf(w.r.converted(first))):
		w.wrote(n.Pos())
	case w.r.inPackage(n, "maps", "Copy") && len(n.Args) == 2:
		if w.r.rooted(first, map[types.Object]bool{w.target: true}) && w.ofDelta(n.Args[1]) && isMapOfMaps(w.r.pass.TypesInfo.TypeOf(n.Args[1])) {
			w.kept(n.Pos())
		}
	}
}

// ofDelta reports that an expression is the delta, or leads into it.
func (w *deltaWalk) ofDelta(e ast.Expr) bool { return w.r.rooted(e, w.parts) }
