package oracle

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Placement is the oracle of where keys are. It works the owners of every partition out
// anew, by looking for the nearest point of each node on the circle, and holds the ring
// against that; and at rest nobody but owners holds anything.
type Placement struct {
	base
	known map[*ring.Ring]string // rings do not change: what is wrong with them
}

// Begin holds the ring, and the keys of the plan, against what they should be.
func (o *Placement) Begin(c Cluster) {
	o.base.Begin(c)
	r := c.Ring()
	wrong, known := o.known[r]
	if !known {
		if o.known == nil || len(o.known) > 256 {
			o.known = make(map[*ring.Ring]string)
		}
		wrong = misplaced(r, c.ReplicasOf)
		o.known[r] = wrong
	}
	for _, k := range workload.Keys(c.Operations()) {
		want := ring.Partition(xxhash.Sum64([]byte(k.Name)) % uint64(r.Partitions()))
		if got := r.PartitionOf(k.Name); wrong == "" && got != want {
			wrong = fmt.Sprintf("key %q is put into partition %d of %d, want %d", k.Name, got, r.Partitions(), want)
		}
	}
	if wrong != "" {
		c.Fail(Violation{Oracle: "placement", Kind: "ring", Node: -1, Message: wrong})
	}
}

// misplaced says what is wrong with a ring, "" if nothing is.
func misplaced(r *ring.Ring, replicas func(ring.Partition) int) string {
	nodes := r.Nodes()
	for p := range r.Partitions() {
		want := nearest(nodes, uint64(p), min(replicas(ring.Partition(p)), len(nodes)))
		if got := r.Owners(ring.Partition(p)); !slices.Equal(got, want) {
			return fmt.Sprintf("partition %d of %d on nodes %v is placed on %v, want %v", p, r.Partitions(), nodes, got, want)
		}
		for _, n := range nodes {
			if r.Owns(n, ring.Partition(p)) != slices.Contains(want, n) {
				return fmt.Sprintf("node %d is said to own partition %d, or not to, against %v", n, p, want)
			}
		}
	}
	return ""
}

// nearest are the n nodes whose nearest of 64 points comes first clockwise from the place
// of partition p.
func nearest(nodes []ring.NodeID, p uint64, n int) []ring.NodeID {
	from := placeOf('p', p, 0)
	way := func(node ring.NodeID) uint64 {
		least := ^uint64(0)
		for v := range uint64(64) {
			least = min(least, placeOf('n', uint64(node), v)-from) // the circle wraps as numbers do
		}
		return least
	}
	sorted := slices.SortedStableFunc(slices.Values(nodes), func(a, b ring.NodeID) int {
		if x, y := way(a), way(b); x != y {
			if x < y {
				return -1
			}
			return 1
		}
		return int(a) - int(b)
	})
	return sorted[:n]
}

// placeOf is a place on the circle: the hash of a letter and two numbers.
func placeOf(letter byte, a, b uint64) uint64 {
	text := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{letter}, a), b)
	return xxhash.Sum64(text)
}

// members holds who a replica takes for the owners of partitions to the twin, unless its node is
// gone: what comes about after that it is not told. One may have lost with its disk that it is
// gone, and then goes by the ring until it has reason to speak with anybody.
func (o *Placement) members(n ring.NodeID, core *kvs.Replica) {
	nodes := o.Ring().Nodes()
	if !o.Moves() || core.View().At(n).Phase() == member.Gone || !slices.Contains(nodes, n) {
		return
	}
	for p := range ring.Partition(o.Ring().Partitions()) {
		got, want := core.Placement().Owners(p), nearest(nodes, uint64(p), min(o.ReplicasOf(p), len(nodes)))
		if !slices.Equal(got, want) {
			o.Fail(Violation{Oracle: "placement", Kind: "members", Node: int(n), Message: fmt.Sprintf(
				"at rest, node %d takes nodes %v for the owners of partition %d, want %v; its members are %v, and its factors %v", n, got, p, want, core.View(), core.Factors())})
		}
		if slices.Contains(want, n) && !core.Serves(p) {
			o.Fail(Violation{Oracle: "placement", Kind: "fresh", Node: int(n), Message: fmt.Sprintf(
				"at rest, node %d owns partition %d, and does not serve it", n, p)})
		}
	}
}

// AtRest looks for what is held where it does not belong.
func (o *Placement) AtRest(r *Rest) {
	if !r.Came {
		return
	}
	for i := range o.Nodes() {
		n := ring.NodeID(i)
		core := o.Running(n)
		if core == nil {
			continue
		}
		o.members(n, core)
		core.Each(func(p ring.Partition, key, kind string, _ kind.Value) {
			if !slices.Contains(o.Ring().Owners(p), n) {
				o.Fail(Violation{Oracle: "placement", Kind: "stranger", Node: i, Message: fmt.Sprintf(
					"at rest, node %d still holds the %s %q, whose owners are %v", n, kind, key, o.Ring().Owners(p))})
			}
			if o.Ring().PartitionOf(key) != p {
				o.Fail(Violation{Oracle: "placement", Kind: "partition", Node: i, Message: fmt.Sprintf(
					"at rest, node %d holds %q in partition %d, want %d", n, key, p, o.Ring().PartitionOf(key))})
			}
		})
	}
}
