package linearizability

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// latticeCausalChecker judges causal consistency of lattice values exactly and
// in polynomial time. Joins commute and reads are pure, so the three usual
// notions of causal consistency collapse into one: with co the transitive
// closure of session order and visibility (p → r for every put p that r saw),
//
//   - co is acyclic;
//   - the puts on k that a read of k saw are all those on k causally before it;
//   - the value of a read is the join of the puts it saw.
//
// An indeterminate put that nobody saw did not happen. One that was seen comes
// after what its session did before, but is before nothing that the session did
// later, unless that saw it: the client never learned of it.
//
// Without tags the check is sound and not complete, see untagged.go.
func latticeCausalChecker() checker {
	return checker{
		ModelInfo: ModelInfo{
			Name:       "lattice-causal",
			Doc:        "reads see every put on their object that happened causally before, and return the join",
			Complexity: "O(tags seen + n·s·log n), n operations, s sessions; untagged: polynomial where values force what was seen, else porcupine",
			Needs:      "registers, sets, counters; tags for an exact verdict",
		},
		judge:  latticeCausal,
		reduce: models.Causal().Reduce, // the same reads rest on the same puts
	}
}

const byVectorClocks = "vector clocks, since tags tell what was seen"

// visibility is a tagged history in compact form: accesses, whose edges beside
// session order lead from each put to the reads that saw it.
type visibility struct {
	*accesses
	tags tagIndex
	node []int32   // by position: its node, -1 if it takes no part
	saw  [][]int32 // by node, of reads: the puts seen
}

// replicatedOnly refuses operations that are not on replicated objects.
func replicatedOnly(model string, h *history.History) error {
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Happened() && !models.DescribesReplicated(o) {
			return unsupported(model, o)
		}
	}
	return nil
}

// latticeCausal is the check without shrinking. What the untagged check leaves
// open goes to search.
func latticeCausal(m *meter, h *history.History) (result, error) {
	if err := replicatedOnly("lattice-causal", h); err != nil {
		return result{}, err
	}
	if !h.Tagged {
		r := untaggedCausal(m, h)
		if r.status != Undecided || bareRegisters(h) {
			return r, nil
		}
		searched, err := search(m, models.Causal(), h, models.Causal().Because)
		if err != nil || searched.status == Inconclusive {
			return r, err
		}
		return searched, nil
	}
	v, r := seeTags(m, h)
	if r.status == OK {
		r = v.tooWide()
	}
	if r.status != OK {
		return r, nil
	}
	p := &partialOrder{a: v.accesses, reader: everyone}
	if !p.sweep(true) {
		return result{
			status: Violation, method: byVectorClocks, witness: p.cycle(),
			reason: fmt.Sprintf("the causal order has a cycle, which #%d waits for", v.op(p.stuck[0]).Index),
		}, nil
	}
	return v.compare(p), nil
}

// bareRegisters reports whether a register operation lacks its stamp, so that
// the causal model would judge it in the register view.
func bareRegisters(h *history.History) bool {
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Type == history.Register && o.Outcome == history.OK && !o.Stamp.Known() && (o.IsPut() || !o.Out.IsNil()) {
			return true
		}
	}
	return false
}

// tagIndex finds the put of a tag: by a table where tags are small numbers, as
// recorders give them, else by a map.
type tagIndex struct {
	dense []int32 // by tag: 1 + position
	first map[uint64]int32
}

func indexTags(h *history.History) (x tagIndex) {
	top := uint64(0)
	for i := range h.Ops {
		top = max(top, h.Ops[i].Tag)
	}
	if top <= 8*uint64(len(h.Ops)) {
		x.dense = make([]int32, top+1)
	} else {
		x.first = make(map[uint64]int32)
	}
	for i := range h.Ops {
		switch o := &h.Ops[i]; {
		case !o.IsPut() || !o.Happened():
		case x.dense != nil:
			x.dense[o.Tag] = int32(i) + 1
		default:
			x.first[o.Tag] = int32(i)
		}
	}
	return x
}

// put returns the position of the put with the tag.
func (x *tagIndex) put(tag uint64) (int32, bool) {
	if x.dense == nil {
		i, ok := x.first[tag]
		return i, ok
	}
	if tag >= uint64(len(x.dense)) || x.dense[tag] == 0 {
		return 0, false
	}
	return x.dense[tag] - 1, true
}

// seeTags builds the chains and finds the put of each tag seen. A tag of no put
// is a violation.
func seeTags(m *meter, h *history.History) (*visibility, result) {
	v := &visibility{accesses: newAccesses(h), tags: indexTags(h), node: make([]int32, len(h.Ops))}
	key, keys := internObjects(h)
	seen := make([]bool, len(h.Ops))
	for i := range h.Ops {
		r := &h.Ops[i]
		if m.mustStopAt(i) {
			return v, result{status: Undecided}
		}
		if r.IsPut() || !r.Happened() {
			continue
		}
		if m.mustStop(8 * len(r.Saw)) {
			return v, result{status: Undecided}
		}
		for _, t := range r.Saw {
			j, ok := v.tags.put(t)
			if !ok || key[j] != key[i] {
				return nil, result{status: Violation, method: byVectorClocks, witness: []int{i},
					reason: fmt.Sprintf("read #%d saw tag %d, which no put on %s %q has", r.Index, t, r.Type, r.Key)}
			}
			seen[j] = true
		}
	}
	session := make(map[int]int32)
	for i := range h.Ops {
		if m.mustStopAt(i) {
			return v, result{status: Undecided}
		}
		o := &h.Ops[i]
		v.node[i] = -1
		if o.Happened() && (o.Outcome != history.Unknown || seen[i]) {
			v.node[i] = v.append(i, key[i], session)
		}
	}
	if v.m = m; m.mustStop(lookEvery) {
		return v, result{status: Undecided}
	}
	v.more, v.saw = make([][]int32, len(v.pos)), make([][]int32, len(v.pos))
	v.indexWrites(keys, func(n int32) bool { return v.op(n).IsPut() })
	v.link()
	return v, result{status: OK}
}

// internObjects numbers the objects: by position the number, and how many. A few
// are found by looking at each.
func internObjects(h *history.History) (key []int32, keys int) {
	const few = 8
	known := make([]objectID, 0, few)
	var numbers map[objectID]int32
	key = make([]int32, len(h.Ops))
	for i := range h.Ops {
		o := &h.Ops[i]
		k, ok := int32(0), false
		if numbers != nil {
			k, ok = numbers[objectID{o.Type, o.Key}]
		}
		for n := 0; numbers == nil && !ok && n < len(known); n++ {
			k, ok = int32(n), known[n].key == o.Key && known[n].typ == o.Type
		}
		if !ok {
			k = int32(keys)
			keys++
			known = append(known, objectID{o.Type, o.Key})
			if numbers != nil {
				numbers[known[k]] = k
			} else if keys == few {
				numbers = make(map[objectID]int32)
				for n, id := range known {
					numbers[id] = int32(n)
				}
			}
		}
		key[i] = k
	}
	return key, keys
}

// link notes what each read saw. Of the puts seen of one chain the last one's
// past covers the others', so it alone becomes an edge.
func (v *visibility) link() {
	last := make([]int32, len(v.chains)) // by chain: 1 + the last put seen
	var touched []int32
	total := 0
	for n := range v.pos {
		total += len(v.op(int32(n)).Saw)
	}
	// Both lists of every read lie in one block each.
	allSaw, allMore := make([]int32, 0, total), make([]int32, 0, total)
	for n := range v.pos {
		r := v.op(int32(n))
		if r.IsPut() {
			continue
		}
		first := len(allSaw)
		touched = touched[:0]
		for _, t := range r.Saw {
			i, _ := v.tags.put(t)
			m := v.node[i]
			allSaw = append(allSaw, m)
			c := v.chain[m]
			if last[c] == 0 {
				touched = append(touched, c)
			}
			last[c] = max(last[c], m+1)
		}
		v.saw[n] = allSaw[first:len(allSaw):len(allSaw)]
		first = len(allMore)
		for _, c := range touched {
			allMore = append(allMore, last[c]-1)
			last[c] = 0
		}
		v.more[n] = allMore[first:len(allMore):len(allMore)]
	}
}

// compare holds, for each read and chain, the number of puts seen against the
// number on that object within the read's clock. What was seen is within the
// clock by construction, so equal numbers are equal sets.
func (v *visibility) compare(p *partialOrder) result {
	count := make([]int32, len(v.chains))
	var seen []*history.Op
	var at []int
	unions := newUnions(v.h)
	for n := range int32(len(v.pos)) {
		r := v.op(n)
		if r.IsPut() {
			continue
		}
		if v.m.mustStop(8*len(v.saw[n]) + len(v.byKey[v.key[n]])) {
			break
		}
		seen, at = seen[:0], at[:0]
		for _, m := range v.saw[n] {
			count[v.chain[m]]++
			seen, at = append(seen, v.op(m)), append(at, int(v.pos[m]))
		}
		clock, on := p.row(n), v.byKey[v.key[n]]
		var missed []int32 // by path from the first put that a chain misses
		for i := range on {
			w := &on[i]
			due, _ := slices.BinarySearch(w.rank, clock[w.chain])
			if int(count[w.chain]) >= due {
				continue
			}
			path := p.path(v.firstUnseen(n, w, due), n)
			if missed == nil || len(path) < len(missed) {
				missed = path
			}
		}
		if missed != nil {
			witness := v.positions(missed...)
			slices.Sort(witness)
			return result{status: Violation, method: byVectorClocks, witness: witness, reason: fmt.Sprintf(
				"read #%d does not see put #%d, which happened causally before it", r.Index, v.op(missed[0]).Index)}
		}
		for _, m := range v.saw[n] {
			count[v.chain[m]] = 0
		}
		if !unions.joins(r, at) && !models.Joins(r, seen) {
			witness := v.positions(append(slices.Clone(v.saw[n]), n)...)
			slices.Sort(witness)
			return result{status: Violation, method: byVectorClocks, witness: witness,
				reason: fmt.Sprintf("the value of read #%d is not the join of the puts it saw", r.Index)}
		}
	}
	return result{status: OK, method: byVectorClocks}
}

// firstUnseen returns the first of the chain's due puts that the read did not
// see.
func (v *visibility) firstUnseen(n int32, w *writers, due int) int32 {
	for _, rank := range w.rank[:due] {
		if m := v.chains[w.chain][rank]; !slices.Contains(v.saw[n], m) {
			return m
		}
	}
	return n // unreachable: fewer were seen than are due
}
