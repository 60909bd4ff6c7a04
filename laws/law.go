package laws

import "slices"

// Outcome is what evaluating a law on one tuple gave.
type Outcome uint8

// The outcomes of an evaluation.
const (
	Holds   Outcome = iota // the law holds on this tuple
	Vacuous                // its premise does not hold on this tuple
	Fails                  // the tuple refutes the law
)

// holds turns a condition into an outcome.
func holds(ok bool) Outcome {
	if ok {
		return Holds
	}
	return Fails
}

// Statement is a law as it is written: what there is to know of it without a merge.
type Statement struct {
	// ID names the law as "set/law"; it is the name of its subtest.
	ID string
	// Text is the law in symbols, or in words where there are none.
	Text string
	// Arity is how many states the law is about, at least 1 and at most 4. They are
	// called a, b, c, d in order.
	Arity int
	// AtLeast is the least share of random cases, in thousandths, in which the
	// premise must hold for the law to count as checked; one case is always
	// needed. It does not concern exhaustive checks.
	AtLeast int
}

// law is a statement with its evaluation over boxes. Laws are compiled once, for
// boxes, and not for each type of states: see [box].
type law struct {
	Statement
	// distinct says that the law is about states that differ: where all of a tuple are
	// equal it holds of any merge, and such a tuple does not exercise it.
	distinct bool
	// optional says that there may be no case to judge: then it does not apply.
	optional bool
	// eval judges one tuple. It must not change the states (a merge that does is
	// caught and reported).
	eval func(p *probe, x []any) Outcome
	// explain says what both sides of the law are on a tuple that refutes it. It is
	// called for reports only.
	explain func(p *probe, x []any) Sides
	// sides are both sides as states, where they are states; nil elsewhere.
	sides func(p *probe, x []any) (left, right any)
}

// Law is a law of the user's own, about tuples of states; see [Add].
type Law[T any] struct {
	// ID, Statement, Arity and AtLeast are those of [Statement].
	ID        string
	Statement string
	Arity     int
	AtLeast   int
	// Eval judges one tuple. It must not change the states (a merge that does is
	// caught and reported) and should not allocate beyond what the merge does.
	Eval func(p *Probe[T], x []T) Outcome
	// Explain says what both sides of the law are on a tuple that refutes it. It
	// is called for reports only.
	Explain func(p *Probe[T], x []T) Sides
}

// maxArity bounds [Statement.Arity].
const maxArity = 4

var variables = [maxArity]string{"a", "b", "c", "d"}

// Sides are the two sides of a refuted law: what was evaluated, and what came of
// it as a Go literal or in words.
type Sides struct {
	LeftExpr, Left   string
	RightExpr, Right string
}

// Absence says why a law that a set usually has is not in this one.
type Absence struct{ ID, Why string }

// Set is a named list of laws bound to a merge, and built by the functions of this
// package: [Semilattice], [Order], [Func] and the others. A law that occurs twice
// (by ID) is checked once. The zero Set is bound to nothing.
type Set[T any] struct{ s *set }

// Name is the name of the set.
func (s Set[T]) Name() string { return s.s.title() }

// Statements lists the laws of the set and its parents, each once, parents first.
func (s Set[T]) Statements() []Statement { return s.s.statements() }

// And returns the set with the laws of others, each law once. They are judged with
// the merge and the options of s.
func (s Set[T]) And(others ...Set[T]) Set[T] {
	for _, o := range others {
		s.s = s.s.beside(o.s)
	}
	return s
}

// Only returns the set with those of its laws alone that are named, by their IDs or
// by what stands before the slash. A set none of whose laws is named is a set-up error
// for whoever checks it.
func (s Set[T]) Only(names ...string) Set[T] { return Set[T]{s.s.named(names)} }

// set is a Set over boxes. Its parents' laws come first.
type set struct {
	name    string
	parents []set
	laws    []law
	// absences lists the laws that do not apply to this merge, with the reason.
	absences []Absence
	subject  *subject
	about    between // the function that the laws are about; no name where it is the merge
}

// A Set is a word, since what copies one is compiled for each type: pin makes it of what it
// points at, value is that again, and the zero Set points at nothing.
//
//go:noinline
func pin(s set) *set { return &s }

//go:noinline
func (p *set) value() set {
	if p == nil {
		return set{}
	}
	return *p
}

//go:noinline
func (p *set) title() string { return p.value().name }

//go:noinline
func (p *set) statements() []Statement {
	var all []Statement
	for _, l := range p.value().all() {
		all = append(all, l.Statement)
	}
	return all
}

//go:noinline
func (p *set) beside(o *set) *set { return pin(p.value().and(o.value())) }

//go:noinline
func (p *set) named(names []string) *set { return pin(p.value().only(names)) }

//go:noinline
func (p *set) with(laws []law) *set {
	s := p.value()
	s.laws = append(slices.Clip(s.laws), laws...)
	return &s
}

// Add returns the set with laws of the user's own. A law with an ID the set has already is not
// added.
func Add[T any](s Set[T], laws ...Law[T]) Set[T] {
	boxed := make([]law, len(laws))
	for i := range laws {
		boxed[i] = boxLaw(&laws[i])
	}
	return Set[T]{s.s.with(boxed)}
}

func (s set) and(o set) set {
	return set{name: s.name, parents: []set{s, o}, subject: s.subject}
}

func (s set) only(names []string) set {
	keep := func(id string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return named(name, id) })
	}
	few := set{name: s.name, subject: s.subject, about: s.function()}
	for _, l := range s.all() {
		if keep(l.ID) {
			few.laws = append(few.laws, l)
		}
	}
	for _, a := range s.absent() {
		if keep(a.ID) {
			few.absences = append(few.absences, a)
		}
	}
	if s.subject != nil && s.subject.guarded && !keep(s.subject.guards[0].ID) {
		unguarded := *s.subject
		unguarded.guarded = false
		few.subject = &unguarded
	}
	return few
}

// all returns the laws of the set and its parents, each once, parents first.
func (s set) all() []law {
	var all []law
	s.collect(make(map[string]bool), func(l law) { all = append(all, l) }, nil)
	return all
}

// absent returns the absences of the set and its parents.
func (s set) absent() []Absence {
	var all []Absence
	s.collect(make(map[string]bool), func(law) {}, func(a Absence) { all = append(all, a) })
	return all
}

func (s set) collect(seen map[string]bool, visit func(law), absence func(Absence)) {
	for _, p := range s.parents {
		p.collect(seen, visit, absence)
	}
	for _, l := range s.laws {
		if !seen[l.ID] {
			seen[l.ID] = true
			visit(l)
		}
	}
	if absence == nil {
		return
	}
	for _, a := range s.absences {
		if !seen[a.ID] {
			seen[a.ID] = true
			absence(a)
		}
	}
}

// stated is a law of no kind in particular.
func stated(id, text string, arity int, eval func(p *probe, x []any) Outcome, explain func(p *probe, x []any) Sides) law {
	return law{Statement: Statement{ID: id, Text: text, Arity: arity}, eval: eval, explain: explain}
}

// judged is a law whose evaluation knows both sides when it has judged, and makes
// them into words only for a report.
func judged(id, text string, arity int, judge func(p *probe, x []any) (Outcome, func() Sides)) law {
	return stated(id, text, arity,
		func(p *probe, x []any) Outcome {
			o, _ := judge(p, x)
			return o
		},
		func(p *probe, x []any) Sides {
			if o, sides := judge(p, x); o == Fails && sides != nil {
				return sides()
			}
			return Sides{"first", "it did not hold", "again", "it holds: the outcome depends on more than the states"}
		})
}

// withSides is the law with its two sides as states, so that a report can say where
// they differ.
func (l law) withSides(left, right func(p *probe, x []any) any) law {
	l.sides = func(p *probe, x []any) (any, any) { return left(p, x), right(p, x) }
	return l
}

// ofDistinct is the law as one of states that differ.
func (l law) ofDistinct() law {
	l.distinct = true
	return l
}

// equation is a law left(x) = right(x).
func equation(id, text string, arity int, leftExpr, rightExpr string, left, right func(p *probe, x []any) any) law {
	return stated(id, text, arity,
		func(p *probe, x []any) Outcome { return holds(p.Equal(left(p, x), right(p, x))) },
		func(p *probe, x []any) Sides {
			return Sides{leftExpr, p.Show(left(p, x)), rightExpr, p.Show(right(p, x))}
		}).withSides(left, right)
}
