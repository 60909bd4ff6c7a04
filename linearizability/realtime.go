package linearizability

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

const byReturns = "search from return to return, carrying the possible states"

// maxOpen bounds the operations that may be under way at a time, indeterminate
// ones included, which stay so for ever; a wider part is left to porcupine.
const maxOpen = 128

// What is kept costs at most so many bytes, beside what a state itself has: a place in a
// map that may be half empty, and a state in a map and slices that may be so too.
const (
	visited  = 80
	interned = 104
)

// opSet is a set of operations under way, by slot.
type opSet [maxOpen / 64]uint64

func (s *opSet) has(slot int32) bool { return s[slot/64]>>(slot%64)&1 == 1 }
func (s *opSet) add(slot int32)      { s[slot/64] |= 1 << (slot % 64) }
func (s *opSet) drop(slot int32)     { s[slot/64] &^= 1 << (slot % 64) }

// place is where a search stands: everything before the event at is in order, of
// what is under way there the operations in done took effect, and that left the
// state of this number.
type place struct {
	done  opSet
	at    int32
	state int32
}

// realTime searches an order of one part that respects real time. It goes from
// one return to the next, the latest moment at which an operation can take effect,
// and lets others take effect before it only where that is needed (Lowe, "Testing
// for linearizability", 2017). A place is met once (Wing and Gong, Lowe), however
// many orders lead there, so that what came before a quiescent point matters no
// more than by the states that it can have left. Three things keep places few:
//
//   - an operation that changes nothing takes effect as soon as it may, since
//     that closes no way for others;
//   - of indeterminate operations that do the same, the one called first takes
//     effect first;
//   - an indeterminate operation that would change nothing is left out, which it
//     may be for good;
//   - of registers, one takes effect only where another operation under way needs what
//     it leaves there. Elsewhere it may be left out, or come later: what follows it either
//     overwrites it or does without it.
//
// Where the search fails, no order gets past the furthest return that it met.
type realTime struct {
	m      *meter
	p      *models.Problem
	ops    []porcupine.Operation
	events []event
	slot   []int32 // by operation
	pure   []bool  // by operation: it changes no state
	effect []int32 // by operation: the same for those that do the same, of the indeterminate ones

	in      []int32 // by slot: 1 + the operation under way there
	open    opSet   // the slots in use
	applied int     // events that in and open take into account
	seen    map[place]struct{}
	states  []any
	ids     map[uint64]int32 // by hash: 1 + the number of a state
	alike   []int32          // by state: 1 + another one with its hash
}

// event is a call or a return.
type event struct {
	op      int32
	returns bool
}

func newRealTime(m *meter, p *models.Problem, part models.Part) *realTime {
	return &realTime{m: m, p: p, ops: part.Ops, seen: make(map[place]struct{}), ids: make(map[uint64]int32)}
}

// searchRealTime decides a part; fits is false where too much is under way at a
// time for this search.
func searchRealTime(m *meter, p *models.Problem, part models.Part) (r result, fits bool) {
	s := newRealTime(m, p, part)
	if !s.arrange() {
		return result{}, false
	}
	furthest, found := s.run()
	switch why := m.stopped(); {
	case found:
		return result{status: OK, method: byReturns}, true
	case why != "":
		return result{status: Undecided, reason: part.Name + ": " + why, method: byReturns}, true
	}
	last := s.ops[s.events[furthest].op]
	r = result{status: Violation, reason: part.Name + ": no order of the operations is allowed", method: byReturns, from: &last.Return}
	if part.Alone {
		r.witness = part.From
	}
	return r, true
}

// arrange sorts the events and gives each operation a slot that no other one has
// while it is under way. It reports whether there are enough of them.
func (s *realTime) arrange() bool {
	at := func(e event) int64 {
		if e.returns {
			return s.ops[e.op].Return
		}
		return s.ops[e.op].Call
	}
	for i, o := range s.ops {
		s.events = append(s.events, event{int32(i), false})
		if o.Return != history.Pending {
			s.events = append(s.events, event{int32(i), true})
		}
	}
	slices.SortStableFunc(s.events, func(a, b event) int {
		if c := cmp.Compare(at(a), at(b)); c != 0 || a.returns == b.returns {
			return c
		}
		if b.returns { // what meets overlaps
			return -1
		}
		return 1
	})
	s.slot = make([]int32, len(s.ops))
	var free []int32
	used := int32(0)
	for _, e := range s.events {
		switch {
		case e.returns:
			free = append(free, s.slot[e.op])
		case len(free) > 0:
			s.slot[e.op] = free[len(free)-1]
			free = free[:len(free)-1]
		case used == maxOpen:
			return false
		default:
			s.slot[e.op] = used
			used++
		}
	}
	s.in = make([]int32, used)
	s.classify()
	return true
}

// classify notes which operations change nothing, and which do the same.
func (s *realTime) classify() {
	s.pure, s.effect = make([]bool, len(s.ops)), make([]int32, len(s.ops))
	names := make(map[string]int32)
	for i, o := range s.ops {
		s.pure[i] = s.p.Observes(o.Input)
		if o.Return != history.Pending {
			continue
		}
		name := s.p.Effect(o.Input)
		n, known := names[name]
		if !known {
			n = int32(len(names))
			names[name] = n
		}
		s.effect[i] = n
	}
}

// run searches depth first, and returns the furthest return met and whether an
// order of everything was found.
func (s *realTime) run() (furthest int32, found bool) {
	stack := []place{{at: s.nextReturn(-1), state: s.intern(s.p.Spec.Init())}}
	var next []place
	for len(stack) > 0 && s.m.stopped() == "" {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for { // on, as long as there is no choice
			if int(at.at) == len(s.events) {
				return at.at, true
			}
			furthest = max(furthest, at.at)
			s.seek(int(at.at))
			s.observe(&at)
			slot := s.slot[s.events[at.at].op]
			if !at.done.has(slot) {
				break
			}
			at.done.drop(slot)
			at.at = s.nextReturn(at.at)
		}
		if _, met := s.seen[at]; met {
			continue
		}
		s.seen[at] = struct{}{}
		s.m.keep(visited)
		next = s.after(at, next[:0])
		stack = append(stack, next...)
	}
	return furthest, false
}

// nextReturn returns the first return after the event at.
func (s *realTime) nextReturn(at int32) int32 {
	for at++; int(at) < len(s.events) && !s.events[at].returns; at++ {
	}
	return at
}

// seek brings in and open to just before the event at.
func (s *realTime) seek(at int) {
	for ; s.applied < at; s.applied++ {
		s.toggle(s.events[s.applied], false)
	}
	for ; s.applied > at; s.applied-- {
		s.toggle(s.events[s.applied-1], true)
	}
}

// toggle begins or ends an operation, going forward or back.
func (s *realTime) toggle(e event, back bool) {
	slot := s.slot[e.op]
	if e.returns != back {
		s.in[slot] = 0
		s.open.drop(slot)
		return
	}
	s.in[slot] = e.op + 1
	s.open.add(slot)
}

// underWay calls do for each operation under way that has not taken effect.
func (s *realTime) underWay(at *place, do func(op, slot int32)) {
	for w := range s.open {
		for left := s.open[w] &^ at.done[w]; left != 0; left &= left - 1 {
			slot := int32(64*w + bits.TrailingZeros64(left))
			do(s.in[slot]-1, slot)
		}
	}
}

// observe lets take effect what changes nothing and is right as things stand.
func (s *realTime) observe(at *place) {
	s.underWay(at, func(op, slot int32) {
		if !s.pure[op] || !s.m.step() {
			return
		}
		if ok, _ := s.p.Spec.Step(s.states[at.state], s.ops[op].Input, s.ops[op].Output); ok {
			at.done.add(slot)
		}
	})
}

// after appends the places one effect further, the likeliest last: the operation
// that must return next.
func (s *realTime) after(at place, next []place) []place {
	due := s.events[at.at].op
	var likeliest []place
	var first []int32 // by effect: 1 + the first indeterminate operation
	s.underWay(&at, func(op, slot int32) {
		if s.pure[op] {
			return
		}
		pending := s.ops[op].Return == history.Pending
		if pending {
			for int(s.effect[op]) >= len(first) {
				first = append(first, 0)
			}
			if f := first[s.effect[op]]; f != 0 && f-1 < op { // positions are in order of calls
				return
			}
			first[s.effect[op]] = op + 1
		}
		if !s.m.step() {
			return
		}
		ok, state := s.p.Spec.Step(s.states[at.state], s.ops[op].Input, s.ops[op].Output)
		if !ok {
			return
		}
		id := s.intern(state)
		if pending && (id == at.state || s.p.Overwrites && !s.needed(&at, id, op)) {
			return
		}
		to := at
		to.state = id
		to.done.add(slot)
		if op == due {
			likeliest = append(likeliest, to)
		} else {
			next = append(next, to)
		}
	})
	return append(next, likeliest...)
}

// needed reports whether an operation under way, other than op, can take effect in the
// state of this number, and cannot as things stand.
func (s *realTime) needed(at *place, state, op int32) (is bool) {
	s.underWay(at, func(other, _ int32) {
		is = is || other != op && !s.fits(other, at.state) && s.fits(other, state)
	})
	return is
}

// fits reports whether an operation can take effect in a state, and if it need not do so
// at all, whether it would change it.
func (s *realTime) fits(op, state int32) bool {
	if !s.m.step() {
		return false
	}
	ok, next := s.p.Spec.Step(s.states[state], s.ops[op].Input, s.ops[op].Output)
	return ok && (s.ops[op].Return != history.Pending || !s.equal(next, s.states[state]))
}

// intern numbers the state. Those with one hash are linked, 1 + the next one each.
func (s *realTime) intern(state any) int32 {
	h := s.p.Spec.Hash(state)
	first := s.ids[h]
	for id := first; id != 0; id = s.alike[id-1] {
		if s.equal(s.states[id-1], state) {
			return id - 1
		}
	}
	s.states, s.alike = append(s.states, state), append(s.alike, first)
	s.ids[h] = int32(len(s.states))
	s.m.keep(interned + s.p.StateBytes(state))
	return int32(len(s.states)) - 1
}

func (s *realTime) equal(a, b any) bool {
	if s.p.Spec.Equal != nil {
		return s.p.Spec.Equal(a, b)
	}
	return a == b
}
