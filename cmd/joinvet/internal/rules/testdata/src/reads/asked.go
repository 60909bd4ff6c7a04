package reads

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

type Set = map[string]struct{}

func antijoin(tomb flow.State[Set], marks flow.State[map[string]bool], ids []string, use func(string)) {
	dead, _ := flow.Read(tomb)
	for _, id := range ids {
		_, gone := dead[id]
		if !gone { // want `!gone is not monotone`
			use(id)
		}
		if _, gone := dead[id]; gone { // want `!gone is not monotone`
			continue
		}
		use(id)
	}
	marked, _ := flow.Read(marks)
	for _, id := range ids {
		if !marked[id] { // want `!marked\[id\] is not monotone`
			use(id)
		}
	}
	slices.DeleteFunc(ids, func(id string) bool {
		if _, ok := dead[id]; !ok { // want `!ok is not monotone`
			return false
		}
		return true
	})
}

func computed(n flow.State[int], m flow.State[Set], keys []string, use func()) {
	v, _ := flow.Read(n)
	if !(v >= 3) { // want `v is compared by the opposite of >=`
		use()
	}
	if !(v > 9 && v > 3) { // want `opposite of >` `opposite of >`
		use()
	}
	if v%2 == 0 { // want `v % 2 is compared by ==`
		use()
	}
	if v&1 > 0 { // want `v & 1 is compared by >`
		use()
	}
	if 10-v > 3 { // want `10 - v is compared by >`
		use()
	}
	if int64(v)*2 < 9 { // want `int64\(v\) \* 2 is compared by <`
		use()
	}
	p := &v
	if *p != 7 { // want `compared by !=`
		use()
	}
	set, _ := flow.Read(m)
	if size := len(set); size < 3 { // want `size is compared by <`
		use()
	}
	known := slices.Sorted(maps.Keys(set))
	if !slices.Contains(known, "x") { // want `!slices.Contains\(known, "x"\) is not monotone`
		use()
	}
	if slices.Equal(known, keys) || reflect.DeepEqual(set, keys) { // want `slices.Equal\(known, keys\) is not monotone` `DeepEqual`
		use()
	}
	if v == 3 { // want `v is compared by ==`
		return
	}
	for i := range keys {
		if v >= i { // want `v is compared by the opposite of >=`
			continue
		}
		use()
	}
	sorted := slices.SortedFunc(maps.Keys(set), strings.Compare)
	if len(sorted) < 3 { // want `len\(sorted\) is compared by <`
		use()
	}
}

func lattices(g flow.Delta[int], sets flow.Delta[Set], flags flow.Delta[bool], pairs flow.Delta[lattice.Pair[int, int]]) bool {
	least, _ := flow.Read(flow.Fold(g, lattice.Min[int]()))
	if least >= 3 { // want `least is compared by >=`
		return false
	}
	all, _ := flow.Read(flow.Fold(flags, lattice.And()))
	if all { // want `all is not monotone`
		return false
	}
	both := flow.Debounce(flow.Fold(pairs, lattice.PairOf(lattice.Min[int](), lattice.Max[int]())), 3).Named("both")
	span, _ := flow.Read(both)
	if span.First > 3 || span.Second < 4 { // want `span.First is compared by >` `span.Second is compared by <`
		return false
	}
	common, _ := flow.Read(flow.Fold(sets, lattice.IntersectOf[string]()))
	_, in := common["x"]
	return in // it is handed on
}

type watcher struct{ hit bool }

func (w *watcher) changed(v int) {
	if v == 3 { // want `v is compared by ==`
		w.hit = true
	}
}

func (w *watcher) watch(n flow.State[int]) { flow.Subscribe(n, w.changed) }

// What follows is monotone, complete, or not of a state.

type view struct{ low flow.State[int] }

func newView(d flow.Delta[int]) *view { return &view{low: flow.Fold(d, lattice.Min[int]())} }

func (w *view) under(limit int) bool {
	v, ok := flow.Read(w.low)
	return ok && v < limit && !(v >= limit)
}

func asked(n flow.State[int], m flow.State[Set], d flow.Delta[lattice.Pair[int, int]], id string, use func()) bool {
	v, _ := flow.Read(n)
	set, _ := flow.Read(m)
	if !(v < 3) || v/2 > 3 || 3-v < 0 || slices.Contains(slices.Collect(maps.Keys(set)), id) {
		use()
	}
	if _, seen := set[id]; seen {
		return true
	}
	span, _ := flow.Read(flow.Fold(d, lattice.PairOf(lattice.Min[int](), lattice.Max[int]())))
	return span.First < 3 && span.Second > 4
}

func early(n flow.State[int], use func()) {
	flow.Subscribe(n, func(v int) {
		if v < 3 {
			return
		}
		use()
	})
}

func patient(n flow.State[int], sleep func()) {
	for {
		v, ok := flow.Read(n)
		if ok && v >= 3 {
			return
		}
		sleep()
	}
}

func over[T any](n flow.State[T]) bool { return flow.Complete(n) }

func askedElsewhere(n flow.State[int]) bool {
	if !over(n) {
		return false
	}
	v, _ := flow.Read(n)
	return v == 3
}

func inParallel(ctx context.Context, s *flow.Scheduler, n flow.State[int]) bool {
	errs := make(chan error, 1)
	go func() { errs <- s.Run(ctx) }()
	select {
	case <-errs:
		v, _ := flow.Read(n)
		return v == 3
	case <-ctx.Done():
		return false
	}
}

func again(n flow.State[int]) bool {
	v, _ := flow.Read(n)
	w := v
	w = 3
	return w == 3
}
