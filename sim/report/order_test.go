package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// orderOf is an order of n states given by what is below what.
func orderOf(n int, below func(i, j int) bool) *Order {
	o := &Order{Title: "drawn", States: make([]OrderState, n), Below: make([][]bool, n)}
	for i := range n {
		for j := range n {
			o.Below[i] = append(o.Below[i], below(i, j))
		}
	}
	return o
}

// TestLayoutOfOrders: of subsets by inclusion, what is drawn means the order and
// nothing more: a way up leads from one state to another exactly if it is below it, no
// line is implied by others, and each line goes up.
func TestLayoutOfOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := rapid.SliceOfNDistinct(rapid.Uint8Range(0, 63), 1, 14, rapid.ID[uint8]).Draw(t, "sets")
		o := orderOf(len(sets), func(i, j int) bool { return sets[i]&^sets[j] == 0 })
		h := o.layout()
		require.Nil(t, h.circle)
		require.Nil(t, h.broken)
		require.Empty(t, h.ties)
		n := len(sets)
		way := make([][]bool, n)
		for i := range way {
			way[i] = make([]bool, n)
			way[i][i] = true
		}
		for _, c := range h.covers {
			require.Less(t, h.rank[c[0]], h.rank[c[1]])
			way[c[0]][c[1]] = true
			for k := range sets {
				between := k != c[0] && k != c[1] && o.Below[c[0]][k] && o.Below[k][c[1]]
				require.False(t, between, "a line from %06b to %06b, and %06b between", sets[c[0]], sets[c[1]], sets[k])
			}
		}
		for k := range n {
			for i := range n {
				for j := range n {
					way[i][j] = way[i][j] || way[i][k] && way[k][j]
				}
			}
		}
		require.Equal(t, o.Below, way)
		place := map[[2]int]bool{}
		for i := range n {
			at := [2]int{h.rank[i], h.column[i]}
			require.False(t, place[at], "two states in one place")
			place[at] = true
			require.Equal(t, i, h.ranks[h.rank[i]][h.column[i]])
		}
	})
}

// TestWhatIsNoOrder is said, and drawn as far as it can be.
func TestWhatIsNoOrder(t *testing.T) {
	ring := orderOf(3, func(i, j int) bool { return i == j || j == (i+1)%3 })
	h := ring.layout()
	assert.Equal(t, []int{0, 1, 2}, h.circle)
	v := ring.view()
	assert.Empty(t, v.Nodes)
	assert.Equal(t, []string{"This is no order, and cannot be drawn: it goes in a circle, A below B below C below A."}, v.Faults)
	assert.Len(t, v.Rows, 3, "the table is there all the same")

	gap := orderOf(3, func(i, j int) bool { return i == j || j == i+1 })
	v = gap.view()
	assert.Equal(t, []string{"This is no order: A is below B, and B below C, but A is not below C."}, v.Faults)
	assert.Len(t, v.Nodes, 3)

	tied := orderOf(2, func(int, int) bool { return true })
	v = tied.view()
	require.Len(t, v.Faults, 1)
	assert.Contains(t, v.Faults[0], "calls A and B equal, and they are not")
	require.Len(t, v.Lines, 1)
	assert.True(t, v.Lines[0].Tie)

	empty := (&Order{Title: "nothing"}).view()
	assert.Empty(t, empty.Nodes)
	assert.Equal(t, []string{"Z", "AA", "AB"}, []string{letter(25), letter(26), letter(27)})
}
