package kvs

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A replica remembers which requests of a session were served, and by which writes, so
// that it answers one that is repeated and does not serve it again, and so that a write
// and its repeat are told where they meet. What it remembers is bounded: of a session the
// last few requests, and those that some owner of their partition may not have heard of,
// and sessions until they have been idle for MaxIdleMS or more than MaxSessions, or
// keptRequests as many requests of them, are remembered. A request that it does not
// remember and that may be among those forgotten is refused by name: it is one of the
// session that came before the last few, or its stamp, which is the same in each repeat,
// is not later than the last write of a session that was forgotten. A request that is
// served has a stamp below the hybrid time of its write, so none that was forgotten can
// pass for a new one.

// keptRequests is how many requests of a session are remembered. A session has one under
// way at a time, so that only the last can be repeated; earlier ones may still come
// late, or have been served twice where replicas had not heard of each other. Those that
// an owner may lack are remembered beyond, up to maxRequests of a session: that owner may
// serve a repeat, which is met here when it has been heard of.
const (
	keptRequests = 4
	maxRequests  = 1024
)

// memoryOf is what is remembered of a session.
type memoryOf struct {
	client   uint64
	writer   uint64        // see [session.Notary.Writer]; 0 until it is needed
	requests []wire.Served // ascending by number, what was served first before its repeat
	distinct int           // how many of them there are, those served twice counted once
	low      uint64        // greatest number of those forgotten, here or elsewhere
	clock    uint64        // latest hybrid time of its writes
	at       int           // its position among the sessions
}

// sessions are those that are remembered. Which they are, and what of them, does not hang
// on the order in which writes were heard of, but for what was forgotten in between.
type sessions struct {
	of        map[uint64]*memoryOf
	heap      []*memoryOf // what wrote longest ago is first; see container/heap
	requests  int         // of all of them
	forgotten uint64      // latest hybrid time of a write of a session that was forgotten
	free      []*memoryOf
}

func (s *sessions) Len() int { return len(s.heap) }

func (s *sessions) Less(i, j int) bool {
	a, b := s.heap[i], s.heap[j]
	return a.clock < b.clock || a.clock == b.clock && a.client < b.client
}

func (s *sessions) Swap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.heap[i].at, s.heap[j].at = i, j
}

// Push is [heap.Interface.Push].
func (s *sessions) Push(x any) {
	m := x.(*memoryOf)
	m.at = len(s.heap)
	s.heap = append(s.heap, m)
}

// Pop is [heap.Interface.Pop].
func (s *sessions) Pop() any {
	n := len(s.heap) - 1
	m := s.heap[n]
	s.heap[n] = nil
	s.heap = s.heap[:n]
	return m
}

// reset forgets all, and keeps the memory.
func (s *sessions) reset() {
	for len(s.heap) > 0 {
		s.drop()
	}
	if s.of == nil {
		s.of = make(map[uint64]*memoryOf)
	}
	s.forgotten = 0
}

// bounds say what is to be remembered.
type bounds struct {
	self     uint64 // this incarnation
	sessions int
	taken    bool // the write is held, or about to be
	// everywhere reports whether every owner is known to have the write that served a
	// request, and holds whether this replica has it.
	everywhere, holds func(x *wire.Served) bool
}

// note notes a request that was served, and holds what is remembered to its bounds.
func (s *sessions) note(x wire.Served, b bounds) {
	m := s.of[x.Client]
	switch {
	case m != nil:
	case x.Clock <= s.forgotten:
		return // its session has been forgotten, and what it wrote then is heard again
	default:
		if n := len(s.free); n > 0 {
			m, s.free = s.free[n-1], s.free[:n-1]
		} else {
			m = new(memoryOf)
		}
		m.client, m.clock = x.Client, x.Clock
		s.of[x.Client] = m
		heap.Push(s, m)
	}
	before := len(m.requests)
	m.note(x, b)
	s.requests += len(m.requests) - before
	if x.Clock > m.clock {
		m.clock = x.Clock
		heap.Fix(s, m.at)
	}
	for len(s.heap) > b.sessions || s.requests > 2*keptRequests*b.sessions { // each may have been served twice
		s.forget()
	}
}

// note adds a request, and forgets the least ones where there are too many. Where two
// writes served it alike, that of this incarnation counts, or one that is held: by it, a
// repeat is known for one.
func (m *memoryOf) note(x wire.Served, b bounds) {
	if x.Dot.Seq == 0 { // those up to it are forgotten elsewhere; what is known here of some of them stays
		m.low = max(m.low, x.Req)
		return
	}
	at, found := slices.BinarySearchFunc(m.requests, x, compareServed)
	if found {
		if b.prefers(&x, &m.requests[at]) {
			m.requests[at] = x
		}
		return
	}
	if from, to := m.span(x.Req); from == to {
		m.distinct++
	}
	m.requests = slices.Insert(m.requests, at, x)
	for m.distinct > keptRequests {
		least := m.served(m.requests[0].Req)
		if m.distinct <= maxRequests && slices.ContainsFunc(least, func(x wire.Served) bool { return !b.everywhere(&x) }) {
			return
		}
		m.low = max(m.low, least[0].Req)
		m.requests = slices.Delete(m.requests, 0, len(least))
		m.distinct--
	}
}

// prefers reports whether x is to be remembered, and not y, which served the same request.
func (b *bounds) prefers(x, y *wire.Served) bool {
	switch {
	case y.Dot.Origin == b.self:
		return false
	case x.Dot.Origin == b.self:
		return true
	}
	if held := b.taken || b.holds(x); held != b.holds(y) {
		return held
	}
	return x.Dot.Compare(y.Dot) > 0
}

// compareServed orders the requests of a session.
func compareServed(a, b wire.Served) int {
	switch {
	case a.Req < b.Req || a.Req == b.Req && !a.Again && b.Again:
		return -1
	case a.Req == b.Req && a.Again == b.Again:
		return 0
	}
	return 1
}

// served is what is remembered of a request: the write that served it first, the one
// that served a repeat of it where that was not known, or both.
func (m *memoryOf) served(req uint64) []wire.Served {
	from, to := m.span(req)
	return m.requests[from:to]
}

// span is where a request is among those that are remembered.
func (m *memoryOf) span(req uint64) (from, to int) {
	from, _ = slices.BinarySearchFunc(m.requests, req, func(x wire.Served, req uint64) int { return cmp.Compare(x.Req, req) })
	for to = from; to < len(m.requests) && m.requests[to].Req == req; {
		to++
	}
	return from, to
}

// forget forgets the session that wrote longest ago, and notes up to when requests may
// have been forgotten.
func (s *sessions) forget() {
	s.forgotten = max(s.forgotten, s.heap[0].clock)
	s.drop()
}

func (s *sessions) drop() {
	m := heap.Pop(s).(*memoryOf)
	delete(s.of, m.client)
	s.requests -= len(m.requests)
	*m = memoryOf{requests: m.requests[:0]}
	if len(s.free) < maxFree {
		s.free = append(s.free, m)
	}
}

// forgetIdle forgets the sessions whose last write is older than that many milliseconds.
func (s *sessions) forgetIdle(now, idleMS uint64) {
	for len(s.heap) > 0 && s.heap[0].clock>>logicalBits+idleMS < now {
		s.forget()
	}
}

// mayBeForgotten reports whether a request that is not remembered may have been served
// and forgotten.
func (s *sessions) mayBeForgotten(q *wire.Request) bool {
	m := s.of[q.Client]
	return m != nil && q.Req <= m.low || q.Stamp != 0 && q.Stamp <= s.forgotten
}

// told is what to tell of a session: what is remembered, and up to which number it is
// forgotten, if it is.
func (m *memoryOf) appendServed(dst []wire.Served) []wire.Served {
	if m.low > 0 {
		dst = append(dst, wire.Served{Client: m.client, Req: m.low, Clock: m.clock})
	}
	return append(dst, m.requests...)
}

// ascending is what is remembered, by number of the session.
func (s *sessions) ascending() []*memoryOf {
	return slices.SortedFunc(slices.Values(s.heap), func(a, b *memoryOf) int { return cmp.Compare(a.client, b.client) })
}

// clone returns an independent copy.
func (s *sessions) clone() sessions {
	c := sessions{of: make(map[uint64]*memoryOf, len(s.of)), forgotten: s.forgotten, requests: s.requests}
	for _, m := range s.heap {
		x := *m
		x.requests = slices.Clone(m.requests)
		c.of[x.client] = &x
		c.heap = append(c.heap, &x)
	}
	return c
}

// append appends all that decides what comes of a request.
func (s *sessions) append(dst []byte) []byte {
	dst = varint.Append(varint.Append(dst, s.forgotten), uint64(len(s.of)))
	for _, m := range s.ascending() {
		dst = varint.Append(varint.Append(varint.Append(dst, m.client), m.low), m.clock)
		dst = varint.Append(dst, uint64(len(m.requests)))
		for _, x := range m.requests {
			dst = x.Append(dst)
		}
	}
	return dst
}

// remember notes the request that a write serves.
func (r *Replica) remember(p ring.Partition, e *gossip.Entry) {
	if e.Client != 0 {
		x := wire.Served{Client: e.Client, Req: e.Req, Again: e.Again, Partition: p, Dot: e.Dot, Clock: e.Clock}
		r.sessions.note(x, bounds{r.cfg.Origin, r.cfg.MaxSessions, true, r.everywhere, r.holds})
	}
}

// note notes a request that was served, here or elsewhere.
func (r *Replica) note(x wire.Served) {
	r.sessions.note(x, bounds{r.cfg.Origin, r.cfg.MaxSessions, false, r.everywhere, r.holds})
}

// holds reports whether the write that served a request is held here.
func (r *Replica) holds(x *wire.Served) bool {
	p := r.held(x.Partition)
	return p != nil && p.applied.Contains(x.Dot)
}

// everywhere reports whether every owner is known to have the write that served a request.
// Where this replica is none, it is whether the write has been handed over.
func (r *Replica) everywhere(x *wire.Served) bool {
	p := r.held(x.Partition)
	switch {
	case p != nil && r.forgot(p, x.Dot):
		return true
	case p == nil || !p.applied.Contains(x.Dot):
		return false
	case p.keeps():
		return p.log.Everywhere(x.Dot)
	}
	return !p.log.Has(x.Dot)
}

// writer names a session in values.
func (r *Replica) writer(client uint64) uint64 {
	m := r.sessions.of[client]
	if m == nil {
		return r.notary().Writer(client)
	}
	if m.writer == 0 {
		m.writer = r.notary().Writer(client)
	}
	return m.writer
}
