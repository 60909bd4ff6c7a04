package linearizability

import (
	"fmt"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// initial stands for the source of a read that returned nil, which nobody
// wrote.
const initial int32 = -1

// accesses is a history of registers in the compact form on which the
// polynomial checkers work: what happened, as numbered nodes in chains.
//
// A chain is totally ordered by program order. There is one a session, and one
// for each indeterminate write that was read: such a write comes after what its
// session did before (its parent), but nothing of its session comes after it
// unless it read it. An indeterminate write that nobody read did not happen.
type accesses struct {
	h      *history.History
	pos    []int32     // by node: position in h.Ops
	key    []int32     // by node: number of the register
	source []int32     // by node: the write that a read returned, or initial; writes: themselves
	chain  []int32     // by node: its chain
	rank   []int32     // by node: how many nodes of the chain come before it
	parent []int32     // by node: what precedes it beside its chain, or -1
	more   [][]int32   // by node, of transactions: those that it read from; else nil
	chains [][]int32   // by chain: nodes in order
	byKey  [][]writers // by register: who wrote it, chains ascending
}

// writers are one chain's writes of one register.
type writers struct {
	chain int32
	rank  []int32 // ranks within the chain, ascending
}

func (a *accesses) isWrite(n int32) bool { return a.source[n] == n }

func (a *accesses) op(n int32) *history.Op { return &a.h.Ops[a.pos[n]] }

// positions translates nodes to positions in the history.
func (a *accesses) positions(nodes ...int32) []int {
	at := make([]int, 0, len(nodes))
	for _, n := range nodes {
		at = append(at, int(a.pos[n]))
	}
	return at
}

// written names a value of a register without the cost of a string where the
// value is a number.
type written struct {
	key int32
	num int64
	str string
}

func writtenTo(key int32, v history.Value) written {
	if n, ok := v.AsInt(); ok {
		return written{key: key, num: n}
	}
	return written{key: key, str: v.Key()}
}

// sourceIndex finds the write that a read returned.
type sourceIndex struct {
	keys  map[string]int32
	first map[written]int32   // position of the only write of a value
	more  map[written][]int32 // positions, where there are several
}

// compactRegisters brings h into compact form. A ruling that is not OK settles
// the matter: a value that nobody wrote is a violation at every level, and one
// that may come from several writes leaves every level open. O(n).
func compactRegisters(model string, h *history.History) (*accesses, ruling, error) {
	x := &sourceIndex{keys: make(map[string]int32), first: make(map[written]int32, len(h.Ops)/2)}
	from := make([]int32, len(h.Ops)) // by position: position of the source, or initial
	for i := range h.Ops {
		o := &h.Ops[i]
		if !o.Happened() {
			continue
		}
		if o.Type != history.Register || o.Func != history.Read && o.Func != history.Write {
			return nil, ruling{}, fmt.Errorf("model %s: %w: %v", model, models.ErrUnsupported, o)
		}
		k, ok := x.keys[o.Key]
		if !ok {
			k = int32(len(x.keys))
			x.keys[o.Key] = k
		}
		if o.IsPut() {
			x.add(writtenTo(k, o.Arg), int32(i))
		}
	}
	seen := make([]bool, len(h.Ops))
	open := ruling{status: OK}
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.IsPut() || !o.Happened() {
			continue
		}
		src, why := x.sourceOf(h, o)
		switch {
		case why == "":
			from[i] = src
			if src >= 0 {
				seen[src] = true
			}
		case src == fromNowhere:
			return nil, ruling{status: Violation, reason: why, method: byValues, witness: []int{i}}, nil
		case open.status == OK:
			open = ruling{status: Inconclusive, reason: why, method: byValues}
		}
	}
	if open.status != OK {
		return nil, open, nil
	}
	a := &accesses{h: h}
	a.arrange(x.keys, from, seen)
	return a, open, nil
}

// tooWide rules on a history whose vector clocks would take too much memory.
func (a *accesses) tooWide() ruling {
	if len(a.pos)*len(a.chains) <= maxClockCells {
		return ruling{status: OK}
	}
	return ruling{status: Undecided, method: byVectorClocks, reason: fmt.Sprintf(
		"%d operations in %d chains pass the bound of %d clock cells", len(a.pos), len(a.chains), maxClockCells)}
}

const byValues = "values"

// What sourceOf answers instead of a position.
const (
	fromNowhere int32 = -2
	fromMany    int32 = -3
)

func (x *sourceIndex) add(v written, i int32) {
	first, dup := x.first[v]
	if !dup {
		x.first[v] = i
		return
	}
	if x.more == nil {
		x.more = make(map[written][]int32)
	}
	if x.more[v] == nil {
		x.more[v] = []int32{first}
	}
	x.more[v] = append(x.more[v], i)
}

// sourceOf returns the position of the write that r returned, or initial; or
// why that cannot be said.
func (x *sourceIndex) sourceOf(h *history.History, r *history.Op) (int32, string) {
	v := writtenTo(x.keys[r.Key], r.Out)
	first, found := x.first[v]
	several := x.more[v]
	switch {
	case !found && r.Out.IsNil():
		return initial, ""
	case found && several == nil && !r.Out.IsNil():
		return first, ""
	case !found:
		return fromNowhere, fmt.Sprintf("read #%d of %q returned %s, which nobody wrote", r.Index, r.Key, r.Out)
	}
	var fit []int32
	for _, j := range several {
		if compatible(&h.Ops[j], r, h.Tagged) {
			fit = append(fit, j)
		}
	}
	if len(fit) == 1 && !r.Out.IsNil() {
		return fit[0], ""
	}
	return fromMany, fmt.Sprintf("read #%d of %q may have %s from more than one place: values must be unique, or stamped, or tagged",
		r.Index, r.Key, r.Out)
}

// compatible reports whether a write of the right value can be what r returned,
// by its stamp and its tag.
func compatible(w, r *history.Op, tagged bool) bool {
	if w.Stamp.Known() && r.Stamp.Known() && w.Stamp != r.Stamp {
		return false
	}
	if !tagged {
		return true
	}
	for _, t := range r.Saw {
		if t == w.Tag {
			return true
		}
	}
	return false
}

// arrange numbers the nodes and builds the chains.
func (a *accesses) arrange(keys map[string]int32, from []int32, seen []bool) {
	h := a.h
	node := make([]int32, len(h.Ops))
	session := make(map[int]int32) // session -> chain
	a.byKey = make([][]writers, len(keys))
	for i := range h.Ops {
		o := &h.Ops[i]
		node[i] = -1
		if !o.Happened() || o.Outcome == history.Unknown && !seen[i] {
			continue
		}
		n := int32(len(a.pos))
		node[i] = n
		c, ok := session[o.Session]
		parent := int32(-1)
		if o.Outcome == history.Unknown {
			if ok {
				parent = a.chains[c][len(a.chains[c])-1]
			}
			c = a.newChain()
		} else if !ok {
			c = a.newChain()
			session[o.Session] = c
		}
		a.pos = append(a.pos, int32(i))
		a.key = append(a.key, keys[o.Key])
		a.chain = append(a.chain, c)
		a.rank = append(a.rank, int32(len(a.chains[c])))
		a.parent = append(a.parent, parent)
		a.source = append(a.source, n)
		a.chains[c] = append(a.chains[c], n)
	}
	for n, p := range a.pos {
		if !h.Ops[p].IsPut() {
			a.source[n] = from[p]
			if from[p] >= 0 {
				a.source[n] = node[from[p]]
			}
		}
	}
	for c, nodes := range a.chains {
		for rank, n := range nodes {
			if a.isWrite(n) {
				a.noteWrite(a.key[n], int32(c), int32(rank))
			}
		}
	}
}

func (a *accesses) newChain() int32 {
	a.chains = append(a.chains, nil)
	return int32(len(a.chains) - 1)
}

func (a *accesses) noteWrite(key, chain, rank int32) {
	on := a.byKey[key]
	if last := len(on) - 1; last >= 0 && on[last].chain == chain {
		on[last].rank = append(on[last].rank, rank)
		return
	}
	a.byKey[key] = append(on, writers{chain: chain, rank: []int32{rank}})
}
