package record_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// TestLastRecordIsLong scans files whose last record reaches beyond what is read at once, up to
// the very end of the file.
func TestLastRecordIsLong(t *testing.T) {
	long := record.Record{Kind: record.Value, Key: []byte("k"), Value: bytes.Repeat([]byte("v"), 300<<10)}
	short := record.Record{Kind: record.Value, Key: []byte("k"), Value: bytes.Repeat([]byte("v"), 150<<10)}
	for name, records := range map[string][]record.Record{"longer than a piece": {long}, "across two pieces": {short, short}} {
		t.Run(name, func(t *testing.T) {
			b, _ := file(records...)
			scan := record.NewScanner(bytes.NewReader(b), header.Salt(), record.HeaderBytes, int64(len(b)))
			for _, want := range records {
				got, _, _, err := scan.Next()
				require.NoError(t, err)
				equal(t, want, got)
			}
			_, _, _, err := scan.Next()
			require.Equal(t, io.EOF, err)
		})
	}
}
