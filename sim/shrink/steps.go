package shrink

import (
	"encoding/binary"
	"slices"

	"github.com/joinery-go/joinery/sim"
)

// tryBenign takes out every decision.
func (s *search[T]) tryBenign() {
	if len(s.best.ds) > 0 {
		s.try(candidate{ops: s.best.ops})
	}
}

// tryClasses takes out the decisions of one fault class after the other.
func (s *search[T]) tryClasses() {
	var classes []string
	for _, d := range s.best.ds {
		if c := s.opts.Class(d.Site); !slices.Contains(classes, c) {
			classes = append(classes, c)
		}
	}
	if len(classes) < 2 {
		return // taking out the only class is taking out everything, which was tried
	}
	slices.Sort(classes)
	for _, class := range classes {
		kept := slices.DeleteFunc(slices.Clone(s.best.ds), func(d sim.TimedDecision) bool { return s.opts.Class(d.Site) == class })
		if len(kept) < len(s.best.ds) {
			s.try(candidate{ops: s.best.ops, ds: kept})
		}
	}
}

// item is an operation or a decision of the best candidate.
type item struct {
	at       sim.Time
	decision bool
	i        int // in best.ops or best.ds
}

// items lists operations and decisions in order of time, an operation before the
// decisions of its instant.
func (s *search[T]) items() []item {
	list := make([]item, 0, len(s.best.ops)+len(s.best.ds))
	for i, p := range s.best.ops {
		at := sim.Time(-1)
		if s.opts.At != nil {
			at = s.opts.At(s.all[p])
		}
		list = append(list, item{at: at, i: i})
	}
	for i, d := range s.best.ds {
		list = append(list, item{at: d.At, decision: true, i: i})
	}
	slices.SortStableFunc(list, func(a, b item) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	return list
}

// without is the best candidate less some items.
func (s *search[T]) without(out []item) candidate {
	dropOps, dropDs := make([]bool, len(s.best.ops)), make([]bool, len(s.best.ds))
	for _, it := range out {
		if it.decision {
			dropDs[it.i] = true
		} else {
			dropOps[it.i] = true
		}
	}
	var c candidate
	for i, p := range s.best.ops {
		if !dropOps[i] {
			c.ops = append(c.ops, p)
		}
	}
	for i, d := range s.best.ds {
		if !dropDs[i] {
			c.ds = append(c.ds, d)
		}
	}
	return c
}

// ddmin takes out runs of neighbours, halving their length, and single items
// until none can go. It works from the back: what happened last, most likely
// after the failure was sealed, goes first, and what goes takes nothing that
// came before with it.
func (s *search[T]) ddmin() {
	list := s.items()
	for size := (len(list) + 1) / 2; size >= 1 && !s.stopped(); size = min(size/2, (len(list)+1)/2) {
		for more := true; more; {
			more = false
			for end := len(list); end > 0 && !s.stopped(); {
				start := max(end-size, 0)
				if s.try(s.without(list[start:end])) {
					more = size == 1
					list = s.items()
					end = min(start, len(list))
				} else {
					end = start
				}
			}
		}
	}
}

// lower lowers the values of decisions, latest first: to 1 if that fails as well,
// otherwise as far as halving the distance gets.
func (s *search[T]) lower() {
	for i := len(s.best.ds) - 1; i >= 0; i-- {
		if i >= len(s.best.ds) {
			continue // a success dropped others too
		}
		lo, hi := uint64(0), s.best.ds[i].Value // lo is known to fail otherwise, or is benign
		for v := uint64(1); hi-lo > 1 && !s.stopped(); v = lo + (hi-lo)/2 {
			c := candidate{ops: s.best.ops, ds: slices.Clone(s.best.ds)}
			name := siteKey{c.ds[i].Site, c.ds[i].Key}
			c.ds[i].Value = v
			if !s.try(c) {
				lo = v
				continue
			}
			if i >= len(s.best.ds) || (siteKey{s.best.ds[i].Site, s.best.ds[i].Key}) != name {
				break // the run took another course; the next round sees to it
			}
			hi = s.best.ds[i].Value
		}
	}
}

// name is the candidate written out, to know it again. It is exact, not a hash:
// a collision would pass over a candidate without a trace.
func (c candidate) name() string {
	b := binary.AppendUvarint(nil, uint64(len(c.ops)))
	for _, p := range c.ops {
		b = binary.AppendUvarint(b, uint64(p))
	}
	for _, d := range c.ds {
		b = binary.AppendUvarint(b, uint64(len(d.Site)))
		b = append(b, d.Site...)
		b = binary.LittleEndian.AppendUint64(b, d.Key)
		b = binary.AppendUvarint(b, d.Value)
	}
	return string(b)
}
