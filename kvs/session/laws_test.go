package session_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// matrixMerge merges matrices partition by partition and origin by origin to the greater
// count; ⊥ is the empty matrix.
type matrixMerge struct{}

func (matrixMerge) MergeIn(target *session.Matrix, delta session.Matrix) bool {
	return target.MergeIn(delta)
}
func (matrixMerge) Clone(v session.Matrix) session.Matrix { return v.Clone() }

func (matrixMerge) Compare(a, b session.Matrix) lattice.Order {
	o := lattice.Incomparable
	if b.Includes(a) {
		o |= lattice.Less
	}
	if a.Includes(b) {
		o |= lattice.Greater
	}
	return o
}

func (matrixMerge) Caps() lattice.Caps[session.Matrix] {
	return lattice.Caps[session.Matrix]{
		Bottom: func() session.Matrix { return nil },
		Append: func(dst []byte, v session.Matrix) []byte { return v.Append(dst) },
		Decode: func(src []byte) (session.Matrix, []byte, error) { return session.Decode(nil, src) },
	}
}

// required is the row that a replica must cover before it answers a read of p by s; nil if
// any state will do.
func required(s session.Session, p ring.Partition) session.Row {
	if !s.Level.Requires() {
		return nil
	}
	past, _ := s.Past()
	return past.Row(p)
}

// TestMatrixLaws: a matrix is a lattice by itself, whatever it is compared with.
func TestMatrixLaws(t *testing.T) {
	matrices := rapid.Custom(func(t *rapid.T) session.Matrix {
		m := session.Matrix{}
		for range rapid.IntRange(0, 4).Draw(t, "marks") {
			p := session.Matrix{{
				Partition: ring.Partition(rapid.IntRange(0, 2).Draw(t, "partition")), Origin: rapid.Uint64Range(1, 3).Draw(t, "origin"),
				Seq: rapid.Uint64Range(1, 3).Draw(t, "seq"),
			}}
			m.MergeIn(p)
		}
		return m
	})
	m := lattice.Merge[session.Matrix](matrixMerge{})
	laws.Check(t, laws.Lattice(m), gen.For(m, gen.FromRapid(matrices)))
}
