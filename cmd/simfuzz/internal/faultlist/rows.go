package faultlist

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/sim/scenario"
)

// row is one row of a space-time diagram, as package sim explains it.
type row struct {
	at    string // time, as it is written
	sign  rune   // what happens: signEvent, signStart or signCrash; 0 is nothing at a node
	node  int    // the lane at which it happens, or at which a message leaves
	to    int    // the lane at which the message arrives, or -1
	label string
}

// The signs of a diagram at which something happens.
const (
	signEvent = '●'
	signStart = '◯'
	signCrash = '╳'
)

const laneWidth = 8 // columns between two lanes

// diagram is a whole run in rows.
type diagram struct {
	lanes []string // names of the nodes: n0, n1, …, c0, …
	rows  []row
}

// diagramOf draws a run and reads its rows.
func diagramOf(res *scenario.Result) (diagram, error) {
	var b strings.Builder
	if err := res.WriteDiagram(&b, 0); err != nil {
		return diagram{}, err
	}
	return parse(b.String())
}

// parse reads a diagram. Each of its rows is a time, two blanks, a column for each
// lane, the bands of partitions, and a label.
func parse(text string) (diagram, error) {
	head, body, _ := strings.Cut(text, "\n")
	lanes := strings.Fields(head)
	if len(lanes) < 2 || lanes[0] != "time" {
		return diagram{}, fmt.Errorf("faultlist: read diagram: no head %q", head)
	}
	d := diagram{lanes: lanes[1:]}
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "…") {
			continue // how many rows there were no room for
		}
		at, _, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
		start := strings.Index(line, at) + len(at) + len("  ")
		if at == "" || start > len(line) {
			return diagram{}, fmt.Errorf("faultlist: read diagram: no row %q", line)
		}
		d.rows = append(d.rows, d.row(at, []rune(line[start:])))
	}
	return d, nil
}

func (d *diagram) row(at string, rest []rune) row {
	r := row{at: at, node: -1, to: -1}
	wide := min(len(d.lanes)*laneWidth, len(rest))
	r.label = strings.TrimLeft(string(rest[wide:]), " ▒")
	for i, sign := range rest[:wide] {
		switch sign {
		case signEvent, signStart, signCrash:
			r.sign, r.node = sign, i/laneWidth
		case '▶':
			r.to = i/laneWidth + 1
		case '◀':
			r.to = i / laneWidth
		}
	}
	return r
}

// name is the name of a lane.
func (d *diagram) name(lane int) string {
	if lane < 0 || lane >= len(d.lanes) {
		return "-"
	}
	return d.lanes[lane]
}

// laneOf is the lane of a node as labels name it, by its lane, or in notes of the simulator as
// n0, n1 and so on, whether it is a replica or a client; or -1.
func (d *diagram) laneOf(node string) int {
	for i, name := range d.lanes {
		if node == name || node == fmt.Sprintf("n%d", i) {
			return i
		}
	}
	return -1
}

// named is a label with the names of lanes for those of nodes.
func (d *diagram) named(label string) string {
	return nodeName.ReplaceAllStringFunc(label, func(node string) string {
		if lane := d.laneOf(node); lane >= 0 {
			return d.name(lane)
		}
		return node
	})
}

// nodeName matches a node as labels name it.
var nodeName = regexp.MustCompile(`\bn[0-9]+\b`)

// difference is where two diagrams part: the place of the first row that differs,
// and false if none does.
func difference(a, b []row) (int, bool) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i, true
		}
	}
	return min(len(a), len(b)), len(a) != len(b)
}

// message is what a label says of a message that arrives.
type message struct {
	what   string // kind and length, as "gossip 45 B"
	sent   string
	causes []string // the faults that made it what it is
}

// messageOf reads the label of an arrow.
func messageOf(label string) (m message, ok bool) {
	what, rest, ok := strings.Cut(label, ", sent ")
	if !ok {
		return m, false
	}
	sent, causes, _ := strings.Cut(rest, ", ")
	return message{what, sent, strings.Split(causes, "+")}, true
}

func (m message) by(class string) bool { return slices.Contains(m.causes, class) }

// kind is the kind of message alone.
func (m message) kind() string {
	kind, _, _ := strings.Cut(m.what, " ")
	return kind
}

// lossOf reads the label of a message that does not arrive: "gossip to n2 lost:
// drop".
func lossOf(label string) (kind, to, why string, ok bool) {
	head, why, ok := strings.Cut(label, " lost: ")
	if !ok {
		return "", "", "", false
	}
	kind, to, ok = strings.Cut(head, " to ")
	return kind, to, why, ok
}
