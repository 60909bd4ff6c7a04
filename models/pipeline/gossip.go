package pipeline

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/lattice/flow"
)

// offer is an entry and its partition.
type offer struct {
	partition ring.Partition
	entry     gossip.Entry
}

// place names an offer: a dot names one entry of a partition.
type place struct {
	partition ring.Partition
	dot       causal.Dot
}

func (o *offer) place() place { return place{o.partition, o.entry.Dot} }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.partition, q.partition), cmp.Compare(p.dot.Origin, q.dot.Origin), cmp.Compare(p.dot.Seq, q.dot.Seq))
}

// offers are entries by place, ascending: a set, whose merge is the union. A place has
// one entry, so that equal places are equal offers.
type offers []offer

type offersMerge struct{}

func (offersMerge) MergeIn(target *offers, delta offers) (grew bool) {
	for _, o := range delta {
		at, ok := slices.BinarySearchFunc(*target, o.place(), func(o offer, p place) int { return o.place().compare(p) })
		if !ok {
			*target, grew = slices.Insert(*target, at, o), true
		}
	}
	return grew
}

func (offersMerge) Compare(a, b offers) lattice.Order {
	both := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch c := a[i].place().compare(b[j].place()); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			i, j, both = i+1, j+1, both+1
		}
	}
	var o lattice.Order
	if both == len(a) {
		o |= lattice.Less
	}
	if both == len(b) {
		o |= lattice.Greater
	}
	return o
}

func (offersMerge) Clone(v offers) offers { return slices.Clone(v) }

// Caps is a batch that sorts once.
func (m offersMerge) Caps() lattice.Caps[offers] {
	return lattice.Caps[offers]{Batch: func(target *offers, deltas []offers) (grew bool) {
		before := len(*target)
		for _, d := range deltas {
			*target = append(*target, d...)
		}
		ascending := func(a, b offer) int { return a.place().compare(b.place()) }
		if !slices.IsSortedFunc(*target, ascending) {
			slices.SortStableFunc(*target, ascending)
		}
		*target = slices.CompactFunc(*target, func(a, b offer) bool { return a.place() == b.place() })
		return len(*target) > before
	}}
}

// offered is how many entries one message offers at most.
const offered = 256

// gossip builds what is off the main path: accepted entries are joined to batches, and
// each batch is encoded once for each peer that owns something of it.
func (p *Path) gossip(accepted flow.Delta[gossip.Entry]) {
	single := flow.Map(accepted, func(e gossip.Entry) offers {
		return offers{{p.o.Ring.PartitionOf(e.Key), e}}
	})
	flow.ForEach(flow.Batch(single, offersMerge{}, offered).Named("offers"), p.send)
}

// send encodes a batch for each peer. Equal batches make equal messages, and a message
// that is sent again changes nothing.
func (p *Path) send(batch offers) {
	for _, peer := range p.o.Ring.Nodes() {
		if peer == p.o.Self {
			continue
		}
		if items := p.itemsFor(peer, batch); len(items) > 0 {
			p.o.Send(peer, wire.AppendGossip(nil, p.o.Self, p.o.Origin, items))
		}
	}
}

func (p *Path) itemsFor(peer ring.NodeID, batch offers) (items []wire.Item) {
	for _, o := range batch {
		if !p.o.Ring.Owns(peer, o.partition) {
			continue
		}
		if n := len(items); n == 0 || items[n-1].Partition != o.partition {
			items = append(items, wire.Item{Partition: o.partition})
		}
		it := &items[len(items)-1]
		it.Entries = append(it.Entries, o.entry)
	}
	return items
}
