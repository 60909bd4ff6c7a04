package linearizability

import (
	"cmp"
	"fmt"
	"slices"
)

const byWriteOrder = "order of the writes, since reads name them"

// writeOrder is a graph over the writes: the edges that monotonic writes and writes
// follow reads demand. Where many writes precede one, a helper node gathers them, so
// that the edges stay as few as the operations.
type writeOrder struct {
	a     *accesses
	set   guarantees
	after [][]int32 // by node: nodes after it; helpers are numbered above the operations
	why   [][]int32 // by node, beside after: the read that demands the edge, or -1
	// By chain: the writes, and helpers that come after what the session had read
	// by then, each with its rank; for the indeterminate writes beside the chain.
	writes, hasRead [][]atRank
}

// newWriteOrder returns the graph for the two guarantees, as far as the set has
// them. O(n).
func newWriteOrder(a *accesses, set guarantees) *writeOrder {
	g := &writeOrder{
		a: a, set: set, after: make([][]int32, len(a.pos)), why: make([][]int32, len(a.pos)),
		writes: make([][]atRank, len(a.chains)), hasRead: make([][]atRank, len(a.chains)),
	}
	for c := range a.chains {
		if a.m.mustStop(0) {
			break
		}
		g.session(a.chains[c])
	}
	return g
}

// acyclic rules on the order alone.
func (g *writeOrder) acyclic() result {
	nodes := g.cycle()
	if nodes == nil {
		return result{status: OK, method: byWriteOrder}
	}
	witness := g.a.positions(nodes...)
	slices.Sort(witness)
	witness = slices.Compact(witness)
	return result{status: Violation, method: byWriteOrder, witness: witness, reason: fmt.Sprintf(
		"the writes cannot be ordered, there is a cycle through #%d", g.a.h.Ops[witness[0]].Index)}
}

type atRank struct{ rank, node int32 }

// upTo returns the last of them that is at the rank or before, or -1.
func upTo(list []atRank, rank int32) int32 {
	i, _ := slices.BinarySearchFunc(list, rank+1, func(a atRank, r int32) int { return cmp.Compare(a.rank, r) })
	if i == 0 {
		return -1
	}
	return list[i-1].node
}

func (g *writeOrder) edge(from, to, read int32) {
	g.after[from] = append(g.after[from], to)
	g.why[from] = append(g.why[from], read)
}

func (g *writeOrder) helper() int32 {
	g.after, g.why = append(g.after, nil), append(g.why, nil)
	return int32(len(g.after) - 1)
}

// session adds the edges that one chain demands.
func (g *writeOrder) session(nodes []int32) {
	a := g.a
	lastWrite, readsSoFar := int32(-1), int32(-1)
	c := a.chain[nodes[0]]
	if m := a.parent[nodes[0]]; m >= 0 { // chains that others stand beside come first
		if w := upTo(g.writes[a.chain[m]], a.rank[m]); w >= 0 && g.set&monotonicWrites != 0 {
			g.edge(w, nodes[0], -1)
		}
		if r := upTo(g.hasRead[a.chain[m]], a.rank[m]); r >= 0 {
			g.edge(r, nodes[0], -1)
		}
	}
	for _, n := range nodes {
		if a.m.mustStop(64) {
			return
		}
		if !a.isWrite(n) {
			if src := a.source[n]; src >= 0 && g.set&writesFollowReads != 0 {
				next := g.helper()
				if readsSoFar >= 0 {
					g.edge(readsSoFar, next, -1)
				}
				g.edge(src, next, n)
				readsSoFar = next
				g.hasRead[c] = append(g.hasRead[c], atRank{a.rank[n], next})
			}
			continue
		}
		if lastWrite >= 0 && g.set&monotonicWrites != 0 {
			g.edge(lastWrite, n, -1)
		}
		if readsSoFar >= 0 {
			g.edge(readsSoFar, n, -1)
		}
		lastWrite = n
		g.writes[c] = append(g.writes[c], atRank{a.rank[n], n})
	}
}

// cycle returns the operations on a cycle, with the reads that demand its
// edges; nil if there is none.
func (g *writeOrder) cycle() []int32 {
	const (
		fresh = iota
		open
		done
	)
	mark := make([]uint8, len(g.after))
	next := make([]int, len(g.after))
	var stack []int32
	for root := range int32(len(g.after)) {
		if mark[root] != fresh {
			continue
		}
		mark[root] = open
		stack = append(stack[:0], root)
		for len(stack) > 0 {
			if g.a.m.mustStop(16) {
				return nil
			}
			n := stack[len(stack)-1]
			if next[n] == len(g.after[n]) {
				mark[n] = done
				stack = stack[:len(stack)-1]
				continue
			}
			m := g.after[n][next[n]]
			next[n]++
			if mark[m] == open {
				return g.onCycle(stack[slices.Index(stack, m):], next)
			}
			if mark[m] == fresh {
				mark[m] = open
				stack = append(stack, m)
			}
		}
	}
	return nil
}

// onCycle collects the operations of a cycle on the search's stack.
func (g *writeOrder) onCycle(loop []int32, next []int) []int32 {
	var nodes []int32
	for _, n := range loop {
		if int(n) < len(g.a.pos) {
			nodes = append(nodes, n)
		}
		if r := g.why[n][next[n]-1]; r >= 0 {
			nodes = append(nodes, r)
		}
	}
	return nodes
}
