package kvs_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// checking is a cluster whose replicas write a checkpoint every so many bytes.
func checking(t testing.TB, nodes, partitions, rf int, seed uint64, every, batch int) *cluster {
	c := newCluster(t, nodes, partitions, rf, seed)
	c.check, c.batch = every, batch
	for n := range nodes {
		c.crash(n) // takes these, and nothing is written yet
	}
	return c
}

// TestRecoveredFromCheckpoint: at any moment of a run, a replica that starts from what
// its checkpoints left is in the state, byte for byte, of one that starts on all records
// ever written, but for deltas that every owner had acknowledged.
func TestRecoveredFromCheckpoint(t *testing.T) {
	compared, cut, forgot, snapshots := 0, 0, 0, uint64(0)
	for seed := range uint64(30) {
		c := checking(t, 3, 3, 3, seed, 150, []int{0, 60}[seed%2])
		c.lossy = true
		if seed%2 == 1 {
			c.cfg = func(cfg *kvs.Config) { cfg.SnapshotPieces = 2 }
		}
		losing := seed%3 == 2
		for round := range uint64(12) {
			for client := range uint64(3) {
				node := c.choose(3, 0)
				c.ask(node, put(10+client, round+1, "set", fmt.Sprintf("s%d", round%4), fmt.Appendf(nil, "%d.%d", client, round)))
				c.ask(node, put(20+client, round+1, "counter", fmt.Sprintf("c%d", round%3), kind.Amount(1)))
				c.ask(node, past(put(30+client, round+1, "register", "r", []byte{byte(round)}), session.Matrix{{Partition: 1, Origin: 2, Seq: round + 1}}))
			}
			for range 40 {
				c.step()
			}
			if c.choose(3, 0) == 0 {
				c.crash(c.choose(3, 0))
			}
			if losing && round == 6 {
				c.lose(int(seed)%3, 0)
			}
			node := c.choose(3, 0)
			compared++
			cut += c.cut[node]
			for p, dots := range compareRecovered(t, c, node, fmt.Sprintf("seed %d, round %d, node %d", seed, round, node)) {
				for origin, spans := range dots {
					for seq := spans[0].Lo; seq <= spans[len(spans)-1].Hi && !losing; seq++ {
						for _, o := range c.ring.Owners(p) {
							forgot++
							if d := (causal.Dot{Origin: origin, Seq: seq}); dots.Contains(d) {
								require.True(t, c.replicas[o].Has(p, d), "seed %d: %v of partition %d is forgotten, and node %d lacks it", seed, d, p, o)
							}
						}
					}
				}
			}
		}
		c.settle()
		c.agree()
		for _, r := range c.replicas {
			snapshots += r.Stats().Snapshots
		}
	}
	assert.Greater(t, cut, compared)
	assert.Greater(t, forgot, 100)
	assert.Positive(t, snapshots)
	t.Logf("%d comparisons, %d records truncated at them, %d deltas forgotten", compared, cut, forgot)
}

func compareRecovered(t *testing.T, c *cluster, node int, where string) map[ring.Partition]causal.Dots {
	cfg := kvs.Config{Self: ring.NodeID(node), Origin: 1 << 40, Ring: c.ring, Kinds: kind.Default(), Secret: secret, CheckpointBytes: -1}
	a, err := kvs.New(cfg, c.disks[node])
	require.NoError(t, err)
	b, err := kvs.New(cfg, c.full[node])
	require.NoError(t, err)
	forgotten := b.Level(a)
	require.Equal(t, b.AppendState(nil), a.AppendState(nil), where)
	return forgotten
}

// TestRecoveryIsBounded: what a start reads depends on what is held, and not on how much
// was ever written.
func TestRecoveryIsBounded(t *testing.T) {
	const every = 2000
	var read []int
	for _, writes := range []uint64{500, 4000} {
		c := checking(t, 1, 4, 1, 1, every, 300)
		written, most := 0, 0
		for i := range writes {
			c.ask(0, put(i%5, 1+i, "register", fmt.Sprintf("k%d", i%20), []byte("0123456789")))
			for len(c.bag) > 1 { // all but the timer
				c.step()
			}
			size := 0
			for _, rec := range c.disks[0] {
				size += len(rec)
			}
			most = max(most, size)
		}
		for _, rec := range c.full[0] {
			written += len(rec)
		}
		state := 0
		r, err := kvs.New(kvs.Config{Origin: 1 << 40, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, c.disks[0])
		require.NoError(t, err)
		require.Equal(t, holdings(c.replicas[0]), holdings(r))
		state = len(r.AppendState(nil))
		t.Logf("%d writes: %d bytes written, at most %d on the disk, the state has %d", writes, written, most, state)
		assert.Less(t, most, 2*(every+2*state))
		read = append(read, most)
		assert.Greater(t, c.replicas[0].Stats().Checkpoints, writes/100)
	}
	assert.Less(t, read[1], read[0]*5/4)
}

// TestLargeStateIsWrittenSeldom: where a checkpoint has more bytes than CheckpointBytes,
// the next one waits until as much has been written as it had.
func TestLargeStateIsWrittenSeldom(t *testing.T) {
	c := checking(t, 1, 1, 1, 1, 100, 0)
	checkpoints, persisted := 0, 0
	write := func(i uint64, key string) {
		c.ask(0, put(1, i, "register", key, make([]byte, 50)))
		for len(c.bag) > 1 {
			c.step()
		}
	}
	for i := range uint64(400) {
		write(1+i, fmt.Sprintf("k%d", i%200))
	}
	checkpoints = int(c.replicas[0].Stats().Checkpoints)
	before := c.written
	for i := range uint64(400) {
		write(401+i, fmt.Sprintf("k%d", i%200))
	}
	persisted = c.written - before
	t.Logf("%d checkpoints, then %d bytes for %d of records", checkpoints, persisted, 400*80)
	assert.Less(t, int(c.replicas[0].Stats().Checkpoints)-checkpoints, 5)
	assert.Less(t, persisted, 3*400*80)
}

// diary is an Env that writes down what a replica does to its disk and when it answers,
// and whose disk is slow: what it takes is durable only when told.
type diary struct {
	acts    []act
	records [][]byte
}

// act is one thing that happened: at most one of its fields is set.
type act struct {
	record   []byte
	truncate uint64
	durable  uint64 // all up to that token
	answer   uint64 // request
}

func (d *diary) Send(ring.NodeID, wire.MessageKind, []byte) {}
func (d *diary) After(uint64)                               {}
func (d *diary) Accepted(*gossip.Entry)                     {}
func (d *diary) Truncate(token uint64)                      { d.acts = append(d.acts, act{truncate: token}) }

func (d *diary) Respond(_ uint64, msg []byte) {
	if resp, err := wire.DecodeResponse(msg); err == nil && resp.Status == wire.StatusOK {
		d.acts = append(d.acts, act{answer: resp.Req})
	}
}

func (d *diary) Persist(_ uint64, record []byte) error {
	d.records = append(d.records, bytes.Clone(record))
	d.acts = append(d.acts, act{record: d.records[len(d.records)-1]})
	return nil
}

// TestCrashAtEveryStepOfACheckpoint stops a replica after everything that it does to its
// disk, with everything of what was not durable by then that may have survived, and with
// everything back that a truncation removed or with some of it: what was acknowledged is
// there, and its request is known.
func TestCrashAtEveryStepOfACheckpoint(t *testing.T) {
	c := newCluster(t, 1, 3, 1, 1)
	cfg := kvs.Config{Origin: 1, First: true, Ring: c.ring, Kinds: kind.Default(), Secret: secret, BatchBytes: 50, CheckpointBytes: 200}
	r, err := kvs.New(cfg, nil)
	require.NoError(t, err)
	d := new(diary)
	h := host.New(r, d)
	require.NoError(t, h.Start())
	durable := uint64(0)
	for i := range uint64(72) {
		q := put(1+i%3, 1+i, "set", fmt.Sprintf("k%d", i%9), []byte{byte(i)})
		require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}))
		if i%3 == 2 { // three are under way at a time, and parts of checkpoints
			for token := durable + 1; int(token) <= len(d.records)-int(i%2); token++ {
				durable = token
				d.acts = append(d.acts, act{durable: durable})
				require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: token}))
			}
		}
	}
	require.Greater(t, r.Stats().Checkpoints, uint64(3))
	crashes := 0
	persisted, truncated := 0, 0
	last, acked := uint64(0), []uint64(nil)
	for _, a := range d.acts {
		switch {
		case a.record != nil:
			persisted++
		case a.durable > 0:
			last = a.durable
		case a.truncate > 0:
			require.LessOrEqual(t, a.truncate, last, "of a record that is durable")
			truncated = int(a.truncate) - 1
		default:
			acked = append(acked, a.answer)
		}
		for survive := int(last); survive <= persisted; survive++ {
			for _, from := range slices.Compact([]int{truncated, max(truncated-1, 0), truncated / 2, 0}) {
				crashes++
				requireServed(t, c.ring, d.records[from:survive], acked)
			}
		}
	}
	t.Logf("%d crashes", crashes)
	assert.Greater(t, crashes, 500)
}

// requireServed asks that a replica that starts on some records holds the writes of the
// requests acknowledged, as TestCrashAtEveryStepOfACheckpoint makes them, and repeats none.
func requireServed(t *testing.T, rg *ring.Ring, records [][]byte, acked []uint64) {
	t.Helper()
	r, err := kvs.New(kvs.Config{Origin: 2, Ring: rg, Kinds: kind.Default(), Secret: secret}, records)
	require.NoError(t, err)
	for _, req := range acked {
		i := req - 1
		v := r.Look(fmt.Sprintf("k%d", i%9), "set")
		require.NotNil(t, v, "write %d", req)
		delta, err := setOf(byte(i))
		require.NoError(t, err)
		require.False(t, v.Clone().MergeIn(delta), "write %d is not in its value", req)
		q := put(1+i%3, req, "set", fmt.Sprintf("k%d", i%9), []byte{byte(i)})
		for _, e := range r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}) {
			require.NotEqual(t, kvs.EffectAccept, e.Kind, "write %d is served again", req)
		}
	}
}

// setOf is a set of one element.
func setOf(b byte) (kind.Value, error) {
	k, _ := kind.Default().Find("set")
	return k.Mutate(kind.Update{Arg: []byte{b}}, k.New())
}

// TestUnreadableRecord cuts each record in turn out of a disk with a checkpoint: the
// replica starts, says so, never shows a write whose dot it does not name nor names one
// that it does not show, and is brought up by its peers.
func TestUnreadableRecord(t *testing.T) {
	c := checking(t, 3, 2, 3, 3, 400, 60)
	for i := range uint64(40) {
		c.ask(int(i%3), put(1+i%2, 1+i, "set", fmt.Sprintf("k%d", i%5), []byte{byte(i)}))
		for range 6 {
			c.step()
		}
	}
	c.settle()
	require.Positive(t, c.cut[0])
	want := holdings(c.replicas[0])
	disk := slices.Clone(c.disks[0])
	require.True(t, slices.ContainsFunc(disk, wire.IsCheckpoint))
	less := 0
	for i := range disk {
		c.disks[0] = slices.Delete(slices.Clone(disk), i, i+1)
		c.unreadable = 1
		c.crash(0)
		c.unreadable = 0
		require.Equal(t, uint64(1), c.replicas[0].Stats().Unreadable)
		require.False(t, c.replicas[0].Quiet(), "it asks")
		for p := range ring.Partition(2) {
			shown := 0
			c.replicas[0].Each(func(q ring.Partition, _, _ string, v kind.Value) {
				if p == q {
					shown += elements(t, v)
				}
			})
			named := uint64(0)
			for _, spans := range c.replicas[0].Applied(p) {
				named += spans.Count()
			}
			require.Equal(t, int(named), shown, "record %d, partition %d", i, p)
		}
		if !assert.ObjectsAreEqual(want, holdings(c.replicas[0])) {
			less++
		}
		c.settle()
		require.Equal(t, want, holdings(c.replicas[0]), "record %d", i)
		c.agree()
	}
	assert.Positive(t, less)

	r, err := kvs.New(kvs.Config{Origin: 1 << 40, First: true, Unreadable: 1, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, nil)
	require.NoError(t, err)
	assert.False(t, r.Quiet(), "a node that has lost a record has run before")
}

// elements is how many elements a set has.
func elements(t *testing.T, v kind.Value) int {
	n := 0
	for b := range 256 {
		delta, err := setOf(byte(b))
		require.NoError(t, err)
		if !v.Clone().MergeIn(delta) {
			n++
		}
	}
	return n
}

// TestHandedOverAndCutOff: a replica that does not own a partition, and whose disk has no
// more what it handed over, goes on to hand over what it still has where every owner has
// lost the rest.
func TestHandedOverAndCutOff(t *testing.T) {
	for _, cut := range []bool{false, true} {
		c := checking(t, 4, 1, 3, 5, 1<<20, 0)
		stranger := slices.IndexFunc([]ring.NodeID{0, 1, 2, 3}, func(n ring.NodeID) bool { return !c.ring.Owns(n, 0) })
		c.ask(stranger, put(1, 1, "set", "k", []byte("a")))
		c.settle()
		if cut {
			c.check = 1
			c.crash(stranger) // hands over again, writes a checkpoint, and cuts its log
			for i := range uint64(20) {
				c.settle()
				c.ask(stranger, put(2, 1+i, "register", "r", []byte("b")))
			}
			c.settle()
			c.check = 1 << 20
			require.Greater(t, c.cut[stranger], 20)
		}
		handed := c.replicas[stranger].HasHanded(0)
		for n := range 4 {
			if n != stranger {
				c.lose(n, 0)
			}
		}
		c.ask(stranger, put(1, 3, "set", "k", []byte("c")))
		c.settle()
		for range 1000 {
			c.step()
		}
		c.settle()
		c.agree()
		owner := int(c.ring.Owners(0)[0])
		want, restarts := 2, 1
		if cut {
			if want, restarts = 1, 0; handed {
				restarts = 1 // its disk has some that came later
			}
		}
		assert.Equal(t, restarts, c.restarts, "it starts again if its disk has them")
		require.NotNil(t, c.replicas[owner].Look("k", "set"))
		assert.Equal(t, want, elements(t, c.replicas[owner].Look("k", "set")), "cut: %v", cut)
	}
}

// TestPendingSnapshotsAreState: replicas that persist snapshots which differ in nothing
// but a value, or in the dots alone, are in different states.
func TestPendingSnapshotsAreState(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	a, asker := askOf(t, c.replicas[0], 77, 0, invented, c.now)
	piece := func(element byte, seq uint64) []byte {
		v, err := setOf(element)
		require.NoError(t, err)
		return wire.AppendSnapshot(nil, 1, &wire.Piece{
			Origin: 77, To: asker, Ask: a.Number, First: true, Last: true, Clock: 5, Applied: gossip.Dots{{Origin: 77, Lo: 1, Hi: seq}},
			Values: []wire.HeldValue{{Key: "k", Kind: "set", Value: v.Append(nil), Writes: session.Matrix{{Origin: 77, Seq: seq}}}},
		})
	}
	states := map[string]bool{}
	for _, msg := range [][]byte{piece('a', 1), piece('b', 1), piece('a', 2)} {
		r := c.replicas[0].Clone()
		require.NotEmpty(t, r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: msg}), "it is persisted")
		states[string(r.AppendState(nil))] = true
	}
	assert.Len(t, states, 3)
}

// TestTruncatedInPart: a truncation that a crash has cut short leaves the state of the last
// checkpoint without the deltas before it. What the next checkpoint says that peers may lack
// is offered all the same, by a replica that owns nothing of the partition, too: no one else
// has it.
func TestTruncatedInPart(t *testing.T) {
	c := checking(t, 4, 1, 3, 5, 150, 0)
	stranger := 0
	for c.ring.Owns(ring.NodeID(stranger), 0) {
		stranger++
	}
	const writes = 12
	alone := func() { // nobody hears what it says
		for range 30 {
			c.step()
			c.bag = slices.DeleteFunc(c.bag, func(f flight) bool { return f.ev.Kind == kvs.EventMessage })
		}
	}
	for i := range uint64(writes) {
		c.give(stranger, put(1, 1+i, "set", "s", []byte{byte(i)}))
		alone()
	}
	parts := slices.Clone(c.disks[stranger])
	c.crash(stranger)
	for i := range uint64(writes) {
		c.give(stranger, put(1, 20+i, "set", "s", []byte{byte(20 + i)}))
		alone()
	}
	parts = slices.DeleteFunc(parts, func(rec []byte) bool { return !wire.IsCheckpoint(rec) })
	require.NotEmpty(t, parts)
	c.disks[stranger] = append(parts, c.disks[stranger]...)
	c.crash(stranger)
	require.Equal(t, 2*writes, c.replicas[stranger].Logged(0), "all are still to be handed over")
	c.settle()
	c.agree()
	assert.Equal(t, 2*writes, elements(t, c.replicas[c.ring.Owners(0)[0]].Look("s", "set")))
}

// TestCheckpointOfManySessions: what is remembered of sessions is written in parts of about
// a batch each, however many there are, and is there again after a start.
func TestCheckpointOfManySessions(t *testing.T) {
	const batch, sessions = 300, 200
	g := newRig(t, 1, 1, 1, kvs.Config{BatchBytes: batch, CheckpointBytes: 1000})
	g.keep = true
	for client := range uint64(sessions) {
		require.Equal(t, wire.StatusOK, g.ask(0, put(1+client, 1, "set", "k", []byte{byte(client % 3)})).Status)
	}
	g.tick()
	parts, told := 0, 0
	for _, rec := range g.disks[0] {
		if !wire.IsCheckpoint(rec) {
			continue
		}
		x, err := new(wire.DecodeBuffer).Checkpoint(rec)
		require.NoError(t, err)
		if x.Sessions {
			parts++
			told += len(x.Clients)
			assert.Less(t, len(rec), batch+100)
		}
	}
	assert.GreaterOrEqual(t, parts, 5)
	assert.GreaterOrEqual(t, told, sessions/2)
}

// TestStartNamesTheRecord: an error of a start says which record it is of, of all.
func TestStartNamesTheRecord(t *testing.T) {
	c := newCluster(t, 1, 1, 1, 1)
	lost := wire.AppendLost(nil, wire.Slot{Origin: 1, Checkpoint: 1, Number: 1})
	cfg := kvs.Config{Origin: 9, Ring: c.ring, Kinds: kind.Default(), Secret: secret, Values: newShelf(1)}
	for at := range 3 {
		records := [][]byte{lost, lost, lost}
		for _, bad := range [][]byte{append(slices.Clone(lost), 0), {0xff}} {
			records[at] = bad
			_, err := kvs.New(cfg, records)
			require.ErrorContains(t, err, fmt.Sprintf("record %d of 3", at+1))
		}
	}
}
