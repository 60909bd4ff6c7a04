package linearizability

import (
	"fmt"
	"slices"
)

const bySaturation = "happened-before saturated a session at a time, since reads name their writes"

// Causal memory and PRAM: for each session there is an order of all writes and of
// its own reads that explains these reads. That order is saturated: whatever
// precedes a read and writes its register precedes the write that it returned. Of
// a session only its last operation matters, since what an earlier one demands it
// demands as well. For causal memory the order begins with the causal order, for
// PRAM with session order and the session's own reads-from.
//
// Many edges are put in at once and the order is gone through anew; few change the
// clocks of few nodes, those that come soon after a write and did not have another
// one in their past yet, and are followed from there. Measured, one round of many
// and a few of few suffice.
//
// For causal memory only the past of the session's last operation counts, and there only
// what comes after something that the session read from. O(nodes between × chains) a
// session; where sessions are many, localViews looks at less.

// view is the order as one session sees it, in the making.
type view struct {
	*partialOrder
	session int32
	few     int // edges at a time that are followed
	readers *readers
	why     []int32 // beside due: the read that demands the edge

	out     []int32   // by node: 1 + the first of its edges in targets
	targets []outEdge // where edges in due lead
	queue   []int32   // nodes whose clocks have risen
	waiting []int32   // reads of the session to be looked at, queued where their clocks rise
	looked  []bool    // by rank in the session: not waiting
	base    []int32   // the clocks before any edge; nil if they are not to be restored
	touched []int32   // nodes whose clocks are no longer those of base
	dirty   []bool    // by node: it is among touched
	anew    bool      // all clocks were computed anew
	demands []demand
}

// demand is an edge that a read asks for, into the write that it returned.
type demand struct{ write, read int32 }

// fewEdges are as many as are better followed than computed anew, and once all was
// computed anew so many times more.
const (
	fewEdges   = 64
	laterEdges = 64
)

type outEdge struct{ to, next int32 }

// readers are the reads of each write, in one block.
type readers struct{ start, reads []int32 }

func newReaders(a *accesses) *readers {
	r := &readers{start: make([]int32, len(a.pos)+1)}
	for n, src := range a.source {
		if src >= 0 && src != int32(n) {
			r.start[src+1]++
		}
	}
	for n := range a.pos {
		r.start[n+1] += r.start[n]
	}
	at := slices.Clone(r.start)
	r.reads = make([]int32, r.start[len(a.pos)])
	for n, src := range a.source {
		if src >= 0 && src != int32(n) {
			r.reads[at[src]] = int32(n)
			at[src]++
		}
	}
	return r
}

func (r *readers) of(w int32) []int32 { return r.reads[r.start[w]:r.start[w+1]] }

// newView returns a view over an order whose clocks have been computed. They are
// changed.
func newView(p *partialOrder, r *readers, few int) *view {
	return &view{
		partialOrder: p.withEdges(), few: few, readers: r, out: make([]int32, len(p.a.pos)), dirty: make([]bool, len(p.a.pos)),
	}
}

// memoryViews decides causal memory, given the causal order. Up to few edges are
// followed; the verdict does not depend on it. Where sessions are many, each is told by
// what bears on it alone, if that is little; one that is broken is looked at again to tell
// how.
func (p *partialOrder) memoryViews(few int) result {
	if len(p.a.chains) > fewSessions {
		return p.memoryAround(few, maxLocalNodes)
	}
	return p.memoryOf(few, func(int32) bool { return true })
}

// memoryAround is memoryViews by what bears on each session, where that is at most so much.
func (p *partialOrder) memoryAround(few, most int) result {
	local := newLocalViews(p, most)
	return p.memoryOf(few, func(c int32) bool {
		holds, fits := local.explains(c)
		return !holds || !fits
	})
}

// memoryOf is memoryViews for those sessions of which look is true.
func (p *partialOrder) memoryOf(few int, look func(chain int32) bool) result {
	var v *view
	for c := range int32(len(p.a.chains)) {
		if p.a.m.mustStop(len(p.a.chains[c])) {
			break
		}
		if !look(c) {
			continue
		}
		if v == nil {
			if r := p.a.m.clocksFit(2*len(p.a.pos), len(p.a.chains)); r.status != OK { // it keeps those before any edge
				return r
			}
			v = newView(p, newReaders(p.a), few)
			v.base = slices.Clone(p.clock)
		}
		if !v.between(c) {
			continue
		}
		if r := v.saturate(c); r.status != OK {
			return r
		}
		v.restore()
	}
	return result{status: OK, method: bySaturation}
}

// fewSessions are so few that a session may as well look at everything.
const fewSessions = 64

// pramViews decides PRAM; few is as for memoryViews. Where sessions are many each looks at
// what bears on it alone: O(that × the chains it is of) a session.
func pramViews(a *accesses, few int) result {
	if len(a.chains) > fewSessions {
		return a.pramAround(few)
	}
	if r := a.tooWide(); r.status != OK {
		return r
	}
	return a.pramOfAll(few)
}

// pramOfAll has every session look at everything. O(n × chains) a session.
func (a *accesses) pramOfAll(few int) result {
	p := &partialOrder{a: a, passes: a.beside == nil}
	v := newView(p, newReaders(a), few)
	for c := range int32(len(a.chains)) {
		p.reader = c
		if a.m.mustStop(len(a.pos)) {
			break
		}
		if !slices.ContainsFunc(a.chains[c], func(n int32) bool { return !a.isWrite(n) }) {
			continue
		}
		if r := p.begin(); r.status != OK {
			return r
		}
		if r := v.saturate(c); r.status != OK {
			return r
		}
		v.restore()
	}
	return result{status: OK, method: bySaturation}
}

// pramAround has every session look at what is around it, which must come to the same.
func (a *accesses) pramAround(few int) result {
	for c := range int32(len(a.chains)) {
		if a.m.mustStop(64 * len(a.chains[c])) {
			break
		}
		sub, as := a.around(c)
		if sub == nil {
			continue
		}
		if a.m.mustStop(32 * len(sub.pos)) {
			break
		}
		if r := sub.tooWide(); r.status != OK {
			return r
		}
		p := &partialOrder{a: sub, passes: sub.beside == nil, reader: as}
		if r := p.begin(); r.status != OK {
			return r
		}
		if r := newView(p, newReaders(sub), few).saturate(as); r.status != OK {
			return r
		}
	}
	return result{status: OK, method: bySaturation}
}

// begin computes the clocks of session order and the reader's reads-from. Where
// nothing stands beside a chain, the other sessions' writes have only their own
// chain in their past.
func (p *partialOrder) begin() result {
	a := p.a
	bad := func(witness []int) result {
		return result{status: Violation, method: bySaturation, witness: witness, reason: fmt.Sprintf(
			"CyclicHB: session %d reads what comes after", a.op(a.chains[p.reader][0]).Session)}
	}
	clear(p.clock)
	if !p.passes {
		if !p.sweep(true) {
			return bad(p.cycle())
		}
		return result{status: OK}
	}
	if p.clock == nil {
		p.clock = make([]int32, len(a.pos)*len(a.chains))
	}
	for n, src := range a.source {
		if c := a.chain[n]; c != p.reader && src == int32(n) {
			p.row(int32(n))[c] = a.rank[n] + 1
		}
	}
	for _, n := range a.chains[p.reader] {
		if src := a.source[n]; src >= 0 && a.chain[src] == p.reader && a.rank[src] > a.rank[n] {
			return bad(a.positions(n, src))
		}
		p.tick(n)
	}
	return result{status: OK}
}

// between sets the bounds of what a session looks at; false if it reads nothing that was
// written.
func (v *view) between(chain int32) bool {
	a, width := v.a, len(v.a.chains)
	nodes := a.chains[chain]
	last := int(nodes[len(nodes)-1]) * width
	v.high = v.base[last : last+width]
	v.low = append(v.low[:0], v.high...)
	reads := false
	for _, n := range nodes {
		if a.isWrite(n) {
			continue
		}
		reads = true
		src := a.source[n]
		if src < 0 {
			continue
		}
		for c := range v.low {
			v.low[c] = v.firstAfter(src, int32(c), v.low[c])
		}
	}
	return reads
}

// firstAfter is the rank of the first node of a chain that comes after w or is it, of those
// below end; end if there is none.
func (v *view) firstAfter(w, chain, end int32) int32 {
	a, width := v.a, len(v.a.chains)
	if chain == a.chain[w] {
		return min(end, a.rank[w])
	}
	at, _ := slices.BinarySearchFunc(a.chains[chain][:end], a.rank[w], func(n, rank int32) int {
		if v.base[int(n)*width+int(a.chain[w])] > rank {
			return 1
		}
		return -1
	})
	return int32(at)
}

// restore takes back all edges and, where there is a base, the clocks.
func (v *view) restore() {
	clear(v.first)
	clear(v.out)
	v.due, v.why, v.targets = v.due[:0], v.why[:0], v.targets[:0]
	width := len(v.a.chains)
	for _, n := range v.touched {
		v.dirty[n] = false
		if v.base != nil && !v.anew {
			copy(v.row(n), v.base[int(n)*width:])
		}
	}
	for c := 0; v.base != nil && v.anew && c < width; c++ {
		for _, n := range v.a.chains[c][v.low[c]:max(v.low[c], v.high[c])] {
			copy(v.row(n), v.base[int(n)*width:])
		}
	}
	v.touched, v.anew = v.touched[:0], false
}

// saturate closes the order for the reads of one session.
func (v *view) saturate(chain int32) result {
	a := v.a
	v.session = chain
	v.looked = make([]bool, len(a.chains[chain]))
	reads := slices.DeleteFunc(slices.Clone(a.chains[chain]), a.isWrite)
	for few := v.few; ; {
		v.demands = v.demands[:0]
		for _, n := range reads {
			v.looked[a.rank[n]] = true
			if a.m.mustStop(len(a.byKey[a.key[n]])) {
				return result{status: Undecided}
			}
			if r := v.demandsOf(n); r.status != OK {
				return r
			}
		}
		if v.a.m.mustStop(len(v.a.pos)) {
			return result{status: Undecided}
		}
		if len(v.demands) <= few {
			return v.followAll()
		}
		few *= laterEdges // by now most of what an edge brings has come by another one
		for _, d := range v.demands {
			v.insert(d)
		}
		if v.anew = true; !v.sweep(true) {
			var nodes []int32
			for _, edge := range v.cycleEdges() {
				nodes = append(nodes, edge[0], edge[1])
			}
			return v.broken(nodes, fmt.Sprintf("CyclicHB: no order of writes explains the reads in the view of session %d", a.op(reads[0]).Session))
		}
	}
}

// followAll puts in the edges demanded, and those that their changes demand.
func (v *view) followAll() result {
	v.waiting = v.waiting[:0]
	for i := 0; ; i++ {
		for _, d := range v.demands {
			src := v.a.source[d.read]
			switch {
			case v.before(d.write, src): // by an edge put in since
				continue
			case v.before(src, d.write):
				return v.overwritten(d)
			}
			v.insert(d)
			v.rise(src, v.row(d.write))
			v.follow()
		}
		if i == len(v.waiting) || v.a.m.mustStop(len(v.a.chains)) {
			return result{status: OK, method: bySaturation}
		}
		n := v.waiting[i]
		v.looked[v.a.rank[n]] = true
		v.demands = v.demands[:0]
		if r := v.demandsOf(n); r.status != OK {
			return r
		}
	}
}

// demandsOf notes which writes of its register must precede the one that the read
// n returned, because they precede n. Of each chain the last is enough.
func (v *view) demandsOf(n int32) result {
	a, clock := v.a, v.row(n)
	src, on := a.source[n], a.byKey[a.key[n]]
	for i := range on {
		rank, any := on[i].latest(clock[on[i].chain])
		if !any {
			continue
		}
		w := a.chains[on[i].chain][rank]
		switch {
		case src < 0:
			return v.broken(v.path(w, n), fmt.Sprintf("WriteHBInitRead: read #%d returns the initial value after write #%d in the view of session %d",
				a.op(n).Index, a.op(w).Index, a.op(n).Session))
		case w == src || v.before(w, src):
		case v.before(src, w):
			return v.overwritten(demand{w, n})
		default:
			v.demands = append(v.demands, demand{w, n})
		}
	}
	return result{status: OK}
}

// overwritten is the violation that a write makes which comes between a read and
// what it returned.
func (v *view) overwritten(d demand) result {
	a := v.a
	nodes := append(v.path(a.source[d.read], d.write), v.path(d.write, d.read)...)
	return v.broken(nodes, fmt.Sprintf("CyclicHB: read #%d returns what write #%d has overwritten in the view of session %d",
		a.op(d.read).Index, a.op(d.write).Index, a.op(d.read).Session))
}

// insert adds the edge.
func (v *view) insert(d demand) {
	a := v.a
	src, edges := a.source[d.read], len(v.due)
	switch fresh := v.requires(src, a.chain[d.write], a.rank[d.write]); {
	case !fresh: // a later write of the chain is demanded already
		return
	case len(v.due) > edges:
		v.why = append(v.why, d.read)
	default:
		v.why[v.edgeInto(src, a.chain[d.write])] = d.read
	}
	v.targets = append(v.targets, outEdge{to: src, next: v.out[d.write]})
	v.out[d.write] = int32(len(v.targets))
}

// edgeInto returns the place in due of the edge from the chain into the write.
func (v *view) edgeInto(w, chain int32) int32 {
	i := v.first[w]
	for v.due[i-1].chain != chain {
		i = v.due[i-1].next
	}
	return i - 1
}

// rise raises the clock of n, and queues it if that changes it.
func (v *view) rise(n int32, past []int32) {
	if v.high != nil && v.a.rank[n] >= v.high[v.a.chain[n]] {
		return
	}
	clock, risen := v.row(n), false
	v.a.m.mustStop(len(clock))
	for i, t := range past[:len(clock)] {
		if t > clock[i] {
			clock[i], risen = t, true
		}
	}
	if !risen {
		return
	}
	v.queue = append(v.queue, n)
	if !v.dirty[n] {
		v.dirty[n] = true
		v.touched = append(v.touched, n)
	}
	if a := v.a; a.chain[n] == v.session && !a.isWrite(n) && v.looked[a.rank[n]] {
		v.looked[a.rank[n]] = false
		v.waiting = append(v.waiting, n)
	}
}

// follow raises the clocks of all that comes after the queued nodes. It ends,
// since an edge that would close a cycle is never inserted.
func (v *view) follow() {
	a := v.a
	for i := 0; i < len(v.queue); i++ {
		n := v.queue[i]
		if a.m.mustStop(len(a.chains)) {
			break
		}
		past := v.row(n)
		if on := a.chains[a.chain[n]]; int(a.rank[n])+1 < len(on) {
			v.rise(on[a.rank[n]+1], past)
		}
		for _, r := range v.readers.of(n) {
			if v.follows(r) {
				v.rise(r, past)
			}
		}
		for e := v.out[n]; e != 0; e = v.targets[e-1].next {
			v.rise(v.targets[e-1].to, past)
		}
		for _, m := range a.beside[n] {
			v.rise(m, past)
		}
	}
	v.queue = v.queue[:0]
}
