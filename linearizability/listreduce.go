package linearizability

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// reduceLists tells how to shrink a history of lists: a read forgets the elements whose
// appends are gone, so that it needs none of them. Transactions keep what anchors says.
func reduceLists(h *history.History) models.Reduction {
	appends := make(map[written]int32)
	keys := make(map[string]int32)
	keyOf := func(o *history.Op) int32 {
		if _, known := keys[o.Key]; !known {
			keys[o.Key] = int32(len(keys))
		}
		return keys[o.Key]
	}
	twice := make(map[written][]int32)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.IsPut() {
			w := writtenTo(keyOf(o), o.Arg)
			if first, again := appends[w]; again {
				if twice[w] == nil {
					twice[w] = []int32{first}
				}
				twice[w] = append(twice[w], int32(i))
			}
			appends[w] = int32(i)
		}
	}
	keep := anchors(h)
	support := func(i int) (need []int) {
		o := &h.Ops[i]
		for _, j := range keep[txnName{o.Session, o.Txn}] {
			if j != i {
				need = append(need, j)
			}
		}
		return need
	}
	gone := func(in map[int32]struct{}, w written) bool {
		if all := twice[w]; all != nil {
			return !slices.ContainsFunc(all, func(i int32) bool { _, here := in[i]; return here })
		}
		i, known := appends[w]
		if !known {
			return false
		}
		_, here := in[i]
		return !here
	}
	restrict := func(kept []int) *history.History {
		sub := &history.History{Name: h.Name, Untimed: h.Untimed, Ops: make([]history.Op, 0, len(kept))}
		in := make(map[int32]struct{}, len(kept))
		for _, i := range kept {
			in[int32(i)] = struct{}{}
			sub.Ops = append(sub.Ops, h.Ops[i])
		}
		for i := range sub.Ops {
			o := &sub.Ops[i]
			list, isList := o.Out.AsList()
			if o.IsPut() || !isList {
				continue
			}
			key := keyOf(o)
			o.Out = history.List(slices.DeleteFunc(slices.Clone(list), func(v history.Value) bool { return gone(in, writtenTo(key, v)) })...)
		}
		return sub
	}
	return models.Reduction{Support: support, Restrict: restrict}
}

// inTime is a reduction where real time counts too: a transaction that lost operations
// lasts as long as it did, since a shorter one would come before and after more. A
// witness has the times of the history, which only makes it worse.
func inTime(h *history.History, r models.Reduction) models.Reduction {
	restrict, lasted := r.Restrict, intervals(h)
	r.Restrict = func(kept []int) *history.History {
		sub := restrict(kept)
		for name, ends := range intervals(sub) { //joinery:anyorder each has operations of its own
			sub.Ops[ends[0]].Call = h.Ops[lasted[name][0]].Call
			sub.Ops[ends[1]].Return = h.Ops[lasted[name][1]].Return
		}
		return sub
	}
	return r
}
