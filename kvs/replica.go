package kvs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
)

// ErrConfig is wrapped when [New] refuses a configuration.
var ErrConfig = errors.New("kvs: invalid configuration")

// Config configures a replica. The zero value of an optional field takes its
// default.
type Config struct {
	Self   ring.NodeID
	Origin uint64 // this incarnation; must differ from every earlier one of any node
	Ring   *ring.Ring
	Kinds  *Kinds

	TickMS       uint64 // gossip interval; default 20
	ForwardTicks uint64 // age at which deltas of other origins are offered too; default 4
	BatchBytes   int    // payload of a gossip message; default 256 KiB
	MaxWaiting   int    // threshold reads that may wait at once; default 1024
	MaxSessions  int    // sessions whose last write is remembered; default 1 << 20
}

func (c *Config) setDefaults() error {
	switch {
	case c.Ring == nil || c.Kinds == nil:
		return fmt.Errorf("%w: no ring, or no kinds", ErrConfig)
	case c.Origin == 0:
		return fmt.Errorf("%w: origin 0", ErrConfig)
	case !slices.Contains(c.Ring.Nodes(), c.Self):
		return fmt.Errorf("%w: node %d is not on the ring", ErrConfig, c.Self)
	case c.BatchBytes < 0 || c.BatchBytes > MaxMessage/2:
		return fmt.Errorf("%w: batch of %d bytes, want at most %d", ErrConfig, c.BatchBytes, MaxMessage/2)
	case c.MaxWaiting < 0 || c.MaxSessions < 0:
		return fmt.Errorf("%w: a negative bound", ErrConfig)
	}
	if c.TickMS == 0 {
		c.TickMS = 20
	}
	if c.ForwardTicks == 0 {
		c.ForwardTicks = 4
	}
	if c.BatchBytes == 0 {
		c.BatchBytes = 256 << 10
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = 1024
	}
	if c.MaxSessions == 0 {
		c.MaxSessions = 1 << 20
	}
	return nil
}

// Stats counts what a replica has done since it started.
type Stats struct {
	Rejected   uint64 // messages and entries refused: garbage, unknown kinds
	Duplicates uint64 // entries and writes received again and absorbed
	Reclaimed  uint64 // deltas forgotten because every owner has them
	Offered    uint64 // deltas sent to peers
	Waited     uint64 // threshold reads that had to wait
}

// Replica is one replica's state machine. It is not safe for concurrent use.
type Replica struct {
	cfg     Config
	clock   clock
	parts   []*partition // ascending by id
	clients map[uint64]uint64
	peers   []*peerLink // every other node, ascending by id
	batches map[uint64]*batch
	token   uint64
	tick    uint64
	waiting int
	now     uint64
	out     []Effect
	stats   Stats
}

// peerLink paces what is offered to one peer.
type peerLink struct {
	id   ring.NodeID
	next uint64 // tick before which nothing is offered again
	gap  uint64 // ticks between offers while the peer is silent
}

const maxOfferGap = 16

// batch is what one record makes durable.
type batch struct {
	part    *partition
	entries []gossip.Entry
	deltas  []Value
	respond *Response // to the writing client, if the batch is its write
}

// New returns a replica that starts from the records that its disk still holds,
// oldest first. A record that cannot be read is an error, not a gap.
func New(cfg Config, records [][]byte) (*Replica, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	r := &Replica{cfg: cfg, clients: make(map[uint64]uint64), batches: make(map[uint64]*batch)}
	for _, n := range cfg.Ring.Nodes() {
		if n != cfg.Self {
			r.peers = append(r.peers, &peerLink{id: n, gap: 1})
		}
	}
	for i, rec := range records {
		if err := r.recover(rec); err != nil {
			return nil, fmt.Errorf("kvs: recover node %d, record %d of %d: %w", cfg.Self, i+1, len(records), err)
		}
	}
	for _, p := range r.parts {
		r.stats.Reclaimed += uint64(p.log.Reclaim())
	}
	return r, nil
}

func (r *Replica) recover(rec []byte) error {
	id, entries, err := decodeRecord(rec)
	if err != nil {
		return err
	}
	if int(id) >= r.cfg.Ring.Partitions() {
		return fmt.Errorf("%w: partition %d of %d", ErrMessage, id, r.cfg.Ring.Partitions())
	}
	p := r.partition(id)
	for _, e := range entries {
		delta, err := r.decodeDelta(e)
		if err != nil {
			return err
		}
		p.apply(e, delta, 0)
		r.clock.meet(e.Clock)
		r.remember(e.Client, e.Req)
	}
	return nil
}

func (r *Replica) decodeDelta(e gossip.Entry) (Value, error) {
	k, ok := r.cfg.Kinds.Find(e.Kind)
	if !ok {
		return nil, fmt.Errorf("%w: unknown kind %q", ErrMessage, e.Kind)
	}
	return k.Decode(e.Delta)
}

// partition returns the partition, making room for it if need be.
func (r *Replica) partition(id ring.Partition) *partition {
	at, found := slices.BinarySearchFunc(r.parts, id, func(p *partition, id ring.Partition) int { return int(p.id) - int(id) })
	if !found {
		r.parts = slices.Insert(r.parts, at, newPartition(id, r.cfg.Self, r.cfg.Ring))
	}
	return r.parts[at]
}

// held returns the partition, or nil if the replica has met nothing of it.
func (r *Replica) held(id ring.Partition) *partition {
	for _, p := range r.parts {
		if p.id == id {
			return p
		}
	}
	return nil
}

// Start returns the first effects: the tick timer and, after a recovery, the
// question to each peer what it already has. Like those of Step, they are valid
// until the next call.
func (r *Replica) Start() []Effect {
	r.out = r.out[:0]
	r.emit(Effect{Kind: EffectTimer, AfterMS: r.cfg.TickMS})
	for _, peer := range r.peers {
		var items []item
		for _, p := range r.parts {
			if r.cfg.Ring.Owns(peer.id, p.id) {
				items = append(items, item{partition: p.id, pull: true, known: p.applied})
			}
		}
		if len(items) > 0 {
			r.send(peer.id, items)
		}
	}
	return r.out
}

// Step takes one event and returns its effects, valid until the next call.
func (r *Replica) Step(ev Event) []Effect {
	r.out = r.out[:0]
	r.now = ev.NowMS
	switch ev.Kind {
	case EventMessage:
		r.message(ev.Msg)
	case EventTick:
		r.tick++
		r.expire()
		r.gossip()
		r.emit(Effect{Kind: EffectTimer, AfterMS: r.cfg.TickMS})
	case EventPersisted:
		r.persisted(ev.Token)
	}
	return r.out
}

func (r *Replica) emit(e Effect) { r.out = append(r.out, e) }

// message hands a message to its handler; one that cannot be read is counted
// and merged nowhere.
func (r *Replica) message(msg []byte) {
	kind, body, err := open(msg)
	if err != nil {
		r.stats.Rejected++
		return
	}
	switch kind {
	case MsgRequest:
		q, err := decodeRequest(body)
		if err != nil {
			r.stats.Rejected++
			return
		}
		r.request(q)
	case MsgGossip:
		g, err := decodeGossip(body)
		if err != nil {
			r.stats.Rejected++
			return
		}
		r.receive(g)
	default:
		r.stats.Rejected++
	}
}

// remember notes a session's write, so that a repeat of it is absorbed. Beyond
// the bound on sessions, those met first are the ones protected.
func (r *Replica) remember(client, req uint64) {
	last, known := r.clients[client]
	if known || len(r.clients) < r.cfg.MaxSessions {
		r.clients[client] = max(last, req)
	}
}

// persist asks for the batch to be made durable.
func (r *Replica) persist(b *batch) {
	r.token++
	r.batches[r.token] = b
	b.part.pending++
	for i := range b.entries {
		b.part.coming.Add(b.entries[i].Dot)
	}
	r.emit(Effect{Kind: EffectPersist, Token: r.token, Msg: encodeRecord(b.part.id, b.entries)})
}

// persisted makes a durable batch visible, answers whom it concerns, and tells
// the peers that await it.
func (r *Replica) persisted(token uint64) {
	b, ok := r.batches[token]
	if !ok {
		return // of an earlier incarnation
	}
	delete(r.batches, token)
	p := b.part
	p.pending--
	for i, e := range b.entries {
		p.apply(e, b.deltas[i], r.tick)
	}
	r.stats.Reclaimed += uint64(p.log.Reclaim())
	if p.pending == 0 {
		clear(p.coming)
		r.payDebts(p)
	}
	if b.respond != nil {
		r.respond(b.respond)
	}
	r.wake(p)
	p.release()
}

func (r *Replica) respond(resp *Response) {
	r.emit(Effect{Kind: EffectRespond, Client: resp.Client, Msg: resp.Encode()})
}

// Stats returns the counts so far.
func (r *Replica) Stats() Stats { return r.stats }

// Quiet reports whether the replica has nothing to do until a message comes:
// nothing to offer, to persist or to answer.
func (r *Replica) Quiet() bool {
	if len(r.batches) > 0 || r.waiting > 0 {
		return false
	}
	for _, p := range r.parts {
		if p.log.Len() > 0 || len(p.owe) > 0 {
			return false
		}
	}
	return true
}

// Each calls visit for every value held, by partition, key and kind. The value
// must not be changed.
func (r *Replica) Each(visit func(p ring.Partition, key, kind string, v Value)) {
	for _, p := range r.parts {
		keys := make([]string, 0, len(p.cells))
		for k := range p.cells {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			for _, s := range p.cells[k] {
				visit(p.id, k, s.kind, s.val)
			}
		}
	}
}

// Applied is the set of dots of partition p that are visible here; the caller
// must not change it.
func (r *Replica) Applied(p ring.Partition) causal.Dots {
	if held := r.held(p); held != nil {
		return held.applied
	}
	return nil
}
