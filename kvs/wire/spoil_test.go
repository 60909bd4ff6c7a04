package wire_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/wire"
)

// TestSpoil: a spoiled message opens as one of its kind, differs from it, and leaves it as
// it is.
func TestSpoil(t *testing.T) {
	msg := (&wire.Request{Client: 1, Req: 2, Put: true, Key: "k", Kind: "set", Arg: []byte("abc")}).Encode()
	before := bytes.Clone(msg)
	seen := make(map[int]bool)
	for at := range uint64(len(msg)) {
		for how := range uint64(20) {
			got := wire.Spoil(msg, at, how)
			require.Equal(t, before, msg)
			require.NotEqual(t, msg, got, "at %d, %d", at, how)
			require.Equal(t, wire.MsgRequest, wire.KindOf(got))
			seen[len(got)-len(msg)] = true
		}
	}
	assert.Greater(t, len(seen), 10, "changed in place, cut and grown")
	assert.Equal(t, []byte("short"), wire.Spoil([]byte("short"), 1, 1))
}
