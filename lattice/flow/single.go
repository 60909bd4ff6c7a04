package flow

// pusher is a Delta edge whose elements go one by one, each through all functions
// of the chain before the next is taken. Chains of maps and filters have nothing to
// remember: should a function panic, the element is still with what the chain starts
// from, and goes through the whole chain again.
type pusher[T any] interface {
	// each gives up to limit elements to yield; t is told whose function runs.
	each(limit int, t *task, yield func(T)) status
}

// pusherOf is p as a pusher.
func pusherOf[T any](p puller[T]) pusher[T] {
	if e, ok := p.(pusher[T]); ok {
		return e
	}
	return &single[T]{in: p}
}

// single takes apart what is pulled.
type single[T any] struct {
	in   puller[T]
	rest []T
}

func (o *single[T]) each(limit int, _ *task, yield func(T)) status {
	for range limit {
		if len(o.rest) == 0 {
			in, st := o.in.pull()
			if st != ready {
				return st
			}
			o.rest = in
		}
		yield(o.rest[0])
		o.rest = o.rest[1:]
	}
	return ready
}

func (s *sliceSource[T]) each(limit int, _ *task, yield func(T)) status {
	if len(s.rest) == 0 {
		s.n.ends = true
		return done
	}
	i, vs := 0, s.rest[:min(limit, len(s.rest))]
	defer func() { s.rest = s.rest[i:] }()
	for ; i < len(vs); i++ {
		yield(vs[i])
	}
	return ready
}

func (o *mapOp[A, B]) each(limit int, t *task, yield func(B)) status {
	if s, ok := o.in.(*sliceSource[A]); ok {
		return o.eachOf(s, limit, t, yield)
	}
	if o.up == nil {
		o.up = pusherOf(o.in)
	}
	id, f := o.n.id, o.f
	return o.up.each(limit, t, func(v A) {
		t.at = id
		yield(f(v))
	})
}

// eachOf is each without a call between source and map.
func (o *mapOp[A, B]) eachOf(s *sliceSource[A], limit int, t *task, yield func(B)) status {
	if len(s.rest) == 0 {
		s.n.ends = true
		return done
	}
	i, vs := 0, s.rest[:min(limit, len(s.rest))]
	defer func() { s.rest = s.rest[i:] }()
	id, f := o.n.id, o.f
	for ; i < len(vs); i++ {
		t.at = id
		yield(f(vs[i]))
	}
	return ready
}

func (o *filterOp[T]) each(limit int, t *task, yield func(T)) status {
	if o.up == nil {
		o.up = pusherOf(o.in)
	}
	id, keep := o.n.id, o.keep
	return o.up.each(limit, t, func(v T) {
		t.at = id
		if keep(v) {
			yield(v)
		}
	})
}

func (o *filterMapOp[A, B]) each(limit int, t *task, yield func(B)) status {
	if o.up == nil {
		o.up = pusherOf(o.in)
	}
	id, f := o.n.id, o.f
	return o.up.each(limit, t, func(v A) {
		t.at = id
		if u, ok := f(v); ok {
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
	m, c, t, id := f.m, f.cell, f.n.task, f.n.id
	flt, ok := f.in.(*filterOp[T])
	if !ok {
		f.each = pusherOf(f.in)
		f.take = func(v T) {
			t.at = id
			if m.MergeIn(&c.val, v) {
				c.publish()
			}
		}
		return
	}
	// A filter in front of the fold saves a call when it is part of it.
	f.each = pusherOf(flt.in)
	filter, keep := flt.n.id, flt.keep
	f.take = func(v T) {
		t.at = filter
		if !keep(v) {
			return
		}
		t.at = id
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
	if t.at == f.n.id { // the merge has panicked; it may have grown
		t.at = -1
		f.cell.publish()
	}
	if !f.cell.has {
		limit, take = 1, f.takeFirst
	}
	st := f.each.each(limit, t, take)
	t.at = -1
	if st == done {
		f.cell.finish()
	}
	return st
}

// takeFirst is take where there is no value yet.
func (f *foldOp[T]) takeFirst(v T) {
	if flt, ok := f.in.(*filterOp[T]); ok {
		f.n.task.at = flt.n.id
		if !flt.keep(v) {
			return
		}
	}
	f.n.task.at = f.n.id
	f.first(v)
	f.cell.publish()
}
