package deep

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// member is of graphs in which only the values of their entries tell keys apart.
type member struct {
	Name  string
	Peers map[*member]int     // of members that the registry, or the bag, holds
	Bag   map[float64]*member // keys are NaN
}

// club is a state that holds members by their own addresses, and in no order.
type club struct {
	Registry map[*member]*member
	Bag      map[float64]*member
}

// newClub makes a club of members of these names; edges, pairs of members with a number, are peers.
func newClub(names []string, bagged bool, edges [][3]int) *club {
	c, members := &club{Registry: map[*member]*member{}, Bag: map[float64]*member{}}, make([]*member, len(names))
	for i, name := range names {
		members[i] = &member{Name: name, Peers: map[*member]int{}}
		if bagged {
			c.Bag[math.NaN()] = members[i]
		} else {
			c.Registry[members[i]] = members[i]
		}
	}
	for _, e := range edges {
		members[e[0]].Peers[members[e[1]]] = e[2]
	}
	return c
}

// isomorphicClubs is the twin of equality: it tries all orders.
func isomorphicClubs(names, others []string, edges, otherEdges [][3]int) bool {
	if len(names) != len(others) {
		return false
	}
	n := len(names)
	weights := func(edges [][3]int) map[[2]int]int {
		m := map[[2]int]int{}
		for _, e := range edges {
			m[[2]int{e[0], e[1]}] = e[2]
		}
		return m
	}
	a, b := weights(edges), weights(otherEdges)
	to, used := make([]int, 0, n), make([]bool, n)
	var try func() bool
	try = func() bool {
		if len(to) == n {
			if len(a) != len(b) {
				return false
			}
			for e, w := range a {
				if got, ok := b[[2]int{to[e[0]], to[e[1]]}]; !ok || got != w {
					return false
				}
			}
			return true
		}
		for i := range n {
			if used[i] || names[len(to)] != others[i] {
				continue
			}
			used[i], to = true, append(to, i)
			if try() {
				return true
			}
			used[i], to = false, to[:len(to)-1]
		}
		return false
	}
	return try()
}

// Law: two graphs whose parts are held in no order and by no name are equal exactly where some
// order of the parts of one makes it the other, and no difference is reported exactly then.
func TestMatchingAgreesWithTryingAllOrders(t *testing.T) {
	of := Of(reflect.TypeFor[club]())
	equal, unequal := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), n, n).Draw(t, "names")
		edge := rapid.Custom(func(t *rapid.T) [3]int {
			i := rapid.IntRange(0, n-1)
			return [3]int{i.Draw(t, "from"), i.Draw(t, "to"), rapid.IntRange(0, 1).Draw(t, "weight")}
		})
		edges := rapid.SliceOfN(edge, 0, 8).Draw(t, "edges")
		// The other one is the same in another order, and perhaps with one edge turned.
		order := rapid.Permutation(indices(n)).Draw(t, "order")
		others, otherEdges := make([]string, n), make([][3]int, len(edges))
		for i := range n {
			others[order[i]] = names[i]
		}
		for i, e := range edges {
			otherEdges[i] = [3]int{order[e[0]], order[e[1]], e[2]}
		}
		if len(edges) > 0 && rapid.Bool().Draw(t, "turn") {
			e := &otherEdges[rapid.IntRange(0, len(edges)-1).Draw(t, "turned")]
			e[0], e[1] = e[1], e[0]
		}
		bagged := rapid.Bool().Draw(t, "bagged")
		a, b := newClub(names, bagged, edges), newClub(others, bagged, otherEdges)
		want := isomorphicClubs(names, others, edges, otherEdges)
		require.Equal(t, want, of.EqualAt(unsafe.Pointer(a), unsafe.Pointer(b)))
		require.Equal(t, want, of.EqualAt(unsafe.Pointer(b), unsafe.Pointer(a)))
		said := of.DifferencesAt(unsafe.Pointer(a), unsafe.Pointer(b), DifferenceOptions{})
		require.Equal(t, want, len(said.Places) == 0, "%v", said)
		if want {
			equal++
		} else {
			unequal++
		}
	})
	if !testing.Short() {
		assert.Positive(t, equal)
		assert.Positive(t, unequal)
	}
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// circle is the edges of a circle of members from to up to but for below, both ways round.
func circle(from, below int) (edges [][3]int) {
	for i := from; i < below; i++ {
		next := i + 1
		if next == below {
			next = from
		}
		edges = append(edges, [3]int{i, next, 1}, [3]int{next, i, 1})
	}
	return edges
}

// Graphs that no refinement tells apart: the search does, or says that it does not know. It never says
// that a copy is unequal, and it comes to an end.
func TestWhatRefinementDoesNotTellApart(t *testing.T) {
	of := Of(reflect.TypeFor[club]())
	equal := func(a, b *club) (equal bool, undecided *Undecided) {
		defer func() {
			if v := recover(); v != nil {
				undecided = v.(*Undecided)
			}
		}()
		return of.EqualAt(unsafe.Pointer(a), unsafe.Pointer(b)), nil
	}
	for _, bagged := range []bool{false, true} {
		for _, n := range []int{6, 8, 40} {
			t.Run(fmt.Sprint(n, bagged), func(t *testing.T) {
				names := make([]string, n)
				one := newClub(names, bagged, circle(0, n))
				two := newClub(names, bagged, append(circle(0, n/2), circle(n/2, n)...))
				copied := new(club)
				of.CloneAt(unsafe.Pointer(copied), unsafe.Pointer(one))
				same, undecided := equal(one, copied)
				assert.True(t, same || undecided != nil, "a copy")
				assert.Nil(t, undecided, "a copy")
				same, undecided = equal(one, two)
				assert.False(t, same, "one circle and two")
				if n <= 8 {
					assert.Nil(t, undecided)
				}
			})
		}
	}
}

// What cannot be decided is said, in bounded time.
func TestUndecided(t *testing.T) {
	of := Of(reflect.TypeFor[club]())
	const n = 120
	names := make([]string, n)
	one, two := newClub(names, true, circle(0, n)), newClub(names, true, append(circle(0, n/2), circle(n/2, n)...))
	start := time.Now()
	var got any
	func() {
		defer func() { got = recover() }()
		of.EqualAt(unsafe.Pointer(one), unsafe.Pointer(two))
	}()
	t.Log(time.Since(start))
	require.IsType(t, &Undecided{}, got)
	assert.ErrorContains(t, got.(error), "deep.club")
	assert.ErrorContains(t, got.(error), "not decided in")

	const more = 2 * n
	names = make([]string, more)
	one, two = newClub(names, true, circle(0, more)), newClub(names, true, append(circle(0, n), circle(n, more)...))
	start = time.Now()
	said := of.DifferencesAt(unsafe.Pointer(one), unsafe.Pointer(two), DifferenceOptions{}).String()
	t.Log(time.Since(start))
	assert.Contains(t, said, "not found among equal ones in the steps that a search may take")
	assert.False(t, strings.Contains(said, "absent"))
}
