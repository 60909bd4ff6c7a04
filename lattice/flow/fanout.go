package flow

import "fmt"

// Tee makes n edges of one; each has all elements. The slowest reader sets the
// pace: no element is taken before each edge has asked for more than it got.
func Tee[T any](d Delta[T], n int) []Delta[T] {
	nd := lost(d.Graph()).add("tee", passRule)
	nd.need(n > 0, "a tee into no edge")
	t := &tee[T]{n: nd, in: read(d, nd, "")}
	nd.onWake = t.wake
	edges := make([]Delta[T], max(n, 0))
	for i := range edges {
		b := &teeBranch[T]{t: t}
		edges[i] = delta(nd, b)
		b.out = edges[i].out
		t.branches = append(t.branches, b)
	}
	return edges
}

type tee[T any] struct {
	n        *node
	in       puller[T]
	branches []*teeBranch[T]
	cur      []T
	turn     uint64 // of cur
	behind   int    // branches that have not asked for more than cur
	end      bool
}

type teeBranch[T any] struct {
	t       *tee[T]
	out     *outlet
	turn    uint64 // of what it took last
	counted bool   // its request for more than cur is counted
	waiting bool
}

func (b *teeBranch[T]) pull() ([]T, status) {
	t := b.t
	if b.turn == t.turn && !b.counted && t.behind > 0 {
		b.counted = true
		t.behind--
		if t.behind == 0 {
			t.wakeOthers(b)
		}
	}
	if b.turn < t.turn {
		b.turn, b.counted = t.turn, false
		return t.cur, ready
	}
	if t.end {
		return nil, done
	}
	if t.behind > 0 {
		b.waiting = true
		return nil, pending
	}
	vs, st := t.in.pull()
	switch st {
	case ready:
		t.cur, t.behind = vs, len(t.branches)
		t.turn++
		b.turn, b.counted = t.turn, false
		t.wakeOthers(b)
		return vs, ready
	case done:
		t.end = true
		t.wakeOthers(b)
		return nil, done
	}
	b.waiting = true
	return nil, pending
}

func (t *tee[T]) wakeOthers(than *teeBranch[T]) {
	for _, b := range t.branches {
		if b != than && b.waiting {
			b.waiting = false
			b.out.wake()
		}
	}
}

func (t *tee[T]) wake() { t.wakeOthers(nil) }

// Split sends each element to one of n edges: to edge key(v) mod n. Equal elements
// go to one edge. An edge that is not read holds at most a few batches, and then
// keeps the others waiting. key must be pure.
func Split[T any](d Delta[T], n int, key func(T) uint64, claims ...Claim) []Delta[T] {
	nd := lost(d.Graph()).add("split", elementRule)
	nd.setClaim(key, claims)
	nd.need(n > 0, "a split into no edge")
	nd.need(key != nil, "a nil key function")
	s := &split[T]{n: nd, in: read(d, nd, ""), key: key}
	nd.onWake = s.wake
	edges := make([]Delta[T], max(n, 0))
	for i := range edges {
		b := &splitBranch[T]{s: s}
		edges[i] = delta(nd, b)
		b.out = edges[i].out
		s.branches = append(s.branches, b)
	}
	return edges
}

type split[T any] struct {
	n        *node
	in       puller[T]
	key      func(T) uint64
	branches []*splitBranch[T]
	rest     []T
	end      bool
}

type splitBranch[T any] struct {
	s       *split[T]
	out     *outlet
	queue   []T // what came for it
	lent    []T // what it lends to its reader
	waiting bool
}

func (b *splitBranch[T]) pull() ([]T, status) {
	s := b.s
	for len(b.queue) == 0 {
		if s.end {
			return nil, done
		}
		if len(s.rest) == 0 {
			if s.full() {
				b.waiting = true
				return nil, pending
			}
			vs, st := s.in.pull()
			switch st {
			case pending:
				b.waiting = true
				return nil, pending
			case done:
				s.end = true
				s.wakeOthers(b)
				continue
			}
			s.rest = vs
		}
		s.n.busy.Store(true)
		s.deal()
		s.n.busy.Store(false)
		s.wakeFilled(b)
	}
	if len(b.queue) <= s.n.g.opt.Batch {
		b.queue, b.lent = b.lent[:0], b.queue
		s.wakeOthers(b)
		return b.lent, ready
	}
	b.lent = append(b.lent[:0], b.queue[:s.n.g.opt.Batch]...)
	b.queue = b.queue[:copy(b.queue, b.queue[s.n.g.opt.Batch:])]
	return b.lent, ready
}

// full reports whether another batch could make some queue too long.
func (s *split[T]) full() bool {
	for _, b := range s.branches {
		if len(b.queue) >= 2*s.n.g.opt.Batch {
			return true
		}
	}
	return false
}

func (s *split[T]) deal() {
	for len(s.rest) > 0 {
		v := s.rest[0]
		b := s.branches[s.key(v)%uint64(len(s.branches))]
		b.queue = append(b.queue, v)
		s.rest = s.rest[1:]
	}
}

// wakeFilled wakes the branches that have got something.
func (s *split[T]) wakeFilled(than *splitBranch[T]) {
	for _, b := range s.branches {
		if b != than && b.waiting && len(b.queue) > 0 {
			b.waiting = false
			b.out.wake()
		}
	}
}

func (s *split[T]) wakeOthers(than *splitBranch[T]) {
	for _, b := range s.branches {
		if b != than && b.waiting {
			b.waiting = false
			b.out.wake()
		}
	}
}

func (s *split[T]) wake() { s.wakeOthers(nil) }

// Union has the elements of all its edges, taken in turn.
func Union[T any](ds ...Delta[T]) Delta[T] {
	var g *Graph
	for _, d := range ds {
		if g == nil {
			g = d.Graph()
		}
	}
	n := lost(g).add("union", passRule)
	n.need(len(ds) > 0, "a union of nothing")
	u := &union[T]{n: n}
	for i, d := range ds {
		u.ins = append(u.ins, read(d, n, fmt.Sprint(i)))
	}
	return delta(n, u)
}

type union[T any] struct {
	n    *node
	ins  []puller[T] // those that are not done
	from int         // whose turn it is
}

func (u *union[T]) pull() ([]T, status) {
	for tried := 0; tried < len(u.ins); {
		u.from %= len(u.ins)
		vs, st := u.ins[u.from].pull()
		switch st {
		case ready:
			u.from++
			return vs, ready
		case done:
			u.ins = append(u.ins[:u.from], u.ins[u.from+1:]...)
		case pending:
			u.from++
			tried++
		}
	}
	if len(u.ins) == 0 {
		return nil, done
	}
	return nil, pending
}
