package kvs_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/wire"
)

// This file has the defects of other stores that were reported or are in published code, each
// as a run in the words of the report; PUBLISHED.md lists them.

// content is what a read of a register shows, "" where it is absent.
func (g *rig) content(node int, key string) string {
	a := g.get(node, "register", key)
	if !a.Found {
		return ""
	}
	v, err := mustKind(g.t, "register").Decode(a.Value)
	require.NoError(g.t, err)
	r, ok := kind.Get[kind.Register](v)
	require.True(g.t, ok)
	return r.Second.Second.Val
}

// set has a node write a register, at the time of its clock.
func (g *rig) set(node int, req uint64, key, value string) {
	q := put(uint64(1+node), req, "register", key, []byte(value))
	q.Stamp = g.now<<16 + req
	a := g.ask(node, q)
	require.NotNil(g.t, a)
	require.Equal(g.t, wire.StatusOK, a.Status, a.Detail)
}

// alone lets f happen while the nodes that are given hear nobody, nor anybody them.
func (g *rig) alone(f func(), nodes ...int) {
	for _, n := range nodes {
		g.down[n] = true
	}
	f()
	for _, n := range nodes {
		g.down[n] = false
	}
}

// passWithout lets a tick pass before which messages are lost.
func (x *road) passWithout(lost func(from, to int) bool) {
	x.coming = slices.DeleteFunc(x.coming, func(f rigFlight) bool { return lost(int(f.ev.From), f.to) })
	x.pass()
}

// TestTwoWritersAtOnce: two hosts write to one key at the same moment, each at its own
// server. Both servers end with the same one of the two values, whichever clock is ahead. In
// KeyDB each ended with the value of the other. (KeyDB #247.)
func TestTwoWritersAtOnce(t *testing.T) {
	for skew := uint64(0); skew < 4; skew++ {
		s := newStand(t, 2, 1, 2, nil)
		for host := uint64(1); host <= 2; host++ {
			q := put(host, 1, "register", "thehostname", fmt.Appendf(nil, "Host%d", host))
			q.Stamp = (s.now + skew*host%3) << 16
			require.Equal(t, wire.StatusOK, s.ask(s.ring.Owners(0)[host-1], q).Status)
		}
		s.deliver()
		s.rounds(20)
		var values [3]string
		for host := 1; host <= 2; host++ {
			r, ok := kind.Get[kind.Register](s.nodes[host].r.Value("thehostname", "register"))
			require.True(t, ok)
			values[host] = r.Second.Second.Val
		}
		assert.Equal(t, values[1], values[2], "skew %d", skew)
		assert.Contains(t, []string{"Host1", "Host2"}, values[1])
	}
}

// TestSplitBrain: during a split one side writes b2, the other b1, the first one b3. Once
// the network is restored both show b3, which was written last. In KeyDB they went on to show
// different values. (KeyDB #366.)
func TestSplitBrain(t *testing.T) {
	for _, last := range []int{0, 1} { // the side that writes first and last
		for _, keys := range []int{1, 40} {
			g := newRig(t, 2, 1, 2, kvs.Config{})
			req := uint64(0)
			write := func(node int, value string) {
				g.alone(func() {
					for k := range keys {
						req++
						g.set(node, req, fmt.Sprint("b", k), value)
					}
					g.now += 1000
				}, 1-node)
			}
			write(last, "b2")
			write(1-last, "b1")
			write(last, "b3")
			for range 30 {
				g.tick()
			}
			for node := range 2 {
				for k := range keys {
					assert.Equal(t, "b3", g.content(node, fmt.Sprint("b", k)), "node %d", node)
				}
			}
		}
	}
}

// TestThreeMasters: of three nodes that all take writes each has what any has taken, also
// where two of them cannot hear each other and only the third hears both. In KeyDB a value
// was on two nodes, and on the third every other time. (KeyDB #142.)
func TestThreeMasters(t *testing.T) {
	for apart := range 4 { // the two nodes beside that one do not hear each other; 3: all do
		g := newRoad(t, 3, 1, kvs.Config{}, 0, 1)
		lost := func(from, to int) bool { return apart < 3 && from != apart && to != apart }
		const writes = 12
		for i := range uint64(writes) {
			g.set(int(i%3), 1+i, fmt.Sprint("k", i), "v")
			g.passWithout(lost)
		}
		for range 40 {
			g.passWithout(lost)
		}
		for node := range 3 {
			for i := range writes {
				assert.Equal(t, "v", g.content(node, fmt.Sprint("k", i)), "node %d, write at %d, %d hears both", node, i%3, apart)
			}
		}
	}
}

// TestDeletedWhileDown: all nodes have a key, one goes down, the key is deleted, and the node
// starts again from its disk. The key is nowhere. In KeyDB it was everywhere once more.
// (KeyDB #83; [TestDeletedStaysDeleted] has the other kinds, and writes besides.)
func TestDeletedWhileDown(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {MaxLog: 1}} { // what it has missed it gets as deltas, or as a snapshot
		for down := range 3 {
			g := newRig(t, 3, 1, 3, cfg)
			g.keep = true
			for n := range 3 {
				q := put(uint64(1+n), 1, "counter", "mycounter", kind.Amount(1))
				require.Equal(t, wire.StatusOK, g.ask(n, q).Status)
				g.set(n, 2, "r", "v")
				g.tick()
			}
			for range 10 {
				g.tick()
			}
			require.Equal(t, "v", g.content(down, "r"))
			other := (down + 1) % 3
			g.alone(func() {
				for i, what := range [][2]string{{"counter", "mycounter"}, {"register", "r"}} {
					q := del(uint64(1+other), 3+uint64(i), what[0], what[1], nil)
					q.Stamp = g.now<<16 + 100
					require.Equal(t, wire.StatusOK, g.ask(other, q).Status)
				}
				for range 10 {
					g.tick()
				}
			}, down)
			g.start(down)
			g.run()
			for range 60 {
				g.tick()
			}
			for n := range 3 {
				assert.True(t, g.get(n, "register", "r").Deleted, "register at %d, %d was down", n, down)
				assert.True(t, g.get(n, "counter", "mycounter").Deleted, "counter at %d, %d was down", n, down)
			}
		}
	}
}

// TestSyncWhileTheTableSplits: a node is brought up from nothing while new keys are written
// at the sender, so many that the runs of its table split again and again, before and behind
// the place that the traversal has come to. The node gets every key that was there and every
// new one. In Dragonfly keys were lost that a split had moved to a place already passed, since
// writes to keys still to come were not told besides. (Dragonfly #8153.)
func TestSyncWhileTheTableSplits(t *testing.T) {
	const keys, meanwhile = 600, 2400
	for _, stride := range []int{1, 7, 1201} { // of new keys: in order, and all over
		x := newRoad(t, 2, 1, kvs.Config{BatchBytes: 512, SnapshotBytes: 1 << 10}, 0, 1)
		name := func(i int) string { return fmt.Sprintf("k%05d", i) }
		for i := range keys {
			x.set(0, uint64(1+i), name(i*8), "populated")
			if i%20 == 0 {
				x.pass()
			}
		}
		for range 60 {
			x.pass()
		}
		x.disks[1] = nil
		x.start(1)
		during := 0
		for i := range meanwhile {
			if x.pieces > 0 && x.stats(1).Snapshots == 0 {
				during++
			}
			x.set(0, uint64(1+keys+i), name(2*(i*stride%meanwhile)+1), "new")
			if i%12 == 0 {
				x.pass()
			}
		}
		require.Greater(t, during, 512, "written while the traversal was under way: more than two runs of the table hold")
		for range 3000 {
			if x.pass(); x.hosts[0].Core().Quiet() && x.hosts[1].Core().Quiet() {
				break
			}
		}
		require.Positive(t, x.stats(1).Snapshots)
		for i := range keys {
			require.True(t, x.hosts[1].Core().Knows(name(i*8), "register"), "stride %d: %s, which was there before", stride, name(i*8))
		}
		for i := range meanwhile {
			require.True(t, x.hosts[1].Core().Knows(name(2*i+1), "register"), "stride %d: %s, which is new", stride, name(2*i+1))
		}
	}
}

// TestGossipThatFailed: what is told while the network drops all of it is told again, for
// each round in which that may happen. In the published code of Anna the set of what had
// changed was cleared when it had been sent, whether or not that went well, and nothing was
// sent twice.
func TestGossipThatFailed(t *testing.T) {
	for failed := range 12 {
		x := newRoad(t, 3, 1, kvs.Config{}, 0, 1)
		for n := range 3 { // so that they know each other
			x.set(n, 1, "other", "v")
			for range 10 {
				x.pass()
			}
		}
		x.set(0, 2, "k", "v")
		for range failed {
			x.passWithout(func(int, int) bool { return true })
		}
		for range 40 {
			x.pass()
		}
		for n := range 3 {
			assert.Equal(t, "v", x.content(n, "k"), "node %d, after %d rounds that failed", n, failed)
		}
	}
}

// TestMismatchedPut: a put of another kind than the key has is refused, and says which kind
// stands there; the value stays. In the published code of Anna it was dropped without a word.
func TestMismatchedPut(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	args := map[string][]byte{"register": []byte("v"), "set": []byte("e"), "addwins": []byte("e"), "counter": kind.Amount(1)}
	req := uint64(0)
	for has := range args {
		req++
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, req, has, has, args[has])).Status)
		for range 6 {
			g.tick()
		}
		for other := range args {
			for node := range 3 {
				if other == has {
					continue
				}
				req++
				before := bytes.Clone(g.get(node, has, has).Value)
				a := g.ask(node, put(1, req, other, has, args[other]))
				require.NotNil(t, a)
				assert.Equal(t, wire.StatusKindMismatch, a.Status, "a put of a %s to a %s", other, has)
				assert.Equal(t, has, a.Detail)
				assert.Equal(t, before, g.get(node, has, has).Value)
			}
		}
	}
}

// TestAckedPutOutlivesCrash: a put is acknowledged, and its node dies before it has told
// anybody. Once it is back every node has the put. In the published code of Anna it was lost.
// A put that asks to be answered from memory may be lost so, and one that asks for two owners
// is not answered before another has it.
func TestAckedPutOutlivesCrash(t *testing.T) {
	s := newStand(t, 3, 1, 3, nil)
	first := s.ring.Owners(0)[0]
	n := s.nodes[first]
	n.slow = true
	q := put(7, 1, "register", "k", []byte("v"))
	q.Stamp = s.now << 16
	n.answers = nil
	s.take(first, n.r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}))
	require.Empty(t, n.answers, "not acknowledged before it is durable")
	s.flush(first)
	require.Len(t, n.answers, 1)
	require.Equal(t, wire.StatusOK, n.answers[0].Status)
	s.queue = nil // it has told nobody
	n.slow = false
	s.start(first, false)
	s.deliver()
	s.rounds(30)
	for id := 1; id <= 3; id++ {
		r, ok := kind.Get[kind.Register](s.nodes[id].r.Value("k", "register"))
		require.True(t, ok)
		assert.Equal(t, "v", r.Second.Second.Val, "node %d", id)
	}
}
