package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

const (
	// PageItems is how many versions, or other pages, a page names at most; and how many
	// versions of each branch a head names without pages.
	PageItems = 1 << pageShift

	pageShift    = 4
	pageFormat   = 1
	pageTitle    = "joinery versions"
	maxPageBytes = 4096 // of a sealed page: its items have fewer than 96 bytes each
	// maxPageDepth is how deep pages are nested: as often as a version's number can be
	// divided by PageItems.
	maxPageDepth = 64 / pageShift
)

// item is what a head or a page names: a version with its manifest, or a page.
type item struct {
	version store.Version // 0 of a page
	object  object
}

// MarshalText writes "VERSION EPOCH HASH", without the version for a page; the hash is in
// base64, which is two thirds of what it is in an object's name.
func (i item) MarshalText() ([]byte, error) {
	var b []byte
	if i.version != 0 {
		b = append(strconv.AppendUint(b, uint64(i.version), 10), ' ')
	}
	b = append(strconv.AppendUint(b, i.object.epoch, 10), ' ')
	return base64.RawURLEncoding.AppendEncode(b, i.object.hash[:]), nil
}

// UnmarshalText reads what MarshalText writes, and nothing else.
func (i *item) UnmarshalText(b []byte) error {
	fields := strings.Split(string(b), " ")
	got := item{object: object{kind: pageKind}}
	var err error
	if len(fields) == 3 {
		var v uint64
		v, err = strconv.ParseUint(fields[0], 10, 64)
		got.version, got.object.kind = store.Version(v), manifestKind
		fields = fields[1:]
		if v == 0 {
			return fmt.Errorf("item %.200q: want a version above 0", b)
		}
	}
	if len(fields) != 2 || err != nil {
		return fmt.Errorf("item %.200q: want a version or none, an epoch, and a hash", b)
	}
	var e1, e2 error
	var hash []byte
	got.object.epoch, e1 = strconv.ParseUint(fields[0], 10, 64)
	hash, e2 = base64.RawURLEncoding.DecodeString(fields[1])
	if e1 != nil || e2 != nil || len(hash) != len(got.object.hash) {
		return fmt.Errorf("item %.200q: want an epoch, and a hash of %d bytes", b, len(got.object.hash))
	}
	copy(got.object.hash[:], hash)
	if again, err := got.MarshalText(); err != nil || !bytes.Equal(again, b) {
		return fmt.Errorf("item %.200q is not written as it should be", b)
	}
	*i = got
	return nil
}

// pagedHead is a head whose lines name pages, as it is stored.
type pagedHead struct {
	Epoch   uint64 `json:"epoch"`
	Writers uint64 `json:"writers,omitempty"`
	pagedLine
	Branches []pagedBranch `json:"branches,omitempty"`
}

type pagedLine struct {
	Last  store.Version `json:"last"`
	Items []item        `json:"items"`
}

type pagedBranch struct {
	Name string `json:"name"`
	pagedLine
}

// page is a list of items, as it is stored.
type page struct {
	Items []item `json:"items"`
}

// sealed is a page that a head names.
type sealed struct {
	object
	page
	data []byte // nil if the head that was read names it too
}

// encode is the head as it is stored, in the least format that says it, and the pages that
// it names, those first that others name. What is not among h.pages gets h.since as its
// epoch. h is as it was; store says what h.pages becomes.
func (h *head) encode() (b []byte, pages []sealed, err error) {
	if !h.paged() {
		b, err = catalog.Seal(headTitle, h.plainFormat(), h)
		return b, nil, err
	}
	p := pagedHead{Epoch: h.Epoch, Writers: h.Writers}
	w := pageWriter{known: h.pages, epoch: h.since, named: map[store.Hash]bool{}}
	if p.pagedLine, err = w.line(&h.line); err != nil {
		return nil, nil, err
	}
	for i := range h.Branches {
		of := pagedBranch{Name: h.Branches[i].Name}
		if of.pagedLine, err = w.line(&h.Branches[i].line); err != nil {
			return nil, nil, err
		}
		p.Branches = append(p.Branches, of)
	}
	b, err = catalog.Seal(headTitle, pagedFormat, p)
	return b, w.pages, err
}

// paged reports that a branch has more versions than a head names by itself.
func (h *head) paged() bool {
	return slices.ContainsFunc(h.lines(), func(l *line) bool { return len(l.Versions) > PageItems })
}

// pageWriter makes the pages of a head.
type pageWriter struct {
	known map[store.Hash]uint64 // pages that need not be put, and their epochs
	epoch uint64                // of those that need
	named map[store.Hash]bool   // pages made
	pages []sealed
}

// line is a branch as a head stores it. A version is in the block of its number divided
// by PageItems, that block in the block of its own number divided so, and so on: a block
// of which the last version is no part is a page of what is left of it, or, if that is one
// item, the item. The head names the items of those blocks that the last version is part
// of. So the same versions make the same pages, whatever came after them or went before
// them, and a version that is added makes a new page once in PageItems times.
func (w *pageWriter) line(l *line) (pagedLine, error) {
	type placed struct {
		item
		first store.Version // of the versions that it stands for
	}
	var rest []placed
	for _, e := range l.Versions {
		o, ok := parseObject(e.Manifest)
		if !ok || o.kind != manifestKind || e.Version == 0 {
			return pagedLine{}, fmt.Errorf("%w: version %s has manifest %q", store.ErrCorrupt, e.Version, e.Manifest)
		}
		rest = append(rest, placed{item{e.Version, o}, e.Version})
	}
	out := pagedLine{Last: l.Last}
	keep := func(ps []placed) {
		var is []item
		for _, p := range ps {
			is = append(is, p.item)
		}
		out.Items = append(is, out.Items...)
	}
	if len(rest) <= PageItems {
		keep(rest)
		return out, nil
	}
	for shift := pageShift; len(rest) > 0; shift += pageShift {
		block := func(p placed) store.Version { return p.first >> shift }
		open := slices.IndexFunc(rest, func(p placed) bool { return block(p) == l.Last>>shift })
		if open < 0 {
			open = len(rest)
		}
		keep(rest[open:])
		var packed []placed
		for rest = rest[:open]; len(rest) > 0; {
			n := 1
			for n < len(rest) && block(rest[n]) == block(rest[0]) {
				n++
			}
			one := rest[0]
			if n > 1 {
				var p page
				for _, in := range rest[:n] {
					p.Items = append(p.Items, in.item)
				}
				o, err := w.put(p)
				if err != nil {
					return pagedLine{}, err
				}
				one.item = item{object: o}
			}
			packed, rest = append(packed, one), rest[n:]
		}
		rest = packed
	}
	return out, nil
}

// put adds a page, unless it is there.
func (w *pageWriter) put(p page) (object, error) {
	data, err := catalog.Seal(pageTitle, pageFormat, p)
	if err != nil {
		return object{}, err
	}
	o := object{pageKind, sha256.Sum256(data), w.epoch}
	epoch, known := w.known[o.hash]
	if known {
		o.epoch, data = epoch, nil
	}
	if !w.named[o.hash] {
		w.named[o.hash] = true
		w.pages = append(w.pages, sealed{o, p, data})
	}
	return o, nil
}

func decodePage(b []byte) (page, error) {
	var p page
	if err := catalog.Unseal(pageTitle, pageFormat, b, &p); err != nil {
		return page{}, err
	}
	if len(p.Items) < 2 || len(p.Items) > PageItems {
		return page{}, fmt.Errorf("%w: %d items, want 2 to %d", store.ErrCorrupt, len(p.Items), PageItems)
	}
	return p, nil
}

// pageReader has the pages with these names, in their order.
type pageReader func([]object) ([]page, error)

// head is the head that was stored, with all versions that its pages name.
func (p *pagedHead) head(get pageReader) (head, error) {
	h := head{Epoch: p.Epoch, Writers: p.Writers, pages: map[store.Hash]uint64{}}
	left := MaxVersions
	var err error
	if h.line, err = p.line(get, h.pages, &left); err != nil {
		return head{}, err
	}
	for _, b := range p.Branches {
		l, err := b.line(get, h.pages, &left)
		if err != nil {
			return head{}, fmt.Errorf("branch %.80q: %w", b.Name, err)
		}
		h.Branches = append(h.Branches, branch{b.Name, l})
	}
	return h, nil
}

// line is the branch with all its versions, at most left. The pages that it names are
// added to named.
func (p *pagedLine) line(get pageReader, named map[store.Hash]uint64, left *int) (line, error) {
	items := p.Items
	for depth := 0; ; depth++ {
		var names []object
		for _, i := range items {
			if i.version == 0 {
				names = append(names, i.object)
				named[i.object.hash] = i.object.epoch
			}
		}
		if len(items) > *left || depth > maxPageDepth {
			return line{}, fmt.Errorf("%w: more than %d versions left, or pages nested more than %d deep", store.ErrCorrupt, *left, maxPageDepth)
		}
		if len(names) == 0 {
			break
		}
		pages, err := get(names)
		if err != nil {
			return line{}, err
		}
		var flat []item
		for _, i := range items {
			if i.version != 0 {
				flat = append(flat, i)
				continue
			}
			flat, pages = append(flat, pages[0].Items...), pages[1:]
		}
		items = flat
	}
	*left -= len(items)
	l := line{Last: p.Last}
	for _, i := range items {
		l.Versions = append(l.Versions, entry{i.version, i.object.String()})
	}
	return l, nil
}

// pageCache has the pages of the head that was read last, and those put since; a name has
// one content.
type pageCache struct {
	mu    sync.Mutex
	pages map[object]page
}

func (c *pageCache) get(o object) (page, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.pages[o]
	return p, ok
}

func (c *pageCache) add(o object, p page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages == nil {
		c.pages = map[object]page{}
	}
	c.pages[o] = p
}

// keep lets go of what is not named.
func (c *pageCache) keep(named map[store.Hash]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.pages, func(o object, _ page) bool {
		epoch, ok := named[o.hash]
		return !ok || epoch != o.epoch
	})
}

// readPages gets pages from the bucket, as far as they are not known, several at once.
func (a *Archive) readPages(names []object) ([]page, error) {
	pages := make([]page, len(names))
	err := a.Each(len(names), func(i int) error {
		p, ok := a.pages.get(names[i])
		if !ok {
			var err error
			if p, err = a.readPage(names[i]); err != nil {
				return fmt.Errorf("page %s: %w", names[i], err)
			}
			a.pages.add(names[i], p)
		}
		pages[i] = p
		return nil
	})
	return pages, err
}

func (a *Archive) readPage(o object) (page, error) {
	r, err := a.bucket.Get(o.String())
	if errors.Is(err, store.ErrNoObject) {
		return page{}, fmt.Errorf("%w: %w", store.ErrMissing, err)
	}
	if err != nil {
		return page{}, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxPageBytes+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return page{}, err
	}
	if o.hash != sha256.Sum256(b) {
		return page{}, fmt.Errorf("%w: it is not what its name says", store.ErrCorrupt)
	}
	return decodePage(b)
}

// putPages gives the bucket those pages that the head which was read does not name. They
// are durable at the end.
func (a *Archive) putPages(pages []sealed) error {
	last := -1
	for i, p := range pages {
		if p.data != nil {
			last = i
		}
	}
	for i, p := range pages {
		if p.data == nil {
			continue
		}
		how := a.soon()
		if i == last {
			how = a.bucket.Put
		}
		if err := how(p.String(), int64(len(p.data)), bytes.NewReader(p.data)); err != nil {
			return fmt.Errorf("put page: %w", err)
		}
		a.given += int64(len(p.data))
		a.pages.add(p.object, p.page)
	}
	return nil
}
