package kvs_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestDamagedMessagesAreRejected flips every bit and cuts at every byte of each
// kind of message: a replica must refuse it, count it, and do nothing else.
func TestDamagedMessagesAreRejected(t *testing.T) {
	c := newCluster(t, 2, 2, 2, 1)
	q := put(1, 1, "set", "k", []byte("x"))
	c.ask(0, q)
	response := wire.Response{Client: 3, Req: 9, Value: []byte("v")}
	messages := [][]byte{q.Encode(), response.Encode()}
	for range 300 {
		for _, f := range c.bag {
			if f.node >= 0 && f.ev.Kind == kvs.EventMessage && wire.KindOf(f.ev.Msg) == wire.MsgGossip && len(messages) < 6 {
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
	seal := func(kind wire.MessageKind, body []byte) []byte {
		return kvs.Reseal(slices.Concat([]byte{0, 0, byte(kind)}, body, []byte{0, 0, 0, 0}))
	}
	body := func(msg []byte) []byte { return msg[3 : len(msg)-4] }
	q := put(1, 2, "set", "k", []byte("x"))
	request := body(q.Encode())
	response := body((&wire.Response{Client: 1, Req: 2}).Encode())
	require.Equal(t, seal(wire.MsgRequest, request), q.Encode())

	c := newCluster(t, 2, 1, 2, 1)
	refused := func(msg []byte) bool {
		before := c.replicas[0].Stats().Rejected
		event := kvs.EventRequest
		if wire.KindOf(msg) == wire.MsgGossip {
			event = kvs.EventMessage
		}
		c.replicas[0].Step(kvs.Event{Kind: event, From: 1, Msg: msg})
		return c.replicas[0].Stats().Rejected > before
	}
	assert.True(t, refused(seal(wire.MsgRequest, padded(request, 0))), "client")
	assert.True(t, refused(seal(wire.MsgRequest, padded(request, 1))), "request number")
	loud := slices.Clone(request)
	loud[3] = 2
	assert.True(t, refused(seal(wire.MsgRequest, loud)), "a truth of 2")
	loud[2], loud[3] = 3, 0
	assert.True(t, refused(seal(wire.MsgRequest, loud)), "neither a read nor a write nor a delete")
	assert.False(t, refused(seal(wire.MsgRequest, request)))
	_, err := wire.DecodeResponse(seal(wire.MsgResponse, padded(response, 0)))
	assert.ErrorIs(t, err, wire.ErrMessage)
	gossip := []byte{1, 1, 0}
	assert.True(t, refused(seal(wire.MsgGossip, padded(gossip, 1))), "origin")
	assert.False(t, refused(seal(wire.MsgGossip, gossip)))

	_, err = mustKind(t, "counter").Mutate(kind.Update{Arg: []byte{0x82, 0}, Origin: 1}, nil)
	assert.ErrorIs(t, err, kind.ErrArgument, "a padded amount")
}

// FuzzReplicaMessage feeds a replica a message whose body the fuzzer chose, under
// a checksum that fits: a sender that is broken, not a line that is.
func FuzzReplicaMessage(f *testing.F) {
	q := put(1, 1, "counter", "k", kind.Amount(-5))
	f.Add(q.Encode())
	f.Add(kvs.Reseal([]byte{'J', 1, 3, 0, 1, 0, 1, 0, 0}))
	other := newCluster(f, 2, 2, 2, 1)
	other.ask(1, put(1, 1, "counter", "k", kind.Amount(7)))
	other.settle()
	for part := range other.ring.Partitions() {
		messages := other.replicas[1].Serve(ring.Partition(part), 0, uint64(9+part), all)
		f.Add(messages[0])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newCluster(t, 2, 2, 2, 1)
		r := c.replicas[0]
		msg, event := kvs.Reseal(b), kvs.EventMessage
		if wire.KindOf(msg) == wire.MsgRequest {
			event = kvs.EventRequest
		}
		for _, e := range r.Step(kvs.Event{Kind: event, From: 1, Msg: msg}) {
			if e.Kind == kvs.EffectPersist {
				e.Msg = bytes.Clone(e.Msg)
				r.Step(kvs.Event{Kind: kvs.EventPersisted, Token: e.Token})
				r.Step(kvs.Event{Kind: kvs.EventTick})
				_, err := kvs.New(kvs.Config{Origin: 99, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, [][]byte{e.Msg})
				if !errors.Is(err, kvs.ErrOriginUsed) { // the fuzzer's message may name this one
					require.NoError(t, err, "what was persisted must be read again")
				}
				break
			}
		}
		r.Step(kvs.Event{Kind: kvs.EventTick})
	})
}

// TestKindsOfMessages: what is sound but of another kind than its way asks for is refused,
// whatever its body could be read as.
func TestKindsOfMessages(t *testing.T) {
	c := newCluster(t, 2, 2, 2, 1)
	q := put(1, 1, "set", "k", []byte("x"))
	sound := q.Encode()
	others := 0
	for b := range 256 {
		msg := bytes.Clone(sound)
		msg[2] = byte(b)
		msg = kvs.Reseal(msg)
		if wire.KindOf(msg) == wire.MsgRequest {
			continue
		}
		others++
		r := c.replicas[0].Clone()
		before := r.Stats().Rejected
		assert.Empty(t, r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: msg}))
		assert.Equal(t, before+1, r.Stats().Rejected)
	}
	assert.Equal(t, 255, others)
	r := c.replicas[0].Clone()
	before := r.Stats().Rejected
	assert.Empty(t, r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: sound}))
	assert.Equal(t, before+1, r.Stats().Rejected, "a request of a peer")
}

// TestPartitionsThatAreNone: what a peer says of a partition that the ring does not have is
// counted as refused, and the rest of its message is taken.
func TestPartitionsThatAreNone(t *testing.T) {
	c := newCluster(t, 2, 2, 2, 1)
	r := c.replicas[0]
	before := r.Stats().Rejected
	none := wire.Item{Partition: 2, Offer: true, Digest: gossip.Digest{Known: invented}}
	some := wire.Item{Partition: 1, Offer: true, Digest: gossip.Digest{Known: invented}}
	found, _ := asks(t, r.Step(kvs.Event{
		Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: wire.AppendGossip(nil, 1, c.replicas[1].Origin(), []wire.Item{none, some}),
	}))
	assert.Len(t, found, 1)
	assert.Equal(t, before+1, r.Stats().Rejected)
}
