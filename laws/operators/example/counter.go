//go:build !wrong

package visits

// Counter makes a consumer: it emits the count of a page when there was a visit.
func Counter() func(Visit, func(Counts)) {
	seen := map[Visit]bool{}
	counts := Counts{}
	return func(v Visit, emit func(Counts)) {
		if seen[v] {
			return
		}
		seen[v] = true
		counts[v.Page]++
		emit(Counts{v.Page: counts[v.Page]})
	}
}
