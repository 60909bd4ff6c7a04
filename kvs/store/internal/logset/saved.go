package logset

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
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
//	page    its slots, with the indices of files as file slots, its keys, and a sixteenth as
//	        many zero bytes, so that some keys more take no other memory once it is read
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
	savedSlack    = 16
	maxSavedBytes = 1 << 34
)

var errSaved = errors.New("not the saved index of the files")

// goneSlot is that of places in files that are gone.
const goneSlot = 1<<(64-offsetBits) - 1

// savedTable is what stands behind the pages of a saved index.
type savedTable struct {
	slots []int // of files, as they were, to indices; -1 for none
	pages []byte
	sums  []uint32 // of pages, as far as they are finished
	files []byte
	keys  int
}

func newSavedTable(x *Index, files []*File) *savedTable {
	t := &savedTable{keys: x.n}
	for i, f := range files {
		for len(t.slots) <= f.slot {
			t.slots = append(t.slots, -1)
		}
		t.slots[f.slot] = i
		t.files = binary.LittleEndian.AppendUint64(t.files, f.number)
		t.files = binary.LittleEndian.AppendUint32(t.files, f.salt)
		t.files = binary.LittleEndian.AppendUint64(t.files, uint64(f.length))
	}
	return t
}

// savedPart is a part of a saved index, of whole pages. They are copied while the index waits, and
// finished when it does not.
type savedPart struct {
	bytes []byte
	slots []extent // of the pages, in bytes
}

type extent struct{ from, to int }

// add appends a page to a part, and what says where it is to the table.
func (t *savedTable) add(p *savedPart, prefix uint64, g *page) {
	at := len(p.bytes)
	p.slots = append(p.slots, extent{at, at + len(g.slots)})
	p.bytes = append(append(append(p.bytes, g.slots...), g.keys...), make([]byte, len(g.keys)/savedSlack)...)
	t.pages = binary.LittleEndian.AppendUint64(t.pages, prefix)
	t.pages = append(t.pages, byte(g.depth))
	t.pages = binary.LittleEndian.AppendUint32(t.pages, uint32(len(g.slots)/slotBytes))
	t.pages = binary.LittleEndian.AppendUint64(t.pages, uint64(len(g.keys)))
	t.pages = binary.LittleEndian.AppendUint32(t.pages, 0) // until the end
}

// finish gives the pages of a part the indices of files, and sums them up. Parts are finished in
// their order.
func (t *savedTable) finish(p savedPart) {
	for i, s := range p.slots {
		end := len(p.bytes)
		if i+1 < len(p.slots) {
			end = p.slots[i+1].from
		}
		t.rename(p.bytes[s.from:s.to])
		t.sums = append(t.sums, record.Checksum(p.bytes[s.from:end]))
	}
}

// rename has the slots of a page name files by their indices.
func (t *savedTable) rename(slots []byte) {
	for s := slots; len(s) > 0; s = s[slotBytes:] {
		if binary.LittleEndian.Uint64(s[16:]) == 0 {
			continue
		}
		p := Place{Addr: binary.LittleEndian.Uint64(s[8:])}
		if p.Slot() >= len(t.slots) || t.slots[p.Slot()] < 0 {
			panic("logset: a place of the index is in no file that counts")
		}
		binary.LittleEndian.PutUint64(s[8:], placeOf(t.slots[p.Slot()], p.Offset(), 0).Addr)
	}
}

// end appends the table, once all parts are finished.
func (t *savedTable) end(dst []byte) []byte {
	at := len(dst)
	dst = append(append(dst, t.pages...), t.files...)
	for i, sum := range t.sums {
		binary.LittleEndian.PutUint32(dst[at+(i+1)*savedPage-4:], sum)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.pages)/savedPage))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.files)/savedFile))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.keys))
	return binary.LittleEndian.AppendUint32(dst, record.Checksum(dst[at:]))
}

// knownFile is a file of a saved index.
type knownFile struct {
	slot   int // now, goneSlot if it is gone
	length int64
	live   int64 // bytes of it that places of the saved index take
}

// decoded is a saved index of which the table was read, and pages as far as they are needed.
type decoded struct {
	index *Index // of all pages, those that were not read yet empty
	known []knownFile
	lost  int          // places in files that are gone, of pages that were read
	all   []placedPage // in the order of their hashes
	next  int          // the first page that was not read
	n     int          // keys in those that were, as they were saved
	r     io.ReaderAt
	b     []byte // what stands before the table, of which the first bytes were read
	have  int
	keys  int // in all, as the table says
}

// decodeSaved reads the table of a saved index of that many bytes. The files are all that there
// are, each in the slot that is its place in the order. Errors are errSaved or what r said.
func decodeSaved(r io.ReaderAt, size int64, files []*File) (*decoded, error) {
	if size < int64(len(savedMagic)+savedEnd) || size > maxSavedBytes {
		return nil, errSaved
	}
	end := make([]byte, savedEnd)
	if err := readSaved(r, end, size-savedEnd); err != nil {
		return nil, err
	}
	pages, n := uint64(binary.LittleEndian.Uint32(end)), uint64(binary.LittleEndian.Uint32(end[4:]))
	keys, length := binary.LittleEndian.Uint64(end[8:]), pages*savedPage+n*savedFile+savedEnd
	if pages == 0 || length > uint64(size)-uint64(len(savedMagic)) || keys > uint64(size) {
		return nil, errSaved
	}
	table := make([]byte, length)
	if err := readSaved(r, table, size-int64(length)); err != nil {
		return nil, err
	}
	if record.Checksum(table[:length-4]) != binary.LittleEndian.Uint32(table[length-4:]) {
		return nil, errSaved
	}
	d := &decoded{
		index: &Index{n: int(keys)}, keys: int(keys), all: make([]placedPage, pages), r: r, b: make([]byte, uint64(size)-length),
	}
	if err := d.know(table[pages*savedPage:length-savedEnd], files); err != nil {
		return nil, err
	}
	at := len(savedMagic)
	for i := range d.all {
		g := &d.all[i]
		var err error
		if at, err = g.decode(table[i*savedPage:], d.b, at); err != nil {
			return nil, err
		}
		d.index.depth = max(d.index.depth, g.depth)
	}
	if at != len(d.b) || 1<<d.index.depth > size {
		return nil, errSaved
	}
	return d, d.enter()
}

// readSaved reads all of b. A file that ends before is no saved index.
func readSaved(r io.ReaderAt, b []byte, off int64) error {
	err := record.ReadFull(r, b, off)
	if errors.Is(err, store.ErrCorrupt) {
		return errSaved
	}
	return err
}

// savedChunk is how much of a saved index is read at once: little enough to be in the
// processor's cache when its pages are looked at.
const savedChunk = 256 << 10

// read reads the pages whose first hash is not above last. Before, nobody may look into them.
func (d *decoded) read(last uint64) error {
	for ; d.next < len(d.all) && d.all[d.next].first <= last; d.next++ {
		g := &d.all[d.next]
		for d.have < g.end {
			b := d.b[d.have:min(d.have+savedChunk, len(d.b))]
			if err := readSaved(d.r, b, int64(d.have)); err != nil {
				return err
			}
			d.have += len(b)
		}
		if d.next == 0 && string(d.b[:len(savedMagic)]) != savedMagic || record.Checksum(d.b[g.from:g.end]) != g.sum {
			return errSaved
		}
		if err := d.count(&g.page); err != nil {
			return err
		}
		d.n += g.n
	}
	return nil
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

// placedPage is a page, the first hash that it is for, where it stands and its checksum.
type placedPage struct {
	page
	first     uint64
	from, end int
	sum       uint32
}

// enter makes the directory of pages.
func (d *decoded) enter() error {
	slices.SortFunc(d.all, func(a, b placedPage) int { return cmp.Compare(a.first, b.first) })
	x := d.index
	x.dir = make([]*page, 0, 1<<x.depth)
	for i := range d.all {
		g := &d.all[i]
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

// decode has the page be what b has from from on, which need not have been read, as t says, and
// returns where that ends.
func (g *placedPage) decode(t, b []byte, from int) (end int, err error) {
	slots, keys, depth := uint64(binary.LittleEndian.Uint32(t[9:])), binary.LittleEndian.Uint64(t[13:]), t[8]
	rest := uint64(len(b) - from)
	if depth > maxDepth || slots < minSlots || bits.OnesCount64(slots) != 1 || keys > rest || slots*slotBytes+keys+keys/savedSlack > rest {
		return 0, errSaved
	}
	mid := from + int(slots)*slotBytes
	last := mid + int(keys)
	end = last + int(keys)/savedSlack
	*g = placedPage{
		page:  page{slots: b[from:mid:mid], keys: b[mid:last:end], depth: int(depth)},
		first: binary.LittleEndian.Uint64(t), from: from, end: end, sum: binary.LittleEndian.Uint32(t[21:]),
	}
	return end, nil
}

// count looks at every slot: what lookups rely on is so, and a place is in a file. Places
// get the slots that the files have now.
func (d *decoded) count(g *page) error {
	keys := 0
	for rest := g.slots; len(rest) >= slotBytes; rest = rest[slotBytes:] {
		s := rest[:slotBytes:slotBytes]
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
