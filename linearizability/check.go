package linearizability

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// ErrUnknownModel is returned for a model that Models does not list.
var ErrUnknownModel = errors.New("unknown model")

// ModelInfo describes a model: name, what it demands, cost, what it needs.
type ModelInfo = models.ModelInfo

// checker is one row of the table of models: how to judge a valid history.
type checker struct {
	ModelInfo
	// judge decides without shrinking; a violation's witness is given as
	// positions in h.Ops.
	judge func(m *meter, h *history.History) (result, error)
	// settles, realTime and reduce are those of models.Model.
	settles  bool
	realTime bool
	aborts   bool // aborted writes bear on the verdict
	reduce   func(h *history.History) models.Reduction
	own      bool // every operation that returned can be wrong
}

// result is a verdict in the making.
type result struct {
	status  Status
	reason  string
	method  string
	witness []int // violation: positions among which a witness is to be found; nil means all
	// from is the time before which the violation was not there, if the checker
	// knows it; the operations of witness are one without further proof then.
	from *int64
	// cause is what of the input stands in the way of a verdict.
	cause error
	note  string // what people want to know beside it
	// minimal says that the witness cannot be made smaller.
	minimal bool
}

// checkers is the table; its order is that of Models. It never changes.
var checkers = sync.OnceValue(makeCheckers)

func makeCheckers() []checker {
	var table []checker
	for _, m := range models.All() {
		c := checker{
			ModelInfo: m.ModelInfo,
			judge:     func(mt *meter, h *history.History) (result, error) { return search(mt, m, h, m.Because) },
			settles:   m.Settles,
			realTime:  m.RealTime,
			reduce:    m.Reduce,
		}
		switch m.Name {
		case "linearizable-register", "cas-register", "linearizable":
			c.Complexity = "O(n log n) for reads and writes of registers whose values are written once per key (zones); else " + m.Complexity
			c.judge = func(mt *meter, h *history.History) (result, error) { return linearizable(mt, m, h) }
		case "sequential":
			c.judge = func(mt *meter, h *history.History) (result, error) { return sequential(mt, m, h) }
		}
		table = append(table, c)
	}
	ofLattices := append([]checker{convergenceChecker()}, convergencePartCheckers()...)
	ofLattices = append(ofLattices, latticeCausalChecker(), latticeLinearChecker(), latticePRAMChecker())
	for _, c := range append(ofLattices, latticeSessionCheckers()...) {
		judge := c.judge
		c.judge = func(m *meter, h *history.History) (result, error) { return judge(m, models.AbsentAtFirst(h)) }
		table = append(table, c)
	}
	table = append(table, registerCheckers()...)
	table = append(table, transactionCheckers()...)
	return append(append(table, contractCheckers()...), mutexChecker(), etcdChecker())
}

// run judges h. The context is looked at before, and then as the checker goes on.
func (c checker) run(m *meter, h *history.History) (r result, err error) {
	if !m.mustStop(lookEvery) {
		r, err = c.judge(m, h)
	}
	if m.cut && err == nil && m.kept != nil {
		return *m.kept, nil
	}
	if m.cut && err == nil {
		r = result{status: Undecided, reason: m.stopped(), method: r.method}
		if r.method == "" {
			r.method = "nothing yet"
		}
	}
	return r, err
}

// decide judges h, and takes back an OK where there was nothing to judge.
func (c checker) decide(m *meter, h *history.History) (result, error) {
	r, err := c.run(m, h)
	if err != nil || r.status != OK {
		return r, err
	}
	if !observes(h) && !(c.own && slices.ContainsFunc(h.Ops, func(o history.Op) bool { return o.Outcome == history.OK })) {
		r.status, r.reason = Inconclusive, "nothing was observed: no read returned"
	} else if why := unsettled(h); c.settles && why != "" {
		r.status, r.reason = Inconclusive, why
	}
	return r, nil
}

// Models lists the models that Judge knows.
func Models() []ModelInfo {
	var infos []ModelInfo
	for _, c := range checkers() {
		infos = append(infos, c.ModelInfo)
	}
	return infos
}

// Judge decides h by the named model within the budget. Errors are of the input,
// not of the history's consistency: an unknown model (ErrUnknownModel), a
// history that breaks the invariants of its types (history.ErrInvalid), or one
// with operations that the model does not describe (models.ErrUnsupported). A
// cancelled context makes the verdict undecided. Deterministic, except where
// ctx or Budget.Time intervenes. h is not changed.
func Judge(ctx context.Context, h *history.History, model string, b Budget) (Verdict, error) {
	return JudgeWith(ctx, h, model, Options{Budget: b})
}

// JudgeWith is Judge with options.
func JudgeWith(ctx context.Context, h *history.History, model string, o Options) (Verdict, error) {
	o.Budget = o.Budget.of(h)
	o, err := o.withDefaults()
	if err != nil {
		return Verdict{}, fmt.Errorf("check %s: %w", h.Name, err)
	}
	m := newMeter(ctx, o.Budget)
	m.ownReads = o.OwnReads
	if err := h.ValidateUntil(func() bool { return m.mustStop(lookEvery) }); err != nil && !errors.Is(err, history.ErrStopped) {
		return Verdict{}, fmt.Errorf("check %s: %w", h.Name, err)
	}
	c, ok := checkerNamed(model)
	if !ok {
		c, ok = o.ownNamed(model)
	}
	if !ok {
		var names []string
		for _, info := range Models() {
			names = append(names, info.Name)
		}
		return Verdict{}, fmt.Errorf("check %s: %w %q (known: %s)", h.Name, ErrUnknownModel, model, strings.Join(names, ", "))
	}
	v, err := c.check(m, h, o)
	if err != nil {
		return Verdict{}, fmt.Errorf("check %s: %w", h.Name, err)
	}
	if v.Status == OK && v.Hint == "" && !c.aborts && !h.Tagged {
		v.Hint = takenApart(h)
	}
	return v, nil
}

// takenApart says that a level of single operations holds of a history of transactions, which
// says nothing of these; empty if there is none of several operations.
func takenApart(h *history.History) string {
	last := make(map[int]uint64) // by session
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Txn != 0 && last[o.Session] == o.Txn {
			return "each operation was judged by itself, without its transaction: strict-serializable, serializable, snapshot-isolation and weaker levels are those of transactions"
		}
		last[o.Session] = o.Txn
	}
	return ""
}

// Known reports whether Judge knows the model: one that Models lists, or a set
// of session guarantees joined by plus signs, such as mr+wfr.
func Known(model string) bool {
	_, ok := checkerNamed(model)
	return ok
}

func checkerNamed(model string) (checker, bool) {
	table := checkers()
	for i := range table {
		if table[i].Name == model {
			return table[i], true
		}
	}
	if set, ok := parseGuarantees(model); ok {
		return guaranteeChecker(model, set), true
	}
	return checker{}, false
}

// check judges h and shrinks a violation.
func (c checker) check(m *meter, h *history.History, o Options) (Verdict, error) {
	r, err := c.decide(m, h)
	if err != nil {
		return Verdict{}, err
	}
	o.tell(c.verdict(m, r), h, r)
	return c.conclude(m, h, r, o.Budget), nil
}

// conclude makes a verdict of a result, and shrinks a violation.
func (c checker) conclude(m *meter, h *history.History, r result, b Budget) Verdict {
	v := c.verdict(m, r)
	m.kept = nil // what is judged from here on is candidates
	if v.Hint = r.note; r.status == Violation && r.minimal {
		v.Witness = r.operations(h)
	} else if r.status == Violation && m.mustStop(lookEvery) {
		v.Witness, v.Hint = r.operations(h), unshrunk
	} else if r.status == Violation {
		decided := m.steps.Load()
		b.Steps = min(b.Steps, max(leastShrinking, 2*decided))
		m.extend(b)
		if v.Witness, v.Reason = c.shrink(m, h, r, decided); m.mustStop(lookEvery) {
			v.Hint = unshrunk
			return v
		}
		if why := c.plainReason(h, v.Witness); why != "" {
			v.Reason = why
		}
		v.Hint = hint(h, v.Witness)
		if c.aborts && v.Hint == "" {
			v.Hint = c.ownReadsHint(m, h)
		}
		if c.aborts && v.Hint == "" {
			v.Hint = c.sessionHint(m, h, v.Reason)
		}
		v.Steps = m.steps.Load()
	}
	return v
}

// plainReason says what is wrong with the witness of a search, where it is of reads and
// writes that tell it; empty if they do not.
func (c checker) plainReason(h *history.History, witness []history.Op) string {
	if !c.realTime || c.Name == "lww-register" {
		return ""
	}
	alone := *h
	alone.Ops = witness
	if !onlyReadsAndWrites(&alone) {
		return swapReason(witness)
	}
	r, err := zones(nil, &alone)
	if err != nil || r.status != Violation || r.method != byZones { // or it is of values, of which the rest says more
		return ""
	}
	return r.reason
}

// verdict is the result as it is told, without a witness.
func (c checker) verdict(m *meter, r result) Verdict {
	return Verdict{
		Status: r.status, Model: c.Name, Reason: r.reason, Method: r.method, Cause: r.cause, Steps: m.steps.Load(),
	}
}

// observes reports whether the history holds anything that could be wrong.
func observes(h *history.History) bool {
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Outcome == history.OK && answered(o.Func) || o.Func == history.CAS && o.Outcome != history.Unknown {
			return true
		}
	}
	return false
}

// answered reports whether operations of the function can be wrong.
func answered(fn history.Func) bool {
	switch fn {
	case history.Read, history.Dequeue, history.Drain, history.Acquire, history.Release, history.Generate, history.EtcdWatch:
		return true
	}
	return false
}

// unsettled says why the history does not show where its replicas end up; empty
// if it does.
func unsettled(h *history.History) string {
	if len(h.Fences) == 0 {
		return "no settle fence: values are explained, but whether they converge cannot be said"
	}
	for i := range h.Ops {
		o := &h.Ops[i]
		if !o.IsPut() && o.Outcome == history.OK && o.Call >= h.Fences[len(h.Fences)-1] {
			return ""
		}
	}
	return "no read after the last settle fence: whether values converge cannot be said"
}

// unsupported is the error of an operation that a model does not describe.
func unsupported(model string, o *history.Op) error {
	return &history.OpError{Index: o.Index, Err: fmt.Errorf("model %s: %w: %v", model, models.ErrUnsupported, o)}
}
