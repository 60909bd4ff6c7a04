package kvs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// ErrOriginUsed is wrapped when [New] finds writes under the origin that the new
// incarnation is given: its own dots would be taken for theirs. The host has given it
// twice, or a peer has made them up.
var ErrOriginUsed = errors.New("kvs: origin in use")

// Replica is one replica's state machine. It is not safe for concurrent use.
type Replica struct {
	cfg        Config
	clock      clock
	parts      []*partition // ascending by id
	byID       []*partition // by id, nil where nothing was met of one
	sessions   sessions
	peers      []peerLink    // every other node, ascending by id
	batches    []*batch      // being persisted, ascending by token
	taken      []takenBack   // to be told of with the next tick
	asks       uint64        // for pieces of snapshots, so far
	fetches    int           // peers that are being asked for some
	repeats    []laterAnswer // to writes, which wait for more than this disk, or for those of others that are being persisted
	token      uint64
	persisting int // bytes of entries that are being persisted
	tick       uint64
	waiting    int
	multis     []multiWaiter // which count among those waiting
	subscribed int           // subscriptions of all partitions
	begun      uint64        // how many there have been
	asker      uint64        // of the request at hand
	lastUpdate uint64
	now        uint64
	idleUntil  uint64 // tick before which gossip rounds have nothing to say; 0 once peers or disk bring something
	stats      Stats

	view     member.View       // who the members are, as far as this replica goes by it
	viewName uint64            // 0 while they are those of the ring, and no factor was ever decided
	place    *member.Placement // that follows
	rise     rise
	onDisk   member.View // what the records have said of members
	moving   bool        // a partition is fresh, or retiring, or this node joins or leaves
	stranger stranger
	route    route // see sources.go

	checkpoint checkpoint
	floors     floors
	tombs      *tombs
	unfolded   bool             // a snapshot may be looked through, or folded in
	foldFrom   int              // where among the partitions the next one is looked for
	durable    uint64           // token of the last record that is
	keeper     *keeper          // nil if all values are in memory
	lost       []ring.Partition // of its checkpoint, since values are
	cut        *cut             // the last one that is in use; nil if none is
	making     *cut             // the next one, whose barriers are not held everywhere yet
	wantCut    bool             // pasts have become long
	nextCut    uint64           // tick before which none is made
	scratch
}

// New returns a replica that starts from the records that its disk still holds,
// oldest first. One that the disk has and cannot read is left out and counted in
// [Config.Unreadable]; one that is whole, as its checksum says, and yet no record of
// this version of the store, is an error and not a gap. Errors wrap [ErrConfig],
// [ErrOriginUsed] or [wire.ErrMessage].
func New(cfg Config, records [][]byte) (*Replica, error) {
	r := new(Replica)
	if err := r.Reset(cfg, records); err != nil {
		return nil, err
	}
	return r, nil
}

// Reset makes r what [New] returns, in the memory of what it was. What r gave out
// before, clones included, is no longer valid. After an error r is not usable.
func (r *Replica) Reset(cfg Config, records [][]byte) error {
	if err := cfg.setDefaults(); err != nil {
		return err
	}
	r.sessions.reset()
	for _, b := range r.batches {
		r.recycle(b)
	}
	for _, p := range r.parts {
		p.cells.clear(&r.values)
		if len(r.spare) < maxFree {
			r.spare = append(r.spare, p)
		}
	}
	byID := slices.Grow(r.byID[:0], cfg.Ring.Partitions())[:cfg.Ring.Partitions()]
	clear(byID)
	*r = Replica{
		cfg: cfg, sessions: r.sessions, byID: byID,
		peers: r.peers[:0], parts: r.parts[:0], batches: r.batches[:0], repeats: r.repeats[:0], taken: r.taken[:0], scratch: r.scratch,
	}
	r.values.of(cfg.Kinds)
	r.arena.rewind()
	if cfg.Values != nil {
		r.keeper = &keeper{r: r, from: cfg.Values, places: make([]place, 1), starting: true}
	}
	r.tombs = &tombs{starting: true}
	if err := r.known(records); err != nil {
		return fmt.Errorf("kvs: recover node %d: %w", cfg.Self, err)
	}
	for _, e := range r.view.Members {
		if e.Key != cfg.Self && e.Val.Phase() != member.Gone {
			r.floors.peers = append(r.floors.peers, peerFloor{id: e.Key})
			r.peers = append(r.peers, peerLink{id: e.Key, backoffTicks: 1, viewBackoff: 1})
		}
	}
	var past recovery
	if err := r.foresee(records, &past); err != nil {
		return fmt.Errorf("kvs: recover node %d: %w", cfg.Self, err)
	}
	for i, rec := range records {
		if err := r.recover(rec, &past); err != nil {
			return fmt.Errorf("kvs: recover node %d, record %d of %d: %w", cfg.Self, i+1, len(records), err)
		}
	}
	if err := r.recovered(records, &past); err != nil {
		return fmt.Errorf("kvs: recover node %d: %w", cfg.Self, err)
	}
	for _, p := range r.parts {
		if slices.ContainsFunc(p.applied, func(x gossip.Span) bool { return x.Origin == cfg.Origin }) {
			return fmt.Errorf("kvs: recover node %d: %w: %d, in partition %d; take a later one", cfg.Self, ErrOriginUsed, cfg.Origin, p.id)
		}
		p.retiring = r.viewName != 0 && !p.owned && !p.log.Dots().Includes(p.applied)
		r.stats.Reclaimed += uint64(p.log.Reclaim())
		r.shed(p)
		p.release() // a checkpoint has the values of what was handed over after it began
	}
	if r.tombs.starting = false; r.keeper != nil {
		r.keeper.starting = false
	}
	if !cfg.First || len(records) > 0 || cfg.Unreadable > 0 || r.viewName != 0 {
		r.askAll()
	}
	if err := r.seatStarted(); err != nil {
		return fmt.Errorf("kvs: recover node %d: %w", cfg.Self, err)
	}
	return nil
}

func (r *Replica) recover(rec []byte, past *recovery) error {
	if wire.IsPiece(rec) {
		return r.recoverPiece(rec, past)
	}
	if wire.IsCheckpoint(rec) {
		return r.recoverCheckpoint(rec, past)
	}
	if wire.IsLost(rec) || wire.IsMembersRecord(rec) {
		return nil // foreseen
	}
	if wire.IsTouched(rec) {
		return r.recoverTouched(rec, past)
	}
	if wire.IsFloors(rec) {
		floors, err := r.in.ReadFloors(rec)
		r.recoverFloors(floors)
		return err
	}
	id, entries, err := r.in.Record(rec)
	if err != nil {
		return err
	}
	if int(id) >= r.cfg.Ring.Partitions() {
		return errPartition(id, r.cfg.Ring)
	}
	p := r.partition(id)
	for i := range entries {
		e := &entries[i]
		r.arena.own(e)
		delta, err := r.decodeDelta(e)
		if err != nil {
			return err
		}
		r.clock.Observe(e.Clock)
		if p.early(e) {
			past.early = append(past.early, recoveredEarly{p, *e, delta})
			continue
		}
		p.recovered(e, delta, r.cfg.MaxKnown)
		r.shed(p)
		if e.Kind != barrier {
			r.remember(id, e)
			r.values.give(delta, e.Kind)
		}
	}
	return nil
}

// partition returns the partition, making room for it if need be.
func (r *Replica) partition(id ring.Partition) *partition {
	if p := r.byID[id]; p != nil {
		return p
	}
	var p *partition
	if n := len(r.spare); n > 0 {
		p = r.spare[n-1]
		r.spare = r.spare[:n-1]
	} else {
		p = new(partition)
	}
	p.reset(id, r.cfg.Self, r.place, r.peers, &r.values, r.keeper, r.tombs)
	r.byID[id] = p
	r.parts = slices.Insert(r.parts, r.partAt(id), p)
	return p
}

// held returns the partition, or nil if the replica has met nothing of it.
func (r *Replica) held(id ring.Partition) *partition {
	if int(id) >= len(r.byID) {
		return nil
	}
	return r.byID[id]
}

// Start returns the first effects: the tick timer and, unless the node has never
// run before, the question to each peer what it has. The owners of partitions that
// are not its own it asks this once, to be spared what they have. Like those of
// Step, they are valid until the next call.
func (r *Replica) Start() []Effect {
	r.begin()
	r.emit(Effect{Kind: EffectTimer, AfterMS: r.cfg.TickMS})
	if r.viewName != 0 && !r.onDisk.Includes(r.view) {
		r.checkpointMembers()
	}
	for _, p := range r.parts {
		r.touch(p)
	}
	for i := range r.peers {
		peer := &r.peers[i]
		r.items = r.items[:0]
		for _, p := range r.parts {
			if p.need[i] == needDigest || p.shared[i] && !p.owned {
				r.items = r.withItem(r.items, p, wire.Item{Partition: p.id, Pull: true, Digest: r.digest(p, i)})
				p.advertisedRev[i] = p.rev
			}
		}
		if len(r.items) > 0 {
			r.send(peer.id, r.items)
			peer.backOff(r.tick)
		}
	}
	return r.out
}

// Step takes one event and returns its effects, valid until the next call.
func (r *Replica) Step(ev Event) []Effect {
	r.begin()
	r.now = min(ev.NowMS, maxPhysicalMS)
	if r.keeper != nil {
		return r.stepKeeping(ev)
	}
	r.event(ev)
	return r.out
}

func (r *Replica) event(ev Event) {
	switch ev.Kind {
	case EventMessage:
		r.message(ev.From, ev.Msg)
	case EventRequest:
		r.asker = ev.Asker
		r.requested(ev.Msg)
	case EventTick:
		r.tick++
		r.expire()
		r.updateAgain()
		r.sessions.forgetIdle(r.now, r.cfg.MaxIdleMS)
		r.tellTaken()
		r.cutIfWanted()
		r.chase()
		r.tellMembers()
		r.progress()
		r.promise()
		r.bury()
		r.tellVersion()
		r.gossip()
		r.beginCheckpoint()
		r.emit(Effect{Kind: EffectTimer, AfterMS: r.cfg.TickMS})
	case EventPersisted:
		r.idleUntil = 0
		r.persisted(ev.Token)
	case EventHardened:
		r.hardened(ev.Token)
	case EventMember:
		r.change(ev.Change)
	case EventFactor:
		r.decide(ev.Factor)
	}
	if ev.Kind == EventTick || ev.Kind == EventPersisted {
		r.goOn()
	}
}

// begin forgets the effects of the last call.
func (r *Replica) begin() {
	r.out, r.wire, r.accepts = r.out[:0], r.wire[:0], r.accepts[:0]
}

// written is what was written from there on, which nothing is appended to.
func (r *Replica) written(from int) []byte { return r.wire[from:len(r.wire):len(r.wire)] }

func (r *Replica) emit(e Effect) { r.out = append(r.out, e) }

// requested serves a client's message; one that is no request is counted, and not
// answered.
func (r *Replica) requested(msg []byte) {
	kind, body, err := wire.Open(msg)
	if err == nil {
		switch kind {
		case wire.MsgRequest:
			var q *wire.Request
			if q, err = r.in.Request(body); err == nil {
				r.request(q)
				return
			}
		case wire.MsgMultiGet:
			var m *wire.MultiGet
			if m, err = r.in.MultiGet(body); err == nil {
				r.multiGet(m)
				return
			}
		case wire.MsgMultiPut:
			var m *wire.MultiPut
			if m, err = r.in.MultiPut(body); err == nil {
				r.multiPut(m)
				return
			}
		case wire.MsgSubscribe:
			var s *wire.Subscribe
			if s, err = r.in.Subscribe(body); err == nil {
				r.subscribe(s)
				return
			}
		}
	}
	r.stats.Rejected++
}

// message hands a peer's message to its handler; one that cannot be read, or is not
// of the member that sent it, is counted and merged nowhere.
func (r *Replica) message(from ring.NodeID, msg []byte) {
	at := r.peer(from)
	kind, body, err := wire.Open(msg)
	v := wire.VersionOf(msg)
	if err == nil && at < 0 && r.view.Members.At(from).Phase() == member.Gone && (kind != wire.MsgMembers || r.unawareOf(v, body)) {
		r.tellOne(from, false) // that its life is over
	}
	if err == nil && at < 0 && r.view.Members.At(from) == 0 {
		r.stranger.spoke = true
	}
	if err != nil || at < 0 || v > r.cfg.Speaks.Newest || !r.peerMessage(at, v, kind, body) {
		r.stats.Rejected++
	}
}

func (r *Replica) peerMessage(from int, v wire.Version, kind wire.MessageKind, body []byte) (accepted bool) {
	switch kind {
	case wire.MsgGossip:
		g, err := r.in.Gossip(v, body)
		if err != nil || g.From != r.peers[from].id {
			return false
		}
		if l := &r.peers[from]; l.gone || g.Origin <= l.floor || l.doubtful(g.Origin, g.View, r.viewName) {
			l.asks = true // it may not know that its life is over
			return false
		}
		r.idleUntil = 0
		r.peers[from].reads(g.Origin, v)
		r.receive(from, g)
		return true
	case wire.MsgMembers:
		return r.receiveMembers(from, v, body)
	case wire.MsgSnapshot:
		r.idleUntil = 0
		return r.receivePiece(from, body)
	case wire.MsgFloors:
		m, err := r.in.Floors(body)
		l := &r.peers[from]
		if err != nil || m.From != l.id || l.gone || m.Origin <= l.floor || r.clock.ahead(max(m.Own.Ready, m.Own.Floor, m.Most), r.now, r.cfg.MaxAheadMS) {
			return false
		}
		if m.Origin <= l.doubt {
			l.asks = true
			return false
		}
		r.receiveFloors(from, &m)
		return true
	}
	return false
}

// persist asks for the batch to be made durable.
func (r *Replica) persist(b *batch) {
	b.first, b.token = r.token+1, r.token+1
	r.batches = append(r.batches, b)
	b.part.pending++
	for i := range b.entries {
		b.part.inFlight.Add(b.entries[i].Dot)
		b.bytes += b.entries[i].Size()
	}
	b.part.persisting, r.persisting = b.part.persisting+b.bytes, r.persisting+b.bytes
	from := len(r.wire)
	r.wire = wire.AppendRecord(r.wire, b.part.id, b.entries)
	r.record(from)
}

// record asks for what was written from there on to be made durable, as one record.
func (r *Replica) record(from int) {
	r.token++
	r.checkpoint.logged += len(r.wire) - from
	r.emit(Effect{Kind: EffectPersist, Token: r.token, Msg: r.written(from)})
}

// persisted makes the batches that are durable by now visible: the one of that
// token, and all that were given before it.
func (r *Replica) persisted(token uint64) {
	for len(r.batches) > 0 && r.batches[0].token <= token {
		b := r.batches[0]
		r.batches = slices.Delete(r.batches, 0, 1)
		r.visible(b)
	}
	r.risen(token)
	r.floorsDurable(token)
	r.writeCheckpoint(token)
}

// visible makes a durable batch visible, answers whom it concerns, and tells the
// peers that await it.
func (r *Replica) visible(b *batch) {
	p := b.part
	p.pending--
	p.persisting, r.persisting = p.persisting-b.bytes, r.persisting-b.bytes
	for i := range b.entries {
		e := &b.entries[i]
		p.apply(e, b.deltas[i], r.tick, r.cfg.MaxKnown)
		r.unify(p, e)
	}
	r.shed(p)
	if b.touched.Dot.Seq > 0 {
		r.touched(p, &b.touched)
	}
	if b.in != nil {
		r.stored(p, b)
	} else if p.intake != nil {
		r.abandonIntake(p)
	}
	reclaimed := p.log.Reclaim()
	r.stats.Reclaimed += uint64(reclaimed)
	p.handed.gone = p.handed.gone || reclaimed > 0
	if p.pending == 0 {
		p.inFlight = p.inFlight[:0]
		r.flushAcks(p)
	}
	if b.answers {
		r.respond(&b.respond)
	}
	r.answerRepeats()
	r.wake(p)
	p.release()
	r.recycle(b)
}

// shed holds the log of p to its bound.
func (r *Replica) shed(p *partition) {
	r.stats.Shed += uint64(p.shed(r.cfg.MaxLog, r.cfg.MaxLogBytes, r.peers))
}

func (r *Replica) respond(resp *wire.Response) {
	from := len(r.wire)
	r.wire = resp.Append(r.wire)
	r.emit(Effect{Kind: EffectRespond, Client: resp.Client, Msg: r.written(from)})
}

// Quiet reports whether the replica has nothing to do until a message comes:
// nothing to offer, to persist or to answer, and no peer to wait for.
func (r *Replica) Quiet() bool {
	if r.unfolded || len(r.batches) > 0 || len(r.taken) > 0 || len(r.repeats) > 0 || r.fetches > 0 || r.waiting > 0 || r.rise.token > 0 || r.moving || r.untold() || r.checkpoint.running || r.keeper.busy() || r.floorsBusy() || r.buries() {
		return false
	}
	for _, p := range r.parts {
		untold := func(s *subscription) bool { // and does not wait for what may be lost
			return (s.acked < s.version || s.behind(p)) && (!s.q.Level.Waits() || r.covers(p, &s.q))
		}
		if p.log.Len() > 0 || len(p.pendingAcks) > 0 || p.open > 0 || slices.ContainsFunc(p.subs, untold) {
			return false
		}
	}
	return true
}
