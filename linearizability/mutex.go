package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

const byDue = "what must have taken effect by each return, the earliest due first, since all acquires are alike and so are all releases"

// mutexChecker judges a mutex without owners, as Knossos has it: whoever asks acquires it
// if it is free, and whoever asks releases it if it is held. Package contract judges a lock
// that only its holder releases. A witness is everything that was called until it went
// wrong, since acquires and releases count each other.
func mutexChecker() checker {
	return checker{
		ModelInfo: ModelInfo{
			Name: "mutex", Doc: "linearizability of a mutex that anybody may release: acquires and releases take turns",
			Complexity: "O(n log n)", Needs: "locks with acquire and release",
		},
		judge: mutexes, own: true, realTime: true,
	}
}

// mutexes judges each by itself. Operations take effect as late as they may: when one
// returns, it must have; if the mutex is not as it needs it, one of the other kind must
// have before it, of those called so far the one that returns first, which loses nothing,
// as all of a kind do the same. There is an order iff this never lacks one. O(n log n).
func mutexes(m *meter, h *history.History) (result, error) {
	byKey := make(map[string]*mutex)
	var keys []string
	for i := range h.Ops {
		if m.mustStopAt(i) {
			return result{}, nil
		}
		o := &h.Ops[i]
		if o.Type != history.Lock || o.Func != history.Acquire && o.Func != history.Release {
			return result{}, unsupported("mutex", o)
		}
		if byKey[o.Key] == nil {
			byKey[o.Key] = &mutex{m: m, h: h}
			keys = append(keys, o.Key)
		}
		if o.Happened() {
			byKey[o.Key].ops = append(byKey[o.Key].ops, i)
		}
	}
	for _, k := range keys {
		if m.mustStop(lookEvery) {
			break
		}
		if r := byKey[k].judge(); r.status != OK {
			return r, nil
		}
	}
	return result{status: OK, method: byDue}, nil
}

// mutex is one of them.
type mutex struct {
	m    *meter
	h    *history.History
	ops  []int // positions, in the order of their calls
	held bool
	done map[int]bool
	wait [2][]int // called and not done, by kind: those that release, and those that acquire; by their returns
}

func (x *mutex) kind(i int) int {
	if x.h.Ops[i].Func == history.Acquire {
		return 1
	}
	return 0
}

func (x *mutex) judge() result {
	returns := slices.DeleteFunc(slices.Clone(x.ops), func(i int) bool { return x.h.Ops[i].Outcome == history.Unknown })
	sortLooking(x.m, returns, func(a, b int) int { return cmp.Compare(x.h.Ops[a].Return, x.h.Ops[b].Return) })
	x.done = make(map[int]bool)
	called := 0
	for n, i := range returns {
		if x.m.mustStopAt(n) {
			return result{}
		}
		for ; called < len(x.ops) && x.h.Ops[x.ops[called]].Call <= x.h.Ops[i].Return; called++ {
			x.call(x.ops[called])
		}
		if x.done[i] {
			continue
		}
		if x.held == (x.kind(i) == 1) && !x.take(1-x.kind(i)) {
			return x.stuck(i)
		}
		x.effect(i)
	}
	return result{status: OK, method: byDue}
}

// call has an operation wait.
func (x *mutex) call(i int) {
	k := x.kind(i)
	at, _ := slices.BinarySearchFunc(x.wait[k], effect(&x.h.Ops[i]), func(j int, t int64) int { return cmp.Compare(effect(&x.h.Ops[j]), t) })
	x.wait[k] = slices.Insert(x.wait[k], at, i)
}

// take has the operation of the kind that returns first take effect; false if none waits.
func (x *mutex) take(kind int) bool {
	for len(x.wait[kind]) > 0 {
		i := x.wait[kind][0]
		if x.wait[kind] = x.wait[kind][1:]; !x.done[i] {
			x.effect(i)
			return true
		}
	}
	return false
}

func (x *mutex) effect(i int) {
	x.done[i] = true
	x.held = x.kind(i) == 1
}

// since is the place in ops from which on operations bear on o: the last one at whose call
// nothing was under way, nor in doubt, and the mutex was free, as many having acquired it as
// released it.
func (x *mutex) since(o *history.Op) (from int) {
	held, over := 0, int64(math.MinInt64)
	for n, i := range x.ops {
		p := &x.h.Ops[i]
		if p.Call > o.Call || p.Outcome == history.Unknown {
			break
		}
		if held == 0 && over < p.Call {
			from = n
		}
		held += 2*x.kind(i) - 1
		over = max(over, p.Return)
	}
	return from
}

// stuck is the violation that i returned, and nothing called by then lets it take effect.
func (x *mutex) stuck(i int) result {
	o := &x.h.Ops[i]
	var witness []int
	last := -1
	from := x.since(o)
	for n, j := range x.ops {
		if x.h.Ops[j].Call <= o.Return && n >= from {
			witness = append(witness, j)
		}
		if x.done[j] && (last < 0 || x.h.Ops[j].Return > x.h.Ops[last].Return) && x.kind(j) == x.kind(i) {
			last = j
		}
	}
	// To take any of them away may make wrong what was right.
	r := result{status: Violation, method: byDue, witness: witness, minimal: true}
	switch {
	case o.Func == history.Release && last < 0:
		r.reason = fmt.Sprintf("lock %q: #%d released it, and nobody had called acquire", o.Key, o.Index)
	case o.Func == history.Release:
		r.reason = fmt.Sprintf("lock %q: #%d released it after as many others as had called acquire, #%d the last of them", o.Key, o.Index, x.h.Ops[last].Index)
	default:
		r.reason = fmt.Sprintf("lock %q: #%d acquired it, which #%d had done, and no release called by then is left", o.Key, o.Index, x.h.Ops[last].Index)
	}
	return r
}
