package report

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// data is a diagram as the script of the page reads it: columns, and texts by their
// number, so that 100,000 events are a few megabytes.
type data struct {
	Lanes   []string `json:"lanes"`
	Text    []string `json:"text"`
	Base    int64    `json:"base"` // times are from here
	Clock   bool     `json:"clock"`
	Untimed bool     `json:"untimed"`

	At    []int64 `json:"at"`
	Lane  []int   `json:"lane"`
	Kind  []int   `json:"kind"` // not bytes, which JSON would have as base64
	Label []int   `json:"label"`
	From  []int   `json:"from"`
	Send  []int   `json:"send"` // the event that sent it, or -1
	Fate  []int   `json:"fate"`
	Mark  []int   `json:"mark"` // events of the witness

	Spans  []spanData  `json:"spans"`
	Bands  []bandData  `json:"bands"`
	States []stateData `json:"states"`
	Kinds  []string    `json:"kinds"`
}

type spanData struct {
	Lane    int    `json:"lane"`
	From    int    `json:"from"` // rows
	Until   int    `json:"until"`
	Open    bool   `json:"open"`
	Name    string `json:"name"`
	Label   string `json:"label"`
	Outcome string `json:"outcome"`
	Mark    bool   `json:"mark"`
}

type bandData struct {
	From  int    `json:"from"` // rows
	Until int    `json:"until"`
	Lanes []int  `json:"lanes"`
	Label string `json:"label"`
}

type stateData struct {
	Event  int `json:"event"` // at which it changes
	Lane   int `json:"lane"`
	Key    int `json:"key"` // texts
	Before int `json:"before"`
	After  int `json:"after"`
}

// texts numbers texts.
type texts struct {
	all []string
	at  map[string]int
}

func (t *texts) number(s string) int {
	if n, ok := t.at[s]; ok { // as it came: most texts come often
		return n
	}
	short := clip(s)
	n, ok := t.at[short]
	if !ok {
		n = len(t.all)
		t.all = append(t.all, short)
		t.at[short] = n
	}
	t.at[s] = n
	return n
}

// clip bounds a text, and makes it one that any browser shows: no byte that is no
// character, and no control character but a line break.
func clip(s string) string {
	if len(s) > MaxText {
		cut := MaxText
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r >= ' ' && r != 0x7f && r != utf8.RuneError && !overrides(r):
			return r
		case r == '\t':
			return ' '
		}
		return '�'
	}, s)
}

// overrides reports whether a character changes the direction in which others are
// shown, by which a text could pass for another.
func overrides(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// pack packs a diagram, whose events are within their bound. O(events · log).
func (d *Diagram) pack() *data {
	t := texts{at: map[string]int{}}
	t.number("")
	out := &data{Clock: d.Clock, Untimed: d.Untimed, Kinds: kindNames[:], Mark: []int{}, Spans: []spanData{}, Bands: []bandData{}, States: []stateData{}}
	for _, l := range d.Lanes {
		out.Lanes = append(out.Lanes, clip(l.Name))
	}
	if len(d.Events) > 0 && !d.Clock {
		out.Base = d.Events[0].At
	}
	on := make([][]int, len(d.Lanes)) // events, by lane
	for i := range d.Events {
		e := &d.Events[i]
		out.At = append(out.At, e.At-out.Base)
		out.Lane = append(out.Lane, e.Lane)
		out.Kind = append(out.Kind, int(e.Kind))
		out.Label = append(out.Label, t.number(e.Label))
		out.From = append(out.From, e.From)
		out.Fate = append(out.Fate, t.number(e.Fate))
		out.Send = append(out.Send, d.sender(on, e))
		if e.Mark {
			out.Mark = append(out.Mark, i)
		}
		if e.Lane != None && e.Kind != Lost {
			on[e.Lane] = append(on[e.Lane], i)
		}
	}
	for _, s := range d.Spans {
		out.Spans = append(out.Spans, d.span(on[s.Lane], &s))
	}
	slices.SortStableFunc(out.Spans, func(a, b spanData) int { return a.From - b.From })
	for _, b := range d.Bands {
		from := d.row(nil, b.From, false)
		out.Bands = append(out.Bands, bandData{From: from, Until: max(d.row(nil, b.Until, true), from), Lanes: append([]int{}, b.Lanes...), Label: clip(b.Label)})
	}
	for _, s := range d.States {
		out.States = append(out.States, stateData{
			Event: d.row(on[s.Lane], s.At, true), Lane: s.Lane, Key: t.number(s.Key), Before: t.number(s.Before), After: t.number(s.After),
		})
	}
	out.Text = t.all
	return out
}

// span is an interval between two rows: from the event that calls the operation to the
// one that ends it, where there are such events.
func (d *Diagram) span(lane []int, s *Span) spanData {
	x := spanData{Lane: s.Lane, From: d.row(lane, s.From, false), Until: max(len(d.Events)-1, 0), Open: s.Open,
		Name: clip(s.Name), Label: clip(s.Label), Outcome: clip(s.Outcome), Mark: s.Mark}
	// One operation of a lane may end at the instant at which the next one begins.
	first, _ := slices.BinarySearch(lane, x.From)
	for _, i := range lane[first:] {
		if d.Events[i].At != s.From {
			break
		}
		if d.Events[i].Kind == Operation {
			x.From = i
		}
	}
	if s.Open {
		return x
	}
	x.Until = d.row(lane, s.Until, true)
	last, _ := slices.BinarySearch(lane, x.From)
	for _, i := range lane[min(last, len(lane)):] {
		if d.Events[i].At > s.Until {
			break
		}
		if i > x.From && d.Events[i].At == s.Until && d.Events[i].Kind == Return {
			x.Until = i
			break
		}
	}
	x.Until = max(x.Until, x.From)
	return x
}

// sender is the last event of the sender's lane at the time of sending, or -1.
func (d *Diagram) sender(on [][]int, e *Event) int {
	if e.From == None {
		return -1
	}
	lane := on[e.From]
	i, _ := slices.BinarySearchFunc(lane, e.Sent, func(event int, at int64) int {
		if d.Events[event].At <= at {
			return -1
		}
		return 1
	})
	if i == 0 || d.Events[lane[i-1]].At != e.Sent {
		return -1
	}
	return lane[i-1]
}

// row is the event of a lane at a time: the first of several, or with last the last.
// Where the lane has none it is the first event of any lane from that time on, or with
// last the last one until then. Without events it is 0.
func (d *Diagram) row(lane []int, at int64, last bool) int {
	after := func(event int) int { // as binary search wants it
		if t := d.Events[event].At; t < at || last && t == at {
			return -1
		}
		return 1
	}
	i, _ := slices.BinarySearchFunc(lane, 0, func(event, _ int) int { return after(event) })
	if last {
		i--
	}
	if i >= 0 && i < len(lane) && d.Events[lane[i]].At == at {
		return lane[i]
	}
	i = sort.Search(len(d.Events), func(event int) bool { return after(event) > 0 })
	if last {
		i--
	}
	return max(min(i, len(d.Events)-1), 0)
}

// bounded is the diagram without what is beyond the bounds, and says what that is.
func (d *Diagram) bounded() (*Diagram, []string) {
	var notes []string
	out := *d
	if d.Cut > 0 {
		notes = append(notes, plural(d.Cut, "event is", "events are")+" not here: what recorded them, or the number of lanes, has no room for more")
	}
	if n := len(d.Events) - MaxEvents; n > 0 {
		out.Events = d.Events[:MaxEvents]
		notes = append(notes, plural(int64(n), "event is", "events are")+" left out, the last ones")
	}
	if n := len(d.Spans) - MaxOperations; n > 0 {
		out.Spans = d.Spans[:MaxOperations]
		notes = append(notes, plural(int64(n), "operation is", "operations are")+" left out, the last ones")
	}
	if n := len(d.Bands) - MaxBands; n > 0 {
		out.Bands = d.Bands[:MaxBands]
		notes = append(notes, plural(int64(n), "fault is", "faults are")+" left out of the bands")
	}
	if n := len(d.States) - MaxStates; n > 0 {
		out.States = d.States[:MaxStates]
		notes = append(notes, plural(int64(n), "change of state is", "changes of state are")+" left out, the last ones")
	}
	return &out, notes
}
