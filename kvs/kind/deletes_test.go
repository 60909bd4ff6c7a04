package kind_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// TestLaws: what is held of a kind that has deletes is a lattice.
func TestLaws(t *testing.T) {
	t.Run("register", func(t *testing.T) {
		m := kind.RegisterMerge()
		laws.Check(t, laws.Lattice(m), gen.For(m, gen.FromRapid(rapid.Custom(func(t *rapid.T) kind.Register {
			content := lattice.None[string]()
			if rapid.Bool().Draw(t, "some") {
				content = lattice.Some(rapid.SampledFrom([]string{"", "a"}).Draw(t, "content"))
			}
			return kind.Register{First: rapid.Uint64Range(0, 2).Draw(t, "clock"), Second: lattice.Pair[uint64, lattice.Option[string]]{
				First: rapid.Uint64Range(0, 2).Draw(t, "writer"), Second: content,
			}}
		}))))
	})
	t.Run("counter", func(t *testing.T) {
		m := kind.CounterMerge()
		laws.Check(t, laws.Lattice(m), gen.For(m, gen.FromRapid(rapid.Custom(func(t *rapid.T) kind.Counter {
			var c kind.Counter
			for range rapid.IntRange(0, 3).Draw(t, "rows") {
				one := kind.Sums{{Key: rapid.Uint64Range(1, 2).Draw(t, "origin"), Val: kind.Sum{
					First: rapid.Uint64Range(0, 3).Draw(t, "added"), Second: rapid.Uint64Range(0, 3).Draw(t, "taken"),
				}}}
				if rapid.Bool().Draw(t, "up") {
					m.MergeIn(&c, kind.Counter{First: one})
				} else {
					m.MergeIn(&c, kind.Counter{Second: one})
				}
			}
			return c
		}))))
	})
	t.Run("addwins", func(t *testing.T) {
		m := kind.AddWinsMerge()
		laws.Check(t, laws.Lattice(m), gen.For(m, gen.FromRapid(rapid.Custom(func(t *rapid.T) kind.AddWins {
			var s kind.AddWins
			for range rapid.IntRange(0, 3).Draw(t, "adds") {
				added := kind.Added{Second: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "element")}
				if rapid.Bool().Draw(t, "gone") {
					added = kind.Added{First: true}
				}
				m.MergeIn(&s, kind.AddWins{{Key: rapid.Uint64Range(1, 2).Draw(t, "writer"), Val: kind.Adds{{Key: rapid.Uint64Range(1, 2).Draw(t, "clock"), Val: added}}}})
			}
			return s
		}))))
	})
	t.Run("map", func(t *testing.T) {
		m := kind.MapOf("map", kind.AddWinsSpec()).Merge
		laws.Check(t, laws.Lattice(m), gen.For(m, gen.FromRapid(rapid.Custom(func(t *rapid.T) kind.Map[kind.AddWins] {
			var x kind.Map[kind.AddWins]
			for range rapid.IntRange(0, 3).Draw(t, "fields") {
				added := kind.Added{First: rapid.Bool().Draw(t, "gone")}
				if !added.First {
					added.Second = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "element")
				}
				one := kind.AddWins{{Key: rapid.Uint64Range(1, 2).Draw(t, "writer"), Val: kind.Adds{{Key: 1, Val: added}}}}
				m.MergeIn(&x, kind.Map[kind.AddWins]{{Key: rapid.SampledFrom([]string{"f", "g"}).Draw(t, "field"), Val: one}})
			}
			return x
		}))))
	})
}

// op is a write of the plain twin: what it does, and which writes its replica had met.
type op struct {
	delta kind.Value
	del   bool
	arg   string // the element, of a delete "" for all
	n     int64  // the amount
	seen  []int
}

// TestDeletesTakeWhatTheyHaveSeen: replicas write, delete, and meet each other's deltas in any
// order and more than once; what each holds is what a list of its writes says: those that no
// delete among them had seen. Of a counter a replica meets the writes of another in order.
func TestDeletesTakeWhatTheyHaveSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	gone, spared := 0, 0
	for round := range 3000 {
		name := []string{"addwins", "counter"}[round%2]
		k := find(t, name)
		const replicas = 3
		var ops []op
		var by [replicas][]int // the writes of each, in order
		var met [replicas]map[int]bool
		var held, own [replicas]kind.Value
		for n := range replicas {
			met[n], held[n], own[n] = map[int]bool{}, k.New(), k.New()
		}
		for range 4 + r.IntN(10) {
			n := r.IntN(replicas)
			if r.IntN(2) == 0 && len(ops) > 0 {
				from := r.IntN(replicas)
				for i, at := range by[from] {
					if !met[n][at] || r.IntN(3) == 0 {
						met[n][at] = true
						held[n].MergeIn(ops[at].delta)
						if name == "counter" || i%2 == 0 {
							break
						}
					}
				}
				continue
			}
			x := op{del: r.IntN(3) == 0, n: int64(r.IntN(9) - 4)}
			u := kind.Update{Clock: uint64(len(ops) + 1), Origin: uint64(n + 1)}
			var err error
			if x.del {
				for at := range ops {
					if met[n][at] {
						x.seen = append(x.seen, at)
					}
				}
				if name == "addwins" && r.IntN(2) == 0 {
					x.arg = string(rune('a' + r.IntN(3)))
					u.Arg = kind.Element(x.arg)
				}
				if name == "addwins" { // it leaves what it finds taken away to who did that
					x.seen = slices.DeleteFunc(x.seen, func(at int) bool { return taken(ops, met[n], at) })
				}
				x.delta, err = k.Delete(u, held[n])
			} else {
				x.arg = string(rune('a' + r.IntN(3)))
				if u.Arg = []byte(x.arg); name == "counter" {
					u.Arg = kind.Amount(x.n)
				}
				x.delta, err = k.Mutate(u, own[n])
			}
			require.NoError(t, err)
			if !x.del {
				own[n].MergeIn(x.delta)
			}
			met[n][len(ops)], by[n] = true, append(by[n], len(ops))
			ops = append(ops, x)
			held[n].MergeIn(x.delta)
		}
		for n := range replicas {
			g, s := compare(t, k, ops, met[n], held[n])
			gone, spared = gone+g, spared+s
		}
	}
	assert.Greater(t, gone, 500)
	assert.Greater(t, spared, 500)
}

// taken reports whether a delete among those met had seen a write.
func taken(ops []op, met map[int]bool, at int) bool {
	for i := range ops {
		x := &ops[i]
		if met[i] && x.del && (x.arg == "" || x.arg == ops[at].arg) && slices.Contains(x.seen, at) {
			return true
		}
	}
	return false
}

func compare(t *testing.T, k kind.Kind, ops []op, met map[int]bool, v kind.Value) (gone, spared int) {
	sum, elements := int64(0), []string(nil)
	for at := range ops {
		switch {
		case !met[at] || ops[at].del:
		case taken(ops, met, at):
			gone++
		default:
			spared++
			sum += ops[at].n
			elements = append(elements, ops[at].arg)
		}
	}
	if c, ok := kind.Get[kind.Counter](v); ok {
		got, err := kind.CounterSum(c)
		require.NoError(t, err)
		require.Equal(t, sum, got, "%v", ops)
	} else {
		s, _ := kind.Get[kind.AddWins](v)
		slices.Sort(elements)
		require.Equal(t, slices.Compact(elements), kind.Elements(s), "%v", ops)
		require.Equal(t, len(elements) == 0, k.Absent(v))
	}
	return gone, spared
}

func (x op) String() string {
	return fmt.Sprintf("{delete %v %q %d saw %v}", x.del, x.arg, x.n, x.seen)
}

// TestDeleteArguments: what a delete cannot be of is refused, and a kind that only grows has
// none.
func TestDeleteArguments(t *testing.T) {
	for _, name := range []string{"register", "counter"} {
		_, err := find(t, name).Delete(kind.Update{Arg: kind.Element("a")}, nil)
		assert.ErrorIs(t, err, kind.ErrArgument, name)
	}
	_, err := find(t, "addwins").Delete(kind.Update{Arg: []byte("a")}, nil)
	assert.ErrorIs(t, err, kind.ErrArgument)
	_, err = find(t, "set").Delete(kind.Update{}, nil)
	assert.ErrorIs(t, err, kind.ErrNoDelete)
	assert.False(t, find(t, "set").Absent(find(t, "set").New()))
	for _, name := range []string{"register", "counter", "addwins"} {
		d, err := find(t, name).Delete(kind.Update{Clock: 1, Origin: 1}, nil)
		require.NoError(t, err)
		assert.True(t, find(t, name).Absent(d), name)
	}
	s := kind.CounterSpec()
	s.Absent = nil
	_, err = kind.New(s)
	assert.ErrorIs(t, err, kind.ErrKind, "Delete without Absent")
	grows := kind.SetSpec()
	grows.Sees = true
	_, err = kind.New(grows)
	assert.ErrorIs(t, err, kind.ErrKind, "Sees without Delete")
}

// TestRowTakenBackAndDeleted: a repeat's row counts for nothing once it is taken back and
// deleted, in either order.
func TestRowTakenBackAndDeleted(t *testing.T) {
	k := find(t, "counter")
	const row = 1<<63 | 5
	first, err := k.Mutate(kind.Update{Arg: kind.Amount(7), Origin: 1}, k.New())
	require.NoError(t, err)
	repeat, err := k.Mutate(kind.Update{Arg: kind.Amount(7), Origin: row}, k.New())
	require.NoError(t, err)
	both := k.New()
	both.MergeIn(first)
	both.MergeIn(repeat)
	settled, deleted := k.Settle(row, both), kind.Value(nil)
	require.NotNil(t, settled)
	deleted, err = k.Delete(kind.Update{}, both)
	require.NoError(t, err)
	for _, order := range [][]kind.Value{{settled, deleted}, {deleted, settled}} {
		v := both.Clone()
		for _, d := range order {
			v.MergeIn(d)
		}
		c, _ := kind.Get[kind.Counter](v)
		n, err := kind.CounterSum(c)
		require.NoError(t, err)
		assert.Zero(t, n)
		assert.Nil(t, k.Settle(row, v))
	}
}
