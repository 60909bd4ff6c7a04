package wire

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Gossip is what a replica tells a peer.
type Gossip struct {
	From   ring.NodeID
	Origin uint64 // the sender's incarnation
	View   uint64 // the name of the members that the sender goes by; 0 if they are those of its ring
	Items  []Item
}

// Item is what a gossip message says of one partition. As it came, it shares the
// memory of message and buffer.
type Item struct {
	Partition       ring.Partition
	Pull            bool          // the sender wants to be told what the receiver has
	Offer           bool          // the receiver lacks what the sender's log has no more: it may ask for a snapshot
	Ask             *Ask          // for pieces of a snapshot; nil mostly
	PeerIncarnation uint64        // the incarnation of the receiver whose digest the sender goes by; 0 has none; its own where it is sourceless (kvs/sources.go)
	Digest          gossip.Digest // on what the sender holds, durably
	Entries         []gossip.Entry
}

// Size is at most how many bytes the item takes in a message, but for marks of its entries
// that have large numbers.
func (it *Item) Size() int {
	const number = 10
	n := 7*number + 2 + it.Digest.Known.Size()
	if it.Ask != nil {
		n += 4*number + len(it.Ask.After.Key) + len(it.Ask.After.Kind)
	}
	for i := range it.Entries {
		n += it.Entries[i].Size()
	}
	return n
}

// AppendGossip appends a gossip message of the newest form, from a sender that goes by the members
// of its ring.
func AppendGossip(dst []byte, from ring.NodeID, origin uint64, items []Item) []byte {
	return AppendGossipAs(dst, Newest, from, origin, 0, items)
}

// AppendGossipUnder is [AppendGossip] for a sender that goes by other members than those of its
// ring, of that name.
func AppendGossipUnder(dst []byte, from ring.NodeID, origin, view uint64, items []Item) []byte {
	return AppendGossipAs(dst, Newest, from, origin, view, items)
}

// AppendGossipAs is [AppendGossipUnder] in the form of a version.
func AppendGossipAs(dst []byte, v Version, from ring.NodeID, origin, view uint64, items []Item) []byte {
	start := len(dst)
	b := beginAs(dst, v, MsgGossip)
	b = varint.Append(b, uint64(from))
	b = varint.Append(b, origin)
	b = varint.Append(b, uint64(len(items)))
	for i := range items {
		it := &items[i]
		b = varint.Append(b, uint64(it.Partition))
		b = appendWord(b, it)
		if v < brief {
			b = AppendEntries(b, it.Entries)
		} else {
			b = appendBrief(b, it.Entries)
		}
	}
	if view != 0 {
		b = binary.BigEndian.AppendUint64(b, view)
	}
	return seal(b, start)
}

// Gossip reads the body of a gossip message of a version, whose entries share the memory of body.
func (in *DecodeBuffer) Gossip(v Version, body []byte) (*Gossip, error) {
	r := reader{b: body}
	in.marks = in.marks[:0]
	g := &in.gossip
	g.From, g.Origin = ring.NodeID(r.uint32()), r.uvarint()
	g.Items = g.Items[:0]
	for range r.count(5) {
		if len(g.Items) < cap(g.Items) {
			g.Items = g.Items[:len(g.Items)+1]
		} else {
			g.Items = append(g.Items, Item{})
		}
		it := &g.Items[len(g.Items)-1]
		it.Partition = ring.Partition(r.uint32())
		r.digest(it, in)
		if v < brief {
			it.Entries = r.entries(it.Entries[:0], in)
		} else {
			it.Entries = r.brief(it.Entries[:0], in)
		}
		if r.err != nil {
			break
		}
	}
	if g.View = 0; r.left() > 0 {
		g.View = r.name()
	}
	return g, r.end("gossip")
}

// What the first byte of an item says.
const (
	itemPull  = 1 << iota // [Item].Pull
	itemRev               // Rev and Base of the digest follow
	itemSeen              // Seen follows
	itemOffer             // [Item].Offer
	itemAsk               // an ask follows
	itemEnd
)

func appendWord(b []byte, it *Item) []byte {
	flags := byte(0)
	if it.Pull {
		flags |= itemPull
	}
	if it.Digest.Rev > 0 {
		flags |= itemRev
	}
	if it.Digest.Seen > 0 {
		flags |= itemSeen
	}
	if it.Offer {
		flags |= itemOffer
	}
	if it.Ask != nil {
		flags |= itemAsk
	}
	b = varint.Append(append(b, flags), it.PeerIncarnation)
	if it.Digest.Rev > 0 {
		b = varint.Append(varint.Append(b, it.Digest.Rev), it.Digest.Base)
	}
	if it.Digest.Seen > 0 {
		b = varint.Append(b, it.Digest.Seen)
	}
	if it.Ask != nil {
		b = it.Ask.append(b)
	}
	return it.Digest.Known.Append(b)
}

func (r *reader) digest(it *Item, in *DecodeBuffer) {
	flags := r.byte()
	w := gossip.Digest{Known: it.Digest.Known[:0]}
	it.Pull, it.Offer, it.PeerIncarnation, it.Ask = flags&itemPull != 0, flags&itemOffer != 0, r.uvarint(), nil
	if flags&itemRev != 0 {
		w.Rev, w.Base = r.uvarint(), r.uvarint()
	}
	if flags&itemSeen != 0 {
		w.Seen = r.uvarint()
	}
	if flags&itemAsk != 0 {
		it.Ask = r.ask(in)
	}
	w.Known = r.dots(w.Known)
	if r.err == nil && (flags >= itemEnd || (flags&itemRev != 0) != (w.Rev > 0) || (flags&itemSeen != 0) != (w.Seen > 0) || w.Base > w.Rev) {
		r.fail("a digest that contradicts itself")
	}
	it.Digest = w
}
