package kvs

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// A session that has seen many partitions, written at many incarnations, would carry a
// mark for each of them with every request, and every write of its would carry them too.
// A cut puts one mark in place of most.
//
// A replica cuts by writing a barrier into every partition that it owns: an entry with a
// dot of its own but no key and no value, which names the dots that the replica holds of
// the partition. Whoever gets a barrier takes it only once it holds these, be it from a
// peer, from its disk, or in a snapshot, which brings the dots along. So a replica that
// holds the barrier of cut n of an incarnation holds all that the cut names of that
// partition; and as an incarnation only ever holds more, all that its cuts before n name.
// The mark {CutsOf(node), origin, n} in a past stands for every mark that the cut names,
// in every partition that the node owns: a read of one of these is answered where its
// barrier of cut n, or a later one of the same incarnation, is held. It says nothing of
// partitions that the node does not own, whose marks stay.
//
// That is safe whatever disks are lost, as nothing is dropped because it is believed to
// be held somewhere: a replica that has lost the dots has lost the barrier with them, and
// lets the read wait. Where that cannot be told, since a snapshot had left out what has
// been lost since, the cuts are doubted until all of it is held again
// ([partition.passAll]). What a cut costs is that a session depends on more than it has
// seen. Were a cut lost for good, its sessions could read nothing any more. So a cut is
// not used before every owner holds its barriers; while one is down no new cut comes
// into use, and pasts grow by what is written meanwhile. And barriers go to every owner
// of every partition, so that a cut is made only when a past has more than MaxPast marks,
// which is by default as many as half the partitions.
//
// Who owns what, as far as cuts go, is said by [Config.Ring] alone, whoever has come or gone since,
// so that all replicas take a mark for the same. A node that is not on that ring makes no cuts, nor
// does one that does not own all any more that it did there. Whoever comes to own a partition gets
// its barriers with the rest.

// barrier is the kind of entries that are barriers; no [kind.Kind] has that name.
const barrier = ""

const (
	cutTicks = 16 // that pass between two cuts of a replica, at least
	fewMarks = 8  // of a past, which a cut that is there anyway is not worth using for
)

// cut is one that this incarnation has made. It is not changed once made.
type cut struct {
	number uint64
	parts  []cutPart // of the owned partitions, ascending
}

type cutPart struct {
	id    ring.Partition
	dot   causal.Dot     // of the barrier
	row   session.Row    // all that the cuts up to this one name
	other session.Matrix // cuts of other incarnations whose barriers were held
}

func (c *cut) part(id ring.Partition) *cutPart {
	i, found := slices.BinarySearchFunc(c.parts, id, func(x cutPart, id ring.Partition) int { return int(x.id) - int(id) })
	if !found {
		return nil
	}
	return &c.parts[i]
}

// cutIfWanted makes a cut if the pasts of sessions have become long and the last one is
// in use, and sees whether the one that is being made can be used.
func (r *Replica) cutIfWanted() {
	if r.making != nil && r.settled(r.making) {
		r.cut, r.making = r.making, nil
	}
	if !r.wantCut || r.making != nil || r.tick < r.nextCut {
		return
	}
	r.wantCut, r.nextCut, r.idleUntil = false, r.tick+cutTicks, 0
	for id := range ring.Partition(r.cfg.Ring.Partitions()) { // what its cuts are of, see below
		if r.cfg.Ring.Owns(r.cfg.Self, id) && !r.partition(id).serves() {
			return
		}
	}
	number, before := uint64(1), uint64(0)
	if r.cut != nil {
		number, before = r.cut.number+1, r.cut.number
	}
	r.making = &cut{number: number}
	for id := range ring.Partition(r.cfg.Ring.Partitions()) {
		if r.cfg.Ring.Owns(r.cfg.Self, id) {
			r.making.parts = append(r.making.parts, r.writeBarrier(r.partition(id), number, before))
		}
	}
}

// writeBarrier persists the barrier of a cut in p. It names what the one before has not.
func (r *Replica) writeBarrier(p *partition, number, before uint64) cutPart {
	x := cutPart{id: p.id, other: p.trusted()}
	var fresh session.Matrix
	for i, s := range p.applied {
		if s.Lo == 1 && (i == 0 || p.applied[i-1].Origin != s.Origin) {
			x.row = append(x.row, session.Mark{Partition: p.id, Origin: s.Origin, Seq: s.Hi})
		}
	}
	for _, m := range x.row {
		if r.cut == nil || r.cut.part(p.id).row.Seq(m.Origin) < m.Seq {
			fresh = append(fresh, m)
		}
	}
	p.seq++
	x.dot = causal.Dot{Origin: r.cfg.Origin, Seq: p.seq}
	b := r.newBatch(p)
	b.entries = append(b.entries, gossip.Entry{
		Dot: x.dot, Clock: r.clock.next(r.now), Kind: barrier,
		Delta: varint.Append(varint.Append(nil, number), before), Deps: fresh,
	})
	b.deltas = append(b.deltas, nil)
	r.persist(b)
	return x
}

// settled reports whether every owner holds the barriers of a cut.
func (r *Replica) settled(c *cut) bool {
	for i := range c.parts {
		x := &c.parts[i]
		p := r.held(x.id)
		if !p.applied.Contains(x.dot) {
			return false
		}
		for at, shared := range p.shared {
			if shared && !p.log.Known(r.peers[at].id).Contains(x.dot) {
				return false
			}
		}
	}
	return true
}

// cutOf is which cut of its origin a barrier is of, and which one is before it; ok is
// false if it says neither.
func cutOf(e *gossip.Entry) (number, before uint64, ok bool) {
	number, at := varint.Next(e.Delta, 0)
	before, at = varint.Next(e.Delta, at)
	return number, before, at == len(e.Delta) && before < number
}

// reached reports whether p holds what a barrier names.
func (p *partition) reached(e *gossip.Entry) bool {
	_, before, ok := cutOf(e)
	return ok && p.applied.Covers(e.Deps.Row(p.id)) && p.cuts.Row(p.id).Seq(e.Dot.Origin) >= before
}

// pass notes that the barrier e is held.
func (p *partition) pass(e *gossip.Entry) {
	number, _, _ := cutOf(e)
	mark := [1]session.Mark{{Partition: p.id, Origin: e.Dot.Origin, Seq: number}}
	p.cuts.MergeIn(mark[:])
}

// passAll notes the cuts of a snapshot. Some of what they name may be gone since that had
// been left out of the snapshot, or where it came from: until it is there again, these cuts
// are held, so that later ones of their origins are reached, and stand for nothing.
func (p *partition) passAll(x *intake, gone gossip.Dots) {
	var doubt session.Matrix
	for _, m := range x.cuts {
		switch {
		case len(p.applied.Of(m.Origin)) == 0: // its barrier is gone, too
			continue
		case p.passed(m.Origin) >= m.Seq:
		case len(gone) > 0 || x.doubt.Row(p.id).Seq(m.Origin) > 0:
			doubt = append(doubt, m)
		case p.cuts.Row(p.id).Seq(m.Origin) <= m.Seq: // all is there that it names
			p.doubt = slices.DeleteFunc(p.doubt, func(d session.Mark) bool { return d.Origin == m.Origin })
		}
		p.cuts.MergeIn(session.Matrix{m})
	}
	if len(doubt) > 0 {
		p.doubt.MergeIn(doubt)
		p.gap.MergeIn(gone)
		p.gap.MergeIn(x.gap)
	}
	p.trustCuts()
}

// inBoth is of each origin the lesser mark, of those that a and b both have. Both are of
// one partition.
func inBoth(a, b session.Matrix) (both session.Matrix) {
	for _, m := range a {
		if m.Seq = min(m.Seq, session.Row(b).Seq(m.Origin)); m.Seq > 0 {
			both = append(both, m)
		}
	}
	return both
}

// trustCuts lets go of doubt of cuts of which all is held again that they may name.
func (p *partition) trustCuts() {
	if len(p.doubt) == 0 {
		return
	}
	p.doubt = slices.DeleteFunc(p.doubt, func(m session.Mark) bool { return p.regained(m.Origin) })
	if len(p.doubt) == 0 {
		p.gap = p.gap[:0]
	}
}

// regained reports whether all is held again that a doubted cut of an origin may name. That
// is no more than what the origin held when it cut. What it has said to hold includes that,
// if it includes the barrier, which is one of the origin's dots that are held here.
func (p *partition) regained(origin uint64) bool {
	if p.applied.Includes(p.gap) {
		return true
	}
	made := p.log.KnownOf(origin)
	return len(made) > 0 && made.Includes(p.applied.Of(origin)) && p.applied.Includes(p.gap.Intersect(made))
}

// passed is the last cut of an origin of which p holds all that it names; 0 is none.
func (p *partition) passed(origin uint64) uint64 {
	if p.doubt.Row(p.id).Seq(origin) > 0 && !p.regained(origin) {
		return 0
	}
	return p.cuts.Row(p.id).Seq(origin)
}

// trusted are the cuts of which p holds all that they name.
func (p *partition) trusted() session.Matrix {
	p.trustCuts()
	return slices.DeleteFunc(p.cuts.Clone(), func(m session.Mark) bool { return p.doubt.Row(p.id).Seq(m.Origin) > 0 })
}

// includes reports whether p holds all that a past names of it.
func (r *Replica) includes(p *partition, past session.Matrix) bool {
	if !p.applied.Covers(past.Row(p.id)) {
		return false
	}
	for i := len(past) - 1; i >= 0 && past[i].Partition >= session.Cuts; i-- {
		m := past[i]
		if r.cfg.Ring.Owns(session.CutNode(m.Partition), p.id) && p.passed(m.Origin) < m.Seq {
			return false
		}
	}
	return true
}

// compact puts the mark of this replica's cut in place of those that the cut names, in
// the memory of past; and wants another cut if what is left is much.
func (r *Replica) compact(past session.Matrix) session.Matrix {
	if r.cut != nil && len(past) > min(fewMarks, r.cfg.MaxPast) {
		kept := past[:0]
		for _, m := range past {
			if !r.named(m) {
				kept = append(kept, m)
			}
		}
		if len(kept) < len(past) {
			mark := [1]session.Mark{{Partition: session.CutsOf(r.cfg.Self), Origin: r.cfg.Origin, Seq: r.cut.number}}
			kept.MergeIn(mark[:])
		}
		past = kept
	}
	r.wantCut = r.wantCut || len(past) > r.cfg.MaxPast
	return past
}

// named reports whether this replica's cut stands for a mark: that of a dot which it
// names; or that of a cut of which it held the barriers in all partitions that the node
// of that cut owns, so that whoever holds this replica's barrier there holds that one's.
func (r *Replica) named(m session.Mark) bool {
	if m.Partition < session.Cuts {
		x := r.cut.part(m.Partition)
		return x != nil && x.row.Seq(m.Origin) >= m.Seq
	}
	node := session.CutNode(m.Partition)
	if !slices.Contains(r.cfg.Ring.Nodes(), node) || m.Origin == r.cfg.Origin {
		return false
	}
	for id := range ring.Partition(r.cfg.Ring.Partitions()) {
		if !r.cfg.Ring.Owns(node, id) {
			continue
		}
		if x := r.cut.part(id); x == nil || x.other.Row(id).Seq(m.Origin) < m.Seq {
			return false
		}
	}
	return true
}

// compactSlot is compact for what is kept of a value's past. Writes go with it only where a
// mark of the cut takes their place: by that mark it is told that they are not all there.
func (r *Replica) compactSlot(s *slot) {
	few := min(fewMarks, r.cfg.MaxPast)
	if r.cut == nil || len(s.writes)+len(s.deps) <= few {
		return
	}
	var named, others session.Matrix
	forgotten := forgettable(r.cfg.Kinds, s.kind)
	for _, m := range s.writes {
		if r.named(m) && !forgotten { // where deletes can be forgotten, all writes have to be told
			named = append(named, m)
		} else { // a snapshot tells by it that the write is in the value
			others = append(others, m)
		}
	}
	all := s.deps.Clone()
	if all.MergeIn(named); len(all) > few {
		s.writes, s.deps = others, r.compact(all)
	}
}

// cuts reports whether marks of cuts are among those of a value's past.
func cuts(deps session.Matrix) bool {
	return len(deps) > 0 && deps[len(deps)-1].Partition >= session.Cuts
}
