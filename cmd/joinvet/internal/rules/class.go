package rules

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// UncheckedClass reports functions whose class is claimed and not checked.
var UncheckedClass = &analysis.Analyzer{
	Name: "uncheckedclass",
	Doc: `report functions used as morphisms or as monotone that no law checks

Where an operator of lattice/flow is given a claim, flow.Morphism(…) or flow.Monotone(…),
the function beside it, or in the lattice.Function beside it, must be named in the tests of
the package, in a declaration that leads to a package of laws; laws.CheckMorphism,
laws.CheckMonotone and laws.Classify check one. A function without a name cannot be. Of
functions of other packages, and of those that are computed, nothing is said.

Evidence that is written down instead of made by a check, flow.BySample(…), flow.ByExhaustion(…)
or flow.ByProof(), is reported too: flow.Verify counts it as assumed.`,
	Run: runUncheckedClass,
}

func runUncheckedClass(pass *analysis.Pass) (any, error) {
	r := newReporter(pass)
	var used []claimed
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if name, ok := r.inFlow(call); ok {
					r.stated(call, name)
					used = append(used, r.claimedIn(call)...)
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

// claimed is a function of which a class is claimed.
type claimed struct {
	at          ast.Expr
	object      types.Object // nil for a function literal
	class, door string
}

// claimedIn is the functions of this package among the arguments of a call that has a
// claim beside them.
func (r *reporter) claimedIn(call *ast.CallExpr) (found []claimed) {
	class, door := "", ""
	for _, arg := range call.Args {
		c, ok := ast.Unparen(arg).(*ast.CallExpr)
		if !ok {
			continue
		}
		switch name, ok := r.inFlow(c); {
		case ok && name == "Morphism":
			class, door = "a morphism", "Morphism"
		case ok && name == "Monotone":
			class, door = "monotone", "Monotone"
		}
	}
	if class == "" {
		return nil
	}
	for _, arg := range call.Args {
		for _, f := range r.functionsIn(arg) {
			f.class, f.door = class, door
			found = append(found, f)
		}
	}
	return found
}

// functionsIn is the function that an argument is, or that stands in its field F.
func (r *reporter) functionsIn(arg ast.Expr) []claimed {
	arg = ast.Unparen(arg)
	if lit, ok := arg.(*ast.CompositeLit); ok {
		for i, e := range lit.Elts {
			kv, keyed := e.(*ast.KeyValueExpr)
			switch {
			case keyed:
				if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "F" {
					return r.functionsIn(kv.Value)
				}
			case i == 0:
				return r.functionsIn(e)
			}
		}
		return nil
	}
	if _, ok := r.pass.TypesInfo.TypeOf(arg).Underlying().(*types.Signature); !ok {
		return nil
	}
	if _, ok := arg.(*ast.FuncLit); ok {
		return []claimed{{at: arg}}
	}
	if f, ok := r.object(arg).(*types.Func); ok && f.Pkg() == r.pass.Pkg {
		return []claimed{{at: arg, object: f.Origin()}}
	}
	return nil
}
