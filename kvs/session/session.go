// Package session is the client's side of consistency: what a session has seen and
// written, as a lattice, and what a replica must therefore cover before it may answer.
//
// A session carries a past, a dependency matrix, partition → origin → highest
// sequence. What feeds it, and what it is for, is the level:
//
//	level   the past is fed by                     a read waits for
//	ryw     the session's writes                   the past
//	mr      the writes seen                        the past
//	mw      the session's writes                   what the writes depend on that it shows
//	wfr     the writes seen, and their pasts       what the writes depend on that it shows
//	pram    both, and the pasts of those seen      both
//	causal  both, and the pasts of those seen      both
//
// A write at mw, wfr and causal depends on the past; at pram on the session's own writes
// alone, which are a second past ([Session.Own]). A read at such a level is a threshold
// read: the replica answers once what it has applied covers what there is to wait for, or
// not at all. A session cannot make a past up: it learns one from answers, each with the
// proof of a replica, and shows the last one with every request.
//
// At mw and wfr alone a read adds nothing that later reads must see. By the definitions
// each read has a view of its own then: what it has shown binds the next one only together
// with monotonic reads, as at pram and causal. So these two can be served where the
// session has never been, as long as what is shown there is complete.
//
// A dependency is told by the last dot of each origin in a partition, so that a read waits
// for all that an origin has written there before, of whatever key and session. And
// deltas are merged as they arrive, so that a replica cannot show the value that it had
// before a write whose dependencies it lacks: a read at mw or wfr waits there, though by
// the theory it could be answered with less (Bailis et al., section 5.1.3).
//
// A session numbers its requests, and gives each write a time ([Session.Stamp]). One that
// is not answered it may repeat, to the same replica or another, with both unchanged and
// marked as a repeat: it counts once. It may do so while it has sent no later write, and
// for as long as replicas remember it, which is an hour unless they are configured
// otherwise; then a repeat is refused by name, and what came of the write can only be read.
// A session that gives up on a write goes on with the next number: the write may have been
// served, or be served yet, until the session's next one but three. The package is pure data: it
// sends nothing and keeps no clock. (Bayou's session
// guarantees, Terry et al., PDIS'94; Brzeziński et al., "From session causality to causal
// consistency", PDP'04; Highly Available Transactions, Bailis et al., VLDB'14, section 5.1.)
package session

// Session is one client's memory. The zero value is a new session at Eventual.
type Session struct {
	Level Level
	seen  Matrix
	own   Matrix // the session's own writes, where the level keeps them apart
	proof Proof  // of both
	clock uint64
}

// Past is the past that a request of this session shows, with its proof; nil if it is
// empty. The caller must not change it.
func (s *Session) Past() (Matrix, Proof) {
	if !s.Level.Waits() {
		return nil, Proof{}
	}
	return s.seen, s.proof
}

// Own is what a request of this session shows beside [Session.Past], which the same proof
// is of: its own writes at a level that keeps them apart, else nil.
func (s *Session) Own() Matrix { return s.own }

// Clock is the greatest hybrid time the session has met.
func (s *Session) Clock() uint64 { return s.clock }

// Stamp gives the session's next write its time: later than all that the session has
// met, and that of the clock of its host, in milliseconds, where this is later. Of two
// writes to a register the later one wins, so a host whose clock is slow has its writes
// lose against those of others that it has not seen. The write keeps its stamp when it is
// repeated: by it, a replica tells that two writes are one.
func (s *Session) Stamp(nowMS uint64) uint64 {
	const logicalBits = 16 // as the hybrid clocks of replicas
	s.clock = max(s.clock+1, nowMS<<logicalBits)
	return s.clock
}

// ObserveBoth takes in an answer: the session's pasts from there on, with the
// proof of both, and the replica's hybrid time. It must be the answer to the request that
// showed the pasts which the session has now: one request at a time, and answers told by
// their number. A past that leaves out what the session has seen, though it has no cut
// that could stand for it, is of an answer to an earlier request, or of a faulty replica:
// ObserveBoth reports false then and takes nothing of it.
func (s *Session) ObserveBoth(past, own Matrix, proof Proof, clock uint64) bool {
	switch {
	case !s.Level.Waits():
	case !goesOn(s.seen, past) || s.Level.Apart() && !goesOn(s.own, own):
		return false
	default:
		s.seen, s.proof = append(s.seen[:0], past...), proof
		if s.Level.Apart() {
			s.own = append(s.own[:0], own...)
		}
	}
	s.clock = max(s.clock, clock)
	return true
}

// goesOn reports whether a past may follow another one.
func goesOn(before, past Matrix) bool {
	if len(past) > 0 && past[len(past)-1].Partition >= Cuts {
		return true
	}
	return past.Includes(before)
}

// Reset makes s a new session of a level, keeping its memory.
func (s *Session) Reset(l Level) { *s = Session{Level: l, seen: s.seen[:0], own: s.own[:0]} }
