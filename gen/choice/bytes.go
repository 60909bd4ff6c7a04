package choice

// FromBytes answers decisions from the bytes of a fuzzing engine. It is total:
// every input is a valid tape, and past its end every answer is 0. A decision
// takes the fewest whole bytes (1, 2, 4 or 8) that hold its largest answer; a
// decision with one answer takes none. A [Point.Rare] decision first takes four
// bytes, of which only words near 2^32 depart from 0, so that an input of zeros
// is all benign and flipping bits upwards leaves it.
func FromBytes(data []byte) Source { return &byteSource{data} }

type byteSource struct{ rest []byte }

func (s *byteSource) Choose(p Point) uint64 {
	if p.N <= 1 {
		return 0
	}
	if p.Rare == 0 {
		return s.below(p.N)
	}
	if s.word(4) < 1<<32-uint64(p.Rare) {
		return 0
	}
	return 1 + s.below(p.N-1)
}

func (s *byteSource) below(n uint64) uint64 {
	switch {
	case n <= 1:
		return 0
	case n <= 1<<8:
		return s.word(1) % n
	case n <= 1<<16:
		return s.word(2) % n
	case n <= 1<<32:
		return s.word(4) % n
	}
	return s.word(8) % n
}

// word reads size bytes, least significant first; missing bytes are zeros.
func (s *byteSource) word(size int) uint64 {
	var w uint64
	for i := 0; i < size && i < len(s.rest); i++ {
		w |= uint64(s.rest[i]) << (8 * i)
	}
	s.rest = s.rest[min(size, len(s.rest)):]
	return w
}
