package etcdraft

import (
	"bytes"
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/consistency"
)

// watch sees what must hold in a run as it goes.
type watch struct {
	run     *campaign.Run
	leaders map[uint64]sim.NodeID // by term
	log     []*pb.Entry           // by index, from 1: what was applied there first
}

func (w *watch) elected(term uint64, n sim.NodeID) {
	if first, other := w.leaders[term]; other && first != n {
		w.run.Fail(campaign.Violation{
			Oracle: "election safety", Kind: "two leaders", Node: -1, Message: fmt.Sprintf("%v and %v are leaders of term %d", first, n, term),
		})
	}
	w.leaders[term] = n
}

func (w *watch) applied(e *pb.Entry, n sim.NodeID) {
	i := int(e.GetIndex()) - 1
	for len(w.log) <= i {
		w.log = append(w.log, nil)
	}
	switch first := w.log[i]; {
	case first == nil:
		w.log[i] = e
	case !same(first, e):
		w.run.Fail(campaign.Violation{
			Oracle: "state machine safety", Kind: "two entries", Node: -1,
			Message: fmt.Sprintf("%v applies another entry at index %d, of term %d, than was applied there first, of term %d", n, i+1, e.GetTerm(), first.GetTerm()),
		})
	}
}

func same(a, b *pb.Entry) bool {
	return a.GetTerm() == b.GetTerm() && a.GetType() == b.GetType() && bytes.Equal(a.GetData(), b.GetData())
}

// logsMatch holds two logs to each other: where terms agree at an index, everything before
// does, as far as both go back.
func logsMatch(a, b *raft.MemoryStorage) error {
	var first, last [2]uint64
	for i, s := range []*raft.MemoryStorage{a, b} {
		from, err := s.FirstIndex()
		if err != nil {
			return err
		}
		to, err := s.LastIndex()
		if err != nil {
			return err
		}
		first[i], last[i] = from, to
	}
	agree := false
	for i := min(last[0], last[1]); i >= max(first[0], first[1]) && i > 0; i-- {
		x, err := a.Entries(i, i+1, 1<<20)
		if err != nil {
			return err
		}
		y, err := b.Entries(i, i+1, 1<<20)
		if err != nil {
			return err
		}
		agree = agree || x[0].GetTerm() == y[0].GetTerm()
		if agree && !same(x[0], y[0]) {
			return campaign.Violation{Oracle: "log matching", Kind: "two entries", Node: -1, Message: fmt.Sprintf("two logs agree after index %d and not at it", i)}
		}
	}
	return nil
}

// converged reports whether all servers run and have applied the same.
func converged(w *sim.World) bool {
	if w.Now() < 2*sim.Second { // the reads of the end are under way
		return false
	}
	first, ok := w.Actor(0).(*server)
	for n := range sim.NodeID(members) {
		s, up := w.Actor(n).(*server)
		if !ok || !up || s.applied != first.applied || s.applied == 0 || s.saving != nil {
			return false
		}
	}
	return true
}

// check judges a run that has ended.
func check(r *campaign.Run) error {
	for n := range sim.NodeID(members) {
		a, b := r.World().Actor(n).(*server), r.World().Actor((n+1)%members).(*server)
		if err := logsMatch(a.log, b.log); err != nil {
			return err
		}
		if a.state.Value != b.state.Value {
			return campaign.Violation{Kind: "states differ", Node: -1, Message: fmt.Sprintf("the register is %q and %q", a.state.Value, b.state.Value)}
		}
	}
	return consistency.Check(r, "linearizable")
}
