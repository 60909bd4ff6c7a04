package linearizability

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// listClocks are vector clocks of the causal order of transactions over lists: how many
// of each chain are in the past, a transaction itself included. A chain are the
// transactions of a session, or one that stands beside: it may not have happened, or its
// session did something else in between.
type listClocks struct {
	l      *lists
	chain  []int32 // by transaction
	rank   []int32
	chains [][]int32
	before [][]int32 // by transaction: those that it directly follows
	clock  []int32
	prefix [][]int32             // by list: the clocks of those whose elements are in a base, one after the other
	on     map[[2]int32][]atRank // by list and chain: the append whose place is last so far
}

// newListClocks is undecided where the clocks take too much memory.
func newListClocks(l *lists) (*listClocks, result) {
	c := &listClocks{
		l: l, chain: make([]int32, len(l.ops)), rank: make([]int32, len(l.ops)), before: make([][]int32, len(l.ops)),
		prefix: make([][]int32, len(l.keys)), on: make(map[[2]int32][]atRank),
	}
	c.arrange()
	cells := len(l.ops)
	for k := range l.keys {
		cells += len(l.keys[k].order)
	}
	if r := l.m.clocksFit(cells, len(c.chains)); r.status != OK {
		return nil, r
	}
	c.clock = make([]int32, len(l.ops)*len(c.chains))
	for k := range l.keys {
		c.prefix[k] = make([]int32, len(l.keys[k].order)*len(c.chains))
	}
	return c, result{status: OK}
}

// arrange makes the chains, and what stands beside them.
func (c *listClocks) arrange() {
	l := c.l
	chainOf := make(map[int]int32)
	beside := make(map[int][]int32) // by session: split transactions that committed
	for t, ops := range l.ops {
		if !l.part[t] {
			continue
		}
		s := l.h.Ops[ops[0]].Session
		for _, m := range beside[s] {
			if last := l.ops[m]; last[len(last)-1] < ops[0] {
				c.before[t] = append(c.before[t], m)
			}
		}
		n, known := chainOf[s]
		if alone := l.split[t] || l.state[t] != history.OK; alone || !known {
			if alone && known {
				c.follow(int32(t), c.chains[n])
			}
			n = int32(len(c.chains))
			c.chains = append(c.chains, nil)
			if !alone {
				chainOf[s] = n
			} else if l.state[t] == history.OK {
				beside[s] = append(beside[s], int32(t))
			}
		}
		c.chain[t], c.rank[t] = n, int32(len(c.chains[n]))
		if len(c.chains[n]) > 0 {
			c.follow(int32(t), c.chains[n])
		}
		c.chains[n] = append(c.chains[n], int32(t))
	}
	for t := range l.ops {
		if l.part[t] {
			for _, i := range l.ops[t] {
				if l.h.Ops[i].IsPut() {
					c.noteAppend(int32(t), i)
				}
			}
		}
	}
}

// follow has a transaction follow the last of these that has ended when it begins.
func (c *listClocks) follow(t int32, chain []int32) {
	first := c.l.ops[t][0]
	for n := len(chain) - 1; n >= 0; n-- {
		if ops := c.l.ops[chain[n]]; ops[len(ops)-1] < first {
			c.before[t] = append(c.before[t], chain[n])
			return
		}
	}
}

// noteAppend notes an append if its place in its list is after all of its chain before.
func (c *listClocks) noteAppend(t, i int32) {
	on := [2]int32{c.l.keyOf[i], c.chain[t]}
	all := c.on[on]
	if n := len(all); n > 0 && c.l.placeOf(all[n-1].node) > c.l.placeOf(i) {
		return
	}
	c.on[on] = append(all, atRank{c.rank[t], i})
}

func (c *listClocks) row(t int32) []int32 {
	n := len(c.chains)
	return c.clock[int(t)*n : int(t)*n+n]
}

func (c *listClocks) prefixRow(k, place int32) []int32 {
	n := len(c.chains)
	return c.prefix[k][int(place)*n : int(place)*n+n]
}

// tick sets the clock of a transaction, those of all that it follows and reads from being
// set, and those of the bases that end with what it appended.
func (c *listClocks) tick(t int32) []int32 {
	l, clock := c.l, c.row(t)
	for _, m := range c.before[t] {
		raise(clock, c.row(m))
	}
	for n := l.from[t]; n < l.from[t+1]; n++ {
		if r := &l.reads[n]; r.base > 0 {
			raise(clock, c.prefixRow(r.key, r.base-1))
		}
	}
	clock[c.chain[t]] = max(clock[c.chain[t]], c.rank[t]+1)
	for _, i := range l.ops[t] {
		if place := l.place[i]; place >= 0 {
			row := c.prefixRow(l.keyOf[i], place)
			copy(row, clock)
			if place > 0 {
				raise(row, c.prefixRow(l.keyOf[i], place-1))
			}
		}
	}
	return clock
}

// lastAppend returns the append to a list whose place is last of those in the past of a
// transaction, its own apart; -1 if there is none.
func (c *listClocks) lastAppend(t int32, clock []int32, key int32) int32 {
	last := int32(-1)
	for n, count := range clock {
		if int32(n) == c.chain[t] {
			count = c.rank[t]
		}
		if count == 0 {
			continue
		}
		all := c.on[[2]int32{key, int32(n)}]
		i, _ := slices.BinarySearchFunc(all, count, func(a atRank, r int32) int { return int(a.rank - r) })
		if i > 0 {
			if w := all[i-1].node; last < 0 || c.l.placeOf(w) > c.l.placeOf(last) {
				last = w
			}
		}
	}
	return last
}

// path returns transactions that lead from one to another one in its past, both
// included, a fewest.
func (c *listClocks) path(a, b int32) []int32 {
	came := map[int32]int32{b: b}
	queue := []int32{b}
	for at := 0; at < len(queue); at++ {
		t := queue[at]
		if c.l.m.mustStop(16) {
			return nil
		}
		if t == a {
			way := []int32{t}
			for t != b {
				t = came[t]
				way = append(way, t)
			}
			return way
		}
		direct := slices.Clone(c.before[t])
		for n := c.l.from[t]; n < c.l.from[t+1]; n++ {
			r := &c.l.reads[n]
			for _, w := range c.l.keys[r.key].order[:r.base] {
				direct = append(direct, c.l.of[w])
			}
		}
		if c.chain[t] == c.chain[a] && c.rank[t] > c.rank[a] {
			direct = append(direct, a)
		}
		for _, m := range direct {
			if _, was := came[m]; !was && c.row(m)[c.chain[a]] > c.rank[a] {
				came[m] = t
				queue = append(queue, m)
			}
		}
	}
	return nil
}
