package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// plainFloors is what one of three nodes promises, rule by rule as the words of floors.go have
// it. All own the one partition, so that what it holds is how many of its own deletes.
type plainFloors struct {
	first, moves          bool // moves: it has something to hand over or to get
	view                  uint64
	now, tick             uint64
	token, durable        uint64
	own                   wire.Promise
	floor                 uint64
	storing               uint64 // what a record says that is not durable yet; 0 is none
	stored                uint64 // its token
	peers                 []plainPeer
	pending               []plainDelete // by token, not durable yet
	held                  uint64        // deletes that are durable
	queue, batch          []plainDelete
	marking, taken        bool
	markFloor, markedHeld uint64
	markToken             uint64
	markEra               string
	said                  []wire.Floors // by the last step
	asked                 []int         // by the last step: whom
}

type plainPeer struct {
	gone                  bool
	origin                uint64
	said                  wire.Promise
	era                   string // what its said.Era stands for, "?" for nothing known
	most, told, next, gap uint64
	knows, reply          bool
	incarnation, holds    uint64 // of the log
}

type plainDelete struct {
	token, until uint64
	markedFor    string // the incarnations by which it was seen to; "" is none
}

// late is the time before which a write is late.
func (f *plainFloors) late() uint64 { return (f.now - 100) << logicalBits }

func (f *plainFloors) everyPeer(is func(p *plainPeer) bool) bool {
	for i := range f.peers {
		if !f.peers[i].gone && !is(&f.peers[i]) {
			return false
		}
	}
	return true
}

// toldAll reports whether the node knows what it had promised before it started.
func (f *plainFloors) toldAll() bool {
	return f.first || f.everyPeer(func(p *plainPeer) bool { return p.knows })
}

func (f *plainFloors) promised() uint64 {
	if f.toldAll() {
		return f.floor
	}
	return max(f.floor, f.late())
}

// era is the view, and the incarnations that have been heard of.
func (f *plainFloors) era() (list string) {
	list = fmt.Sprint("view ", f.view)
	for i := range f.peers {
		if !f.peers[i].gone {
			list += fmt.Sprint(", ", i, " as ", f.peers[i].origin)
		}
	}
	return list
}

func (f *plainFloors) everywhere(own uint64, of func(p *wire.Promise) uint64) uint64 {
	for i := range f.peers {
		if !f.peers[i].gone {
			own = min(own, of(&f.peers[i].said))
		}
	}
	return own
}

// over is up to which time nothing comes any more. ownEra is what the node's own word is for.
func (f *plainFloors) over(ownEra string) uint64 {
	era := f.era()
	if f.moves || ownEra != era || !f.everyPeer(func(p *plainPeer) bool { return p.era == era }) {
		return 0
	}
	return f.everywhere(f.own.Clean, func(p *wire.Promise) uint64 { return p.Clean })
}

// step is what a tick brings about: wants, promises, and what is forgotten. number is the name of
// an era on the wire; ownEra and its result are what the node's own word is for.
func (f *plainFloors) step(ownEra string, number func(string) uint64) string {
	f.said, f.asked = nil, nil
	if f.moves {
		f.marking = false
		f.queue, f.batch = append(f.queue, f.batch...), nil
		f.tell()
		return ownEra
	}
	before := f.own
	if len(f.batch) == 0 {
		looked := f.queue[:min(len(f.queue), maxTombs)]
		f.queue = slices.Clone(f.queue[len(looked):])
		for _, x := range looked {
			if x.markedFor = ""; x.until <= f.late() {
				f.batch = append(f.batch, x)
			} else {
				f.queue = append(f.queue, x)
			}
		}
	}
	for _, x := range f.batch {
		f.own.Want = max(f.own.Want, x.until)
	}
	want := f.own.Want
	for i := range f.peers {
		if !f.peers[i].gone {
			want = max(want, f.peers[i].said.Want, f.peers[i].said.Ready)
		}
	}
	if want == 0 && f.own.Rev == 0 {
		f.tell()
		return ownEra
	}
	if want <= f.late() {
		f.own.Ready = max(f.own.Ready, want)
	}
	if f.storing == 0 && f.toldAll() {
		f.floor = max(f.floor, f.everywhere(f.own.Ready, func(p *wire.Promise) uint64 { return p.Ready }))
		if f.floor > f.own.Floor {
			f.token++
			f.storing, f.stored = f.floor, f.token
		}
	}
	ownEra = f.see(ownEra, number)
	if f.own != before {
		f.own.Rev++
	}
	f.tell()
	return ownEra
}

// see sees to it that all is clean.
func (f *plainFloors) see(ownEra string, number func(string) uint64) string {
	floor, era := f.everywhere(f.own.Floor, func(p *wire.Promise) uint64 { return p.Floor }), f.era()
	f.marking = f.marking && f.markEra == era
	unseen := slices.ContainsFunc(f.batch, func(x plainDelete) bool { return x.until <= floor && x.markedFor != era })
	switch {
	case !f.marking:
		if floor > 0 && f.toldAll() && (floor > f.own.Clean || ownEra != era || unseen) {
			f.token++
			f.marking, f.taken, f.markFloor, f.markEra, f.markToken = true, false, floor, era, f.token
		}
		return ownEra
	case f.durable < f.markToken:
		return ownEra
	case !f.taken:
		f.taken, f.markedHeld = true, f.held
		for i := range f.batch {
			if x := &f.batch[i]; x.until <= f.markFloor {
				x.markedFor = era
			} else {
				x.markedFor = ""
			}
		}
	}
	clean := true
	for i := range f.peers {
		if p := &f.peers[i]; !p.gone && f.markedHeld > 0 && (p.incarnation < p.origin || p.holds < f.markedHeld) {
			clean = false
			if f.tick%4 == 0 {
				f.asked = append(f.asked, i)
			}
		}
	}
	if clean {
		f.marking, f.own.Clean, f.own.Era = false, f.markFloor, number(era)
		return era
	}
	return ownEra
}

// tell tells whoever has asked, and whoever has not confirmed, less and less often.
func (f *plainFloors) tell() {
	era := f.era()
	for i := range f.peers {
		p := &f.peers[i]
		due := f.view != 0 && !p.knows && !f.toldAll()
		if !f.moves && f.own.Rev > 0 {
			waits := len(f.batch) > 0 && (p.said.Clean < f.own.Want || p.era != era)
			due = due || p.told < f.own.Rev || !p.knows || waits
		}
		if p.gone {
			p.reply = false
			continue
		}
		if !p.reply && !(due && f.tick >= p.next) {
			continue
		}
		if due {
			p.gap = min(max(1, 2*p.gap), 16)
			p.next = f.tick + p.gap
		}
		p.reply = false
		f.said = append(f.said, wire.Floors{From: ring.NodeID(i), Own: f.own, Pull: due, Heard: p.origin, Rev: p.said.Rev, Most: p.most})
	}
}

// bury forgets what nothing can come for any more, and returns how much.
func (f *plainFloors) bury(ownEra string) (n int) {
	over, era := f.over(ownEra), f.era()
	rest := f.batch[:0:0]
	for _, x := range f.batch {
		if x.markedFor == era && x.until <= over {
			n++
		} else {
			rest = append(rest, x)
		}
	}
	f.batch = rest
	return n
}

// hear takes in what a peer says.
func (f *plainFloors) hear(i int, m *wire.Floors, era string) {
	p := &f.peers[i]
	if p.gone || m.Origin < p.origin || m.Own.Ready>>logicalBits > f.now+120_000 || m.Most>>logicalBits > f.now+120_000 {
		return
	}
	if m.Origin > p.origin {
		p.origin, p.said, p.era, p.told, p.knows, p.gap, p.next = m.Origin, wire.Promise{}, "?", 0, false, 0, 0
	}
	if m.Own.Rev > p.said.Rev {
		p.said, p.era = m.Own, era
		p.most = max(p.most, m.Own.Floor)
		p.reply, p.gap, p.next = true, 0, 0
	}
	p.reply = p.reply || m.Pull
	if m.Heard == twinOrigin {
		p.knows, p.told = true, max(p.told, m.Rev)
		f.floor = max(f.floor, m.Most)
		if f.view != 0 {
			f.floor = max(f.floor, m.Own.Floor)
		}
	}
}
