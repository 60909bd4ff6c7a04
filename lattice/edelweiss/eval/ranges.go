package eval

import (
	"iter"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// Ranges is a set of tuples whose last column is a number, kept as closed
// intervals of it for each prefix of the other columns (the paper's range
// compression). The zero Ranges is not usable; see [NewRanges].
type Ranges struct {
	byPrefix map[string]int // position in sets
	sets     []prefixed
}

type prefixed struct {
	prefix el.Tuple
	enc    string
	ids    *spans
}

// NewRanges is the empty set.
func NewRanges() *Ranges { return &Ranges{byPrefix: map[string]int{}} }

// split cuts a tuple's encoding into that of the prefix and the number.
func split(enc []byte) (prefix []byte, n int64) {
	cut := len(enc) - el.NumberSize
	return enc[:cut], el.DecodeNumber(enc[cut:])
}

// Contains reports whether the tuple is a member. O(log intervals of the prefix).
func (r *Ranges) Contains(t el.Tuple) bool { return r.contains(t.Append(nil)) }

// contains is Contains of a tuple's encoding.
func (r *Ranges) contains(enc []byte) bool {
	prefix, n := split(enc)
	if len(prefix) == 0 {
		return len(r.sets) > 0 && r.sets[0].ids.contains(n)
	}
	at := r.find(prefix)
	return at >= 0 && r.sets[at].ids.contains(n)
}

// Add inserts the tuple and reports whether it is new. The cost is that of a
// search, and of moving a bounded number of intervals.
func (r *Ranges) Add(t el.Tuple) bool { return r.add(t, t.Append(nil)) }

// add is Add of a tuple and its encoding.
func (r *Ranges) add(t el.Tuple, enc []byte) bool {
	prefix, n := split(enc)
	at := r.find(prefix)
	if at < 0 {
		at = len(r.sets)
		enc := string(prefix)
		r.byPrefix[enc] = at
		r.sets = append(r.sets, prefixed{prefix: slices.Clone(t[:len(t)-1]), enc: enc, ids: &spans{}})
	}
	return r.sets[at].ids.add(n)
}

// find is the position of a prefix in sets, -1 if it has none.
func (r *Ranges) find(prefix []byte) int {
	const few = 4 // are looked through faster than hashed
	if len(r.sets) <= few {
		for i := range r.sets {
			if r.sets[i].enc == string(prefix) {
				return i
			}
		}
		return -1
	}
	if at, ok := r.byPrefix[string(prefix)]; ok {
		return at
	}
	return -1
}

// Intervals is the number of intervals, which is what the set costs. O(prefixes).
func (r *Ranges) Intervals() int {
	n := 0
	for _, s := range r.sets {
		n += s.ids.count
	}
	return n
}

// Bytes is the size of the intervals and of the prefixes in memory, without what
// maps and the allocator add.
func (r *Ranges) Bytes() int {
	n := 0
	for _, s := range r.sets {
		n += s.ids.bytes() + 2*len(s.enc)
	}
	return n
}

// All yields the members, by order of arrival of their prefixes, ascending in
// each. The set must not change meanwhile.
func (r *Ranges) All() iter.Seq[el.Tuple] {
	return func(yield func(el.Tuple) bool) {
		for _, s := range r.sets {
			for n := range s.ids.all() {
				if !yield(append(slices.Clone(s.prefix), el.Number(n))) {
					return
				}
			}
		}
	}
}
