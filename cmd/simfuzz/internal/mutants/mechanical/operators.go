package mechanical

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
)

// walker finds the mutations of one declaration.
type walker struct {
	p     *Package
	f     *file
	owner string
	decl  *ast.FuncDecl // nil outside of functions
	found []*Mutation
}

// mutate lists the mutations of a file.
func (p *Package) mutate(f *file) []*Mutation {
	var all []*Mutation
	for _, d := range f.syntax.Decls {
		w := &walker{p: p, f: f}
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil || d.Name.Name == "_" {
				continue
			}
			w.decl, w.owner = d, functionName(d)
			w.walk(d)
		case *ast.GenDecl:
			if d.Tok != token.CONST && d.Tok != token.VAR {
				continue
			}
			for _, s := range d.Specs {
				spec := s.(*ast.ValueSpec)
				w.owner = spec.Names[0].Name
				for _, v := range spec.Values {
					w.walk(v)
				}
			}
		}
		all = append(all, w.found...)
	}
	return all
}

// functionName is "F", or "T.F" for a method of T or *T.
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	at := d.Recv.List[0].Type
	for {
		switch t := at.(type) {
		case *ast.StarExpr:
			at = t.X
		case *ast.IndexExpr:
			at = t.X
		case *ast.IndexListExpr:
			at = t.X
		case *ast.ParenExpr:
			at = t.X
		case *ast.Ident:
			return t.Name + "." + d.Name.Name
		default:
			return d.Name.Name
		}
	}
}

// walk applies every operator to every node below root.
func (w *walker) walk(root ast.Node) {
	ast.PreorderStack(root, nil, func(n ast.Node, stack []ast.Node) bool {
		switch n := n.(type) {
		case *ast.ArrayType, *ast.StructType, *ast.InterfaceType, *ast.FuncType, *ast.ImportSpec, *ast.TypeSpec:
			return false
		case *ast.CallExpr:
			if w.isPanic(n) {
				return false
			}
			w.call(n)
		case *ast.BinaryExpr:
			w.binary(n)
		case *ast.IncDecStmt:
			w.replaceToken(Arithmetic, n.TokPos, n.Tok, other(arithmetic, n.Tok))
		case *ast.AssignStmt:
			w.assign(n)
		case *ast.IndexExpr:
			w.index(n)
		case *ast.SliceExpr:
			w.further(n.Low)
			w.further(n.High)
		case *ast.BasicLit, *ast.Ident:
			w.constant(n.(ast.Expr))
		case *ast.CompositeLit:
			w.fields(n)
		case *ast.IfStmt:
			w.negate(n.Cond)
		case *ast.ForStmt:
			w.negate(n.Cond)
		case *ast.BlockStmt:
			w.statements(n.List, stack)
			w.leave(n, stack)
		case *ast.CaseClause:
			w.deleteClause(n)
			w.statements(n.Body, stack)
		case *ast.CommClause:
			w.deleteClause(n)
			w.statements(n.Body, stack)
		}
		return true
	})
}

// add notes a mutation that replaces the source from start to end.
func (w *walker) add(kind Kind, start, end token.Pos, text string) {
	m := &Mutation{
		Kind: kind, Package: w.p.Path, File: w.f.rel, Func: w.owner, file: w.f, decl: w.decl,
		edit: edit{w.offset(start), w.offset(end), text},
	}
	m.describe()
	w.found = append(w.found, m)
}

func (w *walker) offset(p token.Pos) int { return w.p.fset.Position(p).Offset }

// text is the source of a node.
func (w *walker) text(n ast.Node) string {
	return string(w.f.text[w.offset(n.Pos()):w.offset(n.End())])
}

func (w *walker) typeOf(e ast.Expr) types.Type { return w.p.info.TypeOf(e) }

// is reports whether the basic type below that of e has some property.
func (w *walker) is(e ast.Expr, property types.BasicInfo) bool {
	t := w.typeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&property != 0
}

// value is the constant that e is, nil if it is none.
func (w *walker) value(e ast.Expr) constant.Value { return w.p.info.Types[e].Value }

// builtin reports whether a call is one of the built-in function of that name.
func (w *walker) builtin(c *ast.CallExpr, name string) bool {
	id, ok := ast.Unparen(c.Fun).(*ast.Ident)
	if !ok || id.Name != name {
		return false
	}
	_, ok = w.p.info.Uses[id].(*types.Builtin)
	return ok
}

func (w *walker) isPanic(c *ast.CallExpr) bool { return w.builtin(c, "panic") }

// Pairs of operators that stand for each other.
var (
	flipped = [][2]token.Token{{token.LSS, token.GTR}, {token.LEQ, token.GEQ}, {token.EQL, token.NEQ}}
	bounds  = [][2]token.Token{{token.LSS, token.LEQ}, {token.GTR, token.GEQ}}
	logic   = [][2]token.Token{{token.LAND, token.LOR}}

	arithmetic = [][2]token.Token{
		{token.ADD, token.SUB}, {token.MUL, token.QUO}, {token.AND, token.OR}, {token.SHL, token.SHR}, {token.INC, token.DEC},
		{token.ADD_ASSIGN, token.SUB_ASSIGN}, {token.MUL_ASSIGN, token.QUO_ASSIGN}, {token.AND_ASSIGN, token.OR_ASSIGN},
		{token.SHL_ASSIGN, token.SHR_ASSIGN},
	}
)

// other is the operator that stands for op, or [token.ILLEGAL].
func other(pairs [][2]token.Token, op token.Token) token.Token {
	for _, p := range pairs {
		switch op {
		case p[0]:
			return p[1]
		case p[1]:
			return p[0]
		}
	}
	return token.ILLEGAL
}

func (w *walker) replaceToken(kind Kind, at token.Pos, was, now token.Token) {
	if now != token.ILLEGAL {
		w.add(kind, at, at+token.Pos(len(was.String())), now.String())
	}
}

func (w *walker) binary(n *ast.BinaryExpr) {
	if w.value(n) != nil && w.decl != nil {
		return // computed by the compiler: its operands are constants of their own
	}
	w.replaceToken(Flip, n.OpPos, n.Op, other(flipped, n.Op))
	w.replaceToken(OffByOne, n.OpPos, n.Op, other(bounds, n.Op))
	w.replaceToken(Logic, n.OpPos, n.Op, other(logic, n.Op))
	if w.is(n, types.IsNumeric) {
		w.replaceToken(Arithmetic, n.OpPos, n.Op, other(arithmetic, n.Op))
	}
}

func (w *walker) assign(n *ast.AssignStmt) {
	if len(n.Lhs) != 1 || len(n.Rhs) != 1 {
		return
	}
	if w.is(n.Lhs[0], types.IsNumeric) {
		w.replaceToken(Arithmetic, n.TokPos, n.Tok, other(arithmetic, n.Tok))
	}
	sel, ok := ast.Unparen(n.Lhs[0]).(*ast.SelectorExpr)
	if !ok || n.Tok != token.ASSIGN || w.p.info.Selections[sel] == nil || w.isZero(n.Rhs[0]) {
		return
	}
	if zero, ok := w.zero(w.typeOf(n.Lhs[0])); ok {
		w.add(ClearField, n.Rhs[0].Pos(), n.Rhs[0].End(), zero)
	}
}

// isZero reports whether e is plainly the zero value of its type.
func (w *walker) isZero(e ast.Expr) bool {
	if v := w.value(e); v != nil {
		switch v.Kind() {
		case constant.Bool:
			return !constant.BoolVal(v)
		case constant.String:
			return constant.StringVal(v) == ""
		case constant.Int, constant.Float:
			return constant.Sign(v) == 0
		}
	}
	if lit, ok := e.(*ast.CompositeLit); ok && len(lit.Elts) == 0 {
		_, slice := w.typeOf(lit).Underlying().(*types.Slice)
		return !slice
	}
	return w.p.info.Types[e].IsNil()
}

// index has a slice, array or string read or written one further.
func (w *walker) index(n *ast.IndexExpr) {
	t := w.typeOf(n.X)
	if t == nil {
		return
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	switch t.Underlying().(type) {
	case *types.Slice, *types.Array, *types.Basic:
		w.further(n.Index)
	}
}

// further adds one to a bound that is no constant; constants are changed by
// themselves.
func (w *walker) further(bound ast.Expr) {
	if bound == nil || w.value(bound) != nil || !w.is(bound, types.IsInteger) {
		return
	}
	w.add(OffByOne, bound.Pos(), bound.End(), w.text(bound)+" + 1")
}

// negate negates a condition. One that is a mere equality is flipped by itself.
func (w *walker) negate(cond ast.Expr) {
	if cond == nil {
		return
	}
	if b, ok := ast.Unparen(cond).(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
		return
	}
	w.add(Negate, cond.Pos(), cond.End(), "!("+w.text(cond)+")")
}

// constant changes a number by one, from 1 to 0 among others, and a truth value to
// the other.
func (w *walker) constant(e ast.Expr) {
	switch e := e.(type) {
	case *ast.BasicLit:
		switch e.Kind {
		case token.INT:
			v, err := strconv.ParseUint(e.Value, 0, 64)
			if err != nil {
				return
			}
			if v == 1 {
				w.add(Constant, e.Pos(), e.End(), "0")
			}
			if v+1 != 0 {
				w.add(Constant, e.Pos(), e.End(), strconv.FormatUint(v+1, 10))
			}
		case token.FLOAT:
			w.add(Constant, e.Pos(), e.End(), "("+e.Value+" * 2)")
		}
	case *ast.Ident:
		if obj, ok := w.p.info.Uses[e].(*types.Const); ok && obj.Parent() == types.Universe && obj.Name() != "iota" {
			now := "true"
			if obj.Name() == now {
				now = "false"
			}
			w.add(Constant, e.Pos(), e.End(), now)
		}
	}
}

// fields leaves out one field of a composite literal at a time.
func (w *walker) fields(n *ast.CompositeLit) {
	t := w.typeOf(n)
	if t == nil {
		return
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	if _, ok := t.Underlying().(*types.Struct); !ok {
		return
	}
	for i, e := range n.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok || w.isZero(kv.Value) {
			continue
		}
		end := kv.End()
		if i+1 < len(n.Elts) {
			end = n.Elts[i+1].Pos()
		} else if w.f.text[w.offset(end)] == ',' {
			end++
		}
		w.add(ClearField, kv.Pos(), end, "")
	}
}

// call swaps min and max, and neighbouring arguments of one type.
func (w *walker) call(c *ast.CallExpr) {
	for _, pair := range [][2]string{{"min", "max"}, {"max", "min"}} {
		if w.builtin(c, pair[0]) && len(c.Args) > 1 {
			w.add(MinMax, c.Fun.Pos(), c.Fun.End(), pair[1])
			return // their arguments may stand in any order
		}
	}
	if w.p.info.Types[c.Fun].IsType() {
		return
	}
	for i := 0; i+1 < len(c.Args); i++ {
		a, b := c.Args[i], c.Args[i+1]
		ta, tb := w.typeOf(a), w.typeOf(b)
		if ta == nil || tb == nil || !types.Identical(ta, tb) || w.text(a) == w.text(b) || c.Ellipsis.IsValid() && i+2 == len(c.Args) {
			continue
		}
		between := string(w.f.text[w.offset(a.End()):w.offset(b.Pos())])
		w.add(SwapArgs, a.Pos(), b.End(), w.text(b)+between+w.text(a))
	}
}
