package session_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/laws"
)

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
	m := session.MatrixMerge()
	laws.Check(t, laws.Lattice(m), gen.For(m, gen.FromRapid(matrices)))
}
