package workload

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/linearizability/history"
)

// mostInBatch is how many operations are asked for at once, at most: no more writes than a
// replica remembers of a session.
const mostInBatch = 4

// holdsFor reports whether each replica that an operation asks holds the key.
func holdsFor(k *placedKey, o *Operation) bool {
	stranger := func(n int) bool { return !slices.Contains(k.owners, ring.NodeID(n)) }
	return !stranger(o.Node) && !slices.ContainsFunc(o.Retries, stranger)
}

// drawBatches has operations of a session that follow each other, all reads or all puts, be
// asked for at once: of the replicas that the first one asks, where these hold the keys of
// all that is read. What is amiss with the session's request as a whole is so with all that is
// read by it, and with the first that is written, which those behind it are skipped for.
func (p *planner) drawBatches() {
	type open struct{ first, n int } // the position of the first, and how many there are; 0 is none
	sessions := make([]open, p.Sessions)
	for i := range p.ops {
		o, b := &p.ops[i], &sessions[p.ops[i].Session]
		if o.Func == Delete || o.Amiss == NotOwner {
			b.n = 0
			continue
		}
		first := &p.ops[b.first]
		at := slices.IndexFunc(p.keys, func(k placedKey) bool { return k.Name == o.Key })
		read := o.Func == history.Read
		fits := b.n > 0 && (o.Amiss == "" || o.Amiss.ofOne()) && b.n < mostInBatch && read == (first.Func == history.Read) && (!read || holdsFor(&p.keys[at], first))
		if !fits || p.own("plan.batch", uint64(i), 4) == 0 {
			*b = open{i, 1}
			continue
		}
		first.Batch, o.Batch = uint64(b.first+1), uint64(b.first+1)
		o.Node, o.Retries, o.Ack = first.Node, first.Retries, first.Ack
		if read && first.Amiss != "" && !first.Amiss.ofOne() {
			o.Amiss = first.Amiss
		}
		b.n++
	}
}

// ofOne reports whether a request for several keys is amiss in one of them alone.
func (a Amiss) ofOne() bool { return a == BadKind || a == BadAmount }
