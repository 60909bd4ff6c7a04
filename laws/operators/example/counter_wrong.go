//go:build wrong

package visits

// Counter makes a consumer that takes a visit which is delivered again for another one.
func Counter() func(Visit, func(Counts)) {
	counts := Counts{}
	return func(v Visit, emit func(Counts)) {
		counts[v.Page]++
		emit(Counts{v.Page: counts[v.Page]})
	}
}
