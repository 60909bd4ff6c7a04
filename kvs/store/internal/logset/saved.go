package logset

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// A saved index is the index as it is in memory, so that opening is reading it, and what
// was written since (as the index checkpoint of FASTER, Chandramouli et al., SIGMOD'18). It
// is written in the background as the files grow, and when the set is closed. The catalog
// names it. It can be made again from hints and files, so one that is spoiled, missing, or
// of another version is no damage.
//
//	magic "joinery places 2\n" | page… | prefix… | file… | end
//	page    its slots, with the indices of files as file slots, and its keys
//	prefix  first hash 8 | depth 1 | slots 4 | bytes of keys 8 | CRC-32C of the page 4
//	file    number 8 | salt 4 | length 8
//	end     prefixes 4 | files 4 | keys 8 | CRC-32C of prefixes, files and these 4
//
// It stands for those bytes of its files that their lengths say, as they were when it was
// begun. Its files may be merged since: a merge keeps every record that counts, so what it
// makes is read like any file that the saved index does not know, and a place in a file
// that is gone is of a key that such a file says more of, or of none.
const (
	savedMagic    = "joinery places 2\n"
	savedExt      = "index"
	savedPage     = 8 + 1 + 4 + 8 + 4
	savedFile     = 8 + 4 + 8
	savedEnd      = 4 + 4 + 8 + 4
	maxSavedBytes = 1 << 34
)

var errSaved = errors.New("not the saved index of the files")

// goneSlot is that of places in files that are gone.
const goneSlot = 1<<(64-offsetBits) - 1

// savedTable is what stands behind the pages of a saved index.
type savedTable struct {
	slots map[int]int // of files, as they were, to indices
	pages []byte
	files []byte
	keys  int
}

func newSavedTable(x *Index, files []*File) *savedTable {
	t := &savedTable{slots: map[int]int{}, keys: x.n}
	for i, f := range files {
		t.slots[f.slot] = i
		t.files = binary.LittleEndian.AppendUint64(t.files, f.number)
		t.files = binary.LittleEndian.AppendUint32(t.files, f.salt)
		t.files = binary.LittleEndian.AppendUint64(t.files, uint64(f.length))
	}
	return t
}

// add appends a page to dst, and what says where it is to the table.
func (t *savedTable) add(dst []byte, prefix uint64, g *page) []byte {
	at := len(dst)
	dst = g.renamed(dst, t.slots)
	t.pages = binary.LittleEndian.AppendUint64(t.pages, prefix)
	t.pages = append(t.pages, byte(g.depth))
	t.pages = binary.LittleEndian.AppendUint32(t.pages, uint32(len(g.slots)/slotBytes))
	t.pages = binary.LittleEndian.AppendUint64(t.pages, uint64(len(g.keys)))
	t.pages = binary.LittleEndian.AppendUint32(t.pages, record.Checksum(dst[at:]))
	return dst
}

// end appends the table.
func (t *savedTable) end(dst []byte) []byte {
	at := len(dst)
	dst = append(append(dst, t.pages...), t.files...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.pages)/savedPage))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.files)/savedFile))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.keys))
	return binary.LittleEndian.AppendUint32(dst, record.Checksum(dst[at:]))
}

// renamed appends a page with file slots renamed.
func (g *page) renamed(dst []byte, slots map[int]int) []byte {
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

// knownFile is a file of a saved index.
type knownFile struct {
	slot   int // now, goneSlot if it is gone
	length int64
	live   int64 // bytes of it that places of the saved index take
}

// decoded is a saved index that was read.
type decoded struct {
	index *Index
	known []knownFile
	lost  int // places in files that are gone
}

// decodeSaved reads a saved index, which takes b. The files are all that there are, each in
// the slot that is its place in the order.
func decodeSaved(b []byte, files []*File) (*decoded, error) {
	if len(b) < len(savedMagic)+savedEnd || string(b[:len(savedMagic)]) != savedMagic {
		return nil, errSaved
	}
	end := b[len(b)-savedEnd:]
	pages, n := uint64(binary.LittleEndian.Uint32(end)), uint64(binary.LittleEndian.Uint32(end[4:]))
	size := pages*savedPage + n*savedFile + savedEnd
	if pages == 0 || size > uint64(len(b)-len(savedMagic)) {
		return nil, errSaved
	}
	table, rest := b[uint64(len(b))-size:], b[len(savedMagic):uint64(len(b))-size]
	if record.Checksum(table[:size-4]) != binary.LittleEndian.Uint32(table[size-4:]) {
		return nil, errSaved
	}
	d := &decoded{index: &Index{}}
	if err := d.know(table[pages*savedPage:size-savedEnd], files); err != nil {
		return nil, err
	}
	all := make([]placedPage, pages)
	for i := range all {
		g, t := &all[i], table[i*savedPage:]
		var err error
		if rest, err = g.decode(t, rest); err != nil {
			return nil, err
		}
		if err = d.count(&g.page); err != nil {
			return nil, err
		}
		d.index.depth, d.index.n = max(d.index.depth, g.depth), d.index.n+g.n
	}
	if len(rest) > 0 || uint64(d.index.n) != binary.LittleEndian.Uint64(end[8:]) || 1<<d.index.depth > len(b) {
		return nil, errSaved
	}
	return d, d.index.enter(all)
}

// know reads which files it knows, and finds them among those that there are.
func (d *decoded) know(b []byte, files []*File) error {
	slots := map[uint64]int{}
	for i, f := range files {
		if f.slot != i {
			panic("logset: a file's slot is not its place")
		}
		slots[f.number] = i
	}
	last := -1
	for ; len(b) > 0; b = b[savedFile:] {
		number, salt, length := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint64(b[12:])
		if length < record.HeaderBytes || length >= 1<<offsetBits {
			return errSaved
		}
		k := knownFile{slot: goneSlot, length: int64(length)}
		if i, ok := slots[number]; ok {
			if f := files[i]; f.salt != salt || f.length < k.length || i <= last {
				return errSaved
			}
			k.slot, last = i, i
		}
		d.known = append(d.known, k)
	}
	return nil
}

// placedPage is a page and the first hash that it is for.
type placedPage struct {
	page
	first uint64
}

// enter makes the directory of pages.
func (x *Index) enter(all []placedPage) error {
	slices.SortFunc(all, func(a, b placedPage) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return 0
	})
	x.dir = make([]*page, 0, 1<<x.depth)
	for i := range all {
		g := &all[i]
		span := 1 << (x.depth - g.depth)
		if g.first>>(64-x.depth) != uint64(len(x.dir)) || len(x.dir)%span != 0 || len(x.dir)+span > cap(x.dir) || g.prefix(g.first) != g.first {
			return errSaved
		}
		for range span {
			x.dir = append(x.dir, &g.page)
		}
	}
	if len(x.dir) != cap(x.dir) {
		return errSaved
	}
	return nil
}

const maxDepth = 30

// decode has the page be what rest begins with, as t says, and returns what is behind it.
func (g *placedPage) decode(t, rest []byte) ([]byte, error) {
	slots, keys, depth := uint64(binary.LittleEndian.Uint32(t[9:])), binary.LittleEndian.Uint64(t[13:]), t[8]
	end := slots*slotBytes + keys
	if depth > maxDepth || slots < minSlots || bits.OnesCount64(slots) != 1 || keys > uint64(len(rest)) || end > uint64(len(rest)) {
		return nil, errSaved
	}
	if record.Checksum(rest[:end]) != binary.LittleEndian.Uint32(t[21:]) {
		return nil, errSaved
	}
	mid := slots * slotBytes
	g.page = page{slots: rest[:mid:mid], keys: rest[mid:end:end], depth: int(depth)}
	g.first = binary.LittleEndian.Uint64(t)
	return rest[end:], nil
}

// count looks at every slot: what lookups rely on is so, and a place is in a file. Places
// get the slots that the files have now.
func (d *decoded) count(g *page) error {
	keys := 0
	for at := 0; at < len(g.slots); at += slotBytes {
		s := g.slots[at : at+slotBytes]
		ref := binary.LittleEndian.Uint64(s[16:])
		if ref == 0 {
			continue
		}
		p := Place{binary.LittleEndian.Uint64(s[8:]), binary.LittleEndian.Uint32(s[4:])}
		n, slot := ref&keyMask, p.Slot()
		if n == 0 || n > store.MaxKeyBytes || ref>>keyBits+n > uint64(len(g.keys)) || slot >= len(d.known) || uint64(p.Size) <= n ||
			p.Size > record.MaxBytes || p.Offset() < record.HeaderBytes || p.Offset()+int64(p.Size) > d.known[slot].length {
			return errSaved
		}
		k := &d.known[slot]
		k.live += int64(p.Size)
		if k.slot != slot {
			binary.LittleEndian.PutUint64(s[8:], placeOf(k.slot, p.Offset(), 0).Addr)
			if k.slot == goneSlot {
				d.lost++
			}
		}
		g.n, keys = g.n+1, keys+int(n)
	}
	if g.dead = len(g.keys) - keys; g.dead < 0 || g.n*slotBytes == len(g.slots) {
		return errSaved
	}
	return nil
}
