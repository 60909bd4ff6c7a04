// Package faultlist says in words what the faults of a tape are: which node or link
// each strikes, and when.
//
// A tape holds decisions under lineage keys, which name neither. So each fault is
// taken away in turn and the tape replayed: the first thing that is different
// then, in the space-time diagrams of the two runs, is what the fault does. That
// needs no knowledge of how a site is asked, and describes no effect that the run
// does not have. It takes one replay a fault, so it is for shrunk tapes, and
// describes no more than [Most] faults.
package faultlist

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim/scenario"
)

// Most is how many faults are described; of a tape with more the others are
// counted.
const Most = 40

// Describe returns a line for each decision of a tape, in the tape's order. res is
// a replay of it. The times are those of the diagram of res: of a message when it
// is sent, of a crash when the node goes down, of a fault of a disk when it first
// shows. O(faults) replays.
func Describe(ctx context.Context, t *scenario.Tape, res *scenario.Result) ([]string, error) {
	with, err := diagramOf(res)
	if err != nil {
		return nil, err
	}
	var lines []string
	for i, d := range t.Decisions {
		if i == Most {
			return append(lines, fmt.Sprintf("and %d more, which the tape lists", len(t.Decisions)-Most)), nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		less := *t
		less.Decisions = slices.Delete(slices.Clone(t.Decisions), i, i+1)
		other, err := scenario.Replay(ctx, &less)
		if err != nil {
			return nil, fmt.Errorf("replay without %s: %w", d.Site, err)
		}
		without, err := diagramOf(other)
		if err != nil {
			return nil, err
		}
		lines = append(lines, describe(d, with, without))
	}
	return lines, nil
}

// describe says what one decision does: with it a run is one diagram, without it
// another.
func describe(d choice.Decision, with, without diagram) string {
	at, differ := difference(with.rows, without.rows)
	if !differ {
		return fmt.Sprintf("%s = %d, which changes nothing that is drawn", d.Site, d.Value)
	}
	f := fault{Decision: d, with: with, without: without, at: at}
	say, known := sites[d.Site]
	if known {
		if text := say(f); text != "" {
			return text
		}
	}
	return f.seen(d.Site + fmt.Sprintf(" = %d", d.Value))
}

// fault is a decision and where what it does begins.
type fault struct {
	choice.Decision
	with, without diagram
	at            int // of the first row that differs
}

// sites are the sites of decisions and what says what they do; "" is that what they
// do is not what it usually is.
var sites = map[string]func(fault) string{
	"net.drop":      fault.drop,
	"net.duplicate": fault.duplicate,
	"net.delay":     fault.delay,
	"net.corrupt":   fault.corrupt,
	"net.partition": networkFault("partition", "partition"),
	"net.burst":     networkFault("burst", "burst of losses"),
	"net.clog":      networkFault("clog", "clog"),
	"net.bridge":    networkFault("bridge", "bridge"),
	"net.flap":      networkFault("flap", "flap"),
	"net.filter":    networkFault("filter", "filter"),

	"sim.crash":    fault.crash,
	"sim.midcrash": fault.crash,
	"sim.outage":   fault.crash,
	"sim.pause":    notedFault("pause", "paused "),
	"sim.slow":     notedFault("slow down", "slow "),
	"sim.clock":    notedFault("disturb the clock of", "clock: "),
	"sim.restore":  notedFault("take back the disk of", "disk taken back "),
	"sim.version":  notedFault("change the program of", ""),

	"disk.slow":      diskFault("slow down a request to the disk of"),
	"disk.write":     diskFault("fail a write to the disk of"),
	"disk.sync":      diskFault("fail a sync of the disk of"),
	"disk.misdirect": diskFault("misdirect a write to the disk of"),
	"disk.crash":     diskFault("keep more or less of what was not synced on the disk of"),
	"disk.rot":       diskFault("let a record rot on the disk of"),
}

// first is the first row that is only there with the fault; false if there is none.
func (f fault) first() (row, bool) {
	if f.at < len(f.with.rows) {
		return f.with.rows[f.at], true
	}
	return row{}, false
}

// missing is the first row that is only there without it.
func (f fault) missing() (row, bool) {
	if f.at < len(f.without.rows) {
		return f.without.rows[f.at], true
	}
	return row{}, false
}

func (f fault) drop() string {
	r, ok := f.first()
	kind, to, why, lost := lossOf(r.label)
	if !ok || !lost || !slices.Contains(strings.Split(why, "+"), "drop") {
		return ""
	}
	return fmt.Sprintf("drop message %s->%s at %s (%s)", f.with.name(r.node), f.with.name(f.with.laneOf(to)), r.at, kind)
}

// about is the message of a row.
func (f fault) about(r row, m message, detail string) string {
	return fmt.Sprintf("message %s->%s at %s (%s, %s)", f.with.name(r.node), f.with.name(r.to), m.sent, m.kind(), detail)
}

func (f fault) duplicate() string {
	r, _ := f.first()
	m, ok := messageOf(r.label)
	if !ok || !m.by("duplicate") {
		return ""
	}
	var times []string
	for _, copied := range f.copies(r, m, "duplicate") {
		times = append(times, copied.at)
	}
	return "duplicate " + f.about(r, m, "again at "+strings.Join(times, ", "))
}

func (f fault) delay() string {
	r, _ := f.missing()
	m, ok := messageOf(r.label)
	if !ok {
		return ""
	}
	late := f.copies(r, m, "delay")
	if len(late) == 0 {
		return "delay " + f.about(r, m, "due at "+r.at+", and then lost")
	}
	return "delay " + f.about(r, m, fmt.Sprintf("arrives at %s instead of %s", late[0].at, r.at))
}

func (f fault) corrupt() string {
	r, _ := f.first()
	m, ok := messageOf(r.label)
	if !ok || !m.by("corrupt") {
		return ""
	}
	return "corrupt " + f.about(r, m, "arrives at "+r.at)
}

// copies are the arrivals, from the first difference on, of the message of a row
// that a class of faults has a hand in.
func (f fault) copies(like row, m message, class string) []row {
	var found []row
	for _, r := range f.with.rows[min(f.at, len(f.with.rows)):] {
		other, ok := messageOf(r.label)
		if ok && r.node == like.node && r.to == like.to && other.what == m.what && other.sent == m.sent && other.by(class) {
			found = append(found, r)
		}
	}
	return found
}

func (f fault) crash() string {
	r, ok := f.first()
	if !ok || r.sign != signCrash {
		return ""
	}
	var names, back []string
	for _, struck := range f.with.rows[f.at:] {
		if struck.at != r.at {
			break
		}
		if struck.sign == signCrash && (f.Site == "sim.outage" || len(names) == 0) {
			names = append(names, f.with.name(struck.node))
			back = append(back, f.comesBack(struck.node))
		}
	}
	return fmt.Sprintf("crash %s at %s (%s)", strings.Join(names, ", "), r.at, strings.Join(back, ", "))
}

// comesBack says when a node that goes down at the first difference starts again.
func (f fault) comesBack(node int) string {
	for _, r := range f.with.rows[f.at:] {
		if r.sign == signStart && r.node == node {
			return "comes back at " + r.at
		}
	}
	return "does not come back"
}

// networkFault says what the network notes of a fault of several links, and which
// message it strikes first, since the note need not name the links.
func networkFault(class, what string) func(fault) string {
	return func(f fault) string {
		r, ok := f.first()
		if !ok || r.sign != 0 || r.label == "" {
			return ""
		}
		text := fmt.Sprintf("%s at %s (%s", what, r.at, f.with.named(strings.TrimPrefix(r.label, what+" ")))
		if hit := f.struck(class); hit != "" {
			text += "; first strikes " + hit
		}
		return text + ")"
	}
}

// struck is the first message that a class of faults has a hand in losing, or in how
// it arrives; or "".
func (f fault) struck(class string) string {
	for _, r := range f.with.rows[f.at:] {
		if _, to, why, lost := lossOf(r.label); lost && slices.Contains(strings.Split(why, "+"), class) {
			return fmt.Sprintf("%s->%s at %s", f.with.name(r.node), f.with.name(f.with.laneOf(to)), r.at)
		}
		if m, ok := messageOf(r.label); ok && m.by(class) {
			return fmt.Sprintf("%s->%s at %s", f.with.name(r.node), f.with.name(r.to), m.sent)
		}
	}
	return ""
}

// notedFault says what the simulator notes of a fault of one node: "# n1: paused
// for 6ms", less what it says once more.
func notedFault(what, less string) func(fault) string {
	return func(f fault) string {
		r, ok := f.first()
		node, note, named := strings.Cut(strings.TrimPrefix(r.label, "# "), ": ")
		if !ok || !named || !strings.HasPrefix(r.label, "# ") {
			return ""
		}
		return fmt.Sprintf("%s %s at %s (%s)", what, f.with.name(f.with.laneOf(node)), r.at, strings.TrimPrefix(note, less))
	}
}

// diskFault says at which node a fault of a disk first shows: that whose disk it
// is, since the others learn of it by messages, which leave from there.
func diskFault(what string) func(fault) string {
	return func(f fault) string {
		r, ok := f.soonest()
		if !ok || r.node < 0 && !strings.HasPrefix(r.label, "# ") {
			return ""
		}
		node := r.node
		if node < 0 {
			name, _, _ := strings.Cut(strings.TrimPrefix(r.label, "# "), ": ")
			node = f.with.laneOf(name)
		}
		return fmt.Sprintf("%s %s, seen at %s", what, f.with.name(node), r.at)
	}
}

// soonest is the first thing that is different: the earlier of what is there only
// with the fault and only without.
func (f fault) soonest() (row, bool) {
	with, here := f.first()
	without, there := f.missing()
	if !here || there && sooner(without, with) {
		return without, there
	}
	return with, here
}

// sooner compares the times of two rows; of equals it is the second that counts.
func sooner(a, b row) bool {
	x, err1 := time.ParseDuration(a.at)
	y, err2 := time.ParseDuration(b.at)
	return err1 == nil && err2 == nil && x < y
}

// seen says of a fault where it first shows.
func (f fault) seen(what string) string {
	r, _ := f.soonest()
	text := fmt.Sprintf("%s, seen at %s", what, r.at)
	if r.node >= 0 {
		text += " at " + f.with.name(r.node)
	}
	if r.label != "" {
		text += " (" + r.label + ")"
	}
	return text
}
