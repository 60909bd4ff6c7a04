package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Storage is the oracle of what replicas keep beside values. While a run lasts, an owner's
// log and the reads that wait are within what the configuration says, and what is taken to
// be in flight is. At rest nothing is left of what was under way; the log of records is cut
// as far as it should be; who is remembered are sessions that have written, and not longer
// than the configuration says; owners hold the same dots of a partition; and a counter has
// no more rows of repeats than increments that may have been repeated.
type Storage struct {
	base
	Lost            *LostWrites
	Waiting         int  // reads that may wait at a replica; 0 is the default of the store
	Log             int  // deltas that an owner may keep of a partition; 0 is any number
	CheckpointBytes int  // of records that may be written before the next checkpoint; 0 is any number
	Forgets         bool // at rest no tombstones are left that can be forgotten
	CacheBytes      int  // of values that are in memory beside those kept outside; 0 is any number

	usage kvs.Usage
	seen  int // records that became durable
	dots  []gossip.Dots
	of    []ring.NodeID // by partition: whose dots these are
}

const (
	mostWaiting = 1024 // the default of the store
	mostEach    = 16   // and for one session
	every       = 4    // of the records that become durable, those at which a replica is looked into
)

// Begin forgets an earlier run.
func (o *Storage) Begin(c Cluster) {
	o.base.Begin(c)
	o.seen = 0
}

// Persisted looks at what must hold at any time.
func (o *Storage) Persisted(n ring.NodeID) {
	if o.seen++; o.seen%every > 0 {
		return
	}
	core := o.Running(n)
	if core == nil {
		return
	}
	u := &o.usage
	core.Usage(u)
	if most := cmp.Or(o.Waiting, mostWaiting); u.Waiting > most {
		o.fail(n, "waiting", "%d reads wait, at most %d may", u.Waiting, most)
	}
	if busy := u.Persisting + u.Waiting + u.Repeats + u.Fetching; busy > 0 && core.Quiet() {
		o.fail(n, "quiet", "nothing is left to do, it says, though %d records, reads, answers and snapshots are under way", busy)
	}
	for i := range u.Partitions {
		p := &u.Partitions[i]
		switch {
		case p.Deltas > 0 && core.Quiet():
			o.fail(n, "quiet", "nothing is left to do, it says, though partition %d has %d deltas that owners may lack", p.Partition, p.Deltas)
		case o.Log > 0 && p.Owned && p.Deltas > o.Log:
			o.fail(n, "log", "partition %d has %d deltas in the log, at most %d may be", p.Partition, p.Deltas, o.Log)
		case p.Pending == 0 && p.InFlight > 0:
			o.fail(n, "in flight", "%d dots of partition %d are taken to be in flight, and no record is", p.InFlight, p.Partition)
		}
	}
}

// AtRest looks at what must hold once nothing is left to do.
func (o *Storage) AtRest(r *Rest) {
	if !r.Came {
		return
	}
	wrote := o.writers()
	parts := o.Ring().Partitions()
	o.dots, o.of = make([]gossip.Dots, parts), make([]ring.NodeID, parts)
	for i := range o.Nodes() {
		n := ring.NodeID(i)
		core := o.Running(n)
		if core == nil {
			continue
		}
		u := &o.usage
		core.Usage(u)
		for _, x := range [...]struct {
			name string
			n    int
		}{
			{"records being persisted", u.Persisting}, {"reads that wait", u.Waiting}, {"answers that wait", u.Repeats},
			{"rows that nobody is told of", u.Untold}, {"peers asked for a snapshot", u.Fetching}, {"sessions past their time", u.Idle},
		} {
			if x.n > 0 {
				o.fail(n, x.name, "at rest, there are %d %s", x.n, x.name)
			}
		}
		if most := wrote + o.Others().Sessions(); u.Sessions > most {
			o.fail(n, "sessions", "at rest, %d sessions are remembered, and %d have written", u.Sessions, most)
		}
		if most := max(o.CheckpointBytes, u.Checkpoint); o.CheckpointBytes > 0 && u.Logged >= most {
			o.fail(n, "records", "at rest, %d bytes of records are written since the last checkpoint began, less than %d may be", u.Logged, most)
		}
		if cached := core.CachedBytes(); o.CacheBytes > 0 && cached > o.CacheBytes {
			o.fail(n, "memory", "at rest, %d bytes of values are in memory, at most %d may be", cached, o.CacheBytes)
		}
		o.tombstones(n, core)
		o.partitions(n, u)
		o.rows(n, core)
	}
}

// tombstones looks whether what can be forgotten of what was deleted is.
func (o *Storage) tombstones(n ring.NodeID, core *kvs.Replica) {
	if !o.Forgets || o.Lost.Lossy() { // what depends on something lost stays
		return
	}
	left := 0
	core.Each(func(p ring.Partition, _, name string, v kind.Value) {
		if k, _ := o.Kinds().Find(name); v != nil && o.Ring().Owns(n, p) && k.Absent(v) && k.Deleted(0) != nil {
			left++
		}
	})
	if left > 0 {
		o.fail(n, "tombstones", "at rest, of %d keys that were deleted something is left that could be forgotten", left)
	}
}

// partitions looks at what a node at rest keeps of partitions.
func (o *Storage) partitions(n ring.NodeID, u *kvs.Usage) {
	for i := range u.Partitions {
		p := &u.Partitions[i]
		for _, x := range [...]struct {
			name string
			n    int
		}{
			{"deltas", p.Deltas}, {"dots in flight", p.InFlight}, {"records being persisted", p.Pending},
			{"offers of a snapshot", p.Offers}, {"pieces of a snapshot", p.Staged},
		} {
			if x.n > 0 {
				o.fail(n, x.name, "at rest, partition %d has %d %s", p.Partition, x.n, x.name)
			}
		}
		origins := 0
		for j, s := range p.Dots {
			if j == 0 || p.Dots[j-1].Origin != s.Origin {
				origins++
			} else if p.Dots[j-1].Hi+1 >= s.Lo {
				o.fail(n, "dots", "partition %d names the dots %v and %v apart", p.Partition, p.Dots[j-1], s)
			}
		}
		if p.Cuts > origins {
			o.fail(n, "cuts", "at rest, partition %d has cuts of %d incarnations and dots of %d", p.Partition, p.Cuts, origins)
		}
		if !p.Owned || o.Moves() && !slices.Contains(o.Ring().Nodes(), n) { // one that is gone may have lost that it is
			continue
		}
		switch has := &o.dots[p.Partition]; {
		case *has == nil:
			*has, o.of[p.Partition] = p.Dots.Clone(), n
		case !has.Includes(p.Dots) || !p.Dots.Includes(*has):
			o.fail(n, "dots", "at rest, of partition %d it holds the dots %v, and node %d %v", p.Partition, p.Dots, o.of[p.Partition], *has)
		}
	}
}

// rows counts what repeats have left in counters.
func (o *Storage) rows(n ring.NodeID, core *kvs.Replica) {
	for _, k := range workload.Keys(o.Operations()) {
		if k.Type != history.Counter {
			continue
		}
		v := core.Look(k.Name, k.Kind())
		if v == nil {
			continue
		}
		c, err := workload.CounterOf(v)
		if err != nil {
			o.fail(n, "rows", "at rest, the counter %q cannot be read: %v", k.Name, err)
			continue
		}
		rows := max(rowsOf(c.First), rowsOf(c.Second))
		if most := o.repeated(k); rows > most {
			o.fail(n, "rows", "at rest, the counter %q has rows of %d repeats, and %d of its increments may have been repeated", k.Name, rows, most)
		}
	}
}

// rowsOf counts the rows that are of no incarnation, see [kvs.Config].Origin.
func rowsOf(s kind.Sums) (n int) {
	for i := range s {
		if s[i].Key >= 1<<63 {
			n++
		}
	}
	return n
}

// repeated is how many increments of a counter may have been asked for more than once, or
// were duplicates of the network to a replica that remembered them and had lost them, or had let go
// of them and came to own their partition again.
func (o *Storage) repeated(k workload.Key) (n int) {
	ops := o.Operations()
	for i := range ops {
		if x := &ops[i]; x.Key == k.Name && x.Func == history.Inc && (len(x.Retries) > 0 || (o.Lost.Lossy() || o.Moves()) && o.Lost.servedAgain(i)) {
			n++
		}
	}
	return n
}

// writers is how many sessions have writes in the plan.
func (o *Storage) writers() (n int) {
	ops := o.Operations()
	var seen uint64
	for i := range ops {
		if bit := uint64(1) << (ops[i].Session % 64); ops[i].Func != history.Read && seen&bit == 0 {
			seen |= bit
			n++
		}
	}
	return n
}

func (o *Storage) fail(n ring.NodeID, what, format string, args ...any) {
	o.Fail(Violation{Oracle: "storage", Kind: what, Node: int(n), Message: fmt.Sprintf("node %d: ", n) + fmt.Sprintf(format, args...)})
}
