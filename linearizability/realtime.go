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

// maxOpen bounds the operations that may be under way at a time, but for indeterminate
// ones, which stay so for ever and are counted; a wider part is left to porcupine.
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
// what is under way there the operations in done took effect, and of the indeterminate
// ones those that are spent, and that left the state of this number.
type place struct {
	spot
	spent []taken
}

type spot struct {
	done  opSet
	at    int32
	state int32
}

// taken is how many indeterminate operations of a class took effect, the first ones; of a
// place by class, without those of which none did.
type taken struct{ class, count int32 }

// takenOf is how many of a class took effect.
func takenOf(all []taken, class int32) int32 {
	if i, is := slices.BinarySearchFunc(all, class, func(s taken, c int32) int { return cmp.Compare(s.class, c) }); is {
		return all[i].count
	}
	return 0
}

// oneMore is all with one more of a class.
func oneMore(all []taken, class int32) []taken {
	more := make([]taken, 0, len(all)+1)
	i, is := slices.BinarySearchFunc(all, class, func(s taken, c int32) int { return cmp.Compare(s.class, c) })
	more = append(append(more, all[:i]...), taken{class, 1})
	if is {
		more[i].count += all[i].count
		i++
	}
	return append(more, all[i:]...)
}

// noMore reports whether of no class more took effect in a than in b, so that whatever can
// go on from b can from a.
func noMore(a, b []taken) bool {
	if len(a) > len(b) {
		return false
	}
	n := 0
	for _, s := range a {
		for n < len(b) && b[n].class < s.class {
			n++
		}
		if n == len(b) || b[n].class != s.class || b[n].count < s.count {
			return false
		}
	}
	return true
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
//     effect first, so that it is enough to count them, and a place that has spent no
//     fewer of any than another one leads nowhere where that one does not;
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
	class  []int32 // by operation: the same for indeterminate ones that do the same; -1 of others

	classes [][]int32 // by class: its operations, in order of their calls
	called  []int32   // by class: how many were called before the event where seek stands

	in      []int32            // by slot: 1 + the operation under way there
	open    opSet              // the slots in use
	applied int                // events that in, open and called take into account
	seen    map[spot]struct{}  // places where none of a class is spent
	spent   map[spot][][]taken // what was spent at the others
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
	return &realTime{m: m, p: p, ops: part.Ops, seen: make(map[spot]struct{}, len(part.Ops)/2), spent: make(map[spot][][]taken), ids: make(map[uint64]int32)}
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
	s.events = make([]event, 0, 2*len(s.ops))
	for i := range s.ops {
		o := &s.ops[i]
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
	s.classify()
	var free []int32
	used := int32(0)
	for _, e := range s.events {
		switch {
		case s.ops[e.op].Return == history.Pending:
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
	return true
}

// classify finds what observes, and which indeterminate operations do the same.
func (s *realTime) classify() {
	s.pure, s.class = make([]bool, len(s.ops)), make([]int32, len(s.ops))
	names := make(map[string]int32)
	for i, o := range s.ops { // in order of calls
		s.pure[i], s.class[i] = s.p.Observes(o.Input), -1
		if o.Return != history.Pending || s.pure[i] {
			continue
		}
		name := s.p.Effect(o.Input)
		n, known := names[name]
		if !known {
			n = int32(len(names))
			names[name] = n
			s.classes = append(s.classes, nil)
		}
		s.class[i] = n
		s.classes[n] = append(s.classes[n], int32(i))
	}
	s.called = make([]int32, len(s.classes))
}

// run searches depth first, and returns the furthest return met and whether an
// order of everything was found.
func (s *realTime) run() (furthest int32, found bool) {
	stack := []place{{spot: spot{at: s.nextReturn(-1), state: s.intern(s.p.Spec.Init())}}}
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
		if s.met(at) {
			continue
		}
		next = s.after(at, next[:0])
		stack = append(stack, next...)
	}
	return furthest, false
}

// met reports whether a place, or one that has spent no more, was met before, and notes it.
func (s *realTime) met(at place) bool {
	if _, met := s.seen[at.spot]; met {
		return true
	}
	if len(at.spent) == 0 {
		s.seen[at.spot] = struct{}{}
		s.m.keep(visited)
		return false
	}
	was := s.spent[at.spot]
	if slices.ContainsFunc(was, func(w []taken) bool { return noMore(w, at.spent) }) {
		return true
	}
	s.spent[at.spot] = append(was, at.spent)
	s.m.keep(2*visited + 16*len(at.spent))
	return false
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
	if s.ops[e.op].Return == history.Pending {
		switch c := s.class[e.op]; {
		case c < 0:
		case back:
			s.called[c]--
		default:
			s.called[c]++
		}
		return
	}
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

// after returns the places that follow, the likeliest one last: an operation under way takes
// effect, or the next indeterminate one of a class.
func (s *realTime) after(at place, next []place) []place {
	due := s.events[at.at].op
	var likeliest []place
	s.underWay(&at, func(op, slot int32) {
		if s.pure[op] || !s.m.step() {
			return
		}
		ok, state := s.p.Spec.Step(s.states[at.state], s.ops[op].Input, s.ops[op].Output)
		if !ok {
			return
		}
		to := at
		to.state = s.intern(state)
		to.done.add(slot)
		if op == due {
			likeliest = append(likeliest, to)
		} else {
			next = append(next, to)
		}
	})
	needs := make(map[int32]int) // by state: what needs it
	for c := range int32(len(s.classes)) {
		count := takenOf(at.spent, c)
		if count == s.called[c] {
			continue
		}
		if !s.m.step() {
			break
		}
		op := s.classes[c][count]
		ok, state := s.p.Spec.Step(s.states[at.state], s.ops[op].Input, s.ops[op].Output)
		if !ok {
			continue
		}
		id := s.intern(state)
		if id == at.state || s.p.Overwrites && !s.needed(needs, &at, id, c) {
			continue
		}
		to := at
		to.state, to.spent = id, oneMore(at.spent, c)
		next = append(next, to)
	}
	return append(next, likeliest...)
}

// What needs a state: nothing, only the indeterminate operations of one class of which there
// is one, which has its number, or more.
const (
	noNeed  = -1
	anyNeed = -2
)

// needed reports whether what is under way, other than the next indeterminate operation of a
// class, needs a state: it does not fit where the search stands and would fit there. needs
// remembers it by state.
func (s *realTime) needed(needs map[int32]int, at *place, state, class int32) bool {
	need, known := needs[state]
	if !known {
		need = s.need(at, state)
		needs[state] = need
	}
	return need == anyNeed || need != noNeed && need != int(class)
}

func (s *realTime) need(at *place, state int32) int {
	need := noNeed
	s.underWay(at, func(other, _ int32) {
		if need != anyNeed && !s.fits(other, at.state) && s.fits(other, state) {
			need = anyNeed
		}
	})
	for c := range int32(len(s.classes)) {
		left := s.called[c] - takenOf(at.spent, c)
		if need == anyNeed || left == 0 {
			continue
		}
		if op := s.classes[c][0]; s.fits(op, at.state) || !s.fits(op, state) {
			continue
		}
		if need != noNeed || left > 1 {
			need = anyNeed
		} else {
			need = int(c)
		}
	}
	return need
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
