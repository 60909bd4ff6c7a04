package catalog

import (
	"crypto/sha256"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// TestIndexIsMadeAgain makes the index of a segment again that an archive has lost: it is that
// of the part's number, and one that comes out otherwise is none.
func TestIndexIsMadeAgain(t *testing.T) {
	h := &Home{}
	seg := store.Segment{IndexLength: 8, Index: sha256.Sum256([]byte("index 07"))}
	require.Nil(t, h.openIndex(7, seg), "the engine makes none")
	h.Indexed(func(number uint64) []byte { return []byte{'i', 'n', 'd', 'e', 'x', ' ', '0', byte('0' + number)} })
	require.Nil(t, h.openIndex(7, store.Segment{}), "the segment has none")
	r, err := h.openIndex(7, seg)()
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "index 07", string(b))
	require.NoError(t, r.Close())
	_, err = h.openIndex(8, seg)()
	require.ErrorIs(t, err, store.ErrMissingSegment)
}
