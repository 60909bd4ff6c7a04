package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestRepeatOfAnExpiredWrite: a write that asks for two owners is answered as unavailable at its
// deadline, while it is on its way to a slow disk. A repeat of it is answered, too, once.
func TestRepeatOfAnExpiredWrite(t *testing.T) {
	s := newStand(t, 2, 1, 2, nil)
	n := s.nodes[1]
	n.slow = true
	q := wire.Request{Client: 7, Req: 1, Put: true, Key: "k", Kind: "register", Arg: []byte("v"), Stamp: 1, Ack: session.Owners(2), Wait: 3}
	answered := func(status wire.Status) {
		t.Helper()
		require.Len(t, n.answers, 1)
		assert.Equal(t, status, n.answers[0].Status)
		n.answers = nil
	}
	give := func() {
		s.take(1, n.r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}))
	}
	give()
	require.Empty(t, n.answers)
	s.rounds(5)
	answered(wire.StatusUnavailable)
	q.Again = true
	give()
	give()
	require.Empty(t, n.answers)
	s.rounds(5)
	answered(wire.StatusUnavailable)
	q.Wait = 40
	give()
	for len(n.pending) > 0 {
		s.flush(1)
	}
	n.slow = false
	s.rounds(5)
	answered(wire.StatusOK)
}
