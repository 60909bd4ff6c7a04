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

// This file has reports of what was deleted and came back, and of what was written and was taken
// away by a delete that had nothing to do with it; PUBLISHED.md lists them.

// deletable are the kinds of which keys can be deleted, each with a write of it.
var deletable = []struct {
	kind string
	arg  []byte
}{{"register", []byte("v")}, {"counter", kind.Amount(5)}, {"addwins", []byte("e")}}

// remove has a node delete a key, in a session of its own, at the time of its clock.
func (g *rig) remove(node int, req uint64, kind, key string) {
	q := del(uint64(100*(node+1))+req, 1, kind, key, nil)
	q.Stamp = g.now<<16 + req
	a := g.ask(node, q)
	require.NotNil(g.t, a)
	require.Equal(g.t, wire.StatusOK, a.Status, a.Detail)
}

// only lets f happen while all but the nodes that are given hear nobody.
func (g *rig) only(f func(), nodes ...int) {
	var others []int
	for n := range g.hosts {
		if !slices.Contains(nodes, n) {
			others = append(others, n)
		}
	}
	g.alone(f, others...)
}

// stranger is the node that owns nothing of the only partition, and owners are the others.
func (g *rig) strangerAndOwners() (stranger int, owners []int) {
	for n := range g.hosts {
		if g.cfg.Ring.Owns(ring.NodeID(n), 0) {
			owners = append(owners, n)
		} else {
			stranger = n
		}
	}
	return stranger, owners
}

// TestHandedOverLate: a node that owns nothing of a key takes a delete of it, or a write, for an
// owner that is down, and goes down itself. The key is deleted and reaped, as far as that may be,
// and written anew. When the node is back, with its disk or after a start, what it hands over
// takes nothing of the new value away, and brings back nothing of the old one. In Riak a fallback
// came back with the old tombstone, in which the counters of the new key's writes lay, since these
// had begun again from nothing: the new value was gone. (basho/riak_kv #1094, #847.)
func TestHandedOverLate(t *testing.T) {
	for _, of := range deletable {
		for _, deletes := range []bool{true, false} { // what the stranger was given
			for _, restarts := range []bool{true, false} {
				g := newRig(t, 4, 1, 3, kvs.Config{LateMS: 100})
				g.keep, g.now = true, 10_000
				far, own := g.strangerAndOwners()
				g.write(own[0], 1, of.kind, "k", of.arg)
				g.ticks(10)
				g.only(func() { // of the owners only the first two are up, and hear nothing of the third
					g.ticks(4)
					if deletes && of.kind == "register" { // other kinds' deletes are served by owners alone
						g.remove(far, 2, of.kind, "k")
					} else {
						g.write(far, 2, of.kind, "k", of.arg)
					}
					g.ticks(6)
				}, own[0], own[1], far)
				g.alone(func() {
					g.ticks(10)
					g.remove(own[0], 3, of.kind, "k")
					g.ticks(200)
					g.write(own[1], 4, of.kind, "k", of.arg)
					g.ticks(10)
				}, far)
				if restarts {
					g.start(far)
				}
				g.ticks(100)
				for _, n := range own {
					a := g.get(n, of.kind, "k")
					assert.True(t, a.Found, "%s at %d, deletes %v, restarts %v", of.kind, n, deletes, restarts)
					if of.kind == "counter" {
						assert.EqualValues(t, 5, g.sum(n, "k"))
					}
				}
				g.forget()
				for _, n := range own {
					assert.True(t, g.get(n, of.kind, "k").Found)
				}
			}
		}
	}
}

// TestHintReplayedLate: an owner takes a write while another one is down, and goes down before it
// has told that. The other one comes back, the key is deleted there, everybody who is up agrees,
// time passes. When the first is back and tells what it had taken, the key stays deleted, and what
// is left of that goes once all have it. In Scylla repair ran without the hint's holder, the
// tombstone was collected, and the hint brought the value back; so did a batch that repair had
// failed to replay. (scylladb/scylladb #23712, #24415.)
func TestHintReplayedLate(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {MaxLog: 1}} {
		for whose := range 4 { // an owner's, or a stranger's
			for _, restarts := range []bool{true, false} {
				cfg.LateMS = 100
				g := newRig(t, 4, 1, 3, cfg)
				g.keep, g.now = true, 10_000
				far, own := g.strangerAndOwners()
				first, other := append(own, far)[whose], own[(whose+1)%3]
				g.only(func() {
					for i := range uint64(3) {
						g.write(first, 1+i, "register", fmt.Sprint("k", i), []byte("v"))
					}
					g.ticks(2)
				}, first)
				g.alone(func() {
					for i := range uint64(3) {
						g.remove(other, 10+i, "register", fmt.Sprint("k", i))
					}
					g.ticks(400)
				}, first)
				if restarts {
					g.start(first)
				}
				g.ticks(40)
				g.forget()
				g.rest()
				for _, n := range own {
					for i := range 3 {
						a := g.get(n, "register", fmt.Sprint("k", i))
						assert.False(t, a.Held(), "k%d at %d, %d was down, restarts %v", i, n, first, restarts)
					}
				}
				assert.Zero(t, g.tombstones())
			}
		}
	}
}

// TestOldOwnerStartsOnItsLog: a key is written at its owner, a new node takes it over, it is
// deleted there, and the first node owns it again when the new one leaves. Then that starts on a
// disk which may still have the first write. It stays deleted. In Scylla the tombstone was
// collected by the new owner, and the log of the old one brought the value back.
// (scylladb/scylladb #14823.)
func TestOldOwnerStartsOnItsLog(t *testing.T) {
	for _, of := range deletable {
		for _, size := range []int{0, 1, 400} {
			for crash := range 3 { // before it gets the key back, as it does, and after that
				s := newSeats(t, 3, 16, 1)
				s.size = size
				for n := range s.nodes[1:] {
					s.start(ring.NodeID(n+1), false)
				}
				s.some(10)
				key, old := s.movesTo(4)
				ask := func(at ring.NodeID, remove bool) {
					s.req++
					q := wire.Request{Client: 100 + s.req, Req: 1, Put: true, Delete: remove, Key: key, Kind: of.kind, Stamp: s.now<<16 + s.req}
					if !remove {
						q.Arg = of.arg
					}
					a := s.stand.ask(at, q)
					require.Equal(t, wire.StatusOK, a.Status, a.Detail)
				}
				ask(old, false)
				s.operate(1, 4, member.Joining)
				s.add(4)
				s.some(60)
				ask(4, true)
				s.some(20)
				s.told = s.nodes[1].r.View()
				if crash == 0 {
					s.start(old, false)
				}
				s.operate(1, 4, member.Leaving)
				if s.some(8); crash == 1 {
					s.start(old, false)
				}
				s.some(100)
				if crash == 2 {
					s.start(old, false)
					s.some(60)
				}
				require.True(t, s.nodes[old].r.Serves(s.ring.PartitionOf(key)))
				a := s.stand.ask(old, wire.Request{Client: 99, Req: 1, Key: key, Kind: of.kind})
				assert.True(t, !a.Found && a.Deleted, "%s, checkpoints of %d, crash %d", of.kind, size, crash)
			}
		}
	}
}

// TestTwoDelete: two nodes delete one key, or both write it anew, and each passes on what it has
// to a third that hears but one of them. All come to the same, and to what was deleted. In
// Corrosion the two did not agree, and a third that had asked one of them for the other's version
// was given nothing, and never deleted the row. (superfly/corrosion #352.)
func TestTwoDelete(t *testing.T) {
	for _, of := range deletable {
		for between := range 3 {
			for _, anew := range []bool{false, true} {
				x := newRoad(t, 3, 1, kvs.Config{}, 0, 1)
				apart := func(from, to int) bool { return from != between && to != between }
				x.rig.write(between, 1, of.kind, "k", of.arg)
				for range 20 {
					x.pass()
				}
				ends := []int{(between + 1) % 3, (between + 2) % 3}
				for i, n := range ends {
					x.remove(n, uint64(2+i), of.kind, "k")
					if anew {
						x.rig.write(n, uint64(4+i), of.kind, "k", of.arg)
					}
				}
				for range 60 {
					x.passWithout(apart)
				}
				want := x.get(0, of.kind, "k")
				want.Value = slices.Clone(want.Value)
				assert.Equal(t, anew, want.Found, of.kind)
				assert.Equal(t, !anew, want.Deleted, of.kind)
				for n := range 3 {
					assert.Equal(t, want.Value, x.get(n, of.kind, "k").Value, "%s at %d", of.kind, n)
				}
			}
		}
	}
}

// TestDeletedWhileItIsSent: keys are deleted at the sender, or at the receiver, while a snapshot is
// on its way that has them, before or behind the place that it has come to. They stay deleted at
// both. In Dragonfly the delete came before the value that was being sent in parts, did nothing,
// and the value came behind it. (dragonflydb/dragonfly #8128.)
func TestDeletedWhileItIsSent(t *testing.T) {
	const keys = 40
	for _, of := range deletable {
		for _, at := range []int{0, 1} { // where it is deleted
			for when := range 12 {
				x := newRoad(t, 2, 1, kvs.Config{BatchBytes: 256, SnapshotBytes: 512, SnapshotPieces: 2}, 0, 1)
				for i := range uint64(keys) {
					x.rig.write(0, i, of.kind, fmt.Sprintf("k%02d", i), of.arg)
					x.pass()
				}
				for range 20 {
					x.pass()
				}
				x.disks[1] = nil
				x.start(1)
				for range when {
					x.pass()
				}
				sees := 0 // what the node has by now, which is all that a delete of some kinds takes away
				var gone []string
				for i := 1; i < keys; i += 6 {
					key := fmt.Sprintf("k%02d", i)
					if of.kind == "register" || x.hosts[at].Core().Knows(key, of.kind) {
						x.remove(at, uint64(100+i), of.kind, key)
						gone, sees = append(gone, key), sees+1
					}
				}
				x.restAndSilence()
				for n := range 2 {
					for _, key := range gone {
						assert.True(t, x.get(n, of.kind, key).Deleted, "%s %s at %d, deleted at %d after %d ticks", of.kind, key, n, at, when)
					}
				}
				require.True(t, sees > 0 || at == 1)
			}
		}
	}
}

// TestDeletedOnDisk: keys are deleted, other things are written so that records of the values, or
// of the deletes, are cut off, and the node starts again, by itself. They stay deleted. In KeyDB a
// key came back that was deleted in the very file that the server was started on; in Bitcask the
// file with the tombstone was merged and the older one with the value was not. (Snapchat/KeyDB #390, #442,
// basho/bitcask #82.)
func TestDeletedOnDisk(t *testing.T) {
	for _, of := range deletable {
		for size := 40; size < 1200; size += 90 {
			for later := range 6 { // records behind the delete
				x := newRoad(t, 3, 1, kvs.Config{CheckpointBytes: size}, 0, 1)
				for i := range uint64(3) {
					x.rig.write(0, i, of.kind, fmt.Sprint("k", i), of.arg)
					x.pass()
				}
				for range 12 {
					x.pass()
				}
				x.remove(0, 10, of.kind, "k1")
				x.pass()
				for i := range uint64(2 * later) {
					x.rig.write(0, 20+i, "set", "other", fmt.Appendf(nil, "%d", i))
					x.pass()
				}
				x.alone(func() {
					for range 2 {
						x.start(0)
						x.pass()
						assert.True(t, x.get(0, of.kind, "k1").Deleted, "%s, checkpoints of %d, %d records later", of.kind, size, 2*later)
						assert.True(t, x.get(0, of.kind, "k0").Found)
					}
				}, 1, 2)
			}
		}
	}
}

// TestRemovedWhereItIsNotSeen: a session has seen an element at one node, and removes it at another
// one that has not got it yet. The removal waits for that, and then takes away what the session
// had seen, and not what was added besides; if it may not wait so long it is refused, and takes
// away nothing, then or later. In Riak's data types a removal that was put off could be dropped
// before it was done, or took a concurrent update of the field away. (basho/riak_dt #99,
// basho/riak_kv #761.)
func TestRemovedWhereItIsNotSeen(t *testing.T) {
	for _, patient := range []bool{true, false} {
		g := newRig(t, 3, 1, 3, kvs.Config{})
		s := &session.Session{Level: session.Causal}
		ask := func(node int, q wire.Request) *wire.Response {
			q.Level, q.Clock = session.Causal, s.Clock()
			q.Deps, q.Proof = s.Past()
			return g.ask(node, q)
		}
		g.alone(func() {
			g.write(0, 1, "addwins", "a", []byte("e"))
			a := ask(0, wire.Request{Client: 7, Req: 1, Key: "a", Kind: "addwins"})
			require.True(t, a != nil && a.Found)
			require.True(t, s.ObserveBoth(a.Deps, a.Own, a.Proof, a.Clock))
		}, 1, 2)
		g.alone(func() {
			q := del(7, 2, "addwins", "a", kind.Element("e"))
			q.Stamp, q.Wait = s.Stamp(g.now), 8
			if patient {
				q.Wait = 100
			}
			require.Nil(t, ask(1, q), "it waits")
			g.write(2, 3, "addwins", "a", []byte("e")) // which the session has not seen
			before := g.answers
			g.alone(func() { g.ticks(20) }, 2)
			assert.Equal(t, !patient, g.answers > before)
			if !patient {
				assert.Equal(t, wire.StatusUnavailable, g.answer.Status)
			}
		}, 0)
		g.alone(func() { g.ticks(20) }, 2)
		if patient {
			assert.Equal(t, wire.StatusOK, g.answer.Status)
		}
		g.ticks(40)
		for n := range 3 {
			v, ok := kind.Get[kind.AddWins](g.hosts[n].Core().Value("a", "addwins"))
			require.True(t, ok)
			left := 0
			for _, w := range v {
				for _, a := range w.Val {
					if !a.Val.First {
						left++
					}
				}
			}
			want := 2
			if patient {
				want = 1
			}
			assert.Equal(t, want, left, "node %d, patient %v", n, patient)
			assert.Equal(t, []string{"e"}, kind.Elements(v), "node %d, patient %v", n, patient)
		}
	}
}

// TestCounterAfterDelete: a counter that was deleted counts on from nothing, as often as it is
// deleted, wherever it is incremented, and after a start. In Scylla increments of a counter that
// had been deleted showed nothing until the table was made anew. (scylladb/scylladb #4781, #3617.)
func TestCounterAfterDelete(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{LateMS: 100})
	g.keep, g.now = true, 10_000
	req := uint64(0)
	for round := range 9 {
		for n := range 3 {
			req++
			g.write(n, req, "counter", "c", kind.Amount(int64(6-n*2)))
			g.ticks(round % 3)
		}
		if g.ticks(10); round%2 == 1 {
			g.start(round % 3)
			g.ticks(20)
		}
		for n := range 3 {
			require.EqualValues(t, 12, g.sum(n, "c"), "node %d, round %d", n, round)
			require.True(t, g.get(n, "counter", "c").Found, "node %d, round %d", n, round)
		}
		req++
		g.remove(round%3, req, "counter", "c")
		g.ticks(10)
		for n := range 3 {
			require.True(t, g.get(n, "counter", "c").Deleted, "node %d, round %d", n, round)
		}
	}
}
