package kvs_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// keysOf is a key of each partition.
func keysOf(r *ring.Ring) []string {
	keys := make([]string, r.Partitions())
	for i, left := 0, len(keys); left > 0; i++ {
		k := fmt.Sprintf("k%d", i)
		if p := r.PartitionOf(k); keys[p] == "" {
			keys[p] = k
			left--
		}
	}
	return keys
}

// causal has a session do a request, and take in the answer.
func (g *rig) causal(s *session.Session, node int, q wire.Request) *wire.Response {
	q.Level, q.Clock, q.Wait = session.Causal, s.Clock(), 100
	q.Deps, q.Proof = s.Past()
	a := g.ask(node, q)
	if a != nil && a.Status == wire.StatusOK {
		require.True(g.t, s.ObserveBoth(a.Deps, nil, a.Proof, a.Clock))
	}
	return a
}

// roamed is a rig in which a session has written at every node to every partition, and
// what it has seen has been cut.
func roamed(t testing.TB, partitions int) (*rig, *session.Session, []string, uint64) {
	g := newRig(t, 3, partitions, 3, kvs.Config{})
	s, keys, req := g.roam()
	return g, s, keys, req
}

// roam has a session write at every node to every partition, and the nodes cut what it has
// seen.
func (g *rig) roam() (*session.Session, []string, uint64) {
	t, keys := g.t, keysOf(g.cfg.Ring)
	s := &session.Session{Level: session.Causal}
	req := uint64(0)
	for node := range 3 {
		for _, k := range keys {
			req++
			require.NotNil(t, g.causal(s, node, put(7, req, "set", k, []byte{byte(node)})))
		}
		for range 3 {
			g.tick()
		}
	}
	for range 40 {
		g.tick()
	}
	return s, keys, req
}

// BenchmarkPartitions is what a write of one byte costs in a session that has written to
// so many partitions at each of three nodes, with its gossip: one is made every fourth
// tick.
func BenchmarkPartitions(b *testing.B) {
	for _, partitions := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprint(partitions), func(b *testing.B) {
			g, s, keys, req := roamed(b, partitions)
			g.bytes = 0
			asked := 0
			b.ResetTimer()
			b.ReportAllocs()
			for i := range b.N {
				req++
				past, _ := s.Past()
				asked += len(past.Append(nil))
				g.causal(s, i%3, put(7, req, "set", keys[i%len(keys)], []byte("x")))
				for range 4 {
					g.tick()
				}
			}
			b.ReportMetric(float64(g.bytes)/float64(b.N), "B/write-between")
			b.ReportMetric(float64(asked)/float64(b.N), "B/past")
		})
	}
}

// TestPastsAreCut: a session that has seen 64 partitions, each written at three nodes,
// carries no mark for each, nor does what it writes; and every node serves it.
func TestPastsAreCut(t *testing.T) {
	g, s, keys, req := roamed(t, 64)
	for node := range 3 {
		for i := range 4 {
			req++
			a := g.causal(s, node, wire.Request{Client: 7, Req: req, Kind: "set", Key: keys[i]})
			require.NotNil(t, a)
			require.Equal(t, wire.StatusOK, a.Status)
			assert.True(t, a.Found)
		}
	}
	past, _ := s.Past()
	assert.LessOrEqual(t, len(past), 32)
	for range 40 {
		g.tick() // a node may have wanted a cut
	}
	g.bytes = 0
	require.NotNil(t, g.causal(s, 0, put(7, req+1, "set", keys[0], []byte("x"))))
	for range 8 {
		g.tick()
	}
	assert.Less(t, g.bytes, 600)
	assert.True(t, g.hosts[0].Core().Quiet(), "and no cut is made where none is wanted")
}

// TestBarriersNameTheirPartition: what a cut stands for in a partition is named as marks
// of that partition, which peers hold back a barrier for.
func TestBarriersNameTheirPartition(t *testing.T) {
	g := newRig(t, 3, 64, 3, kvs.Config{})
	g.keep = true
	g.roam()
	barriers := 0
	for node := range g.disks {
		g.barriers(node, func(p ring.Partition, e gossip.Entry) {
			barriers++
			assert.NotEmpty(t, e.Deps, "each partition was written since the cut before")
			for _, m := range e.Deps {
				assert.Equal(t, p, m.Partition)
			}
		})
	}
	assert.GreaterOrEqual(t, barriers, 64)
}

// barriers calls visit with those on the disk of a node, in their order.
func (g *rig) barriers(node int, visit func(p ring.Partition, e gossip.Entry)) {
	for _, rec := range g.disks[node] {
		if wire.IsCheckpoint(rec) || wire.IsPiece(rec) {
			continue
		}
		p, entries, err := new(wire.DecodeBuffer).Record(rec)
		require.NoError(g.t, err)
		for _, e := range entries {
			if e.Kind == "" {
				visit(p, e)
			}
		}
	}
}

// TestBarriersNameWhatIsNew: a barrier names nothing that the one before it of its maker has
// named, so that what a cut costs goes by what was written since.
func TestBarriersNameWhatIsNew(t *testing.T) {
	g := newRig(t, 3, 64, 3, kvs.Config{})
	g.keep = true
	s, keys, req := g.roam()
	for range 3 {
		for _, k := range keys {
			req++
			require.NotNil(t, g.causal(s, 0, put(7, req, "set", k, []byte("new"))))
		}
		for range 40 {
			g.tick()
		}
	}
	type maker struct {
		p      ring.Partition
		origin uint64
	}
	named, later := make(map[maker]map[uint64]uint64), 0
	g.barriers(0, func(p ring.Partition, e gossip.Entry) {
		by := maker{p, e.Dot.Origin}
		if named[by] == nil {
			named[by] = make(map[uint64]uint64)
		} else {
			later++
		}
		for _, m := range e.Deps {
			assert.Greater(t, m.Seq, named[by][m.Origin], "partition %d: barrier %v names %v again", p, e.Dot, m)
			named[by][m.Origin] = m.Seq
		}
	})
	assert.Positive(t, later, "makers have cut twice")
}

// TestCutWaitsForEveryOwner: as long as one owner lacks the barriers of a cut, no session
// is told of it: it would wait at that owner, and for ever if the barriers were lost.
func TestCutWaitsForEveryOwner(t *testing.T) {
	g := newRig(t, 3, 64, 3, kvs.Config{})
	keys := keysOf(g.cfg.Ring)
	s := &session.Session{Level: session.Causal}
	req := uint64(0)
	write := func(node int) int {
		for _, k := range keys {
			req++
			require.NotNil(t, g.causal(s, node, put(7, req, "set", k, []byte{byte(req)})))
		}
		for range 60 {
			g.tick()
		}
		req++
		require.NotNil(t, g.causal(s, node, wire.Request{Client: 7, Req: req, Kind: "set", Key: keys[0]}))
		past, _ := s.Past()
		return len(past)
	}
	g.down[2] = true
	for range 3 {
		assert.GreaterOrEqual(t, write(0), len(keys), "nothing stands for what node 2 lacks")
	}
	g.down[2] = false
	for range 100 {
		g.tick()
	}
	write(0)
	assert.LessOrEqual(t, write(0), 32, "a cut does")
}

// TestCutIsNotBelieved: where a cut stands for what a session has seen, a replica that
// has lost all of it lets the session wait, and serves it once it has been brought up. A
// node that does not own a partition cuts nothing of it.
func TestCutIsNotBelieved(t *testing.T) {
	g, s, keys, req := roamed(t, 64)
	for range 2 { // the first read has the node want a cut
		req++
		require.NotNil(t, g.causal(s, 1, wire.Request{Client: 7, Req: req, Kind: "set", Key: keys[0]}))
		for range 40 {
			g.tick()
		}
	}
	past, _ := s.Past()
	at := slices.IndexFunc(keys, func(k string) bool { return past.Row(g.cfg.Ring.PartitionOf(k)) == nil })
	require.GreaterOrEqual(t, at, 0, "else a mark is what it waits for")
	g.disks[2] = nil
	g.start(2)
	req++
	q := wire.Request{Client: 7, Req: req, Kind: "set", Key: keys[at]}
	q.Level, q.Clock, q.Wait = session.Causal, s.Clock(), 100
	q.Deps, q.Proof = s.Past()
	before := g.answers
	require.NoError(t, g.hosts[2].Do(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: q.Encode()}))
	require.Equal(t, before, g.answers, "it waits")
	g.run()
	for range 20 {
		g.tick()
	}
	require.Equal(t, before+1, g.answers)
	require.Equal(t, wire.StatusOK, g.answer.Status)
	v, err := mustKind(t, "set").Decode(g.answer.Value)
	require.NoError(t, err)
	set, _ := kind.Get[kind.GrowSet](v)
	assert.Len(t, set, 3)
}

// pasts are what sessions depend on, mark by mark, beside what they carry.
type pasts struct {
	of      map[uint64]session.Matrix // by client
	written map[string]session.Matrix // by element: its dot, and what it depends on
}

// TestCutsKeepCausality: through losses, crashes, and disks that are lost, with cuts
// wherever they are possible, a causal read is answered only where all is applied that a
// plain account of the session says that it depends on.
func TestCutsKeepCausality(t *testing.T) {
	cuts, answered, relied := 0, 0, 0
	for seed := range uint64(60) {
		c := newCluster(t, 3+int(seed%3), 4, 3, seed)
		c.cfg = func(cfg *kvs.Config) { cfg.MaxPast = 1 + int(seed%2); cfg.MaxKnown = 1 }
		if seed%5 == 1 {
			c.batch = 32 // where a barrier could keep back what it waits for
		}
		for n := range c.replicas {
			c.lose(n, 0)
		}
		plain := pasts{map[uint64]session.Matrix{}, map[string]session.Matrix{}}
		c.onAccept = func(client uint64, p ring.Partition, origin, seq uint64, element string) {
			m := plain.of[client].Clone()
			m.MergeIn([]session.Mark{{Partition: p, Origin: origin, Seq: seq}})
			plain.written[element] = m
		}
		sessions := make([]session.Session, 3)
		pending := make([]string, 3)
		c.onRespond = func(node int, a *wire.Response) {
			if a.Client < 1 || a.Client > 3 || a.Status != wire.StatusOK || pending[a.Client-1] == "" || !a.Found {
				return
			}
			applied := c.replicas[node].Applied(a.Partition)
			row := plain.of[a.Client].Row(a.Partition)
			for _, m := range row {
				spans := applied[m.Origin]
				require.True(t, len(spans) > 0 && spans[0].Lo == 1 && spans[0].Hi >= m.Seq, "seed %d: node %d answers without %v", seed, node, m)
			}
			answered++
			if m := a.Deps; len(m) > 0 && m[len(m)-1].Partition >= session.Cuts {
				cuts++
				if len(row) > 0 && len(m.Row(a.Partition)) == 0 {
					relied++
				}
			}
		}
		c.lossy = seed%4 > 0
		for round := range uint64(24) {
			for i := range sessions {
				s, client := &sessions[i], uint64(i+1)
				if round == 0 {
					s.Reset(session.Causal)
				}
				req := round + 1
				key := fmt.Sprintf("k%d", c.choose(6, 0))
				q := wire.Request{Client: client, Req: req, Kind: "set", Key: key, Level: session.Causal, Wait: 30, Clock: s.Clock()}
				if q.Put = c.choose(2, 0) == 0; q.Put {
					q.Arg = fmt.Appendf(nil, "%d.%d", client, req)
				}
				q.Deps, q.Proof = s.Past()
				pending[i] = "read"
				if q.Put {
					pending[i] = "put"
				}
				node := c.choose(len(c.replicas), 0)
				if !q.Put {
					owners := c.ring.Owners(c.ring.PartitionOf(key))
					node = int(owners[c.choose(len(owners), 0)])
				}
				c.ask(node, q)
				for range 150 {
					if c.answers[client][req] != nil {
						break
					}
					c.step()
				}
				a := c.answers[client][req]
				pending[i] = ""
				if a == nil || a.Status != wire.StatusOK {
					continue
				}
				require.True(t, s.ObserveBoth(a.Deps, nil, a.Proof, a.Clock))
				m := plain.of[client]
				if q.Put {
					m.MergeIn([]session.Mark{{Partition: a.Partition, Origin: a.Dot.Origin, Seq: a.Dot.Seq}})
				} else if a.Found {
					v, err := mustKind(t, "set").Decode(a.Value)
					require.NoError(t, err)
					set, _ := kind.Get[kind.GrowSet](v)
					for _, e := range set {
						m.MergeIn(plain.written[e])
					}
				}
				plain.of[client] = m
			}
			if seed%3 > 0 && round%6 == 5 {
				c.lose(c.choose(len(c.replicas), 0), c.choose(200, 0))
			}
		}
		maps.DeleteFunc(c.answers, func(uint64, map[uint64]*wire.Response) bool { return true })
		c.onRespond = nil
		c.settle()
		c.agree()
	}
	t.Logf("%d causal reads answered, %d of sessions with a cut, %d where a cut stood for what the read depended on", answered, cuts, relied)
	assert.Greater(t, answered, 500)
	assert.Greater(t, relied, 100)
}
