package wire

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
)

// A record is what the core asks to be persisted: a version, and either a
// partition and the entries written there together, or a piece of a snapshot.
const (
	recordVersion = 1
	pieceVersion  = 3
)

// AppendRecord appends the record of entries that are written together.
func AppendRecord(dst []byte, p ring.Partition, entries []gossip.Entry) []byte {
	return AppendEntries(varint.Append(append(dst, recordVersion), uint64(p)), entries)
}

// AppendPieceRecord appends the record of a piece, encoded.
func AppendPieceRecord(dst, encoded []byte) []byte {
	return append(append(dst, pieceVersion), encoded...)
}

// PieceOf is the piece in a record, encoded, if it is the record of one.
func PieceOf(record []byte) (encoded []byte, ok bool) {
	if len(record) == 0 || record[0] != pieceVersion {
		return nil, false
	}
	return record[1:], true
}

// Record reads a record whose entries share the memory of b.
func (in *DecodeBuffer) Record(b []byte) (ring.Partition, []gossip.Entry, error) {
	if len(b) == 0 || b[0] != recordVersion {
		return 0, nil, fmt.Errorf("%w: a record of another version", ErrMessage)
	}
	r := reader{b: b[1:]}
	in.marks = in.marks[:0]
	p := ring.Partition(r.uint32())
	entries := r.entries(nil, in)
	return p, entries, r.end("record")
}
