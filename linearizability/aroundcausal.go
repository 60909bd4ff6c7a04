package linearizability

import (
	"math/bits"
	"slices"
)

// What bears on what one session reads under causal memory: of all writes those of registers
// that it reads, in the past of its last operation, that are not older than all that it read
// from. An edge that a read demands leads to a write which the session read from, so that
// what comes after none of these is on no cycle. A session of a few operations, as each
// client that crashed makes one, rests on few writes then, however many sessions there are,
// and their order is kept in bits.
//
// A register that the session read before anybody wrote it counts as read from its first
// writes: a write of it that comes before such a read is the violation looked for.

// maxLocalNodes are the most writes and reads that a session may rest on to be looked at so;
// a larger one looks at all that happened in its time.
const maxLocalNodes = 2048

// localViews decides causal memory a session at a time, given the causal order.
type localViews struct {
	p     *partialOrder
	place []int32   // by node: its place in an order that the causal order allows
	onKey [][]int32 // by register: its writes in that order
	most  int       // as maxLocalNodes

	nodes []int32           // what the session rests on, in that order
	at    map[int32]int32   // by node: place in nodes
	past  []nodeSet         // by place: what comes before it, itself included
	ofKey map[int32]nodeSet // by register: the places of its writes
}

func newLocalViews(p *partialOrder, most int) *localViews {
	a := p.a
	v := &localViews{p: p, place: make([]int32, len(a.pos)), onKey: make([][]int32, len(a.byKey)), most: most}
	for i, n := range p.nearTime() {
		v.place[n] = int32(i)
		if a.isWrite(n) {
			v.onKey[a.key[n]] = append(v.onKey[a.key[n]], n)
		}
	}
	return v
}

// nearTime is an order of the nodes that the causal order allows, and that of their numbers
// as far as it does: each comes once what it waits for has. There must be no cycle. O(n).
func (p *partialOrder) nearTime() []int32 {
	a := p.a
	order, met := make([]int32, 0, len(a.pos)), make([]bool, len(a.pos))
	var stack []int32
	for first := range int32(len(a.pos)) {
		stack = append(stack, first)
		for len(stack) > 0 {
			n, waits := stack[len(stack)-1], false
			if met[n] {
				stack = stack[:len(stack)-1]
				continue
			}
			for _, m := range []int32{p.previous(n), a.parent[n], a.source[n]} {
				if m >= 0 && m != n && !met[m] {
					stack, waits = append(stack, m), true
				}
			}
			if !waits {
				stack = stack[:len(stack)-1]
				met[n] = true
				order = append(order, n)
			}
		}
	}
	return order
}

// explains reports whether some order of all writes explains what the chain reads. fits is
// false where it rests on too much to be told here. O(k·(c·log k + k/64) + demands·k²/64) of
// the k operations in c chains that it rests on.
func (v *localViews) explains(chain int32) (holds, fits bool) {
	reads, fits := v.gather(chain)
	if !fits || len(reads) == 0 {
		return true, fits
	}
	v.project()
	for changed := true; changed; {
		changed = false
		for _, n := range reads {
			if v.p.a.m.mustStop(len(v.nodes)) {
				return true, true
			}
			added, ok := v.demand(n)
			if !ok {
				return false, true
			}
			changed = changed || added
		}
	}
	return true, true
}

// gather finds what the chain rests on, and returns its reads; none if nothing can be wrong.
func (v *localViews) gather(chain int32) (reads []int32, fits bool) {
	a := v.p.a
	own := a.chains[chain]
	last := own[len(own)-1]
	end := v.place[last] + 1
	oldest := end
	keys := make(map[int32]bool) // by register: it was read before anybody wrote it
	v.nodes = v.nodes[:0]
	for _, n := range own {
		if a.isWrite(n) {
			continue
		}
		reads = append(reads, n)
		first := keys[a.key[n]]
		switch src := a.source[n]; {
		case src >= 0:
			oldest = min(oldest, v.place[src])
		case !first:
			first = true
			oldest = min(oldest, v.firstWrite(a.key[n], last))
		}
		keys[a.key[n]] = first
	}
	if oldest == end {
		return nil, true
	}
	v.nodes = append(v.nodes, reads...)
	for k := range keys { //joinery:anyorder sorted below
		on := v.onKey[k]
		from, _ := slices.BinarySearchFunc(on, oldest, func(w, at int32) int { return int(v.place[w] - at) })
		for _, w := range on[from:] {
			if v.place[w] >= end || len(v.nodes) > v.most {
				break
			}
			if v.p.before(w, last) {
				v.nodes = append(v.nodes, w)
			}
		}
		if a.m.mustStop(4 * (len(v.nodes) + len(on) - from)) {
			return nil, true
		}
	}
	slices.SortFunc(v.nodes, func(m, n int32) int { return int(v.place[m] - v.place[n]) })
	return reads, len(v.nodes) <= v.most
}

// firstWrite is the place of the first write of the register in the past of the node last; what
// comes after that if there is none.
func (v *localViews) firstWrite(key, last int32) int32 {
	for _, w := range v.onKey[key] {
		if v.place[w] > v.place[last] {
			break
		}
		if v.p.before(w, last) {
			return v.place[w]
		}
	}
	return v.place[last] + 1
}

// project takes the causal order over to what the chain rests on.
func (v *localViews) project() {
	a, words := v.p.a, (len(v.nodes)+63)/64
	v.at, v.ofKey = make(map[int32]int32, len(v.nodes)), make(map[int32]nodeSet)
	block := make(nodeSet, words*len(v.nodes))
	v.past = v.past[:0]
	on := make(map[int32]int) // by chain: place in lists
	var lists []struct {
		chain int32
		nodes []int32
	}
	for i, n := range v.nodes {
		v.at[n] = int32(i)
		past := block[i*words : (i+1)*words]
		past.add(int32(i))
		v.past = append(v.past, past)
		clock := v.p.row(n)
		for _, l := range lists {
			before, _ := slices.BinarySearchFunc(l.nodes, clock[l.chain], func(m, count int32) int { return int(a.rank[m]) - int(count) })
			if before == 0 {
				continue
			}
			if m := v.at[l.nodes[before-1]]; !past.has(m) {
				past.union(v.past[m])
			}
		}
		c, known := on[a.chain[n]]
		if !known {
			c = len(lists)
			on[a.chain[n]] = c
			lists = append(lists, struct {
				chain int32
				nodes []int32
			}{chain: a.chain[n]})
		}
		lists[c].nodes = append(lists[c].nodes, n)
		if a.isWrite(n) {
			if v.ofKey[a.key[n]] == nil {
				v.ofKey[a.key[n]] = make(nodeSet, words)
			}
			v.ofKey[a.key[n]].add(int32(i))
		}
	}
}

// demand puts before the write that the read n returned every write of its register that
// precedes n. It reports whether one was not there before, and whether they all could be.
func (v *localViews) demand(n int32) (added, ok bool) {
	src, on := v.p.a.source[n], v.ofKey[v.p.a.key[n]]
	past := v.past[v.at[n]]
	for i := range on {
		for todo := on[i] & past[i]; todo != 0; todo &= todo - 1 {
			if src < 0 {
				return false, false
			}
			w, s := int32(64*i+bits.TrailingZeros64(todo)), v.at[src]
			switch {
			case v.past[s].has(w):
				continue
			case v.past[w].has(s):
				return false, false
			}
			added = true
			for _, later := range v.past {
				if later.has(s) {
					later.union(v.past[w])
				}
			}
		}
	}
	return added, true
}
