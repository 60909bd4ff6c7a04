package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// UncheckedMerge reports merges that no test of their package gives to laws.
var UncheckedMerge = &analysis.Analyzer{
	Name: "uncheckedmerge",
	Doc: `report merges that no law checks

A merge is a function func(a, b T) T or func(dst *T, delta T), also one that a variable of
the package holds, whose name begins with merge or join, T being a type of the package; or a
method Merge, MergeIn, MergeFrom or Join, by a small letter too, that takes a value of its
receiver's type, or of an interface that has the method, behind a context.Context or not,
whatever it returns; or a type with the methods of lattice.Merge. It is checked where a test file of its package names it, its type, or
something of the package that leads to it, in a declaration that leads to a package of
laws. Test files are read as text. Tests in other packages are not seen.`,
	Run: runUncheckedMerge,
}

func runUncheckedMerge(pass *analysis.Pass) (any, error) {
	r := newReporter(pass)
	found := r.merges()
	if len(found) == 0 {
		return nil, nil
	}
	checked, err := lawChecked(pass, r)
	if err != nil {
		return nil, err
	}
	uses := r.users()
	for _, m := range found {
		if !leadsTo(m.objects, uses, checked) {
			r.report(m.at.Pos(), "%s merges %s, and no test of the package checks its laws: laws.%s does in one line", m.name, m.of, m.door)
		}
	}
	return nil, nil
}

// merge is a function that merges.
type merge struct {
	at             *ast.Ident
	name, of, door string
	objects        []types.Object // by which it is known
	lit            *ast.FuncLit   // of one that a variable holds
}

// merges finds the merges of a package; of a type that has several methods, the first.
func (r *reporter) merges() (found []merge) {
	found = r.heldMerges()
	of := make(map[types.Object]bool)
	r.functions(func(f *ast.FuncDecl) {
		obj, ok := r.pass.TypesInfo.Defs[f.Name].(*types.Func)
		if !ok {
			return
		}
		m, ok := mergeOf(obj)
		if !ok || ignores(obj) {
			return
		}
		if recv := obj.Signature().Recv(); recv != nil {
			owner := namedOf(recv.Type()).Obj()
			if of[owner] {
				return
			}
			of[owner] = true
			m.objects = append(m.objects, owner)
		}
		m.at, m.objects = f.Name, append(m.objects, obj)
		found = append(found, m)
	})
	return found
}

// heldMerges finds the merges that are function literals which variables of the package hold.
func (r *reporter) heldMerges() (found []merge) {
	for _, file := range r.files {
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for i, value := range s.(*ast.ValueSpec).Values {
					name := s.(*ast.ValueSpec).Names[min(i, len(s.(*ast.ValueSpec).Names)-1)]
					lit, ok := ast.Unparen(value).(*ast.FuncLit)
					if !ok {
						continue
					}
					m, ok := plainMerge(name.Name, r.pass.Pkg, r.pass.TypesInfo.TypeOf(value).(*types.Signature))
					if ok {
						m.lit, m.at, m.objects = lit, name, []types.Object{r.pass.TypesInfo.Defs[name]}
						found = append(found, m)
					}
				}
			}
		}
	}
	return found
}

// mergeOf says whether a function merges.
func mergeOf(f *types.Func) (m merge, ok bool) {
	sig := f.Signature()
	if sig.Recv() == nil {
		return plainMerge(f.Name(), f.Pkg(), sig)
	}
	owner := namedOf(sig.Recv().Type())
	if owner == nil || types.IsInterface(owner) {
		return merge{}, false
	}
	m.name = owner.Obj().Name() + "." + f.Name()
	delta, behind := deltaOf(sig)
	switch f.Name() {
	case "Merge", "MergeFrom", "Join", "merge", "mergeFrom", "join":
		m.of, m.door = owner.Obj().Name(), "CheckMethod"
		if behind || delta != nil && types.IsInterface(delta.Type()) {
			m.door = "CheckMergeIn"
		}
		return m, delta != nil && isMergedInto(f.Name(), owner, delta.Type())
	case "MergeIn":
		p := sig.Params()
		if p.Len() == 1 {
			m.of, m.door = owner.Obj().Name(), "CheckMethod"
			return m, sameType(p.At(0).Type(), owner)
		}
		m.door = "Check"
		m.of = "states"
		return m, p.Len() == 2 && pointsTo(p.At(0).Type(), p.At(1).Type()) && hasMethods(owner, "Compare", "Clone")
	}
	return merge{}, false
}

// deltaOf is the parameter of a method that merges into its receiver, and whether it stands
// behind a context; nil where it has others.
func deltaOf(sig *types.Signature) (delta *types.Var, behind bool) {
	p := sig.Params()
	switch {
	case sig.Variadic():
		return nil, false
	case p.Len() == 1:
		return p.At(0), false
	case p.Len() == 2 && types.TypeString(p.At(0).Type(), nil) == "context.Context":
		return p.At(1), true
	}
	return nil, false
}

// isMergedInto reports that a delta is of the receiver's type, or of an interface that asks
// for the method, and that the receiver has.
func isMergedInto(method string, owner *types.Named, delta types.Type) bool {
	if sameType(delta, owner) {
		return true
	}
	named := namedOf(delta)
	if named == nil || named.Obj().Pkg() == nil || !types.IsInterface(named) || owner.TypeParams().Len() > 0 {
		return false
	}
	i := named.Underlying().(*types.Interface)
	for m := range i.Methods() {
		if m.Name() == method {
			return types.Implements(owner, i) || types.Implements(types.NewPointer(owner), i)
		}
	}
	return false
}

// plainMerge says whether a function without a receiver merges.
func plainMerge(name string, pkg *types.Package, sig *types.Signature) (m merge, ok bool) {
	p, lower := sig.Params(), strings.ToLower(name)
	if !strings.HasPrefix(lower, "merge") && !strings.HasPrefix(lower, "join") || p.Len() != 2 || sig.Variadic() {
		return merge{}, false
	}
	t := namedOf(p.At(1).Type())
	if t == nil || t.Obj().Pkg() != pkg || types.IsInterface(t) {
		return merge{}, false
	}
	m.name, m.of = name, t.Obj().Name()
	res := sig.Results()
	switch {
	case types.Identical(p.At(0).Type(), p.At(1).Type()) && res.Len() == 1 && types.Identical(res.At(0).Type(), p.At(0).Type()):
		m.door = "CheckMerge"
		return m, true
	case pointsTo(p.At(0).Type(), p.At(1).Type()) && (res.Len() == 0 || res.Len() == 1 && isBool(res.At(0).Type())):
		m.door = "CheckMergeIn"
		return m, true
	}
	return merge{}, false
}

// ignores reports a function that names none of its parameters: it stands for a merge, and
// merges nothing.
func ignores(f *types.Func) bool {
	for v := range f.Signature().Params().Variables() {
		if v.Name() != "" && v.Name() != "_" {
			return false
		}
	}
	return true
}

func pointsTo(p, t types.Type) bool {
	ptr, ok := types.Unalias(p).(*types.Pointer)
	return ok && types.Identical(ptr.Elem(), t)
}

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.Bool
}

func hasMethods(n *types.Named, names ...string) bool {
	set := types.NewMethodSet(types.NewPointer(n))
	for _, name := range names {
		if set.Lookup(n.Obj().Pkg(), name) == nil {
			return false
		}
	}
	return true
}

// users is by which declarations of the package each of its objects is used.
func (r *reporter) users() map[types.Object][]types.Object {
	uses := make(map[types.Object][]types.Object)
	for _, file := range r.files {
		for _, d := range file.Decls {
			by := r.owners(d)
			ast.Inspect(d, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if obj := r.pass.TypesInfo.Uses[id]; obj != nil && obj.Pkg() == r.pass.Pkg {
						uses[origin(obj)] = append(uses[origin(obj)], by...)
					}
				}
				return true
			})
		}
	}
	return uses
}

// origin is what a method or a type was made of by type arguments.
func origin(obj types.Object) types.Object {
	switch o := obj.(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return obj
}

// owners is what a declaration declares; a method stands for its type too.
func (r *reporter) owners(d ast.Decl) (objects []types.Object) {
	info := r.pass.TypesInfo
	switch d := d.(type) {
	case *ast.FuncDecl:
		f, ok := info.Defs[d.Name].(*types.Func)
		if !ok {
			return nil
		}
		objects = append(objects, f)
		if recv := f.Signature().Recv(); recv != nil {
			if n := namedOf(recv.Type()); n != nil {
				objects = append(objects, n.Obj())
			}
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				objects = append(objects, info.Defs[s.Name])
			case *ast.ValueSpec:
				for _, n := range s.Names {
					objects = append(objects, info.Defs[n])
				}
			}
		}
	}
	return objects
}

// leadsTo reports that one of the objects, or something that uses it, or uses that, has
// one of the names.
func leadsTo(objects []types.Object, uses map[types.Object][]types.Object, names map[string]bool) bool {
	done := make(map[types.Object]bool)
	todo := objects
	for len(todo) > 0 {
		obj := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if obj == nil || done[obj] {
			continue
		}
		done[obj] = true
		f, method := obj.(*types.Func)
		method = method && f.Signature().Recv() != nil // its type's name counts, not its own
		if obj.Name() != "_" && names[obj.Name()] && !method {
			return true
		}
		todo = append(todo, uses[obj]...)
	}
	return false
}
