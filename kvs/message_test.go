package kvs_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

func sampleResponse() *kvs.Response {
	return &kvs.Response{
		Client: 3, Req: 9, Status: kvs.StatusOK, Found: true, Clock: 1 << 40, Partition: 5,
		Dot: causal.Dot{Origin: 2, Seq: 8}, Value: []byte("v"), Applied: session.Row{{Partition: 5, Origin: 2, Seq: 8}},
		Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, Detail: "d",
	}
}

func TestResponseRoundTrip(t *testing.T) {
	want := sampleResponse()
	msg := want.Encode()
	assert.Equal(t, kvs.MsgResponse, kvs.KindOf(msg))
	got, err := kvs.DecodeResponse(msg)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// TestDamagedMessagesAreRejected flips every bit and cuts at every byte of each
// kind of message: a replica must refuse it, count it, and do nothing else.
func TestDamagedMessagesAreRejected(t *testing.T) {
	msg := sampleResponse().Encode()
	for i := range msg {
		for bit := range 8 {
			bad := append([]byte(nil), msg...)
			bad[i] ^= 1 << bit
			_, err := kvs.DecodeResponse(bad)
			assert.ErrorIs(t, err, kvs.ErrMessage)
		}
		_, err := kvs.DecodeResponse(msg[:i])
		assert.ErrorIs(t, err, kvs.ErrMessage)
	}
	c := newCluster(t, 2, 2, 2, 1)
	q := put(1, 1, "set", "k", []byte("x"))
	c.ask(0, q)
	messages := [][]byte{q.Encode(), msg}
	for range 300 {
		for _, f := range c.bag {
			if f.node >= 0 && f.ev.Kind == kvs.EventMessage && kvs.KindOf(f.ev.Msg) == kvs.MsgGossip && len(messages) < 6 {
				messages = append(messages, f.ev.Msg)
			}
		}
		c.step()
	}
	require.Greater(t, len(messages), 3, "gossip was seen")
	victim := newCluster(t, 2, 2, 2, 1).replicas[1]
	for _, m := range messages {
		for i := range m {
			before := victim.Stats().Rejected
			bad := append([]byte(nil), m...)
			bad[i] ^= 0x10
			assert.Empty(t, victim.Step(kvs.Event{Kind: kvs.EventMessage, Msg: bad}))
			assert.Equal(t, before+1, victim.Stats().Rejected)
		}
	}
	assert.Empty(t, holdings(victim))
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add(sampleResponse().Encode())
	f.Add([]byte("J\x01\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := kvs.DecodeResponse(b)
		if err != nil {
			assert.ErrorIs(t, err, kvs.ErrMessage)
			return
		}
		again, err := kvs.DecodeResponse(p.Encode())
		require.NoError(t, err)
		assert.Equal(t, p, again)
	})
}

// FuzzReplicaMessage feeds a replica a message whose body the fuzzer chose, under
// a checksum that fits: a sender that is broken, not a line that is.
func FuzzReplicaMessage(f *testing.F) {
	q := put(1, 1, "counter", "k", kvs.Amount(-5))
	f.Add(q.Encode())
	f.Add(kvs.Reseal([]byte{'J', 1, 3, 0, 1, 0, 1, 0, 0}))
	other := newCluster(f, 2, 2, 2, 1)
	other.ask(1, put(1, 1, "counter", "k", kvs.Amount(7)))
	other.settle()
	for part := range other.ring.Partitions() {
		messages, _ := other.replicas[1].Pieces(ring.Partition(part))
		f.Add(messages[0])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newCluster(t, 2, 2, 2, 1)
		r := c.replicas[0]
		for _, e := range r.Step(kvs.Event{Kind: kvs.EventMessage, Msg: kvs.Reseal(b)}) {
			if e.Kind == kvs.EffectPersist {
				e.Msg = bytes.Clone(e.Msg)
				r.Step(kvs.Event{Kind: kvs.EventPersisted, Token: e.Token})
				r.Step(kvs.Event{Kind: kvs.EventTick})
				_, err := kvs.New(kvs.Config{Origin: 99, Ring: c.ring, Kinds: kvs.DefaultKinds()}, [][]byte{e.Msg})
				require.NoError(t, err, "what was persisted must be read again")
				break
			}
		}
		r.Step(kvs.Event{Kind: kvs.EventTick})
	})
}

func TestKinds(t *testing.T) {
	_, err := kvs.NewKind(kvs.Spec[kvs.GrowSet]{Name: "x"})
	assert.ErrorIs(t, err, kvs.ErrKind)
	set := mustKind(t, "set")
	_, err = kvs.NewKinds(set, set)
	assert.ErrorIs(t, err, kvs.ErrKind)
	_, err = set.Decode([]byte{1, 1, 'a', 0})
	assert.ErrorIs(t, err, kvs.ErrMessage, "bytes left over")
}

func TestCounterSum(t *testing.T) {
	type one = lattice.Entry[uint64, uint64]
	sum := func(inc, dec kvs.Sums) (int64, error) {
		return kvs.CounterSum(kvs.Counter{First: inc, Second: dec})
	}
	n, err := sum(kvs.Sums{one{Key: 1, Val: 5}, one{Key: 2, Val: 7}}, kvs.Sums{one{Key: 1, Val: 20}})
	require.NoError(t, err)
	assert.Equal(t, int64(-8), n)
	n, err = sum(kvs.Sums{one{Key: 1, Val: math.MaxUint64}, one{Key: 2, Val: math.MaxUint64}}, kvs.Sums{one{Key: 3, Val: math.MaxUint64}, one{Key: 4, Val: math.MaxUint64 - 3}})
	require.NoError(t, err)
	assert.Equal(t, int64(3), n, "wide intermediate sums do not matter")
	_, err = sum(kvs.Sums{one{Key: 1, Val: math.MaxInt64 + 1}}, nil)
	assert.ErrorIs(t, err, kvs.ErrOverflow)
	n, err = sum(nil, kvs.Sums{one{Key: 1, Val: 1 << 63}})
	require.NoError(t, err)
	assert.Equal(t, int64(math.MinInt64), n)

	counter := mustKind(t, "counter")
	own := counter.New()
	for range 2 {
		d, err := counter.Mutate(kvs.Update{Arg: kvs.Amount(math.MinInt64), Origin: 1}, own)
		if err != nil {
			assert.ErrorIs(t, err, kvs.ErrOverflow, "2 × 2^63 does not fit the sum of one origin")
			return
		}
		own.MergeIn(d)
	}
	t.Error("the overflow was accepted")
}
