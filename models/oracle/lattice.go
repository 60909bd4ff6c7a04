package oracle

import (
	"iter"

	"github.com/joinery-go/joinery/linearizability/history"
)

// LatticeLevels judges a tagged history by the definitions of weak causal
// consistency, causal memory and causal convergence, each for lattice values: in
// an order of operations a read returns the join of the puts on its object
// before it, and has seen exactly their tags. Since a read names what it saw, the
// causal order is fixed; what is tried are the orders that extend it, for each
// level those of its definition.
func LatticeLevels(h *history.History) (cc, cm, ccv bool) {
	r, saw, ok := latticeOps(h)
	if !ok {
		return false, false, false
	}
	r.closeOver(saw)
	if r.cyclic {
		return false, false, false
	}
	explains := func(matters func(int) bool, within func(int) uint32) func(int, []int) bool {
		return func(i int, order []int) bool {
			var applied uint32
			for _, j := range order {
				if !r.isRead(j) && object(r.ops[j]) == object(r.ops[i]) {
					applied |= 1 << j & within(i)
				}
			}
			return !r.isRead(i) || !matters(i) || applied == saw[i]
		}
	}
	everything := func(int) uint32 { return r.all() }
	cc, cm = true, true
	for i := range r.ops {
		mine := func(j int) bool { return j == i }
		ours := func(j int) bool { return j == i || r.po[i]>>j&1 == 1 }
		cc = cc && (!r.isRead(i) || r.orders(r.co[i]|1<<i, r.co, explains(mine, everything)))
		cm = cm && r.orders(r.co[i]|1<<i, r.co, explains(ours, everything))
	}
	all := func(int) bool { return true }
	ccv = r.orders(r.all(), r.co, explains(all, func(i int) uint32 { return r.co[i] }))
	return cc, cm, ccv
}

// latticeOps are the operations that take part, in their sessions' order, and by read the
// puts that it saw; ok is false where a value is not the join of what was seen.
func latticeOps(h *history.History) (r *Registers, saw []uint32, ok bool) {
	r = &Registers{}
	for i := range h.Ops {
		o := &h.Ops[i]
		silent := o.Outcome == history.Failed || o.Func == history.Read && o.Outcome != history.OK
		if !silent && (o.Outcome == history.OK || seenBySomeone(h, o)) {
			r.ops = append(r.ops, o)
		}
	}
	saw = make([]uint32, len(r.ops))
	for i, o := range r.ops {
		r.po, r.co = append(r.po, 0), append(r.co, 0)
		r.source = append(r.source, -2)
		for j, p := range r.ops {
			if j < i && p.Session == o.Session && p.Outcome == history.OK {
				r.po[i] |= 1 << j
			}
		}
		if o.Func != history.Read {
			continue
		}
		r.source[i] = -1
		found := 0
		for j, p := range r.ops {
			for _, t := range o.Saw {
				if p.Func != history.Read && p.Tag == t && object(p) == object(o) {
					saw[i] |= 1 << j
					found++
				}
			}
		}
		if found != len(o.Saw) || !isValueOf(o, r.members(saw[i])) {
			return r, saw, false
		}
	}
	return r, saw, true
}

// LatticePRAM tries, for each session, every order of all puts and of its own reads that
// keeps the order of every session, and in which each read has seen exactly the puts on
// its object before it.
func LatticePRAM(h *history.History) bool {
	r, saw, ok := latticeOps(h)
	if !ok {
		return false
	}
	for _, of := range r.ops {
		var set uint32
		for i, o := range r.ops {
			if !r.isRead(i) || o.Session == of.Session {
				set |= 1 << i
			}
		}
		before := make([]uint32, len(r.ops))
		for i := range r.ops {
			before[i] = r.po[i] & set
		}
		fits := func(i int, order []int) bool {
			var applied uint32
			for _, j := range order {
				if !r.isRead(j) && object(r.ops[j]) == object(r.ops[i]) {
					applied |= 1 << j
				}
			}
			return !r.isRead(i) || applied == saw[i]
		}
		if !r.orders(set, before, fits) {
			return false
		}
	}
	return true
}

func seenBySomeone(h *history.History, w *history.Op) bool {
	for i := range h.Ops {
		for _, t := range h.Ops[i].Saw {
			if t == w.Tag && h.Ops[i].Outcome == history.OK {
				return true
			}
		}
	}
	return false
}

func (r *Registers) members(set uint32) (ops []*history.Op) {
	for i, o := range r.ops {
		if set>>i&1 == 1 {
			ops = append(ops, o)
		}
	}
	return ops
}

// closeOver computes the causal order from session order and these edges.
func (r *Registers) closeOver(edges []uint32) {
	for i := range r.co {
		r.co[i] = r.po[i] | edges[i]
	}
	r.warshall()
}

// LatticeLinearizable tries every order of the operations on each object that
// keeps to real time and in which each read has seen exactly the puts before it.
func LatticeLinearizable(h *history.History) bool {
	for _, name := range objects(h) {
		r := &Registers{}
		for i := range h.Ops {
			o := &h.Ops[i]
			silent := o.Outcome == history.Failed || o.Func == history.Read && o.Outcome != history.OK
			if object(o) == name && !silent && (o.Outcome == history.OK || seenBySomeone(h, o)) {
				r.ops = append(r.ops, o)
			}
		}
		before := make([]uint32, len(r.ops))
		for i, o := range r.ops {
			r.source = append(r.source, -2)
			if o.Func == history.Read {
				r.source[i] = -1
			}
			for j, p := range r.ops {
				if p.Outcome == history.OK && p.Return < o.Call {
					before[i] |= 1 << j
				}
			}
		}
		fits := func(i int, order []int) bool {
			var puts []*history.Op
			for _, j := range order {
				if !r.isRead(j) {
					puts = append(puts, r.ops[j])
				}
			}
			return !r.isRead(i) || sawExactly(r.ops[i], puts) && isValueOf(r.ops[i], puts)
		}
		if !r.orders(r.all(), before, fits) {
			return false
		}
	}
	return true
}

// LatticeSession spells out the session guarantees of a tagged history, each for
// every object by itself.
func LatticeSession(h *history.History) (ryw, mr, mw, wfr bool) {
	ryw, mr, mw, wfr = true, true, true, true
	sees := func(r, p *history.Op) bool {
		for _, t := range r.Saw {
			if t == p.Tag {
				return true
			}
		}
		return false
	}
	happened := func(o *history.Op) bool {
		return o.Outcome == history.OK || o.Outcome == history.Unknown && o.Func != history.Read && seenBySomeone(h, o)
	}
	// then reports that b comes after a in their session.
	then := func(a, b *history.Op) bool {
		return a.Session == b.Session && a.Index < b.Index && a.Outcome == history.OK && happened(b)
	}
	for r := range h.Ops {
		read := &h.Ops[r]
		if read.Func != history.Read || read.Outcome != history.OK {
			continue
		}
		for a := range h.Ops {
			first := &h.Ops[a]
			if object(first) != object(read) || !happened(first) {
				continue
			}
			isRead := first.Func == history.Read
			ryw = ryw && (isRead || !then(first, read) || sees(read, first))
			for b := range h.Ops {
				put := &h.Ops[b]
				if put.Func == history.Read || object(put) != object(read) || !happened(put) {
					continue
				}
				mr = mr && (!isRead || !then(first, read) || !sees(first, put) || sees(read, put))
				mw = mw && (isRead || !then(first, put) || !sees(read, put) || sees(read, first))
				for c := range h.Ops {
					old := &h.Ops[c]
					wfr = wfr && (!isRead || !then(first, put) || !sees(read, put) || !sees(first, old) || sees(read, old))
				}
			}
		}
	}
	return ryw, mr, mw, wfr
}

// AllSets yields every tagged history of exactly n operations on grow sets, as
// AllRegisters does for registers: a read sees any of the puts on its key.
func AllSets(n, sessions, keys int) iter.Seq[*history.History] {
	return func(yield func(*history.History) bool) {
		for shape := range AllRegisters(n, sessions, keys) {
			var reads []int
			blank := true
			for i := range shape.Ops {
				if o := &shape.Ops[i]; o.Func == history.Read {
					reads = append(reads, i)
					blank = blank && o.Out.IsNil()
				}
			}
			if blank && !seeSubsets(asSets(shape), reads, yield) {
				return
			}
		}
	}
}

func asSets(shape *history.History) *history.History {
	h := &history.History{Name: shape.Name, Tagged: true, Ops: append([]history.Op{}, shape.Ops...)}
	for i := range h.Ops {
		o := &h.Ops[i]
		o.Type = history.Set
		if o.Func == history.Write {
			o.Func, o.Tag = history.Add, uint64(i+1)
		}
	}
	return h
}

// seeSubsets lets the reads from the first one on see every subset.
func seeSubsets(h *history.History, reads []int, yield func(*history.History) bool) bool {
	if len(reads) == 0 {
		copied := *h
		copied.Ops = append([]history.Op{}, h.Ops...)
		return yield(&copied)
	}
	r := &h.Ops[reads[0]]
	puts := putsOn(h, object(r))
	for subset := range 1 << len(puts) {
		r.Saw = []uint64{}
		var elems []history.Value
		for n, p := range puts {
			if subset>>n&1 == 1 {
				r.Saw, elems = append(r.Saw, p.Tag), append(elems, p.Arg)
			}
		}
		r.Out = history.SetOf(elems...)
		if !seeSubsets(h, reads[1:], yield) {
			return false
		}
	}
	return true
}
