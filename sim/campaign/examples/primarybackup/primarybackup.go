// Package primarybackup is a register kept by a primary and a backup, which a view
// service appoints (after the scheme of Alsberg and Day, 1976, as it is taught), as a
// simulated protocol: an example of how package campaign is used.
//
// Nodes 0 to 2 are servers and node 3 is the view service, which does not crash. A
// view names a primary and a backup. It gives way to the next only after its primary has
// acknowledged it, which that does once its backup has all that it has. The primary has
// every operation confirmed by the backup of its view, one after the other, before it
// answers. Servers keep nothing over a crash; where both of a view are lost, the service
// appoints nobody, and the register is gone, but never wrong.
package primarybackup

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/sim"
)

// Fault is a fault seeded into the protocol.
type Fault int

// The faults. None is the protocol as it should be.
const (
	None         Fault = iota
	LocalReads         // the primary answers reads without its backup, and may be one no more
	NoTransfer         // it acknowledges a view before its backup has what it has
	NoDedup            // an operation that comes again is executed again
	AnyView            // a backup confirms what a primary of an earlier view sends
	ForgetsLives       // a server that starts again is taken for what it was
)

const (
	servers = 3
	service = servers // the node of the view service

	tick = 10 * sim.Millisecond
	dead = 5 // ticks without a word

	msgPing     sim.MsgKind = 1
	msgView     sim.MsgKind = 2
	msgRequest  sim.MsgKind = 3
	msgAnswer   sim.MsgKind = 4
	msgForward  sim.MsgKind = 5
	msgConfirm  sim.MsgKind = 6
	msgTransfer sim.MsgKind = 7
	msgSynced   sim.MsgKind = 8
)

// none is nobody, where a view has no primary or backup.
const none = -1

// view is who serves, and in which of their lives: who starts again is another, with
// nothing in its memory.
type view struct {
	Number                  uint32
	Primary, Backup         int32
	PrimaryLife, BackupLife uint64
}

// packet is every message: what is of fixed size, and behind it a text.
type packet struct {
	head
	text []byte // a value, or, of a transfer, the state
}

type head struct {
	View view
	Life uint64
	ID   uint64
	From sim.NodeID // the client of a request
	Read bool
}

func send(c *sim.Context, to sim.NodeID, kind sim.MsgKind, p packet) {
	b, err := binary.Append(nil, binary.LittleEndian, &p.head)
	if err != nil {
		c.Fail(err)
		return
	}
	c.Send(to, kind, append(b, p.text...))
}

// read reads a packet, whose text is valid only during the event.
func read(c *sim.Context, msg []byte) (p packet) {
	n, err := binary.Decode(msg, binary.LittleEndian, &p.head)
	if err != nil {
		c.Fail(err)
	}
	p.text = msg[n:]
	return p
}

// viewService is node 3.
type viewService struct {
	fault Fault
	view  view
	acked bool
	heard [servers]int    // ticks since a server was heard
	life  [servers]uint64 // in which it was last heard
}

func (s *viewService) Start(c *sim.Context) {
	s.view = view{Primary: none, Backup: none}
	s.acked = true
	for i := range s.heard {
		s.heard[i] = dead
	}
	c.After(tick, 1)
}

func (s *viewService) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	p := read(c, msg)
	if p.Life < s.life[from] {
		return // from an earlier life
	}
	s.life[from], s.heard[from] = p.Life, 0
	if int32(from) == s.view.Primary && p.View == s.view && (p.Life == s.view.PrimaryLife || s.fault == ForgetsLives) {
		s.acked = true
	}
	send(c, from, msgView, packet{head: head{View: s.view}})
}

func (s *viewService) Timer(c *sim.Context, _ sim.TimerID) {
	for i := range s.heard {
		s.heard[i]++
	}
	s.appoint(c)
	c.After(tick, 1)
}

// up reports whether a server lives on as what it is in the view.
func (s *viewService) up(n int32, life uint64) bool {
	return n != none && s.heard[n] < dead && (s.life[n] == life || s.fault == ForgetsLives)
}

func (s *viewService) appoint(c *sim.Context) {
	v := s.view
	primary, backup := s.up(v.Primary, v.PrimaryLife), s.up(v.Backup, v.BackupLife)
	next := v
	switch {
	case !s.acked:
		return
	case v.Number == 0:
		next.Primary = s.idle(none)
	case primary:
	case backup:
		c.Mark("a backup took over")
		next.Primary, next.Backup = v.Backup, none
	default:
		c.Mark("the register was lost")
		return
	}
	if !backup {
		next.Backup = none
	}
	if next.Backup == none && next.Primary != none {
		next.Backup = s.idle(next.Primary)
	}
	if next.Primary == none || next.Primary == v.Primary && next.Backup == v.Backup && backup == (v.Backup != none) {
		return
	}
	next.Number++
	next.PrimaryLife, next.BackupLife = s.life[next.Primary], 0
	if next.Backup != none {
		next.BackupLife = s.life[next.Backup]
	}
	s.view, s.acked = next, false
}

// idle is a server that is heard, and not the given one; or none.
func (s *viewService) idle(but int32) int32 {
	for i, ticks := range s.heard {
		if int32(i) != but && ticks < dead {
			return int32(i)
		}
	}
	return none
}
