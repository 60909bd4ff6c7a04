package flow

// pusher is a Delta edge whose elements go one by one, each through all functions
// of the chain before the next is taken. Chains of maps and filters have nothing to
// remember: should a function panic, the element is still with what the chain starts
// from, and goes through the whole chain again.
type pusher[T any] interface {
	// each gives those of up to limit elements that pass keep to yield. What calls
	// a function of the user tells t whose it is, and that it has returned before an
	// element goes on. keep.f may be nil; it stands apart from yield because that saves
	// a call an element.
	each(limit int, t *task, keep keeper[T], yield func(T)) status
}

// keeper is the predicate of a filter.
type keeper[T any] struct {
	id int
	f  func(T) bool
}

func (k keeper[T]) keeps(t *task, v T) bool {
	if k.f != nil {
		t.at = k.id
		if !k.f(v) {
			return false
		}
	}
	t.at = -1
	return true
}

// pusherOf is p as a pusher.
func pusherOf[T any](p puller[T]) pusher[T] {
	if e, ok := p.(pusher[T]); ok {
		return e
	}
	return &single[T]{intake[T]{in: p}}
}

// single takes apart what is pulled.
type single[T any] struct {
	intake[T]
}

func (o *single[T]) each(limit int, t *task, keep keeper[T], yield func(T)) status {
	for range limit {
		if st := o.fill(); st != ready {
			return st
		}
		if v := o.rest[0]; keep.keeps(t, v) {
			yield(v)
		}
		o.rest = o.rest[1:]
	}
	return ready
}

func (s *sliceSource[T]) each(limit int, t *task, keep keeper[T], yield func(T)) status {
	if len(s.rest) == 0 {
		s.n.ends = true
		return done
	}
	i, vs := 0, s.rest[:min(limit, len(s.rest))]
	defer func() { s.rest = s.rest[i:] }()
	for ; i < len(vs); i++ {
		if keep.keeps(t, vs[i]) {
			yield(vs[i])
		}
	}
	return ready
}

func (o *mapOp[A, B]) each(limit int, t *task, keep keeper[B], yield func(B)) status {
	if s, ok := o.in.(*sliceSource[A]); ok {
		return o.eachOf(s, limit, t, keep, yield)
	}
	if o.up == nil {
		o.up = pusherOf(o.in)
	}
	id, f := o.n.id, o.f
	return o.up.each(limit, t, keeper[A]{}, func(v A) {
		t.at = id
		if u := f(v); keep.keeps(t, u) {
			yield(u)
		}
	})
}

// phase is where an element is in a loop over a source, a map and a filter.
type phase uint8

const (
	mapping phase = iota
	keeping
	handing
)

// eachOf is each without a call between source, map and filter. Where the element is
// stays a local variable until a function panics: to tell the task each time is slower.
func (o *mapOp[A, B]) eachOf(s *sliceSource[A], limit int, t *task, keep keeper[B], yield func(B)) status {
	if len(s.rest) == 0 {
		s.n.ends = true
		return done
	}
	i, at, vs := 0, handing, s.rest[:min(limit, len(s.rest))]
	defer func() {
		s.rest = s.rest[i:]
		switch at {
		case mapping:
			t.at = o.n.id
		case keeping:
			t.at = keep.id
		}
	}()
	f := o.f
	for ; i < len(vs); i++ {
		at = mapping
		u := f(vs[i])
		if keep.f != nil {
			at = keeping
			if !keep.f(u) {
				continue
			}
		}
		at = handing
		yield(u)
	}
	return ready
}

func (o *filterOp[T]) each(limit int, t *task, keep keeper[T], yield func(T)) status {
	if o.up == nil {
		o.up = pusherOf(o.in)
	}
	own := keeper[T]{id: o.n.id, f: o.keep}
	if keep.f == nil {
		return o.up.each(limit, t, own, yield)
	}
	return o.up.each(limit, t, own, func(v T) {
		if keep.keeps(t, v) {
			yield(v)
		}
	})
}

func (o *filterMapOp[A, B]) each(limit int, t *task, keep keeper[B], yield func(B)) status {
	if o.up == nil {
		o.up = pusherOf(o.in)
	}
	id, f := o.n.id, o.f
	return o.up.each(limit, t, keeper[A]{}, func(v A) {
		t.at = id
		if u, ok := f(v); ok && keep.keeps(t, u) {
			yield(u)
		}
	})
}

// start prepares a fold to take its elements one by one.
func (f *foldOp[T]) start() {
	o := f.n.g.opt
	if o.Batch != 1 || o.Watch {
		return
	}
	m, c := f.m, f.cell
	f.each, f.take = pusherOf(f.in), func(v T) {
		if m.MergeIn(&c.val, v) {
			c.publish()
		}
	}
}

// quantum is how many elements a task moves one by one before another has its turn.
const quantum = 1024

func (f *foldOp[T]) single() status {
	t, limit, take := f.n.task, quantum, f.take
	if len(f.cell.readers) > 0 {
		limit = 1 // each growth goes on before the next
	}
	if t.broke { // the merge has panicked; it may have grown
		t.broke = false
		f.cell.publish()
	}
	t.at = -1
	if !f.cell.has {
		limit, take = 1, f.takeFirst
	}
	st := f.each.each(limit, t, keeper[T]{}, take)
	if st == done {
		f.cell.finish()
	}
	return st
}

// takeFirst is take where there is no value yet.
func (f *foldOp[T]) takeFirst(v T) {
	f.first(v)
	f.cell.publish()
}
