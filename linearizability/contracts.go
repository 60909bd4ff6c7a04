package linearizability

import (
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

// readsAs gives objects that are only read the type that the contract is of: a source that
// names no types, as Jepsen's, has them as registers, and who names a contract knows better.
// h is not changed.
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
	h = readsAs(h, c)
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
