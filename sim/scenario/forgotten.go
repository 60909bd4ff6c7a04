package scenario

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// In half of the seeds replicas forget tombstones after lateMS, which is within the time that
// faults last; in a quarter after soonMS, when earlier writes are on their way yet; and else never
// within a run.
const lateMS, soonMS = 60, 5

// markForgotten is the situation that a tombstone was forgotten.
const markForgotten = "tombstone forgotten"

type forgottenKey struct{ key, kind string }

// Forgot is [host.Observer.Forgot].
func (r *replica) Forgot(e *gossip.Entry) {
	r.context.Mark(markForgotten)
	r.run.forgot(r.id, e)
}

var _ host.Observer = (*replica)(nil)

// forgot notes a tombstone that a replica forgets.
func (r *run) forgot(n ring.NodeID, e *gossip.Entry) {
	k, _ := r.kinds.Find(e.Kind)
	v, err := k.Decode(e.Delta)
	if err != nil || !k.Absent(v) {
		r.fail(Violation{Oracle: "deletes", Kind: e.Kind, Node: -1, Message: fmt.Sprintf("what is forgotten of %q is no tombstone: %v", e.Key, err)})
		return
	}
	r.tell(func(o oracle.Oracle) { o.Forgot(&oracle.Tombstone{Node: n, Key: e.Key, Kind: e.Kind, Value: v}) })
	if r.forgotten == nil {
		r.forgotten = make(map[forgottenKey]kind.Value)
	}
	name := forgottenKey{e.Key, e.Kind}
	if before := r.forgotten[name]; before != nil {
		v.MergeIn(before)
	}
	r.forgotten[name] = v
}

// Forgotten is what was forgotten of a key so far, joined; nil if nothing was.
func (r *run) Forgotten(key, kind string) kind.Value { return r.forgotten[forgottenKey{key, kind}] }

// over is what a read was answered, with what was forgotten of the key.
func (r *run) over(o *workload.Operation, value []byte, held bool) ([]byte, bool) {
	gone := r.Forgotten(o.Key, o.Kind())
	if gone == nil {
		return value, held
	}
	var v kind.Value
	if held {
		k, _ := r.kinds.Find(o.Kind())
		var err error
		if v, err = k.Decode(value); err != nil {
			return value, held // which is told where it is taken apart
		}
	}
	return oracle.Over(v, gone).Append(nil), true
}

// forgets reports whether nothing keeps replicas from forgetting all tombstones that can be
// in the time that a run has to come to rest: all clocks are right, nobody says that it is
// later than it is, and no older program runs where members come and go.
func (s *Setup) forgets() bool {
	return s.LateMS > 0 && s.Faults[sim.Clock] == sim.Off && !s.Hostile && !(s.moves() && s.mixed())
}
