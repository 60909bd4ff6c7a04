package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
)

// Monotonic is the oracle that a replica's state only rises within an incarnation. A
// replica that does not own a key drops it once the owners have it, and is not held to
// that.
type Monotonic struct {
	base
	Every int // records that become durable for each time that it looks, which takes as long as there is much to look at; 0 is 1

	records int
	seen    [][]held // by node: what was held when last looked at, ascending
	copy    []byte
}

// held is a value that a replica held under a key and kind.
type held struct {
	key, kind string
	value     kind.Value
}

// Begin forgets what other replicas held.
func (o *Monotonic) Begin(c Cluster) {
	o.base.Begin(c)
	o.records = 0
	for len(o.seen) < c.Nodes() {
		o.seen = append(o.seen, nil)
	}
	for n := range o.seen {
		o.Restarted(ring.NodeID(n), nil)
	}
}

// Restarted forgets what the earlier incarnation held.
func (o *Monotonic) Restarted(n ring.NodeID, _ Missing) {
	clear(o.seen[n])
	o.seen[n] = o.seen[n][:0]
}

// Persisted compares what a replica holds with what it held.
func (o *Monotonic) Persisted(n ring.NodeID) {
	core := o.Running(n)
	if o.records++; core == nil || o.records%max(o.Every, 1) != 0 {
		return
	}
	last, at := ring.Partition(0), 0
	core.Each(func(p ring.Partition, key, kind string, v kind.Value) {
		if v == nil || !o.Ring().Owns(n, p) { // or it is lost, and the replica has yet to notice
			return
		}
		v = Over(v, o.Forgotten(key, kind))
		if p != last {
			last, at = p, 0 // keys ascend within a partition
		}
		seen := o.seen[n]
		for at < len(seen) && cmp.Or(strings.Compare(seen[at].key, key), strings.Compare(seen[at].kind, kind)) < 0 {
			at++
		}
		if at == len(seen) || seen[at].key != key || seen[at].kind != kind {
			o.seen[n] = slices.Insert(seen, at, held{key, kind, v.Clone()})
			return
		}
		old := &seen[at]
		switch x := old.value.Compare(v); x {
		case lattice.Equal:
			return
		case lattice.Less:
		default:
			o.fell(n, key, kind, x.String())
		}
		k, _ := o.Kinds().Find(kind)
		o.copy = v.Append(o.copy[:0])
		if err := k.DecodeInto(old.value, o.copy); err != nil {
			o.fell(n, key, kind, err.Error())
		}
	})
}

func (o *Monotonic) fell(n ring.NodeID, key, kind, why string) {
	o.Fail(Violation{Oracle: "monotonic", Kind: kind, Node: int(n), Message: fmt.Sprintf(
		"the value of %q at node %d did not rise: %s", key, n, why)})
}
