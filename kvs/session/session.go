// Package session is the client's side of causal consistency: what a session
// has seen and written, as a lattice, and what a replica must therefore cover
// before it may answer.
//
// A session carries its past, a dependency matrix, partition → origin → highest
// sequence. A read at a causal level is a threshold read: the replica answers once
// what it has applied covers the session's row of that partition, or not at all. A
// session cannot make a past up: it learns one from answers, each with the proof of a
// replica, and shows the last one with every request.
//
// A session numbers its requests, and gives each write a time ([Session.Stamp]). One that
// is not answered it may repeat, to the same replica or another, with both unchanged and
// marked as a repeat: it counts once. It may do so while it has sent no later write, and
// for as long as replicas remember it, which is an hour unless they are configured
// otherwise; then a repeat is refused by name, and what came of the write can only be read.
// A session that gives up on a write goes on with the next number: the write may have been
// served, or be served yet, until the session's next one but three. The package is pure data: it
// sends nothing and keeps no clock. (Bayou's session
// guarantees, Terry et al., PDIS'94; Highly Available Transactions, Bailis et
// al., VLDB'14, section 5.1.)
package session

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
)

// Level is what a session is promised.
type Level uint8

const (
	// Eventual promises that reads come from real writes and that replicas
	// converge; each request stands alone.
	Eventual Level = iota
	// Causal promises that a read sees every write in its causal past: the
	// session's own, those it has read, and what those depended on.
	Causal
)

// ErrLevel is wrapped by [ParseLevel].
var ErrLevel = errors.New("session: unknown consistency level")

// Levels lists the names of the levels.
func Levels() []string { return []string{"eventual", "causal"} }

// String is the level's name.
func (l Level) String() string {
	if int(l) < len(Levels()) {
		return Levels()[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel is the inverse of [Level.String].
func ParseLevel(name string) (Level, error) {
	for i, l := range Levels() {
		if l == name {
			return Level(i), nil
		}
	}
	return 0, fmt.Errorf("%w %q (known: %v)", ErrLevel, name, Levels())
}

// Session is one client's memory. The zero value is a new session at Eventual.
type Session struct {
	Level Level
	seen  Matrix
	proof Proof // of seen
	clock uint64
}

// Requires is the row that a replica must cover before it answers a read of p;
// nil if any state will do. The caller must not change it.
func (s *Session) Requires(p ring.Partition) Row {
	if s.Level == Eventual {
		return nil
	}
	return s.seen.Row(p)
}

// Past is what a request of this session depends on, with its proof; nil if nothing.
// The caller must not change it.
func (s *Session) Past() (Matrix, Proof) {
	if s.Level == Eventual {
		return nil, Proof{}
	}
	return s.seen, s.proof
}

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

// Observe takes in an answer: what the session depends on from there on, with the
// proof of that, and the replica's hybrid time. It must be the answer to the request that
// showed the past which the session has now: one request at a time, and answers told by
// their number. A past that leaves out what the session has seen, though it has no cut
// that could stand for it, is of an answer to an earlier request, or of a faulty replica:
// Observe reports false then and takes nothing of it.
func (s *Session) Observe(past Matrix, proof Proof, clock uint64) bool {
	if s.Level == Eventual {
		s.clock = max(s.clock, clock)
		return true
	}
	if cut := len(past) > 0 && past[len(past)-1].Partition >= Cuts; !cut {
		if o := MatrixMerge().Compare(s.seen, past); o != lattice.Less && o != lattice.Equal {
			return false
		}
	}
	s.clock = max(s.clock, clock)
	s.seen, s.proof = append(s.seen[:0], past...), proof
	return true
}

// Reset makes s a new session of a level, keeping its memory.
func (s *Session) Reset(l Level) { *s = Session{Level: l, seen: s.seen[:0]} }
