package kvs_test

import (
	"bytes"
	"fmt"
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

// This file has reports of synchronisation that lost count of what had come, or did not go on;
// PUBLISHED.md lists them.

// restAndSilence lets ticks pass until all nodes are quiet, and holds them to saying nothing from then on.
func (x *road) restAndSilence() {
	for range 1500 {
		x.pass()
		quiet := len(x.coming) == 0
		for n := range x.hosts {
			quiet = quiet && (x.down[n] || x.hosts[n].Core().Quiet())
		}
		if quiet {
			break
		}
	}
	for range 40 {
		x.pass()
	}
	said := x.messages
	for range 60 {
		x.pass()
	}
	require.Equal(x.t, said, x.messages, "all has come, and nodes go on to talk")
}

// thinned is a gossip message without the entries that are left out.
func thinned(t *testing.T, msg []byte, leave func(e *gossip.Entry) bool) []byte {
	_, body, err := wire.Open(msg)
	require.NoError(t, err)
	g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(msg), body)
	require.NoError(t, err)
	for i := range g.Items {
		var keep []gossip.Entry
		for j := range g.Items[i].Entries {
			if e := &g.Items[i].Entries[j]; !leave(e) {
				keep = append(keep, *e)
			}
		}
		g.Items[i].Entries = keep
	}
	return wire.AppendGossip(nil, g.From, g.Origin, g.Items)
}

// TestGapStays: of five writes of a node some come to another one, which starts again and then
// gets the others, whichever they are, be the rest in a checkpoint or in its log. In Corrosion a
// start took the greatest version that was named beside a gap for one that had come; in Akka a
// delta behind a lost one was taken to have that in it. (superfly/corrosion #331, akka/akka-core
// #22331.)
func TestGapStays(t *testing.T) {
	for _, size := range []int{-1, 1} {
		for come := range 1 << 5 {
			for _, restarts := range []bool{true, false} {
				s := newStand(t, 2, 1, 2, func(c *kvs.Config) { c.CheckpointBytes = size })
				s.rounds(2)
				var seqs []uint64
				for i := range uint64(5) {
					a := s.ask(1, wire.Request{Client: 7, Req: 1 + i, Put: true, Key: "s", Kind: "set", Arg: []byte{'a' + byte(i)}})
					seqs = append(seqs, a.Dot.Seq)
				}
				s.now += 20
				s.tick(1)
				require.NotEmpty(t, s.queue)
				for i := range s.queue {
					s.queue[i].b = thinned(t, s.queue[i].b, func(e *gossip.Entry) bool { return come>>(e.Dot.Seq-seqs[0])&1 == 0 })
				}
				s.deliver()
				s.queue = nil
				if restarts {
					s.start(2, false)
					s.queue = nil
				}
				s.rounds(30)
				v := s.nodes[2].r.Value("s", "set")
				require.NotNil(t, v)
				set, _ := kind.Get[kind.GrowSet](v)
				assert.Len(t, set, 5, "%05b came, restarts %v, checkpoints of %d", come, restarts, size)
			}
		}
	}
}

// TestKilledWhileItSynchronises: a node that is brought up by a snapshot is killed in the midst of
// that, and starts again, with what of its disk there is or on an empty one; or the one that
// sends does. It gets all, and all come to rest. In etcd's raft the leader waited for good for
// word of a snapshot whose receiver had died; in Hashicorp's a follower that was far behind was
// sent the same one again and again. (etcd-io/etcd #10225, dgraph-io/dgraph #2707, hashicorp/raft #212.)
func TestKilledWhileItSynchronises(t *testing.T) {
	cfg := kvs.Config{BatchBytes: 512, SnapshotBytes: 1 << 10, SnapshotPieces: 2}
	for _, empty := range []bool{true, false} {
		for _, victim := range []int{2, 0} {
			for at := range 16 {
				x := filledRoad(t, 60, 100, cfg, 0, 1)
				x.disks[2] = nil
				x.start(2)
				for range at {
					x.pass()
				}
				if empty && victim == 2 {
					x.disks[2] = nil
				}
				x.alone(func() { // what is on its way to it is lost, and what is sent to it while it is down
					x.coming = slices.DeleteFunc(x.coming, func(f rigFlight) bool { return f.to == victim })
					for range 3 {
						x.pass()
					}
				}, victim)
				x.start(victim)
				x.restAndSilence()
				want := holdings(x.hosts[1].Core())
				require.Len(t, want, 60)
				require.Equal(t, want, holdings(x.hosts[2].Core()), "%d killed after %d ticks", victim, at)
			}
		}
	}
}

// TestLosesAllWhileOthersAreIdle: a node loses all that it had while others believe that it has
// it, and nobody writes. It gets all again, without a write, and then all are silent. In Automerge
// the two went on to exchange messages for ever; CouchDB's replicator did not notice that its
// target had been created anew; libSQL asked for frames behind those that its server had.
// (automerge/automerge-classic #364, apache/couchdb #3897, tursodatabase/libsql #1838.)
func TestLosesAllWhileOthersAreIdle(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {MaxKnown: 1}, {CheckpointBytes: 300}} {
		for times := 1; times < 4; times++ {
			x := filledRoad(t, 20, 10, cfg, 0, 1)
			for range times {
				x.disks[1] = nil
				x.start(1)
				x.restAndSilence()
			}
			want := holdings(x.hosts[0].Core())
			require.Len(t, want, 20)
			for n := range 3 {
				assert.Equal(t, want, holdings(x.hosts[n].Core()), "node %d", n)
			}
		}
	}
}

// TestOneMessageLost: two nodes that have written apart meet, and one message between them is
// lost, or two in a row are, whichever. Both have all in the end, and are silent. In Automerge a
// message that was lost had the two ask and answer without end, as each took what it had sent for
// received. (automerge/automerge #1284, automerge/automerge-repo #206.)
func TestOneMessageLost(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {MaxLog: 1}} {
		for _, many := range []int{1, 2, 5} {
			for at := range 24 {
				x := newRoad(t, 2, 1, cfg, 0, 1)
				for n := range 2 {
					x.alone(func() {
						for i := range uint64(3) {
							x.rig.write(n, i, "set", "s", fmt.Appendf(nil, "%d of %d", i, n))
							x.pass()
						}
					}, 1-n)
				}
				sent := 0
				for range 60 {
					x.passWithout(func(int, int) bool {
						sent++
						return sent > at && sent <= at+many
					})
				}
				x.restAndSilence()
				for n := range 2 {
					require.Len(t, x.elementsOf(n, "s"), 6, "node %d, %d lost from %d on", n, many, at)
				}
			}
		}
	}
}

// TestStoppedWhileOthersWrite: one of three is stopped, another one increments, and the first is
// started. It has the increment, without another one, whoever else runs by then. In Antidote it
// never caught up, and put off for ever what came later. (AntidoteDB/antidote #420.)
func TestStoppedWhileOthersWrite(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {MaxLog: 1}, {CheckpointBytes: 1}} {
		for writes := 1; writes <= 4; writes++ {
			for _, alone := range []bool{false, true} { // the one that has written starts again too, and no other runs
				x := newRoad(t, 3, 1, cfg, 0, 1)
				for n := range 3 {
					x.rig.write(n, 1, "counter", "c", kind.Amount(1))
					x.pass()
				}
				for range 20 {
					x.pass()
				}
				x.alone(func() {
					for i := range writes {
						x.rig.write(0, uint64(2+i), "counter", "c", kind.Amount(1))
						x.pass()
					}
					for range 30 {
						x.pass()
					}
				}, 1)
				if x.start(1); alone {
					x.down[2] = true
					x.start(0)
				}
				for range 60 {
					x.pass()
				}
				x.rig.write(0, 100, "counter", "c", kind.Amount(1))
				for range 20 {
					x.pass()
				}
				for n := range 2 {
					assert.EqualValues(t, 4+writes, x.sum(n, "c"), "node %d", n)
				}
			}
		}
	}
}

// TestKnownAfterBoot: what a node holds it knows after a start as it did before, be it that it
// came as deltas or as a snapshot; nothing of it is sent again, and nobody repairs what is whole.
// In Corrosion what had been put together from buffered parts was not entered in the books, and
// was not known on boot; Riak's anti-entropy went on to repair keys that did not differ, and did
// so after each restart. (superfly/corrosion #2, basho/riak_kv #473, basho/yokozuna #248.)
func TestKnownAfterBoot(t *testing.T) {
	for _, cfg := range []kvs.Config{{CheckpointBytes: -1}, {CheckpointBytes: 300}, {MaxLog: 1}} {
		for _, snapshot := range []bool{false, true} {
			x := filledRoad(t, 30, 10, cfg, 0, 1)
			if snapshot {
				x.disks[1] = nil
				x.start(1)
				x.restAndSilence()
			}
			for n := range 3 {
				had := x.hosts[n].Core().Applied(0)
				x.start(n)
				require.Equal(t, had, x.hosts[n].Core().Applied(0), "node %d", n)
				require.Equal(t, holdings(x.hosts[0].Core()), holdings(x.hosts[n].Core()), "node %d", n)
			}
			pieces := x.pieces
			x.restAndSilence()
			assert.Equal(t, pieces, x.pieces, "no snapshot is sent")
			for n := range 3 {
				assert.Zero(t, x.stats(n).Duplicates, "node %d is sent what it has", n)
			}
		}
	}
}

// TestPositionsAreOfOneLife: nodes tell each other what has changed since a position in what they
// hold. One starts again, and its positions begin anew, with more, as much or less than before;
// what is written then reaches all. In Dragonfly a replica went on from the position that it had
// with the last master, which was none of the new one's, and nothing was sent; Electric's server
// gave others after a restart, and refused clients that named the ones from before.
// (dragonflydb/dragonfly #5727, electric-sql/electric #2624.)
func TestPositionsAreOfOneLife(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for again := range 3 {
			x := newRoad(t, 3, 1, kvs.Config{MaxKnown: 1}, 0, 1)
			want := 0
			write := func(n int) {
				want++
				x.rig.write(n, uint64(want), "set", "s", fmt.Appendf(nil, "%02d", want))
				for range 4 {
					x.pass()
				}
			}
			for range 3 { // so that there are many incarnations that have written, and digests are parts
				for n := range 3 {
					write(n)
					x.start(n)
				}
			}
			for range 40 {
				x.pass()
			}
			if lost {
				x.disks[again] = nil
			}
			x.start(again)
			x.coming, x.queue = nil, nil
			for n := range 3 {
				write(n)
			}
			x.restAndSilence()
			for n := range 3 {
				assert.Len(t, x.elementsOf(n, "s"), want, "node %d, %d started again", n, again)
			}
		}
	}
}

// TestConflictsArePassedOn: two nodes that do not hear each other write to one key, and a third
// passes on what it hears from either. All that stand beside each other come to all nodes, also
// those that are not the last ones of the key. In PouchDB a revision that did not win was not
// among what is passed on. (apache/pouchdb #3136.)
func TestConflictsArePassedOn(t *testing.T) {
	for between := range 3 {
		for writes := 1; writes <= 3; writes++ {
			x := newRoad(t, 3, 1, kvs.Config{}, 0, 1)
			apart := func(from, to int) bool { return from != between && to != between }
			for i := range uint64(writes) {
				for n := range 3 {
					if n != between {
						x.rig.write(n, 1+i, "addwins", "m", fmt.Appendf(nil, "%d of %d", i, n))
						x.rig.write(n, 20+i, "set", "s", fmt.Appendf(nil, "%d of %d", i, n))
					}
				}
			}
			for range 60 {
				x.passWithout(apart)
			}
			for n := range 3 {
				v, ok := kind.Get[kind.AddWins](x.hosts[n].Core().Value("m", "addwins"))
				require.True(t, ok)
				assert.Len(t, kind.Elements(v), 2*writes, "node %d, %d between", n, between)
				assert.Len(t, x.elementsOf(n, "s"), 2*writes, "node %d, %d between", n, between)
			}
		}
	}
}

// TestStoppedBeforeItIsWritten: a node has been sent writes, and is stopped before its disk has
// them, after it has spoken with the sender, of which the disk is lost then. A write of which two
// disks were asked for is there, if that was answered; and where the sender's disk is whole all are.
// In PouchDB the checkpoint of a replication was ahead of what had been written, and what lay
// between was never replicated if it was broken off there. (apache/pouchdb #1240.)
func TestStoppedBeforeItIsWritten(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for durable := range 4 { // of the records that the node has been given
			s := newStand(t, 2, 1, 2, nil)
			s.rounds(4)
			n := s.nodes[2]
			s.ask(2, wire.Request{Client: 8, Req: 1, Put: true, Key: "s", Kind: "set", Arg: []byte("own")}) // of which it tells
			n.slow, s.queue = true, nil
			for i := range uint64(3) {
				q := wire.Request{Client: 7, Req: 1 + i, Put: true, Key: "s", Kind: "set", Arg: []byte{'a' + byte(i)}, Ack: session.Owners(2), Wait: 1000}
				s.take(1, s.nodes[1].r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}))
				s.rounds(1)
			}
			s.rounds(3)
			for range min(durable, len(n.pending)) {
				s.flush(2)
			}
			s.rounds(3)
			answered := len(s.nodes[1].answers)
			require.LessOrEqual(t, answered, durable, "answered, and not on two disks")
			if s.queue = nil; lost {
				s.nodes[1].disk = nil
				s.start(1, false)
				s.queue = nil
			}
			s.start(2, false)
			n.slow = false
			s.deliver()
			s.rounds(60)
			for id := 1; id <= 2; id++ {
				set, _ := kind.Get[kind.GrowSet](s.nodes[id].r.Value("s", "set"))
				if assert.GreaterOrEqual(t, len(set), 1+answered, "%d durable", durable); !lost {
					assert.Len(t, set, 4, "%d durable", durable)
				}
			}
		}
	}
}

// TestMoreThanAMessageMayHave: what a node lacks is several times what a message may have, and it
// gets all of it, as deltas and as a snapshot, in messages of which none is too large. In the
// reports everything was put into one message, which was refused, and made and sent once more.
// (akka/akka-core #28463, FeatureBaseDB/featurebase #914, p2panda/p2panda #628.)
func TestMoreThanAMessageMayHave(t *testing.T) {
	for _, c := range []struct {
		partitions int
		cfg        kvs.Config
	}{{64, kvs.Config{MaxLogBytes: 1 << 30}}, {1, kvs.Config{MaxLogBytes: 1 << 30}}, {1, kvs.Config{MaxLog: 1}}} {
		x := newRoad(t, 2, c.partitions, c.cfg, 0, 1)
		largest := 0
		x.onSend = func(_, _ int, _ wire.MessageKind, msg []byte) { largest = max(largest, len(msg)) }
		const values, size = 12, 1 << 20
		x.alone(func() {
			for i := range uint64(values) {
				x.rig.write(0, i, "register", fmt.Sprint("k", i), bytes.Repeat([]byte{byte(i)}, size))
			}
			x.pass()
		}, 1)
		for range 400 {
			if x.pass(); len(holdings(x.hosts[1].Core())) == values {
				break
			}
		}
		assert.Len(t, holdings(x.hosts[1].Core()), values)
		assert.LessOrEqual(t, largest, wire.MaxMessage)
		assert.Greater(t, largest, 64<<10)
	}
	big := make([]wire.Item, 2)
	for i := range big {
		big[i] = wire.Item{Partition: ring.Partition(i), Entries: []gossip.Entry{{Key: "k", Kind: "register", Delta: make([]byte, wire.MaxMessage*2/3)}}}
	}
	_, _, err := wire.Open(wire.AppendGossip(nil, 1, 1, big))
	require.ErrorIs(t, err, wire.ErrMessage, "else nothing is tested")
}
