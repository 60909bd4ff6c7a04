package linearizability

import "slices"

// partialOrder is a partial order over the nodes of accesses with a vector
// clock a node: how many nodes of each chain are in its past, itself included.
type partialOrder struct {
	a *accesses
	// reader is the chain whose reads alone carry an edge from their source;
	// everyone says that all do.
	reader int32
	// passes says that nothing comes after a read of another chain than reader but
	// its chain, so that it needs no clock.
	passes bool
	// due are further edges into writes; at most one a write and chain, since its
	// latest implies the others. Those of a node are linked from first; both are
	// free of pointers, for the collector's sake. first is nil where there are none.
	first []int32 // by node: 1 + place in due
	due   []edge
	clock []int32 // len(chains) a node, in one block; nil where none were asked for
	// low and high are, by chain, the ranks between which a sweep goes, nil for all: what is
	// below has the clocks that it will have, and what is above is nobody's past.
	low, high []int32
	stuck     []int32 // after sweep: the nodes at which chains wait for ever, a cycle
}

const everyone int32 = -1

// edge says that the first count nodes of a chain precede a write.
type edge struct {
	chain, count int32
	next         int32 // 1 + place of the write's next edge, 0 at the end
}

// withEdges lets the order take further edges.
func (p *partialOrder) withEdges() *partialOrder {
	p.first = make([]int32, len(p.a.pos))
	return p
}

// row is the clock of a node.
func (p *partialOrder) row(n int32) []int32 {
	c := len(p.a.chains)
	return p.clock[int(n)*c : int(n)*c+c]
}

// before reports whether a precedes b or is b. O(1).
func (p *partialOrder) before(a, b int32) bool {
	return p.clock[int(b)*len(p.a.chains)+int(p.a.chain[a])] > p.a.rank[a]
}

// requires adds an edge from the node at this rank of the chain into the write
// w, and reports whether it is new.
func (p *partialOrder) requires(w, chain, rank int32) bool {
	for i := p.first[w]; i != 0; i = p.due[i-1].next {
		if e := &p.due[i-1]; e.chain == chain {
			if e.count > rank {
				return false
			}
			e.count = rank + 1
			return true
		}
	}
	p.due = append(p.due, edge{chain, rank + 1, p.first[w]})
	p.first[w] = int32(len(p.due))
	return true
}

// blocker returns a node that must precede n and is not done yet, given how far
// each chain has come; -1 if there is none.
func (p *partialOrder) blocker(n int32, done []int32) int32 {
	a := p.a
	pending := func(m int32) bool { return m >= 0 && a.rank[m] >= done[a.chain[m]] }
	if m := a.parent[n]; pending(m) {
		return m
	}
	if !a.isWrite(n) {
		if m := a.source[n]; p.follows(n) && pending(m) {
			return m
		}
		return -1
	}
	if a.more != nil {
		for _, m := range a.more[n] {
			if pending(m) {
				return m
			}
		}
	}
	if p.first != nil {
		for i := p.first[n]; i != 0; i = p.due[i-1].next {
			e := &p.due[i-1]
			if e.count > done[e.chain] {
				return a.chains[e.chain][e.count-1]
			}
		}
	}
	return -1
}

// follows reports whether the read n comes after its source in this order.
func (p *partialOrder) follows(n int32) bool {
	return p.reader == everyone || p.a.chain[n] == p.reader
}

// silent reports whether the node has no clock.
func (p *partialOrder) silent(n int32) bool {
	return p.passes && p.a.chain[n] != p.reader && !p.a.isWrite(n)
}

// previous returns the node before n on its chain that has a clock, or -1.
func (p *partialOrder) previous(n int32) int32 {
	on := p.a.chains[p.a.chain[n]]
	for rank := p.a.rank[n] - 1; rank >= 0; rank-- {
		if !p.silent(on[rank]) {
			return on[rank]
		}
	}
	return -1
}

// sweep goes through the nodes in a topological order: each chain advances until
// it meets a node that depends on one not yet reached, and waits there. With
// clocks set it computes them. It reports whether all nodes were reached; if
// not, stuck has the nodes at which chains wait, and there is a cycle.
// O(nodes × chains).
func (p *partialOrder) sweep(clocks bool) bool {
	a := p.a
	if clocks && p.clock == nil {
		p.clock = make([]int32, len(a.pos)*len(a.chains))
	}
	done, ends := p.bounds()
	waitsFor := make([]int32, len(a.pos)) // by node: 1 + a chain that waits for it
	nextWaiting := make([]int32, len(a.chains))
	work := make([]int32, 0, len(a.chains))
	for c := len(a.chains) - 1; c >= 0; c-- {
		work = append(work, int32(c))
	}
	for len(work) > 0 {
		c := work[len(work)-1]
		work = work[:len(work)-1]
		for done[c] < ends[c] {
			n := a.chains[c][done[c]]
			if a.m.mustStop(len(a.chains)) {
				return true
			}
			if m := p.blocker(n, done); m >= 0 {
				nextWaiting[c] = waitsFor[m]
				waitsFor[m] = c + 1
				break
			}
			if clocks && !p.silent(n) {
				p.tick(n)
			}
			done[c]++
			for w := waitsFor[n]; w != 0; w = nextWaiting[w-1] {
				work = append(work, w-1)
			}
			waitsFor[n] = 0
		}
	}
	p.stuck = p.stuck[:0]
	for c, n := range done {
		if n < ends[c] {
			p.stuck = append(p.stuck, a.chains[c][n])
		}
	}
	return len(p.stuck) == 0
}

// bounds returns where a sweep begins and ends, by chain.
func (p *partialOrder) bounds() (from, to []int32) {
	if p.low != nil {
		return slices.Clone(p.low), p.high
	}
	from, to = make([]int32, len(p.a.chains)), make([]int32, len(p.a.chains))
	for c, nodes := range p.a.chains {
		to[c] = int32(len(nodes))
	}
	return from, to
}

// cycleEdges returns the edges of a cycle after a sweep that got stuck: nodes at
// which chains wait, each with the node it waits for, which precedes it. The
// next edge begins on the chain of that one, at or before it.
func (p *partialOrder) cycleEdges() (edges [][2]int32) {
	a := p.a
	done := make([]int32, len(a.chains))
	at := make(map[int32]int32) // chain -> the node it waits at
	for c := range a.chains {
		done[c] = int32(len(a.chains[c]))
	}
	for _, n := range p.stuck {
		done[a.chain[n]] = a.rank[n]
		at[a.chain[n]] = n
	}
	start := p.stuck[0]
	for range a.chains { // walk until the walk is surely on the cycle
		start = at[a.chain[p.blocker(start, done)]]
	}
	for n := start; ; {
		m := p.blocker(n, done)
		edges = append(edges, [2]int32{n, m})
		if n = at[a.chain[m]]; n == start {
			return edges
		}
	}
}

// constrains reports whether there is an edge in due from m to w.
func (p *partialOrder) constrains(m, w int32) bool {
	if p.first == nil {
		return false
	}
	for i := p.first[w]; i != 0; i = p.due[i-1].next {
		if e := p.due[i-1]; e.chain == p.a.chain[m] && e.count == p.a.rank[m]+1 {
			return true
		}
	}
	return false
}

// tick sets the clock of a node whose predecessors have theirs.
func (p *partialOrder) tick(n int32) {
	a := p.a
	clock := p.row(n)
	if m := p.previous(n); m >= 0 {
		copy(clock, p.row(m))
	}
	if m := a.parent[n]; m >= 0 {
		raise(clock, p.row(m))
	}
	if m := a.source[n]; m >= 0 && m != n && p.follows(n) {
		raise(clock, p.row(m))
	}
	if a.more != nil {
		for _, m := range a.more[n] {
			raise(clock, p.row(m))
		}
	}
	if p.first != nil {
		for i := p.first[n]; i != 0; i = p.due[i-1].next {
			e := &p.due[i-1]
			raise(clock, p.row(a.chains[e.chain][e.count-1]))
		}
	}
	clock[a.chain[n]] = a.rank[n] + 1
}

// raise makes clock the maximum of both.
func raise(clock, other []int32) {
	for i, t := range other[:len(clock)] {
		if t > clock[i] {
			clock[i] = t
		}
	}
}

// latest returns the rank of the last of these writes within a past of count
// nodes of their chain; false if there is none. O(log), and less where it is
// asked about one time after the other: it begins where it found the last one.
func (w *writers) latest(count int32) (rank int32, found bool) {
	const near = 6
	i, end := w.hint, w.hint+near
	for i < len(w.rank) && i < end && w.rank[i] < count {
		i++
	}
	for end = i - near; i > 0 && i > end && w.rank[i-1] >= count; {
		i--
	}
	if i < len(w.rank) && w.rank[i] < count || i > 0 && w.rank[i-1] >= count {
		i, _ = slices.BinarySearch(w.rank, count)
	}
	w.hint = i
	if i == 0 {
		return 0, false
	}
	return w.rank[i-1], true
}

// path returns nodes that lead from a to b, both included, in that order: a
// shortest chain of direct edges, those in due included where the clocks take
// them into account. The clocks tell which nodes lie between.
func (p *partialOrder) path(a, b int32) []int32 {
	came := map[int32]int32{b: b}
	queue := []int32{b}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if p.a.m.mustStop(16) {
			return nil
		}
		if n == a {
			nodes := []int32{n}
			for n != b {
				n = came[n]
				nodes = append(nodes, n)
			}
			return nodes
		}
		for _, m := range p.direct(n, a) {
			if _, was := came[m]; !was && m >= 0 && p.before(a, m) {
				came[m] = n
				queue = append(queue, m)
			}
		}
	}
	return nil
}

// direct returns what directly precedes n. On a's own chain it jumps to a.
func (p *partialOrder) direct(n, a int32) []int32 {
	acc := p.a
	if acc.chain[n] == acc.chain[a] && acc.rank[n] > acc.rank[a] {
		return []int32{a}
	}
	var preds []int32
	preds = append(preds, p.previous(n), acc.parent[n])
	if s := acc.source[n]; s != n && p.follows(n) {
		preds = append(preds, s)
	}
	if acc.more != nil {
		preds = append(preds, acc.more[n]...)
	}
	if p.first != nil {
		for i := p.first[n]; i != 0; i = p.due[i-1].next {
			e := p.due[i-1]
			preds = append(preds, acc.chains[e.chain][e.count-1])
		}
	}
	return preds
}
