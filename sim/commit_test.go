package sim_test

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// Two-phase commit with presumed abort: node 0 coordinates, nodes 1 and 2 take
// part and never crash here. What must not happen is that one commits what the
// other aborts, or that one never knows.
const (
	commitSendsFirst bug = iota + 1 // the coordinator tells its decision before it is durable
	commitImpatient                 // a participant that voted yes aborts when it hears nothing for long
)

// The kinds of messages, each with the transaction, and commits with a 1 behind it.
const (
	msgPrepare sim.MsgKind = iota + 1
	msgYes
	msgDecision
	msgAsk // a participant asks what became of a transaction
)

const commitPatience = 60 * sim.Millisecond

func aboutTx(id uint64, more ...byte) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, id), more...)
}

// coordinator is node 0. What is on its disk is committed.
type coordinator struct {
	bug       bug
	votes     map[uint64]uint8 // of those that it still waits for
	committed map[uint64]bool
	writing   map[uint64]bool
}

func (k *coordinator) Start(c *sim.Context) {
	k.votes, k.committed, k.writing = map[uint64]uint8{}, map[uint64]bool{}, map[uint64]bool{}
	for _, r := range disk.Of(c).Records() {
		k.committed[binary.LittleEndian.Uint64(r)] = true
	}
}
func (k *coordinator) Timer(*sim.Context, sim.TimerID) {}
func (k *coordinator) Input(c *sim.Context, id uint64) {
	k.votes[id] = 0
	c.Send(1, msgPrepare, aboutTx(id))
	c.Send(2, msgPrepare, aboutTx(id))
}

func (k *coordinator) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	id := binary.LittleEndian.Uint64(msg)
	if c.Kind() == msgAsk {
		if k.writing[id] {
			return // soon
		}
		delete(k.votes, id) // what was not decided when asked for is aborted
		k.tell(c, from, id)
		return
	}
	votes, open := k.votes[id]
	if !open {
		return
	}
	if votes |= 1 << from; votes != 1<<1|1<<2 {
		k.votes[id] = votes
		return
	}
	delete(k.votes, id)
	k.writing[id] = true
	if err := disk.Of(c).Append(c, id, aboutTx(id)); err != nil {
		c.Abort()
		return
	}
	if k.bug == commitSendsFirst {
		k.Persisted(c, id)
	}
}

func (k *coordinator) Persisted(c *sim.Context, id uint64) {
	if disk.Of(c).Synced(id) != nil {
		c.Abort()
		return
	}
	delete(k.writing, id)
	k.committed[id] = true
	k.tell(c, 1, id)
	k.tell(c, 2, id)
}

func (k *coordinator) tell(c *sim.Context, to sim.NodeID, id uint64) {
	if k.committed[id] {
		c.Send(to, msgDecision, aboutTx(id, 1))
	} else {
		c.Send(to, msgDecision, aboutTx(id, 0))
	}
}

// participant is node 1 or 2.
type participant struct {
	bug     bug
	waiting []uint64
	outcome map[uint64]bool // committed or not, of those known
	asked   map[uint64]int
}

func (p *participant) Start(c *sim.Context) {
	p.outcome, p.asked = map[uint64]bool{}, map[uint64]int{}
	c.After(commitPatience, 1)
}

func (p *participant) Receive(c *sim.Context, _ sim.NodeID, msg []byte) {
	id := binary.LittleEndian.Uint64(msg)
	if _, known := p.outcome[id]; known {
		return
	}
	if c.Kind() == msgPrepare {
		if p.asked[id]++; p.asked[id] == 1 {
			p.waiting = append(p.waiting, id)
		}
		c.Send(0, msgYes, aboutTx(id))
		return
	}
	p.outcome[id] = msg[8] == 1
}

func (p *participant) Timer(c *sim.Context, _ sim.TimerID) {
	still := p.waiting[:0]
	for _, id := range p.waiting {
		if _, known := p.outcome[id]; known {
			continue
		}
		if p.asked[id]++; p.bug == commitImpatient && p.asked[id] > 4 {
			p.outcome[id] = false
			continue
		}
		still = append(still, id)
		c.Send(0, msgAsk, aboutTx(id))
	}
	p.waiting = still
	c.After(commitPatience, 1)
}

func runCommit(b bug, n int) (func(sim.NodeID) sim.Actor, func(*sim.World) string) {
	parts := [2]*participant{{bug: b}, {bug: b}}
	return func(i sim.NodeID) sim.Actor {
			if i == 0 {
				return &coordinator{bug: b}
			}
			return parts[i-1]
		}, func(*sim.World) string {
			for id := uint64(1); id <= uint64(n); id++ {
				a, knowsA := parts[0].outcome[id]
				b, knowsB := parts[1].outcome[id]
				switch {
				case knowsA && knowsB && a != b:
					return "split"
				case len(parts[0].waiting)+len(parts[1].waiting) > 0:
					return "in doubt"
				}
			}
			return ""
		}
}
