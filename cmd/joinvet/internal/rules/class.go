package rules

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// UncheckedClass reports functions whose class is claimed and not checked.
var UncheckedClass = &analysis.Analyzer{
	Name: "uncheckedclass",
	Doc: `report functions used as morphisms or as monotone that no law checks

Where an operator of lattice/flow is given a claim, flow.Morphism(…), flow.Monotone(…) or a
flow.Claim{…}, the function beside it, or in the lattice.Function beside it, must be named in
the tests of the package, in a declaration that leads to a package of laws; laws.CheckMorphism,
laws.CheckMonotone and laws.Classify check one. So must a function of flow.Convert and
flow.Bimorphism, which are of morphisms without being told. A function without a name cannot
be. Claims and functions are followed through variables and fields that the package gives one
value, through functions that only return one, and through maps, slices and arrays: of what
comes out of one, all that it is seen to be given are meant, or what stands at a constant key. Of functions of other packages, and of
those that are computed otherwise, nothing is said.

Evidence that is written down instead of made by a check, flow.BySample(…), flow.ByExhaustion(…)
or flow.ByProof(), is reported too: flow.Verify counts it as assumed. So is the seal of a check,
attest.Checked(), in other modules than that whose checks have it: by it evidence can be
written down that Verify does not tell from that of a check.`,
	Run: runUncheckedClass,
}

func runUncheckedClass(pass *analysis.Pass) (any, error) {
	r := newReporter(pass)
	var used []claimed
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				r.sealed(call)
				if name, ok := r.inFlow(call); ok {
					r.stated(call, name)
					used = append(used, r.claimedIn(call, name)...)
				}
			}
			return true
		})
	}
	if len(used) == 0 {
		return nil, nil
	}
	checked, err := lawChecked(pass, r)
	if err != nil {
		return nil, err
	}
	uses := r.users()
	for _, c := range used {
		switch {
		case c.object == nil:
			r.report(c.at.Pos(), "a function without a name is used as %s, so that no test can check it: name it", c.class)
		case !leadsTo([]types.Object{c.object}, uses, checked):
			r.report(c.at.Pos(), "%s is used as %s, and no test of the package checks that it is: laws.Check%s does in one line", c.object.Name(), c.class, c.door)
		}
	}
	return nil, nil
}

// stated reports evidence that no check has made.
func (r *reporter) stated(call *ast.CallExpr, name string) {
	switch name {
	case "BySample", "ByExhaustion", "ByProof":
		r.report(call.Pos(), "flow.%s is evidence that no check has made, and Verify counts it as assumed: give flow.ByCheck what the check has left behind", name)
	}
}

// module is the path of the module whose checks make evidence.
const module = "github.com/joinery-go/joinery/"

// sealed reports a seal of evidence that is taken by another module.
func (r *reporter) sealed(call *ast.CallExpr) {
	f, ok := r.callee(call).(*types.Func)
	if ok && f.Pkg() != nil && f.FullName() == module+"lattice/attest.Checked" && !strings.HasPrefix(r.pass.Pkg.Path()+"/", module) {
		r.report(call.Pos(), "attest.Checked seals what no check of package laws has found: give the evidence of laws.Classify, of a report, or of flow.Examine")
	}
}

// claimed is a function of which a class is claimed.
type claimed struct {
	at          ast.Expr
	object      types.Object // nil for a function literal
	class, door string
}

// claimedIn is the functions of this package among the arguments of a call that has a
// claim beside them, or makes one by what it is.
func (r *reporter) claimedIn(call *ast.CallExpr, operator string) (found []claimed) {
	class, door := "", ""
	if operator == "Convert" || operator == "Bimorphism" {
		class, door = "a morphism", "Morphism"
	}
	for _, arg := range call.Args {
		if c, d := r.claims(arg); c != "" {
			class, door = c, d
		}
	}
	if class == "" {
		return nil
	}
	for _, arg := range call.Args {
		for _, f := range r.functionsIn(arg, mostFollowed) {
			f.class, f.door = class, door
			if f.at.Pos() < call.Pos() || f.at.End() > call.End() {
				f.at = arg // where it is used, not where it was put into a variable
			}
			found = append(found, f)
		}
	}
	return found
}

// claims is the class that an expression claims, "" of what claims none.
func (r *reporter) claims(e ast.Expr) (class, door string) {
	e = r.resolve(e)
	switch e := e.(type) {
	case *ast.CallExpr:
		switch name, ok := r.inFlow(e); {
		case ok && name == "Morphism":
			return "a morphism", "Morphism"
		case ok && name == "Monotone":
			return "monotone", "Monotone"
		}
	case *ast.CompositeLit:
		if _, list := r.pass.TypesInfo.TypeOf(e).Underlying().(*types.Slice); list && len(e.Elts) == 1 {
			return r.claims(e.Elts[0]) // claims…
		}
		n := namedOf(r.pass.TypesInfo.TypeOf(e))
		if n == nil || n.Obj().Name() != "Claim" || n.Obj().Pkg() == nil || !isFlow(n.Obj().Pkg().Path()) {
			return "", ""
		}
		class := ast.Expr(nil)
		for i, elt := range e.Elts {
			kv, keyed := elt.(*ast.KeyValueExpr)
			switch {
			case !keyed && i == 0:
				class = elt
			case keyed && kv.Key.(*ast.Ident).Name == "Class":
				class = kv.Value
			}
		}
		return r.classNamed(class)
	}
	return "", ""
}

// classNamed is the class that a constant of package lattice names; no expression is the
// zero value, which is a morphism.
func (r *reporter) classNamed(e ast.Expr) (class, door string) {
	if e == nil {
		return "a morphism", "Morphism"
	}
	c, ok := r.object(e).(*types.Const)
	switch {
	case ok && c.Name() == "IsMorphism":
		return "a morphism", "Morphism"
	case ok && c.Name() == "IsTricky":
		return "monotone", "Monotone"
	}
	return "", ""
}

// functionsIn is the function that an argument is, or that stands in its field F.
func (r *reporter) functionsIn(arg ast.Expr, deep int) []claimed {
	if deep == 0 {
		return nil
	}
	arg = r.resolve(arg)
	switch e := arg.(type) {
	case *ast.CompositeLit:
		for i, elt := range e.Elts {
			kv, keyed := elt.(*ast.KeyValueExpr)
			switch {
			case keyed:
				if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "F" {
					return r.functionsIn(kv.Value, deep-1)
				}
			case i == 0:
				return r.functionsIn(elt, deep-1)
			}
		}
		return nil
	case *ast.CallExpr:
		return r.returned(e, deep)
	case *ast.IndexExpr:
		if in := r.indexed(e); in != nil {
			return r.functionsAmong(r.elements(in.X, in.Index), deep)
		}
	case *ast.Ident:
		r.values()
		if in := r.ranged[r.variable(e)]; in != nil && len(r.given[r.variable(e)]) == 1 {
			return r.functionsAmong(r.elements(in, nil), deep)
		}
	}
	if _, ok := r.pass.TypesInfo.TypeOf(arg).Underlying().(*types.Signature); !ok {
		return r.assignedF(arg, deep)
	}
	if _, ok := arg.(*ast.FuncLit); ok {
		return []claimed{{at: arg}}
	}
	if f, ok := r.object(arg).(*types.Func); ok && f.Pkg() == r.pass.Pkg {
		return []claimed{{at: arg, object: f.Origin()}}
	}
	return nil
}

// functionsAmong is the functions of expressions of which any may be meant.
func (r *reporter) functionsAmong(es []ast.Expr, deep int) (found []claimed) {
	for _, e := range es {
		found = append(found, r.functionsIn(e, deep-1)...)
	}
	return found
}

// assignedF is the function that is assigned to the field F of a variable, if it is once.
func (r *reporter) assignedF(arg ast.Expr, deep int) []claimed {
	v := r.variable(arg)
	if v == nil {
		return nil
	}
	var given []ast.Expr
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok || len(a.Lhs) != len(a.Rhs) {
				return true
			}
			for i, left := range a.Lhs {
				s, ok := left.(*ast.SelectorExpr)
				if ok && s.Sel.Name == "F" && r.variable(s.X) == v {
					given = append(given, a.Rhs[i])
				}
			}
			return true
		})
	}
	if len(given) != 1 {
		return nil
	}
	return r.functionsIn(given[0], deep-1)
}

// returned is the functions in what a function of this package returns, of one that does
// nothing else: those that stand there, and those that its parameters are given.
func (r *reporter) returned(call *ast.CallExpr, deep int) []claimed {
	d := r.declared(call)
	if d == nil || len(d.Body.List) != 1 || call.Ellipsis.IsValid() {
		return nil
	}
	ret, ok := d.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return nil
	}
	at := 0
	args := make(map[types.Object]ast.Expr)
	for _, p := range d.Type.Params.List {
		for _, name := range p.Names {
			if at < len(call.Args) {
				args[r.pass.TypesInfo.Defs[name]] = call.Args[at]
			}
			at++
		}
	}
	lit, ok := ast.Unparen(ret.Results[0]).(*ast.CompositeLit)
	if !ok {
		return r.functionsIn(ret.Results[0], deep-1)
	}
	for _, elt := range lit.Elts {
		if kv, keyed := elt.(*ast.KeyValueExpr); keyed {
			if id, ok := ast.Unparen(kv.Value).(*ast.Ident); ok && args[r.pass.TypesInfo.Uses[id]] != nil {
				if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "F" {
					return r.functionsIn(args[r.pass.TypesInfo.Uses[id]], deep-1)
				}
			}
		}
	}
	return r.functionsIn(lit, deep-1)
}
