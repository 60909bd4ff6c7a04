package rules

import (
	"go/ast"
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
	r.given = make(values)
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
