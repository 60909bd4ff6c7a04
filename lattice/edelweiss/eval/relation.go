package eval

import (
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// row is a tuple of a relation and why it is there.
type row struct {
	tuple   el.Tuple
	enc     string
	count   int   // its derivations by rules of this timestep
	base    bool  // there without derivation: kept, fed, or added by @next
	visible bool  // what readers see; follows count and base when the relation settles
	queued  bool  // among the relation's dirty rows
	fresh   bool  // turned visible in this timestep
	at      []int // position in the bucket of each index
}

// relation is a collection at run time, or what @next, @async or @delete rules
// derive for one, which nothing reads.
type relation struct {
	name    string
	decl    *el.Collection
	group   *group // nil for what nothing reads
	rows    map[string]*row
	indexes []*index // the first is over no column and so holds all visible rows
	ids     *Ranges  // of a range, its members; rows then are only those being derived
	uses    []*plan  // plans that start from a change of this relation
	feeds   []*aggregator
	dirty   []*row
	added   []*row // turned visible in this timestep
	// What is to change before the next timestep.
	arrivals, removals []el.Tuple
}

func newRelation(decl *el.Collection, name string) *relation {
	r := &relation{name: name, decl: decl, rows: map[string]*row{}}
	r.index(nil)
	if decl.Kind == el.Range && name == decl.Name {
		r.ids = NewRanges()
	}
	return r
}

func (r *relation) persistent() bool { return r.group != nil && r.decl.Kind.Persistent() }

// index is a hash index over some columns.
type index struct {
	columns []int
	number  int // position among the relation's indexes
	buckets map[string]*bucket
	key     []byte
}

type bucket struct{ rows []*row }

// index finds or makes the index over columns, which ascend.
func (r *relation) index(columns []int) *index {
	for _, x := range r.indexes {
		if slices.Equal(x.columns, columns) {
			return x
		}
	}
	x := &index{columns: columns, number: len(r.indexes), buckets: map[string]*bucket{}}
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
	if b := x.buckets[string(key)]; b != nil {
		return b.rows
	}
	return nil
}

func (x *index) insert(w *row) {
	key := x.keyOf(w.tuple)
	b := x.buckets[string(key)]
	if b == nil {
		b = &bucket{}
		x.buckets[string(key)] = b
	}
	w.at[x.number] = len(b.rows)
	b.rows = append(b.rows, w)
}

func (x *index) remove(w *row) {
	key := x.keyOf(w.tuple)
	b := x.buckets[string(key)]
	last := len(b.rows) - 1
	moved := b.rows[last]
	b.rows[w.at[x.number]] = moved
	moved.at[x.number] = w.at[x.number]
	b.rows[last] = nil
	b.rows = b.rows[:last]
	if last == 0 {
		delete(x.buckets, string(key))
	}
}

func (r *relation) link(w *row) {
	if r.ids != nil {
		r.ids.Add(w.tuple)
		return
	}
	if len(w.at) < len(r.indexes) {
		w.at = make([]int, len(r.indexes))
	}
	for _, x := range r.indexes {
		x.insert(w)
	}
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
	w := r.rows[string(enc)]
	if w == nil {
		w = &row{tuple: slices.Clone(t), enc: string(enc)}
		w.visible = r.ids != nil && r.ids.Contains(t)
		r.rows[w.enc] = w
	}
	return w
}

// touch notes that a row may change when the relation settles.
func (r *relation) touch(w *row) {
	if !w.queued {
		w.queued = true
		r.dirty = append(r.dirty, w)
	}
}

func (r *relation) setBase(t el.Tuple, base bool) {
	w := r.row(t, t.Append(nil))
	w.base = base
	r.touch(w)
}

// forget drops a row that neither holds nor is derived.
func (r *relation) forget(w *row) {
	if w.count == 0 && !w.base && (!w.visible || r.ids != nil) && !w.queued && !w.fresh {
		delete(r.rows, w.enc)
	}
}

// matching counts the visible tuples under a key, up to a limit.
func (r *relation) matching(x *index, key []byte, limit int) int {
	if r.ids == nil {
		return min(len(x.lookup(key)), limit)
	}
	n := 0
	for t := range r.idsUnder(x, key) {
		_ = t
		if n++; n == limit {
			break
		}
	}
	return n
}

// idsUnder yields a range's members whose columns x.columns encode to key.
func (r *relation) idsUnder(x *index, key []byte) func(func(el.Tuple) bool) {
	return func(yield func(el.Tuple) bool) {
		if len(x.columns) == len(r.decl.Columns) {
			t, err := el.DecodeTuple(r.decl.Columns, key)
			if err == nil && r.ids.Contains(t) {
				yield(t)
			}
			return
		}
		want := string(key) // key may be the index's own buffer
		for t := range r.ids.All() {
			if string(x.keyOf(t)) == want && !yield(t) {
				return
			}
		}
	}
}

// contents is the visible tuples, sorted.
func (r *relation) contents() []el.Tuple {
	var out []el.Tuple
	if r.ids != nil {
		out = slices.Collect(r.ids.All())
	}
	for _, w := range r.all() {
		out = append(out, w.tuple)
	}
	slices.SortFunc(out, el.Tuple.Compare)
	return out
}
