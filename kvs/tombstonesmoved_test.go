package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// forget runs without faults until nobody has a tombstone that could be forgotten, and then as
// [town.rest].
func (w *town) forget() {
	w.t.Helper()
	w.lossy = false
	for range 400_000 {
		left := 0
		for i, r := range w.replicas {
			if !w.dead[i] {
				left += r.Unburied()
			}
		}
		if left == 0 {
			w.rest()
			return
		}
		w.step()
	}
	w.t.Fatalf("tombstones are not forgotten:\n%s", w.state())
}

// registers has clients write or delete registers at some nodes, a session each, and lets steps pass in
// between. It returns the session of each register that was asked for.
func (w *town) registers(n int, request func(client, req uint64, kind, key string) wire.Request) map[string]uint64 {
	asked := map[string]uint64{}
	for i := range n {
		w.req++
		node := w.choose(len(w.replicas), 0)
		if w.dead[node] || w.replicas[node].View().At(ring.NodeID(node)).Phase() == member.Gone {
			continue
		}
		q := request(townClient+w.req, 1, "register", fmt.Sprint("r", i))
		q.Stamp = w.now << 16
		w.ask(node, q)
		asked[q.Key] = q.Client
		w.run(60, 20)
	}
	return asked
}

// TestTombstonesAreForgottenWhereMembersChange: while nodes join and leave, partitions come to have
// more replicas and fewer, nodes crash and messages are lost, what is left of deletes stays or is
// forgotten; once all is settled it is gone, and what was deleted does not come back. A node that has
// joined refuses what is as early as that.
func TestTombstonesAreForgottenWhereMembersChange(t *testing.T) {
	forgotten, erased := uint64(0), 0
	each(t, 30, func(t *testing.T, seed uint64) {
		w := newTown(t, 4, 6, 2, seed)
		w.often(seed)
		as := w.cfg
		w.cfg = func(cfg *kvs.Config) { as(cfg); cfg.LateMS = 300 }
		for n := range 4 {
			w.crash(n)
		}
		write := func(client, req uint64, kind, key string) wire.Request {
			return put(client, req, kind, key, []byte("v"))
		}
		erase := func(client, req uint64, kind, key string) wire.Request { return del(client, req, kind, key, nil) }
		w.lossy = seed%2 == 1
		w.registers(12, write)
		joined := w.join(0)
		w.registers(12, erase)
		w.change(1, member.Change{Node: 2, To: member.Leaving})
		w.registers(12, write)
		w.decide(0, 1, 1, 4)
		w.registers(12, erase)
		w.crash(int(seed % 2))
		w.run(600, 20)
		w.decide(1, 1, 2, 2)
		w.registers(6, write)
		last := w.registers(12, erase)
		w.forget()
		floor := w.replicas[joined].Floor()
		for n, r := range w.replicas {
			if r.View().At(ring.NodeID(n)).Phase() == member.Gone {
				continue
			}
			forgotten += r.Stats().Forgotten
			assert.Zero(t, r.Tombstones(), "node %d", n)
			assert.GreaterOrEqual(t, r.Floor(), floor)
			for key, client := range last {
				if a := w.answers[client][1]; a != nil && a.Status == wire.StatusOK {
					erased++
					assert.False(t, r.Knows(key, "register"), "node %d", n)
				}
			}
		}
		require.NotZero(t, floor)
		status := func(key string, stamp uint64) wire.Status {
			w.req++
			q := put(townClient+w.req, 1, "register", key, []byte("new"))
			q.Stamp = stamp
			w.ask(joined, q)
			w.forget()
			return w.answers[townClient+w.req][1].Status
		}
		assert.Equal(t, wire.StatusForgotten, status("r0", floor))
		assert.Equal(t, wire.StatusOK, status("r0", w.now<<16))
		owner := w.replicas[0].Placement().Owners(w.ring.PartitionOf("r0"))[0]
		assert.True(t, w.replicas[owner].Knows("r0", "register"))
	})
	t.Logf("%d tombstones were forgotten", forgotten)
	assert.Greater(t, forgotten, uint64(300))
	assert.Greater(t, erased, 300)
}
