package kvs

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// shown is a session's request, with the pasts that it has.
func shown(s *session.Session, q wire.Request) wire.Request {
	q.Client, q.Key, q.Kind, q.Level, q.Wait = 1, "k", "set", s.Level, 3
	q.Deps, q.Proof = s.Past()
	q.Own = s.Own()
	return q
}

// pastsOf is what a session of a level depends on after it has read a write of another
// session, which depended on one elsewhere, and written itself.
func pastsOf(t *testing.T, l session.Level) (afterRead, afterWrite, own, deps session.Matrix) {
	n := newHalf(t, 1, 1, 4, 2, nil, nil)
	other := &session.Session{Level: session.Causal}
	for req, key := range []string{"k", "k2", "k"} {
		q := shown(other, wire.Request{Req: uint64(req) + 1, Put: true, Arg: []byte{byte('a' + req)}})
		q.Client, q.Key = 9, key
		a := n.ask(q)
		require.Equal(t, wire.StatusOK, a.Status, a.Detail)
		require.True(t, other.ObserveBoth(a.Deps, nil, a.Proof, a.Clock))
	}
	s := &session.Session{Level: l}
	for req := uint64(1); req <= 3; req++ { // a read, and two writes
		q := shown(s, wire.Request{Req: req, Put: req > 1, Arg: []byte{byte(req)}})
		a := n.ask(q)
		require.Equal(t, wire.StatusOK, a.Status, a.Detail)
		require.True(t, s.ObserveBoth(a.Deps, a.Own, a.Proof, a.Clock), "%v", l)
		if past, _ := s.Past(); req == 1 {
			afterRead = past.Clone()
		}
	}
	p := n.r.partition(n.r.cfg.Ring.PartitionOf("k"))
	for e := range p.log.All() {
		if e.Client == 1 && e.Req == 3 {
			deps = e.Deps
		}
	}
	past, _ := s.Past()
	return afterRead, past, s.Own(), deps
}

// TestPastsByLevel: what feeds the past of a session, and what its writes depend on.
func TestPastsByLevel(t *testing.T) {
	n := newHalf(t, 1, 1, 4, 2, nil, nil)
	p, q := n.r.cfg.Ring.PartitionOf("k"), n.r.cfg.Ring.PartitionOf("k2")
	require.Less(t, q, p, "the keys are of two partitions")
	mark := func(seq uint64) session.Mark { return session.Mark{Partition: p, Origin: 1, Seq: seq} }
	below := session.Mark{Partition: q, Origin: 1, Seq: 1}
	// The writes to k are the dots 1 and 2 of the other session, and 3 and 4 of this one.
	for l, want := range map[session.Level]struct{ read, written, own, deps session.Matrix }{
		session.Eventual:          {},
		session.ReadYourWrites:    {written: session.Matrix{mark(4)}},
		session.MonotonicReads:    {read: session.Matrix{mark(2)}, written: session.Matrix{mark(2)}},
		session.MonotonicWrites:   {written: session.Matrix{mark(4)}, deps: session.Matrix{mark(3)}},
		session.WritesFollowReads: {read: session.Matrix{below, mark(2)}, written: session.Matrix{below, mark(2)}, deps: session.Matrix{below, mark(2)}},
		session.PRAM:              {read: session.Matrix{below, mark(2)}, written: session.Matrix{below, mark(4)}, own: session.Matrix{mark(4)}, deps: session.Matrix{mark(3)}},
		session.Causal:            {read: session.Matrix{below, mark(2)}, written: session.Matrix{below, mark(4)}, deps: session.Matrix{below, mark(3)}},
	} {
		read, written, own, deps := pastsOf(t, l)
		for what, x := range map[string][2]session.Matrix{
			"read": {want.read, read}, "written": {want.written, written}, "own": {want.own, own}, "depends": {want.deps, deps},
		} {
			assert.True(t, slices.Equal(x[0], x[1]), "%v, %s: want %v, got %v", l, what, x[0], x[1])
		}
	}
}

// TestPastOfOwnWritesIsVouchedFor: nobody depends on own writes that no replica has given.
func TestPastOfOwnWritesIsVouchedFor(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	s := &session.Session{Level: session.PRAM}
	a := n.ask(shown(s, wire.Request{Req: 1, Put: true, Arg: []byte("a")}))
	require.Equal(t, wire.StatusOK, a.Status)
	require.True(t, s.ObserveBoth(a.Deps, a.Own, a.Proof, a.Clock))
	for _, own := range []session.Matrix{nil, {{Partition: 0, Origin: 1, Seq: 9}}, {{Partition: 0, Origin: 2, Seq: 1}}} {
		q := shown(s, wire.Request{Req: 2, Put: true, Arg: []byte("b")})
		q.Own = own
		assert.Equal(t, wire.StatusBadRequest, n.ask(q).Status, "%v", own)
	}
	q := shown(s, wire.Request{Req: 2, Put: true, Arg: []byte("b")})
	q.Deps, q.Proof = nil, session.Proof{}
	assert.Equal(t, wire.StatusBadRequest, n.ask(q).Status, "own writes, and nothing to see")
	assert.Equal(t, wire.StatusOK, n.ask(shown(s, wire.Request{Req: 2, Put: true, Arg: []byte("b")})).Status)
}

// asks is a write of session 7 that asks for an acknowledgement.
func asks(req uint64, a session.Ack, again bool) wire.Request {
	return wire.Request{Client: 7, Req: req, Put: true, Again: again, Key: "k", Kind: "set", Arg: []byte{byte(req)}, Stamp: (1000 + req) << 16, Ack: a, Wait: 3}
}

// TestAnswersFromMemory: before its record is durable; a repeat that comes before that too.
func TestAnswersFromMemory(t *testing.T) {
	r := newHalf(t, 1, 1, 1, 2, nil, nil).r
	answered := func(q wire.Request) (persists, responds int) {
		for _, e := range r.Step(Event{Kind: EventRequest, Msg: q.Encode(), NowMS: 1000}) {
			switch e.Kind {
			case EffectPersist:
				persists++
			case EffectRespond:
				responds++
			}
		}
		return persists, responds
	}
	for _, x := range []struct {
		ack      session.Ack
		responds int
	}{{session.AckMemory, 1}, {session.AckDurable, 0}, {session.Owners(1), 0}} {
		req := 1 + uint64(x.responds) + 10*uint64(x.ack.Owners())
		persists, responds := answered(asks(req, x.ack, false))
		assert.Equal(t, 1, persists, "%v", x.ack)
		assert.Equal(t, x.responds, responds, "%v", x.ack)
		persists, responds = answered(asks(req, x.ack, true))
		assert.Zero(t, persists, "%v", x.ack)
		assert.Equal(t, x.responds, responds, "%v", x.ack)
		assert.Nil(t, r.Value("k", "set"), "it is not visible before it is durable")
	}
}

// TestAnswersForOwners: once as many have the write, each counted once; else at the
// deadline, as unavailable, and the write stays. A repeat is answered alike.
func TestAnswersForOwners(t *testing.T) {
	a, b := newHalf(t, 1, 1, 1, 2, nil, nil), newHalf(t, 2, 2, 1, 2, nil, nil)
	assert.Equal(t, wire.StatusOK, a.ask(asks(1, session.Owners(1), false)).Status, "this one")
	assert.Nil(t, a.ask(asks(2, session.Owners(2), false)))
	assert.Nil(t, a.ask(asks(2, session.Owners(2), true)), "a repeat waits with it")
	assert.Len(t, a.r.repeats, 1)
	between(a, b, 1, nil)
	require.Len(t, a.answers, 1)
	assert.Equal(t, wire.StatusOK, a.answers[0].Status)
	assert.Equal(t, wire.StatusOK, a.ask(asks(2, session.Owners(2), true)).Status, "and later is answered at once")

	assert.Nil(t, a.ask(asks(3, session.Owners(2), false)))
	assert.False(t, a.r.Quiet())
	clone := a.r.Clone()
	assert.Equal(t, a.r.AppendState(nil), clone.AppendState(nil))
	for range 3 {
		require.Empty(t, a.answers)
		a.take(a.r.Step(Event{Kind: EventTick, NowMS: 1000}))
		a.out = nil // to nobody
	}
	require.Len(t, a.answers, 1)
	assert.Equal(t, wire.StatusUnavailable, a.answers[0].Status)
	assert.Contains(t, a.answers[0].Detail, "1 owners of partition 0 have the write, and 2 were to; it stays")
	assert.Equal(t, uint64(3), a.r.partition(0).applied.Count())
	assert.Nil(t, a.ask(asks(3, session.Owners(2), true)), "a repeat asks for the same once more")
	a.r.peers[0].next = 0
	between(a, b, 3, nil)
	require.NotEmpty(t, a.answers)
	assert.Equal(t, wire.StatusOK, a.answers[len(a.answers)-1].Status)
}

// TestWaitsForOwnersAreBounded: how many wait, and for how long.
func TestWaitsForOwnersAreBounded(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.MaxWaiting, c.MaxWaitTicks = 2, 5 })
	q := asks(1, session.Owners(2), false)
	q.Wait = 6
	assert.Equal(t, wire.StatusBadRequest, n.ask(q).Status)
	for req := uint64(1); req <= 2; req++ {
		assert.Nil(t, n.ask(asks(req, session.Owners(2), false)))
	}
	assert.Equal(t, wire.StatusBusy, n.ask(asks(3, session.Owners(2), false)).Status)
	assert.Nil(t, n.ask(asks(2, session.Owners(2), true)), "one that waits already takes no more room")
	assert.Equal(t, wire.StatusOK, n.ask(asks(4, session.AckDurable, false)).Status)
	var u Usage
	n.r.Usage(&u)
	assert.Equal(t, 2, u.Repeats)
}

// TestStrangersAreNoOwners: a replica that does not own the partition does not count.
func TestStrangersAreNoOwners(t *testing.T) {
	owner, stranger := strangers(t)
	q := wire.Request{Client: 7, Req: 1, Put: true, Key: "k", Kind: "counter", Arg: kind.Amount(5), Stamp: 1001 << 16, Ack: session.Owners(1), Wait: 3}
	assert.Nil(t, stranger.ask(q))
	between(owner, stranger, 2, nil)
	require.Len(t, stranger.answers, 1)
	assert.Equal(t, wire.StatusOK, stranger.answers[0].Status)
}
