package linearizability

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

// step is a dependency of one transaction on another one, helpers left out.
type step struct {
	from, to int32
	kind     dependency
	about    int32
}

// steps joins the edges of a cycle, of which those from helpers go on from the ones
// before them.
func (g *listGraph) steps(edges []int32) []step {
	txns := int32(len(g.l.ops))
	for len(edges) > 0 && g.edges[edges[0]].from >= txns {
		edges = append(edges[1:], edges[0])
	}
	var all []step
	for _, i := range edges {
		e := &g.edges[i]
		if e.from >= txns {
			all[len(all)-1].to = e.to
			continue
		}
		all = append(all, step{e.from, e.to, e.kind, e.about})
	}
	return all
}

// anomaly names a cycle.
func (g *listGraph) anomaly(cycle []step) string {
	x := cycleShape{transactions: len(cycle), lostUpdate: g.lostUpdate(cycle)}
	lists := make(map[int32]bool)
	for n, s := range cycle {
		switch s.kind {
		case dependsRW:
			x.overwrites++
			x.adjacent = x.adjacent || cycle[(n+1)%len(cycle)].kind == dependsRW
			lists[g.l.reads[s.about].key] = true
		case dependsWR:
			x.reads++
		case dependsTime:
			x.realtime = true
		case dependsSession:
			x.process = true
		}
	}
	x.objects = len(lists)
	return x.name()
}

// lostUpdate reports whether a cycle is of two transactions that read one version of a
// list and both append to it.
func (g *listGraph) lostUpdate(cycle []step) bool {
	if len(cycle) != 2 {
		return false
	}
	a, b := cycle[0].from, cycle[1].from
	for _, r := range g.l.reads[g.l.from[a]:g.l.from[a+1]] {
		for _, q := range g.l.reads[g.l.from[b]:g.l.from[b+1]] {
			if r.key == q.key && r.base == q.base && g.l.appendOf(a, r.key) >= 0 && g.l.appendOf(b, r.key) >= 0 {
				return true
			}
		}
	}
	return false
}

// appendOf returns the first append of a transaction to a list, -1 if there is none.
func (l *lists) appendOf(t, key int32) int32 {
	for _, i := range l.ops[t] {
		if l.keyOf[i] == key && l.h.Ops[i].IsPut() {
			return i
		}
	}
	return -1
}

// told says a cycle in words.
func (g *listGraph) told(cycle []step) string {
	const most = 6
	var all []string
	for _, s := range cycle {
		all = append(all, g.toldStep(s))
	}
	if len(all) > most {
		all = append(all[:most], fmt.Sprintf("and %d more", len(all)-most))
	}
	return strings.Join(all, "; ") + "; so each of these transactions would have to come before itself"
}

func (g *listGraph) toldStep(s step) string {
	h, l := g.l.h, g.l
	first := func(t int32) int { return h.Ops[l.ops[t][0]].Index }
	last := func(t int32) int { return h.Ops[l.ops[t][len(l.ops[t])-1]].Index }
	switch s.kind {
	case dependsWW:
		second := &h.Ops[s.about]
		before := l.before(s.about, s.from)
		text := fmt.Sprintf("#%d appended %s to %q behind the %s of #%d", second.Index, second.Arg, second.Key, h.Ops[before].Arg, h.Ops[before].Index)
		if show := g.shows(s); show >= 0 {
			return text + fmt.Sprintf(" (#%d returned %s)", h.Ops[show].Index, h.Ops[show].Out)
		}
		return text
	case dependsWR:
		r := &l.reads[s.about]
		w := l.keys[r.key].order[r.base-1]
		return fmt.Sprintf("#%d read %s in %q, which #%d had appended", h.Ops[r.pos].Index, h.Ops[w].Arg, h.Ops[r.pos].Key, h.Ops[w].Index)
	case dependsRW:
		r := &l.reads[s.about]
		w := l.overwriter(r, s.to)
		return fmt.Sprintf("#%d read %q as %s, still without the %s that #%d appended", h.Ops[r.pos].Index, h.Ops[r.pos].Key, h.Ops[r.pos].Out, h.Ops[w].Arg, h.Ops[w].Index)
	case dependsSession:
		return fmt.Sprintf("#%d followed #%d in session %s", first(s.to), last(s.from), h.Ops[l.ops[s.to][0]].SessionName())
	case dependsTime:
		return fmt.Sprintf("#%d began after #%d had ended", first(s.to), last(s.from))
	}
	return ""
}

// before returns the append of a transaction behind which another one is.
func (l *lists) before(w, t int32) int32 {
	k := &l.keys[l.keyOf[w]]
	place := int(l.place[w])
	if place < 0 {
		place = len(k.order)
	}
	for n := place - 1; n >= 0; n-- {
		if l.of[k.order[n]] == t {
			return k.order[n]
		}
	}
	return l.appendOf(t, l.keyOf[w])
}

// overwriter returns the append of a transaction that a read does not show.
func (l *lists) overwriter(r *listRead, t int32) int32 {
	k := &l.keys[r.key]
	if int(r.base) < len(k.order) && l.of[k.order[r.base]] == t {
		return k.order[r.base]
	}
	return l.appendOf(t, r.key)
}

// shows returns a read that shows the order of two appends: of both, or of the first
// where no read shows the second; -1 if there is none.
func (g *listGraph) shows(s step) int32 {
	l := g.l
	w := s.about
	if l.place[w] < 0 {
		w = l.before(w, s.from)
	}
	need := l.place[w] + 1
	found := l.keys[l.keyOf[w]].shows
	for n := range l.reads {
		if r := &l.reads[n]; r.key == l.keyOf[w] && r.base >= need && (r.txn == s.from || r.txn == s.to) {
			return r.pos
		}
	}
	return found
}

// witness returns the positions of the operations of a cycle, and of those that show the
// order of what it rests on.
func (g *listGraph) witness(cycle []step) []int {
	var at []int
	for _, s := range cycle {
		for _, i := range g.l.ops[s.from] {
			at = append(at, int(i))
		}
		if s.kind == dependsWW {
			if show := g.shows(s); show >= 0 {
				at = append(at, int(show))
			}
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// updatedAborted reports whether a read shows an element that committed behind one that
// aborted, by which the aborted state lives on.
func (l *lists) updatedAborted(w int32, r *listRead) bool {
	list, _ := l.h.Ops[r.pos].Out.AsList()
	at := slices.IndexFunc(list, func(v history.Value) bool { return v.Equal(l.h.Ops[w].Arg) })
	return slices.ContainsFunc(list[at+1:], func(v history.Value) bool {
		j := l.element(r.key, v)
		return j >= 0 && l.of[j] != r.txn && l.state[l.of[j]] != history.Failed
	})
}

// appendsLater returns the position of another append of the same transaction to the
// same list later on, -1 if there is none.
func (l *lists) appendsLater(w int32) int32 {
	for _, j := range l.ops[l.of[w]] {
		if j > w && l.keyOf[j] == l.keyOf[w] && l.h.Ops[j].IsPut() {
			return j
		}
	}
	return -1
}
