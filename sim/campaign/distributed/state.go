package distributed

import (
	"maps"
	"slices"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// State is what is known of a campaign. States are a join-semilattice under [Merge]: each
// only ever grows, and the join of any, in any order, is what all of them know.
type State struct {
	// Seeds are those that were finished, by the commit of the code that ran them, "" where
	// it is not known. They are numbers from 1.
	Seeds map[string]causal.Spans
	// Abandoned are seeds that several workers in a row did not survive, by commit. One that
	// was finished after all is in Seeds too, and counts as finished.
	Abandoned map[string]causal.Spans
	// Counters are what each worker has counted, by the worker's name and incarnation. A
	// counter only rises.
	Counters map[string]map[string]uint64
	// Failures has the smallest known failure of each class.
	Failures map[string]Failure
}

// The merges of the parts of a state.
var (
	seedsMerge    = lattice.MapOf[string](causal.SpansMerge())
	countersMerge = lattice.MapOf[string](lattice.MapOf[string](lattice.Max[uint64]()))
	failuresMerge = lattice.MapOf[string](smallerFailure())
)

// Merge joins states: seeds by union, counters by the greatest of each worker, failures by
// class, of which the smaller stays. ⊥ is the state that knows nothing.
func Merge() lattice.Merge[State] { return stateMerge{} }

type stateMerge struct{}

func (stateMerge) MergeIn(target *State, delta State) bool {
	grew := seedsMerge.MergeIn(&target.Seeds, delta.Seeds)
	grew = seedsMerge.MergeIn(&target.Abandoned, delta.Abandoned) || grew
	grew = countersMerge.MergeIn(&target.Counters, delta.Counters) || grew
	return failuresMerge.MergeIn(&target.Failures, delta.Failures) || grew
}

func (stateMerge) Compare(a, b State) lattice.Order {
	return seedsMerge.Compare(a.Seeds, b.Seeds) & seedsMerge.Compare(a.Abandoned, b.Abandoned) &
		countersMerge.Compare(a.Counters, b.Counters) & failuresMerge.Compare(a.Failures, b.Failures)
}

func (stateMerge) Clone(s State) State {
	return State{
		Seeds: seedsMerge.Clone(s.Seeds), Abandoned: seedsMerge.Clone(s.Abandoned),
		Counters: countersMerge.Clone(s.Counters), Failures: failuresMerge.Clone(s.Failures),
	}
}

func (stateMerge) Caps() lattice.Caps[State] {
	return lattice.Caps[State]{Bottom: func() State { return State{} }}
}

// Finished is how many seeds were finished of a commit, each once.
func (s *State) Finished(commit string) uint64 { return s.Seeds[commit].Count() }

// Total is how many seeds were finished, those of each commit counted by themselves.
func (s *State) Total() (n uint64) {
	for _, commit := range s.Commits() {
		n += s.Finished(commit)
	}
	return n
}

// Commits are those of which seeds were finished or abandoned, in their order.
func (s *State) Commits() []string {
	all := slices.Collect(maps.Keys(s.Seeds))
	all = slices.AppendSeq(all, maps.Keys(s.Abandoned))
	slices.Sort(all)
	return slices.Compact(all)
}

// Lost are the seeds of a commit that were abandoned and that nobody finished since.
func (s *State) Lost(commit string) causal.Spans {
	return without(s.Abandoned[commit], s.Seeds[commit])
}

// Count is the sum of a counter over all workers.
func (s *State) Count(counter string) (n uint64) {
	for _, worker := range slices.Sorted(maps.Keys(s.Counters)) {
		n += s.Counters[worker][counter]
	}
	return n
}

// Names are those of the counters that any worker has, in their order.
func (s *State) Names() []string {
	var all []string
	for _, worker := range slices.Sorted(maps.Keys(s.Counters)) {
		all = slices.AppendSeq(all, maps.Keys(s.Counters[worker]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Classes are those of the failures, in their order.
func (s *State) Classes() []string { return slices.Sorted(maps.Keys(s.Failures)) }

// without is the numbers of a that are not in b.
func without(a, b causal.Spans) (left causal.Spans) {
	j := 0
	for _, span := range a {
		lo, over := span.Lo, false
		for j < len(b) && b[j].Hi < lo {
			j++
		}
		for k := j; k < len(b) && b[k].Lo <= span.Hi && !over; k++ {
			if b[k].Lo > lo {
				left = append(left, causal.Span{Lo: lo, Hi: b[k].Lo - 1})
			}
			over = b[k].Hi >= span.Hi
			lo = b[k].Hi + 1 // no number if it is over
		}
		if !over {
			left = append(left, causal.Span{Lo: lo, Hi: span.Hi})
		}
	}
	return left
}

// unite is the numbers of all of them.
func unite(sets ...causal.Spans) causal.Spans {
	var all causal.Spans
	m := causal.SpansMerge()
	for _, s := range sets {
		m.MergeIn(&all, s)
	}
	return all
}

// span is the numbers from lo to hi, both among them.
func span(lo, hi uint64) causal.Spans { return causal.Spans{{Lo: lo, Hi: hi}} }
