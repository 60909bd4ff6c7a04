// Package gossip decides which deltas of a partition to offer to whom, and when
// one may be forgotten. It is a pure data structure: a log of deltas named by
// dots, and per peer the set of dots that the peer is known to hold.
//
// A delta is offered until the peer says that it has it, so lost, repeated and
// reordered messages need no other care; it is reclaimed when every owner has
// it, which is Edelweiss's rule for acknowledged messages and its difference
// rule for the log (Conway et al., VLDB'14, sections 4.1 and 4.2). The package
// does not send, merge, or know what a delta means.
//
// It relies on a peer keeping what it said that it holds for as long as it runs:
// dots are told only when they are durable. A peer that starts again may have lost
// its disk. The word of its new incarnation stands in place of all earlier ones,
// and where a delta that it lacks has been reclaimed by then, the peer is short: no
// delta brings it up, only a snapshot does.
package gossip

import (
	"cmp"
	"iter"
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
	Req    uint64         // its number for the write: repeats are told by them
}

// Log holds the deltas of one partition that some owner may still lack. The zero
// value is not usable; see [NewLog].
type Log struct {
	entries []kept // ascending by dot
	peers   []peer // ascending by id
}

type kept struct {
	Entry
	since uint64 // tick at which it was added
}

type peer struct {
	id     ring.NodeID
	origin uint64 // the newest incarnation heard of; 0 before any
	known  Dots   // what that incarnation has said that it holds
}

// NewLog returns an empty log for a partition held by owners, seen from self.
func NewLog(self ring.NodeID, owners []ring.NodeID) *Log {
	l := new(Log)
	l.Reset(self, owners)
	return l
}

// Reset makes l what [NewLog] returns, in the memory of what it was.
func (l *Log) Reset(self ring.NodeID, owners []ring.NodeID) {
	clear(l.entries)
	l.entries, l.peers = l.entries[:0], l.peers[:0]
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

func compareDots(a, b causal.Dot) int {
	if c := cmp.Compare(a.Origin, b.Origin); c != 0 {
		return c
	}
	return cmp.Compare(a.Seq, b.Seq)
}

func (l *Log) find(d causal.Dot) (int, bool) {
	if n := len(l.entries); n == 0 || compareDots(l.entries[n-1].Dot, d) < 0 {
		return n, false // mostly the newest
	}
	return slices.BinarySearchFunc(l.entries, d, func(e kept, d causal.Dot) int { return compareDots(e.Dot, d) })
}

// Add keeps e, added at tick now, until every owner has it. Adding a dot again
// changes nothing.
func (l *Log) Add(e *Entry, now uint64) {
	at, found := l.find(e.Dot)
	switch {
	case found:
	case at == len(l.entries):
		l.entries = append(l.entries, kept{*e, now})
	default:
		l.entries = slices.Insert(l.entries, at, kept{*e, now})
	}
}

// Has reports whether the delta is kept.
func (l *Log) Has(d causal.Dot) bool {
	_, found := l.find(d)
	return found
}

// Len is how many deltas are kept.
func (l *Log) Len() int { return len(l.entries) }

// Hears takes the word of an incarnation of peer id that it holds known, and
// reclaims every delta that by now all owners hold. A newer incarnation's word
// stands in place of what earlier ones said; fell reports that it is less, so that
// what was reclaimed may be lacking. The word of an older incarnation, which came
// late, says nothing, and an id that is no owner is ignored. known is not retained.
func (l *Log) Hears(id ring.NodeID, origin uint64, known Dots) (reclaimed int, fell bool) {
	p := l.peer(id)
	if p == nil || origin < p.origin {
		return 0, false
	}
	if origin > p.origin {
		p.origin = origin
		if fell = p.known.beyond(known) > 0; fell {
			p.known = p.known[:0]
		}
	}
	if !p.known.MergeIn(known) {
		return 0, fell
	}
	return l.Reclaim(), fell
}

// Heard is the newest incarnation of peer id that has been heard of, 0 if none has.
func (l *Log) Heard(id ring.NodeID) uint64 {
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

// Short reports whether peer id lacks a dot of applied whose delta is not kept any
// more. O(kept + spans).
func (l *Log) Short(id ring.NodeID, applied Dots) bool {
	known := l.Known(id)
	lacks := applied.beyond(known)
	if lacks == 0 {
		return false
	}
	for i := range l.entries {
		if !known.Contains(l.entries[i].Dot) { // it is applied: nothing else is kept
			lacks--
		}
	}
	return lacks > 0
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
	before, keep := len(l.entries), 0
	for i := range l.entries {
		if l.held(l.entries[i].Dot) {
			continue
		}
		if keep < i {
			l.entries[keep] = l.entries[i]
		}
		keep++
	}
	clear(l.entries[keep:]) // they hold on to memory
	l.entries = l.entries[:keep]
	return before - keep
}

// held reports whether every other owner is known to hold the dot.
func (l *Log) held(d causal.Dot) bool {
	for i := range l.peers {
		if !l.peers[i].known.Contains(d) {
			return false
		}
	}
	return true
}

// Missing appends to dst the deltas that peer id may lack and that offer
// accepts, in dot order, until their keys and payloads pass maxBytes (at least
// one is given if there is any).
func (l *Log) Missing(dst []Entry, id ring.NodeID, maxBytes int, offer func(e *Entry, since uint64) bool) []Entry {
	if len(l.entries) == 0 {
		return dst
	}
	known := l.Known(id)
	size := 0
	for i := range l.entries {
		e := &l.entries[i]
		if known.Contains(e.Dot) || !offer(&e.Entry, e.since) {
			continue
		}
		more := e.Size()
		if size > 0 && size+more > maxBytes {
			break
		}
		dst = append(dst, e.Entry)
		size += more
	}
	return dst
}

// Size is about how many bytes the entry takes in a message.
func (e *Entry) Size() int {
	return len(e.Key) + len(e.Kind) + len(e.Delta) + 48 + 4*e.Deps.Rows() + 16*len(e.Deps)
}

// All yields what is kept, in dot order, with the tick at which it was added.
func (l *Log) All() iter.Seq2[Entry, uint64] {
	return func(yield func(Entry, uint64) bool) {
		for _, e := range l.entries {
			if !yield(e.Entry, e.since) {
				return
			}
		}
	}
}

// Clone returns an independent copy; entries, which do not change, are shared.
func (l *Log) Clone() *Log {
	c := &Log{entries: slices.Clone(l.entries), peers: slices.Clone(l.peers)}
	for i := range c.peers {
		c.peers[i].known = c.peers[i].known.Clone()
	}
	return c
}
