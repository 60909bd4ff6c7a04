package laws_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// TestClonesOfEachKind breaks each part of the law of clones alone: a copy that is another state, and
// one that is merged into in place while what it was made of is not.
func TestClonesOfEachKind(t *testing.T) {
	short := unions()
	short.clone = func(v ints) ints {
		w := ints{}
		for e := range v {
			if e != 3 {
				w[e] = struct{}{}
			}
		}
		return w
	}
	found(t, "inplace/clone-independent", suite(laws.InPlace[ints](short), gen.Subsets(1, 2, 3), unions().clone))

	shared, copied := cowMerge(false), cowMerge(false).clone
	shared.clone = func(v cow) cow { return cow{v.Slots, true} }
	found(t, "inplace/clone-independent", suite(laws.InPlace(shared), cows(false), copied))
}

// heard is a sum a replica, and the last operation of one that had heard of others.
type heard struct {
	Sums [gen.Replicas]int
	Last int
}

type hearing struct {
	Replica, N int
	Heard      bool
}

func hearsay(change func(o *laws.OperationBased[heard, int, hearing])) laws.Set[laws.Schedule[int]] {
	o := laws.OperationBased[heard, int, hearing]{
		Start: func() heard { return heard{} },
		Prepare: func(s heard, replica, n int) hearing {
			others := slices.IndexFunc(s.Sums[:], func(sum int) bool { return sum > 0 && sum != s.Sums[replica] })
			return hearing{replica, n, others >= 0}
		},
		Effect: func(s heard, m hearing) heard {
			s.Sums[m.Replica] += m.N
			if m.Heard {
				s.Last = 10*m.Replica + m.N
			}
			return s
		},
	}
	if change != nil {
		change(&o)
	}
	return laws.OperationConvergence(o)
}

// TestOperationsHearOfOthers has operations conflict only where who does them has heard of others
// before: schedules deliver between operations.
func TestOperationsHearOfOthers(t *testing.T) {
	found(t, "ops/commute", scheduled(hearsay(nil)))
}

// TestDeterministicOfLaterReplicas has the effect of one replica's operations differ from time to
// time, in a schedule in which the replicas before it do nothing.
func TestDeterministicOfLaterReplicas(t *testing.T) {
	for replica := range gen.Replicas {
		calls := 0
		set := hearsay(func(o *laws.OperationBased[heard, int, hearing]) {
			o.Effect = func(s heard, m hearing) heard {
				calls++
				s.Last = calls
				return s
			}
		})
		r := laws.Run(set, gen.Independent(gen.Just(laws.Schedule[int]{{Replica: replica, Op: 1}})), laws.RunOptions{Cases: 3, Only: "ops/deterministic"})
		require.NoError(t, r.Err)
		assert.Equal(t, []string{"ops/deterministic"}, r.Failing(), "replica %d", replica)
	}
}

// TestDetectionReads pins the table of what was found.
func TestDetectionReads(t *testing.T) {
	d := laws.Detection{Rows: []laws.Detected{
		{Mutant: "of all", Law: "order", Seeds: 4, Found: 4, Min: 1, Median: 2, Max: 30, Sizes: []int{5, 6, 7, 8}, Least: 3},
		{Mutant: "none", Law: "grew", Seeds: 4},
		{Mutant: "wrong", Err: fmt.Errorf("no such law")},
	}}
	assert.False(t, d.OK())
	assert.Equal(t, ""+
		"MUTANT LAW                              FOUND   CASES min/median/max    SHRUNK TO LEAST\n"+
		"of all order                              4/4                 1/2/30     3 of 4, size 5\n"+
		"none   grew                               0/4                  0/0/0\n"+
		"wrong  no such law\n", d.String())
}

// TestRowsOfAUniverse: a law that all tuples of a universe satisfy is exhausted.
func TestRowsOfAUniverse(t *testing.T) {
	e := laws.Register("or", lattice.Or(), gen.Independent(gen.AnyIn(gen.Bools(), same[bool])), laws.WithUniverse(gen.Bools()))
	for _, row := range laws.Rows([]laws.Entry{e}, laws.MatrixOptions{Seed: 1, Only: "semilattice"}) {
		assert.Equal(t, "exhausted(2 states)", row.Status, row.Law)
	}
}

// TestWhereALongArgumentChanged: of a long state that a merge has written into, the place is told, with
// what it had before and what it has.
func TestWhereALongArgumentChanged(t *testing.T) {
	careless := laws.Func(func(a, b []int) []int {
		joined := slices.Clone(a)
		for i := range joined {
			joined[i] = max(joined[i], b[i])
		}
		b[700] = 41
		return joined
	})
	long := gen.Independent(func(d *gen.Draw) []int {
		s := make([]int, 800)
		s[3] = d.Index("third", 9)
		return s
	})
	r := laws.Run(careless, long, laws.RunOptions{Seed: 1, Only: "inplace/arguments-unchanged"})
	require.NoError(t, r.Err)
	require.Equal(t, []string{"inplace/arguments-unchanged"}, r.Failing())
	res, _ := r.Result("inplace/arguments-unchanged")
	assert.Contains(t, res.Failure.String(), ", changed at a[700]: 0 against 41")
}
