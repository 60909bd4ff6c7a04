package archtest

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// proof tries to show that a loop over a map does the same in every order. It is
// deliberately small: what it cannot show in one pass over the loop's body it
// calls a violation, and an annotation must say why it is none.
//
// A body may do these things, each expression free of calls that are not known
// to be pure, and reading nothing that the loop changes:
//
//   - declare and change its own local variables, branch, continue, and loop;
//   - add to, or, and, xor into, or take the maximum or minimum of an integer;
//   - store at the loop's own key, or store one constant anywhere in a map;
//   - delete from a map;
//   - set a variable to one constant;
//   - append to a slice that the same function sorts later;
//   - leave early, always with the same constants and having done nothing else.
type proof struct {
	*walker
	loop *ast.RangeStmt
	fn   *ast.BlockStmt

	key     types.Object      // the loop's key variable, nil if it has none
	effects map[string]effect // by the path of what is changed: "n", "s.seen"
	reads   []ast.Expr        // expressions whose value must not depend on the order
	exit    string            // how the loop is left early, "" if it never is
	depth   int               // nested loops around the statement
}

// effect is what a loop does to one variable, field or element.
type effect struct {
	kind  string // "add", "or", "max", "const 1", "key", "delete", "append", …
	keyed bool   // touches only the element at the loop's key
}

// orderMatters returns why the order may matter, or "" where it cannot.
func (p *proof) orderMatters() string {
	p.effects = map[string]effect{}
	if p.loop.Tok == token.ASSIGN {
		return "it assigns to variables that outlive the loop"
	}
	if id, ok := p.loop.Key.(*ast.Ident); ok && id.Name != "_" && p.keysAreUnique() {
		p.key = p.pass.TypesInfo.Defs[id]
	}
	if why := p.block(p.loop.Body.List); why != "" {
		return why
	}
	for path, eff := range p.effects { // any offender will do for the message
		if !eff.keyed && overlap(path, p.ranged()) {
			return "it changes the map it ranges over elsewhere than at its key"
		}
	}
	for _, e := range p.reads {
		if path := p.readsEffect(e); path != "" {
			return fmt.Sprintf("it reads %s, which it also changes", path)
		}
	}
	if p.exit != "" {
		for path, eff := range p.effects {
			if !strings.HasPrefix(eff.kind, "const ") || len(p.effects) > 1 {
				return "it leaves early after changing " + path
			}
		}
	}
	return ""
}

// ranged is the path of the map that the loop is over.
func (p *proof) ranged() string {
	x := ast.Unparen(p.loop.X)
	if call, ok := x.(*ast.CallExpr); ok && len(call.Args) == 1 { // maps.Keys(m)
		x = call.Args[0]
	}
	return pathOf(x)
}

// keysAreUnique is false for maps.Values, whose loop variable is no key.
func (p *proof) keysAreUnique() bool {
	call, ok := ast.Unparen(p.loop.X).(*ast.CallExpr)
	return !ok || p.calleeName(call) != "maps.Values"
}

func (p *proof) block(list []ast.Stmt) string {
	for _, s := range list {
		if why := p.stmt(s); why != "" {
			return why
		}
	}
	return ""
}

func (p *proof) stmt(s ast.Stmt) string {
	switch s := s.(type) {
	case nil, *ast.EmptyStmt:
		return ""
	case *ast.BlockStmt:
		return p.block(s.List)
	case *ast.IfStmt:
		return p.ifStmt(s)
	case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt:
		return p.nested(s)
	case *ast.DeclStmt:
		return p.decl(s)
	case *ast.AssignStmt:
		return p.assign(s)
	case *ast.IncDecStmt:
		return p.change(s.X, "add", nil)
	case *ast.ExprStmt:
		return p.call(s.X)
	case *ast.BranchStmt:
		switch {
		case s.Label != nil || s.Tok == token.GOTO || s.Tok == token.FALLTHROUGH:
			return "it jumps"
		case s.Tok == token.BREAK && p.depth == 0:
			return p.leave("break")
		}
		return ""
	case *ast.ReturnStmt:
		return p.returns(s)
	}
	return fmt.Sprintf("it contains a %s", strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", s), "*ast.")))
}

func (p *proof) ifStmt(s *ast.IfStmt) string {
	if p.isExtremum(s) {
		return ""
	}
	if why := p.stmt(s.Init); why != "" {
		return why
	}
	if why := p.pure(s.Cond); why != "" {
		return why
	}
	if why := p.block(s.Body.List); why != "" {
		return why
	}
	return p.stmt(s.Else)
}

// isExtremum recognises "if x > best { best = x }" on integers and strings, in
// any of its four spellings, and records it as a maximum or minimum.
func (p *proof) isExtremum(s *ast.IfStmt) bool {
	cond, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || s.Init != nil || s.Else != nil || len(s.Body.List) != 1 {
		return false
	}
	assign, ok := s.Body.List[0].(*ast.AssignStmt)
	if !ok || assign.Tok != token.ASSIGN || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 {
		return false
	}
	best, x := types.ExprString(assign.Lhs[0]), types.ExprString(assign.Rhs[0])
	left, right := types.ExprString(cond.X), types.ExprString(cond.Y)
	var kind string
	switch {
	case (cond.Op == token.GTR || cond.Op == token.GEQ) && left == x && right == best,
		(cond.Op == token.LSS || cond.Op == token.LEQ) && left == best && right == x:
		kind = "max"
	case (cond.Op == token.LSS || cond.Op == token.LEQ) && left == x && right == best,
		(cond.Op == token.GTR || cond.Op == token.GEQ) && left == best && right == x:
		kind = "min"
	default:
		return false
	}
	if !isTotal(p.typeOf(assign.Lhs[0])) || p.pure(assign.Rhs[0]) != "" {
		return false
	}
	return p.change(assign.Lhs[0], kind, nil) == ""
}

// nested judges an inner loop or switch, out of which break does not leave the
// outer loop.
func (p *proof) nested(s ast.Stmt) string {
	p.depth++
	defer func() { p.depth-- }()
	switch s := s.(type) {
	case *ast.ForStmt:
		for _, part := range []ast.Stmt{s.Init, s.Post} {
			if why := p.stmt(part); why != "" {
				return why
			}
		}
		if s.Cond != nil {
			if why := p.pure(s.Cond); why != "" {
				return why
			}
		}
		return p.block(s.Body.List)
	case *ast.RangeStmt:
		if s.Tok == token.ASSIGN {
			return "it assigns to variables that outlive the loop"
		}
		if why := p.pure(s.X); why != "" {
			return why
		}
		return p.block(s.Body.List)
	case *ast.SwitchStmt:
		return p.switchStmt(s)
	}
	return "it contains a statement of an unknown form"
}

func (p *proof) switchStmt(s *ast.SwitchStmt) string {
	if why := p.stmt(s.Init); why != "" {
		return why
	}
	if s.Tag != nil {
		if why := p.pure(s.Tag); why != "" {
			return why
		}
	}
	for _, part := range s.Body.List {
		clause := part.(*ast.CaseClause)
		for _, e := range clause.List {
			if why := p.pure(e); why != "" {
				return why
			}
		}
		if why := p.block(clause.Body); why != "" {
			return why
		}
	}
	return ""
}

func (p *proof) decl(s *ast.DeclStmt) string {
	gen, ok := s.Decl.(*ast.GenDecl)
	if !ok || gen.Tok != token.VAR {
		return ""
	}
	for _, spec := range gen.Specs {
		for _, v := range spec.(*ast.ValueSpec).Values {
			if why := p.pure(v); why != "" {
				return why
			}
		}
	}
	return ""
}

func (p *proof) assign(s *ast.AssignStmt) string {
	for _, rhs := range s.Rhs {
		if s.Tok == token.ASSIGN && len(s.Lhs) == 1 {
			break // judged with its left side
		}
		if why := p.pure(rhs); why != "" {
			return why
		}
	}
	switch s.Tok {
	case token.DEFINE:
		for _, lhs := range s.Lhs {
			if id, ok := lhs.(*ast.Ident); ok && !p.isLocal(id) && id.Name != "_" {
				return "it assigns to " + id.Name
			}
		}
		return ""
	case token.ADD_ASSIGN, token.SUB_ASSIGN:
		return p.change(s.Lhs[0], "add", nil)
	case token.OR_ASSIGN:
		return p.change(s.Lhs[0], "or", nil)
	case token.AND_ASSIGN, token.AND_NOT_ASSIGN:
		return p.change(s.Lhs[0], "and", nil)
	case token.XOR_ASSIGN:
		return p.change(s.Lhs[0], "xor", nil)
	case token.ASSIGN:
		if len(s.Lhs) != 1 {
			return "it assigns several things at once"
		}
		return p.store(s.Lhs[0], s.Rhs[0])
	}
	return "it assigns with " + s.Tok.String()
}

// store judges "lhs = rhs".
func (p *proof) store(lhs, rhs ast.Expr) string {
	target := types.ExprString(lhs)
	if call, ok := ast.Unparen(rhs).(*ast.CallExpr); ok && len(call.Args) > 0 {
		name := p.calleeName(call)
		self := types.ExprString(call.Args[0]) == target
		switch {
		case name == "builtin.append" && self && !p.isLocal(root(lhs)):
			return p.appendTo(lhs, call.Args[1:])
		case (name == "builtin.max" || name == "builtin.min") && self && isTotal(p.typeOf(lhs)):
			return p.change(lhs, strings.TrimPrefix(name, "builtin."), call.Args[1:])
		}
	}
	if id, ok := lhs.(*ast.Ident); ok && (id.Name == "_" || p.isLocal(id)) {
		if p.isKey(id) {
			return "it changes its own key variable"
		}
		return p.pure(rhs)
	}
	if value := p.constantOf(rhs); value != "" {
		return p.change(lhs, "const "+value, nil)
	}
	if index, ok := lhs.(*ast.IndexExpr); ok && p.isKey(index.Index) {
		return p.change(lhs, "key", []ast.Expr{rhs})
	}
	return "the last one to assign to " + target + " wins"
}

func (p *proof) appendTo(lhs ast.Expr, args []ast.Expr) string {
	target := types.ExprString(lhs)
	if !p.sortsAfter(p.fn, p.loop, target) {
		return "it appends to " + target + ", which this function does not sort afterwards"
	}
	return p.change(lhs, "append", args)
}

// change records one effect on what lhs names, and judges the operands.
func (p *proof) change(lhs ast.Expr, kind string, operands []ast.Expr) string {
	for _, e := range operands {
		if why := p.pure(e); why != "" {
			return why
		}
	}
	if id, ok := lhs.(*ast.Ident); ok && p.isLocal(id) {
		if p.isKey(id) {
			return "it changes its own key variable"
		}
		return ""
	}
	switch kind {
	case "add", "or", "and", "xor":
		if !isInteger(p.typeOf(lhs)) {
			return fmt.Sprintf("it accumulates into %s, which is no integer", types.ExprString(lhs))
		}
	}
	eff := effect{kind: kind}
	target := lhs
	if index, ok := lhs.(*ast.IndexExpr); ok {
		if why := p.pure(index.Index); why != "" {
			return why
		}
		eff.keyed = p.isKey(index.Index)
		target = index.X
	}
	path := pathOf(target)
	if path == "" || p.isLocal(root(target)) {
		return fmt.Sprintf("it changes %s, which several entries may share", types.ExprString(lhs))
	}
	if old, ok := p.effects[path]; ok && old != eff {
		return fmt.Sprintf("it changes %s in two ways", path)
	}
	p.effects[path] = eff
	return ""
}

// call judges a call that stands as a statement: only delete may.
func (p *proof) call(e ast.Expr) string {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || p.calleeName(call) != "builtin.delete" {
		return "it calls " + types.ExprString(e)
	}
	element := &ast.IndexExpr{X: call.Args[0], Index: call.Args[1]}
	return p.change(element, "delete", nil)
}

func (p *proof) returns(s *ast.ReturnStmt) string {
	values := make([]string, len(s.Results))
	for i, r := range s.Results {
		if values[i] = p.constantOf(r); values[i] == "" {
			return "which entry it returns from depends on the order"
		}
	}
	return p.leave("return " + strings.Join(values, ", "))
}

func (p *proof) leave(how string) string {
	if p.exit != "" && p.exit != how {
		return fmt.Sprintf("it may leave by %q or by %q", p.exit, how)
	}
	p.exit = how
	return ""
}

// constantOf writes a compile-time constant, nil or an empty composite literal;
// anything else is "".
func (p *proof) constantOf(e ast.Expr) string {
	tv, ok := p.pass.TypesInfo.Types[e]
	if !ok {
		return ""
	}
	if tv.Value != nil && tv.Value.Kind() != constant.Unknown {
		return tv.Value.ExactString()
	}
	if tv.IsNil() {
		return "nil"
	}
	if lit, ok := e.(*ast.CompositeLit); ok && len(lit.Elts) == 0 {
		if s, ok := tv.Type.Underlying().(*types.Struct); ok {
			return s.String() + "{}"
		}
	}
	return ""
}
