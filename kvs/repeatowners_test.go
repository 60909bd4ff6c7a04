package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestRepeatsThatCountAreServedByOwners: a replica that is no owner, and is cut off, refuses the
// repeat of a write that must count once, unless it remembers that one; owners may have forgotten by
// the time they hear of it that they have the first write. What is the same twice it serves.
func TestRepeatsThatCountAreServedByOwners(t *testing.T) {
	for kindOf, want := range map[string]wire.Status{"counter": wire.StatusNotOwner, "set": wire.StatusOK, "register": wire.StatusOK} {
		c := newCluster(t, 4, 1, 2, 1)
		var strangers []int
		for n := range 4 {
			if !c.ring.Owns(ring.NodeID(n), 0) {
				strangers = append(strangers, n)
			}
		}
		owner := int(c.ring.Owners(0)[0])
		first := put(7, 1, kindOf, "k", kind.Amount(5))
		c.give(owner, stamped(first, c.now<<16, false))
		now := c.now
		for req := range uint64(8) { // by the end of which owners have forgotten it
			c.settle()
			c.give(owner, stamped(put(7, 2+req, "register", fmt.Sprint(req), []byte{1}), c.now<<16, false))
		}
		c.crash(strangers[0]) // and it has heard of nothing
		again := stamped(first, now<<16, true)
		require.Equal(t, want, c.direct(strangers[0], again).Status, kindOf)
		elsewhere := put(9, 1, kindOf, "k", kind.Amount(6))
		require.Equal(t, wire.StatusOK, c.direct(strangers[1], stamped(elsewhere, c.now<<16, false)).Status)
		require.Equal(t, wire.StatusOK, c.direct(strangers[1], stamped(elsewhere, c.now<<16, true)).Status, "it has served it itself")
		c.settle()
		c.agree()
		if kindOf == "counter" {
			assert.Equal(t, int64(11), c.counted(owner, "k"))
		}
	}
}
