package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// from has an asker's session subscribe, and returns what the replica tells upon it.
func (n *told) from(t *testing.T, asker, client uint64) []*wire.Update {
	t.Helper()
	m := wire.Subscribe{Client: client, Number: 1, Sent: 1, Key: "k", Kind: "set", Lease: 50}
	n.updates = nil
	n.step(t, kvs.Event{Kind: kvs.EventRequest, Asker: asker, Msg: m.Encode()})
	return n.updates
}

// TestSubscriptionsAreShared: an asker that invents sessions keeps no more places than its
// share once others ask, its newest ones go first, and who has as many as others gets no
// more. Those of whom the host says nothing are one asker.
func TestSubscriptionsAreShared(t *testing.T) {
	node, _ := owner(t)
	n := newTold(t, node, func(c *kvs.Config) { c.MaxSubscriptions = 6 })
	for i := range uint64(6) {
		u := n.from(t, 1, 100+i)
		require.Len(t, u, 1)
		require.Equal(t, wire.StatusOK, u[0].Status)
	}
	u := n.from(t, 1, 106)
	require.Len(t, u, 1)
	assert.Equal(t, wire.StatusBusy, u[0].Status, "no room, and it has all of it")
	for asker := uint64(2); asker <= 3; asker++ {
		for i := range uint64(2) {
			u = n.from(t, asker, 10*asker+i)
			require.Len(t, u, 2, "asker %d", asker)
			assert.Equal(t, wire.StatusBusy, u[0].Status)
			assert.Contains(t, u[0].Detail, "6 subscriptions, of which")
			assert.Equal(t, 105-2*(asker-2)-i, u[0].Client, "the newest of the one that has most")
			assert.Equal(t, 10*asker+i, u[1].Client)
			assert.Equal(t, wire.StatusOK, u[1].Status)
		}
	}
	for asker := uint64(1); asker <= 3; asker++ {
		u = n.from(t, asker, 1000+asker)
		require.Len(t, u, 1, "two each: asker %d", asker)
		assert.Equal(t, wire.StatusBusy, u[0].Status)
	}
	u = n.from(t, 0, 2000)
	require.Len(t, u, 2, "who has none gets one")
	assert.Equal(t, wire.StatusOK, u[1].Status)
	u = n.from(t, 0, 2001)
	require.Len(t, u, 1, "and no second: nobody has two more")
	assert.Equal(t, wire.StatusBusy, u[0].Status)
}

// TestSubscriberOfAnotherKind: who subscribes to a key that is not there yet, as another kind
// than it gets, is told so as soon as it may be told anything, and is no subscriber any more.
func TestSubscriberOfAnotherKind(t *testing.T) {
	node, _ := owner(t)
	secret := session.NewNotary([]byte("0123456789abcdef"))
	n := newTold(t, node, nil)
	for client := uint64(1); client <= 2; client++ {
		m := wire.Subscribe{Client: client, Number: 1, Sent: 1, Key: "k", Kind: "counter", Lease: 50, Level: session.Causal, Deps: session.Matrix{{Origin: 7, Seq: 1}}}
		m.Proof = secret.ProveBoth(m.Deps, nil)
		require.Empty(t, n.ask(t, &m), "the replica has yet to write what it has seen")
	}
	u := n.add(t, "a")
	require.Len(t, u, 2)
	for i := range u {
		assert.Equal(t, wire.StatusKindMismatch, u[i].Status)
		assert.Equal(t, "set", u[i].Detail)
	}
	assert.Empty(t, n.add(t, "b"), "both are gone")
	assert.True(t, n.r.Quiet())
}

// TestRepeatsThatWaitAreBounded: of a write that asks for owners, and of one of another
// replica that is being persisted, no more repeats wait than may.
func TestRepeatsThatWaitAreBounded(t *testing.T) {
	g := newRig(t, 2, 1, 2, kvs.Config{MaxWaiting: 1})
	g.down[1] = true
	ask := func(client uint64, again bool) *wire.Response {
		q := put(client, 1, "set", "k", []byte{byte(client)})
		q.Ack, q.Wait, q.Stamp, q.Again = session.Owners(2), 50, 1001<<16, again
		return g.ask(0, q)
	}
	require.Nil(t, ask(1, false), "it waits")
	require.Nil(t, ask(1, true), "as does its repeat, with it")
	q := put(2, 1, "set", "k", []byte{2})
	q.Stamp = 1001 << 16
	require.Equal(t, wire.StatusOK, g.ask(0, q).Status)
	got := ask(2, true)
	require.NotNil(t, got)
	assert.Equal(t, wire.StatusBusy, got.Status)
	assert.Equal(t, "1 writes wait to be answered", got.Detail)
}
