package oracle

import (
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Replicas forget what is left of a register that was deleted, once nothing can come any more
// against which it has to stand. Whoever watches does not: all owners have held the delete,
// so that a replica which holds nothing, or what was written since, shows no less than the
// delete joined to that.

// Over is what a replica shows that holds v of a key, nil for nothing, given that tombstone
// was forgotten of the key somewhere, nil if none was. What the tombstone has taken away, and
// the replica shows all the same, stays what it is: it has come back, and that is for others
// to find. The result may be v, or tombstone, and is not to be changed.
func Over(v, tombstone kind.Value) kind.Value {
	if v == nil || tombstone == nil {
		if v == nil {
			return tombstone
		}
		return v
	}
	before, ok := registerOf(v)
	joined := v.Clone()
	joined.MergeIn(tombstone)
	after, _ := registerOf(joined)
	if !ok || before.Second.Second.Some && after != before {
		return v
	}
	return joined
}

// registerOf is the plain register in a value.
func registerOf(v kind.Value) (kind.Register, bool) {
	if plain, ok := kind.Get[kind.Register](v); ok {
		return plain, true
	}
	pair, ok := kind.Get[workload.Tagged[kind.Register]](v)
	return pair.First, ok
}
