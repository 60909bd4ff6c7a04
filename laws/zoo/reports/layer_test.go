package reports_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// sections is a configuration of sections with settings.
type sections = map[string]map[string]string

func someSections() *rapid.Generator[sections] {
	return rapid.MapOfN(rapid.SampledFrom([]string{"output", "module", "plugins"}), rapid.MapOfN(rapid.StringMatching(`[a-z]{2,6}`), rapid.String(), 0, 3), 0, 3)
}

// layered puts b over a in a new map, whose sections are a's if shallow.
func layered(shallow bool) func(a, b sections) sections {
	return func(a, b sections) sections {
		j := sections{}
		maps.Copy(j, a)
		for name, settings := range b {
			have := j[name]
			if !shallow {
				have = maps.Clone(have)
			}
			if have == nil {
				have = map[string]string{}
			}
			maps.Copy(have, settings)
			j[name] = have
		}
		if !shallow {
			for name := range a {
				if _, ok := b[name]; !ok {
					j[name] = maps.Clone(a[name])
				}
			}
		}
		return j
	}
}

// lists is a configuration of lists, which are put behind each other.
type lists = map[string][]string

func someLists() *rapid.Generator[lists] {
	return rapid.MapOfN(rapid.SampledFrom([]string{"foo", "bar"}), rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,3}`), 0, 3), 0, 2)
}

// chained puts the lists of b behind those of a: in a itself, or in a copy of it.
func chained(itself bool) func(a, b lists) lists {
	return func(a, b lists) lists {
		if !itself || a == nil {
			c := lists{}
			for k, l := range a {
				c[k] = slices.Clone(l)
			}
			a = c
		}
		for k, l := range b {
			a[k] = append(a[k], l...)
		}
		return a
	}
}

// gcounter is the counts of replicas, with those not sent yet.
type gcounter struct{ Counts, Unsent map[int]int }

func newCounter() gcounter { return gcounter{map[int]int{}, map[int]int{}} }

func mostOf(a, b map[int]int) map[int]int {
	j := maps.Clone(a)
	for r, n := range b {
		j[r] = max(j[r], n)
	}
	return j
}

// counting merges counters; what is not sent yet is forgotten if forget.
func counting(forget bool) laws.Replicated[gcounter, int] {
	add := func(s gcounter, replica, n int) gcounter {
		s.Counts[replica] += n
		s.Unsent[replica] = s.Counts[replica]
		return s
	}
	return laws.Replicated[gcounter, int]{
		Start: newCounter,
		Apply: add,
		Merge: func(a, b gcounter) gcounter {
			j := gcounter{mostOf(a.Counts, b.Counts), mostOf(a.Unsent, b.Unsent)}
			if forget {
				j.Unsent = map[int]int{}
			}
			return j
		},
		Ops: rapid.IntRange(1, 9),
		Value: func(s gcounter) any {
			sum := 0
			for _, n := range s.Counts {
				sum += n
			}
			return sum
		},
		Model: func(seen []laws.Event[int]) any {
			sum := 0
			for _, e := range seen {
				sum += e.Op
			}
			return sum
		},
	}
}

func furtherReports() []report {
	return slices.Concat(writeReports(), peerReports(), meanReports(), layerReports())
}

func layerReports() []report {
	forgets, keeps := counting(true), counting(false)
	noOrder := laws.NotCommutative()
	return []report{
		{where: "survivejs/webpack-merge#12", defect: "a new configuration holds the sections of its base, which are written into", door: "CheckBand",
			law: "inplace/arguments-unchanged", faulty: doorOf(laws.Band(layered(true)), layered(false), someSections()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckBand(t, layered(false), someSections(), o) }},
		{where: "toumorokoshi/deepmerge#4", defect: "lists are appended to those of the base itself", door: "CheckMonoid, NotCommutative",
			law: "inplace/arguments-unchanged", faulty: doorOf(laws.Monoid(chained(true), lists{}, noOrder), chained(false), someLists()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, chained(false), lists{}, someLists(), noOrder, o)
			}},
		{where: "apple/swift-distributed-actors#210", defect: "what is still to be sent is forgotten as soon as others are merged", door: "Converge",
			law: "converge/inflates", faulty: scoped(laws.Convergence(forgets), forgets.Ops),
			correct: func(t *testing.T, _ laws.Option) { laws.Converge(t, keeps, laws.Cases(scaled(2000, 100))) }},
	}
}
