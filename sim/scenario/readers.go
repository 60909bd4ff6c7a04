package scenario

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/wire"
)

// readers read the kinds of records that the disk of a replica has, but for the writes.
var readers = []struct {
	what string
	is   func(record []byte) bool
	read func(in *wire.DecodeBuffer, record []byte) error
}{
	{"a piece of a snapshot", wire.IsPiece, func(in *wire.DecodeBuffer, b []byte) error { _, _, err := in.StoredPiece(b); return err }},
	{"a part of a checkpoint", wire.IsCheckpoint, func(in *wire.DecodeBuffer, b []byte) error { _, err := in.Checkpoint(b); return err }},
	{"a lost value", wire.IsLost, func(_ *wire.DecodeBuffer, b []byte) error { _, err := wire.Lost(b); return err }},
	{"marked values", wire.IsTouched, func(in *wire.DecodeBuffer, b []byte) error { _, err := in.Touched(b); return err }},
	{"floors", wire.IsFloors, func(in *wire.DecodeBuffer, b []byte) error { _, err := in.ReadFloors(b); return err }},
	{"members", wire.IsMembersRecord, func(_ *wire.DecodeBuffer, b []byte) error { _, _, err := wire.MembersRecord(b); return err }},
}

// confused says which reader takes a record of another kind, or does not take one of its own; that
// of writes takes what no other does.
func confused(record []byte) error {
	in := new(wire.DecodeBuffer)
	others := 0
	for _, r := range readers {
		is, err := r.is(record), r.read(in, record)
		if is {
			others++
		}
		if is != (err == nil) {
			return fmt.Errorf("a record of %s: %t; read as one: %v", r.what, is, err)
		}
	}
	if _, _, err := in.Record(record); (err == nil) != (others == 0) || others > 1 {
		return fmt.Errorf("a record of %d kinds; read as one of writes: %v", others, err)
	}
	return nil
}
