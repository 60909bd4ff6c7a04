package kvs

import (
	"bytes"

	"github.com/joinery-go/joinery/kvs/ring"
)

// Reseal turns arbitrary bytes into a message with a fitting header and
// checksum, so that tests reach the decoders behind them.
func Reseal(b []byte) []byte {
	kind := MsgGossip
	if len(b) > headerSize+sumSize {
		kind = MessageKind(b[2])
		b = b[headerSize : len(b)-sumSize]
	}
	return seal(append(begin(nil, kind), b...), 0)
}

// Pieces are the messages by which a replica sends what it holds of a partition,
// and the records in which the receiver persists them.
func (r *Replica) Pieces(id ring.Partition) (messages, records [][]byte) {
	r.begin()
	r.sendSnapshot(0, r.partition(id))
	for _, e := range r.out {
		messages = append(messages, bytes.Clone(e.Msg))
	}
	for _, x := range r.snapshotOf(r.partition(id)) {
		records = append(records, x.append([]byte{pieceVersion}))
	}
	return messages, records
}

// RecodePiece decodes the record of a piece and encodes it again.
func RecodePiece(record []byte) ([]byte, error) {
	if len(record) == 0 || record[0] != pieceVersion {
		return nil, ErrMessage
	}
	x, err := new(inbox).decodePiece(record[1:])
	return x.append([]byte{pieceVersion}), err
}
