package kvs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// road is a rig whose messages between replicas take a tick, and are lost one in lose
// times; 0 is never. Between two replicas they keep their order.
type road struct {
	*rig
	lose   int
	rand   *rand.Rand
	coming []rigFlight
	before []int // by node: where in its disk the record of token 1 is, or was
	pieces int   // bytes of snapshots sent
	onSend func(from, to int, kind wire.MessageKind, msg []byte)
}

// roadEnv is a rigEnv that sends on the road.
type roadEnv struct {
	*rigEnv
	road *road
}

func (e roadEnv) Send(to ring.NodeID, kind wire.MessageKind, msg []byte) {
	x := e.road
	e.bytes += len(msg)
	e.messages++
	if kind == wire.MsgSnapshot {
		x.pieces += len(msg)
	}
	if x.onSend != nil {
		x.onSend(e.node, int(to), kind, msg)
	}
	if !e.down[to] && (x.lose == 0 || x.rand.IntN(x.lose) > 0) {
		x.coming = append(x.coming, rigFlight{int(to), kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(e.node), Msg: bytes.Clone(msg)}})
	}
}

// Truncate takes the records from the disk.
func (e roadEnv) Truncate(token uint64) {
	cut := e.road.before[e.node] + int(token) - 1
	e.disks[e.node] = e.disks[e.node][cut:]
	e.road.before[e.node] -= cut
}

// start begins a new incarnation of a node on what its disk has.
func (x *road) start(node int) {
	x.before[node] = len(x.disks[node])
	x.rig.start(node)
}

func newRoad(t testing.TB, nodes, partitions int, cfg kvs.Config, lose int, seed uint64) *road {
	x := &road{lose: lose, rand: rand.New(rand.NewPCG(seed, 1))}
	x.rig = newRig(t, nodes, partitions, 3, cfg)
	x.keep, x.before = true, make([]int, nodes)
	x.wrap = func(e *rigEnv) host.Env { return roadEnv{e, x} }
	for n := range nodes {
		x.start(n)
	}
	return x
}

// pass lets a tick pass, at whose begin all arrives that was sent in the one before.
func (x *road) pass() {
	x.queue, x.coming = append(x.queue, x.coming...), x.coming[:0]
	x.run()
	x.tick()
}

// filledRoad is a road on which nodes hold so many values of so many bytes, at rest.
func filledRoad(t testing.TB, values, size int, cfg kvs.Config, lose int, seed uint64) *road {
	x := newRoad(t, 3, 1, cfg, 0, seed)
	for i := range values {
		x.write(uint64(1+i), fmt.Sprintf("k%05d", i), size)
		if i%20 == 0 {
			x.pass()
		}
	}
	for range 100 {
		x.pass()
	}
	for n := range x.hosts {
		require.True(t, x.hosts[n].Core().Quiet())
	}
	x.lose = lose
	return x
}

// write has one of the nodes 0 and 1 write a register.
func (x *road) write(req uint64, key string, size int) {
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(req>>(8*(i%3)) ^ uint64(i))
	}
	q := put(1+req%2, req, "register", key, value)
	q.Stamp = x.now<<16 + req
	require.NotNil(x.t, x.ask(int(req%2), q))
	require.Equal(x.t, wire.StatusOK, x.answer.Status, x.answer.Detail)
}

// BenchmarkSnapshotUnderLoad is what it takes to bring up a replica that has lost its disk,
// while ten writes a tick go on at the others, which hold 0.2 MB in 2,000 values: bytes of
// snapshots for each byte of state, and ticks until the replica has all that there was.
func BenchmarkSnapshotUnderLoad(b *testing.B) {
	for _, c := range []struct {
		batch, lose int
	}{{256 << 10, 0}, {256 << 10, 10}, {4 << 10, 0}, {4 << 10, 10}} {
		b.Run(fmt.Sprintf("batch=%d,lose=%d", c.batch, c.lose), func(b *testing.B) {
			const values, size = 2000, 100
			sent, ticks := 0, 0
			for i := range b.N {
				b.StopTimer()
				x := filledRoad(b, values, size, kvs.Config{BatchBytes: c.batch}, c.lose, uint64(i))
				x.disks[2] = nil
				x.start(2)
				x.pieces = 0
				before := x.hosts[0].Core().Applied(0)
				b.StartTimer()
				req := uint64(values)
				for n := 0; n < 1500; n++ {
					if has := x.hosts[2].Core().Applied(0); len(has) > 0 && covers(has, before) {
						break
					}
					for range 10 {
						req++
						x.write(req, fmt.Sprintf("k%05d", req%values), size)
					}
					x.pass()
					ticks++
				}
				sent += x.pieces
			}
			b.ReportMetric(float64(sent)/float64(b.N)/(values*size), "B/byte")
			b.ReportMetric(float64(ticks)/float64(b.N), "ticks")
		})
	}
}

// covers reports whether all of what is in has.
func covers(has, what causal.Dots) bool {
	for origin, spans := range what {
		for _, s := range spans {
			for seq := s.Lo; seq <= s.Hi; seq++ {
				if !has.Contains(causal.Dot{Origin: origin, Seq: seq}) {
					return false
				}
			}
		}
	}
	return true
}
