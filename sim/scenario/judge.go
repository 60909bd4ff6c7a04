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
		Seed: r.setup.Seed, Setup: r.setup, TraceHash: r.world.Hash(), Deliveries: r.world.Events(), Operations: r.issued(), UnderFaults: r.underFaults,
		Rest: r.atRest, RestBytes: r.restBytes,
		ops: r.ops[:r.setup.Operations], all: r.ops, planned: planned, history: h, world: r.world, ring: r.ring,
	}
	res.Lost, res.Unjudged = r.lost.Counts()
	res.NotServed, res.BySide = r.notServed(), r.bySide()
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
		end := oracle.End{History: h, Planned: planned, Faultless: !slices.Contains(res.FaultEffective, true) && !r.Moves(), Stopped: r.stopped, Throttled: r.setup.BatchBytes > 0 || r.setup.Log > 0}
		r.tell(func(o oracle.Oracle) { o.Ended(&end) })
	}
	res.Violations, res.witnesses, res.chronicle = r.failed, r.witnesses, r.chronicle
	if len(r.failed) > 0 || o != (options{}) {
		r.give()
	}
	return res, nil
}

// judges are the models by which the histories of a level are judged beside convergence.
type judges struct {
	tagged    []string // all objects, by the tags that tell what reads saw
	untagged  []string // all objects, where values alone do
	registers []string // registers alone, as what they are to who knows no merge
	searched  []string // by porcupine, of a share of the seeds
	txns      []string // registers alone, in their transactions
}

// judgesOf is by level. In the register view a store whose last writer wins may hide a
// write that a session depends on for good, as it is older than what is shown: so that
// view is judged at pram by read your writes with monotonic reads, and at causal by what
// asks for no view of all writes (cc, and ccv, whose order is that of the stamps). Of
// monotonic writes it shows nothing. Read committed is Adya's, as Bailis et al. have it, whose
// transactions may see parts of others; that of Biswas and Enea allows no going back within
// one.
var judgesOf = map[session.Level]judges{
	session.Eventual:          {searched: []string{"eventual"}},
	session.ReadYourWrites:    {tagged: []string{"lattice-ryw"}, untagged: []string{"lattice-ryw"}, registers: []string{"ryw"}, searched: []string{"eventual"}},
	session.MonotonicReads:    {tagged: []string{"lattice-mr"}, untagged: []string{"lattice-mr"}, registers: []string{"mr"}, searched: []string{"eventual"}},
	session.MonotonicWrites:   {tagged: []string{"lattice-mw"}, searched: []string{"eventual"}},
	session.WritesFollowReads: {tagged: []string{"lattice-wfr"}, registers: []string{"wfr"}, searched: []string{"eventual"}},
	session.PRAM:              {tagged: []string{"lattice-pram"}, untagged: []string{"lattice-ryw", "lattice-mr"}, registers: []string{"ryw+mr"}, searched: []string{"eventual", "pipelined"}},
	session.Causal:            {tagged: []string{"lattice-causal"}, registers: []string{"cc", "ccv"}, searched: []string{"eventual", "causal"}},
	session.ReadCommitted:     {searched: []string{"eventual"}, txns: []string{"pl-2"}},
	session.ItemCut:           {searched: []string{"eventual"}, txns: []string{"pl-2", "item-cut"}},
}

// checkAll has the history checked by every model that its seed asks for.
func (r *run) checkAll(ctx context.Context, res *Result) error {
	j := judgesOf[r.level]
	if err := r.check(ctx, res, "convergence", res.history); err != nil {
		return err
	}
	whole := j.untagged
	if r.setup.Tagged {
		whole = j.tagged
	}
	for _, model := range whole {
		if err := r.check(ctx, res, model, r.sessionPart(res.history, nil)); err != nil {
			return err
		}
	}
	for _, model := range j.registers {
		h := r.sessionPart(res.history, func(o *history.Op) bool { return o.Type == history.Register })
		if len(h.Ops) == 0 {
			break
		}
		if err := r.check(ctx, res, model, h); err != nil {
			return err
		}
	}
	if err := r.checkSearched(ctx, res, j.searched); err != nil || len(j.txns) == 0 {
		return err
	}
	h := r.txnPart() // the last one: it puts positions in an order of its own
	for _, model := range j.txns {
		if err := r.check(ctx, res, model, h); err != nil {
			return err
		}
	}
	return nil
}

// ByPorcupine reports whether a model of [Judgement] is decided by porcupine, which searches;
// the others are decided by checkers of their own.
func ByPorcupine(model string) bool {
	return model == "eventual" || model == "causal" || model == "pipelined"
}

// checkSearched has porcupine decide the history of a seed that asks for it.
func (r *run) checkSearched(ctx context.Context, res *Result, models []string) error {
	if !r.setup.Porcupine {
		return nil
	}
	for _, model := range models {
		h := res.history
		if model != "eventual" {
			h = r.sessionPart(h, nil)
		}
		if err := r.check(ctx, res, model, h); err != nil {
			return err
		}
	}
	return nil
}

// check has one model decide a history.
func (r *run) check(ctx context.Context, res *Result, model string, h *history.History) error {
	v, err := linearizability.Judge(ctx, h, model, linearizability.Budget{Steps: 400_000, Bytes: 256 << 20})
	if err != nil {
		return err
	}
	switch {
	case v.Status == linearizability.Undecided && ctx.Err() != nil:
		return ctx.Err() // what is left open says nothing of the run
	case v.Status == linearizability.Undecided:
		res.Undecided++
	case ByPorcupine(model) && v.Status != linearizability.Inconclusive:
		res.Porcupine++
	}
	res.Judged = append(res.Judged, Judgement{model, v.Status, len(h.Ops)})
	if v.Status == linearizability.Violation {
		x := Violation{Oracle: model, Kind: "history", Node: -1, Message: v.Reason}
		if o := atFault(v.Witness); o != nil {
			x.Kind, x.Op, x.Node = string(o.Type), string(o.Func), o.Node
		}
		r.fail(x)
		r.witnesses = append(r.witnesses, witness{x.Signature(), v.Witness})
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

// issued is how many operations of the plan were issued.
func (r *run) issued() (n int64) {
	for at := range r.recorded[:r.planned] {
		if r.recorded[at].Return != 0 {
			n++
		}
	}
	return n
}

// notServed is how many operations that were issued while faults lasted, and were not
// amiss, came to nothing as far as their session knows.
func (r *run) notServed() (n int64) {
	for at := range r.recorded[:r.planned] {
		x := &r.recorded[at]
		if x.Return != 0 && x.Call < r.horizon() && x.Outcome != history.OK && r.ops[at].Amiss == "" && r.fates[at] == fateNone && !r.availability.Excused(r.ops[at].ID) {
			n++
		}
	}
	return n
}

// horizon is when faults end, as the history counts.
func (r *run) horizon() int64 { return int64(r.setup.HorizonMS) * int64(sim.Millisecond) }

// makeHistory orders what was recorded by the time of the call, with what lost
// disks void forgiven. planned is, by position, the id of the planned operation.
func (r *run) makeHistory(fences []int64) (h *history.History, planned []uint64) {
	h = &history.History{Name: "seed " + strconv.FormatUint(r.setup.Seed, 10), Tagged: r.setup.Tagged, Fences: fences}
	r.order = r.order[:0]
	for at := range r.recorded {
		if r.recorded[at].Return != 0 && r.ops[at].Amiss == "" && !r.unjudged(r.recorded[at].Key) && !r.unsettled(at, fences) && r.fates[at] != fateOwn && (r.setup.Tagged || !r.shrinks(at)) { // it was issued
			r.order = append(r.order, at)
		}
	}
	r.inTime()
	h.Ops = slices.Grow(r.judged[:0], len(r.order))
	planned = r.ids[:0]
	for i, at := range r.order {
		planned = append(planned, r.ops[at].ID)
		h.Ops = append(h.Ops, r.recorded[at])
		h.Ops[i].Index = i
		// A put that one replica refused may have been accepted by another, or by the
		// same one before it lost its disk.
		refused := h.Ops[i].Outcome == history.Failed && h.Ops[i].IsPut() && r.lost.Served(at)
		held := r.fates[at] != fateNone // that nobody has seen it, another history tells
		if h.Ops[i].Outcome == history.OK && r.forgiven(at) || refused || held {
			h.Ops[i].Outcome, h.Ops[i].Return = history.Unknown, history.Pending
		}
		if r.shrinks(at) {
			byTags(&h.Ops[i])
		}
	}
	r.judged, r.ids = h.Ops, planned
	return h, planned
}

// inTime puts the positions of operations in the order of their calls.
func (r *run) inTime() {
	slices.SortFunc(r.order, func(a, b int) int { // positions ascend as ids do
		return cmp.Or(cmp.Compare(r.recorded[a].Call, r.recorded[b].Call), cmp.Compare(a, b))
	})
}

// sessionPart is the history without the reads after the fence of sessions that ask for
// no more than what there is, and of what is to be kept alone, if that is given. What was
// written and lost is binding again: whoever depends on it must not be answered without.
func (r *run) sessionPart(h *history.History, keep func(*history.Op) bool) *history.History {
	out := &history.History{Name: h.Name, Tagged: h.Tagged, Ops: r.causal[:0]}
	for i := range h.Ops {
		if h.Ops[i].Session < r.setup.Sessions && (keep == nil || keep(&h.Ops[i])) {
			was := &r.recorded[r.order[i]]
			out.Ops = append(out.Ops, h.Ops[i])
			o := &out.Ops[len(out.Ops)-1]
			if o.Index = len(out.Ops) - 1; was.Outcome != history.Failed { // or as it is judged: it may have been served after all
				o.Outcome, o.Return = was.Outcome, was.Return
			}
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

// unsettled reports whether the operation at a position is a read, before the fence, of a
// counter of which an increment was served by two replicas.
func (r *run) unsettled(at int, fences []int64) bool {
	o := &r.recorded[at]
	return o.Type == history.Counter && o.Func == history.Read && (len(fences) == 0 || o.Call < fences[0]) && r.lost.Repeated(o.Key)
}

// unjudged reports whether the history of a key is judged no more.
func (r *run) unjudged(key string) bool { return !r.setup.Unexcused && r.lost.Unjudged(key) }
