package gen

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// plainCorrelated is [Correlated] with a copy of a base value for each place: its twin.
func plainCorrelated[T any](g Gen[T], join func(a, b T) T, clone func(T) T) Source[T] {
	return func(d *Draw, tuple []T) {
		var base [poolSize]T
		var drawn [poolSize]bool
		d.made.n = 0
		masks := make([]uint64, len(tuple))
		chooseBases(d, masks)
		for i, mask := range masks {
			first := true
			for j := range base {
				if mask>>j&1 == 0 {
					continue
				}
				if !drawn[j] {
					base[j], drawn[j] = splice(d, inAny(g), 2).(T), true
				}
				if first {
					tuple[i] = copied(base[j], clone)
					first = false
				} else {
					tuple[i] = joinSafely(d, joinAny(join), tuple[i], base[j]).(T)
				}
			}
		}
	}
}

// Law: what is not copied makes no difference, whatever a merge returns: the tuples are
// those of the twin, and places share memory only where they do there.
func TestCorrelatedIsItsTwin(t *testing.T) {
	g := SliceOf(Int(0, 9), 3)
	fresh := func(a, b []int) []int { return slices.Concat(a, b) }
	clones := 0
	clone := func(s []int) []int {
		clones++
		return append(make([]int, 0, len(s)+1), s...)
	}
	share := func(a, b []int) bool {
		return cap(a) > 0 && cap(b) > 0 && &a[:cap(a)][cap(a)-1] == &b[:cap(b)][cap(b)-1]
	}
	for name, join := range map[string]func(a, b []int) []int{
		"fresh": fresh,
		"left":  func(a, b []int) []int { return a },
		"right": func(a, b []int) []int { return b },
		"longer": func(a, b []int) []int {
			if len(a) == len(b) {
				return fresh(a, b)
			}
			if len(a) > len(b) {
				return a
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			shared, fewer, plainly := 0, 0, 0
			for seed := range uint64(3000) {
				x, y := make([][]int, 2+seed%3), make([][]int, 2+seed%3)
				d, e := NewDraw(choice.Seeded(seed)), NewDraw(choice.Seeded(seed))
				clones = 0
				Correlated(g, join, clone)(d, x)
				fewer += clones
				clones = 0
				plainCorrelated(g, join, clone)(e, y)
				plainly += clones
				require.Equal(t, y, x, "seed %d", seed)
				require.Equal(t, e.Asked(), d.Asked())
				for i := range x {
					for j := range i {
						if share(x[i], x[j]) {
							shared++
							require.True(t, share(y[i], y[j]), "seed %d: places %d and %d share memory", seed, i, j)
						}
					}
				}
			}
			assert.Less(t, fewer*10, plainly*9, "copies are saved")
			assert.Equal(t, name != "fresh" && name != "left", shared > 0, "a merge that returns its argument has them share it")
		})
	}
}

// Law: each place of a tuple is the join of some base values; of three for three places, in
// every way alike, and of two for a pair, but for one in twenty or so; the least choice has
// every place be the first of them.
func TestChooseBases(t *testing.T) {
	const of = 60_000
	met := map[[3]uint64]int{}
	for seed := range uint64(of) {
		var three [3]uint64
		chooseBases(NewDraw(choice.Seeded(seed)), three[:])
		met[three]++
	}
	assert.Len(t, met, 7*7*7)
	for masks, n := range met {
		assert.InDelta(t, of/(7*7*7), n, 80, "%v", masks)
	}
	pairs, third := map[[2]uint64]int{}, 0
	for seed := range uint64(of) {
		var two [2]uint64
		chooseBases(NewDraw(choice.Seeded(seed)), two[:])
		pairs[two]++
		if (two[0]|two[1])&4 != 0 {
			third++
		}
	}
	assert.Len(t, pairs, 7*7)
	for a := uint64(1); a <= 3; a++ {
		for b := uint64(1); b <= 3; b++ {
			assert.InDelta(t, of/9, pairs[[2]uint64{a, b}], 600, "%d %d", a, b)
		}
	}
	assert.InDelta(t, of/24, third, 1000)
	least := make([]uint64, 2)
	chooseBases(NewDraw(choice.Benign), least)
	assert.Equal(t, []uint64{1, 1}, least)
}

// Law: a place of a pooled pair ties with the other in half of the pairs; of more places each
// ties with one before it or is a new value, as long as there are fewer than three.
func TestPooledTies(t *testing.T) {
	const of = 20_000
	ties, kinds := 0, map[[3]int]int{}
	for seed := range uint64(of) {
		next := 0
		g := func(*Draw) int { next++; return next }
		pair, three := make([]int, 2), make([]int, 3)
		Pooled(g, nil)(NewDraw(choice.Seeded(seed)), pair)
		if pair[0] == pair[1] {
			ties++
		}
		next = 0
		Pooled(g, nil)(NewDraw(choice.Seeded(seed)), three)
		kinds[[3]int(three)]++
	}
	assert.InDelta(t, of/2, ties, 400)
	assert.InDelta(t, of/9, kinds[[3]int{1, 1, 1}], 400)
	assert.InDelta(t, of*2/9, kinds[[3]int{1, 2, 1}], 400)
	assert.Len(t, kinds, 5)
	for _, masks := range [][3]int{{1, 1, 2}, {1, 2, 2}, {1, 2, 3}} {
		assert.InDelta(t, of*2/9, kinds[masks], 400, "%v", masks)
	}
}

// Law: a Draw that was used and reset is a new one, but for room that it keeps.
func TestResetIsNew(t *testing.T) {
	used := NewDraw(choice.Seeded(1))
	used.OnJoin(func(a, b any) {})
	used.KeepPlain()
	Spliced(Int(0, 9))(used, make([]int, 3))
	used.Fail(ErrNoValue)
	used.over, used.keeping = &overlay{}, true
	src := choice.Seeded(2)
	used.Reset(src)
	fresh := NewDraw(src)
	assert.Empty(t, used.answers)
	assert.Zero(t, used.made.n)
	used.answers, used.made, used.look = fresh.answers, fresh.made, fresh.look
	assert.Equal(t, fresh, used)
}
