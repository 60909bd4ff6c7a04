package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/subscription"
	"github.com/joinery-go/joinery/kvs/wire"
)

// told is a replica of which all writes are durable at once, and what it tells subscribers.
type told struct {
	r       *kvs.Replica
	updates []*wire.Update
	req     uint64
}

func newTold(t *testing.T, self ring.NodeID, change func(*kvs.Config)) *told {
	t.Helper()
	rg, err := ring.New([]ring.NodeID{1, 2}, 1, 1)
	require.NoError(t, err)
	cfg := kvs.Config{Self: self, Origin: 7, First: true, Ring: rg, Kinds: kind.Default(), Secret: []byte("0123456789abcdef")}
	if change != nil {
		change(&cfg)
	}
	r, err := kvs.New(cfg, nil)
	require.NoError(t, err)
	return &told{r: r}
}

// owner is which of the two nodes holds the only partition.
func owner(t *testing.T) (owns, other ring.NodeID) {
	rg, err := ring.New([]ring.NodeID{1, 2}, 1, 1)
	require.NoError(t, err)
	if owns = rg.Owners(0)[0]; owns == 1 {
		return 1, 2
	}
	return 2, 1
}

func (n *told) step(t *testing.T, ev kvs.Event) {
	t.Helper()
	ev.NowMS = 1000
	var tokens []uint64
	for _, e := range n.r.Step(ev) {
		switch {
		case e.Kind == kvs.EffectPersist:
			tokens = append(tokens, e.Token)
		case e.Kind == kvs.EffectRespond && wire.KindOf(e.Msg) == wire.MsgUpdate:
			u, err := wire.DecodeUpdate(e.Msg)
			require.NoError(t, err)
			n.updates = append(n.updates, u)
		}
	}
	for _, token := range tokens {
		n.step(t, kvs.Event{Kind: kvs.EventPersisted, Token: token})
	}
}

// ask has the replica take a subscriber's message, and returns what it tells upon it.
func (n *told) ask(t *testing.T, m *wire.Subscribe) []*wire.Update {
	t.Helper()
	n.updates = nil
	n.step(t, kvs.Event{Kind: kvs.EventRequest, Msg: m.Encode()})
	return n.updates
}

func (n *told) add(t *testing.T, element string) []*wire.Update {
	t.Helper()
	n.req++
	n.updates = nil
	q := wire.Request{Client: 99, Req: n.req, Put: true, Key: "k", Kind: "set", Arg: []byte(element)}
	n.step(t, kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
	return n.updates
}

func (n *told) tick(t *testing.T) []*wire.Update {
	t.Helper()
	n.updates = nil
	n.step(t, kvs.Event{Kind: kvs.EventTick})
	return n.updates
}

func subscriber(t *testing.T, level session.Level, node ring.NodeID) *subscription.Subscription {
	t.Helper()
	set, _ := kind.Default().Find("set")
	s, err := subscription.New(5, 1, "k", set, level, node)
	require.NoError(t, err)
	return s
}

// TestSubscription: first the value, then growths, one at a time; what comes while one is on
// its way comes with the next.
func TestSubscription(t *testing.T) {
	node, _ := owner(t)
	for _, level := range []session.Level{session.Eventual, session.Causal} {
		n, s := newTold(t, node, nil), subscriber(t, level, node)
		take := func(updates []*wire.Update) (grew bool) {
			t.Helper()
			require.Len(t, updates, 1)
			grew, err := s.Take(node, updates[0])
			require.NoError(t, err)
			return grew
		}
		assert.True(t, take(n.ask(t, s.Message(50))), "told, though there is nothing")
		v, found, toldOnce := s.Value()
		assert.Zero(t, elements(t, v))
		assert.False(t, found)
		assert.True(t, toldOnce)
		assert.Empty(t, n.add(t, "a"), "the first is not acknowledged")
		assert.Empty(t, n.add(t, "b"))
		assert.True(t, take(n.ask(t, s.Message(50))))
		v, found, _ = s.Value()
		assert.Equal(t, 2, elements(t, v))
		assert.True(t, found)
		assert.Empty(t, n.ask(t, s.Message(50)), "nothing has grown")
		late := n.add(t, "c")
		assert.True(t, take(late), "told at once")
		assert.False(t, take(late), "twice")
		assert.False(t, n.r.Quiet(), "the last is not acknowledged")
		assert.Empty(t, n.ask(t, s.Message(50)))
		assert.True(t, n.r.Quiet())
		assert.Empty(t, n.ask(t, s.End()))
		assert.Empty(t, n.add(t, "d"), "ended")
	}
}

// TestUpdateAgain: an update that is not acknowledged is sent again, less and less often, with
// what has grown since, until the lease is over.
func TestUpdateAgain(t *testing.T) {
	node, _ := owner(t)
	n, s := newTold(t, node, nil), subscriber(t, session.Eventual, node)
	require.Len(t, n.ask(t, s.Message(60)), 1)
	var at []int
	var last *wire.Update
	for tick := 1; tick <= 80; tick++ {
		if tick == 8 {
			require.Empty(t, n.add(t, "a"))
		}
		if updates := n.tick(t); len(updates) > 0 {
			require.Len(t, updates, 1)
			at, last = append(at, tick), updates[0]
		}
	}
	assert.Equal(t, []int{1, 3, 7, 15, 31, 47}, at)
	assert.Equal(t, uint64(2), last.Version, "another, since the value has grown")
	assert.True(t, last.Found)
	assert.True(t, n.r.Quiet(), "forgotten")
}

// TestLateMessageKeepsTheLease: a message of a short lease that comes behind one of a long
// lease, as the network may have it, leaves the long one.
func TestLateMessageKeepsTheLease(t *testing.T) {
	node, _ := owner(t)
	n, s := newTold(t, node, nil), subscriber(t, session.Eventual, node)
	late := s.Message(4)
	for _, u := range n.ask(t, s.Message(4)) {
		_, err := s.Take(node, u)
		require.NoError(t, err)
	}
	n.ask(t, s.Message(100))
	n.ask(t, late)
	for range 50 {
		n.tick(t)
	}
	assert.Len(t, n.add(t, "a"), 1, "still a subscriber")
	for range 51 {
		n.tick(t)
	}
	assert.Empty(t, n.add(t, "b"), "no more")
}

// TestLateMessageBeginsAnotherLife: a message that comes once more when the lease is over
// begins the subscription anew, upon what the session had seen when it was sent. What it is
// told is left, and told again once the replica has heard what it has seen since; the life
// before goes on without that.
func TestLateMessageBeginsAnotherLife(t *testing.T) {
	node, _ := owner(t)
	for _, level := range []session.Level{session.Eventual, session.Causal} {
		n, s := newTold(t, node, nil), subscriber(t, level, node)
		heard := func(updates []*wire.Update) uint64 {
			t.Helper()
			require.Len(t, updates, 1)
			_, err := s.Take(node, updates[0])
			require.NoError(t, err)
			_, version := s.Heard()
			return version
		}
		late := s.Message(3)
		require.Equal(t, uint64(1), heard(n.ask(t, late)))
		require.Empty(t, n.ask(t, s.Message(3)))
		crossed := s.Message(3) // sent before the next one came
		second := n.add(t, "a")
		require.Equal(t, uint64(2), heard(second), "upon the second message, by the life that told the first")
		require.Empty(t, n.ask(t, s.Message(3)))
		for range 4 {
			n.tick(t)
		}
		require.Empty(t, n.add(t, "b"), "forgotten")
		again := n.ask(t, late)
		assert.Equal(t, uint64(2), heard(again))
		assert.Equal(t, [3]uint64{3, 2, 1}, [3]uint64{again[0].Version, again[0].Since, again[0].Sent})
		assert.Empty(t, n.ask(t, crossed))
		crossing := n.tick(t)
		assert.Equal(t, uint64(2), heard(crossing), "sent before the second was taken")
		assert.Equal(t, uint64(3), crossing[0].Sent)
		assert.Empty(t, n.ask(t, s.Message(3)), "it is told again in its time")
		n.tick(t)
		last := n.tick(t)
		assert.Equal(t, uint64(3), heard(last))
		assert.Equal(t, s.Message(3).Sent-1, last[0].Sent)
		v, _, _ := s.Value()
		assert.Equal(t, 2, elements(t, v))
	}
}

// TestSubscriptionNumbers: what is late of an earlier subscription counts for nothing; a
// later one takes the place of an earlier one; and the updates of one that had been forgotten
// come after those before.
func TestSubscriptionNumbers(t *testing.T) {
	node, _ := owner(t)
	n, s := newTold(t, node, nil), subscriber(t, session.Eventual, node)
	first, end := s.Message(50), s.End()
	require.Len(t, n.ask(t, first), 1)
	s.Follow(node)
	second := n.ask(t, s.Message(3))
	require.Len(t, second, 1)
	assert.Equal(t, uint64(2), second[0].Req)
	assert.Empty(t, n.ask(t, first))
	assert.Empty(t, n.ask(t, end))
	grew, err := s.Take(node, second[0])
	require.NoError(t, err)
	assert.True(t, grew)
	require.Empty(t, n.ask(t, s.Message(3)))
	third := n.add(t, "a")
	require.Len(t, third, 1)
	_, err = s.Take(node, third[0])
	require.NoError(t, err)
	for range 4 {
		n.tick(t)
	}
	require.Empty(t, n.add(t, "b"), "forgotten")
	fourth := n.ask(t, s.Message(3))
	require.Len(t, fourth, 1)
	assert.Equal(t, third[0].Version+1, fourth[0].Version)
	grew, err = s.Take(node, fourth[0])
	require.NoError(t, err)
	assert.True(t, grew)
	other := first
	other.Number, other.Client = 1, 6
	assert.Len(t, n.ask(t, other), 1, "of another session")
}

// TestSubscriptionRefused: with the status and for the reason that a read would be.
func TestSubscriptionRefused(t *testing.T) {
	owns, stranger := owner(t)
	for name, c := range map[string]struct {
		node   ring.NodeID
		change func(*wire.Subscribe)
		status wire.Status
		detail string
	}{
		"unknown kind":    {owns, func(m *wire.Subscribe) { m.Kind = "none" }, wire.StatusBadRequest, `unknown kind "none"`},
		"another kind":    {owns, func(m *wire.Subscribe) { m.Kind = "counter" }, wire.StatusKindMismatch, "set"},
		"no session":      {owns, func(m *wire.Subscribe) { m.Client = 0 }, wire.StatusBadRequest, "session 0"},
		"no lease":        {owns, func(m *wire.Subscribe) { m.Lease = 0 }, wire.StatusBadRequest, "a lease of 0 ticks, want 1 to 4096"},
		"a long lease":    {owns, func(m *wire.Subscribe) { m.Lease = 4097 }, wire.StatusBadRequest, "4097"},
		"not an owner":    {stranger, func(*wire.Subscribe) {}, wire.StatusNotOwner, fmt.Sprintf("held by nodes [%d]", owns)},
		"an invented one": {owns, func(m *wire.Subscribe) { m.Deps = session.Matrix{{Origin: 3, Seq: 1}} }, wire.StatusBadRequest, "no replica vouches"},
		"an own one":      {owns, func(m *wire.Subscribe) { m.Own = session.Matrix{{Origin: 3, Seq: 1}} }, wire.StatusBadRequest, "no replica vouches"},
		"a clock ahead":   {owns, func(m *wire.Subscribe) { m.Clock = 1 << 62 }, wire.StatusClockAhead, ""},
		"no room":         {owns, func(m *wire.Subscribe) { m.Client = 8 }, wire.StatusBusy, "1 subscriptions, and no room for more"},
	} {
		n := newTold(t, c.node, func(c *kvs.Config) { c.MaxSubscriptions = 1 })
		n.add(t, "a")
		s := subscriber(t, session.Causal, c.node)
		if c.status == wire.StatusBusy {
			require.Len(t, n.ask(t, s.Message(50)), 1)
		}
		m := s.Message(50)
		c.change(m)
		updates := n.ask(t, m)
		require.Len(t, updates, 1, name)
		assert.Equal(t, c.status, updates[0].Status, name)
		assert.Contains(t, updates[0].Detail, c.detail, name)
		assert.Zero(t, updates[0].Version, name)
		if m.Client == 5 {
			_, err := s.Take(c.node, updates[0])
			assert.ErrorIs(t, err, subscription.ErrRefused, name)
			assert.ErrorContains(t, err, updates[0].Detail, name)
		}
	}
}

// TestSubscriptionWaits: a subscriber that has seen more than the replica has is told so, and
// stays one.
func TestSubscriptionWaits(t *testing.T) {
	node, _ := owner(t)
	secret := session.NewNotary([]byte("0123456789abcdef"))
	n, s := newTold(t, node, nil), subscriber(t, session.Causal, node)
	m := s.Message(50)
	m.Deps = session.Matrix{{Origin: 7, Seq: 1}} // which the replica has yet to write
	m.Proof = secret.ProveBoth(m.Deps, nil)
	assert.Empty(t, n.ask(t, m))
	again := n.ask(t, m)
	require.Len(t, again, 1)
	assert.Equal(t, wire.StatusUnavailable, again[0].Status)
	updates := n.add(t, "a")
	require.Len(t, updates, 1)
	grew, err := s.Take(node, updates[0])
	require.NoError(t, err)
	assert.True(t, grew)
}

// TestSubscriptionOfAClone: a clone is in the same state, and goes on by itself.
func TestSubscriptionOfAClone(t *testing.T) {
	node, _ := owner(t)
	n, s := newTold(t, node, nil), subscriber(t, session.Causal, node)
	n.add(t, "a")
	require.Len(t, n.ask(t, s.Message(50)), 1)
	before := n.r.AppendState(nil)
	c := &told{r: n.r.Clone(), req: n.req}
	require.Equal(t, before, c.r.AppendState(nil))
	c.ask(t, s.Message(9))
	c.add(t, "b")
	c.tick(t)
	assert.Equal(t, before, n.r.AppendState(nil))
	assert.NotEqual(t, before, c.r.AppendState(nil))
}
