package kvs_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// town is a cluster whose members come and go while clients write.
type town struct {
	*cluster
	members member.Set // what operators have said so far
	factors member.Factors
	req     uint64
	keys    []string
	wrote   map[uint64][2]string // by request: key and element
	ack     session.Ack
}

const townClient = 7

func newTown(t testing.TB, nodes, partitions, rf int, seed uint64) *town {
	c := newCluster(t, nodes, partitions, rf, seed)
	c.dead = map[int]bool{}
	w := &town{cluster: c, members: member.Of(c.ring), wrote: map[uint64][2]string{}, keys: keysOf(c.ring)}
	c.cfg = func(cfg *kvs.Config) {
		if !slices.Contains(c.ring.Nodes(), cfg.Self) {
			cfg.Members = w.members
		}
	}
	return w
}

// change has an operator ask a node for a change.
func (w *town) change(at int, c member.Change) {
	view := w.replicas[at].View()
	_, err := view.With(c)
	require.NoError(w.t, err)
	w.members, err = w.members.With(c)
	require.NoError(w.t, err)
	w.do(at, kvs.Event{Kind: kvs.EventMember, NowMS: w.now, Change: c})
}

// join has a new node join, by the word of an operator at node at, and starts it.
func (w *town) join(at int) int {
	n := len(w.replicas)
	w.change(at, member.Change{Node: ring.NodeID(n), To: member.Joining})
	w.replicas, w.hosts, w.disks = append(w.replicas, nil), append(w.hosts, w.hosts[0]), append(w.disks, nil)
	w.before, w.cut, w.full, w.outside = append(w.before, 0), append(w.cut, 0), append(w.full, nil), append(w.outside, nil)
	w.start(n)
	return n
}

// write has a client write an element of its own to a key at a node.
func (w *town) write(node int) {
	w.req++
	key, element := w.keys[w.choose(len(w.keys), 0)], fmt.Sprint("e", w.req)
	w.wrote[w.req] = [2]string{key, element}
	q := put(townClient+w.req, 1, "set", key, []byte(element)) // a session each: none is forgotten
	q.Ack, q.Wait = w.ack, 200
	w.ask(node, q)
}

// run takes steps while clients write at nodes that are up, one write in every steps.
func (w *town) run(steps, every int) {
	for i := range steps {
		if i%every == 0 {
			if node := w.choose(len(w.replicas), 0); !w.dead[node] {
				w.write(node)
			}
		}
		w.step()
	}
}

// rest runs without faults until all is settled, and checks what must hold then.
func (w *town) rest() {
	w.t.Helper()
	w.lossy = false
	settled := func() bool {
		if !w.quiet() {
			return false
		}
		for i, r := range w.replicas {
			if !w.dead[i] && r.View().At(ring.NodeID(i)).Phase() != member.Gone && !r.Settled() {
				return false
			}
		}
		return true
	}
	for range 400_000 {
		if w.step(); settled() {
			w.judge()
			return
		}
	}
	w.t.Fatalf("the members do not settle:\n%s", w.state())
}

func (w *town) state() (out string) {
	for i, r := range w.replicas {
		if !w.dead[i] {
			out += fmt.Sprintf("node %d: quiet %v, settled %v, view %v, %+v\n", i, r.Quiet(), r.Settled(), r.View(), r.Stats())
		}
	}
	return out
}

// judge: all go by one view; whoever owns a partition by it holds every write that was
// acknowledged, and what the other owners do; nobody else holds anything.
func (w *town) judge() {
	w.t.Helper()
	var view member.Set
	for i, r := range w.replicas {
		if w.dead[i] || r.View().At(ring.NodeID(i)).Phase() == member.Gone {
			continue // who is gone is told no more
		}
		if view == nil {
			view = r.View()
		}
		require.Equal(w.t, view, r.View(), "node %d", i)
	}
	var factors member.Factors
	for i, r := range w.replicas {
		if !w.dead[i] && r.View().At(ring.NodeID(i)).Phase() != member.Gone {
			factors.MergeIn(r.Factors())
		}
	}
	for i, r := range w.replicas {
		if !w.dead[i] && r.View().At(ring.NodeID(i)).Phase() != member.Gone {
			require.ElementsMatch(w.t, factors, r.Factors(), "node %d", i)
		}
	}
	place, err := member.View{Members: view, Factors: factors}.PlaceBy(w.ring)
	require.NoError(w.t, err)
	acked := 0
	for p := range ring.Partition(w.ring.Partitions()) {
		owners := place.Owners(p)
		require.NotEmpty(w.t, owners)
		for i, r := range w.replicas {
			n := ring.NodeID(i)
			if w.dead[i] {
				continue
			}
			if slices.Contains(owners, n) {
				require.Equal(w.t, held(w.replicas[owners[0]], p), held(r, p), "partition %d at its owners %d and %d", p, owners[0], n)
			} else {
				require.Empty(w.t, held(r, p), "partition %d at node %d, which does not own it; view %v", p, n, view)
			}
		}
	}
	for req, kv := range w.wrote {
		if a := w.answers[townClient+req][1]; a == nil || a.Status != wire.StatusOK {
			continue
		}
		acked++
		for _, n := range place.Owners(w.ring.PartitionOf(kv[0])) {
			v := w.replicas[n].Value(kv[0], "set")
			require.NotNil(w.t, v, "%q at node %d", kv[0], n)
			set, _ := kind.Get[kind.GrowSet](v)
			require.Contains(w.t, set, kv[1], "write %d, acknowledged, of %q at node %d", req, kv[0], n)
		}
	}
	require.Positive(w.t, acked)
}

// held lists what a replica holds of a partition.
func held(r *kvs.Replica, p ring.Partition) map[string]string {
	out := map[string]string{}
	r.Each(func(of ring.Partition, key, kind string, v kind.Value) {
		if of == p {
			out[kind+" "+key] = string(v.Append(nil))
		}
	})
	return out
}

func each(t *testing.T, seeds int, f func(t *testing.T, seed uint64)) {
	for seed := range uint64(seeds) {
		f(t, seed)
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// TestJoin: a node that joins comes to own some partitions and to hold all of them, and others
// let go of what it has taken over.
func TestJoin(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		w := newTown(t, 3, 8, 2, seed)
		w.lossy = seed%2 == 1
		w.run(2000, 10)
		n := w.join(0)
		w.run(2000, 10)
		w.rest()
		assert.Equal(t, member.In(1, member.Active), w.replicas[n].View().At(ring.NodeID(n)))
		owned, letGo := 0, uint64(0)
		for p := range ring.Partition(8) {
			if w.replicas[n].Placement().Owns(ring.NodeID(n), p) {
				owned++
				assert.True(t, w.replicas[n].Serves(p))
			}
		}
		for i := range 3 {
			letGo += w.replicas[i].Stats().LetGo
		}
		assert.Positive(t, owned)
		assert.Equal(t, uint64(owned), letGo, "each partition that it owns another has let go of")
	})
}

// TestLeave: a node that leaves is gone once others hold what it held, and holds nothing.
func TestLeave(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		w := newTown(t, 4, 8, 2, seed)
		w.lossy = seed%2 == 1
		w.run(2000, 10)
		w.change(1, member.Change{Node: 2, To: member.Leaving})
		w.run(2000, 10)
		w.rest()
		assert.Equal(t, member.In(1, member.Gone), w.replicas[0].View().At(2))
	})
}

// TestReplace: a node whose disk is lost for good is replaced by another one. What two owners
// had acknowledged is held by all owners again.
func TestReplace(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		w := newTown(t, 4, 8, 3, seed)
		w.ack = session.Owners(2)
		w.lossy = seed%2 == 1
		w.run(3000, 10)
		w.dead[2] = true
		w.change(0, member.Change{Node: 2, To: member.Gone})
		n := w.join(int(seed % 2))
		w.run(3000, 10)
		w.rest()
		assert.Equal(t, member.In(1, member.Active), w.replicas[n].View().At(ring.NodeID(n)))
		assert.Equal(t, member.In(1, member.Gone), w.replicas[n].View().At(2))
	})
}

// TestMembersComeAndGo: several changes at once, at nodes that do not know of each other's,
// while messages are lost and nodes crash at any step.
func TestMembersComeAndGo(t *testing.T) {
	restarts := 0
	each(t, 40, func(t *testing.T, seed uint64) {
		w := newTown(t, 4, 8, 2+int(seed%2), seed)
		w.lossy = true
		w.often(seed)
		w.run(1000+w.choose(1000, 0), 10)
		w.join(0)
		w.change(1, member.Change{Node: ring.NodeID(2 + w.choose(2, 0)), To: member.Leaving})
		for range 6 {
			w.run(200+w.choose(400, 0), 10)
			if n := w.choose(len(w.replicas), 0); !w.dead[n] {
				w.crash(n)
			}
		}
		w.run(1000, 10)
		w.join(1)
		for range 4 {
			w.run(200+w.choose(400, 0), 10)
			w.crash(w.choose(len(w.replicas), 0))
		}
		w.rest()
		restarts += w.restarts
	})
	t.Logf("%d restarts were asked for", restarts)
}

// often has some seeds write checkpoints often, or keep values outside of memory.
func (w *town) often(seed uint64) {
	if seed%3 > 0 {
		w.check = 300
	}
	w.keeping = seed%3 == 2
}

// TestNothingIsSaidOfMembersThatStay: while all go by the nodes of their ring, no message and no
// record says a word of them.
func TestNothingIsSaidOfMembersThatStay(t *testing.T) {
	s := newSeats(t, 3, 8, 2)
	s.sent = func(m standMessage) {
		kind, body, err := wire.Open(m.b)
		require.NoError(t, err)
		require.NotEqual(t, wire.MsgMembers, kind)
		if kind == wire.MsgGossip {
			g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(m.b), body)
			require.NoError(t, err)
			require.Zero(t, g.View)
		}
	}
	for i := range 10 {
		s.write(ring.NodeID(1+i%3), s.keyOf(func(p ring.Partition) bool { return int(p) == i%8 }), "e", wire.StatusOK)
		s.some(4)
	}
	s.start(1, false)
	s.some(10)
	for _, n := range s.nodes[1:] {
		assert.NotEmpty(t, n.disk)
		for _, x := range n.disk {
			assert.False(t, wire.IsMembersRecord(x.b))
		}
	}
}
