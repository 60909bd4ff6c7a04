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
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Matrix is per partition a version vector of what must be, or has been, seen.
type Matrix map[ring.Partition]causal.Version

var matrixMerge = lattice.MapOf[ring.Partition](causal.VersionMerge())

// MatrixMerge merges matrices partition by partition; ⊥ is the empty matrix.
func MatrixMerge() lattice.Merge[map[ring.Partition]causal.Version] { return matrixMerge }

// MergeIn joins other into m and reports whether m rose.
func (m *Matrix) MergeIn(other Matrix) bool {
	return matrixMerge.MergeIn((*map[ring.Partition]causal.Version)(m), other)
}

// Row joins row into the row of p.
func (m *Matrix) Row(p ring.Partition, row causal.Version) {
	if len(row) > 0 {
		m.MergeIn(Matrix{p: row})
	}
}

// Clone returns an independent copy.
func (m Matrix) Clone() Matrix { return matrixMerge.Clone(m) }

// Append appends the encoding of m.
func (m Matrix) Append(dst []byte) []byte { return matrixCaps.Append(dst, m) }

// Decode reads a matrix from the front of src.
func Decode(src []byte) (Matrix, []byte, error) {
	m, rest, err := matrixCaps.Decode(src)
	return m, rest, err
}

var matrixCaps = lattice.CapsOf(matrixMerge)

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
func (s *Session) Requires(p ring.Partition) causal.Version {
	if s.Level == Eventual {
		return nil
	}
	return s.seen[p]
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

// Observe takes in an answer: the vector and dependencies that the replica
// showed for p, and its hybrid time. For a write, the vector holds its dot.
func (s *Session) Observe(p ring.Partition, applied causal.Version, deps Matrix, clock uint64) {
	s.clock = max(s.clock, clock)
	if s.Level == Eventual {
		return
	}
	s.seen.Row(p, applied)
	s.seen.MergeIn(deps)
}
