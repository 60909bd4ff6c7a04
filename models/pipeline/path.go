package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/flow"
)

// ErrOptions is wrapped when [New] refuses its options.
var ErrOptions = errors.New("pipeline: invalid options")

// Options describe the replica whose path is built. All fields but Batch are needed.
type Options struct {
	Self   ring.NodeID
	Origin uint64 // this incarnation, which messages are addressed to
	Ring   *ring.Ring
	Kinds  *kind.Kinds
	// Room is how many messages, records and accepted entries each may wait, and how
	// many entries may wait to be offered.
	Room int
	// Batch is that of [flow.Options].
	Batch int
	// Send carries a message to a peer. The bytes are its own.
	Send func(to ring.NodeID, msg []byte)
}

func (o *Options) check() error {
	switch {
	case o.Ring == nil || o.Kinds == nil || o.Send == nil:
		return fmt.Errorf("%w: no Ring, Kinds or Send", ErrOptions)
	case o.Room <= 0:
		return fmt.Errorf("%w: room for %d, want at least 1", ErrOptions, o.Room)
	}
	return nil
}

// Message is what a peer sent. Its bytes are read when the graph runs, and must not
// change before.
type Message struct {
	From  ring.NodeID
	Bytes []byte
}

// update is a value, or a delta of one, on its way to what is held.
type update struct {
	partition ring.Partition
	ref       Ref
	val       kind.Value
}

// Path is the replica path: two graphs that a channel joins, and their schedulers. It
// belongs to one goroutine, but that Gossip may run on another.
type Path struct {
	o        Options
	messages *flow.Input[Message]
	records  *flow.Input[[]byte]
	accepted *flow.Input[gossip.Entry]
	held     flow.State[Held]
	decode   decoder
	graphs   [2]*flow.Graph
	main     *flow.Scheduler
	offers   *flow.Scheduler
}

// New builds the path of a replica that holds nothing.
func New(o Options) (*Path, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &Path{o: o, decode: decoder{o: o}}
	main := flow.New("replica", flow.Options{Batch: o.Batch})
	offers := flow.New("gossip", flow.Options{})
	p.graphs = [2]*flow.Graph{main, offers}

	var messages flow.Delta[Message]
	var records flow.Delta[[]byte]
	var accepted flow.Delta[gossip.Entry]
	p.messages, messages = flow.NewInput[Message](main, o.Room)
	p.records, records = flow.NewInput[[]byte](main, o.Room)
	p.accepted, accepted = flow.NewInput[gossip.Entry](main, o.Room)
	written := flow.Tee(accepted, 2)
	ch := flow.NewChannel[gossip.Entry]("offers", o.Room)
	flow.Send(written[1], ch)
	updates := flow.Union(
		flow.FlatMap(messages, p.decode.message).Named("decode"),
		flow.FlatMap(records, p.decode.record).Named("recover"),
		flow.FilterMap(written[0], p.decode.entry).Named("handle"),
	)
	p.held = flow.Fold(flow.FilterMap(updates, p.own).Named("owned"), HeldOf()).Named("values")
	p.gossip(flow.Receive(offers, ch))

	var err error
	if p.main, err = flow.Start(main); err != nil {
		return nil, err
	}
	if p.offers, err = flow.Start(offers); err != nil {
		return nil, err
	}
	return p, nil
}

// own keeps the updates of partitions that the replica owns.
func (p *Path) own(u update) (Held, bool) {
	return One(u.ref, u.val), p.o.Ring.Owns(p.o.Self, u.partition)
}

// Deliver gives the path a message of a peer.
func (p *Path) Deliver(m Message) error { return p.messages.Push(m) }

// Recover gives the path a record of the disk.
func (p *Path) Recover(record []byte) error { return p.records.Push(record) }

// Accept gives the path a write that the replica has accepted. Its delta must not
// change any more.
func (p *Path) Accept(e gossip.Entry) error { return p.accepted.Push(e) }

// Settle takes in all that was given: the main path. It stops early where the offers
// of accepted entries have no room before Gossip runs.
func (p *Path) Settle(ctx context.Context) error {
	_, err := p.main.Settle(ctx)
	return err
}

// Gossip encodes and sends all that is to be offered: off the main path.
func (p *Path) Gossip(ctx context.Context) error {
	_, err := p.offers.Settle(ctx)
	return err
}

// Held calls f with what is held, which is lent for the call.
func (p *Path) Held(f func(Held)) error {
	sub, err := flow.Subscribe(p.held, f)
	if err != nil {
		return err
	}
	sub.Cancel()
	return nil
}

// Verify is what package flow says of the graphs before they run.
func (p *Path) Verify() flow.Report { return flow.Verify(p.graphs[:]...) }

// Mermaid draws the graphs.
func (p *Path) Mermaid() string { return flow.Mermaid(p.graphs[:]...) }

// decoder takes bytes apart. What it yields shares no memory with them or with its
// buffer, so that it is a function of the bytes alone.
type decoder struct {
	o  Options
	in wire.DecodeBuffer
}

// message yields what a message brings. What cannot be read, or is of somebody else
// than who sent it, brings nothing.
func (d *decoder) message(m Message) iter.Seq[update] {
	return func(yield func(update) bool) {
		k, body, err := wire.Open(m.Bytes)
		if err != nil {
			return
		}
		switch k {
		case wire.MsgGossip:
			if g, err := d.in.Gossip(wire.VersionOf(m.Bytes), body); err == nil && g.From == m.From {
				d.items(g, yield)
			}
		case wire.MsgSnapshot:
			if from, x, _, err := d.in.Snapshot(body); err == nil && from == m.From {
				d.piece(&x, yield)
			}
		}
	}
}

// items yields the deltas of a gossip message. What is offered to an earlier
// incarnation is not taken, as in the store.
func (d *decoder) items(g *wire.Gossip, yield func(update) bool) {
	for i := range g.Items {
		it := &g.Items[i]
		if it.PeerIncarnation != 0 && it.PeerIncarnation != d.o.Origin {
			continue
		}
		if !d.entries(it.Partition, it.Entries, yield) {
			return
		}
	}
}

func (d *decoder) entries(p ring.Partition, entries []gossip.Entry, yield func(update) bool) bool {
	for i := range entries {
		e := &entries[i]
		if u, ok := d.update(e.Key, e.Kind, e.Delta); ok && u.partition == p && !yield(u) {
			return false
		}
	}
	return true
}

// piece yields the values of a piece of a snapshot. Merged by themselves they may be
// seen before the rest of the snapshot, which the store does not allow its readers.
func (d *decoder) piece(x *wire.Piece, yield func(update) bool) {
	for i := range x.Values {
		v := &x.Values[i]
		if u, ok := d.update(v.Key, v.Kind, v.Value); ok && u.partition == x.Partition && !yield(u) {
			return
		}
	}
}

// record yields what a record of the disk holds.
func (d *decoder) record(b []byte) iter.Seq[update] {
	return func(yield func(update) bool) {
		if wire.IsPiece(b) {
			if _, x, err := d.in.StoredPiece(b); err == nil {
				d.piece(&x, yield)
			}
			return
		}
		if p, entries, err := d.in.Record(b); err == nil {
			d.entries(p, entries, yield)
		}
	}
}

// entry is the update of a write that was accepted.
func (d *decoder) entry(e gossip.Entry) (update, bool) { return d.update(e.Key, e.Kind, e.Delta) }

func (d *decoder) update(key, kind string, encoded []byte) (update, bool) {
	k, ok := d.o.Kinds.Find(kind)
	if !ok {
		return update{}, false
	}
	v, err := k.Decode(encoded)
	return update{d.o.Ring.PartitionOf(key), Ref{key, kind}, v}, err == nil
}
