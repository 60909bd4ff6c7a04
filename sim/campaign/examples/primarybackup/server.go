package primarybackup

import (
	"encoding/json"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign/register"
)

// state is what a server knows of the register.
type state struct {
	Value string
	Done  map[uint64]string // operations that were executed, and what they saw
}

func (s *state) execute(p packet, again bool) string {
	if saw, done := s.Done[p.ID]; done && !again {
		return saw
	}
	if !p.Read {
		s.Value = string(p.text)
	}
	s.Done[p.ID] = s.Value
	return s.Value
}

// server is node 0, 1 or 2.
type server struct {
	fault  Fault
	view   view
	state  state
	synced bool     // the backup of the view has what this, its primary, has; or this is that backup, and has it
	queue  []packet // operations to be confirmed, the first one under way
}

func (s *server) Start(c *sim.Context) {
	s.view = view{Primary: none, Backup: none}
	s.state.Done = map[uint64]string{}
	c.After(tick, 1)
}

// primary and backup say what this server is in its view.
func (s *server) primary(c *sim.Context) bool {
	return s.view.Primary == int32(c.Self()) && s.lives(c, s.view.PrimaryLife)
}

func (s *server) backup(c *sim.Context) bool {
	return s.view.Backup == int32(c.Self()) && s.lives(c, s.view.BackupLife)
}

func (s *server) lives(c *sim.Context, life uint64) bool {
	return c.Incarnation() == life || s.fault == ForgetsLives
}

// Timer says to the view service that this server is there, and that it has
// acknowledged its view, and sends again what was not answered.
func (s *server) Timer(c *sim.Context, _ sim.TimerID) {
	p := packet{head: head{Life: c.Incarnation()}}
	if !s.primary(c) || s.synced || s.view.Backup == none {
		p.View = s.view
	}
	send(c, service, msgPing, p)
	s.push(c)
	c.After(tick, 1)
}

// push sends the backup what it must have next.
func (s *server) push(c *sim.Context) {
	switch {
	case !s.primary(c) || s.view.Backup == none:
	case !s.synced:
		all, err := json.Marshal(s.state)
		if err != nil {
			c.Fail(err)
		}
		send(c, sim.NodeID(s.view.Backup), msgTransfer, packet{head{View: s.view}, all})
	case len(s.queue) > 0:
		forward := s.queue[0]
		forward.View = s.view
		send(c, sim.NodeID(s.view.Backup), msgForward, forward)
	}
}

// adopt takes over a newer view.
func (s *server) adopt(c *sim.Context, v view) {
	if v.Number <= s.view.Number {
		return
	}
	s.view, s.synced, s.queue = v, s.fault == NoTransfer, nil
	s.push(c)
}

func (s *server) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	if c.Kind() == msgRequest {
		q, err := register.Parse(msg)
		if err != nil {
			return // damaged on its way
		}
		s.request(c, packet{head{ID: q.ID, From: from, Read: q.Read}, []byte(q.Value)})
		return
	}
	p := read(c, msg)
	switch c.Kind() {
	case msgView:
		s.adopt(c, p.View)
	case msgTransfer:
		if s.adopt(c, p.View); p.View != s.view || !s.backup(c) {
			return
		}
		if !s.synced {
			if err := json.Unmarshal(p.text, &s.state); err != nil {
				c.Fail(err)
			}
			s.synced = true
		}
		send(c, from, msgSynced, packet{head: head{View: s.view}})
	case msgSynced:
		if p.View == s.view && !s.synced {
			s.synced = true
			s.push(c)
		}
	case msgForward:
		if p.View == s.view && s.backup(c) && s.synced || s.fault == AnyView {
			s.state.execute(p, s.fault == NoDedup)
			send(c, from, msgConfirm, packet{head: head{View: p.View, ID: p.ID}})
		} else {
			c.Mark("an old primary was refused")
		}
	case msgConfirm:
		if p.View == s.view && len(s.queue) > 0 && s.queue[0].ID == p.ID {
			s.finish(c, s.queue[0])
			s.queue = s.queue[1:]
			s.push(c)
		}
	}
}

// maxQueue bounds the operations that wait; more are not taken, and asked for again.
const maxQueue = 64

func (s *server) request(c *sim.Context, p packet) {
	if !s.primary(c) || len(s.queue) == maxQueue {
		return
	}
	saw, done := s.state.Done[p.ID]
	switch {
	case done && s.fault != NoDedup:
		c.Send(p.From, msgAnswer, register.Answer(p.ID, saw))
	case s.view.Backup == none, p.Read && s.fault == LocalReads:
		s.finish(c, p)
	default:
		for _, waits := range s.queue {
			if waits.ID == p.ID {
				return
			}
		}
		if s.queue = append(s.queue, p); len(s.queue) == 1 {
			s.push(c)
		}
	}
}

// finish executes an operation and answers it.
func (s *server) finish(c *sim.Context, p packet) {
	saw := s.state.execute(p, s.fault == NoDedup)
	c.Send(p.From, msgAnswer, register.Answer(p.ID, saw))
}
