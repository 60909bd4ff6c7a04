package models

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Causal is causal memory over registers, sets and counters: for each session
// there is one order of all puts and of its own reads that extends the causal
// order (session order and reads-from, closed) and explains every read. What a
// read must return of the puts ordered before it on its object is their join: a
// set's union, a counter's sum, the register write of greatest stamp; in a
// tagged history, exactly the puts in Saw. Registers without stamps return the
// last write ordered before the read, the textbook's causal memory.
//
// Each session is a part. Its operations are all concurrent as far as porcupine
// knows; the state carries how far each session's puts have been applied, and a
// step is enabled once what causally precedes it has been.
func Causal() Model {
	return Model{
		ModelInfo: ModelInfo{
			Name:       "causal",
			Doc:        "each session sees the puts in an order that extends the causal order (causal memory)",
			Complexity: "O(n²) with tags or stamps; else exponential in sessions, up to (n/s)^s states (porcupine)",
			Needs:      "registers, sets, counters; tags, or values written once per key (counters: any)",
		},
		Prepare: onAbsent(func(h *history.History) (*Problem, error) { return prepareCausal(h, readsFromToo, true) }),
		Reduce:  reduceReplicated,
		Because: "since the order in which each session sees the puts is not known",
	}
}

// Pipelined is pipelined RAM (PRAM, Lipton and Sandberg 1988) over registers, sets and
// counters: as [Causal], but that the order of each session alone is kept. What a
// session has read need not be seen before what it puts then.
func Pipelined() Model {
	m := Causal()
	m.ModelInfo.Name = "pipelined"
	m.Doc = "each session sees the puts in an order that keeps that of every session (pipelined RAM)"
	m.Prepare = onAbsent(func(h *history.History) (*Problem, error) { return prepareCausal(h, sessionsAlone, true) })
	return m
}

// causalStep is one operation in one session's part.
type causalStep struct {
	op       *history.Op
	num      int    // puts: number; reads: position among the session's reads
	past     bitset // numbers of the puts that must be applied before
	minReads int    // puts: reads of the session that must be done before
	object   int    // puts and reads: number of the object
	rule     valueRule
	saw      bitset // byTags: the puts that must be applied on the object
	joined   answer // byTags: whether those join to the value, which no state changes
	part     *causalPart
}

// answer is a yes or no that is worked out once.
type answer uint8

const (
	unasked answer = iota
	yes
	no
)

// valueRule says how a read's value follows from the puts applied on its object.
type valueRule uint8

const (
	byJoin  valueRule = iota // it is their join
	byTags                   // they are exactly the puts in saw, and it is their join
	byOrder                  // it is the one applied last (registers without stamps)
)

// causalPart is what the steps of one session share.
type causalPart struct {
	puts    []*history.Op // by number
	objects []bitset      // by object: the numbers of its puts
	// reads are the session's reads in order, and harmless the puts that, once
	// enabled, no later step can regret: the reads that do not include them are
	// done, and the others' values do not depend on when they came. Counters, and
	// registers judged by order, have none. Both are empty in the plain search.
	reads    []*causalStep
	harmless []*causalStep
	applied  []*history.Op // scratch: porcupine takes one step of a part at a time
}

// forced returns the step that must come next, or nil if there is a choice: the
// next read if it is right as things stand, since it changes nothing and others
// only gain by it; else the first harmless put that is enabled. Any legal order
// remains legal when such a step is moved to the front.
func (p *causalPart) forced(now causalState) *causalStep {
	if now.reads < len(p.reads) {
		if r := p.reads[now.reads]; now.applied.contains(r.past) && r.explained(now) {
			return r
		}
	}
	for _, s := range p.harmless {
		if !now.applied.has(s.num) && now.reads >= s.minReads && now.applied.contains(s.past) {
			return s
		}
	}
	return nil
}

// causalState is how far one session's view has come.
type causalState struct {
	applied bitset
	reads   int
	last    string // by object under byOrder: in four bytes, number + 1 of the put applied last
}

// prepareCausal makes one part a session that reads. With prune set, parts
// leave out what cannot matter and refuse steps that cannot lead anywhere; the
// tests compare it with the plain search.
func prepareCausal(h *history.History, keeps orderKept, prune bool) (*Problem, error) {
	c, ruling, err := newCausality(h, keeps)
	if err != nil {
		return nil, err
	}
	p := &Problem{Spec: causalSpec(), StateBytes: func(s any) int {
		return 40 + 8*len(s.(causalState).applied) + len(s.(causalState).last)
	}}
	if ruling != nil {
		p.Settled = ruling
		return p, nil
	}
	stamped := stampedRegisters(h)
	readers := make(map[int][]int)
	var sessions []int
	for _, i := range c.reads {
		s := h.Ops[i].Session
		if readers[s] == nil {
			sessions = append(sessions, s)
		}
		readers[s] = append(readers[s], i)
	}
	for _, s := range sessions {
		b := causalBuilder{c: c, h: h, session: s, reads: readers[s], prune: prune, stamped: stamped}
		p.Parts = append(p.Parts, b.build())
	}
	return p, nil
}

// stampedRegisters returns the registers of which every acknowledged write and
// every value read carries its stamp, so that the greatest is known.
func stampedRegisters(h *history.History) map[object]bool {
	stamped := make(map[object]bool)
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Type != history.Register || o.Outcome != history.OK {
			continue
		}
		before, seen := stamped[objectOf(o)]
		stamped[objectOf(o)] = !bare(o, history.Nil) && (before || !seen)
	}
	return stamped
}

// causalBuilder makes the part of one session.
type causalBuilder struct {
	c       *causality
	h       *history.History
	session int
	reads   []int // positions, in session order
	prune   bool
	stamped map[object]bool

	part   *causalPart
	number map[int]int // position of a put -> its number in the part
	object map[object]int
	steps  map[int]*causalStep
}

func (b *causalBuilder) build() Part {
	b.part = &causalPart{}
	b.number = make(map[int]int)
	b.object = make(map[object]int)
	b.steps = make(map[int]*causalStep)
	for _, i := range b.reads {
		b.objectNumber(objectOf(&b.h.Ops[i]))
	}
	b.addPuts()
	for n, i := range b.reads {
		o := &b.h.Ops[i]
		s := &causalStep{op: o, num: n, past: b.pastOf(i), object: b.object[objectOf(o)], part: b.part}
		s.rule = b.ruleOf(o)
		if s.rule == byTags {
			for _, num := range b.part.objects[s.object].members() {
				if _, in := slices.BinarySearch(o.Saw, b.part.puts[num].Tag); in {
					s.saw = s.saw.with(num)
				}
			}
		}
		b.steps[i] = s
		if b.prune {
			b.part.reads = append(b.part.reads, s)
		}
	}
	for _, i := range b.c.puts {
		s := b.steps[i]
		if s == nil {
			continue
		}
		s.minReads = max(b.ownReadsBefore(i), b.excludedBefore(s))
		if b.prune && (s.rule == byTags || s.rule == byJoin && s.op.Type != history.Counter) {
			b.part.harmless = append(b.part.harmless, s)
		}
	}
	return b.arrange()
}

func (b *causalBuilder) ruleOf(o *history.Op) valueRule {
	switch {
	case b.h.Tagged:
		return byTags
	case o.Type == history.Register && !b.stamped[objectOf(o)]:
		return byOrder
	}
	return byJoin
}

func (b *causalBuilder) objectNumber(k object) int {
	n, ok := b.object[k]
	if !ok {
		n = len(b.part.objects)
		b.object[k] = n
		b.part.objects = append(b.part.objects, nil)
	}
	return n
}

// addPuts numbers the puts. Those on objects that the session never reads are
// left out: the order among the others is transitively closed, so what they
// stood between remains ordered, and they can always be put back.
func (b *causalBuilder) addPuts() {
	for _, i := range b.c.puts {
		o := &b.h.Ops[i]
		if _, read := b.object[objectOf(o)]; !read && b.prune {
			continue
		}
		k := b.objectNumber(objectOf(o))
		n := len(b.part.puts)
		b.number[i] = n
		b.part.puts = append(b.part.puts, o)
		b.part.objects[k] = b.part.objects[k].with(n)
	}
	for _, i := range b.c.puts {
		if n, in := b.number[i]; in {
			o := &b.h.Ops[i]
			b.steps[i] = &causalStep{
				op: o, num: n, past: b.pastOf(i), object: b.object[objectOf(o)], rule: b.ruleOf(o), part: b.part,
			}
		}
	}
}

// pastOf translates the causal past of the operation at i to the part's numbers.
func (b *causalBuilder) pastOf(i int) bitset {
	var nums []int
	for _, n := range b.c.past[i].members() {
		if m, in := b.number[b.c.puts[n]]; in {
			nums = append(nums, m)
		}
	}
	return bitsetOf(nums)
}

// ownReadsBefore returns how many of the session's reads precede the put at i
// causally. They do so through one of the session's own puts.
func (b *causalBuilder) ownReadsBefore(i int) int {
	latest := -1
	if b.h.Ops[i].Session == b.session {
		latest = i
	}
	for _, n := range b.c.past[i].members() {
		if j := b.c.puts[n]; b.h.Ops[j].Session == b.session {
			latest = max(latest, j)
		}
	}
	before, _ := slices.BinarySearch(b.reads, latest)
	return before
}

// excludedBefore returns how many of the session's reads must be done before the
// put can be applied at all, because they surely do not include it: applied puts
// stay applied.
func (b *causalBuilder) excludedBefore(s *causalStep) int {
	if !b.prune {
		return 0
	}
	for n := len(b.reads) - 1; n >= 0; n-- {
		r := b.steps[b.reads[n]]
		if r.object == s.object && r.excludes(s) {
			return n + 1
		}
	}
	return 0
}

// excludes reports that the read cannot return its value once p is applied.
func (r *causalStep) excludes(p *causalStep) bool {
	switch {
	case r.rule == byTags:
		return !r.saw.has(p.num)
	case r.op.Type == history.Set:
		list, _ := r.op.Out.AsList()
		return !slices.ContainsFunc(list, p.op.Arg.Equal)
	case r.op.Type == history.Register && r.op.Out.IsNil():
		return true // readsFrom has ruled out written nils
	case r.op.Type == history.Register && r.rule == byJoin:
		return p.op.Stamp.Known() && cmp.Or(r.op.Stamp.Compare(p.op.Stamp), r.op.Out.Compare(p.op.Arg)) < 0
	}
	return false
}

// arrange puts the steps in an order in which a session's likely view comes
// first: before each read what it needs, at the end the rest. It decides nothing
// (all calls precede all returns), but porcupine tries calls in this order.
func (b *causalBuilder) arrange() Part {
	part := Part{Name: fmt.Sprintf("session %d", b.session)}
	listed := make(map[int]bool)
	add := func(i int) {
		if s := b.steps[i]; s != nil && !listed[i] {
			listed[i] = true
			part.From = append(part.From, i)
			part.Ops = append(part.Ops, porcupine.Operation{ClientId: b.session, Input: s})
		}
	}
	for _, r := range b.reads {
		for _, i := range b.c.order {
			if n, isPut := b.c.num[i]; isPut && b.c.past[r].has(n) {
				add(i)
			}
		}
		add(r)
	}
	for _, i := range b.c.order {
		if _, isPut := b.c.num[i]; isPut {
			add(i)
		}
	}
	for rank := range part.Ops {
		part.Ops[rank].Call = int64(rank)
		part.Ops[rank].Return = int64(len(part.Ops) + rank)
	}
	slices.Sort(part.From)
	return part
}

func causalSpec() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return causalState{} },
		Step: func(state, input, _ any) (bool, any) {
			now, s := state.(causalState), input.(*causalStep)
			if !now.applied.contains(s.past) {
				return false, state
			}
			if first := s.part.forced(now); first != nil && first != s {
				return false, state
			}
			if s.op.IsPut() {
				if now.reads < s.minReads {
					return false, state
				}
				return true, causalState{now.applied.with(s.num), now.reads, s.lastAfter(now.last)}
			}
			if now.reads != s.num || !s.explained(now) {
				return false, state
			}
			now.reads++
			return true, now
		},
		Equal: func(a, b any) bool {
			x, y := a.(causalState), b.(causalState)
			return x.reads == y.reads && x.last == y.last && x.applied.equal(y.applied)
		},
		Hash: func(s any) uint64 {
			return s.(causalState).applied.hash() ^ uint64(s.(causalState).reads)<<32
		},
		DescribeOperation: func(input, _ any) string { return input.(*causalStep).op.String() },
		DescribeState: func(s any) string {
			return fmt.Sprintf("applied %v after %d reads", s.(causalState).applied.members(), s.(causalState).reads)
		},
	}
}

// lastAfter notes the put as the last on its object where reads go by that;
// elsewhere it would tell states apart that behave alike.
func (s *causalStep) lastAfter(last string) string {
	if s.rule != byOrder {
		return last
	}
	marks := []byte(last)
	for len(marks) <= 4*s.object {
		marks = append(marks, 0, 0, 0, 0)
	}
	binary.BigEndian.PutUint32(marks[4*s.object:], uint32(s.num+1))
	return string(marks)
}

// lastOn is the number + 1 of the put applied last on an object, 0 if none was.
func (now *causalState) lastOn(object int) uint32 {
	if len(now.last) <= 4*object {
		return 0
	}
	return binary.BigEndian.Uint32([]byte(now.last[4*object:]))
}

// explained reports whether the read's value follows from what was applied.
func (s *causalStep) explained(now causalState) bool {
	on := s.part.objects[s.object]
	if s.rule == byOrder {
		last := now.lastOn(s.object)
		if last == 0 {
			return s.op.Out.IsNil()
		}
		return wrote(s.part.puts[last-1], s.op)
	}
	if s.rule == byTags {
		for i, w := range on {
			if (now.applied.word(i)^s.saw.word(i))&w != 0 {
				return false
			}
		}
		if s.joined == unasked {
			s.joined = no
			if Joins(s.op, s.part.within(on, s.saw)) {
				s.joined = yes
			}
		}
		return s.joined == yes
	}
	return Joins(s.op, s.part.within(on, now.applied))
}

// within lists the puts on an object that are in the set; the list is valid until
// the next call.
func (p *causalPart) within(on, set bitset) []*history.Op {
	p.applied = p.applied[:0]
	for i, w := range on {
		for w &= set.word(i); w != 0; w &= w - 1 {
			p.applied = append(p.applied, p.puts[i*64+bits.TrailingZeros64(w)])
		}
	}
	return p.applied
}
