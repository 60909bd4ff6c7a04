package oracle

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Shape says what histories Random and RandomRegister make.
type Shape struct {
	Ops      int          // operations before the last fence
	Sessions int          // at least 1
	Keys     int          // at least 1
	Type     history.Type // "" for a type by key
	Tagged   bool
	Stamped  bool // registers carry stamps
	Unique   bool // no value is written twice
	Causal   bool // replicas exchange everything they know, never single puts
	Sticky   bool // sessions stay at their replica
	Fence    bool // end with a settle fence and a read of each key by each session
	Faults   int  // percent of reads that are corrupted, and of settlements that are incomplete
	Unknown  int  // percent of puts whose client never learns
}

// store is a few replicas that hold sets of puts and exchange them carelessly.
type store struct {
	rng   *rand.Rand
	shape Shape
	h     *history.History
	has   []map[int]bool // by replica: positions of the puts applied
	home  []int          // by session: its replica
	free  []int64        // by session: when it may call next
	now   int64
}

// Random returns a valid history that a sloppy replicated store may have
// produced: often right, often wrong, always the same for the same seed.
func Random(seed uint64, shape Shape) *history.History {
	s := &store{
		rng: rand.New(rand.NewPCG(seed, 0x6a6f696e)), shape: shape,
		h:    &history.History{Name: "random", Tagged: shape.Tagged},
		home: make([]int, shape.Sessions), free: make([]int64, shape.Sessions), now: 1,
	}
	for range 2 + s.rng.IntN(2) {
		s.has = append(s.has, map[int]bool{})
	}
	for i := range s.home {
		s.home[i] = s.rng.IntN(len(s.has))
	}
	for range shape.Ops {
		session := s.rng.IntN(shape.Sessions)
		if s.rng.IntN(5) == 0 && !shape.Sticky {
			s.home[session] = s.rng.IntN(len(s.has))
		}
		s.gossip()
		if key := s.rng.IntN(shape.Keys); s.rng.IntN(2) == 0 {
			s.put(session, key)
		} else {
			s.read(session, key)
		}
	}
	if shape.Fence {
		s.settle()
	}
	for i := range s.h.Ops {
		if o := &s.h.Ops[i]; o.Outcome == history.Unknown {
			o.Stamp = history.Stamp{} // a client that got no answer was told no stamp
		}
	}
	s.sortByCall()
	return s.h
}

func (s *store) chance(percent int) bool { return s.rng.IntN(100) < percent }

func (s *store) gossip() {
	from, to := s.rng.IntN(len(s.has)), s.rng.IntN(len(s.has))
	for i := range s.h.Ops {
		if s.has[from][i] && (s.shape.Causal || s.rng.IntN(2) == 0) {
			s.has[to][i] = true
		}
	}
}

// call appends an operation of the session, some of them overlapping others.
func (s *store) call(session, key int) *history.Op {
	s.now += int64(s.rng.IntN(3))
	s.now = max(s.now, s.free[session])
	typ := s.shape.Type
	if typ == "" {
		typ = []history.Type{history.Set, history.Counter, history.Register}[key%3]
	}
	i := len(s.h.Ops)
	s.h.Ops = append(s.h.Ops, history.Op{
		Index: i, Session: session, Node: s.home[session], Type: typ, Key: string(rune('x' + key)),
		Call: s.now, Return: s.now + 1 + int64(s.rng.IntN(3)),
	})
	o := &s.h.Ops[i]
	s.free[session] = o.Return
	return o
}

func (s *store) put(session, key int) {
	o := s.call(session, key)
	n := int64(1 + s.rng.IntN(2))
	if s.shape.Unique {
		n = int64(o.Index + 1)
	}
	o.Arg = history.Int(n)
	switch o.Type {
	case history.Set:
		o.Func = history.Add
	case history.Counter:
		o.Func = history.Inc
		if s.rng.IntN(3) == 0 {
			o.Arg = history.Int(-n)
		}
	default:
		o.Func = history.Write
		if s.shape.Stamped {
			o.Stamp = history.Stamp{Clock: uint64(1 + s.rng.IntN(3)), Writer: uint64(o.Index + 1)}
		}
	}
	if s.shape.Tagged {
		o.Tag = uint64(100 + o.Index)
	}
	lost := s.chance(s.shape.Unknown)
	if lost {
		o.Outcome, o.Return = history.Unknown, history.Pending
	}
	if !lost || s.rng.IntN(2) == 0 {
		s.has[s.home[session]][o.Index] = true
	}
}

func (s *store) read(session, key int) {
	o := s.call(session, key)
	o.Func = history.Read
	var seen []*history.Op
	for i := range s.h.Ops {
		if p := &s.h.Ops[i]; s.has[s.home[session]][i] && object(p) == object(o) {
			seen = append(seen, p)
		}
	}
	if s.chance(s.shape.Faults) && len(seen) > 0 {
		drop := s.rng.IntN(len(seen))
		seen = slices.Delete(seen, drop, drop+1)
	}
	o.Out, o.Stamp = join(o.Type, seen)
	if s.chance(s.shape.Faults / 2) {
		o.Out = history.Int(int64(1 + s.rng.IntN(3)))
		if o.Type == history.Set {
			o.Out = history.List(o.Out)
		}
	}
	if s.shape.Tagged {
		o.Saw = []uint64{}
		for _, p := range seen {
			o.Saw = append(o.Saw, p.Tag)
		}
	}
}

// join is the value that a right store returns.
func join(typ history.Type, seen []*history.Op) (history.Value, history.Stamp) {
	var elems []history.Value
	var sum int64
	for _, p := range seen {
		elems = append(elems, p.Arg)
		n, _ := p.Arg.AsInt()
		sum += n
	}
	switch {
	case typ == history.Set:
		return history.SetOf(elems...), history.Stamp{}
	case typ == history.Counter:
		return history.Int(sum), history.Stamp{}
	case len(seen) == 0:
		return history.Nil, history.Stamp{}
	}
	top := slices.MaxFunc(seen, func(a, b *history.Op) int {
		return cmp.Or(a.Stamp.Compare(b.Stamp), cmp.Compare(a.Index, b.Index))
	})
	return top.Arg, top.Stamp
}

// settle exchanges everything (or, as a fault, not everything), sets a fence,
// and lets every session read every key.
func (s *store) settle() {
	complete := !s.chance(s.shape.Faults)
	for range 2 {
		for from := range s.has {
			for to := range s.has {
				for i := range s.h.Ops {
					if s.has[from][i] && (complete || s.rng.IntN(3) > 0) {
						s.has[to][i] = true
					}
				}
			}
		}
	}
	s.now = max(s.now, slices.Max(s.free)) + 1
	s.h.Fences = append(s.h.Fences, s.now)
	for session := range s.home {
		for key := range s.shape.Keys {
			s.home[session] = s.rng.IntN(len(s.has))
			s.read(session, key)
		}
	}
}

// RandomRegister returns a valid history of clients of one register per key:
// reads, writes and compare-and-sets in overlapping intervals, each taking
// effect at an instant within, except for the given percentage of faults.
func RandomRegister(seed uint64, shape Shape, cas bool) *history.History {
	s := &store{
		rng: rand.New(rand.NewPCG(seed, 0x63617372)), shape: shape,
		h:    &history.History{Name: "random register"},
		free: make([]int64, shape.Sessions),
	}
	type effect struct {
		at int64
		op int
	}
	var effects []effect
	for range shape.Ops {
		session := s.rng.IntN(shape.Sessions)
		begin := s.free[session] + int64(s.rng.IntN(3))
		o := history.Op{
			Index: len(s.h.Ops), Session: session, Node: -1, Type: history.Register,
			Key: string(rune('x' + s.rng.IntN(shape.Keys))), Call: begin, Return: begin + 2 + int64(s.rng.IntN(6)),
		}
		s.free[session] = o.Return + 1
		v := func() history.Value { return history.Int(int64(s.rng.IntN(2))) }
		switch s.rng.IntN(3) {
		case 0:
			o.Func = history.Read
		case 1:
			o.Func, o.Arg = history.Write, v()
		default:
			o.Func, o.Arg = history.Write, v()
			if cas {
				o.Func, o.Arg = history.CAS, history.List(v(), v())
			}
		}
		effects = append(effects, effect{o.Call + int64(s.rng.IntN(int(o.Return-o.Call)+1)), o.Index})
		s.h.Ops = append(s.h.Ops, o)
	}
	slices.SortStableFunc(effects, func(a, b effect) int { return cmp.Compare(a.at, b.at) })
	values := map[string]history.Value{}
	for _, e := range effects {
		s.takeEffect(&s.h.Ops[e.op], values)
	}
	s.sortByCall()
	return s.h
}

func (s *store) takeEffect(o *history.Op, values map[string]history.Value) {
	lost := o.Func != history.Read && s.chance(s.shape.Unknown)
	if lost {
		o.Outcome, o.Return = history.Unknown, history.Pending
		if s.rng.IntN(2) == 0 {
			return
		}
	}
	wrong := s.chance(s.shape.Faults)
	switch o.Func {
	case history.Read:
		o.Out = values[o.Key]
		if wrong {
			o.Out = history.Int(int64(s.rng.IntN(2)))
		}
	case history.Write:
		if !wrong {
			values[o.Key] = o.Arg
		}
	case history.CAS:
		pair, _ := o.Arg.AsList()
		switch matches := values[o.Key].Equal(pair[0]); {
		case matches != wrong:
			values[o.Key] = pair[1]
		case !lost:
			o.Outcome = history.Failed
		}
	}
}

// sortByCall restores the order that histories have, renumbering the operations.
func (s *store) sortByCall() {
	slices.SortStableFunc(s.h.Ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	for i := range s.h.Ops {
		s.h.Ops[i].Index = i
	}
}
