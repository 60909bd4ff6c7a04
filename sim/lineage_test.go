package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

func TestChoicesOfAnActorAreKeyedByLineage(t *testing.T) {
	run := func(skip bool) map[string]uint64 {
		keys := map[string]uint64{}
		var where string
		src := sourceFunc(func(p choice.Point) uint64 { keys[where+p.Site] = p.Key; return 0 })
		s := &script{}
		s.onInput = func(c *Context, id uint64) {
			where = fmt.Sprintf("op%d ", id)
			c.Choose("one", 1) // not asked
			c.Choose("first", 2)
			c.Send(1, MsgKind(id), nil)
		}
		s.receive = func(c *Context, _ NodeID, _ []byte) {
			where = fmt.Sprintf("msg%d ", c.Kind())
			c.Choose("second", 5)
		}
		w := world(t, Options{Nodes: 2, Factory: same(s), Source: src})
		if !skip {
			require.NoError(t, w.Inject(1, 0, 1))
		}
		require.NoError(t, w.Inject(2, 0, 2))
		require.NoError(t, w.RunUntil(Second))
		return keys
	}
	all, part := run(false), run(true)
	require.Len(t, all, 4)
	require.Len(t, part, 2)
	for name, k := range part {
		require.Equal(t, all[name], k, name)
	}
}

func TestSiblingsHaveTheirOwnKeys(t *testing.T) {
	s := &script{onInput: func(c *Context, _ uint64) {
		for range 3 {
			c.Send(1, 5, []byte("x"))
			c.Send(0, 5, []byte("x"))
			c.Send(1, 6, []byte("x"))
			c.Choose("again", 2)
		}
	}}
	w := world(t, Options{Nodes: 2, Factory: same(s)})
	require.NoError(t, w.Inject(1, 0, 1))
	require.NoError(t, w.RunUntil(Second), "AssertKeys finds no key twice")
	require.Equal(t, int64(9), w.Stats().Messages)
}

func TestAssertKeysFindsAnOperationInjectedTwice(t *testing.T) {
	w := world(t, Options{Nodes: 2, Factory: same(&script{})})
	require.NoError(t, w.Inject(1, 0, 1))
	require.NoError(t, w.Inject(2, 1, 1))
	require.ErrorIs(t, w.RunUntil(Second), ErrKeyTwice)
	require.ErrorIs(t, w.RunUntil(2*Second), ErrKeyTwice, "the first error stays")
}
