package linearizability

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// hierarchy says, by level, which levels it directly implies. Levels of different
// hierarchies are not compared. It is complete: where a level is not said to imply
// another one, some history satisfies the one and not the other. The tests hold it
// against every small history.
type hierarchy []implications

type implications struct {
	level   string
	implies []string
}

// The hierarchies, strong levels first.
func registerHierarchy() hierarchy {
	return hierarchy{
		{"linearizable-register", []string{"sequential"}},
		{"sequential", []string{"ccv", "cm"}},
		{"ccv", []string{"cc", "mr"}},
		{"cm", []string{"cc", "pram"}}, // which is ryw+mr+mw+wfr
		{"cc", []string{"ryw", "wfr"}},
		{"pram", []string{"ryw", "mr"}}, // which is ryw+mr+mw
		{"ryw", []string{"mw"}},
		{"mr", []string{"mw"}},
		{"wfr", []string{"mw"}},
		{"mw", nil}, // which excludes nothing by itself, so that all imply it
	}
}

func latticeHierarchy() hierarchy {
	return hierarchy{
		{"lattice-linearizable", []string{"lattice-causal"}},
		{"lattice-causal", []string{"lattice-pram", "lattice-wfr"}},
		{"lattice-pram", []string{"lattice-ryw", "lattice-mr", "lattice-mw", "explained", "strong-eventual"}},
		{"lattice-ryw", nil},
		{"lattice-mr", nil},
		{"lattice-mw", nil},
		{"lattice-wfr", nil},
		{"convergence", []string{"explained", "strong-eventual", "settled"}},
		{"explained", nil},
		{"strong-eventual", nil},
		{"settled", nil},
	}
}

// untaggedHierarchy is latticeHierarchy where only values tell what was seen, which say
// nothing of PRAM.
func untaggedHierarchy() hierarchy {
	l := latticeHierarchy()
	l[0].level = "linearizable"
	pram := l[2]
	l[1].implies = append(l[1].implies[1:], pram.implies...)
	return slices.Delete(l, 2, 3)
}

func casHierarchy() hierarchy {
	return hierarchy{{"cas-register", []string{"sequential"}}, {"sequential", nil}}
}

func transactionHierarchy() hierarchy {
	return hierarchy{
		{"strict-serializable", []string{"serializable"}},
		{"serializable", []string{"snapshot-isolation", "repeatable-read"}},
		{"repeatable-read", []string{"pl-si"}},
		{"snapshot-isolation", []string{"prefix", "pl-si"}},
		{"pl-si", []string{"monotonic-atomic-view", "item-cut"}},
		{"prefix", []string{"transactional-causal"}},
		{"transactional-causal", []string{"read-atomic"}},
		{"read-atomic", []string{"read-committed", "item-cut"}},
		{"read-committed", []string{"monotonic-atomic-view"}},
		{"monotonic-atomic-view", []string{"pl-2"}},
		{"pl-2", []string{"read-uncommitted"}},
		{"read-uncommitted", nil},
		{"item-cut", nil},
	}
}

// contractHierarchies are those of types that have contracts and no weaker levels. A
// drain is no operation of a linearizable queue: it takes out one value after the other.
var contractHierarchies = map[history.Type]hierarchy{
	history.Queue: {{"linearizable", []string{"queue"}}, {"queue", nil}},
	drainedQueue:  {{"queue", nil}},
	history.Lock:  {{"lock", nil}},
	history.Bank:  {{"bank", nil}},
	history.IDs:   {{"unique-ids", nil}},
	history.Etcd:  {{"etcd", nil}},
}

const drainedQueue history.Type = "queue with drain"

// onlyType is the type of all objects of h; empty if there are several.
func onlyType(h *history.History) history.Type {
	drained := false
	for i := range h.Ops {
		if h.Ops[i].Type != h.Ops[0].Type {
			return ""
		}
		drained = drained || h.Ops[i].Func == history.Drain
	}
	switch {
	case len(h.Ops) == 0:
		return ""
	case drained && h.Ops[0].Type == history.Queue:
		return drainedQueue
	}
	return h.Ops[0].Type
}

// implied returns all levels that the level implies.
func (l hierarchy) implied(level string) map[string]bool {
	all := make(map[string]bool)
	for _, r := range l {
		if r.level == level || all[r.level] { // strong ones come first
			for _, weaker := range r.implies {
				all[weaker] = true
			}
		}
	}
	return all
}

// Report says which levels a history satisfies.
type Report struct {
	// Verdicts has one verdict a level, strong levels first. Only the minimal
	// broken ones have a witness.
	Verdicts []Verdict
	// Holds are the maximal levels that hold: none of them follows from another.
	Holds []string
	// Broken are the minimal levels that are broken: each weaker one holds, or is
	// open.
	Broken []string
	// Open are the levels that are undecided or inconclusive.
	Open []string
}

// Levels judges a history at every level that fits its operations and reports
// the strongest that hold and the weakest that are broken. A history with
// transactions is judged at the isolation levels; one of registers without tags at the register levels, or
// with compare-and-set at the two that know it; any other one as lattice values,
// and if it is of tagged registers at the register levels too, which is the other
// view of the same writes; and one of objects that are not replicated by
// linearizability alone, or, of queues, locks, banks and generators of ids, by their
// contracts. Each level has the Budget for itself. A level that cannot be
// decided by itself is decided with one that is, where one of the two implies the
// other. A history without a settle fence is not asked whether its replicas settle.
// Errors are those of Judge.
//
// Real time, to which only the linearizable levels look, does not order two
// operations of which one begins at the instant the other ends, even of one
// session, whose order the weaker levels do keep.
func Levels(ctx context.Context, h *history.History, b Budget) (Report, error) {
	return LevelsWith(ctx, h, Options{Budget: b})
}

// LevelsWith is Levels with options.
func LevelsWith(ctx context.Context, h *history.History, o Options) (Report, error) {
	var report Report
	o.Budget = o.Budget.of(h)
	o, err := o.withDefaults()
	if err == nil {
		if err = h.ValidateUntil(func() bool { return ctx.Err() != nil }); errors.Is(err, history.ErrStopped) {
			err = nil // as each level finds
		}
	}
	for _, l := range hierarchiesFor(h) {
		if l = l.asked(h); err == nil {
			err = report.climb(ctx, h, l, o)
		}
	}
	if err != nil {
		return Report{}, fmt.Errorf("levels of %s: %w", h.Name, err)
	}
	return report, nil
}

// asked returns the hierarchy without the levels of which h says nothing: without a fence
// nobody claims that the replicas have settled.
func (l hierarchy) asked(h *history.History) hierarchy {
	if len(h.Fences) > 0 {
		return l
	}
	return slices.DeleteFunc(l, func(r implications) bool { return r.level == "settled" || r.level == "convergence" })
}

func hierarchiesFor(h *history.History) []hierarchy {
	registers, replicated, cas, transactions := true, true, false, false
	for i := range h.Ops {
		o := &h.Ops[i]
		registers = registers && o.Type == history.Register
		replicated = replicated && models.DescribesReplicated(o)
		cas = cas || o.Func == history.CAS
		transactions = transactions || o.Txn != 0 && !h.Tagged
	}
	switch l, ok := contractHierarchies[onlyType(h)]; {
	case ok:
		return []hierarchy{l}
	case ofLists(h) && h.Untimed:
		return []hierarchy{transactionHierarchy()[1:]}
	case ofLists(h):
		return []hierarchy{transactionHierarchy()}
	case registers && cas && !h.Tagged:
		return []hierarchy{casHierarchy()}
	case !replicated:
		return []hierarchy{{{"linearizable", nil}}}
	case transactions && h.Untimed:
		return []hierarchy{transactionHierarchy()[1:]}
	case transactions: // a level of single operations would be read as one of transactions
		return []hierarchy{transactionHierarchy()}
	case registers && h.Tagged:
		return []hierarchy{latticeHierarchy(), registerHierarchy()}
	case registers:
		return []hierarchy{registerHierarchy()}
	case !h.Tagged:
		return []hierarchy{untaggedHierarchy()}
	}
	return []hierarchy{latticeHierarchy()}
}

// climb judges every level of a hierarchy, then shrinks the minimal violations.
func (r *Report) climb(ctx context.Context, h *history.History, l hierarchy, o Options) error {
	status := make(map[string]Status)
	results, meters := make([]result, len(l)), make([]*meter, len(l))
	first := len(r.Verdicts)
	ruled := make(map[string]result) // levels that what is known already rules out
	for n, level := range l {
		c, known := checkerNamed(level.level)
		if !known {
			return fmt.Errorf("%w %q", ErrUnknownModel, level.level)
		}
		meters[n] = newMeter(ctx, o.Budget)
		meters[n].ownReads = o.OwnReads
		var err error
		if out, is := ruled[level.level]; is {
			results[n] = out
		} else if results[n], err = c.decide(meters[n], h); err != nil {
			return err
		} else if results[n].status == Violation {
			o.tell(c.verdict(meters[n], results[n]), h, results[n])
			for _, name := range RuledOut(anomalyOf(results[n].reason)) {
				ruled[name] = results[n]
			}
		}
		status[level.level] = results[n].status
		r.Verdicts = append(r.Verdicts, c.verdict(meters[n], results[n]))
	}
	l = l.within(h)
	for n, level := range l {
		if why, s := l.follows(level.level, status); s != "" {
			r.Verdicts[first+n] = Verdict{Status: s, Model: level.level, Reason: why, Method: byImplication, Steps: r.Verdicts[first+n].Steps}
			status[level.level] = s
		}
	}
	for n, level := range l {
		switch status[level.level] {
		case OK:
			if !l.anyAbove(level.level, status, OK) {
				r.Holds = append(r.Holds, level.level)
			}
		case Violation:
			if l.anyBelow(level.level, status, Violation) {
				continue // this includes all that follow from others
			}
			r.Broken = append(r.Broken, level.level)
			c, _ := checkerNamed(level.level)
			r.Verdicts[first+n] = c.conclude(meters[n], h, results[n], o.Budget)
		default:
			r.Open = append(r.Open, level.level)
		}
	}
	return nil
}

// realTimeLevels are the levels of hierarchies that look at real time.
var realTimeLevels = []string{"linearizable-register", "cas-register", "linearizable", "lattice-linearizable"}

const byImplication = "what another level implies"

// within returns the hierarchy as it holds of a history. Where real time does not order
// a session, what respects real time need not respect the session.
func (l hierarchy) within(h *history.History) hierarchy {
	if inRealTime(h) {
		return l
	}
	l = slices.Clone(l)
	for n := range l {
		if slices.Contains(realTimeLevels, l[n].level) {
			l[n].implies = nil
		}
	}
	return l
}

// follows returns what the verdicts on other levels say of one that is open: it holds
// if one that implies it does, and is broken if one that it implies is. "" if they say
// nothing.
func (l hierarchy) follows(level string, status map[string]Status) (why string, _ Status) {
	if s := status[level]; s == OK || s == Violation {
		return "", ""
	}
	below := l.implied(level)
	for _, r := range l {
		switch {
		case status[r.level] == OK && l.implied(r.level)[level]:
			return "", OK
		case status[r.level] == Violation && below[r.level]:
			return fmt.Sprintf("%s is broken, which it implies", r.level), Violation
		}
	}
	return "", ""
}

// anyAbove reports whether a level that implies this one has the status.
func (l hierarchy) anyAbove(level string, status map[string]Status, s Status) bool {
	return slices.ContainsFunc(l, func(r implications) bool { return status[r.level] == s && l.implied(r.level)[level] })
}

// anyBelow reports whether a level that this one implies has the status.
func (l hierarchy) anyBelow(level string, status map[string]Status, s Status) bool {
	below := l.implied(level)
	return slices.ContainsFunc(l, func(r implications) bool { return status[r.level] == s && below[r.level] })
}

// String renders the report for people: what holds, what is broken with its
// reason and a diagram of its witness, and what is open.
func (r Report) String() string {
	var b strings.Builder
	list := func(what string, levels []string) {
		if len(levels) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", what, strings.Join(levels, ", "))
		}
	}
	list("holds", r.Holds)
	list("broken", r.Broken)
	list("open", r.Open)
	for _, v := range r.Verdicts {
		if slices.Contains(r.Broken, v.Model) {
			fmt.Fprintf(&b, "\n%s: %s\n%s", v.Model, v.Reason, v.Diagram())
			if v.Hint != "" {
				fmt.Fprintln(&b, v.Hint)
			}
		}
	}
	return b.String()
}
