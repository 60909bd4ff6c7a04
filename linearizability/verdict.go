package linearizability

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Status is the outcome of a check.
type Status string

// The four outcomes.
const (
	// OK: the history is allowed.
	OK Status = "ok"
	// Violation: it is not; Witness shows why.
	Violation Status = "violation"
	// Undecided: a budget or bound ran out first. Never to be read as a pass.
	Undecided Status = "undecided"
	// Inconclusive: the history does not hold what the model needs for a verdict
	// (no reads, no settle fence, no tags, values that are not unique).
	Inconclusive Status = "inconclusive"
)

// gravity orders statuses by what a sum of verdicts must report.
func (s Status) gravity() int {
	switch s {
	case Violation:
		return 3
	case Undecided:
		return 2
	case Inconclusive:
		return 1
	}
	return 0
}

// Verdict is what a check found.
type Verdict struct {
	Status Status
	Model  string // the model's name
	Reason string // in words; empty only where Status is OK
	// Witness is, for a violation, a set of operations that is itself a
	// violation, as small as shrinking got it within the budget; removing any one
	// of them (with what rests on it) makes the rest allowed, unless the budget
	// ran out or the rest is much harder to judge than all of it was. In order of Call.
	Witness []history.Op
	// Hint says, for a violation, what of the input decided it by how it was read,
	// where an option has another reading, and of any verdict what is no violation but
	// worth knowing; often empty.
	Hint   string
	Method string // how it was decided, and why so: "vector clocks, since …"
	Steps  int64  // model steps taken, shrinking included; 0 for polynomial checks
	// Cause is not nil where the history cannot say because values that should
	// tell writes apart are not unique: an *history.OpError about one of the
	// writes, which wraps history.ErrNotUnique.
	Cause error
}

// String renders the verdict on one line, and the witness one operation a line
// below it.
func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.Model, v.Status)
	if v.Reason != "" {
		fmt.Fprintf(&b, ": %s", v.Reason)
	}
	for _, o := range v.Witness {
		fmt.Fprintf(&b, "\n  %s", o)
	}
	if v.Hint != "" {
		fmt.Fprintf(&b, "\n  %s", v.Hint)
	}
	return b.String()
}

// Budget bounds a check. A zero field means its default; a negative one is an
// error of the caller that Judge returns.
type Budget struct {
	// Steps bounds the model steps of the search; default 4 million and 64 an
	// operation: a few seconds, and more for what is long. Shrinking a witness may take
	// 200,000 beside, or twice as many as deciding took, but no more than these.
	Steps int64
	// Bytes bounds the estimated memory of the search's cache, and that of vector clocks;
	// default 1 GiB.
	Bytes int64
	// Time bounds the wall-clock time of each search that porcupine does, as a
	// last resort: a verdict that hangs on it does not repeat. Default one minute.
	// To bound everything by time, give Judge a context with a deadline.
	Time time.Duration
}

// Options are a budget, and a choice where the literature does not agree on what a
// level demands. The zero Options are the defaults.
type Options struct {
	Budget   Budget
	OwnReads OwnReads
	Own      []Own // models of one's own, beside those of Models
	// Found is told of a violation as soon as it is found, before its witness is made small,
	// which may take longer: once, or of Levels once a level that is broken. It is for a
	// caller who may give up waiting. Nil tells nobody.
	Found func(Verdict)
}

// tell tells Found of a violation.
func (o Options) tell(v Verdict, h *history.History, r result) {
	if o.Found == nil || v.Status != Violation {
		return
	}
	v.Witness, v.Hint = r.operations(h), unshrunk
	o.Found(v)
}

// unshrunk is the hint of a witness that there was no time to make smaller.
const unshrunk = "time ran out before the witness was made small: not all of it need bear on the violation"

// operations are those that the witness of a result says show it.
func (r *result) operations(h *history.History) []history.Op {
	if r.witness == nil {
		return slices.DeleteFunc(slices.Clone(h.Ops), func(o history.Op) bool {
			return !o.Happened() && !(o.Func == history.CAS && o.Outcome == history.Failed)
		})
	}
	ops := make([]history.Op, len(r.witness))
	for n, i := range r.witness {
		ops[n] = h.Ops[i]
	}
	return ops
}

func (o Options) withDefaults() (Options, error) {
	var err error
	if o.OwnReads > OwnReadsUntilRead {
		return o, fmt.Errorf("options: no such reading of own reads: %d", o.OwnReads)
	}
	if err := o.validOwn(); err != nil {
		return o, err
	}
	o.Budget, err = o.Budget.withDefaults()
	return o, err
}

// OwnReads says what a transaction reads of a register that it has written.
type OwnReads uint8

const (
	// OwnReadsAlways is the default: its own last write, at each of its reads
	// (Biswas and Enea, OOPSLA 2019, "internal"; AWDIT, PLDI 2025; Elle, VLDB 2020).
	// To take away a read does not make a history worse, nor to add one better.
	OwnReadsAlways OwnReads = iota
	// OwnReadsUntilRead demands that of its first read after the write. A later one
	// that finds another value is a read that cannot be repeated, as Plume classes it
	// (OOPSLA 2024, NonRepeatableRead): read committed has nothing against it, read
	// atomic and what is above have.
	OwnReadsUntilRead
)

// The defaults of Budget; to DefaultSteps come DefaultStepsPerOp for each operation.
const (
	DefaultSteps      = 4_000_000
	DefaultStepsPerOp = 64

	DefaultBytes = 1 << 30
	DefaultTime  = time.Minute
)

// of is the budget for a history: its default of steps grows with the operations.
func (b Budget) of(h *history.History) Budget {
	if b.Steps == 0 {
		b.Steps = DefaultSteps + DefaultStepsPerOp*int64(len(h.Ops))
	}
	return b
}

func (b Budget) withDefaults() (Budget, error) {
	if b.Steps < 0 || b.Bytes < 0 || b.Time < 0 {
		return b, fmt.Errorf("budget %+v: negative bound", b)
	}
	if b.Steps == 0 {
		b.Steps = DefaultSteps
	}
	if b.Bytes == 0 {
		b.Bytes = DefaultBytes
	}
	if b.Time == 0 {
		b.Time = DefaultTime
	}
	return b, nil
}
