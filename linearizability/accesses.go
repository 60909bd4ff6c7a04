package linearizability

import (
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// initial stands for the source of a read that returned the history's initial
// value, which nobody wrote.
const initial int32 = -1

// accesses is a history of registers in the compact form on which the
// polynomial checkers work: what happened, as numbered nodes in chains.
//
// A chain is totally ordered by program order. There is one a session, and one
// for each indeterminate write that was read: such a write comes after what its
// session did before (its parent), but nothing of its session comes after it
// unless it read it. An indeterminate write that nobody read did not happen.
type accesses struct {
	h      *history.History
	m      *meter            // says when to stop; may be nil
	pos    []int32           // by node: position in h.Ops
	key    []int32           // by node: number of the register
	source []int32           // by node: the write that a read returned, or initial; writes: themselves
	chain  []int32           // by node: its chain
	rank   []int32           // by node: how many nodes of the chain come before it
	parent []int32           // by node: what precedes it beside its chain, or -1
	beside map[int32][]int32 // by node: those whose parent it is
	more   [][]int32         // by node, of transactions: those that it read from; else nil
	chains [][]int32         // by chain: nodes in order
	byKey  [][]writers       // by register: who wrote it, chains ascending
}

// writers are one chain's writes of one register.
type writers struct {
	chain int32
	rank  []int32 // ranks within the chain, ascending
	hint  int     // where latest found what it looked for
}

// newAccesses returns an empty one with room for all operations.
func newAccesses(h *history.History) *accesses {
	column := func() []int32 { return make([]int32, 0, len(h.Ops)) }
	return &accesses{h: h, pos: column(), key: column(), source: column(), chain: column(), rank: column(), parent: column()}
}

func (a *accesses) isWrite(n int32) bool { return a.source[n] == n }

func (a *accesses) op(n int32) *history.Op { return &a.h.Ops[a.pos[n]] }

// inTime reports whether the order of the nodes is one that the causal order
// allows: no read comes before its source. Then what comes earlier cannot have
// what comes later in its past, which saves a look at a clock far away.
func (a *accesses) inTime() bool {
	for n, src := range a.source {
		if src > int32(n) {
			return false
		}
	}
	return true
}

// positions translates nodes to positions in the history.
func (a *accesses) positions(nodes ...int32) []int {
	at := make([]int, 0, len(nodes))
	for _, n := range nodes {
		at = append(at, int(a.pos[n]))
	}
	return at
}

// written names a value of a register without the cost of a string where the
// value is a number.
type written struct {
	key int32
	num int64
	str string
}

func writtenTo(key int32, v history.Value) written {
	if n, ok := v.AsInt(); ok {
		return written{key: key, num: n}
	}
	return written{key: key, str: v.Key()}
}

// sourceIndex finds the write that a read returned.
type sourceIndex struct {
	keys  map[string]int32
	first map[written]int32   // position of the only write of a value
	more  map[written][]int32 // positions, where there are several
	// dense replaces first where all values written are integers close together
	// and none is written twice, on whatever key, as recorders tend to number
	// them: by value less lowest, 1 + the position. It keeps what is near in time
	// near in memory.
	dense  []int32
	lowest int64
}

// newSourceIndex returns an index for the writes that happened and, with aborts,
// for those that failed.
func newSourceIndex(h *history.History, aborts bool) *sourceIndex {
	x := &sourceIndex{keys: make(map[string]int32)}
	if x.dense = denseSources(h, aborts, &x.lowest); x.dense == nil {
		x.first = make(map[written]int32, len(h.Ops)/2)
	}
	return x
}

// denseSources returns the table of sourceIndex.dense, nil where values do not
// allow for it.
func denseSources(h *history.History, aborts bool, lowest *int64) []int32 {
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.IsPut() && (aborts || o.Happened()) {
			v, isInt := o.Arg.AsInt()
			if !isInt {
				return nil
			}
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo > hi || uint64(hi)-uint64(lo) > 8*uint64(len(h.Ops)) {
		return nil
	}
	*lowest = lo
	dense := make([]int32, hi-lo+1)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.IsPut() && (aborts || o.Happened()) {
			v, _ := o.Arg.AsInt()
			if dense[v-lo] != 0 {
				return nil
			}
			dense[v-lo] = int32(i) + 1
		}
	}
	return dense
}

// only returns the position of the only write of v, if there is just one.
func (x *sourceIndex) only(h *history.History, v written) (int32, bool) {
	if x.dense == nil {
		i, ok := x.first[v]
		return i, ok
	}
	if v.str != "" || v.num < x.lowest || uint64(v.num)-uint64(x.lowest) >= uint64(len(x.dense)) {
		return 0, false
	}
	i := x.dense[v.num-x.lowest] - 1
	return i, i >= 0 && x.keys[h.Ops[i].Key] == v.key
}

// all returns the positions of all writes of v.
func (x *sourceIndex) all(h *history.History, v written) []int {
	if several := x.more[v]; several != nil {
		at := make([]int, len(several))
		for n, i := range several {
			at[n] = int(i)
		}
		return at
	}
	if i, ok := x.only(h, v); ok {
		return []int{int(i)}
	}
	return nil
}

// compactRegisters brings h into compact form. A result that is not OK settles
// the matter: a value that nobody wrote is a violation at every level, and one
// that may come from several writes leaves every level open. O(n).
func compactRegisters(m *meter, model string, h *history.History) (*accesses, result, error) {
	x := newSourceIndex(h, false)
	from := make([]int32, len(h.Ops)) // by position: position of the source, or initial
	for i := range h.Ops {
		o := &h.Ops[i]
		if m.mustStopAt(i) {
			return nil, result{status: Undecided}, nil
		}
		if !o.Happened() && o.Func != history.CAS { // a failed one has seen something
			continue
		}
		if o.Type != history.Register || o.Func != history.Read && o.Func != history.Write {
			return nil, result{}, unsupported(model, o)
		}
		k, ok := x.keys[o.Key]
		if !ok {
			k = int32(len(x.keys))
			x.keys[o.Key] = k
		}
		if o.IsPut() {
			x.add(writtenTo(k, o.Arg), int32(i))
		}
	}
	seen := make([]bool, len(h.Ops))
	open := result{status: OK}
	for i := range h.Ops {
		o := &h.Ops[i]
		if m.mustStopAt(i) {
			return nil, result{status: Undecided}, nil
		}
		if o.IsPut() || !o.Happened() {
			continue
		}
		src, why := x.sourceOf(h, o)
		switch {
		case why == "":
			from[i] = src
			if src >= 0 {
				seen[src] = true
			}
		case src == fromNowhere:
			return nil, result{status: Violation, reason: why, method: byValues, witness: []int{i}}, nil
		case open.status == OK:
			open = result{status: Inconclusive, reason: why, method: byValues, cause: x.notUnique(h, o, why)}
		}
	}
	if open.status != OK {
		return nil, open, nil
	}
	a := newAccesses(h)
	a.m = m
	if a.arrange(x.keys, from, seen); m.mustStop(0) {
		return nil, result{status: Undecided}, nil
	}
	return a, open, nil
}

// tooWide rules on a history whose vector clocks would take too much memory.
func (a *accesses) tooWide() result {
	return a.m.clocksFit(len(a.pos), len(a.chains))
}

const byValues = "values"

// What sourceOf answers instead of a position.
const (
	fromNowhere int32 = -2
	fromMany    int32 = -3
)

func (x *sourceIndex) add(v written, i int32) {
	if x.dense != nil {
		return
	}
	first, dup := x.first[v]
	if !dup {
		x.first[v] = i
		return
	}
	if x.more == nil {
		x.more = make(map[written][]int32)
	}
	if x.more[v] == nil {
		x.more[v] = []int32{first}
	}
	x.more[v] = append(x.more[v], i)
}

// sourceOf returns the position of the write that r returned, or initial; or
// why that cannot be said.
func (x *sourceIndex) sourceOf(h *history.History, r *history.Op) (int32, string) {
	v, atFirst := writtenTo(x.keys[r.Key], r.Out), r.Out.Equal(h.Initial)
	first, found := x.only(h, v)
	several := x.more[v]
	switch {
	case !found && atFirst:
		return initial, ""
	case found && several == nil && !atFirst:
		return first, ""
	case !found:
		return fromNowhere, fmt.Sprintf("read #%d of %q returned %s, which nobody wrote", r.Index, r.Key, r.Out)
	}
	var fit []int32
	for _, j := range several {
		if compatible(&h.Ops[j], r, h.Tagged) {
			fit = append(fit, j)
		}
	}
	if len(fit) == 1 && !atFirst {
		return fit[0], ""
	}
	return fromMany, fmt.Sprintf("read #%d of %q may have %s from more than one place: values must be unique, or stamped, or tagged",
		r.Index, r.Key, r.Out)
}

// notUnique is the error of a read whose value may come from several places. It
// is about the last of the writes that have the value.
func (x *sourceIndex) notUnique(h *history.History, r *history.Op, why string) error {
	v := writtenTo(x.keys[r.Key], r.Out)
	at, _ := x.only(h, v)
	if several := x.more[v]; several != nil {
		at = several[len(several)-1]
	}
	return &history.OpError{Index: int(at), Err: fmt.Errorf(
		"%w: write #%d repeats a value, so that %s", history.ErrNotUnique, h.Ops[at].Index, why)}
}

// compatible reports whether a write of the right value can be what r returned,
// by its stamp and its tag.
func compatible(w, r *history.Op, tagged bool) bool {
	if w.Stamp.Known() && r.Stamp.Known() && w.Stamp != r.Stamp {
		return false
	}
	if !tagged {
		return true
	}
	for _, t := range r.Saw {
		if t == w.Tag {
			return true
		}
	}
	return false
}

// arrange numbers the nodes and builds the chains.
func (a *accesses) arrange(keys map[string]int32, from []int32, seen []bool) {
	h := a.h
	node := make([]int32, len(h.Ops))
	session := make(map[int]int32) // session -> chain
	for i := range h.Ops {
		if a.m.mustStopAt(i) {
			return
		}
		o := &h.Ops[i]
		node[i] = -1
		if o.Happened() && (o.Outcome != history.Unknown || seen[i]) {
			node[i] = a.append(i, keys[o.Key], session)
		}
	}
	for n, p := range a.pos {
		if a.m.mustStopAt(n) {
			return
		}
		if !h.Ops[p].IsPut() {
			a.source[n] = from[p]
			if from[p] >= 0 {
				a.source[n] = node[from[p]]
			}
		}
	}
	a.indexWrites(len(keys), a.isWrite)
}

// indexWrites fills byKey, sorted by register, chain and rank, in few blocks of
// memory.
func (a *accesses) indexWrites(keys int, wrote func(n int32) bool) {
	start := make([]int32, keys+1)
	for n, k := range a.key {
		if wrote(int32(n)) {
			start[k+1]++
		}
	}
	for k := range keys {
		start[k+1] += start[k]
	}
	at, total := slices.Clone(start), start[keys]
	rank, by := make([]int32, total), make([]int32, total)
	for c, nodes := range a.chains {
		for r, n := range nodes {
			if wrote(n) {
				i := at[a.key[n]]
				rank[i], by[i] = int32(r), int32(c)
				at[a.key[n]]++
			}
		}
	}
	all := make([]writers, 0, total)
	a.byKey = make([][]writers, keys)
	for k := range keys {
		first := len(all)
		for i := start[k]; i < start[k+1]; {
			j := i
			for j < start[k+1] && by[j] == by[i] {
				j++
			}
			all = append(all, writers{chain: by[i], rank: rank[i:j:j]})
			i = j
		}
		a.byKey[k] = all[first:len(all):len(all)]
	}
}

// append makes the operation at position i a node of its session's chain, or of
// one of its own if it is indeterminate.
func (a *accesses) append(i int, key int32, session map[int]int32) int32 {
	o := &a.h.Ops[i]
	c, ok := session[o.Session]
	parent := int32(-1)
	if o.Outcome == history.Unknown {
		if ok {
			parent = a.chains[c][len(a.chains[c])-1]
		}
		c = a.newChain()
	} else if !ok {
		c = a.newChain()
		session[o.Session] = c
	}
	n := int32(len(a.pos))
	if parent >= 0 {
		if a.beside == nil {
			a.beside = make(map[int32][]int32)
		}
		a.beside[parent] = append(a.beside[parent], n)
	}
	a.pos, a.key = append(a.pos, int32(i)), append(a.key, key)
	a.chain, a.rank = append(a.chain, c), append(a.rank, int32(len(a.chains[c])))
	a.parent, a.source = append(a.parent, parent), append(a.source, n)
	a.chains[c] = append(a.chains[c], n)
	return n
}

func (a *accesses) newChain() int32 {
	a.chains = append(a.chains, nil)
	return int32(len(a.chains) - 1)
}

func (a *accesses) noteWrite(key, chain, rank int32) {
	on := a.byKey[key]
	if last := len(on) - 1; last >= 0 && on[last].chain == chain {
		on[last].rank = append(on[last].rank, rank)
		return
	}
	a.byKey[key] = append(on, writers{chain: chain, rank: []int32{rank}})
}
