package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

func sampleResponse() *wire.Response {
	return &wire.Response{
		Client: 3, Req: 9, Status: wire.StatusOK, Found: true, Clock: 1 << 40, Partition: 5,
		Dot: causal.Dot{Origin: 2, Seq: 8}, Value: []byte("v"), Detail: "d",
		Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, Proof: session.Proof{1, 2, 15: 16},
		Own: session.Matrix{{Partition: 1, Origin: 4, Seq: 3}},
	}
}

// TestRequestRoundTrip: every level and acknowledgement, with one past, two and none.
func TestRequestRoundTrip(t *testing.T) {
	past, own := session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, session.Matrix{{Partition: 1, Origin: 4, Seq: 3}}
	var in wire.DecodeBuffer
	for l := session.Eventual; l <= session.PRAM; l++ {
		for _, a := range []session.Ack{session.AckDurable, session.AckMemory, session.Owners(1), session.Owners(session.MaxOwners)} {
			for _, pasts := range [][2]session.Matrix{{}, {past, nil}, {past, own}} {
				q := wire.Request{Client: 1, Req: 2, Put: true, Delete: a == session.AckMemory, Again: true, Level: l, Ack: a, Key: "k", Kind: "set", Arg: []byte("v"), Clock: 5, Stamp: 6, Wait: 7}
				if q.Deps, q.Own = pasts[0], pasts[1]; q.Deps != nil {
					q.Proof = session.Proof{1, 15: 2}
				}
				msg := q.Encode()
				kind, body, err := wire.Open(msg)
				require.NoError(t, err)
				require.Equal(t, wire.MsgRequest, kind)
				got, err := in.Request(body)
				require.NoError(t, err)
				assert.Equal(t, q, *got)
			}
		}
	}
}

// TestUnknownLevels: a level or an acknowledgement that there is not, and an empty past of
// own writes, which has another encoding.
func TestUnknownLevels(t *testing.T) {
	var in wire.DecodeBuffer
	for how, known := range map[byte]bool{0: true, 6: true, 7: false, 1 << 3: true, 15 << 4: true, 2<<4 | 1<<3: false} {
		q := wire.Request{Client: 1, Req: 1, Key: "k", Kind: "set"}
		_, body, err := wire.Open(q.Encode())
		require.NoError(t, err)
		body[4] = how // behind the numbers of session and request, and two flags
		_, err = in.Request(body)
		assert.Equal(t, known, err == nil, "%#x: %v", how, err)
	}
	q := wire.Request{Client: 1, Req: 1, Key: "k", Kind: "set"}
	_, body, err := wire.Open(q.Encode())
	require.NoError(t, err)
	_, err = in.Request(append(append([]byte(nil), body...), 0))
	assert.ErrorIs(t, err, wire.ErrMessage)
}

func TestResponseRoundTrip(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		want := sampleResponse()
		want.Found, want.Deleted = !deleted, deleted
		msg := want.Encode()
		assert.Equal(t, wire.MsgResponse, wire.KindOf(msg))
		got, err := wire.DecodeResponse(msg)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.True(t, got.Held())
	}
}

// TestClockOutOfRange: a hybrid time above [wire.MaxClock] is refused, and that itself is not.
func TestClockOutOfRange(t *testing.T) {
	for clock, amiss := range map[uint64]bool{wire.MaxClock: false, wire.MaxClock + 1: true, 1<<64 - 1: true} {
		p := sampleResponse()
		p.Clock = clock
		_, err := wire.DecodeResponse(p.Encode())
		assert.Equal(t, amiss, err != nil, "%d", clock)
		if amiss {
			assert.ErrorIs(t, err, wire.ErrMessage)
		}
	}
}

// TestDamagedResponses flips every bit and cuts at every byte.
func TestDamagedResponses(t *testing.T) {
	msg := sampleResponse().Encode()
	for i := range msg {
		for bit := range 8 {
			bad := append([]byte(nil), msg...)
			bad[i] ^= 1 << bit
			_, err := wire.DecodeResponse(bad)
			assert.ErrorIs(t, err, wire.ErrMessage)
		}
		_, err := wire.DecodeResponse(msg[:i])
		assert.ErrorIs(t, err, wire.ErrMessage)
	}
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add(sampleResponse().Encode())
	f.Add([]byte("J\x01\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := wire.DecodeResponse(b)
		if err != nil {
			assert.ErrorIs(t, err, wire.ErrMessage)
			return
		}
		assert.Equal(t, b, p.Encode(), "a response has one encoding")
	})
}
