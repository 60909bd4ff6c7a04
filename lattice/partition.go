package lattice

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
)

// Partition is the plain domain of [PartitionOf]: which elements are known to be
// the same. It maps every element of a class but the least to the least, and
// nothing else, so that equal partitions are equal maps; an element that occurs
// nowhere is alone in its class. [Unite] makes one of two elements.
type Partition[E cmp.Ordered] map[E]E

// Unite is the partition in which x and y are the same and everything else is
// alone: the delta that joins their classes in any partition.
func Unite[E cmp.Ordered](x, y E) Partition[E] {
	switch c := cmp.Compare(x, y); {
	case c < 0:
		return Partition[E]{y: x}
	case c > 0:
		return Partition[E]{x: y}
	}
	return Partition[E]{}
}

// Find is the least element of the class of x, in constant time.
func (p Partition[E]) Find(x E) E { return root(p, x) }

// Same reports whether x and y are known to be the same.
func (p Partition[E]) Same(x, y E) bool { return cmp.Compare(p.Find(x), p.Find(y)) == 0 }

// Classes lists the classes of more than one element, each ascending, in the
// order of their least elements.
func (p Partition[E]) Classes() [][]E {
	var classes [][]E
	at := make(map[E]int)
	for _, x := range slices.Sorted(p.roots()) {
		if _, seen := at[x]; !seen {
			at[x] = len(classes)
			classes = append(classes, []E{x})
		}
	}
	for _, x := range sortedKeys(newScalar[E](), p) {
		i := at[p.Find(x)]
		classes[i] = append(classes[i], x)
	}
	return classes
}

func (p Partition[E]) roots() iter.Seq[E] {
	return func(yield func(E) bool) {
		//joinery:anyorder the caller sorts
		for x := range p {
			if !yield(p.Find(x)) {
				return
			}
		}
	}
}

// root follows parents while they descend, so that it ends on any map at all.
func root[E cmp.Ordered](p map[E]E, x E) E {
	for {
		parent, ok := p[x]
		if !ok || !cmp.Less(parent, x) {
			return x
		}
		x = parent
	}
}

// PartitionOf merges partitions, ordered by coarsening: a ⊑ b iff whatever is the
// same in a is the same in b, and a ⊔ b is the least equivalence that contains
// both. ⊥ keeps everything apart; over an unbounded E there is no ⊤. This is
// union-find as a lattice: equalities only accumulate, so it suits unification,
// connected components and aliases. The lattice is not distributive. Elements
// must equal themselves (no NaN).
//
// A merge that joins no classes costs O(|delta|); one that does costs near
// O(|delta| + |target|), since classes are kept flat. (Tarjan 1975; Hydro's
// UnionFind.)
func PartitionOf[E cmp.Ordered]() Merge[Partition[E]] { return partitionMerge[E]{newScalar[E]()} }

type partitionMerge[E cmp.Ordered] struct{ elem scalar[E] }

func (partitionMerge[E]) MergeIn(target *Partition[E], delta Partition[E]) bool {
	united := 0
	//joinery:anyorder the least element of a class is its name, however it came about
	for x, y := range delta {
		t := *target
		low, high := root(t, x), root(t, y)
		switch c := cmp.Compare(low, high); {
		case c == 0:
			continue
		case c > 0:
			low, high = high, low
		}
		if t == nil {
			t = make(Partition[E], len(delta))
			*target = t
		}
		t[high] = low
		united++
	}
	if united == 0 {
		return false
	}
	t := *target
	//joinery:anyorder every element ends at the least of its class
	for x := range t {
		t.flatten(x)
	}
	return true
}

// flatten makes every element on the way from x to its root point at the root.
func (p Partition[E]) flatten(x E) {
	r := root(p, x)
	for {
		parent, ok := p[x]
		if !ok || cmp.Compare(parent, r) == 0 {
			return
		}
		p[x] = r
		x = parent
	}
}

func (partitionMerge[E]) Compare(a, b Partition[E]) Order {
	o := Incomparable
	if refines(a, b) {
		o |= Less
	}
	if refines(b, a) {
		o |= Greater
	}
	return o
}

// refines reports a ⊑ b.
func refines[E cmp.Ordered](a, b Partition[E]) bool {
	//joinery:anyorder a conjunction
	for x, y := range a {
		if !b.Same(x, y) {
			return false
		}
	}
	return true
}

func (partitionMerge[E]) Clone(v Partition[E]) Partition[E] {
	c := make(Partition[E], len(v))
	//joinery:anyorder a copy
	for x, r := range v {
		c[x] = r
	}
	return c
}

func (m partitionMerge[E]) Caps() Caps[Partition[E]] {
	return Caps[Partition[E]]{
		Bottom: func() Partition[E] { return Partition[E]{} },
		Join:   func(a, b Partition[E]) Partition[E] { return Join[Partition[E]](m, a, b) },
		Diff:   m.diff,
		Atoms: func(v Partition[E]) iter.Seq[Partition[E]] {
			return func(yield func(Partition[E]) bool) {
				for _, x := range sortedKeys(m.elem, v) {
					if !yield(Partition[E]{x: v[x]}) {
						return
					}
				}
			}
		},
		Append: func(dst []byte, v Partition[E]) []byte {
			dst = binary.AppendUvarint(dst, uint64(len(v)))
			for _, x := range sortedKeys(m.elem, v) {
				dst = m.elem.append(m.elem.append(dst, x), v[x])
			}
			return dst
		},
		Decode: m.decode,
	}
}

// diff keeps a spanning forest of what v unites beyond base: a pair that the
// pairs before it imply is left out.
func (m partitionMerge[E]) diff(base, v Partition[E]) Partition[E] {
	known := m.Clone(base)
	d := make(Partition[E])
	for _, x := range sortedKeys(m.elem, v) {
		low, high := known.Find(x), known.Find(v[x])
		if low == high {
			continue
		}
		known[max(low, high)] = min(low, high)
		d[x] = v[x]
	}
	return d
}

func (m partitionMerge[E]) decode(src []byte) (Partition[E], []byte, error) {
	v := make(Partition[E])
	value := Caps[E]{Append: m.elem.append, Decode: m.elem.decode}
	rest, err := decodeEntries(src, m.elem, value, func(x, r E) { v[x] = r })
	if err != nil {
		return nil, src, err
	}
	//joinery:anyorder a conjunction
	for x, r := range v {
		if _, inner := v[r]; inner || !(r < x) || r != r {
			return nil, src, decodeErr("an element of a class does not name its least")
		}
	}
	return v, rest, nil
}
