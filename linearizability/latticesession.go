package linearizability

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// latticeSessionCheckers are the session guarantees for lattice values, judged
// object by object over what reads saw.
func latticeSessionCheckers() []checker {
	row := func(name, doc, needs string, set guarantees) checker {
		return checker{
			ModelInfo: ModelInfo{Name: name, Doc: doc, Complexity: "O(tags seen)", Needs: needs},
			judge:     func(m *meter, h *history.History) (result, error) { return latticeSession(m, set, name, h) },
			reduce:    models.Causal().Reduce,
		}
	}
	const tagged, either = "a tagged history of registers, sets, counters", "registers, sets, counters; tags, or sets and stamped registers"
	return []checker{
		row("lattice-ryw", "a read includes the puts that its session had made on the object", either, readYourWrites),
		row("lattice-mr", "a read includes what its session's earlier reads of the object did", either, monotonicReads),
		row("lattice-mw", "a read that includes a put includes those its session had made on the object before", tagged, monotonicWrites),
		row("lattice-wfr", "a read that includes a put includes what the put's session had read of the object before", tagged+"; O(tags² a read)", writesFollowReads),
	}
}

const byVisibility = "visible sets, as tags or values tell them"

// latticeSession judges one guarantee.
func latticeSession(m *meter, guarantee guarantees, model string, h *history.History) (result, error) {
	if err := replicatedOnly(model, h); err != nil {
		return result{}, err
	}
	if !h.Tagged {
		return sessionValues(guarantee, h), nil
	}
	v, r := seeTags(m, h)
	if r.status != OK {
		return r, nil
	}
	s := &sessionSight{visibility: v, readBefore: make(map[int32][]int32), seenBy: make([]int32, len(v.pos))}
	if guarantee == writesFollowReads {
		s.gatherReads()
	}
	latest := make(map[[2]int32]int32) // session and object -> 1 + latest read
	for n := range int32(len(v.pos)) {
		r := v.op(n)
		if r.IsPut() {
			continue
		}
		if m.mustStop(8*len(v.saw[n]) + len(v.byKey[v.key[n]])) {
			break
		}
		for _, m := range v.saw[n] {
			s.seenBy[m] = n + 1
		}
		missed := int32(-1)
		switch guarantee {
		case readYourWrites:
			missed = s.missingUpTo(n, v.chain[n], v.rank[n])
		case monotonicReads:
			at := [2]int32{v.chain[n], v.key[n]}
			if before := latest[at]; before > 0 {
				missed = s.missing(n, v.saw[before-1])
			}
			latest[at] = n + 1
		case monotonicWrites:
			missed = s.earlierMissing(n)
		case writesFollowReads:
			missed = s.readMissing(n)
		}
		if missed >= 0 {
			return result{status: Violation, method: byVisibility, reason: fmt.Sprintf(
				"read #%d does not include put #%d", r.Index, v.op(missed).Index)}, nil
		}
	}
	return result{status: OK, method: byVisibility}, nil
}

// sessionSight is visibility with, by put, what its session had read of the
// object before it, and 1 + the read that saw it last of those looked at.
type sessionSight struct {
	*visibility
	readBefore map[int32][]int32
	seenBy     []int32
}

// missing returns the first of these puts that n did not see, or -1.
func (s *sessionSight) missing(n int32, puts []int32) int32 {
	for _, m := range puts {
		if s.seenBy[m] != n+1 {
			return m
		}
	}
	return -1
}

// missingUpTo returns the first put of the chain on n's object, of those within
// its first count nodes, that n did not see; or -1.
func (s *sessionSight) missingUpTo(n, chain, count int32) int32 {
	on := s.byKey[s.key[n]]
	at, found := slices.BinarySearchFunc(on, chain, func(w writers, c int32) int { return cmp.Compare(w.chain, c) })
	if !found {
		return -1
	}
	for _, rank := range on[at].rank {
		if rank >= count || s.m.mustStop(1) {
			break
		}
		if m := s.chains[chain][rank]; s.seenBy[m] != n+1 {
			return m
		}
	}
	return -1
}

// earlierMissing returns a put that n did not see although it saw a later one of
// the same session. Of each session the last one that it saw is enough.
func (s *sessionSight) earlierMissing(n int32) int32 {
	last := make(map[int32]int32) // chain -> rank
	for _, m := range s.saw[n] {
		last[s.chain[m]] = max(last[s.chain[m]], s.rank[m])
		if p := s.parent[m]; p >= 0 {
			last[s.chain[p]] = max(last[s.chain[p]], s.rank[p]+1)
		}
	}
	for _, m := range s.saw[n] { // in the order seen, so that the answer is always the same
		for _, c := range []int32{m, s.parent[m]} {
			if c < 0 {
				continue
			}
			if count, due := last[s.chain[c]]; due {
				delete(last, s.chain[c])
				if missed := s.missingUpTo(n, s.chain[c], count); missed >= 0 {
					return missed
				}
			}
		}
	}
	return -1
}

// gatherReads fills readBefore.
func (s *sessionSight) gatherReads() {
	so := make(map[[2]int32][]int32) // chain and object -> puts seen so far
	for n := range int32(len(s.pos)) {
		chain := s.chain[n]
		if p := s.parent[n]; p >= 0 {
			chain = s.chain[p]
		}
		at := [2]int32{chain, s.key[n]}
		if s.op(n).IsPut() {
			s.readBefore[n] = so[at]
			continue
		}
		seen := slices.Concat(so[at], s.saw[n])
		slices.Sort(seen)
		so[at] = slices.Compact(seen)
	}
}

// readMissing returns a put that n did not see although it saw one whose session
// had seen it.
func (s *sessionSight) readMissing(n int32) int32 {
	for _, m := range s.saw[n] {
		if missed := s.missing(n, s.readBefore[m]); missed >= 0 {
			return missed
		}
	}
	return -1
}

// firstMissing returns the first of some that is not among all, or -1.
func firstMissing(some, all []int32) int32 {
	in := make(map[int32]struct{}, len(all))
	for _, m := range all {
		in[m] = struct{}{}
	}
	for _, m := range some {
		if _, ok := in[m]; !ok {
			return m
		}
	}
	return -1
}

// notAbove says that a read does not show what its session had put or read before.
func notAbove(before, read *history.Op) string {
	switch shown, isSet := before.Out.AsList(); {
	case before.IsPut() && before.Func == history.Add:
		return fmt.Sprintf("read #%d does not show %s, which its session had added before (#%d)", read.Index, before.Arg, before.Index)
	case before.IsPut():
		return fmt.Sprintf("read #%d returned %s, which is not what its session had put before (#%d), nor anything newer", read.Index, read.Out, before.Index)
	case isSet && before.Type == history.Set:
		now, _ := read.Out.AsList()
		for _, v := range shown {
			if !slices.ContainsFunc(now, v.Equal) {
				return fmt.Sprintf("read #%d does not show %s, which its session had read before (#%d)", read.Index, v, before.Index)
			}
		}
	}
	return fmt.Sprintf("read #%d returned %s, which is older than what its session had read before (#%d)", read.Index, read.Out, before.Index)
}

// sessionValues judges the two guarantees that values alone can show: what was
// put, or read before, is below the value read. Sets and stamped registers have
// that order; elsewhere the history cannot say.
func sessionValues(guarantee guarantees, h *history.History) result {
	if guarantee&(readYourWrites|monotonicReads) == 0 {
		return result{status: Inconclusive, method: byVisibility, reason: "without tags it cannot be seen which puts a read includes"}
	}
	type place struct {
		session int
		object  objectID
	}
	earlier := make(map[place][]int)
	open := result{status: OK, method: byVisibility}
	for i := range h.Ops {
		o := &h.Ops[i]
		at := place{o.Session, objectID{o.Type, o.Key}}
		if o.Outcome != history.OK {
			continue
		}
		if !o.IsPut() {
			before, have := earlier[at], elements(o)
			if n := len(before); n > 0 && o.Type == history.Set && guarantee != readYourWrites {
				if below, _ := valueBelow(&h.Ops[before[n-1]], o, have); below {
					before = nil // the last of these reads shows what those before it do
				}
			}
			for _, j := range before {
				below, known := valueBelow(&h.Ops[j], o, have)
				if known && !below {
					return result{status: Violation, method: byVisibility, witness: []int{j, i}, reason: notAbove(&h.Ops[j], o)}
				}
				if !known && open.status == OK {
					open = result{status: Inconclusive, method: byVisibility,
						reason: fmt.Sprintf("#%d and #%d cannot be compared by value", h.Ops[j].Index, o.Index)}
				}
			}
		}
		if o.IsPut() == (guarantee == readYourWrites) {
			earlier[at] = append(earlier[at], i)
		}
	}
	return open
}

// elements are those of a set that a read returned, ascending.
func elements(r *history.Op) []history.Value {
	list, _ := r.Out.AsList()
	if r.Type != history.Set || slices.IsSortedFunc(list, history.Value.Compare) {
		return list
	}
	return slices.SortedFunc(slices.Values(list), history.Value.Compare)
}

// valueBelow reports whether what a put left, or a read returned, is below what
// the read r returned, whose elements have is; known is false where values do not tell.
func valueBelow(o, r *history.Op, have []history.Value) (below, known bool) {
	switch r.Type {
	case history.Set:
		want := []history.Value{o.Arg}
		if !o.IsPut() {
			want, _ = o.Out.AsList()
		}
		for _, w := range want {
			if _, found := slices.BinarySearchFunc(have, w, history.Value.Compare); !found {
				return false, true
			}
		}
		return true, true
	case history.Register:
		v := o.Arg
		if !o.IsPut() {
			if v = o.Out; v.IsNil() && !o.Stamp.Known() {
				return true, true
			}
		}
		if r.Out.IsNil() && !r.Stamp.Known() {
			return false, !v.IsNil()
		}
		if !o.Stamp.Known() || !r.Stamp.Known() {
			return false, false
		}
		c := o.Stamp.Compare(r.Stamp)
		return c < 0 || c == 0 && v.Compare(r.Out) <= 0, true
	}
	return false, false
}
