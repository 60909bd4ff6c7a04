package memory

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

const dumpType = 'M'

// persist writes a dump if something was set that none has, and switches to it.
func (e *Engine) persist() error {
	if !e.dirty {
		return nil
	}
	s := e.home.State()
	old := s.Parts
	part := catalog.Part{Number: s.Next, Ext: dumpExt}
	if err := e.writeDump(&part); err != nil {
		// What the catalog names is untouched; the dump may be tried again.
		return fmt.Errorf("dump: %w", errors.Join(err, e.home.Remove(part.Number, dumpExt)))
	}
	s.Next++
	s.Parts, s.Published = []catalog.Part{part}, 0
	if err := e.commit(s); err != nil {
		return err
	}
	e.dirty = false
	e.stats.Syncs++
	e.removed(old)
	return nil
}

// commit replaces the catalog; if that fails, nobody knows which one the disk has.
func (e *Engine) commit(s catalog.State) error {
	if err := e.home.Commit(s); err != nil {
		return e.life.Fail(err)
	}
	return nil
}

// removed removes files that the catalog no longer names. Failing is no harm but
// their space, until the next opening.
func (e *Engine) removed(parts []catalog.Part) {
	for _, p := range parts {
		if err := e.home.Remove(p.Number, dumpExt); err != nil {
			e.stats.Background = err
		}
	}
}

// writeDump writes all values, in the order of their keys so that equal states are
// equal bytes, and syncs the file. The part's hash is that of what was to be written, so
// that the archive takes nothing that the disk has spoiled since.
func (e *Engine) writeDump(part *catalog.Part) error {
	f, err := e.home.Create(part.Number, dumpExt)
	if err != nil {
		return err
	}
	// The number in the header is that of the content's kind, not of the file, so that
	// a dump of the same values is the same segment.
	h := record.Header{Type: dumpType}
	sum := sha256.New() // before the file, which may change what it is given to write
	w := bufio.NewWriterSize(io.MultiWriter(sum, f), 1<<16)
	buf := record.AppendHeader(nil, h)
	for _, k := range slices.Sorted(maps.Keys(e.values)) {
		if _, err := w.Write(buf); err != nil {
			return errors.Join(err, f.Close())
		}
		part.Length += int64(len(buf))
		buf = record.Append(buf[:0], h.Salt(), part.Length, record.Record{Kind: record.Value, Key: []byte(k), Value: e.values[k]})
	}
	part.Length += int64(len(buf))
	if _, err = w.Write(buf); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	part.Hash = store.Hash(sum.Sum(nil))
	return errors.Join(err, f.Close())
}

// readDumps reads the values of a state: one dump, or none, or of a version that was
// merged one for each range of keys.
func (e *Engine) readDumps(s catalog.State) (map[string][]byte, int64, error) {
	values, bytes := map[string][]byte{}, int64(0)
	for _, p := range s.Parts {
		n, err := e.readDump(p, values)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", e.home.Path(p.Number, p.Ext), err)
		}
		bytes += n
	}
	return values, bytes, nil
}

func (e *Engine) readDump(p catalog.Part, values map[string][]byte) (bytes int64, err error) {
	f, err := e.home.OpenPart(p.Number, p.Ext)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := make([]byte, record.HeaderBytes)
	if err := record.ReadFull(f, head, 0); err != nil {
		return 0, err
	}
	h, err := record.DecodeHeader(head, dumpType)
	if err != nil {
		return 0, err
	}
	scan := record.NewScanner(f, h.Salt(), record.HeaderBytes, p.Length)
	for {
		r, off, _, err := scan.Next()
		if err == io.EOF {
			return bytes, nil
		}
		if err != nil {
			return 0, err
		}
		if r.Kind == record.Value && !p.Range.Holds(r.Key) {
			continue
		}
		if _, twice := values[string(r.Key)]; r.Kind != record.Value || twice {
			return 0, fmt.Errorf("%w: the record at offset %d has no place in a dump", store.ErrCorrupt, off)
		}
		values[string(r.Key)] = append([]byte(nil), r.Value...)
		bytes += int64(len(r.Key) + len(r.Value))
	}
}
