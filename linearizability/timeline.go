package linearizability

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// timeline has the instants, the points of time at which transactions take effect, and what is
// known of their order. At the serializable levels a transaction has one; at prefix
// and snapshot isolation it reads at one and commits at a later one (Biswas and
// Enea, OOPSLA 2019, section 4: the split into a read and a write transaction).
// Real time adds ticks, one an instant at which some transaction ended.
//
// In an order of all instants each read finds the last version committed before it.
// Three rules say what follows from what is known, until nothing new does:
//
//   - if w and f wrote a register, r read it from f, and w commits before r reads,
//     then w commits before f;
//   - if r read what w wrote, and n overwrites it, that is, writes the register and
//     commits after w, then r reads before n commits;
//   - where writers of a register must not overlap, and w reads before n commits,
//     then w commits before n reads.
//
// Each holds of every order that the level allows, so that a cycle is a violation.
// Without one a search decides.
type timeline struct {
	t        *transactions
	per      int32 // instants of a transaction
	disjoint bool  // two that write one register do not overlap
	timed    bool  // real time counts

	guesses int // made so far

	latest []int32      // by instant: 1 + place in known of the last edge into it
	known  []precedence // what precedes what
	clock  []int32      // by instant, len(t.chains) each: how many instants of the chain precede or are it
	after  successors   // as of the last sweep
	order  []int32      // the instants in an order that fits what was known at the last sweep

	version map[[2]int32]int32 // node and register: the number of the version that it wrote
	offset  []int32            // by node: the number of its first version; they follow as in t.writes
	initial int32              // the number of the initial version of register 0; they follow
	readers [][]int32          // by version: the nodes that read it, of each chain the last
	counts  []int32            // by version: how many nodes read it
	before  []int32            // by version: the one of its register that its writer read, or -1
}

// precedence is an edge into an instant.
type precedence struct {
	from   int32
	into   int32
	next   int32 // 1 + place of the next edge into the same instant, 0 at the end
	reason reason
	key    int32 // the register it is about
	due    int32 // what it is derived from: the reader of byVersions, the overwritten writer of byOverwrite, else -1
}

// reason says why an instant precedes another one.
type reason uint8

const (
	byTransaction reason = iota // a transaction reads before it commits
	bySession
	byTime
	byRead      // what is read was committed
	byList      // a list shows who appended first
	byVersions  // first rule
	byOverwrite // second rule
	byOverlap   // third rule
	byGuess     // one of the two orders of two writers, to be tried
)

// successors lists the edges out of each instant.
type successors struct{ from, to []int32 }

func (s *successors) of(p int32) []int32 { return s.to[s.from[p]:s.from[p+1]] }

// newTimeline lays out the instants and what is known from the start. O(n·s) for n
// transactions in s chains, and for each register s² where its initial value is read.
func newTimeline(t *transactions, level txnLevel) *timeline {
	x := &timeline{t: t, per: 1, disjoint: level == levelSnapshot, timed: level == levelStrict}
	if level == levelPrefix || level == levelSnapshot {
		x.per = 2
	}
	x.latest = make([]int32, len(t.ops)*int(x.per))
	x.number()
	for n := range int32(len(t.ops)) {
		if x.per == 2 {
			x.put(x.begin(n), x.commit(n), precedence{reason: byTransaction})
		}
		if rank := t.rank[n]; rank > 0 {
			x.put(x.commit(t.chains[t.chain[n]][rank-1]), x.begin(n), precedence{reason: bySession})
		}
		if m := t.parent[n]; m >= 0 {
			x.put(x.commit(m), x.begin(n), precedence{reason: bySession})
		}
		for _, m := range t.more[n] {
			why := byRead
			if slices.Contains(t.splits, m) && t.endedBefore(m, n) {
				why = bySession
			}
			x.put(x.commit(m), x.begin(n), precedence{reason: why})
		}
	}
	for k := range t.byKey {
		x.initialFirst(int32(k))
	}
	if x.timed {
		x.tickTimes()
	}
	return x
}

func (x *timeline) begin(n int32) int32  { return n * x.per }
func (x *timeline) commit(n int32) int32 { return n*x.per + x.per - 1 }

// node is the transaction of an instant, -1 for a tick.
func (x *timeline) node(p int32) int32 {
	if n := p / x.per; int(n) < len(x.t.ops) {
		return n
	}
	return -1
}

// number numbers the versions and finds their readers.
func (x *timeline) number() {
	t := x.t
	x.version, x.offset = make(map[[2]int32]int32, len(t.wrote)), make([]int32, len(t.ops))
	for n, keys := range t.writes {
		x.offset[n] = x.initial
		for i, k := range keys {
			x.version[[2]int32{int32(n), k}] = x.initial + int32(i)
		}
		x.initial += int32(len(keys))
	}
	all := int(x.initial) + len(t.byKey)
	x.readers, x.counts, x.before = make([][]int32, all), make([]int32, all), make([]int32, all)
	for v := range x.before {
		x.before[v] = -1
	}
	for _, chain := range t.chains {
		for _, n := range chain {
			if t.m.mustStop(64 * len(t.reads[n])) {
				return
			}
			for _, r := range t.reads[n] {
				x.reads(n, r)
			}
		}
	}
}

// reads notes that n read a version. Chains come one after the other.
func (x *timeline) reads(n int32, r txnRead) {
	v := x.read(r)
	if wrote, too := x.version[[2]int32{n, r.key}]; too {
		x.before[wrote] = v
	}
	last := len(x.readers[v]) - 1
	switch {
	case last >= 0 && x.readers[v][last] == n:
		return
	case last >= 0 && x.t.chain[x.readers[v][last]] == x.t.chain[n]:
		x.readers[v][last] = n
	default:
		x.readers[v] = append(x.readers[v], n)
	}
	x.counts[v]++
}

// writer is the transaction that wrote a version, -1 of an initial one.
func (x *timeline) writer(v int32) int32 {
	if v >= x.initial {
		return -1
	}
	after, _ := slices.BinarySearch(x.offset, v+1)
	return int32(after - 1)
}

// read is the version that was read.
func (x *timeline) read(r txnRead) int32 {
	if r.from == initial {
		return x.initial + r.key
	}
	return x.version[[2]int32{r.from, r.key}]
}

// initialFirst has the readers of a register's initial version read before its
// first writers commit.
func (x *timeline) initialFirst(k int32) {
	for _, q := range x.readers[x.initial+k] {
		if x.t.m.mustStop(len(x.t.byKey[k])) {
			return
		}
		for _, on := range x.t.byKey[k] {
			if n := x.t.chains[on.chain][on.rank[0]]; n != q {
				x.put(x.begin(q), x.commit(n), precedence{reason: byOverwrite, key: k, due: initial})
			}
		}
	}
}

// tickTimes adds the ticks. One that may not have ended has none. O(n·log n).
func (x *timeline) tickTimes() {
	t := x.t
	ends := make(map[int64][]int32)
	var times []int64
	for n := range int32(len(t.ops)) {
		if end, ended := t.ended(n); ended {
			if ends[end] == nil {
				times = append(times, end)
			}
			ends[end] = append(ends[end], n)
		}
	}
	slices.Sort(times)
	first := int32(len(x.latest))
	x.latest = append(x.latest, make([]int32, len(times))...)
	for i, end := range times {
		tick := first + int32(i)
		if i > 0 {
			x.put(tick-1, tick, precedence{reason: byTime})
		}
		for _, n := range ends[end] {
			x.put(x.commit(n), tick, precedence{reason: byTime})
		}
	}
	for n := range int32(len(t.ops)) {
		if past, _ := slices.BinarySearch(times, t.began(n)); past > 0 {
			x.put(first+int32(past)-1, x.begin(n), precedence{reason: byTime})
		}
	}
}

// began is when the first operation of a transaction was called.
func (t *transactions) began(n int32) int64 {
	call := t.h.Ops[t.ops[n][0]].Call
	for _, i := range t.ops[n] {
		call = min(call, t.h.Ops[i].Call)
	}
	return call
}

// ended is when the last operation of a transaction returned; false if one of them
// may not have.
func (t *transactions) ended(n int32) (int64, bool) {
	end := t.h.Ops[t.ops[n][0]].Return
	for _, i := range t.ops[n] {
		if t.h.Ops[i].Outcome != history.OK {
			return 0, false
		}
		end = max(end, t.h.Ops[i].Return)
	}
	return end, true
}

// put adds an edge.
func (x *timeline) put(from, into int32, e precedence) {
	e.from, e.into, e.next = from, into, x.latest[into]
	x.known = append(x.known, e)
	x.latest[into] = int32(len(x.known))
}

// back takes back all but the first so many edges.
func (x *timeline) back(count int) {
	for len(x.known) > count {
		e := x.known[len(x.known)-1]
		x.latest[e.into] = e.next
		x.known = x.known[:len(x.known)-1]
	}
}

// guess has two writers of a register commit in this order.
func (x *timeline) guess(first, second int32) {
	into := x.commit(second)
	if x.disjoint {
		into = x.begin(second)
	}
	x.put(x.commit(first), into, precedence{reason: byGuess, due: -1})
}

// add adds an edge unless it is known. Of edges from one chain the last implies the
// others.
func (x *timeline) add(from, into int32, e precedence) (isNew bool) {
	chain, at := x.place(from)
	if x.row(into)[chain] > at {
		return false
	}
	for i := x.latest[into]; i != 0; i = x.known[i-1].next {
		if x.node(x.known[i-1].from) >= 0 {
			if c, rank := x.place(x.known[i-1].from); c == chain && rank >= at {
				return false
			}
		}
	}
	x.put(from, into, e)
	return true
}

// place is the chain of a transaction's instant and how many come before it there.
func (x *timeline) place(p int32) (chain, at int32) {
	n := x.node(p)
	return x.t.chain[n], x.t.rank[n]*x.per + p%x.per
}

func (x *timeline) row(p int32) []int32 {
	c := len(x.t.chains)
	return x.clock[int(p)*c : int(p)*c+c]
}

// sweep goes through the instants in an order that fits what is known and sets
// their clocks; false if there is a cycle, and then order lacks what is on one or
// comes after. O((instants + edges) × chains).
func (x *timeline) sweep() bool {
	all := len(x.latest)
	if x.clock == nil {
		x.clock, x.order = make([]int32, all*len(x.t.chains)), make([]int32, 0, all)
	}
	waits := x.link()
	x.order = x.order[:0]
	for p, n := range waits {
		if n == 0 {
			x.order = append(x.order, int32(p))
		}
	}
	for next := 0; next < len(x.order); next++ {
		p := x.order[next]
		if x.t.m.mustStop(2 * len(x.t.chains)) {
			return true
		}
		x.tick(p)
		for _, q := range x.after.of(p) {
			if waits[q]--; waits[q] == 0 {
				x.order = append(x.order, q)
			}
		}
	}
	return len(x.order) == all
}

// link sets after, and returns how many edges lead into each instant.
func (x *timeline) link() (into []int32) {
	all := len(x.latest)
	into = make([]int32, all)
	from := make([]int32, all+1)
	for p := range x.latest {
		for i := x.latest[p]; i != 0; i = x.known[i-1].next {
			into[p]++
			from[x.known[i-1].from+1]++
		}
	}
	for p := range all {
		from[p+1] += from[p]
	}
	to, next := make([]int32, len(x.known)), slices.Clone(from)
	for p := range x.latest {
		for i := x.latest[p]; i != 0; i = x.known[i-1].next {
			f := x.known[i-1].from
			to[next[f]] = int32(p)
			next[f]++
		}
	}
	x.after = successors{from, to}
	return into
}

// middle returns, by instant, how many instants must precede it less how many must
// follow: of those that are in no order, what has the smaller number more likely came
// first. It is asked after the last sweep, whose clocks it spoils.
func (x *timeline) middle() []int32 {
	chains := len(x.t.chains)
	at := make([]int32, len(x.latest))
	for p := range at {
		for _, n := range x.row(int32(p)) {
			at[p] += n
		}
	}
	for i := len(x.order) - 1; i >= 0; i-- { // clocks of what follows
		p := x.order[i]
		if x.t.m.mustStop(4 * chains) {
			break
		}
		clock := x.row(p)
		clear(clock)
		for _, q := range x.after.of(p) {
			raise(clock, x.row(q))
		}
		if x.node(p) >= 0 {
			chain, rank := x.place(p)
			clock[chain] = int32(len(x.t.chains[chain]))*x.per - rank
		}
		for c := range chains {
			at[p] -= clock[c]
		}
	}
	return at
}

// tick sets the clock of an instant whose predecessors have theirs.
func (x *timeline) tick(p int32) {
	clock := x.row(p)
	clear(clock)
	for i := x.latest[p]; i != 0; i = x.known[i-1].next {
		raise(clock, x.row(x.known[i-1].from))
	}
	if x.node(p) >= 0 {
		chain, at := x.place(p)
		clock[chain] = at + 1
	}
}

// infer applies the rules to what the last sweep knows, and reports whether
// anything new follows. It stops early where the meter does.
func (x *timeline) infer(m *meter) (more bool) {
	t := x.t
	for n := range int32(len(t.ops)) {
		if !m.step() {
			return false
		}
		for _, r := range t.reads[n] {
			if r.from == initial {
				continue
			}
			for w := range x.writersBefore(r.key, x.begin(n), n, x.per) {
				if w != r.from && x.add(x.commit(w), x.commit(r.from), precedence{reason: byVersions, key: r.key, due: n}) {
					more = true
				}
			}
		}
		for _, k := range t.writes[n] {
			for w := range x.writersBefore(k, x.commit(n), n, x.per) {
				for _, q := range x.readers[x.version[[2]int32{w, k}]] {
					if q != n && x.add(x.begin(q), x.commit(n), precedence{reason: byOverwrite, key: k, due: w}) {
						more = true
					}
				}
			}
			if !x.disjoint {
				continue
			}
			for w := range x.writersBefore(k, x.commit(n), n, 1) {
				if x.add(x.commit(w), x.begin(n), precedence{reason: byOverlap, key: k, due: -1}) {
					more = true
				}
			}
		}
	}
	return more
}

// writersBefore yields, of each chain, the last transaction but n that wrote the
// register and of which so many instants precede p.
func (x *timeline) writersBefore(key, p, n, many int32) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		clock, on := x.row(p), x.t.byKey[key]
		for i := range on {
			c := on[i].chain
			count := (clock[c] + x.per - many) / x.per
			if c == x.t.chain[n] {
				count = min(count, x.t.rank[n])
			}
			if rank, any := on[i].latest(count); any && !yield(x.t.chains[c][rank]) {
				return
			}
		}
	}
}
