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
// may go on from elsewhere. So may those of another incarnation of the peer, which has got the
// same ask once more: it is asked anew. So are the parts of a value of which others did not come.
//
// Nothing of a snapshot is visible before all of it is durable. Until then its pieces lie
// among the records and in memory, encoded; a checkpoint writes them once more. So a start
// finds how far a snapshot had come, and goes on from there, if the replica still holds
// what it had told the senders, which leave that out. What nobody is left to finish is
// forgotten: no peer holds any of what it would bring.
//
// All of a snapshot becomes visible in one moment. Which writes a replica holds is one set for
// the partition, and what it tells, checkpoints, and gives in snapshots of its own goes by that
// set: a value that has a write which is not in it yet would be one of those hidden writes that
// nobody is told of, and a set with writes whose values are not there yet would have reads
// answered without them. So every access to a value first takes in what is pending for its key
// ([folding]), and no step takes longer the more keys there are.

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
	staged        []stagedPiece  // their values that are whole
	answers       []gossip.Dots  // by ask, what was visible when its pieces were made; not changed
	served        []causal.Dot   // the writes of requests that have come
	beyond        gossip.Dots    // writes in values that were not in the states of these, as a liar says
	sift          *sifting       // while it is looked through; nil mostly
	hidden        []gossip.Dots  // by ask, see [sifting], once the snapshot is whole
	marks         bool           // some value is to be marked with own
	extra         gossip.Dots    // not in base, and held since their requests have come
	buried        uint64         // see [wire.Piece]; 0 mostly
	buriedWrites  session.Matrix // of all of these states
	buriedDeps    session.Matrix
	whole         bool
	own           causal.Dot // see [sifting]; zero mostly
}

// continues reports whether x is y, with more pieces or as many.
func (x *intake) continues(y *intake) bool {
	return x != nil && y != nil && x.begun == y.begun && x.number == y.number
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
	if p.fetching || len(p.offers) == 0 || p.fold != nil {
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
	r.items = r.withItem(r.items[:0], p, wire.Item{Partition: p.id, PeerIncarnation: p.log.PeerIncarnation(peer.id), Ask: &ask, Digest: r.digest(p, at)})
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
	if in != nil && x.At > 0 && x.Origin != in.from { // it has begun anew, and answered the ask once more: its pieces are others
		r.stats.Duplicates++
		r.ask(p, from)
		return nil
	}
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
	p.intake = in
	f.next++
	f.stopped, f.until, f.wait, f.tries = !x.More, r.tick+askTicks, askTicks, 0
	if in.whole {
		in.sift = in.beginSifting()
		in.sift.from, in.sift.ask = from, f.number
		r.unfolded = true
		r.siftOn(p)
	} else {
		r.persistPiece(p, in, from, f.number, !x.More)
	}
	return nil
}

// persistPiece persists the last piece of those that have come, which answers an ask.
func (r *Replica) persistPiece(p *partition, in *intake, from int, ask uint64, stops bool) {
	b := r.newBatch(p)
	b.in, b.from, b.ask, b.first = in, from, ask, r.token+1
	b.stops = stops
	at := len(r.wire)
	r.wire = in.stored(r.wire, len(in.pieces)-1)
	r.record(at)
	b.token = r.token
	r.batches = append(r.batches, b)
	p.pending++
}

// stored appends the record of a piece.
func (x *intake) stored(dst []byte, at int) []byte {
	s := wire.StoredPiece{Begun: x.begun, Number: x.number, At: uint32(at), Held: x.held, Own: x.own, Encoded: x.pieces[at]}
	return s.Append(dst)
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
	if piece.At == 0 {
		y.answers = append(y.answers, piece.Applied)
	}
	if err := y.takeValues(r, piece); err != nil {
		return nil, err
	}
	last := x.at.Client
	for i, s := range piece.Clients {
		if s.Client < last || i == 0 && x.at.Sessions && s.Client == last {
			return nil, fmt.Errorf("%w: session %d of a snapshot, which has come that far before", wire.ErrMessage, s.Client)
		}
		if last = s.Client; s.Partition == piece.Partition {
			y.served = append(y.served, s.Dot)
		}
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
		y.base, y.cuts = piece.Applied.Clone(), piece.Cuts.Clone()
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
		r.absorb(p, b.in)
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
