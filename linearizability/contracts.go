package linearizability

import (
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/contract"
	"github.com/joinery-go/joinery/linearizability/history"
)

const byContract = "the contract of its type, an operation at a time, since it needs no order of them"

// contractCheckers are the rows of package contract. Their witnesses are minimal as they
// are found.
func contractCheckers() []checker {
	var table []checker
	for _, c := range contract.All() {
		table = append(table, checker{
			ModelInfo: ModelInfo{Name: c.Name, Doc: c.Doc, Complexity: c.Complexity, Needs: c.Needs},
			judge:     func(m *meter, h *history.History) (result, error) { return judgeContract(m, c, h) },
		})
	}
	return table
}

// typedAs gives objects that are only read, or only added to, the type that the contract is
// of: a source that names no types, as Jepsen's, has the ones as registers and the others as
// sets, and who names a contract knows better. h is not changed.
func typedAs(h *history.History, c contract.Contract) *history.History {
	if c.Type() == history.Counter && !h.Tagged {
		h = countsAdds(h)
	}
	return readsAs(h, c)
}

// countsAdds is h with counters for sets of which nothing is known but that integers were
// added.
func countsAdds(h *history.History) *history.History {
	if !slices.ContainsFunc(h.Ops, func(o history.Op) bool { return o.Type == history.Set }) {
		return h
	}
	as := *h
	as.Ops = slices.Clone(h.Ops)
	only := make(map[string]bool) // by object of the type set: it may be a counter
	for i := range as.Ops {
		if o := &as.Ops[i]; o.Type == history.Set {
			may, known := only[o.Key]
			_, integer := o.Arg.AsInt()
			only[o.Key] = (may || !known) && (o.Func == history.Add && integer || o.Func == history.Read && o.Outcome != history.OK)
		}
	}
	for i := range as.Ops {
		if o := &as.Ops[i]; o.Type == history.Set && only[o.Key] {
			if o.Type = history.Counter; o.Func == history.Add {
				o.Func = history.Inc
			}
		}
	}
	return &as
}

// readsAs does so for objects that are only read.
func readsAs(h *history.History, c contract.Contract) *history.History {
	read := history.Op{Type: c.Type(), Func: history.Read}
	if h.Tagged || c.Type() == history.Register || !c.Describes(&read) {
		return h
	}
	type object struct {
		typ history.Type
		key string
	}
	put := make(map[object]bool)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Func != history.Read {
			put[object{o.Type, o.Key}] = true
		}
	}
	as := *h
	as.Ops = nil
	for i := range h.Ops {
		o := h.Ops[i]
		if o.Type != history.Register || put[object{o.Type, o.Key}] || put[object{c.Type(), o.Key}] {
			continue
		}
		if as.Ops == nil {
			as.Ops = append(as.Ops, h.Ops...)
		}
		as.Ops[i].Type = c.Type()
	}
	if as.Ops == nil {
		return h
	}
	return &as
}

func judgeContract(m *meter, c contract.Contract, h *history.History) (result, error) {
	h = typedAs(h, c)
	for i := range h.Ops {
		if m.mustStopAt(i) {
			return result{status: Undecided, method: byContract}, nil
		}
		if o := &h.Ops[i]; !c.Describes(o) {
			return result{}, unsupported(c.Name, o)
		}
	}
	found, whole := c.JudgeUntil(h, func() bool { return m.mustStop(lookEvery) })
	r := result{status: OK, method: byContract, minimal: true}
	var why, notes []string
	for _, a := range found.Anomalies {
		switch {
		case a.Harmless:
			notes = append(notes, a.String()+", which "+c.Name+" allows")
		default:
			if r.status = Violation; r.witness == nil {
				r.witness = a.Ops
			}
			why = append(why, a.String())
		}
	}
	if found.Open != "" && r.status == OK {
		r.status, why = Inconclusive, []string{found.Open}
	}
	r.reason, r.note = strings.Join(why, ". "), strings.Join(notes, ". ")
	if !whole {
		if r.status == Violation {
			m.kept = &r
		}
		return result{status: Undecided, method: byContract}, nil
	}
	return r, nil
}
