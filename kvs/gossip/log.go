// Package gossip decides which deltas of a partition to offer to whom, and when
// one may be forgotten. It is a pure data structure: a log of deltas named by
// dots, and per peer the set of dots that the peer is known to hold.
//
// A delta is offered until the peer says that it has it, so lost, repeated and
// reordered messages need no other care; it is reclaimed when every owner has
// it, which is Edelweiss's rule for acknowledged messages and its difference
// rule for the log (Conway et al., VLDB'14, sections 4.1 and 4.2). A log may be held
// to a bound ([Log.Shed]): then deltas go that the peers furthest behind lack. The
// package does not send, merge, or know what a delta means.
//
// It relies on a peer keeping what it said that it holds for as long as it runs:
// dots are told only when they are durable. A peer that starts again may have lost
// its disk. The digest of its new incarnation stands in place of all earlier ones,
// and where a delta that it lacks has been reclaimed or shed by then, the peer is
// short: no delta brings it up, only a snapshot does.
//
// To add a delta, to offer some and to reclaim what a peer has acknowledged costs no
// more for the deltas that are kept because another peer is down: they are found by
// origin and number, and what a peer holds is skipped a span at a time.
package gossip

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Entry is one delta: what the event Dot changed. Its slices are never changed
// after it is made, so entries may be shared.
type Entry struct {
	Dot    causal.Dot
	Clock  uint64 // hybrid time of the write
	Key    string
	Kind   string         // name of the value kind
	Delta  []byte         // encoded delta of that kind
	Deps   session.Matrix // what the write depends on; empty if nothing
	Client uint64         // the session that wrote, and
	Req    uint64         // its number for the write: repeats are told by them; at most [MaxReq]
	Again  bool           // the request may have been served elsewhere before
}

// MaxReq is the greatest number of a request.
const MaxReq = 1<<62 - 1

// Size is about how many bytes the entry takes in a message.
func (e *Entry) Size() int {
	return len(e.Key) + len(e.Kind) + len(e.Delta) + 48 + 4*e.Deps.Rows() + 16*len(e.Deps)
}

// Log holds the deltas of one partition that some owner may still lack. The zero
// value is not usable before [Log.Reset].
type Log struct {
	segments []segment // ascending by origin, none empty
	free     [][]kept  // memory of segments that have become empty
	peers    []peer    // ascending by id
	count    int
	bytes    int    // sum of the sizes
	visited  uint64 // see [Log.Visited]
}

type kept struct {
	Entry
	since uint64 // tick at which it was added
	size  int
}

type peer struct {
	id      ring.NodeID
	origin  uint64 // the newest incarnation heard of; 0 before any
	known   Dots   // what that incarnation has said that it holds
	rev     uint64 // up to which that is all of it; see [Digest]
	ignored bool   // by [Log.Shed], for the time of the call
	guest   bool   // it is no owner, and nothing is kept for it
}

// Reset makes l an empty log for a partition held by owners, seen from self, in the
// memory of what it was.
func (l *Log) Reset(self ring.NodeID, owners []ring.NodeID) {
	for i := range l.segments {
		l.recycle(&l.segments[i])
	}
	*l = Log{segments: l.segments[:0], free: l.free, peers: l.peers[:0]}
	for _, o := range owners {
		if o == self {
			continue
		}
		if n := len(l.peers); n < cap(l.peers) {
			l.peers = l.peers[:n+1] // with the memory of what was known
			l.peers[n] = peer{id: o, known: l.peers[n].known[:0]}
		} else {
			l.peers = append(l.peers, peer{id: o})
		}
	}
	slices.SortFunc(l.peers, func(a, b peer) int { return cmp.Compare(a.id, b.id) })
}

// Add keeps e, added at tick now, until every owner has it. Adding a dot again
// changes nothing.
func (l *Log) Add(e *Entry, now uint64) {
	s := l.segmentOf(e.Dot.Origin)
	if size := e.Size(); s.add(kept{*e, now, size}) {
		l.count++
		l.bytes += size
	}
}

// Drop forgets a delta, whoever lacks it, and reports whether it was kept.
func (l *Log) Drop(d causal.Dot) bool {
	if !l.Has(d) {
		return false
	}
	at, _ := l.locate(d.Origin)
	s := &l.segments[at]
	i := s.after(s.head, d.Seq-1)
	l.count--
	l.bytes -= s.entries[i].size
	if s.drop(i, i+1); s.head == len(s.entries) {
		l.recycle(s)
		l.segments = slices.Delete(l.segments, at, at+1)
	}
	return true
}

// Has reports whether the delta is kept.
func (l *Log) Has(d causal.Dot) bool {
	at, found := l.locate(d.Origin)
	if !found {
		return false
	}
	s := &l.segments[at]
	i := s.after(s.head, d.Seq-1)
	return i < len(s.entries) && s.entries[i].Dot == d
}

// Len is how many deltas are kept.
func (l *Log) Len() int { return l.count }

// Bytes is about how many bytes they take in messages; see [Entry.Size].
func (l *Log) Bytes() int { return l.bytes }

// Visited counts the deltas that the log has looked at, to offer, reclaim or count
// them, since it was made: what its use costs, beside a search for each span.
func (l *Log) Visited() uint64 { return l.visited }

// ObservePeer takes the digest of an incarnation of peer id on what it holds, and reclaims
// every delta that by now all owners hold. A newer incarnation's digest stands in place
// of what earlier ones said; regressed reports that it is less, so that what was reclaimed
// may be lacking. The digest of an older incarnation, which came late, says nothing, nor
// does a part of which the rest was never heard, and an id that is no owner is ignored:
// took is false then. The digest is not retained.
func (l *Log) ObservePeer(id ring.NodeID, origin uint64, d Digest) (reclaimed int, regressed, took bool) {
	p := l.peer(id)
	if p == nil || origin < p.origin || d.Base > 0 && (origin > p.origin || d.Base > p.rev) {
		return 0, false, false
	}
	if origin > p.origin {
		p.origin, p.rev = origin, 0
		if regressed = p.known.beyond(d.Known) > 0; regressed {
			p.known = p.known[:0]
		}
	}
	p.rev = max(p.rev, d.Rev)
	if !p.known.MergeIn(d.Known) {
		return 0, regressed, true
	}
	return l.Reclaim(), regressed, true
}

// Seen is the greatest Rev of the newest incarnation of peer id up to which all that it
// holds has been observed; see [Digest].
func (l *Log) Seen(id ring.NodeID) uint64 {
	if p := l.peer(id); p != nil {
		return p.rev
	}
	return 0
}

// PeerIncarnation is the newest incarnation of peer id that has been observed, 0 if none has.
func (l *Log) PeerIncarnation(id ring.NodeID) uint64 {
	if p := l.peer(id); p != nil {
		return p.origin
	}
	return 0
}

// Known is what peer id is known to hold; the caller must not change it.
func (l *Log) Known(id ring.NodeID) Dots {
	if p := l.peer(id); p != nil {
		return p.known
	}
	return nil
}

// KnownOf is what an incarnation of a peer has said that it holds, nil if it is not the
// newest of its node; the caller must not change it.
func (l *Log) KnownOf(origin uint64) Dots {
	for i := range l.peers {
		if l.peers[i].origin == origin {
			return l.peers[i].known
		}
	}
	return nil
}

// Everywhere reports whether every other owner is known to hold the dot.
func (l *Log) Everywhere(d causal.Dot) bool {
	for i := range l.peers {
		if p := &l.peers[i]; !p.guest && !p.known.Contains(d) {
			return false
		}
	}
	return true
}

// Short reports whether peer id lacks a dot of applied whose delta is not kept any
// more. O(spans).
func (l *Log) NeedsSnapshot(id ring.NodeID, applied Dots) bool {
	known := l.Known(id)
	lacks := applied.beyond(known)
	return lacks > 0 && lacks > uint64(l.lacks(known)) // all that is kept is applied
}

// lacks is how many of the deltas that are kept are not in known.
func (l *Log) lacks(known Dots) int {
	n := l.count
	for i := range l.segments {
		s := &l.segments[i]
		for _, x := range known.Of(s.origin) {
			n -= s.after(s.head, x.Hi) - s.after(s.head, x.Lo-1)
		}
	}
	return n
}

func (l *Log) peer(id ring.NodeID) *peer {
	for i := range l.peers {
		if l.peers[i].id == id {
			return &l.peers[i]
		}
	}
	return nil
}

// Reclaim forgets the deltas that all owners hold and returns how many.
func (l *Log) Reclaim() int {
	before, full := l.count, 0
	for i := range l.segments {
		s := &l.segments[i]
		for at := s.head; at < len(s.entries); {
			l.visited++
			until, held := l.held(s.entries[at].Dot)
			next := s.after(at, until)
			if !held {
				at = next
				continue
			}
			for k := at; k < next; k++ {
				l.bytes -= s.entries[k].size
			}
			l.count -= next - at
			at = s.drop(at, next)
		}
		if s.head == len(s.entries) {
			l.recycle(s)
			continue
		}
		l.segments[full] = *s
		full++
	}
	clear(l.segments[full:]) // they hold on to memory
	l.segments = l.segments[:full]
	return before - l.count
}

// held reports whether every other owner is known to hold the dot, and the last number
// of its origin up to which the answer stays the same for sure.
func (l *Log) held(d causal.Dot) (until uint64, held bool) {
	until, held = math.MaxUint64, true
	for i := range l.peers {
		p := &l.peers[i]
		if p.ignored || p.guest {
			continue
		}
		end, in := p.known.around(d)
		switch {
		case in && held:
			until = min(until, end)
		case in:
		case held:
			until, held = end, false
		default:
			until = max(until, end) // up to there one peer or the other lacks them
		}
	}
	return until, held
}

// Shed forgets deltas that owners lack until at most so many, of so many bytes, are
// kept, and returns how many it has forgotten. Those that no other but the peer which
// lacks most of them needs go first, all of them, so that a log at its bound does not
// shed with every delta that is added; then those of the next.
func (l *Log) Shed(count, bytes int) (shed int) {
	for l.count > count || l.bytes > bytes {
		var most *peer
		worst := -1
		for i := range l.peers {
			if p := &l.peers[i]; !p.ignored && !p.guest {
				if n := l.lacks(p.known); n > worst {
					most, worst = p, n
				}
			}
		}
		if most == nil {
			break // a log that nobody needs is empty
		}
		most.ignored = true
		shed += l.Reclaim()
	}
	for i := range l.peers {
		l.peers[i].ignored = false
	}
	return shed
}

// Missing appends to dst the deltas that peer id may lack and that offer
// accepts, in dot order, until their keys and payloads pass maxBytes (at least
// one is given if there is any).
func (l *Log) Missing(dst []Entry, id ring.NodeID, maxBytes int, offer func(e *Entry, since uint64) bool) []Entry {
	known := l.Known(id)
	size := 0
	for i := range l.segments {
		s := &l.segments[i]
		spans := known.Of(s.origin)
		for at := s.head; at < len(s.entries); {
			e := &s.entries[at]
			for len(spans) > 0 && spans[0].Hi < e.Dot.Seq {
				spans = spans[1:]
			}
			if len(spans) > 0 && spans[0].Lo <= e.Dot.Seq {
				at = s.after(at, spans[0].Hi)
				continue
			}
			l.visited++
			at++
			if !offer(&e.Entry, e.since) {
				continue
			}
			if size > 0 && size+e.size > maxBytes {
				return dst
			}
			dst = append(dst, e.Entry)
			size += e.size
		}
	}
	return dst
}

// All yields what is kept, in dot order, with the tick at which it was added.
func (l *Log) All() iter.Seq2[Entry, uint64] {
	return func(yield func(Entry, uint64) bool) {
		for i := range l.segments {
			s := &l.segments[i]
			for k := range s.entries[s.head:] {
				e := &s.entries[s.head+k]
				if !yield(e.Entry, e.since) {
					return
				}
			}
		}
	}
}

// Clone returns an independent copy; entries, which do not change, are shared.
func (l *Log) Clone() *Log {
	c := &Log{segments: slices.Clone(l.segments), peers: slices.Clone(l.peers), count: l.count, bytes: l.bytes, visited: l.visited}
	for i := range c.segments {
		s := &c.segments[i]
		s.entries, s.head = slices.Clone(s.entries[s.head:]), 0
	}
	for i := range c.peers {
		c.peers[i].known = c.peers[i].known.Clone()
	}
	return c
}
