package oracle

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// The oracles on histories small enough to judge by eye. That they agree with
// the models is tested there, over thousands.
func ExampleLinearizable() {
	h := &history.History{Ops: []history.Op{
		{Index: 0, Session: 0, Type: history.Register, Func: history.Write, Arg: history.Int(1), Call: 0, Return: 9},
		{Index: 1, Session: 1, Type: history.Register, Func: history.Read, Out: history.Int(1), Call: 1, Return: 2},
		{Index: 2, Session: 2, Type: history.Register, Func: history.Read, Out: history.Nil, Call: 1, Return: 3},
	}}
	fmt.Println(Linearizable(h))
	h.Ops[2].Call = 3 // now it begins after the other read has seen the write
	h.Ops[2].Return = 4
	fmt.Println(Linearizable(h))
	// Output:
	// allowed
	// forbidden
}

func TestRandomIsValidAndRepeats(t *testing.T) {
	for seed := range uint64(200) {
		shape := Shape{
			Ops: 12, Sessions: 3, Keys: 3, Tagged: seed%2 == 0, Stamped: true, Fence: seed%3 == 0, Faults: 10, Unknown: 20,
		}
		h := Random(seed, shape)
		require.NoError(t, h.Validate())
		require.Equal(t, h, Random(seed, shape))
		r := RandomRegister(seed, shape, true)
		require.NoError(t, r.Validate())
		require.Equal(t, r, RandomRegister(seed, shape, true))
	}
}

// A store without faults that exchanges everything satisfies every level, by
// every oracle.
func TestFaultlessStoreIsAllowed(t *testing.T) {
	for seed := range uint64(200) {
		shape := Shape{
			Ops: 6, Sessions: 2, Keys: 3, Tagged: true, Stamped: true, Unique: true, Causal: true, Sticky: true, Unknown: 20,
		}
		h := Random(seed, shape)
		require.Equal(t, Allowed, Causal(h), "seed %d", seed)
		require.Equal(t, Allowed, LatticeCausal(h), "seed %d", seed)
		shape.Fence = true
		require.Equal(t, Allowed, Eventual(Random(seed, shape)), "seed %d", seed)
		require.Equal(t, Allowed, Linearizable(RandomRegister(seed, shape, true)), "seed %d", seed)
	}
	require.Equal(t, "answer(9)", Answer(9).String())
	require.Equal(t, "ambiguous", Ambiguous.String())
}
