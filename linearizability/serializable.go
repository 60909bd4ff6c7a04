package linearizability

import (
	"fmt"
	"slices"
	"strings"
)

// The levels above transactional causal consistency ask for one order of all
// transactions. Every one of them implies it, so that it is looked at first: most
// violations are one of it, with a pattern that has a name.

// ordered judges prefix consistency, snapshot isolation and the serializable levels
// of transactions that are causally consistent.
func (t *transactions) ordered(m *meter, level txnLevel) result {
	if level == levelStrict && t.h.Untimed {
		return result{status: Inconclusive, method: byCommitSearch, reason: "the source says nothing of real time; without it this is serializable"}
	}
	x := newTimeline(t, level)
	if r := m.clocksFit(len(x.latest), len(t.chains)); r.status != OK {
		return r
	}
	// Most histories are decided by what can be inferred, and an order that fits is
	// found at once. Where not, a search is tried, and then guesses, each with all
	// that follows from it.
	patience := 4*len(x.latest) + 10_000
	const slack = 256
	answer, why := x.decide(m, patience, slack)
	switch answer {
	case holds:
		return result{status: OK, method: byCommitSearch}
	case open:
		return result{status: Undecided, method: byCommitSearch, reason: fmt.Sprintf("%s after %d guesses", m.stopped(), x.guesses)}
	case refuted:
		if len(why.cycle) > 0 {
			return result{
				status: Violation, method: byCommitOrder, witness: t.witness(why.nodes),
				reason: x.anomaly(why.cycle) + ": " + x.told(why.cycle),
			}
		}
	}
	r := result{status: Violation, method: byCommitSearch, reason: "no commit order fits all reads"}
	if !why.all {
		r.witness = t.witness(why.nodes)
	}
	return r
}

// refutation says why there is no order.
type refutation struct {
	all     bool    // nothing smaller than the whole history is known to be
	nodes   []int32 // else these transactions show it
	guesses []int32 // the guesses on which it rests: places in known
	cycle   []int32 // the cycle, where it rests on none
}

// decide decides what is known so far. The first search may take patience steps, at
// least one an instant; those after a guess one an instant and slack more.
func (x *timeline) decide(m *meter, patience, slack int) (outcome, refutation) {
	for {
		if !x.sweep() {
			if why := x.refutation(); !x.t.m.mustStop(0) {
				return refuted, why
			}
		}
		if x.t.m.mustStop(0) {
			return open, refutation{}
		}
		if !x.infer(m) {
			break
		}
	}
	if m.stopped() != "" {
		return open, refutation{}
	}
	s := newCommitSearch(m, x)
	if answer := s.run(patience); answer != open {
		return answer, refutation{all: answer == refuted}
	}
	if m.stopped() != "" {
		return open, refutation{}
	}
	a, b := s.blocked[0], s.blocked[1]
	known := int32(len(x.known))
	sum := refutation{nodes: []int32{a, b}}
	for _, pair := range [][2]int32{{a, b}, {b, a}} {
		x.guess(pair[0], pair[1])
		x.guesses++
		answer, why := x.decide(m, len(x.latest)+slack, slack)
		x.back(int(known))
		if answer != refuted {
			return answer, why
		}
		if !why.all && !slices.Contains(why.guesses, known) {
			return refuted, why // whichever of the two came first
		}
		sum.all = sum.all || why.all
		sum.nodes = append(sum.nodes, why.nodes...)
		for _, g := range why.guesses {
			if g != known && !slices.Contains(sum.guesses, g) {
				sum.guesses = append(sum.guesses, g)
			}
		}
	}
	slices.Sort(sum.nodes)
	sum.nodes = slices.Compact(sum.nodes)
	return refuted, sum
}

// refutation is a cycle of what is known, told by the transactions on it and those
// that it is derived from.
func (x *timeline) refutation() refutation {
	var r refutation
	cycle := x.shortestCycle()
	if r.nodes, r.guesses = x.derivation(cycle); len(r.guesses) == 0 {
		r.cycle = cycle
	}
	return r
}

// shortestCycle returns the edges of a shortest cycle through one of the instants of
// some cycle: places in known, each edge leading to where the one before begins.
func (x *timeline) shortestCycle() []int32 {
	reached := make([]bool, len(x.latest))
	for _, p := range x.order {
		reached[p] = true
	}
	stuck := int32(slices.Index(reached, false))
	met := make(map[int32]int) // how far along the walk
	var walk []int32
	for p := stuck; ; {
		if at, again := met[p]; again {
			walk = walk[at:]
			break
		}
		met[p] = len(walk)
		walk = append(walk, p)
		for i := x.latest[p]; i != 0; i = x.known[i-1].next {
			if f := x.known[i-1].from; !reached[f] {
				p = f
				break
			}
		}
	}
	const tries = 32
	var best []int32
	for _, p := range walk[:min(len(walk), tries)] {
		if x.t.m.mustStop(0) {
			break
		}
		c := x.path(p, p, int32(len(x.known)))
		if best == nil || len(c) < len(best) {
			best = c
		}
	}
	return best
}

// path returns the edges of a shortest way from an instant to another one, the last
// first, among the edges before place end of known. Where both are one it is a cycle.
func (x *timeline) path(from, to, end int32) []int32 {
	by := map[int32]int32{} // instant -> the edge by which it leads on
	queue := []int32{to}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		if x.t.m.mustStop(16) {
			return nil
		}
		for i := x.latest[p]; i != 0; i = x.known[i-1].next {
			f := x.known[i-1].from
			if _, was := by[f]; was || i-1 >= end {
				continue
			}
			by[f] = i - 1
			if f == from {
				return x.trace(by, from, to)
			}
			queue = append(queue, f)
		}
	}
	return nil
}

// trace follows the edges found from an instant to the last one.
func (x *timeline) trace(by map[int32]int32, from, to int32) []int32 {
	var edges []int32
	for p := from; len(edges) == 0 || p != to; {
		e := by[p]
		edges = append(edges, e)
		p = x.known[e].into
	}
	slices.Reverse(edges)
	return edges
}

// derivation returns the transactions of these edges and of all that they are
// derived from, and the guesses among them. An edge is derived from those known
// before it.
func (x *timeline) derivation(edges []int32) (nodes, guesses []int32) {
	seen := make(map[int32]bool)
	for work := slices.Clone(edges); len(work) > 0; {
		e := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[e] {
			continue
		}
		seen[e] = true
		k := &x.known[e]
		if k.reason != bySession && k.reason != byTransaction {
			for _, p := range []int32{k.from, k.into} {
				if n := x.node(p); n >= 0 {
					nodes = append(nodes, n)
				}
			}
		}
		switch {
		case k.reason == byGuess:
			guesses = append(guesses, e)
		case k.reason == byVersions:
			nodes = append(nodes, k.due)
			work = append(work, x.path(k.from, x.begin(k.due), e)...)
		case k.reason == byOverwrite && k.due != initial:
			nodes = append(nodes, k.due)
			work = append(work, x.path(x.commit(k.due), k.into, e)...)
		case k.reason == byOverlap:
			work = append(work, x.path(x.begin(x.node(k.from)), x.commit(x.node(k.into)), e)...)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes), guesses
}

// anomaly names a cycle.
func (x *timeline) anomaly(cycle []int32) string {
	c := cycleShape{transactions: len(x.nodesOf(cycle)), lostUpdate: x.lostUpdate(cycle)}
	var steps []reason // from one transaction to the next
	registers := make(map[int32]bool)
	for _, e := range cycle {
		k := &x.known[e]
		switch k.reason {
		case byOverwrite:
			c.overwrites++
			registers[k.key] = true
		case byRead:
			c.reads++
		case byTime:
			c.realtime = true
		case bySession:
			c.process = true
		}
		if k.reason != byTransaction {
			steps = append(steps, k.reason)
		}
	}
	for i, r := range steps {
		c.adjacent = c.adjacent || r == byOverwrite && steps[(i+1)%len(steps)] == byOverwrite
	}
	c.objects = len(registers)
	return c.name()
}

// lostUpdate reports whether the cycle is of two transactions that read one version
// of a register and both overwrite it.
func (x *timeline) lostUpdate(cycle []int32) bool {
	nodes := x.nodesOf(cycle)
	if len(nodes) != 2 {
		return false
	}
	a, b := nodes[0], nodes[1]
	for i, k := range x.t.writes[a] {
		read := x.before[x.offset[a]+int32(i)]
		if other, too := x.version[[2]int32{b, k}]; too && read >= 0 && x.before[other] == read {
			return true
		}
	}
	return false
}

// nodesOf returns the transactions of a cycle.
func (x *timeline) nodesOf(cycle []int32) []int32 {
	var nodes []int32
	for _, e := range cycle {
		if n := x.node(x.known[e].from); n >= 0 && !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// told says the edges of a cycle in words, in order.
func (x *timeline) told(cycle []int32) string {
	const most = 6
	var all []string
	for i := len(cycle) - 1; i >= 0; i-- {
		k := &x.known[cycle[i]]
		if k.reason == byTransaction || x.node(k.from) < 0 {
			continue
		}
		into := x.known[cycle[i]].into
		for j := i; x.node(into) < 0; { // through ticks
			j = (j - 1 + len(cycle)) % len(cycle)
			into = x.known[cycle[j]].into
		}
		first := func(p int32) int { return x.t.h.Ops[x.t.ops[x.node(p)][0]].Index }
		a, b := fmt.Sprintf("#%d…", first(k.from)), fmt.Sprintf("#%d…", first(into))
		text := ""
		switch k.reason {
		case bySession:
			text = b + " follows " + a + " in its session"
		case byTime:
			text = b + " began after " + a + " had ended"
		case byRead:
			text = b + " reads from " + a
		case byList:
			text = fmt.Sprintf("%s appended to %q after %s", b, x.keyName(k.key), a)
		case byVersions:
			text = fmt.Sprintf("%s wrote %q after %s", b, x.keyName(k.key), a)
		case byOverwrite:
			text = fmt.Sprintf("%s overwrites the %q that %s read", b, x.keyName(k.key), a)
		case byOverlap:
			text = fmt.Sprintf("%s and %s both write %q, %s first", a, b, x.keyName(k.key), a)
		}
		all = append(all, text)
	}
	if len(all) > most {
		all = append(all[:most], fmt.Sprintf("and %d more", len(all)-most))
	}
	return strings.Join(all, "; ") + " (a transaction is named by its first operation)"
}

// keyName is the register's key.
func (x *timeline) keyName(k int32) string {
	for _, on := range x.t.byKey[k] {
		n := x.t.chains[on.chain][on.rank[0]]
		return x.t.h.Ops[x.t.wrote[[2]int32{n, k}]].Key
	}
	return ""
}
