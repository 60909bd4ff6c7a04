package laws_test

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// planSuite is a suite over histories of few steps, all of them in turn. What the
// operations mean is no concern of faults that break one law of the set.
func planSuite[S, O any](m lattice.Merge[S], u gen.Updates[S, O]) laws.Suite {
	return plans(laws.Updates(m, u, laws.DenotationChecked()), u)
}

func plans[S, O any](set laws.Set[gen.Plan[O]], u gen.Updates[S, O]) laws.Suite {
	all, complete := gen.Every(gen.Plans(u.Ops, 3), 50_000)
	if !complete {
		panic("laws_test: more histories of three steps than are tried")
	}
	return laws.NewSuite(set.Name(), set, laws.PlanSource(u), all)
}

// total is an order in which everything is below everything: no comparison can
// break what is judged by it.
func total[T any](T, T) lattice.Order { return lattice.Equal }

// half is a state that is whole, or a delta: a faulty merge treats them apart.
type half struct {
	Whole bool
	Bits  uint8
}

// updateFaults breaks the laws of Updates one by one. Making all histories takes a while,
// and the faults keep nothing: once will do.
var updateFaults = sync.OnceValue(makeUpdateFaults)

func makeUpdateFaults() map[string]laws.Suite {
	grow := lattice.Max[int]()
	even := func(n int) int { return (n + 1) / 2 * 2 }
	ints := gen.Updates[int, int]{Start: func() int { return 0 }, Ops: gen.Int(1, 3), Delta: func(_, _, op int) int { return op }}
	bits := gen.Updates[half, uint8]{
		Start: func() half { return half{Whole: true} }, Ops: gen.OneOf[uint8](1, 2, 4),
		Delta: func(_ half, _ int, op uint8) half { return half{Bits: op} },
	}
	halves := func(deltas func(a, b uint8) uint8, touched bool) lattice.Merge[half] {
		return joining(func(a, b half) half {
			switch {
			case !a.Whole && !b.Whole:
				return half{Bits: deltas(a.Bits, b.Bits)}
			case touched:
				return half{true, min(1, a.Bits|b.Bits)}
			}
			return half{true, a.Bits | b.Bits}
		}, total[half])
	}
	shared := lattice.SetOf[int]()
	return map[string]laws.Suite{
		// The comparison looks at four bits of a counter.
		"updates/inflates": planSuite[int](joining(func(a, b int) int { return max(a, b) },
			func(a, b int) lattice.Order { return grow.Compare(a%4, b%4) }),
			gen.Updates[int, int]{Start: func() int { return 3 }, Ops: gen.Just(1), Delta: func(s, _, _ int) int { return s + 1 }}),
		// Merging rounds up to even numbers, and so does the delta, but not the mutator.
		"updates/delta": planSuite[int](joining(func(a, b int) int { return even(max(a, b)) }, total[int]),
			gen.Updates[int, int]{
				Start: ints.Start, Ops: gen.Just(1),
				Apply: func(s, _, _ int) int { return s + 1 }, Delta: func(s, _, _ int) int { return even(s + 1) },
			}),
		// A delta toggles bits, each of which is sent once.
		"updates/duplicated": planSuite[half](joining(func(a, b half) half {
			if a.Whole && b.Whole {
				return half{true, a.Bits | b.Bits}
			}
			return half{a.Whole || b.Whole, a.Bits ^ b.Bits}
		}, total[half]), gen.Updates[half, uint8]{Start: bits.Start, Ops: bits.Ops, Delta: func(s half, replica int, _ uint8) half {
			next := [4]uint8{1, 2, 0, 0}[s.Bits>>(2*replica)&3]
			return half{Bits: next << (2 * replica)}
		}}),
		// A delta overwrites the count of its replica, an older one too.
		"updates/reordered": planSuite[half](joining(func(a, b half) half {
			j := half{Whole: a.Whole || b.Whole}
			for r := range gen.Replicas {
				have, got := a.Bits>>(2*r)&3, b.Bits>>(2*r)&3
				if got == 0 || a.Whole && b.Whole {
					got = max(have, got)
				}
				j.Bits |= got << (2 * r)
			}
			return j
		}, total[half]), gen.Updates[half, uint8]{Start: bits.Start, Ops: bits.Ops, Delta: func(s half, replica int, _ uint8) half {
			return half{Bits: min(3, s.Bits>>(2*replica)&3+1) << (2 * replica)}
		}}),
		"updates/batched": planSuite(halves(func(a, b uint8) uint8 { return a & b }, false), bits),
		"updates/groups": planSuite(halves(func(a, b uint8) uint8 {
			if beats(int(b)/2, int(a)/2) {
				return b
			}
			return a
		}, true), bits),
		// The mutator sends the state itself, not a copy.
		"updates/fresh": planSuite(shared, gen.Updates[map[int]struct{}, int]{
			Start: func() map[int]struct{} { return map[int]struct{}{} }, Ops: gen.Int(0, 2),
			Apply: func(s map[int]struct{}, _, op int) map[int]struct{} { s[op] = struct{}{}; return s },
		}),
		// Merging whole states, as against deltas, keeps the one that is there.
		"updates/as-states": planSuite[half](joining(func(a, b half) half {
			if a.Whole && b.Whole {
				return a
			}
			return half{a.Whole || b.Whole, a.Bits | b.Bits}
		}, total[half]), bits),
	}
}

// decomposed is set union with another way of taking apart.
func decomposed(change func(c *lattice.Caps[ints])) laws.Suite {
	m := unions()
	m.caps = lattice.CapsOf(lattice.SetOf[int]())
	m.caps.Join = nil
	change(&m.caps)
	return suite(laws.Decomposition(m), gen.Subsets(1, 2, 3), maps.Clone[ints])
}

func decompositionFaults() map[string]laws.Suite {
	good := lattice.CapsOf(lattice.SetOf[int]())
	return map[string]laws.Suite{
		"decomposition/atoms-join": decomposed(func(c *lattice.Caps[ints]) {
			c.Atoms = func(v ints) iter.Seq[ints] {
				atoms := slices.Collect(good.Atoms(v))
				return slices.Values(atoms[:min(2, len(atoms))])
			}
		}),
		"decomposition/irreducible": decomposed(func(c *lattice.Caps[ints]) {
			c.Atoms = func(v ints) iter.Seq[ints] {
				if len(v) == 0 {
					return slices.Values[[]ints](nil)
				}
				return slices.Values([]ints{maps.Clone(v)})
			}
		}),
		"decomposition/diff": decomposed(func(c *lattice.Caps[ints]) {
			c.Diff = func(_, _ ints) ints { return ints{} }
		}),
		"decomposition/diff-least": decomposed(func(c *lattice.Caps[ints]) {
			c.Diff = func(_, v ints) ints { return maps.Clone(v) }
		}),
	}
}

// flagged merges to the greater number, or, once it has been through an encoding
// that drops the flag, to the lesser; equality does not see the flag.
type flagged struct {
	N    int
	Lost bool
}

func (f flagged) Equal(g flagged) bool { return f.N == g.N }

func codecFaults() map[string]laws.Suite {
	coded := func(app func(dst []byte, v ints) []byte, dec func(src []byte) (ints, []byte, error)) laws.Suite {
		m, good := unions(), lattice.CapsOf(lattice.SetOf[int]())
		m.caps = lattice.Caps[ints]{Append: good.Append, Decode: good.Decode}
		if app != nil {
			m.caps.Append = app
		}
		if dec != nil {
			m.caps.Decode = dec
		}
		return suite(laws.Codec(m), gen.Subsets(1, 2, 3), maps.Clone[ints])
	}
	good := lattice.CapsOf(lattice.SetOf[int]())
	lossy := handmade[flagged]{
		mergeIn: func(t *flagged, d flagged) bool {
			n := max(t.N, d.N)
			if t.Lost && d.Lost {
				n = min(t.N, d.N)
			}
			grew := n != t.N
			t.N = n
			return grew
		},
		compare: func(a, b flagged) lattice.Order { return natural(a.N, b.N) },
		clone:   same[flagged],
		caps: lattice.Caps[flagged]{
			Append: func(dst []byte, v flagged) []byte { return append(dst, byte(v.N)) },
			Decode: func(src []byte) (flagged, []byte, error) {
				if len(src) == 0 {
					return flagged{}, nil, errors.New("no byte")
				}
				return flagged{int(src[0]), true}, src[1:], nil
			},
		},
	}
	return map[string]laws.Suite{
		"codec/round-trip": coded(nil, func(src []byte) (ints, []byte, error) {
			v, _, err := good.Decode(src)
			return v, nil, err
		}),
		"codec/canonical": coded(func(dst []byte, v ints) []byte {
			if v == nil {
				return append(dst, 0xff)
			}
			return good.Append(append(dst, 0), v)
		}, func(src []byte) (ints, []byte, error) {
			switch {
			case len(src) == 0:
				return nil, nil, errors.New("no byte")
			case src[0] == 0xff:
				return nil, src[1:], nil
			}
			return good.Decode(src[1:])
		}),
		"codec/merge": suite(laws.Codec(lossy), gen.Universe[flagged]{{N: 0}, {N: 1}, {N: 2}}, same[flagged]),
		"codec/total": coded(nil, func(src []byte) (ints, []byte, error) {
			if len(src) > 0 && src[0] > 200 {
				_ = make([]byte, 1<<22) // room for as many as were promised
				return nil, nil, errors.New("fewer elements than promised")
			}
			return good.Decode(src)
		}),
	}
}

// functionFaults breaks the laws about functions, queries and domains.
func functionFaults() map[string]laws.Suite {
	set, count := lattice.SetOf[int](), lattice.Max[uint]()
	subsets := gen.Subsets(1, 2, 3)
	function := func(f func(ints) uint) laws.Function[ints, uint] {
		return laws.Function[ints, uint]{F: f, From: set, To: count}
	}
	size := func(s ints) uint { return uint(len(s)) }
	even := func(s ints) uint { return uint(len(s)+1) % 2 }
	pairs := gen.Pairs(gen.Subsets(1, 2), gen.Subsets(1, 2))
	cloneBoth := lattice.PairOf[ints, ints](set, set).Clone
	two := func(f func(a, b ints) uint) laws.Suite {
		return suite(laws.Bimorphism(f, lattice.Merge[ints](set), lattice.Merge[ints](set), count), pairs, cloneBoth)
	}
	has := func(s ints, e int) uint {
		if _, ok := s[e]; ok {
			return 1
		}
		return 0
	}
	nonempty := func(s ints) uint { return min(1, size(s)) }
	collect := func(gc func(s ints) ints, ask func(ints) int) laws.Suite {
		return suite(laws.Compaction(set, laws.Collection[ints, int]{GC: gc, Query: laws.Query[ints, int]{Ask: ask}}), subsets, maps.Clone[ints])
	}
	without := func(s ints, e int) ints { s = maps.Clone(s); delete(s, e); return s }
	return map[string]laws.Suite{
		"morphism/joins":    suite(laws.Morphism(function(size)), subsets, maps.Clone[ints]),
		"morphism/bottom":   suite(laws.Morphism(function(func(ints) uint { return 1 })), subsets, maps.Clone[ints]),
		"monotone/order":    suite(laws.Monotone(function(even)), subsets, maps.Clone[ints]),
		"bimorphism/left":   two(func(a, b ints) uint { return size(a) / 2 * nonempty(b) }),
		"bimorphism/right":  two(func(a, b ints) uint { return nonempty(a) * (size(b) / 2) }),
		"bimorphism/bottom": two(func(a, _ ints) uint { return has(a, 1) }),
		"query/monotone": suite(laws.Queries(set, laws.Query[ints, uint]{
			Ask: even, Leq: func(a, b uint) bool { return a <= b }}), subsets, maps.Clone[ints]),
		"query/denotation": denotationFault(),
		// 2 is collected once 1 is there, and a reader counts it.
		"compaction/unseen": collect(func(s ints) ints {
			if has(s, 1) == 1 {
				return without(s, 2)
			}
			return s
		}, func(s ints) int { return int(has(s, 1) * 10 * has(s, 2)) }),
		"totality/merges": suite(laws.Totality[int](joining(func(a, b int) int {
			if a+b == 5 {
				panic("other kinds")
			}
			return max(a, b)
		}, natural)), gen.Range(0, 3), same[int]),
		"totality/defined": suite(laws.Totality[int](joining(func(a, b int) int {
			if a != b && min(a, b) > 0 {
				return -1 // undefined
			}
			return max(a, b)
		}, natural), laws.Valid(func(v int) error {
			if v < 0 {
				return errors.New("undefined")
			}
			return nil
		})), gen.Range(0, 3), same[int]),
		"order/total": suite(laws.Order(set, laws.TotalOrder()), subsets, maps.Clone[ints]),
	}
}

// denotationFault takes the least of what it is to keep the greatest of.
var denotationFault = sync.OnceValue(func() laws.Suite {
	u := gen.Updates[int, int]{Start: func() int { return 9 }, Ops: gen.Int(1, 3), Delta: func(_, _, op int) int { return op }}
	return plans(laws.Denotation(lattice.Min[int](), u, laws.Query[int, int]{Ask: same[int]}, greatest), u)
})

// greatest is the plain model of a register that keeps the greatest value.
func greatest(seen []gen.Event[int]) int {
	v := 9
	for i, e := range seen {
		if i == 0 || e.Op > v {
			v = e.Op
		}
	}
	return v
}

// moreFaults are those of the sets about more than pairs of states.
func moreFaults() map[string]laws.Suite {
	all := updateFaults()
	maps.Copy(all, decompositionFaults())
	maps.Copy(all, codecFaults())
	maps.Copy(all, functionFaults())
	return all
}
