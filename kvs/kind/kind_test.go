package kind_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
)

func find(t *testing.T, name string) kind.Kind {
	k, ok := kind.Default().Find(name)
	require.True(t, ok)
	return k
}

func TestKinds(t *testing.T) {
	_, err := kind.New(kind.Spec[kind.GrowSet]{Name: "x"})
	assert.ErrorIs(t, err, kind.ErrKind)
	set := find(t, "set")
	_, err = kind.NewKinds(set, set)
	assert.ErrorIs(t, err, kind.ErrKind)
	_, err = set.Decode([]byte{1, 1, 'a', 0})
	assert.ErrorIs(t, err, kind.ErrDecode, "bytes left over")
}

func TestCounterSum(t *testing.T) {
	type one = lattice.Entry[uint64, kind.Sum]
	sum := func(inc, dec kind.Sums) (int64, error) {
		return kind.CounterSum(kind.Counter{First: inc, Second: dec})
	}
	n, err := sum(kind.Sums{one{Key: 1, Val: kind.Sum{First: 5}}, one{Key: 2, Val: kind.Sum{First: 7}}}, kind.Sums{one{Key: 1, Val: kind.Sum{First: 20}}})
	require.NoError(t, err)
	assert.Equal(t, int64(-8), n)
	n, err = sum(kind.Sums{one{Key: 1, Val: kind.Sum{First: math.MaxUint64}}, one{Key: 2, Val: kind.Sum{First: math.MaxUint64}}}, kind.Sums{one{Key: 3, Val: kind.Sum{First: math.MaxUint64}}, one{Key: 4, Val: kind.Sum{First: math.MaxUint64 - 3}}})
	require.NoError(t, err)
	assert.Equal(t, int64(3), n, "wide intermediate sums do not matter")
	_, err = sum(kind.Sums{one{Key: 1, Val: kind.Sum{First: math.MaxInt64 + 1}}}, nil)
	assert.ErrorIs(t, err, kind.ErrOverflow)
	n, err = sum(nil, kind.Sums{one{Key: 1, Val: kind.Sum{First: 1 << 63}}})
	require.NoError(t, err)
	assert.Equal(t, int64(math.MinInt64), n)

	counter := find(t, "counter")
	own := counter.New()
	for range 2 {
		d, err := counter.Mutate(kind.Update{Arg: kind.Amount(math.MinInt64), Origin: 1}, own)
		if err != nil {
			assert.ErrorIs(t, err, kind.ErrOverflow, "2 × 2^63 does not fit the sum of one origin")
			return
		}
		own.MergeIn(d)
	}
	t.Error("the overflow was accepted")
}

// lacking is a merge without some of what a kind needs.
type lacking struct {
	lattice.Merge[kind.GrowSet]
	lacks func(*lattice.Caps[kind.GrowSet])
}

func (l lacking) Caps() lattice.Caps[kind.GrowSet] {
	c := lattice.CapsOf(l.Merge)
	l.lacks(&c)
	return c
}

// TestKindNeeds: a kind without one of what it needs is refused, and says which.
func TestKindNeeds(t *testing.T) {
	type spec = kind.Spec[kind.GrowSet]
	for name, take := range map[string]func(*spec){
		"nothing":   func(*spec) {},
		"long name": func(s *spec) { s.Name = string(make([]byte, kind.MaxName)) },
		"settles": func(s *spec) {
			s.Own, s.Settle = true, func(uint64, kind.GrowSet) (kind.GrowSet, bool) { return nil, false }
		},
		"other caps": func(s *spec) {
			s.Merge = lacking{s.Merge, func(c *lattice.Caps[kind.GrowSet]) { c.Diff, c.Top, c.Atoms = nil, nil, nil }}
		},
	} {
		s := kind.SetSpec()
		take(&s)
		_, err := kind.New(s)
		assert.NoError(t, err, name)
	}
	for name, take := range map[string]func(*spec){
		"no name":       func(s *spec) { s.Name = "" },
		"longer name":   func(s *spec) { s.Name = string(make([]byte, kind.MaxName+1)) },
		"no mutator":    func(s *spec) { s.Mutate = nil },
		"own":           func(s *spec) { s.Own = true },
		"settle":        func(s *spec) { s.Settle = func(uint64, kind.GrowSet) (kind.GrowSet, bool) { return nil, false } },
		"lacks bottom":  func(s *spec) { s.Merge = lacking{s.Merge, func(c *lattice.Caps[kind.GrowSet]) { c.Bottom = nil }} },
		"lacks encoder": func(s *spec) { s.Merge = lacking{s.Merge, func(c *lattice.Caps[kind.GrowSet]) { c.Append = nil }} },
		"lacks decoder": func(s *spec) { s.Merge = lacking{s.Merge, func(c *lattice.Caps[kind.GrowSet]) { c.Decode = nil }} },
	} {
		s := kind.SetSpec()
		take(&s)
		_, err := kind.New(s)
		assert.ErrorIs(t, err, kind.ErrKind, name)
	}
}
