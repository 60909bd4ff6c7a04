package choice

import (
	"math"
	"slices"
)

// Minimised is what [Minimise] arrived at.
type Minimised struct {
	// Tape is the smallest tape found, without zeros at the end.
	Tape []uint64
	// Replays counts the calls of keep.
	Replays int
	// Settled reports that no step of the minimiser improves Tape any more;
	// otherwise the bound on replays came first.
	Settled bool
}

// Minimise looks for a smaller sequential tape that keep still accepts: it
// deletes chunks of answers, zeroes, lowers and swaps them, round after round
// until nothing helps. Smaller means that fewer answers are asked for, zeros
// counted, then lexicographically lower: an answer of 0 is simple, but what asks
// for it may not be (a history of ten idle steps is no smaller for being all
// zeros). keep is called at most limit times, each time
// with a source that answers from a candidate; it must be deterministic. A
// candidate that keep accepts is left all the same if it turns out to ask for more
// (see [Smaller]). The given tape, which holds every answer, zeros at the end
// included, is taken to be accepted and is not changed.
func Minimise(tape []uint64, limit int, keep func(Source) bool) Minimised {
	m := &minimiser{best: slices.Clone(tape), limit: limit, keep: keep}
	for improved := true; improved && m.replays < m.limit; {
		before := m.improvements
		m.deleteChunks()
		m.zeroChunks()
		m.lowerEach()
		m.shortenCounts()
		m.lowerPairs()
		m.swap()
		if m.improvements == before {
			m.trade()
		}
		improved = m.improvements > before
	}
	return Minimised{Tape: trimZeros(m.best), Replays: m.replays, Settled: m.replays < m.limit}
}

type minimiser struct {
	best         []uint64 // every answer asked for, zeros at the end included
	limit        int
	replays      int
	improvements int
	keep         func(Source) bool
}

// spent reports that the bound on replays was reached.
func (m *minimiser) spent() bool { return m.replays >= m.limit }

// try replays candidate and makes it the best if it is smaller and kept. What
// counts is the answers that were used: a candidate may be longer than what was
// asked, or shorter, or hold answers too large for their decision.
func (m *minimiser) try(candidate []uint64) bool {
	if m.spent() || !Smaller(candidate, m.best) {
		return false
	}
	m.replays++
	s := NewSequence(candidate)
	if !m.keep(s) {
		return false
	}
	used := s.used
	if !Smaller(used, m.best) {
		return false
	}
	m.best = slices.Clone(used)
	m.improvements++
	return true
}

// Smaller is the order of [Minimise]: it reports whether the answers a, all that were
// asked for, are fewer than the answers b, or as many and lexicographically lower.
func Smaller(a, b []uint64) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return slices.Compare(a, b) < 0
}

// deleteChunks removes runs of answers, long runs first, from the back, where
// removing one shifts the meaning of least others. Runs longer than fine lie side by
// side, each half as long as those before, so that a long tape gets short in few
// replays; a shorter one is tried at each place.
func (m *minimiser) deleteChunks() {
	const fine = 8
	for size := len(m.best) / 2; size > fine && !m.spent(); size /= 2 {
		for at := len(m.best) - size; at >= 0; at = min(at, len(m.best)) - size {
			m.try(slices.Delete(slices.Clone(m.best), at, at+size))
		}
	}
	for size := min(fine, len(m.best)); size >= 1 && !m.spent(); size-- {
		for at := len(m.best) - size; at >= 0; at-- {
			if at+size <= len(m.best) {
				m.try(slices.Delete(slices.Clone(m.best), at, at+size))
			}
		}
	}
}

func (m *minimiser) zeroChunks() {
	for size := min(8, len(m.best)); size >= 1 && !m.spent(); size /= 2 {
		for at := 0; at+size <= len(m.best); at++ {
			c := slices.Clone(m.best)
			clear(c[at : at+size])
			m.try(c)
		}
	}
}

// lowerEach searches, answer by answer, for the least value that is kept,
// assuming that smaller values stay kept. Where few are left below, they are tried
// one by one, from the least: answers are often indices, of which one is as good as
// the next.
func (m *minimiser) lowerEach() {
	const few = 16
	for at := 0; at < len(m.best) && !m.spent(); at++ {
		lo, hi := uint64(0), m.best[at]
		for lo < hi {
			mid := lo + (hi-lo)/2
			if m.set(at, mid) && at < len(m.best) {
				hi = min(mid, m.best[at])
			} else {
				lo = mid + 1
			}
			if at >= len(m.best) {
				return
			}
		}
		for v := uint64(0); at < len(m.best) && v < m.best[at] && m.best[at] <= few; v++ {
			if m.set(at, v) {
				break
			}
		}
		if at < len(m.best) && m.best[at] > few {
			m.set(at, m.best[at]-1)
		}
	}
}

// shortenCounts lowers an answer by one and removes a short run of answers soon
// after it: what a collection of one element fewer no longer asks for.
func (m *minimiser) shortenCounts() {
	const reach, longest = 8, 4
	for i := len(m.best) - 2; i >= 0 && !m.spent(); i-- {
		for size := 1; size <= longest; size++ {
			for at := i + 1; at <= i+reach; at++ {
				if i < len(m.best) && m.best[i] > 0 && at+size <= len(m.best) {
					c := slices.Delete(slices.Clone(m.best), at, at+size)
					c[i]--
					m.try(c)
				}
			}
		}
	}
}

// lowerPairs lowers two answers at once by the same amount, a large one first: what
// is equal in a counterexample must often stay equal, and what is a step apart a
// step apart.
func (m *minimiser) lowerPairs() {
	for i := 0; i < len(m.best) && !m.spent(); i++ {
		for j := i + 1; j < len(m.best); j++ {
			by := min(m.best[i], m.best[j])
			for by > 0 && i < len(m.best) && j < len(m.best) {
				if by = min(by, m.best[i], m.best[j]); by == 0 || !m.lowerBoth(i, j, by) {
					by /= 2
				}
			}
		}
	}
}

func (m *minimiser) lowerBoth(i, j int, by uint64) bool {
	c := slices.Clone(m.best)
	c[i] -= by
	c[j] -= by
	return m.try(c)
}

// swap exchanges answers a short way apart, the smaller one to the front: a
// counterexample often has a mirror image, and all of them should end as one.
func (m *minimiser) swap() {
	const reach = 8
	for i := 0; i < len(m.best) && !m.spent(); i++ {
		for j := i + 1; j < len(m.best) && j <= i+reach; j++ {
			if m.best[j] < m.best[i] {
				c := slices.Clone(m.best)
				c[i], c[j] = c[j], c[i]
				m.try(c)
			}
		}
	}
}

// trade lowers an answer, with or without removing a short run of answers soon
// after it, and raises another one after it as far as it goes: one large step does
// what several small ones did, and one alternative what a longer one did. A raised
// answer is the largest that fits its decision; the next round lowers it again.
// This takes many replays, so it waits until nothing else helps.
func (m *minimiser) trade() {
	const reach, longest = 8, 4
	for i := len(m.best) - 2; i >= 0 && !m.spent(); i-- {
		for size := 0; size <= longest; size++ {
			for at := i + 1; at <= i+reach; at++ {
				if size == 0 && at > i+1 {
					break
				}
				for raised := i + 1; raised <= i+reach; raised++ {
					if i >= len(m.best) || m.best[i] == 0 || at+size > len(m.best) || raised >= len(m.best)-size {
						break
					}
					c := slices.Delete(slices.Clone(m.best), at, at+size)
					c[i]--
					c[raised] = math.MaxUint64
					m.try(c)
				}
			}
		}
	}
}

func (m *minimiser) set(at int, v uint64) bool {
	c := slices.Clone(m.best)
	c[at] = v
	return m.try(c)
}
