package rules

import (
	"go/ast"
	"go/types"
)

// rooted reports that an expression selects, indexes, slices, converts or dereferences its
// way from one of the variables.
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
	case *ast.CallExpr:
		in := r.converted(e)
		return in != e && r.rooted(in, vars)
	}
	return false
}

// converted is what a conversion converts between types of one kind of memory, and any other
// expression itself.
func (r *reporter) converted(e ast.Expr) ast.Expr {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(call.Args) != 1 || !r.pass.TypesInfo.Types[call.Fun].IsType() {
		return e
	}
	if shares(r.pass.TypesInfo.TypeOf(call)) && shares(r.pass.TypesInfo.TypeOf(call.Args[0])) {
		return call.Args[0]
	}
	return e
}

// direct reports an expression that names a variable, or what a pointer in it points to, or
// selects from that, past no other pointer, map or slice.
func (r *reporter) direct(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return true
	case *ast.StarExpr:
		_, ok := ast.Unparen(e.X).(*ast.Ident)
		return ok
	case *ast.SelectorExpr:
		_, structure := r.pass.TypesInfo.TypeOf(e).Underlying().(*types.Struct)
		return structure && r.direct(e.X)
	}
	return false
}

// elementOf is the slice of one of the variables of which an expression is an element, or a
// field of one, that is not reached by a pointer; nil of others.
func (r *reporter) elementOf(e ast.Expr, vars map[types.Object]bool) ast.Expr {
	switch e := ast.Unparen(e).(type) {
	case *ast.SelectorExpr:
		if _, structure := r.pass.TypesInfo.TypeOf(e).Underlying().(*types.Struct); structure {
			return r.elementOf(e.X, vars)
		}
	case *ast.IndexExpr:
		_, structure := r.pass.TypesInfo.TypeOf(e).Underlying().(*types.Struct)
		if structure && shares(r.pass.TypesInfo.TypeOf(e.X)) && r.rooted(e.X, vars) {
			return e.X
		}
	}
	return nil
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

// holds reports a struct or an array in which there are maps, or slices of whose elements
// the package assigns some: a copy of it has their memory.
func (r *reporter) holds(t types.Type) bool {
	return t != nil && r.holdsWithin(t, make(map[types.Type]bool))
}

func (r *reporter) holdsWithin(t types.Type, been map[types.Type]bool) bool {
	if been[t] {
		return false
	}
	been[t] = true
	switch u := t.Underlying().(type) {
	case *types.Struct:
		for f := range u.Fields() {
			switch f.Type().Underlying().(type) {
			case *types.Map:
				return true
			case *types.Slice:
				if r.writtenFields()[f.Origin()] {
					return true
				}
			default:
				if r.holdsWithin(f.Type(), been) {
					return true
				}
			}
		}
	case *types.Array:
		_, maps := u.Elem().Underlying().(*types.Map)
		return maps || r.holdsWithin(u.Elem(), been)
	}
	return false
}

// writtenFields is the slice fields into whose elements the package writes.
func (r *reporter) writtenFields() map[types.Object]bool {
	if r.writes != nil {
		return r.writes
	}
	r.writes = make(map[types.Object]bool)
	note := func(e ast.Expr) {
		for {
			if s, ok := ast.Unparen(e).(*ast.SliceExpr); ok {
				e = s.X
				continue
			}
			break
		}
		if s, ok := ast.Unparen(r.converted(e)).(*ast.SelectorExpr); ok {
			if obj := r.variable(s); obj != nil {
				r.writes[obj] = true
			}
		}
	}
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					if ix, ok := ast.Unparen(left).(*ast.IndexExpr); ok {
						note(ix.X)
					}
				}
			case *ast.IncDecStmt:
				if ix, ok := ast.Unparen(n.X).(*ast.IndexExpr); ok {
					note(ix.X)
				}
			case *ast.CallExpr:
				if len(n.Args) > 0 && (r.writesFirst(n) || r.isAppend(n)) {
					note(n.Args[0])
				}
			}
			return true
		})
	}
	return r.writes
}

// isMapOfMaps reports a map whose entries are maps: a copy of it has their memory.
func isMapOfMaps(t types.Type) bool {
	m, ok := t.Underlying().(*types.Map)
	if !ok {
		return false
	}
	_, ok = m.Elem().Underlying().(*types.Map)
	return ok
}

// isClipped reports a slice that is cut so that append must copy it.
func isClipped(e ast.Expr) bool {
	s, ok := ast.Unparen(e).(*ast.SliceExpr)
	return ok && s.Slice3 && s.High != nil && types.ExprString(s.High) == types.ExprString(s.Max)
}

func (r *reporter) isAppend(call *ast.CallExpr) bool {
	b, ok := r.callee(call).(*types.Builtin)
	return ok && b.Name() == "append"
}

// inPackage reports a call of one of the functions of a package of the standard library.
func (r *reporter) inPackage(call *ast.CallExpr, importPath string, names ...string) bool {
	f, ok := r.callee(call).(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path() != importPath || f.Signature().Recv() != nil {
		return false
	}
	for _, n := range names {
		if f.Name() == n {
			return true
		}
	}
	return false
}

// copiedFlat is the map or slice that an expression copies without what its entries share.
func (r *reporter) copiedFlat(e ast.Expr) ast.Expr {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return nil
	}
	switch {
	case r.inPackage(call, "maps", "Clone"), r.inPackage(call, "slices", "Clone"):
		return call.Args[0]
	case r.inPackage(call, "maps", "Collect"):
		in, _ := r.yielded(call.Args[0])
		return in
	}
	return nil
}

// yielded is the map or slice over which a function of packages maps or slices iterates, and
// whether it is over the values alone.
func (r *reporter) yielded(e ast.Expr) (in ast.Expr, values bool) {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return nil, false
	}
	switch {
	case r.inPackage(call, "maps", "Values"), r.inPackage(call, "slices", "Values"):
		return call.Args[0], true
	case r.inPackage(call, "maps", "All"), r.inPackage(call, "slices", "All", "Backward"):
		return call.Args[0], false
	}
	return nil, false
}

// writesFirst reports that a call writes into its first argument.
func (r *reporter) writesFirst(call *ast.CallExpr) bool {
	switch f := r.callee(call).(type) {
	case *types.Builtin:
		return f.Name() == "delete" || f.Name() == "clear" || f.Name() == "copy"
	case *types.Func:
		if f.Pkg() == nil {
			return false
		}
		if f.Signature().Recv() != nil {
			return isRead(f)
		}
		switch f.Pkg().Path() {
		case "slices":
			switch f.Name() {
			case "Sort", "SortFunc", "SortStableFunc", "Reverse", "Delete", "DeleteFunc", "Compact", "CompactFunc", "Insert", "Replace":
				return true
			}
		case "maps":
			return f.Name() == "Copy" || f.Name() == "DeleteFunc" || f.Name() == "Insert"
		case "sort":
			switch f.Name() {
			case "Ints", "Strings", "Float64s", "Slice", "SliceStable", "Sort", "Stable":
				return true
			}
		}
	}
	return false
}

// isRead reports the method of io.Reader.
func isRead(f *types.Func) bool {
	p, res := f.Signature().Params(), f.Signature().Results()
	return f.Name() == "Read" && p.Len() == 1 && res.Len() == 2 && types.TypeString(p.At(0).Type(), nil) == "[]byte"
}

// name is an expression as it is written.
func name(e ast.Expr) string { return types.ExprString(e) }
