package causal_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

func dot(origin, seq uint64) causal.Dot { return causal.Dot{Origin: origin, Seq: seq} }

// after is s with a delta that the mutator made.
func after[T any](t *testing.T, m lattice.Merge[T], s T) func(delta T, err error) T {
	return func(delta T, err error) T {
		t.Helper()
		require.NoError(t, err)
		return lattice.Join(m, s, delta)
	}
}

func TestMutatorsRefuseUsedDots(t *testing.T) {
	m := causal.AWSetOf[string]()
	var s causal.AWSet[string]
	s = after(t, m, s)(s.Add(dot(1, 1), "a"))
	s = lattice.Join(m, s, s.Remove("a"))
	for _, d := range []causal.Dot{dot(1, 1), dot(1, 0)} {
		_, err := s.Add(d, "b")
		assert.ErrorIs(t, err, causal.ErrDot)
		_, err = causal.RWSet[string]{Context: s.Context}.Remove(d, "b")
		assert.ErrorIs(t, err, causal.ErrDot)
		_, err = causal.EWFlag{Context: s.Context}.Enable(d)
		assert.ErrorIs(t, err, causal.ErrDot)
		_, err = causal.DWFlag{Context: s.Context}.Disable(d)
		assert.ErrorIs(t, err, causal.ErrDot)
		_, err = causal.MVRegister[string]{Context: s.Context}.Write(d, "x")
		assert.ErrorIs(t, err, causal.ErrDot)
		_, err = causal.Counter{Context: s.Context}.Add(d, 1)
		assert.ErrorIs(t, err, causal.ErrDot)
		_, err = causal.Counter{Context: s.Context}.Fold(d)
		assert.ErrorIs(t, err, causal.ErrDot)
	}
	maps := causal.ORMapOf[string](causal.CounterStore())
	_, err := maps.Update(causal.ORMap[string, map[causal.Dot]int64]{Context: s.Context}, "k",
		func(at causal.Causal[map[causal.Dot]int64]) (causal.Causal[map[causal.Dot]int64], error) {
			d, err := causal.Counter(at).Add(dot(1, 1), 1)
			return causal.Causal[map[causal.Dot]int64](d), err
		})
	assert.ErrorIs(t, err, causal.ErrDot, "a dot is used up for the whole map")
}

func TestNextDot(t *testing.T) {
	d, err := causal.Dots{1: {{1, 3}, {7, 7}}}.Next(1)
	require.NoError(t, err)
	assert.Equal(t, dot(1, 8), d)
	d, err = causal.Dots(nil).Next(4)
	require.NoError(t, err)
	assert.Equal(t, dot(4, 1), d)
	_, err = causal.Dots{1: {{math.MaxUint64, math.MaxUint64}}}.Next(1)
	assert.ErrorIs(t, err, causal.ErrOverflow)
}

// What is written again takes the place of what was there: the store does not grow.
func TestRepetitionLeavesOneEvent(t *testing.T) {
	sets, flags, registers := causal.AWSetOf[string](), causal.EWFlagMerge(), causal.MVRegisterOf[int]()
	var s causal.AWSet[string]
	var f causal.EWFlag
	var r causal.MVRegister[int]
	for n := range uint64(5) {
		s = after(t, sets, s)(s.Add(dot(1, n+1), "a"))
		f = after(t, flags, f)(f.Enable(dot(1, n+1)))
		r = after(t, registers, r)(r.Write(dot(1, n+1), 3))
	}
	last := causal.Spans{{5, 5}}
	assert.Equal(t, map[string]causal.Dots{"a": {1: last}}, s.Store)
	assert.Equal(t, causal.Dots{1: {{1, 5}}}, s.Context, "one range")
	assert.Equal(t, causal.Dots{1: last}, f.Store)
	assert.Equal(t, map[causal.Dot]int{dot(1, 5): 3}, r.Store)
}

// An update under one key of a map must leave the events of other keys alone, though
// all share a context.
func TestKeysOfMapsDoNotReset(t *testing.T) {
	type amounts = map[causal.Dot]int64
	type record = lattice.Pair[amounts, lattice.Pair[causal.Dots, map[string]causal.Dots]]
	m := causal.ORMapOf[string](causal.DotPairOf(causal.CounterStore(), causal.DotPairOf(causal.DotSet(), causal.DotMapOf[string](causal.DotSet()))))
	type state = causal.ORMap[string, record]
	var s state
	seq := uint64(0)
	fill := func(k string) {
		for _, field := range []func(at causal.Causal[record], d causal.Dot) (record, error){
			func(at causal.Causal[record], d causal.Dot) (record, error) {
				c, err := causal.Counter{Store: at.Store.First, Context: at.Context}.Add(d, 7)
				return record{First: c.Store}, err
			},
			func(at causal.Causal[record], d causal.Dot) (record, error) {
				f, err := causal.EWFlag{Store: at.Store.Second.First, Context: at.Context}.Enable(d)
				return record{Second: lattice.Pair[causal.Dots, map[string]causal.Dots]{First: f.Store}}, err
			},
			func(at causal.Causal[record], d causal.Dot) (record, error) {
				f, err := causal.AWSet[string]{Store: at.Store.Second.Second, Context: at.Context}.Add(d, "x")
				return record{Second: lattice.Pair[causal.Dots, map[string]causal.Dots]{Second: f.Store}}, err
			},
		} {
			seq++
			d := dot(1, seq)
			s = after(t, lattice.Merge[state](m), s)(m.Update(s, k, func(at causal.Causal[record]) (causal.Causal[record], error) {
				r, err := field(at, d)
				return causal.Causal[record]{Store: r, Context: causal.Dots{1: {{d.Seq, d.Seq}}}}, err
			}))
		}
	}
	fill("a")
	fill("b")
	kept := s.At("b").Store
	a := s.At("a")
	for name, gone := range map[string]causal.Dots{
		"counter": causal.Counter{Store: a.Store.First, Context: a.Context}.Reset().Context,
		"flag":    causal.EWFlag{Store: a.Store.Second.First, Context: a.Context}.Disable().Context,
		"set":     causal.AWSet[string]{Store: a.Store.Second.Second, Context: a.Context}.Clear().Context,
		"element": causal.AWSet[string]{Store: a.Store.Second.Second, Context: a.Context}.Remove("x").Context,
		"key":     m.Remove(s, "a").Context,
	} {
		next := lattice.Join(lattice.Merge[state](m), s, state{Context: gone})
		assert.Equal(t, kept, next.At("b").Store, name)
		assert.NotEqual(t, a.Store, next.At("a").Store, name)
	}
	assert.Empty(t, lattice.Join(lattice.Merge[state](m), s, m.Clear(s)).Keys())
	assert.Equal(t, []string{"b"}, lattice.Join(lattice.Merge[state](m), s, m.Remove(s, "a")).Keys())
	assert.Equal(t, lattice.Equal, m.Compare(m.Remove(s, "c"), state{}), "removing what is not there is ⊥")
}

func TestCompatible(t *testing.T) {
	m := causal.AWSetOf[string]()
	var s causal.AWSet[string]
	a := after(t, m, s)(s.Add(dot(1, 1), "a"))
	b := after(t, m, s)(s.Add(dot(1, 1), "b"))
	assert.True(t, a.Compatible(a))
	assert.False(t, a.Compatible(b), "one dot for two events")
	assert.Empty(t, lattice.Join(m, a, b).Elements(), "each takes the other for removed")
	assert.False(t, causal.AWSet[string]{Store: a.Store}.Compatible(s), "a dot that is not in the context")
	twice := causal.AWSet[string]{Store: map[string]causal.Dots{"a": a.Store["a"], "b": a.Store["a"]}, Context: a.Context}
	assert.False(t, twice.Compatible(s), "a dot in two places")

	var r causal.MVRegister[int]
	x := after(t, causal.MVRegisterOf[int](), r)(r.Write(dot(1, 1), 1))
	y := after(t, causal.MVRegisterOf[int](), r)(r.Write(dot(1, 1), 2))
	assert.False(t, x.Compatible(y), "one dot with two values")
	at := causal.Stamp{Time: causal.Hybrid{Wall: 1}}
	assert.False(t, causal.LWW[int]{Stamp: at, Val: 1}.Compatible(causal.LWW[int]{Stamp: at, Val: 2}))
	assert.False(t, causal.LWWMap[string, int]{"k": {Stamp: at, Val: 1}}.Compatible(causal.LWWMap[string, int]{"k": {Stamp: at, Deleted: true}}))
}

func TestCounterOverflow(t *testing.T) {
	g := causal.GCounter{1: math.MaxUint64 - 1}
	d, err := g.Increment(1, 1)
	require.NoError(t, err)
	assert.Equal(t, causal.GCounter{1: math.MaxUint64}, d)
	_, err = g.Increment(1, 2)
	assert.ErrorIs(t, err, causal.ErrOverflow, "nothing wraps")
	_, err = causal.GCounter{1: math.MaxUint64, 2: 1}.Value()
	assert.ErrorIs(t, err, causal.ErrOverflow)
	zero, err := g.Increment(2, 0)
	require.NoError(t, err)
	assert.Empty(t, zero, "adding nothing leaves nothing")

	p := causal.PNCounter{First: causal.Version{1: math.MaxUint64}, Second: causal.Version{2: math.MaxUint64 - 4}}
	n, err := p.Value()
	require.NoError(t, err)
	assert.Equal(t, int64(4), n, "exact though the parts are beyond an int64")
	_, err = p.Add(1, 1)
	assert.ErrorIs(t, err, causal.ErrOverflow)
	d2, err := p.Add(3, math.MinInt64)
	require.NoError(t, err)
	assert.Equal(t, uint64(1)<<63, d2.Second[3])
	_, err = causal.PNCounter{First: causal.Version{1: 1 << 63}}.Value()
	assert.ErrorIs(t, err, causal.ErrOverflow)
	n, err = causal.PNCounter{Second: causal.Version{1: 1 << 63}}.Value()
	require.NoError(t, err)
	assert.Equal(t, int64(math.MinInt64), n)

	big := causal.Counter{
		Store:   map[causal.Dot]int64{dot(1, 1): math.MaxInt64, dot(1, 2): 1, dot(2, 1): -1},
		Context: causal.Dots{1: {{1, 2}}, 2: {{1, 1}}},
	}
	n, err = big.Value()
	require.NoError(t, err)
	assert.Equal(t, int64(math.MaxInt64), n)
	_, err = big.Fold(dot(1, 3))
	assert.ErrorIs(t, err, causal.ErrOverflow)
	assert.ErrorContains(t, err, "folding the changes of origin 1")
}

// The price of Fold, as documented: a reset that saw a folded change, but not the
// fold, does not take it away.
func TestFoldAgainstConcurrentReset(t *testing.T) {
	m := causal.CounterMerge()
	var c causal.Counter
	c = after(t, m, c)(c.Add(dot(1, 1), 5))
	reset := c.Reset()
	folded := after(t, m, after(t, m, c)(c.Add(dot(1, 2), 1)))(after(t, m, c)(c.Add(dot(1, 2), 1)).Fold(dot(1, 3)))
	assert.Len(t, folded.Store, 1)
	n, err := lattice.Join(m, folded, reset).Value()
	require.NoError(t, err)
	assert.Equal(t, int64(6), n)
}

func TestHybridClocks(t *testing.T) {
	next := func(h causal.Hybrid, err error) causal.Hybrid {
		t.Helper()
		require.NoError(t, err)
		return h
	}
	h := next(causal.Hybrid{}.Now(10))
	assert.Equal(t, causal.Hybrid{Wall: 10}, h)
	h = next(h.Now(10))
	assert.Equal(t, causal.Hybrid{Wall: 10, Logical: 1}, h)
	h = next(h.Now(3))
	assert.Equal(t, causal.Hybrid{Wall: 10, Logical: 2}, h, "the physical clock stepped back")
	h = next(h.Update(causal.Hybrid{Wall: 12, Logical: 4}, 11))
	assert.Equal(t, causal.Hybrid{Wall: 12, Logical: 5}, h, "after the message")
	h = next(h.Update(causal.Hybrid{Wall: 1, Logical: 9}, 12))
	assert.Equal(t, causal.Hybrid{Wall: 12, Logical: 6}, h, "an old message")
	assert.Equal(t, []uint64{2, 0}, []uint64{h.Ahead(10), h.Ahead(30)})
	full := causal.Hybrid{Wall: 5, Logical: math.MaxUint32}
	assert.Equal(t, causal.Hybrid{Wall: 6}, next(full.Now(5)), "a full tick is left for the next")
	_, err := causal.Hybrid{Wall: math.MaxUint64, Logical: math.MaxUint32}.Now(7)
	assert.ErrorIs(t, err, causal.ErrOverflow)
}

// Contexts are compressed: what is merged away may be a range without end, and the
// work must not be of its length.
func TestRangesWithoutEndAreDroppedAtOnce(t *testing.T) {
	all := causal.Dots{1: {{1, math.MaxUint64}}, 2: {{1, math.MaxUint64}}}
	r := causal.MVRegister[int]{Store: map[causal.Dot]int{dot(1, 5): 3}, Context: all}
	assert.True(t, causal.MVRegisterOf[int]().MergeIn(&r, causal.MVRegister[int]{Context: all}))
	assert.Empty(t, r.Store)
	s := causal.AWSet[int]{Store: map[int]causal.Dots{7: all}, Context: all}
	assert.True(t, causal.AWSetOf[int]().MergeIn(&s, causal.AWSet[int]{Context: all}))
	assert.Empty(t, s.Store)
}

func TestTiesOfRegistersAreBroken(t *testing.T) {
	m := causal.LWWOf[string]()
	at := causal.Stamp{Origin: 1}
	value, gone := causal.LWW[string]{Stamp: at, Val: ""}, causal.LWW[string]{Stamp: at, Deleted: true}
	assert.Equal(t, lattice.Less, m.Compare(value, gone), "a removal wins")
	assert.Equal(t, lattice.Less, m.Compare(value, causal.LWW[string]{Stamp: at, Val: "a"}))
	_, there := lattice.Join(m, value, gone).Get()
	assert.False(t, there)
}

func TestWritesNeedAStamp(t *testing.T) {
	_, err := causal.LWW[string]{}.Write(causal.Stamp{}, "x")
	assert.ErrorIs(t, err, causal.ErrStamp)
	_, err = causal.LWWMap[string, string]{}.Put(causal.Stamp{}, "k", "x")
	assert.ErrorIs(t, err, causal.ErrStamp)
	_, err = causal.LWWMap[string, string]{}.Remove(causal.Stamp{}, "k")
	assert.ErrorIs(t, err, causal.ErrStamp)
	_, there := causal.LWW[string]{}.Get()
	assert.False(t, there)
}

func TestDecodersRefuseWhatIsNotWellFormed(t *testing.T) {
	refuses(t, causal.EWFlagMerge(), []byte{0, 1, 1, 1, 0, 0}, "a live dot that is not in the context")
	refuses(t, causal.AWSetOf[string](), []byte{1, 1, 1, 0, 0, 2, 1, 'a', 1, 1, 1, 0, 0, 1, 'b', 1, 1, 1, 0, 0}, "a dot under two keys")
	refuses(t, causal.AWSetOf[string](), []byte{1, 1, 1, 0, 0, 1, 1, 'a', 0}, "a key without events")
	refuses(t, causal.AWSetOf[string](), []byte{0, 2, 1, 'b', 0, 1, 'a', 0}, "keys out of order")
	refuses(t, causal.MVRegisterOf[int](), []byte{1, 1, 1, 0, 1, 2, 1, 2, 0, 1, 1, 0}, "dots out of order")
	refuses(t, causal.MVRegisterOf[int](), []byte{0, 1, 1, 0, 0}, "a dot that names no event")
	refuses(t, causal.LWWOf[int](), []byte{3}, "no such register")
	refuses(t, causal.LWWOf[int](), []byte{1, 0, 0, 0, 2}, "a write without a stamp")
	refuses(t, causal.HybridMerge(), []byte{1, 0x80, 0x80, 0x80, 0x80, 0x10}, "logical time beyond 32 bits")
	refuses(t, causal.GCounterMerge(), []byte{1, 1, 0}, "an origin at zero")
}

func refuses[T any](t *testing.T, m lattice.Merge[T], b []byte, why string) {
	t.Helper()
	_, err := lattice.Decode(m, b)
	assert.ErrorIs(t, err, causal.ErrDecode, why)
}
