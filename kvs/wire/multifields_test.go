package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestMultiAtPRAM: a session with two pasts has both in what it asks and in what it is answered.
func TestMultiAtPRAM(t *testing.T) {
	own := session.Matrix{{Partition: 1, Origin: 4, Seq: 3}, {Partition: 2, Origin: 5, Seq: 1}}
	m := sampleMultiGet()
	m.Level, m.Own = session.PRAM, own
	got, err := readMulti(m.Encode())
	require.NoError(t, err)
	assert.Equal(t, m, got)
	c := m.Clone()
	assert.Equal(t, m, c)
	m.Own[0].Seq, m.Deps[0].Seq, m.Keys[0].Key = 99, 99, "other"
	assert.Equal(t, got, c, "a copy shares nothing")
	a := sampleMultiAnswer()
	a.Own = own
	back, err := wire.DecodeMultiAnswer(a.Encode())
	require.NoError(t, err)
	assert.Equal(t, a, back)
}

// TestMultiResponse: what each key of an answer would have been answered alone has all that the
// answer has, and all that the key's part has; of a refusal it is the refusal.
func TestMultiResponse(t *testing.T) {
	a := sampleMultiAnswer()
	a.Own = session.Matrix{{Partition: 1, Origin: 4, Seq: 3}}
	want := wire.Response{Client: 3, Req: 2, Clock: 1 << 40, Deps: a.Deps, Own: a.Own, Proof: a.Proof}
	for i, x := range a.Results {
		w := want
		w.Status, w.Found, w.Deleted, w.Partition, w.Value, w.Detail = x.Status, x.Found, x.Deleted, x.Partition, x.Value, x.Detail
		assert.Equal(t, w, a.Response(i))
	}
	refused := &wire.MultiAnswer{Client: 1, Req: 2, Status: wire.StatusBusy, Clock: 5, Detail: "d"}
	assert.Equal(t, wire.Response{Client: 1, Req: 2, Status: wire.StatusBusy, Clock: 5, Detail: "d"}, refused.Response(0))
}

// TestContentsOfAPiece: a record of a piece of a snapshot is a part of all of its partition.
func TestContentsOfAPiece(t *testing.T) {
	x := wire.Piece{Partition: 7, Origin: 4, To: 5, Ask: 6, First: true, Clock: 9}
	s := wire.StoredPiece{Begun: 9, Number: 1, Encoded: x.Append(nil)}
	c, err := new(wire.DecodeBuffer).Contents(s.Append(nil))
	require.NoError(t, err)
	assert.Equal(t, wire.Contents{Of: 7, Whole: true}, c)
}
