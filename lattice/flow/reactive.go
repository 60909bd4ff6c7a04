package flow

import (
	"github.com/joinery-go/joinery/lattice"
)

// MapState is f of each value of s. It is published where it rises; where a value
// is not above the one before, the run ends with [ErrFell]. A function claimed
// non-monotone needs an edge that is final, behind [Seal]; [Start] refuses others.
//
// f.F must be pure, and neither change its argument nor keep it.
func MapState[A, B any](s State[A], f lattice.Function[A, B], claim Claim) State[B] {
	n := lost(s.Graph()).add("map-state", stateRule)
	asks(n, "", f.From)
	n.hold(held{lattice.OfFunction, lattice.NameOf(f.F), lattice.NameOf(f.From), lattice.NameOf(f.To)}, claim)
	n.need(f.F != nil && f.From != nil && f.To != nil, "a function needs F, From and To")
	out := newState(n, orNone(f.To))
	o := &mapState[A, B]{n: n, up: readState(s, n, ""), f: f.F, cell: out.cell}
	n.task = &task{n: n, run: o.run}
	return out
}

func orNone[T any](m lattice.Merge[T]) lattice.Merge[T] {
	if m == nil {
		return noMerge[T]{}
	}
	return m
}

type mapState[A, B any] struct {
	n    *node
	up   *cell[A]
	seen uint64
	f    func(A) B
	cell *cell[B]
}

func (o *mapState[A, B]) run() status {
	o.cell.resume()
	if o.up.has && o.seen != o.up.ver {
		ver := o.up.ver
		o.n.busy.Store(true)
		v := o.f(o.up.val)
		o.n.busy.Store(false)
		if st := o.cell.rise(v); st != ready {
			return st
		}
		o.seen = ver
	}
	return follow(o.up.done, o.cell)
}

// follow ends c where all it depends on has ended.
func follow[T any](ended bool, c *cell[T]) status {
	if ended {
		c.finish()
		return done
	}
	return pending
}

// Zip is the pair of the values of a and b, once both have one.
func Zip[A, B any](a State[A], b State[B]) State[lattice.Pair[A, B]] {
	n := lost(a.Graph()).add("zip", stateRule)
	n.claim = built(lattice.IsMorphism)
	z := &zip[A, B]{a: readState(a, n, "first"), b: readState(b, n, "second")}
	out := newState(n, lattice.PairOf(z.a.m, z.b.m))
	z.cell = out.cell
	n.task = &task{n: n, run: z.run}
	return out
}

type zip[A, B any] struct {
	a            *cell[A]
	b            *cell[B]
	cell         *cell[lattice.Pair[A, B]]
	seenA, seenB uint64
}

func (z *zip[A, B]) run() status {
	z.cell.resume()
	if z.a.has && z.b.has && (z.seenA != z.a.ver || z.seenB != z.b.ver) {
		if z.seenA != z.a.ver {
			z.cell.val.First, z.seenA = z.a.m.Clone(z.a.val), z.a.ver
		}
		if z.seenB != z.b.ver {
			z.cell.val.Second, z.seenB = z.b.m.Clone(z.b.val), z.b.ver
		}
		z.cell.has = true
		z.cell.publish()
	}
	return follow(z.a.done && z.b.done, z.cell)
}

// Switch takes the pairs of s apart.
func Switch[A, B any](s State[lattice.Pair[A, B]], a lattice.Merge[A], b lattice.Merge[B]) (State[A], State[B]) {
	n := lost(s.Graph()).add("switch", stateRule)
	n.claim = built(lattice.IsMorphism)
	n.need(a != nil && b != nil, "a nil merge")
	if a != nil && b != nil {
		asks(n, "", lattice.PairOf(a, b))
	}
	first, second := newState(n, orNone(a)), newState(n, orNone(b))
	w := &switchOp[A, B]{up: readState(s, n, ""), a: first.cell, b: second.cell}
	n.task = &task{n: n, run: w.run}
	return first, second
}

type switchOp[A, B any] struct {
	up   *cell[lattice.Pair[A, B]]
	seen uint64
	a    *cell[A]
	b    *cell[B]
}

func (w *switchOp[A, B]) run() status {
	w.a.resume()
	w.b.resume()
	if w.up.has && w.seen != w.up.ver {
		ver := w.up.ver
		if st := w.a.rise(w.up.val.First); st != ready {
			return st
		}
		if st := w.b.rise(w.up.val.Second); st != ready {
			return st
		}
		w.seen = ver
	}
	follow(w.up.done, w.a)
	return follow(w.up.done, w.b)
}

// Threshold becomes true once s is at or above at, and is final then. It says no
// more of s than that, so that what reads it cannot depend on how far s has come.
// It is monotone for every lawful order; evidence says how it is known that the
// merge of s has one.
func Threshold[T any](s State[T], at T, evidence ...Evidence) State[bool] {
	n := lost(s.Graph()).add("threshold", stateRule)
	t := &threshold[T]{n: n, up: readState(s, n, "")}
	n.setEvidence(t.up.m, lattice.OfLattice, lattice.IsTricky, evidence)
	t.at = t.up.m.Clone(at)
	out := newState(n, lattice.Or())
	out.cell.begin(false)
	t.cell = out.cell
	n.task = &task{n: n, run: t.run}
	return out
}

type threshold[T any] struct {
	n    *node
	up   *cell[T]
	at   T
	cell *cell[bool]
}

func (t *threshold[T]) run() status {
	t.cell.resume()
	if t.cell.done {
		return done
	}
	reached := false
	if t.up.has {
		t.n.busy.Store(true)
		reached = t.up.m.Compare(t.at, t.up.val).Leq()
		t.n.busy.Store(false)
	}
	if reached {
		t.cell.rise(true)
	}
	return follow(reached || t.up.done, t.cell)
}

// Debounce publishes the newest value of s once nothing else can run, and after
// that many growths of s at the latest: bursts become one growth.
func Debounce[T any](s State[T], growths int) State[T] {
	n := lost(s.Graph()).add("debounce", stateRule)
	n.claim = built(lattice.IsMorphism)
	n.need(growths > 0, "a debounce after no growth")
	d := &debounce[T]{n: n, up: readState(s, n, ""), growths: uint64(max(growths, 1))}
	out := newState(n, d.up.m)
	d.cell = out.cell
	n.task = &task{n: n, run: d.run}
	return out
}

type debounce[T any] struct {
	n       *node
	up      *cell[T]
	seen    uint64
	growths uint64
	cell    *cell[T]
}

func (d *debounce[T]) run() status {
	d.cell.resume()
	t := d.n.task
	if d.up.has && d.seen != d.up.ver {
		if d.up.ver-d.seen < d.growths && !d.up.done && !t.atRest {
			t.rest()
			return pending
		}
		ver := d.up.ver
		if st := d.cell.rise(d.up.val); st != ready {
			return st
		}
		d.seen = ver
	}
	return follow(d.up.done, d.cell)
}

// Top hands on s and is final where s has come to the ⊤ of its merge, although
// what feeds s may go on: nothing can rise above it.
func Top[T any](s State[T]) State[T] {
	n := lost(s.Graph()).add("top", stateRule)
	n.claim = built(lattice.IsMorphism)
	t := &topOp[T]{up: readState(s, n, "")}
	out := newState(n, t.up.m)
	t.cell = out.cell
	if top := lattice.CapsOf(t.up.m).Top; top != nil {
		t.top = top()
	} else {
		n.need(false, "a merge without ⊤; see lattice.WithTop")
	}
	n.task = &task{n: n, run: t.run}
	return out
}

type topOp[T any] struct {
	up   *cell[T]
	seen uint64
	top  T
	cell *cell[T]
}

func (t *topOp[T]) run() status {
	t.cell.resume()
	if t.cell.done {
		return done
	}
	if t.up.has && t.seen != t.up.ver {
		ver := t.up.ver
		if st := t.cell.rise(t.up.val); st != ready {
			return st
		}
		t.seen = ver
	}
	full := t.cell.has && t.up.m.Compare(t.top, t.cell.val).Leq()
	return follow(full || t.up.done, t.cell)
}

// DebottomState hands on the values that s has above None.
func DebottomState[T any](s State[lattice.Option[T]], m lattice.Merge[T]) State[T] {
	n := lost(s.Graph()).add("debottom", stateRule)
	n.claim = built(lattice.IsMorphism)
	n.need(m != nil, "a nil merge")
	if m != nil {
		asks(n, "", lattice.WithBottom(m))
	}
	d := &debottom[T]{up: readState(s, n, "")}
	out := newState(n, orNone(m))
	d.cell = out.cell
	n.task = &task{n: n, run: d.run}
	return out
}

type debottom[T any] struct {
	up   *cell[lattice.Option[T]]
	seen uint64
	cell *cell[T]
}

func (d *debottom[T]) run() status {
	d.cell.resume()
	if d.up.has && d.seen != d.up.ver {
		ver := d.up.ver
		if d.up.val.Some {
			if st := d.cell.rise(d.up.val.Val); st != ready {
				return st
			}
		}
		d.seen = ver
	}
	return follow(d.up.done, d.cell)
}

// Const is an edge that has one value, which is final.
func Const[T any](g *Graph, v T, m lattice.Merge[T]) State[T] {
	n := lost(g).add("const", constRule)
	n.need(m != nil, "a nil merge")
	s := newState(n, orNone(m))
	s.cell.begin(s.cell.m.Clone(v))
	s.cell.done = true
	return s
}
