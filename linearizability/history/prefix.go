package history

import (
	"slices"
	"sort"
)

// Until returns what was known of the history at time t, and the position in
// h.Ops of each operation kept: operations that had returned by then as they
// are, puts still open as indeterminate, and no other. Fences after t are
// dropped. Values are shared with h; indices are those of h. O(n).
func (h *History) Until(t int64) (prefix *History, from []int) {
	prefix = &History{Name: h.Name, Tagged: h.Tagged, Initial: h.Initial, Untimed: h.Untimed}
	prefix.Fences = h.Fences[:len(h.Fences)-countAfter(h.Fences, t)]
	called := sort.Search(len(h.Ops), func(i int) bool { return h.Ops[i].Call > t }) // operations are ordered by Call
	prefix.Ops, from = make([]Op, 0, called), make([]int, 0, called)
	for i := range called {
		o := h.Ops[i]
		if o.Return > t && o.Outcome != Unknown {
			if !o.IsPut() || o.Outcome == Failed {
				continue
			}
			o.Outcome, o.Return = Unknown, Pending
		}
		prefix.Ops = append(prefix.Ops, o)
		from = append(from, i)
	}
	return prefix, from
}

func countAfter(fences []int64, t int64) int {
	n, _ := slices.BinarySearch(fences, t+1)
	return len(fences) - n
}
