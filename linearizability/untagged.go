package linearizability

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

const byForcedPuts = "forced puts (untagged)"

// untaggedCausal judges lattice-causal consistency without tags, soundly: a
// violation is one, an OK is one, and what it cannot tell is undecided. Let U(r)
// be the puts below the value of the read r that were called before it returned.
//
//   - ⊔U(r) must be the value: nothing else can have been seen.
//   - A put is forced on r if without it the rest of U(r) falls short of the
//     value: r surely saw it. Session order and forced visibility, closed, must
//     be acyclic.
//   - A put on r's object that surely happened before r must be below r's value.
//   - If moreover all of U(r) is surely before r, then r's visible set is known.
//     Where that holds of every read, the history is causal.
//
// Sets and stamped registers have an order on values to go by; for counters, and
// registers without stamps, nothing is forced and the verdict is undecided.
func untaggedCausal(m *meter, h *history.History) result {
	u := &untagged{h: h, puts: make(map[objectID][]int)}
	a := newAccesses(h)
	a.m = m
	session := make(map[int]int32)
	node := make([]int32, len(h.Ops))
	for i := range h.Ops {
		node[i] = -1
		if o := &h.Ops[i]; o.Happened() {
			node[i] = a.append(i, 0, session)
			if o.IsPut() {
				u.puts[objectID{o.Type, o.Key}] = append(u.puts[objectID{o.Type, o.Key}], i)
			}
		}
	}
	if r := a.tooWide(); r.status != OK {
		return r
	}
	a.more = make([][]int32, len(a.pos))
	below := make([][]int, len(h.Ops))
	for i := range h.Ops {
		r := &h.Ops[i]
		if r.IsPut() || !r.Happened() {
			continue
		}
		if !u.comparable(r) {
			return result{status: Undecided, method: byForcedPuts,
				reason: fmt.Sprintf("what read #%d saw cannot be told from its value; the causal model may", r.Index)}
		}
		puts := len(u.puts[objectID{r.Type, r.Key}])
		if m.mustStop(16 * puts * (1 + r.Out.Len())) {
			return result{status: Undecided}
		}
		below[i] = u.below(r)
		if m.mustStop(16 * len(below[i]) * len(below[i])) {
			return result{status: Undecided}
		}
		if !models.Joins(r, u.ops(below[i])) {
			return result{status: Violation, method: byForcedPuts, witness: append(below[i], i),
				reason: fmt.Sprintf("the puts below the value of read #%d do not join to it", r.Index)}
		}
		for _, j := range u.forced(r, below[i]) {
			a.more[node[i]] = append(a.more[node[i]], node[j])
		}
	}
	p := &partialOrder{a: a, reader: everyone}
	if !p.sweep(true) {
		return result{status: Violation, method: byForcedPuts, witness: p.cycle(),
			reason: fmt.Sprintf("what reads must have seen has a cycle, which #%d waits for", a.op(p.stuck[0]).Index)}
	}
	return u.compare(p, node, below)
}

type objectID struct {
	typ history.Type
	key string
}

type untagged struct {
	h    *history.History
	puts map[objectID][]int
}

func (u *untagged) ops(at []int) []*history.Op {
	var ops []*history.Op
	for _, i := range at {
		ops = append(ops, &u.h.Ops[i])
	}
	return ops
}

// comparable reports whether the read's value can be compared with puts.
func (u *untagged) comparable(r *history.Op) bool {
	switch r.Type {
	case history.Set:
		return true
	case history.Register:
		return r.Stamp.Known() || r.Out.IsNil() && !slices.ContainsFunc(u.puts[objectID{r.Type, r.Key}], func(i int) bool {
			return u.h.Ops[i].Arg.IsNil()
		})
	}
	return false
}

// under reports whether the put is below the value of the read.
func under(p, r *history.Op) bool {
	if r.Type == history.Set {
		list, _ := r.Out.AsList()
		return slices.ContainsFunc(list, p.Arg.Equal)
	}
	switch {
	case r.Out.IsNil() && !r.Stamp.Known():
		return false
	case !p.Stamp.Known(): // an indeterminate write: only the value can tell
		return p.Arg.Equal(r.Out)
	}
	c := p.Stamp.Compare(r.Stamp)
	return c < 0 || c == 0 && p.Arg.Compare(r.Out) <= 0
}

// below is U(r).
func (u *untagged) below(r *history.Op) (at []int) {
	for _, i := range u.puts[objectID{r.Type, r.Key}] {
		if p := &u.h.Ops[i]; p.Call <= r.Return && under(p, r) {
			at = append(at, i)
		}
	}
	return at
}

// forced returns the puts of U(r) that r surely saw: the only one of an element,
// the only one of the winning value.
func (u *untagged) forced(r *history.Op, below []int) (at []int) {
	for n, i := range below {
		p := &u.h.Ops[i]
		if r.Type == history.Register && !p.Arg.Equal(r.Out) {
			continue
		}
		only := true
		for m, j := range below {
			only = only && (m == n || !u.h.Ops[j].Arg.Equal(p.Arg))
		}
		if only {
			at = append(at, i)
		}
	}
	return at
}

// compare holds each read against what surely happened before it.
func (u *untagged) compare(p *partialOrder, node []int32, below [][]int) result {
	known := true
	for i := range u.h.Ops {
		r := &u.h.Ops[i]
		if r.IsPut() || !r.Happened() {
			continue
		}
		if p.a.m.mustStop(len(u.puts[objectID{r.Type, r.Key}]) * (1 + len(below[i]))) {
			return result{status: Undecided}
		}
		for _, j := range u.puts[objectID{r.Type, r.Key}] {
			w := &u.h.Ops[j]
			before, seen := p.before(node[j], node[i]), slices.Contains(below[i], j)
			if before && !seen && (w.Stamp.Known() || r.Type == history.Set) {
				witness := p.a.positions(p.path(node[j], node[i])...)
				slices.Sort(witness)
				return result{status: Violation, method: byForcedPuts, witness: witness, reason: fmt.Sprintf(
					"read #%d does not see put #%d, which happened causally before it", r.Index, w.Index)}
			}
			if before != seen {
				known = false
			}
		}
	}
	if known {
		return result{status: OK, method: byForcedPuts}
	}
	return result{status: Undecided, method: byForcedPuts,
		reason: "some reads may or may not have seen some puts below their values; the causal model may decide"}
}
