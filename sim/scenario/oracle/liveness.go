package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Liveness is the oracle that once the faults have ended, the cluster comes to rest: in
// bounded time, and in a bounded number of bytes that replicas send each other.
type Liveness struct {
	base
	PerDelta int64 // bytes that converging may take for an operation and replica; 0 is [BytesPerDelta]
	PerByte  int64 // bytes for each byte of a value and replica; 0 is the usual number
}

// The time that a run has to come to rest in. Seen in 60,000 seeds of the strategies
// swarm, uniform, pct and bytes, with 9 nodes, with all faults extreme and with disks
// lost: 3.5 s at most. Runs of 400 operations took up to 3.5 s, of 2,000 up to 9.3 s, but for
// sessions that have not done all their operations by then ([Liveness.More]).
const (
	restBound = 5 * sim.Second
	restMore  = sim.Second / 4 // for each further UsualOperations of the run
)

// Within is the time that a run has, which is long times the usual one.
func (o *Liveness) Within(long int) sim.Time { return restBound + restMore*sim.Time(long-1) }

// More is by how much the bound of a run moves, which has been moved to that time from its start,
// where sessions have operations yet, and no replica has anything left to do, or disks were lost: then
// each read of a causal session may wait for what nobody has, at one replica or another. It is 0 once
// as much was added as the run had.
func (o *Liveness) More(bound sim.Time, long int) sim.Time {
	if bound >= 2*o.Within(long) {
		return 0
	}
	return restMore
}

// Bytes that replicas may send each other between the end of faults and rest: for
// each operation and replica, with what it depends on and what is told of it, and for each
// byte of a value and replica. What was sent before and comes late does not count: a link
// that was held up gives out all that was sent again and again meanwhile. Seen in 80,000
// seeds of the default strategy and 4,000 each of uniform, pct, bytes, 9 nodes, all faults
// extreme and lost disks: 130 and 3 are never passed. Of 20,000 runs of 400 operations one came to
// 4.4 for each byte: with logs of 32 deltas each of three owners lacked what the two others had, and
// all sent each other the whole of a large value twice. What clients ask and get does not
// count: how long a value read is says nothing of how replicas converge. The mutant
// gossip-eightfold shows what it catches.
const (
	// BytesPerByteOfShortLogs are those that a byte of a value and replica may take where logs keep few
	// deltas and runs are long.
	BytesPerByteOfShortLogs = 5
	// BytesPerDelta are those that an operation and replica may take.
	BytesPerDelta = 160
	bytesPerByte  = 4
)

// bytesPerPair is what each two nodes may tell each other so that what is left of deleted registers can
// be forgotten: 9 nodes that do nothing else take 13,000 bytes for it.
const bytesPerPair = 200

// AtRest judges what it took.
func (o *Liveness) AtRest(r *Rest) {
	if !r.Came {
		what := "messages still go back and forth, though no replica has anything left to do"
		if r.Busy >= 0 {
			what = fmt.Sprintf("replica %d still has deltas to offer, records to persist or reads to answer", r.Busy)
		}
		o.Fail(Violation{Oracle: "liveness", Kind: "no rest", Node: r.Busy, Message: fmt.Sprintf("%v after the faults ended, %s", r.Within, what)})
		return
	}
	if most := o.mostBytes(); !r.Final && r.Bytes > most {
		o.Fail(Violation{Oracle: "liveness", Kind: "bytes", Node: -1, Message: fmt.Sprintf(
			"replicas sent each other %d bytes to converge after the faults ended, at most %d may be", r.Bytes, most)})
	}
}

func (o *Liveness) mostBytes() int64 {
	ops := o.Operations()
	writes, bytes := o.Others().Writes(), o.Others().Bytes()
	more, pairs := int64(1), int64(0)
	if o.Moves() { // partitions are handed over
		more = 3
	}
	if slices.ContainsFunc(ops, func(x workload.Operation) bool { return x.Func == workload.Delete && x.Type == history.Register }) {
		pairs = int64(o.Nodes() * (o.Nodes() - 1))
	}
	return more * (int64(o.Nodes())*(int64(len(ops)+writes+8)*cmp.Or(o.PerDelta, BytesPerDelta)+cmp.Or(o.PerByte, bytesPerByte)*int64(workload.Bytes(ops)+bytes)) + pairs*bytesPerPair)
}
