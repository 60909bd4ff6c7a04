package flow

import "github.com/joinery-go/joinery/lattice"

// cell holds the value of a State edge and tells its readers of growth. What it
// hands out is lent: it may change as soon as the operator above runs again.
type cell[T any] struct {
	n    *node
	m    lattice.Merge[T]
	val  T
	has  bool
	ver  uint64 // counts growths, the first value included
	done bool   // the value is final

	readers []*node // the operators that read the edge
	head    *Subscription[T]
	tail    *Subscription[T]
	cursor  *Subscription[T] // the next to be told, while telling
	telling bool
}

func newState[T any](n *node, m lattice.Merge[T]) State[T] {
	o := newOutlet[T](n, true)
	o.merge = m
	return State[T]{out: o, cell: &cell[T]{n: n, m: m}}
}

// publish tells all readers of a value above the one before.
func (c *cell[T]) publish() {
	c.ver++
	if c.head != nil || len(c.readers) > 0 {
		c.spread()
	}
}

// spread wakes the operators first: a subscriber may panic, and they are not woken again.
func (c *cell[T]) spread() {
	for _, r := range c.readers {
		r.wake()
	}
	c.tell()
}

// resume tells those whom a panic kept from being told.
func (c *cell[T]) resume() {
	if c.telling {
		c.tell()
	}
}

func (c *cell[T]) tell() {
	if c.head == nil {
		return
	}
	c.telling, c.n.telling = true, true
	c.n.busy.Store(true)
	for s := c.head; s != nil; s = c.cursor {
		c.cursor = s.next
		s.tell()
	}
	c.n.busy.Store(false)
	c.telling, c.n.telling = false, false
}

// begin gives the cell the value it has before anything comes.
func (c *cell[T]) begin(v T) { c.val, c.has, c.ver = v, true, 1 }

// rise takes v as the next value, if it is above the one there is, and keeps a copy.
func (c *cell[T]) rise(v T) status {
	if c.has {
		switch o := c.m.Compare(c.val, v); {
		case o == lattice.Equal:
			return ready
		case !o.Leq():
			return c.n.stop(ErrFell, "the function is not monotone on these values; check it with laws.Classify")
		}
	}
	c.val, c.has = c.m.Clone(v), true
	c.publish()
	return ready
}

// finish says that the value is final.
func (c *cell[T]) finish() {
	if c.done {
		return
	}
	c.done = true
	for _, r := range c.readers {
		r.wake()
	}
}

// readState connects n to s.
func readState[T any](s State[T], n *node, port string) *cell[T] {
	if !connect(s.out, n, port) {
		return &cell[T]{n: n, m: noMerge[T]{}, done: true}
	}
	s.cell.readers = append(s.cell.readers, n)
	return s.cell
}
