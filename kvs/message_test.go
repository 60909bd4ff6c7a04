package kvs_test

import (
	"bytes"
	"math"
	"slices"
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
		Dot: causal.Dot{Origin: 2, Seq: 8}, Value: []byte("v"), Detail: "d",
		Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, Proof: session.Proof{1, 2, 15: 16},
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
			assert.Empty(t, victim.Step(kvs.Event{Kind: kvs.EventMessage, From: 0, Msg: bad}))
			assert.Empty(t, victim.Step(kvs.Event{Kind: kvs.EventRequest, Msg: bad}))
			assert.Equal(t, before+2, victim.Stats().Rejected)
		}
	}
	assert.Empty(t, holdings(victim))
}

// padded replaces the byte at by an encoding of the same number that is a byte longer.
func padded(body []byte, at int) []byte {
	return slices.Concat(body[:at], []byte{body[at] | 0x80, 0}, body[at+1:])
}

// TestOneEncoding: a message in which a number is padded, or a truth is neither 0
// nor 1, is refused, so that equal messages are equal bytes.
func TestOneEncoding(t *testing.T) {
	seal := func(kind kvs.MessageKind, body []byte) []byte {
		return kvs.Reseal(slices.Concat([]byte{0, 0, byte(kind)}, body, []byte{0, 0, 0, 0}))
	}
	body := func(msg []byte) []byte { return msg[3 : len(msg)-4] }
	q := put(1, 2, "set", "k", []byte("x"))
	request := body(q.Encode())
	response := body((&kvs.Response{Client: 1, Req: 2}).Encode())
	require.Equal(t, seal(kvs.MsgRequest, request), q.Encode())

	c := newCluster(t, 2, 1, 2, 1)
	refused := func(msg []byte) bool {
		before := c.replicas[0].Stats().Rejected
		kind := kvs.EventRequest
		if kvs.KindOf(msg) == kvs.MsgGossip {
			kind = kvs.EventMessage
		}
		c.replicas[0].Step(kvs.Event{Kind: kind, From: 1, Msg: msg})
		return c.replicas[0].Stats().Rejected > before
	}
	assert.True(t, refused(seal(kvs.MsgRequest, padded(request, 0))), "client")
	assert.True(t, refused(seal(kvs.MsgRequest, padded(request, 1))), "request number")
	loud := slices.Clone(request)
	loud[2] = 2
	assert.True(t, refused(seal(kvs.MsgRequest, loud)), "a truth of 2")
	assert.False(t, refused(seal(kvs.MsgRequest, request)))
	_, err := kvs.DecodeResponse(seal(kvs.MsgResponse, padded(response, 0)))
	assert.ErrorIs(t, err, kvs.ErrMessage)
	gossip := []byte{1, 1, 0}
	assert.True(t, refused(seal(kvs.MsgGossip, padded(gossip, 1))), "origin")
	assert.False(t, refused(seal(kvs.MsgGossip, gossip)))

	_, err = mustKind(t, "counter").Mutate(kvs.Update{Arg: []byte{0x82, 0}, Origin: 1}, nil)
	assert.ErrorIs(t, err, kvs.ErrArgument, "a padded amount")
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
		assert.Equal(t, b, p.Encode(), "a response has one encoding")
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
		msg, kind := kvs.Reseal(b), kvs.EventMessage
		if kvs.KindOf(msg) == kvs.MsgRequest {
			kind = kvs.EventRequest
		}
		for _, e := range r.Step(kvs.Event{Kind: kind, From: 1, Msg: msg}) {
			if e.Kind == kvs.EffectPersist {
				e.Msg = bytes.Clone(e.Msg)
				r.Step(kvs.Event{Kind: kvs.EventPersisted, Token: e.Token})
				r.Step(kvs.Event{Kind: kvs.EventTick})
				_, err := kvs.New(kvs.Config{Origin: 99, Ring: c.ring, Kinds: kvs.DefaultKinds(), Secret: secret}, [][]byte{e.Msg})
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
