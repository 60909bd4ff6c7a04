package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/wire"
)

// writer writes registers of a size through two nodes that are up, key by key.
type writer struct {
	*rig
	size  int
	req   uint64
	alone bool // all through the first node
}

func (w *writer) write(key int) {
	w.req++
	value := make([]byte, w.size)
	for i := range value {
		value[i] = byte(w.req>>(8*(i%3)) ^ uint64(i))
	}
	node := w.req % 2
	if w.alone {
		node = 0
	}
	q := put(1+node, w.req, "register", fmt.Sprintf("k%07d", key), value)
	q.Stamp = w.now<<16 + w.req
	require.NotNil(w.t, w.ask(int(node), q))
	require.Equal(w.t, wire.StatusOK, w.answer.Status, w.answer.Detail)
	if w.req%10 == 0 {
		w.tick()
	}
}

// rest lets ticks pass until all nodes are quiet and nothing is in a log, and says how many.
func (g *rig) rest() int {
	for ticks := range 4000 {
		if g.atRest() {
			return ticks
		}
		g.tick()
	}
	require.Fail(g.t, "no rest", "deltas left in logs: %d", g.deltas())
	return 0
}

func (g *rig) atRest() bool {
	for n := range g.hosts {
		if !g.down[n] && !g.hosts[n].Core().Quiet() {
			return false
		}
	}
	return g.deltas() == 0
}

// deltas are those in the logs of all nodes that are up.
func (g *rig) deltas() (sum int) {
	var u kvs.Usage
	for n := range g.hosts {
		if g.down[n] {
			continue
		}
		g.hosts[n].Core().Usage(&u)
		for i := range u.Partitions {
			sum += u.Partitions[i].Deltas
		}
	}
	return sum
}

// spans are the spans of dots that all nodes keep of what they hold.
func (g *rig) spans() (sum int) {
	var u kvs.Usage
	for n := range g.hosts {
		g.hosts[n].Core().Usage(&u)
		for i := range u.Partitions {
			sum += len(u.Partitions[i].Dots)
		}
	}
	return sum
}

// storedAtRest are nodes that have written to so many keys, again and again, while one of
// them was down for half of the time, and have come to rest: what their logs kept at the
// most, and the ticks from the end of the partition to rest.
func storedAtRest(t testing.TB, nodes, keys, writes int) (g *rig, most, ticks int) {
	g = newRig(t, nodes, 1, nodes, kvs.Config{})
	w := &writer{rig: g, size: 16}
	for i := range writes {
		g.down[nodes-1] = i > writes/4 && i <= writes*3/4
		w.write(i % keys)
		most = max(most, g.deltas())
	}
	return g, most, g.rest()
}

// TestStorageAtRest: once all is quiet no log keeps a delta, and of what nodes hold each
// keeps a span of dots an incarnation, n² together; after a partition that is so within a
// few rounds of gossip, whatever was written meanwhile.
func TestStorageAtRest(t *testing.T) {
	for _, n := range []int{3, 5, 9} {
		for _, writes := range []int{100, 400} {
			g, most, ticks := storedAtRest(t, n, 50, writes)
			assert.Zero(t, g.deltas())
			assert.LessOrEqual(t, g.spans(), n*n)
			assert.GreaterOrEqual(t, most, writes/2*(n-1), "what the node that is down lacks is kept by each other")
			assert.LessOrEqual(t, most, (writes/2+30)*n, "and, once it is back, by itself")
			assert.LessOrEqual(t, ticks, 20)
		}
	}
}

// BenchmarkStorage is what is stored beside values: deltas of all logs at the most while
// one owner is down, for each write that it lacks and each other owner, and at rest; spans
// of dots at rest, over n²; and how many ticks pass from the end of the partition to rest.
func BenchmarkStorage(b *testing.B) {
	for _, n := range []int{3, 5, 9} {
		for _, writes := range []int{2000, 20_000} {
			b.Run(fmt.Sprintf("nodes=%d/writes=%d", n, writes), func(b *testing.B) {
				for b.Loop() {
					g, most, ticks := storedAtRest(b, n, 1000, writes)
					b.ReportMetric(float64(most)/float64((n-1)*writes/2), "deltas-kept/lacked")
					b.ReportMetric(float64(g.deltas()), "deltas-at-rest")
					b.ReportMetric(float64(g.spans())/float64(n*n), "spans/n²")
					b.ReportMetric(float64(ticks), "ticks-to-rest")
				}
			})
		}
	}
}

// BenchmarkMetadata is what a checkpoint of one of three owners has beside keys and values,
// a live key of a register.
func BenchmarkMetadata(b *testing.B) {
	for _, keys := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			for b.Loop() {
				g := newRig(b, 3, 1, 3, kvs.Config{CheckpointBytes: 1 << 10})
				w := &writer{rig: g, size: 16}
				for i := range 2 * keys {
					w.write(i % keys)
				}
				g.rest()
				var u kvs.Usage
				whole := g.stats(0).Checkpoints
				for g.stats(0).Checkpoints < whole+2 { // one that began when all was at rest
					w.write(0)
				}
				g.hosts[0].Core().Usage(&u)
				b.ReportMetric(float64(u.Checkpoint-keys*(len("k0000000")+w.size))/float64(keys), "B/key-beside")
			}
		})
	}
}

// TestOneTellsWhatWasMissed: who is back after a long silence gets each write that it has
// missed from the owner that took it, though each other owner has it too; and from another,
// a little later, where that one is down.
func TestOneTellsWhatWasMissed(t *testing.T) {
	for _, gone := range []int{-1, 0} {
		g := newRig(t, 3, 1, 3, kvs.Config{})
		w := &writer{rig: g, size: 16}
		g.down[2] = true
		const missed = 600
		for i := range missed {
			w.write(i)
		}
		if gone >= 0 {
			g.tick()
			g.down[gone] = true
		}
		g.down[2] = false
		before := g.stats(2).Duplicates
		for range 20 {
			g.tick()
		}
		for i := range missed {
			require.True(t, g.hosts[2].Core().Knows(fmt.Sprintf("k%07d", i), "register"), "%d", i)
		}
		assert.Less(t, g.stats(2).Duplicates-before, uint64(missed/3))
	}
}

// BenchmarkDivergence is what three owners send each other until they are at rest again
// after one of them was apart while a share of the keys was written, over what it takes to
// bring up one that has nothing.
func BenchmarkDivergence(b *testing.B) {
	const keys = 10_000
	for _, apart := range []int{keys / 1000, keys / 100, keys / 10, keys} {
		b.Run(fmt.Sprint(apart), func(b *testing.B) {
			for b.Loop() {
				g := newRig(b, 3, 1, 3, kvs.Config{})
				w := &writer{rig: g, size: 100}
				for key := range keys {
					w.write(key)
				}
				g.rest()
				g.down[2] = true
				for i := range apart {
					w.write(i * (keys / apart))
				}
				g.down[2] = false
				g.bytes = 0
				ticks := g.rest()
				diverged := g.bytes
				g.start(2) // on an empty disk
				g.bytes = 0
				g.run()
				whole := g.rest()
				b.ReportMetric(float64(diverged), "B")
				b.ReportMetric(float64(diverged)/float64(apart), "B/key-written")
				b.ReportMetric(float64(diverged)/float64(g.bytes), "of-full-state")
				b.ReportMetric(float64(ticks), "ticks")
				b.ReportMetric(float64(whole), "ticks-of-full-state")
			}
		})
	}
}

// deletedAtRest are nodes that have written registers and deleted all of them, one of them
// being down for half of the time, and have come to rest: the tombstones of all nodes at the
// most, and at rest.
func deletedAtRest(t testing.TB, nodes, keys int) (most, left int) {
	g := newRig(t, nodes, 4, min(nodes, 3), kvs.Config{LateMS: 400})
	g.now = 10_000
	w := &writer{rig: g, size: 16}
	for i := range keys {
		w.write(i)
	}
	tombstones := func() (sum int) {
		for n := range g.hosts {
			sum += g.hosts[n].Core().Tombstones()
		}
		return sum
	}
	for i := range keys {
		g.down[nodes-1] = i > keys/4 && i <= keys*3/4
		w.req++
		q := del(1+w.req%2, w.req, "register", fmt.Sprintf("k%07d", i), nil)
		q.Stamp = w.now<<16 + w.req
		require.NotNil(t, w.ask(int(w.req%2), q))
		require.Equal(t, wire.StatusOK, w.answer.Status, w.answer.Detail)
		if w.req%10 == 0 {
			w.tick()
		}
		most = max(most, tombstones())
	}
	g.forget()
	g.rest()
	return most, tombstones()
}

// TestTombstonesAtRest: once all is quiet and old enough no tombstone of a register is left, at
// any number of nodes, however long one was away; until then all that was deleted is.
func TestTombstonesAtRest(t *testing.T) {
	for _, n := range []int{3, 5, 9} {
		most, left := deletedAtRest(t, n, 200)
		assert.Zero(t, left, "%d nodes", n)
		assert.Greater(t, most, 200, "%d nodes", n)
	}
}
