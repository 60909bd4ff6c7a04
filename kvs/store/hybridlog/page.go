package hybridlog

import (
	"github.com/joinery-go/joinery/kvs/store/internal/logset"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// page is a log file's records in memory.
type page struct {
	file *logset.File
	// data is the file from behind its header.
	data []byte
	// frozen is how much of data is not updated in place any more, flushed how much the
	// file has, synced how much of that is durable: synced ≤ flushed ≤ frozen ≤ len.
	frozen, flushed, synced int
	made                    bool // the file is there
}

// at is where in data the record of a place in the page's file begins.
func (g *page) at(p logset.Place) int { return int(p.Offset()) - record.HeaderBytes }

// end is the offset in the file behind data[:n].
func end(n int) int64 { return int64(record.HeaderBytes + n) }

// value is the value of the record that begins at data[at].
func (g *page) value(at int) []byte {
	_, _, value, end, err := record.Shape(g.data[at:])
	if err != nil {
		panic("hybridlog: a page holds no record where the index says: " + err.Error())
	}
	return g.data[at+value : at+end]
}

// pageOf is the page that holds a place, nil if it is on disk only.
func (e *Engine) pageOf(p logset.Place) *page {
	slot := p.Slot()
	if slot >= len(e.bySlot) {
		return nil
	}
	// A merge may have replaced the page's file, and another have its slot.
	if g := e.bySlot[slot]; g != nil && e.core.Set.At(slot) == g.file {
		return g
	}
	return nil
}

// enter adds a page for size bytes as the youngest.
func (e *Engine) enter(size int) {
	g := &page{file: e.core.Set.NewLog()}
	if n := max(e.opts.PageBytes-record.HeaderBytes, size+reserve); len(e.spare) > 0 && n <= cap(e.spare[0]) {
		last := len(e.spare) - 1
		g.data, e.spare = e.spare[last][:0], e.spare[:last]
	} else {
		g.data = make([]byte, 0, n)
	}
	e.pages = append(e.pages, g)
	for len(e.bySlot) <= g.file.Slot() {
		e.bySlot = append(e.bySlot, nil)
	}
	e.bySlot[g.file.Slot()] = g
}

// drop forgets the oldest n pages, whose memory the next ones take.
func (e *Engine) drop(n int) {
	for _, g := range e.pages[:n] {
		if slot := g.file.Slot(); e.bySlot[slot] == g {
			e.bySlot[slot] = nil
		}
		if cap(g.data) == e.opts.PageBytes-record.HeaderBytes && len(e.spare) < e.opts.MutablePages {
			e.spare = append(e.spare, g.data)
		}
	}
	e.pages = append([]*page(nil), e.pages[n:]...)
}

// flush freezes a page and gives its file what it does not have. The files of older
// pages have everything, durably, before a younger one is made.
func (e *Engine) flush(g *page) error {
	g.frozen = len(g.data)
	for at := g.flushed; at < len(g.data); {
		_, _, _, n, err := record.Shape(g.data[at:])
		if err != nil {
			panic("hybridlog: a page holds what is no record: " + err.Error())
		}
		record.Seal(g.data[at:at+n], g.file.Salt(), end(at))
		at += n
	}
	if !g.made {
		if err := e.core.Set.Create(g.file, g.data); err != nil {
			return err
		}
		g.made, g.flushed, g.synced = true, len(g.data), len(g.data)
		return nil
	}
	if g.flushed == len(g.data) {
		return nil
	}
	if err := e.core.Set.Write(g.file, g.data[g.flushed:]); err != nil {
		return err
	}
	g.flushed = len(g.data)
	return nil
}

// flushed reports that the files of the oldest n pages have everything, durably.
func (e *Engine) flushed(n int) bool {
	for _, g := range e.pages[:n] {
		if !g.made || g.synced < len(g.data) {
			return false
		}
	}
	return true
}

// sync makes what a page's file was given durable.
func (e *Engine) sync(g *page) error {
	if g.synced == g.flushed {
		return nil
	}
	if err := e.core.Set.Sync(g.file); err != nil {
		return err
	}
	g.synced = g.flushed
	return nil
}
