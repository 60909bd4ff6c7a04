package scenario

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

func isNotQuiet(err error) bool { return errors.Is(err, sim.ErrNotQuiet) }

// judge makes the history of a run that has ended, and has it checked.
func (r *run) judge(ctx context.Context, fences []int64, o options) (*Result, error) {
	h, planned := r.makeHistory(fences)
	stats := r.world.Stats()
	res := &Result{
		Seed: r.setup.Seed, Setup: r.setup, TraceHash: r.world.Hash(), Deliveries: r.world.Events(), Operations: r.issued(),
		Rest: r.atRest, RestBytes: r.restBytes,
		ops: r.ops[:r.setup.Operations], all: r.ops, planned: planned, history: h, world: r.world,
	}
	res.Lost, res.Unjudged = r.lost.Counts()
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
		end := oracle.End{History: h, Planned: planned, Faultless: !slices.Contains(res.FaultEffective, true)}
		r.tell(func(o oracle.Oracle) { o.Ended(&end) })
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

// forgiven reports whether the operation at a position may have been undone.
func (r *run) forgiven(at int) bool { return !r.setup.Unexcused && r.lost.Forgiven(at) }

// unjudged reports whether the history of a key is judged no more.
func (r *run) unjudged(key string) bool { return !r.setup.Unexcused && r.lost.Unjudged(key) }
