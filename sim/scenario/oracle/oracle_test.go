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
	moves    bool
	again    bool // writes are repeats
	ring     *ring.Ring
	replicas int
	ops      []workload.Operation
	stores   map[ring.NodeID]*kvs.Replica
	inMemory int
	onDisk   int
	failed   []string // signatures
	marked   []string
	others   oracle.Others
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

func (f *fake) Nodes() int           { return len(f.ring.Nodes()) }
func (f *fake) Level() session.Level { return session.Causal }
func (f *fake) Ring() *ring.Ring     { return f.ring }
func (f *fake) Moves() bool          { return f.moves }
func (f *fake) VectorOf(ring.Partition) (memory, disk, least int) {
	return f.inMemory, f.onDisk, f.replicas
}
func (f *fake) Kinds() *kind.Kinds                  { return kind.Default() }
func (f *fake) Operations() []workload.Operation    { return f.ops }
func (f *fake) Others() *oracle.Others              { return &f.others }
func (f *fake) Running(n ring.NodeID) *kvs.Replica  { return f.stores[n] }
func (f *fake) Store(n ring.NodeID) *kvs.Replica    { return f.stores[n] }
func (f *fake) Up(n ring.NodeID) bool               { return f.stores[n] != nil }
func (f *fake) Mark(name string)                    { f.marked = append(f.marked, name) }
func (f *fake) Fail(v oracle.Violation)             { f.failed = append(f.failed, v.Signature()) }
func (f *fake) Forgotten(string, string) kind.Value { return nil }

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
	q := wire.Request{Client: x.ID, Req: x.ID, Put: true, Key: x.Key, Kind: string(x.Type), Arg: arg, Again: f.again}
	if f.again {
		q.Stamp = 1
	}
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

// TestRingsOfTwoTiers: the twin agrees with rings of two tiers, whatever is decided, and sees what is
// placed otherwise.
func TestRingsOfTwoTiers(t *testing.T) {
	wrong := 0
	for nodes := 1; nodes <= 7; nodes++ {
		var ids []ring.NodeID
		for n := range nodes {
			ids = append(ids, ring.NodeID(n*n))
		}
		for disks := range ring.NodeID(40) {
			memory, disk := int(disks)%5, int(disks)%4
			r, err := ring.Tiered(ids, 20, 2, disks, func(ring.Partition) (int, int) { return memory, disk })
			require.NoError(t, err)
			f := &fake{ring: r, replicas: 2, inMemory: memory, onDisk: disk}
			new(oracle.Placement).Begin(f)
			require.Empty(t, f.failed, "%d nodes, from %d on of disk, %d and %d", nodes, disks, memory, disk)
			f.inMemory, f.onDisk = disk, memory
			new(oracle.Placement).Begin(f)
			wrong += len(f.failed)
		}
	}
	assert.Greater(t, wrong, 50)
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

// TestServedAgainOnceLost: a replica that is no owner may serve a request again that it had
// handed over, once the owners have lost it and it has given it up itself.
func TestServedAgainOnceLost(t *testing.T) {
	for _, lost := range []bool{false, true} {
		f := cluster(t, op(1, history.Add, history.Set, "s", "e"))
		n := f.owner("s", 0)
		var o oracle.LostWrites
		o.Begin(f)
		f.write(t, &o, n, 0, []byte("e"), true)
		o.Reading(n)
		if lost {
			f.start(t, n)
		}
		o.Rewound(n)
		require.Equal(t, lost, o.Forgiven(0))
		o.Accepted(&oracle.Write{Node: n, Operation: &f.ops[0], Partition: f.ring.PartitionOf("s"), Entry: &gossip.Entry{
			Dot: causal.Dot{Origin: uint64(n) + 1, Seq: 2}, Key: "s", Kind: "set",
		}})
		assert.Equal(t, !lost, len(f.failed) > 0)
	}
}

func TestLiveness(t *testing.T) {
	f := cluster(t, op(1, history.Add, history.Set, "s", "e1~1000"), op(2, history.Read, history.Set, "s", ""))
	var o oracle.Liveness
	o.Begin(f)
	assert.Equal(t, 5*sim.Second, o.Within(1))
	assert.Equal(t, 6*sim.Second, o.Within(5))
	assert.Equal(t, sim.Second/4, o.More(6*sim.Second, 5))
	assert.Equal(t, sim.Second/4, o.More(12*sim.Second-1, 5))
	assert.Zero(t, o.More(12*sim.Second, 5))
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
	f.failed = nil
	f.ops = append(f.ops, op(2, workload.Delete, history.Register, "r", "")) // which nodes agree to forget
	o.AtRest(&oracle.Rest{Came: true, Bytes: most + 4*160 + 4*3*200})
	assert.Empty(t, f.failed)
	o.AtRest(&oracle.Rest{Came: true, Bytes: most + 4*160 + 4*3*200 + 1})
	assert.Len(t, f.failed, 1)
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

// TestTimesOfReads: a register that is read was written at a time that its replica has met, unless
// what had been forgotten of the key is what it shows.
func TestTimesOfReads(t *testing.T) {
	for _, c := range []struct {
		met    uint64
		over   bool
		failed []string
	}{{met: 9}, {met: 8, failed: []string{"clock/register/read/0"}}, {met: 8, over: true}} {
		f := cluster(t, op(1, history.Read, history.Register, "r", ""))
		var o oracle.Clocks
		o.Begin(f)
		o.Answered(&oracle.Answer{
			Operation: &f.ops[0], Recorded: &history.Op{Outcome: history.OK, Stamp: history.Stamp{Clock: 9}},
			Response: &wire.Response{Status: wire.StatusOK, Clock: c.met}, Over: c.over,
		})
		assert.Equal(t, c.failed, f.failed)
	}
}
