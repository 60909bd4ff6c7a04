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
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// offer is the message in which an incarnation of peer offers a snapshot of p, and says that it
// holds known.
func offer(peer ring.NodeID, origin uint64, p ring.Partition, known gossip.Dots) []byte {
	return wire.AppendGossip(nil, peer, origin, []wire.Item{{Partition: p, Offer: true, Digest: gossip.Digest{Known: known}}})
}

// invented are dots that nobody has.
var invented = gossip.Dots{{Origin: 77, Lo: 1, Hi: 1}}

// asks are the asks among effects, with the incarnation that asks.
func asks(t testing.TB, out []kvs.Effect) (found []wire.Ask, asker uint64) {
	t.Helper()
	for _, e := range out {
		if e.Kind != kvs.EffectSend || e.Sends != wire.MsgGossip {
			continue
		}
		_, body, err := wire.Open(e.Msg)
		require.NoError(t, err)
		g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(e.Msg), body)
		require.NoError(t, err)
		for _, it := range g.Items {
			if it.Ask != nil {
				found, asker = append(found, *it.Ask), g.Origin
			}
		}
	}
	return found, asker
}

// askOf has r ask node 1 for a snapshot of p, which its incarnation offers, and is said to
// hold known.
func askOf(t testing.TB, r *kvs.Replica, origin uint64, p ring.Partition, known gossip.Dots, now uint64) (a wire.Ask, asker uint64) {
	t.Helper()
	found, asker := asks(t, r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: now, Msg: offer(1, origin, p, known)}))
	require.Len(t, found, 1)
	return found[0], asker
}

// pieces are the messages in which sender, which is node 1, answers r, which is node 0 and
// asks it for a snapshot of p.
func pieces(t testing.TB, r, sender *kvs.Replica, p ring.Partition, now uint64) [][]byte {
	t.Helper()
	known := sender.Held(p)
	known.MergeIn(invented)
	a, asker := askOf(t, r, sender.Origin(), p, known, now)
	return sender.Serve(p, 0, asker, a)
}

// all asks for all of a snapshot.
var all = wire.Ask{Number: 1, Pieces: wire.MaxPieces, Bytes: 1 << 30}

// recordsOf are the records in which a replica that takes these pieces in persists them.
func recordsOf(t testing.TB, messages [][]byte) (records [][]byte) {
	t.Helper()
	for at, msg := range messages {
		_, body, err := wire.Open(msg)
		require.NoError(t, err)
		_, _, encoded, err := new(wire.DecodeBuffer).Snapshot(body)
		require.NoError(t, err)
		s := wire.StoredPiece{Begun: 9, Number: 1, At: uint32(at), Encoded: encoded}
		records = append(records, s.Append(nil))
	}
	return records
}

// pieceOf reads a message that has one.
func pieceOf(t testing.TB, msg []byte) wire.Piece {
	t.Helper()
	_, body, err := wire.Open(msg)
	require.NoError(t, err)
	_, x, _, err := new(wire.DecodeBuffer).Snapshot(bytes.Clone(body))
	require.NoError(t, err)
	return x
}

// TestSnapshotWindow: of a snapshot no more than the window of the sender, or of the
// receiver, is on its way at a time, be it counted in pieces or in bytes, with losses or
// without; but a value alone may be larger, and come in parts.
func TestSnapshotWindow(t *testing.T) {
	for _, c := range []struct {
		name          string
		pieces, bytes int
		values, size  int
	}{
		{"pieces", 3, 0, 200, 100}, {"one", 1, 0, 100, 100}, {"bytes", 0, 5000, 200, 100}, {"large values", 0, 500, 5, 1500},
	} {
		for _, whose := range []string{"sender", "receiver"} {
			for _, lose := range []int{0, 8} {
				t.Run(fmt.Sprintf("%s of the %s, lose %d", c.name, whose, lose), func(t *testing.T) {
					narrow := kvs.Config{BatchBytes: 1000, SnapshotPieces: c.pieces, SnapshotBytes: c.bytes}
					wide := kvs.Config{BatchBytes: 1000}
					x := filledRoad(t, c.values, c.size, wide, lose, 1)
					here, there := narrow, wide
					if whose == "receiver" {
						here, there = wide, narrow
					}
					for n := range 3 {
						x.cfg.SnapshotPieces, x.cfg.SnapshotBytes = here.SnapshotPieces, here.SnapshotBytes
						if n == 2 {
							x.cfg.SnapshotPieces, x.cfg.SnapshotBytes = there.SnapshotPieces, there.SnapshotBytes
							x.disks[2] = nil
						}
						x.start(n)
						for n < 2 && !x.hosts[n].Core().Quiet() {
							x.pass()
						}
					}
					type name struct{ to, ask uint64 }
					count, size := map[name]int{}, map[name]int{}
					full, asked := 0, 0
					x.onSend = func(from, to int, kind wire.MessageKind, msg []byte) {
						if kind != wire.MsgSnapshot {
							return
						}
						require.Equal(t, 2, to)
						p := pieceOf(t, msg)
						is := name{p.To, p.Ask}
						if count[is] == 0 {
							asked++
							require.Zero(t, p.At)
						}
						count[is]++
						size[is] += len(msg)
						require.LessOrEqual(t, len(msg), max(1000, c.size+200), "a piece")
						if c.pieces > 0 {
							require.LessOrEqual(t, count[is], c.pieces)
						}
						if c.bytes > 0 && count[is] > 1 && !p.Rest {
							require.LessOrEqual(t, size[is], c.bytes)
						}
						if count[is] == c.pieces || c.bytes > 0 && size[is] > c.bytes/2 {
							full++
						}
					}
					for range 1500 {
						x.pass()
					}
					assert.Positive(t, full, "the window is used")
					assert.Equal(t, holdings(x.hosts[0].Core()), holdings(x.hosts[2].Core()))
					assert.True(t, x.hosts[2].Core().Quiet())
					assert.Greater(t, asked, 2)
				})
			}
		}
	}
}

// TestSnapshotGoesOn: whoever starts again while a snapshot is on its way, and however
// often, it goes on from where the receiver stands; and so it does with another sender
// when the first one is gone.
func TestSnapshotGoesOn(t *testing.T) {
	const values, size = 300, 100
	for _, who := range []string{"nobody", "receiver", "sender", "another sender", "receiver and another"} {
		for _, check := range []int{-1, 3000} {
			t.Run(fmt.Sprintf("%s, checkpoints %d", who, check), func(t *testing.T) {
				x := filledRoad(t, values, size, kvs.Config{BatchBytes: 1000, SnapshotPieces: 2, CheckpointBytes: check}, 0, 1)
				x.disks[2] = nil
				x.start(2)
				x.pieces = 0
				sender, switched := -1, false
				var after []wire.Cursor
				x.onSend = func(from, to int, kind wire.MessageKind, msg []byte) {
					if kind == wire.MsgSnapshot {
						sender = from
						return
					}
					found, _ := asks(t, []kvs.Effect{{Kind: kvs.EffectSend, Sends: kind, Msg: msg}})
					for _, a := range found {
						after = append(after, a.After)
					}
				}
				last, restarts := 0, 0
				for range 3000 {
					x.pass()
					staged, _ := x.hosts[2].Core().Staged(0)
					require.True(t, staged >= last || staged == 0, "%d pieces, and %d before", staged, last)
					if staged > 4*restarts+3 && restarts < 6 {
						restarts++
						switch who {
						case "receiver", "receiver and another":
							x.start(2)
							again, _ := x.hosts[2].Core().Staged(0)
							require.Equal(t, staged, again)
						case "sender":
							x.start(sender)
						}
						if who == "another sender" || who == "receiver and another" && !switched {
							x.down[sender], x.down[1-sender] = true, false
							switched = true
						}
						x.run()
					}
					last = staged
				}
				x.down[0], x.down[1] = false, false
				for range 100 {
					x.pass()
				}
				require.Greater(t, restarts, 2)
				assert.Equal(t, holdings(x.hosts[0].Core()), holdings(x.hosts[2].Core()))
				assert.Equal(t, x.hosts[0].Core().Applied(0), x.hosts[2].Core().Applied(0))
				assert.Equal(t, uint64(1), x.stats(2).Snapshots)
				for n := range 3 {
					assert.True(t, x.hosts[n].Core().Quiet())
				}
				begun := 0
				for _, a := range after {
					if a == (wire.Cursor{}) {
						begun++
					}
				}
				assert.Equal(t, 1, begun, "it begins once")
				assert.Less(t, x.pieces, values*size*2, "%d bytes", x.pieces)
				t.Logf("%d restarts, %d asks, %.2f bytes of pieces for a byte of values", restarts, len(after), float64(x.pieces)/(values*size))
			})
		}
	}
}

// TestSnapshotUnderLoad: with losses, small pieces and a log that is held to little, a
// replica without its disk is brought up while others write, and when they stop all have
// the same.
func TestSnapshotUnderLoad(t *testing.T) {
	for seed, cfg := range []kvs.Config{{BatchBytes: 2000}, {BatchBytes: 2000, MaxLog: 50}, {BatchBytes: 2000, MaxLog: 50, MaxKnown: 1, MaxPast: 2, SnapshotPieces: 2}} {
		const values, size, ticks = 300, 100, 400
		x := filledRoad(t, values, size, cfg, 10, uint64(seed))
		x.disks[2] = nil
		x.start(2)
		x.pieces = 0
		before, brought := x.hosts[0].Core().Applied(0), ticks
		req := uint64(values)
		for n := range ticks {
			for range 4 {
				req++
				x.write(req, fmt.Sprintf("k%05d", req*7%values), size)
			}
			x.pass()
			if has := x.hosts[2].Core().Applied(0); brought == ticks && len(has) > 0 && covers(has, before) {
				brought = n
			}
		}
		assert.Less(t, brought, ticks)
		x.lose = 0
		for range 300 {
			x.pass()
		}
		for n := range 3 {
			assert.Equal(t, holdings(x.hosts[0].Core()), holdings(x.hosts[n].Core()))
			assert.Equal(t, x.hosts[0].Core().Applied(0), x.hosts[n].Core().Applied(0))
			assert.True(t, x.hosts[n].Core().Quiet())
		}
		t.Logf("brought up in %d ticks, %.1f bytes of pieces for a byte of values, %d snapshots", brought, float64(x.pieces)/(values*size), x.stats(2).Snapshots)
	}
}

// TestSnapshotForLittle: a peer that lacks little of what the log has no more gets that,
// and not all.
func TestSnapshotForLittle(t *testing.T) {
	const values, size = 300, 100
	x := filledRoad(t, values, size, kvs.Config{MaxLog: 5}, 0, 1)
	x.down[2] = true
	for req := uint64(values + 1); req <= values+40; req += 2 {
		x.write(req, "k00007", size)
		x.write(req+1, fmt.Sprintf("new%d", req/2%2), size)
		x.pass()
	}
	x.down[2] = false
	x.pieces = 0
	for range 100 {
		x.pass()
	}
	assert.Positive(t, x.stats(2).Snapshots)
	assert.Less(t, x.pieces, 12*size)
	assert.Equal(t, holdings(x.hosts[0].Core()), holdings(x.hosts[2].Core()))
	assert.Equal(t, x.hosts[0].Core().Applied(0), x.hosts[2].Core().Applied(0))
}

// TestStalePieces: a piece counts only if it answers the ask that is under way, comes next,
// and goes on from where the pieces before end; whoever sent it, and be it the last one.
func TestStalePieces(t *testing.T) {
	c := filled(t, 3, 3, 40)
	p := c.ring.PartitionOf("s0")
	c.lose(0, 0)
	c.cfg = func(cfg *kvs.Config) { cfg.SnapshotPieces = 2 }
	c.crash(0)
	r := c.replicas[0]
	give := func(r *kvs.Replica, from ring.NodeID, msg []byte) []kvs.Effect {
		out := effects(r.Step(kvs.Event{Kind: kvs.EventMessage, From: from, NowMS: c.now, Msg: msg}))
		var next []kvs.Effect
		for _, e := range out {
			if e.Kind == kvs.EffectPersist {
				next = append(next, effects(r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: e.Token}))...)
			}
		}
		return append(out, next...)
	}
	first, asker := askOf(t, r, c.replicas[1].Origin(), p, c.replicas[1].Held(p), c.now)
	burst := c.replicas[1].Serve(p, 0, asker, first)
	require.Len(t, burst, 2)
	assert.Empty(t, c.replicas[1].Serve(p, 0, asker, first), "an ask that comes twice is answered once")
	later := all
	later.Number = first.Number + 100
	assert.Empty(t, c.replicas[1].Serve(p, 0, asker-1, later), "nor is one of an earlier incarnation")
	give(r, 1, burst[0])
	out := give(r, 1, burst[1])
	found, _ := asks(t, out)
	require.Len(t, found, 1)
	second := found[0]
	ends := pieceOf(t, burst[1])
	require.Equal(t, ends.End(wire.Cursor{}), second.After)
	staged, _ := r.Staged(p)
	require.Equal(t, 2, staged)

	whole := all
	whole.Number = first.Number
	rest := all
	rest.Number, rest.After = second.Number, second.After
	whole.Number = second.Number
	from := func(node int, a wire.Ask) [][]byte { return c.replicas[node].Clone().Serve(p, 0, asker, a) }
	next := from(1, rest)
	require.Greater(t, len(next), 3)
	change := func(msg []byte, how func(*wire.Piece)) []byte {
		x := pieceOf(t, msg)
		how(&x)
		return wire.AppendSnapshot(nil, 1, &x)
	}
	for name, x := range map[string]struct {
		from ring.NodeID
		msg  []byte
	}{
		"one of the ask before":       {1, change(next[0], func(x *wire.Piece) { x.Ask = first.Number })},
		"one of a later ask":          {1, change(next[0], func(x *wire.Piece) { x.Ask++ })},
		"one for another incarnation": {1, change(next[0], func(x *wire.Piece) { x.To++ })},
		"the first one once more":     {1, burst[0]},
		"one of who was not asked":    {2, wire.AppendSnapshot(nil, 2, ptr(pieceOf(t, from(2, rest)[0])))},
		"the last one, too early":     {1, change(next[len(next)-1], func(x *wire.Piece) { x.Ask = first.Number })},
		"one that begins anew":        {1, from(1, whole)[0]},
		"one from further back":       {1, change(from(1, whole)[1], func(x *wire.Piece) { x.At = 0 })},
		"one of another sender that says nothing of its dots": {1, change(next[0], func(x *wire.Piece) {
			x.Origin, x.At = 999, 1
		})},
		"one of a sender that has nothing": {1, change(next[0], func(x *wire.Piece) {
			x.Origin, x.Applied, x.Cuts, x.Last, x.More = 999, nil, nil, true, false
		})},
	} {
		victim := r.Clone()
		give(victim, x.from, x.msg)
		staged, _ := victim.Staged(p)
		assert.Equal(t, 2, staged, name)
		assert.Empty(t, holdings(victim), name)
	}

	// With one that has nothing of what has come it begins anew, with one that has some of it
	// it goes on.
	for name, x := range map[string]struct {
		known gossip.Dots
		after wire.Cursor
	}{"nothing": {invented, wire.Cursor{}}, "some": {append(c.replicas[2].Held(p)[:1:1], invented...), second.After}} {
		victim := r.Clone()
		give(victim, 1, from(1, whole)[0]) // which does not go on, and gives its sender up
		found, _ := asks(t, victim.Step(kvs.Event{Kind: kvs.EventMessage, From: 2, NowMS: c.now, Msg: offer(2, c.replicas[2].Origin(), p, x.known)}))
		require.Len(t, found, 1, name)
		assert.Equal(t, x.after, found[0].After, name)
	}

	// Another one that lacks some of what the first had goes on, and of what both have the
	// snapshot says that it is held.
	less := gossip.Dots(nil)
	for _, s := range c.replicas[1].Held(p) {
		if s.Hi > s.Lo {
			s.Hi--
		}
		less = append(less, s)
	}
	require.NotEqual(t, less, c.replicas[1].Held(p))
	for i, msg := range next {
		msg = change(msg, func(x *wire.Piece) {
			if x.Origin = 999; i == 0 {
				x.Applied = less
			}
		})
		give(r, 1, msg)
	}
	assert.NotEmpty(t, holdings(r))
	assert.True(t, r.Held(p).Includes(less))
}

func ptr[T any](x T) *T { return &x }

// TestSnapshotSaysWhatItHolds: a write that came to the sender after the snapshot had begun,
// and that a later piece has in a value, is held by the receiver, which says so: its sender
// may lose it. If that is one of several, those before it are in the value too, and all get
// them from the receiver, whether that has started again or not.
func TestSnapshotSaysWhatItHolds(t *testing.T) {
	for writes := range uint64(3) {
		for _, again := range []bool{false, true} {
			for _, rot := range []bool{false, true} { // of the first of the writes; else the disk is lost
				t.Run(fmt.Sprintf("%d writes, again %v, rot %v", writes+1, again, rot), func(t *testing.T) { saysWhatItHolds(t, 1+writes, again, rot) })
			}
		}
	}
}

func saysWhatItHolds(t *testing.T, writes uint64, again, rot bool) {
	c := newCluster(t, 3, 1, 3, 1)
	c.batch = 40
	for n := range 3 {
		c.lose(n, 0)
	}
	for i := range uint64(6) {
		c.ask(1, put(1, 1+i, "set", fmt.Sprintf("k%d", i), []byte("x")))
	}
	c.settle()
	c.cfg = func(cfg *kvs.Config) { cfg.SnapshotPieces = 1 }
	c.lose(0, 0)
	sender, origin := c.replicas[1], c.replicas[1].Origin()
	ask, asker := askOf(t, c.replicas[0], origin, 0, sender.Held(0), c.now)
	begun := sender.Held(0)
	for n := 0; ; n++ {
		msgs := sender.Serve(0, 0, asker, ask)
		require.Len(t, msgs, 1)
		c.do(0, kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: msgs[0]})
		if pieceOf(t, msgs[0]).Last {
			break
		}
		for asked := false; !asked; {
			at := slices.IndexFunc(c.bag, func(f flight) bool { return f.node == 0 && f.ev.Kind == kvs.EventPersisted })
			ev := c.bag[at].ev
			c.bag = slices.Delete(c.bag, at, at+1)
			before := len(c.bag)
			c.do(0, ev)
			for _, f := range c.bag[before:] {
				if found, _ := asks(t, []kvs.Effect{{Kind: kvs.EffectSend, Sends: wire.KindOf(f.ev.Msg), Msg: f.ev.Msg}}); len(found) > 0 {
					asked, ask = true, found[0]
				}
			}
		}
		if n == 1 { // a value is written that is still to come, and nobody gets the delta
			for i := range writes {
				require.Equal(t, wire.StatusOK, c.direct(1, put(2, 1+i, "set", "k5", []byte{byte('1' + i)})).Status)
			}
		}
	}
	c.bag = slices.DeleteFunc(c.bag, func(f flight) bool { return f.ev.Kind == kvs.EventMessage && f.ev.From == 1 })
	require.Empty(t, holdings(c.replicas[0]))
	if rot {
		at := slices.IndexFunc(c.disks[1], func(rec []byte) bool {
			x, err := new(wire.DecodeBuffer).Contents(rec)
			return err == nil && len(x.Entries) > 0 && x.Entries[0].Dot == causal.Dot{Origin: origin, Seq: 7}
		})
		c.disks[1] = slices.Delete(c.disks[1], at, at+1)
		c.unreadable = 1
		c.crash(1)
		c.unreadable = 0
	} else {
		c.lose(1, 0)
	}
	for c.replicas[0].Stats().Snapshots == 0 {
		c.step()
	}
	require.Equal(t, 1+int(writes), elements(t, c.replicas[0].Look("k5", "set")))
	late := c.replicas[0].Held(0).Without(begun)
	assert.True(t, late.Includes(gossip.Dots{{Origin: origin, Lo: 6 + writes, Hi: 6 + writes}}))
	assert.Equal(t, min(2, writes), late.Count(), "and one of its own, if there are several")
	if again {
		c.crash(0)
	}
	c.settle()
	c.agree()
	for n := range 3 {
		assert.Equal(t, 1+int(writes), elements(t, c.replicas[n].Look("k5", "set")), "node %d", n)
	}
}
