package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

// NewHistory makes a diagram of a history: a lane a session, an event for each call
// and each return, and an interval between the two. mark says of an operation, by its
// index, whether it is of the witness; nil marks none. O(n log n).
func NewHistory(h *history.History, mark func(index int) bool) *Diagram {
	d := &Diagram{Untimed: h.Untimed}
	lanes := make(map[int]int)
	var sessions []int
	for i := range h.Ops {
		if _, known := lanes[h.Ops[i].Session]; !known {
			lanes[h.Ops[i].Session] = None
			sessions = append(sessions, h.Ops[i].Session)
		}
	}
	slices.Sort(sessions)
	names := make(map[int]string, len(sessions))
	for i := range h.Ops {
		names[h.Ops[i].Session] = h.Ops[i].SessionName()
	}
	for _, s := range sessions {
		if len(d.Lanes) < MaxLanes {
			lanes[s] = len(d.Lanes)
			d.Lanes = append(d.Lanes, Lane{Name: names[s], What: "session"})
		}
	}
	for i := range h.Ops {
		o := &h.Ops[i]
		if lanes[o.Session] == None {
			d.Cut += 2 // of a session beyond the bound
			continue
		}
		marked := mark != nil && mark(o.Index)
		d.addOperation(o, lanes[o.Session], marked)
	}
	for _, f := range h.Fences {
		d.Events = append(d.Events, Event{At: f, Lane: None, From: None, Kind: Note, Label: "every put acknowledged so far has reached every replica"})
	}
	slices.SortStableFunc(d.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return d
}

func (d *Diagram) addOperation(o *history.Op, lane int, mark bool) {
	name := fmt.Sprintf("#%d", o.Index)
	s := Span{Name: name, Lane: lane, From: o.Call, Until: o.Return, Label: Words(o), Outcome: o.Outcome.String(), Mark: mark}
	at := ""
	if o.Node >= 0 {
		at = fmt.Sprintf("@n%d", o.Node)
	}
	d.Events = append(d.Events, Event{At: o.Call, Lane: lane, From: None, Kind: Operation, Label: fmt.Sprintf("%s %s%s %s", name, o.SessionName(), at, s.Label), Mark: mark})
	if o.Return == history.Pending {
		s.Open, s.Until = true, o.Call
		s.Outcome += ", never returned"
	} else {
		d.Events = append(d.Events, Event{At: o.Return, Lane: lane, From: None, Kind: Return, Label: fmt.Sprintf("%s returns: %s", name, o.Outcome)})
	}
	d.Spans = append(d.Spans, s)
}

// Words is an operation in a few words: what is done, to what, and what came back.
func Words(o *history.Op) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", o.Func, o.Key)
	if !o.Arg.IsNil() {
		fmt.Fprintf(&b, " %s", o.Arg)
	}
	if o.Outcome == history.OK && o.Returns() {
		fmt.Fprintf(&b, " → %s", o.Out)
	}
	if o.Tag != 0 {
		fmt.Fprintf(&b, " [%d]", o.Tag)
	}
	if o.Saw != nil {
		fmt.Fprintf(&b, " saw %v", o.Saw)
	}
	return b.String()
}
