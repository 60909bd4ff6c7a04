// Package causalvalue runs the whole store with a causal value of two compositions: as Anna
// published it, a set of values under one vector clock in a dominating pair (ICDE'18,
// section 5; the same composition in its published code), and as a register that keeps a
// name for each value. Both are custom kinds that a store is given, and nothing of the store
// knows them.
//
// The published composition is no lattice, since vector clocks are partially ordered: of a
// with clock [1,0], b with [0,1] and c with [2,0], (a ⊔ b) ⊔ c keeps a's value, which c
// replaces, and a ⊔ (b ⊔ c) drops it. The laws find that over the merge alone
// ([lattice.DominatingPairOf]). Here three writes of two sessions find it at the level of the
// store: replicas that have merged the same writes in different orders hold different values
// for ever, though every delta has arrived everywhere.
//
// It runs as any protocol of package campaign: "go test ./sim/causalvalue", and
//
//	go run ./cmd/simtool/example --protocol causal-value-as-published --for 5s
//	go run ./cmd/simtool/example --protocol causal-value --for 5s
//
// of which the first finds, shrinks and keeps violations, and the second finds none.
package causalvalue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

const (
	nodes   = 3
	wallMS  = 1_000_000 // the clocks of all nodes at the start of a run
	key     = "k"
	tick    = sim.TimerID(1)
	durable = sim.TimerID(2)
)

// Stamped is a set of values under one vector clock for all of them.
type Stamped = lattice.Pair[causal.Version, []string]

// Published is the kind "causal" as published: a put comes with the vector clock of its
// session, in which it counts for one more, and takes the place of what that clock dominates.
func Published() kind.Spec[Stamped] {
	return kind.Spec[Stamped]{
		Name:  "causal",
		Merge: lattice.DominatingPairOf(causal.VersionMerge(), lattice.OrderedSetOf[string]()),
		Mutate: func(u kind.Update, _ Stamped) (Stamped, error) {
			w, err := parse(u.Arg)
			return Stamped{First: causal.Version{w.session: w.count}, Second: []string{w.content}}, err
		},
	}
}

// Correct is the kind "causal" as a register that keeps a name for each value, as
// [kind.MultiValueSpec] does: a put takes away the one that it names.
func Correct() kind.Spec[kind.AddWins] {
	return kind.Spec[kind.AddWins]{
		Name: "causal", Merge: kind.AddWinsMerge(),
		Mutate: func(u kind.Update, _ kind.AddWins) (kind.AddWins, error) {
			w, err := parse(u.Arg)
			var adds kind.Adds
			if w.last > 0 {
				adds = append(adds, lattice.Entry[uint64, kind.Added]{Key: w.last, Val: kind.Added{First: true}})
			}
			adds = append(adds, lattice.Entry[uint64, kind.Added]{Key: w.count, Val: kind.Added{Second: w.content}})
			return kind.AddWins{{Key: w.session, Val: adds}}, err
		},
	}
}

// write is the argument of a put of either kind: which write of which session it is, and the
// number of the one that it takes the place of, 0 for none, which is less.
type write struct {
	session, last, count uint64
	content              string
}

func (w write) encode() []byte {
	b := binary.AppendUvarint(nil, w.session)
	b = binary.AppendUvarint(binary.AppendUvarint(b, w.last), w.count)
	return append(b, w.content...)
}

func parse(arg []byte) (w write, err error) {
	for _, to := range []*uint64{&w.session, &w.last, &w.count} {
		n := 0
		if *to, n = binary.Uvarint(arg); n <= 0 {
			return w, fmt.Errorf("%w: no number", kind.ErrArgument)
		}
		arg = arg[n:]
	}
	if w.last >= w.count {
		return w, fmt.Errorf("%w: write %d in place of %d", kind.ErrArgument, w.count, w.last)
	}
	w.content = string(arg)
	return w, nil
}

// Protocol is three replicas that each hold the key, and sessions that write to it at any of
// them, each write in place of the session's one before. Messages are lost, doubled and late.
func Protocol(published bool) campaign.Protocol {
	name := "causal-value"
	if published {
		name += "-as-published"
	}
	return campaign.Protocol{
		Name:  name,
		Setup: campaign.Setup{Nodes: nodes, Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition)},
		Kinds: []string{1: "gossip", 2: "snapshot"},
		Plan: func(p *campaign.Plan) {
			p.Spread(3, 12, func(n int, o *campaign.Op) {
				o.Func, o.Key, o.Arg = "write", p.Pick("session", "s1", "s2", "s3"), fmt.Sprint("v", n)
			})
		},
		New: func(r *campaign.Run) campaign.Instance {
			s, err := newSystem(r, published)
			if err != nil {
				panic("sim/causalvalue: " + err.Error()) // of constants alone
			}
			return campaign.Instance{
				Actor: func(sim.NodeID) sim.Actor { return &node{system: s} },
				Done:  func(r *campaign.Run) bool { return s.told(r.World()) },
				Check: func(r *campaign.Run) error { return s.check(r.World()) },
			}
		},
	}
}

// system is what the nodes of a run share.
type system struct {
	run    *campaign.Run
	ring   *ring.Ring
	kinds  *kind.Kinds
	failed error
}

func newSystem(r *campaign.Run, published bool) (*system, error) {
	ids := make([]ring.NodeID, nodes)
	for i := range ids {
		ids[i] = ring.NodeID(i)
	}
	rg, err := ring.New(ids, 1, nodes)
	if err != nil {
		return nil, err
	}
	k, err := kind.New(Correct())
	if published {
		k, err = kind.New(Published())
	}
	if err != nil {
		return nil, err
	}
	kinds, err := kind.NewKinds(k)
	return &system{run: r, ring: rg, kinds: kinds}, err
}

// session is the number of an operation's session.
func session(o campaign.Op) uint64 { return uint64(o.Key[len(o.Key)-1] - '0') }

// request is the put of an operation, in place of the one before of its session.
func (s *system) request(o campaign.Op) wire.Request {
	w := write{session: session(o), count: o.ID, content: o.Arg}
	for _, x := range s.run.Ops() {
		if x.Key == o.Key && x.ID < o.ID {
			w.last = x.ID
		}
	}
	return wire.Request{Client: w.session, Req: o.ID, Put: true, Key: key, Kind: "causal", Arg: w.encode(), Stamp: wallMS<<16 + o.ID}
}

// told reports whether every replica has every write and knows that the others do.
func (s *system) told(w *sim.World) bool {
	for n := range sim.NodeID(nodes) {
		if x := w.Actor(n).(*node); len(x.queue) > 0 || x.host.Core() == nil || !x.host.Core().Quiet() {
			return false
		}
	}
	return true
}

// shows are the values that a node has.
func (s *system) shows(w *sim.World, n sim.NodeID) []string {
	v := w.Actor(n).(*node).host.Core().Value(key, "causal")
	if v == nil {
		return nil
	}
	if x, ok := kind.Get[Stamped](v); ok {
		return x.Second
	}
	x, _ := kind.Get[kind.AddWins](v)
	return kind.Elements(x)
}

// check asks that replicas which have the same writes show the same values, the last of each
// session.
func (s *system) check(w *sim.World) error {
	if s.failed != nil {
		return violation("store", "%v", s.failed)
	}
	want := make(map[string]string)
	for _, o := range s.run.Ops() {
		want[o.Key] = o.Arg
	}
	var last []string
	for _, session := range []string{"s1", "s2", "s3"} {
		if v, some := want[session]; some {
			last = append(last, v)
		}
	}
	slices.Sort(last)
	first := s.shows(w, 0)
	for n := range sim.NodeID(nodes) {
		if got := s.shows(w, n); !slices.Equal(got, first) {
			return violation("replicas", "all have every write, and n0 shows %q where %v shows %q", first, n, got)
		}
	}
	if !slices.Equal(first, last) {
		return violation("replaced", "all show %q, and the last writes of the sessions are %q", first, last)
	}
	return nil
}

func violation(oracle, format string, args ...any) campaign.Violation {
	return campaign.Violation{Oracle: oracle, Kind: "value", Node: -1, Message: fmt.Sprintf(format, args...)}
}

// node hosts a replica. It does not crash, so its disk is nothing but an order: a record is
// durable when the event is over that asked for it.
type node struct {
	*system
	c     *sim.Context
	host  host.Host
	queue []uint64 // tokens of records that are not reported durable yet
}

func (n *node) Start(c *sim.Context) {
	n.c = c
	core, err := kvs.New(kvs.Config{
		Self: ring.NodeID(c.Self()), Origin: uint64(c.Self()) + 1, First: true, Ring: n.ring, Kinds: n.kinds,
		Secret: []byte("the secret of a causal value"),
	}, nil)
	if err != nil {
		n.note(err)
		return
	}
	n.host = host.New(core, n)
	n.note(n.host.Start())
}

func (n *node) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	n.do(c, kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(from), Msg: bytes.Clone(msg)})
}

func (n *node) Timer(c *sim.Context, id sim.TimerID) {
	if id == tick {
		n.do(c, kvs.Event{Kind: kvs.EventTick})
		return
	}
	token := n.queue[len(n.queue)-1]
	n.queue = n.queue[:0]
	n.do(c, kvs.Event{Kind: kvs.EventPersisted, Token: token})
}

func (n *node) Input(c *sim.Context, id uint64) {
	q := n.request(n.run.Op(id))
	n.do(c, kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
}

func (n *node) do(c *sim.Context, ev kvs.Event) {
	n.c, ev.NowMS = c, wallMS+uint64(c.Now()/sim.Millisecond)
	n.note(n.host.Do(ev))
}

func (n *node) note(err error) {
	if err != nil && n.failed == nil {
		n.failed = err
	}
}

// Send is of [host.Env], as are those below.
func (n *node) Send(to ring.NodeID, k wire.MessageKind, msg []byte) {
	number := sim.MsgKind(1)
	if k == wire.MsgSnapshot {
		number = 2
	}
	n.c.Send(sim.NodeID(to), number, msg)
}

// Respond takes an answer, which must be that the write was taken.
func (n *node) Respond(_ uint64, msg []byte) {
	a, err := wire.DecodeResponse(msg)
	if err == nil && a.Status != wire.StatusOK {
		err = fmt.Errorf("write %d: %v %s", a.Req, a.Status, a.Detail)
	}
	n.note(err)
}

// Persist has the record durable a moment later.
func (n *node) Persist(token uint64, _ []byte) error {
	if n.queue = append(n.queue, token); len(n.queue) == 1 {
		n.c.After(sim.Millisecond, durable)
	}
	return nil
}

// Truncate keeps nothing.
func (n *node) Truncate(uint64) {}

// After asks for a tick.
func (n *node) After(ms uint64) { n.c.After(sim.Time(ms)*sim.Millisecond, tick) }

// Accepted looks at nothing.
func (n *node) Accepted(*gossip.Entry) {}
