package kvs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestCrashAtEveryPiece: whatever of what a replica has written is left when it crashes, at
// every moment of taking snapshots in, it starts with all that was visible, with no more of
// a partition than that or all of its snapshot, and as far in the others as the records say.
func TestCrashAtEveryPiece(t *testing.T) {
	for _, check := range []int{-1, 120} {
		c := filled(t, 2, 2, 40)
		c.cfg = func(cfg *kvs.Config) { cfg.SnapshotPieces = 2 }
		c.check = check
		want := holdings(c.replicas[1])
		c.lose(0, 0)
		starts, midway, whole := 0, 0, 0
		for last := ""; !c.quiet(); {
			c.step()
			r := c.replicas[0]
			if state := fmt.Sprint(len(c.disks[0]), c.cut[0], r.Stats()); state == last {
				continue
			} else {
				last = state
			}
			durable := len(c.disks[0])
			for _, f := range c.bag {
				if f.node == 0 && f.ev.Kind == kvs.EventPersisted {
					durable = min(durable, c.before[0]+int(f.ev.Token)-1)
				}
			}
			for left := durable; left <= len(c.disks[0]); left++ {
				starts++
				again, err := kvs.New(kvs.Config{Origin: 1 << 30, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, c.disks[0][:left])
				require.NoError(t, err)
				has := holdings(again)
				for name, v := range holdings(r) {
					require.Equal(t, v, has[name], "what was visible")
				}
				for p := range ring.Partition(c.ring.Partitions()) {
					n, of := 0, 0
					for name, v := range want {
						if _, key, _ := strings.Cut(name, " "); c.ring.PartitionOf(key) == p {
							if of++; has[name] == v {
								n++
							}
						}
					}
					require.True(t, n == 0 || n == of, "%d of %d values of a partition", n, of)
					before, _ := r.Staged(p)
					after, _ := again.Staged(p)
					require.True(t, after <= before || n == of, "%d pieces, and %d before", after, before)
					if left == len(c.disks[0]) && n == 0 {
						require.Equal(t, before, after)
					}
					if after > 0 {
						midway++
					}
					if n > 0 {
						whole++
					}
				}
			}
		}
		assert.Equal(t, want, holdings(c.replicas[0]))
		assert.Greater(t, midway, 20)
		assert.Greater(t, whole, 20)
		assert.Equal(t, check > 0, c.cut[0] > 0)
		t.Logf("%d starts, %d midway", starts, midway)
	}
}

// TestSnapshotOnWhatIsLost: a start on the record of a snapshot, but not on what was held
// when that came and had been left out of it, does not believe that it holds the latter;
// and since a value may have it, peers are to fetch that. The mark by which they do is
// there again after the next start.
func TestSnapshotOnWhatIsLost(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	v, err := setOf('a')
	require.NoError(t, err)
	piece := wire.Piece{
		Origin: 7, To: 5, Ask: 1, First: true, Last: true, Applied: gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}},
		Values: []wire.HeldValue{{Key: "k", Kind: "set", Value: v.Append(nil), Writes: session.Matrix{{Origin: 7, Seq: 3}}}},
	}
	for _, x := range []struct{ held, has gossip.Dots }{
		{nil, gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}}},
		{gossip.Dots{{Origin: 7, Lo: 1, Hi: 1}}, gossip.Dots{{Origin: 7, Lo: 2, Hi: 3}, {Origin: 9, Lo: 1, Hi: 1}}},
		{gossip.Dots{{Origin: 7, Lo: 4, Hi: 4}}, gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}}},
	} {
		stored := wire.StoredPiece{Begun: 5, Number: 1, Held: x.held, Encoded: piece.Append(nil)}
		r, err := kvs.New(kvs.Config{Origin: 9, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, [][]byte{stored.Append(nil)})
		require.NoError(t, err)
		marks := len(x.has) == 2
		disk := [][]byte{stored.Append(nil)}
		for _, e := range effects(r.Start()) {
			if e.Kind == kvs.EffectPersist {
				disk = append(disk, e.Msg)
				assert.NotEqual(t, x.has, r.Held(0), "it is marked by what is durable")
				r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: e.Token})
			}
		}
		assert.Equal(t, marks, len(disk) == 2)
		assert.Equal(t, x.has, r.Held(0))
		assert.Len(t, holdings(r), 1)
		later, err := kvs.New(kvs.Config{Origin: 25, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, disk)
		require.NoError(t, err)
		for _, e := range later.Start() {
			assert.NotEqual(t, kvs.EffectPersist, e.Kind, "the mark is there")
		}
		assert.Equal(t, x.has, later.Held(0))
		asked := wire.Ask{Number: 1, Pieces: 9, Bytes: 1 << 20}
		known := wire.AppendGossip(nil, 1, 50, []wire.Item{{Digest: gossip.Digest{Known: gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}}}, Ask: &asked}})
		out := effects(r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: 1000, Msg: known}))
		require.NotEmpty(t, out)
		p := pieceOf(t, out[0].Msg)
		assert.Equal(t, len(x.held) == 1 && x.held[0].Lo == 1, len(p.Values) == 1, "what the peer fetches")
	}
}

// TestSnapshotWithoutARequest: a write that only the first of two senders had, and which is
// the last one of a value, is said to be held only if the request that it serves has come.
// Else the value is marked with a dot of the receiver's.
func TestSnapshotWithoutARequest(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	v, err := setOf('a')
	require.NoError(t, err)
	first := wire.Piece{
		Origin: 7, To: 5, Ask: 1, First: true, Applied: gossip.Dots{{Origin: 7, Lo: 1, Hi: 2}},
		Values: []wire.HeldValue{{Key: "k", Kind: "set", Value: v.Append(nil), Writes: session.Matrix{{Origin: 7, Seq: 2}}}},
	}
	for _, served := range []bool{false, true} {
		last := wire.Piece{Origin: 8, To: 5, Ask: 2, Last: true, Applied: gossip.Dots{{Origin: 7, Lo: 1, Hi: 1}}}
		want := gossip.Dots{{Origin: 5, Lo: 1, Hi: 1}, {Origin: 7, Lo: 1, Hi: 1}}
		if served {
			last.Clients = []wire.Served{{Client: 3, Req: 1, Dot: causal.Dot{Origin: 7, Seq: 2}, Clock: 9}}
			want = gossip.Dots{{Origin: 7, Lo: 1, Hi: 2}}
		}
		records := [][]byte{}
		for i, x := range []wire.Piece{first, last} {
			stored := wire.StoredPiece{Begun: 5, Number: 1, At: uint32(i), Encoded: x.Append(nil)}
			if i == 1 {
				stored.Own = causal.Dot{Origin: 5, Seq: 1}
			}
			records = append(records, stored.Append(nil))
		}
		r, err := kvs.New(kvs.Config{Origin: 9, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, records)
		require.NoError(t, err)
		assert.Equal(t, want, r.Held(0), "served: %v", served)
		asked := wire.Ask{Number: 1, Pieces: 9, Bytes: 1 << 20}
		msgs := r.Serve(0, 1, 50, asked)
		require.NotEmpty(t, msgs)
		p := pieceOf(t, msgs[0])
		require.Len(t, p.Values, 1)
		if served {
			assert.Equal(t, session.Matrix{{Origin: 7, Seq: 2}}, p.Values[0].Writes)
		} else {
			assert.Equal(t, session.Matrix{{Origin: 5, Seq: 1}}, p.Values[0].Writes)
		}
	}
}

// TestStartOnWhatCameEarly: an entry that counts only where something else is held, which
// lies in a snapshot, is taken once that is; until then it is not, however it lies on the
// disk. The clock has it either way.
func TestStartOnWhatCameEarly(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	v, err := setOf('a')
	require.NoError(t, err)
	piece := wire.Piece{
		Origin: 7, To: 5, Ask: 1, First: true, Last: true, Applied: gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}},
		Values: []wire.HeldValue{{Key: "k", Kind: "set", Value: v.Append(nil), Writes: session.Matrix{{Origin: 7, Seq: 3}}}},
	}
	stored := wire.StoredPiece{Begun: 5, Number: 1, Encoded: piece.Append(nil)}
	const later = 5 << 40 // hybrid time
	entry := func(seq, names uint64) []byte {
		mark := session.Matrix{{Origin: 7, Seq: names}}
		e := gossip.Entry{Dot: causal.Dot{Origin: 5, Seq: seq}, Clock: later + seq, Key: "k", Kind: "set", Delta: v.Append(nil), Deps: mark}
		return wire.AppendRecord(nil, 0, []gossip.Entry{e})
	}
	for name, x := range map[string]struct {
		disk [][]byte
		has  gossip.Dots
	}{
		"behind":     {[][]byte{stored.Append(nil), entry(1, 2)}, gossip.Dots{{Origin: 5, Lo: 1, Hi: 1}, {Origin: 7, Lo: 1, Hi: 3}}},
		"before":     {[][]byte{entry(1, 2), entry(2, 3), stored.Append(nil)}, gossip.Dots{{Origin: 5, Lo: 1, Hi: 2}, {Origin: 7, Lo: 1, Hi: 3}}},
		"one of two": {[][]byte{entry(1, 9), stored.Append(nil), entry(2, 1)}, gossip.Dots{{Origin: 5, Lo: 2, Hi: 2}, {Origin: 7, Lo: 1, Hi: 3}}},
		"missing":    {[][]byte{entry(1, 2)}, nil},
	} {
		r, err := kvs.New(kvs.Config{Origin: 9, Ring: c.ring, Kinds: kind.Default(), Secret: secret, MaxAheadMS: 1 << 40}, x.disk)
		require.NoError(t, err)
		assert.Equal(t, x.has, r.Held(0), name)
		for _, e := range effects(r.Start()) {
			if e.Kind == kvs.EffectPersist {
				r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1, Token: e.Token})
			}
		}
		q := put(1, 1, "set", "j", []byte("x"))
		for _, e := range effects(r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1, Msg: q.Encode()})) {
			if e.Kind == kvs.EffectAccept {
				assert.Greater(t, e.Entry.Clock, uint64(later), name)
			}
		}
	}
}

// TestStartOnALogOfWhatCameEarly: such entries are held to the bound of the log as well.
func TestStartOnALogOfWhatCameEarly(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	v, err := setOf('a')
	require.NoError(t, err)
	var disk [][]byte
	for seq := uint64(1); seq <= 40; seq++ {
		e := gossip.Entry{Dot: causal.Dot{Origin: 5, Seq: seq}, Clock: seq, Key: "k", Kind: "set", Delta: v.Append(nil), Deps: session.Matrix{{Origin: 7, Seq: 1}}}
		disk = append(disk, wire.AppendRecord(nil, 0, []gossip.Entry{e}))
	}
	named := gossip.Entry{Dot: causal.Dot{Origin: 7, Seq: 1}, Client: 1, Req: 1, Clock: 99, Key: "k", Kind: "set", Delta: v.Append(nil)}
	r, err := kvs.New(kvs.Config{Origin: 9, Ring: c.ring, Kinds: kind.Default(), Secret: secret, MaxLog: 10}, append(disk, wire.AppendRecord(nil, 0, []gossip.Entry{named})))
	require.NoError(t, err)
	assert.Equal(t, uint64(41), r.Held(0).Count())
	assert.LessOrEqual(t, r.Logged(0), 10)
}

// TestCutsInBoth: what two senders of one snapshot have cut is of each origin the lesser,
// and nothing of an origin that only one of them has.
func TestCutsInBoth(t *testing.T) {
	a := session.Matrix{{Partition: 1, Origin: 3, Seq: 5}, {Partition: 1, Origin: 4, Seq: 2}, {Partition: 1, Origin: 6, Seq: 1}}
	b := session.Matrix{{Partition: 1, Origin: 3, Seq: 4}, {Partition: 1, Origin: 5, Seq: 2}, {Partition: 1, Origin: 6, Seq: 9}}
	want := session.Matrix{{Partition: 1, Origin: 3, Seq: 4}, {Partition: 1, Origin: 6, Seq: 1}}
	assert.Equal(t, want, kvs.InBoth(a, b))
	assert.Equal(t, want, kvs.InBoth(b, a))
	assert.Empty(t, kvs.InBoth(a, nil))
}

// TestRecordsAreWhole: a start on a record of any form that ends early, or is followed by
// more, or is of a partition that there is not, is refused.
func TestRecordsAreWhole(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	v, err := setOf('a')
	require.NoError(t, err)
	piece := wire.Piece{Origin: 7, To: 5, Ask: 1, First: true, Last: true, Applied: gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}}}
	touched := func(p ring.Partition) []byte {
		x := wire.Touched{Of: p, Dot: causal.Dot{Origin: 5, Seq: 1}, Names: []wire.ValueName{{Key: "k", Kind: "set"}}}
		return x.Append(nil)
	}
	entries := []gossip.Entry{{Dot: causal.Dot{Origin: 7, Seq: 1}, Client: 1, Req: 1, Clock: 9, Key: "k", Kind: "set", Delta: v.Append(nil)}}
	staged := func(p ring.Partition) []byte {
		x := piece
		x.Partition = p
		s := wire.StoredPiece{Begun: 5, Number: 1, Encoded: x.Append(nil)}
		return s.Append(nil)
	}
	start := func(rec []byte) error {
		_, err := kvs.New(kvs.Config{Origin: 9, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, [][]byte{rec})
		return err
	}
	for name, of := range map[string]func(p ring.Partition) []byte{
		"writes": func(p ring.Partition) []byte { return wire.AppendRecord(nil, p, entries) }, "marks": touched, "piece": staged,
	} {
		whole := of(0)
		require.NoError(t, start(whole), name)
		require.Error(t, start(of(1)), name)
		require.Error(t, start(append(slices.Clone(whole), 0)), name)
		for n := range whole {
			require.Error(t, start(whole[:n]), "%s, %d of %d bytes", name, n, len(whole))
		}
	}
}

// TestKindsOfASnapshotInPart: a key of which a value has come in a piece is of that kind
// already, whichever of the names so far it is; others are free.
func TestKindsOfASnapshotInPart(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	v, err := setOf('a')
	require.NoError(t, err)
	piece := wire.Piece{Origin: 7, To: 5, Ask: 1, First: true, Applied: gossip.Dots{{Origin: 7, Lo: 1, Hi: 9}}}
	for i := range 9 {
		piece.Values = append(piece.Values, wire.HeldValue{
			Key: fmt.Sprintf("k%d", i), Kind: "set", Value: v.Append(nil), Writes: session.Matrix{{Origin: 7, Seq: uint64(1 + i)}},
		})
	}
	stored := wire.StoredPiece{Begun: 5, Number: 1, Encoded: piece.Append(nil)}
	r, err := kvs.New(kvs.Config{Origin: 9, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, [][]byte{stored.Append(nil)})
	require.NoError(t, err)
	r.Start()
	staged, _ := r.Staged(0)
	require.Equal(t, 1, staged)
	accepted := func(req uint64, key, kind string) bool {
		q := put(1, req, kind, key, []byte{2})
		for _, e := range r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}) {
			if e.Kind == kvs.EffectAccept {
				return true
			}
		}
		return false
	}
	for i := range uint64(9) {
		assert.False(t, accepted(1+3*i, fmt.Sprintf("k%d", i), "counter"))
		assert.True(t, accepted(2+3*i, fmt.Sprintf("k%d", i), "set"))
		assert.True(t, accepted(3+3*i, fmt.Sprintf("k%dx", i), "counter"), "between the names")
	}
}

// TestRestIsAskedOfWhoCanFinish: when the sender of a snapshot in part falls silent, the rest
// is asked of a peer that holds all that its pieces were made of, before one that holds
// some of it, whichever comes first among the peers.
func TestRestIsAskedOfWhoCanFinish(t *testing.T) {
	for _, finisher := range []ring.NodeID{1, 2} {
		c := filled(t, 4, 4, 40)
		p := c.ring.PartitionOf("s0")
		c.lose(0, 0)
		c.cfg = func(cfg *kvs.Config) { cfg.SnapshotPieces = 1 }
		c.crash(0)
		r := c.replicas[0]
		base := c.replicas[3].Held(p)
		first, asker := []wire.Ask(nil), uint64(0)
		known := func(d gossip.Dots) gossip.Dots {
			d = d.Clone()
			d.MergeIn(invented)
			return d
		}
		hear := func(from ring.NodeID, d gossip.Dots) []kvs.Effect {
			return effects(r.Step(kvs.Event{Kind: kvs.EventMessage, From: from, NowMS: c.now, Msg: offer(from, c.replicas[from].Origin(), p, known(d))}))
		}
		first, asker = asks(t, hear(3, base))
		require.Len(t, first, 1)
		for _, e := range effects(r.Step(kvs.Event{Kind: kvs.EventMessage, From: 3, NowMS: c.now, Msg: c.replicas[3].Serve(p, 0, asker, first[0])[0]})) {
			if e.Kind == kvs.EffectPersist {
				r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: e.Token})
			}
		}
		staged, _ := r.Staged(p)
		require.Equal(t, 1, staged)
		some := gossip.Dots{base[0]}
		for _, peer := range []ring.NodeID{1, 2} {
			if peer == finisher {
				hear(peer, base)
			} else {
				hear(peer, some)
			}
		}
		asked := ring.NodeID(0)
		for tick := 0; tick < 200 && asked == 0; tick++ {
			for _, e := range effects(r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: c.now})) {
				if found, _ := asks(t, []kvs.Effect{e}); len(found) > 0 && e.To != 3 {
					asked = e.To
				}
			}
		}
		assert.Equal(t, finisher, asked)
	}
}
