package oracle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// fake is a cluster of four nodes, three of which hold each partition, that does what a
// test says.
type fake struct {
	ring     *ring.Ring
	replicas int
	ops      []workload.Operation
	stores   map[ring.NodeID]*kvs.Replica
	failed   []string // signatures
	marked   []string
}

func cluster(t *testing.T, ops ...workload.Operation) *fake {
	t.Helper()
	r, err := ring.New([]ring.NodeID{0, 1, 2, 3}, 4, 3)
	require.NoError(t, err)
	f := &fake{ring: r, replicas: 3, ops: ops, stores: map[ring.NodeID]*kvs.Replica{}}
	for n := range ring.NodeID(4) {
		f.start(t, n)
	}
	return f
}

// start has a node run with an empty store.
func (f *fake) start(t *testing.T, n ring.NodeID) {
	store, err := kvs.New(kvs.Config{Self: n, Origin: uint64(n) + 1, First: true, Ring: f.ring, Kinds: kind.Default(), Secret: []byte("sixteen bytes of it")}, nil)
	require.NoError(t, err)
	f.stores[n] = store
}

func (f *fake) Nodes() int                         { return len(f.ring.Nodes()) }
func (f *fake) Level() session.Level               { return session.Causal }
func (f *fake) Ring() *ring.Ring                   { return f.ring }
func (f *fake) Replicas() int                      { return f.replicas }
func (f *fake) Kinds() *kind.Kinds                 { return kind.Default() }
func (f *fake) Operations() []workload.Operation   { return f.ops }
func (f *fake) Running(n ring.NodeID) *kvs.Replica { return f.stores[n] }
func (f *fake) Store(n ring.NodeID) *kvs.Replica   { return f.stores[n] }
func (f *fake) Up(n ring.NodeID) bool              { return f.stores[n] != nil }
func (f *fake) Mark(name string)                   { f.marked = append(f.marked, name) }
func (f *fake) Fail(v oracle.Violation)            { f.failed = append(f.failed, v.Signature()) }

// owner is the i-th owner of a key; the fourth is the node that does not own it.
func (f *fake) owner(key string, i int) ring.NodeID {
	owners := f.ring.Owners(f.ring.PartitionOf(key))
	if i < len(owners) {
		return owners[i]
	}
	for n := range ring.NodeID(4) {
		if !f.ring.Owns(n, f.ring.PartitionOf(key)) {
			return n
		}
	}
	return 0
}

// write has a node accept a write, tells o of it, and makes it durable if that is asked.
func (f *fake) write(t *testing.T, o oracle.Oracle, n ring.NodeID, at int, arg []byte, durable bool) {
	t.Helper()
	x := &f.ops[at]
	q := wire.Request{Client: x.ID, Req: x.ID, Put: true, Key: x.Key, Kind: string(x.Type), Arg: arg}
	var tokens []uint64
	accepted := false
	for _, e := range f.stores[n].Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1, Msg: q.Encode()}) {
		switch e.Kind {
		case kvs.EffectAccept:
			accepted = true
			o.Accepted(&oracle.Write{Node: n, At: at, Operation: x, Partition: f.ring.PartitionOf(x.Key), Entry: e.Entry})
		case kvs.EffectPersist:
			tokens = append(tokens, e.Token)
		}
	}
	require.True(t, accepted, "%v", x)
	if durable {
		for _, token := range tokens {
			f.stores[n].Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1, Token: token})
		}
	}
}

func op(id uint64, f history.Func, t history.Type, key, arg string) workload.Operation {
	return workload.Operation{ID: id, Func: f, Type: t, Key: key, Arg: arg}
}

func TestSums(t *testing.T) {
	f := cluster(t, op(1, history.Inc, history.Counter, "c", "5"), op(2, history.Inc, history.Counter, "c", "-3"), op(3, history.Inc, history.Counter, "c", "7"))
	var o oracle.Sums
	o.Begin(f)
	f.write(t, &o, 0, 0, kind.Amount(5), false)
	f.write(t, &o, 0, 1, kind.Amount(-3), false)
	f.write(t, &o, 1, 2, kind.Amount(7), false)
	assert.Empty(t, f.failed)
	o.Begin(f) // which forgets the 5: the next delta brings more than that
	f.write(t, &o, 1, 0, kind.Amount(5), false)
	assert.Equal(t, []string{"sums/counter/inc/1"}, f.failed)
}

func TestOverflow(t *testing.T) {
	large := op(1, history.Inc, history.Counter, "c", "-9223372036854775808")
	f := cluster(t, large, large)
	f.ops[1].ID = 2
	var o oracle.Sums
	o.Begin(f)
	assert.False(t, o.Overflow(0, &large))
	f.write(t, &o, 0, 0, kind.Amount(-1<<63), false)
	assert.True(t, o.Overflow(0, &large))
	assert.False(t, o.Overflow(1, &large), "another node")
	up := op(3, history.Inc, history.Counter, "c", "9223372036854775807")
	assert.False(t, o.Overflow(0, &up), "the other sign")
	assert.Empty(t, f.failed)
}

func TestOneKind(t *testing.T) {
	for name, durable := range map[string]bool{"visible": true, "about to be": false} {
		f := cluster(t, op(1, history.Add, history.Set, "k", "e"), op(2, history.Write, history.Register, "k", "v"), op(3, history.Read, history.Register, "k", ""))
		n := f.owner("k", 0)
		var o oracle.OneKind
		o.Begin(f)
		f.write(t, &o, n, 0, []byte("e"), durable)
		require.Empty(t, f.failed, name)
		o.Accepted(&oracle.Write{Node: n, At: 1, Operation: &f.ops[1], Partition: f.ring.PartitionOf("k"),
			Entry: &gossip.Entry{Dot: causal.Dot{Origin: uint64(n) + 1, Seq: 2}, Key: "k", Kind: "register"}})
		assert.Len(t, f.failed, 1, name)
	}
}

func TestOneKindOfReads(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "k", "e"), op(2, history.Read, history.Register, "k", ""), op(3, history.Read, history.Set, "k", ""))
	n := f.owner("k", 0)
	var o oracle.OneKind
	o.Begin(f)
	nothing := &oracle.Sent{Node: n, Operation: &f.ops[1], Response: &wire.Response{}}
	o.Responded(nothing)
	assert.Empty(t, f.failed, "the key is not there")
	f.write(t, &o, n, 0, []byte("e"), true)
	o.Responded(nothing)
	assert.Len(t, f.failed, 1)
	o.Responded(&oracle.Sent{Node: n, Operation: &f.ops[1], Response: &wire.Response{Status: wire.StatusKindMismatch}})
	o.Responded(&oracle.Sent{Node: n, Operation: &f.ops[2], Response: &wire.Response{Found: true}})
	assert.Len(t, f.failed, 1)
}

func TestPlacement(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "k", "e"))
	var o oracle.Placement
	o.Begin(f)
	assert.Empty(t, f.failed)
	f.write(t, &o, f.owner("k", 1), 0, []byte("e"), true)
	o.AtRest(&oracle.Rest{Came: true})
	assert.Empty(t, f.failed)
	stranger := f.owner("k", 3)
	f.write(t, &o, stranger, 0, []byte("e"), true)
	o.AtRest(&oracle.Rest{})
	assert.Empty(t, f.failed, "there is no rest")
	o.AtRest(&oracle.Rest{Came: true})
	assert.Equal(t, []string{oracle.Violation{Oracle: "placement", Kind: "stranger", Node: int(stranger)}.Signature()}, f.failed)
	f.failed, f.replicas = nil, 2
	new(oracle.Placement).Begin(f)
	assert.Equal(t, []string{"placement/ring//-1"}, f.failed, "one owner too many")
}

// TestRings: the twin agrees with rings of all sizes.
func TestRings(t *testing.T) {
	for nodes := 1; nodes <= 9; nodes++ {
		var ids []ring.NodeID
		for n := range nodes {
			ids = append(ids, ring.NodeID(n*n))
		}
		for replicas := 1; replicas <= 4; replicas++ {
			r, err := ring.New(ids, 40, replicas)
			require.NoError(t, err)
			f := &fake{ring: r, replicas: replicas}
			new(oracle.Placement).Begin(f)
			assert.Empty(t, f.failed, "%d nodes, %d replicas", nodes, replicas)
		}
	}
}

// availability is the oracle with those that it asks.
func availability(f *fake) *oracle.Availability {
	o := &oracle.Availability{Lost: new(oracle.LostWrites), Sums: new(oracle.Sums)}
	for _, x := range []oracle.Oracle{o.Lost, o.Sums, o} {
		x.Begin(f)
	}
	return o
}

func answer(x *workload.Operation, s wire.Status, detail string) *oracle.Answer {
	outcome := history.OK
	if s != wire.StatusOK {
		outcome = history.Failed
	}
	return &oracle.Answer{
		Level: session.Causal, Operation: x, Recorded: &history.Op{Outcome: outcome, Func: x.Func, Type: x.Type},
		Response: &wire.Response{Status: s, Detail: detail},
	}
}

// TestAcks: the answer to a write says who has it on a disk, each owner counted once, and one
// that has lost it since counts.
func TestAcks(t *testing.T) {
	x := op(1, history.Add, history.Set, "k", "e")
	for name, c := range map[string]struct {
		ack     session.Ack
		durable bool
		lost    bool
		bad     bool
	}{
		"durable": {durable: true}, "not yet": {bad: true}, "from memory": {ack: session.AckMemory},
		"one owner": {ack: session.Owners(1), durable: true}, "two, and one has it": {ack: session.Owners(2), durable: true, bad: true},
	} {
		x.Ack = c.ack
		f := cluster(t, x)
		o := oracle.Acks{Lost: new(oracle.LostWrites)}
		o.Lost.Begin(f)
		o.Begin(f)
		n := f.owner("k", 0)
		f.write(t, o.Lost, n, 0, []byte("e"), c.durable)
		resp := wire.Response{Req: 1, Partition: f.ring.PartitionOf("k"), Dot: causal.Dot{Origin: uint64(n) + 1, Seq: 1}}
		o.Responded(&oracle.Sent{Node: n, Operation: &f.ops[0], Response: &resp})
		assert.Equal(t, c.bad, len(f.failed) > 0, name)
		resp.Status = wire.StatusUnavailable
		f.failed = nil
		o.Responded(&oracle.Sent{Node: n, Operation: &f.ops[0], Response: &resp})
		assert.Empty(t, f.failed, "what is not acknowledged says nothing")
	}
}

// TestLostFromMemory: a write that was answered from memory is forgiven if its replica crashes
// before it is on a disk, and another one is not.
func TestLostFromMemory(t *testing.T) {
	for ack, forgiven := range map[session.Ack]bool{session.AckMemory: true, session.AckDurable: false} {
		x := op(1, history.Add, history.Set, "k", "e")
		x.Ack = ack
		f := cluster(t, x)
		var o oracle.LostWrites
		o.Begin(f)
		n := f.owner("k", 0)
		f.write(t, &o, n, 0, []byte("e"), false)
		assert.False(t, o.Forgiven(0), "while the replica runs, nothing excuses it")
		o.Reading(n)
		f.start(t, n)
		o.Restarted(n, nil)
		assert.Equal(t, forgiven, o.Forgiven(0), "%v", ack)
		assert.Equal(t, forgiven, o.Lossy())
		assert.Equal(t, forgiven, len(f.marked) > 0)
		assert.Empty(t, f.failed)
	}
}

// TestAmiss: what is amiss is refused, and for the right reason.
func TestAmiss(t *testing.T) {
	right := map[workload.Amiss]wire.Status{
		workload.NotOwner: wire.StatusNotOwner, workload.BadKind: wire.StatusBadRequest, workload.BadDeps: wire.StatusBadRequest,
		workload.BadClock: wire.StatusClockAhead, workload.BadWait: wire.StatusBadRequest, workload.BadAmount: wire.StatusBadRequest,
	}
	for wrong, want := range right {
		for s := wire.StatusOK; s <= wire.StatusClockAhead; s++ {
			f := cluster(t, op(1, history.Read, history.Set, "k", ""))
			f.ops[0].Amiss = wrong
			o := availability(f)
			o.Answered(answer(&f.ops[0], s, ""))
			if s == want {
				assert.Empty(t, f.failed, "%s: %v", wrong, s)
			} else {
				assert.Equal(t, []string{"refusal/set/read/0"}, f.failed, "%s: %v", wrong, s)
			}
		}
	}
}

func TestAcceptedAmiss(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "k", "e"))
	f.ops[0].Amiss = workload.BadClock
	o := availability(f)
	f.write(t, o, 2, 0, []byte("e"), true)
	assert.Equal(t, []string{"refusal/set/add/2"}, f.failed)
}

// TestMismatch: a refusal for the kind of a key needs a write of that other kind, and after
// the fence that no write of its own kind was acknowledged.
func TestMismatch(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "k", "e"), op(2, history.Read, history.Register, "k", ""), op(3, history.Write, history.Register, "k", "v"))
	o := availability(f)
	o.Answered(answer(&f.ops[1], wire.StatusKindMismatch, "set"))
	assert.Len(t, f.failed, 1, "there is no set")
	f.failed = nil
	f.write(t, o, 0, 0, []byte("e"), true)
	o.Answered(answer(&f.ops[1], wire.StatusKindMismatch, "set"))
	assert.Empty(t, f.failed)
	assert.True(t, o.Excused(2))
	o.Answered(answer(&f.ops[1], wire.StatusKindMismatch, "register"))
	assert.Len(t, f.failed, 1, "it is of that kind itself")
	f.failed = nil
	final := op(workload.FirstFinal, history.Read, history.Register, "k", "")
	o.Answered(answer(&final, wire.StatusKindMismatch, "set"))
	assert.Empty(t, f.failed)
	o.Answered(answer(&f.ops[2], wire.StatusOK, ""))
	o.Answered(answer(&final, wire.StatusKindMismatch, "set"))
	assert.Len(t, f.failed, 1, "a register was acknowledged")
}

// TestUnavailable: a read may not wait in vain at a replica that has everything.
func TestUnavailable(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "k", "e"), op(2, history.Read, history.Set, "k", ""))
	o := availability(f)
	has, lacks := f.owner("k", 0), f.owner("k", 1)
	f.write(t, o.Lost, has, 0, []byte("e"), true)
	for n, want := range map[ring.NodeID]int{lacks: 0, has: 1} {
		f.failed = nil
		o.Responded(&oracle.Sent{Node: n, Operation: &f.ops[1], Response: &wire.Response{Status: wire.StatusUnavailable, Partition: f.ring.PartitionOf("k")}})
		assert.Len(t, f.failed, want)
	}
}

// TestUnavailableAtRest: what a causal session waits for in vain after the fence may only be
// what a disk has lost.
func TestUnavailableAtRest(t *testing.T) {
	none := func(ring.Partition, causal.Dot) bool { return false }
	for name, c := range map[string]struct {
		happens func(l *oracle.LostWrites, n ring.NodeID)
		failed  int
	}{
		"nothing was lost": {func(*oracle.LostWrites, ring.NodeID) {}, 1},
		"a whole disk":     {func(l *oracle.LostWrites, n ring.NodeID) { l.Restarted(n, nil) }, 1},
		"a lost disk":      {func(l *oracle.LostWrites, n ring.NodeID) { l.Rewound(n) }, 0},
		"a spoiled record": {func(l *oracle.LostWrites, n ring.NodeID) { l.Restarted(n, none) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			final := op(workload.FirstFinal, history.Read, history.Set, "k", "")
			f := cluster(t, final)
			o := availability(f)
			c.happens(o.Lost, f.owner("k", 0))
			h := history.Op{Call: 5, Return: 6, Outcome: history.Failed}
			o.Answered(&oracle.Answer{Level: session.Causal, Operation: &final, Recorded: &h, Response: &wire.Response{Status: wire.StatusUnavailable}})
			assert.Empty(t, f.failed, "it is judged in the end")
			o.Ended(&oracle.End{History: &history.History{Ops: []history.Op{h}}, Planned: []uint64{final.ID}})
			assert.Len(t, f.failed, c.failed)
		})
	}
}

// TestLateStop: a node that notices after the fence that its disk had failed may not answer.
func TestLateStop(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		final := op(workload.FirstFinal, history.Read, history.Set, "k", "")
		f := cluster(t, final)
		o := availability(f)
		h := history.Op{Call: 5, Return: 6, Outcome: history.Failed, Node: 2}
		end := &oracle.End{History: &history.History{Ops: []history.Op{h}}, Planned: []uint64{final.ID}, Stopped: []int{1}}
		if stopped {
			end.Stopped = append(end.Stopped, 2)
		}
		o.Ended(end)
		assert.Equal(t, stopped, len(f.failed) == 0)
	}
}

// TestBusy: a write may be refused by a node that is no owner and has taken as many as it
// may, and a read where so many others may wait; and neither where no such bound was set, nor
// after the fence.
func TestBusy(t *testing.T) {
	for name, c := range map[string]struct {
		handOver, waiting, taken int
		owner, read, final       bool
		failed                   int
	}{
		"full":                {handOver: 2, taken: 2},
		"not full":            {handOver: 2, taken: 1, failed: 1},
		"an owner":            {handOver: 2, taken: 2, owner: true, failed: 1},
		"any number":          {taken: 2, failed: 1},
		"after the fence":     {handOver: 2, taken: 2, final: true, failed: 1},
		"a read":              {handOver: 2, taken: 2, read: true, failed: 1},
		"reads wait":          {waiting: 3, read: true},
		"fewer reads wait":    {waiting: 5, read: true, failed: 1},
		"reads and the fence": {waiting: 3, read: true, final: true, failed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			ops := []workload.Operation{op(1, history.Add, history.Set, "k", "a"), op(2, history.Add, history.Set, "k", "b"), op(3, history.Add, history.Set, "k", "c")}
			if c.read {
				for i := range uint64(3) {
					ops = append(ops, op(4+i, history.Read, history.Set, "k", ""))
				}
			}
			last := &ops[len(ops)-1]
			if c.final {
				last.ID = workload.FirstFinal
			}
			f := cluster(t, ops...)
			o := availability(f)
			o.HandOver, o.Waiting = c.handOver, c.waiting
			n := f.owner("k", 0)
			for m := range f.Nodes() {
				if !c.owner && !f.ring.Owns(ring.NodeID(m), f.ring.PartitionOf("k")) {
					n = ring.NodeID(m)
				}
			}
			require.Equal(t, c.owner, f.ring.Owns(n, f.ring.PartitionOf("k")))
			for i := range c.taken {
				o.Lost.Accepted(&oracle.Write{Node: n, At: i, Operation: &ops[i], Partition: f.ring.PartitionOf("k"), Entry: &gossip.Entry{
					Dot: causal.Dot{Origin: uint64(n) + 1, Seq: uint64(i) + 1}, Key: "k", Kind: "set",
				}})
			}
			f.failed = nil
			busy := func() int {
				f.failed = nil
				o.Answered(&oracle.Answer{Node: n, Level: session.Causal, Operation: last, Recorded: new(history.Op), Response: &wire.Response{
					Status: wire.StatusBusy, Partition: f.ring.PartitionOf("k"),
				}})
				return len(f.failed)
			}
			assert.Equal(t, c.failed, busy())
			if last.Amiss = workload.BadClock; !c.read && !c.final {
				assert.Equal(t, c.failed, busy(), "nor need it see what else is amiss")
			}
		})
	}
}

// TestOutgrown: a write may be refused as too large where all that was accepted for its key
// comes to more than the bound with it, and not elsewhere; and one that alone is above the
// bound is not accepted, save in a register, of which a later write may stand.
func TestOutgrown(t *testing.T) {
	for name, c := range map[string]struct {
		of           history.Type
		bound, bytes int
		read         bool
		failed       []string
	}{
		"too much together": {of: history.Set, bound: 100, bytes: 90},
		"not by much":       {of: history.Set, bound: 100, bytes: 5, failed: []string{"availability/refused/add/0"}},
		"no bound":          {of: history.Set, bytes: 90, failed: []string{"availability/refused/add/0"}},
		"a read":            {of: history.Set, bound: 100, bytes: 90, read: true, failed: []string{"availability/refused/read/0"}},
		"accepted":          {of: history.Set, bound: 100, bytes: 101, failed: []string{"size/set/add/0"}},
		"a register":        {of: history.Register, bound: 100, bytes: 101},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := op(1, history.Add, history.Set, "k", "a"), op(2, history.Add, history.Set, "k", "b")
			if c.of == history.Register {
				first, second = op(1, history.Write, c.of, "k", "a"), op(2, history.Write, c.of, "k", "b")
			}
			if c.read {
				second = op(2, history.Read, c.of, "k", "")
			}
			f := cluster(t, first, second)
			o := availability(f)
			o.ValueBytes = c.bound
			o.Accepted(&oracle.Write{At: 0, Operation: &f.ops[0], Partition: f.ring.PartitionOf("k"), Entry: &gossip.Entry{
				Dot: causal.Dot{Origin: 1, Seq: 1}, Key: "k", Kind: string(c.of), Delta: make([]byte, c.bytes),
			}})
			o.Answered(&oracle.Answer{Level: session.Causal, Operation: &f.ops[1], Recorded: new(history.Op), Response: &wire.Response{Status: wire.StatusTooLarge}})
			assert.Equal(t, c.failed, f.failed)
		})
	}
}

// TestServedTwice: by the replica that has the write, or is about to; another one may, and
// nothing shows that.
func TestServedTwice(t *testing.T) {
	f := cluster(t, op(1, history.Inc, history.Counter, "c", "1"), op(2, history.Add, history.Set, "s", "e"))
	var o oracle.LostWrites
	o.Begin(f)
	entry := func(at int, origin uint64) *gossip.Entry {
		return &gossip.Entry{Dot: causal.Dot{Origin: origin, Seq: 9}, Key: f.ops[at].Key, Kind: string(f.ops[at].Type)}
	}
	tell := func(n ring.NodeID, at int) {
		o.Accepted(&oracle.Write{Node: n, At: at, Operation: &f.ops[at], Partition: f.ring.PartitionOf(f.ops[at].Key), Entry: entry(at, uint64(n)+1)})
	}
	tell(0, 0)
	tell(1, 0)
	tell(0, 1)
	tell(1, 1)
	assert.Empty(t, f.failed)
	assert.False(t, o.Unjudged("c"))
	assert.False(t, o.Unjudged("s"))
	assert.True(t, o.Served(1))
	tell(1, 1)
	assert.Equal(t, []string{"request/set/add/1"}, f.failed)
}

func TestLiveness(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "s", "e1~1000"), op(2, history.Read, history.Set, "s", ""))
	var o oracle.Liveness
	o.Begin(f)
	assert.Equal(t, 5*sim.Second, o.Within(1))
	assert.Equal(t, 6*sim.Second, o.Within(5))
	most := int64(4 * (10*160 + 4*1000))
	o.AtRest(&oracle.Rest{Came: true, Bytes: most})
	assert.Empty(t, f.failed)
	o.AtRest(&oracle.Rest{Came: true, Bytes: most + 1})
	assert.Equal(t, []string{"liveness/bytes//-1"}, f.failed)
	f.failed = nil
	o.AtRest(&oracle.Rest{Came: true, Final: true, Bytes: most + 1})
	assert.Empty(t, f.failed, "what came of the reads after the fence")
	o.AtRest(&oracle.Rest{Busy: 2})
	assert.Equal(t, []string{"liveness/no rest//2"}, f.failed)
}

// TestAgreement and Monotonic look into real stores.
func TestAgreement(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "k", "e"))
	var o oracle.Agreement
	o.Begin(f)
	o.AtRest(&oracle.Rest{Came: true})
	assert.Empty(t, f.failed)
	f.write(t, &o, f.owner("k", 0), 0, []byte("e"), true)
	o.AtRest(&oracle.Rest{})
	assert.Empty(t, f.failed)
	o.AtRest(&oracle.Rest{Came: true})
	assert.Len(t, f.failed, 2, "both other owners lack it")
}

func TestMonotonic(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "k", "e"))
	var o oracle.Monotonic
	o.Begin(f)
	n := f.owner("k", 0)
	f.write(t, &o, n, 0, []byte("e"), true)
	o.Persisted(n)
	f.start(t, n)
	o.Restarted(n, nil)
	f.ops[0].ID++
	f.write(t, &o, n, 0, []byte("other"), true)
	o.Persisted(n)
	assert.Empty(t, f.failed, "another incarnation")
	f.start(t, n) // without a word
	f.ops[0].ID++
	f.write(t, &o, n, 0, []byte("a third"), true)
	o.Persisted(n)
	assert.Equal(t, []string{oracle.Violation{Oracle: "monotonic", Kind: "set", Node: int(n)}.Signature()}, f.failed)
}
