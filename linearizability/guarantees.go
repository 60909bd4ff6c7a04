package linearizability

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

// guarantees is a set of the session guarantees of Terry et al. ("Session guarantees
// for weakly consistent replicated data", 1994).
//
// What they demand is told by views, after Brzeziński, Sobaniec and Wawrzyniak
// ("Session guarantees to achieve PRAM consistency of replicated shared objects",
// PPAM 2003; "From session causality to causal consistency", PDP 2004). A view of a
// session is one order of all writes and of reads of the session, in which each read
// returns the latest write of its register before it, or the initial value where there
// is none. The guarantees are about what a view keeps:
//
//   - ryw, read your writes: the session's own order wherever a write of its own is
//     concerned. Each write comes after what the session did before, and before what
//     it reads later. So a session does not read what its own writes replaced, be
//     it by another one of its own. Terry asks only that the server which answers a
//     read has the session's writes; the order among them is left to monotonic
//     writes. By the letter a session that writes 2, then 3, then reads 2 has read
//     its writes, which no user means by it.
//   - mr, monotonic reads: the order of the session's reads, all of them in one
//     view. Without mr each read has a view of its own, so that two reads of a
//     session need not fit together.
//   - mw, monotonic writes: the order of the writes of every session.
//   - wfr, writes follow reads: what any session has read comes before what it
//     writes later.
//
// Several guarantees are judged together: the same view keeps all of them. Then
// ryw+mr+mw is PRAM (Lipton and Sandberg 1988), as in the first paper, and all four
// are causal memory (Ahamad et al. 1995), as in the second. By itself mw excludes
// nothing, as each read has its own view, and wfr only a cycle of causes. Sessions are
// not held against one another: two may see concurrent writes in two orders, which
// causal convergence forbids.
type guarantees uint8

const (
	readYourWrites guarantees = 1 << iota
	monotonicReads
	monotonicWrites
	writesFollowReads
	everyGuarantee = readYourWrites | monotonicReads | monotonicWrites | writesFollowReads
)

// guaranteeNames in the order of the bits.
var guaranteeNames = []string{"ryw", "mr", "mw", "wfr"}

// parseGuarantees reads names joined by plus signs, as in ryw+mr.
func parseGuarantees(model string) (guarantees, bool) {
	var set guarantees
	for name := range strings.SplitSeq(model, "+") {
		n := slices.Index(guaranteeNames, name)
		if n < 0 || set&(1<<n) != 0 {
			return 0, false
		}
		set |= 1 << n
	}
	return set, true
}

const (
	byOwnOrder = "what a session wrote and read, one register at a time, since reads name their writes"
	byNothing  = "nothing: no history breaks it by itself"
)

// sessionGuarantees judges by a set of guarantees. O(n) for each alone and for
// ryw+mr, ryw+mw and mw+wfr; with causal order or PRAM, their cost; else polynomial,
// by plainViews.
func sessionGuarantees(m *meter, set guarantees, model string, h *history.History) (result, error) {
	switch set {
	case everyGuarantee:
		return causalRegisters(m, levelCM, model, h)
	case readYourWrites | monotonicReads | monotonicWrites:
		return causalRegisters(m, levelPRAM, model, h)
	case readYourWrites | monotonicWrites | writesFollowReads:
		p, r, err := causalOrder(m, model, h)
		if err != nil || r.status != OK {
			return r, err
		}
		return p.overwritten(p.ownPast), nil
	}
	a, r, err := compactRegisters(m, model, h)
	if err != nil || r.status != OK {
		return r, err
	}
	switch set {
	case monotonicWrites:
		return result{status: OK, method: byNothing}, nil
	case writesFollowReads, writesFollowReads | monotonicWrites:
		return newWriteOrder(a, set).acyclic(), nil
	case readYourWrites, readYourWrites | monotonicWrites, monotonicReads, readYourWrites | monotonicReads:
		return a.ownOrder(set), nil
	}
	return a.plainViews(set), nil
}

// cost is what a set costs to judge.
func (set guarantees) cost() string {
	switch set {
	case readYourWrites | monotonicReads | monotonicWrites:
		return pramCost
	case everyGuarantee:
		return memoryCost
	case readYourWrites | monotonicWrites | writesFollowReads:
		return "O(n·s·log n), s sessions"
	case writesFollowReads | monotonicReads, writesFollowReads | readYourWrites, writesFollowReads | monotonicReads | readYourWrites,
		writesFollowReads | monotonicReads | monotonicWrites, monotonicReads | monotonicWrites:
		return fmt.Sprintf("O(n²·s), s sessions, and a round or two; up to %d operations", maxPlainNodes)
	}
	return "O(n)"
}

// ownPast is the clock of what precedes a read by its session's writes alone: the
// causal past of the last one. nil if there is none.
func (p *partialOrder) ownPast(n int32) []int32 {
	on := p.a.chains[p.a.chain[n]]
	for rank := p.a.rank[n] - 1; rank >= 0; rank-- {
		if p.a.isWrite(on[rank]) {
			return p.row(on[rank])
		}
	}
	return nil
}

// ownOrder judges sets by which the writes of other sessions are in no order: ryw and
// mr, and ryw with mw, which adds nothing to it. Then registers are independent, and
// it matters only in which order one session met the values of one. O(n).
func (a *accesses) ownOrder(set guarantees) result {
	for _, nodes := range a.chains {
		keys := make(map[int32]*met)
		for _, n := range nodes {
			if a.m.mustStop(64) {
				return result{}
			}
			k := keys[a.key[n]]
			if k == nil {
				k = &met{wrote: -1, now: initial}
				keys[a.key[n]] = k
			}
			if r := k.next(a, set, n); r.status != OK {
				return r
			}
		}
	}
	return result{status: OK, method: byOwnOrder}
}

// met is what a session met in one register so far.
type met struct {
	wrote int32              // its own last write, or -1
	now   int32              // mr: the write whose value it holds, or initial
	gone  map[int32]struct{} // mr: those whose values were replaced
	by    int32              // mr: the operation that met now first
}

// next takes the session's next operation on the register.
func (k *met) next(a *accesses, set guarantees, n int32) result {
	src, own := a.source[n], set&readYourWrites != 0
	broken := func(guarantee string, because ...int32) result {
		nodes := append(because, n)
		for _, m := range nodes {
			if a.source[m] >= 0 {
				nodes = append(nodes, a.source[m])
			}
		}
		witness := a.positions(nodes...)
		slices.Sort(witness)
		value := "the initial value"
		if src >= 0 {
			value = fmt.Sprintf("#%d", a.op(src).Index)
		}
		return result{status: Violation, method: byOwnOrder, witness: slices.Compact(witness), reason: fmt.Sprintf(
			"read #%d returns %s after #%d (%s)", a.op(n).Index, value, a.op(because[0]).Index, guarantee)}
	}
	switch {
	case a.isWrite(n):
		if own {
			k.wrote = n
			k.hold(n, n)
		}
		return result{status: OK}
	case own && a.isLater(src, n):
		return broken("ryw: it is written only later", src)
	case own && k.wrote >= 0 && src != k.wrote && (src == initial || a.chain[src] == a.chain[n]):
		return broken("ryw", k.wrote)
	case set&monotonicReads == 0 || src == k.now:
		return result{status: OK}
	}
	if _, was := k.gone[src]; was { // the initial value too, if it is not there now
		return broken("mr", k.by)
	}
	k.hold(src, n)
	return result{status: OK}
}

// hold makes the register hold a value, which operation n showed.
func (k *met) hold(src, n int32) {
	if k.gone == nil {
		k.gone = make(map[int32]struct{})
	}
	k.gone[k.now] = struct{}{}
	k.now, k.by = src, n
}

// isLater reports whether the source is a write of n's own session after n, one of
// unknown outcome included.
func (a *accesses) isLater(src, n int32) bool {
	if src < 0 {
		return false
	}
	m := a.parent[src]
	return a.chain[src] == a.chain[n] && a.rank[src] > a.rank[n] || m >= 0 && a.chain[m] == a.chain[n] && a.rank[m] >= a.rank[n]
}
