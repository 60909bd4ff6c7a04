// Package consistency judges the histories that runs of a [campaign.Protocol] have
// recorded, by the checkers of package linearizability. It is apart from package campaign
// so that a protocol that is judged otherwise needs none of them, and decides nothing by
// itself.
package consistency

import (
	"context"
	"fmt"

	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Steps bounds the search for one run: a history of a few dozen operations takes less.
const Steps = 400_000

// Bytes bounds the memory of the search for one run.
const Bytes = 256 << 20

// Check has the history that clients recorded judged by a model, such as
// "linearizable"; [linearizability.Models] lists them. It returns a violation with the
// operations that show it, which the page of the run marks, an error where the model cannot judge such a history, and nil
// otherwise; what the budget does not suffice for counts as undecided.
func Check(r *campaign.Run, model string) error {
	h := r.History()
	if len(h.Ops) == 0 {
		return nil
	}
	v, err := linearizability.Judge(context.Background(), h, model, linearizability.Budget{Steps: Steps, Bytes: Bytes})
	switch {
	case err != nil:
		return fmt.Errorf("cannot be judged: %s: %w", model, err)
	case v.Status == linearizability.Violation:
		for i := range v.Witness {
			r.Witness(v.Witness[i].Index)
		}
		return campaign.Violation{Oracle: model, Kind: "history", Node: -1, Message: v.Reason}
	case v.Status != linearizability.OK:
		r.Undecided()
	}
	return nil
}
