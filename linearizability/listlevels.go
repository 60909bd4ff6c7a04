package linearizability

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

const byLists = "order of the appends, which lists show"

// repeats reports whether a transaction that reads a register or list again must find
// what it found.
func (l txnLevel) repeats() bool {
	switch l {
	case levelReadUncommitted, levelPL2, levelMonotonic, levelReadCommitted:
		return false
	}
	return true
}

// shape says which dependencies must fit one order at a level.
func (l txnLevel) shape() shape {
	writes, committed := kindsOf(dependsWW), kindsOf(dependsWW, dependsWR)
	overwritten := committed | kindsOf(dependsRW)
	session := kindsOf(dependsSession)
	switch l {
	case levelReadUncommitted:
		return shape{use: writes}
	case levelPL2, levelMonotonic:
		return shape{use: committed}
	case levelReadCommitted, levelReadAtomic, levelTCC:
		return shape{use: committed | session}
	case levelPrefix:
		return shape{use: overwritten | session, two: true}
	case levelPLSI:
		return shape{use: overwritten, two: true, disjoint: true}
	case levelSnapshot:
		return shape{use: overwritten | session, two: true, disjoint: true}
	case levelRepeatable:
		return shape{use: overwritten}
	case levelStrict:
		return shape{use: overwritten | session | kindsOf(dependsTime)}
	}
	return shape{use: overwritten | session}
}

// listIsolation judges a level of transactions over lists. Where all dependencies fit
// one order, which most histories show, every level holds but the strict one. O(size)
// then, and for all levels but these two: transactional causal consistency takes
// O(n·s), s sessions, and snapshot isolation a search where appends that no read shows
// leave open who came first.
func listIsolation(m *meter, level txnLevel, model string, h *history.History) (result, error) {
	l, r, err := newLists(m, level, model, h)
	if err != nil || r.status != OK || level == levelItemCut {
		return r, err
	}
	timed := level == levelStrict && !h.Untimed
	g := newListGraph(l, timed)
	ok := result{status: OK, method: byLists}
	if m.mustStop(lookEvery) {
		return result{status: Undecided}, nil
	}
	x := g.project(levelSerializable.shape(), nil)
	if fits := x.fits(); fits && level != levelStrict {
		return ok, nil
	} else if fits && h.Untimed {
		return result{status: Inconclusive, method: byLists, reason: "the source says nothing of real time; without it this is serializable"}, nil
	}
	if m.mustStop(lookEvery) {
		return result{status: Undecided}, nil
	}
	if x = g.project(level.shape(), nil); !x.fits() {
		if !m.mustStop(lookEvery) {
			m.found(result{status: Violation, method: byLists, reason: "no order of the transactions fits all that they read"})
		}
		return g.cyclic(level.shape()), nil
	}
	switch level {
	case levelMonotonic, levelReadCommitted, levelReadAtomic:
		return l.visible(level), nil
	case levelTCC:
		return l.causal(x), nil
	case levelSnapshot, levelPLSI:
		return l.snapshots(m, g, level), nil
	}
	return ok, nil
}

// cyclic tells a cycle, of as few kinds of dependencies as there is one: what is wrong
// without asking for the order of sessions or for real time is worse than what is wrong
// only with it.
func (g *listGraph) cyclic(s shape) result {
	order := kindsOf(dependsSession)
	for _, use := range []kinds{
		kindsOf(dependsWW), kindsOf(dependsWW, dependsWR), kindsOf(dependsWW, dependsWR, dependsRW),
		kindsOf(dependsWW, dependsWR) | order, kindsOf(dependsWW, dependsWR, dependsRW) | order, s.use,
	} {
		some := s
		if some.use = use; use&^s.use != 0 {
			continue
		}
		x := g.project(some, nil)
		knot := x.knot()
		if g.l.m.mustStop(lookEvery) {
			break
		}
		if knot == nil {
			continue
		}
		cycle := g.steps(x.shortest(knot))
		if g.l.m.mustStop(0) {
			break
		}
		return result{
			status: Violation, method: byLists, witness: g.witness(cycle),
			reason: g.anomaly(cycle) + ": " + g.told(cycle),
		}
	}
	return result{status: Violation, method: byLists, reason: "no order fits"}
}

// unseenPlace is past the places of all appends that a read shows.
const unseenPlace int32 = 1 << 30

func (l *lists) placeOf(w int32) int32 {
	if l.place[w] < 0 {
		return unseenPlace
	}
	return l.place[w]
}

// visible judges the levels at which it is plain what a read must show: what was read
// from before (monotonic atomic view, read committed), or by the transaction at all, and
// what its session had done (read atomic). A list is read from all that its base shows.
// O(size).
func (l *lists) visible(level txnLevel) result {
	if level == levelReadAtomic {
		if r := l.afterSession(); r.status != OK {
			return r
		}
	}
	bases := make(map[int32]*listRead) // by list: of the reads that count the one that shows the least
	for t := range l.ops {
		reads := l.reads[l.from[t]:l.from[t+1]]
		if len(reads) < 2 {
			continue
		}
		clear(bases)
		note := func(r *listRead) {
			if b := bases[r.key]; b == nil || r.base < b.base {
				bases[r.key] = r
			}
		}
		for n := range reads {
			if level == levelReadAtomic {
				note(&reads[n])
			}
		}
		for n := len(reads) - 1; n >= 0; n-- {
			if r := l.misses(level, &reads[n], bases); r.status != OK {
				return r
			}
			note(&reads[n])
		}
	}
	return result{status: OK, method: byLists}
}

// misses looks for a read among some that does not show what somebody appended whom
// another read has seen.
func (l *lists) misses(level txnLevel, seen *listRead, among map[int32]*listRead) result {
	name := OTV
	if level == levelReadAtomic {
		name = Fractured
	}
	for _, w := range l.keys[seen.key].order[:seen.base] {
		if l.m.mustStop(len(l.ops[l.of[w]])) {
			break
		}
		for _, j := range l.ops[l.of[w]] {
			if !l.h.Ops[j].IsPut() {
				continue
			}
			if r := among[l.keyOf[j]]; r != nil && r.base <= l.placeOf(j) {
				return l.wrong([]int32{seen.pos, w, r.pos, j}, "%s: read #%d of %q shows #%d of a transaction, but read #%d of %q, which returns %s, does not show #%d of the same",
					name, l.h.Ops[seen.pos].Index, l.h.Ops[seen.pos].Key, l.h.Ops[w].Index,
					l.h.Ops[r.pos].Index, l.h.Ops[r.pos].Key, l.h.Ops[r.pos].Out, l.h.Ops[j].Index)
			}
		}
	}
	return result{status: OK}
}

// afterSession looks for a read that does not show what its session had appended in
// transactions before. O(n).
func (l *lists) afterSession() result {
	type object struct {
		session int
		key     int32
	}
	done := make(map[object]int32) // the append, of those before, whose place is last
	for i := range l.h.Ops {
		t := l.of[i]
		if l.state[t] != history.OK {
			continue
		}
		ops := l.ops[t]
		if ops[0] == int32(i) {
			for n := l.from[t]; n < l.from[t+1]; n++ {
				r := &l.reads[n]
				if w, any := done[object{l.h.Ops[i].Session, r.key}]; any && r.base <= l.placeOf(w) {
					return l.wrong([]int32{r.pos, w}, "%s: read #%d of %q returns %s, without %s, which its session had appended before (#%d)",
						Fractured, l.h.Ops[r.pos].Index, l.h.Ops[r.pos].Key, l.h.Ops[r.pos].Out, l.h.Ops[w].Arg, l.h.Ops[w].Index)
				}
			}
		}
		if ops[len(ops)-1] != int32(i) {
			continue
		}
		for _, j := range ops {
			if !l.h.Ops[j].IsPut() {
				continue
			}
			at := object{l.h.Ops[j].Session, l.keyOf[j]}
			if w, any := done[at]; !any || l.placeOf(w) <= l.placeOf(j) {
				done[at] = j
			}
		}
	}
	return result{status: OK}
}

// causal judges transactional causal consistency, given the instants of what it orders,
// which fit: a read shows all that was appended in the causal past of its transaction.
// The past are those that it follows in its session or read from, and their past.
func (l *lists) causal(x *instantGraph) result {
	c, r := newListClocks(l)
	if r.status != OK {
		return r
	}
	for _, t := range x.order() {
		if int(t) >= len(l.ops) || !l.part[t] {
			continue
		}
		if l.m.mustStop((2 + len(l.ops[t])) * len(c.chains)) {
			return result{status: Undecided}
		}
		clock := c.tick(t)
		for n := l.from[t]; n < l.from[t+1]; n++ {
			r := &l.reads[n]
			if w := c.lastAppend(t, clock, r.key); w >= 0 && r.base <= l.placeOf(w) {
				return l.causalMiss(c, r, w)
			}
		}
	}
	return result{status: OK, method: byLists}
}

// causalMiss is a read that does not show an append in the past of its transaction.
func (l *lists) causalMiss(c *listClocks, r *listRead, w int32) result {
	o := &l.h.Ops[r.pos]
	at := []int32{r.pos, w}
	for _, t := range c.path(l.of[w], r.txn) {
		at = append(at, l.ops[t][0])
	}
	return l.wrong(at, "%s: read #%d of %q returns %s, without %s: #%d, which appended it, is in the causal past of the read",
		CausalMiss, o.Index, o.Key, o.Out, l.h.Ops[w].Arg, l.h.Ops[w].Index)
}

// snapshots judges snapshot isolation where all dependencies fit: it is left to order
// the appends that no read shows, whose transactions must not overlap either.
func (l *lists) snapshots(m *meter, g *listGraph, level txnLevel) result {
	ok := result{status: OK, method: byLists}
	x := g.project(level.shape(), nil)
	at := make([]int32, len(x.from)-1)
	for n, p := range x.order() {
		at[p] = int32(n)
	}
	var extra []listEdge
	for k := range l.keys {
		unseen := slices.Clone(l.keys[k].unseen)
		slices.SortFunc(unseen, func(a, b int32) int { return int(at[2*l.of[a]+1] - at[2*l.of[b]+1]) })
		for n := 1; n < len(unseen); n++ {
			if a, b := l.of[unseen[n-1]], l.of[unseen[n]]; a != b {
				extra = append(extra, listEdge{a, b, dependsWW, -1})
			}
		}
	}
	if len(extra) == 0 || g.project(level.shape(), extra).fits() {
		return ok
	}
	return l.search(m, g, level)
}
