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
	}
}

func TestResponseRoundTrip(t *testing.T) {
	want := sampleResponse()
	msg := want.Encode()
	assert.Equal(t, wire.MsgResponse, wire.KindOf(msg))
	got, err := wire.DecodeResponse(msg)
	require.NoError(t, err)
	assert.Equal(t, want, got)
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
