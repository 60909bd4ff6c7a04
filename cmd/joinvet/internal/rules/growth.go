package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// direction is where a value goes while its state rises.
type direction uint8

const (
	rises direction = iota // it becomes greater, longer, or true; also what nobody says of
	falls                  // it becomes less, shorter, or false
	turns                  // it may do either
)

// growth is how a value changes while its state rises.
type growth struct {
	dir   direction
	merge *ast.CallExpr // by which it is joined, where the package shows it
}

// growthOf is how values change that a merge joins.
func (r *reporter) growthOf(merge ast.Expr) growth {
	if merge == nil {
		return growth{}
	}
	call, ok := r.resolve(merge).(*ast.CallExpr)
	if !ok {
		return growth{}
	}
	switch r.inLattice(call) {
	case "Min", "And", "IntersectOf", "OrderedIntersectOf":
		return growth{falls, call}
	}
	return growth{rises, call}
}

// inLattice is the name of a function of package lattice that is called, "" of others.
func (r *reporter) inLattice(call *ast.CallExpr) string {
	f, ok := r.callee(call).(*types.Func)
	if !ok || f.Pkg() == nil || !strings.HasSuffix(f.Pkg().Path(), "joinery/lattice") {
		return ""
	}
	return f.Name()
}

// mergeOfState is the merge of a State edge, nil where the package does not show it.
func (r *reporter) mergeOfState(state ast.Expr, deep int) ast.Expr {
	if state == nil || deep == 0 {
		return nil
	}
	call, ok := r.resolve(state).(*ast.CallExpr)
	if !ok {
		return nil
	}
	name, _ := r.inFlow(call)
	at := -1
	switch name {
	case "Fold", "DebottomState":
		at = 1
	case "Const":
		at = 2
	case "Top", "Debounce":
		return r.mergeOfState(argument(call), deep-1)
	case "State.Named":
		return r.mergeOfState(call.Fun.(*ast.SelectorExpr).X, deep-1)
	}
	if at < 0 || at >= len(call.Args) {
		return nil
	}
	return call.Args[at]
}

// derive notes the variables that are made of values which may rise: those that are given
// one such value and no other, and whether a map of them has a key.
func (g *reading) derive(f *ast.FuncDecl) {
	for range mostFollowed {
		before := len(g.growing)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				g.deriveEach(n.Lhs, n.Rhs)
			case *ast.ValueSpec:
				names := make([]ast.Expr, len(n.Names))
				for i, name := range n.Names {
					names[i] = name
				}
				g.deriveEach(names, n.Values)
			}
			return true
		})
		if len(g.growing) == before {
			return
		}
	}
}

func (g *reading) deriveEach(left, right []ast.Expr) {
	note := func(e ast.Expr, how growth) {
		id, ok := e.(*ast.Ident)
		if !ok || id.Name == "_" {
			return
		}
		obj := g.pass.TypesInfo.ObjectOf(id)
		if _, known := g.growing[obj]; obj != nil && !known && len(g.values()[obj]) == 1 {
			g.growing[obj] = how
		}
	}
	if len(left) == 2 && len(right) == 1 { // v, ok := m[k]
		if ix, ok := ast.Unparen(right[0]).(*ast.IndexExpr); ok {
			if how, name := g.grown(ix.X); name != "" && how.dir != turns {
				note(left[1], growth{dir: how.dir})
				if in, name := g.grown(ix); name != "" {
					note(left[0], in)
				}
			}
		}
		return
	}
	if len(left) != len(right) {
		return
	}
	for i := range left {
		if how, name := g.grown(right[i]); name != "" {
			note(left[i], how)
		}
	}
}

// grown is how an expression changes that is made of the variables, and how it is written;
// "" if it is not made of them in a way that is known.
func (g *reading) grown(e ast.Expr) (how growth, name string) {
	e = ast.Unparen(e)
	switch e := e.(type) {
	case *ast.Ident:
		if how, ok := g.growing[g.pass.TypesInfo.ObjectOf(e)]; ok {
			return how, e.Name
		}
	case *ast.SelectorExpr:
		if _, field := g.pass.TypesInfo.Selections[e]; field && g.variable(e) != nil {
			if how, name := g.grown(e.X); name != "" {
				return g.field(how, e.Sel.Name), name + "." + e.Sel.Name
			}
		}
	case *ast.StarExpr:
		how, name := g.grown(e.X)
		return how, name
	case *ast.UnaryExpr:
		switch how, name := g.grown(e.X); {
		case name == "":
		case e.Op == token.AND:
			return how, name
		case e.Op == token.SUB:
			return growth{dir: opposite(how.dir)}, "-" + name
		case e.Op == token.XOR:
			return growth{dir: turns}, "^" + name
		}
	case *ast.BinaryExpr:
		return g.computed(e)
	case *ast.IndexExpr:
		return g.indexed(e)
	case *ast.CallExpr:
		return g.called(e)
	}
	return growth{}, ""
}

func opposite(d direction) direction {
	switch d {
	case rises:
		return falls
	case falls:
		return rises
	}
	return turns
}

// field is how a field of a value changes: of a pair as its part does.
func (g *reading) field(of growth, name string) growth {
	if of.merge == nil {
		return of
	}
	part := func(i int) growth {
		if i < len(of.merge.Args) {
			return g.growthOf(of.merge.Args[i])
		}
		return growth{}
	}
	switch g.inLattice(of.merge) + "." + name {
	case "PairOf.First", "LexPairOf.First", "DominatingPairOf.First", "WithBottom.Val", "WithTop.Val":
		return part(0)
	case "PairOf.Second":
		return part(1)
	case "LexPairOf.Second", "DominatingPairOf.Second":
		return growth{dir: turns}
	}
	return growth{dir: of.dir}
}

// indexed is how an entry of a map changes, where the package shows its merge, or where it
// says whether there is one.
func (g *reading) indexed(e *ast.IndexExpr) (how growth, name string) {
	how, name = g.grown(e.X)
	if name == "" {
		return how, ""
	}
	m, ok := g.pass.TypesInfo.TypeOf(e.X).Underlying().(*types.Map)
	if !ok {
		return how, ""
	}
	name += "[" + types.ExprString(e.Index) + "]"
	if how.merge != nil && g.inLattice(how.merge) == "MapOf" && len(how.merge.Args) == 1 {
		return g.growthOf(how.merge.Args[0]), name
	}
	if isBool(m.Elem()) && how.dir != turns {
		return growth{dir: how.dir}, name
	}
	return growth{}, ""
}

// computed is how the outcome of arithmetic changes, of which one side may rise.
func (g *reading) computed(e *ast.BinaryExpr) (how growth, name string) {
	left, leftName := g.grown(e.X)
	right, rightName := g.grown(e.Y)
	if (leftName != "") == (rightName != "") {
		return growth{}, ""
	}
	name = types.ExprString(e)
	how, first := left, leftName != ""
	if !first {
		how = right
	}
	switch e.Op {
	case token.ADD:
		return growth{dir: how.dir}, name
	case token.SUB:
		if !first {
			how.dir = opposite(how.dir)
		}
		return growth{dir: how.dir}, name
	case token.REM, token.AND, token.OR, token.XOR, token.AND_NOT, token.MUL, token.QUO, token.SHL, token.SHR:
		if by := g.pass.TypesInfo.Types[e.Y].Value; first && by != nil && !strings.HasPrefix(by.String(), "-") {
			switch e.Op {
			case token.MUL, token.QUO, token.SHR:
				return growth{dir: how.dir}, name
			}
		}
		return growth{dir: turns}, name
	}
	return growth{}, ""
}

// called is how what a function returns changes: len, conversions, and what packages maps and
// slices make of keys and elements.
func (g *reading) called(e *ast.CallExpr) (how growth, name string) {
	if len(e.Args) == 0 {
		return growth{}, ""
	}
	how, name = g.grown(e.Args[0])
	if g.isEquality(e) {
		if _, second := g.grown(e.Args[1]); (name == "") != (second == "") {
			return growth{dir: turns}, types.ExprString(e)
		}
		return growth{}, ""
	}
	if name == "" {
		return growth{}, ""
	}
	name = types.ExprString(e)
	if g.pass.TypesInfo.Types[e.Fun].IsType() {
		return how, name
	}
	if b, ok := g.callee(e).(*types.Builtin); ok && b.Name() == "len" {
		return growth{dir: how.dir}, name
	}
	if g.inPackage(e, "maps", "Keys", "Clone") ||
		g.inPackage(e, "slices", "Values", "Collect", "Sorted", "SortedFunc", "SortedStableFunc", "Clone", "Contains", "ContainsFunc") {
		return growth{dir: how.dir}, name
	}
	return growth{}, ""
}

// isEquality reports a call that compares maps or slices, or anything.
func (g *reading) isEquality(e *ast.CallExpr) bool {
	return len(e.Args) == 2 && (g.inPackage(e, "maps", "Equal") || g.inPackage(e, "slices", "Equal") ||
		g.inPackage(e, "reflect", "DeepEqual") || g.inPackage(e, "bytes", "Equal"))
}
