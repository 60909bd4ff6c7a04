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
	update := func(number, origin, version uint64, elements ...string) *wire.Update {
		return &wire.Update{Origin: origin, Version: version, Response: wire.Response{Client: 5, Req: number, Found: true, Value: value(t, elements...)}}
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
		_, err := s.Take(1, &wire.Update{Origin: 7, Version: version, Response: wire.Response{Client: 5, Req: 1, Found: true, Value: b, Deps: deps}})
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
}
