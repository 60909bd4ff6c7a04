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

func judgeContract(m *meter, c contract.Contract, h *history.History) (result, error) {
	for i := range h.Ops {
		if m.mustStopAt(i) {
			return result{status: Undecided, method: byContract}, nil
		}
		if o := &h.Ops[i]; !c.Describes(o) {
			return result{}, unsupported(c.Name, o)
		}
	}
	found, whole := c.JudgeUntil(h, func() bool { return m.mustStop(lookEvery) })
	if !whole {
		return result{status: Undecided, method: byContract}, nil
	}
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
	return r, nil
}
