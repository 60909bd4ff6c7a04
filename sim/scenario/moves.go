package scenario

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim"
)

// In a share of the seeds members come and go while clients write and faults last: nodes join and
// leave, and one whose disk is lost for good is replaced, also by one that joins under its name, one
// after the other or at once. It is a
// part of the plan and no class of faults: an operator asks for it, and asks again at another
// replica until some time after the faults have ended, as what is asked of a replica that is down
// is lost. Clients and oracles go by the placement that is to come of it; until the fence a
// replica may say that it does not own what is to be its.

// Move is a change of members that an operator asks for. A node that joins starts then, for the
// first time or on an empty disk; one that is gone stops then, and its disk is lost.
type Move struct {
	AtMS uint64 `json:"at_ms"`
	Node int    `json:"node"`
	To   string `json:"to"` // joining, leaving or gone
}

// moveTo names what nodes can be told to be.
var moveTo = map[string]member.Phase{
	member.Joining.String(): member.Joining, member.Leaving.String(): member.Leaving, member.Gone.String(): member.Gone,
}

// change is what an operator asks for by move i. Of a node that comes back it is of the one life or
// the other, so that nobody takes what is asked again for the first to be of the second.
func (s *Setup) change(i int) member.Change {
	m := &s.Moves[i]
	c := member.Change{Node: ring.NodeID(m.Node), To: moveTo[m.To]}
	if _, back := s.back(m.Node); back {
		c.Life = 1
		if c.To == member.Joining {
			c.Life = 2
		}
	}
	return c
}

// back reports whether a node that the run begins with is gone and comes back in another life, and
// when it does.
func (s *Setup) back(n int) (at sim.Time, back bool) {
	for _, m := range s.Moves {
		if m.Node == n && moveTo[m.To] == member.Joining {
			return sim.Time(m.AtMS) * sim.Millisecond, !s.joins(n)
		}
	}
	return 0, false
}

const (
	moving     = 1 << 48 // above the ids of operations: what operators ask for
	movingEach = 1 << 12 // ids for each move, and each decision
	movingGap  = 40 * sim.Millisecond
	movingMore = 200 * sim.Millisecond // after the faults have ended
)

// drawMoves draws who comes and goes, of whom those that come are beside the nodes of the run.
func (s *Setup) drawMoves(c Config, pick func(site string, n int) int) {
	if pick("members", 8) != 7 || c.Nodes != 0 || c.Faults == "off" {
		return
	}
	who, nodes := pick("who", s.Nodes), s.Nodes
	move := func(node int, to member.Phase) {
		at := s.HorizonMS * uint64(10+pick(fmt.Sprint("move", len(s.Moves)), 60)) / 100
		s.Moves = append(s.Moves, Move{AtMS: at, Node: node, To: to.String()})
	}
	join := func() {
		move(s.Nodes, member.Joining)
		s.Nodes++
	}
	switch pick("change", 6) {
	case 0:
		join()
	case 1:
		move(who, member.Leaving)
	case 2:
		move(who, member.Gone)
		join()
		if pick("again", 2) == 1 && s.Faults[sim.Rot] == sim.Off { // else the record of the new life may rot, and the node is right to refuse to start
			at := s.Moves[0].AtMS
			at += 1 + (s.HorizonMS-at)*uint64(pick("back", 8))/12
			s.Moves = append(s.Moves, Move{AtMS: at, Node: who, To: member.Joining.String()})
		}
	case 3:
		join()
		join()
	case 4:
		join()
		move(who, member.Leaving)
	case 5:
		move(who, member.Leaving)
		move((who+1)%nodes, member.Gone)
		join()
		join()
	}
}

// joins reports whether a node is to join that the run does not begin with.
func (s *Setup) joins(n int) bool {
	at := slices.IndexFunc(s.Moves, func(m Move) bool { return m.Node == n })
	return s.standsBy(n) || at >= 0 && moveTo[s.Moves[at].To] == member.Joining
}

// goes reports whether a node is to be gone in the end.
func (s *Setup) goes(n int) (goes bool) {
	for _, m := range s.Moves {
		if m.Node == n {
			goes = moveTo[m.To] != member.Joining
		}
	}
	return goes
}

// nodes are those of the run that a ring has: the ones it begins with, or those that stay.
func (s *Setup) nodes(begins bool) (ids []ring.NodeID) {
	for n := range s.Nodes {
		if begins && !s.joins(n) || !begins && !s.goes(n) && !s.standsBy(n) {
			ids = append(ids, ring.NodeID(n))
		}
	}
	return ids
}

// first is the ring that the run begins with.
func (s *Setup) first() (*ring.Ring, error) {
	return ring.Tiered(s.nodes(true), s.Partitions, s.Replicas, s.disks(), nil)
}

// validateMoves checks what a tape brought.
func (s *Setup) validateMoves() error {
	for i, m := range s.Moves {
		if _, known := moveTo[m.To]; !known || m.Node < 0 || m.Node >= s.Nodes || m.AtMS > s.HorizonMS {
			return fmt.Errorf("%w: move %d: node %d of %d %q at %d ms of %d", ErrConfig, i, m.Node, s.Nodes, m.To, m.AtMS, s.HorizonMS)
		}
	}
	for n := range s.Nodes {
		var of []Move
		for _, m := range s.Moves {
			if m.Node == n {
				of = append(of, m)
			}
		}
		for i := 1; i < len(of); i++ {
			if moveTo[of[i].To] == member.Joining && (i > 1 || moveTo[of[0].To] != member.Gone || of[1].AtMS <= of[0].AtMS) {
				return fmt.Errorf("%w: node %d comes back without having been gone, or twice", ErrConfig, n)
			}
		}
	}
	if len(s.Moves) > 16 || len(s.nodes(true)) == 0 || len(s.nodes(false)) == 0 {
		return fmt.Errorf("%w: %d moves, and no node at first or in the end", ErrConfig, len(s.Moves))
	}
	return nil
}

// absent are the nodes that are to come.
func (s *Setup) absent() (nodes []sim.NodeID) {
	for n := range s.Nodes {
		if s.joins(n) {
			nodes = append(nodes, sim.NodeID(n))
		}
	}
	return nodes
}

// move has the world do what befalls nodes, and operators ask for it.
func (r *run) move(w *sim.World, horizon sim.Time) error {
	s := &r.setup
	var ask []sim.NodeID // who is there all along
	for _, n := range s.nodes(true) {
		if _, back := s.back(int(n)); !back && !s.goes(int(n)) {
			ask = append(ask, sim.NodeID(n))
		}
	}
	for i := range s.Moves {
		m := &s.Moves[i]
		at, n := sim.Time(m.AtMS)*sim.Millisecond, sim.NodeID(m.Node)
		switch moveTo[m.To] {
		case member.Joining:
			if err := w.Join(at, n); err != nil {
				return err
			}
		case member.Gone:
			if err := w.Leave(at, n); err != nil {
				return err
			}
			if err := w.Wipe(at, n); err != nil {
				return err
			}
		default:
		}
		if err := r.operate(w, ask, i, at, horizon); err != nil {
			return err
		}
	}
	for i := range s.absurd() {
		if len(ask) == 0 {
			break
		}
		at := horizon * sim.Time(1+i) / 16
		if err := w.Inject(at, ask[i%len(ask)], moving+uint64((len(s.Moves)+len(s.Decisions)+i)*movingEach)); err != nil {
			return err
		}
	}
	for i := range s.Decisions {
		if err := r.operate(w, ask, len(s.Moves)+i, sim.Time(s.Decisions[i].AtMS)*sim.Millisecond, horizon); err != nil {
			return err
		}
	}
	return nil
}

// Input has the core asked by an operator.
func (r *replica) Input(c *sim.Context, id uint64) {
	if id < moving || r.core == nil {
		return
	}
	ev, known := r.run.setup.asked(int((id - moving) / movingEach))
	if id >= asking {
		ev, known = r.run.asks[id-asking].Event, true
	}
	if !known {
		return
	}
	ev.NowMS = r.nowMS(c)
	rejected := r.core.Stats().Rejected
	r.do(c, ev)
	if id >= asking && r.core != nil && r.core.Stats().Rejected == rejected {
		r.run.took(&r.run.asks[id-asking])
	}
	if r.core != nil {
		r.stats = r.core.Stats() // what is asked for twice is refused
	}
}

// members is what a node is told of members when it starts, and in which life.
func (r *run) members(n ring.NodeID) (member.Set, uint32) {
	at, back := r.setup.back(int(n))
	switch {
	case back && r.world.Now() >= at:
		return member.Of(r.begins).Raised(n, member.In(2, member.Joining)), 2
	case back || !r.setup.joins(int(n)):
		return nil, 1
	}
	return member.Of(r.begins).Raised(n, member.In(1, member.Joining)), 1
}

// Moves reports whether partitions come to other nodes in the run, be it that members come and go or
// that partitions come to have more replicas, or fewer.
func (r *run) Moves() bool { return r.setup.moves() }

func (s *Setup) moves() bool { return len(s.Moves)+len(s.Decisions) > 0 || s.Elastic != nil }
