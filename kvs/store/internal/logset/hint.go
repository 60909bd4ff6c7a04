package logset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// A hint is what of a sealed file goes into the index, without the values, so that
// opening need not read them. It can be made again from its file, so one that is
// spoiled or missing is no damage.
//
//	"joinery hint 1\n" | salt 4 | length 8 | entries | CRC-32C 4
//	entry  kind 1 | uvarint offset from the end of the one before | uvarint size | uvarint key length | key
const hintMagic = "joinery hint 1\n"

const maxHintBytes = 1 << 32

// hintEntry is a record without its value.
type hintEntry struct {
	kind record.Kind
	key  []byte
	off  int64
	size int
}

var errHint = errors.New("not the hint of the file")

func appendHintHead(dst []byte, salt uint32, length int64) []byte {
	dst = append(dst, hintMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, salt)
	return binary.LittleEndian.AppendUint64(dst, uint64(length))
}

func appendHintEntry(dst []byte, end int64, e hintEntry) []byte {
	dst = append(dst, byte(e.kind))
	dst = binary.AppendUvarint(dst, uint64(e.off-end))
	dst = binary.AppendUvarint(dst, uint64(e.size))
	dst = binary.AppendUvarint(dst, uint64(len(e.key)))
	return append(dst, e.key...)
}

// decodeHint returns the entries of the hint of a file with that salt and length, and
// their number, once all are checked. Their keys are in b.
func decodeHint(b []byte, salt uint32, length int64) (n int, entries iter.Seq[hintEntry], err error) {
	head := appendHintHead(nil, salt, length)
	if len(b) < len(head)+4 || string(b[:len(head)]) != string(head) {
		return 0, nil, errHint
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if record.Checksum(body) != sum {
		return 0, nil, errHint
	}
	all := body[len(head):]
	for rest, end := all, int64(record.HeaderBytes); len(rest) > 0; n++ {
		e, tail, err := decodeHintEntry(rest, end, length)
		if err != nil {
			return 0, nil, err
		}
		rest, end = tail, e.off+int64(e.size)
	}
	return n, func(yield func(hintEntry) bool) {
		for rest, end := all, int64(record.HeaderBytes); len(rest) > 0; {
			e, tail, err := decodeHintEntry(rest, end, length)
			if err != nil {
				panic("logset: a hint that was checked has changed: " + err.Error())
			}
			rest, end = tail, e.off+int64(e.size)
			if !yield(e) {
				return
			}
		}
	}, nil
}

func decodeHintEntry(b []byte, end, length int64) (hintEntry, []byte, error) {
	e := hintEntry{kind: record.Kind(b[0])}
	if e.kind != record.Value && e.kind != record.Tombstone {
		return e, nil, errHint
	}
	b = b[1:]
	var v [3]uint64
	for i := range v {
		n, w := binary.Uvarint(b)
		if w <= 0 {
			return e, nil, errHint
		}
		v[i], b = n, b[w:]
	}
	room := uint64(length - end)
	if v[0] > room || v[1] > room-v[0] || v[1] > record.MaxBytes || v[2] > uint64(len(b)) || v[2] >= v[1] {
		return e, nil, errHint
	}
	e.off, e.size, e.key = end+int64(v[0]), int(v[1]), b[:v[2]]
	return e, b[v[2]:], nil
}

// unhinted is a file that stays for long enough to be worth a hint and has none. A log that was
// not merged yet does not, and the saved index knows it soon.
func (s *Set) unhinted() *File {
	for i, f := range s.files {
		if !f.hinted && f.level > 0 && s.home.Sealed(i) && f.length >= s.opts.SegmentBytes/4 {
			return f
		}
	}
	return nil
}

// hint is a hint that is being made.
type hint struct {
	file *File
	scan *record.Scanner
	b    []byte
	end  int64 // of the last entry's record
}

// stepHint goes on with the hint of f: some records a call, then the file, which is
// written without the lock.
func (s *Set) stepHint(f *File) error {
	if s.hint == nil || s.hint.file != f {
		s.hint = &hint{
			file: f, b: appendHintHead(nil, f.salt, f.length), end: record.HeaderBytes,
			scan: record.NewScanner(f.f, f.salt, record.HeaderBytes, f.length),
		}
	}
	h := s.hint
	for range s.opts.StepRecords {
		if h.scan.Offset() == f.length {
			f.hinted, s.hint = true, nil // once tried, not again before the next opening
			b := binary.LittleEndian.AppendUint32(h.b, record.Checksum(h.b))
			return s.writeHint(f, b)
		}
		r, off, size, err := h.scan.Next()
		if err != nil {
			f.hinted, s.hint = true, nil
			s.spoil(f)
			return fmt.Errorf("hint of %s: %w", s.home.Path(f.number, logExt), err)
		}
		if r.Kind != record.Commit {
			h.b = appendHintEntry(h.b, h.end, hintEntry{r.Kind, r.Key, off, size})
			h.end = off + int64(size)
		}
	}
	return nil
}

// writeHint writes the file of a hint without the lock. Close waits: the directory may be
// another engine's after it.
func (s *Set) writeHint(f *File, b []byte) error {
	s.writing.Add(1)
	defer s.writing.Done()
	s.mu.Unlock()
	err := s.home.WritePart(f.number, hintExt, b)
	s.mu.Lock()
	s.look = true          // for other files' hints, should this one have failed
	if s.At(f.slot) != f { // gone meanwhile
		s.left = s.home.Remove(f.number, hintExt)
		return nil
	}
	return err
}
