package linearizability

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/contract"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// objectName names an object: keys are namespaces of their own for each type.
type objectName struct {
	typ history.Type
	key string
}

// linearizableObjects decides linearizability object by object: registers whose reads
// name their writes by zones, sets that only grow, queues of distinct values and texts whose puts tell themselves
// apart by their structure, all in polynomial time, and what is left by search.
func linearizableObjects(m *meter, model models.Model, h *history.History) (result, error) {
	var names []objectName
	at := make(map[objectName][]int)
	for i := range h.Ops {
		o := &h.Ops[i]
		if m.mustStopAt(i) {
			return result{}, nil
		}
		if !model.Describes(o) {
			return result{}, unsupported(model.Name, o)
		}
		if !o.Happened() && !(o.Func == history.CAS && o.Outcome == history.Failed) {
			continue
		}
		k := objectName{o.Type, o.Key}
		if at[k] == nil {
			names = append(names, k)
		}
		at[k] = append(at[k], i)
	}
	var registers, swapped, left []int
	var results []result
	for _, k := range names {
		r, fits := result{}, false
		switch {
		case k.typ == history.Register && onlyFuncs(h, at[k], history.Read, history.Write):
			registers = append(registers, at[k]...)
			continue
		case k.typ == history.Register && onlyFuncs(h, at[k], history.Read, history.Write, history.CAS):
			swapped = append(swapped, at[k]...)
			continue
		case k.typ == history.Set && onlyFuncs(h, at[k], history.Read, history.Add):
			r, fits = decideGrowSet(m, h, at[k]), true
		case k.typ == history.Queue && onlyFuncs(h, at[k], history.Enqueue, history.Dequeue):
			r, fits = decideFIFO(m, h, at[k])
		case k.typ == history.Text && onlyFuncs(h, at[k], history.Read, history.Write, history.Append):
			r, fits = decideTexts(m, model, h, at[k])
		case k.typ == history.Counter:
			if r, fits = outOfBounds(m, h, at[k]); !fits {
				r, fits = decideSteps(m, h, at[k])
			}
		}
		switch {
		case !fits:
			left = append(left, at[k]...)
		case r.status == Violation: // whatever others are
			return r, nil
		default:
			results = append(results, r)
		}
	}
	for _, part := range []struct {
		at    []int
		judge func(*history.History) (result, error)
	}{
		{registers, func(h *history.History) (result, error) { return linearizable(m, models.CASRegister(), h) }},
		{swapped, func(h *history.History) (result, error) { return linearizable(m, models.CASRegister(), h) }},
		{left, func(h *history.History) (result, error) { return search(m, model, h, model.Because) }},
	} {
		if len(part.at) == 0 {
			continue
		}
		r, err := part.judge(restricted(h, part.at))
		if err != nil {
			return r, err
		}
		r.witness = inWhole(part.at, r.witness)
		if r.status == Violation {
			return r, nil
		}
		results = append(results, r)
	}
	sum := result{status: OK, method: byZones}
	for _, r := range results {
		if r.status.gravity() > sum.status.gravity() || r.status == OK && sum.status == OK {
			sum = r
		}
	}
	return sum, nil
}

// outOfBounds finds reads of a counter that pass the bounds of its contract, which no
// order allows; fits is false where there is none, or the operations are others.
func outOfBounds(m *meter, h *history.History, at []int) (r result, fits bool) {
	all := contract.All()
	bounds := all[slices.IndexFunc(all, func(c contract.Contract) bool { return c.Name == "counter" })]
	sub := restricted(h, at)
	if slices.ContainsFunc(sub.Ops, func(o history.Op) bool { return !bounds.Describes(&o) }) {
		return result{}, false
	}
	found, whole := bounds.JudgeUntil(sub, func() bool { return m.mustStop(lookEvery) })
	if !whole {
		return result{}, false
	}
	for _, a := range found.Broken() {
		return result{status: Violation, method: byContract, reason: a.String(), witness: inWhole(at, a.Ops), minimal: true}, true
	}
	return result{}, false
}

// onlyFuncs reports whether the operations at these positions have no other functions.
func onlyFuncs(h *history.History, at []int, funcs ...history.Func) bool {
	return !slices.ContainsFunc(at, func(i int) bool { return !slices.Contains(funcs, h.Ops[i].Func) })
}

// restricted is the history of the operations at these positions.
func restricted(h *history.History, at []int) *history.History {
	slices.Sort(at)
	sub := *h
	sub.Ops = make([]history.Op, len(at))
	for n, i := range at {
		sub.Ops[n] = h.Ops[i]
	}
	return &sub
}

// inWhole are the positions in the whole history of those in the restriction to at.
func inWhole(at, positions []int) (whole []int) {
	for _, n := range positions {
		whole = append(whole, at[n])
	}
	return whole
}
