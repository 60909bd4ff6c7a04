package linearizability

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// latticePRAMChecker judges PRAM of tagged lattice values (Lipton and Sandberg 1988),
// which is read your writes, monotonic reads and monotonic writes together, over all
// objects: each session sees the puts of each other one in their order, and its own at
// once. Joins commute, so a view of a session is told by which puts come before each of
// its reads, and the least such sets do:
//
//   - those that the read and the session's earlier reads saw, of whatever object;
//   - the session's own earlier ones;
//   - and of every session those that come before one of these.
//
// The history is PRAM iff no read has a later put of its own session among them, each saw
// exactly those on its object, and values are joins.
func latticePRAMChecker() checker {
	return checker{
		ModelInfo: ModelInfo{
			Name:       "lattice-pram",
			Doc:        "each session sees the puts of every session in their order, its own at once, and their join",
			Complexity: "O(tags seen + n·s·log n), n operations, s sessions",
			Needs:      "a tagged history of registers, sets, counters",
		},
		judge:  latticePRAM,
		reduce: models.Causal().Reduce,
	}
}

// latticePRAM is the check without shrinking.
func latticePRAM(m *meter, h *history.History) (result, error) {
	if err := replicatedOnly("lattice-pram", h); err != nil {
		return result{}, err
	}
	if !h.Tagged {
		return result{status: Inconclusive, method: byVisibility, reason: "without tags it cannot be seen which puts a read includes"}, nil
	}
	v, r := seeTags(m, h)
	if r.status != OK {
		return r, nil
	}
	w := &pramView{visibility: v, seen: make([]int32, len(v.chains)), unions: newUnions(h)}
	for c := range int32(len(v.chains)) {
		w.met = make([]int32, len(v.chains))
		for _, n := range v.chains[c] {
			if v.op(n).IsPut() {
				continue
			}
			if m.mustStop(8*len(v.saw[n]) + len(v.byKey[v.key[n]])) {
				return result{status: Undecided, method: byVisibility}, nil
			}
			if r := w.read(n); r.status != OK {
				return r, nil
			}
		}
	}
	return result{status: OK, method: byVisibility}, nil
}

// pramView is how far the view of one session has come.
type pramView struct {
	*visibility
	met    []int32 // by chain: how many of its nodes come before the session's last read
	seen   []int32 // scratch: how many puts of a chain a read saw
	unions unions
	puts   []*history.Op
	at     []int
}

// read takes the session's next read.
func (w *pramView) read(n int32) result {
	r, c := w.op(n), w.chain[n]
	broken := func(format string, args ...any) result {
		return result{status: Violation, method: byVisibility, reason: fmt.Sprintf(format, args...)}
	}
	w.met[c] = max(w.met[c], w.rank[n])
	w.puts, w.at = w.puts[:0], w.at[:0]
	for _, m := range w.saw[n] {
		w.met[w.chain[m]] = max(w.met[w.chain[m]], w.rank[m]+1)
		if p := w.parent[m]; p >= 0 {
			w.met[w.chain[p]] = max(w.met[w.chain[p]], w.rank[p]+1)
		}
		w.puts, w.at = append(w.puts, w.op(m)), append(w.at, int(w.pos[m]))
	}
	if w.met[c] > w.rank[n] {
		return broken("read #%d sees what its session puts only later", r.Index)
	}
	for _, m := range w.saw[n] {
		w.seen[w.chain[m]]++
	}
	on, missed := w.byKey[w.key[n]], int32(-1)
	for i := range on {
		due, _ := slices.BinarySearch(on[i].rank, w.met[on[i].chain])
		if int(w.seen[on[i].chain]) < due && missed < 0 {
			missed = w.firstUnseen(n, &on[i], due)
		}
	}
	for _, m := range w.saw[n] {
		w.seen[w.chain[m]] = 0
	}
	switch {
	case missed >= 0:
		return broken("read #%d does not include put #%d, which comes before what its session has seen, or written", r.Index, w.op(missed).Index)
	case !w.unions.joins(r, w.at) && !models.Joins(r, w.puts):
		return broken("the value of read #%d is not the join of the puts it saw", r.Index)
	}
	return result{status: OK}
}
