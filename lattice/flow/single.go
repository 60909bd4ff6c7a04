package flow

// pusher is a Delta edge whose elements go one by one, each through all functions
// of the chain before the next is taken. Chains of maps and filters have nothing to
// remember: should a function panic, the element is still with what the chain starts
// from, and goes through the whole chain again.
type pusher[T any] interface {
	// each gives those of up to limit elements that pass keep to yield. What calls
	// a function of the user tells t whose it is. keep.f may be nil; it stands
	// apart from yield because that saves a call an element.
	each(limit int, t *task, keep keeper[T], yield func(T)) status
}

// keeper is the predicate of a filter.
type keeper[T any] struct {
	id int
	f  func(T) bool
}

func (k keeper[T]) keeps(t *task, v T) bool {
	if k.f == nil {
		return true
	}
	t.at = k.id
	return k.f(v)
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

// eachOf is each without a call between source and map.
func (o *mapOp[A, B]) eachOf(s *sliceSource[A], limit int, t *task, keep keeper[B], yield func(B)) status {
	if len(s.rest) == 0 {
		s.n.ends = true
		return done
	}
	i, vs := 0, s.rest[:min(limit, len(s.rest))]
	defer func() { s.rest = s.rest[i:] }()
	id, f := o.n.id, o.f
	for ; i < len(vs); i++ {
		t.at = id
		if u := f(vs[i]); keep.keeps(t, u) {
			yield(u)
		}
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
	f.each, f.take = pusherOf(f.in), f.one
}

// one takes one element.
func (f *foldOp[T]) one(v T) {
	f.n.task.at = f.n.id
	if f.m.MergeIn(&f.cell.val, v) {
		f.cell.publish()
	}
}

// quantum is how many elements a task moves one by one before another has its turn.
const quantum = 1024

func (f *foldOp[T]) single() status {
	t, limit, take := f.n.task, quantum, f.take
	if len(f.cell.readers) > 0 {
		limit = 1 // each growth goes on before the next
	}
	if t.at == f.n.id { // the merge has panicked; it may have grown
		t.at = -1
		f.cell.publish()
	}
	if !f.cell.has {
		limit, take = 1, f.takeFirst
	}
	st := f.each.each(limit, t, keeper[T]{}, take)
	t.at = -1
	if st == done {
		f.cell.finish()
	}
	return st
}

// takeFirst is take where there is no value yet.
func (f *foldOp[T]) takeFirst(v T) {
	f.n.task.at = f.n.id
	f.first(v)
	f.cell.publish()
}
