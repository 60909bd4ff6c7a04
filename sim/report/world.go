package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/sim"
)

// WorldOptions say how to show what a [sim.World] recorded. The zero value shows
// all of it.
type WorldOptions struct {
	// Lane names a node and says what it is; nil writes n0, n1 and so on.
	Lane func(sim.NodeID) Lane
	// KindName names kinds of messages; nil numbers them.
	KindName func(sim.MsgKind) string
	// Label says what to write of an event that is no message, and whether to show it
	// at all; "" is what is written without it. nil shows everything.
	Label func(sim.Record) (label string, kind Kind, show bool)
}

// AddWorld adds what a world has recorded: a lane a node that anything happens at,
// its events, the messages that were lost, and the faults of links and processes as
// bands. It needs [sim.TraceOptions].Records, and is called once, first, since it
// numbers the lanes; it returns the lane of each node, or None. O(events).
func (d *Diagram) AddWorld(w *sim.World, o WorldOptions) (lanes []int) {
	if o.Lane == nil {
		o.Lane = func(n sim.NodeID) Lane { return Lane{Name: n.String(), What: "node"} }
	}
	records, cut := w.Records()
	d.Cut += cut
	d.Clock = true
	v := worldView{d: d, o: o, down: make(map[int]int64), lanes: make([]int, w.Nodes())}
	v.number(w, records)
	losses := w.Losses()
	wasNetwork := false
	for i := range records {
		r := &records[i]
		for len(losses) > 0 && losses[0].At < r.At {
			v.loss(&losses[0])
			losses = losses[1:]
		}
		v.record(r, wasNetwork)
		wasNetwork = r.Kind == sim.EventNetwork
	}
	for i := range losses {
		v.loss(&losses[i])
	}
	v.end()
	return v.lanes
}

// worldView is a diagram in the making.
type worldView struct {
	d     *Diagram
	o     WorldOptions
	lanes []int
	open  []int         // bands of links that have not ended
	down  map[int]int64 // lanes that are down, and since when
}

// number gives a lane to each node at which something is shown.
func (v *worldView) number(w *sim.World, records []sim.Record) {
	used := make([]bool, w.Nodes())
	for i := range records {
		r := &records[i]
		if r.Kind != sim.EventMessage && r.Kind != sim.EventNote && v.o.Label != nil {
			if _, _, show := v.o.Label(*r); !show {
				continue
			}
		}
		if r.Node >= 0 && r.Kind != sim.EventTimer {
			used[r.Node] = true
		}
		if r.From >= 0 {
			used[r.From] = true
		}
	}
	for _, l := range w.Losses() {
		used[l.From], used[l.To] = true, true
	}
	for n, yes := range used {
		v.lanes[n] = None
		if yes {
			v.lanes[n] = len(v.d.Lanes)
			v.d.Lanes = append(v.d.Lanes, v.o.Lane(sim.NodeID(n)))
		}
	}
}

func (v *worldView) lane(n sim.NodeID) int {
	if n < 0 || int(n) >= len(v.lanes) {
		return None
	}
	return v.lanes[n]
}

func (v *worldView) kind(k sim.MsgKind) string {
	if v.o.KindName != nil {
		if s := v.o.KindName(k); s != "" {
			return s
		}
	}
	return fmt.Sprintf("kind %d", k)
}

func (v *worldView) loss(l *sim.Loss) {
	v.d.Events = append(v.d.Events, Event{
		At: int64(l.At), Lane: v.lane(l.To), From: v.lane(l.From), Sent: int64(l.At), Kind: Lost,
		Label: fmt.Sprintf("%s to %s is lost: %s", v.kind(l.Msg), v.o.Lane(l.To).Name, l.Why), Fate: l.Why,
	})
}

// kinds of the records that are no messages.
var kindOf = map[sim.EventKind]Kind{
	sim.EventStart: Start, sim.EventTimer: Timer, sim.EventInput: Operation, sim.EventCompleted: Storage, sim.EventCrash: Crash,
	sim.EventNetwork: Network, sim.EventHeal: Network, sim.EventNote: Note,
	sim.EventJoin: Start, sim.EventReturn: Start, sim.EventLeave: Crash, sim.EventWipe: Note,
}

func (v *worldView) record(r *sim.Record, afterNetwork bool) {
	e := Event{At: int64(r.At), Lane: v.lane(r.Node), From: None, Kind: kindOf[r.Kind]}
	label, show := "", true
	if v.o.Label != nil && r.Kind != sim.EventMessage && r.Kind != sim.EventNote {
		var kind Kind
		if label, kind, show = v.o.Label(*r); label != "" {
			e.Kind = kind
		}
	}
	v.process(r, e.Lane)
	if !show {
		return
	}
	switch r.Kind {
	case sim.EventNetwork:
		return // the note that follows says it
	case sim.EventNote:
		e.Label = r.Note
		if afterNetwork && r.Node == sim.None {
			e.Kind, e.Label = Network, v.named(r.Note)
			v.band(r)
		}
	case sim.EventMessage:
		e.Kind, e.From, e.Sent, e.Fate = Message, v.lane(r.From), int64(r.Sent), r.Causes.String()
		e.Label = fmt.Sprintf("%s %d B from %s, sent %v", v.kind(r.Msg), r.Size, v.o.Lane(r.From).Name, r.Sent)
		if e.Fate != "" {
			e.Label += ", " + e.Fate
		}
	case sim.EventHeal:
		e.Label = "faults end"
		v.heal(int64(r.At))
	case sim.EventCrash:
		e.Label = "crash"
	case sim.EventStart:
		e.Label = "start, life " + strconv.FormatUint(r.Aux, 10)
	case sim.EventCompleted:
		e.Label = "durable " + strconv.FormatUint(r.Aux, 10)
	default:
		e.Label = fmt.Sprintf("%v %d", r.Kind, r.Aux)
	}
	if label != "" {
		e.Label = label
	}
	v.d.Events = append(v.d.Events, e)
}

// process notes when a node goes down and comes back.
func (v *worldView) process(r *sim.Record, lane int) {
	switch r.Kind {
	case sim.EventCrash, sim.EventLeave:
		if lane != None {
			v.down[lane] = int64(r.At)
		}
	case sim.EventStart, sim.EventReturn:
		v.up(lane, int64(r.At))
	}
}

func (v *worldView) up(lane int, at int64) {
	if since, down := v.down[lane]; down {
		delete(v.down, lane)
		v.d.Bands = append(v.d.Bands, Band{From: since, Until: at, Lanes: []int{lane}, Label: v.d.Lanes[lane].Name + " is down"})
	}
}

// restored is how a network's note says that what an earlier one told of is over.
const restored = "links restored: "

func (v *worldView) band(r *sim.Record) {
	name, ends := strings.CutPrefix(r.Note, restored)
	if !ends {
		v.open = append(v.open, len(v.d.Bands))
		v.d.Bands = append(v.d.Bands, Band{From: int64(r.At), Until: int64(r.At), Lanes: v.struck(name), Label: v.named(name)})
		return
	}
	for i, at := range v.open {
		if v.d.Bands[at].Label == v.named(name) {
			v.d.Bands[at].Until = int64(r.At)
			v.open = slices.Delete(v.open, i, i+1)
			return
		}
	}
}

func (v *worldView) heal(at int64) {
	for _, i := range v.open {
		v.d.Bands[i].Until = at
	}
	v.open = v.open[:0]
}

// struck is the lanes that a network's note names: of a partition those of its
// first side.
func (v *worldView) struck(note string) []int {
	if a := strings.IndexByte(note, '{'); a >= 0 {
		if b := strings.IndexByte(note[a:], '}'); b >= 0 {
			note = note[a : a+b]
		}
	}
	var lanes []int
	for _, word := range nodeName.FindAllString(note, -1) {
		if n, ok := v.node(word); ok && v.lanes[n] != None && !slices.Contains(lanes, v.lanes[n]) {
			lanes = append(lanes, v.lanes[n])
		}
	}
	return lanes
}

// nodeName matches a node as notes of a network name it: n0, n1 and so on.
var nodeName = regexp.MustCompile(`\bn[0-9]+\b`)

func (v *worldView) node(name string) (int, bool) {
	n, err := strconv.Atoi(name[1:])
	return n, err == nil && n < len(v.lanes)
}

// named is a network's note with the names that lanes have.
func (v *worldView) named(note string) string {
	return nodeName.ReplaceAllStringFunc(note, func(name string) string {
		if n, ok := v.node(name); ok {
			return v.o.Lane(sim.NodeID(n)).Name
		}
		return name
	})
}

// end ends what is still in force with the run.
func (v *worldView) end() {
	if len(v.d.Events) == 0 {
		return
	}
	last := v.d.Events[len(v.d.Events)-1].At
	v.heal(last)
	for lane := range v.d.Lanes {
		v.up(lane, last)
	}
}
