package scenario

import (
	"bytes"
	"fmt"
	"slices"
	"syscall"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// What is in this file has members of the cluster send what they have no reason to: to
// clones of replicas, messages that are in order but for one thing, which is a lie; and to
// replicas themselves, in the runs that have a hostile node, messages that cannot be read.

// lie is a copy of a peer's message to a replica of an incarnation, with one thing in it
// that is not so; the message itself if it is none of a peer.
func (r *run) lie(msg []byte, to uint64, draw uint64) []byte {
	kind, body, err := wire.Open(msg)
	if err != nil {
		return msg
	}
	body = bytes.Clone(body)
	switch kind {
	case wire.MsgGossip:
		if g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(msg), body); err == nil && len(g.Items) > 0 {
			r.lieOfGossip(g, to, draw)
			return wire.AppendGossipAs(nil, wire.VersionOf(msg), g.From, g.Origin, 0, g.Items)
		}
	case wire.MsgSnapshot:
		if from, x, _, err := new(wire.DecodeBuffer).Snapshot(body); err == nil {
			r.lieOfPiece(&x, to, draw)
			return wire.AppendSnapshot(nil, from, &x)
		}
	case wire.MsgMembers:
		if m, err := wire.DecodeMembers(wire.VersionOf(msg), body); err == nil {
			r.lieOfMembers(&m, draw)
			return m.Append(nil)
		}
	}
	return msg
}

// lieOfMembers changes one thing of what a peer tells of members and factors.
func (r *run) lieOfMembers(m *wire.Members, draw uint64) {
	p := ring.Partition(draw >> 8 % uint64(r.ring.Partitions()))
	decided := func(p ring.Partition, f member.Factor) {
		m.Factors = member.Factors{{Key: p, Val: f}}
	}
	switch draw % 6 {
	case 0:
		decided(ring.Partition(r.ring.Partitions()), member.FactorOf(1, 2))
	case 1:
		decided(p, member.FactorOf(0, 2))
	case 2:
		decided(p, member.FactorOf(1, member.MaxReplicas+1))
	case 3: // nobody can tell that this was not decided
		decided(p, member.FactorOf(member.MaxEpoch, 1+int(draw>>16%5)))
	case 4:
		m.From++
	default:
		m.Origin = 1 << 40
	}
}

// lieOfGossip changes one thing of what a peer tells.
func (r *run) lieOfGossip(g *wire.Gossip, to, draw uint64) {
	it := &g.Items[draw>>8%uint64(len(g.Items))]
	seq := 1 + draw>>16%100
	e := gossip.Entry{Dot: causal.Dot{Origin: g.Origin, Seq: seq}, Key: "lie", Kind: "set", Delta: []byte{0}, Clock: 1}
	switch draw % 10 {
	case 0:
		it.Partition = 1 << 20
	case 1:
		it.Digest = gossip.Digest{Known: gossip.Dots{{Origin: to, Lo: 1, Hi: 1 << 40}}, Seen: 1 << 50}
	case 2:
		it.Offer, it.PeerIncarnation = true, to
	case 3:
		it.Ask = &wire.Ask{Number: 1 << 40, Pieces: 1 << 40, Bytes: 1 << 50, After: wire.Cursor{Sessions: true, Client: seq}}
	case 4:
		g.From++
	case 5:
		e.Dot.Origin = to
		it.Entries = append(it.Entries, e)
	case 6:
		e.Clock = farFuture
		it.Entries = append(it.Entries, e)
	case 7:
		e.Kind = "unheard of"
		it.Entries = append(it.Entries, e)
	case 8:
		e.Kind, e.Key, e.Delta, e.Deps = "", "", []byte{1, 0}, session.Matrix{{Partition: it.Partition, Origin: g.Origin, Seq: 1}}
		it.Entries = append(it.Entries, e)
	default:
		for i := range it.Entries {
			it.Entries[i].Delta = it.Entries[i].Delta[:len(it.Entries[i].Delta)/2]
		}
	}
}

// lieOfPiece changes one thing of a piece of a snapshot.
func (r *run) lieOfPiece(x *wire.Piece, to, draw uint64) {
	own := gossip.Dots{{Origin: to, Lo: 1, Hi: 1 << 40}}
	switch how := draw % 16; {
	case how == 14 && len(x.Clients) > 0:
		x.Clients[0].Req = 1 << 62
	case how == 15:
		x.Clock = 1 << 63
	case how == 0:
		x.Clock = farFuture
	case how == 1:
		x.Partition = 1 << 20
	case how == 2:
		x.Applied.MergeIn(own)
	case how == 3:
		x.Doubt = session.Matrix{{Partition: x.Partition, Origin: x.Origin, Seq: 1}}
		x.Gap = own
	case how == 4:
		x.First = !x.First
	case how == 5:
		x.Rest = !x.Rest
	case how == 6:
		x.Open = !x.Open
	case how == 7:
		x.Last, x.More = true, false
	case how == 8:
		x.Cuts = session.Matrix{{Partition: x.Partition, Origin: x.Origin, Seq: 1 << 20}}
	case how == 9:
		slices.Reverse(x.Clients)
	case len(x.Values) == 0:
		x.Values = append(x.Values, wire.HeldValue{Key: "lie", Kind: "unheard of"})
	case how == 10:
		slices.Reverse(x.Values)
		x.Values = append(x.Values, x.Values[0])
	case how == 11:
		x.Values[0].Writes = session.Matrix{{Partition: x.Partition, Origin: to, Seq: 1 << 40}}
	case how == 12:
		x.Values[0].Kind = "unheard of"
	default:
		x.Values[0].Value = x.Values[0].Value[:len(x.Values[0].Value)/2]
	}
}

// serves has an honest client write to a clone, and read what it has written: whatever
// the clone was told before, it is served.
func (r *replica) serves(clone *kvs.Replica, nowMS uint64) {
	for range settling { // a view that it was told of is gone by once it is durable, and may bring another
		clone.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: nowMS, Token: 1 << 62})
	}
	key, owned := r.ownKey()
	told := r.run.Moves() || clone.ViewName() != r.core.ViewName()
	if !owned || told && (!clone.Settled() || !clone.Serves(r.run.ring.PartitionOf(key))) { // by whatever it was told of members
		return
	}
	o := workload.Operation{ID: 1 << 60, Type: history.Set, Arg: "honest"}
	arg, err := o.Argument(nil, r.run.setup.Tagged, nil)
	if err != nil {
		r.run.err = err
		return
	}
	q := wire.Request{Client: 1 << 50, Req: 1, Put: true, Key: key, Kind: "set", Arg: arg}
	answers := r.answersOf(clone, nowMS, q)
	q.Put, q.Req, q.Arg = false, 2, nil
	answers = append(answers, r.answersOf(clone, nowMS, q)...)
	for _, a := range answers {
		if ahead := a.Clock >> logicalBits; ahead > max(nowMS, r.wall)+farAheadMS { // that may have been ahead itself
			r.run.fail(Violation{Oracle: OracleClone, Kind: "clock", Node: int(r.id), Message: fmt.Sprintf(
				"a clone of node %d that was lied to answers with the time %d ms, and its host's clock is at %d ms", r.id, ahead, nowMS)})
			return
		}
	}
	if len(answers) == 2 && answers[0].Status == wire.StatusOK && answers[1].Status == wire.StatusOK && answers[1].Found {
		return
	}
	var got []string
	for _, a := range answers {
		got = append(got, fmt.Sprintf("%v %q, found %t", a.Status, a.Detail, a.Found))
	}
	r.run.fail(Violation{Oracle: OracleClone, Kind: "served", Node: int(r.id), Message: fmt.Sprintf(
		"a clone of node %d that was lied to answers an honest write, and the read of it, with %q", r.id, got)})
}

// farAheadMS is further than a replica follows the times of others ahead of its host's clock, and
// logicalBits are those of a hybrid time below its milliseconds.
const farAheadMS, logicalBits = 180_000, 16

// bereft has all peers of a clone tell that they have lost all that they had, and the clone
// go on for a while: as far as it goes by what they say, it does not wait for ever for what
// nobody has, and serves. One that has handed over what is lost may ask to be started again
// from its disk instead.
func (r *replica) bereft(nowMS uint64) {
	clone, parts := r.core.Clone(), r.run.ring.Partitions()
	items := make([]wire.Item, parts)
	for p := range items {
		items[p] = wire.Item{Partition: ring.Partition(p), PeerIncarnation: r.origin}
	}
	restart := false
	step := func(ev kvs.Event) {
		ev.NowMS = nowMS
		restart = restart || slices.ContainsFunc(clone.Step(ev), func(e kvs.Effect) bool { return e.Kind == kvs.EffectRestart })
	}
	step(kvs.Event{Kind: kvs.EventPersisted, Token: 1 << 62})
	for n := range r.run.setup.Nodes {
		msg := wire.AppendGossip(nil, ring.NodeID(n), originOf(ring.NodeID(n), 1<<20), items)
		step(kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(n), Msg: msg})
	}
	for range bereftTicks {
		step(kvs.Event{Kind: kvs.EventTick})
	}
	if !restart {
		r.serves(clone, nowMS)
	}
}

// settling is in how many steps of what is durable a clone comes to its last view.
const settling = 3

// bereftTicks are more than a peer is left alone at most.
const bereftTicks = 20

// answersOf are the answers of a clone to a request once all that it persists is durable.
// Any that it gives to others on the way are not among them.
func (r *replica) answersOf(clone *kvs.Replica, nowMS uint64, q wire.Request) (answers []*wire.Response) {
	durable := kvs.Event{Kind: kvs.EventPersisted, Token: 1 << 62}
	for _, ev := range []kvs.Event{durable, {Kind: kvs.EventRequest, Msg: q.Encode()}, durable} {
		ev.NowMS = nowMS
		for _, e := range clone.Step(ev) {
			if e.Kind != kvs.EffectRespond || e.Client != q.Client {
				continue
			}
			a, err := wire.DecodeResponse(e.Msg)
			if err != nil {
				r.run.fail(Violation{Oracle: OracleClone, Kind: "answer", Node: int(r.id), Message: err.Error()})
				continue
			}
			answers = append(answers, a)
		}
	}
	return answers
}

// ownKey is a key of a partition that the node owns, if it owns one.
func (r *replica) ownKey() (key string, owned bool) {
	for i := range 64 {
		if key = fmt.Sprint("honest", i); r.run.ring.Owns(r.id, r.run.ring.PartitionOf(key)) {
			return key, true
		}
	}
	return "", false
}

// garbledEvery is how many messages of members there are, in a run with a hostile node, for
// each that comes once more as one which cannot be read.
const garbledEvery = 6

// garbled is a peer's message as one that cannot be read: of another version of the store,
// or spoiled behind a checksum that fits; nil if that did not come about.
func (r *run) garbled(msg []byte, draw uint64) []byte {
	if draw%4 == 0 {
		return wire.OfVersion(msg, byte(draw>>8%8))
	}
	for i := range uint64(8) {
		d := choice.Mix(draw, i)
		if out := wire.Spoil(msg, d, d>>32); !r.readable(out, true) {
			return out
		}
	}
	return nil
}

// readable reports whether a replica can read a message, of a peer or of a client.
func (r *run) readable(msg []byte, peer bool) bool {
	_, readable := r.read(msg, peer)
	return readable
}

// read reads a message as a replica does, and says which session it is of, if it is a
// client's.
func (r *run) read(msg []byte, peer bool) (session uint64, readable bool) {
	kind, body, err := wire.Open(msg)
	if err != nil {
		return 0, false
	}
	body = bytes.Clone(body)
	switch {
	case peer && kind == wire.MsgGossip:
		_, err = r.reading.Gossip(wire.VersionOf(msg), body)
	case peer && kind == wire.MsgFloors:
		_, err = r.reading.Floors(body)
	case peer && kind == wire.MsgSnapshot:
		_, _, _, err = r.reading.Snapshot(body)
	case peer && kind == wire.MsgMembers:
		_, err = wire.DecodeMembers(wire.VersionOf(msg), body)
	case !peer && kind == wire.MsgRequest:
		var q *wire.Request
		if q, err = r.reading.Request(body); err == nil {
			session = q.Client
		}
	case !peer && kind == wire.MsgMultiGet:
		var m *wire.MultiGet
		if m, err = r.reading.MultiGet(body); err == nil {
			session = m.Client
		}
	case !peer && kind == wire.MsgMultiPut:
		var m *wire.MultiPut
		if m, err = r.reading.MultiPut(body); err == nil {
			session = m.Client
		}
	case !peer && kind == wire.MsgSubscribe:
		var s *wire.Subscribe
		if s, err = r.reading.Subscribe(body); err == nil {
			session = s.Client
		}
	default:
		return 0, false
	}
	return session, err == nil
}

// unread holds a replica to what it does with a message that cannot be read: it counts it,
// and is as it was.
func (r *replica) unread(msg []byte, peer bool, take func()) {
	if r.core == nil || r.engine != nil || r.run.readable(msg, peer) {
		take()
		return
	}
	core, before := r.core, r.core.AppendState(nil)
	rejected := core.Stats().Rejected
	take()
	if r.core == core && (core.Stats().Rejected != rejected+1 || !bytes.Equal(before, core.AppendState(nil))) {
		r.run.fail(Violation{Oracle: "message", Kind: "unreadable", Node: int(r.id), Message: fmt.Sprintf(
			"node %d does not leave a message that cannot be read, or does not count it", r.id)})
	}
}

// unkept is a place of values from which nothing can be had.
type unkept struct {
	id  uint64
	how uint64 // which way
}

func (v unkept) ID() uint64 { return v.id }

// Get fails, for now or for good, finds nothing, or what was put elsewhere.
func (v unkept) Get(slot uint64) ([]byte, error) {
	switch v.how % 4 {
	case 0:
		return nil, syscall.EIO
	case 1:
		return nil, fmt.Errorf("%w: slot %d", kvs.ErrValueLost, slot)
	case 2:
		return nil, nil
	}
	return []byte{1, 1, 1, 1}, nil
}

// unkept has a clone of a replica on an engine go on where nothing can be read from that.
// As soon as it needs some of it, it asks to be started again and does nothing else. Neither
// it nor what holds the replica to its state reads from the engine: that would decide faults
// of reads anew, have blocks in memory that the run does not, and count among the operations
// after which the engine tries work again.
func (r *replica) unkept(ev kvs.Event) {
	draw := choice.Mix(r.run.setup.Seed, uint64(r.events))
	nowhere := unkept{r.engine.slots.ID(), draw}
	before, clone := r.core.CloneOn(nowhere).AppendState(nil), r.core.CloneOn(nowhere)
	defer func() { r.unchanged(before, r.core.CloneOn(nowhere).AppendState(nil)) }()
	durable := kvs.Event{Kind: kvs.EventPersisted, NowMS: ev.NowMS, Token: 1 << 62}
	tick := kvs.Event{Kind: kvs.EventTick, NowMS: ev.NowMS}
	ev.Msg = bytes.Clone(ev.Msg)
	events := []kvs.Event{durable, ev, tick, durable}
	for _, k := range workload.Keys(r.run.ops) { // which are read
		q := wire.Request{Client: 1 << 50, Req: 1, Key: k.Name, Kind: string(k.Type)}
		events = append(events, kvs.Event{Kind: kvs.EventRequest, NowMS: ev.NowMS, Msg: q.Encode()})
	}
	failed := clone.Failed() != nil
	for _, ev := range append(events, durable) {
		out := clone.Step(ev)
		if failed && slices.ContainsFunc(out, func(e kvs.Effect) bool { return e.Kind == kvs.EffectSend || e.Kind == kvs.EffectRespond }) {
			r.run.fail(Violation{Oracle: OracleClone, Kind: "failed", Node: int(r.id), Message: fmt.Sprintf(
				"a clone of node %d goes on to speak, though a value could not be read: %v", r.id, clone.Failed())})
		}
		failed = clone.Failed() != nil
	}
	if !failed {
		return
	}
	if out := clone.Step(durable); len(out) != 1 || out[0].Kind != kvs.EffectRestart {
		r.run.fail(Violation{Oracle: OracleClone, Kind: "failed", Node: int(r.id), Message: fmt.Sprintf(
			"a clone of node %d does not ask to be started again, though a value could not be read: %v", r.id, clone.Failed())})
	}
}
