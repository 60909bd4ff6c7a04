package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

const byZones = "zones (Gibbons and Korach), since reads name their writes"

// zone is what real time says of a write and the reads of its value: from the
// first return among them to the last call among them. If the return comes
// first (a forward zone), the value is surely in the register throughout, and
// if the call does, all of them overlap there and the value may come and go
// within an instant.
type zone struct {
	from, to    int64
	forward     bool
	first, last int32 // the operations with that return and that call; initial for the initial value
	write       int32
}

// zones judges linearizability of registers whose reads name their writes. It is
// exact: a register is linearizable iff no read returns before its write is
// called, no two forward zones overlap, and no backward zone lies within a
// forward one (Gibbons and Korach, "Testing shared memories", 1997). The initial
// value counts as written before everything. O(n log n).
func zones(h *history.History) (result, error) {
	a, r, err := compactRegisters("linearizable-register", h)
	if err != nil || r.status != OK {
		return r, err
	}
	byKey := make([][]zone, len(a.byKey))
	of := make([]int32, len(a.pos)) // by write: its zone
	start := make([]zone, len(a.byKey))
	for k := range start {
		start[k] = zone{from: math.MinInt64, to: math.MinInt64, first: initial, last: initial, write: initial}
	}
	writes := make([]int, len(a.byKey))
	for n := range int32(len(a.pos)) {
		if a.isWrite(n) {
			writes[a.key[n]]++
		}
	}
	for k, count := range writes {
		byKey[k] = make([]zone, 0, count+1) // and the initial value's
	}
	for n := range int32(len(a.pos)) {
		if a.isWrite(n) {
			o := a.op(n)
			of[n] = int32(len(byKey[a.key[n]]))
			byKey[a.key[n]] = append(byKey[a.key[n]], zone{from: effect(o), to: o.Call, first: n, last: n, write: n})
		}
	}
	for n := range int32(len(a.pos)) {
		src := a.source[n]
		if src == n {
			continue
		}
		z := &start[a.key[n]]
		if src >= 0 {
			z = &byKey[a.key[n]][of[src]]
			if w := a.op(src); a.op(n).Return < w.Call {
				return result{status: Violation, method: byZones, witness: a.positions(n, src), reason: fmt.Sprintf(
					"read #%d returned before write #%d was called, whose value it has", a.op(n).Index, w.Index)}, nil
			}
		}
		if o := a.op(n); o.Return < z.from {
			z.from, z.first = o.Return, n
		}
		if o := a.op(n); o.Call > z.to {
			z.to, z.last = o.Call, n
		}
	}
	for k := range byKey {
		if x, y, clash := clashing(append(byKey[k], start[k])); clash {
			return a.clash(x, y), nil
		}
	}
	return result{status: OK, method: byZones}, nil
}

// effect is the time by which the effect of a write was there: an indeterminate
// one may take for ever.
func effect(o *history.Op) int64 {
	if o.Outcome == history.Unknown {
		return history.Pending
	}
	return o.Return
}

// clashing looks among the zones of one register for two that cannot be ordered.
func clashing(zs []zone) (x, y zone, found bool) {
	// Both in the one block: forward zones from its front, backward ones behind.
	n := 0
	for i := range zs {
		if z := &zs[i]; z.from < z.to {
			z.forward = true
			zs[n], zs[i] = zs[i], zs[n]
			n++
		} else {
			z.from, z.to = z.to, z.from
		}
	}
	forward, backward := zs[:n], zs[n:]
	byStart := func(a, b zone) int { return cmp.Compare(a.from, b.from) }
	slices.SortFunc(forward, byStart)
	for i := 1; i < len(forward); i++ {
		if forward[i].from < forward[i-1].to {
			return forward[i-1], forward[i], true
		}
	}
	// The forward zones are disjoint now, so only the last one that begins before
	// a backward zone can contain it.
	slices.SortFunc(backward, byStart)
	i := 0
	for _, b := range backward {
		for i < len(forward) && forward[i].from < b.from {
			i++
		}
		if i > 0 && b.to < forward[i-1].to {
			return forward[i-1], b, true
		}
	}
	return x, y, false
}

// clash is the violation that two zones make.
func (a *accesses) clash(x, y zone) result {
	name := func(z zone) string {
		if z.write == initial {
			return "the initial value"
		}
		return fmt.Sprintf("the value of #%d", a.op(z.write).Index)
	}
	var nodes []int32
	for _, n := range []int32{x.write, x.first, x.last, y.write, y.first, y.last} {
		if n != initial {
			nodes = append(nodes, n)
		}
	}
	witness := a.positions(nodes...)
	slices.Sort(witness)
	why := fmt.Sprintf("%s came and went between operations that need %s to stay", name(y), name(x))
	if y.forward {
		why = fmt.Sprintf("%s and %s would both have to be there at a time", name(x), name(y))
	}
	return result{status: Violation, method: byZones, witness: slices.Compact(witness),
		reason: fmt.Sprintf("register %q: %s", a.h.Ops[witness[0]].Key, why)}
}
