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
func latticeCausalChecker() checker {
	return checker{
		ModelInfo: ModelInfo{
			Name:       "lattice-causal",
			Doc:        "tagged reads see every put on their object that happened causally before, and return the join",
			Complexity: "O(tags seen + n·s·(s + log n)), n operations, s sessions",
			Needs:      "a tagged history of registers, sets, counters",
		},
		judge:  func(_ *meter, h *history.History) (ruling, error) { return latticeCausal(h) },
		reduce: models.Causal().Reduce, // the same reads rest on the same puts
	}
}

const byVectorClocks = "vector clocks"

// maxClockCells bounds the memory of all vector clocks together, 4 bytes a cell.
const maxClockCells = 1 << 28

// chains decomposes the operations that happened into totally ordered chains:
// one a session, and one for each indeterminate put that was seen.
type chains struct {
	h      *history.History
	of     []int   // by position: the operation's chain, -1 if it takes no part
	rank   []int   // by position, of puts: how many puts of the chain come before it
	ops    [][]int // by chain: positions in order
	parent []int   // by position: for an indeterminate put, what its session did last; else -1
	byTag  map[uint64]int
	clocks [][]int32 // by position: per chain, how many of its puts are in the causal past (itself included)
}

// latticeCausal is the check without shrinking.
func latticeCausal(h *history.History) (ruling, error) {
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Happened() && !models.DescribesReplicated(o) {
			return ruling{}, fmt.Errorf("model lattice-causal: %w: %v", models.ErrUnsupported, o)
		}
	}
	if !h.Tagged {
		return ruling{status: Inconclusive, method: byVectorClocks, reason: "the history carries no tags"}, nil
	}
	c := &chains{h: h, byTag: make(map[uint64]int)}
	if r := c.resolve(); r.status != OK {
		return r, nil
	}
	if stuck := c.sweep(); len(stuck) > 0 {
		return ruling{
			status: Violation, method: byVectorClocks,
			reason: fmt.Sprintf("the causal order has a cycle, which #%d waits for", h.Ops[stuck[0]].Index),
		}, nil
	}
	return c.compare(), nil
}

// resolve builds the chains and finds the put of each tag seen.
func (c *chains) resolve() ruling {
	h := c.h
	c.of, c.rank, c.parent = make([]int, len(h.Ops)), make([]int, len(h.Ops)), make([]int, len(h.Ops))
	c.clocks = make([][]int32, len(h.Ops))
	seen := make(map[uint64]struct{})
	for i := range h.Ops {
		o := &h.Ops[i]
		c.of[i], c.parent[i] = -1, -1
		if o.IsPut() && o.Happened() {
			c.byTag[o.Tag] = i
		}
		if !o.IsPut() && o.Happened() {
			for _, t := range o.Saw {
				seen[t] = struct{}{}
			}
		}
	}
	session := make(map[int]int) // session -> chain
	puts := make(map[int]int)    // chain -> puts so far
	for i := range h.Ops {
		o := &h.Ops[i]
		if _, was := seen[o.Tag]; !o.Happened() || o.Outcome == history.Unknown && !was {
			continue
		}
		k, ok := session[o.Session]
		if o.Outcome == history.Unknown {
			if ok {
				c.parent[i] = c.ops[k][len(c.ops[k])-1]
			}
			k, ok = len(c.ops), true
			c.ops = append(c.ops, nil)
		}
		if !ok {
			k = len(c.ops)
			session[o.Session] = k
			c.ops = append(c.ops, nil)
		}
		c.of[i] = k
		c.ops[k] = append(c.ops[k], i)
		if o.IsPut() {
			c.rank[i] = puts[k]
			puts[k]++
			continue
		}
		for _, t := range o.Saw {
			j, ok := c.byTag[t]
			if !ok || h.Ops[j].Key != o.Key || h.Ops[j].Type != o.Type {
				return ruling{status: Violation, method: byVectorClocks, witness: []int{i},
					reason: fmt.Sprintf("read #%d saw tag %d, which no put on %s %q has", o.Index, t, o.Type, o.Key)}
			}
		}
	}
	if cells := len(h.Ops) * len(c.ops); cells > maxClockCells {
		return ruling{status: Undecided, method: byVectorClocks,
			reason: fmt.Sprintf("%d operations in %d chains pass the bound of %d clock cells", len(h.Ops), len(c.ops), maxClockCells)}
	}
	return ruling{status: OK}
}

// sweep computes the clocks in one topological pass: each chain advances until
// it meets an operation that depends on one not yet reached, and waits there. It
// returns the operations at which chains wait for ever.
func (c *chains) sweep() (stuck []int) {
	at := make([]int, len(c.ops))      // by chain: next in its list
	waiting := make(map[int][]int)     // position -> chains that wait for it
	work := make([]int, 0, len(c.ops)) // chains to advance
	for k := range c.ops {
		work = append(work, k)
	}
	for len(work) > 0 {
		k := work[0]
		work = work[1:]
		for at[k] < len(c.ops[k]) {
			i := c.ops[k][at[k]]
			if j, blocked := c.blocker(i); blocked {
				waiting[j] = append(waiting[j], k)
				break
			}
			c.advance(i, at[k])
			at[k]++
			work = append(work, waiting[i]...)
			delete(waiting, i)
		}
	}
	for k := range c.ops {
		if at[k] < len(c.ops[k]) {
			stuck = append(stuck, c.ops[k][at[k]])
		}
	}
	return stuck
}

// blocker returns an operation that i depends on and that has no clock yet.
func (c *chains) blocker(i int) (int, bool) {
	if j := c.parent[i]; j >= 0 && c.clocks[j] == nil {
		return j, true
	}
	for _, t := range c.h.Ops[i].Saw {
		if j := c.byTag[t]; c.clocks[j] == nil {
			return j, true
		}
	}
	return 0, false
}

// advance sets the clock of the operation at place n of its chain.
func (c *chains) advance(i, n int) {
	clock := make([]int32, len(c.ops))
	k := c.of[i]
	if n > 0 {
		copy(clock, c.clocks[c.ops[k][n-1]])
	}
	if j := c.parent[i]; j >= 0 {
		copy(clock, c.clocks[j])
	}
	// Of the puts seen of one chain the last one's clock covers the others'.
	latest := make(map[int]int)
	var order []int
	for _, t := range c.h.Ops[i].Saw {
		j := c.byTag[t]
		if was, ok := latest[c.of[j]]; !ok {
			order = append(order, c.of[j])
			latest[c.of[j]] = j
		} else if c.rank[j] > c.rank[was] {
			latest[c.of[j]] = j
		}
	}
	for _, q := range order {
		for x, t := range c.clocks[latest[q]] {
			clock[x] = max(clock[x], t)
		}
	}
	if c.h.Ops[i].IsPut() {
		clock[k] = int32(c.rank[i] + 1)
	}
	c.clocks[i] = clock
}

// compare holds, for each read and chain, the number of puts seen against the
// number on that object within the read's clock. What was seen is within the
// clock by construction, so equal numbers are equal sets.
func (c *chains) compare() ruling {
	type cell struct {
		chain int
		typ   history.Type
		key   string
	}
	ranks := make(map[cell][]int) // ranks of the chain's puts on the object, ascending
	where := make(map[cell][]int) // their positions
	for k, ops := range c.ops {
		for _, i := range ops {
			if o := &c.h.Ops[i]; o.IsPut() {
				at := cell{k, o.Type, o.Key}
				ranks[at] = append(ranks[at], c.rank[i])
				where[at] = append(where[at], i)
			}
		}
	}
	for i := range c.h.Ops {
		r := &c.h.Ops[i]
		if c.of[i] < 0 || r.IsPut() {
			continue
		}
		saw := make([]int, len(c.ops))
		seen := make([]*history.Op, 0, len(r.Saw))
		for _, t := range r.Saw {
			j := c.byTag[t]
			saw[c.of[j]]++
			seen = append(seen, &c.h.Ops[j])
		}
		for k, n := range saw {
			at := cell{k, r.Type, r.Key}
			due, _ := slices.BinarySearch(ranks[at], int(c.clocks[i][k]))
			if n < due {
				return ruling{status: Violation, method: byVectorClocks, reason: fmt.Sprintf(
					"read #%d does not see put #%d, which happened causally before it", r.Index, c.firstUnseen(r, where[at][:due]).Index)}
			}
		}
		if !models.Joins(r, seen) {
			return ruling{status: Violation, method: byVectorClocks,
				reason: fmt.Sprintf("the value of read #%d is not the join of the puts it saw", r.Index)}
		}
	}
	return ruling{status: OK, method: byVectorClocks}
}

// firstUnseen returns the first of the puts that the read did not see.
func (c *chains) firstUnseen(r *history.Op, puts []int) *history.Op {
	for _, j := range puts {
		if _, saw := slices.BinarySearch(r.Saw, c.h.Ops[j].Tag); !saw {
			return &c.h.Ops[j]
		}
	}
	return r // unreachable: fewer were seen than there are
}
