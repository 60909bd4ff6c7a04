package causal

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/joinery-go/joinery/lattice"
)

// Counter is a counter that can be reset: the signed amounts of the changes that no
// reset has seen, each under its dot. It can be embedded in causal maps, where
// removing its key resets it. It grows by an entry a change; [Counter.Fold] gives
// the entries of one origin back. For counting without resets, [GCounter] and
// [PNCounter] need an entry an origin only.
type Counter Causal[map[Dot]int64]

// CounterStore is the store of [Counter], for causal maps of counters.
func CounterStore() Store[map[Dot]int64] { return DotFunOf(lattice.Max[int64]()) }

// CounterMerge merges resettable counters: a reset takes away exactly the changes
// it has seen. (The exact variant of the counters that Baquero, Almeida and Lerche,
// "The problem with embedded CRDT counters and a solution", 2016, discuss: the
// changes are not fused, so none is lost with another and none comes back.)
// Amounts of one dot differ only in states that are not [Compatible]; then the
// greater one is kept.
func CounterMerge() lattice.Merge[Counter] { return lattice.As[Counter](CausalOf(CounterStore())) }

// Add is the delta that changes the counter by n; dot names the event and must be
// fresh. Adding 0 is ⊥, no event, and leaves no trace.
func (c Counter) Add(dot Dot, n int64) (Counter, error) {
	if err := c.Context.fresh(dot); err != nil {
		return Counter{}, err
	}
	if n == 0 {
		return Counter{map[Dot]int64{}, Dots{}}, nil
	}
	return Counter{map[Dot]int64{dot: n}, dotsOf(dot)}, nil
}

// Reset is the delta that takes away all changes known here. It needs no dot.
func (c Counter) Reset() Counter { return Counter{map[Dot]int64{}, keysOf(c.Store)} }

// Value is the sum of the changes, or ErrOverflow where that does not fit an
// int64. A sum that fits is exact whatever the sums on the way are.
func (c Counter) Value() (int64, error) {
	var s sum
	//joinery:anyorder a sum
	for _, n := range c.Store {
		s.addSigned(n)
	}
	return s.signed()
}

// Fold is the delta that puts one event in the place of all changes by dot's
// origin, without changing the value; dot must be fresh. It is for the origin
// itself to make, now and then. The price: a reset that has seen some of the
// folded changes, but not the fold, no longer takes them away. It is ErrOverflow
// where the sum of the folded changes does not fit an int64.
func (c Counter) Fold(dot Dot) (Counter, error) {
	if err := c.Context.fresh(dot); err != nil {
		return Counter{}, err
	}
	var s sum
	folded := make(Dots)
	//joinery:anyorder a sum and a set
	for d, n := range c.Store {
		if d.Origin == dot.Origin {
			s.addSigned(n)
			folded.Add(d)
		}
	}
	n, err := s.signed()
	if err != nil {
		return Counter{}, fmt.Errorf("folding the changes of origin %d: %w", dot.Origin, err)
	}
	delta := Counter{map[Dot]int64{}, folded}
	if n != 0 {
		delta.Store[dot] = n
		folded.Add(dot)
	}
	return delta, nil
}

// Compatible is [Compatible] for counters.
func (c Counter) Compatible(d Counter) bool {
	return Compatible(CounterStore(), Causal[map[Dot]int64](c), Causal[map[Dot]int64](d))
}

// GCounter is a counter that only grows: for each origin the sum of its own
// increments. An origin at 0 and an absent one are the same, and only the absent
// one is stored.
type GCounter Version

// GCounterMerge merges grow-only counters origin by origin to the greater sum,
// which is lawful on all states and right where each origin increments in one
// place only. (Shapiro et al. 2011, section 3.1.1.)
func GCounterMerge() lattice.Merge[GCounter] { return lattice.As[GCounter](VersionMerge()) }

// Increment is the delta that adds n to the sum of origin; adding 0 is ⊥. It is
// ErrOverflow where the origin's sum has no room: nothing wraps and nothing
// saturates.
func (c GCounter) Increment(origin, n uint64) (GCounter, error) {
	total, carry := bits.Add64(c[origin], n, 0)
	if carry != 0 {
		return nil, fmt.Errorf("%w: %d on top of %d at origin %d", ErrOverflow, n, c[origin], origin)
	}
	if n == 0 {
		return GCounter{}, nil
	}
	return GCounter{origin: total}, nil
}

// Value is the sum over all origins, or ErrOverflow where that does not fit 64
// bits. The state is whole even then, and merges.
func (c GCounter) Value() (uint64, error) {
	var s sum
	//joinery:anyorder a sum
	for _, n := range c {
		s.add(n)
	}
	if s.hi != 0 {
		return 0, fmt.Errorf("%w: the sum does not fit 64 bits", ErrOverflow)
	}
	return s.lo, nil
}

// PNCounter is a counter that goes both ways: the increments (First) and the
// decrements (Second), each summed by origin.
type PNCounter lattice.Pair[Version, Version]

// PNCounterMerge merges counters part by part, as [GCounterMerge] does each.
// (Shapiro et al. 2011, section 3.1.3.)
func PNCounterMerge() lattice.Merge[PNCounter] {
	return lattice.As[PNCounter](lattice.PairOf(VersionMerge(), VersionMerge()))
}

// Add is the delta that changes the counter by n at origin; adding 0 is ⊥. It is
// ErrOverflow where the origin's increments, or else its decrements, have no room
// for it in 64 bits.
func (c PNCounter) Add(origin uint64, n int64) (PNCounter, error) {
	part, size := c.First, uint64(n)
	if n < 0 {
		part, size = c.Second, -uint64(n)
	}
	d, err := GCounter(part).Increment(origin, size)
	switch {
	case err != nil:
		return PNCounter{}, err
	case n < 0:
		return PNCounter{First: Version{}, Second: Version(d)}, nil
	}
	return PNCounter{First: Version(d), Second: Version{}}, nil
}

// Value is the increments less the decrements, or ErrOverflow where that does not
// fit an int64. A value that fits is exact whatever the sums on the way are.
func (c PNCounter) Value() (int64, error) {
	var s sum
	//joinery:anyorder a sum
	for _, n := range c.First {
		s.add(n)
	}
	//joinery:anyorder a sum
	for _, n := range c.Second {
		s.subtract(n)
	}
	return s.signed()
}

// sum is a 128-bit number in two's complement. It holds the sum of more 64-bit
// numbers than a memory does, in any order.
type sum struct{ hi, lo uint64 }

func (s *sum) add(n uint64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, n, 0)
	s.hi += carry
}

func (s *sum) subtract(n uint64) {
	var borrow uint64
	s.lo, borrow = bits.Sub64(s.lo, n, 0)
	s.hi -= borrow
}

func (s *sum) addSigned(n int64) {
	if n < 0 {
		s.subtract(-uint64(n))
	} else {
		s.add(uint64(n))
	}
}

func (s sum) signed() (int64, error) {
	if s.hi == 0 && s.lo <= math.MaxInt64 || s.hi == math.MaxUint64 && s.lo > math.MaxInt64 {
		return int64(s.lo), nil
	}
	return 0, fmt.Errorf("%w: the sum does not fit a signed 64-bit number", ErrOverflow)
}
