package logset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// A saved index is the index as it is in memory, written when the set is closed under
// the number of the youngest file, so that opening is reading it, and what was written
// since (as the index checkpoint of FASTER, Chandramouli et al., SIGMOD'18). It stands for
// the first files of the catalog as long as those are the same. It can be made again from
// hints and files, so one that is spoiled, missing, or of another version is no damage.
//
//	head  "joinery places 1\n" | files 4 | pages 4 | keys 8 | file… | page… | CRC-32C 4
//	file  number 8 | salt 4 | length 8
//	page  depth 1 | slots 4 | bytes of keys 8 | CRC-32C 4
//	then of each page its slots, with the indices of files as file slots, and its keys
const (
	savedMagic    = "joinery places 1\n"
	savedExt      = "index"
	savedHead     = len(savedMagic) + 4 + 4 + 8
	savedFile     = 8 + 4 + 8
	savedPage     = 1 + 4 + 8 + 4
	maxSavedBytes = 1 << 34
)

var errSaved = errors.New("not the saved index of the files")

// encodeSaved gives write the index, whose places are all in the files, piece by piece.
func encodeSaved(x *Index, files []*File, write func([]byte) error) error {
	b := append([]byte(nil), savedMagic...)
	pages := 0
	for range x.pages() {
		pages++
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(files)))
	b = binary.LittleEndian.AppendUint32(b, uint32(pages))
	b = binary.LittleEndian.AppendUint64(b, uint64(x.n))
	slots := map[int]int{}
	for i, f := range files {
		slots[f.slot] = i
		b = binary.LittleEndian.AppendUint64(b, f.number)
		b = binary.LittleEndian.AppendUint32(b, f.salt)
		b = binary.LittleEndian.AppendUint64(b, uint64(f.length))
	}
	var image []byte
	for g := range x.pages() {
		image = g.image(image[:0], slots)
		b = append(b, byte(g.depth))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(g.slots)/slotBytes))
		b = binary.LittleEndian.AppendUint64(b, uint64(len(g.keys)))
		b = binary.LittleEndian.AppendUint32(b, record.Checksum(image))
	}
	b = binary.LittleEndian.AppendUint32(b, record.Checksum(b))
	for g := range x.pages() {
		if b = g.image(b, slots); len(b) >= 1<<20 {
			if err := write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	return write(b)
}

// image appends a page with file slots renamed.
func (g *page) image(dst []byte, slots map[int]int) []byte {
	at := len(dst)
	dst = append(dst, g.slots...)
	last, as := -1, 0
	for s := dst[at:]; len(s) > 0; s = s[slotBytes:] {
		if binary.LittleEndian.Uint64(s[16:]) == 0 {
			continue
		}
		p := Place{Addr: binary.LittleEndian.Uint64(s[8:])}
		if p.Slot() != last {
			i, ok := slots[p.Slot()]
			if !ok {
				panic("logset: a place of the index is in no file that counts")
			}
			last, as = p.Slot(), i
		}
		binary.LittleEndian.PutUint64(s[8:], placeOf(as, p.Offset(), 0).Addr)
	}
	return append(dst, g.keys...)
}

// decodeSaved returns the index that b is, which it takes, if it stands for the first
// of the files, and for how many. live has how many bytes of each of them count.
func decodeSaved(b []byte, files []*File) (x *Index, live []int64, err error) {
	if len(b) < savedHead+4 || string(b[:len(savedMagic)]) != savedMagic {
		return nil, nil, errSaved
	}
	counts := b[len(savedMagic):]
	n, pages := uint64(binary.LittleEndian.Uint32(counts)), uint64(binary.LittleEndian.Uint32(counts[4:]))
	head := uint64(savedHead) + n*savedFile + pages*savedPage
	if n == 0 || n > uint64(len(files)) || pages == 0 || head > uint64(len(b)-4) ||
		record.Checksum(b[:head]) != binary.LittleEndian.Uint32(b[head:]) {
		return nil, nil, errSaved
	}
	live = make([]int64, n)
	for i, f := range files[:n] {
		d := b[savedHead+i*savedFile:]
		if f.slot != i || f.number != binary.LittleEndian.Uint64(d) || f.salt != binary.LittleEndian.Uint32(d[8:]) ||
			uint64(f.length) != binary.LittleEndian.Uint64(d[12:]) {
			return nil, nil, errSaved
		}
	}
	x = &Index{}
	all := make([]page, pages)
	table, rest := b[uint64(savedHead)+n*savedFile:head], b[head+4:]
	for i := range all {
		g, d := &all[i], table[i*savedPage:]
		if rest, err = g.decode(d, rest); err != nil {
			return nil, nil, err
		}
		if err = g.count(files[:n], live); err != nil {
			return nil, nil, err
		}
		x.depth, x.n = max(x.depth, g.depth), x.n+g.n
	}
	if len(rest) > 0 || uint64(x.n) != binary.LittleEndian.Uint64(counts[8:]) || 1<<x.depth > len(b) {
		return nil, nil, errSaved
	}
	return x, live, x.enter(all)
}

// enter makes the directory of pages that stand in the order of their prefixes.
func (x *Index) enter(all []page) error {
	x.dir = make([]*page, 0, 1<<x.depth)
	for i := range all {
		g := &all[i]
		span := 1 << (x.depth - g.depth)
		if len(x.dir)%span != 0 || len(x.dir)+span > cap(x.dir) {
			return errSaved
		}
		for range span {
			x.dir = append(x.dir, g)
		}
	}
	if len(x.dir) != cap(x.dir) {
		return errSaved
	}
	return nil
}

const maxDepth = 30

// decode has the page be what rest begins with, as d says, and returns what is behind it.
func (g *page) decode(d, rest []byte) ([]byte, error) {
	slots, keys := uint64(binary.LittleEndian.Uint32(d[1:])), binary.LittleEndian.Uint64(d[5:])
	end := slots*slotBytes + keys
	if d[0] > maxDepth || slots < minSlots || bits.OnesCount64(slots) != 1 || keys > uint64(len(rest)) || end > uint64(len(rest)) {
		return nil, errSaved
	}
	if record.Checksum(rest[:end]) != binary.LittleEndian.Uint32(d[13:]) {
		return nil, errSaved
	}
	mid := slots * slotBytes
	*g = page{slots: rest[:mid:mid], keys: rest[mid:end:end], depth: int(d[0])}
	return rest[end:], nil
}

// count looks at every slot: what lookups rely on is so, and a place is in a file.
func (g *page) count(files []*File, live []int64) error {
	keys := 0
	for at := 0; at < len(g.slots); at += slotBytes {
		s := g.slots[at : at+slotBytes]
		ref := binary.LittleEndian.Uint64(s[16:])
		if ref == 0 {
			continue
		}
		p := Place{binary.LittleEndian.Uint64(s[8:]), binary.LittleEndian.Uint32(s[4:])}
		n := ref & keyMask
		if slot := p.Slot(); n == 0 || n > store.MaxKeyBytes || ref>>keyBits+n > uint64(len(g.keys)) || slot >= len(files) || uint64(p.Size) <= n ||
			p.Size > record.MaxBytes || p.Offset() < record.HeaderBytes || p.Offset()+int64(p.Size) > files[slot].length {
			return errSaved
		}
		live[p.Slot()] += int64(p.Size)
		g.n, keys = g.n+1, keys+int(n)
	}
	if g.dead = len(g.keys) - keys; g.dead < 0 || g.n*slotBytes == len(g.slots) {
		return errSaved
	}
	return nil
}

// loadSaved takes the index that the last close saved for the first of the files, which
// are all that the view has, and returns for how many it stands.
func (s *Set) loadSaved() (n int, err error) {
	for i := len(s.files) - 1; i >= 0; i-- {
		b, err := s.home.ReadPart(s.files[i].number, savedExt, maxSavedBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil && !errors.Is(err, store.ErrCorrupt) {
			return 0, err
		}
		s.saved = saved{number: s.files[i].number}
		if err != nil {
			return 0, nil
		}
		x, live, err := decodeSaved(b, s.files[:i+1])
		if err != nil || len(live) != i+1 {
			return 0, nil
		}
		s.view.index, s.saved.whole = x, true
		for j, f := range s.files[:i+1] {
			f.live = live[j]
			if f.hinted, err = s.home.Has(f.number, hintExt); err != nil {
				return 0, err
			}
		}
		return i + 1, nil
	}
	return 0, nil
}

// saved is what is known of the saved index on the disk.
type saved struct {
	number uint64 // of the file under whose number it is, 0 for none
	whole  bool   // it was what the index was
}

// save writes the index, where the disk does not have it. All files are sealed, and the
// catalog says so. What was saved before goes first: what it stands for may have changed.
func (s *Set) save() error {
	if len(s.files) == 0 {
		return nil
	}
	last := s.files[len(s.files)-1].number
	if s.saved.whole && s.saved.number == last {
		return nil
	}
	if s.saved.number != 0 && s.saved.number != last {
		if err := s.home.Remove(s.saved.number, savedExt); err != nil {
			return fmt.Errorf("remove the index saved before: %w", err)
		}
	}
	err := s.home.WriteStream(last, savedExt, func(write func([]byte) error) error {
		return encodeSaved(s.index, s.files, write)
	})
	if err != nil {
		return fmt.Errorf("save the index as %s: %w", s.home.Path(last, savedExt), err)
	}
	return nil
}
