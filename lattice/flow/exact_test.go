package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// TestChannelRoom: what the receiver has taken and not handed on counts against the room
// of a channel: no more is sent than was handed on and has room.
func TestChannelRoom(t *testing.T) {
	c := flow.NewChannel[int]("c", 4)
	a, b := flow.New("a", flow.Options{}), flow.New("b", flow.Options{Batch: 1})
	sent, taken := 0, 0
	flow.Send(flow.Map(flow.FromSeq(a, func(yield func(int) bool) {
		for sent = 1; yield(sent); sent++ {
		}
	}), func(v int) int { return v }), c)
	flow.ForEach(flow.Receive(b, c), func(int) { taken++ })
	sa, err := flow.Start(a)
	require.NoError(t, err)
	sb, err := flow.Start(b)
	require.NoError(t, err)
	require.Equal(t, flow.Waiting, settle(t, sa))
	for step := range 3 {
		_, err := sb.Step()
		require.NoError(t, err)
		require.Equal(t, step+1, taken)
		require.Equal(t, flow.Waiting, settle(t, sa))
	}
	require.NoError(t, sa.Close())
}

// TestInputRoom: the same of an input.
func TestInputRoom(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[int](g, 4)
	flow.ForEach(d, func(int) {})
	sch, err := flow.Start(g)
	require.NoError(t, err)
	_, err = in.PushAll(1, 2, 3, 4)
	require.NoError(t, err)
	_, err = sch.Step()
	require.NoError(t, err)
	accepted, err := in.PushAll(5, 6, 7, 8)
	require.ErrorIs(t, err, flow.ErrFull)
	require.Zero(t, accepted)
}

// TestTwoLoopsOnOneCycle: two loops that lead to each other end together.
func TestTwoLoopsOnOneCycle(t *testing.T) {
	g := flow.New("g", flow.Options{})
	twice, byTwo := flow.NewLoop[int](g)
	thrice, byThree := flow.NewLoop[int](g)
	ways := flow.Tee(flow.Unique(flow.Union(flow.Once(g, 1), byTwo, byThree)), 3)
	twice.Close(flow.Map(ways[0], func(v int) int { return v * 2 % 13 }))
	thrice.Close(flow.Map(ways[1], func(v int) int { return v * 3 % 13 }))
	s := gather(ways[2])
	run(t, g)
	require.True(t, flow.Complete(s))
	require.Len(t, must(flow.Read(s)), 12)
}

// TestLatePacketAfterTheLast: a packet that comes late takes nothing back of the last one,
// although the graph has not run between them.
func TestLatePacketAfterTheLast(t *testing.T) {
	a, b := flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	in, d := flow.NewInput[int](a, 10)
	out := flow.Publish(flow.Fold(d, maxInt), 1)
	box, s := flow.Subscribed(b, maxInt, 1000)
	sa, err := flow.Start(a)
	require.NoError(t, err)
	sb, err := flow.Start(b)
	require.NoError(t, err)
	require.NoError(t, in.Push(5))
	settle(t, sa)
	early, _ := out.Packet()
	in.Close()
	settle(t, sa)
	last, _ := out.Packet()
	for _, p := range [][]byte{last, early} {
		_, err := box.Deliver(p)
		require.NoError(t, err)
	}
	settle(t, sb)
	require.Equal(t, 5, must(flow.Read(s)))
	require.True(t, flow.Complete(s))
}

// TestPacketAboveAFinalValue: a value above one that is final is refused, and not
// acknowledged; one that is not above it is taken as any other.
func TestPacketAboveAFinalValue(t *testing.T) {
	life := func(incarnation uint64, v int) *flow.Outbox[int] {
		g := flow.New("a", flow.Options{})
		out := flow.Publish(flow.Fold(flow.Once(g, v), maxInt), incarnation)
		run(t, g)
		return out
	}
	g := flow.New("b", flow.Options{})
	box, s := flow.Subscribed(g, maxInt, 1000)
	sch, err := flow.Start(g)
	require.NoError(t, err)
	for i, c := range []struct {
		v  int
		is error
	}{{9, nil}, {20, flow.ErrSealBroken}, {4, nil}, {9, nil}} {
		out := life(uint64(i+1), c.v)
		p, _ := out.Packet()
		ack, err := box.Deliver(p)
		require.ErrorIs(t, err, c.is)
		require.Equal(t, c.is == nil, ack != nil)
		_, err = sch.Settle(context.Background())
		require.NoError(t, err)
		require.Equal(t, 9, must(flow.Read(s)))
	}
}

// TestCloseEndsAllIterators: each iterator that a graph reads is ended.
func TestCloseEndsAllIterators(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	ended := 0
	endless := func(yield func(int) bool) {
		defer func() { ended++ }()
		for yield(1) {
		}
	}
	flow.Collect(flow.Union(flow.FromSeq(g, endless), flow.FromSeq(g, endless)))
	s, err := flow.Start(g)
	require.NoError(t, err)
	for range 10 {
		_, err := s.Step()
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	require.Equal(t, 2, ended)
}

// TestNoSuchClass: a claim of a class that there is not is refused.
func TestNoSuchClass(t *testing.T) {
	require.ErrorIs(t, refused(t, func(g *flow.Graph) {
		flow.MapState(flow.Fold(flow.Once(g, 1), maxInt), lattice.Function[int, int]{F: negated, From: maxInt, To: maxInt}, flow.Claim{Class: 7})
	}), flow.ErrArgument)
}

// TestUniqueIsBlamed: an element that cannot be compared is met by Unique, whoever pulls.
func TestUniqueIsBlamed(t *testing.T) {
	for _, batch := range []int{1, 3} {
		g := flow.New("g", flow.Options{Batch: batch})
		d := flow.Unique(flow.Map(flow.FromSlice(g, []int{1}), func(int) any { return []int{1} })).Named("once")
		flow.Collect(flow.Filter(d, func(any) bool { return true }))
		err := started(t, g)[0].Run(t.Context())
		require.ErrorIs(t, err, flow.ErrPanic)
		require.ErrorContains(t, err, `operator unique#2 "once"`)
	}
}

// TestBatchOfNothing: a batch has at least one element, whatever the merge.
func TestBatchOfNothing(t *testing.T) {
	for _, n := range []int{0, -1} {
		err := refused(t, func(g *flow.Graph) { flow.Collect(flow.Batch(fives(g), maxInt, n)) })
		require.ErrorIs(t, err, flow.ErrArgument)
		require.ErrorContains(t, err, "a batch of nothing")
	}
}

// TestMapStateOnce: a function of a state is called once with each of its values, also when
// the state becomes final.
func TestMapStateOnce(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	var asked []int
	f := lattice.Function[int, int]{F: func(v int) int { asked = append(asked, v); return v }, From: maxInt, To: maxInt}
	mapped := flow.MapState(flow.Fold(flow.FromSlice(g, []int{1, 2, 2, 3}), maxInt), f, flow.Morphism(flow.Evidence{}))
	s, err := flow.Start(g)
	require.NoError(t, err)
	require.NoError(t, s.Run(context.Background()))
	require.True(t, flow.Complete(mapped))
	require.Equal(t, []int{1, 2, 3}, asked)
}

// tree is a type of which values can be made in any depth.
type tree []tree

// deeper and wider are two lattices of trees, of which values that are made show no difference.
type (
	deeper struct{ wider }
	wider  struct{}
)

func (wider) MergeIn(target *tree, delta tree) bool {
	if len(delta) <= len(*target) {
		return false
	}
	*target = delta
	return true
}

func (wider) Compare(a, b tree) lattice.Order {
	return maxInt.Compare(len(a), len(b))
}

func (wider) Clone(v tree) tree { return v }

// TestRecursiveTypes: the values on which two merges are tried are of a few levels.
func TestRecursiveTypes(t *testing.T) {
	g := flow.New("g", flow.Options{})
	s := flow.Fold(flow.Once(g, tree{{}}), lattice.Merge[tree](wider{}))
	flow.MapState(s, lattice.Function[tree, int]{F: func(v tree) int { return len(v) }, From: deeper{}, To: maxInt}, flow.Monotone(flow.Evidence{}))
	require.NoError(t, flow.Verify(g).Err())
}
