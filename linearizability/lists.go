package linearizability

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Transactions over lists: an operation appends an element to the list of its key, or
// reads the list. Since elements are not appended twice, a list shows which appends
// came before a read, and in what order (Kingsbury and Alvaro, "Elle", VLDB 2020,
// section 3: lists make version orders traceable).
//
// A transaction that reads a list after it has appended to it finds its own elements at
// the end. What is before them, the base, is what it read of others: the base is what
// the levels are about.

// lists is a history of transactions over lists.
type lists struct {
	h     *history.History
	m     *meter
	ops   [][]int32         // by transaction: positions of its operations
	of    []int32           // by position: its transaction
	state []history.Outcome // by transaction
	part  []bool            // by transaction: it happened, as far as is known
	split []bool            // by transaction: its session did something else in between
	keyOf []int32           // by position: the number of its key
	keys  []listKey
	named map[string]int32 // key -> number
	first map[written]int32
	twice map[written]int32 // an element that is appended again: the position of the last
	place []int32           // by position of an append: its place in the order of its key, -1 if no read shows it
	reads []listRead        // of transactions that committed, transaction by transaction
	from  []int32           // by transaction: where its reads begin in reads; one more at the end
}

// listKey is one list.
type listKey struct {
	name   string
	base   []history.Value // the longest base, without elements that aborted
	shows  int32           // the read that it is of, -1 if there is none
	order  []int32         // positions of the appends of its elements
	unseen []int32         // positions of other appends, of transactions that take part
}

// listRead is a read of a transaction that committed.
type listRead struct {
	pos, txn int32
	key      int32
	base     int32 // how many elements of the order it shows
	// aborted is the position of an append that aborted, which it shows; -1 if none.
	aborted int32
}

// ofLists reports whether a history is one of lists.
func ofLists(h *history.History) bool {
	return slices.ContainsFunc(h.Ops, func(o history.Op) bool { return o.Type == history.AppendList })
}

// newLists groups the operations into transactions, finds the base of each read and the
// order of each list. O(size of the history). The result is OK, or what values alone
// settle at the level.
func newLists(m *meter, level txnLevel, model string, h *history.History) (*lists, result, error) {
	l := &lists{
		h: h, m: m, of: make([]int32, len(h.Ops)), keyOf: make([]int32, len(h.Ops)), place: make([]int32, len(h.Ops)),
		named: make(map[string]int32), first: make(map[written]int32, len(h.Ops)/2),
	}
	if err := l.group(model); err != nil || m.mustStop(0) {
		return l, result{status: Undecided}, err
	}
	l.part = make([]bool, len(l.ops))
	for t, s := range l.state {
		l.part[t] = s == history.OK
	}
	if r, err := l.readBases(model, level); err != nil || r.status != OK {
		return l, r, err
	}
	if level == levelItemCut {
		return l, l.thinAir(), nil
	}
	if m.mustStop(lookEvery) {
		return l, result{status: Undecided}, nil
	}
	if r := l.takePart(); r.status != OK {
		return l, r, nil
	}
	return l, l.lookInside(level), nil
}

// group finds the transactions: the operations of a session with the same Txn, or one
// without.
func (l *lists) group(model string) error {
	named := make(map[txnName]int32)
	latest := make(map[int]int32)
	for i := range l.h.Ops {
		if l.m.mustStopAt(i) {
			return nil
		}
		o := &l.h.Ops[i]
		if o.Type != history.AppendList || o.Func != history.Read && o.Func != history.Append {
			return unsupported(model, o)
		}
		l.keyOf[i], l.place[i] = l.key(o.Key), -1
		if o.IsPut() {
			w := writtenTo(l.keyOf[i], o.Arg)
			if _, again := l.first[w]; !again {
				l.first[w] = int32(i)
			} else {
				if l.twice == nil {
					l.twice = make(map[written]int32)
				}
				l.twice[w] = int32(i)
			}
		}
		t, goesOn := latest[o.Session]
		if !goesOn || o.Txn == 0 || l.h.Ops[l.ops[t][0]].Txn != o.Txn {
			name := txnName{o.Session, o.Txn}
			known := false
			if t, known = named[name]; known {
				l.split[t] = true
			} else {
				t = int32(len(l.ops))
				l.ops, l.state, l.split = append(l.ops, nil), append(l.state, history.OK), append(l.split, false)
				if o.Txn != 0 {
					named[name] = t
				}
			}
			latest[o.Session] = t
		}
		l.ops[t] = append(l.ops[t], int32(i))
		l.of[i] = t
		if o.Outcome == history.Failed || o.Outcome == history.Unknown && l.state[t] == history.OK {
			l.state[t] = o.Outcome
		}
	}
	return nil
}

func (l *lists) key(name string) int32 {
	k, known := l.named[name]
	if !known {
		k = int32(len(l.keys))
		l.named[name] = k
		l.keys = append(l.keys, listKey{name: name, shows: -1})
	}
	return k
}

// element returns the position of the append of an element, -1 if nobody appended it.
func (l *lists) element(key int32, v history.Value) int32 {
	i, known := l.first[writtenTo(key, v)]
	if !known {
		return -1
	}
	return i
}

// lastOf is what a transaction did last with a list.
type lastOf struct {
	key  int32
	own  []int32         // what it has appended so far
	list []history.Value // what its latest read returned
	at   int32           // the position of that read, -1 if there is none
	then int             // how much it had appended by then
}

// readBases finds the bases of all reads, the longest one of each list, and whether
// transactions find their own appends.
func (l *lists) readBases(model string, level txnLevel) (result, error) {
	l.from = make([]int32, len(l.ops)+1)
	var lasts []lastOf
	for t := range l.ops {
		l.from[t] = int32(len(l.reads))
		if l.state[t] != history.OK {
			continue
		}
		lasts = lasts[:0]
		if l.m.mustStop(64 * len(l.ops[t])) {
			return result{status: Undecided}, nil
		}
		for _, i := range l.ops[t] {
			o := &l.h.Ops[i]
			n := slices.IndexFunc(lasts, func(e lastOf) bool { return e.key == l.keyOf[i] })
			if n < 0 {
				n = len(lasts)
				lasts = append(lasts, lastOf{key: l.keyOf[i], at: -1})
			}
			last := &lasts[n]
			if o.IsPut() {
				last.own = append(last.own, i)
				continue
			}
			list, isList := o.Out.AsList()
			if !isList && !o.Out.IsNil() {
				return result{}, unsupported(model, o)
			}
			if r := l.readAgain(level, last, i, list); r.status != OK {
				return r, nil
			}
			last.list, last.at, last.then = list, i, len(last.own)
			if level == levelItemCut {
				continue
			}
			if r := l.readOne(int32(t), last, i, list); r.status != OK {
				return r, nil
			}
		}
	}
	l.from[len(l.ops)] = int32(len(l.reads))
	return result{status: OK}, nil
}

// readAgain looks at a read of a list that its transaction has read before, at the
// levels at which it must find the same.
func (l *lists) readAgain(level txnLevel, last *lastOf, i int32, list []history.Value) result {
	if last.at < 0 || !level.repeats() {
		return result{status: OK}
	}
	since := last.own[last.then:]
	same := len(list) == len(last.list)+len(since) && samePrefix(last.list, list)
	for n := 0; same && n < len(since); n++ {
		same = list[len(last.list)+n].Equal(l.h.Ops[since[n]].Arg)
	}
	if same {
		return result{status: OK}
	}
	return l.wrong([]int32{i, last.at}, "%s: read #%d of %q returns %s, although #%d of its transaction had returned %s",
		NonRepeatableRead, l.h.Ops[i].Index, l.h.Ops[i].Key, l.h.Ops[i].Out, l.h.Ops[last.at].Index, l.h.Ops[last.at].Out)
}

// readOne takes a read apart into its base and what its transaction has appended.
func (l *lists) readOne(t int32, last *lastOf, i int32, list []history.Value) result {
	o := &l.h.Ops[i]
	base := len(list) - len(last.own)
	own := base >= 0
	for n := 0; own && n < len(last.own); n++ {
		own = list[base+n].Equal(l.h.Ops[last.own[n]].Arg)
	}
	if !own {
		return l.wrong(append([]int32{i}, last.own...), "%s: read #%d of %q returns %s, which does not end with what its transaction has appended",
			Internal, o.Index, o.Key, o.Out)
	}
	r := listRead{pos: i, txn: t, key: last.key, aborted: -1}
	kept := list[:base:base]
	for _, w := range l.ops[t] { // of what is known of the order already
		if l.keyOf[w] == last.key && l.place[w] >= 0 && int(l.place[w]) < base && l.h.Ops[w].Arg.Equal(kept[l.place[w]]) {
			return l.outOfPlace(i, w)
		}
	}
	if k := &l.keys[last.key]; !samePrefix(kept, k.base) && !l.extends(k, t, i, kept) {
		var wrong result
		if kept, wrong = l.knownElements(&r, kept); wrong.status != OK {
			return wrong
		}
		if !samePrefix(kept, k.base) && !l.extends(k, t, i, kept) {
			return l.incompatible(k.shows, i)
		}
	}
	r.base = int32(len(kept))
	l.reads = append(l.reads, r)
	return result{status: OK}
}

// extends reports whether the base of a read shows more than all before, and nothing
// else is remarkable about it, and makes it the longest then. O(elements that are new).
func (l *lists) extends(k *listKey, t, read int32, base []history.Value) bool {
	if !samePrefix(k.base, base) {
		return false
	}
	known := len(k.order)
	for _, v := range base[known:] {
		w := l.element(l.keyOf[read], v)
		if w < 0 || l.place[w] >= 0 || l.of[w] == t || l.state[l.of[w]] == history.Failed || l.isTwice(l.keyOf[read], v) {
			for _, w := range k.order[known:] {
				l.place[w] = -1
			}
			k.order = k.order[:known]
			return false
		}
		l.place[w] = int32(len(k.order))
		k.order = append(k.order, w)
	}
	k.base, k.shows = base, read
	return true
}

// samePrefix reports whether a is a prefix of b. Lists that a decoder has read share
// their memory where one is a prefix of the other.
func samePrefix(a, b []history.Value) bool {
	if len(a) == 0 {
		return true
	}
	if len(a) > len(b) {
		return false
	}
	if &a[0] == &b[0] {
		return true
	}
	return slices.EqualFunc(a, b[:len(a)], history.Value.Equal)
}

// knownElements looks up the elements of a base that is not known to be right, and
// returns it without those that aborted.
func (l *lists) knownElements(r *listRead, base []history.Value) ([]history.Value, result) {
	o := &l.h.Ops[r.pos]
	seen := make(map[int32]bool, len(base))
	kept := base
	for n, v := range base {
		w := l.element(r.key, v)
		switch {
		case w < 0:
			return nil, l.wrong([]int32{r.pos}, "%s: read #%d of %q returns %s, but nobody appended %s", ThinAirRead, o.Index, o.Key, o.Out, v)
		case l.isTwice(r.key, v):
			return nil, l.ambiguous(r.pos, w, v)
		case l.of[w] == r.txn:
			return nil, l.outOfPlace(r.pos, w)
		case seen[w]:
			return nil, l.wrong([]int32{r.pos, w}, "%s: read #%d of %q returns %s, which has %s twice, but only #%d appended it",
				DuplicateElements, o.Index, o.Key, o.Out, v, l.h.Ops[w].Index)
		}
		seen[w] = true
		if aborted := l.state[l.of[w]] == history.Failed; aborted {
			if r.aborted < 0 {
				r.aborted = w
				kept = slices.Clone(base[:n])
			}
		} else if r.aborted >= 0 {
			kept = append(kept, v)
		}
	}
	return kept, result{status: OK}
}

// outOfPlace is a violation by a read that shows an append of its own transaction before
// those of others, or before it was made.
func (l *lists) outOfPlace(read, w int32) result {
	o := &l.h.Ops[read]
	return l.wrong([]int32{read, w}, "%s: read #%d of %q returns %s, where %s is out of place: its transaction appends that with #%d",
		Internal, o.Index, o.Key, o.Out, l.h.Ops[w].Arg, l.h.Ops[w].Index)
}

func (l *lists) isTwice(key int32, v history.Value) bool {
	if l.twice == nil {
		return false
	}
	_, again := l.twice[writtenTo(key, v)]
	return again
}

// ambiguous says that a read cannot be told where an element of it is from.
func (l *lists) ambiguous(read, w int32, v history.Value) result {
	last := l.twice[writtenTo(l.keyOf[read], v)]
	why := fmt.Sprintf("read #%d of %q may have %s from more than one append: elements must be unique", l.h.Ops[read].Index, l.h.Ops[read].Key, v)
	return result{status: Inconclusive, method: byValues, reason: why, cause: &history.OpError{Index: int(last), Err: fmt.Errorf(
		"%w: append #%d repeats what #%d appended, so that %s", history.ErrNotUnique, l.h.Ops[last].Index, l.h.Ops[w].Index, why)}}
}

// incompatible is a violation by two reads of which neither shows a prefix of the other.
func (l *lists) incompatible(a, b int32) result {
	involved := []int32{a, b}
	for _, i := range []int32{a, b} {
		list, _ := l.h.Ops[i].Out.AsList()
		for _, v := range list {
			if w := l.element(l.keyOf[i], v); w >= 0 {
				involved = append(involved, w)
			}
		}
	}
	x, y := &l.h.Ops[a], &l.h.Ops[b]
	return l.wrong(involved, "%s: read #%d of %q returns %s and read #%d returns %s; what one of them shows does not come before what only the other one shows, so that no order of the appends explains both",
		IncompatibleOrder, x.Index, x.Key, x.Out, y.Index, y.Out)
}

// wrong is a violation that these operations show, with those of their transactions.
func (l *lists) wrong(at []int32, why string, args ...any) result {
	r := result{status: Violation, method: byLists, reason: fmt.Sprintf(why, args...)}
	for _, i := range at {
		for _, j := range l.ops[l.of[i]] {
			r.witness = append(r.witness, int(j))
		}
	}
	slices.Sort(r.witness)
	r.witness = slices.Compact(r.witness)
	return r
}

// thinAir looks for elements that nobody appended, and nothing else.
func (l *lists) thinAir() result {
	for t := range l.ops {
		if l.state[t] != history.OK {
			continue
		}
		for _, i := range l.ops[t] {
			o := &l.h.Ops[i]
			list, _ := o.Out.AsList()
			if l.m.mustStop(64 + 32*len(list)) {
				return result{}
			}
			for _, v := range list {
				if o.Func == history.Read && l.element(l.keyOf[i], v) < 0 {
					return l.wrong([]int32{i}, "%s: read #%d of %q returns %s, but nobody appended %s", ThinAirRead, o.Index, o.Key, o.Out, v)
				}
			}
		}
	}
	return result{status: OK, method: byLists}
}

// takePart finds which transactions take part: those that committed, and of those that
// may have whoever's elements were read. What a transaction appends to one list must
// stand there in its order.
func (l *lists) takePart() result {
	for k := range l.keys {
		order := l.keys[k].order
		if l.m.mustStop(8 * len(order)) {
			return result{}
		}
		for n, w := range order {
			l.part[l.of[w]] = true
			if n > 0 && l.of[order[n-1]] == l.of[w] && order[n-1] > w {
				return l.turned(w, order[n-1])
			}
		}
	}
	for i := range l.h.Ops {
		if l.m.mustStopAt(i) {
			return result{}
		}
		if !l.h.Ops[i].IsPut() || l.place[i] >= 0 || !l.part[l.of[i]] {
			continue
		}
		for _, j := range l.ops[l.of[i]] {
			if j > int32(i) && l.keyOf[j] == l.keyOf[i] && l.place[j] >= 0 {
				return l.turned(int32(i), j)
			}
		}
		k := &l.keys[l.keyOf[i]]
		k.unseen = append(k.unseen, int32(i))
	}
	return result{status: OK}
}

// turned is a violation by a read that shows an append of a transaction before, or
// without, one that it made earlier.
func (l *lists) turned(early, late int32) result {
	read := &l.h.Ops[l.keys[l.keyOf[late]].shows]
	a, b := &l.h.Ops[early], &l.h.Ops[late]
	return l.wrong([]int32{int32(early), l.keys[l.keyOf[late]].shows}, "%s: read #%d of %q returns %s, in which %s (#%d) does not stand behind %s, which the same transaction had appended before (#%d)",
		IncompatibleOrder, read.Index, read.Key, read.Out, b.Arg, b.Index, a.Arg, a.Index)
}

// lookInside looks for what single reads show to be wrong, at the levels that forbid
// it: elements that aborted, and appends of which the transaction went on to append.
func (l *lists) lookInside(level txnLevel) result {
	if level == levelReadUncommitted {
		return result{status: OK}
	}
	for n := range l.reads {
		if l.m.mustStopAt(n) {
			return result{}
		}
		r := &l.reads[n]
		o := &l.h.Ops[r.pos]
		if w := r.aborted; w >= 0 {
			name := G1a
			if l.updatedAborted(w, r) {
				name = DirtyUpdate
			}
			return l.wrong([]int32{r.pos, w}, "%s: read #%d of %q returns %s, but #%d, which appended %s, belongs to a transaction that aborted",
				name, o.Index, o.Key, o.Out, l.h.Ops[w].Index, l.h.Ops[w].Arg)
		}
		if r.base == 0 {
			continue
		}
		w := l.keys[r.key].order[r.base-1]
		if later := l.appendsLater(w); later >= 0 {
			return l.wrong([]int32{r.pos, w}, "%s: read #%d of %q returns %s, without %s: it shows #%d of a transaction, but not #%d of the same",
				G1b, o.Index, o.Key, o.Out, l.h.Ops[later].Arg, l.h.Ops[w].Index, l.h.Ops[later].Index)
		}
	}
	return result{status: OK}
}
