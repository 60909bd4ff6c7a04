package linearizability

import (
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// pramCost is that of pram.
const pramCost = "O(n·s²), s sessions, up to 64 of them; of more, what each read of and had come before there, times the sessions that it is of"

// memoryCost is that of causal memory.
const memoryCost = "O(n·s·log n), s sessions, and a sweep or two a session, up to 64 of them; of more, what each rests on squared"

// registerCheckers are the levels of registers whose reads name their writes, in
// the register view: a read returns one write, and versions are a matter of
// order alone. All of them are exact and polynomial but sequential consistency.
func registerCheckers() []checker {
	causal := func(name, doc, cost string, level causalLevel) checker {
		return registerChecker(ModelInfo{Name: name, Doc: doc, Complexity: cost}, func(m *meter, h *history.History) (result, error) {
			return causalRegisters(m, level, name, h)
		})
	}
	session := func(name string, set guarantees, doc string) checker {
		c := guaranteeChecker(name, set)
		c.Doc = doc
		return c
	}
	return []checker{
		causal("ccv", "causal convergence: causal consistency, and one order of conflicting writes for all", "O(n·s·log n), s sessions", levelCCv),
		causal("cm", "causal memory: each session sees one order of the writes that extends the causal order", memoryCost, levelCM),
		causal("cc", "causal consistency: no read returns what was overwritten in its causal past", "O(n·s·log n)", levelCC),
		causal("pram", "each session sees one order of the writes that extends the order of each session (ryw+mr+mw)", pramCost, levelPRAM),
		session("ryw", readYourWrites, "read your writes: a session does not read what its own writes replaced, be it by another one of its own"),
		session("mr", monotonicReads, "monotonic reads: a session does not read what its earlier reads replaced"),
		session("mw", monotonicWrites, "monotonic writes: a session's writes take effect in its order (vacuous alone)"),
		session("wfr", writesFollowReads, "writes follow reads: a write comes after what its session had read (alone: no causal cycle)"),
		session("ryw+mr+mw+wfr", everyGuarantee, "the four session guarantees together, which is cm; any other set is written likewise"),
	}
}

func registerChecker(info ModelInfo, judge func(m *meter, h *history.History) (result, error)) checker {
	info.Needs = "registers with read and write; values written once per key, or stamps or tags that tell them apart"
	return checker{
		ModelInfo: info,
		judge:     judge,
		reduce:    reduceRegisters,
	}
}

func guaranteeChecker(name string, set guarantees) checker {
	return registerChecker(ModelInfo{Name: name, Complexity: set.cost()}, func(m *meter, h *history.History) (result, error) {
		return sessionGuarantees(m, set, name, h)
	})
}

// reduceRegisters tells how to shrink a history that a register level forbids:
// a read needs its source, and fewer operations order less.
func reduceRegisters(h *history.History) models.Reduction { return reduceBySource(h, false) }

// reduceTransactions is the same where aborted writes are sources too, of reads
// that should not have seen them, and where transactions keep what anchors says.
func reduceTransactions(h *history.History) models.Reduction {
	if ofLists(h) {
		return reduceLists(h)
	}
	r := reduceBySource(h, true)
	keep, sources := anchors(h), r.Support
	r.Support = func(i int) []int {
		o, need := &h.Ops[i], sources(i)
		for _, j := range keep[txnName{o.Session, o.Txn}] {
			if j != i {
				need = append(need, j)
			}
		}
		return need
	}
	return r
}

// reduceInTime is reduceTransactions where real time counts too.
func reduceInTime(h *history.History) models.Reduction { return inTime(h, reduceTransactions(h)) }

func reduceBySource(h *history.History, aborts bool) models.Reduction {
	x := newSourceIndex(h, aborts)
	for i := range h.Ops {
		o := &h.Ops[i]
		if _, ok := x.keys[o.Key]; !ok {
			x.keys[o.Key] = int32(len(x.keys))
		}
		if o.IsPut() && (o.Happened() || aborts) {
			x.add(writtenTo(x.keys[o.Key], o.Arg), int32(i))
		}
	}
	support := func(i int) []int {
		o := &h.Ops[i]
		if o.IsPut() || !o.Happened() {
			return nil
		}
		switch src, _ := x.sourceOf(h, o); {
		case src >= 0:
			return []int{int(src)}
		case src == fromMany:
			return x.all(h, writtenTo(x.keys[o.Key], o.Out))
		}
		return nil
	}
	restrict := func(kept []int) *history.History {
		sub := &history.History{Name: h.Name, Tagged: h.Tagged, Initial: h.Initial, Untimed: h.Untimed, Fences: h.Fences, Ops: make([]history.Op, 0, len(kept))}
		for _, i := range kept {
			sub.Ops = append(sub.Ops, h.Ops[i])
		}
		return sub
	}
	return models.Reduction{Support: support, Restrict: restrict}
}

// linearizable decides by zones where the history is of registers and reads name
// their writes, and by search where they do not; objects of several types by themselves.
func linearizable(m *meter, model models.Model, h *history.History) (result, error) {
	if model.Name == "linearizable" {
		return linearizableObjects(m, model, h)
	}
	if !onlyReadsAndWrites(h) {
		return search(m, model, h, model.Because)
	}
	r, err := zones(m, h)
	if err == nil && r.status == Inconclusive {
		return search(m, model, h, "since values are not unique")
	}
	return r, err
}

func onlyReadsAndWrites(h *history.History) bool {
	for i := range h.Ops {
		o := &h.Ops[i] // a failed cas did not happen, but has seen something
		if (o.Happened() || o.Func == history.CAS) && (o.Type != history.Register || o.Func != history.Read && o.Func != history.Write) {
			return false
		}
	}
	return true
}

// sequential looks for a broken weaker level first, which takes polynomial time
// and finds most violations, then for a stronger one that holds, and searches
// where there is neither.
func sequential(m *meter, model models.Model, h *history.History) (result, error) {
	if !onlyReadsAndWrites(h) {
		return search(m, model, h, "since operations compare and set")
	}
	for _, level := range []causalLevel{levelCCv, levelCM} {
		r, err := causalRegisters(m, level, "sequential", h)
		if err != nil || r.status == Violation {
			return r, err
		}
		if r.cause != nil {
			return search(m, model, h, "since values are not unique")
		}
	}
	if inRealTime(h) {
		if r, err := zones(m, h); err == nil && r.status == OK {
			r.method = "linearizable by " + r.method
			return r, nil
		}
	}
	return search(m, model, h, model.Because)
}

// inRealTime reports whether real time orders the operations of each session:
// none begins before the one before it has ended, nor at the same instant. What
// failed and yet has seen something counts too.
func inRealTime(h *history.History) bool {
	end := make(map[int]int64)
	for i := range h.Ops {
		o := &h.Ops[i]
		saw := o.Func == history.CAS && o.Outcome == history.Failed
		last, ok := end[o.Session]
		if ok && (o.Happened() || saw) && last >= o.Call {
			return false
		}
		if o.Outcome == history.OK || saw {
			if !ok || o.Return > last {
				end[o.Session] = o.Return
			}
		}
	}
	return true
}
