package sim

// entry is what the queues compare: a moment, a tie breaker, and the slot of the
// event itself.
type entry struct {
	at   Time
	ord  uint64
	slot int32
}

func (e entry) before(f entry) bool {
	return e.at < f.at || e.at == f.at && e.ord < f.ord
}

// entryHeap is a binary heap typed to entries: container/heap costs an interface
// call a comparison and an allocation a push.
type entryHeap []entry

func (h *entryHeap) push(e entry) {
	s := append(*h, e)
	*h = s
	i := len(s) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !e.before(s[p]) {
			break
		}
		s[i] = s[p]
		i = p
	}
	s[i] = e
}

// pop removes the least entry of a heap that is not empty.
func (h *entryHeap) pop() entry {
	s := *h
	top := s[0]
	n := len(s) - 1
	last := s[n]
	*h = s[:n]
	if n > 0 {
		s[:n].sink(0, last)
	}
	return top
}

// sink places e at or below i.
func (h entryHeap) sink(i int, e entry) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1].before(h[c]) {
			c++
		}
		if !h[c].before(e) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = e
}

// order makes a heap of entries in any order.
func (h entryHeap) order() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.sink(i, h[i])
	}
}
