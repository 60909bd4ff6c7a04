package wire

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestDecodingUsesItsMemoryAgain: a buffer that has decoded a part of a checkpoint decodes
// the next ones in no more memory.
func TestDecodingUsesItsMemoryAgain(t *testing.T) {
	marks := session.Matrix{{Partition: 2, Origin: 4, Seq: 1}, {Partition: 2, Origin: 5, Seq: 1}}
	rec := AppendCheckpoint(nil, &CheckpointPart{Origin: 1, Number: 1, Of: 2, Clock: 9, Cuts: marks, Doubt: marks})
	var in DecodeBuffer
	for range 100 {
		_, err := in.Checkpoint(rec)
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, cap(in.marks), 16)
}

// TestRecordOfOneByte: which kind of record it is, is told by its first byte, also where
// nothing else is left of it; and then it is damaged, and not something else.
func TestRecordOfOneByte(t *testing.T) {
	for _, of := range []struct {
		is  func([]byte) bool
		rec []byte
	}{
		{IsTouched, (&Touched{Of: 3, Dot: causal.Dot{Origin: 1, Seq: 1}}).Append(nil)},
		{IsLost, AppendLost(nil, Slot{Number: 1, Origin: 1, Checkpoint: 1})},
		{IsCheckpoint, AppendCheckpoint(nil, &CheckpointPart{Origin: 1, Number: 1})},
	} {
		assert.True(t, of.is(of.rec[:1]))
		assert.False(t, of.is(nil))
		_, err := new(DecodeBuffer).Contents(of.rec[:1])
		assert.ErrorIs(t, err, ErrMessage)
	}
}

// TestPartsThatContradictThemselves: a part of a checkpoint with a flag that there is not is refused, as
// is one that says nothing of tombstones where it says that it does.
func TestPartsThatContradictThemselves(t *testing.T) {
	part := func(change func(x *CheckpointPart)) []byte {
		x := CheckpointPart{Origin: 1, Number: 1, Of: 2, Clock: 9}
		change(&x)
		return AppendCheckpoint(nil, &x)
	}
	const flags = 4 // behind the version, the origin, the number and the partition
	refused := func(b []byte) {
		t.Helper()
		_, err := new(DecodeBuffer).Checkpoint(b)
		require.ErrorIs(t, err, ErrMessage)
		require.ErrorContains(t, err, "contradicts itself")
	}
	plain, forgotten := part(func(*CheckpointPart) {}), part(func(x *CheckpointPart) { x.Buried = 7 })
	for _, b := range [][]byte{plain, forgotten} {
		_, err := new(DecodeBuffer).Checkpoint(b)
		require.NoError(t, err)
		b[flags] |= partEnd
		refused(b)
		b[flags] &^= partEnd
	}
	require.EqualValues(t, 0, plain[flags])
	require.EqualValues(t, partForgotten, forgotten[flags])
	at := bytes.IndexByte(forgotten, 7)
	require.Positive(t, at)
	forgotten[at] = 0
	refused(forgotten)
}

// TestNothingIsReadBehindTheEnd: whatever is read where nothing is left fails, by itself.
func TestNothingIsReadBehindTheEnd(t *testing.T) {
	for name, read := range map[string]func(r *reader){
		"a byte":   func(r *reader) { r.byte() },
		"a truth":  func(r *reader) { r.bool() },
		"a number": func(r *reader) { r.uvarint() },
		"bytes":    func(r *reader) { r.bytes(9) },
		"a time":   func(r *reader) { r.clock() },
		"a count":  func(r *reader) { r.count(1) },
		"a cursor": func(r *reader) { r.cursor(new(DecodeBuffer)) },
		"an act":   func(r *reader) { r.does() },
		"a level":  func(r *reader) { r.how() },
		"found":    func(r *reader) { r.found() },
		"dots":     func(r *reader) { r.dots(nil) },
	} {
		r := reader{b: []byte{1}, at: 1}
		read(&r)
		assert.Error(t, r.err, name)
	}
}
