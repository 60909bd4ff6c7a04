package elastic

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Sample is what a node reports of itself. Counts and times are those since its incarnation began,
// and rise within it: samples may be lost, late, or come twice. It is not changed once made.
type Sample struct {
	Node    ring.NodeID
	View    member.View // that its replica goes by
	Settled bool        // its replica knows of no change under way
	Demand  kvs.Demand

	UpUS     uint64 // time that has passed, in microseconds, by a clock of the node that does not go back
	BusyUS   uint64 // of that, the time spent on requests
	TookUS   uint64 // the time that requests took altogether, from when they came until they were answered
	Capacity uint64 // bytes that it can store, above 0
}

// Measure is the sample of the node of a replica, but for what its host measures: UpUS, BusyUS,
// TookUS and Capacity. O(partitions held + members + factors).
func Measure(self ring.NodeID, r *kvs.Replica) *Sample {
	s := &Sample{
		Node: self, Settled: r.Settled(),
		View: member.View{Members: r.View().Clone(), Factors: r.Factors().Clone()},
	}
	r.Demand(&s.Demand)
	return s
}

// ErrSample is wrapped when a sample cannot be of a node.
var ErrSample = errors.New("elastic: invalid sample")

func (s *Sample) validate(partitions int) error {
	parts := s.Demand.Partitions
	bad := s.Capacity == 0 || s.Demand.Origin == 0 || s.BusyUS > s.UpUS ||
		!slices.IsSortedFunc(parts, func(a, b kvs.PartitionDemand) int { return int(a.Partition) - int(b.Partition) }) ||
		len(parts) > 0 && int(parts[len(parts)-1].Partition) >= partitions
	if f := s.View.Factors; len(f) > 0 && int(f[len(f)-1].Key) >= partitions {
		bad = true
	}
	if bad {
		return fmt.Errorf("%w: of node %d, incarnation %d: a capacity of %d, busy for %d of %d µs, or partitions out of order, of %d", ErrSample, s.Node, s.Demand.Origin, s.Capacity, s.BusyUS, s.UpUS, partitions)
	}
	return nil
}

// follows reports whether s was made after t, in the same incarnation.
func (s *Sample) follows(t *Sample) bool {
	return s.Demand.Origin == t.Demand.Origin && s.UpUS > t.UpUS && s.BusyUS >= t.BusyUS && s.TookUS >= t.TookUS && s.Demand.Served >= t.Demand.Served
}

// served is how many requests for a partition were served before the sample was made.
func (s *Sample) served(p ring.Partition) uint64 {
	i, found := slices.BinarySearchFunc(s.Demand.Partitions, p, func(x kvs.PartitionDemand, p ring.Partition) int { return int(x.Partition) - int(p) })
	if !found {
		return 0
	}
	return s.Demand.Partitions[i].Served
}

// Meter measures the time of a node without a clock that tells it: as if each request kept one
// server busy for CostUS, and they were served in the order in which they come. The zero Meter with
// a cost is that of a node that begins.
type Meter struct {
	CostUS uint64 // of a request, in microseconds

	free   uint64 // when the server is done with all that has come
	took   uint64
	worked uint64
}

// Serve has so many requests come at a time, in microseconds, which does not go back.
func (m *Meter) Serve(nowUS, requests uint64) {
	m.free = max(m.free, nowUS)
	for range requests {
		m.free += m.CostUS
		m.took += m.free - nowUS
	}
	m.worked += requests * m.CostUS
}

// Waiting is how long a request waits that comes at a time, in microseconds.
func (m *Meter) Waiting(nowUS uint64) uint64 { return max(m.free, nowUS) - nowUS }

// Read notes in a sample what was measured until a time, in microseconds since the node began.
func (m *Meter) Read(nowUS uint64, s *Sample) {
	s.UpUS, s.TookUS = nowUS, m.took
	s.BusyUS = min(m.worked-m.Waiting(nowUS), nowUS)
}
