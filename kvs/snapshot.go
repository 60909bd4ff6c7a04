package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// A peer lacks writes whose deltas every owner had reclaimed, as its disk was lost or taken
// back in time, or that logs held to a bound have forgotten. It is brought up by a snapshot
// of the partition: each value with its writes and what they depend on, the requests that
// were served, and which dots are in all of it.
//
// This file has the side that sends, which remembers next to nothing. It offers a snapshot,
// and the peer asks for pieces, from where it stands, of at most so many bytes: a window of
// them is on its way from one replica to another, and no more but for what was given up as
// lost. A piece is made of what is held at that moment, and those of one ask at one moment.
// What changes between two asks the next pieces have, or do not: values and sessions come
// in one order, so that what lies before a piece in that order is in the pieces before, as
// of the state that they were made of, or of a later one. So whoever has all pieces has
// every dot that is in the states of all of them, and any owner can go on where another
// one has ended. What it lacks beyond that comes as deltas, or with another snapshot.
//
// A value of which the peer holds every write is left out, as is a request whose write it
// holds. So a snapshot for a peer that lacks little is small, as is the next one after
// another that took long.

const (
	pieceHead  = 96 // bytes of a piece beside its values, requests and dots, at most
	servedMost = 60 // bytes of a request in it, at most
	offerTicks = 4  // that pass before a snapshot is offered again
)

// offer tells whether a snapshot of p is offered to peer at now.
func (r *Replica) offer(p *partition, at int) bool {
	if r.tick < p.links[at].offered {
		return false
	}
	p.links[at].offered = r.tick + offerTicks
	return true
}

// outgoing makes the pieces that answer an ask.
type outgoing struct {
	r     *Replica
	to    int
	ask   *wire.Ask
	known gossip.Dots // what the peer is known to hold
	piece wire.Piece
	size  int // of piece
	sent  int // bytes of those before it
	seen  int // values looked at
	full  bool
}

// serve answers a peer's ask. One that comes twice, or late, is not answered again.
func (r *Replica) serve(p *partition, to int, asker uint64, a *wire.Ask) {
	peer := &r.peers[to]
	if !p.keeps() || !p.shared[to] || asker < peer.asker || asker == peer.asker && a.Number <= peer.answered {
		return
	}
	peer.asker, peer.answered = asker, a.Number
	p.links[to].offered = r.tick + offerTicks
	o := outgoing{r: r, to: to, ask: a}
	if p.log.PeerIncarnation(peer.id) == asker {
		o.known = p.log.Known(peer.id)
	}
	o.piece = wire.Piece{
		Partition: p.id, Origin: r.cfg.Origin, To: asker, Ask: a.Number, First: a.After == (wire.Cursor{}),
		Clock: r.clock.last, Forgotten: r.sessions.forgotten, Buried: p.buried, BuriedWrites: p.buriedWrites, BuriedDeps: p.buriedDeps,
	}
	p.trustCuts()
	o.piece.Applied, o.piece.Cuts, o.piece.Gap, o.piece.Doubt = p.applied, p.cuts, p.gap, p.doubt
	o.size = pieceHead + len(session.Row(p.cuts).Append(p.applied.Append(nil)))
	if len(p.doubt) > 0 {
		o.size += len(session.Row(p.doubt).Append(p.gap.Append(nil)))
	}
	o.values(p)
	o.clients(p)
	o.piece.Last = !o.full
	p.links[to].served = !o.full
	o.flush()
}

// values adds those that come behind the cursor.
func (o *outgoing) values(p *partition) {
	after := &o.ask.After
	if after.Sessions {
		return
	}
	for c := range p.folded(after.Key) {
		for i := range c.slots {
			s := &c.slots[i]
			if c.key == after.Key && s.kind <= after.Kind {
				continue
			}
			if o.looked() {
				return
			}
			if holds(o.known, s) && !o.stops(s) {
				if !o.same(c.key, s.kind) {
					return
				}
				continue
			}
			v := wire.HeldValue{Key: c.key, Kind: s.kind, Value: p.encoded(s), Writes: s.writes, Deps: s.deps}
			o.r.value = v.Append(o.r.value[:0])
			if len(o.r.value) > o.r.cfg.whole() {
				if !o.inParts(v) {
					return
				}
				continue
			}
			if !o.room(len(o.r.value)) {
				return
			}
			o.piece.Values = append(o.piece.Values, v)
		}
	}
}

// looked notes that one more value is looked at, and reports whether that is one too many: what
// is behind the last one that is told of is for the next ask.
func (o *outgoing) looked() bool {
	o.seen++
	o.full = o.seen > o.r.cfg.SnapshotValues && (o.piece.At > 0 || len(o.piece.Values) > 0)
	return o.full
}

// stops reports whether s, which the peer has, is sent all the same, so that it can ask for what
// is behind: as many have been looked at as may be, and none is named.
func (o *outgoing) stops(s *slot) bool {
	return o.seen >= o.r.cfg.SnapshotValues && o.piece.Buried == 0 && o.piece.At == 0 && len(o.piece.Values) == 0 && s.size <= o.r.cfg.whole()/2
}

// same names a value that the peer has, where that is to be told, and reports whether there
// was room.
func (o *outgoing) same(key, kind string) bool {
	if o.piece.Buried == 0 {
		return true
	}
	const more = 3 // bytes beside the names
	if !o.room(len(key) + len(kind) + more) {
		return false
	}
	o.piece.Values = append(o.piece.Values, wire.HeldValue{Key: key, Kind: kind, Same: true})
	return true
}

// holds reports whether a peer that holds known has all that is in s. Where marks stand for
// others, that cannot be told.
func holds(known gossip.Dots, s *slot) bool {
	return len(s.writes) > 0 && !cuts(s.deps) && known.Covers(session.Row(s.writes))
}

// clients adds the requests of the sessions that come behind the cursor.
func (o *outgoing) clients(p *partition) {
	if o.full {
		return
	}
	var told []wire.Served
	for _, m := range o.r.sessions.ascending() {
		if o.ask.After.Sessions && m.client <= o.ask.After.Client {
			continue
		}
		told = slices.DeleteFunc(m.appendServed(told[:0]), func(x wire.Served) bool {
			return x.Dot.Seq != 0 && (x.Partition != p.id || o.known.Contains(x.Dot))
		})
		if len(told) == 0 {
			continue
		}
		if !o.room(servedMost * len(told)) {
			return
		}
		o.piece.Clients = append(o.piece.Clients, told...)
	}
}

// room makes room for so many bytes, in the next piece if need be, and reports whether
// there is some: the first value is sent though it is larger than the window.
func (o *outgoing) room(more int) bool {
	c, x := &o.r.cfg, &o.piece
	empty := len(x.Values) == 0 && len(x.Clients) == 0
	next := !empty && o.size+more > c.BatchBytes
	if next {
		more += pieceHead
	}
	o.full = (x.At > 0 || !empty) && uint64(o.sent+o.size+more) > min(uint64(c.SnapshotBytes), o.ask.Bytes) ||
		next && uint64(x.At)+1 >= min(uint64(c.SnapshotPieces), o.ask.Pieces)
	if o.full {
		return false
	}
	if next {
		o.next()
	}
	o.size += more
	return true
}

// next sends the piece, behind which another comes, and begins that.
func (o *outgoing) next() {
	x := &o.piece
	x.More = true
	o.flush()
	*x = wire.Piece{
		Partition: x.Partition, Origin: x.Origin, To: x.To, Ask: x.Ask, At: x.At + 1, Clock: x.Clock, Forgotten: x.Forgotten, Buried: x.Buried,
		Values: x.Values[:0], Clients: x.Clients[:0],
	}
}

// flush sends the piece.
func (o *outgoing) flush() {
	r := o.r
	from := len(r.wire)
	r.wire = wire.AppendSnapshot(r.wire, r.cfg.Self, &o.piece)
	o.sent, o.size = o.sent+len(r.wire)-from, 0
	r.emit(Effect{Kind: EffectSend, To: r.peers[o.to].id, Sends: wire.MsgSnapshot, Msg: r.written(from)})
}

// touches reports whether some of the hidden writes may be in a value. Where the last writes
// of a value are not known, any may.
func touches(hidden gossip.Dots, writes, deps session.Matrix) bool {
	return len(hidden) > 0 && (len(writes) == 0 || cuts(deps)) ||
		slices.ContainsFunc(writes, func(m session.Mark) bool { return hidden.Below(m.Origin, m.Seq+1) })
}

// touch has peers fetch values of p, which may have writes that nobody is told of: they are
// marked as written by a dot of this replica's own, once a record says so. Sessions that
// read one depend on that dot, and it must not be gone with the incarnation.
func (r *Replica) touch(p *partition) {
	if len(p.hazy) == 0 {
		return
	}
	p.seq++
	b := r.newBatch(p)
	b.touched = wire.Touched{Of: p.id, Dot: causal.Dot{Origin: r.cfg.Origin, Seq: p.seq}}
	for _, n := range p.hazy {
		b.touched.Names = append(b.touched.Names, wire.ValueName{Key: n.key, Kind: n.kind})
	}
	p.hazy = nil
	b.first, b.token = r.token+1, r.token+1
	r.batches = append(r.batches, b)
	p.pending++
	from := len(r.wire)
	r.wire = b.touched.Append(r.wire)
	r.record(from)
}

// touched marks values, given that the record of that is durable.
func (r *Replica) touched(p *partition, x *wire.Touched) {
	p.mark(x)
	p.rev++
	p.changes.Note(x.Dot.Origin, p.rev, len(p.applied), r.cfg.MaxKnown)
	p.truncated(r.peers)
}

// mark marks values as written by the dot.
func (p *partition) mark(x *wire.Touched) {
	mark := markOf(p.id, x.Dot)
	for _, n := range x.Names {
		if s := p.change(n.Key, n.Kind); s != nil {
			s.writes.MergeIn(mark[:])
		}
	}
	p.applied.Add(x.Dot)
}

// recoverTouched reads back which values were marked.
func (r *Replica) recoverTouched(rec []byte, past *recovery) error {
	x, err := r.in.Touched(rec)
	if err != nil {
		return err
	}
	if int(x.Of) >= r.cfg.Ring.Partitions() {
		return errPartition(x.Of, r.cfg.Ring)
	}
	past.touched = append(past.touched, x)
	return nil
}

// markAgain marks what was marked before the start. What that has been marked for needs no
// other mark.
func (r *Replica) markAgain(past *recovery) {
	for i := range past.touched {
		x := &past.touched[i]
		p := r.partition(x.Of)
		p.mark(x)
		p.hazy = slices.DeleteFunc(p.hazy, func(n ownID) bool { return slices.Contains(x.Names, wire.ValueName{Key: n.key, Kind: n.kind}) })
	}
}

type keptValue struct {
	key, kind    string
	value        kind.Value
	writes, deps session.Matrix
	size         int    // encoded
	until        uint64 // no write in it is later
}

// keepValues decodes what is held in partition id.
func (r *Replica) keepValues(dst []keptValue, id ring.Partition, values []wire.HeldValue) ([]keptValue, error) {
	for _, v := range values {
		if v.Same {
			continue
		}
		k, known := r.cfg.Kinds.Find(v.Kind)
		if !known || r.cfg.Ring.PartitionOf(v.Key) != id {
			return nil, fmt.Errorf("%w: unknown kind %q, or key %q in partition %d", wire.ErrMessage, v.Kind, v.Key, id)
		}
		value, err := k.Decode(v.Value)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", wire.ErrMessage, err)
		}
		dst = append(dst, keptValue{key: v.Key, kind: v.Kind, value: value, writes: v.Writes.Clone(), deps: v.Deps.Clone(), size: len(v.Value)})
	}
	return dst, nil
}

// join joins in what is held elsewhere, or was once held here.
func (p *partition) join(values []keptValue) {
	for _, v := range values {
		held := p.change(v.key, v.kind)
		switch {
		case held == nil:
			held = p.place(v.key, v.kind, v.value.Clone(), v.size)
		case held.val == nil:
			held.val, held.kept.rest = v.value.Clone(), true
			p.grew(held, v.size)
		default:
			held.val.MergeIn(v.value)
			p.grew(held, v.size)
		}
		held.writes.MergeIn(v.writes)
		held.deps.MergeIn(v.deps)
		p.entomb(v.key, held, v.until)
	}
}
