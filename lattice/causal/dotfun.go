package causal

import (
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// DotFunOf is the store of events with a payload each, which m merges where two
// states hold the same event. In a run the payloads of one dot are equal, or grow.
func DotFunOf[V any](m lattice.Merge[V]) Store[map[Dot]V] { return dotFun[V]{m} }

type dotFun[V any] struct{ val lattice.Merge[V] }

func (f dotFun[V]) clone(v map[Dot]V) map[Dot]V {
	c := make(map[Dot]V, len(v))
	//joinery:anyorder a copy
	for d, x := range v {
		c[d] = f.val.Clone(x)
	}
	return c
}

func (dotFun[V]) empty(v map[Dot]V) bool { return len(v) == 0 }

func (f dotFun[V]) merge(target *map[Dot]V, seen Dots, delta map[Dot]V, pending Dots) (grew bool) {
	//joinery:anyorder events are merged independently of each other
	for d, x := range delta {
		if have, ok := (*target)[d]; ok {
			pending.strike(d.Origin, one(d.Seq))
			if f.val.MergeIn(&have, x) {
				(*target)[d] = have
				grew = true
			}
			continue
		}
		if seen.Contains(d) {
			continue
		}
		if *target == nil {
			*target = make(map[Dot]V, len(delta))
		}
		(*target)[d] = f.val.Clone(x)
		grew = true
	}
	return grew
}

func (dotFun[V]) drop(target *map[Dot]V, pending Dots) (dropped bool) {
	before := len(*target)
	if pending.atMost(uint64(before)) {
		pending.each(func(d Dot) bool {
			if _, ok := (*target)[d]; ok {
				delete(*target, d)
				pending.strike(d.Origin, one(d.Seq))
			}
			return true
		})
		return len(*target) < before
	}
	//joinery:anyorder events are dropped independently of each other
	for d := range *target {
		if pending.Contains(d) {
			delete(*target, d)
			pending.strike(d.Origin, one(d.Seq))
		}
	}
	return len(*target) < before
}

func (f dotFun[V]) leq(a map[Dot]V, known Dots, b map[Dot]V) bool {
	//joinery:anyorder a conjunction
	for d, x := range b {
		have, ok := a[d]
		if ok && !f.val.Compare(have, x).Leq() || !ok && known.Contains(d) {
			return false
		}
	}
	return true
}

func (f dotFun[V]) diff(base map[Dot]V, gone Dots, v map[Dot]V, out Dots) map[Dot]V {
	diff := lattice.CapsOf(f.val).Diff
	part := make(map[Dot]V)
	//joinery:anyorder events differ independently of each other
	for d, x := range v {
		have, live := base[d]
		switch {
		case live && f.val.Compare(x, have).Leq(), !live && gone.Contains(d):
			continue
		case live && diff != nil:
			part[d] = diff(have, x)
		default:
			part[d] = f.val.Clone(x)
		}
		out.Add(d)
	}
	return part
}

func (dotFun[V]) visit(v map[Dot]V, add func(uint64, Spans)) {
	//joinery:anyorder the caller collects a set
	for d := range v {
		add(d.Origin, one(d.Seq))
	}
}

func (f dotFun[V]) common(a, b map[Dot]V, out Dots) bool {
	//joinery:anyorder a conjunction
	for d, x := range a {
		if y, ok := b[d]; ok {
			out.Add(d)
			if f.val.Compare(x, y) != lattice.Equal {
				return false
			}
		}
	}
	return true
}

func (f dotFun[V]) caps() storeCaps[map[Dot]V] {
	var c storeCaps[map[Dot]V]
	val := lattice.CapsOf(f.val)
	if val.Bottom != nil && val.Atoms != nil {
		c.atoms = func(v map[Dot]V, yield func(map[Dot]V, Dot) bool) bool {
			for _, d := range sortedDots(v) {
				some := false
				for a := range val.Atoms(v[d]) {
					some = true
					if !yield(map[Dot]V{d: a}, d) {
						return false
					}
				}
				if !some && !yield(map[Dot]V{d: val.Bottom()}, d) {
					return false
				}
			}
			return true
		}
	}
	if val.Append != nil && val.Decode != nil {
		c.append = func(dst []byte, v map[Dot]V) []byte {
			dst = binary.AppendUvarint(dst, uint64(len(v)))
			for _, d := range sortedDots(v) {
				dst = binary.AppendUvarint(binary.AppendUvarint(dst, d.Origin), d.Seq)
				dst = val.Append(dst, v[d])
			}
			return dst
		}
		c.decode = func(src []byte) (map[Dot]V, []byte, error) { return decodeDotFun(val, src) }
	}
	return c
}

func decodeDotFun[V any](val lattice.Caps[V], src []byte) (map[Dot]V, []byte, error) {
	n, rest, err := count(src, 2)
	if err != nil {
		return nil, src, err
	}
	v := make(map[Dot]V)
	var prev Dot
	for i := range n {
		var d Dot
		if d.Origin, rest, err = uvarint(rest); err != nil {
			return nil, src, err
		}
		if d.Seq, rest, err = uvarint(rest); err != nil {
			return nil, src, err
		}
		if i > 0 && d.Compare(prev) <= 0 {
			return nil, src, fmt.Errorf("%w: dots not ascending", ErrDecode)
		}
		prev = d
		var x V
		if x, rest, err = val.Decode(rest); err != nil {
			return nil, src, fmt.Errorf("%w: payload: %w", ErrDecode, err)
		}
		v[d] = x
	}
	return v, rest, nil
}
