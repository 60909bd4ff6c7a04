package lsm

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// frozen is what opening found in write-ahead logs: their batches as they are, in one piece of
// memory, and an index of the last record of each key by the hash of the key. So opening costs little
// more than to read the logs and check the batches, which a table in the order of keys would cost
// several times. The index is made by the first who looks a key up, in a fraction of that. Nothing
// is added once the engine is open: what is set is in the table, which comes before it, and it is
// put into the table when that is written out.
type frozen struct {
	arena   []byte   // bodies of records, and from indexed on batches of them
	records int      // in arena
	indexed int      // bytes of arena of which slots know
	slots   []uint64 // place in arena + 1, and above it tagBits of the hash; 0 for none; a power of two
	keys    int
	live    int // bytes of the last records of all keys
	// sealed are the logs, oldest first, and how far they count. Their last may still be open
	// in the catalog, and is sealed when there is another one behind it.
	sealed []catalog.Part
}

const (
	tagBits   = 24
	placeBits = 64 - tagBits
	// maxLogs is how many logs opening leaves as they are. It writes more out as a run, as they
	// come of crashes that follow each other with little set between them.
	maxLogs = 8
)

// memory is the bytes that it takes.
func (t *frozen) memory() int { return len(t.arena) + 8*len(t.slots) }

// logBytes is the length of its logs.
func (t *frozen) logBytes() (n int64) {
	for _, p := range t.sealed {
		n += p.Length
	}
	return n
}

// at is the record at a place.
func (t *frozen) at(place int) (key, value []byte, tombstone bool, size int) {
	return record.Body(t.arena[place:])
}

// find returns the slot of a key, or the one that it would get. O(1), expected.
func (t *frozen) find(hash uint64, key []byte) (slot, place int, ok bool) {
	mask := len(t.slots) - 1
	for slot = int(hash) & mask; ; slot = (slot + 1) & mask {
		s := t.slots[slot]
		if s == 0 {
			return slot, 0, false
		}
		if s>>placeBits != hash>>placeBits {
			continue
		}
		place = int(s&(1<<placeBits-1)) - 1
		if k, _, _, _ := t.at(place); string(k) == string(key) {
			return slot, place, true
		}
	}
}

// get returns the value of the key, which is nil for a tombstone. It points into what is held.
// The first call takes O(records).
func (t *frozen) get(key []byte) (value []byte, found bool) {
	if t.records == 0 {
		return nil, false
	}
	t.index(len(t.arena))
	_, place, ok := t.find(xxhash.Sum64(key), key)
	if !ok {
		return nil, false
	}
	_, value, tombstone, _ := t.at(place)
	if tombstone {
		return nil, true
	}
	return value, true
}

// index has the slots know of all records up to a place, which is the end of a batch. O(records of
// which they do not).
func (t *frozen) index(to int) {
	if t.indexed == to {
		return
	}
	t.widen()
	for t.indexed < to {
		_, _, value, size, err := record.Shape(t.arena[t.indexed:])
		if err != nil {
			panic("lsm: a batch that was decoded is none")
		}
		from, end := t.indexed+value, t.indexed+size
		_, bodies, err := record.Bodies(t.arena[from:end])
		if err != nil {
			panic("lsm: a batch that was decoded is none")
		}
		for at := end - len(bodies); at < end; {
			at += t.add(at)
		}
		t.indexed = end
	}
}

// add has the slots know of the record at a place, whose size it returns.
func (t *frozen) add(place int) int {
	key, _, _, size := t.at(place)
	hash := xxhash.Sum64(key)
	slot, old, ok := t.find(hash, key)
	if ok {
		_, _, _, n := t.at(old)
		t.live -= n
	} else {
		t.keys++
	}
	t.live += size
	t.slots[slot] = hash>>placeBits<<placeBits | uint64(place+1)
	return size
}

// widen makes slots for twice as many keys as there are records.
func (t *frozen) widen() {
	n := max(64, len(t.slots))
	for n < 2*t.records {
		n *= 2
	}
	if n == len(t.slots) {
		return
	}
	old := t.slots
	t.slots = make([]uint64, n)
	for _, s := range old {
		if s == 0 {
			continue
		}
		key, _, _, _ := t.at(int(s&(1<<placeBits-1)) - 1)
		slot := int(xxhash.Sum64(key)) & (n - 1)
		for t.slots[slot] != 0 {
			slot = (slot + 1) & (n - 1)
		}
		t.slots[slot] = s
	}
}

// compact lets go of records that are not the last of their keys, and of the heads of batches. What
// is behind from is no batch yet and stays behind the others. It returns where that begins.
func (t *frozen) compact(from int) int {
	arena := make([]byte, 0, t.live+len(t.arena)-from)
	for i, s := range t.slots {
		if s == 0 {
			continue
		}
		place := int(s&(1<<placeBits-1)) - 1
		_, _, _, size := t.at(place)
		t.slots[i] = s>>placeBits<<placeBits | uint64(len(arena)+1)
		arena = append(arena, t.arena[place:place+size]...)
	}
	t.records, t.indexed = t.keys, len(arena)
	t.arena = append(arena, t.arena[from:]...)
	return t.indexed
}

// read takes the batches of a log from offset off to end, as many as there are before bytes that
// are none, where it returns an error that wraps [store.ErrCorrupt]; the offset is 0 where it does
// not know where they end. What it keeps in memory is twice what counts, or limit bytes.
func (t *frozen) read(f readerAt, salt uint32, off, end int64, limit int) (int64, error) {
	if grow := min(end-off, int64(limit)+readBytes); grow > 0 {
		t.arena = slices.Grow(t.arena, int(grow))
	}
	from := len(t.arena)
	for off < end {
		r, n, err := record.Decode(t.arena[from:], salt, off)
		if err == nil {
			if err := t.count(r); err != nil {
				return 0, fmt.Errorf("at offset %d: %w", off, err)
			}
			from, off = from+n, off+int64(n)
			continue
		}
		from = t.bound(from, limit)
		switch more, e2 := t.more(f, from, off, end); {
		case e2 != nil:
			return 0, e2
		case !more:
			t.arena = t.arena[:from]
			return off, fmt.Errorf("%w: at offset %d: %w", store.ErrCorrupt, off, err)
		}
	}
	t.bound(from, limit)
	return off, nil
}

// count counts the records of a batch, all of which must be some that a log may have.
func (t *frozen) count(r record.Record) error {
	if r.Kind != record.Batch {
		return fmt.Errorf("%w: a record of kind %d has no place in this log", store.ErrCorrupt, r.Kind)
	}
	n, bodies, err := record.Bodies(r.Value)
	if err == nil {
		err = record.CheckBodies(bodies, n)
	}
	if err != nil {
		return err
	}
	t.records += n
	return nil
}

// bound compacts records up to a place, the end of a batch, that take more than limit bytes, if that
// halves them.
func (t *frozen) bound(from, limit int) int {
	if from <= limit {
		return from
	}
	if t.index(from); 2*t.live < from {
		return t.compact(from)
	}
	return from
}

// more reads on where the bytes in the arena from a place on, which are at offset off of the file,
// may be too few for a batch. It reports false if they are not.
func (t *frozen) more(f readerAt, from int, off, end int64) (bool, error) {
	need, have := int64(record.MaxHead), int64(len(t.arena)-from)
	if _, _, _, size, err := record.Shape(t.arena[from:]); err == nil {
		need = int64(size)
	}
	if have >= min(need, end-off) {
		return false, nil
	}
	n := int(min(max(need, readBytes), end-off) - have)
	at := len(t.arena)
	t.arena = slices.Grow(t.arena, n)[:at+n]
	return true, record.ReadFull(f, t.arena[at:], off+have)
}

type readerAt interface {
	ReadAt(p []byte, off int64) (int, error)
}

// replay reads a log: all of it if the catalog knows its length, else up to a torn tail, and
// then makes what was read durable, since it is served from here on.
func (e *Engine) replay(p catalog.Part) (err error) {
	f, err := e.home.OpenPart(p.Number, p.Ext)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h, err := record.ReadHeader(f, walType)
	if err != nil {
		return err
	}
	size := p.Length
	if p.Length == catalog.Open {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		size = info.Size()
	}
	end, err := e.frozen.read(f, h.Salt(), record.HeaderBytes, size, e.opts.MemtableBytes)
	if end > 0 && p.Length == catalog.Open && errors.Is(err, store.ErrCorrupt) {
		err = record.CheckTail(f, h.Salt(), end, size)
	}
	if err != nil {
		return err
	}
	if p.Length == catalog.Open && end > record.HeaderBytes {
		// It may be in memory only, where it was not the machine that stopped.
		if err := e.home.SyncPart(p.Number, p.Ext); err != nil {
			return err
		}
	}
	p.Length = end
	e.frozen.sealed = append(e.frozen.sealed, p)
	return nil
}

// thaw puts what opening found in logs into the table, which is to be written out. The logs
// stay what a crash goes back to until the catalog names what the table became.
// O(records of the logs), times the logarithm of those in the table.
func (e *Engine) thaw() {
	t := &e.frozen
	t.index(len(t.arena))
	for _, s := range t.slots {
		if s == 0 {
			continue
		}
		key, value, tombstone, _ := t.at(int(s&(1<<placeBits-1)) - 1)
		if _, younger := e.table.Get(string(key)); younger {
			continue
		}
		if tombstone {
			value = nil
		}
		e.put(string(key), value)
	}
	e.frozen = frozen{sealed: t.sealed}
}
