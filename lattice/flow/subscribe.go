package flow

// Subscription is a reader of a State edge that came while the graph was running,
// or before.
type Subscription[T any] struct {
	c          *cell[T]
	f          func(T)
	prev, next *Subscription[T]
	seen       uint64
	gone       bool
}

// Subscribe calls f with the value that s has now, if it has one, and then with
// each value that s rises to, until [Subscription.Cancel]. It may be called before
// the graph is started, between steps, and by functions that the graph calls;
// another goroutine asks for it with [Scheduler.Do]. It costs the same however large
// the graph is and however many subscribers there are, and so does Cancel.
//
// The value is lent: f must not change it, and must not keep it unless it is of a
// type without references. [Read] makes a copy.
func Subscribe[T any](s State[T], f func(T)) (*Subscription[T], error) {
	if s.cell == nil {
		return nil, &OperatorError{Operator: "subscription", Err: ErrForeign}
	}
	n := s.out.n
	if f == nil {
		return nil, n.err(ErrArgument, "a subscription needs a function")
	}
	c := s.cell
	sub := &Subscription[T]{c: c, f: f}
	sub.prev = c.tail
	if c.tail != nil {
		c.tail.next = sub
	} else {
		c.head = sub
	}
	c.tail = sub
	sub.tell()
	return sub, nil
}

// tell calls f with a value that it did not see yet.
func (s *Subscription[T]) tell() {
	if c := s.c; !s.gone && c.has && s.seen != c.ver {
		ver := c.ver
		s.f(c.val)
		s.seen = ver
	}
}

// Cancel ends the subscription; f is not called again. Nobody else's values change.
func (s *Subscription[T]) Cancel() {
	if s.gone {
		return
	}
	s.gone = true
	c := s.c
	if c.cursor == s {
		c.cursor = s.next
	}
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		c.head = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		c.tail = s.prev
	}
	s.prev, s.next = nil, nil
}

// Final reports that the value is final: f will not be called again.
func (s *Subscription[T]) Final() bool { return s.gone || s.c.done }

// Read is a copy of the value that s has now, if it has one. It is a subscription
// that ends with the first value, so what it reads may rise afterwards.
func Read[T any](s State[T]) (v T, ok bool) {
	if s.cell == nil || !s.cell.has {
		return v, false
	}
	return s.cell.m.Clone(s.cell.val), true
}

// Complete reports that s has its final value.
func Complete[T any](s State[T]) bool { return s.cell != nil && s.cell.done }
