package archtest

import (
	"go/ast"
	"go/types"
	"strings"
)

// rangeStmt reports a range over a map, or over an iterator of package maps,
// that nothing excuses.
func (c *walker) rangeStmt(n *ast.RangeStmt) {
	if !isMap(c.typeOf(n.X)) && !c.isMapsIterator(n.X) {
		return
	}
	if c.notes.covers(c.pass, n) {
		return
	}
	p := &proof{walker: c, loop: n, fn: c.enclosingFunc()}
	if why := p.orderMatters(); why != "" {
		c.report(n, MapOrder, "the order of this map range may reach a result: "+why)
	}
}

// mapIterator reports a use of maps.Keys, maps.Values or maps.All that neither
// ranges (rangeStmt judges those) nor ends in something without an order, and a
// use of reflect's MapKeys that is not sorted.
func (c *walker) mapIterator(n *ast.CallExpr) {
	if c.isMapKeys(n) {
		if !c.sortedLater(n, 2) && !c.notes.covers(c.pass, n) {
			c.report(n, MapOrder, "the order of these map keys may reach a result: they are not sorted in this function")
		}
		return
	}
	if !c.isMapsIterator(n) {
		return
	}
	var parent ast.Node
	if len(c.stack) > 1 {
		parent = c.stack[len(c.stack)-2]
	}
	switch parent := parent.(type) {
	case *ast.RangeStmt:
		return
	case *ast.CallExpr:
		switch name := c.calleeName(parent); name {
		case "slices.Sorted", "slices.SortedFunc", "slices.SortedStableFunc", "maps.Collect", "maps.Insert":
			return
		case "slices.Collect", "slices.AppendSeq":
			if c.sortedLater(parent, 3) {
				return
			}
		}
	}
	if !c.notes.covers(c.pass, n) {
		c.report(n, MapOrder, "the order of this map iterator may reach a result: it feeds no sort and no map")
	}
}

// sortedLater reports whether the call's value is assigned, by the node that many
// up the stack, to something that the same function sorts afterwards.
func (c *walker) sortedLater(call *ast.CallExpr, up int) bool {
	if len(c.stack) < up {
		return false
	}
	assign, ok := c.stack[len(c.stack)-up].(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 || assign.Rhs[0] != call {
		return false
	}
	return c.sortsAfter(c.enclosingFunc(), assign, types.ExprString(assign.Lhs[0]))
}

// sortsAfter reports whether body sorts the slice written as target by a call of
// package sort or of slices.Sort… that stands after node.
func (c *walker) sortsAfter(body *ast.BlockStmt, node ast.Node, target string) bool {
	if body == nil {
		return false
	}
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found || call.Pos() < node.End() || len(call.Args) == 0 {
			return !found
		}
		name := c.calleeName(call)
		if strings.HasPrefix(name, "sort.") || strings.HasPrefix(name, "slices.Sort") {
			arg := ast.Unparen(call.Args[0])
			if conv, ok := arg.(*ast.CallExpr); ok && len(conv.Args) == 1 { // sort.Sort(byX(s))
				arg = ast.Unparen(conv.Args[0])
			}
			found = types.ExprString(arg) == target
		}
		return !found
	})
	return found
}

// enclosingFunc is the body of the innermost function around the node visited.
func (c *walker) enclosingFunc() *ast.BlockStmt {
	for i := len(c.stack) - 1; i >= 0; i-- {
		switch f := c.stack[i].(type) {
		case *ast.FuncDecl:
			return f.Body
		case *ast.FuncLit:
			return f.Body
		}
	}
	return nil
}

func (c *walker) typeOf(e ast.Expr) types.Type { return c.pass.TypesInfo.TypeOf(e) }

// isMapsIterator reports whether e calls maps.Keys, maps.Values or maps.All.
func (c *walker) isMapsIterator(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	switch c.calleeName(call) {
	case "maps.Keys", "maps.Values", "maps.All":
		return true
	}
	return false
}

// collectsSorted reports whether the node visited stands in the head of a for loop
// that does nothing but append to a slice which the same function sorts later:
// how reflect's map iterator is put in order.
func (c *walker) collectsSorted() bool {
	for i := len(c.stack) - 1; i >= 0; i-- {
		loop, ok := c.stack[i].(*ast.ForStmt)
		if !ok {
			continue
		}
		if len(loop.Body.List) != 1 || loop.Init == nil || c.stack[i+1] != loop.Init {
			return false
		}
		assign, ok := loop.Body.List[0].(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 {
			return false
		}
		call, ok := assign.Rhs[0].(*ast.CallExpr)
		return ok && c.calleeName(call) == "builtin.append" &&
			c.sortsAfter(c.enclosingFunc(), loop, types.ExprString(assign.Lhs[0]))
	}
	return false
}

// isMapKeys reports whether call is reflect.Value's MapKeys.
func (c *walker) isMapKeys(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := c.pass.TypesInfo.Uses[sel.Sel].(*types.Func)
	return ok && fn.FullName() == "(reflect.Value).MapKeys"
}

// calleeName is "path.Name" of a called package-level function, "builtin.name"
// of a builtin, "" for anything else.
func (c *walker) calleeName(call *ast.CallExpr) string {
	fun := ast.Unparen(call.Fun)
	switch f := fun.(type) {
	case *ast.IndexExpr:
		fun = f.X
	case *ast.IndexListExpr:
		fun = f.X
	}
	var id *ast.Ident
	switch f := fun.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return ""
	}
	switch obj := c.pass.TypesInfo.Uses[id].(type) {
	case *types.Builtin:
		return "builtin." + obj.Name()
	case *types.Func:
		if obj.Pkg() != nil && obj.Signature().Recv() == nil {
			return obj.Pkg().Path() + "." + obj.Name()
		}
	}
	return ""
}

// isMap reports whether t, or a type in the set of a type parameter t, is a map.
func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	if param, ok := types.Unalias(t).(*types.TypeParam); ok {
		return hasMap(param.Constraint().Underlying())
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

func hasMap(t types.Type) bool {
	switch t := t.(type) {
	case *types.Interface:
		for i := range t.NumEmbeddeds() {
			if hasMap(t.EmbeddedType(i)) {
				return true
			}
		}
	case *types.Union:
		for i := range t.Len() {
			if hasMap(t.Term(i).Type()) {
				return true
			}
		}
	case *types.Map:
		return true
	case *types.Named, *types.Alias:
		return hasMap(t.Underlying())
	}
	return false
}
