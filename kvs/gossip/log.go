// Package gossip decides which deltas of a partition to offer to whom, and when
// one may be forgotten. It is a pure data structure: a log of deltas named by
// dots, and per peer the set of dots that the peer is known to hold.
//
// A delta is offered until the peer says that it has it, so lost, repeated and
// reordered messages need no other care; it is reclaimed when every owner has
// it, which is Edelweiss's rule for acknowledged messages and its difference
// rule for the log (Conway et al., VLDB'14, sections 4.1 and 4.2). The package
// does not send, merge, or know what a delta means. It relies on a peer keeping
// what it once said that it holds: dots are told only when they are durable.
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
	id    ring.NodeID
	known causal.Dots // what the peer has said, or shown, that it holds
}

// NewLog returns an empty log for a partition held by owners, seen from self.
func NewLog(self ring.NodeID, owners []ring.NodeID) *Log {
	l := &Log{}
	for _, o := range owners {
		if o != self {
			l.peers = append(l.peers, peer{o, causal.Dots{}})
		}
	}
	slices.SortFunc(l.peers, func(a, b peer) int { return cmp.Compare(a.id, b.id) })
	return l
}

func compareDots(a, b causal.Dot) int {
	if c := cmp.Compare(a.Origin, b.Origin); c != 0 {
		return c
	}
	return cmp.Compare(a.Seq, b.Seq)
}

func (l *Log) find(d causal.Dot) (int, bool) {
	return slices.BinarySearchFunc(l.entries, d, func(e kept, d causal.Dot) int { return compareDots(e.Dot, d) })
}

// Add keeps e, added at tick now, until every owner has it. Adding a dot again
// changes nothing.
func (l *Log) Add(e Entry, now uint64) {
	if at, found := l.find(e.Dot); !found {
		l.entries = slices.Insert(l.entries, at, kept{e, now})
	}
}

// Len is how many deltas are kept.
func (l *Log) Len() int { return len(l.entries) }

// Knows joins what peer id is known to hold, and reclaims every delta that by
// now all owners hold. An id that is no owner is ignored.
func (l *Log) Knows(id ring.NodeID, known causal.Dots) (reclaimed int) {
	i, found := l.peer(id)
	if !found || !causal.DotsMerge().MergeIn(&l.peers[i].known, known) {
		return 0
	}
	return l.Reclaim()
}

// Known is what peer id is known to hold; the caller must not change it.
func (l *Log) Known(id ring.NodeID) causal.Dots {
	if i, found := l.peer(id); found {
		return l.peers[i].known
	}
	return nil
}

func (l *Log) peer(id ring.NodeID) (int, bool) {
	return slices.BinarySearchFunc(l.peers, id, func(p peer, id ring.NodeID) int { return cmp.Compare(p.id, id) })
}

// Reclaim forgets the deltas that all owners hold and returns how many.
func (l *Log) Reclaim() int {
	before := len(l.entries)
	l.entries = slices.DeleteFunc(l.entries, func(e kept) bool {
		for i := range l.peers {
			if !l.peers[i].known.Contains(e.Dot) {
				return false
			}
		}
		return true
	})
	return before - len(l.entries)
}

// Missing appends to dst the deltas that peer id may lack and that offer
// accepts, in dot order, until their keys and payloads pass maxBytes (at least
// one is given if there is any).
func (l *Log) Missing(dst []Entry, id ring.NodeID, maxBytes int, offer func(e Entry, since uint64) bool) []Entry {
	known := l.Known(id)
	size := 0
	for _, e := range l.entries {
		if known.Contains(e.Dot) || !offer(e.Entry, e.since) {
			continue
		}
		if size > 0 && size+e.Size() > maxBytes {
			break
		}
		dst = append(dst, e.Entry)
		size += e.Size()
	}
	return dst
}

// Size is about how many bytes the entry takes in a message.
func (e Entry) Size() int {
	n := len(e.Key) + len(e.Kind) + len(e.Delta) + 48
	//joinery:anyorder a sum
	for _, row := range e.Deps {
		n += 4 + 16*len(row)
	}
	return n
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
		c.peers[i].known = causal.DotsMerge().Clone(c.peers[i].known)
	}
	return c
}
