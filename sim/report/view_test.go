package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
)

// TestLegendOfWhatIsThere: signs are explained that a diagram has, and keys that do something.
func TestLegendOfWhatIsThere(t *testing.T) {
	signs, messages, witness := (&Diagram{}).legend()
	assert.Empty(t, signs)
	assert.False(t, messages || witness)

	d := &Diagram{
		Lanes: []Lane{{Name: "a"}}, Events: []Event{{From: None, Kind: Operation}, {From: None, Kind: Return}},
		Spans: []Span{{Mark: true}},
	}
	signs, messages, witness = d.legend()
	assert.Equal(t, []string{"◆ operation", "▬ from its call to its return, a thread if there is none", "◇ return", "★ of the witness"}, signs)
	assert.False(t, messages)
	assert.True(t, witness)

	d = &Diagram{Lanes: []Lane{{Name: "a"}}, Events: []Event{
		{Kind: Message}, {Kind: Lost, Fate: "drop"}, {From: None, Kind: Storage}, {From: None, Kind: Start}, {From: None, Kind: Crash},
	}, Bands: []Band{{}}}
	signs, messages, witness = d.legend()
	assert.Equal(t, []string{"▶ message arrives", "✗ message lost", "■ durable", "◯ start", "╳ crash", "shaded: a fault in force"}, signs)
	assert.True(t, messages)
	assert.False(t, witness)
	d.Events[0].Fate, d.Events[2].Mark = "delay", true
	signs, _, witness = d.legend()
	assert.Contains(t, signs, "dashed: late or a duplicate")
	assert.True(t, witness)
	const sender = "<kbd>c</kbd>"
	assert.False(t, strings.Contains(written(t, &Page{Title: "x", History: &Diagram{}}), sender))
	page := written(t, &Page{Title: "x", Run: d, History: &Diagram{Lanes: []Lane{{}}, Spans: []Span{{}}}})
	assert.Equal(t, 1, strings.Count(page, sender))
	assert.Equal(t, 1, strings.Count(page, `class="legend"`), "of the history nothing is explained twice")
}

func written(t *testing.T, p *Page) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, p.Write(&b))
	return b.String()
}

// TestBoxesTellStatesApart: states that begin alike differ in what is shown of them.
func TestBoxesTellStatesApart(t *testing.T) {
	assert.Equal(t, []textLine{{3, 9, "A  short"}}, boxed("A  short", 3, 9))
	assert.Equal(t, []textLine{{3, 9, strings.Repeat("x", 27)}}, boxed(strings.Repeat("x", 27), 3, 9))
	assert.Equal(t, []textLine{{3, 9, strings.Repeat("x", 27)}, {3, 25, "y\u00a0"}}, boxed(strings.Repeat("x", 27)+"y\u00a0", 3, 9))
	assert.Equal(t, strings.Repeat("é", 27), boxed(strings.Repeat("x", 27)+strings.Repeat("é", 27), 0, 0)[1].Text)
	one, other := boxed(strings.Repeat("x", 80)+"1\n2", 0, 0), boxed(strings.Repeat("x", 80)+"1 3", 0, 0)
	assert.Equal(t, one[0], other[0])
	assert.Equal(t, "…"+strings.Repeat("x", 23)+"1 2", one[1].Text)
	assert.NotEqual(t, one[1], other[1])
}

// TestPlacesOfBoxes: the least state stands lowest, rows are centred, and lines join the middle
// of a box's top to that of the bottom of the one above.
func TestPlacesOfBoxes(t *testing.T) {
	v := orderOf(4, func(i, j int) bool { return i == j || i == 0 || j == 3 }).view() // 0 below 1 and 2, and these below 3
	assert.Equal(t, [2]int{2*margin + 2*boxWidth + gapX, 2*margin + 3*boxHeight + 2*gapY}, [2]int{v.Width, v.Height})
	var at [][2]int
	for _, n := range v.Nodes {
		at = append(at, [2]int{n.X, n.Y})
		assert.Equal(t, [4]int{boxWidth, boxHeight, n.X + 10, n.Y + 53}, [4]int{n.W, n.H, n.TX, n.WY})
		assert.Equal(t, [2]int{n.X + 10, n.Y + 20}, [2]int{n.Lines[0].X, n.Lines[0].Y})
	}
	middle, row := (v.Width-boxWidth)/2, boxHeight+gapY
	assert.Equal(t, [][2]int{{middle, margin + 2*row}, {margin, margin + row}, {margin + boxWidth + gapX, margin + row}, {middle, margin}}, at)
	require.Len(t, v.Lines, 4)
	assert.Contains(t, v.Lines, orderLine{middle + boxWidth/2, margin + 2*row, margin + boxWidth/2, margin + row + boxHeight, false})

	v = orderOf(2, func(int, int) bool { return true }).view()
	y := margin + boxHeight/2
	assert.Equal(t, []orderLine{{margin + boxWidth/2, y, margin + boxWidth + gapX + boxWidth/2, y, true}}, v.Lines, "a tie joins the middles")
}

// TestViolationsAreCounted: what was found twice alike stands once.
func TestViolationsAreCounted(t *testing.T) {
	assert.Equal(t, []Fact{{"a", "x"}, {"a, 3 times", "y"}, {"b", "y"}}, counted([]Fact{{"a", "x"}, {"a", "y"}, {"a", "y"}, {"b", "y"}, {"a", "y"}}))
}

// TestNetworkFaults: what a network's note says is in force for lanes of its first side,
// until a note says that it is over, or faults end.
func TestNetworkFaults(t *testing.T) {
	lane := func(n sim.NodeID) Lane { return Lane{Name: string(rune('A' + n))} }
	v := worldView{d: &Diagram{Lanes: []Lane{{}, {}, {}}}, o: WorldOptions{Lane: lane}, lanes: []int{0, None, 1, 2}, down: map[int]int64{}}
	assert.Equal(t, []int{1, 2}, v.struck("{n2 n3 n1 n2} is not heard by {n0}"), "n1 has no lane")
	assert.Equal(t, []int{0, 2}, v.struck("n0 and n3 drop, n9 is none"))
	assert.Empty(t, v.struck("all links"))

	note := func(at sim.Time, text string) { v.band(&sim.Record{At: at, Note: text}) }
	note(1, "partition {n0}")
	note(2, "slow n2")
	note(3, "partition {n2}")
	note(5, "links restored: slow n2")
	note(6, "links restored: what nobody told of")
	v.heal(9)
	note(10, "links restored: partition {n0}")
	assert.Equal(t, []Band{
		{From: 1, Until: 9, Lanes: []int{0}, Label: "partition {A}"}, {From: 2, Until: 5, Lanes: []int{1}, Label: "slow C"},
		{From: 3, Until: 9, Lanes: []int{1}, Label: "partition {C}"},
	}, v.d.Bands)
	v.process(&sim.Record{Kind: sim.EventLeave, At: 11}, 1)
	v.process(&sim.Record{Kind: sim.EventCrash, At: 11}, None)
	v.process(&sim.Record{Kind: sim.EventReturn, At: 12}, 1)
	assert.Equal(t, Band{From: 11, Until: 12, Lanes: []int{1}, Label: " is down"}, v.d.Bands[3])
	assert.Len(t, v.d.Bands, 4)
}

// TestColumnsOfOrders: states stand by the mean of what is below them.
func TestColumnsOfOrders(t *testing.T) {
	// 3 is above 0, 1 and 2, of which the mean is 1, 4 above 1 alone, and 5 above 0.
	above := map[int][]int{3: {0, 1, 2}, 4: {1}, 5: {0}}
	h := orderOf(6, func(i, j int) bool { return i == j || slices.Contains(above[j], i) }).layout()
	assert.Equal(t, []int{5, 3, 4}, h.ranks[1], "0, 1 and 1: by the mean, and of equals the first")
}
