package catalog

// Pick chooses parts to merge, of levels given oldest first: the lowest level of
// which the youngest parts, those not above it, hold fanIn. It returns the range and
// the level of what comes out. With merges done, a level keeps fewer than fanIn
// parts, so that n parts of level 0 become at most fanIn·log_fanIn(n), each record
// having been written log_fanIn(n) times. O(levels · parts).
func Pick(levels []int, fanIn int) (from, to, level int, ok bool) {
	top := 0
	for _, l := range levels {
		top = max(top, l)
	}
	for l := 0; l <= top; l++ {
		first, last, n := 0, 0, 0
		for i := len(levels) - 1; i >= 0 && levels[i] <= l; i-- {
			if levels[i] == l {
				if n == 0 {
					last = i
				}
				first, n = i, n+1
			}
		}
		if n >= fanIn {
			return first, last + 1, l + 1, true
		}
	}
	return 0, 0, 0, false
}
