package oracle

import (
	"cmp"
	"fmt"

	"github.com/joinery-go/joinery/sim"
)

// Liveness is the oracle that once the faults have ended, the cluster comes to rest: in
// bounded time, and in a bounded number of bytes that replicas get from each other.
type Liveness struct {
	base
	PerDelta int64 // bytes that converging may take for an operation and replica; 0 is the usual number
}

// settleBound is the time from the horizon to rest, for each usual number of operations.
const settleBound = 20 * sim.Second

// bytesPerDelta is over three times the worst that was seen in 32,000 seeds of the
// strategies swarm, uniform and pct: 70. The mutant gossip-eightfold shows what it
// catches.
const bytesPerDelta = 256

// Within is the time that a run has to come to rest in, which is long times the usual.
func (o *Liveness) Within(long int) sim.Time { return settleBound * sim.Time(long) }

// AtRest judges what it took.
func (o *Liveness) AtRest(r *Rest) {
	if !r.Came {
		o.Fail(Violation{Oracle: "liveness", Kind: "no rest", Node: r.Busy, Message: fmt.Sprintf(
			"%v after the faults ended, replica %d still has deltas to offer, records to persist or reads to answer", r.Within, r.Busy)})
		return
	}
	if most := o.mostBytes(r); !r.Final && r.Bytes > most {
		o.Fail(Violation{Oracle: "liveness", Kind: "bytes", Node: -1, Message: fmt.Sprintf(
			"replicas got %d bytes from each other to converge after the faults ended, at most %d may be", r.Bytes, most)})
	}
}

// mostBytes bounds what replicas may get from each other between the end of faults
// and rest: each operation to each replica a few times over, with what it depends
// on, and the same again for what is told of it. What clients ask and get does not
// count: how long a value read is says nothing of how replicas converge. In a long
// run replicas restart more often, and each incarnation has a place in every set of
// dots that is told.
func (o *Liveness) mostBytes(r *Rest) int64 {
	return int64(len(o.Operations())+8) * int64(o.Nodes()) * cmp.Or(o.PerDelta, bytesPerDelta) * int64(r.Long+3) / 4
}
