package kvs

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A key that was deleted leaves a tombstone at each owner, which stands against earlier
// writes. An owner forgets it once no earlier write can come ([floors]) and every other
// owner holds the delete. Each owner does so by itself, at any time after, and writes
// nothing down: whatever brings the tombstone back, such as a start from records in which
// the delete is, does no harm, and it is forgotten again.
//
// That is done for kinds whose deletes stand by their time alone ([kind.Kind].Deleted): the
// register. Others keep what is left, for good:
//
//   - A counter's row carries the sum of all that its incarnation has added. Were the row
//     forgotten, the next increment would bring what was taken away back with it; were the
//     sum begun anew, an owner that has not forgotten yet would take it for an old one. It
//     takes another name for the row, on which all owners agree.
//   - A set from which can be taken keeps the names of what was taken away also where
//     something is left in it. Of two owners, one of which has forgotten these names before
//     an element is added and one after, one keeps them, and nobody can tell the two apart
//     from what differs; what an owner that was away brings back cannot be told from what is
//     new by one time, as each element has its own.
//   - What a kind of one's own does is not known here.
//
// What may bring an earlier write all the same is a disk: an owner that has lost the delete
// with it may hold the value. It lacks dots that no log has, so it is brought up by a
// snapshot. A snapshot of a partition in which something was forgotten names every value
// that there is, those that the receiver has too, and where the receiver holds a value that
// is not named, and of which every write is among those that the snapshot stands for, that
// was deleted and forgotten ([folding.drops]). In the other direction, the value comes
// from such an owner to one that has forgotten: it holds every write of it, and leaves it
// ([folding.of]). So it is with what a checkpoint does not name and earlier records
// have, where that of the delete cannot be read.
//
// A session that has read nothing where a tombstone was depends on the delete, and on what that
// depends on: at a level that asks for it, an answer tells the last writes of all tombstones
// that were forgotten in the partition, one an origin, and what they depend on, so that no
// owner that lacks the delete answers the session. A tombstone that depends on what is lost
// stays, as who reads it waits for that.
// A subscriber that goes to another owner is told that all up to that time is deleted.
//
// Tombstones wait in a queue, in the order in which they came. A step looks at no more than
// maxTombs of them, and none looks at all keys. What is kept for it is a place in the queue
// for each tombstone, and for each partition one row.
type tombs struct {
	queue tombQueue   // which are not old enough, or not looked at
	batch []tombstone // which this replica wants to forget

	starting bool // it is not known yet of which partitions the replica keeps all
}

type tombstone struct {
	p         *partition
	key, kind string
	clock     uint64 // no write in it is later
	rev       uint64 // of the slot, when it was found to be one
	marked    bool   // it was here when the replica saw to it that all is clean
	floor     uint64 // up to there, and
	era       uint64 // by these incarnations
}

const maxTombs = 64 // that a step looks at

// forgettable reports whether tombstones of a kind can be forgotten.
func forgettable(kinds *kind.Kinds, name string) bool {
	k, ok := kinds.Find(name)
	return ok && k.Deleted(0) != nil
}

// entomb puts a value in the queue if it is a tombstone that can be forgotten. clock is the
// latest hybrid time of a write that has come to it.
func (p *partition) entomb(key string, s *slot, clock uint64) {
	if p.tombs == nil || !p.keeps() && !p.tombs.starting || p.keeper != nil && s.val == nil && !p.keeper.starting {
		return
	}
	k, ok := p.values.kinds.Find(s.kind)
	partly := p.keeper != nil && p.keeper.starting && s.kept.at != 0 // what is in memory is not all of it: it is looked at again
	if !ok || s.val != nil && !k.Absent(s.val) && !partly || k.Deleted(0) == nil {
		return
	}
	p.bringUp(key, s, clock)
}

// bringUp has it looked at later whether a value is a tombstone.
func (p *partition) bringUp(key string, s *slot, clock uint64) {
	if s.until = max(s.until, clock); !s.tomb {
		s.tomb = true
		p.tombs.queue.push(tombstone{p: p, key: key, kind: s.kind})
	}
}

// lookAt brings up what is held of a kind under key, wherever that is kept, if it may be a tombstone
// that can be forgotten.
func (p *partition) lookAt(key, kind string, clock uint64) {
	if s, _ := p.slot(key, kind); s != nil && forgettable(p.values.kinds, kind) {
		p.bringUp(key, s, clock)
	}
}

// Unburied is how many tombstones wait to be forgotten, those that cannot be yet included.
func (r *Replica) Unburied() int { return r.tombs.queue.count + len(r.tombs.batch) }

// wantForgotten is the latest time of a tombstone that is old enough. When all that were
// wanted have been seen to, the next ones are.
func (r *Replica) wantForgotten() (want uint64) {
	t := r.tombs
	if len(t.batch) == 0 {
		before := r.lateBefore()
		for n := min(t.queue.count, maxTombs); n > 0; n-- {
			x := t.queue.pop()
			if s, _ := x.p.slot(x.key, x.kind); s != nil && (s.until > before || !r.includes(x.p, s.deps)) {
				t.queue.push(x)
			} else if s, isOne := r.tombOf(&x); isOne {
				x.clock, x.rev = s.until, s.rev
				t.batch = append(t.batch, x)
			}
		}
	}
	for i := range t.batch {
		want = max(want, t.batch[i].clock)
	}
	return want
}

// tombOf is the slot of a tombstone, and whether that is one still.
func (r *Replica) tombOf(x *tombstone) (s *slot, isOne bool) {
	if s, _ = x.p.slot(x.key, x.kind); s == nil {
		return nil, false
	}
	k, _ := r.cfg.Kinds.Find(x.kind)
	if !x.p.keeps() || !k.Absent(x.p.value(s)) {
		s.tomb = false
		return s, false
	}
	return s, true
}

// marked notes which tombstones are here now that all is seen to be clean up to floor.
func (t *tombs) marked(floor, era uint64) {
	for i := range t.batch {
		x := &t.batch[i]
		if s, _ := x.p.slot(x.key, x.kind); s != nil && s.rev == x.rev {
			x.marked, x.floor, x.era = x.clock <= floor, floor, era
		}
	}
}

// unmarked reports whether there is one that was not here then.
func (t *tombs) unmarked(floor, era uint64) bool {
	return slices.ContainsFunc(t.batch, func(x tombstone) bool { return x.clock <= floor && (!x.marked || x.era != era) })
}

// bury forgets the tombstones that stand against nothing any more.
func (r *Replica) bury() {
	t := r.tombs
	if len(t.batch) == 0 {
		return
	}
	until, era := r.forgettable(), r.era()
	t.batch = slices.DeleteFunc(t.batch, func(x tombstone) bool {
		s, _ := x.p.slot(x.key, x.kind)
		if s != nil && s.rev == x.rev && (!x.marked || x.era != era || x.clock > until || x.p.followed(x.key, x.kind)) {
			return false
		}
		s, isOne := r.tombOf(&x)
		switch {
		case !isOne || r.keeper != nil && r.keeper.failure != nil:
		case s.rev != x.rev, !r.includes(x.p, s.deps): // something has come to it, and it waits anew; or it depends on what is lost
			t.queue.push(tombstone{p: x.p, key: x.key, kind: x.kind})
		default:
			r.forget(&x, s)
		}
		return true
	})
}

// buries reports whether a tombstone is about to be forgotten: it waits for no subscriber, who
// may wait for what is lost.
func (r *Replica) buries() bool {
	return slices.ContainsFunc(r.tombs.batch, func(x tombstone) bool { return !x.p.followed(x.key, x.kind) })
}

// followed reports whether a subscriber has not confirmed yet that the key is deleted.
func (p *partition) followed(key, kind string) bool {
	return slices.ContainsFunc(p.subs, func(s *subscription) bool {
		return s.q.Key == key && s.q.Kind == kind && (s.acked < s.version || s.behind(p))
	})
}

// forget takes a tombstone out of what is held, and tells observers.
func (r *Replica) forget(x *tombstone, s *slot) {
	p := x.p
	p.buried = max(p.buried, x.clock)
	p.buriedWrites.MergeIn(s.writes)
	if p.buriedDeps.MergeIn(s.deps); len(p.buriedDeps) > fewMarks {
		p.buriedDeps = r.compact(p.buriedDeps)
	}
	r.accepts = append(r.accepts, gossip.Entry{Key: x.key, Kind: x.kind, Clock: x.clock, Delta: p.value(s).Append(nil)})
	r.emit(Effect{Kind: EffectForget, Entry: &r.accepts[len(r.accepts)-1]})
	r.stats.Forgotten++
	for _, sub := range p.subs {
		if sub.q.Key == x.key && sub.q.Kind == x.kind { // it has been told
			sub.found, sub.rev = false, 0
		}
	}
	p.drop(x.key, x.kind)
}

// drop has nothing held of a kind under key.
func (p *partition) drop(key, kind string) {
	c := p.cell(key)
	if c == nil {
		return
	}
	p.giving.preserve(p, c)
	at := slices.IndexFunc(c.slots, func(s slot) bool { return s.kind == kind })
	if at < 0 {
		return
	}
	if s := &c.slots[at]; s.kept != nil {
		p.keeper.forget(s.kept)
	}
	if c.slots = slices.Delete(c.slots, at, at+1); len(c.slots) == 0 {
		p.cells.remove(c)
	}
}

// writesWithin reports whether the writes in a value, as far as they are among all, are in
// dots.
func writesWithin(writes session.Matrix, all, dots gossip.Dots) bool {
	var in gossip.Dots
	for _, m := range writes {
		for _, x := range all.Of(m.Origin) {
			if x.Lo <= m.Seq {
				in = append(in, gossip.Span{Origin: x.Origin, Lo: x.Lo, Hi: min(x.Hi, m.Seq)})
			}
		}
	}
	return len(writes) > 0 && dots.Includes(in)
}

// absent forgets what p holds of kinds that can be forgotten and a whole state with those
// dots does not name, where p has nothing of it that the state does not stand for.
func (p *partition) absent(named func(key, kind string) bool, before, dots gossip.Dots) {
	if !p.owned {
		return
	}
	var gone []ownID
	for c := range p.cells.from("") {
		for i := range c.slots {
			s := &c.slots[i]
			if forgettable(p.values.kinds, s.kind) && !named(c.key, s.kind) && writesWithin(s.writes, before, dots) {
				gone = append(gone, ownID{s.kind, c.key})
			}
		}
	}
	for _, n := range gone {
		p.drop(n.key, n.kind)
	}
}

// absent has p forget what a whole checkpoint of it does not name.
func (x *recoveredPart) absent(p *partition, before gossip.Dots) {
	if len(x.parts) == 0 || x.parts[0].Buried == 0 {
		return
	}
	names := make(map[ownID]bool)
	for i := range x.parts {
		for j := range x.parts[i].Values {
			names[ownID{x.parts[i].Values[j].Kind, x.parts[i].Values[j].Key}] = true
		}
		for j := range x.parts[i].Kept {
			names[ownID{x.parts[i].Kept[j].Kind, x.parts[i].Kept[j].Key}] = true
		}
	}
	first := &x.parts[0]
	p.absent(func(key, kind string) bool { return names[ownID{kind, key}] }, before, first.Applied)
	p.buriedElsewhere(first.Buried, first.BuriedWrites, first.BuriedDeps)
}

// buriedElsewhere takes over what another state of p has forgotten.
func (p *partition) buriedElsewhere(clock uint64, writes, deps session.Matrix) {
	p.buried = max(p.buried, clock)
	p.buriedWrites.MergeIn(writes)
	p.buriedDeps.MergeIn(deps)
}

// deletedUntil is what a subscriber of a key of which nothing is held is told, nil for
// nothing: that all up to the last time that was forgotten is deleted.
func (r *Replica) deletedUntil(p *partition, name string) []byte {
	k, ok := r.cfg.Kinds.Find(name)
	if !ok || p.buried == 0 {
		return nil
	}
	if v := k.Deleted(p.buried); v != nil {
		return v.Append(nil)
	}
	return nil
}

// sawForgotten joins into the past of a session what it depends on where it is shown a value
// of p, or nothing, since tombstones have been forgotten.
func (r *Replica) sawForgotten(l session.Level, p *partition, past *session.Matrix) {
	g := l.Guarantees()
	if p.buried == 0 || g&(session.MR|session.WFR) == 0 {
		return
	}
	past.MergeIn(p.buriedWrites)
	if g&(session.MW|session.WFR) != 0 {
		past.MergeIn(p.buriedDeps)
	}
}

func (t *tombs) clone(of *Replica) *tombs {
	c := &tombs{queue: t.queue.clone(), batch: slices.Clone(t.batch), starting: t.starting}
	c.queue.each(func(x *tombstone) { x.p = of.byID[x.p.id] })
	for i := range c.batch {
		c.batch[i].p = of.byID[c.batch[i].p.id]
	}
	return c
}

func (t *tombs) append(dst []byte) []byte {
	dst = varint.Append(dst, uint64(t.queue.count))
	t.queue.each(func(x *tombstone) { dst = x.append(dst) })
	dst = varint.Append(dst, uint64(len(t.batch)))
	for i := range t.batch {
		dst = t.batch[i].append(dst)
	}
	return dst
}

func (x *tombstone) append(dst []byte) []byte {
	dst = varint.Append(wire.AppendString(wire.AppendString(varint.Append(dst, uint64(x.p.id)), x.key), x.kind), x.clock)
	s, _ := x.p.rawSlot(x.key, x.kind)
	dst = wire.AppendBool(wire.AppendBool(dst, x.marked), s != nil && s.rev == x.rev)
	return varint.Append(varint.Append(dst, x.floor), x.era)
}
