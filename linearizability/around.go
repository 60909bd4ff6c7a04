package linearizability

import (
	"slices"
	"sort"
)

// What bears on what one session reads, when only the orders of sessions and its own reads
// count, as for PRAM: its own operations, and of each session that it reads from the writes of
// registers that it reads, up to the last one that it read. Other writes can come after all of
// its operations, so that they are in nobody's way; and what others read says nothing. A
// session of a few operations, as each client that crashed makes one, rests on the few that it
// read from, however many there are.

// around are the accesses that bear on what the chain reads, and the chain's number among
// them; nil if it reads nothing. O(what they come after in their chains).
func (a *accesses) around(chain int32) (sub *accesses, as int32) {
	last := make(map[int32]int32) // by chain that it reads from: the rank up to which it counts
	until := func(n int32) {
		if c := a.chain[n]; c != chain {
			if r, known := last[c]; !known || r < a.rank[n] {
				last[c] = a.rank[n]
			}
		}
	}
	keys, reads := make(map[int32]int32), false
	for _, n := range a.chains[chain] {
		if a.isWrite(n) {
			continue
		}
		reads = true
		if _, known := keys[a.key[n]]; !known {
			keys[a.key[n]] = int32(len(keys))
		}
		if src := a.source[n]; src >= 0 {
			until(src)
			if m := a.parent[src]; m >= 0 { // what its session did before it
				until(m)
			}
		}
	}
	if !reads {
		return nil, 0
	}
	nodes := slices.Clone(a.chains[chain])
	for c, end := range last { //joinery:anyorder sorted below
		for _, n := range a.chains[c][:end+1] {
			if _, read := keys[a.key[n]]; read && a.isWrite(n) {
				nodes = append(nodes, n)
			}
		}
	}
	slices.Sort(nodes)
	return a.only(nodes, keys, chain)
}

// only are the accesses of some nodes, ascending: those of a chain, and writes of others.
// Registers have numbers in keys, or get further ones.
func (a *accesses) only(nodes []int32, keys map[int32]int32, chain int32) (sub *accesses, as int32) {
	sub = &accesses{h: a.h, m: a.m}
	at, chains := make(map[int32]int32, len(nodes)), make(map[int32]int32)
	for n, m := range nodes {
		at[m] = int32(n)
		c, known := chains[a.chain[m]]
		if !known {
			c = sub.newChain()
			chains[a.chain[m]] = c
		}
		k, known := keys[a.key[m]]
		if !known {
			k = int32(len(keys))
			keys[a.key[m]] = k
		}
		sub.pos, sub.key = append(sub.pos, a.pos[m]), append(sub.key, k)
		sub.chain, sub.rank = append(sub.chain, c), append(sub.rank, int32(len(sub.chains[c])))
		sub.chains[c] = append(sub.chains[c], int32(n))
	}
	for n, m := range nodes {
		src := a.source[m]
		if src >= 0 {
			src = at[src]
		}
		sub.source = append(sub.source, src)
		parent := int32(-1)
		if q := a.parent[m]; q >= 0 {
			parent = a.lastUpTo(q, nodes, sub, chains)
		}
		if sub.parent = append(sub.parent, parent); parent >= 0 {
			if sub.beside == nil {
				sub.beside = make(map[int32][]int32)
			}
			sub.beside[parent] = append(sub.beside[parent], int32(n))
		}
	}
	sub.indexWrites(len(keys), sub.isWrite)
	return sub, chains[chain]
}

// lastUpTo is, of the nodes of sub, the last one of the chain of q that is q or comes before
// it; -1 if there is none.
func (a *accesses) lastUpTo(q int32, nodes []int32, sub *accesses, chains map[int32]int32) int32 {
	c, there := chains[a.chain[q]]
	if !there {
		return -1
	}
	on := sub.chains[c]
	n := sort.Search(len(on), func(i int) bool { return a.rank[nodes[on[i]]] > a.rank[q] })
	if n == 0 {
		return -1
	}
	return on[n-1]
}
