package kvs_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/wire"
)

var million = flag.Bool("million", false, "BenchmarkLongestStep with a million keys of 1 KiB too, between two replicas; takes about 8 GiB of memory and some minutes")

// What a step is for.
var stepKinds = []string{"work", "checkpoint", "gossip", "given", "taken"}

// BenchmarkLongestStep is how long the longest single step of a replica takes, over keys of 1 KiB
// in 16 partitions, by what it is for: to serve a request and have it durable (work); to write a
// part of a checkpoint; to tell and hear what replicas hold (gossip); to give pieces of a
// snapshot; and at the receiver of one, whatever it does (taken). All keys are written once and a
// hundredth again; then one replica starts on an empty disk; then it is away while a hundredth is
// written, of which logs keep next to nothing, so that the others look for what it lacks among
// all that they hold. A run is the same each time, so what counts of a step is the shortest of
// three runs, in processor time of the thread. There are three replicas; with a million keys two.
func BenchmarkLongestStep(b *testing.B) {
	for _, keys := range []int{1000, 10_000, 100_000, 1_000_000} {
		const runs = 3
		nodes := 3
		if keys == 1_000_000 {
			if nodes = 2; !*million {
				continue
			}
		}
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			runtime.LockOSThread() // sub-benchmarks have goroutines of their own
			defer runtime.UnlockOSThread()
			for b.Loop() {
				steps, kinds := stepsOf(b, keys, nodes)
				for range runs - 1 {
					again, _ := stepsOf(b, keys, nodes)
					require.Len(b, again, len(steps))
					for i := range steps {
						steps[i] = min(steps[i], again[i])
					}
				}
				of := make(map[string][]time.Duration)
				for i, kind := range kinds {
					of[kind] = append(of[kind], steps[i])
				}
				for _, kind := range stepKinds {
					report(b, kind, of[kind])
				}
			}
		})
	}
}

func report(b *testing.B, of string, steps []time.Duration) {
	if slices.Sort(steps); len(steps) == 0 {
		return // a thousand keys are too little for a checkpoint
	}
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	b.ReportMetric(us(steps[len(steps)-1]), "µs-longest-"+of)
	b.ReportMetric(us(steps[len(steps)*999/1000]), "µs-p99.9-"+of)
}

// stepsOf is how long each step took, and what it was for.
func stepsOf(t testing.TB, keys, nodes int) (steps []time.Duration, kinds []string) {
	g := newRig(t, nodes, 16, nodes, kvs.Config{MaxLog: 16})
	g.timed = &steps
	g.kinds = &kinds
	w := &writer{rig: g, size: 1 << 10}
	for i := range keys + keys/100 {
		w.write(i % keys)
	}
	g.rest()
	last := nodes - 1
	g.start(last)
	g.receiver = last
	g.run()
	g.rest()
	g.receiver = -1
	whole := g.stats(last).Snapshots
	require.Positive(t, whole)
	g.down[last] = true
	w.alone = nodes == 2
	for i := range keys / 100 {
		w.write(i * 100)
		if i%100 == 0 {
			g.tick()
		}
	}
	g.down[last] = false
	g.receiver = last
	for range 100 { // peers that were silent are offered less and less often
		g.tick()
	}
	g.rest()
	require.Equal(t, keys >= 100_000, g.stats(last).Snapshots > whole, "%v", g.stats(last))
	for i := range min(keys, 1000) {
		key := fmt.Sprintf("k%07d", i*(keys/min(keys, 1000)))
		require.True(t, g.hosts[last].Core().Knows(key, "register"), key)
	}
	return steps, kinds
}

// kindOf is what a step of a node was for, by what came and what it has sent and written.
func (g *rig) kindOf(node int, ev kvs.Event, sent, records int) string {
	switch {
	case slices.Contains(g.sent[sent:], wire.MsgSnapshot):
		return "given"
	case g.wroteCheckpoint > records:
		return "checkpoint"
	case node == g.receiver:
		return "taken"
	case ev.Kind == kvs.EventMessage || ev.Kind == kvs.EventTick:
		return "gossip"
	}
	return "work"
}

// TestStepsOfASnapshot: what a step writes is a few times a batch, whatever the number of keys,
// also where a checkpoint is written while most of a snapshot has come.
func TestStepsOfASnapshot(t *testing.T) {
	most := make(map[int]int)
	for _, keys := range []int{500, 4000} {
		g := newRig(t, 2, 1, 2, kvs.Config{MaxLog: 16, BatchBytes: 4 << 10, SnapshotBytes: 16 << 10, SnapshotValues: 32, CheckpointBytes: 64 << 10})
		w := &writer{rig: g, size: 100, alone: true}
		g.down[1] = true
		for i := range keys {
			w.write(i)
		}
		g.down[1] = false
		persisted := 0
		g.persisting = func(node, size int) { persisted += size }
		for range 4000 {
			g.now += 20
			for n := range g.hosts {
				g.queue = append(g.queue, rigFlight{n, kvs.Event{Kind: kvs.EventTick}})
			}
			for len(g.queue) > 0 {
				f := g.queue[0]
				g.queue = g.queue[1:]
				f.ev.NowMS = g.now
				persisted = 0
				g.do(f.to, f.ev)
				most[keys] = max(most[keys], persisted)
			}
			if g.atRest() {
				break
			}
		}
		require.True(t, g.atRest())
		require.Positive(t, g.stats(1).Snapshots)
		require.Positive(t, g.stats(1).Checkpoints)
		assert.Equal(t, holdings(g.hosts[0].Core()), holdings(g.hosts[1].Core()))
	}
	for keys, size := range most {
		assert.Less(t, size, 5*(4<<10), "%d keys", keys)
	}
}
