// Package zoo is a gallery of refuted merges, and of refuted operators before a merge.
//
// Each [Entry] is a defect that was published: found in the code of a system this
// module learns from, or reported in a public issue. The zoo holds a small merge
// of its own making with exactly that defect, its correct twin, and the law that
// must tell them apart. A checker that lets one of them live is a checker with a
// hole; one that complains of a twin raises false alarms.
//
// The gallery refuses to hold merges whose defect is another than the one named,
// so an entry's faulty and correct merge differ in that one place, and entries
// are numbered for ever: scripts name them.
//
// REPORTS.md, in folder reports, logs further public reports, which its tests try through
// the one-line doors of package laws: what found them, and what did not.
package zoo

import (
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// Entry is a published defect.
type Entry struct {
	// ID is the number in the gallery: L1, L2, … for the lineage, H1, … for the rest.
	ID string
	// Where says in what it was found, Defect what is wrong.
	Where, Defect string
	// Law is the ID of the law that must kill the faulty merge. A name without a
	// slash stands for any law of that set.
	Law string
	// Faulty has the defect; Correct is its twin without it.
	Faulty, Correct laws.Suite
}

// Result is what came of running an entry.
type Result struct {
	Entry, Law string
	// Killed reports that the expected law refuted the faulty merge.
	Killed bool
	// KilledBy lists every law that did.
	KilledBy []string
	// Cases is how many tuples the expected law took.
	Cases int
	// Counterexample is the report of the expected law's failure, "" if it held.
	Counterexample string
	// CorrectClean reports that no law complained of the twin; Complaint is the
	// report if one did.
	CorrectClean bool
	Complaint    string
	// Err is a set-up error of either.
	Err error
}

// Entries returns the gallery in the order of its numbers.
func Entries() []Entry {
	all := slices.Concat(spinach(), anna(), reported(), updated(), operated())
	slices.SortStableFunc(all, func(a, b Entry) int { return number(a.ID) - number(b.ID) })
	return all
}

// number is the place of an ID in the gallery: the lineage comes first.
func number(id string) int {
	n := 0
	for _, r := range id[1:] {
		n = 10*n + int(r-'0')
	}
	if id[0] != 'L' {
		n += 1000
	}
	return n
}

// Find returns the entry with the number id.
func Find(id string) (Entry, bool) {
	for _, e := range Entries() {
		if strings.EqualFold(e.ID, id) {
			return e, true
		}
	}
	return Entry{}, false
}

// Run judges cases random tuples a law of the faulty merge and of its twin.
func (e Entry) Run(seed uint64, cases int) Result {
	o := laws.RunOptions{Seed: seed, Cases: cases}
	return e.result(e.Faulty.Run(o), e.Correct.Run(o))
}

// Exhaust judges every tuple of the universes of the faulty merge and its twin.
func (e Entry) Exhaust() Result { return e.result(e.Faulty.Exhaust(), e.Correct.Exhaust()) }

func (e Entry) result(faulty, correct laws.Report) Result {
	r := Result{Entry: e.ID, Law: e.Law, KilledBy: faulty.Failing(), CorrectClean: correct.OK(), Err: faulty.Err}
	if r.Err == nil {
		r.Err = correct.Err
	}
	if !r.CorrectClean {
		r.Complaint = correct.String()
	}
	for _, res := range faulty.Results {
		if res.Failure != nil && e.expects(res.Failure.Law) {
			r.Killed, r.Cases, r.Counterexample = true, res.Cases, res.Failure.String()
			break
		}
	}
	return r
}

// expects reports whether law is the one that must kill the entry.
func (e Entry) expects(law string) bool {
	return law == e.Law || strings.HasPrefix(law, e.Law+"/")
}

// altered is a merge with parts of it replaced by faulty ones. Nothing is embedded: what
// is promoted is compiled for each type, and twice.
type altered[T any] struct {
	of      lattice.Merge[T]
	mergeIn func(target *T, delta T) bool
	compare func(a, b T) lattice.Order
}

func (m *altered[T]) MergeIn(target *T, delta T) bool {
	if m.mergeIn == nil {
		return m.of.MergeIn(target, delta)
	}
	return m.mergeIn(target, delta)
}

func (m *altered[T]) Compare(a, b T) lattice.Order {
	if m.compare == nil {
		return m.of.Compare(a, b)
	}
	return m.compare(a, b)
}

func (m *altered[T]) Clone(v T) T { return m.of.Clone(v) }

// Caps keeps the ends of the order, which the defects leave alone, and leaves out
// what is derived from merging.
func (m *altered[T]) Caps() lattice.Caps[T] {
	c := lattice.CapsOf(m.of)
	return lattice.Caps[T]{Bottom: c.Bottom, Top: c.Top}
}

// exhibit is a domain with its correct merge: what faulty and correct share.
type exhibit[T any] struct {
	correct  lattice.Merge[T]
	values   gen.Gen[T]
	universe gen.Universe[T]
}

// suites makes the two suites of an entry. States are correlated by the correct
// merge, so that a faulty one does not choose what it is tested on.
func suites[T any](x exhibit[T], name string, faulty altered[T]) (bad, good laws.Suite) {
	faulty.of = x.correct
	source := gen.For(x.correct, x.values)
	return latticeSuite[T](name+", as published", &faulty, source, x.universe),
		latticeSuite(name+", correct", x.correct, source, x.universe)
}

// latticeSuite is the suite of laws.Lattice of a merge.
func latticeSuite[T any](name string, m lattice.Merge[T], source gen.Source[T], universe gen.Universe[T], opts ...laws.Option) laws.Suite {
	return laws.NewSuite(name, laws.Lattice(m, opts...), source, universe)
}

// Detection is what it took to find each entry from many seeds.
func Detection(o laws.DetectOptions) laws.Detection {
	var d laws.Detection
	for _, e := range Entries() {
		d.Rows = append(d.Rows, laws.Detect(e.ID, e.Faulty, e.Law, o))
	}
	return d
}
