package kvs

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// This file has what a replica does for the sake of a session's level: which pasts an
// answer tells. What they are for is said in package session.

// wrote has an answer tell the pasts of a session that has written, in memory of their own.
func (r *Replica) wrote(q *wire.Request, answer *wire.Response, past, own *session.Matrix) {
	mark := markOf(answer.Partition, answer.Dot)
	*past, *own = append((*past)[:0], q.Deps...), (*own)[:0]
	if q.Level.Guarantees()&(session.RYW|session.MW) != 0 {
		past.MergeIn(mark[:])
	}
	if q.Level.Apart() {
		*own = append(*own, q.Own...)
		own.MergeIn(mark[:])
	}
	r.tell(answer, *past, *own)
}

// saw has an answer tell the pasts of a session that has read s, or nothing if that is nil.
func (r *Replica) saw(q *wire.Request, s *slot, answer *wire.Response) {
	r.past, r.own = append(r.past[:0], q.Deps...), append(r.own[:0], q.Own...)
	if s != nil {
		r.sees(q.Level, s, &r.past)
	}
	r.sawForgotten(q.Level, r.held(answer.Partition), &r.past)
	r.past, r.own = r.compact(r.past), r.compact(r.own)
	r.tell(answer, r.past, r.own)
}

// sees joins into the past of a session of a level what it has seen when it is shown s.
func (r *Replica) sees(l session.Level, s *slot, past *session.Matrix) {
	g := l.Guarantees()
	if g&(session.MR|session.WFR) == 0 {
		return
	}
	r.compactSlot(s)
	past.MergeIn(s.writes)
	if g&(session.MW|session.WFR) != 0 {
		past.MergeIn(s.deps)
	} else { // which writes are in the value may be told by them
		at, _ := slices.BinarySearchFunc(s.deps, session.Cuts, func(m session.Mark, p ring.Partition) int { return int(m.Partition) - int(p) })
		past.MergeIn(s.deps[at:])
	}
}

// tell has an answer tell pasts, with the proof of them.
func (r *Replica) tell(answer *wire.Response, past, own session.Matrix) {
	answer.Deps, answer.Own, answer.Proof = past, own, r.notary().ProveBoth(past, own)
}
