package laws_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// numbered is a write with a number that each replica gives out once.
type numbered struct {
	Number int
	Val    string
}

// A merge that keeps its own write on a tie is lawful as long as no two writes bear
// one number: it is reported as holding on reachable states only. One that is wrong
// on reachable states as well is reported as wrong.
func TestReachableOnly(t *testing.T) {
	rowOf := func(m lattice.Merge[numbered], number func(s numbered, replica int) int, law string) laws.Row {
		u := gen.Updates[numbered, string]{
			Start: func() numbered { return numbered{} }, Ops: gen.OneOf("x", "y"),
			Delta: func(s numbered, replica int, op string) numbered { return numbered{number(s, replica), op} },
		}
		rows := laws.Rows([]laws.Entry{laws.RegisterUpdates("write", m, u)}, laws.MatrixOptions{Seed: 1, Only: law})
		assert.Len(t, rows, 1)
		return rows[0]
	}
	byNumber := joining(func(a, b numbered) numbered {
		if b.Number > a.Number {
			return b
		}
		return a
	}, func(a, b numbered) lattice.Order { return natural(a.Number, b.Number) })
	unique := func(s numbered, replica int) int { return gen.Replicas*(s.Number/gen.Replicas+1) + replica }
	shared := func(s numbered, _ int) int { return s.Number + 1 }

	for _, law := range []string{"semilattice/commutative", "order/antisymmetric"} {
		row := rowOf(byNumber, unique, law)
		assert.Equal(t, laws.StatusReachable, row.Status, law)
		assert.True(t, row.OK, law)
		row = rowOf(byNumber, shared, law)
		assert.Equal(t, "failed", row.Status, law)
		assert.False(t, row.OK, law)
	}
	row := rowOf(byNumber, unique, "semilattice/associative")
	assert.Equal(t, "sampled(500)", row.Status)
}
