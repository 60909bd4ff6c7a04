package edelweiss

// The functions of this file build programs in Go. They read like the text form;
// [Check] tells what is wrong with the result.

// Key is a key column.
func Key(name string, t Type) Column { return Column{Name: name, Type: t, Key: true} }

// Payload is a column that the key determines.
func Payload(name string, t Type) Column { return Column{Name: name, Type: t} }

// At is the key column of a channel that says where a message goes.
func At(name string) Column { return Column{Name: name, Type: NodeType, Key: true, At: true} }

// Decl declares a collection; key columns come first.
func Decl(k Kind, name string, columns ...Column) Collection {
	return Collection{Name: name, Kind: k, Columns: columns}
}

// V is a variable, or for "_" a column that does not matter.
func V(name string) Term {
	if name == "_" {
		return Term{Kind: Any}
	}
	return Term{Kind: Var, Name: name}
}

// C is a constant.
func C(v Value) Term { return Term{Kind: Const, Value: v} }

// Me is the address of the node that evaluates.
func Me() Term { return Term{Kind: Self} }

// Agg is an aggregate in a head: count with arg "", sum, min or max of a variable.
func Agg(function, arg string) Term { return Term{Kind: Aggregate, Name: function, Arg: arg} }

// A is an atom over variables: A("sbuf", "id", "_"). [On] takes other terms.
func A(collection string, vars ...string) Atom {
	a := Atom{Name: collection}
	for _, v := range vars {
		a.Args = append(a.Args, V(v))
	}
	return a
}

// On is an atom over any terms.
func On(collection string, terms ...Term) Atom { return Atom{Name: collection, Args: terms} }

// Is is a scan or join.
func Is(a Atom) Literal { return Literal{Kind: Match, Atom: a} }

// IsFrom is a scan of a channel that names the sender.
func IsFrom(a Atom, sender string) Literal { return Literal{Kind: Match, Atom: a, From: sender} }

// Not is a notin.
func Not(a Atom) Literal { return Literal{Kind: Absent, Atom: a} }

// OrElse is an outer join with a default for each variable that a binds.
func OrElse(a Atom, defaults ...Default) Literal {
	return Literal{Kind: Outer, Atom: a, Else: defaults}
}

// If is a select by a named function.
func If(function string, args ...Term) Literal {
	return Literal{Kind: Test, Function: function, Args: args}
}

// Set is a map by a named function, or a copy of args[0] for the function "".
func Set(v, function string, args ...Term) Literal {
	return Literal{Kind: Let, Var: v, Function: function, Args: args}
}

// In is a flatmap: v ranges over the members of a set.
func In(v string, set Term) Literal { return Literal{Kind: Each, Var: v, Args: []Term{set}} }

// When is the rule head :- body under an operator.
func When(op Op, head Atom, body ...Literal) Rule { return Rule{Head: head, Op: op, Body: body} }
