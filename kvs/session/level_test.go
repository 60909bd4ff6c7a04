package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
)

// TestGuaranteesMakeLevels: what a level promises is what its guarantees are, and who has
// more of them has all that comes of fewer.
func TestGuaranteesMakeLevels(t *testing.T) {
	var levels []session.Level
	for _, name := range session.Levels() {
		l, err := session.ParseLevel(name)
		require.NoError(t, err)
		levels = append(levels, l)
		g := l.Guarantees()
		assert.Equal(t, g != 0, l.Waits(), name)
		assert.Equal(t, g&(session.RYW|session.MR) != 0, l.Requires(), name)
		assert.Equal(t, g&(session.MW|session.WFR) != 0, l.Follows(), name)
		assert.Equal(t, !l.Transactional(), l.Known(), name)
		assert.Equal(t, l.Transactional(), l.Served() != l, name)
		assert.True(t, l.Served().Known())
	}
	for _, weak := range levels {
		for _, strong := range levels {
			if g := weak.Guarantees(); g&strong.Guarantees() == g {
				assert.True(t, !weak.Requires() || strong.Requires(), "%v and %v", weak, strong)
				assert.True(t, !weak.Follows() || strong.Follows(), "%v and %v", weak, strong)
			}
		}
	}
	assert.Zero(t, session.Level(200).Guarantees())
	assert.False(t, session.Level(7).Known())
	assert.Equal(t, "Level(99)", session.Level(99).String())
}

// TestDepends: what a write depends on, by level.
func TestDepends(t *testing.T) {
	past, own := session.Matrix{{1, 10, 3}, {2, 20, 5}}, session.Matrix{{2, 20, 5}}
	for l, want := range map[session.Level]session.Matrix{
		session.ReadYourWrites: nil, session.MonotonicReads: nil, session.MonotonicWrites: past, session.WritesFollowReads: past,
		session.PRAM: own, session.Causal: past,
	} {
		assert.Equal(t, want, l.Depends(past, own), "%v", l)
	}
}

// TestPRAMSessionKeepsBoth: what it must see, and its own writes, under one proof.
func TestPRAMSessionKeepsBoth(t *testing.T) {
	s := session.Session{Level: session.PRAM}
	past, own := session.Matrix{{1, 10, 3}, {2, 20, 5}}, session.Matrix{{2, 20, 5}}
	require.True(t, s.ObserveBoth(past, own, session.Proof{1}, 7))
	got, proof := s.Past()
	assert.Equal(t, past, got)
	assert.Equal(t, own, s.Own())
	assert.Equal(t, session.Proof{1}, proof)
	assert.Equal(t, session.Row{{2, 20, 5}}, required(s, 2))
	assert.False(t, s.ObserveBoth(past, nil, session.Proof{2}, 9), "an answer that leaves out its own writes")
	assert.False(t, s.ObserveBoth(own, own, session.Proof{2}, 9), "one that leaves out what it has seen")
	assert.Equal(t, own, s.Own())
	s.Reset(session.PRAM)
	assert.Empty(t, s.Own())
}

// TestLevelsThatRequireNothing: of what is shown at mw and wfr a read need see nothing.
func TestLevelsThatRequireNothing(t *testing.T) {
	for _, l := range []session.Level{session.MonotonicWrites, session.WritesFollowReads} {
		s := session.Session{Level: l}
		require.True(t, s.ObserveBoth(session.Matrix{{1, 10, 3}}, nil, session.Proof{1}, 7))
		past, _ := s.Past()
		assert.Len(t, past, 1, "its writes depend on that")
		assert.Nil(t, required(s, 1))
	}
}

// TestProofsOfBoth: a proof of two pasts is of no one of them, nor of both the other way
// round, nor of one that has the marks of both.
func TestProofsOfBoth(t *testing.T) {
	n := session.NewNotary([]byte("secret one"))
	past, own := session.Matrix{{1, 10, 3}, {2, 20, 5}}, session.Matrix{{2, 20, 4}}
	p := n.ProveBoth(past, own)
	assert.True(t, n.VouchesBoth(past, own, p))
	assert.False(t, n.VouchesBoth(own, past, p))
	assert.False(t, n.VouchesBoth(past, nil, p))
	assert.False(t, n.VouchesBoth(own, nil, p))
	assert.False(t, n.VouchesBoth(past, past, p))
	assert.False(t, n.VouchesBoth(past, nil, p))
	assert.False(t, n.VouchesBoth(past, own, n.ProveBoth(past, nil)))
	assert.False(t, n.VouchesBoth(nil, own, session.Proof{}), "own writes beside nothing")
	assert.Equal(t, n.ProveBoth(past, nil), n.ProveBoth(past, nil))
}

func TestAcks(t *testing.T) {
	for _, a := range []session.Ack{session.AckDurable, session.AckMemory, session.Owners(1), session.Owners(session.MaxOwners)} {
		assert.True(t, a.Known())
		back, err := session.ParseAck(a.String())
		require.NoError(t, err)
		assert.Equal(t, a, back)
	}
	assert.Zero(t, session.AckMemory.Owners())
	assert.Equal(t, 3, session.Owners(3).Owners())
	assert.False(t, (session.AckMemory | session.Owners(2)).Known())
	for _, bad := range []string{"", "w", "w=0", "w=16", "w=-1", "disk"} {
		_, err := session.ParseAck(bad)
		assert.ErrorIs(t, err, session.ErrAck, bad)
	}
}

// TestCacheServesWhatTheLevelAllows: after the session has seen or written more in the
// partition, or elsewhere, and after a while.
func TestCacheServesWhatTheLevelAllows(t *testing.T) {
	first, here, elsewhere := session.Matrix{{1, 10, 3}}, session.Matrix{{1, 10, 4}}, session.Matrix{{1, 10, 3}, {2, 20, 1}}
	cut := session.Matrix{{1, 10, 3}, {session.Cuts, 10, 1}}
	for _, name := range session.Levels()[:7] {
		l, err := session.ParseLevel(name)
		require.NoError(t, err)
		for _, x := range []struct {
			more  session.Matrix
			at    uint64
			serve bool
		}{
			{first, 59, true}, {first, 160, false}, {elsewhere, 1, true}, {here, 1, l.Guarantees()&session.RYW == 0}, {cut, 1, l.Guarantees()&session.RYW == 0},
		} {
			s, c := session.Session{Level: l}, session.Cache{MaxAgeMS: 60, Max: 2}
			require.True(t, s.ObserveBoth(first, nil, session.Proof{}, 1) || l == session.PRAM)
			c.Keep(&s, 1, "k", "set", []byte("v"), true, 0)
			require.True(t, s.ObserveBoth(x.more, nil, session.Proof{}, 1))
			value, found, ok := c.Get(&s, "k", "set", x.at)
			assert.Equal(t, x.serve, ok, "%v after %v, %d ms", l, x.more, x.at)
			if ok {
				assert.True(t, found)
				assert.Equal(t, "v", string(value))
			}
			_, _, stale := c.Stale(&s, "k", "set")
			assert.Equal(t, l == session.MonotonicReads, stale, "%v", l)
			_, _, ok = c.Get(&s, "other", "set", 0)
			assert.False(t, ok)
		}
	}
	var s session.Session
	c := session.Cache{MaxAgeMS: 60, Max: 2}
	value := []byte("1")
	for i, key := range []string{"a", "b", "a", "c"} {
		c.Keep(&s, 1, key, "set", value, true, uint64(i))
		value[0]++ // it is copied
	}
	_, _, ok := c.Get(&s, "b", "set", 5)
	assert.False(t, ok, "read longest ago")
	got, _, ok := c.Get(&s, "a", "set", 5)
	assert.True(t, ok)
	assert.Equal(t, "3", string(got))
}
