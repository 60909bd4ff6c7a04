package linearizability

import (
	"encoding/binary"
	"slices"
)

const byCommitSearch = "prefixes of the commit order searched"

// commitSearch looks for an order of all instants in which each read finds the last
// version committed before it. It takes one instant after the other, of each chain
// in turn the next one. What may follow does not depend on the order of what was
// taken: a register is not overwritten while a transaction has yet to read its
// version, so that whoever reads one finds it. A state is therefore how far each chain
// has come, and is looked at once: O(n^s) of them for s chains and n transactions in
// each (Biswas and Enea, section 4), of which the known precedences leave few.
type commitSearch struct {
	x *timeline
	m *meter

	chains  [][]int32 // by chain: its instants in order; the last chain is that of the ticks
	done    []int32   // by chain: how many have been taken
	waits   []int32   // by instant: edges from instants that have not been taken
	unread  []int32   // by version: transactions that have yet to read it
	current []int32   // by register: its version
	writers []int32   // by register: transactions that have yet to commit a version
	open    []int32   // by register: 1 + the transaction that has begun to overwrite it, where such ones must not overlap
	early   []int32   // by instant: its place in the order to be tried first

	taken   []int32 // instants in order
	undone  []int32 // versions that they replaced, in the order of the writes
	visited map[string]struct{}
	key     []byte

	deepest int      // how many instants had been taken where no more could be, at most
	blocked [2]int32 // two writers of a register, of which there the second one had come first
}

// outcome is what a search found.
type outcome uint8

const (
	holds   outcome = iota // an order
	refuted                // that there is none
	open                   // nothing: it was stopped
)

// fork is a state in which several instants could come next.
type fork struct {
	taken   int     // how many instants had been taken
	options []int32 // those still to be tried, the first last
}

func newCommitSearch(m *meter, x *timeline) *commitSearch {
	t := x.t
	s := &commitSearch{
		x: x, m: m, chains: make([][]int32, len(t.chains)+1), done: make([]int32, len(t.chains)+1),
		waits: x.link(), unread: slices.Clone(x.counts), current: make([]int32, len(t.byKey)),
		writers: make([]int32, len(t.byKey)), open: make([]int32, len(t.byKey)),
		visited: make(map[string]struct{}),
	}
	for c, nodes := range t.chains {
		for _, n := range nodes {
			for p := x.begin(n); p <= x.commit(n); p++ {
				s.chains[c] = append(s.chains[c], p)
			}
		}
	}
	for p := int32(len(t.ops)) * x.per; int(p) < len(x.latest); p++ {
		s.chains[len(t.chains)] = append(s.chains[len(t.chains)], p)
	}
	for k := range t.byKey {
		s.current[k] = x.initial + int32(k)
		for _, on := range t.byKey[k] {
			s.writers[k] += int32(len(on.rank))
		}
	}
	s.prefer()
	return s
}

// prefer sets the order to be tried first: where there was time that of the first and
// last operations of transactions, else that of the middles between what must come
// before and what must come after.
func (s *commitSearch) prefer() {
	x := s.x
	if x.t.h.Untimed {
		s.early = x.middle()
		return
	}
	s.early = make([]int32, len(x.latest))
	for n, ops := range x.t.ops {
		s.early[x.begin(int32(n))] = ops[0]
		s.early[x.commit(int32(n))] = ops[len(ops)-1] // which is the same instant where there is one
	}
}

// run searches, in so many steps at most.
func (s *commitSearch) run(limit int) outcome {
	var forks []fork
	for {
		s.takeFree()
		if s.m.mustStop(0) {
			return open
		}
		if len(s.taken) == len(s.x.latest) {
			return holds
		}
		forks = append(forks, fork{len(s.taken), s.options()})
		for {
			top := len(forks) - 1
			if top < 0 {
				return refuted
			}
			f := &forks[top]
			s.backTo(f.taken)
			if len(f.options) > 0 {
				p := f.options[len(f.options)-1]
				f.options = f.options[:len(f.options)-1]
				if limit--; limit < 0 || !s.m.step() {
					return open
				}
				s.take(p)
				break
			}
			forks = forks[:top]
		}
	}
}

// options are the instants that may come next, the one to be tried first last; none
// in a state that has been looked at.
func (s *commitSearch) options() []int32 {
	s.key = s.key[:0]
	for _, n := range s.done[:len(s.done)-1] {
		s.key = binary.LittleEndian.AppendUint32(s.key, uint32(n))
	}
	if _, was := s.visited[string(s.key)]; was {
		return nil
	}
	const overhead = 64 // of an entry of the map
	s.m.keep(len(s.key) + overhead)
	s.visited[string(s.key)] = struct{}{}
	var some []int32
	for c := range s.chains {
		if p, ready := s.next(c); ready && s.allowed(p) {
			some = append(some, p)
		}
	}
	if len(some) == 0 && len(s.taken) > s.deepest {
		s.deepest, s.blocked = len(s.taken), s.obstacle()
	}
	slices.SortFunc(some, func(a, b int32) int { return int(s.early[b]) - int(s.early[a]) })
	return some
}

// obstacle returns, in a state in which nothing can come next, an instant's
// transaction that only the lack of another order holds up, and the writer of the
// same register that came before it: of all such pairs the one whose second came
// last. They are in no known order. Nothing can come next, and something has no
// predecessor left, so that there is one.
func (s *commitSearch) obstacle() (pair [2]int32) {
	x, latest := s.x, -1
	for c := range s.chains {
		p, ready := s.next(c)
		if !ready {
			continue
		}
		n := x.node(p)
		for _, k := range x.t.writes[n] {
			first := x.writer(s.current[k])
			if x.disjoint && p == x.begin(n) {
				first = s.open[k] - 1
			} else if s.unread[s.current[k]] == 0 {
				continue
			}
			if first < 0 || first == n {
				continue
			}
			if at := slices.Index(s.taken, x.begin(first)); at > latest {
				latest, pair = at, [2]int32{n, first}
			}
		}
	}
	return pair
}

// next is the next instant of a chain; false if it has none, or that waits for others.
func (s *commitSearch) next(c int) (int32, bool) {
	if int(s.done[c]) == len(s.chains[c]) {
		return 0, false
	}
	p := s.chains[c][s.done[c]]
	return p, s.waits[p] == 0
}

// allowed reports whether p may be taken: nobody has yet to read what it overwrites,
// and nobody whom it must not overlap has begun.
func (s *commitSearch) allowed(p int32) bool {
	x := s.x
	n := x.node(p)
	if n < 0 {
		return true
	}
	if x.disjoint && p == x.begin(n) {
		return !slices.ContainsFunc(x.t.writes[n], func(k int32) bool { return s.open[k] > 0 })
	}
	if p != x.commit(n) {
		return true
	}
	for i, k := range x.t.writes[n] {
		left := s.unread[s.current[k]]
		if x.per == 1 && x.before[x.offset[n]+int32(i)] == s.current[k] {
			left-- // n itself
		}
		if left > 0 {
			return false
		}
	}
	return true
}

// free reports whether p, which may be taken, may as well be taken now: whatever
// order there is from here, there is one that begins with it. So it is of reads, and
// of versions that nobody reads or that are the last of their registers.
func (s *commitSearch) free(p int32) bool {
	x := s.x
	n := x.node(p)
	if n < 0 || p != x.commit(n) && !x.disjoint {
		return true
	}
	for i, k := range x.t.writes[n] {
		unreadEver := p == x.commit(n) && x.counts[x.offset[n]+int32(i)] == 0
		if s.writers[k] > 1 && !unreadEver {
			return false
		}
	}
	return true
}

// takeFree takes whatever is free until nothing is.
func (s *commitSearch) takeFree() {
	for again := true; again; {
		again = false
		for c := range s.chains {
			for p, ready := s.next(c); ready && s.allowed(p) && s.free(p); p, ready = s.next(c) {
				s.take(p)
				if again = true; s.m.mustStop(len(s.chains)) {
					return
				}
			}
		}
	}
}

func (s *commitSearch) chain(p int32) int {
	if s.x.node(p) < 0 {
		return len(s.chains) - 1
	}
	c, _ := s.x.place(p)
	return int(c)
}

func (s *commitSearch) take(p int32) {
	x := s.x
	s.done[s.chain(p)]++
	s.taken = append(s.taken, p)
	for _, q := range x.after.of(p) {
		s.waits[q]--
	}
	n := x.node(p)
	if n < 0 {
		return
	}
	if p == x.begin(n) {
		s.begun(n, 1)
	}
	if p != x.commit(n) {
		return
	}
	for i, k := range x.t.writes[n] {
		s.undone = append(s.undone, s.current[k])
		s.current[k] = x.offset[n] + int32(i)
		s.writers[k]--
		s.open[k] = 0
	}
}

// begun counts the reads of n, and that it is open, or takes that back.
func (s *commitSearch) begun(n, by int32) {
	t := s.x.t
	for i, r := range t.reads[n] {
		if !slices.ContainsFunc(t.reads[n][:i], func(e txnRead) bool { return e.key == r.key }) {
			s.unread[s.x.read(r)] -= by
		}
	}
	if s.x.disjoint {
		for _, k := range t.writes[n] {
			s.open[k] = max(0, by) * (n + 1)
		}
	}
}

// backTo takes back all but the first so many instants.
func (s *commitSearch) backTo(taken int) {
	x := s.x
	for len(s.taken) > taken {
		p := s.taken[len(s.taken)-1]
		s.taken = s.taken[:len(s.taken)-1]
		s.done[s.chain(p)]--
		for _, q := range x.after.of(p) {
			s.waits[q]++
		}
		n := x.node(p)
		if n < 0 {
			continue
		}
		if p == x.commit(n) {
			for i := len(x.t.writes[n]) - 1; i >= 0; i-- {
				k := x.t.writes[n][i]
				s.current[k] = s.undone[len(s.undone)-1]
				s.undone = s.undone[:len(s.undone)-1]
				s.writers[k]++
				if x.disjoint {
					s.open[k] = n + 1
				}
			}
		}
		if p == x.begin(n) {
			s.begun(n, -1)
		}
	}
}
