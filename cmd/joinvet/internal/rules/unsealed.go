package rules

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// Unsealed reports values of states that may still rise and are used as if they were
// complete.
var Unsealed = &analysis.Analyzer{
	Name: "unsealed",
	Doc: `report values that are read from a state and used in a way that is not monotone

What flow.Read returns, and what flow.Subscribe tells its function, may rise afterwards. That
the value is large enough (>, >=), or has a key or an element, stays true; that it is equal,
different, small enough, even, or has no such key, may not. Conditions that ask the latter,
also of its len, its fields, and variables made of it, are reported where nothing in the
function asks whether the value is complete (flow.Complete, flow.Seal, flow.SealWhen,
Subscription.Final) or runs the graph to its end (Scheduler.Run), itself or through a function
of the package. A condition behind which there is nothing but continue is taken for its
opposite; one behind which there is nothing but return, for whichever is right. Where the package shows that the state is joined by lattice.Min, lattice.And or
an intersection, small enough is what stays true; where it does not show how, the greater is
taken to be the later. A value that is handed on to another function is not followed.`,
	Run: runUnsealed,
}

func runUnsealed(pass *analysis.Pass) (any, error) {
	r := newReporter(pass)
	told := r.tellees()
	waiting := r.waiting()
	r.functions(func(f *ast.FuncDecl) {
		g := &reading{reporter: r, growing: r.growing(f, told), judged: make(map[ast.Node]bool)}
		if len(g.growing) == 0 || waiting[r.pass.TypesInfo.Defs[f.Name]] {
			return
		}
		g.derive(f)
		ast.Inspect(f.Body, g.visit)
	})
	return nil, nil
}

// tellees is the functions of the package that flow.Subscribe is given by their names, with
// the state that they are told of.
func (r *reporter) tellees() map[types.Object]ast.Expr {
	told := make(map[types.Object]ast.Expr)
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && r.calls(call, "Subscribe") && len(call.Args) == 2 {
				if f, ok := r.object(call.Args[1]).(*types.Func); ok {
					told[f.Origin()] = call.Args[0]
				}
			}
			return true
		})
	}
	return told
}

// growing is the variables that hold values which may rise: the first result of
// flow.Read, and the parameter of a function that flow.Subscribe is given.
func (r *reporter) growing(f *ast.FuncDecl, told map[types.Object]ast.Expr) map[types.Object]growth {
	found := make(map[types.Object]growth)
	note := func(e, state ast.Expr) {
		if id, ok := e.(*ast.Ident); ok && id.Name != "_" {
			if obj := r.pass.TypesInfo.ObjectOf(id); obj != nil {
				found[obj] = r.growthOf(r.mergeOfState(state, mostFollowed))
			}
		}
	}
	params := func(t *ast.FuncType, state ast.Expr) {
		for _, p := range t.Params.List {
			for _, name := range p.Names {
				note(name, state)
			}
		}
	}
	if state, ok := told[r.pass.TypesInfo.Defs[f.Name]]; ok {
		params(f.Type, state)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Rhs) == 1 && len(n.Lhs) == 2 && r.calls(n.Rhs[0], "Read") {
				note(n.Lhs[0], argument(n.Rhs[0]))
			}
		case *ast.ValueSpec:
			if len(n.Values) == 1 && len(n.Names) == 2 && r.calls(n.Values[0], "Read") {
				note(n.Names[0], argument(n.Values[0]))
			}
		case *ast.CallExpr:
			if !r.calls(n, "Subscribe") || len(n.Args) != 2 {
				return true
			}
			if lit, ok := ast.Unparen(n.Args[1]).(*ast.FuncLit); ok {
				params(lit.Type, n.Args[0])
			}
		}
		return true
	})
	return found
}

// argument is the first argument of a call.
func argument(e ast.Expr) ast.Expr {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && len(call.Args) > 0 {
		return call.Args[0]
	}
	return nil
}

// calls reports that an expression calls a function of flow.
func (r *reporter) calls(e ast.Expr, names ...string) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := r.inFlow(call)
	if !ok {
		return false
	}
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// waiting is the functions that ask whether a state is complete, or make it so, themselves
// or by one that they call.
func (r *reporter) waiting() map[types.Object]bool {
	waits := make(map[types.Object]bool)
	for more := true; more; {
		more = false
		r.functions(func(f *ast.FuncDecl) {
			obj := r.pass.TypesInfo.Defs[f.Name]
			if waits[obj] {
				return
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				called, _ := r.callee(call).(*types.Func)
				if r.calls(call, "Complete", "Seal", "SealWhen", "Subscription.Final", "Scheduler.Run") || called != nil && waits[called.Origin()] {
					waits[obj], more = true, true
				}
				return !waits[obj]
			})
		})
	}
	return waits
}

// reading judges one function.
type reading struct {
	*reporter
	growing map[types.Object]growth
	judged  map[ast.Node]bool
}

func (g *reading) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		g.leaves(n.List)
	case *ast.CaseClause:
		g.leaves(n.Body)
	case *ast.CommClause:
		g.leaves(n.Body)
	case *ast.IfStmt:
		g.judge(n.Cond, false)
	case *ast.ForStmt:
		if n.Cond != nil {
			g.judge(n.Cond, false)
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			g.judge(n, false)
		}
	case *ast.BinaryExpr:
		g.judge(n, false)
	case *ast.CallExpr:
		if g.isEquality(n) {
			g.judge(n, false)
		}
	case *ast.SwitchStmt:
		if n.Tag != nil {
			if _, name := g.grown(n.Tag); name != "" {
				g.report(n.Tag.Pos(), "%s is switched on, which is not monotone, and it %s", name, remedy)
			}
		}
	}
	return true
}

// leaves takes conditions that lead to nothing but the end of a turn, with statements after
// them, for their opposites: those are done where the condition is not. Behind a return they
// may be what waits for the condition, so that it is judged as what suits it better.
func (g *reading) leaves(list []ast.Stmt) {
	for i, s := range list {
		f, ok := s.(*ast.IfStmt)
		if !ok || f.Else != nil || len(f.Body.List) != 1 || i == len(list)-1 {
			continue
		}
		switch s := f.Body.List[0].(type) {
		case *ast.BranchStmt:
			if s.Tok == token.CONTINUE {
				g.judge(f.Cond, true)
			}
		case *ast.ReturnStmt:
			if len(s.Results) == 0 {
				g.either(f.Cond)
			}
		}
	}
}

// either judges a condition of which it or its opposite is meant.
func (g *reading) either(e ast.Expr) {
	for _, not := range []bool{true, false} {
		quiet := *g.reporter
		quiet.mute, quiet.said = true, make(map[string]bool)
		try := &reading{reporter: &quiet, growing: g.growing, judged: make(map[ast.Node]bool)}
		if try.judge(e, not); len(quiet.said) == 0 {
			for n := range try.judged {
				g.judged[n] = true
			}
			return
		}
	}
	g.judge(e, false)
}

const remedy = "may still rise: wait until it is complete (flow.Complete), seal the state, or ask whether it is large enough"

// judge reports what more input can make wrong in a condition, or in its opposite.
func (g *reading) judge(e ast.Expr, not bool) {
	e = ast.Unparen(e)
	if g.judged[e] {
		return
	}
	g.judged[e] = true
	switch n := e.(type) {
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			g.judge(n.X, !not)
			return
		}
	case *ast.BinaryExpr:
		switch n.Op {
		case token.LAND, token.LOR:
			g.judge(n.X, not)
			g.judge(n.Y, not)
			return
		case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			g.compared(n, not)
			return
		}
	}
	if t := g.pass.TypesInfo.TypeOf(e); t == nil || !isBool(t) {
		return
	}
	switch how, name := g.grown(e); {
	case name == "":
	case how.dir == turns:
		g.report(e.Pos(), "%s is not monotone, and what it is of %s", name, remedy)
	case (how.dir == rises) == not:
		g.report(e.Pos(), "!%s is not monotone, and %s %s", name, name, remedy)
	}
}

// compared judges a comparison, or its opposite.
func (g *reading) compared(n *ast.BinaryExpr, not bool) {
	left, leftName := g.grown(n.X)
	right, rightName := g.grown(n.Y)
	if (leftName != "") == (rightName != "") || g.isNil(n.X) || g.isNil(n.Y) {
		return // not one of those, or two of them
	}
	dir, op := left.dir, n.Op
	if rightName != "" {
		dir, op = right.dir, mirrored(op)
	}
	greater := op == token.GTR || op == token.GEQ
	if op == token.EQL || op == token.NEQ || dir == turns || (dir == rises) != (greater != not) {
		how := n.Op.String()
		if not {
			how = "the opposite of " + how
		}
		g.report(n.Pos(), "%s is compared by %s, which is not monotone, and it %s", leftName+rightName, how, remedy)
	}
}

func mirrored(op token.Token) token.Token {
	switch op {
	case token.LSS:
		return token.GTR
	case token.LEQ:
		return token.GEQ
	case token.GTR:
		return token.LSS
	case token.GEQ:
		return token.LEQ
	}
	return op
}

func (r *reporter) isNil(e ast.Expr) bool { return r.pass.TypesInfo.Types[e].IsNil() }
