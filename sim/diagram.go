package sim

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// DiagramOptions say what of a recorded trace to draw. The zero value draws all of it.
type DiagramOptions struct {
	// From and Until bound the time drawn; Until 0 is the end.
	From, Until Time
	// NoTimers leaves out timers, of which most do nothing worth a line.
	NoTimers bool
	// Rows bounds the rows drawn, 10,000 by default; what is beyond is counted.
	Rows int
	// Label says what to write beside an event that is no message, and whether to draw
	// it at all; "" is what is written without it. nil draws everything.
	Label func(Record) (label string, draw bool)
	// Lane names a node at the head of its lane; nil writes n0, n1 and so on.
	Lane func(NodeID) string
}

// laneWidth is the distance of two lanes in columns.
const laneWidth = 8

// WriteDiagram draws the recorded trace as a space-time diagram, time running
// down, a lane a node, an arrow a message, and partitions as bands at the right;
// how to read it is in the package comment. It needs [TraceOptions.Records].
func (w *World) WriteDiagram(out io.Writer, o DiagramOptions) error {
	if o.Until == 0 {
		o.Until = Forever
	}
	if o.Rows == 0 {
		o.Rows = 10_000
	}
	if o.Lane == nil {
		o.Lane = NodeID.String
	}
	d := diagram{opts: o, kindName: w.opts.KindName, state: make([]rune, len(w.nodes))}
	for i := range d.state {
		d.state[i] = laneUp
	}
	for _, n := range w.opts.Absent {
		d.state[n] = laneDown
	}
	d.head()
	losses := w.trace.losses
	for _, r := range w.trace.records {
		for len(losses) > 0 && losses[0].At < r.At { // what an event sent stands below it
			d.loss(losses[0])
			losses = losses[1:]
		}
		d.record(r)
	}
	for _, l := range losses {
		d.loss(l)
	}
	if d.more > 0 {
		fmt.Fprintf(&d.b, "… and %d more rows, beyond the bound of %d\n", d.more, o.Rows)
	}
	if w.trace.cut > 0 {
		fmt.Fprintf(&d.b, "… and %d more records, beyond the bound of %d\n", w.trace.cut, w.trace.max)
	}
	if _, err := io.WriteString(out, d.b.String()); err != nil {
		return fmt.Errorf("sim: write diagram: %w", err)
	}
	return nil
}

// The signs of a diagram.
const (
	laneUp    = '│' // a node that runs
	laneDown  = '┊' // a node that is down
	signEvent = '●' // something happens at a node
	signStart = '◯'
	signCrash = '╳'
	signLost  = '✗' // where an arrow would end
	signLine  = '─'
	signCross = '┼'
	signRight = '▶'
	signLeft  = '◀'
	bandOn    = '▒'
	bandOff   = ' '
)

// diagram is a drawing in progress.
type diagram struct {
	opts     DiagramOptions
	kindName func(MsgKind) string
	state    []rune   // of each lane: laneUp or laneDown
	bands    []string // what each band is of; "" is a free place
	network  bool     // the last record was a change of the network, whose note follows
	b        strings.Builder
	rows     int
	more     int
}

func (d *diagram) head() {
	fmt.Fprintf(&d.b, "%14s  ", "time")
	line := strings.Builder{}
	for i := range d.state {
		fmt.Fprintf(&line, "%-*s", laneWidth, d.opts.Lane(NodeID(i)))
	}
	d.b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// record draws one record.
func (d *diagram) record(r Record) {
	wasNetwork := d.network
	d.network = r.Kind == EventNetwork
	lanes := d.lanes()
	label, named := "", ""
	if d.opts.Label != nil && r.Kind != EventMessage && r.Kind != EventNote {
		draw := false
		if named, draw = d.opts.Label(r); !draw {
			return
		}
	}
	switch r.Kind {
	case EventNetwork:
		return // the note says it
	case EventNote:
		if wasNetwork && r.Node == None {
			d.band(r)
			return
		}
		label = "# " + r.Note
		if r.Node != None {
			label = fmt.Sprintf("# %v: %s", r.Node, r.Note)
		}
	case EventMessage:
		d.arrow(lanes, r.From, r.Node, 0)
		label = fmt.Sprintf("%s %d B, sent %v", nameKind(d.kindName, r.Msg), r.Size, r.Sent)
		if r.Causes != 0 {
			label += ", " + r.Causes.String()
		}
	case EventStart:
		lanes[int(r.Node)*laneWidth] = signStart
		d.state[r.Node] = laneUp
		label = fmt.Sprintf("start, life %d", r.Aux)
	case EventCrash:
		lanes[int(r.Node)*laneWidth] = signCrash
		d.state[r.Node] = laneDown
		label = "crash"
	case EventJoin, EventLeave, EventReturn, EventWipe:
		lanes[int(r.Node)*laneWidth] = signEvent
		label = r.Kind.String()
	case EventHeal:
		label = "═══ faults end ═══"
		clear(d.bands)
	case EventTimer:
		if d.opts.NoTimers {
			return
		}
		fallthrough
	default:
		lanes[int(r.Node)*laneWidth] = signEvent
		label = fmt.Sprintf("%v %d", r.Kind, r.Aux)
	}
	if named != "" {
		label = named
	}
	d.row(r.At, lanes, label)
}

// loss draws a message that does not arrive as an arrow that breaks off.
func (d *diagram) loss(l Loss) {
	lanes := d.lanes()
	d.arrow(lanes, l.From, l.To, signLost)
	d.row(l.At, lanes, fmt.Sprintf("%s to %s lost: %s", nameKind(d.kindName, l.Msg), d.opts.Lane(l.To), l.Why))
}

// lanes is a row in which nothing happens.
func (d *diagram) lanes() []rune {
	row := slices.Repeat([]rune{' '}, len(d.state)*laneWidth)
	for i, s := range d.state {
		row[i*laneWidth] = s
	}
	return row
}

// arrow draws from one lane to another. With an end sign it breaks off before it.
func (d *diagram) arrow(row []rune, from, to NodeID, end rune) {
	a, b := int(from)*laneWidth, int(to)*laneWidth
	if a == b {
		row[a] = signEvent
		return
	}
	step, head := 1, signRight
	if b < a {
		step, head = -1, signLeft
	}
	last := b - step // the head stands before the target's lane
	if end != 0 {
		last, head = b-2*step, end
	}
	for i := a + step; i != last; i += step {
		if i%laneWidth == 0 {
			row[i] = signCross
		} else {
			row[i] = signLine
		}
	}
	row[a] = signEvent
	row[last] = head
}

// band begins or ends the band of a partition, as the network's note tells.
func (d *diagram) band(r Record) {
	name, ends := strings.CutPrefix(r.Note, bandEnd)
	if i := slices.Index(d.bands, name); ends && i >= 0 {
		d.row(r.At, d.lanes(), "ends: "+d.named(name))
		d.bands[i] = ""
		return
	}
	if !ends {
		if i := slices.Index(d.bands, ""); i >= 0 {
			d.bands[i] = name
		} else {
			d.bands = append(d.bands, name)
		}
	}
	d.row(r.At, d.lanes(), d.named(r.Note))
}

// named is a network's note with nodes as their lanes are called.
func (d *diagram) named(note string) string {
	return nodeName.ReplaceAllStringFunc(note, func(name string) string {
		if n, err := strconv.Atoi(name[1:]); err == nil && n < len(d.state) {
			return d.opts.Lane(NodeID(n))
		}
		return name
	})
}

// nodeName matches a node as notes of a network name it: n0, n1 and so on.
var nodeName = regexp.MustCompile(`\bn[0-9]+\b`)

// bandEnd is how a network's note says that what an earlier one told of is over.
const bandEnd = "links restored: "

// row writes one row.
func (d *diagram) row(at Time, lanes []rune, label string) {
	if at < d.opts.From || at > d.opts.Until {
		return
	}
	if d.rows >= d.opts.Rows {
		d.more++
		return
	}
	d.rows++
	bands := slices.Repeat([]rune{bandOff}, max(len(d.bands), 1))
	for i, name := range d.bands {
		if name != "" {
			bands[i] = bandOn
		}
	}
	line := fmt.Sprintf("%14v  %s%s  %s", at, string(lanes), string(bands), label)
	d.b.WriteString(strings.TrimRight(line, " "))
	d.b.WriteByte('\n')
}
