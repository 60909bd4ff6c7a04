package eval

import (
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// row is a tuple of a relation and why it is there. Its memory is used again, but for
// the tuples of messages, which hosts keep.
type row struct {
	tuple   el.Tuple
	enc     []byte // none if it is not among the relation's rows
	at      []int  // position in the bucket of each index
	count   int32  // its derivations by rules of this timestep
	next    int32  // its derivations by @next rules
	doom    int32  // its derivations by @delete rules
	base    bool   // there without derivation: kept, fed, or added by @next
	visible bool   // what readers see; follows count and base when the relation settles
	queued  bool   // among the relation's dirty rows
	fresh   bool   // turned visible in this timestep
	coming  bool   // among the relation's arrivals
	going   bool   // among its removals
	nexting bool   // among the dirty rows of the @next effect
	follows bool   // what the @next effect showed when it settled last
	doomed  bool   // among the rows of the @delete effect
}

// relation is a collection at run time, or the messages that @async rules derive for
// one, which nothing reads.
type relation struct {
	name    string
	decl    *el.Collection
	group   *group // nil for what nothing reads
	rows    keyed[*row]
	indexes []*index // the first is over no column and so holds all visible rows
	full    *index   // over all columns, if anybody asks: answered by rows
	keys    *index   // over the key of what persists, if that is not all columns
	ids     *Ranges  // of a range, its members; rows then are only those that come
	uses    []*plan  // plans that start from a change of this relation
	feeds   []*aggregator
	dirty   []*row
	added   []*row // turned visible in this timestep, where somebody asks
	watched bool   // somebody does: a seal
	clashes []*row // that met another tuple with their key
	// selfish says that each @delete rule reads the tuple that it deletes and no other
	// of the relation: a tuple that goes takes what @delete derives for it along.
	selfish bool
	deletes *effect // what @delete rules derive for the relation, nil without any
	lasting bool    // what holds once never leaves
	// conduit says that the messages of the relation only become members of ranges:
	// they are handed on as they come, and no index need have them.
	conduit bool
	passed  []*row // by a conduit in this timestep
	again   []*row // of events that came in the last timestep already
	// What is to change before the next timestep.
	arrivals, removals []*row

	enc  []byte
	free []*row // forgotten, to be used again
	slab []row  // to be used
}

func newRelation(decl *el.Collection, name string) *relation {
	r := &relation{name: name, decl: decl, rows: newKeyed[*row]()}
	r.index(nil)
	if decl.Kind == el.Range && name == decl.Name {
		r.ids = NewRanges()
	}
	return r
}

func (r *relation) persistent() bool { return r.group != nil && r.decl.Kind.Persistent() }

// event reports whether the host feeds the relation's tuples, for one timestep.
func (r *relation) event() bool { return r.decl.Kind == el.Input || r.decl.Kind == el.Channel }

// width is the number of columns of tuples: on channels there is one for the sender.
func (r *relation) width() int {
	if r.group != nil && r.decl.Kind == el.Channel {
		return len(r.decl.Columns) + 1
	}
	return len(r.decl.Columns)
}

// index is a hash index over some columns.
type index struct {
	columns []int
	number  int // position among the relation's indexes
	buckets keyed[*bucket]
	every   bucket // the only one, of an index over no column
	key     []byte
	free    []*bucket // empty, to be used again
}

// bucket is the rows under one key.
type bucket struct {
	key   []byte
	rows  []*row
	first [1]*row // where rows begin
}

// index finds or makes the index over columns, which ascend.
func (r *relation) index(columns []int) *index {
	if len(columns) > 0 && len(columns) == r.width() {
		if r.full == nil {
			r.full = &index{columns: columns}
		}
		return r.full
	}
	for _, x := range r.indexes {
		if slices.Equal(x.columns, columns) {
			return x
		}
	}
	x := &index{columns: columns, number: len(r.indexes), buckets: newKeyed[*bucket]()}
	r.indexes = append(r.indexes, x)
	return x
}

func (x *index) keyOf(t el.Tuple) []byte {
	x.key = x.key[:0]
	for _, c := range x.columns {
		x.key = t[c].Append(x.key)
	}
	return x.key
}

// lookup is the rows under a key, nil if there are none.
func (x *index) lookup(key []byte) []*row {
	if len(x.columns) == 0 {
		return x.every.rows
	}
	if b, _ := x.buckets.find(key); b != nil {
		return b.rows
	}
	return nil
}

// bucketOf is the bucket that a tuple belongs to, nil if there is none, and the hash of
// its key.
func (x *index) bucketOf(t el.Tuple) (*bucket, uint64) {
	if len(x.columns) == 0 {
		return &x.every, 0
	}
	return x.buckets.find(x.keyOf(t))
}

// insert reports whether the row is the only one under its key.
func (x *index) insert(w *row) bool {
	b, hash := x.bucketOf(w.tuple)
	if b == nil {
		if last := len(x.free) - 1; last >= 0 {
			b, x.free = x.free[last], x.free[:last]
		} else {
			b = &bucket{}
			b.rows = b.first[:0]
		}
		b.key = append(b.key[:0], x.key...)
		x.buckets.put(b, hash)
	}
	w.at[x.number] = len(b.rows)
	b.rows = append(b.rows, w)
	return len(b.rows) == 1
}

func (x *index) remove(w *row) {
	b, _ := x.bucketOf(w.tuple)
	last := len(b.rows) - 1
	moved := b.rows[last]
	b.rows[w.at[x.number]] = moved
	moved.at[x.number] = w.at[x.number]
	b.rows[last] = nil
	b.rows = b.rows[:last]
	if last == 0 && len(x.columns) > 0 {
		x.buckets.drop(b)
		if len(x.free) < maxFree {
			x.free = append(x.free, b)
		}
	}
}

// maxFree bounds what is kept to be used again; slabSize is how many rows are made at
// once, or as many as there are.
const (
	maxFree  = 256
	slabSize = 16
)

// link puts a row into the indexes, or the range. It reports whether it was not there:
// a range may have the member already, if it joined twice.
func (r *relation) link(w *row) bool {
	if r.ids != nil {
		r.enc = w.tuple.Append(r.enc[:0])
		return r.ids.add(w.tuple, r.enc)
	}
	if len(w.at) < len(r.indexes) {
		w.at = make([]int, len(r.indexes))
	}
	for _, x := range r.indexes {
		if !x.insert(w) && x == r.keys {
			r.clashes = append(r.clashes, w)
		}
	}
	return true
}

func (r *relation) unlink(w *row) {
	for _, x := range r.indexes {
		x.remove(w)
	}
}

// all is the visible rows in an order that depends on the past; nil for ranges.
func (r *relation) all() []*row { return r.indexes[0].lookup(nil) }

// row finds or makes the row of a tuple, which it copies if it keeps it.
func (r *relation) row(t el.Tuple, enc []byte) *row {
	w, hash := r.rows.find(enc)
	if w != nil {
		return w
	}
	w = r.fresh(t)
	w.enc = append(w.enc, enc...)
	w.visible = r.ids != nil && r.ids.contains(enc)
	r.rows.put(w, hash)
	return w
}

func (w *row) id() []byte { return w.enc }

func (b *bucket) id() []byte { return b.key }

// fresh is a row of a copy of a tuple that is not among rows.
func (r *relation) fresh(t el.Tuple) *row {
	var w *row
	if last := len(r.free) - 1; last >= 0 {
		w, r.free = r.free[last], r.free[:last]
	} else {
		if len(r.slab) == 0 {
			r.slab = make([]row, min(1+r.rows.n, slabSize))
		}
		w, r.slab = &r.slab[0], r.slab[1:]
	}
	w.tuple = append(w.tuple, t...)
	return w
}

// touch notes that a row may change when the relation settles.
func (r *relation) touch(w *row) {
	if !w.queued {
		w.queued = true
		r.dirty = append(r.dirty, w)
		if r.group != nil {
			r.group.stirred = true
		}
	}
}

// found has a tuple hold without derivation from this timestep on.
func (r *relation) found(t el.Tuple, enc []byte) {
	if w := r.row(t, enc); !w.base {
		r.setBase(w, true)
	}
}

func (r *relation) setBase(w *row, base bool) {
	w.base = base
	r.touch(w)
}

// arrive notes a tuple that is there from the start of the next timestep.
func (r *relation) arrive(w *row) {
	if !w.coming {
		w.coming = true
		r.arrivals = append(r.arrivals, w)
	}
}

// leave notes a tuple that loses its base before the next timestep.
func (r *relation) leave(w *row) {
	if !w.going {
		w.going = true
		r.removals = append(r.removals, w)
	}
}

// forget drops a row that neither holds nor is derived.
func (r *relation) forget(w *row) {
	if w.count != 0 && r.ids == nil || w.base || w.visible && r.ids == nil || w.queued || w.fresh ||
		w.next != 0 || w.doom != 0 || w.nexting || w.follows || w.doomed || w.coming || w.going {
		return
	}
	if len(w.enc) > 0 {
		r.rows.drop(w)
	}
	kept := row{at: w.at, enc: w.enc[:0]}
	if r.group != nil {
		kept.tuple = w.tuple[:0]
	}
	if *w = kept; len(r.free) < maxFree {
		r.free = append(r.free, w)
	}
}

// matching counts the visible tuples under a key, up to a limit.
func (r *relation) matching(x *index, key []byte, limit int) int {
	n := 0
	switch {
	case x == r.full && r.ids != nil:
		if r.ids.contains(key) {
			n = 1
		}
	case x == r.full:
		if w, _ := r.rows.find(key); w != nil && w.visible {
			n = 1
		}
	case r.ids == nil:
		n = len(x.lookup(key))
	default:
		for range r.idsUnder(x, key) {
			if n++; n == limit {
				break
			}
		}
	}
	return min(n, limit)
}

// idsUnder yields a range's members whose columns x.columns, not all, encode to key.
// O(members).
func (r *relation) idsUnder(x *index, key []byte) func(func(el.Tuple) bool) {
	return func(yield func(el.Tuple) bool) {
		want := string(key) // key may be the index's own buffer
		for t := range r.ids.All() {
			if string(x.keyOf(t)) == want && !yield(t) {
				return
			}
		}
	}
}

// copies makes copies of a relation's tuples, whose memory the relation uses again.
type copies struct{ left []el.Value }

// room makes room for n tuples.
func (c *copies) room(r *relation, n int) { c.left = make([]el.Value, n*r.width()) }

func (c *copies) of(t el.Tuple) el.Tuple {
	n := copy(c.left, t)
	made := el.Tuple(c.left[:n:n])
	c.left = c.left[n:]
	return made
}

// contents is copies of the visible tuples, sorted.
func (r *relation) contents() []el.Tuple {
	var out []el.Tuple
	if r.ids != nil {
		out = slices.Collect(r.ids.All())
	}
	var made copies
	made.room(r, len(r.all())+len(r.passed))
	for _, rows := range [][]*row{r.all(), r.passed} {
		for _, w := range rows {
			out = append(out, made.of(w.tuple))
		}
	}
	slices.SortFunc(out, el.Tuple.Compare)
	return slices.CompactFunc(out, func(a, b el.Tuple) bool { return a.Compare(b) == 0 })
}
