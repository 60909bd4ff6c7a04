package kvs_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// shelf is the plainest [kvs.Values]: a map, of which a crash takes back what was put
// there last.
type shelf struct {
	id    uint64
	held  map[uint64][]byte
	safe  map[uint64][]byte // as of the last sync
	fresh []put1            // since then
	fails error             // of every read
	reads int
	keeps int
}

type put1 struct {
	slot  uint64
	value []byte
}

func newShelf(id uint64) *shelf {
	return &shelf{id: id, held: map[uint64][]byte{}, safe: map[uint64][]byte{}}
}

func (s *shelf) ID() uint64 { return s.id }

func (s *shelf) Get(slot uint64) ([]byte, error) {
	s.reads++
	return s.held[slot], s.fails
}

func (s *shelf) keep(slot uint64, value []byte) {
	s.keeps++
	s.fresh = append(s.fresh, put1{slot, bytes.Clone(value)})
	s.held[slot] = bytes.Clone(value)
}

func (s *shelf) sync() {
	s.safe, s.fresh = maps.Clone(s.held), nil
}

// crash leaves the first n of what was put there since the last sync.
func (s *shelf) crash(n int) {
	s.held = maps.Clone(s.safe)
	for _, p := range s.fresh[:n] {
		s.held[p.slot] = p.value
	}
	s.sync()
}

func (s *shelf) clone() *shelf {
	return &shelf{id: s.id, held: maps.Clone(s.held), safe: maps.Clone(s.safe), fresh: slices.Clone(s.fresh)}
}

func (e env) Keep(slot uint64, value []byte) error {
	e.c.outside[e.node].keep(slot, value)
	return nil
}

func (e env) Harden(token uint64) error {
	e.c.bag = append(e.c.bag, flight{node: e.node, disk: true, ev: kvs.Event{Kind: kvs.EventHardened, Token: token}})
	return nil
}

var _ host.Keeper = env{}

// keeping is checking with values that are kept outside of memory, but for a few bytes.
func keeping(t testing.TB, nodes, partitions, rf int, seed uint64, every, batch int) *cluster {
	c := newCluster(t, nodes, partitions, rf, seed)
	c.check, c.batch, c.keeping = every, batch, true
	for n := range nodes {
		c.crash(n)
	}
	return c
}

// TestKeptIsWhatMemoryHolds: at any moment of a run, a replica whose values are outside,
// and one that starts on what that has left on its disk, hold what one does that has all
// of its records and keeps everything in memory.
func TestKeptIsWhatMemoryHolds(t *testing.T) {
	compared, kept, loaded, snapshots := 0, uint64(0), uint64(0), uint64(0)
	for seed := range uint64(30) {
		c := keeping(t, 3, 3, 3, seed, 150, []int{0, 60}[seed%2])
		c.lossy = true
		losing := seed%3 == 2
		if seed%2 == 1 {
			c.cfg = func(cfg *kvs.Config) { cfg.SnapshotPieces = 2 }
		}
		for round := range uint64(12) {
			for client := range uint64(3) {
				node := c.choose(3, 0)
				c.ask(node, put(10+client, round+1, "set", fmt.Sprintf("s%d", round%4), fmt.Appendf(nil, "%d.%d", client, round)))
				c.ask(node, put(20+client, round+1, "counter", fmt.Sprintf("c%d", round%3), kind.Amount(1)))
				c.ask(node, put(30+client, round+1, "register", "r", []byte{byte(round)}))
			}
			for range 40 {
				c.step()
			}
			if c.choose(3, 0) == 0 {
				c.crash(c.choose(3, 0))
			}
			if losing && round == 6 {
				c.outside[int(seed)%3] = nil
				c.lose(int(seed)%3, 0)
			}
			node := c.choose(3, 0)
			compared++
			where := fmt.Sprintf("seed %d, round %d, node %d", seed, round, node)
			cfg := kvs.Config{Self: ring.NodeID(node), Origin: 1 << 40, Ring: c.ring, Kinds: kind.Default(), Secret: secret, CheckpointBytes: -1}
			whole, err := kvs.New(cfg, c.full[node])
			require.NoError(t, err)
			cfg.CheckpointBytes = 0
			s := c.outside[node].clone()
			s.crash(c.choose(1+len(s.fresh), 0))
			cfg.Values = s
			again, err := kvs.New(cfg, c.disks[node])
			require.NoError(t, err)
			require.Zero(t, s.reads, "a start reads no value")
			require.Equal(t, holdings(whole), holdings(again), where)
			require.Empty(t, again.Lost())
			for p := range ring.Partition(3) {
				require.Equal(t, whole.Applied(p), again.Applied(p), where)
			}
		}
		c.settle()
		c.agree()
		for _, r := range c.replicas {
			require.NoError(t, r.Failed())
			kept, loaded, snapshots = kept+r.Stats().Kept, loaded+r.Stats().Loaded, snapshots+r.Stats().Snapshots
		}
	}
	t.Logf("%d comparisons, %d values kept, %d loaded", compared, kept, loaded)
	assert.Greater(t, kept, uint64(1000))
	assert.Greater(t, loaded, uint64(1000))
	assert.Positive(t, snapshots)
}

// TestCrashAtEveryStepOfKeeping is [TestCrashAtEveryStepOfACheckpoint] where values are
// outside: after everything that a replica does to its disk or puts there, with every
// part of what was not durable.
func TestCrashAtEveryStepOfKeeping(t *testing.T) {
	c := newCluster(t, 1, 3, 1, 1)
	s := newShelf(1)
	cfg := kvs.Config{
		Origin: 1, First: true, Ring: c.ring, Kinds: kind.Default(), Secret: secret, BatchBytes: 50, CheckpointBytes: 200, Values: s, CacheBytes: 1,
	}
	r, err := kvs.New(cfg, nil)
	require.NoError(t, err)
	d := new(diary)
	crashes, inTheMiddle := 0, 0
	truncated, last, hardens := 0, uint64(0), uint64(0)
	var acked []uint64
	e := keepingDiary{d, s, &hardens, nil}
	e.after = func() {
		for _, a := range d.acts {
			switch {
			case a.durable > 0:
				last = a.durable
			case a.truncate > 0:
				require.LessOrEqual(t, a.truncate, last, "of a record that is durable")
				truncated = int(a.truncate) - 1
			case a.answer > 0:
				acked = append(acked, a.answer)
			}
		}
		d.acts = d.acts[:0]
		for survive := int(last); survive <= len(d.records); survive++ {
			for _, of := range slices.Compact([]int{0, len(s.fresh) / 2, len(s.fresh)}) {
				crashes++
				left := s.clone()
				if left.crash(of); of > 0 {
					inTheMiddle++
				}
				requireKept(t, c.ring, d.records[truncated:survive], left, acked)
			}
		}
	}
	h := host.New(r, e)
	require.NoError(t, h.Start())
	for i := range uint64(60) {
		q := put(i%7, 1+i, "set", fmt.Sprintf("k%d", i%9), []byte{byte(i)})
		require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}))
		if i%3 == 2 {
			for token := last + 1; int(token) <= len(d.records)-int(i%2); token++ {
				d.acts = append(d.acts, act{durable: token})
				require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: token}))
				e.after()
			}
		}
		if i%4 == 3 && hardens > 0 {
			s.sync()
			token := hardens
			hardens = 0
			require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventHardened, NowMS: 1000, Token: token}))
		}
		require.NoError(t, r.Failed())
	}
	require.Greater(t, r.Stats().Checkpoints, uint64(3))
	t.Logf("%d crashes, %d of them with something put outside that was not durable", crashes, inTheMiddle)
	assert.Greater(t, crashes, 500)
	assert.Greater(t, inTheMiddle, 100)
}

// keepingDiary is a diary with a shelf, and calls after whenever something was done.
type keepingDiary struct {
	*diary
	*shelf
	hardens *uint64
	after   func()
}

func (d keepingDiary) Persist(token uint64, record []byte) error {
	err := d.diary.Persist(token, record)
	d.after()
	return err
}

func (d keepingDiary) Truncate(token uint64) {
	d.diary.Truncate(token)
	d.after()
}

func (d keepingDiary) Keep(slot uint64, value []byte) error {
	d.keep(slot, value)
	d.after()
	return nil
}

func (d keepingDiary) Harden(token uint64) error {
	*d.hardens = token
	return nil
}

// requireKept is [requireServed] of a replica with values outside. It reads all.
func requireKept(t *testing.T, rg *ring.Ring, records [][]byte, s *shelf, acked []uint64) {
	t.Helper()
	r, err := kvs.New(kvs.Config{Origin: 2, Ring: rg, Kinds: kind.Default(), Secret: secret, Values: s}, records)
	require.NoError(t, err)
	require.Empty(t, r.Lost())
	for _, req := range acked {
		i := req - 1
		v := r.Look(fmt.Sprintf("k%d", i%9), "set")
		require.NotNil(t, v, "write %d", req)
		delta, err := setOf(byte(i))
		require.NoError(t, err)
		require.False(t, v.Clone().MergeIn(delta), "write %d is not in its value", req)
	}
	for range 100 {
		r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1000})
	}
	require.NoError(t, r.Failed(), "all slots can be read")
}

// keptCluster is one at rest, whose replica 0 has most values outside.
func keptCluster(t *testing.T) (*cluster, map[string]string) {
	c := keeping(t, 3, 2, 3, 3, 300, 60)
	for i := range uint64(40) {
		c.ask(int(i%3), put(i%4, 1+i, "set", fmt.Sprintf("k%d", i%5), []byte{byte(i)}))
		for range 6 {
			c.step()
		}
	}
	c.settle()
	want := holdings(c.replicas[0])
	require.Len(t, want, 5)
	return c, want
}

// TestLostValue spoils each slot in turn, in each way: the replica notices without being
// asked, ends, comes back without the partition, and is brought up by its peers.
func TestLostValue(t *testing.T) {
	spoil := map[string]func(s *shelf, slot uint64){
		"empty":   func(s *shelf, slot uint64) { s.held[slot] = nil },
		"garbage": func(s *shelf, slot uint64) { s.held[slot] = []byte{0xff, 0xff} },
		"cut":     func(s *shelf, slot uint64) { s.held[slot] = s.held[slot][:1] },
		"older":   func(s *shelf, slot uint64) { s.held[slot][2]-- }, // of an earlier checkpoint
		"other": func(s *shelf, slot uint64) {
			for other, v := range s.held {
				if other != slot && len(v) > 0 {
					s.held[slot] = v
				}
			}
		},
	}
	lost := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(spoil)) {
		c, want := keptCluster(t)
		for _, slot := range slices.Sorted(maps.Keys(c.outside[0].held)) {
			was := bytes.Clone(c.outside[0].held[slot])
			if len(was) == 0 {
				continue
			}
			spoil[name](c.outside[0], slot)
			if bytes.Equal(was, c.outside[0].held[slot]) {
				continue
			}
			c.outside[0].sync()
			before := c.restarts
			c.crash(0) // it looks through all once it has started
			c.settle()
			require.Equal(t, want, holdings(c.replicas[0]), "%s, slot %d", name, slot)
			c.agree()
			if c.restarts > before {
				lost[name]++
				require.Equal(t, before+1, c.restarts, "once")
			}
		}
	}
	t.Logf("lost: %v", lost)
	for name := range spoil {
		assert.Positive(t, lost[name], name)
	}
}

// TestValueThatDoesNotDecode: what has been put where the value should be, and is none, is no
// value for who looks, and lost for who reads.
func TestValueThatDoesNotDecode(t *testing.T) {
	c, want := keptCluster(t)
	c.crash(0)
	r, s := c.replicas[0], c.outside[0]
	for slot, v := range s.held {
		if len(v) > 0 {
			s.held[slot] = append(bytes.Clone(v), 0xff)
		}
	}
	for i := range 5 {
		key := fmt.Sprintf("k%d", i)
		require.Contains(t, want, "set "+key)
		assert.Nil(t, r.Look(key, "set"), key)
		assert.True(t, r.Knows(key, "set"), key)
	}
	require.NoError(t, r.Failed(), "who looks changes nothing")
	for i := range 5 {
		key := fmt.Sprintf("k%d", i)
		if !c.ring.Owns(1, c.ring.PartitionOf(key)) {
			continue
		}
		q := wire.Request{Client: 9, Req: 1, Kind: "set", Key: key}
		out := r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()})
		require.ErrorIs(t, r.Failed(), kvs.ErrValueLost)
		require.Len(t, out, 1)
		require.Equal(t, kvs.EffectPersist, out[0].Kind)
		assert.True(t, wire.IsLost(out[0].Msg))
		return
	}
	t.Fatal("the replica owns nothing")
}

// TestNothingAfterALostValue: a read of a lost value is not answered, and what is named is
// the value; the record of the loss is durable before the restart is asked for; the next
// incarnation leaves the partition out, and a start in between does too.
func TestNothingAfterALostValue(t *testing.T) {
	c, _ := keptCluster(t)
	c.crash(0)
	for range 100 { // it has looked through all
		c.replicas[0].Step(kvs.Event{Kind: kvs.EventTick, NowMS: c.now})
	}
	r, s := c.replicas[0], c.outside[0]
	for slot := range s.held {
		s.held[slot] = nil
	}
	q := wire.Request{Client: 99, Req: 1, Kind: "set", Key: "k1"}
	out := r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()})
	require.Len(t, out, 1)
	require.Equal(t, kvs.EffectPersist, out[0].Kind)
	require.True(t, wire.IsLost(out[0].Msg))
	token := out[0].Token
	c.disks[0] = append(c.disks[0], bytes.Clone(out[0].Msg))
	require.ErrorIs(t, r.Failed(), kvs.ErrValueLost)
	require.ErrorContains(t, r.Failed(), `set "k1"`)
	require.False(t, r.Quiet())
	require.Empty(t, r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()}))
	require.Empty(t, r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: token - 1}))
	out = r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: token})
	require.Len(t, out, 1)
	require.Equal(t, kvs.EffectRestart, out[0].Kind)

	cfg := kvs.Config{Self: 0, Origin: 1 << 40, Ring: c.ring, Kinds: kind.Default(), Secret: secret, Values: s}
	for range 2 {
		again, err := kvs.New(cfg, c.disks[0])
		require.NoError(t, err)
		require.Equal(t, []ring.Partition{c.ring.PartitionOf("k1")}, again.Lost())
		require.False(t, again.Knows("k1", "set"))
		cfg.Origin++
	}
}

// TestReadThatFailsForNow: the replica starts again, and nothing is given up.
func TestReadThatFailsForNow(t *testing.T) {
	c, want := keptCluster(t)
	c.crash(0)
	s := c.outside[0]
	s.fails = errors.New("the cable is loose")
	out := c.replicas[0].Step(kvs.Event{Kind: kvs.EventTick, NowMS: c.now})
	require.Equal(t, kvs.EffectRestart, out[len(out)-1].Kind)
	require.ErrorIs(t, c.replicas[0].Failed(), s.fails)
	s.fails = nil
	c.crash(0)
	require.Empty(t, c.replicas[0].Lost())
	require.Equal(t, want, holdings(c.replicas[0]))
}

// TestAllThatWasKeptIsGone: values are kept by something new, and the replica sees that.
func TestAllThatWasKeptIsGone(t *testing.T) {
	c, want := keptCluster(t)
	c.outside[0] = newShelf(12345)
	c.crash(0)
	require.Len(t, c.replicas[0].Lost(), 2)
	require.Zero(t, c.outside[0].reads)
	c.settle()
	require.Equal(t, want, holdings(c.replicas[0]))
	c.agree()

	cfg := kvs.Config{Self: 1, Origin: 1 << 40, Ring: c.ring, Kinds: kind.Default(), Secret: secret}
	_, err := kvs.New(cfg, c.disks[1])
	require.ErrorIs(t, err, kvs.ErrConfig, "a replica without Values does not take what is kept for nothing")
	cfg.Values, cfg.CheckpointBytes = newShelf(1), -1
	_, err = kvs.New(cfg, nil)
	require.ErrorIs(t, err, kvs.ErrConfig, "without checkpoints nothing is ever kept")
}

// starts, and it goes on or ends over a value. It never panics.
func FuzzRecoverKept(f *testing.F) {
	c := newCluster(f, 1, 3, 1, 1)
	c.check, c.keeping = 100, true
	c.crash(0)
	for i := range uint64(12) {
		c.ask(0, put(i%3, 1+i, "set", fmt.Sprintf("k%d", i%4), []byte{byte(i)}))
		for range 6 {
			c.step()
		}
	}
	c.settle()
	log, s := c.disks[0], c.outside[0]
	for i, rec := range log {
		f.Add(uint8(i), rec, uint8(1), []byte("x"))
	}
	f.Add(uint8(0), wire.AppendLost(nil, wire.Slot{Number: 1, Origin: 2, Checkpoint: 1}), uint8(2), []byte{})
	f.Fuzz(func(t *testing.T, at uint8, rec []byte, slot uint8, value []byte) {
		if x, err := new(wire.DecodeBuffer).Checkpoint(rec); err == nil {
			for i := range x.Kept {
				if x.Kept[i].At.Number > 1<<16 { // which has the memory for that
					return
				}
			}
		}
		records := slices.Clone(log)
		records[int(at)%len(log)] = rec
		left := s.clone()
		left.held[uint64(slot)] = value
		r, err := kvs.New(kvs.Config{Origin: 1 << 40, Ring: c.ring, Kinds: kind.Default(), Secret: secret, Values: left}, records)
		if err != nil {
			require.True(t, errors.Is(err, wire.ErrMessage) || errors.Is(err, kvs.ErrOriginUsed), "%v", err)
			return
		}
		r.Start()
		for i := range uint64(4) {
			q := wire.Request{Client: 99, Req: 1 + i, Kind: "set", Key: fmt.Sprintf("k%d", i)}
			r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()})
			r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: c.now})
		}
		if err := r.Failed(); err != nil {
			require.ErrorIs(t, err, kvs.ErrValueLost)
		}
	})
}
