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
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// seats is a stand whose members change. Messages that cut names go nowhere.
type seats struct {
	*stand
	told member.Set // what a node that is not on the ring is told when it starts
	life uint32     // of that
	size int        // CheckpointBytes of nodes that start
	down map[ring.NodeID]bool
	cut  func(m standMessage) bool
	req  uint64
}

func newSeats(t *testing.T, nodes, partitions, rf int) *seats {
	return newSeatsOf(t, nodes, partitions, rf, func(*kvs.Config) {})
}

// newSeatsOf is newSeats of nodes that are configured otherwise.
func newSeatsOf(t *testing.T, nodes, partitions, rf int, configure func(*kvs.Config)) *seats {
	s := &seats{down: map[ring.NodeID]bool{}, cut: func(standMessage) bool { return false }}
	s.stand = newStand(t, nodes, partitions, rf, func(c *kvs.Config) {
		c.CheckpointBytes = s.size
		if s.told.At(c.Self) != 0 {
			c.Members, c.Life = s.told, s.life
		}
		configure(c)
	})
	s.told, s.life = member.Of(s.ring), 1
	return s
}

// operate has an operator ask node at for a change.
func (s *seats) operate(at ring.NodeID, n ring.NodeID, to member.Phase) {
	var err error
	s.told, err = s.told.With(member.Change{Node: n, To: to})
	require.NoError(s.t, err)
	s.take(at, s.nodes[at].r.Step(kvs.Event{Kind: kvs.EventMember, NowMS: s.now, Change: member.Change{Node: n, To: to}}))
}

// add starts a node that is new, or in a new life.
func (s *seats) add(n ring.NodeID) {
	for len(s.nodes) <= int(n) {
		s.nodes = append(s.nodes, new(standNode))
	}
	s.start(n, true)
}

func (s *seats) deliverSome() {
	for len(s.queue) > 0 {
		m := s.queue[0]
		s.queue = s.queue[1:]
		if s.cut(m) || s.down[m.from] || s.down[m.to] || int(m.to) >= len(s.nodes) {
			continue
		}
		s.take(m.to, s.nodes[m.to].r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: m.from, Msg: m.b}))
	}
}

func (s *seats) some(rounds int) {
	for range rounds {
		s.now += 20
		for id := ring.NodeID(1); int(id) < len(s.nodes); id++ {
			if !s.down[id] {
				s.tick(id)
			}
		}
		s.deliverSome()
		for id, n := range s.nodes {
			if n != nil && n.restart {
				n.restart = false
				n.restarts++
				s.start(ring.NodeID(id), false)
			}
		}
	}
}

// write has a client write an element at a node, which is to take it or not.
func (s *seats) write(at ring.NodeID, key, element string, want wire.Status) {
	s.req++
	a := s.ask(at, wire.Request{Client: 100 + s.req, Req: 1, Put: true, Key: key, Kind: "set", Arg: []byte(element)})
	require.Equal(s.t, want, a.Status, a.Detail)
}

func (s *seats) elements(at ring.NodeID, key string) []string {
	v := s.nodes[at].r.Value(key, "set")
	if v == nil {
		return nil
	}
	set, _ := kind.Get[kind.GrowSet](v)
	return set
}

// movesTo is a key whose partition is taken over from one node by another if that joins; rf is 1.
func (s *seats) movesTo(to ring.NodeID) (key string, from ring.NodeID) {
	after, err := member.Place(s.told.Raised(to, member.In(1, member.Active)), s.ring.Partitions(), s.ring.Replicas())
	require.NoError(s.t, err)
	key = s.keyOf(func(p ring.Partition) bool { return after.Owns(to, p) })
	return key, s.ring.Owners(s.ring.PartitionOf(key))[0]
}

// TestReadsGoToWhoHolds: while a node joins, reads of what it takes over are served by the old
// owner, and refused at the new one until it has all; then the other way round. Reads that wait
// and subscribers are sent away.
func TestReadsGoToWhoHolds(t *testing.T) {
	s := newSeats(t, 3, 16, 1)
	key, old := s.movesTo(4)
	s.write(old, key, "a", wire.StatusOK)
	read := func(at ring.NodeID) wire.Status {
		s.req++
		return s.ask(at, wire.Request{Client: 9, Req: s.req, Key: key, Kind: "set"}).Status
	}
	s.cut = func(m standMessage) bool { // the new owner hears of members, and nothing else
		return m.to == 4 && wire.KindOf(m.b) != wire.MsgMembers
	}
	s.operate(1, 4, member.Joining)
	s.add(4)
	s.some(20)
	assert.Equal(t, wire.StatusNotOwner, read(4), "it has not heard what the old owner holds")
	assert.Equal(t, wire.StatusOK, read(old))
	assert.Equal(t, member.Joining, s.nodes[old].r.View().At(4).Phase())

	n := s.nodes[old]
	waits := past(wire.Request{Client: 8, Req: 1, Key: key, Kind: "set", Wait: 4000}, session.Matrix{{Partition: s.ring.PartitionOf(key), Origin: 999, Seq: 1}})
	s.take(old, n.r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: waits.Encode()}))
	watch := wire.Subscribe{Client: 6, Number: 1, Sent: 1, Key: key, Kind: "set", Lease: 4000}
	var ended []uint64
	for _, e := range n.r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: watch.Encode()}) {
		s.took(old, e, &ended)
	}
	require.Empty(t, ended)
	s.cut = func(standMessage) bool { return false }
	for range 40 {
		s.now += 20
		for id := ring.NodeID(1); id <= 4; id++ {
			for _, e := range s.nodes[id].r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: s.now}) {
				s.took(id, e, &ended)
			}
		}
		for len(s.queue) > 0 {
			m := s.queue[0]
			s.queue = s.queue[1:]
			for _, e := range s.nodes[m.to].r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: m.from, Msg: m.b}) {
				s.took(m.to, e, &ended)
			}
		}
	}
	slices.Sort(ended)
	assert.Equal(t, []uint64{6, 8}, ended, "the subscriber and the reader are told to go elsewhere")
	assert.Equal(t, wire.StatusNotOwner, read(old))
	assert.Equal(t, wire.StatusOK, read(4))
	assert.Equal(t, []string{"a"}, s.elements(4, key))
	assert.Nil(t, s.elements(old, key))
	assert.True(t, n.r.Quiet())
}

// took carries out an effect, and notes the sessions that are sent away.
func (s *seats) took(id ring.NodeID, e kvs.Effect, away *[]uint64) {
	switch {
	case e.Kind == kvs.EffectRespond:
		if u, err := wire.DecodeUpdate(bytes.Clone(e.Msg)); err == nil {
			if u.Status == wire.StatusNotOwner {
				*away = append(*away, e.Client)
			}
			return
		}
		if a, err := wire.DecodeResponse(e.Msg); err == nil && a.Status == wire.StatusNotOwner {
			*away = append(*away, e.Client)
		}
	case e.Kind == kvs.EffectPersist:
		token, msg := e.Token, bytes.Clone(e.Msg)
		s.nodes[id].disk = append(s.nodes[id].disk, standRecord{token, msg})
		for _, e := range s.nodes[id].r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: s.now, Token: token}) {
			s.took(id, e, away)
		}
	default:
		s.take(id, []kvs.Effect{e})
	}
}

// TestWhoIsPushedOutGivesSnapshots: a node that has lost a partition to another is there to bring
// that up anew, should it lose its disk, until it has heard that all is held.
func TestWhoIsPushedOutGivesSnapshots(t *testing.T) {
	for name, restarts := range map[string]bool{"goes on": false, "starts again on a checkpoint": true} {
		t.Run(name, func(t *testing.T) { givesSnapshots(t, restarts) })
	}
}

func givesSnapshots(t *testing.T, restarts bool) {
	s := newSeats(t, 3, 16, 1)
	key, old := s.movesTo(4)
	if restarts {
		s.size = 1
		s.start(old, false)
	}
	s.write(old, key, "a", wire.StatusOK)
	s.operate(1, 4, member.Joining)
	s.add(4)
	for range 100 {
		if s.some(1); s.nodes[4].r.View().At(4).Phase() == member.Active {
			break
		}
		require.Equal(t, member.Joining, s.nodes[old].r.View().At(4).Phase())
	}
	// What the new owner says of the partition under the new view is lost, so that nobody lets go.
	s.cut = func(m standMessage) bool { return m.from == 4 && wire.KindOf(m.b) != wire.MsgMembers }
	s.some(20)
	require.Equal(t, member.Active, s.nodes[old].r.View().At(4).Phase())
	require.Equal(t, []string{"a"}, s.elements(old, key), "it has not heard under the new view that this is held")
	require.False(t, s.nodes[old].r.Settled())
	if restarts {
		s.start(old, false)
		require.Equal(t, []string{"a"}, s.elements(old, key))
		s.some(4)
	}
	s.nodes[4].disk = nil
	s.start(4, false)
	require.Nil(t, s.elements(4, key))
	s.cut = func(standMessage) bool { return false }
	s.some(60)
	assert.Equal(t, []string{"a"}, s.elements(4, key))
	assert.Nil(t, s.elements(old, key))
	assert.True(t, s.nodes[old].r.Settled())
}

// TestClaimsCountUnderOneView: what an owner has said under another view does not have anybody let
// go, as it may have let go since itself.
func TestClaimsCountUnderOneView(t *testing.T) {
	s := newSeats(t, 3, 16, 1)
	key, old := s.movesTo(4)
	p := s.ring.PartitionOf(key)
	s.write(old, key, "a", wire.StatusOK)
	n := s.nodes[old]
	known := n.r.Held(p)
	view := s.told.Raised(4, member.In(1, member.Active))
	tell := func(under uint64) {
		items := []wire.Item{{Partition: p, PeerIncarnation: n.r.Origin(), Digest: gossip.Digest{Known: slices.Clone(known)}}}
		s.take(old, n.r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: 4, Msg: wire.AppendGossipUnder(nil, 4, 700, under, items)}))
		s.tick(old)
	}
	from := ring.NodeID(1)
	if old == 1 {
		from = 2
	}
	m := wire.Members{From: from, Origin: s.nodes[from].r.Origin(), Set: view}
	s.take(old, n.r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: from, Msg: m.Append(nil)}))
	require.False(t, n.r.Placement().Owns(old, p))
	require.True(t, n.r.Keeps(p))
	for _, other := range []uint64{0, nameOf(view) + 1, nameOf(s.told)} {
		tell(other)
		require.True(t, n.r.Keeps(p), "under the view of name %d", other)
	}
	tell(nameOf(view))
	assert.False(t, n.r.Keeps(p))
	assert.Nil(t, s.elements(old, key))

	// To own it again it has to be another incarnation, whose word is its own.
	m.Set = view.Raised(4, member.In(1, member.Gone))
	s.take(old, n.r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: from, Msg: m.Append(nil)}))
	assert.True(t, n.restart)
}

// TestWhatWasHandedOverIsNotHeld: a replica that comes to own a partition, to which clients wrote
// at it before, says to hold nothing of what it has handed over, and is brought up by the others.
func TestWhatWasHandedOverIsNotHeld(t *testing.T) {
	for _, restart := range []bool{false, true} {
		s := newSeats(t, 4, 16, 2)
		after, err := member.Place(s.told.Raised(4, member.In(1, member.Gone)), 16, 2)
		require.NoError(t, err)
		key := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(4, p) && after.Owns(1, p) && !s.ring.Owns(1, p) })
		for i := range 3 {
			s.write(1, key, fmt.Sprint("e", i), wire.StatusOK)
			s.some(10)
		}
		require.Nil(t, s.elements(1, key), "all is handed over")
		if restart {
			s.start(1, false)
			s.some(10)
		}
		s.down[4] = true
		s.operate(2, 4, member.Gone)
		s.some(40)
		assert.Equal(t, []string{"e0", "e1", "e2"}, s.elements(1, key))
		assert.True(t, s.nodes[1].r.Settled())
		assert.Zero(t, s.nodes[1].restarts)
	}
}

// TestGoneIsGone: of a node that has been declared gone nothing is taken, and it is told so when it
// comes back; what its id is used for later is another life, whose disk is empty.
func TestGoneIsGone(t *testing.T) {
	s := newSeats(t, 3, 8, 2)
	key := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(3, p) })
	s.down[3] = true
	s.write(3, key, "lost", wire.StatusOK) // it is cut off, and does not know
	s.operate(1, 3, member.Gone)
	s.some(20)
	old := s.nodes[3].disk
	s.down[3] = false
	s.some(20)
	assert.Equal(t, member.Gone, s.nodes[3].r.View().At(3).Phase())
	s.write(3, key, "refused", wire.StatusNotOwner)
	assert.Nil(t, s.elements(3, key))
	assert.True(t, s.nodes[3].r.Quiet())
	s.start(3, false) // once the others have forgotten its connection, too
	s.start(1, false)
	s.some(20)
	assert.Nil(t, s.elements(3, key))
	for _, n := range []ring.NodeID{1, 2} {
		assert.Nil(t, s.elements(n, key), "node %d", n)
		assert.Equal(t, member.In(1, member.Gone), s.nodes[n].r.View().At(3))
	}

	s.operate(2, 3, member.Joining)
	s.life = 2
	records := make([][]byte, len(old))
	for i := range old {
		records[i] = old[i].b
	}
	_, err := kvs.New(kvs.Config{Self: 3, Origin: 900, Ring: s.ring, Kinds: kind.Default(), Secret: secret, Members: s.told, Life: 2}, records)
	require.ErrorIs(t, err, kvs.ErrConfig)
	_, err = kvs.New(kvs.Config{Self: 3, Origin: 900, Ring: s.ring, Kinds: kind.Default(), Secret: secret, Members: member.Of(s.ring), Life: 2}, nil)
	require.ErrorIs(t, err, kvs.ErrConfig, "nobody has said that it joins again")
	s.nodes[3].disk = nil
	s.start(3, true)
	s.write(1, key, "new", wire.StatusOK)
	s.some(60)
	assert.Equal(t, member.In(2, member.Active), s.nodes[1].r.View().At(3))
	assert.Equal(t, []string{"new"}, s.elements(3, key))
	s.start(3, false)
	s.some(40)
	assert.Equal(t, []string{"new"}, s.elements(3, key), "its disk is of its second life")
}

// TestWhoLeftNeedNotReachAll: a node that has left comes to rest once one other knows, though
// another is down for good; whoever goes by an earlier view is told when it is heard of.
func TestWhoLeftNeedNotReachAll(t *testing.T) {
	s := newSeats(t, 4, 8, 1)
	late := func(m standMessage) bool { return m.to == 3 || m.from == 3 }
	s.operate(1, 4, member.Leaving)
	for range 100 {
		if s.some(1); s.nodes[4].r.View().At(4).Phase() == member.Gone {
			break
		}
		if s.nodes[4].r.View().At(4).Phase() == member.Leaving && s.nodes[3].r.View().At(4).Phase() == member.Leaving {
			break
		}
	}
	for s.nodes[4].r.View().At(4).Phase() != member.Gone {
		s.some(1)
	}
	s.cut = late
	s.start(3, false) // on what it has heard so far
	s.some(60)
	assert.True(t, s.nodes[4].r.Quiet())
	assert.Equal(t, member.Gone, s.nodes[1].r.View().At(4).Phase())
	s.down[1], s.down[2] = true, true
	s.cut = func(standMessage) bool { return false }
	s.write(3, s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(1, p) }), "e", wire.StatusOK)
	s.some(60)
	assert.Equal(t, member.Gone, s.nodes[3].r.View().At(4).Phase())
}

// TestWhoLostThatItIsGone: a node that is gone, and has lost its disk, goes by the nodes of the
// ring when it starts again. It learns that its life is over from nodes with which it shares
// nothing, where the other owner that it knows of is silent.
func TestWhoLostThatItIsGone(t *testing.T) {
	s := newSeats(t, 4, 1, 2)
	owners := s.ring.Owners(0)
	stays := slices.DeleteFunc(slices.Clone(s.ring.Nodes()), func(n ring.NodeID) bool { return slices.Contains(owners, n) })
	for _, n := range owners {
		s.down[n] = true
		s.operate(stays[0], n, member.Gone)
	}
	s.some(60)
	back := owners[0]
	s.told, s.down[back], s.nodes[back].disk = member.Of(s.ring), false, nil
	s.start(back, false)
	s.some(100)
	assert.Equal(t, member.Gone, s.nodes[back].r.View().At(back).Phase())
	assert.True(t, s.nodes[back].r.Quiet())
}

// TestStrangersAreNoMembers: what a node says that nobody has named is not taken, nor a change that
// an operator may not ask for.
func TestStrangersAreNoMembers(t *testing.T) {
	s := newSeats(t, 3, 8, 2)
	r := s.nodes[1].r
	rejected := r.Stats().Rejected
	m := wire.Members{From: 9, Origin: 900, Set: s.told.Raised(9, member.In(1, member.Active))}
	s.take(1, r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: 9, Msg: m.Append(nil)}))
	m.From = 2
	s.take(1, r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: 3, Msg: m.Append(nil)}))
	s.take(1, r.Step(kvs.Event{Kind: kvs.EventMember, NowMS: s.now, Change: member.Change{Node: 1, To: member.Joining}}))
	assert.Equal(t, rejected+3, r.Stats().Rejected)
	assert.Equal(t, s.told, r.View())
}

// TestCrashAtEachRecord: a node joins and another one leaves, and once in the course of it a node
// starts again right after some record has become durable, whichever: all is as without that.
func TestCrashAtEachRecord(t *testing.T) {
	at, done := 0, false
	for ; !done; at++ {
		s := newSeats(t, 3, 4, 2)
		var keys []string
		for p := range ring.Partition(4) {
			keys = append(keys, s.keyOf(func(q ring.Partition) bool { return p == q }))
			s.write(1, keys[p], "before", wire.StatusOK)
		}
		s.some(4)
		s.operate(1, 4, member.Joining)
		s.add(4)
		records := func() (n int) {
			for _, x := range s.nodes {
				if x != nil {
					n += len(x.disk)
				}
			}
			return n
		}
		begin, crashed := records(), false
		perhaps := func() {
			for id := ring.NodeID(1); int(id) < len(s.nodes) && !crashed; id++ {
				if records()-begin > at {
					crashed = true
					s.start(ring.NodeID(1+at%4), false)
				}
			}
		}
		for i := range 60 {
			if i == 4 {
				s.operate(1, 2, member.Leaving)
			}
			if i%5 == 0 {
				s.write(1, keys[i/5%4], fmt.Sprint("e", i), wire.StatusOK)
			}
			s.some(1)
			perhaps()
		}
		s.some(60)
		done = !crashed
		view := s.told.Raised(4, member.In(1, member.Active)).Raised(2, member.In(1, member.Gone))
		place, err := member.Place(view, 4, 2)
		require.NoError(t, err)
		for p, key := range keys {
			for _, n := range []ring.NodeID{1, 3, 4} {
				require.Equal(t, view, s.nodes[n].r.View(), "crash at record %d", at)
				if !place.Owns(n, ring.Partition(p)) {
					require.Nil(t, s.elements(n, key), "node %d, crash at record %d", n, at)
					continue
				}
				want := []string{"before"}
				for i := 0; i < 60; i += 5 {
					if i/5%4 == p {
						want = append(want, fmt.Sprint("e", i))
					}
				}
				slices.Sort(want)
				require.Equal(t, want, s.elements(n, key), "node %d, crash at record %d", n, at)
			}
		}
	}
	assert.Greater(t, at, 20)
}

// nameOf is the name of a view of these members, without factors.
func nameOf(s member.Set) uint64 { return member.View{Members: s}.Name() }
