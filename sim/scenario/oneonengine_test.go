package scenario_test

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/engines"
)

// one is a node that is alone, on an engine: its log is durable at once, its engine when
// asked.
type one struct {
	t       testing.TB
	open    func(o store.Options) (store.Engine, error)
	fs      *disk.FS // nil for a directory of the system
	queued  bool     // the engine's background work waits for the node
	dir     string
	cfg     kvs.Config
	core    *kvs.Replica
	host    host.Host
	engine  store.Engine
	slots   *host.Slots
	records [][]byte
	before  int // records that were there when the incarnation started, less those cut since
	events  []kvs.Event
	hardens []uint64
	got     *wire.Response
}

func (n *one) Send(ring.NodeID, wire.MessageKind, []byte) {}
func (n *one) After(uint64)                               {}
func (n *one) Accepted(*gossip.Entry)                     {}

func (n *one) Respond(_ uint64, msg []byte) {
	var err error
	n.got, err = wire.DecodeResponse(msg)
	require.NoError(n.t, err)
}

func (n *one) Persist(token uint64, record []byte) error {
	n.records = append(n.records, bytes.Clone(record))
	n.events = append(n.events, kvs.Event{Kind: kvs.EventPersisted, Token: token})
	return nil
}

func (n *one) Truncate(token uint64) {
	cut := n.before + int(token) - 1
	n.records, n.before = n.records[cut:], n.before-cut
}

func (n *one) Keep(slot uint64, value []byte) error { return n.slots.Keep(slot, value) }

func (n *one) Harden(token uint64) error {
	n.hardens = append(n.hardens, token)
	return nil
}

// start starts the next incarnation on what there is.
func (n *one) start() { require.NoError(n.t, n.tryStart()) }

func (n *one) tryStart() error {
	n.cfg.Origin++
	o := store.Options{Dir: n.dir, Durability: store.None}
	if n.fs != nil {
		o.FS = n.fs
	}
	var err error
	var queue *store.Queue
	if n.queued {
		queue, err = store.NewQueue(1)
		require.NoError(n.t, err)
		o.Scheduler = queue
	}
	if n.engine, err = n.open(o); err != nil {
		return err
	}
	if n.slots, err = host.NewSlots(n.engine, queue, n.cfg.Origin); err != nil {
		return err
	}
	n.cfg.Values = n.slots
	n.core, err = kvs.New(n.cfg, n.records)
	require.NoError(n.t, err)
	n.before, n.events, n.hardens = len(n.records), nil, nil
	n.host = host.New(n.core, n)
	return n.host.Start()
}

// do has the node take an event, and all that follows but what waits for the engine.
func (n *one) do(ev kvs.Event) { require.NoError(n.t, n.try(ev)) }

func (n *one) try(ev kvs.Event) error {
	n.events = append(n.events, ev)
	for len(n.events) > 0 {
		ev, n.events = n.events[0], n.events[1:]
		ev.NowMS = 1000
		if err := n.host.Do(ev); err != nil {
			return err
		}
	}
	return nil
}

// harden makes durable what the engine was asked to.
func (n *one) harden() { require.NoError(n.t, n.tryHarden()) }

func (n *one) tryHarden() error {
	for len(n.hardens) > 0 {
		token := n.hardens[0]
		n.hardens = n.hardens[1:]
		if err := n.slots.Sync(); err != nil {
			return err
		}
		if err := n.try(kvs.Event{Kind: kvs.EventHardened, Token: token}); err != nil {
			return err
		}
	}
	return nil
}

func (n *one) put(req uint64, key string, value []byte) {
	q := wire.Request{Client: 1, Req: req, Put: true, Kind: "register", Key: key, Arg: value}
	n.got = nil
	n.do(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
	require.NotNil(n.t, n.got)
	require.Equal(n.t, wire.StatusOK, n.got.Status, n.got.Detail)
}

func (n *one) read(key string) string {
	q := wire.Request{Client: 2, Req: 1, Kind: "register", Key: key}
	n.got = nil
	n.do(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
	require.NotNil(n.t, n.got, "%v", n.core.Failed())
	if !n.got.Found {
		return ""
	}
	k, _ := kind.Default().Find("register")
	v, err := k.Decode(n.got.Value)
	require.NoError(n.t, err)
	r, _ := kind.Get[kind.Register](v)
	return r.Second.Second.Val
}

func alone(t testing.TB, open func(o store.Options) (store.Engine, error), checkpoint, cache int) *one {
	r, err := ring.New([]ring.NodeID{0}, 4, 1)
	require.NoError(t, err)
	return &one{t: t, open: open, dir: "values", cfg: kvs.Config{
		First: true, Ring: r, Kinds: kind.Default(), Secret: []byte("of a node that is alone"), CheckpointBytes: checkpoint, CacheBytes: cache,
	}}
}

func ofName(name string, bytes int) func(o store.Options) (store.Engine, error) {
	return func(o store.Options) (store.Engine, error) { return engines.Open(name, o, bytes) }
}

// TestNodeCrashesOnEveryEngine takes a copy of the disk of a node whenever it has done
// something, Pebble's among the engines, with some of what was not synced: what was
// acknowledged is there when it starts on the copy, and no value is lost.
func TestNodeCrashesOnEveryEngine(t *testing.T) {
	opens := map[string]func(o store.Options) (store.Engine, error){
		pebble.Name: func(o store.Options) (store.Engine, error) {
			return pebble.Open(pebble.Options{Options: o, MemtableBytes: 8 << 10, CacheBytes: 64 << 10})
		},
	}
	for _, name := range engines.Names() {
		opens[name] = ofName(name, engines.MinBytes)
	}
	rounds := uint64(150)
	if testing.Short() {
		rounds = 40
	}
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			fs, err := disk.NewFS(disk.FSOptions{Source: choice.Seeded(7), Crash: sim.Low})
			require.NoError(t, err)
			n := alone(t, open, 300, 50)
			n.fs = fs
			n.start()
			want := map[string]string{}
			for i := range rounds {
				key, value := fmt.Sprintf("k%d", i%23), fmt.Sprintf("%d and then some", i)
				n.put(i+1, key, []byte(value))
				want[key] = value
				if i%5 == 4 {
					n.harden()
				}
				n.do(kvs.Event{Kind: kvs.EventTick})
				after := *n
				after.fs = fs.Clone()
				after.fs.PowerCut()
				after.records = append([][]byte(nil), n.records...)
				after.start()
				require.Empty(t, after.core.Lost())
				for key, value := range want {
					require.Equal(t, value, after.read(key), "write %d, %s", i, key)
				}
				for range 20 {
					after.do(kvs.Event{Kind: kvs.EventTick})
				}
				require.NoError(t, after.core.Failed())
				require.NoError(t, after.engine.Close())
			}
			assert.Greater(t, n.core.Stats().Checkpoints, rounds/20)
			assert.Positive(t, n.core.Stats().Loaded)
			require.NoError(t, n.engine.Close())
		})
	}
}

// TestLargerThanMemory has a node hold twelve times the values that may be in memory, on
// every engine that does not have them all there itself: the heap stays within what the
// node and its engine may have, with the index, and everything can be read.
func TestLargerThanMemory(t *testing.T) {
	const keys, value, cache = 3000, 4 << 10, 1 << 20
	for _, name := range []string{"lsm", "appendlog", "hybridlog"} {
		t.Run(name, func(t *testing.T) {
			n := alone(t, ofName(name, 128<<10), 256<<10, cache)
			n.dir = t.TempDir()
			n.start()
			heap := func() int {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc)
			}
			before, most, cached := heap(), 0, 0
			text := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26), byte('a' + i/26%26)}, value/2) }
			for i := range keys {
				n.put(uint64(i+1), fmt.Sprintf("key %d", i), text(i))
				n.harden()
				cached = max(cached, n.core.CachedBytes())
				if i%500 == 499 {
					most = max(most, heap()-before)
				}
			}
			for i := range keys {
				require.Equal(t, string(text(i)), n.read(fmt.Sprintf("key %d", i)))
				cached = max(cached, n.core.CachedBytes())
			}
			most = max(most, heap()-before)
			t.Logf("%d bytes of values: at most %d in the cache, %d in the heap; the engine says %d", keys*value, cached, most, n.engine.Size().Memory)
			assert.Less(t, cached, 2*cache)
			assert.Less(t, most, keys*value/3)
			require.NoError(t, n.engine.Close())
		})
	}
}

// TestStartReadsNoValues: what a start reads of the log, and how often it asks the engine
// for a value, does not depend on how long values are.
func TestStartReadsNoValues(t *testing.T) {
	for _, name := range []string{"lsm", "appendlog", "hybridlog"} {
		logs := map[int]int{}
		for _, value := range []int{10, 10_000} {
			n := alone(t, ofName(name, 64<<10), 4<<10, 1<<10)
			var err error
			n.fs, err = disk.NewFS(disk.FSOptions{})
			require.NoError(t, err)
			n.start()
			for i := range 400 {
				n.put(uint64(i+1), fmt.Sprintf("key %d", i%100), bytes.Repeat([]byte{byte(i)}, value))
				n.harden()
			}
			for i := 0; len(n.records) > 12 && i < 1000; i++ { // up to where a checkpoint has just been written
				n.put(uint64(i+1000), "another", []byte("x"))
				n.harden()
			}
			require.NoError(t, n.engine.Close())
			n.start()
			assert.Zero(t, n.core.Stats().Loaded)
			for _, rec := range n.records {
				logs[value] += len(rec)
			}
			require.Equal(t, string(bytes.Repeat([]byte{byte(399 % 256)}, value)), n.read("key 99"))
			assert.Equal(t, uint64(1), n.core.Stats().Loaded)
			require.NoError(t, n.engine.Close())
		}
		t.Logf("%s: bytes of the log by length of value: %v", name, logs)
		assert.Less(t, logs[10_000], 2*logs[10]+1000, name)
	}
}

// TestNodeBehindWithMerges has a node on an engine whose background work nobody does but the node
// itself, where it must: all that is written can be read, also after a crash.
func TestNodeBehindWithMerges(t *testing.T) {
	for _, name := range []string{"appendlog", "hybridlog", "lsm"} {
		t.Run(name, func(t *testing.T) {
			fs, err := disk.NewFS(disk.FSOptions{})
			require.NoError(t, err)
			n := alone(t, func(o store.Options) (store.Engine, error) { return engines.OpenBehind(name, o, engines.MinBytes) }, 300, 50)
			n.fs, n.queued = fs, true
			n.start()
			const rounds, keys = 200, 23
			text := func(i int) string { return fmt.Sprintf("%d%s", i, bytes.Repeat([]byte{' '}, 200)) }
			for i := range rounds {
				n.put(uint64(i+1), fmt.Sprintf("k%d", i%keys), []byte(text(i)))
				if i%5 == 4 {
					n.harden()
				}
			}
			assert.Positive(t, n.engine.Stats().Refused)
			assert.Positive(t, n.engine.Stats().Merges)
			fs.PowerCut()
			n.start()
			require.Empty(t, n.core.Lost())
			for i := rounds - keys; i < rounds; i++ {
				require.Equal(t, text(i), n.read(fmt.Sprintf("k%d", i%keys)))
			}
			require.NoError(t, n.engine.Close())
		})
	}
}

// TestNodeOnAFullDisk has the disk of a node's engine be full from any moment on, found out by
// writes or by syncs: the node goes on or stops and says that there is no room, however often it
// is started then, and once there is room it starts and has all that it has acknowledged.
func TestNodeOnAFullDisk(t *testing.T) {
	for _, name := range engines.Names() {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, late), func(t *testing.T) {
				stopped, again := 0, 0
				for from := range 40 {
					full, at := false, int64(0)
					fs, err := disk.NewFS(disk.FSOptions{Room: func(used int64) (int64, bool) {
						if !full {
							return math.MaxInt64, false
						}
						return at + int64(from%3*100), late
					}})
					require.NoError(t, err)
					n := alone(t, ofName(name, engines.MinBytes), 300, 50)
					n.fs = fs
					n.start()
					want := map[string]string{}
					write := func(i int) (err error) {
						key, value := fmt.Sprintf("k%d", i%7), fmt.Sprintf("%d and then some", i)
						q := wire.Request{Client: 1, Req: uint64(i + 1), Put: true, Kind: "register", Key: key, Arg: []byte(value)}
						n.got = nil
						err = n.try(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
						if err == nil {
							err = n.tryHarden()
						}
						if n.got != nil {
							require.Equal(t, wire.StatusOK, n.got.Status, n.got.Detail)
							want[key] = value
						}
						return err
					}
					i := 0
					for ; i < from; i++ {
						require.NoError(t, write(i))
					}
					usage, err := fs.GetDiskUsage("")
					require.NoError(t, err)
					full, at = true, int64(usage.UsedBytes)
					for end := i + 30; i < end; i++ {
						if err := write(i); err != nil {
							stopped++
							require.ErrorIs(t, err, syscall.ENOSPC, "write %d", i)
							fs.PowerCut()
							if err := n.tryStart(); err != nil {
								again++
								require.ErrorIs(t, err, syscall.ENOSPC)
								break
							}
						}
					}
					full = false
					fs.PowerCut()
					n.start()
					require.Empty(t, n.core.Lost())
					for key, value := range want {
						require.Equal(t, value, n.read(key), "%s, full from %d", key, from)
					}
					for end := i + 30; i < end; i++ {
						require.NoError(t, write(i))
					}
					for key, value := range want {
						require.Equal(t, value, n.read(key), "%s, full from %d", key, from)
					}
					require.NoError(t, n.engine.Close())
				}
				assert.Greater(t, stopped, 20)
				assert.Equal(t, name == "appendlog" || name == "hybridlog", again > 0, "the others write nothing to start")
			})
		}
	}
}
