package scenario

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Checkers of histories know no deletes. A delete of a register is shown to them as a write
// of a value of its own, which whoever finds nothing since has read. What sets and counters
// hold from which deletes are taken, [oracle.Deletes] judges; of a tagged run the history of
// such a key is that of its tags, of which each value is a set that only grows, and of
// another run there is none.

// shownAs is the function that a history shows an operation as.
func shownAs(o *workload.Operation) history.Func {
	if o.Func == workload.Delete {
		return workload.PutOf(o.Type)
	}
	return o.Func
}

// readingOf takes apart what a read was answered, nil if nothing is held. A register whose
// last write was a delete reads as what the history shows that as.
func (r *run) readingOf(o *workload.Operation, v kind.Value) (workload.Reading, error) {
	got, err := workload.ReadingOf(o.Type, v, r.setup.Tagged, &r.elems)
	if err != nil || !got.Gone {
		return got, err
	}
	for at := range r.recorded {
		if x := &r.ops[at]; x.Func == workload.Delete && x.Key == o.Key && r.recorded[at].Stamp == got.Stamp {
			got.Value = x.Value()
			return got, nil
		}
	}
	return got, fmt.Errorf("it was deleted at %v, and nobody has", got.Stamp)
}

// shrinks reports whether the operation at a position is of a set or counter from which
// deletes of the plan take.
func (r *run) shrinks(at int) bool {
	o := &r.ops[at]
	return o.Type != history.Register && slices.Contains(r.shrinking, workload.Key{Name: o.Key, Type: o.Type})
}

// byTags has an operation be one on the tags of its key.
func byTags(o *history.Op) {
	o.Type, o.Key = history.Set, o.Key+" by tags of the "+string(o.Type)
	if o.IsPut() {
		o.Func, o.Arg = history.Add, tagName(o.Tag)
		return
	}
	tags := make([]history.Value, len(o.Saw))
	for i, t := range o.Saw {
		tags[i] = tagName(t)
	}
	o.Out = history.SetOf(tags...)
}

func tagName(tag uint64) history.Value { return history.Str("t" + strconv.FormatUint(tag, 10)) }

// markDeleted is the situation that a key reads as absent since it was deleted, and
// markSpared that a delete left what it had not seen.
const (
	markDeleted = oracle.MarkDeleted
	markSpared  = oracle.MarkSpared
)
