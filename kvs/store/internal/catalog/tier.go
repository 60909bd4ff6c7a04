package catalog

// Tiers says what to merge.
type Tiers struct {
	// From to To-1 are the parts that become one, of Level.
	From, To, Level int
	// Lifted says that the oldest part of all, which stands before From, gets Level too, as
	// it is.
	Lifted bool
}

// Pick chooses parts to merge, of levels given oldest first: the lowest level of
// which the youngest parts, those not above it, hold fanIn. With merges done, a level
// keeps fewer than fanIn parts, so that n parts of level 0 become at most
// fanIn·(1+log_fanIn(n)), each record having been written as often as its part's level
// says: 1+log_fanIn(n) times, the first time included.
//
// If the oldest part of all is among those and longer than the others together, at
// least two, it is not written again but lifted: else a part of all that is held would
// be written once a level for a few changes. Without lengths none is lifted.
// O(levels · parts).
func Pick(levels []int, lengths []int64, fanIn int) (t Tiers, ok bool) {
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
		if n < fanIn {
			continue
		}
		t = Tiers{From: first, To: last + 1, Level: l + 1}
		if first == 0 && n > 2 && outweighs(lengths, last+1) {
			t.From, t.Lifted = 1, true
		}
		return t, true
	}
	return Tiers{}, false
}

// PickAround is [Pick] for parts of which some cannot be read: none of these is merged,
// and no merge reaches across one, since what is before it in time must stay so. Each
// stretch between two of them is looked at for itself, the youngest first.
// O(levels · parts).
func PickAround(levels []int, lengths []int64, spoiled func(i int) bool, fanIn int) (t Tiers, ok bool) {
	for to := len(levels); to > 0; {
		from := Stretch(to, spoiled)
		var of []int64 // none where the oldest part of all is not among them
		if from == 0 && lengths != nil {
			of = lengths[:to]
		}
		if t, ok = Pick(levels[from:to], of, fanIn); ok {
			t.From, t.To = t.From+from, t.To+from
			return t, true
		}
		to = from - 1
	}
	return Tiers{}, false
}

// Stretch is where the parts before index to begin of which all can be read.
func Stretch(to int, spoiled func(i int) bool) (from int) {
	for from = to; from > 0 && !spoiled(from-1); from-- {
	}
	return from
}

// outweighs reports that the first length is more than the others up to index to
// together.
func outweighs(lengths []int64, to int) bool {
	if len(lengths) < to {
		return false
	}
	rest := int64(0)
	for _, n := range lengths[1:to] {
		rest += n
	}
	return lengths[0] > rest
}
