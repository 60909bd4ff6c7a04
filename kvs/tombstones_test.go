package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// stamped is a request of which the stamp is some milliseconds ago.
func (g *rig) stamped(q wire.Request, ago uint64) wire.Request {
	q.Stamp = (g.now - ago) << 16
	return q
}

// forget lets ticks pass until no node has a tombstone that could be forgotten.
func (g *rig) forget() {
	for range 200 {
		left := 0
		for n := range g.hosts {
			if !g.down[n] {
				left += g.hosts[n].Core().Unburied()
			}
		}
		if left == 0 {
			return
		}
		g.tick()
	}
	require.Fail(g.t, "tombstones are not forgotten")
}

func (g *rig) tombstones() (sum int) {
	for n := range g.hosts {
		sum += g.hosts[n].Core().Tombstones()
	}
	return sum
}

// TestTombstonesForgotten: what is left of registers that were deleted is gone at rest, at any
// number of nodes and owners, where no write can come any more; what is written later works
// as new, and is all there is after a start.
func TestTombstonesForgotten(t *testing.T) {
	for _, n := range []int{1, 3, 5, 9} {
		for _, cfg := range []kvs.Config{{}, {CheckpointBytes: 64}} {
			cfg.LateMS = 200
			g := newRig(t, n, 4, min(n, 3), cfg)
			g.keep = true
			g.now = 10_000
			req := uint64(0)
			for i := range 20 {
				req++
				require.Equal(t, wire.StatusOK, g.ask(i%n, g.stamped(put(1, req, "register", fmt.Sprint("r", i), []byte("v")), 0)).Status)
				g.tick()
			}
			for i := range 20 {
				req++
				q := g.stamped(del(1, req, "register", fmt.Sprint("r", i), nil), 0)
				require.Equal(t, wire.StatusOK, g.ask((i+1)%n, q).Status)
				g.tick()
			}
			require.NotZero(t, g.tombstones())
			g.forget()
			assert.Zero(t, g.tombstones(), "%d nodes", n)
			g.rest()
			for node := range g.hosts {
				assert.NotZero(t, g.hosts[node].Core().Floor())
				assert.Empty(t, holdings(g.hosts[node].Core()))
			}
			req++
			require.Equal(t, wire.StatusForgotten, g.ask(0, g.stamped(put(2, req, "register", "r0", []byte("late")), 1500)).Status)
			require.Equal(t, wire.StatusOK, g.ask(0, g.stamped(put(2, req+1, "set", "s0", []byte("late")), 1500)).Status)
			require.Equal(t, wire.StatusOK, g.ask(0, g.stamped(put(2, req+2, "register", "r0", []byte("new")), 0)).Status)
			for range 6 {
				g.tick()
			}
			owner := int(g.cfg.Ring.Owners(g.cfg.Ring.PartitionOf("r0"))[0])
			assert.True(t, g.get(owner, "register", "r0").Found)
			if cfg.CheckpointBytes == 0 {
				for node := range g.hosts {
					g.start(node)
				}
				for range 60 {
					g.tick()
				}
				g.forget()
				assert.True(t, g.get(owner, "register", "r0").Found)
				assert.Zero(t, g.tombstones(), "%d nodes, started again", n)
			}
		}
	}
}

// TestForgottenAfterStarts: nodes that have started again promise as others do, whichever they
// are, and whenever.
func TestForgottenAfterStarts(t *testing.T) {
	for _, early := range []bool{true, false} {
		for n := range 3 {
			g := newRig(t, 3, 2, 2, kvs.Config{LateMS: 100})
			g.keep, g.now = true, 10_000
			if early {
				g.start(n)
				g.run()
			}
			require.Equal(t, wire.StatusOK, g.ask(0, g.stamped(put(1, 1, "register", "r", []byte("v")), 0)).Status)
			g.tick()
			require.Equal(t, wire.StatusOK, g.ask(1, g.stamped(del(1, 2, "register", "r", nil), 0)).Status)
			for range 6 {
				g.tick()
			}
			if !early {
				g.start(n)
				g.run()
			}
			g.forget()
			g.rest()
			assert.Zero(t, g.tombstones())
		}
	}
}

// TestAwayKeepsTombstones: while a node is away, be it an owner or one that owns nothing of the
// key, what is deleted stays, however long; and a write that it has taken before that, and
// hands over then, does not come back. (KeyDB #83; Cassandra's resurrection after
// gc_grace.)
func TestAwayKeepsTombstones(t *testing.T) {
	for _, stranger := range []bool{false, true} {
		g := newRig(t, 4, 1, 3, kvs.Config{LateMS: 100})
		g.keep, g.now = true, 10_000
		owners := g.cfg.Ring.Owners(0)
		away, at := int(owners[2]), int(owners[0])
		if stranger {
			for n := range 4 {
				if !g.cfg.Ring.Owns(g.cfg.Ring.Nodes()[n], 0) {
					away = n
				}
			}
		}
		for n := range 4 {
			g.down[n] = n != away
		}
		require.Equal(t, wire.StatusOK, g.ask(away, g.stamped(put(1, 1, "register", "r", []byte("old")), 0)).Status)
		for n := range 4 {
			g.down[n] = n == away
		}
		g.tick()
		require.Equal(t, wire.StatusOK, g.ask(at, g.stamped(del(2, 1, "register", "r", nil), 0)).Status)
		for range 500 { // a hundred times as long as it has to stay
			g.tick()
		}
		assert.NotZero(t, g.tombstones())
		assert.Zero(t, g.hosts[at].Core().Stats().Forgotten)
		g.down[away] = false
		for range 4 {
			g.tick()
		}
		g.forget()
		g.rest()
		for _, n := range owners {
			a := g.get(int(n), "register", "r")
			assert.False(t, a.Held(), "node %d", n)
		}
		assert.Zero(t, g.tombstones())
	}
}

// TestRestoredDiskBringsNothingBack: an owner whose disk goes back to before a delete that all
// have forgotten holds the value again, and gives it up when it is brought up; it brings back
// none, and what it has that was not deleted stays.
func TestRestoredDiskBringsNothingBack(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {SnapshotPieces: 1, BatchBytes: 32, SnapshotBytes: 64}} {
		for later := range 2 {
			cfg.LateMS = 100
			g := newRig(t, 3, 1, 3, cfg)
			g.keep, g.now = true, 10_000
			for i := range uint64(20) {
				require.Equal(t, wire.StatusOK, g.ask(0, g.stamped(put(1, 1+i, "register", fmt.Sprint("r", i), []byte("v")), 0)).Status)
				g.tick()
			}
			g.rest()
			disk := len(g.disks[2])
			for i := range uint64(20) {
				if i%2 == 0 {
					require.Equal(t, wire.StatusOK, g.ask(1, g.stamped(del(2, 1+i, "register", fmt.Sprint("r", i), nil), 0)).Status)
					g.tick()
				}
			}
			g.forget()
			require.Zero(t, g.tombstones())
			if later > 0 { // it takes something in before it is brought up
				g.down[0], g.down[1] = true, true
			}
			g.disks[2] = g.disks[2][:disk]
			g.start(2)
			g.run()
			if later > 0 {
				assert.Equal(t, wire.StatusForgotten, g.ask(2, g.stamped(put(3, 1, "register", "r0", []byte("late")), 150)).Status, "it may have promised that")
				require.Equal(t, wire.StatusOK, g.ask(2, g.stamped(put(3, 2, "register", "r2", []byte("new")), 0)).Status)
				assert.True(t, g.get(2, "register", "r0").Found, "it has heard of no delete")
				g.down[0], g.down[1] = false, false
			}
			for range 60 {
				g.tick()
			}
			g.rest()
			for n := range 3 {
				for i := range 20 {
					a := g.get(n, "register", fmt.Sprint("r", i))
					assert.Equal(t, i%2 == 1 || later > 0 && i == 2, a.Found, "r%d at node %d, %+v, later %d", i, n, cfg, later)
				}
			}
		}
	}
}

// TestFloorIsKept: a node that starts again refuses what it had promised not to write, be that
// on its disk, or told by others once it has lost that.
func TestFloorIsKept(t *testing.T) {
	for _, lost := range []bool{false, true} {
		g := newRig(t, 3, 1, 3, kvs.Config{LateMS: 100})
		g.keep, g.now = true, 10_000
		require.Equal(t, wire.StatusOK, g.ask(0, g.stamped(del(1, 1, "register", "r", nil), 0)).Status)
		g.tick()
		g.forget()
		floor := g.hosts[2].Core().Floor()
		require.NotZero(t, floor)
		if lost {
			g.disks[2] = nil
		}
		g.start(2)
		if !lost {
			assert.Equal(t, floor, g.hosts[2].Core().Floor())
		}
		g.tick()
		assert.GreaterOrEqual(t, g.hosts[2].Core().Floor(), floor)
		require.Equal(t, wire.StatusOK, g.ask(1, g.stamped(del(2, 1, "register", "r", nil), 0)).Status)
		for range 20 {
			g.tick()
		}
		g.forget()
		assert.Greater(t, g.hosts[2].Core().Floor(), floor, "and it promises again")
		late := put(3, 1, "register", "r", []byte("late"))
		late.Stamp = floor
		for n := range 3 {
			assert.Equal(t, wire.StatusForgotten, g.ask(n, late).Status)
		}
		for range 10 {
			g.tick()
		}
		assert.Zero(t, g.tombstones())
		assert.False(t, g.get(0, "register", "r").Found)
	}
}

// TestForgottenIsDependedOn: a session that has read nothing, where what was deleted is
// forgotten, is not answered by an owner that has lost the delete with its disk.
func TestForgottenIsDependedOn(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{LateMS: 100})
	g.keep, g.now = true, 10_000
	require.Equal(t, wire.StatusOK, g.ask(0, g.stamped(put(1, 1, "register", "r", []byte("v")), 0)).Status)
	g.tick()
	g.rest()
	disk := len(g.disks[2])
	require.Equal(t, wire.StatusOK, g.ask(0, g.stamped(del(1, 2, "register", "r", nil), 0)).Status)
	g.tick()
	g.forget()
	s := &session.Session{Level: session.Causal}
	a := g.causal(s, 0, wire.Request{Client: 7, Req: 1, Kind: "register", Key: "r"})
	require.Equal(t, wire.StatusOK, a.Status)
	require.False(t, a.Held())
	g.down[0], g.down[1] = true, true
	g.disks[2] = g.disks[2][:disk]
	g.start(2)
	g.run()
	require.True(t, g.get(2, "register", "r").Found)
	assert.Nil(t, g.causal(s, 2, wire.Request{Client: 7, Req: 2, Kind: "register", Key: "r"}), "it waits")
	g.down[0], g.down[1] = false, false
	before := g.answers
	for range 30 {
		g.tick()
	}
	require.Equal(t, before+1, g.answers)
	assert.False(t, g.answer.Held())
}

// TestDeletedUntil: what is deleted up to a time is below what is written later and swallows the
// rest, of any writer; other kinds have no such state.
func TestDeletedUntil(t *testing.T) {
	k, ok := kind.Default().Find("register")
	require.True(t, ok)
	v := k.Deleted(100)
	assert.True(t, k.Absent(v))
	earlier, err := k.Mutate(kind.Update{Arg: []byte("v"), Clock: 100, Origin: 1 << 63}, nil)
	require.NoError(t, err)
	earlier.MergeIn(v)
	assert.True(t, k.Absent(earlier))
	later, err := k.Mutate(kind.Update{Arg: []byte("v"), Clock: 101}, nil)
	require.NoError(t, err)
	later.MergeIn(v)
	assert.False(t, k.Absent(later))
	for _, name := range []string{"set", "counter", "addwins"} {
		k, _ := kind.Default().Find(name)
		assert.Nil(t, k.Deleted(100))
	}
}
