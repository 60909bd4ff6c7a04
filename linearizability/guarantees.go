package linearizability

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

// guarantees is a set of Terry's session guarantees.
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

const byWriteOrder = "order of the writes, since reads name them"

// sessionGuarantees judges whether one order of all writes agrees with the
// guarantees of the set (Terry et al. 1994; as orders, Viotti and Vukolić 2016):
//
//   - ryw: a session's own write of a register precedes the other write that it
//     reads there later;
//   - mr: the write that a session reads precedes the other write that it reads
//     on that register later;
//   - mw: a session's writes are in its order;
//   - wfr: the write that a session reads precedes what it writes later.
//
// The initial value precedes every write, so that reading it after a write, or
// after a read of one, breaks ryw and mr. O(n).
func sessionGuarantees(set guarantees, model string, h *history.History) (ruling, error) {
	a, r, err := compactRegisters(model, h)
	if err != nil || r.status != OK {
		return r, err
	}
	g := &writeOrder{
		a: a, set: set, after: make([][]int32, len(a.pos)), why: make([][]int32, len(a.pos)),
		writes: make([][]atRank, len(a.chains)), hasRead: make([][]atRank, len(a.chains)),
	}
	for c := range a.chains {
		if r := g.session(a.chains[c]); r.status != OK {
			return r, nil
		}
	}
	if nodes := g.cycle(); nodes != nil {
		witness := a.positions(nodes...)
		slices.Sort(witness)
		witness = slices.Compact(witness)
		return ruling{status: Violation, method: byWriteOrder, witness: witness, reason: fmt.Sprintf(
			"the writes cannot be ordered, there is a cycle through #%d", h.Ops[witness[0]].Index)}, nil
	}
	return ruling{status: OK, method: byWriteOrder}, nil
}

// writeOrder is a graph over the writes. Where many writes precede one, a helper
// node gathers them, so that the edges stay as few as the operations.
type writeOrder struct {
	a     *accesses
	set   guarantees
	after [][]int32 // by node: nodes after it; helpers are numbered above the operations
	why   [][]int32 // by node, beside after: the read that demands the edge, or -1
	// By chain: the writes, and helpers that come after what the session had read
	// by then, each with its rank; for the indeterminate writes beside the chain.
	writes, hasRead [][]atRank
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

// onKey is what one session did with one register so far.
type onKey struct {
	writes   []int32 // in order
	gathered []int32 // by write: a helper that it and all before it precede
	lastRead int32   // the latest read of a write, or -1
	linked   map[int32]int
}

// session adds the edges that one chain demands.
func (g *writeOrder) session(nodes []int32) ruling {
	a := g.a
	keys := make(map[int32]*onKey)
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
		k := keys[a.key[n]]
		if k == nil {
			k = &onKey{lastRead: -1}
			keys[a.key[n]] = k
		}
		if !a.isWrite(n) {
			if r := g.read(k, n); r.status != OK {
				return r
			}
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
		if g.set&readYourWrites != 0 {
			k.wrote(g, n)
		}
	}
	return ruling{status: OK}
}

func (k *onKey) wrote(g *writeOrder, n int32) {
	all := g.helper()
	g.edge(n, all, -1)
	if last := len(k.gathered) - 1; last >= 0 {
		g.edge(k.gathered[last], all, -1)
	}
	k.writes, k.gathered = append(k.writes, n), append(k.gathered, all)
}

// read adds the edges into the write that n returned.
func (g *writeOrder) read(k *onKey, n int32) ruling {
	a := g.a
	src := a.source[n]
	if src < 0 {
		before, guarantee := int32(-1), ""
		if len(k.writes) > 0 {
			before, guarantee = k.writes[len(k.writes)-1], "ryw"
		} else if g.set&monotonicReads != 0 && k.lastRead >= 0 {
			before, guarantee = k.lastRead, "mr"
		}
		if before < 0 {
			return ruling{status: OK}
		}
		witness := a.positions(before, n)
		if w := a.source[before]; w != before {
			witness = append(witness, int(a.pos[w]))
		}
		slices.Sort(witness)
		return ruling{status: Violation, method: byWriteOrder, witness: witness, reason: fmt.Sprintf(
			"read #%d returns the initial value after #%d (%s)", a.op(n).Index, a.op(before).Index, guarantee)}
	}
	if g.set&monotonicReads != 0 {
		if k.lastRead >= 0 && a.source[k.lastRead] != src {
			g.edge(a.source[k.lastRead], src, n)
		}
		k.lastRead = n
	}
	g.ownBefore(k, src, n)
	return ruling{status: OK}
}

// ownBefore puts the session's own writes of the register before src, another
// write or one of them.
func (g *writeOrder) ownBefore(k *onKey, src, n int32) {
	if len(k.writes) == 0 {
		return
	}
	own := -1
	if g.a.chain[src] == g.a.chain[n] {
		own, _ = slices.BinarySearch(k.writes, src)
	}
	switch {
	case own < 0 || own == len(k.writes): // not one of the writes so far
		g.edge(k.gathered[len(k.gathered)-1], src, n)
		return
	case own > 0:
		g.edge(k.gathered[own-1], src, n)
	}
	// The later ones singly, each once: gathered they would include src.
	if k.linked == nil {
		k.linked = make(map[int32]int)
	}
	for i := max(own+1, k.linked[src]); i < len(k.writes); i++ {
		g.edge(k.writes[i], src, n)
	}
	k.linked[src] = len(k.writes)
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
