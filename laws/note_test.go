package laws_test

import (
	"io"
	"log"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// zone is interned: zones are compared by their address.
type zone struct{ name string }

var zones = []*zone{{"north"}, {"south"}}

type visit struct {
	Zone *zone
	At   int
}

type summed struct {
	Items []int
	sum   int // kept from when it was asked for
}

type logging struct {
	Seen map[int]int
	Log  *log.Logger
}

// A failure says that a copy is to be suspected where states share memory that a copy
// does not, and names the path and the option; and says nothing elsewhere.
func TestSuspectedCopies(t *testing.T) {
	visits := func(zoneOf func(d *gen.Draw) *zone) gen.Gen[visit] {
		return func(d *gen.Draw) visit { return visit{zoneOf(d), d.Index("at", 3)} }
	}
	interned := func(d *gen.Draw) *zone { return zones[d.Index("zone", 2)] }
	fresh := func(d *gen.Draw) *zone { return &zone{zones[d.Index("zone", 2)].name} }
	north := func(v visit) bool { return v.Zone == zones[0] } // true of no copy
	byAddress := func(a, b visit) visit {
		switch {
		case north(a) == north(b) && a.At >= b.At, north(a) && !north(b):
			return a
		}
		return b
	}
	arrival := func(a, b visit) visit { return b }
	written := func(a, b visit) visit { a.Zone.name += "+"; return b }
	clone := laws.Clone(func(v visit) visit { return v })
	note := func(r laws.Report) string {
		require.NotEmpty(t, r.Failing())
		for _, res := range r.Results {
			if res.Status == laws.Failed {
				if res.Failure.Note != "" {
					assert.Contains(t, res.Failure.String(), "note   "+res.Failure.Note+"\n")
				}
				return res.Failure.Note
			}
		}
		return ""
	}
	visited := func(merge func(a, b visit) visit, zoneOf func(d *gen.Draw) *zone, opts ...laws.Option) string {
		set := laws.Func(merge, opts...)
		return note(laws.Run(set, laws.SourceOf(set, visits(zoneOf)), laws.RunOptions{Seed: 3, Cases: 500}))
	}
	const shared = "states drawn apart share memory, a.Zone of type *laws_test.zone, and the copies that the check makes do not: " +
		"if it is compared by its address, laws.Clone says how states are copied"
	assert.Equal(t, shared, visited(byAddress, interned))
	assert.Empty(t, visited(arrival, fresh), "nothing is shared")
	assert.Empty(t, visited(arrival, interned, clone), "the user says how states are copied")
	assert.Empty(t, visited(written, fresh), "arguments are written into")
	later := laws.Func(func(a, b [2]int) [2]int { return b })
	pairs := gen.Gen[[2]int](func(d *gen.Draw) [2]int { return [2]int{d.Index("a", 3), d.Index("b", 3)} })
	assert.Empty(t, note(laws.Run(later, laws.SourceOf(later, pairs), laws.RunOptions{Seed: 3})), "a plain type")

	sums := gen.Gen[summed](func(d *gen.Draw) summed { return summed{Items: gen.SliceOf(gen.Int(0, 3), 3)(d)} })
	cachedOnce := func(a, b summed) summed {
		j := summed{Items: slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Items, b.Items))))}
		if len(a.Items) > len(b.Items) {
			j.sum = len(j.Items)
		}
		return j
	}
	set := laws.Func(cachedOnce)
	text := note(laws.Run(set.Only("semilattice/commutative"), laws.SourceOf(set, sums), laws.RunOptions{Seed: 3}))
	assert.Equal(t, "the sides differ in a.sum alone, which is unexported beside exported fields: if it is a cache and no state, laws.State says so", text)
	both := laws.Func(func(a, b summed) summed { return summed{Items: b.Items, sum: a.sum + 1} })
	assert.Empty(t, note(laws.Run(both.Only("semilattice/commutative"), gen.Independent(sums), laws.RunOptions{Seed: 3})), "exported fields differ too")

	logger := log.New(io.Discard, "", 0)
	logs := gen.Gen[logging](func(d *gen.Draw) logging { return logging{map[int]int{d.Index("k", 2): d.Index("n", 3)}, logger} })
	last := laws.Func(func(a, b logging) logging { return b })
	text = note(laws.Run(last, laws.SourceOf(last, logs), laws.RunOptions{Seed: 3}))
	assert.Contains(t, text, "a.Log of type *log.Logger is kept by the copies that the check makes")
}
