package scenario

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

func isNotQuiet(err error) bool { return errors.Is(err, sim.ErrNotQuiet) }

// compareReplicas is the oracle of convergence that looks inside: at rest, the
// owners of a partition hold the same values under the same keys. It compares
// encodings, so that it does not rest on the order that is under test.
func (r *run) compareReplicas() {
	for _, k := range planKeys(r.ops) {
		owners := r.ring.Owners(r.ring.PartitionOf(k.name))
		var has, other bool
		r.left, has = r.encoded(r.left[:0], owners[0], k)
		for _, o := range owners[1:] {
			r.right, other = r.encoded(r.right[:0], o, k)
			if has != other || !bytes.Equal(r.left, r.right) {
				r.fail(Violation{Oracle: "replicas", Kind: string(k.typ), Node: int(o), Message: fmt.Sprintf(
					"at rest, nodes %d and %d hold different values of %q", owners[0], o, k.name)})
			}
		}
	}
}

// encoded appends the encoding of what a node holds under a key, if it does.
func (r *run) encoded(dst []byte, n ring.NodeID, k keySpec) ([]byte, bool) {
	if a, ok := r.world.Actor(sim.NodeID(n)).(*replica); ok && a.core != nil {
		if v := a.core.Look(k.name, string(k.typ)); v != nil {
			return v.Append(dst), true
		}
	}
	return dst, false
}

// judge makes the history of a run that has ended, and has it checked.
func (r *run) judge(ctx context.Context, fences []int64, o options) (*Result, error) {
	h, planned := r.makeHistory(fences)
	stats := r.world.Stats()
	res := &Result{
		Seed: r.setup.Seed, Setup: r.setup, TraceHash: r.world.Hash(), Deliveries: r.world.Events(), Operations: r.issued(),
		Rest: r.atRest, RestBytes: r.restBytes, Lost: len(r.lost), Unjudged: len(r.twice),
		ops: r.ops[:r.setup.Operations], all: r.ops, planned: planned, history: h, world: r.world,
	}
	res.FaultEffective = make([]bool, sim.AllClasses)
	for c := range sim.AllClasses {
		res.FaultEffective[c] = stats.Effective[c] > 0
	}
	marks := r.world.Marks()
	res.Marks = make([]string, len(marks))
	for i := range marks {
		res.Marks[i] = marks[i].Name
	}
	if o.decisions {
		for _, d := range r.world.Decisions() {
			res.decisions = append(res.decisions, d.Decision)
		}
	}
	res.Concurrent = readsAfterConcurrentWrites(h)
	if err := r.checkAll(ctx, res); err != nil {
		return nil, err
	}
	if len(r.failed) == 0 {
		r.available(h, planned, !slices.Contains(res.FaultEffective, true))
	}
	res.Violations = r.failed
	if len(r.failed) > 0 || o != (options{}) {
		r.give()
	}
	return res, nil
}

// checkAll has the history checked by every model that its seed asks for.
func (r *run) checkAll(ctx context.Context, res *Result) error {
	checks := []string{"convergence"}
	if r.setup.Tagged && r.level == session.Causal {
		checks = append(checks, "lattice-causal")
	}
	if r.setup.Porcupine {
		checks = append(checks, "eventual")
		if r.level == session.Causal {
			checks = append(checks, "causal")
		}
	}
	for _, model := range checks {
		if err := r.check(ctx, res, model); err != nil {
			return err
		}
	}
	return nil
}

// check has one model decide the history. The causal model leaves out the reads
// after the fence: their sessions ask for no more than what there is.
func (r *run) check(ctx context.Context, res *Result, model string) error {
	h := res.history
	if model == "causal" || model == "lattice-causal" {
		h = r.withoutSessions(h, r.setup.Sessions)
	}
	v, err := linearizability.Judge(ctx, h, model, linearizability.Budget{Steps: 400_000, Bytes: 256 << 20})
	if err != nil {
		return err
	}
	switch {
	case v.Status == linearizability.Undecided:
		res.Undecided++
	case (model == "eventual" || model == "causal") && v.Status != linearizability.Inconclusive:
		res.Porcupine++
	}
	if v.Status == linearizability.Violation {
		x := Violation{Oracle: model, Kind: "history", Node: -1, Message: v.Reason}
		if o := atFault(v.Witness); o != nil {
			x.Kind, x.Op, x.Node = string(o.Type), string(o.Func), o.Node
		}
		r.fail(x)
	}
	return nil
}

// atFault is the operation of a witness that shows the fault: its last read, since
// what is wrong is what was seen, else its last operation.
func atFault(witness []history.Op) *history.Op {
	for i := len(witness) - 1; i >= 0; i-- {
		if !witness[i].IsPut() {
			return &witness[i]
		}
	}
	if len(witness) == 0 {
		return nil
	}
	return &witness[len(witness)-1]
}

// issued is how many operations were issued.
func (r *run) issued() (n int64) {
	for at := range r.recorded {
		if r.recorded[at].Return != 0 {
			n++
		}
	}
	return n
}

// makeHistory orders what was recorded by the time of the call, with what lost
// disks void forgiven. planned is, by position, the id of the planned operation.
func (r *run) makeHistory(fences []int64) (h *history.History, planned []uint64) {
	h = &history.History{Name: "seed " + strconv.FormatUint(r.setup.Seed, 10), Tagged: r.setup.Tagged, Fences: fences}
	r.order = r.order[:0]
	for at := range r.recorded {
		if r.recorded[at].Return != 0 && !r.unjudged(r.recorded[at].Key) { // it was issued
			r.order = append(r.order, at)
		}
	}
	slices.SortFunc(r.order, func(a, b int) int { // positions ascend as ids do
		return cmp.Or(cmp.Compare(r.recorded[a].Call, r.recorded[b].Call), cmp.Compare(a, b))
	})
	h.Ops = slices.Grow(r.judged[:0], len(r.order))
	planned = r.ids[:0]
	for i, at := range r.order {
		planned = append(planned, r.ops[at].ID)
		h.Ops = append(h.Ops, r.recorded[at])
		h.Ops[i].Index = i
		if h.Ops[i].Outcome == history.OK && r.forgiven(at) {
			h.Ops[i].Outcome, h.Ops[i].Return = history.Unknown, history.Pending
		}
	}
	r.judged, r.ids = h.Ops, planned
	return h, planned
}

// withoutSessions drops the operations of sessions from first on. What was written
// and lost is binding again: whoever depends on it must not be answered without.
func (r *run) withoutSessions(h *history.History, first int) *history.History {
	out := &history.History{Name: h.Name, Tagged: h.Tagged, Ops: r.causal[:0]}
	for i := range h.Ops {
		if h.Ops[i].Session < first {
			was := &r.recorded[r.order[i]]
			out.Ops = append(out.Ops, h.Ops[i])
			o := &out.Ops[len(out.Ops)-1]
			o.Index, o.Outcome, o.Return = len(out.Ops)-1, was.Outcome, was.Return
		}
	}
	r.causal = out.Ops
	return out
}

// readsAfterConcurrentWrites counts the answered reads of keys that two writes of
// overlapping intervals had reached, or begun to, before.
func readsAfterConcurrentWrites(h *history.History) int {
	type reached struct {
		key string
		at  int64 // when both of a concurrent pair had been called
	}
	var first []reached
	find := func(key string) int { return slices.IndexFunc(first, func(r reached) bool { return r.key == key }) }
	for i := range h.Ops {
		a := &h.Ops[i]
		if !a.IsPut() || a.Outcome == history.Failed || find(a.Key) >= 0 {
			continue // operations are in the order of their calls
		}
		for j := i - 1; j >= 0; j-- {
			b := &h.Ops[j]
			if b.Return >= a.Call && b.Key == a.Key && b.IsPut() && b.Outcome != history.Failed && b.Session != a.Session {
				first = append(first, reached{a.Key, a.Call})
				break
			}
		}
	}
	n := 0
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.IsPut() || o.Outcome != history.OK {
			continue
		}
		if at := find(o.Key); at >= 0 && o.Return > first[at].at {
			n++
		}
	}
	return n
}
