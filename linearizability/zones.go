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
func zones(m *meter, h *history.History) (result, error) {
	a, r, err := compactRegisters(m, "linearizable-register", h)
	if err != nil || r.status != OK {
		return r, err
	}
	return a.zones(), nil
}

// zones is the check itself.
func (a *accesses) zones() result {
	byKey := make([][]zone, len(a.byKey))
	of := make([]int32, len(a.pos)) // by write: its zone
	start := make([]zone, len(a.byKey))
	for k := range start {
		start[k] = zone{from: math.MinInt64, to: math.MinInt64, first: initial, last: initial, write: initial}
	}
	writes := make([]int, len(a.byKey))
	for n := range int32(len(a.pos)) {
		if a.m.mustStopAt(int(n)) {
			return result{}
		}
		if a.isWrite(n) {
			writes[a.key[n]]++
		}
	}
	for k, count := range writes {
		byKey[k] = make([]zone, 0, count+1) // and the initial value's
	}
	for n := range int32(len(a.pos)) {
		if a.m.mustStopAt(int(n)) {
			return result{}
		}
		if a.isWrite(n) {
			o := a.op(n)
			of[n] = int32(len(byKey[a.key[n]]))
			byKey[a.key[n]] = append(byKey[a.key[n]], zone{from: effect(o), to: o.Call, first: n, last: n, write: n})
		}
	}
	for n := range int32(len(a.pos)) {
		if a.m.mustStopAt(int(n)) {
			return result{}
		}
		src := a.source[n]
		if src == n {
			continue
		}
		z := &start[a.key[n]]
		if src >= 0 {
			z = &byKey[a.key[n]][of[src]]
			if w := a.op(src); a.op(n).Return < w.Call {
				return result{status: Violation, method: byZones, witness: a.positions(n, src), reason: fmt.Sprintf(
					"read #%d returned before write #%d was called, whose value it has", a.op(n).Index, w.Index)}
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
		if a.m.mustStop(32 * len(byKey[k])) {
			break
		}
		if x, y, clash := clashing(a.m, append(byKey[k], start[k])); clash {
			return a.clash(x, y)
		}
	}
	return result{status: OK, method: byZones}
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
func clashing(m *meter, zs []zone) (x, y zone, found bool) {
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
	sortLooking(m, forward, byStart)
	if m.mustStop(0) {
		return x, y, false
	}
	for i := 1; i < len(forward); i++ {
		if forward[i].from < forward[i-1].to {
			return forward[i-1], forward[i], true
		}
	}
	// The forward zones are disjoint now, so only the last one that begins before
	// a backward zone can contain it.
	sortLooking(m, backward, byStart)
	if m.mustStop(0) {
		return x, y, false
	}
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
	var nodes []int32
	for _, n := range []int32{x.write, x.first, x.last, y.write, y.first, y.last} {
		if n != initial {
			nodes = append(nodes, n)
		}
	}
	witness := a.positions(nodes...)
	slices.Sort(witness)
	return result{status: Violation, method: byZones, witness: slices.Compact(witness),
		reason: fmt.Sprintf("register %q: %s", a.h.Ops[witness[0]].Key, a.clashing(x, y))}
}

// clashing says in a sentence why two values cannot be ordered. The first operation with
// a value is the one that returned first, the last one the one that was called last.
func (a *accesses) clashing(x, y zone) string {
	did := func(n int32) string { // with its value
		if o := a.op(n); a.isWrite(n) {
			return fmt.Sprintf("written %s", o.Arg)
		}
		return fmt.Sprintf("read %s", a.op(n).Out)
	}
	read := a.op(x.last) // as it was called after something had returned, it is no write of what came first
	if x.write == initial {
		return fmt.Sprintf("#%d read %s, the initial value, after #%d had %s, and nothing wrote %s",
			read.Index, read.Out, a.op(y.first).Index, did(y.first), read.Out)
	}
	if y.forward {
		return fmt.Sprintf("#%d read %s after #%d had %s, yet #%d read %s after #%d had %s, and each was written once",
			read.Index, read.Out, a.op(y.first).Index, did(y.first), a.op(y.last).Index, a.op(y.last).Out, a.op(x.first).Index, did(x.first))
	}
	between := ""
	if y.first != y.last {
		between = fmt.Sprintf(", which had %s", did(y.last))
	}
	return fmt.Sprintf("#%d read %s after #%d had %s, and nothing wrote %s in between: #%d had %s before #%d was called%s",
		read.Index, read.Out, a.op(y.first).Index, did(y.first), read.Out, a.op(x.first).Index, did(x.first), a.op(y.last).Index, between)
}
