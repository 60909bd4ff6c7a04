package kvs

import (
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// Poison overwrites the memory that is valid only until the next call: the effects, their
// messages, and what the last message was decoded into. A host that tests calls it once
// the effects are carried out. It changes no state, so whatever is different after it has
// kept hold of such memory.
func (r *Replica) Poison() {
	wire.PoisonBytes(r.wire)
	wire.PoisonBytes(r.value)
	for i := range r.past {
		r.past[i] = session.Mark{Partition: wire.PoisonNumber, Origin: wire.PoisonNumber, Seq: wire.PoisonNumber}
	}
	clear(r.out)
	clear(r.accepts)
	r.in.Poison()
}
