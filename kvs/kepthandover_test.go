package kvs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestKeptAndHandedOver: replicas that do not own what they are asked to write keep it
// outside until they have handed it over, and then let go of it, whatever of it is in
// memory. All that was acknowledged is at the owners in the end, and nothing else.
func TestKeptAndHandedOver(t *testing.T) {
	for seed := range uint64(12) {
		c := keeping(t, 5, 4, 2, seed, 150, 0)
		added, counted := map[[2]uint64]string{}, map[[2]uint64]string{} // keys, by client and request
		for round := range uint64(30) {
			for client := range uint64(3) {
				node := int(round+client) % 5
				set, counter := fmt.Sprintf("s%d", round%7), fmt.Sprintf("c%d", (round+client)%5)
				added[[2]uint64{10 + client, round + 1}], counted[[2]uint64{20 + client, round + 1}] = set, counter
				c.ask(node, put(10+client, round+1, "set", set, fmt.Appendf(nil, "%d.%d", 10+client, round+1)))
				c.ask(node, put(20+client, round+1, "counter", counter, kind.Amount(1)))
			}
			for range 30 {
				c.step()
			}
		}
		c.settle()
		c.agree()
		sets, counters := map[string][]string{}, map[string]int64{}
		for name, key := range added {
			if c.answers[name[0]][name[1]].Status == wire.StatusOK {
				sets[key] = append(sets[key], fmt.Sprintf("%d.%d", name[0], name[1]))
			}
		}
		for name, key := range counted {
			if c.answers[name[0]][name[1]].Status == wire.StatusOK {
				counters[key]++
			}
		}
		strangers := 0
		for n, r := range c.replicas {
			require.NoError(t, r.Failed())
			owns := func(key string) bool { return c.ring.Owns(ring.NodeID(n), c.ring.PartitionOf(key)) }
			for key, want := range sets {
				if owns(key) {
					slices.Sort(want)
					assert.Equal(t, want, valueOf[kind.GrowSet](t, c.read(n, key, "set"), "set"))
				}
			}
			for key, want := range counters {
				if owns(key) {
					sum, err := kind.CounterSum(valueOf[kind.Counter](t, c.read(n, key, "counter"), "counter"))
					require.NoError(t, err)
					assert.Equal(t, want, sum)
				}
			}
			for name := range holdings(r) {
				_, key, _ := strings.Cut(name, " ")
				assert.True(t, owns(key), "it is handed over")
			}
			for p := range ring.Partition(4) {
				if !c.ring.Owns(ring.NodeID(n), p) {
					strangers++
					assert.Zero(t, r.Logged(p), "it is handed over")
				}
			}
		}
		assert.Positive(t, strangers)
	}
}

// valueOf is the plain value in an answer.
func valueOf[T any](t *testing.T, a *wire.Response, name string) T {
	t.Helper()
	v, err := mustKind(t, name).Decode(a.Value)
	require.NoError(t, err)
	plain, ok := kind.Get[T](v)
	require.True(t, ok)
	return plain
}

// TestCloneOfKept: a clone is in the same state, and what is done to it afterwards does not
// show in the other. It reads from the same place, so here only it goes on.
func TestCloneOfKept(t *testing.T) {
	c, want := keptCluster(t)
	c.crash(0)
	c.settle()
	r := c.replicas[0]
	for i := range uint64(5) { // some are in memory, some not, and some in part
		q := put(50, 1+i, "set", fmt.Sprintf("k%d", i), []byte("new"))
		r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()})
	}
	state, held := r.AppendState(nil), holdings(r)
	clone := r.Clone()
	require.Equal(t, state, clone.AppendState(nil))
	require.Equal(t, want, holdings(clone))
	clone.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: 1 << 40})
	require.NotEqual(t, held, holdings(clone), "what was written has become visible")
	assert.Equal(t, held, holdings(r))
	assert.Equal(t, state, r.AppendState(nil))
}

// TestNothingKeptNeedsNoKeeper: a checkpoint whose values are kept outside, of which there
// are none, is read by a replica that keeps all in memory, and by one with something new
// to keep values.
func TestNothingKeptNeedsNoKeeper(t *testing.T) {
	c, _ := keptCluster(t)
	var disk [][]byte
	applied, kept := map[ring.Partition]gossip.Dots{}, 0
	for _, rec := range c.disks[1] {
		if wire.IsCheckpoint(rec) {
			x, err := new(wire.DecodeBuffer).Checkpoint(rec)
			require.NoError(t, err)
			if !x.Sessions {
				kept += len(x.Kept)
				x.Kept = nil
				if x.At == 0 {
					applied[x.Of] = x.Applied.Clone()
				}
			}
			disk = append(disk, wire.AppendCheckpoint(nil, &x))
		}
	}
	require.Positive(t, kept)
	for _, values := range []kvs.Values{nil, newShelf(12345)} {
		r, err := kvs.New(kvs.Config{Self: 1, Origin: 1 << 40, Ring: c.ring, Kinds: kind.Default(), Secret: secret, Values: values}, disk)
		require.NoError(t, err)
		for p, held := range applied {
			assert.Equal(t, held, r.Held(p), "partition %d", p)
		}
	}
}
