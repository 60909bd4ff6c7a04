package eval

import (
	"iter"
	"math"
	"slices"
)

// span is a closed interval of ids.
type span struct{ lo, hi int64 }

// leafSize bounds the spans of a leaf, so that inserting one moves little.
const leafSize = 512

// spans is a set of ids as disjoint, ascending intervals that are not adjacent, cut
// into leaves of at most leafSize and, but for a single one, never empty: a
// search tree of two levels.
type spans struct {
	leaves [][]span
	count  int
}

// find is the leaf and the position in it of the first span that ends at n or
// later; past the end of the last leaf if there is none.
func (s *spans) find(n int64) (leaf, i int) {
	lo, hi := 0, len(s.leaves)
	for lo < hi {
		mid := (lo + hi) / 2
		if l := s.leaves[mid]; l[len(l)-1].hi < n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if leaf = lo; leaf == len(s.leaves) {
		if leaf == 0 {
			return 0, 0
		}
		return leaf - 1, len(s.leaves[leaf-1])
	}
	l := s.leaves[leaf]
	for lo, hi = 0, len(l)-1; lo < hi; {
		mid := (lo + hi) / 2
		if l[mid].hi < n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return leaf, lo
}

func (s *spans) contains(n int64) bool {
	leaf, i := s.find(n)
	return leaf < len(s.leaves) && i < len(s.leaves[leaf]) && s.leaves[leaf][i].lo <= n
}

// before is the span in front of a position, nil at the start.
func (s *spans) before(leaf, i int) *span {
	if i > 0 {
		return &s.leaves[leaf][i-1]
	}
	if leaf > 0 {
		l := s.leaves[leaf-1]
		return &l[len(l)-1]
	}
	return nil
}

// add inserts n and reports whether it is new. O(log(count) + leafSize), and
// O(count/leafSize) where a leaf is split or dropped.
func (s *spans) add(n int64) bool {
	if len(s.leaves) == 0 {
		s.leaves, s.count = [][]span{{{n, n}}}, 1
		return true
	}
	leaf, i := s.find(n)
	prev, next := s.before(leaf, i), (*span)(nil)
	if i < len(s.leaves[leaf]) {
		next = &s.leaves[leaf][i]
		if next.lo <= n {
			return false
		}
	}
	left := prev != nil && n > math.MinInt64 && prev.hi == n-1
	right := next != nil && n < math.MaxInt64 && next.lo == n+1
	switch {
	case left && right:
		prev.hi = next.hi
		s.drop(leaf, i)
	case left:
		prev.hi = n
	case right:
		next.lo = n
	default:
		s.insert(leaf, i, span{n, n})
	}
	return true
}

func (s *spans) insert(leaf, i int, v span) {
	s.count++
	l := slices.Insert(s.leaves[leaf], i, v)
	if len(l) > leafSize {
		half := len(l) / 2
		s.leaves = slices.Insert(s.leaves, leaf+1, slices.Clone(l[half:]))
		l = slices.Clone(l[:half])
	}
	s.leaves[leaf] = l
}

// drop removes a span, and joins its leaf with the next one once both together
// fill at most half a leaf.
func (s *spans) drop(leaf, i int) {
	s.count--
	s.leaves[leaf] = slices.Delete(s.leaves[leaf], i, i+1)
	if len(s.leaves[leaf]) == 0 && len(s.leaves) > 1 {
		s.leaves = slices.Delete(s.leaves, leaf, leaf+1)
		return
	}
	if leaf+1 < len(s.leaves) && len(s.leaves[leaf])+len(s.leaves[leaf+1]) <= leafSize/2 {
		s.leaves[leaf] = slices.Concat(s.leaves[leaf], s.leaves[leaf+1])
		s.leaves = slices.Delete(s.leaves, leaf+1, leaf+2)
	}
}

func (s *spans) bytes() int {
	n := 0
	for _, l := range s.leaves {
		n += 16*cap(l) + 24
	}
	return n
}

func (s *spans) all() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for _, l := range s.leaves {
			for _, v := range l {
				for n := v.lo; ; n++ {
					if !yield(n) {
						return
					}
					if n == v.hi {
						break
					}
				}
			}
		}
	}
}
