package linearizability

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

const byCausalOrder = "bad patterns over vector clocks, since reads name their writes"

// causalLevel is one of the levels that are decided over the causal order.
type causalLevel uint8

const (
	levelCC causalLevel = iota
	levelCM
	levelCCv
	levelPRAM
)

// causalOrder brings h into compact form and closes the causal order, that is
// session order and reads-from. A result that is not OK settles the level.
func causalOrder(m *meter, model string, h *history.History) (*partialOrder, result, error) {
	a, r, err := compactRegisters(m, model, h)
	if err != nil || r.status != OK {
		return nil, r, err
	}
	p, r := a.causalOrder()
	return p, r, nil
}

// causalOrder closes the causal order.
func (a *accesses) causalOrder() (*partialOrder, result) {
	if r := a.tooWide(); r.status != OK {
		return nil, r
	}
	p := &partialOrder{a: a, reader: everyone}
	if !p.sweep(true) {
		return nil, result{
			status: Violation, method: byCausalOrder, witness: p.cycle(),
			reason: fmt.Sprintf("cyclic causal order, which #%d waits for", a.op(p.stuck[0]).Index),
		}
	}
	return p, result{status: OK, method: byCausalOrder}
}

// causalRegisters judges a history of registers whose reads name their writes.
// Exact: the bad patterns are those of Bouajjani et al. (POPL 2017, tables 2 to
// 4), looked for with vector clocks.
//
// What is linearizable, in sessions that real time orders, is sequentially consistent, so
// that all of these levels hold. That is told in O(n log n), whatever the number of
// sessions, and looked at first at the levels that cost more: each client that crashes
// makes another session, and a store that makes no mistake has hundreds.
func causalRegisters(m *meter, level causalLevel, model string, h *history.History) (result, error) {
	a, r, err := compactRegisters(m, model, h)
	if err != nil || r.status != OK {
		return r, err
	}
	const many = 64 // chains, from which on causal consistency costs more too
	if (level != levelCC || len(a.chains) > many) && inRealTime(h) {
		if r := a.zones(); r.status == OK {
			r.method = "linearizable by " + r.method
			return r, nil
		}
	}
	if level == levelPRAM {
		return pramViews(a, fewEdges), nil
	}
	p, r := a.causalOrder()
	if r.status != OK {
		return r, nil
	}
	if r := p.overwritten(p.row); r.status != OK || level == levelCC {
		return r, nil
	}
	if level == levelCM {
		return p.memoryViews(fewEdges), nil
	}
	return p.conflicts(), nil
}

// overwritten looks for a read of a value that had been overwritten, or of the
// initial value of a register that had been written, in its causal past. Of each
// chain the last such write is enough. What counts as the past of a read is the part
// of it that past returns, nil for nothing. O(reads × writers of the register × log).
func (p *partialOrder) overwritten(past func(n int32) []int32) result {
	a := p.a
	inTime := a.inTime()
	for n := range int32(len(a.pos)) {
		if a.m.mustStop(len(a.byKey[a.key[n]])) {
			break
		}
		if a.isWrite(n) {
			continue
		}
		src, clock := a.source[n], past(n)
		if clock == nil {
			continue
		}
		on := a.byKey[a.key[n]]
		var by, before []int32 // the writes in between, and the clock of the source
		if src >= 0 {
			before = p.row(src)
		}
		for i := range on {
			rank, any := on[i].latest(clock[on[i].chain])
			if !any || before != nil && before[on[i].chain] > rank {
				continue // what precedes the source, or is it, is not after it
			}
			w := a.chains[on[i].chain][rank]
			if inTime && w < src || src >= 0 && !p.before(src, w) {
				continue
			}
			by = append(by, w)
		}
		if len(by) > 0 {
			return p.overwrittenBy(n, by)
		}
	}
	return result{status: OK, method: byCausalOrder}
}

// overwrittenBy tells a violation by the write that leads to the read by the
// shortest path.
func (p *partialOrder) overwrittenBy(n int32, by []int32) result {
	a := p.a
	r := result{status: Violation, method: byCausalOrder}
	src := a.source[n]
	for _, w := range by {
		path := p.path(w, n)
		if src != initial {
			path = append(path, p.path(src, w)...)
		}
		if r.witness != nil && len(path) >= len(r.witness) {
			continue
		}
		r.witness = a.positions(path...)
		r.reason = fmt.Sprintf("WriteCOInitRead: read #%d returns the initial value, but write #%d happened causally before it",
			a.op(n).Index, a.op(w).Index)
		if src != initial {
			r.reason = fmt.Sprintf("WriteCORead: read #%d returns write #%d, which write #%d overwrote causally before it",
				a.op(n).Index, a.op(src).Index, a.op(w).Index)
		}
	}
	slices.Sort(r.witness)
	r.witness = slices.Compact(r.witness)
	return r
}

// conflicts adds what convergence demands, w1 before w2 where a read of w2 has
// w1 in its causal past, and looks for a cycle. O(nodes × chains).
func (p *partialOrder) conflicts() result {
	a := p.a
	p.withEdges()
	demanded := false
	for n := range int32(len(a.pos)) {
		if a.m.mustStop(len(a.byKey[a.key[n]])) {
			break
		}
		if src := a.source[n]; src >= 0 && src != n {
			demanded = p.arbitrate(n, src) || demanded
		}
	}
	if !demanded || p.sweep(false) {
		return result{status: OK, method: byCausalOrder}
	}
	return result{
		status: Violation, method: byCausalOrder, witness: p.cycle(),
		reason: fmt.Sprintf("CyclicCF: no order of conflicting writes fits all reads, as #%d waits for itself", a.op(p.stuck[0]).Index),
	}
}

// arbitrate puts before src every write of its register in the past of the read
// n, and reports whether one was not there before. Of those, what precedes another one
// needs no edge: a write of a new session has nearly all others beside it, and what a
// read has seen last covers most of them.
func (p *partialOrder) arbitrate(n, src int32) (changed bool) {
	a := p.a
	clock, before, on := p.row(n), p.row(src), a.byKey[a.key[n]]
	var beside []int32
	for i := range on {
		rank, any := on[i].latest(clock[on[i].chain])
		if any && before[on[i].chain] <= rank { // src itself is before src
			beside = append(beside, a.chains[on[i].chain][rank])
		}
	}
	slices.SortFunc(beside, func(m, n int32) int { return cmp.Compare(n, m) })
	for i, w := range beside {
		if slices.ContainsFunc(beside[:min(i, 4)], func(later int32) bool { return p.before(w, later) }) {
			continue
		}
		changed = p.requires(src, a.chain[w], a.rank[w]) || changed
	}
	return changed
}

// cycle returns positions of nodes on a cycle after a sweep that got stuck, and
// of the reads that explain its edges in due.
func (p *partialOrder) cycle() []int {
	var nodes []int32
	for _, edge := range p.cycleEdges() {
		n, m := edge[0], edge[1]
		nodes = append(nodes, n, m)
		if p.constrains(m, n) {
			nodes = append(nodes, p.reason(m, n)...)
		}
	}
	witness := p.a.positions(nodes...)
	slices.Sort(witness)
	return slices.Compact(witness)
}

// reason returns a read of w2 that has w1 in its past, with the path from w1.
func (p *partialOrder) reason(w1, w2 int32) []int32 {
	a := p.a
	for n := range int32(len(a.pos)) {
		if a.source[n] == w2 && n != w2 && p.before(w1, n) {
			return p.path(w1, n)
		}
	}
	return nil
}
