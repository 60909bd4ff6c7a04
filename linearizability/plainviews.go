package linearizability

import (
	"fmt"
	"slices"
)

const byPlainViews = "views closed one after the other, since reads name their writes"

// maxPlainNodes bounds the operations of a history that plainViews judges, since a
// closure takes some n² bits, and maxPlainWords the words of all closures of a round,
// one a session: a few seconds.
const (
	maxPlainNodes = 4096
	maxPlainWords = 1 << 27
)

// nodeSet is a set of nodes.
type nodeSet []uint64

func (s nodeSet) has(n int32) bool { return s[n/64]>>(n%64)&1 == 1 }
func (s nodeSet) add(n int32)      { s[n/64] |= 1 << (n % 64) }

func (s nodeSet) union(other nodeSet) {
	for i, w := range other {
		s[i] |= w
	}
}

// plainViews judges any set of guarantees by their definition: what the views of a
// session keep is closed, and saturated by what the reads demand, which is enough
// since the reads of a view are in one order. O(sessions × rounds × n²/64).
func (a *accesses) plainViews(set guarantees) result {
	if n := len(a.pos); n > maxPlainNodes || n*n/64*len(a.chains) > maxPlainWords {
		return result{status: Undecided, method: byPlainViews, reason: fmt.Sprintf(
			"%d operations of %d sessions pass the bounds of %d operations, and %d words of closures, for this set of guarantees",
			n, len(a.chains), maxPlainNodes, maxPlainWords)}
	}
	for c := range int32(len(a.chains)) {
		v := &plainView{writeOrder: newWriteOrder(a, set), chain: c}
		if r := v.judge(); r.status != OK {
			return r
		}
	}
	return result{status: OK, method: byPlainViews}
}

// plainView is what the views of one session keep, as a graph: with mr of all writes
// and the session's reads, else of the writes, to which each read is added alone.
type plainView struct {
	*writeOrder
	chain int32
	past  []nodeSet // by node: what precedes it
}

func (v *plainView) judge() result {
	var reads []int32
	for rank, n := range v.a.chains[v.chain] {
		if !v.a.isWrite(n) {
			reads = append(reads, n)
		}
		v.keep(int32(rank), n)
		for _, w := range v.a.beside[n] { // indeterminate ones come after what the session did before
			v.keep(int32(rank)+1, w)
		}
	}
	if v.set&monotonicReads != 0 {
		return v.saturate(reads)
	}
	if v.close(); v.past == nil {
		return v.acyclic()
	}
	for _, n := range reads {
		if v.a.m.mustStop(len(v.after)) {
			break
		}
		if r := v.alone(n); r.status != OK {
			return r
		}
	}
	return result{status: OK, method: byPlainViews}
}

// keep puts before n what the view keeps of the session's operations up to the rank.
// What precedes the last write precedes n by way of it.
func (v *plainView) keep(rank, n int32) {
	a, own, inOrder := v.a, v.set&readYourWrites != 0, v.set&monotonicReads != 0
	read, written, linked := !a.isWrite(n), false, false
	if read && !inOrder {
		return
	}
	if src := a.source[n]; read && src >= 0 {
		v.edge(src, n, -1)
	}
	for before := rank - 1; before >= 0; before-- {
		m := a.chains[v.chain][before]
		switch wrote := a.isWrite(m); {
		case wrote && own && !written:
			v.edge(m, n, -1)
			written = true
		case !wrote && read && !linked:
			v.edge(m, n, -1)
			linked = true
		case !wrote && !read && own && inOrder && !written:
			v.edge(m, n, -1)
		}
	}
}

// close computes past; nil if there is a cycle.
func (v *plainView) close() {
	v.past = nil
	if v.cycle() != nil {
		return
	}
	before, waits := make([][]int32, len(v.after)), make([]int, len(v.after))
	for n, next := range v.after {
		for _, m := range next {
			before[m] = append(before[m], int32(n))
			waits[m]++
		}
	}
	var ready []int32
	for n := range v.after {
		if waits[n] == 0 {
			ready = append(ready, int32(n))
		}
	}
	past := make([]nodeSet, len(v.after))
	for len(ready) > 0 {
		if v.a.m.mustStop(len(before[ready[len(ready)-1]]) * (len(v.after)/64 + 1)) {
			return // with past as it is, nil
		}
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		past[n] = make(nodeSet, len(v.after)/64+1)
		for _, m := range before[n] {
			past[n].union(past[m])
			past[n].add(m)
		}
		for _, m := range v.after[n] {
			if waits[m]--; waits[m] == 0 {
				ready = append(ready, m)
			}
		}
	}
	v.past = past
}

// rivals returns the writes of the register of the read n, other than the one that it
// returned, that are in its past.
func (v *plainView) rivals(n int32, past nodeSet) (ws []int32) {
	a := v.a
	for _, on := range a.byKey[a.key[n]] {
		for _, rank := range on.rank {
			if w := a.chains[on.chain][rank]; w != a.source[n] && past.has(w) {
				ws = append(ws, w)
			}
		}
	}
	return ws
}

// alone looks at one read in a view of its own: after its source and the session's
// earlier writes, before its later ones.
func (v *plainView) alone(n int32) result {
	a, src := v.a, v.a.source[n]
	past := make(nodeSet, len(v.after)/64+1)
	precede := func(m int32) {
		past.union(v.past[m])
		past.add(m)
	}
	if src >= 0 {
		precede(src)
	}
	if v.set&readYourWrites != 0 {
		for rank, m := range a.chains[v.chain] {
			switch {
			case a.isWrite(m) && int32(rank) < a.rank[n]:
				precede(m)
			case a.isWrite(m) && past.has(m):
				return v.stale(n, m, past)
			}
			for _, w := range a.beside[m] {
				if int32(rank) >= a.rank[n] && past.has(w) {
					return v.stale(n, w, past)
				}
			}
		}
	}
	for _, w := range v.rivals(n, past) {
		if src < 0 || v.past[w].has(src) {
			return v.stale(n, w, past)
		}
	}
	return result{status: OK}
}

// saturate puts in what the reads of one view demand until they demand no more.
func (v *plainView) saturate(reads []int32) result {
	for {
		if v.close(); v.past == nil {
			return v.acyclic()
		}
		added := false
		for _, n := range reads {
			if v.a.m.mustStop(len(v.a.byKey[v.a.key[n]])) {
				return result{status: Undecided}
			}
			src := v.a.source[n]
			for _, w := range v.rivals(n, v.past[n]) {
				switch {
				case src < 0:
					return v.stale(n, w, v.past[n])
				case !v.past[src].has(w):
					v.edge(w, src, n)
					added = true
				}
			}
		}
		if !added {
			return result{status: OK, method: byPlainViews}
		}
	}
}

// stale is the violation of a read that cannot have returned what it did because of
// the write w. What is in the read's past and after w is a hint to the shrinker.
func (v *plainView) stale(n, w int32, past nodeSet) result {
	nodes := []int32{n, w}
	for m := range int32(len(v.a.pos)) {
		if past.has(m) && v.past[m] != nil && v.past[m].has(w) {
			nodes = append(nodes, m)
		}
	}
	for _, m := range nodes {
		if src := v.a.source[m]; src >= 0 {
			nodes = append(nodes, src)
		}
	}
	witness := v.a.positions(nodes...)
	slices.Sort(witness)
	return result{status: Violation, method: byPlainViews, witness: slices.Compact(witness), reason: fmt.Sprintf(
		"read #%d does not return the latest write in any view of session %d, for write #%d", v.a.op(n).Index, v.a.op(n).Session, v.a.op(w).Index)}
}
