package oracle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

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

// TestUnavailableForALostBarrier: a read may wait in vain for what no client has written, and a disk
// has lost; until the replica has got it from elsewhere.
func TestUnavailableForALostBarrier(t *testing.T) {
	for name, c := range map[string]struct {
		starts, rewinds, again bool
		failed                 int
	}{
		"nothing was lost": {failed: 1},
		"a start":          {starts: true},
		"a disk":           {starts: true, rewinds: true},
		"it is back":       {starts: true, again: true, failed: 1},
	} {
		f := cluster(t, op(1, history.Add, history.Set, "k", "e"), op(2, history.Read, history.Set, "k", ""))
		o := availability(f)
		n := f.owner("k", 0)
		var barrier oracle.Oracle = new(oracle.Sums) // that hears of it; no other oracle does
		barrier.Begin(f)
		f.write(t, barrier, n, 0, []byte("e"), true)
		if c.starts {
			o.Reading(n)
			f.start(t, n)
			if c.rewinds {
				o.Rewound(n)
			} else {
				o.Restarted(n, nil)
			}
		}
		if c.again { // with the same dot
			f.write(t, barrier, n, 0, []byte("e"), true)
		}
		o.Responded(&oracle.Sent{Node: n, Operation: &f.ops[1], Response: &wire.Response{Status: wire.StatusUnavailable, Partition: f.ring.PartitionOf("k")}})
		assert.Len(t, f.failed, c.failed, name)
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
		again                    int // so many of three writes may be repeated, the last one first
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
		"repeats":             {waiting: 2, owner: true, again: 3},
		"fewer repeats":       {waiting: 2, owner: true, again: 2, failed: 1},
		"repeats of any":      {owner: true, again: 3, failed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			ops := []workload.Operation{op(1, history.Add, history.Set, "k", "a"), op(2, history.Add, history.Set, "k", "b"), op(3, history.Add, history.Set, "k", "c")}
			if c.read {
				for i := range uint64(3) {
					ops = append(ops, op(4+i, history.Read, history.Set, "k", ""))
				}
			}
			for i := range c.again {
				ops[2-i].Retries = []int{1}
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

// TestRepeatsOfIncrements may be refused by a replica that does not own the partition, and by no owner;
// what was asked once may not.
func TestRepeatsOfIncrements(t *testing.T) {
	for name, c := range map[string]struct {
		owner, once, set bool
		amiss            workload.Amiss
		failed           int
	}{
		"a repeat":           {},
		"one that is amiss":  {amiss: workload.BadAmount},
		"asked once":         {once: true, failed: 1},
		"of an owner":        {owner: true, failed: 1},
		"of another kind":    {set: true, failed: 1},
		"amiss, of an owner": {owner: true, amiss: workload.BadAmount, failed: 1},
	} {
		x := op(1, history.Inc, history.Counter, "k", "1")
		if c.set {
			x = op(1, history.Add, history.Set, "k", "1")
		}
		if x.Amiss = c.amiss; !c.once {
			x.Retries = []int{3}
		}
		f := cluster(t, x)
		o := availability(f)
		a := answer(&f.ops[0], wire.StatusNotOwner, "")
		a.Node, a.Response.Partition = f.owner("k", 3), f.ring.PartitionOf("k")
		if c.owner {
			a.Node = f.owner("k", 0)
		}
		o.Answered(a)
		assert.Len(t, f.failed, c.failed, name)
		assert.Equal(t, c.failed == 0, o.Excused(1), name)
	}
}
