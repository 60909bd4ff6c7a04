package linearizability

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// unions tells quickly that a set's value is the union of puts. The arguments of
// all adds are ranked once; a value in ascending order is the union exactly if it
// reads off the ranks of the puts. What it does not confirm is for models.Joins
// to decide, which it must agree with.
type unions struct {
	args []history.Value // by rank: the distinct arguments, ascending
	rank []int32         // by position in the history, of adds
	mark []int32         // by rank: the last call that met it
	call int32
}

func newUnions(h *history.History) (u unions) {
	var adds []int32
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Type == history.Set && o.Func == history.Add {
			adds = append(adds, int32(i))
		}
	}
	if len(adds) == 0 {
		return u
	}
	slices.SortFunc(adds, func(i, j int32) int { return h.Ops[i].Arg.Compare(h.Ops[j].Arg) })
	u.rank = make([]int32, len(h.Ops))
	u.args = make([]history.Value, 0, len(adds))
	for _, i := range adds {
		if n := len(u.args); n == 0 || !u.args[n-1].Equal(h.Ops[i].Arg) {
			u.args = append(u.args, h.Ops[i].Arg)
		}
		u.rank[i] = int32(len(u.args)) - 1
	}
	u.mark = make([]int32, len(u.args))
	return u
}

// wideUnion and four times the number of puts is how many arguments may lie between
// those of the puts for a look at all of them to be the quick way.
const wideUnion = 64

// joins reports that r is a set's read and its value, in ascending order, the
// union of the adds at these positions. It does not confirm what is too spread out
// to be told in O(puts).
func (u *unions) joins(r *history.Op, at []int) bool {
	if r.Type != history.Set || u.rank == nil && len(at) > 0 {
		return false
	}
	list, ok := r.Out.AsList()
	if !ok {
		return false
	}
	u.call++
	lo, hi := int32(len(u.args)), int32(-1)
	for _, i := range at {
		k := u.rank[i]
		u.mark[k] = u.call
		lo, hi = min(lo, k), max(hi, k)
	}
	if int(hi-lo) > wideUnion+4*len(at) {
		return false // others lie between; in a long history that is most of them
	}
	n := 0
	for k := lo; k <= hi; k++ {
		if u.mark[k] != u.call {
			continue
		}
		if n == len(list) || !list[n].Equal(u.args[k]) {
			return false
		}
		n++
	}
	return n == len(list)
}
