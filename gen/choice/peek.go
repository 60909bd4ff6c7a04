package choice

import "math"

// Peeker is a Source that can tell its answers in advance. Whoever needs many wide
// answers, and does not know how many, looks first and takes those that were needed.
// The decisions are those of one site and of keys in a row, each with N = 2^64−1.
type Peeker interface {
	Source
	// Peek fills words with the answers that Choose would give, after ahead decisions of
	// that kind, to those whose keys begin with key. It consumes and records nothing.
	Peek(site string, key uint64, ahead int, words []uint64)
	// Take is Choose for as many decisions as there are words, which Peek gave.
	Take(site string, key uint64, words []uint64)
}

// Peek tells answers that depend on the points alone.
func (s *seeded) Peek(site string, key uint64, _ int, words []uint64) {
	h := s.at(site)
	for i := range words {
		words[i] = below(Mix(h, key+uint64(i)), math.MaxUint64)
	}
}

// Take has nothing to do.
func (s *seeded) Take(string, uint64, []uint64) {}

// Peek is zeros.
func (benign) Peek(_ string, _ uint64, _ int, words []uint64) { clear(words) }

// Take has nothing to do.
func (benign) Take(string, uint64, []uint64) {}

// Peek tells the answers that are recorded.
func (r *Replay) Peek(site string, key uint64, _ int, words []uint64) {
	for i := range words {
		words[i] = min(r.answers[siteKey{site, key + uint64(i)}], math.MaxUint64-1)
	}
}

// Take notes what was asked.
func (r *Replay) Take(site string, key uint64, words []uint64) {
	for i := range words {
		r.Choose(Point{Site: site, Key: key + uint64(i), N: math.MaxUint64})
	}
}

// Peek tells the next answers of the list.
func (s *Sequence) Peek(_ string, _ uint64, ahead int, words []uint64) {
	n := copy(words, s.answers[min(len(s.used)+ahead, len(s.answers)):])
	for i := range n {
		words[i] = min(words[i], math.MaxUint64-1)
	}
	clear(words[n:])
}

// Take moves on in the list.
func (s *Sequence) Take(_ string, _ uint64, words []uint64) { s.used = append(s.used, words...) }

// Peek tells the answers of the source that is recorded. It panics if that is no Peeker;
// see [CanPeek].
func (t *Tape) Peek(site string, key uint64, ahead int, words []uint64) {
	t.Src.(Peeker).Peek(site, key, ahead, words)
}

// Take records the words.
func (t *Tape) Take(site string, key uint64, words []uint64) {
	t.Src.(Peeker).Take(site, key, words)
	t.Answers = append(t.Answers, words...)
}

// CanPeek returns src as a Peeker, and false if it is none: a [Tape] is one if what it
// records is.
func CanPeek(src Source) (Peeker, bool) {
	if t, ok := src.(*Tape); ok {
		if _, ok := CanPeek(t.Src); !ok {
			return nil, false
		}
	}
	p, ok := src.(Peeker)
	return p, ok
}
