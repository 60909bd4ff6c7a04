package kvs

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// The log would grow with all that is ever written. So the state is written to it from
// time to time, as a checkpoint, and what came before is cut off: recovery reads no
// more than the last checkpoint and the records since it began.
//
// A checkpoint lies among the other records, and while it is written the replica goes
// on. It is given partition by partition, in parts of about BatchBytes, and the next part
// when the one before is durable, so that little of it is under way at a time, and no step
// takes long however much is held. All parts of a partition are of one moment, that of the
// first: a value that is to change before its turn is given before it changes. Behind the partitions come the sessions, all at once: a session
// must be remembered wherever a value has its write. Each record that a partition or
// the sessions do not have in them yet comes behind the point at which the log is cut,
// which is the first record that was not durable when the checkpoint began. Recovery
// joins all that it finds, in whatever order: everything in it is a lattice.
//
// A checkpoint that is not whole, since a crash came between or since one of its
// records cannot be read, counts for nothing where it would show less than it names:
// a partition of which a part is missing is left out, and all of it without the
// sessions. Peers bring that up then as after a lost disk.

// checkpoint is the one being written, and what says when the next one begins.
type checkpoint struct {
	logged  int // bytes of records since the last one began, its own excepted
	size    int // bytes of the last one
	running bool
	number  uint64
	cut     uint64         // token of the first record that it does not make needless
	await   uint64         // token of the last of its records given
	next    ring.Partition // to be given; after the last one come the sessions
	hardens bool           // what it has put elsewhere is being made durable
	kept    bool           // it has put something elsewhere that is not durable yet
	done    bool           // all of it has been given
	written int            // bytes of it so far
}

// beginCheckpoint begins a checkpoint if one is due.
func (r *Replica) beginCheckpoint() {
	c := &r.checkpoint
	due := c.logged >= max(r.cfg.CheckpointBytes, c.size) || r.keeper != nil && r.keeper.dirty > r.cfg.CacheBytes/2
	if c.running || r.cfg.CheckpointBytes < 0 || !due {
		return
	}
	c.running, c.done, c.next, c.written, c.logged = true, false, 0, 0, 0
	c.number++
	c.cut = r.token + 1
	if len(r.batches) > 0 {
		c.cut = r.batches[0].first
	}
	r.nextOfCheckpoint()
}

// writeCheckpoint goes on with a checkpoint, given that all up to token is durable, and
// begins one if it is due.
func (r *Replica) writeCheckpoint(token uint64) {
	c := &r.checkpoint
	switch {
	case !c.running:
		r.beginCheckpoint()
	case token < c.await || c.hardens:
	case !c.done:
		r.nextOfCheckpoint()
	default:
		c.running, c.size = false, c.written
		r.stats.Checkpoints++
		r.emit(Effect{Kind: EffectTruncate, Token: c.cut})
		for _, p := range r.parts {
			p.handedBefore = handed{}
		}
		if r.keeper != nil {
			r.keeper.whole()
		}
	}
}

// hardened goes on with the checkpoint of that number: what it has put elsewhere is
// durable.
func (r *Replica) hardened(number uint64) {
	if c := &r.checkpoint; c.hardens && c.number == number {
		c.hardens, c.kept = false, false
		r.nextOfCheckpoint()
	}
}

// nextOfCheckpoint gives the next partition that holds something, or the sessions.
func (r *Replica) nextOfCheckpoint() {
	c := &r.checkpoint
	logged := c.logged
	for !c.done && logged == c.logged {
		if int(c.next) == len(r.byID) {
			if c.kept { // with the sessions the checkpoint counts, and all that it names has to be there
				c.hardens = true
				r.emit(Effect{Kind: EffectHarden, Token: c.number})
				break
			}
			if len(r.taken) > 0 { // told before what has values without these rows counts
				r.tellTaken()
				break
			}
			r.checkpointMembers()
			r.checkpointSessions()
			c.done = true
			break
		}
		if p := r.byID[c.next]; p != nil && !r.givePartition(p) {
			break
		}
		c.next++
	}
	c.written += c.logged - logged
	c.logged, c.await = logged, r.token
}

// givePartition gives the next part of p, and reports whether that was the last. Once members have come
// or gone, of a partition of others it gives the log alone, which has what waits to be handed over: the
// node may own the partition when it starts again, and neither the dots of what it has handed over nor
// values with that in them are to be there then. In a checkpoint from before that, see [Replica.restore].
func (r *Replica) givePartition(p *partition) (all bool) {
	if p.giving != nil {
		return p.giving.goOn(p)
	}
	g := &giving{r: r, of: p.fold, in: p.intake, vals: len(p.applied) == 0}
	if !g.vals {
		if r.giveLog(p); r.viewName != 0 && !p.keeps() {
			return true
		}
		p.trustCuts()
		g.part = wire.CheckpointPart{Of: p.id, Applied: p.applied, Cuts: p.cuts, Gap: p.gap, Doubt: p.doubt, Buried: p.buried, BuriedWrites: p.buriedWrites.Clone(), BuriedDeps: p.buriedDeps.Clone()}
		if r.keeper != nil {
			g.part.Keeper = r.keeper.from.ID()
		}
	}
	return g.goOn(p)
}

// giveLog gives the deltas that a peer may lack.
func (r *Replica) giveLog(p *partition) {
	p.handed, p.handedBefore = handed{}, p.handed.and(p.handedBefore)
	entries, size := r.offers[:0], 0
	flush := func() {
		if len(entries) > 0 {
			from := len(r.wire)
			r.wire = wire.AppendRecord(r.wire, p.id, entries)
			r.record(from)
		}
		entries, size = entries[:0], 0
	}
	for e := range p.log.All() {
		if size > 0 && size+e.Size() > r.cfg.BatchBytes {
			flush()
		}
		entries, size = append(entries, e), size+e.Size()
	}
	flush()
	clear(entries[:cap(entries)]) // they hold on to memory
	r.offers = entries
}

// checkpointSessions gives what concerns no single partition.
func (r *Replica) checkpointSessions() {
	x, size := wire.CheckpointPart{Sessions: true}, 0
	x.Forgotten, x.Floors = r.sessions.forgotten, r.nodeFloors()
	for _, m := range r.sessions.ascending() {
		if size > 0 && size+servedSize*len(m.requests) > r.cfg.BatchBytes {
			r.giveCheckpoint(&x, false)
			x.Clients, x.Floors, size = x.Clients[:0], nil, 0
		}
		x.Clients, size = m.appendServed(x.Clients), size+servedSize*len(m.requests)
	}
	r.giveCheckpoint(&x, true)
}

// giveCheckpoint gives a part, and makes x the one after it.
func (r *Replica) giveCheckpoint(x *wire.CheckpointPart, last bool) {
	x.Origin, x.Number, x.Clock, x.Last = r.cfg.Origin, r.checkpoint.number, r.clock.last, last
	x.Moved = r.viewName != 0 && (x.Sessions || x.At == 0)
	from := len(r.wire)
	r.wire = wire.AppendCheckpoint(r.wire, x)
	r.record(from)
	x.At++
}

const servedSize = 14 // bytes of a request in a record, about

// recovery is what of snapshots and checkpoints has been found so far, and cannot be
// joined in before the rest is.
type recovery struct {
	taken          []recoveredIntake // whole, in the order in which they were
	open           []recoveredIntake // in part
	origin, number uint64            // of the checkpoint that parts are of
	parts          []recoveredPart
	sessions       recoveredPart
	size, last     int // bytes of that checkpoint, and of the last one that was whole
	early          []recoveredEarly

	// Where values are kept outside, only the last whole checkpoint counts.
	counts checkpointName
	lost   []wire.Slot // of which a record says so

	touched []wire.Touched // values that were marked
}

type checkpointName struct{ origin, number uint64 }

// recoveredEarly is an entry that was found before what it names, which may lie in a
// checkpoint that was written after it.
type recoveredEarly struct {
	p     *partition
	e     gossip.Entry
	delta kind.Value
}

// reach takes the entries of which by now what they name has been found. The others name
// what is not on the disk; the peers have both.
func (x *recovery) reach(maxKnown int) {
	for again := true; again; {
		again = false
		rest := x.early[:0]
		for i := range x.early {
			b := x.early[i]
			switch {
			case b.p.applied.Contains(b.e.Dot):
				b.p.log.Add(&b.e, 0)
			case !b.p.early(&b.e):
				b.p.recovered(&b.e, b.delta, maxKnown)
				again = true
			default:
				rest = append(rest, b)
			}
		}
		x.early = rest
	}
}

// recoveredPart is a partition of a checkpoint, or its sessions.
type recoveredPart struct {
	of    ring.Partition
	parts []wire.CheckpointPart
	whole bool
}

// add takes the next part and reports whether all are there now. Parts lie in order: one
// out of turn means that another is missing.
func (x *recoveredPart) add(part wire.CheckpointPart) {
	if int(part.At) == len(x.parts) && !x.whole {
		x.parts, x.whole = append(x.parts, part), part.Last
	}
}

// recoverCheckpoint reads back a part of a checkpoint, and joins all of it in that is
// whole when its last part has come.
func (r *Replica) recoverCheckpoint(rec []byte, past *recovery) error {
	x, err := r.in.Checkpoint(rec)
	if err != nil {
		return err
	}
	if x.Origin != past.origin || x.Number != past.number {
		*past = recovery{
			taken: past.taken, open: past.open, origin: x.Origin, number: x.Number, last: past.last, early: past.early,
			counts: past.counts, lost: past.lost, touched: past.touched,
		}
	}
	if r.keeper != nil && past.counts != (checkpointName{x.Origin, x.Number}) {
		return nil
	}
	past.size += len(rec)
	if !x.Sessions {
		at := len(past.parts) - 1
		if at < 0 || past.parts[at].of != x.Of {
			past.parts = append(past.parts, recoveredPart{of: x.Of})
			at++
		}
		x.Cuts, x.Doubt, x.Values = x.Cuts.Clone(), x.Doubt.Clone(), cloneMarks(x.Values)
		x.BuriedWrites, x.BuriedDeps = x.BuriedWrites.Clone(), x.BuriedDeps.Clone()
		for i := range x.Kept {
			v := &x.Kept[i]
			v.Writes, v.Deps = v.Writes.Clone(), v.Deps.Clone()
		}
		past.parts[at].add(x)
		return nil
	}
	if past.sessions.add(x); !past.sessions.whole {
		return nil
	}
	past.last = past.size
	for _, x := range past.sessions.parts {
		r.clock.Observe(x.Clock)
		for _, s := range x.Clients {
			r.note(s)
		}
		r.sessions.forgotten = max(r.sessions.forgotten, x.Forgotten)
		r.recoverFloors(x.Floors)
	}
	for i := range past.parts {
		if p := &past.parts[i]; p.whole {
			if err := r.restore(p, past); err != nil {
				return err
			}
		}
	}
	past.parts, past.sessions = nil, recoveredPart{}
	return nil
}

// cloneMarks has values share no marks with the buffer that they were decoded with.
func cloneMarks(values []wire.HeldValue) []wire.HeldValue {
	for i := range values {
		v := &values[i]
		v.Writes, v.Deps = v.Writes.Clone(), v.Deps.Clone()
	}
	return values
}

// restore joins in a partition of a checkpoint.
func (r *Replica) restore(x *recoveredPart, past *recovery) error {
	if int(x.of) >= r.cfg.Ring.Partitions() {
		return errPartition(x.of, r.cfg.Ring)
	}
	if r.viewName != 0 && !x.parts[0].Moved && !r.cfg.Ring.Owns(r.cfg.Self, x.of) {
		return nil // it may name what had been handed over; what had not is in records of its own
	}
	if whole, err := r.reachable(x, past); !whole {
		r.lost = append(r.lost, x.of)
		return err
	}
	p := r.partition(x.of)
	had := p.applied.Clone()
	for i := range x.parts {
		part := &x.parts[i]
		for i := range part.Kept {
			if err := p.find(&part.Kept[i], part.Clock, r); err != nil {
				return err
			}
		}
		values, err := r.keepValues(nil, x.of, part.Values)
		if err != nil {
			return err
		}
		for i := range values {
			values[i].until = part.Clock
		}
		p.join(values)
		p.applied.MergeIn(part.Applied)
		p.cuts.MergeIn(part.Cuts)
		p.doubt.MergeIn(part.Doubt)
		p.gap.MergeIn(part.Gap)
		r.clock.Observe(part.Clock)
	}
	x.absent(p, had)
	return nil
}

// recovered works out what follows from all records together.
func (r *Replica) recovered(records [][]byte, past *recovery) error {
	past.absorb(r)
	r.markAgain(past)
	r.stats.Unreadable = uint64(r.cfg.Unreadable)
	c := &r.checkpoint
	for _, rec := range records {
		c.logged += len(rec)
	}
	c.size = past.last
	c.logged -= c.size
	if r.keeper != nil {
		r.keeper.found()
	}
	for _, p := range r.parts {
		r.shed(p) // of what was found before what it names, too
		r.settleAll(p)
		p.changes.Reset() // nobody has been told anything yet
		p.rev = p.applied.Count()
		p.changes.NoteAll(p.applied, p.rev, len(p.applied), r.cfg.MaxKnown)
		var held gossip.Dots
		for e := range p.log.All() {
			held.Add(e.Dot)
		}
		if !p.logTruncated && !held.Includes(p.applied) {
			p.logTruncated = true
		}
	}
	return nil
}

// append writes what is still to come of a checkpoint, as seen from the last token.
func (c *checkpoint) append(dst []byte, token uint64) []byte {
	dst = varint.Append(varint.Append(dst, uint64(c.logged)), uint64(c.size))
	dst = varint.Append(wire.AppendBool(dst, c.running), c.number)
	if !c.running {
		return dst
	}
	if c.kept {
		dst = wire.AppendBool(append(dst, 'h'), c.hardens)
	}
	dst = varint.Append(varint.Append(dst, token-c.await), token-c.cut+1) // which is the next one, or before it
	return varint.Append(varint.Append(wire.AppendBool(dst, c.done), uint64(c.next)), uint64(c.written))
}
