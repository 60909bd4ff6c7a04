package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

func TestCausalSessionRemembers(t *testing.T) {
	s := session.Session{Level: session.Causal}
	assert.Nil(t, s.Requires(1))
	s.Observe(1, causal.Version{10: 3}, session.Matrix{2: {20: 5}}, 77)
	s.Observe(1, causal.Version{10: 2, 11: 1}, nil, 50)
	assert.Equal(t, causal.Version{10: 3, 11: 1}, s.Requires(1))
	assert.Equal(t, causal.Version{20: 5}, s.Requires(2), "what a read depended on is depended on")
	assert.Equal(t, session.Matrix{1: {10: 3, 11: 1}, 2: {20: 5}}, s.Deps())
	assert.Equal(t, uint64(77), s.Clock())
}

func TestEventualSessionForgets(t *testing.T) {
	var s session.Session
	s.Observe(1, causal.Version{10: 3}, session.Matrix{2: {20: 5}}, 77)
	assert.Nil(t, s.Requires(1))
	assert.Nil(t, s.Deps())
	assert.Equal(t, uint64(77), s.Clock(), "but not the time, so that its later write wins")
}

func TestMatrixCodec(t *testing.T) {
	m := session.Matrix{7: {3: 1, 1: 9}, 2: {1: 1}}
	b := m.Append(nil)
	got, rest, err := session.Decode(append(b, 0xff))
	require.NoError(t, err)
	assert.Equal(t, m, got)
	assert.Equal(t, []byte{0xff}, rest)
	for i := range b {
		_, _, err := session.Decode(b[:i])
		assert.Error(t, err, "truncated at %d", i)
	}
}

func TestLevels(t *testing.T) {
	for _, name := range session.Levels() {
		l, err := session.ParseLevel(name)
		require.NoError(t, err)
		assert.Equal(t, name, l.String())
	}
	_, err := session.ParseLevel("strict")
	assert.ErrorIs(t, err, session.ErrLevel)
}
