package linearizability

import "slices"

// sortedAtOnce is how much sortLooking sorts, or merges, between two looks at the context.
const sortedAtOnce = 1 << 14

// sortLooking is slices.SortStableFunc that looks at the context as it goes on: it sorts
// runs of a bounded length and merges them. Where it is stopped, s has its elements in some
// order. O(n log n) time, n space.
func sortLooking[T any](m *meter, s []T, compare func(a, b T) int) {
	for run := range slices.Chunk(s, sortedAtOnce) {
		if m.mustStop(lookEvery) {
			return
		}
		slices.SortStableFunc(run, compare)
	}
	if len(s) <= sortedAtOnce {
		return
	}
	merged := make([]T, 0, len(s))
	for size := sortedAtOnce; size < len(s); size *= 2 {
		merged = merged[:0]
		for from := 0; from < len(s); from += 2 * size {
			a, b := s[from:min(from+size, len(s))], s[min(from+size, len(s)):min(from+2*size, len(s))]
			for len(a) > 0 && len(b) > 0 {
				if len(merged)%sortedAtOnce == 0 && m.mustStop(lookEvery) {
					return
				}
				if compare(b[0], a[0]) < 0 {
					merged, b = append(merged, b[0]), b[1:]
				} else {
					merged, a = append(merged, a[0]), a[1:]
				}
			}
			merged = append(append(merged, a...), b...)
		}
		copy(s, merged)
	}
}
