package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/linearizability/history"
)

// TestSubsetSumsByBitsAndByList holds the set of bits to the list of sums.
func TestSubsetSumsByBitsAndByList(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	found, beyond := 0, 0
	var sums SubsetSums
	for range 20_000 {
		top := int64(1) << r.IntN(20)
		incs := make([]*history.Op, r.IntN(12))
		for i := range incs {
			incs[i] = &history.Op{Type: history.Counter, Func: history.Inc, Arg: history.Int(r.Int64N(2*top+1) - top)}
		}
		skip := r.IntN(4)
		left := func(p *history.Op) bool {
			for i, q := range incs {
				if p == q {
					return i%4 == skip
				}
			}
			return false
		}
		base := r.Int64N(2*top+1) - top
		want := base + r.Int64N(4*top+1) - 2*top
		if r.IntN(2) == 0 { // a sum there is
			want = base
			for _, p := range incs {
				if n, _ := p.Arg.AsInt(); !left(p) && r.IntN(2) == 0 {
					want += n
				}
			}
		}
		plain := subsetSumsByList(want, base, incs, left)
		if !sums.Reset(base, incs, left) {
			beyond++
			continue
		}
		for _, p := range incs {
			if n, _ := p.Arg.AsInt(); !left(p) {
				sums.Add(n)
			}
		}
		got := sums.Has(want)
		assert.Equal(t, plain, got, "want %d from %d", want, base)
		if got {
			found++
		}
	}
	assert.Greater(t, found, 5000)
	assert.Greater(t, beyond, 100)
	assert.True(t, sums.Reset(math.MaxInt64, nil, nil))
	assert.False(t, sums.Has(math.MinInt64))
	assert.True(t, sums.Has(math.MaxInt64))
}

// TestSetsExplainedByListAndByTable holds the search in an ascending list to the
// table of keys.
func TestSetsExplainedByListAndByTable(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	explained := 0
	for range 10_000 {
		var issued, required []*history.Op
		var elems []history.Value
		for range r.IntN(10) {
			p := &history.Op{Type: history.Set, Func: history.Add, Arg: history.Str(fmt.Sprint("e", r.IntN(400)/(1+r.IntN(50))))}
			issued = append(issued, p)
			if r.IntN(4) > 0 {
				elems = append(elems, p.Arg)
			}
			if r.IntN(8) == 0 {
				required = append(required, p)
			}
		}
		if r.IntN(8) == 0 {
			elems = append(elems, history.Str("never added"))
		}
		if r.IntN(50) == 0 {
			for i := range 300 {
				issued = append(issued, &history.Op{Arg: history.Int(int64(i))})
				elems = append(elems, history.Int(int64(i)))
			}
		}
		read := &history.Op{Type: history.Set, Func: history.Read, Out: history.SetOf(elems...)}
		list, _ := read.Out.AsList()
		want := tableExplains(read, issued, required)
		assert.Equal(t, want, listExplains(list, issued, required))
		assert.Equal(t, want, Explains(read, issued, required))
		if want {
			explained++
		}
	}
	assert.Greater(t, explained, 1000)
}
