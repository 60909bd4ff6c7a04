package kvs

import (
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Clone returns a replica in the same state that shares nothing which changes, but for
// [Config.Values]. It is for exploring what a replica might do next.
func (r *Replica) Clone() *Replica {
	c := *r
	c.scratch = scratch{}
	c.values.of(r.cfg.Kinds)
	c.sessions = r.sessions.clone()
	c.multis = slices.Clone(r.multis) // requests are not changed once kept
	c.repeats, c.taken = slices.Clone(r.repeats), slices.Clone(r.taken)
	c.keeper = r.keeper.clone(&c)
	c.peers = slices.Clone(r.peers)
	for i := range c.peers {
		c.peers[i].fetch = r.peers[i].fetch.clone()
	}
	c.parts = make([]*partition, len(r.parts))
	c.byID = make([]*partition, len(r.byID))
	for i, p := range r.parts {
		c.parts[i] = p.clone(&c.values, c.keeper)
		c.parts[i].giving = p.giving.clone(&c)
		if f := c.parts[i].fold; f != nil {
			f.r = &c
			if g := p.giving; g != nil && g.of == p.fold {
				c.parts[i].giving.of = f
			}
		}
		c.byID[p.id] = c.parts[i]
	}
	c.keeper.cloned(r.keeper)
	c.tombs, c.floors = r.tombs.clone(&c), r.floors.clone(&c)
	for _, p := range c.parts {
		p.tombs = c.tombs
	}
	c.batches = make([]*batch, len(r.batches))
	for i, b := range r.batches {
		c.batches[i] = b.clone(c.byID[b.part.id])
	}
	return &c
}

// CloneOn is [Replica.Clone] with Values that hold what those of the replica do, where it
// has some.
func (r *Replica) CloneOn(v Values) *Replica {
	c := r.Clone()
	if c.keeper != nil {
		c.cfg.Values, c.keeper.from = v, v
	}
	return c
}

// clone is a copy that is used again apart from b. What entries point to is not changed
// once made; deltas are used again when they have been merged.
func (b *batch) clone(p *partition) *batch {
	c := *b
	c.part, c.entries, c.deltas = p, slices.Clone(b.entries), make([]kind.Value, len(b.deltas))
	for i, v := range b.deltas {
		if v != nil { // a barrier has none
			c.deltas[i] = v.Clone()
		}
	}
	c.past = b.past.Clone()
	if b.in != nil && b.in == b.part.intake {
		c.in = p.intake
	}
	c.own = b.own.Clone()
	c.respond.Deps, c.respond.Own = b.respond.Deps.Clone(), b.respond.Own.Clone()
	return &c
}

func (p *partition) clone(vs *valuePool, k *keeper) *partition {
	c := *p
	c.values, c.keeper = vs, k
	c.cells = cells{}
	for x := range p.cells.from("") {
		copied := c.cells.add(x.key)
		copied.slots, copied.ahead = append(copied.slots, x.slots...), x.ahead
		for i := range copied.slots {
			s := &copied.slots[i]
			s.writes, s.deps = s.writes.Clone(), s.deps.Clone()
			if s.val != nil {
				s.val = s.val.Clone()
			}
			s.kept = k.copyOf(s.kept, copied)
		}
	}
	c.localDeltas = make(map[ownID]kind.Value, len(p.localDeltas))
	//joinery:anyorder entries are set by their own keys
	for id, v := range p.localDeltas {
		c.localDeltas[id] = v.Clone()
	}
	c.buriedWrites, c.buriedDeps = p.buriedWrites.Clone(), p.buriedDeps.Clone()
	c.cuts, c.doubt, c.gap = p.cuts.Clone(), p.doubt.Clone(), p.gap.Clone()
	c.applied, c.inFlight = p.applied.Clone(), p.inFlight.Clone()
	c.log = p.log.Clone()
	c.changes, c.links = p.changes.Clone(), slices.Clone(p.links)
	c.advertisedRev = slices.Clone(p.advertisedRev)
	c.pendingAcks = slices.Clone(p.pendingAcks)
	c.waiting = slices.Clone(p.waiting) // requests are not changed once kept
	c.subs = slices.Clone(p.subs)
	for i, s := range c.subs {
		c.subs[i] = s.clone()
	}
	c.shared, c.need, c.offers = slices.Clone(p.shared), slices.Clone(p.need), slices.Clone(p.offers)
	c.intake = p.intake.clone()
	c.fold = p.fold.clone()
	return &c
}

// AppendState appends the state in canonical bytes: two replicas of one
// configuration with equal bytes behave alike in all that follows. Ticks are
// written by what they still decide, so that a replica with nothing to do is in
// the same state tick after tick. Counts for [Replica.Stats] are left out, and where
// values are kept outside so is which of them are in memory too.
func (r *Replica) AppendState(dst []byte) []byte {
	dst = varint.Append(dst, r.clock.last)
	for i := range r.peers {
		p := &r.peers[i]
		due := uint64(0)
		if p.next > r.tick {
			due = p.next - r.tick
		}
		held := uint64(0) // for how long deltas of other origins are not offered
		if p.back > 0 && p.back+r.cfg.ForwardTicks > r.tick {
			held = p.back + r.cfg.ForwardTicks - r.tick
		}
		dst = varint.Append(varint.Append(varint.Append(varint.Append(dst, due), p.backoffTicks), held), uint64(p.from))
		dst = p.fetch.append(varint.Append(varint.Append(dst, p.asker), p.answered), r.tick)
		if r.cfg.Speaks.Oldest != r.cfg.Speaks.Newest {
			dst = varint.Append(varint.Append(append(dst, byte(p.version)), p.readsAs), max(p.told, r.tick)-r.tick)
			dst = varint.Append(dst, p.toldGap)
		}
	}
	dst = r.appendMembers(varint.Append(dst, r.asks))
	for _, c := range []*cut{r.cut, r.making} {
		if c == nil {
			dst = append(dst, 0)
			continue
		}
		dst = varint.Append(dst, c.number)
		for i := range c.parts {
			x := &c.parts[i]
			dst = x.other.Append(x.row.Append(varint.Append(dst, x.dot.Seq)))
		}
	}
	dst = varint.Append(wire.AppendBool(dst, r.wantCut), max(r.nextCut, r.tick)-r.tick)
	dst = r.sessions.append(dst)
	for _, w := range r.multis {
		dst = w.append(dst, r.tick)
	}
	for _, x := range r.taken {
		dst = wire.AppendString(wire.AppendString(varint.Append(append(dst, 't'), uint64(x.partition)), x.key), x.kind)
		dst = varint.Append(varint.Append(wire.AppendString(dst, x.delta.Append(nil)), x.first.Origin), x.first.Seq)
	}
	for i := range r.repeats {
		dst = r.repeats[i].append(dst, r.tick)
	}
	for _, b := range r.batches {
		dst = wire.AppendEntries(append(dst, 'b'), b.entries)
		if b.touched.Dot.Seq > 0 {
			dst = b.touched.Append(dst)
		}
		if b.in != nil { // the piece is among those of its partition, or has no effect any more
			dst = varint.Append(varint.Append(append(dst, 's'), uint64(b.from)), b.ask)
			dst = wire.AppendBool(wire.AppendBool(dst, b.stops), b.in.whole && b.in == b.part.intake)
		}
	}
	if r.lastUpdate > 0 {
		dst = varint.Append(append(dst, 'n'), r.lastUpdate)
	}
	if r.keeper != nil {
		dst = r.keeper.append(dst)
	}
	if r.floors.begun() || r.Unburied() > 0 {
		dst = r.appendFloors(dst)
	}
	if r.cfg.CheckpointBytes > 0 {
		dst = r.checkpoint.append(append(dst, 'k'), r.token)
	}
	for _, p := range r.parts {
		dst = r.appendPartition(varint.Append(append(dst, 'p'), uint64(p.id)), p)
	}
	return dst
}

func (r *Replica) appendPartition(dst []byte, p *partition) []byte {
	dst = varint.Append(dst, p.seq)
	for c := range p.cells.from("") {
		for i := range c.slots {
			s := &c.slots[i]
			if dst = wire.AppendString(wire.AppendString(append(dst, 'c'), c.key), s.kind); s.kept != nil {
				dst = varint.Append(wire.AppendBool(dst, s.kept.dirty), s.kept.at)
				for _, row := range s.kept.rows {
					dst = varint.Append(varint.Append(varint.Append(append(dst, 'r'), row.row), row.first.Origin), row.first.Seq)
				}
			}
			if v := p.look(s); v != nil {
				dst = v.Append(dst)
			}
			dst = s.deps.Append(s.writes.Append(dst))
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(p.localDeltas), ownID.compare) {
		dst = p.localDeltas[id].Append(wire.AppendString(wire.AppendString(append(dst, 'o'), id.kind), id.key))
	}
	dst = p.gap.Append(p.doubt.Append(p.cuts.Append(dst)))
	dst = p.inFlight.Append(p.applied.Append(append(dst, 'a')))
	dst = wire.AppendBool(wire.AppendBool(dst, p.logTruncated), p.handed.and(p.handedBefore).gone && !p.keeps())
	dst = p.forgone.Append(wire.AppendBool(dst, p.handed.and(p.handedBefore).lost && !p.keeps()))
	if dst = wire.AppendBool(dst, p.changes.On()); p.changes.On() {
		p.changes.Each(func(origin, rev uint64) { dst = varint.Append(varint.Append(dst, origin), rev) })
	}
	for i := range r.peers {
		l := &p.links[i]
		dst = varint.Append(varint.Append(varint.Append(dst, l.origin), l.confirmed), max(l.offered, r.tick)-r.tick)
		dst = wire.AppendBool(dst, l.served)
		dst = varint.Append(dst, p.log.Seen(r.peers[i].id))
		dst = varint.Append(append(dst, byte(p.need[i])), p.log.PeerIncarnation(r.peers[i].id))
		dst = p.log.Known(r.peers[i].id).Append(wire.AppendBool(dst, p.advertisedRev[i] == p.rev))
		dst = wire.AppendBool(wire.AppendBool(dst, slices.Contains(p.pendingAcks, i)), slices.Contains(p.offers, i))
	}
	if p.buried > 0 {
		dst = p.buriedDeps.Append(p.buriedWrites.Append(varint.Append(append(dst, 'd'), p.buried)))
	}
	if p.intake != nil {
		dst = p.intake.append(dst)
	}
	dst = p.fold.append(dst)
	dst = p.giving.append(dst, p)
	for e, since := range p.log.All() {
		age := min(r.tick-since, r.cfg.ForwardTicks)
		// The whole entry: where writes may come in either order, a dot alone does
		// not tell which of them it names.
		dst = wire.AppendEntries(varint.Append(append(dst, 'e'), age), []gossip.Entry{e})
	}
	for _, w := range p.waiting {
		dst = varint.Append(wire.AppendString(append(dst, 'w'), w.req.Encode()), w.deadline-min(r.tick, w.deadline))
	}
	for _, s := range p.subs {
		dst = s.append(dst, p, r.tick)
	}
	return dst
}

// Value returns a copy of what is held of the kind under key, or nil.
func (r *Replica) Value(key, kind string) kind.Value {
	v := r.Look(key, kind)
	if v == nil {
		return nil
	}
	return v.Clone()
}

// Look returns what is held of the kind under key, or nil: if there is nothing, or it is
// kept outside and cannot be read. It must not be changed, and is valid until the next
// step.
func (r *Replica) Look(key, kind string) kind.Value {
	v, _ := r.seen(key, kind)
	return v
}

// seen is what is held of the kind under key, and whether anything is.
func (r *Replica) seen(key, of string) (v kind.Value, held bool) {
	if p := r.held(r.cfg.Ring.PartitionOf(key)); p != nil {
		p.eachOf(key, func(_, name string, found kind.Value) {
			if name == of {
				v, held = found, true
			}
		})
	}
	return v, held
}

// Knows reports whether something of the kind is held under key.
func (r *Replica) Knows(key, kind string) bool {
	_, held := r.seen(key, kind)
	return held
}

// append writes how far the intake is.
func (x *intake) append(dst []byte) []byte {
	dst = varint.Append(varint.Append(append(dst, 'i'), x.begun), x.number)
	dst = x.gap.Append(x.doubt.Append(dst))
	dst = x.cuts.Append(x.base.Append(varint.Append(varint.Append(dst, x.from), x.own.Seq)))
	if x.buried > 0 {
		dst = x.buriedDeps.Append(x.buriedWrites.Append(varint.Append(append(dst, 'd'), x.buried)))
	}
	for _, piece := range x.pieces {
		dst = wire.AppendString(dst, piece)
	}
	if s := x.sift; s != nil {
		dst = varint.Append(varint.Append(varint.Append(append(dst, 'z'), uint64(s.pass)), uint64(s.at)), uint64(s.from))
	}
	return dst
}

// append writes what is still to be folded in.
func (f *folding) append(dst []byte) []byte {
	if f == nil {
		return dst
	}
	dst = wire.AppendString(f.x.append(append(dst, 'F')), f.cursor)
	dst = f.state.Append(f.had.Append(f.gone.Append(wire.AppendBool(wire.AppendBool(dst, f.buried), f.absent))))
	for _, row := range f.rows {
		dst = varint.Append(varint.Append(varint.Append(append(dst, 'r'), row.row), row.first.Origin), row.first.Seq)
	}
	for _, key := range slices.Sorted(maps.Keys(f.done)) {
		dst = wire.AppendString(append(dst, 'k'), key)
	}
	return dst
}

// clone is a copy that goes on apart from f.
func (f *folding) clone() *folding {
	if f == nil {
		return nil
	}
	c := *f
	c.done = maps.Clone(f.done)
	return &c
}

// append writes what is under way, as seen from tick.
func (f *fetch) append(dst []byte, tick uint64) []byte {
	if !f.on {
		return append(dst, 0)
	}
	dst = varint.Append(varint.Append(varint.Append(append(dst, 1), uint64(f.part)), f.number), uint64(f.next))
	dst = varint.Append(varint.Append(wire.AppendBool(dst, f.stopped), max(f.until, tick)-tick), f.wait)
	dst = varint.Append(dst, uint64(f.tries))
	for _, at := range slices.Sorted(maps.Keys(f.early)) {
		dst = wire.AppendString(varint.Append(dst, uint64(at)), f.early[at])
	}
	return dst
}

// clone is a copy that goes on apart from x.
func (x *intake) clone() *intake {
	if x == nil {
		return nil
	}
	c := *x
	c.pieces, c.staged = slices.Clip(x.pieces), slices.Clip(x.staged)
	c.answers, c.served, c.hidden = slices.Clip(x.answers), slices.Clip(x.served), slices.Clone(x.hidden)
	if x.sift != nil {
		s := *x.sift
		s.any, s.served, s.last = s.any.Clone(), s.served.Clone(), s.last.Clone()
		c.sift = &s
	}
	return &c
}

func (f *fetch) clone() fetch {
	c := *f
	c.early = maps.Clone(f.early)
	return c
}

// Each calls visit for every value held, by partition, key and kind. The value
// must not be changed. It is nil if it is kept outside and cannot be read.
func (r *Replica) Each(visit func(p ring.Partition, key, kind string, v kind.Value)) {
	for _, p := range r.parts {
		p.each(func(key, name string, v kind.Value) { visit(p.id, key, name, v) })
	}
}

// Applied is a copy of the set of dots of partition p that are visible here.
func (r *Replica) Applied(p ring.Partition) causal.Dots {
	if held := r.held(p); held != nil {
		return held.applied.Causal()
	}
	return nil
}

// Has reports whether the write of that dot is durable and visible here, or was
// before a replica that does not own the partition handed it over.
func (r *Replica) Has(p ring.Partition, d causal.Dot) bool {
	held := r.held(p)
	return held != nil && held.applied.Contains(d)
}

// Holds is [Replica.Has] less what has been handed over: from here, every owner
// that lacks the write will have it.
func (r *Replica) Holds(p ring.Partition, d causal.Dot) bool {
	return r.Has(p, d) && (r.held(p).keeps() || r.held(p).log.Has(d))
}
