package linearizability

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// dependency is the kind of an edge: why one transaction comes before another one
// (Adya's direct serialization graph, Weak Consistency, 1999, section 3.1; session order
// and real time as in Elle, VLDB 2020, section 5.1).
type dependency uint8

const (
	dependsWW      dependency = iota // the second appends behind the first
	dependsWR                        // the second reads what the first appended
	dependsRW                        // the first read the list without what the second appends
	dependsSession                   // the second follows the first in its session
	dependsTime                      // the second began when the first had ended
	helpsBegin                       // goes on from a helper, to where a transaction reads
	helpsCommit                      // goes on from a helper, to where a transaction commits
)

// kinds is a set of dependencies.
type kinds uint8

func kindsOf(all ...dependency) (s kinds) {
	for _, d := range all {
		s |= 1 << d
	}
	return s
}

func (s kinds) has(d dependency) bool { return s>>d&1 == 1 || d >= helpsBegin }

// listEdge is a direct dependency between two nodes.
type listEdge struct {
	from, to int32
	kind     dependency
	about    int32 // wr and rw: the place in reads; ww: the position of the second append; else -1
}

// listGraph has all dependencies of a history of lists. Its nodes are the transactions,
// and helpers above them through which many edges go, so that they are linear in number.
type listGraph struct {
	l     *lists
	nodes int32
	edges []listEdge
}

// newListGraph finds all dependencies, those of real time if it is asked for. O(n log n)
// for the times, else O(n).
func newListGraph(l *lists, timed bool) *listGraph {
	g := &listGraph{l: l, nodes: int32(len(l.ops)), edges: make([]listEdge, 0, 2*len(l.reads)+len(l.h.Ops))}
	byKey := make([][]int32, len(l.keys)) // reads of the whole order, where more was appended
	for n := range l.reads {
		if l.m.mustStopAt(n) {
			return g
		}
		r := &l.reads[n]
		k := &l.keys[r.key]
		if r.base > 0 {
			g.add(l.of[k.order[r.base-1]], r.txn, dependsWR, int32(n))
		}
		if int(r.base) < len(k.order) {
			g.add(r.txn, l.of[k.order[r.base]], dependsRW, int32(n))
		} else if len(k.unseen) > 0 {
			byKey[r.key] = append(byKey[r.key], int32(n))
		}
	}
	for k := range l.keys {
		if l.m.mustStop(32 * (len(l.keys[k].order) + len(l.keys[k].unseen) + len(byKey[k]))) {
			return g
		}
		g.appends(&l.keys[k])
		g.overwritten(&l.keys[k], byKey[k])
	}
	g.sessions()
	if timed {
		g.times()
	}
	return g
}

func (g *listGraph) add(from, to int32, kind dependency, about int32) {
	if from != to {
		g.edges = append(g.edges, listEdge{from, to, kind, about})
	}
}

// appends orders those who appended to a list. Appends that no read shows come after
// all others, in no order among themselves.
func (g *listGraph) appends(k *listKey) {
	for n := 1; n < len(k.order); n++ {
		g.add(g.l.of[k.order[n-1]], g.l.of[k.order[n]], dependsWW, k.order[n])
	}
	if len(k.order) == 0 {
		return
	}
	last := g.l.of[k.order[len(k.order)-1]]
	for _, w := range k.unseen {
		g.add(last, g.l.of[w], dependsWW, w)
	}
}

// overwritten has the reads of the whole order of a list come before each append that
// none of them shows, but for the reader's own: through two chains of helpers, of which
// one leads to all from a place on, and the other one to all up to a place.
func (g *listGraph) overwritten(k *listKey, reads []int32) {
	if len(reads) == 0 || len(k.unseen) == 0 {
		return
	}
	to := make([]int32, 0, len(k.unseen)) // each transaction once
	at := make(map[int32]int)
	for _, w := range k.unseen {
		if _, was := at[g.l.of[w]]; !was {
			at[g.l.of[w]] = len(to)
			to = append(to, g.l.of[w])
		}
	}
	if len(to) == 1 {
		for _, n := range reads {
			g.add(g.l.reads[n].txn, to[0], dependsRW, n)
		}
		return
	}
	first := g.nodes
	g.nodes += 2 * int32(len(to))
	up := func(i int) int32 { return first + int32(i) }                    // leads to i and all after
	down := func(i int) int32 { return first + int32(len(to)) + int32(i) } // leads to i and all before
	for i, t := range to {
		g.add(up(i), t, helpsCommit, -1)
		g.add(down(i), t, helpsCommit, -1)
		if i > 0 {
			g.add(up(i-1), up(i), helpsCommit, -1)
			g.add(down(i), down(i-1), helpsCommit, -1)
		}
	}
	for _, n := range reads {
		t := g.l.reads[n].txn
		i, own := at[t]
		switch {
		case !own:
			g.add(t, up(0), dependsRW, n)
			continue
		case i > 0:
			g.add(t, down(i-1), dependsRW, n)
		}
		if i+1 < len(to) {
			g.add(t, up(i+1), dependsRW, n)
		}
	}
}

// sessions orders the transactions of each session. One that may not have happened
// precedes nothing.
func (g *listGraph) sessions() {
	bySession := make(map[int][]int32)
	var order []int
	split := make(map[int]bool)
	for t, ops := range g.l.ops {
		if g.l.m.mustStopAt(t) {
			return
		}
		if !g.l.part[t] {
			continue
		}
		s := g.l.h.Ops[ops[0]].Session
		if bySession[s] == nil {
			order = append(order, s)
		}
		bySession[s] = append(bySession[s], int32(t))
		split[s] = split[s] || g.l.split[t]
	}
	for _, s := range order {
		if split[s] {
			g.inOrder(bySession[s], dependsSession, func(t int32) (begin, end int64) {
				ops := g.l.ops[t]
				return int64(ops[0]), int64(ops[len(ops)-1])
			})
			continue
		}
		last := int32(-1)
		for _, t := range bySession[s] {
			if last >= 0 {
				g.add(last, t, dependsSession, -1)
			}
			if g.l.state[t] == history.OK {
				last = t
			}
		}
	}
}

// times orders transactions of which one had ended when the other one began.
func (g *listGraph) times() {
	var all []int32
	for t := range g.l.ops {
		if g.l.part[t] {
			all = append(all, int32(t))
		}
	}
	g.inOrder(all, dependsTime, func(t int32) (begin, end int64) {
		ops := g.l.ops[t]
		begin, end = g.l.h.Ops[ops[0]].Call, g.l.h.Ops[ops[0]].Return
		for _, i := range ops[1:] {
			begin, end = min(begin, g.l.h.Ops[i].Call), max(end, g.l.h.Ops[i].Return)
		}
		return begin, end
	})
}

// inOrder has each transaction precede those that begin after it has ended, through a
// chain of helpers, one an end. One that may not have happened has none.
func (g *listGraph) inOrder(txns []int32, kind dependency, when func(t int32) (begin, end int64)) {
	type ending struct {
		at  int64
		txn int32
	}
	var ends []ending
	for n, t := range txns {
		if g.l.m.mustStopAt(n) {
			return
		}
		if g.l.state[t] == history.OK {
			_, end := when(t)
			ends = append(ends, ending{end, t})
		}
	}
	sortLooking(g.l.m, ends, func(a, b ending) int {
		if a.at != b.at {
			if a.at < b.at {
				return -1
			}
			return 1
		}
		return int(a.txn - b.txn)
	})
	first := g.nodes
	g.nodes += int32(len(ends))
	for i, e := range ends {
		g.add(e.txn, first+int32(i), kind, -1)
		if i > 0 {
			g.add(first+int32(i)-1, first+int32(i), helpsBegin, -1)
		}
	}
	for at, t := range txns {
		if g.l.m.mustStopAt(at) {
			return
		}
		begin, _ := when(t)
		n, _ := slices.BinarySearchFunc(ends, begin, func(e ending, at int64) int {
			if e.at < at {
				return -1
			}
			return 1
		})
		if n > 0 {
			g.add(first+int32(n)-1, t, helpsBegin, -1)
		}
	}
}

// instantGraph is the graph of the points of time at which transactions take effect: one a
// transaction, or two, at which it reads and at which it commits (Biswas and Enea,
// OOPSLA 2019, section 4). There is an order that fits unless it has a cycle.
type instantGraph struct {
	g       *listGraph
	per     int32 // instants of a node: the first at node*per; helpers use one only
	from    []int32
	to, why []int32 // what follows an instant, and the edge of g that says so, -1 for a transaction's own
}

// shape says which instants of a history there are, and what orders them.
type shape struct {
	use      kinds
	two      bool // transactions read and commit at instantGraph of their own
	disjoint bool // two that append to one list do not overlap
}

// project returns the instants, with further edges beside those of g. O(edges).
func (g *listGraph) project(s shape, extra []listEdge) *instantGraph {
	x := &instantGraph{g: g, per: 1}
	if s.two {
		x.per = 2
	}
	all := int(g.nodes * x.per)
	x.from = make([]int32, all+1)
	g.eachInstant(s, extra, func(from, _, _ int32) { x.from[from+1]++ })
	for p := range all {
		x.from[p+1] += x.from[p]
	}
	x.to, x.why = make([]int32, x.from[all]), make([]int32, x.from[all])
	next := slices.Clone(x.from)
	g.eachInstant(s, extra, func(from, to, why int32) {
		x.to[next[from]], x.why[next[from]] = to, why
		next[from]++
	})
	return x
}

// eachInstant calls do with every edge between instants.
func (g *listGraph) eachInstant(s shape, extra []listEdge, do func(from, to, why int32)) {
	txns := int32(len(g.l.ops))
	if !s.two {
		for i := range g.edges {
			if e := &g.edges[i]; s.use.has(e.kind) {
				do(e.from, e.to, int32(i))
			}
		}
		for _, e := range extra {
			do(e.from, e.to, -1)
		}
		return
	}
	for t := range txns {
		do(2*t, 2*t+1, -1)
	}
	place := func(e *listEdge, why int32) {
		from, to := 2*e.from, 2*e.to
		if e.kind != dependsRW && e.from < txns {
			from++
		}
		if late := e.kind == dependsRW || e.kind == helpsCommit || e.kind == dependsWW && !s.disjoint; late && e.to < txns {
			to++
		}
		do(from, to, why)
	}
	for i := range g.edges {
		if e := &g.edges[i]; s.use.has(e.kind) {
			place(e, int32(i))
		}
	}
	for i := range extra {
		place(&extra[i], -1)
	}
}
