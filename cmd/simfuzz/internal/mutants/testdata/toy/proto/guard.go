package proto

// At is the i-th number of a list, 0 behind its end.
func At(list []int, i int) int {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// Greater is for tests alone.
func Greater(a, b int) bool { return a > b }
