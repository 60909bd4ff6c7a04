package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// latticeLinearChecker judges linearizability of tagged lattice values, exactly
// and in polynomial time: joins commute, so an order of the operations is an
// order in which reads see ever larger sets of puts.
func latticeLinearChecker() checker {
	return checker{
		ModelInfo: ModelInfo{
			Name:       "lattice-linearizable",
			Doc:        "what reads of an object see forms a chain that agrees with real time, and is joined",
			Complexity: "O(n·log n + tags seen)",
			Needs:      "a tagged history of registers, sets, counters",
		},
		judge:  latticeLinear,
		reduce: models.Causal().Reduce,
	}
}

const byChain = "chain of visible sets, since tags tell them"

// latticeLinear is the check without shrinking. An object is linearizable iff
//
//   - no read saw a put that was called after it returned;
//   - each read saw all puts that had returned when it was called;
//   - a read that saw a put saw the puts that had returned when that was called;
//   - of two reads one saw all that the other saw, and the one that returned
//     before the other was called saw no more;
//   - values are joins.
//
// Then the puts, each in front of the first read that saw it, make an order.
func latticeLinear(m *meter, h *history.History) (result, error) {
	if err := replicatedOnly("lattice-linearizable", h); err != nil {
		return result{}, err
	}
	if !h.Tagged {
		return result{status: Inconclusive, method: byChain, reason: "the history carries no tags"}, nil
	}
	v, r := seeTags(m, h)
	if r.status != OK {
		return r, nil
	}
	reads, puts := make([][]int32, len(v.byKey)), make([][]int32, len(v.byKey))
	for n := range int32(len(v.pos)) {
		if v.op(n).IsPut() {
			puts[v.key[n]] = append(puts[v.key[n]], n)
		} else {
			reads[v.key[n]] = append(reads[v.key[n]], n)
		}
	}
	for k := range reads {
		if r := v.chainOf(reads[k], puts[k]); r.status != OK {
			return r, nil
		}
	}
	return result{status: OK, method: byChain}, nil
}

// chainOf judges one object. Reads are taken by the number of puts they saw; on
// the way, layer says in front of which read a put comes.
func (v *visibility) chainOf(reads, puts []int32) result {
	bad := func(reason string, nodes ...int32) result {
		witness := v.positions(nodes...)
		slices.Sort(witness)
		return result{status: Violation, method: byChain, witness: slices.Compact(witness), reason: reason}
	}
	badPair := func(format string, a, b int32) result {
		return bad(fmt.Sprintf(format, v.op(a).Index, v.op(b).Index), a, b)
	}
	slices.SortStableFunc(reads, func(a, b int32) int { return cmp.Compare(len(v.saw[a]), len(v.saw[b])) })
	layer := make(map[int32]int, len(puts))
	for i, n := range reads {
		if v.m.mustStop(8 * len(v.saw[n])) {
			return result{status: Undecided}
		}
		if i > 0 && len(v.saw[n]) == len(v.saw[reads[i-1]]) && slices.Equal(v.saw[n], v.saw[reads[i-1]]) {
			continue
		}
		if i > 0 {
			if m := firstMissing(v.saw[reads[i-1]], v.saw[n]); m >= 0 {
				return badPair("reads #%d and #%d each saw a put that the other did not, or as many", reads[i-1], n)
			}
		}
		for _, m := range v.saw[n] {
			if _, placed := layer[m]; !placed {
				layer[m] = i
			}
		}
	}
	nodes := make([]placed, 0, len(reads)+len(puts))
	for i, n := range reads {
		if v.m.mustStop(8 * len(v.saw[n])) {
			break
		}
		first := i // of the reads that saw the same
		if i > 0 && len(v.saw[n]) == len(v.saw[reads[i-1]]) {
			first = nodes[i-1].layer / 2
		}
		nodes = append(nodes, placed{n, 2*first + 1})
		var seen []*history.Op
		for _, m := range v.saw[n] {
			if v.op(m).Call > v.op(n).Return {
				return badPair("read #%d saw put #%d, which was called later", n, m)
			}
			seen = append(seen, v.op(m))
		}
		if !models.Joins(v.op(n), seen) {
			return bad(fmt.Sprintf("the value of read #%d is not the join of the puts it saw", v.op(n).Index), n)
		}
	}
	for _, m := range puts {
		at, seen := layer[m]
		if !seen {
			at = len(reads)
		}
		nodes = append(nodes, placed{m, 2 * at})
	}
	if a, b, against := v.againstTime(nodes); against {
		return badPair("#%d had returned when #%d was called, but comes after it by what reads saw", a, b)
	}
	return result{status: OK}
}

// placed is an operation and its place in the order that reads impose: puts at
// even layers in front of the reads, at odd ones, that first saw them.
type placed struct {
	node  int32
	layer int
}

// againstTime looks for two operations of which one returned before the other
// was called and yet lies in a later layer: by time of call, against the latest
// layer among those that had returned.
func (v *visibility) againstTime(nodes []placed) (a, b int32, found bool) {
	byCall := slices.Clone(nodes)
	slices.SortStableFunc(byCall, func(x, y placed) int { return cmp.Compare(v.op(x.node).Call, v.op(y.node).Call) })
	byReturn := slices.Clone(nodes)
	slices.SortStableFunc(byReturn, func(x, y placed) int { return cmp.Compare(effect(v.op(x.node)), effect(v.op(y.node))) })
	latest := placed{layer: math.MinInt}
	done := 0
	for _, o := range byCall {
		for done < len(byReturn) && effect(v.op(byReturn[done].node)) < v.op(o.node).Call {
			if byReturn[done].layer > latest.layer {
				latest = byReturn[done]
			}
			done++
		}
		if latest.layer > o.layer {
			return latest.node, o.node, true
		}
	}
	return 0, 0, false
}
