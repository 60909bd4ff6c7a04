package kvs_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/wire"
)

// shelved starts the nodes of g anew, as ones that keep their values outside of memory.
func (g *rig) shelved() *rig {
	for range g.hosts {
		g.origins++
		g.shelves = append(g.shelves, newShelf(g.origins))
	}
	for n := range g.hosts {
		g.start(n)
	}
	g.run()
	return g
}

// TestValueIsBounded: a value takes writes up to MaxValueBytes, in memory or outside, and
// also once its size has to be found anew after a start. What would pass that is refused,
// and leaves nothing; what adds nothing is served.
func TestValueIsBounded(t *testing.T) {
	for name, outside := range map[string]bool{"memory": false, "outside": true} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, 1, 1, 1, kvs.Config{MaxValueBytes: 1000, CheckpointBytes: 300, CacheBytes: 200})
			if g.keep = true; outside {
				g.shelved()
			}
			element := func(i uint64) []byte { return fmt.Appendf(nil, "%0100d", i) }
			req := uint64(0)
			add := func(e []byte) *wire.Response {
				req++
				return g.ask(0, put(1, req, "set", "k", e))
			}
			for i := range uint64(9) { // each has a byte more that says how long it is, and there is one for all
				require.Equal(t, wire.StatusOK, add(element(i)).Status)
				g.tick()
			}
			for range 3 {
				g.tick()
			}
			core := g.hosts[0].Core()
			before := len(core.AppendState(nil))
			for i := range uint64(5) {
				answer := add(element(50 + i))
				require.Equal(t, wire.StatusTooLarge, answer.Status)
				assert.Equal(t, `set "k" would have 1011 bytes, limit 1000; write to another key`, answer.Detail)
			}
			assert.InDelta(t, before, len(core.AppendState(nil)), 16, "nothing is left but a later time")
			assert.Equal(t, wire.StatusOK, add(element(3)).Status, "which is there")
			assert.Equal(t, wire.StatusOK, add(make([]byte, 89)).Status, "the last byte that may be")
			assert.Equal(t, wire.StatusTooLarge, add(nil).Status)
			assert.Len(t, g.ask(0, wire.Request{Client: 2, Req: 1, Kind: "set", Key: "k"}).Value, 1000)
			for range 3 {
				g.tick()
			}
			g.start(0)
			g.run()
			require.Equal(t, wire.StatusTooLarge, add(element(60)).Status, "after a start")
			assert.Equal(t, wire.StatusOK, g.ask(0, put(3, 1, "set", "other", element(1))).Status)
		})
	}
}

// TestValueCountsAsItIs: what is written over does not count, however much was written.
func TestValueCountsAsItIs(t *testing.T) {
	g := newRig(t, 1, 1, 1, kvs.Config{MaxValueBytes: 1000})
	for i := range uint64(50) {
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1+i, "register", "r", bytes.Repeat([]byte{byte(i)}, 900))).Status)
		require.Equal(t, wire.StatusOK, g.ask(0, put(2, 1+i, "set", "s", make([]byte, 900))).Status)
	}
	assert.Equal(t, wire.StatusTooLarge, g.ask(0, put(1, 51, "register", "r", make([]byte, 1000))).Status)
}

// TestPendingCounts: writes count that are not durable yet, of a key that is new and of one
// that is not.
func TestPendingCounts(t *testing.T) {
	for _, known := range []bool{false, true} {
		g := newRig(t, 1, 1, 1, kvs.Config{MaxValueBytes: 1000})
		if known {
			require.Equal(t, wire.StatusOK, g.ask(0, put(9, 1, "set", "k", nil)).Status)
		}
		taken := 0
		for i := range uint64(30) {
			g.answers = 0
			q := put(1, 1+i, "set", "k", fmt.Appendf(nil, "%0100d", i))
			require.NoError(t, g.hosts[0].Do(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: q.Encode()}))
			if g.answers == 0 {
				taken++
			} else {
				require.Equal(t, wire.StatusTooLarge, g.answer.Status)
			}
			if i == 20 { // a read finds less than has been taken
				g.ask2(wire.Request{Client: 2, Req: 1, Kind: "set", Key: "k"})
			}
		}
		assert.Equal(t, 9, taken)
		g.run()
		assert.LessOrEqual(t, len(g.ask(0, wire.Request{Client: 2, Req: 1, Kind: "set", Key: "k"}).Value), 1000)
	}
}

// ask2 has node 0 serve a read while its disk is busy.
func (g *rig) ask2(q wire.Request) {
	require.NoError(g.t, g.hosts[0].Do(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: q.Encode()}))
}

// apart has each of three owners take as much for a key as it may, without the others, 12
// MiB in all, and a little for another key; then they meet.
func apart(t *testing.T, outside bool) *rig {
	g := newRig(t, 3, 1, 3, kvs.Config{MaxValueBytes: wire.MaxMessage / 2})
	if g.keep = true; outside {
		g.shelved()
	}
	for n := range 3 {
		for other := range 3 {
			g.down[other] = other != n
		}
		for i := range uint64(4) {
			e := bytes.Repeat([]byte{byte(4*n) + byte(i)}, kind.MaxArg-16)
			require.Equal(t, wire.StatusOK, g.ask(n, put(uint64(1+n), 1+i, "set", "a", e)).Status)
		}
		require.Equal(t, wire.StatusTooLarge, g.ask(n, put(uint64(1+n), 5, "set", "a", make([]byte, 100))).Status)
	}
	clear(g.down)
	require.Equal(t, wire.StatusOK, g.ask(0, put(7, 1, "set", "b", []byte("x"))).Status)
	for range 120 {
		g.tick()
	}
	return g
}

// TestLargerThanAMessage: what owners have joined to more than a message can hold stays
// theirs: they start on the checkpoint that has it, a read of it is refused and says why,
// and a read of another key is not.
func TestLargerThanAMessage(t *testing.T) {
	for name, outside := range map[string]bool{"memory": false, "outside": true} {
		t.Run(name, func(t *testing.T) {
			g := apart(t, outside)
			for n := range 3 {
				require.Positive(t, g.stats(n).Checkpoints)
				g.start(n)
			}
			g.run()
			for n := range 3 {
				set, _ := kind.Get[kind.GrowSet](g.hosts[n].Core().Look("a", "set"))
				assert.Len(t, set, 12)
				answer := g.ask(n, wire.Request{Client: 9, Req: 1, Kind: "set", Key: "a"})
				require.Equal(t, wire.StatusTooLarge, answer.Status)
				assert.Contains(t, answer.Detail, `set "a" has 12582757 bytes`)
				assert.Contains(t, answer.Detail, "limit 8388608")
				assert.True(t, g.ask(n, wire.Request{Client: 9, Req: 2, Kind: "set", Key: "b"}).Found)
				assert.Equal(t, wire.StatusTooLarge, g.ask(n, put(5, 1, "set", "a", []byte("more"))).Status)
			}
			sub := wire.Subscribe{Client: 8, Number: 1, Sent: 1, Key: "a", Kind: "set", Lease: 9}
			for range 2 { // the first leaves nothing
				var u []*wire.Update
				for _, e := range g.hosts[0].Core().Step(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: sub.Encode()}) {
					got, err := wire.DecodeUpdate(e.Msg)
					require.NoError(t, err)
					u = append(u, got)
				}
				require.Len(t, u, 1, "a subscriber is told")
				assert.Equal(t, wire.StatusTooLarge, u[0].Status)
				assert.Contains(t, u[0].Detail, "12582757 bytes")
			}
		})
	}
}

// TestLargeValueTravels: an owner that has lost its disk is brought up with a value that no
// message can hold, and with what lies behind it, and starts on that again.
func TestLargeValueTravels(t *testing.T) {
	for name, outside := range map[string]bool{"memory": false, "outside": true} {
		t.Run(name, func(t *testing.T) {
			g := apart(t, outside)
			want := holdings(g.hosts[0].Core())
			if g.disks[2] = nil; outside {
				g.shelves[2] = newShelf(99)
			}
			g.start(2)
			for range 60 {
				g.tick()
			}
			require.Positive(t, g.stats(2).Snapshots)
			assert.Equal(t, want, holdings(g.hosts[2].Core()))
			assert.Equal(t, g.hosts[0].Core().Applied(0), g.hosts[2].Core().Applied(0))
			g.start(2)
			assert.Equal(t, want, holdings(g.hosts[2].Core()))
			for n := range 3 {
				assert.Zero(t, g.stats(n).Rejected, "no message is larger than one may be")
			}
		})
	}
}

// TestPartsOfValues: values that are larger than a window come whole, or not at all, though
// messages are lost and doubled and come in any order, the receiver starts again between two
// parts, and the value changes at the sender between two asks.
func TestPartsOfValues(t *testing.T) {
	parts, dropped := 0, 0
	for seed := range uint64(24) {
		c := checking(t, 3, 1, 3, seed, 4000, 60)
		if seed%3 == 2 {
			c = keeping(t, 3, 1, 3, seed, 4000, 60)
		}
		c.cfg = func(cfg *kvs.Config) { cfg.SnapshotBytes, cfg.SnapshotPieces = 120, 1+int(seed%4) }
		for n := range 3 {
			c.crash(n)
		}
		c.lossy = true
		for round := range uint64(16) {
			for client := range uint64(2) {
				key := fmt.Sprintf("s%d", round%2)
				c.ask(c.choose(3, 0), put(10+client, round+1, "set", key, fmt.Appendf(nil, "%090d", 2*round+client)))
			}
			for range 40 {
				c.step()
			}
			if round == 8 {
				c.lose(int(seed)%3, 0)
				c.outside[int(seed)%3] = nil
				c.crash(int(seed) % 3)
			}
			if round > 8 && c.choose(2, 0) == 0 {
				open := c.replicas[int(seed)%3].Open(0)
				if parts += open; open > 0 {
					dropped++
				}
				c.crash(int(seed) % 3)
				assert.LessOrEqual(t, c.replicas[int(seed)%3].Open(0), open)
			}
		}
		c.settle()
		c.agree()
		for n := range 3 {
			for _, key := range []string{"s0", "s1"} {
				assert.NotEmpty(t, valueOf[kind.GrowSet](t, c.read(n, key, "set"), "set"))
			}
		}
	}
	assert.Positive(t, parts, "a start has found a value in part")
	assert.Positive(t, dropped)
}
