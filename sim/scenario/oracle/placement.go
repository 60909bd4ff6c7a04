package oracle

import (
	"cmp"
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
	Lost  *LostWrites
	known map[*ring.Ring]*twin // rings do not change
}

// twin is what a ring should be.
type twin struct {
	inMemory, onDisk [][]ring.NodeID // of each partition all nodes of a tier, the nearest first
	wrong            string          // with the ring, "" if nothing is
}

// owners are the nearest nodes to a partition of each tier, as many as are asked for; while there are
// fewer than there are to be at least, one more at a time, of memory while it has more.
func (w *twin) owners(p ring.Partition, memory, disk, least int) (owners []ring.NodeID) {
	fast, slow := w.inMemory[p], w.onDisk[p]
	memory, disk = min(memory, len(fast)), min(disk, len(slow))
	for memory+disk < min(least, len(fast)+len(slow)) {
		if memory < len(fast) {
			memory++
		} else {
			disk++
		}
	}
	return append(append(owners, fast[:memory]...), slow[:disk]...)
}

// twin is the one of the cluster's ring.
func (o *Placement) twin() *twin {
	r := o.Ring()
	w := o.known[r]
	if w == nil {
		if o.known == nil || len(o.known) > 256 {
			o.known = make(map[*ring.Ring]*twin)
		}
		var fast, slow []ring.NodeID
		for _, n := range r.Nodes() {
			if n < r.Disks() {
				fast = append(fast, n)
			} else {
				slow = append(slow, n)
			}
		}
		w = &twin{inMemory: orders(fast, r.Partitions()), onDisk: orders(slow, r.Partitions())}
		w.wrong = w.misplaced(r, o.VectorOf)
		o.known[r] = w
	}
	return w
}

// Begin holds the ring, and the keys of the plan, against what they should be.
func (o *Placement) Begin(c Cluster) {
	o.base.Begin(c)
	r, wrong := c.Ring(), o.twin().wrong
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
func (w *twin) misplaced(r *ring.Ring, vector func(ring.Partition) (memory, disk, least int)) string {
	nodes := r.Nodes()
	for p := range ring.Partition(r.Partitions()) {
		memory, disk, least := vector(p)
		want := w.owners(p, memory, disk, least)
		if got := r.Owners(p); !slices.Equal(got, want) {
			return fmt.Sprintf("partition %d of %d on nodes %v is placed on %v, want %v", p, r.Partitions(), nodes, got, want)
		}
		for _, n := range nodes {
			if r.Owns(n, p) != slices.Contains(want, n) {
				return fmt.Sprintf("node %d is said to own partition %d, or not to, against %v", n, p, want)
			}
		}
	}
	return ""
}

// orders are, for each partition, the nodes by how far the nearest of the 64 points of each lies
// clockwise from the place of the partition, and of two as far the lesser node first.
func orders(nodes []ring.NodeID, partitions int) [][]ring.NodeID {
	points := make(map[ring.NodeID][64]uint64)
	for _, n := range nodes {
		var at [64]uint64
		for v := range at {
			at[v] = placeOf('n', uint64(n), uint64(v))
		}
		points[n] = at
	}
	all := make([][]ring.NodeID, partitions)
	for p := range all {
		from, way := placeOf('p', uint64(p), 0), make(map[ring.NodeID]uint64)
		for _, n := range nodes {
			least := ^uint64(0)
			for _, at := range points[n] {
				least = min(least, at-from) // the circle wraps as numbers do
			}
			way[n] = least
		}
		all[p] = slices.SortedFunc(slices.Values(nodes), func(a, b ring.NodeID) int {
			return cmp.Or(cmp.Compare(way[a], way[b]), cmp.Compare(a, b))
		})
	}
	return all
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
		memory, disk, least := o.VectorOf(p)
		got, want := core.Placement().Owners(p), o.twin().owners(p, memory, disk, least)
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

// strays reports whether a node is gone, and has lost with its disk that it is.
func (o *Placement) strays(n ring.NodeID, core *kvs.Replica) bool {
	return o.Moves() && o.Lost != nil && o.Lost.LostDisk(n) && !slices.Contains(o.Ring().Nodes(), n) && core.View().At(n).Phase() != member.Gone
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
		if o.strays(n, core) {
			continue
		}
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
