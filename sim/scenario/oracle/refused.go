package oracle

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/ring"
)

// Refused is the oracle that replicas understand each other and their clients: where no link
// spoils messages, nobody sends what is none, all run one program, and nobody comes or goes, no message, and nothing
// in one, is refused as wrong.
type Refused struct {
	base
	Spoiled bool // messages may be wrong; then nothing is judged
}

// Persisted looks at a replica's count.
func (o *Refused) Persisted(n ring.NodeID) { o.look(n) }

// AtRest looks at all.
func (o *Refused) AtRest(*Rest) {
	for n := range o.Nodes() {
		o.look(ring.NodeID(n))
	}
}

func (o *Refused) look(n ring.NodeID) {
	core := o.Running(n)
	if core == nil || o.Spoiled || o.Moves() {
		return
	}
	if refused := core.Stats().Rejected; refused > 0 {
		o.Fail(Violation{Oracle: "refused", Kind: "message", Node: int(n), Message: fmt.Sprintf(
			"node %d has refused %d messages, or what is in them, as wrong, and nobody has sent a wrong one", n, refused)})
	}
}
