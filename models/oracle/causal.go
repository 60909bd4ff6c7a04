package oracle

import "github.com/joinery-go/joinery/linearizability/history"

// relation is "happens causally before" as a matrix over positions.
type relation struct {
	h      *history.History
	before [][]bool
	in     []bool  // the operation takes part
	from   [][]int // by read: the puts that it surely read
}

// Causal closes the causal order as a matrix and tries, for each session, every
// order of all puts and the session's reads that extends it.
func Causal(h *history.History) Answer {
	rel, verdict := newRelation(h)
	if verdict != Allowed {
		return verdict
	}
	for i := range h.Ops {
		if rel.before[i][i] {
			return Forbidden
		}
	}
	sessions := map[int]bool{}
	for i := range h.Ops {
		s := h.Ops[i].Session
		if sessions[s] {
			continue
		}
		sessions[s] = true
		var todo []int
		for j := range h.Ops {
			if o := &h.Ops[j]; rel.in[j] && (o.Func != history.Read || o.Session == s) {
				todo = append(todo, j)
			}
		}
		if !rel.someOrder(todo, nil) {
			return Forbidden
		}
	}
	return Allowed
}

// LatticeCausal demands of a tagged history that the causal order is a strict
// order, that each read saw exactly the puts on its object that precede it, and
// that it returned their join.
func LatticeCausal(h *history.History) Answer {
	rel, verdict := newRelation(h)
	if verdict != Allowed {
		return verdict
	}
	for i := range h.Ops {
		r := &h.Ops[i]
		if rel.before[i][i] {
			return Forbidden
		}
		if !rel.in[i] || r.Func != history.Read {
			continue
		}
		var visible []*history.Op
		for j := range h.Ops {
			if p := &h.Ops[j]; rel.in[j] && p.Func != history.Read && object(p) == object(r) && rel.before[j][i] {
				visible = append(visible, p)
			}
		}
		if !sawExactly(r, visible) || !isValueOf(r, visible) {
			return Forbidden
		}
	}
	return Allowed
}

func newRelation(h *history.History) (*relation, Answer) {
	n := len(h.Ops)
	rel := &relation{h: h, before: make([][]bool, n), in: make([]bool, n), from: make([][]int, n)}
	verdict := Allowed
	seen := make([]bool, n)
	for i := range h.Ops {
		rel.before[i] = make([]bool, n)
	}
	for i := range h.Ops {
		if h.Ops[i].Func == history.Read && h.Ops[i].Outcome == history.OK {
			from, a := sources(h, &h.Ops[i])
			if a == Forbidden || a == Ambiguous && verdict == Allowed {
				verdict = a
			}
			rel.from[i] = from
			for _, j := range from {
				seen[j] = true
				rel.before[j][i] = true
			}
		}
	}
	for i := range h.Ops {
		o := &h.Ops[i]
		guess := o.Outcome == history.Unknown && o.Func != history.Read
		rel.in[i] = o.Outcome == history.OK || guess && (seen[i] || o.Type == history.Counter && !h.Tagged)
	}
	for i := range h.Ops {
		for j := i + 1; j < n; j++ {
			if rel.in[i] && rel.in[j] && h.Ops[i].Session == h.Ops[j].Session && h.Ops[i].Outcome == history.OK {
				rel.before[i][j] = true
			}
		}
	}
	for k := range h.Ops {
		for i := range h.Ops {
			for j := range h.Ops {
				rel.before[i][j] = rel.before[i][j] || rel.before[i][k] && rel.before[k][j]
			}
		}
	}
	return rel, verdict
}

// sources returns the puts that a read surely read from.
func sources(h *history.History, r *history.Op) ([]int, Answer) {
	var from []int
	if h.Tagged {
		for _, t := range r.Saw {
			found := false
			for j := range h.Ops {
				p := &h.Ops[j]
				if p.Tag == t && p.Outcome != history.Failed && object(p) == object(r) {
					found = true
					from = append(from, j)
				}
			}
			if !found {
				return nil, Forbidden
			}
		}
		return from, Allowed
	}
	var values []history.Value
	switch r.Type {
	case history.Set:
		values, _ = r.Out.AsList()
	case history.Register:
		values = []history.Value{r.Out}
	}
	for _, v := range values {
		var writers []int
		for j := range h.Ops {
			p := &h.Ops[j]
			fits := p.Stamp == r.Stamp || p.Stamp == history.Stamp{} || r.Stamp == history.Stamp{} || r.Type == history.Set
			if p.Func != history.Read && p.Outcome != history.Failed && object(p) == object(r) && p.Arg.Equal(v) && fits {
				writers = append(writers, j)
			}
		}
		unwritten := r.Type == history.Register && v.IsNil()
		switch {
		case len(writers) == 0 && !unwritten:
			return nil, Forbidden
		case len(writers) > 1, len(writers) == 1 && unwritten:
			return nil, Ambiguous
		}
		from = append(from, writers...)
	}
	return from, Allowed
}

// someOrder reports whether the operations still to be ordered have a legal
// order after those done.
func (rel *relation) someOrder(todo, done []int) bool {
	reads := false
	for _, i := range todo {
		reads = reads || rel.h.Ops[i].Func == history.Read
	}
	if !reads {
		return true // any extension of the causal order will do, and there is one
	}
	for n, i := range todo {
		ready := true
		for _, j := range todo {
			ready = ready && !rel.before[j][i]
		}
		if !ready || rel.h.Ops[i].Func == history.Read && !rel.explains(i, done) {
			continue
		}
		rest := append(append([]int{}, todo[:n]...), todo[n+1:]...)
		if rel.someOrder(rest, append(done[:len(done):len(done)], i)) {
			return true
		}
	}
	return false
}

// explains reports whether the read returns what was done on its object.
func (rel *relation) explains(i int, done []int) bool {
	h, r := rel.h, &rel.h.Ops[i]
	var puts []*history.Op
	for _, j := range done {
		if p := &h.Ops[j]; p.Func != history.Read && object(p) == object(r) {
			puts = append(puts, p)
		}
	}
	if h.Tagged {
		return sawExactly(r, puts) && isValueOf(r, puts)
	}
	if r.Type != history.Register || stamped(h, object(r)) {
		return isValueOf(r, puts)
	}
	if len(puts) == 0 {
		return r.Out.IsNil()
	}
	return canWin(puts[len(puts)-1], r, nil)
}

func stamped(h *history.History, name string) bool {
	for i := range h.Ops {
		o := &h.Ops[i]
		bare := o.Stamp == history.Stamp{} && (o.Func != history.Read || !o.Out.IsNil())
		if object(o) == name && o.Outcome == history.OK && bare {
			return false
		}
	}
	return true
}
