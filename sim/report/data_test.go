package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/linearizability/history"
)

// TestPackFindsSendersAndRows: a message leads back to the event that sent it, an
// operation goes from its call to its return, and a change of state stands at the last
// event of its lane at that time.
func TestPackFindsSendersAndRows(t *testing.T) {
	d := &Diagram{
		Clock: true, Lanes: []Lane{{Name: "a"}, {Name: "b"}},
		Events: []Event{
			{At: 1, Lane: 0, From: None, Kind: Operation},
			{At: 1, Lane: 0, From: None, Kind: Storage},
			{At: 2, Lane: 1, From: None, Kind: Timer},
			{At: 3, Lane: 1, From: 0, Sent: 1, Kind: Message},
			{At: 4, Lane: 0, From: 1, Sent: 9, Kind: Message}, // sent when nothing happened there
			{At: 5, Lane: 0, From: None, Kind: Return},
			{At: 5, Lane: 0, From: None, Kind: Operation},
			{At: 6, Lane: 0, From: 1, Sent: 3, Kind: Lost},
		},
		Spans: []Span{
			{Name: "later", Lane: 0, From: 5, Until: 5, Open: true}, {Name: "first", Lane: 0, From: 1, Until: 5}, {Name: "between", Lane: 1, From: 4, Until: 4},
		},
		Bands:  []Band{{From: 2, Until: 5}, {From: 0, Until: 99}},
		States: []State{{At: 1, Lane: 0, Key: "k", After: "v"}, {At: 3, Lane: 1, Key: "k", After: "v"}},
	}
	out := d.pack()
	assert.Equal(t, []int{-1, -1, -1, 1, -1, -1, -1, 3}, out.Send)
	type rows struct {
		name        string
		from, until int
	}
	var spans []rows
	for _, s := range out.Spans {
		spans = append(spans, rows{s.Name, s.From, s.Until})
	}
	assert.Equal(t, []rows{{"first", 0, 5}, {"between", 4, 4}, {"later", 6, 7}}, spans, "in the order of their calls")
	assert.Equal(t, []int{2, 6}, []int{out.Bands[0].From, out.Bands[0].Until})
	assert.Equal(t, []int{0, 7}, []int{out.Bands[1].From, out.Bands[1].Until})
	assert.Equal(t, []int{1, 3}, []int{out.States[0].Event, out.States[1].Event})
	assert.Equal(t, "v", out.Text[out.States[0].After])
	assert.Equal(t, "", out.Text[0], "the text of number 0 is none")

	assert.NotPanics(t, func() {
		(&Diagram{Lanes: []Lane{{}}, Spans: []Span{{}}, Bands: []Band{{}}, States: []State{{}}}).pack()
	}, "without events")
}

// TestHistories: lanes are sessions, calls and returns are rows, and times count from
// the first since a recorder's may be beyond what a browser can count to.
func TestHistories(t *testing.T) {
	const base = 1_700_000_000_000_000_000
	h := &history.History{Fences: []int64{base + 50}, Ops: []history.Op{
		{Index: 0, Session: 7, Node: 2, Type: history.Register, Func: history.Write, Key: "x", Arg: history.Int(1), Call: base, Return: base + 5, Tag: 3},
		{Index: 1, Session: 4, Client: "bob", Node: -1, Func: history.Read, Key: "x", Out: history.Int(1), Saw: []uint64{3}, Call: base + 5, Return: base + 5},
		{Index: 2, Session: 4, Client: "bob", Func: history.Add, Key: "s", Arg: history.Str("e"), Call: base + 6, Return: history.Pending, Outcome: history.Unknown},
	}}
	d := NewHistory(h, func(i int) bool { return i == 1 })
	assert.NoError(t, d.check())
	assert.Equal(t, []Lane{{"bob", "session"}, {"s7", "session"}}, d.Lanes)
	var labels []string
	for _, e := range d.Events {
		labels = append(labels, e.Label)
	}
	assert.Equal(t, []string{
		"#0 s7@n2 write x 1 [3]", "#0 returns: ok", "#1 bob read x → 1 saw [3]", "#1 returns: ok", `#2 bob@n0 add s "e"`,
		"every put acknowledged so far has reached every replica",
	}, labels)
	out := d.pack()
	assert.Equal(t, int64(base), out.Base)
	assert.Equal(t, []int64{0, 5, 5, 5, 6, 50}, out.At)
	assert.Equal(t, []int{2}, out.Mark)
	assert.Equal(t, "+5", d.time(base+5))
	assert.True(t, out.Spans[2].Open)
	assert.Equal(t, "unknown, never returned", out.Spans[2].Outcome)

	many := &history.History{}
	for i := range MaxLanes + 2 {
		many.Ops = append(many.Ops, history.Op{Index: i, Session: i, Func: history.Read, Call: int64(i), Return: int64(i)})
	}
	d = NewHistory(many, nil)
	assert.Len(t, d.Lanes, MaxLanes)
	assert.Equal(t, int64(4), d.Cut)
	assert.NoError(t, d.check())
}

func TestClip(t *testing.T) {
	assert.Equal(t, "a b\nc�", clip("a\tb\nc\x00"))
	assert.Equal(t, "�x�", clip("\u202ex\xff"))
	long := clip(strings.Repeat("é", MaxText))
	assert.Len(t, long, MaxText+len("…"))
}
