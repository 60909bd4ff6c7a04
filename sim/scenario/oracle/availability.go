package oracle

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Availability is the oracle of refusals and failures. The plan asks for nothing that a
// replica may refuse, but for a read at a causal level that has waited in vain. And no
// operation fails, or stays without an answer, after the faults have ended and the
// replicas have come to rest; nor in all of the run, if no fault took effect.
type Availability struct{ base }

// Answered judges a refusal.
func (o *Availability) Answered(a *Answer) {
	s, x := a.Response.Status, a.Operation
	if s == wire.StatusOK || s == wire.StatusUnavailable && x.Func == history.Read && a.Level == session.Causal {
		return
	}
	o.Fail(Violation{Oracle: "availability", Kind: "refused", Op: string(x.Func), Node: x.Node, Message: fmt.Sprintf(
		"#%d of %q is refused: %v: %s", x.ID, x.Key, s, a.Response.Detail)})
}

// Ended looks for what failed where nothing may.
func (o *Availability) Ended(e *End) {
	for i := range e.History.Ops {
		x := &e.History.Ops[i]
		if x.Outcome == history.OK || !e.Faultless && e.Planned[i] < workload.FirstFinal {
			continue
		}
		when := "after the faults had ended"
		if e.Faultless {
			when = "in a run without faults"
		}
		o.Fail(Violation{Oracle: "availability", Kind: "failed", Op: string(x.Func), Node: x.Node, Message: fmt.Sprintf(
			"#%d of %q is not served %s: %v", e.Planned[i], x.Key, when, x.Outcome)})
	}
}
