package scenario

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
)

// TestMisfits: each is refused for itself, what it is made of is not, and each is drawn.
func TestMisfits(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{0, 1, 2}, 2, 3)
	require.NoError(t, err)
	right := kvs.Config{Origin: 1, First: true, Ring: rg, Kinds: kind.Default(), Secret: slices.Clone(secret)}
	_, err = kvs.New(right, nil)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, m := range misfits {
		c := right
		m.change(&c)
		_, err := kvs.New(c, nil)
		assert.ErrorIs(t, err, kvs.ErrConfig, m.what)
		assert.False(t, seen[err.Error()], "%s: as another one: %v", m.what, err)
		seen[err.Error()] = true
	}
	for _, x := range refused {
		err := x.make()
		assert.ErrorIs(t, err, x.want, x.what)
	}
	r := &replica{run: &run{}}
	for origin := range uint64(2000) {
		c := right
		c.Origin = origin + 1
		r.misfit(c)
	}
	assert.Empty(t, r.run.failed)
	was := misfits[0].change
	misfits[0].change = func(*kvs.Config) {}
	defer func() { misfits[0].change = was }()
	for origin := range uint64(2000) {
		c := right
		c.Origin = origin + 1
		r.misfit(c)
	}
	assert.NotEmpty(t, r.run.failed, "one that is none is told")
}
