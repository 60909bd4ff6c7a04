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
	stranger := func(n int) bool { return !k.ownedBy(n) }
	return !stranger(o.Node) && !slices.ContainsFunc(o.Retries, stranger)
}

// strangerFor reports whether no replica that an operation asks holds the key.
func strangerFor(k *placedKey, o *Operation) bool {
	return !k.ownedBy(o.Node) && !slices.ContainsFunc(o.Retries, k.ownedBy)
}

func (k *placedKey) ownedBy(n int) bool { return slices.Contains(k.owners, ring.NodeID(n)) }

// drawBatches has operations of a session that follow each other, all reads or all puts, be
// asked for at once: of the replicas that the first one asks. What is read these hold, or none
// of them does, for which that key alone is refused. What is amiss with the request as a whole
// is so with all that is read by it, and with the first that is written, for which those behind
// it are skipped.
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
		stranger := read && o.Amiss == "" && first.Amiss.ofOne() && strangerFor(&p.keys[at], first)
		fits := b.n > 0 && o.Amiss.ofOne() && b.n < mostInBatch && read == (first.Func == history.Read) && (!read || stranger || holdsFor(&p.keys[at], first))
		if !fits || p.own("plan.batch", uint64(i), 4) == 0 {
			*b = open{i, 1}
			continue
		}
		first.Batch, o.Batch = uint64(b.first+1), uint64(b.first+1)
		o.Node, o.Retries, o.Ack = first.Node, first.Retries, first.Ack
		switch {
		case read && !first.Amiss.ofOne():
			o.Amiss = first.Amiss
		case stranger:
			o.Amiss = NotOwner
		}
		b.n++
	}
}

// ofOne reports whether a request for several keys is amiss in one of them at most, and not as
// a whole.
func (a Amiss) ofOne() bool { return a == "" || a == BadKind || a == BadAmount || a == NotOwner }
