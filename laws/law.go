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

// Law is a statement about tuples of Arity states, called a, b, c in order.
type Law[T any] struct {
	// ID names the law as "set/law"; it is the name of its subtest.
	ID string
	// Statement is the law in symbols, or in words where there are none.
	Statement string
	// Arity is how many states the law is about, at least 1 and at most 4.
	Arity int
	// AtLeast is the least share of random cases, in thousandths, in which the
	// premise must hold for the law to count as checked; one case is always
	// needed. It does not concern exhaustive checks.
	AtLeast int
	// Eval judges one tuple. It must not change the states (a merge that does is
	// caught and reported) and should not allocate beyond what the merge does.
	Eval func(p *Probe[T], x []T) Outcome
	// Explain says what both sides of the law are on a tuple that refutes it. It
	// is called for reports only.
	Explain func(p *Probe[T], x []T) Sides
}

// maxArity bounds [Law.Arity].
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

// Set is a named list of laws bound to a merge. Its parents' laws come first, and
// a law that occurs twice (by ID) is checked once.
type Set[T any] struct {
	Name    string
	Parents []Set[T]
	Laws    []Law[T]
	// Absent lists the laws that do not apply to this merge, with the reason.
	Absent []Absence

	subject *subject[T]
}

// With returns the set with more laws. A law with an ID the set has already is
// not added.
func (s Set[T]) With(laws ...Law[T]) Set[T] {
	s.Laws = append(slices.Clip(s.Laws), laws...)
	return s
}

// All returns the laws of the set and its parents, each once, parents first.
func (s Set[T]) All() []Law[T] {
	var all []Law[T]
	seen := make(map[string]bool)
	s.collect(seen, func(l Law[T]) { all = append(all, l) }, nil)
	return all
}

// absent returns the absences of the set and its parents.
func (s Set[T]) absent() []Absence {
	var all []Absence
	s.collect(make(map[string]bool), func(Law[T]) {}, func(a Absence) { all = append(all, a) })
	return all
}

func (s Set[T]) collect(seen map[string]bool, law func(Law[T]), absence func(Absence)) {
	for _, p := range s.Parents {
		p.collect(seen, law, absence)
	}
	for _, l := range s.Laws {
		if !seen[l.ID] {
			seen[l.ID] = true
			law(l)
		}
	}
	if absence == nil {
		return
	}
	for _, a := range s.Absent {
		if !seen[a.ID] {
			seen[a.ID] = true
			absence(a)
		}
	}
}

// judged is a law whose evaluation knows both sides when it has judged, and makes
// them into words only for a report.
func judged[T any](id, statement string, arity int, judge func(p *Probe[T], x []T) (Outcome, func() Sides)) Law[T] {
	return Law[T]{
		ID: id, Statement: statement, Arity: arity,
		Eval: func(p *Probe[T], x []T) Outcome {
			o, _ := judge(p, x)
			return o
		},
		Explain: func(p *Probe[T], x []T) Sides {
			if o, sides := judge(p, x); o == Fails && sides != nil {
				return sides()
			}
			return Sides{"first", "it did not hold", "again", "it holds: the outcome depends on more than the states"}
		},
	}
}

// rarely reports that so few of the cases exercised the law that it cannot count
// as checked.
func (l Law[T]) rarely(exercised, cases int) bool { return exercised*1000 < l.AtLeast*cases }

// equation is a law left(x) = right(x).
func equation[T any](id, statement string, arity int, leftExpr, rightExpr string, left, right func(p *Probe[T], x []T) T) Law[T] {
	return Law[T]{
		ID: id, Statement: statement, Arity: arity,
		Eval: func(p *Probe[T], x []T) Outcome {
			return holds(p.Equal(left(p, x), right(p, x)))
		},
		Explain: func(p *Probe[T], x []T) Sides {
			return Sides{leftExpr, p.Show(left(p, x)), rightExpr, p.Show(right(p, x))}
		},
	}
}
