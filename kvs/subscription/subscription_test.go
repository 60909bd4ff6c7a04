package subscription_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/subscription"
	"github.com/joinery-go/joinery/kvs/wire"
)

func set(t *testing.T) kind.Kind {
	t.Helper()
	k, ok := kind.Default().Find("set")
	require.True(t, ok)
	return k
}

func value(t *testing.T, elements ...string) []byte {
	t.Helper()
	v := set(t).New()
	for _, x := range elements {
		d, err := set(t).Mutate(kind.Update{Arg: []byte(x)}, nil)
		require.NoError(t, err)
		v.MergeIn(d)
	}
	return v.Append(nil)
}

// TestNeverBackwards: updates that are late, of another replica, or of an earlier number are
// left; what another replica tells is joined; and what it leaves out stays.
func TestNeverBackwards(t *testing.T) {
	s, err := subscription.New(5, 1, "k", set(t), session.Eventual, 1)
	require.NoError(t, err)
	upon := s.Message(9).Sent
	update := func(number, origin, version uint64, elements ...string) *wire.Update {
		return &wire.Update{Origin: origin, Version: version, Sent: upon, Response: wire.Response{Client: 5, Req: number, Found: true, Value: value(t, elements...)}}
	}
	want := func(elements ...string) {
		t.Helper()
		v, _, _ := s.Value()
		assert.Equal(t, value(t, elements...), v.Append(nil))
	}
	_, _, told := s.Value()
	assert.False(t, told)
	for _, c := range []struct {
		from ring.NodeID
		u    *wire.Update
		grew bool
		want []string
	}{
		{1, update(1, 17, 2, "a", "b"), true, []string{"a", "b"}},
		{1, update(1, 17, 1, "a"), false, []string{"a", "b"}},
		{1, update(1, 16, 9, "c"), false, []string{"a", "b"}},     // an earlier incarnation
		{2, update(1, 18, 9, "c"), false, []string{"a", "b"}},     // nobody follows it
		{1, update(2, 17, 9, "c"), false, []string{"a", "b"}},     // another number
		{1, update(1, 33, 1, "a"), false, []string{"a", "b"}},     // started again, with less
		{1, update(1, 33, 2, "d"), true, []string{"a", "b", "d"}}, // and more
	} {
		c.u.Sent = s.Message(9).Sent
		grew, err := s.Take(c.from, c.u)
		require.NoError(t, err)
		assert.Equal(t, c.grew, grew)
		want(c.want...)
	}
	m := s.Message(9)
	assert.Equal(t, []uint64{1, 33, 2}, []uint64{m.Number, m.Origin, m.Seen})
	s.Follow(2)
	m = s.Message(9)
	assert.Equal(t, []uint64{2, 0, 0}, []uint64{m.Number, m.Origin, m.Seen})
	upon = m.Sent
	grew, err := s.Take(2, update(2, 18, 1, "a", "e"))
	require.NoError(t, err)
	assert.True(t, grew)
	want("a", "b", "d", "e")
	assert.True(t, s.End().End)
}

// TestFaultyUpdates: what is no value is told; that, and what leaves out the past of the
// session, changes nothing; a refusal says of which key, by whom and why.
func TestFaultyUpdates(t *testing.T) {
	s, err := subscription.New(5, 1, "k", set(t), session.Causal, 1)
	require.NoError(t, err)
	past := session.Matrix{{Origin: 3, Seq: 4}}
	take := func(version uint64, deps session.Matrix, b []byte) error {
		_, err := s.Take(1, &wire.Update{Origin: 7, Version: version, Sent: s.Message(9).Sent, Response: wire.Response{Client: 5, Req: 1, Found: true, Value: b, Deps: deps}})
		return err
	}
	require.NoError(t, take(1, past, value(t, "a")))
	assert.ErrorIs(t, take(2, past, []byte{0xff}), subscription.ErrUpdate)
	assert.NoError(t, take(2, nil, value(t, "b")), "left")
	v, _, _ := s.Value()
	assert.Equal(t, value(t, "a"), v.Append(nil))
	_, err = s.Take(1, &wire.Update{Origin: 7, Response: wire.Response{Client: 5, Req: 1, Status: wire.StatusBusy, Detail: "full"}})
	assert.ErrorIs(t, err, subscription.ErrRefused)
	assert.EqualError(t, err, `subscription: key "k": node 1: busy: full`)
	require.NoError(t, take(2, past, value(t, "a", "b")))
}

// TestMadeUponAllThatWasSeen: of updates whose pasts have marks of cuts, so that it cannot be
// seen what they leave out, those are taken that are made upon all that the session has seen:
// later ones of the life of the subscription that told the last one, and those of a life that
// has had a message from after it. Messages may come late, twice and in any order, to a
// replica that has started again, or at which the lease was over; and the subscriber may go to
// another one, and come back.
func TestMadeUponAllThatWasSeen(t *testing.T) {
	cut := session.Matrix{{Partition: session.Cuts, Origin: 1, Seq: 1}}
	const eventual, causal = session.Eventual, session.Causal
	for _, level := range []session.Level{eventual, causal} {
		s, err := subscription.New(5, 1, "k", set(t), level, 1)
		require.NoError(t, err)
		type numbers struct{ origin, version, since, sent uint64 }
		number, node := uint64(1), ring.NodeID(1)
		taken := func(x numbers) bool {
			t.Helper()
			u := &wire.Update{Origin: x.origin, Version: x.version, Since: x.since, Sent: x.sent, Response: wire.Response{Client: 5, Req: number, Found: true, Value: value(t, "a")}}
			if level.Waits() {
				u.Deps = cut
			}
			_, err := s.Take(node, u)
			require.NoError(t, err)
			origin, version := s.Heard()
			return origin == x.origin && version == x.version
		}
		say := func(want uint64) {
			t.Helper()
			require.Equal(t, want, s.Message(9).Sent)
		}
		say(1)
		say(2)
		assert.True(t, taken(numbers{17, 5, 4, 2}), "the first")
		assert.True(t, taken(numbers{17, 8, 4, 2}), "of the life that told it, though upon no later message")
		assert.True(t, taken(numbers{17, 9, 4, 1}), "whatever it was made upon")
		assert.False(t, taken(numbers{17, 12, 10, 2}), "of a life that a late message began when the lease was over")
		assert.False(t, taken(numbers{17, 12, 9, 2}), "and with no update in between")
		assert.False(t, taken(numbers{33, 1, 0, 2}), "of one that it began at a later incarnation")
		say(3)
		assert.False(t, taken(numbers{33, 2, 0, 2}), "as before: what was sent did not come")
		assert.True(t, taken(numbers{33, 2, 0, 3}), "made once more, upon it")
		say(4)
		assert.True(t, taken(numbers{33, 3, 0, 3}), "and on")
		assert.False(t, taken(numbers{33, 7, 6, 4}), "upon a message from before the last one was taken")
		say(5)
		assert.True(t, taken(numbers{33, 7, 6, 5}))
		assert.False(t, taken(numbers{33, 6, 0, 9}), "earlier")
		assert.False(t, taken(numbers{17, 99, 4, 9}), "of an earlier incarnation")
		s.Follow(2)
		number, node = 2, 2
		assert.False(t, taken(numbers{18, 9, 0, 5}), "nothing was sent under this number")
		say(6)
		assert.True(t, taken(numbers{18, 9, 0, 6}))
		s.Follow(1)
		number, node = 3, 1
		say(7)
		assert.True(t, taken(numbers{33, 9, 8, 7}), "of the replica that it has come back to")
		say(8)
		assert.Equal(t, uint64(9), s.End().Sent)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, f := range map[string]func() error{
		"no session": func() error { _, err := subscription.New(0, 1, "k", set(t), 0, 1); return err },
		"no number":  func() error { _, err := subscription.New(1, 0, "k", set(t), 0, 1); return err },
		"no kind":    func() error { _, err := subscription.New(1, 1, "k", nil, 0, 1); return err },
		"a long key": func() error {
			_, err := subscription.New(1, 1, strings.Repeat("k", wire.MaxKey+1), set(t), 0, 1)
			return err
		},
		"a level of transactions": func() error { _, err := subscription.New(1, 1, "k", set(t), session.ItemCut, 1); return err },
	} {
		assert.ErrorIs(t, f(), subscription.ErrConfig, name)
	}
	_, err := subscription.New(7, 0, "k", set(t), 0, 1)
	assert.ErrorContains(t, err, "session 7, number 0:")
}
