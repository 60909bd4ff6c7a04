package mechanical

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// statements drops one statement of a list at a time.
func (w *walker) statements(list []ast.Stmt, stack []ast.Node) {
	for i, s := range list {
		kind := DropStmt
		switch s := s.(type) {
		case *ast.ExprStmt:
			if c, ok := s.X.(*ast.CallExpr); ok && w.isPanic(c) {
				continue
			}
			kind = DropCall
		case *ast.DeferStmt, *ast.GoStmt:
			kind = DropCall
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE || !slices.ContainsFunc(s.Lhs, named) {
				continue
			}
		case *ast.IfStmt:
			if w.onlyPanics(s.Body) && s.Else == nil {
				continue
			}
		case *ast.ReturnStmt, *ast.BranchStmt:
			// As the only statement of an if it is dropped with it.
			if len(stack) > 0 && len(list) == 1 {
				if parent, ok := stack[len(stack)-1].(*ast.IfStmt); ok && parent.Else == nil {
					continue
				}
			}
			if i+1 == len(list) && len(stack) > 0 && isFunc(stack[len(stack)-1]) {
				continue
			}
		case *ast.IncDecStmt, *ast.SendStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		default: // declarations, labels, blocks
			continue
		}
		w.add(kind, s.Pos(), s.End(), w.keepUsed(s))
	}
}

func named(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return !ok || id.Name != "_"
}

func isFunc(n ast.Node) bool {
	switch n.(type) {
	case *ast.FuncDecl, *ast.FuncLit:
		return true
	}
	return false
}

func (w *walker) onlyPanics(b *ast.BlockStmt) bool {
	if len(b.List) != 1 {
		return false
	}
	s, ok := b.List[0].(*ast.ExprStmt)
	if !ok {
		return false
	}
	c, ok := s.X.(*ast.CallExpr)
	return ok && w.isPanic(c)
}

// keepUsed is what stands in place of a statement that is dropped: uses of the local
// variables that nothing else would use, which the compiler demands.
func (w *walker) keepUsed(s ast.Stmt) string {
	if w.decl == nil {
		return ""
	}
	within, without := make(map[*types.Var]bool), make(map[*types.Var]bool)
	ast.PreorderStack(w.decl, nil, func(n ast.Node, stack []ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := w.p.info.Uses[id].(*types.Var)
		if !ok || v.IsField() || onlyAssigned(id, stack) || v.Pos() >= s.Pos() && v.Pos() < s.End() {
			return true
		}
		if id.Pos() >= s.Pos() && id.Pos() < s.End() {
			within[v] = true
		} else {
			without[v] = true
		}
		return true
	})
	var names []string
	for v := range within {
		local := v.Parent() != w.p.types.Scope() && v.Pkg() == w.p.types && v.Parent() != nil
		if local && !without[v] && !isParameter(v) {
			names = append(names, v.Name())
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return ""
	}
	return strings.Repeat("_, ", len(names)-1) + "_ = " + strings.Join(names, ", ")
}

// onlyAssigned reports whether an identifier is the target of a plain assignment,
// which does not count as use.
func onlyAssigned(id *ast.Ident, stack []ast.Node) bool {
	if len(stack) == 0 {
		return false
	}
	a, ok := stack[len(stack)-1].(*ast.AssignStmt)
	return ok && (a.Tok == token.ASSIGN || a.Tok == token.DEFINE) && slices.Contains(a.Lhs, ast.Expr(id))
}

// isParameter reports whether a variable is a parameter, a receiver or a result of
// the function, which need not be used.
func isParameter(v *types.Var) bool {
	return v.Kind() == types.ParamVar || v.Kind() == types.RecvVar || v.Kind() == types.ResultVar
}

// deleteClause deletes a case of a switch or select.
func (w *walker) deleteClause(n ast.Stmt) {
	if c, ok := n.(*ast.CaseClause); ok {
		for _, s := range c.Body {
			if e, ok := s.(*ast.ExprStmt); ok {
				if call, ok := e.X.(*ast.CallExpr); ok && w.isPanic(call) && len(c.Body) == 1 {
					return // guards an invariant
				}
			}
		}
	}
	w.add(DeleteCase, n.Pos(), n.End(), "")
}

// leave returns at the beginning of a function, of a loop, and of a branch that does
// not return at once by itself.
func (w *walker) leave(b *ast.BlockStmt, stack []ast.Node) {
	if len(b.List) == 0 || len(stack) == 0 {
		return
	}
	switch parent := stack[len(stack)-1].(type) {
	case *ast.FuncDecl, *ast.FuncLit, *ast.ForStmt, *ast.RangeStmt:
	case *ast.IfStmt:
		if parent.Body != b && parent.Else != b || w.onlyPanics(b) {
			return
		}
		if _, ok := b.List[0].(*ast.ReturnStmt); ok {
			return
		}
	default:
		return
	}
	var of *ast.FuncType
	for _, n := range slices.Backward(stack) {
		switch f := n.(type) {
		case *ast.FuncDecl:
			of = f.Type
		case *ast.FuncLit:
			of = f.Type
		}
		if of != nil {
			break
		}
	}
	if of == nil {
		return
	}
	if text, ok := w.returnZero(of); ok && w.returns(b.List[0]) != text {
		w.add(EarlyReturn, b.Lbrace+1, b.Lbrace+1, " "+text+";")
	}
}

// returns is the text of a return statement, "" for any other.
func (w *walker) returns(s ast.Stmt) string {
	if r, ok := s.(*ast.ReturnStmt); ok {
		return w.text(r)
	}
	return ""
}

// returnZero is a return of zero values, or of named results as they are.
func (w *walker) returnZero(f *ast.FuncType) (string, bool) {
	if f.Results == nil || len(f.Results.List) == 0 {
		return "return", true
	}
	var zeros []string
	for _, r := range f.Results.List {
		if len(r.Names) > 0 {
			return "return", true
		}
		zero, ok := w.zero(w.typeOf(r.Type))
		if !ok {
			return "", false
		}
		zeros = append(zeros, zero)
	}
	return "return " + strings.Join(zeros, ", "), true
}

// zero is the text of the zero value of a type, and false where the file has no name
// for it.
func (w *walker) zero(t types.Type) (string, bool) {
	if t == nil {
		return "", false
	}
	if p, ok := types.Unalias(t).(*types.TypeParam); ok {
		return "*new(" + p.Obj().Name() + ")", true
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsBoolean != 0:
			return "false", true
		case u.Info()&types.IsString != 0:
			return `""`, true
		case u.Info()&types.IsNumeric != 0:
			return "0", true
		}
		return "nil", u.Kind() == types.UnsafePointer
	case *types.Struct, *types.Array:
		ok := true
		text := types.TypeString(t, func(p *types.Package) string {
			if p == w.p.types {
				return ""
			}
			name, imported := w.imported(p)
			ok = ok && imported
			return name
		})
		return text + "{}", ok
	}
	return "nil", true
}

// imported is the name by which the file imports a package.
func (w *walker) imported(p *types.Package) (string, bool) {
	for _, s := range w.f.syntax.Imports {
		if strings.Trim(s.Path.Value, "`\"") != p.Path() {
			continue
		}
		if s.Name == nil {
			return p.Name(), true
		}
		return s.Name.Name, s.Name.Name != "_" && s.Name.Name != "."
	}
	return "", false
}
