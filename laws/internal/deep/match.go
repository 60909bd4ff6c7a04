package deep

import (
	"fmt"
	"maps"
	"slices"
	"unsafe"
)

// Which entries of two maps belong together is plain where their keys are equal by ==. Keys that
// are not equal to themselves (NaN), and pointers that each of two values has of its own, must be
// matched one to one, such that the keys correspond and the values are equal. What corresponds is
// what walking through both values side by side leads to, and so depends in its turn on which
// entries are matched. In general this is as hard as telling whether two graphs are
// isomorphic. The steps are those of the programs for that problem (B. D. McKay, A. Piperno:
// Practical graph isomorphism II, 2014, sections 2 and 3): first everything that has but one
// candidate, as long as that leads on; then the colours of a refinement, which values that are equal
// have in common, so that most entries are left with one candidate; only then a search with
// choices that can be taken back, whose length is bounded. A choice marks what the entries refer to,
// and the colours are refined again: that finds isomorphisms fast. But values are equal too where one
// holds memory twice and the other two copies of it, and so a second search goes without marks
// where the first one fails.

// matchingLimit is how many references a search compares, what it does again after a
// choice that was taken back included, before it gives up; the references of large values count in
// addition, 64 times.
const matchingLimit = 1 << 18

// Undecided is what comparisons panic with where maps have entries that could be matched in
// so many ways that it was not found out whether the values are equal: it would be wrong to say
// that they are, and that they are not.
type Undecided struct{ Type *Type }

func (u *Undecided) Error() string {
	return fmt.Sprintf("deep: whether two values of type %v are equal was not decided in %d steps: maps in them have keys that are NaN, or pointers, and that only the values of their entries tell apart", u.Type, matchingLimit)
}

// search is what all branches of one search have in common.
type search struct {
	t     *Type
	a, b  unsafe.Pointer
	steps int // references compared after the first choice, and copied for choices
	limit int // of steps
	spent bool

	colours *colours
	first   []uint64 // what they are before anything is chosen
	marking bool     // what is chosen is marked: memory that one of the values shares must be shared by the other
	marked  bool     // anything was
	lenient bool     // parts may be known to differ, so that colours only say what to try first
}

// step counts n steps and reports whether the search may go on.
func (s *search) step(n int) bool {
	s.steps += n
	s.spent = s.spent || s.steps > max(s.limit, matchingLimit)
	return !s.spent
}

// match is two entries that belong together.
type match struct {
	u    *unmatched
	l, r *item
}

// settle does what was put off. If it reports true, w has the matches.
func (w *walk) settle() bool {
	depth := w.depth
	defer func() { w.depth = depth }()
	for {
		if !w.finish() {
			return false
		}
		progress, ok := w.propagate()
		switch {
		case !ok:
			return false
		case progress:
		case len(w.deferred) == 0:
			return w.supposedRightly(true)
		case !w.supposedRightly(false):
			return false
		default:
			return w.choose()
		}
	}
}

// finish compares what lies deep.
func (w *walk) finish() bool {
	for len(w.pending) > 0 {
		last := len(w.pending) - 1
		t := w.pending[last]
		w.pending = w.pending[:last]
		w.depth = 0
		if !t.body(w, t.a, t.b, t.n) {
			return false
		}
	}
	return true
}

// propagate matches entries that have one candidate. It reports whether there were any, and
// whether nothing is known to be unequal.
func (w *walk) propagate() (progress, ok bool) {
	todo := w.deferred
	w.deferred = nil
	var open []*unmatched
	for _, u := range todo {
		if len(u.left) != len(u.right) {
			return false, false
		}
		if len(u.m.key.slots) == 0 && len(u.left) > 1 {
			open = append(open, u) // they are equal but for NaN: nothing is found out by their keys
			continue
		}
		complete := true
		for _, l := range u.left {
			if w.taken[l] {
				continue
			}
			switch found := w.candidates(u, l); {
			case len(found) == 1:
				if !w.assign(u, l, found[0]) {
					return false, false
				}
				progress = true
			case len(found) == 0 && len(u.m.key.slots) == 0:
				return false, false
			default:
				complete = false
			}
		}
		if !complete {
			open = append(open, u)
		}
	}
	w.deferred = append(w.deferred, open...)
	return progress, true
}

// assign matches two entries and compares their values. Keys that do not correspond yet are
// supposed to do so once all is compared.
func (w *walk) assign(u *unmatched, l, r *item) bool {
	w.take(l, r)
	w.matched = append(w.matched, match{u, l, r})
	if !w.sameKey(u.m, l, r) {
		w.supposed = append(w.supposed, match{u, l, r})
	}
	return w.equalAside(u.m.val, l.val, r.val)
}

func (w *walk) take(l, r *item) {
	if w.taken == nil {
		w.taken = make(map[*item]bool)
	}
	w.taken[l], w.taken[r] = true, true
}

// supposedRightly reports whether what was supposed is so, or, unless this is the end, can
// still turn out to be.
func (w *walk) supposedRightly(end bool) bool {
	var open []match
	for _, s := range w.supposed {
		switch {
		case w.sameKey(s.u.m, s.l, s.r):
		case end || !w.supposable(s.u.m, s.l, s.r):
			return false
		default:
			open = append(open, s)
		}
	}
	w.supposed = open
	return true
}

// supposable reports whether the keys are equal but for pointers of which nothing is known
// so far.
func (w *walk) supposable(m *mapType, l, r *item) bool {
	if len(m.key.slots) == 0 {
		return false
	}
	w.supposing = true
	same := w.sameKey(m, l, r)
	w.supposing = false
	return same
}

// choose matches entries that have several candidates, or none that is known to correspond.
func (w *walk) choose() bool {
	s, colours := w.search, w.colouring()
	if !s.lenient && colours.of(s.t, s.a, w.now) != colours.of(s.t, s.b, w.now) {
		return false
	}
	var open match
	var options []*item
	forced := false
	for _, u := range w.deferred {
		groups := w.group(u)
		for _, l := range u.left {
			if w.taken[l] {
				continue
			}
			facets := colours.facets(u.m, l)
			found := w.options(u, l, groups[colours.entry(facets, w.now)])
			switch {
			case len(found) == 0:
				return false
			case len(found) == 1 || facets[0].whole() && facets[1].whole(): // these are all equal
				if forced = true; !w.assign(u, l, found[0]) {
					return false
				}
			case open.l == nil || len(found) < len(options):
				open, options = match{u: u, l: l}, found
			}
		}
	}
	if forced || open.l == nil {
		w.dropMatched()
		return w.settle()
	}
	for _, open.r = range options {
		if inner := w.choice(open); inner != nil && inner.settle() {
			w.adopt(inner)
			return true
		}
	}
	return false
}

// dropMatched lets go of maps all entries of which are matched.
func (w *walk) dropMatched() {
	w.deferred = slices.DeleteFunc(slices.Clone(w.deferred), func(u *unmatched) bool {
		return !slices.ContainsFunc(u.left, func(l *item) bool { return !w.taken[l] })
	})
}

// choice is a walk that goes on from here with two entries matched; nil if that cannot be right, or the
// search has spent its steps.
func (w *walk) choice(m match) *walk {
	s := w.search
	if !s.step(1 + len(w.seen)) {
		return nil
	}
	inner := w.fork()
	if s.marking {
		s.marked = true
		marks, ok := s.colours.marked(w.marks, s.colours.facets(m.u.m, m.l), s.colours.facets(m.u.m, m.r))
		if !ok {
			return nil
		}
		now, rounds := s.colours.refine(marks)
		inner.marks, inner.now = marks, now
		if !s.step(len(now)*rounds/8) || !s.lenient && s.colours.of(s.t, s.a, now) != s.colours.of(s.t, s.b, now) {
			return nil
		}
	}
	if !inner.assign(m.u, m.l, m.r) {
		return nil
	}
	return inner
}

// colouring are the colours of the two values, which are found when first needed.
func (w *walk) colouring() *colours {
	s := w.search
	if s.colours == nil {
		s.colours = newColours(w.structural)
		s.colours.add(s.t, s.a)
		s.colours.add(s.t, s.b)
		s.first, _ = s.colours.refine(nil)
		s.limit = matchingLimit + 64*len(s.first)
	}
	if w.now == nil {
		w.now = s.first
	}
	return s.colours
}

// group are the entries on the right that are left, by their colours.
func (w *walk) group(u *unmatched) map[uint64][]*item {
	w.search.step(len(u.left) + len(u.right))
	groups, colours := make(map[uint64][]*item), w.search.colours
	for _, r := range u.right {
		if !w.taken[r] {
			c := colours.entry(colours.facets(u.m, r), w.now)
			groups[c] = append(groups[c], r)
		}
	}
	return groups
}

// options are what l can be matched with: entries of its colour whose keys correspond, or if
// there are none, of whose keys that may be supposed.
func (w *walk) options(u *unmatched, l *item, alike []*item) []*item {
	if w.search.lenient && len(alike) == 0 {
		alike = u.right
	}
	found := w.among(u, l, alike)
	if len(found) > 0 || len(u.m.key.slots) == 0 {
		return found
	}
	for _, r := range alike {
		if !w.taken[r] && w.supposable(u.m, l, r) {
			found = append(found, r)
		}
	}
	return found
}

// fork is a walk that goes on from here, and can be thrown away.
func (w *walk) fork() *walk {
	return &walk{
		record: true, structural: w.structural, search: w.search, chosen: true, marks: w.marks, now: w.now, work: w.work, compared: w.compared,
		seen: maps.Clone(w.seen), regions: slices.Clone(w.regions), taken: maps.Clone(w.taken),
		deferred: slices.Clone(w.deferred), matched: slices.Clone(w.matched), supposed: slices.Clone(w.supposed),
	}
}

// adopt takes over what the fork found.
func (w *walk) adopt(inner *walk) {
	w.seen, w.regions, w.sorted, w.taken = inner.seen, inner.regions, false, inner.taken
	w.deferred, w.matched, w.supposed = inner.deferred, inner.matched, inner.supposed
	w.marks, w.now = inner.marks, inner.now
}
