package workload

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/linearizability/history"
)

// mostInBatch is how many reads are asked for at once, at most.
const mostInBatch = 4

// holdsFor reports whether each replica that an operation asks holds the key.
func holdsFor(k *placedKey, o *Operation) bool {
	stranger := func(n int) bool { return !slices.Contains(k.owners, ring.NodeID(n)) }
	return !stranger(o.Node) && !slices.ContainsFunc(o.Retries, stranger)
}

// drawBatches has reads of a session that follow each other be asked for at once, where the
// replicas that the first one asks hold the keys of all.
func (p *planner) drawBatches() {
	type open struct{ first, n int } // the position of the first, and how many there are; 0 is none
	sessions := make([]open, p.Sessions)
	for i := range p.ops {
		o, b := &p.ops[i], &sessions[p.ops[i].Session]
		if o.Func != history.Read || o.Amiss != "" {
			b.n = 0
			continue
		}
		at := slices.IndexFunc(p.keys, func(k placedKey) bool { return k.Name == o.Key })
		if b.n > 0 && b.n < mostInBatch && p.own("plan.batch", uint64(i), 4) > 0 && holdsFor(&p.keys[at], &p.ops[b.first]) {
			first := &p.ops[b.first]
			first.Batch, o.Batch, o.Node = uint64(b.first+1), uint64(b.first+1), first.Node
			o.Retries = first.Retries
			b.n++
			continue
		}
		*b = open{i, 1}
	}
}
