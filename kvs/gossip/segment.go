package gossip

import "slices"

// segment is what a log keeps of one origin: entries[head:], ascending by number.
type segment struct {
	origin  uint64
	entries []kept
	head    int // what is before has been dropped
}

// locate is where in the segments that of an origin is, or would be. There are few:
// an origin has none once all that it wrote is reclaimed.
func (l *Log) locate(origin uint64) (at int, found bool) {
	for at < len(l.segments) && l.segments[at].origin < origin {
		at++
	}
	return at, at < len(l.segments) && l.segments[at].origin == origin
}

// segmentOf is the segment of an origin, which is made if need be and must not stay
// empty. It is valid until the next one is made or goes.
func (l *Log) segmentOf(origin uint64) *segment {
	at, found := l.locate(origin)
	if !found {
		s := segment{origin: origin}
		if n := len(l.free); n > 0 {
			s.entries, l.free = l.free[n-1], l.free[:n-1]
		}
		l.segments = slices.Insert(l.segments, at, s)
	}
	return &l.segments[at]
}

const maxFree = 16 // segments whose memory is kept

// recycle keeps the memory of a segment that goes, and is not to be used after.
func (l *Log) recycle(s *segment) {
	clear(s.entries)
	if len(l.free) < maxFree {
		l.free = append(l.free, s.entries[:0])
	}
}

// after is the position of the first entry, from position at on, whose number is above
// seq. Mostly that is the next one, or there is none.
func (s *segment) after(at int, seq uint64) int {
	n := len(s.entries)
	switch {
	case at == n || s.entries[at].Dot.Seq > seq:
		return at
	case s.entries[n-1].Dot.Seq <= seq:
		return n
	case s.entries[at+1].Dot.Seq > seq:
		return at + 1
	}
	lo, hi := at+1, n-1 // the first is not above, the last is
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; s.entries[mid].Dot.Seq > seq {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// add puts e in its place and reports whether its dot is new here.
func (s *segment) add(e kept) bool {
	if n := len(s.entries); n == s.head || s.entries[n-1].Dot.Seq < e.Dot.Seq { // mostly
		s.entries = append(s.entries, e)
		return true
	}
	at := s.after(s.head, e.Dot.Seq-1)
	if s.entries[at].Dot == e.Dot {
		return false
	}
	s.entries = slices.Insert(s.entries, at, e)
	return true
}

// drop removes the entries at positions from, up to and without to, and returns where
// what followed them is. What goes from the front costs nothing for what stays.
func (s *segment) drop(from, to int) int {
	if from > s.head {
		s.entries = slices.Delete(s.entries, from, to)
		return from
	}
	clear(s.entries[from:to]) // they hold on to memory
	s.head = to
	if n := len(s.entries); s.head < n && s.head > n/2 { // most of it is room: use that again
		kept := copy(s.entries, s.entries[s.head:])
		clear(s.entries[kept:])
		s.entries, s.head = s.entries[:kept], 0
	}
	return s.head
}
