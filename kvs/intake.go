package kvs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// This file has the side that takes a snapshot in. It asks one of the peers that offer one
// for pieces, as many as it has room for, and for the next ones when these are durable. An
// ask that nothing comes of is repeated from where the pieces end that have come; after a
// few, another peer is asked for the rest. Pieces that answer an earlier ask are left: they
// may go on from elsewhere. So are the parts of a value of which others did not come.
//
// Nothing of a snapshot is visible before all of it is durable. Until then its pieces lie
// among the records and in memory, encoded; a checkpoint writes them once more. So a start
// finds how far a snapshot had come, and goes on from there, if the replica still holds
// what it had told the senders, which leave that out. What nobody is left to finish is
// forgotten: no peer holds any of what it would bring.
//
// All of a snapshot becomes visible in one step, which therefore takes as long as the
// partition is large: about 2 µs for each value of 1 KiB. It is not made in parts, as a
// checkpoint is. Which writes a replica holds is one set for the partition, and what it tells,
// checkpoints, and gives in snapshots of its own goes by that set: a value that has a write
// which is not in it yet would be one of those hidden writes that nobody is told of, and a set
// with writes whose values are not there yet would have reads answered without them, unless
// every access to a value first took in what is pending for its key. Where the step must be
// short whatever is held, there are to be as many partitions: with a thousand keys in each it
// is as long with a thousand keys as with a hundred times as many.

const (
	askTicks  = 4 // that an ask is waited for at first, since the last piece
	lateTicks = 2 // that others are waited for once the last one of an ask is there
	askTries  = 3 // asks of one peer that nothing comes of
)

// intake is a snapshot of a partition of which some pieces have come. Its pieces are not
// changed once made.
type intake struct {
	begun, number uint64 // see [wire.StoredPiece]
	at            wire.Cursor
	from          uint64         // the incarnation that has sent the last piece
	to, ask       uint64         // the incarnation that had asked for that, and the number of its ask
	last          uint32         // which of the pieces that answer it that is
	base          gossip.Dots    // what all states have that pieces were made of
	cuts          session.Matrix // of all of these states too
	doubt         session.Matrix // of any of them
	gap           gossip.Dots    // of any of them
	held          gossip.Dots    // at the time of the last piece, here
	pieces        [][]byte
	open          int            // how many of them, the last ones, are parts of a value that is not whole yet
	part          ownID          // that value
	names         []ownID        // of their values, ascending by key and kind
	buried        uint64         // see [wire.Piece]; 0 mostly
	buriedWrites  session.Matrix // of all of these states
	buriedDeps    session.Matrix
	whole         bool
	own           causal.Dot // see [intake.values]; zero mostly
}

// fetch is what is under way from a peer.
type fetch struct {
	on      bool
	part    ring.Partition
	number  uint64 // of the ask
	next    uint32 // the piece that comes next
	stopped bool   // all have come, and are being persisted
	early   map[uint32][]byte
	size    int    // bytes of early
	until   uint64 // tick at which it is given up
	wait    uint64 // ticks
	tries   int    // since the last piece
}

// offered takes a peer's offer of a snapshot.
func (r *Replica) offered(p *partition, from int) {
	if !p.owned || !p.shared[from] && !p.log.Hosts(r.peers[from].id) || r.going() {
		return
	}
	if p.applied.Includes(p.log.Known(r.peers[from].id)) {
		p.addPendingAck(from) // it does not know, or what it has said did not all come here
		return
	}
	if at, found := slices.BinarySearch(p.offers, from); !found {
		p.offers = slices.Insert(p.offers, at, from)
	}
	r.fetch(p)
}

// fetch asks for pieces of p if nobody is asked. Of the peers that offer some, it is one
// that can finish what has come, be it asked for something else at the moment; or one that
// has some of it; or one with which it begins anew.
func (r *Replica) fetch(p *partition) {
	if p.fetching || len(p.offers) == 0 {
		return
	}
	best, free := 0, -1
	for _, at := range p.offers {
		how := 1
		if x, known := p.intake, p.log.Known(r.peers[at].id); x != nil {
			switch {
			case known.Includes(x.base), p.log.PeerIncarnation(r.peers[at].id) == x.from:
				how = 3
			case !p.applied.Includes(x.base.Intersect(known)):
				how = 2
			}
		}
		if how > best {
			best, free = how, -1
		}
		if how == best && free < 0 && !r.peers[at].fetch.on {
			free = at
		}
	}
	if free < 0 {
		return
	}
	if best == 1 {
		p.intake = nil
	}
	r.peers[free].fetch = fetch{on: true, part: p.id, wait: askTicks}
	p.fetching = true
	r.fetches++
	r.ask(p, free)
}

// fetchNext asks for pieces of whatever may be had.
func (r *Replica) fetchNext(p *partition) {
	r.fetch(p) // which mostly is not whole yet
	for _, q := range r.parts {
		if len(q.offers) > 0 {
			r.fetch(q)
		}
	}
}

// ask asks peer at for the next pieces of p.
func (r *Replica) ask(p *partition, at int) {
	peer := &r.peers[at]
	r.asks++
	f := &peer.fetch
	f.number, f.next, f.stopped, f.until = r.asks, 0, false, r.tick+f.wait
	clear(f.early)
	f.size = 0
	ask := wire.Ask{Number: r.asks, Pieces: uint64(r.cfg.SnapshotPieces), Bytes: uint64(r.cfg.SnapshotBytes)}
	if x := p.intake; x != nil {
		ask.After = x.at
	}
	p.advertisedRev[at] = p.rev
	r.items = append(r.items[:0], wire.Item{Partition: p.id, PeerIncarnation: p.log.PeerIncarnation(peer.id), Ask: &ask, Digest: r.digest(p, at)})
	r.send(peer.id, r.items)
	clear(r.items)
}

// chase sees to asks that nothing has come of for long.
func (r *Replica) chase() {
	if r.fetches == 0 {
		return
	}
	for at := range r.peers {
		f := &r.peers[at].fetch
		if !f.on || f.stopped || r.tick < f.until {
			continue
		}
		p := r.partition(f.part)
		if f.tries++; f.tries < askTries {
			f.wait *= 2
			r.ask(p, at)
			continue
		}
		r.leave(p, at)
		if r.viewName != 0 && p.intake != nil {
			r.abandonIntake(p) // the peer may have let go of the partition
		}
		r.fetchNext(p)
	}
}

// leave gives up on a peer's snapshot of p until it is offered again.
func (r *Replica) leave(p *partition, at int) {
	if i, found := slices.BinarySearch(p.offers, at); found {
		p.offers = slices.Delete(p.offers, i, i+1)
	}
	if f := &r.peers[at].fetch; f.on && f.part == p.id {
		r.endFetch(p, at)
	}
}

func (r *Replica) endFetch(p *partition, at int) {
	r.peers[at].fetch = fetch{}
	p.fetching = false
	r.fetches--
}

// receivePiece takes in a piece of a snapshot; false rejects it.
func (r *Replica) receivePiece(from int, body []byte) bool {
	sender, x, encoded, err := r.in.Snapshot(body)
	if err != nil || sender != r.peers[from].id || int(x.Partition) >= r.cfg.Ring.Partitions() {
		return false
	}
	peer := &r.peers[from]
	peer.heard(r.tick)
	p, f := r.held(x.Partition), &peer.fetch
	if r.going() || p == nil || !f.on || f.part != p.id || f.stopped || x.To != r.cfg.Origin || x.Origin < r.floors.peers[from].origin || x.Ask != f.number || x.At < f.next {
		r.stats.Duplicates++
		return true
	}
	if r.clock.ahead(x.Clock, r.now, r.cfg.MaxAheadMS) {
		r.stats.Ahead++ // it is sent again, and taken once this host's clock has come near
		return true
	}
	if x.At > f.next {
		pieces, bytes := r.cfg.early(&x)
		if f.early[x.At] == nil && len(f.early) < pieces && f.size+len(encoded) <= bytes {
			if f.early == nil {
				f.early = make(map[uint32][]byte)
			}
			f.early[x.At] = slices.Clone(encoded)
			f.size += len(encoded)
		}
		if !x.More { // what is missing comes soon, or has been lost
			f.until = min(f.until, r.tick+lateTicks)
		}
		return true
	}
	for encoded = slices.Clone(encoded); encoded != nil; encoded = f.early[f.next] {
		if err := r.takePiece(p, from, encoded); err != nil {
			r.leave(p, from)
			r.fetchNext(p)
			return false
		}
		if !f.on || f.stopped {
			break
		}
	}
	return true
}

// takePiece persists the piece that comes next.
func (r *Replica) takePiece(p *partition, from int, encoded []byte) error {
	x, err := r.in.Piece(encoded)
	if err != nil {
		return err
	}
	f := &r.peers[from].fetch
	var lie, lied bool
	x.Applied, lie = p.credible(r.cfg.Origin, x.Applied)
	x.Gap, lied = p.credible(r.cfg.Origin, x.Gap)
	if lie || lied { // the next incarnation must not believe it either
		r.stats.Rejected++
		encoded = x.Append(nil)
	}
	for i := range x.Values {
		if session.Row(x.Values[i].Writes).Seq(r.cfg.Origin) > p.seq {
			return fmt.Errorf("%w: a write of this incarnation that it has not made", wire.ErrMessage)
		}
	}
	in := p.intake
	if in != nil && x.At == 0 && (in.buried > 0) != (x.Buried > 0) { // some of its values are not named, and all have to be
		p.intake = nil
		r.leave(p, from)
		r.fetchNext(p)
		return nil
	}
	if in == nil {
		in = &intake{begun: r.cfg.Origin, number: f.number}
	}
	in, err = in.with(r, &x, encoded)
	if err != nil {
		return err
	}
	if p.applied.Includes(in.base) {
		r.stats.Duplicates++
		p.addPendingAck(from)
		r.leave(p, from)
		r.fetchNext(p)
		if p.pending == 0 {
			r.flushAcks(p)
		}
		return nil
	}
	r.learn(&x)
	in.held = p.applied.Clone()
	if in.whole {
		values, err := in.values(r, p.id)
		if err != nil {
			return err
		}
		// Only for a value to be marked with: one that none is would be a gap for good.
		if slices.ContainsFunc(values, func(v keptValue) bool { return touches(v.hidden, v.writes, v.deps) }) {
			p.seq++
			in.own = causal.Dot{Origin: r.cfg.Origin, Seq: p.seq}
		}
	}
	p.intake = in
	b := r.newBatch(p)
	b.in, b.from, b.ask, b.first = in, from, f.number, r.token+1
	b.stops = !x.More
	at := len(r.wire)
	stored := wire.StoredPiece{Begun: in.begun, Number: in.number, At: uint32(len(in.pieces) - 1), Held: in.held, Own: in.own, Encoded: encoded}
	r.wire = stored.Append(r.wire)
	r.record(at)
	b.token = r.token
	r.batches = append(r.batches, b)
	p.pending++
	f.next++
	f.stopped, f.until, f.wait, f.tries = b.stops, r.tick+askTicks, askTicks, 0
	return nil
}

// with is the intake with one piece more, or says why it does not go on from there.
func (x *intake) with(r *Replica, piece *wire.Piece, encoded []byte) (*intake, error) {
	y := *x
	if piece.At == 0 {
		y.dropParts()
	}
	if piece.First != (len(y.pieces) == 0) || x.whole || piece.At > 0 && piece.Origin != x.from || piece.Rest != (y.open > 0) {
		return nil, fmt.Errorf("%w: a piece that does not go on from the one before", wire.ErrMessage)
	}
	if err := y.takeValues(r, piece); err != nil {
		return nil, err
	}
	last := x.at.Client
	for i, s := range piece.Clients {
		if s.Client < last || i == 0 && x.at.Sessions && s.Client == last {
			return nil, fmt.Errorf("%w: session %d of a snapshot, which has come that far before", wire.ErrMessage, s.Client)
		}
		last = s.Client
	}
	y.at, y.from, y.whole = piece.End(x.at), piece.Origin, piece.Last
	y.to, y.ask, y.last = piece.To, piece.Ask, piece.At
	y.buried, y.buriedWrites = max(x.buried, piece.Buried), x.buriedWrites.Clone()
	y.buriedDeps = x.buriedDeps.Clone()
	y.buriedWrites.MergeIn(piece.BuriedWrites)
	y.buriedDeps.MergeIn(piece.BuriedDeps)
	if y.pieces, y.open = append(y.pieces, encoded), y.open+1; !piece.Open {
		y.open = 0
	}
	switch {
	case piece.First:
		y.base, y.cuts = piece.Applied, piece.Cuts.Clone()
		y.gap, y.doubt = piece.Gap, piece.Doubt.Clone()
	case piece.At == 0:
		y.base, y.cuts = x.base.Intersect(piece.Applied), inBoth(x.cuts, piece.Cuts)
		y.gap, y.doubt = x.gap.Clone(), x.doubt.Clone()
		y.gap.MergeIn(piece.Gap)
		y.doubt.MergeIn(piece.Doubt)
	}
	return &y, nil
}

// inOrder compares as a snapshot is ordered.
func inOrder(a, b ownID) int {
	return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.kind, b.kind))
}

// otherKind is the kind of a value under key among the pieces that have come, but not that
// one; "" if there is none.
func (x *intake) otherKind(key, kind string) string {
	if x == nil {
		return ""
	}
	at, _ := slices.BinarySearchFunc(x.names, key, func(n ownID, key string) int { return strings.Compare(n.key, key) })
	for ; at < len(x.names) && x.names[at].key == key; at++ {
		if x.names[at].kind != kind {
			return x.names[at].kind
		}
	}
	return ""
}

// learn takes in what of a piece concerns all of the replica.
func (r *Replica) learn(x *wire.Piece) {
	r.clock.Observe(x.Clock)
	for _, s := range x.Clients {
		r.note(s)
	}
	r.sessions.forgotten = max(r.sessions.forgotten, x.Forgotten)
}

// stored goes on when a piece is durable.
func (r *Replica) stored(p *partition, b *batch) {
	if b.in.whole && b.in == p.intake {
		p.intake = nil
		if _, err := r.absorb(p, b.in); err != nil {
			r.stats.Rejected++ // unreachable: each piece has been read
		}
		for _, at := range p.offers {
			p.addPendingAck(at)
		}
		p.offers = p.offers[:0]
	}
	if f := &r.peers[b.from].fetch; b.stops && f.on && f.number == b.ask {
		r.endFetch(p, b.from)
		r.fetchNext(p)
	}
}

// abandonIntake forgets a snapshot that nobody is left to finish, if every owner has been
// heard.
func (r *Replica) abandonIntake(p *partition) {
	if p.intake.whole {
		return // it is being persisted
	}
	for at, shared := range p.shared {
		if !shared && p.log.Hosts(r.peers[at].id) {
			shared = slices.Contains(p.offers, at) // a guest, that has some
		}
		if shared && (p.need[at] == needDigest || !p.applied.Includes(p.intake.base.Intersect(p.log.Known(r.peers[at].id)))) {
			return
		}
	}
	p.intake = nil
	for at := range r.peers {
		r.leave(p, at) // who still has something to offer does so again
	}
	r.fetchNext(p)
}

// recoverPiece reads back a piece that was persisted. One whose record before is not there
// is left: it has been cut out, or the checkpoint has not come yet that has both. In its
// place may be the record of an earlier answer, of which the replica had dropped the parts.
func (r *Replica) recoverPiece(rec []byte, past *recovery) error {
	s, x, err := r.in.StoredPiece(rec)
	if err != nil {
		return err
	}
	if int(x.Partition) >= r.cfg.Ring.Partitions() {
		return errPartition(x.Partition, r.cfg.Ring)
	}
	p := r.partition(x.Partition)
	in := p.intake
	switch {
	case s.At == 0:
		in = &intake{begun: s.Begun, number: s.Number}
	case in == nil || in.begun != s.Begun || in.number != s.Number || !in.goesOn(int(s.At), &x):
		return nil
	}
	if in, err = in.with(r, &x, slices.Clone(s.Encoded)); err != nil {
		return err
	}
	in.held, in.own = s.Held, s.Own
	r.learn(&x)
	if p.intake = in; in.whole {
		p.intake = nil
		past.taken = append(past.taken, recoveredIntake{p, in})
	}
	return nil
}

type recoveredIntake struct {
	p *partition
	x *intake
}

// absorb makes the snapshots visible that have been recovered whole, once what they build
// on is, or is not to come; and lets go of those in part that build on what is lost.
func (x *recovery) absorb(r *Replica) error {
	x.reach(r.cfg.MaxKnown)
	for len(x.taken) > 0 {
		next := max(slices.IndexFunc(x.taken, func(t recoveredIntake) bool { return t.p.applied.Includes(t.x.held) }), 0)
		t := x.taken[next]
		x.taken = slices.Delete(x.taken, next, next+1)
		lost, err := r.absorb(t.p, t.x)
		if err != nil {
			return err
		}
		t.p.hazy = append(t.p.hazy, lost...)
		x.reach(r.cfg.MaxKnown)
	}
	for _, p := range r.parts {
		if p.intake != nil && !p.applied.Includes(p.intake.held) {
			p.intake = nil
		}
	}
	return nil
}
