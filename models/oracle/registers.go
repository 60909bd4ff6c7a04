package oracle

import "github.com/joinery-go/joinery/linearizability/history"

// Registers is a small history of registers, ready to be judged at every level
// by definition: by trying orders. At most 32 operations, and in practice eight.
type Registers struct {
	ops    []*history.Op
	source []int    // by operation: the write that a read returned, -1 for the initial value; writes: -2
	po     []uint32 // by operation: those before it in its session
	co     []uint32 // by operation: those before it causally
	cyclic bool

	initial history.Value // what registers hold at first, as replay has it
}

// NewRegisters resolves what each read returned. Forbidden means that a value
// came from nowhere, which no level allows; Ambiguous that a value has several
// writers. Only with Allowed is there something to judge further.
func NewRegisters(h *history.History) (*Registers, Answer) {
	r := &Registers{}
	for i := range h.Ops {
		o := &h.Ops[i]
		silent := o.Outcome == history.Failed || o.Func == history.Read && o.Outcome != history.OK
		if !silent && (o.Outcome == history.OK || anyoneRead(h, o)) {
			r.ops = append(r.ops, o)
		}
	}
	answer := Allowed
	for i, o := range r.ops {
		r.source = append(r.source, -2)
		r.po = append(r.po, 0)
		for j, p := range r.ops[:i] {
			if p.Session == o.Session && p.Outcome == history.OK {
				r.po[i] |= 1 << j
			}
		}
		if o.Func != history.Read {
			continue
		}
		var from []int
		for j, w := range r.ops {
			if w.Func != history.Read && w.Key == o.Key && w.Arg.Equal(o.Out) {
				from = append(from, j)
			}
		}
		switch {
		case len(from) == 0 && o.Out.Equal(h.Initial):
			r.source[i] = -1
		case len(from) == 0:
			return nil, Forbidden
		case len(from) > 1 || o.Out.Equal(h.Initial):
			answer = Ambiguous
		default:
			r.source[i] = from[0]
		}
	}
	if answer == Allowed {
		r.close()
	}
	return r, answer
}

func anyoneRead(h *history.History, w *history.Op) bool {
	for i := range h.Ops {
		r := &h.Ops[i]
		if r.Func == history.Read && r.Outcome == history.OK && r.Key == w.Key && r.Out.Equal(w.Arg) {
			return true
		}
	}
	return false
}

// close computes the causal order.
func (r *Registers) close() {
	r.co = append([]uint32{}, r.po...)
	for i, j := range r.source {
		if j >= 0 {
			r.co[i] |= 1 << j
		}
	}
	r.warshall()
}

func (r *Registers) warshall() {
	for k := range r.co {
		for i := range r.co {
			if r.co[i]>>k&1 == 1 {
				r.co[i] |= r.co[k]
			}
		}
	}
	for i := range r.co {
		r.cyclic = r.cyclic || r.co[i]>>i&1 == 1
	}
}

func (r *Registers) isRead(i int) bool { return r.source[i] != -2 }

func (r *Registers) all() uint32 { return 1<<len(r.ops) - 1 }

// lastWrite returns the last write on i's register in order, -1 if none.
func (r *Registers) lastWrite(i int, order []int) int {
	for n := len(order) - 1; n >= 0; n-- {
		if j := order[n]; !r.isRead(j) && r.ops[j].Key == r.ops[i].Key {
			return j
		}
	}
	return -1
}

// orders tries every order of the set that extends before, one operation after
// the other as long as fits says so, and reports whether one comes to its end.
func (r *Registers) orders(set uint32, before []uint32, fits func(next int, order []int) bool) bool {
	return r.extend(nil, set, set, before, fits)
}

func (r *Registers) extend(order []int, left, set uint32, before []uint32, fits func(int, []int) bool) bool {
	if left == 0 {
		return true
	}
	for i := range r.ops {
		ready := left>>i&1 == 1 && before[i]&left&set == 0
		if ready && fits(i, order) && r.extend(append(order, i), left&^(1<<i), set, before, fits) {
			return true
		}
	}
	return false
}

// explains says that i, if a read that matters, returns the last write.
func (r *Registers) explains(matters func(int) bool) func(int, []int) bool {
	return func(i int, order []int) bool {
		return !r.isRead(i) || !matters(i) || r.lastWrite(i, order) == r.source[i]
	}
}

// CC is weak causal consistency: for each read there is an order of its causal
// past that explains it.
func (r *Registers) CC() bool {
	if r.cyclic {
		return false
	}
	for i := range r.ops {
		mine := func(j int) bool { return j == i }
		if r.isRead(i) && !r.orders(r.co[i]|1<<i, r.co, r.explains(mine)) {
			return false
		}
	}
	return true
}

// CM is causal memory: for each operation there is an order of its causal past
// that explains it and what its session did before.
func (r *Registers) CM() bool {
	if r.cyclic {
		return false
	}
	for i := range r.ops {
		mine := func(j int) bool { return j == i || r.po[i]>>j&1 == 1 }
		if !r.orders(r.co[i]|1<<i, r.co, r.explains(mine)) {
			return false
		}
	}
	return true
}

// CCv is causal convergence: one order of everything, extending the causal one,
// such that each read returns the last write of its causal past in that order.
func (r *Registers) CCv() bool {
	if r.cyclic {
		return false
	}
	return r.orders(r.all(), r.co, func(i int, order []int) bool {
		var past []int
		for _, j := range order {
			if r.co[i]>>j&1 == 1 {
				past = append(past, j)
			}
		}
		return !r.isRead(i) || r.lastWrite(i, past) == r.source[i]
	})
}

// PRAM asks for one order a session, of all writes and of its own reads.
func (r *Registers) PRAM() bool {
	for _, o := range r.ops {
		var set uint32
		for i := range r.ops {
			if !r.isRead(i) || r.ops[i].Session == o.Session {
				set |= 1 << i
			}
		}
		if !r.orders(set, r.po, r.explains(func(int) bool { return true })) {
			return false
		}
	}
	return true
}

// Sequential asks for one order of everything.
func (r *Registers) Sequential() bool {
	return r.orders(r.all(), r.po, r.explains(func(int) bool { return true }))
}

// Session judges a set of session guarantees, given by the letters of their
// usual names (ryw, mr, mw, wfr), by trying orders: for each session there is an
// order of all writes and its reads (without mr, for each of its reads one of all
// writes and that read), in which reads return the last write and every pair of
// operations stands as the guarantees demand.
func (r *Registers) Session(ryw, mr, mw, wfr bool) bool {
	var writes uint32
	for i := range r.ops {
		if !r.isRead(i) {
			writes |= 1 << i
		}
	}
	for _, o := range r.ops {
		views := []uint32{0} // the reads of each view
		for i := range r.ops {
			switch mine := r.isRead(i) && r.ops[i].Session == o.Session; {
			case mine && mr:
				views[0] |= 1 << i
			case mine:
				views = append(views, 1<<i)
			}
		}
		for _, reads := range views {
			before := r.kept(o.Session, ryw, mr, mw, wfr)
			if !r.orders(writes|reads, before, r.explains(func(int) bool { return true })) {
				return false
			}
		}
	}
	return true
}

// kept is what a view of the session keeps, by operation those before it.
func (r *Registers) kept(session int, ryw, mr, mw, wfr bool) []uint32 {
	before := make([]uint32, len(r.ops))
	for j := range r.ops {
		for i := range r.ops {
			if r.po[j]>>i&1 == 0 {
				continue
			}
			mine := r.ops[i].Session == session
			switch {
			case !r.isRead(i) && !r.isRead(j) && mw:
				before[j] |= 1 << i
			case r.isRead(i) && r.isRead(j) && mine && mr:
				before[j] |= 1 << i
			case r.isRead(i) != r.isRead(j) && mine && ryw, !r.isRead(i) && !r.isRead(j) && mine && ryw:
				before[j] |= 1 << i
			}
			if r.isRead(i) && !r.isRead(j) && wfr && r.source[i] >= 0 {
				before[j] |= 1 << r.source[i]
			}
		}
	}
	return before
}
