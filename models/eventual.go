package models

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Eventual is the store that may answer a read from any of the puts called
// before the read returned, until it settles:
//
//   - a read returns the join of some of the puts on its object that were called
//     before it returned (in a tagged history: of exactly those in Saw);
//   - a read called at or after a settle fence includes every put that is OK and
//     returned before that fence;
//   - reads called at or after the last fence agree, unless a put on the object
//     was called or returned after that fence. An indeterminate put called
//     before it does not excuse them: nothing is in flight in a settled system.
//
// The nondeterminism of Viotti-style eventual consistency is thus in which puts
// a read includes; the search carries the set of issued puts.
func Eventual() Model {
	return Model{
		ModelInfo: ModelInfo{
			Name:       "eventual",
			Doc:        "each read joins some of the puts issued so far; after a settle fence all acknowledged ones, and reads agree",
			Complexity: "O(reads x puts) an object (porcupine, no backtracking); subset sum for untagged counters",
			Needs:      "registers, sets, counters; a settle fence with reads after it",
		},
		Prepare: onAbsent(func(h *history.History) (*Problem, error) { return prepareEventual(h, true) }),
		Settles: true,
		Reduce:  reduceReplicated,
		Because: "since which puts a read includes is the store's choice",
	}
}

// eventualStep is one operation of one object.
type eventualStep struct {
	op       *history.Op
	part     *eventualPart
	num      int           // puts: number within the part
	required []*history.Op // reads: puts that must be included
	settled  bool          // reads: must agree with the other settled reads
}

// eventualPart is what the operations of one object share.
type eventualPart struct {
	tagged bool
	puts   []*history.Op  // by number
	byTag  map[uint64]int // tag -> number
	chosen []*history.Op  // scratch: porcupine takes one step of a part at a time
}

// eventualState is the set of puts issued so far, and the first settled read.
type eventualState struct {
	issued bitset
	agreed *history.Op
}

// prepareEventual makes one part an object. With points set, each put is
// narrowed to the instant of its call and each read to that of its return. That
// loses nothing, because issuing a put earlier only allows more (reads choose
// among the issued ones, and what they must include depends on the fences
// alone), and a read only gains by coming later; and it leaves the search no
// order to guess. The tests compare it with the search over whole intervals.
func prepareEventual(h *history.History, points bool) (*Problem, error) {
	objects, at := byObject(h)
	p := &Problem{Spec: eventualSpec(), StateBytes: func(s any) int {
		return 16 + 8*len(s.(eventualState).issued)
	}}
	for _, k := range objects {
		for _, i := range at[k] {
			if !DescribesReplicated(&h.Ops[i]) {
				return nil, unsupported("eventual", &h.Ops[i])
			}
		}
		part := eventualOf(h, at[k])
		part.Name = k.String()
		if points {
			toPoints(part.Ops)
		}
		p.Parts = append(p.Parts, part)
	}
	return p, nil
}

func eventualOf(h *history.History, at []int) Part {
	part := Part{From: at, Alone: true}
	shared := &eventualPart{tagged: h.Tagged, byTag: make(map[uint64]int)}
	for _, i := range at {
		if h.Ops[i].IsPut() {
			shared.byTag[h.Ops[i].Tag] = len(shared.puts)
			shared.puts = append(shared.puts, &h.Ops[i])
		}
	}
	if h.Ops[at[0]].Type == history.Counter && !h.Tagged && !CountersBounded(shared.puts) {
		part.Bound = fmt.Sprintf("increments with more than %d distinct sums", maxSums)
		return part
	}
	agree := agreeingReads(h, shared.puts)
	num := 0
	for _, i := range at {
		o := &h.Ops[i]
		step := &eventualStep{op: o, part: shared}
		if o.IsPut() {
			step.num = num
			num++
		} else {
			step.required = requiredBy(h, o, shared.puts)
			step.settled = agree(o)
		}
		part.Ops = append(part.Ops, porcupine.Operation{
			ClientId: o.Session, Input: step, Call: o.Call, Return: effectiveReturn(o),
		})
	}
	return part
}

// requiredBy returns the puts that the fences oblige the read r to include.
func requiredBy(h *history.History, r *history.Op, puts []*history.Op) []*history.Op {
	// The latest fence not after r's call; fences ascend.
	n := sort.Search(len(h.Fences), func(i int) bool { return h.Fences[i] > r.Call })
	if n == 0 {
		return nil
	}
	var required []*history.Op
	for _, p := range puts {
		if p.Outcome == history.OK && p.Return < h.Fences[n-1] {
			required = append(required, p)
		}
	}
	return required
}

// agreeingReads tells which reads of an object with these puts must agree.
func agreeingReads(h *history.History, puts []*history.Op) func(r *history.Op) bool {
	if len(h.Fences) == 0 {
		return func(*history.Op) bool { return false }
	}
	last := h.Fences[len(h.Fences)-1]
	disturbed := slices.ContainsFunc(puts, func(p *history.Op) bool { return disturbs(p, last) })
	return func(r *history.Op) bool { return !disturbed && r.Call >= last }
}

// disturbs reports whether a put may change the object after the fence.
func disturbs(p *history.Op, fence int64) bool {
	return p.Call >= fence || p.Outcome == history.OK && p.Return >= fence
}

// toPoints gives each operation an interval of its own: puts in the order of
// their calls, reads in that of their returns, puts first where the two meet.
func toPoints(ops []porcupine.Operation) {
	order := make([]int, len(ops))
	for i := range order {
		order[i] = i
	}
	when := func(i int) (int64, int) {
		if ops[i].Input.(*eventualStep).op.IsPut() {
			return ops[i].Call, 0
		}
		return ops[i].Return, 1
	}
	slices.SortStableFunc(order, func(a, b int) int {
		ta, ka := when(a)
		tb, kb := when(b)
		return cmp.Or(cmp.Compare(ta, tb), cmp.Compare(ka, kb))
	})
	for rank, i := range order {
		ops[i].Call, ops[i].Return = int64(2*rank), int64(2*rank+1)
	}
}

func eventualSpec() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return eventualState{} },
		Step: func(state, input, _ any) (bool, any) {
			now, s := state.(eventualState), input.(*eventualStep)
			if s.op.IsPut() {
				return true, eventualState{now.issued.with(s.num), now.agreed}
			}
			if !s.allowed(now.issued) {
				return false, state
			}
			if !s.settled {
				return true, state
			}
			if now.agreed == nil {
				return true, eventualState{now.issued, s.op}
			}
			return agree(now.agreed, s.op), state
		},
		Equal: func(a, b any) bool {
			x, y := a.(eventualState), b.(eventualState)
			return x.agreed == y.agreed && x.issued.equal(y.issued)
		},
		Hash:              func(s any) uint64 { return s.(eventualState).issued.hash() },
		DescribeOperation: func(input, _ any) string { return input.(*eventualStep).op.String() },
		DescribeState: func(s any) string {
			return fmt.Sprintf("issued %v", s.(eventualState).issued.members())
		},
	}
}

// allowed decides a read against the puts issued so far.
func (s *eventualStep) allowed(issued bitset) bool {
	puts := s.part.chosen[:0]
	defer func() { s.part.chosen = puts }()
	if !s.part.tagged { // what is required returned before the read was called, so it is issued
		for n, p := range s.part.puts {
			if issued.has(n) {
				puts = append(puts, p)
			}
		}
		return Explains(s.op, puts, s.required)
	}
	for _, t := range s.op.Saw {
		n, known := s.part.byTag[t]
		if !known || !issued.has(n) {
			return false
		}
		puts = append(puts, s.part.puts[n])
	}
	for _, p := range s.required {
		if _, saw := slices.BinarySearch(s.op.Saw, p.Tag); !saw {
			return false
		}
	}
	return Joins(s.op, puts)
}

// agree reports whether two reads returned the same, tags included.
func agree(a, b *history.Op) bool {
	return SameValue(a, b) && slices.Equal(a.Saw, b.Saw)
}

// SameValue compares what two reads of an object returned: sets regardless of
// the order of their elements, and nil as the empty set and as zero.
func SameValue(a, b *history.Op) bool {
	switch a.Type {
	case history.Set:
		x, _ := a.Out.AsList()
		y, _ := b.Out.AsList()
		if ascend(x) && ascend(y) {
			return slices.EqualFunc(x, y, history.Value.Equal)
		}
		return history.SetOf(x...).Equal(history.SetOf(y...))
	case history.Counter:
		x, _ := count(a.Out)
		y, _ := count(b.Out)
		return x == y
	}
	return a.Out.Equal(b.Out)
}

// ascend reports whether the values ascend strictly, as those of a set mostly do.
func ascend(vs []history.Value) bool {
	for i := 1; i < len(vs); i++ {
		if vs[i-1].Compare(vs[i]) >= 0 {
			return false
		}
	}
	return true
}
