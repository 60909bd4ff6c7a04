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
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// This file has reports of nodes that took an identity, a number or a time once more which they
// had given out before; PUBLISHED.md lists them.

// sum is what a node's counter shows.
func (g *rig) sum(node int, key string) int64 {
	v := g.hosts[node].Core().Value(key, "counter")
	if v == nil {
		return 0
	}
	c, ok := kind.Get[kind.Counter](v)
	require.True(g.t, ok)
	n, err := kind.CounterSum(c)
	require.NoError(g.t, err)
	return n
}

// elementsOf is what a node's set shows.
func (g *rig) elementsOf(node int, key string) []string {
	v := g.hosts[node].Core().Value(key, "set")
	if v == nil {
		return nil
	}
	set, ok := kind.Get[kind.GrowSet](v)
	require.True(g.t, ok)
	return set
}

// write has a node take a write of a session of its own.
func (g *rig) write(node int, req uint64, kind, key string, arg []byte) {
	q := put(uint64(100*(node+1))+req, 1, kind, key, arg)
	q.Stamp = g.now<<16 + req
	a := g.ask(node, q)
	require.NotNil(g.t, a)
	require.Equal(g.t, wire.StatusOK, a.Status, a.Detail)
}

// ticks lets so many ticks pass.
func (g *rig) ticks(n int) {
	for range n {
		g.tick()
	}
}

// TestWritesAfterAmnesia: a node has coordinated writes, loses what it had stored (all of it, or
// the last part), and coordinates further ones before it has heard from anybody. All nodes show
// those from before and those from after. In Riak the node numbered anew from where its disk was,
// the others took its new write for an old one, and repaired it away. (basho/riak_kv #679; in
// ssbc/ssb-db #134 a feed began anew at 1 likewise, and none of its new messages was taken.)
func TestWritesAfterAmnesia(t *testing.T) {
	for lost := range 4 { // how many of the node's three writes are lost
		for after := 1; after <= 5; after += 2 { // so many, so that numbers come below, at and beyond those lost
			g := newRig(t, 3, 1, 3, kvs.Config{})
			g.keep = true
			for i := range uint64(3) {
				g.write(0, i, "set", "s", fmt.Appendf(nil, "before%d", i))
				g.ticks(6)
			}
			g.disks[0] = g.disks[0][:3-lost]
			g.start(0)
			g.queue = nil // it hears from nobody yet
			for i := range after {
				g.write(0, uint64(10+i), "set", "s", fmt.Appendf(nil, "after%d", i))
			}
			g.ticks(60)
			for n := range 3 {
				assert.Len(t, g.elementsOf(n, "s"), 3+after, "node %d, %d lost, %d after", n, lost, after)
			}
		}
	}
}

// TestCounterAfterCrash: of two nodes A takes 20 twice, B has both, A crashes before its disk has
// them, starts again and takes more. Both nodes show the sum of all. In Scylla A's share began
// anew under the same name, and of the old share and the new one the greater stood. (scylladb/scylladb
// #2169.)
func TestCounterAfterCrash(t *testing.T) {
	for _, later := range [][]int64{{5}, {5, 50}, {-5, 7, 100}} {
		for _, heard := range []bool{false, true} { // whether B is repaired before A goes on
			g := newRig(t, 2, 1, 2, kvs.Config{})
			g.keep = true
			g.write(0, 1, "counter", "c", kind.Amount(20))
			g.ticks(4)
			g.write(0, 2, "counter", "c", kind.Amount(20))
			g.ticks(4)
			require.EqualValues(t, 40, g.sum(1, "c"))
			g.disks[0] = nil
			g.start(0)
			if g.queue = nil; heard {
				g.ticks(20)
			}
			want := int64(40)
			for i, n := range later {
				want += n
				g.write(0, uint64(3+i), "counter", "c", kind.Amount(n))
				g.ticks(i)
			}
			g.ticks(60)
			for n := range 2 {
				assert.Equal(t, want, g.sum(n, "c"), "node %d, %v later", n, later)
			}
		}
	}
}

// TestCounterComesBack: a counter is moved to another node, and back to the one that has
// incremented it before, which increments it again, before or after it has heard what came of the
// first. All are counted. In Scylla the node began its share anew, which was taken for the one
// that others had. (scylladb/scylladb #27306.)
func TestCounterComesBack(t *testing.T) {
	for wait := range 12 { // rounds from the second move to the second increment
		s := newSeats(t, 3, 16, 1)
		key, old := s.movesTo(4)
		increment := func(at ring.NodeID) {
			s.req++
			a := s.ask(at, wire.Request{Client: 100 + s.req, Req: 1, Put: true, Key: key, Kind: "counter", Arg: kind.Amount(1)})
			require.Equal(t, wire.StatusOK, a.Status, a.Detail)
		}
		increment(old)
		s.operate(1, 4, member.Joining)
		s.add(4)
		s.some(60)
		require.False(t, s.nodes[old].r.Keeps(s.ring.PartitionOf(key)))
		increment(old) // it hands this over
		s.some(10)
		s.told = s.nodes[1].r.View()
		s.operate(1, 4, member.Leaving)
		s.some(wait)
		increment(old)
		s.some(100)
		increment(old)
		s.some(10)
		require.True(t, s.nodes[old].r.Serves(s.ring.PartitionOf(key)))
		assert.EqualValues(t, 4, s.count(old, key), "incremented after %d rounds", wait)
	}
}

// TestNumbersAfterRestart: a process starts again, be it with all that it had written or without
// the last record, which none had heard of. What it writes then is visible everywhere. In
// Antidote operations were numbered from 1 again, and those after a restart were invisible; in
// Syncthing a crash left the last numbers to be given out twice, and peers missed what came
// second. (AntidoteDB/antidote #9, syncthing/syncthing #6335.)
func TestNumbersAfterRestart(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {CheckpointBytes: 1}} {
		for lost := range 2 {
			x := newRoad(t, 3, 1, cfg, 0, 1)
			for i := range uint64(12) {
				x.rig.write(0, 2*i, "set", "s", fmt.Appendf(nil, "%d", 2*i))
				for range 8 {
					x.pass()
				}
				if lost == 1 && cfg.CheckpointBytes == 0 { // taken, and neither told nor kept
					x.alone(func() { x.rig.write(0, 1000+i, "set", "s", []byte("lost")) }, 1, 2)
					x.disks[0] = x.disks[0][:len(x.disks[0])-1]
				}
				x.start(0)
				x.rig.write(0, 2*i+1, "set", "s", fmt.Appendf(nil, "%d", 2*i+1))
			}
			for range 60 {
				x.pass()
			}
			for n := range 3 {
				assert.Len(t, x.elementsOf(n, "s"), 24, "node %d", n)
			}
		}
	}
}

// TestBackupPutBack: a node's data are put back from a backup, after others have got what was
// written to it since. It gets that back from them, and what it writes from then on is not taken
// for what the backup lacks. In the report, what clients had sent after the backup was never sent
// again, since they noted for themselves how far they had come. (medic/cht-core #8093; a feed of
// ssbc/patchwork #1292 forked so.)
func TestBackupPutBack(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {MaxLog: 1}} {
		for node := range 3 { // 2 takes none of the writes itself
			g := newRig(t, 3, 1, 3, cfg)
			g.keep = true
			written := 0
			write := func(n int) {
				written++
				g.write(n, uint64(written), "set", "s", fmt.Appendf(nil, "%02d", written))
				g.ticks(3)
			}
			for i := range 6 {
				write(i % 2)
			}
			backup := slices.Clone(g.disks[node])
			for i := range 6 {
				write(i % 2)
			}
			g.ticks(30)
			g.disks[node] = backup
			g.start(node)
			write(node)
			write(1 - node%2)
			g.ticks(100)
			for n := range 3 {
				assert.Len(t, g.elementsOf(n, "s"), written, "node %d, %d put back", n, node)
			}
		}
	}
}

// TestTimeAfterRestart: a node whose clock had been ahead starts again when that is set right.
// What is written there then is later than all that its disk has, be that in a checkpoint or in
// records behind it. In the reports a logical clock was restored from a snapshot and not from what
// had been written since, or only after peers had been let in. (theinterfold/interfold #1669,
// hashicorp/serf #465.)
func TestTimeAfterRestart(t *testing.T) {
	for _, cfg := range []kvs.Config{{CheckpointBytes: -1}, {CheckpointBytes: 1}, {CheckpointBytes: 700}} {
		for writes := 1; writes < 12; writes++ {
			x := newRoad(t, 2, 1, cfg, 0, 1)
			put := func(node int, req uint64, value string) { // without a stamp, so that the node's clock counts
				q := wire.Request{Client: 7, Req: req, Put: true, Key: "r", Kind: "register", Arg: []byte(value)}
				a := x.ask(node, q)
				require.NotNil(t, a)
				require.Equal(t, wire.StatusOK, a.Status, a.Detail)
			}
			x.now += 60_000
			for i := range writes {
				put(0, uint64(1+i), fmt.Sprint("ahead", i))
				x.pass()
			}
			for range 10 {
				x.pass()
			}
			x.now -= 60_000
			x.start(0)
			x.coming, x.queue = nil, nil
			put(0, 100, "since")
			for range 40 {
				x.pass()
			}
			for n := range 2 {
				assert.Equal(t, "since", x.content(n, "r"), "node %d, %d writes, checkpoints of %d", n, writes, cfg.CheckpointBytes)
			}
		}
	}
}

// TestClockAhead: the clock of one of three hosts is ahead. A session that has seen what was
// written there writes elsewhere, and that write stands, as does what it writes after it. In the
// reports a write that came later in every respect was masked by one from the future until the
// clocks had come that far. (endpointservices/mps3 #37, msupply-foundation/open-msupply #123,
// AntidoteDB/antidote #129.)
func TestClockAhead(t *testing.T) {
	for _, level := range []session.Level{session.Eventual, session.Causal} {
		g := newRig(t, 3, 1, 3, kvs.Config{})
		s := &session.Session{Level: level}
		req := uint64(0)
		write := func(node int, value string) {
			req++
			q := put(7, req, "register", "r", []byte(value))
			q.Level, q.Clock, q.Stamp = level, s.Clock(), s.Stamp(g.now)
			q.Deps, q.Proof = s.Past()
			a := g.ask(node, q)
			require.NotNil(t, a)
			require.Equal(t, wire.StatusOK, a.Status, a.Detail)
			require.True(t, s.ObserveBoth(a.Deps, a.Own, a.Proof, a.Clock))
		}
		write(0, "first")
		g.ticks(6)
		g.now += 50_000 // of the one host, and of a client that writes there
		g.set(2, 500, "r", "ahead")
		g.now -= 50_000
		g.ticks(6)
		q := wire.Request{Client: 7, Req: req, Key: "r", Kind: "register", Level: level, Clock: s.Clock()}
		q.Deps, q.Proof = s.Past()
		a := g.ask(1, q)
		require.NotNil(t, a)
		require.True(t, s.ObserveBoth(a.Deps, a.Own, a.Proof, a.Clock))
		for i := range 3 {
			write(i, fmt.Sprint("later", i))
			g.ticks(6)
			for n := range 3 {
				assert.Equal(t, fmt.Sprint("later", i), g.content(n, "r"), "node %d, level %v", n, level)
			}
		}
	}
}

// TestClockFarAhead: the clock of one host jumps by an hour, it takes a write, and is set right
// again. Nobody follows it, so that what others write meanwhile has the right time and stands
// where they read it; the write is not lost, and is everywhere once clocks have come that far.
// In the report nothing bounded by how much a node follows another one. (NodeDB-Lab/nodedb #264.)
func TestClockFarAhead(t *testing.T) {
	const hour = 3_600_000
	for _, restarts := range []bool{false, true} {
		g := newRig(t, 3, 1, 3, kvs.Config{})
		g.keep, g.now = true, 10*hour
		g.now += hour
		g.write(0, 1, "set", "s", []byte("ahead"))
		g.now -= hour
		g.ticks(40)
		if restarts {
			g.start(0)
			g.ticks(40)
		}
		for i := range uint64(3) {
			g.write(1, 10+i, "set", "s", fmt.Appendf(nil, "%d", i))
			g.ticks(4)
		}
		q := put(900, 1, "register", "r", []byte("v"))
		a := g.ask(2, q)
		require.NotNil(t, a)
		assert.Less(t, a.Clock>>16, g.now+120_000, "nobody follows the clock")
		g.ticks(20)
		for n := 1; n < 3; n++ {
			assert.Len(t, g.elementsOf(n, "s"), 3, "node %d", n)
		}
		assert.Len(t, g.elementsOf(0, "s"), 4)
		g.now += hour
		g.ticks(60)
		for n := range 3 {
			assert.Len(t, g.elementsOf(n, "s"), 4, "node %d, restarts %v", n, restarts)
		}
	}
}

// TestIdentitiesDiffer: two incarnations that are given one identity are found out where that can
// be told, before anything is written under it twice. In Riak two parts of one node that started
// in the same moment drew the same one, and writes that either coordinated were taken for the
// other's. (basho/riak_kv #1027, #1865.)
func TestIdentitiesDiffer(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	g.keep = true
	g.write(1, 1, "set", "s", []byte("e"))
	g.ticks(6)
	disk := make([][]byte, 0, len(g.disks[0]))
	for _, rec := range g.disks[0] {
		disk = append(disk, bytes.Clone(rec))
	}
	cfg := g.cfg
	cfg.Self, cfg.Origin = 0, g.hosts[1].Core().Origin() // that of a write which the disk has
	_, err := kvs.New(cfg, disk)
	assert.ErrorIs(t, err, kvs.ErrOriginUsed)
}
