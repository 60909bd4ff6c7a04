package kvs

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Clone returns a replica in the same state that shares nothing which changes. It
// is for exploring what a replica might do next.
func (r *Replica) Clone() *Replica {
	c := *r
	c.out = nil
	c.clients = maps.Clone(r.clients)
	c.peers = make([]*peerLink, len(r.peers))
	for i, p := range r.peers {
		link := *p
		c.peers[i] = &link
	}
	c.parts = make([]*partition, len(r.parts))
	for i, p := range r.parts {
		c.parts[i] = p.clone()
	}
	c.batches = make(map[uint64]*batch, len(r.batches))
	//joinery:anyorder entries are set by their own keys
	for token, b := range r.batches {
		moved := *b // entries, deltas and the response are not changed once made
		moved.part = c.partition(b.part.id)
		c.batches[token] = &moved
	}
	return &c
}

func (p *partition) clone() *partition {
	c := *p
	c.cells = make(map[string][]slot, len(p.cells))
	//joinery:anyorder entries are set by their own keys
	for key, slots := range p.cells {
		copied := slices.Clone(slots)
		for i := range copied {
			copied[i].val = copied[i].val.Clone()
		}
		c.cells[key] = copied
	}
	c.own = make(map[string]Value, len(p.own))
	//joinery:anyorder entries are set by their own keys
	for id, v := range p.own {
		c.own[id] = v.Clone()
	}
	c.applied = causal.DotsMerge().Clone(p.applied)
	c.coming = causal.DotsMerge().Clone(p.coming)
	c.deps = p.deps.Clone()
	c.log = p.log.Clone()
	c.told = maps.Clone(p.told)
	c.owe = slices.Clone(p.owe)
	c.waiting = slices.Clone(p.waiting) // requests are not changed once decoded
	return &c
}

// AppendState appends the state in canonical bytes: two replicas of one
// configuration with equal bytes behave alike in all that follows. Ticks are
// written by what they still decide, so that a replica with nothing to do is in
// the same state tick after tick. Counts for [Replica.Stats] are left out.
func (r *Replica) AppendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, r.clock.last)
	for _, p := range r.peers {
		due := uint64(0)
		if p.next > r.tick {
			due = p.next - r.tick
		}
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, due), p.gap)
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.clients)))
	for _, client := range slices.Sorted(maps.Keys(r.clients)) {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, client), r.clients[client])
	}
	for _, token := range slices.Sorted(maps.Keys(r.batches)) {
		dst = appendEntries(append(dst, 'b'), r.batches[token].entries)
	}
	for _, p := range r.parts {
		dst = r.appendPartition(binary.AppendUvarint(append(dst, 'p'), uint64(p.id)), p)
	}
	return dst
}

func (r *Replica) appendPartition(dst []byte, p *partition) []byte {
	dst = binary.AppendUvarint(dst, p.seq)
	for _, key := range slices.Sorted(maps.Keys(p.cells)) {
		for _, s := range p.cells[key] {
			dst = s.val.Append(appendString(appendString(append(dst, 'c'), key), s.kind))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.own)) {
		dst = p.own[id].Append(appendString(append(dst, 'o'), id))
	}
	dst = dotsCaps.Append(dotsCaps.Append(append(dst, 'a'), p.applied), p.coming)
	dst = p.deps.Append(dst)
	for _, link := range r.peers {
		dst = dotsCaps.Append(appendBool(dst, p.told[link.id] == p.rev), p.log.Known(link.id))
		dst = appendBool(dst, slices.Contains(p.owe, link.id))
	}
	for e, since := range p.log.All() {
		age := min(r.tick-since, r.cfg.ForwardTicks)
		// The whole entry: where writes may come in either order, a dot alone does
		// not tell which of them it names.
		dst = appendEntries(binary.AppendUvarint(append(dst, 'e'), age), []gossip.Entry{e})
	}
	for _, w := range p.waiting {
		dst = binary.AppendUvarint(appendString(append(dst, 'w'), w.req.Encode()), w.deadline-min(r.tick, w.deadline))
	}
	return dst
}

// Value returns a copy of what is held of the kind under key, or nil.
func (r *Replica) Value(key, kind string) Value {
	p := r.held(r.cfg.Ring.PartitionOf(key))
	if p == nil {
		return nil
	}
	v, _ := p.find(key, kind)
	if v == nil {
		return nil
	}
	return v.Clone()
}
