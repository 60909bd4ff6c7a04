// Package session is the client's side of causal consistency: what a session
// has seen and written, as a lattice, and what a replica must therefore cover
// before it may answer.
//
// A session carries a dependency matrix, partition → origin → highest sequence.
// A read at a causal level is a threshold read: the replica answers once what it
// has applied covers the session's row of that partition, or not at all. The
// package is pure data: it sends nothing and keeps no clock. (Bayou's session
// guarantees, Terry et al., PDIS'94; Highly Available Transactions, Bailis et
// al., VLDB'14, section 5.1.)
package session

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/ring"
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

// Deps is what a write by this session depends on; nil if nothing. The caller
// must not change it.
func (s *Session) Deps() Matrix {
	if s.Level == Eventual {
		return nil
	}
	return s.seen
}

// Clock is the greatest hybrid time the session has met.
func (s *Session) Clock() uint64 { return s.clock }

// Observe takes in an answer: the row and dependencies that the replica showed
// for p, and its hybrid time. For a write, the row holds its dot.
func (s *Session) Observe(applied Row, deps Matrix, clock uint64) {
	s.clock = max(s.clock, clock)
	if s.Level == Eventual {
		return
	}
	s.seen.MergeIn(applied)
	s.seen.MergeIn(deps)
}

// Reset makes s a new session of a level, keeping its memory.
func (s *Session) Reset(l Level) { *s = Session{Level: l, seen: s.seen[:0]} }
