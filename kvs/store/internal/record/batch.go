package record

import (
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
)

// Batcher gathers records that are written together, as one [Batch] of a file. The zero
// Batcher has none.
type Batcher struct {
	buf     []byte // room for the head of a batch, and bodies
	records int
	synced  bool
}

// batchHead is the most that a batch takes beside its bodies.
const batchHead = MaxHead + binary.MaxVarintLen32

// Add adds a record, of kind [Value] or [Tombstone]. That the first one is Synced says so of
// the batch; of the others it says nothing.
func (b *Batcher) Add(r Record) {
	if b.records == 0 {
		b.buf = append(b.buf[:0], make([]byte, batchHead)...)
		b.synced = r.Synced
	}
	r.Synced = false
	b.buf = appendBody(b.buf, r)
	b.records++
}

// Size is the bytes of the batch, 0 if there is no record in it.
func (b *Batcher) Size() int {
	if b.records == 0 {
		return 0
	}
	return Size(0, uvarintLen(b.records)+len(b.buf)-batchHead)
}

// Seal returns the batch as it stands at offset off of the file with that salt. It is valid until
// the next record is added, and there must be one in it.
func (b *Batcher) Seal(salt uint32, off int64) []byte {
	meta := byte(Batch)
	if b.synced {
		meta |= synced
	}
	var room [batchHead]byte
	head := append(room[:0], 0, 0, 0, 0, meta, 0)
	head = binary.AppendUvarint(head, uint64(uvarintLen(b.records)+len(b.buf)-batchHead))
	head = binary.AppendUvarint(head, uint64(b.records))
	image := b.buf[batchHead-len(head):]
	copy(image, head)
	Seal(image, salt, off)
	return image
}

// Reset empties the batch.
func (b *Batcher) Reset() { b.buf, b.records = b.buf[:0], 0 }

var errBatch = fmt.Errorf("%w: a batch is not what it says", store.ErrCorrupt)

// Bodies are the records of a batch, whose value that is: how many, and their bodies. The error
// wraps [store.ErrCorrupt] if that many cannot be in it.
func Bodies(value []byte) (records int, bodies []byte, err error) {
	records, at, err := length(value, 0)
	if err != nil || records < 1 || records > (len(value)-at)/minBody {
		return 0, nil, errBatch
	}
	return records, value[at:], nil
}

// CheckBodies refuses bodies that are not those of so many values and tombstones, all that there is
// of them. The error wraps [store.ErrCorrupt].
func CheckBodies(bodies []byte, records int) error {
	for ; records > 0; records-- {
		if len(bodies) < minBody {
			return errBatch
		}
		kind, _, _, end, err := shapeBody(bodies)
		if err != nil || kind > Tombstone || bodies[0]&synced != 0 || end > len(bodies) {
			return errBatch
		}
		bodies = bodies[end:]
	}
	if len(bodies) > 0 {
		return errBatch
	}
	return nil
}

// Body is the record whose body is at the beginning of b, where [CheckBodies] said that there is
// one, and its length. Key and value point into b.
func Body(b []byte) (key, value []byte, tombstone bool, size int) {
	kind, k, v, end, err := shapeBody(b)
	if err != nil {
		panic("record: a body that was checked is none")
	}
	return b[k:v], b[v:end], kind == Tombstone, end
}
