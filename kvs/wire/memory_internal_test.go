package wire

import (
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
