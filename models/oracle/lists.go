package oracle

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Lists is a small history of transactions over lists, to be judged by trying every
// commit order. A version of a list is what its writer made: the appends of all that
// committed no later, in the order of their commits.
type Lists struct {
	h     *history.History
	all   [][]int // positions of the operations of every transaction
	txns  [][]int // of those that take part, in the case that is tried
	of    []int   // by position: its transaction among txns, -1 if it has none
	state []history.Outcome
}

// listLevel is a level as the axioms have it.
type listLevel struct {
	sessions bool // the commit order extends that of sessions
	realTime bool
	repeats  bool // a list that is read again has changed by one's own appends only
	dirty    bool // versions that were never committed may be read
	visible  func(l *Lists, w, read int, rank []int) bool
}

// NewLists groups the operations: those of a session with the same Txn, or single ones.
func NewLists(h *history.History) *Lists {
	l := &Lists{h: h}
	for i := range h.Ops {
		o, mine := &h.Ops[i], -1
		for g, group := range l.all {
			if first := &h.Ops[group[0]]; o.Txn != 0 && first.Txn == o.Txn && first.Session == o.Session {
				mine = g
			}
		}
		if mine < 0 {
			mine = len(l.all)
			l.all, l.state = append(l.all, nil), append(l.state, history.OK)
		}
		l.all[mine] = append(l.all[mine], i)
		if o.Outcome == history.Failed || o.Outcome == history.Unknown && l.state[mine] == history.OK {
			l.state[mine] = o.Outcome
		}
	}
	return l
}

// Judge says of each level by name whether it holds.
func (l *Lists) Judge() map[string]bool {
	free := func(v listLevel) listLevel { v.sessions = false; return v }
	before := listLevel{sessions: true, visible: func(l *Lists, w, read int, _ []int) bool { return l.readBy(w, l.of[read], read) }}
	snapshot := listLevel{sessions: true, repeats: true, visible: func(l *Lists, w, read int, rank []int) bool {
		return l.inPrefix(w, l.of[read], rank, true) || l.inConflict(w, l.of[read], rank)
	}}
	snapshotFree := listLevel{repeats: true, visible: func(l *Lists, w, read int, rank []int) bool {
		return l.inPrefix(w, l.of[read], rank, false) || l.inConflict(w, l.of[read], rank)
	}}
	serial := listLevel{sessions: true, repeats: true, visible: func(l *Lists, w, read int, rank []int) bool { return rank[w] < rank[l.of[read]] }}
	strict := serial
	strict.realTime = true
	nothing := func(*Lists, int, int, []int) bool { return false }
	holds := map[string]bool{"item-cut": l.itemCut()}
	for _, level := range []struct {
		name string
		listLevel
	}{
		{"read-uncommitted", listLevel{dirty: true, visible: nothing}},
		{"pl-2", listLevel{visible: nothing}},
		{"monotonic-atomic-view", free(before)},
		{"read-committed", before},
		{"read-atomic", listLevel{sessions: true, repeats: true, visible: func(l *Lists, w, read int, _ []int) bool {
			return l.readBy(w, l.of[read], len(l.h.Ops)) || l.inSession(w, l.of[read])
		}}},
		{"transactional-causal", listLevel{sessions: true, repeats: true, visible: func(l *Lists, w, read int, _ []int) bool { return l.past()[w][l.of[read]] }}},
		{"prefix", listLevel{sessions: true, repeats: true, visible: func(l *Lists, w, read int, rank []int) bool {
			return l.inPrefix(w, l.of[read], rank, true)
		}}},
		{"pl-si", snapshotFree}, {"snapshot-isolation", snapshot},
		{"repeatable-read", free(serial)}, {"serializable", serial}, {"strict-serializable", strict},
	} {
		holds[level.name] = l.holds(level.listLevel)
	}
	return holds
}

// holds tries every set of the transactions that may have happened, and every order.
func (l *Lists) holds(level listLevel) bool {
	var doubtful []int
	for t, s := range l.state {
		if s == history.Unknown {
			doubtful = append(doubtful, t)
		}
	}
	for with := range 1 << len(doubtful) {
		l.txns, l.of = nil, make([]int, len(l.h.Ops))
		for i := range l.of {
			l.of[i] = -1
		}
		for t, s := range l.state {
			if n := slices.Index(doubtful, t); s == history.Failed || n >= 0 && with>>n&1 == 0 {
				continue
			}
			for _, i := range l.all[t] {
				l.of[i] = len(l.txns)
			}
			l.txns = append(l.txns, l.all[t])
		}
		if level.repeats && !l.repeat() {
			return false
		}
		found, must := false, l.ordered(level)
		permute(identity(len(l.txns)), 0, func(order []int) { found = found || l.fits(level, must, order) })
		if found {
			return true
		}
	}
	return false
}

// committed reports whether what the transaction read counts.
func (l *Lists) committed(t int) bool { return l.state[l.index(t)] == history.OK }

func (l *Lists) index(t int) int {
	return slices.IndexFunc(l.all, func(ops []int) bool { return ops[0] == l.txns[t][0] })
}

// reads calls do for each read that counts until it says no.
func (l *Lists) reads(do func(i int) bool) bool {
	for t, ops := range l.txns {
		for _, i := range ops {
			if l.committed(t) && l.h.Ops[i].Func == history.Read && !do(i) {
				return false
			}
		}
	}
	return true
}

func (l *Lists) list(i int) []history.Value {
	v, _ := l.h.Ops[i].Out.AsList()
	return v
}

// own returns what the transaction of a read had appended to the list by then, from a
// position on.
func (l *Lists) own(i, since int) (own []history.Value) {
	for _, j := range l.txns[l.of[i]] {
		if w := &l.h.Ops[j]; j > since && j < i && w.Func != history.Read && w.Key == l.h.Ops[i].Key {
			own = append(own, w.Arg)
		}
	}
	return own
}

func sameValues(a, b []history.Value) bool { return slices.EqualFunc(a, b, history.Value.Equal) }

// base is what a read shows of others; false if it does not end with its own.
func (l *Lists) base(i int) ([]history.Value, bool) {
	list, own := l.list(i), l.own(i, -1)
	if len(list) < len(own) || !sameValues(list[len(list)-len(own):], own) {
		return nil, false
	}
	return list[:len(list)-len(own)], true
}

// repeat reports whether each list that is read again has changed by own appends only.
func (l *Lists) repeat() bool {
	return l.reads(func(i int) bool {
		last := -1
		for _, j := range l.txns[l.of[i]] {
			if j < i && l.h.Ops[j].Func == history.Read && l.h.Ops[j].Key == l.h.Ops[i].Key {
				last = j
			}
		}
		return last < 0 || sameValues(l.list(i), append(slices.Clone(l.list(last)), l.own(i, last)...))
	})
}

// itemCut demands the same, and that everything that is read was appended by somebody.
func (l *Lists) itemCut() bool {
	l.txns, l.of = nil, make([]int, len(l.h.Ops))
	for t, s := range l.state {
		if s == history.OK {
			for _, i := range l.all[t] {
				l.of[i] = len(l.txns)
			}
			l.txns = append(l.txns, l.all[t])
		}
	}
	return l.repeat() && l.reads(func(i int) bool {
		return !slices.ContainsFunc(l.list(i), func(v history.Value) bool { return l.appended(l.h.Ops[i].Key, v) < 0 })
	})
}

// appended returns the position of the append of an element, -1 if there is none.
func (l *Lists) appended(key string, v history.Value) int {
	return slices.IndexFunc(l.h.Ops, func(o history.Op) bool { return o.Func != history.Read && o.Key == key && o.Arg.Equal(v) })
}

// readBy reports whether b shows an element of another transaction a in a read before a
// position.
func (l *Lists) readBy(a, b, end int) bool {
	if a == b || !l.committed(b) {
		return false
	}
	for _, i := range l.txns[b] {
		if i >= end || l.h.Ops[i].Func != history.Read {
			continue
		}
		base, _ := l.base(i)
		for _, v := range base {
			if w := l.appended(l.h.Ops[i].Key, v); w >= 0 && l.of[w] == a {
				return true
			}
		}
	}
	return false
}

func (l *Lists) inSession(a, b int) bool {
	first, second := l.txns[a], l.txns[b]
	return l.committed(a) && first[len(first)-1] < second[0] && l.h.Ops[first[0]].Session == l.h.Ops[second[0]].Session
}

func (l *Lists) past() [][]bool {
	n := len(l.txns)
	past := matrix(n)
	for a := range n {
		for b := range n {
			past[a][b] = l.readBy(a, b, len(l.h.Ops)) || l.inSession(a, b)
		}
	}
	closeUnder(past)
	return past
}

func (l *Lists) inPrefix(w, t int, rank []int, sessions bool) bool {
	for m := range l.txns {
		if rank[w] <= rank[m] && (l.readBy(m, t, len(l.h.Ops)) || sessions && l.inSession(m, t)) {
			return true
		}
	}
	return false
}

func (l *Lists) inConflict(w, t int, rank []int) bool {
	for m := range l.txns {
		if rank[w] > rank[m] || rank[m] >= rank[t] {
			continue
		}
		for _, i := range l.txns[m] {
			if l.h.Ops[i].Func != history.Read && l.writes(t, l.h.Ops[i].Key) {
				return true
			}
		}
	}
	return false
}

func (l *Lists) writes(t int, key string) bool {
	return slices.ContainsFunc(l.txns[t], func(i int) bool { return l.h.Ops[i].Func != history.Read && l.h.Ops[i].Key == key })
}

func (l *Lists) span(t int) (begin, end int64) {
	begin, end = l.h.Ops[l.txns[t][0]].Call, l.h.Ops[l.txns[t][0]].Return
	for _, i := range l.txns[t] {
		begin, end = min(begin, l.h.Ops[i].Call), max(end, l.h.Ops[i].Return)
	}
	return begin, end
}

// ordered says which transactions must commit before which.
func (l *Lists) ordered(level listLevel) [][]bool {
	must := matrix(len(l.txns))
	for a := range l.txns {
		for b := range l.txns {
			_, aEnds := l.span(a)
			bBegins, _ := l.span(b)
			must[a][b] = level.sessions && l.inSession(a, b) || !level.dirty && l.readBy(a, b, len(l.h.Ops)) ||
				level.realTime && l.committed(a) && aEnds < bBegins
		}
	}
	return must
}

// fits reports whether a commit order is one of the level's.
func (l *Lists) fits(level listLevel, must [][]bool, order []int) bool {
	rank := make([]int, len(order))
	for r, t := range order {
		rank[t] = r
	}
	for a := range l.txns {
		for b := range l.txns {
			if must[a][b] && rank[a] > rank[b] {
				return false
			}
		}
	}
	return l.reads(func(i int) bool { return l.right(level, i, order, rank) })
}

// right reports whether a read returns a version, and one that has all that is visible.
func (l *Lists) right(level listLevel, i int, order, rank []int) bool {
	base, ok := l.base(i)
	if !ok {
		return false
	}
	key := l.h.Ops[i].Key
	if level.dirty {
		base = slices.DeleteFunc(slices.Clone(base), func(v history.Value) bool {
			w := l.appended(key, v)
			return w >= 0 && l.h.Ops[w].Outcome == history.Failed
		})
	}
	var version []history.Value
	exact := len(base) == 0
	for _, t := range order {
		for _, j := range l.txns[t] {
			if o := &l.h.Ops[j]; o.Func != history.Read && o.Key == key {
				version = append(version, o.Arg)
			}
		}
		exact = exact || len(version) == len(base)
	}
	if len(base) > len(version) || !sameValues(base, version[:len(base)]) || !exact && !level.dirty {
		return false
	}
	for _, v := range base {
		if l.of[l.appended(key, v)] == l.of[i] {
			return false
		}
	}
	for w := range l.txns {
		if w == l.of[i] || !l.writes(w, key) || !level.visible(l, w, i, rank) {
			continue
		}
		shown := slices.ContainsFunc(base, func(v history.Value) bool { return l.of[l.appended(key, v)] == w })
		if !shown {
			return false
		}
	}
	return true
}
