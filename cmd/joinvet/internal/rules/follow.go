package rules

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// values is what the variables and fields of a package are given: every expression that
// is assigned to one, nil in the place of those that cannot be told, such as the parameters
// of a function or the parts of a call's results.
type values map[types.Object][]ast.Expr

// values collects them, once a reporter.
func (r *reporter) values() values {
	if r.given != nil {
		return r.given
	}
	r.given, r.ranged, r.stored = make(values), make(map[types.Object]ast.Expr), make(values)
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				r.giveEach(n.Lhs, n.Rhs, n.Tok)
			case *ast.ValueSpec:
				if len(n.Values) > 0 {
					names := make([]ast.Expr, len(n.Names))
					for i, name := range n.Names {
						names[i] = name
					}
					r.giveEach(names, n.Values, token.DEFINE)
				}
			case *ast.CompositeLit:
				r.giveFields(n)
			case *ast.UnaryExpr:
				if n.Op == token.AND { // whoever has the address may assign
					r.give(n.X, nil)
				}
			case *ast.RangeStmt:
				r.give(n.Key, nil)
				r.give(n.Value, nil)
				if n.Value != nil && r.variable(n.Value) != nil {
					r.ranged[r.variable(n.Value)] = n.X
				}
			case *ast.IncDecStmt:
				r.give(n.X, nil)
			case *ast.FuncType:
				if n.Params == nil {
					return true
				}
				for _, p := range n.Params.List {
					for _, name := range p.Names {
						r.give(name, nil)
					}
				}
			}
			return true
		})
	}
	return r.given
}

func (r *reporter) giveEach(left, right []ast.Expr, tok token.Token) {
	for i, l := range left {
		switch {
		case len(left) == 2 && len(right) == 1 && i == 0 && r.indexed(right[0]) != nil: // f, ok := m[k]
			r.give(l, right[0])
		case len(left) != len(right) || tok != token.ASSIGN && tok != token.DEFINE:
			r.give(l, nil)
		default:
			r.give(l, right[i])
		}
	}
}

func (r *reporter) give(to, value ast.Expr) {
	if to == nil {
		return
	}
	if obj := r.variable(to); obj != nil {
		r.given[obj] = append(r.given[obj], value)
	}
	if in := r.indexed(to); in != nil && value != nil {
		if obj := r.variable(in.X); obj != nil {
			r.stored[obj] = append(r.stored[obj], value)
		}
	}
}

// indexed is the expression of an element of a map, a slice or an array, nil of any other.
func (r *reporter) indexed(e ast.Expr) *ast.IndexExpr {
	in, ok := ast.Unparen(e).(*ast.IndexExpr)
	if !ok || !holdsElements(r.pass.TypesInfo.TypeOf(in.X)) {
		return nil
	}
	return in
}

func holdsElements(t types.Type) bool {
	if t == nil {
		return false
	}
	switch t := t.Underlying().(type) {
	case *types.Map, *types.Slice, *types.Array:
		return true
	case *types.Pointer:
		_, array := t.Elem().Underlying().(*types.Array)
		return array
	}
	return false
}

// elements is what a map, a slice or an array is seen to hold: what its literal has, or of
// a literal and a key that are both constant what stands at that key, and what is assigned to
// its elements. Where it comes from is followed as any value is.
func (r *reporter) elements(of ast.Expr, key ast.Expr) (found []ast.Expr) {
	r.values()
	if obj := r.variable(of); obj != nil {
		found = append(found, r.stored[obj]...)
	}
	lit, ok := r.resolve(of).(*ast.CompositeLit)
	if !ok || !holdsElements(r.pass.TypesInfo.TypeOf(lit)) {
		return found
	}
	for i, elt := range lit.Elts {
		kv, keyed := elt.(*ast.KeyValueExpr)
		switch {
		case !keyed && r.otherThan(key, constant.MakeInt64(int64(i))):
		case !keyed:
			found = append(found, elt)
		case !r.otherThan(key, r.constant(kv.Key)):
			found = append(found, kv.Value)
		}
	}
	return found
}

// otherThan reports that a key is a constant, and another one.
func (r *reporter) otherThan(key ast.Expr, at constant.Value) bool {
	v := r.constant(key)
	return v != nil && at != nil && v.Kind() == at.Kind() && !constant.Compare(v, token.EQL, at)
}

func (r *reporter) constant(e ast.Expr) constant.Value {
	if e == nil {
		return nil
	}
	return r.pass.TypesInfo.Types[e].Value
}

func (r *reporter) giveFields(n *ast.CompositeLit) {
	t := r.pass.TypesInfo.TypeOf(n)
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return
	}
	for i, e := range n.Elts {
		if kv, keyed := e.(*ast.KeyValueExpr); keyed {
			if id, ok := kv.Key.(*ast.Ident); ok {
				r.give(id, kv.Value)
			}
		} else if i < s.NumFields() {
			f := s.Field(i).Origin()
			r.given[f] = append(r.given[f], e)
		}
	}
}

// variable is the variable or field that an expression names; nil of others.
func (r *reporter) variable(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if v, ok := r.pass.TypesInfo.ObjectOf(e).(*types.Var); ok {
			return v.Origin()
		}
	case *ast.SelectorExpr:
		if v, ok := r.pass.TypesInfo.Uses[e.Sel].(*types.Var); ok {
			return v.Origin()
		}
	}
	return nil
}

// mostFollowed bounds how many variables in a row are followed to what they hold.
const mostFollowed = 8

// resolve is what an expression stands for: itself, or, of a variable that is given one
// value in the whole package, that value. Exported variables, and fields, may be given
// others elsewhere, and are taken at what this package gives them.
func (r *reporter) resolve(e ast.Expr) ast.Expr {
	for range mostFollowed {
		e = ast.Unparen(e)
		obj := r.variable(e)
		if obj == nil {
			return e
		}
		given := r.values()[obj]
		if len(given) != 1 || given[0] == nil {
			return e
		}
		e = given[0]
	}
	return e
}

// declared is the declaration of a function or method of this package that a call calls.
func (r *reporter) declared(call *ast.CallExpr) *ast.FuncDecl {
	f, ok := r.callee(call).(*types.Func)
	if !ok || f.Pkg() != r.pass.Pkg {
		return nil
	}
	if r.decls == nil {
		r.decls = make(map[types.Object]*ast.FuncDecl)
		r.functions(func(d *ast.FuncDecl) { r.decls[r.pass.TypesInfo.Defs[d.Name]] = d })
	}
	return r.decls[f.Origin()]
}
