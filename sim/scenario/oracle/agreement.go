package oracle

import (
	"bytes"
	"fmt"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Agreement is the oracle of convergence that looks inside: at rest, the owners of a
// partition hold the same values under the same keys. It compares encodings, so that
// it does not rest on the order that is under test.
type Agreement struct {
	base
	left, right []byte
}

// AtRest compares the replicas.
func (o *Agreement) AtRest(r *Rest) {
	if !r.Came || r.Final {
		return
	}
	for _, k := range workload.Keys(o.Operations()) {
		owners := o.Ring().Owners(o.Ring().PartitionOf(k.Name))
		var has, other bool
		o.left, has = o.encoded(o.left[:0], owners[0], k)
		for _, n := range owners[1:] {
			o.right, other = o.encoded(o.right[:0], n, k)
			if has != other || !bytes.Equal(o.left, o.right) {
				o.Fail(Violation{Oracle: "replicas", Kind: string(k.Type), Node: int(n), Message: fmt.Sprintf(
					"at rest, nodes %d and %d hold different values of %q", owners[0], n, k.Name)})
			}
		}
	}
}

// encoded appends the encoding of what a node holds under a key, if it does.
func (o *Agreement) encoded(dst []byte, n ring.NodeID, k workload.Key) ([]byte, bool) {
	if core := o.Running(n); core != nil {
		if v := Over(core.Look(k.Name, k.Kind()), o.Forgotten(k.Name, k.Kind())); v != nil {
			return v.Append(dst), true
		}
	}
	return dst, false
}
