package models

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// maxCausalOps bounds the operations of a history whose causal order is closed
// here: the closure takes n²/8 bytes.
const maxCausalOps = 20_000

// causality is the causal order of a history, closed before any search: for
// each operation the puts that happened causally before it.
//
// A session is a chain, each operation after the one before it. An indeterminate
// put stands beside its session: it comes after what the session did before,
// since its request carried that, but what the session does later does not come
// after it, since the client never learned that it happened. If nobody saw it,
// it is left out, which is the same as its never having happened.
type causality struct {
	h     *history.History
	puts  []int       // positions of the puts that take part, by number
	num   map[int]int // position -> number
	reads []int       // positions of the reads that take part
	past  []bitset    // by position: numbers of the puts causally before
	pred  [][]int     // by position: positions directly before
	order []int       // positions in a topological order that keeps to h.Ops where it can
}

// orderKept is what an order of puts has to keep.
type orderKept uint8

const (
	readsFromToo  orderKept = iota // the order of sessions, and that each read comes after what it read from
	sessionsAlone                  // the order of sessions
)

// newCausality closes the order. A ruling instead of an order means that the
// history settles it: a value from nowhere, a cycle, or an ambiguous source.
func newCausality(h *history.History, keeps orderKept) (*causality, *Ruling, error) {
	c := &causality{h: h, num: make(map[int]int), past: make([]bitset, len(h.Ops)), pred: make([][]int, len(h.Ops))}
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Happened() && !DescribesReplicated(o) {
			return nil, nil, unsupported("causal", o)
		}
	}
	if len(h.Ops) > maxCausalOps {
		return nil, &Ruling{Bounded: true, Reason: fmt.Sprintf("more than %d operations", maxCausalOps)}, nil
	}
	sources, ruling := readsFrom(h)
	if ruling != nil {
		return nil, ruling, nil
	}
	c.enlist(sources)
	if keeps == sessionsAlone {
		sources = nil // whoever reads from a put has it applied by then
	}
	c.link(sources)
	if cycle := c.sort(); cycle != nil {
		return nil, &Ruling{
			Violation: true, Witness: cycle,
			Reason: fmt.Sprintf("the causal order has a cycle through %d operations", len(cycle)),
		}, nil
	}
	for _, i := range c.order {
		for _, j := range c.pred[i] {
			c.past[i] = c.past[i].union(c.past[j])
			if n, isPut := c.num[j]; isPut && !c.past[i].has(n) {
				c.past[i] = c.past[i].with(n)
			}
		}
	}
	return c, nil, nil
}

// enlist numbers the puts and reads that take part.
func (c *causality) enlist(sources map[int][]int) {
	seen := make(map[int]bool)
	for i := range c.h.Ops {
		for _, j := range sources[i] {
			seen[j] = true
		}
	}
	for i := range c.h.Ops {
		o := &c.h.Ops[i]
		switch {
		case !o.Happened():
		case !o.IsPut():
			c.reads = append(c.reads, i)
		case o.Outcome == history.OK || seen[i] || o.Type == history.Counter && !c.h.Tagged:
			// An untagged increment leaves no trace by which to know that
			// nobody saw it.
			c.num[i] = len(c.puts)
			c.puts = append(c.puts, i)
		}
	}
}

// link records the direct predecessors: session order and reads-from.
func (c *causality) link(sources map[int][]int) {
	last := make(map[int]int) // session -> its latest OK operation
	for i := range c.h.Ops {
		o := &c.h.Ops[i]
		_, isPut := c.num[i]
		if !isPut && (o.IsPut() || !o.Happened()) {
			continue
		}
		if j, ok := last[o.Session]; ok {
			c.pred[i] = append(c.pred[i], j)
		}
		if o.Outcome == history.OK {
			last[o.Session] = i
		}
		c.pred[i] = append(c.pred[i], sources[i]...)
	}
}

// sort fills c.order, or returns the operations of a cycle in ascending order.
func (c *causality) sort() (cycle []int) {
	const (
		fresh = iota
		open
		done
	)
	mark := make([]uint8, len(c.h.Ops))
	type frame struct{ at, next int }
	var stack []frame
	roots := slices.Concat(c.puts, c.reads)
	slices.Sort(roots)
	for _, root := range roots {
		if mark[root] != fresh {
			continue
		}
		mark[root] = open
		stack = append(stack, frame{at: root})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(c.pred[top.at]) {
				mark[top.at] = done
				c.order = append(c.order, top.at)
				stack = stack[:len(stack)-1]
				continue
			}
			j := c.pred[top.at][top.next]
			top.next++
			switch mark[j] {
			case fresh:
				mark[j] = open
				stack = append(stack, frame{at: j})
			case open:
				for k := len(stack) - 1; ; k-- {
					cycle = append(cycle, stack[k].at)
					if stack[k].at == j {
						slices.Sort(cycle)
						return cycle
					}
				}
			}
		}
	}
	return nil
}

// writer finds the puts of a value on an object.
type writer struct {
	object
	value string
}

// readsFrom gives, by position of each read, the puts that it surely read from.
// Tags name them. Without tags a value written once on the object names its
// write, and the sum of a counter names none. A value from nowhere weighs more
// than one from an uncertain place.
func readsFrom(h *history.History) (map[int][]int, *Ruling) {
	byTag := make(map[uint64]int)
	writers := make(map[writer][]int)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.IsPut() && o.Happened() {
			byTag[o.Tag] = i
			k := writer{objectOf(o), o.Arg.Key()}
			writers[k] = append(writers[k], i)
		}
	}
	sources := make(map[int][]int)
	var uncertain *Ruling
	for i := range h.Ops {
		r := &h.Ops[i]
		if r.IsPut() || !r.Happened() {
			continue
		}
		var ruling *Ruling
		if h.Tagged {
			sources[i], ruling = fromTags(h, i, byTag)
		} else {
			sources[i], ruling = fromValues(h, i, writers)
		}
		switch {
		case ruling != nil && ruling.Violation:
			return nil, ruling
		case ruling != nil && uncertain == nil:
			uncertain = ruling
		}
	}
	return sources, uncertain
}

func fromTags(h *history.History, i int, byTag map[uint64]int) (from []int, _ *Ruling) {
	r := &h.Ops[i]
	for _, t := range r.Saw {
		j, ok := byTag[t]
		if !ok || !sameObject(&h.Ops[j], r) {
			return nil, fromNowhere(i, fmt.Sprintf("read #%d saw tag %d, which no put on %v has", r.Index, t, objectOf(r)))
		}
		from = append(from, j)
	}
	return from, nil
}

func fromValues(h *history.History, i int, writers map[writer][]int) (from []int, uncertain *Ruling) {
	r := &h.Ops[i]
	for _, v := range valuesSeen(r) {
		var fit []int
		for _, j := range writers[writer{objectOf(r), v.Key()}] {
			if r.Type != history.Register || wrote(&h.Ops[j], r) {
				fit = append(fit, j)
			}
		}
		initial := r.Type == history.Register && v.IsNil()
		switch {
		case len(fit) == 0 && initial:
		case len(fit) == 0:
			return nil, fromNowhere(i, fmt.Sprintf("read #%d of %v returned %s, which nobody wrote", r.Index, objectOf(r), v))
		case len(fit) == 1 && !initial:
			from = append(from, fit[0])
		default:
			why := fmt.Sprintf("read #%d of %v may have %s from more than one place: values must be unique, or puts tagged", r.Index, objectOf(r), v)
			again := fit[len(fit)-1]
			uncertain = &Ruling{Reason: why, Cause: &history.OpError{Index: again, Err: fmt.Errorf(
				"%w: put #%d repeats a value, so that %s", history.ErrNotUnique, h.Ops[again].Index, why)}}
		}
	}
	return from, uncertain
}

// valuesSeen returns the values by which an untagged read names its sources.
func valuesSeen(r *history.Op) []history.Value {
	switch r.Type {
	case history.Register:
		return []history.Value{r.Out}
	case history.Set:
		list, _ := r.Out.AsList()
		return list
	}
	return nil
}

func fromNowhere(i int, why string) *Ruling {
	return &Ruling{Violation: true, Reason: why, Witness: []int{i}}
}
