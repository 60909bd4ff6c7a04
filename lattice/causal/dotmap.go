package causal

import (
	"cmp"
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// DotMapOf is the store that keeps a store under each key. A key whose store is
// empty is the same as an absent key, and only the absent one is kept: in a causal
// map presence is having live events. Keys must equal themselves (no NaN).
func DotMapOf[K cmp.Ordered, S any](store Store[S]) Store[map[K]S] {
	return dotMap[K, S]{store, lattice.Max[K]()}
}

type dotMap[K cmp.Ordered, S any] struct {
	part Store[S]
	key  lattice.Merge[K] // for its codec only
}

func (m dotMap[K, S]) clone(v map[K]S) map[K]S {
	c := make(map[K]S, len(v))
	//joinery:anyorder a copy
	for k, s := range v {
		if !m.part.empty(s) {
			c[k] = m.part.clone(s)
		}
	}
	return c
}

func (m dotMap[K, S]) empty(v map[K]S) bool {
	//joinery:anyorder a conjunction
	for _, s := range v {
		if !m.part.empty(s) {
			return false
		}
	}
	return true
}

func (m dotMap[K, S]) merge(target *map[K]S, seen Dots, delta map[K]S, pending Dots) (grew bool) {
	var part S
	//joinery:anyorder keys are merged independently of each other
	for k, d := range delta {
		part = (*target)[k]
		rose := m.part.merge(&part, seen, d, pending)
		// What an update supersedes stands under its own key as a rule. To drop it
		// here spares a look through all the others.
		if len(pending) > 0 && m.part.drop(&part, pending) {
			rose = true
		}
		if !rose {
			continue
		}
		grew = true
		if m.part.empty(part) {
			delete(*target, k)
			continue
		}
		if *target == nil {
			*target = make(map[K]S, len(delta))
		}
		(*target)[k] = part
	}
	return grew
}

func (m dotMap[K, S]) drop(target *map[K]S, pending Dots) (dropped bool) {
	var part S
	//joinery:anyorder each event stands under one key, so it matters not when that is met
	for k, s := range *target {
		part = s
		if !m.part.drop(&part, pending) {
			continue
		}
		dropped = true
		if m.part.empty(part) {
			delete(*target, k)
		} else {
			(*target)[k] = part
		}
		if len(pending) == 0 {
			break
		}
	}
	return dropped
}

func (m dotMap[K, S]) leq(a map[K]S, known Dots, b map[K]S) bool {
	//joinery:anyorder a conjunction
	for k, s := range b {
		if !m.part.leq(a[k], known, s) {
			return false
		}
	}
	return true
}

func (m dotMap[K, S]) diff(base map[K]S, gone Dots, v map[K]S, out Dots) map[K]S {
	d := make(map[K]S)
	//joinery:anyorder keys differ independently of each other
	for k, s := range v {
		if x := m.part.diff(base[k], gone, s, out); !m.part.empty(x) {
			d[k] = x
		}
	}
	return d
}

func (m dotMap[K, S]) visit(v map[K]S, add func(uint64, Spans)) {
	//joinery:anyorder the caller collects a set
	for _, s := range v {
		m.part.visit(s, add)
	}
}

func (m dotMap[K, S]) common(a, b map[K]S, out Dots) bool {
	//joinery:anyorder a conjunction
	for k, s := range a {
		if t, ok := b[k]; ok && !m.part.common(s, t, out) {
			return false
		}
	}
	return true
}

func (m dotMap[K, S]) caps() storeCaps[map[K]S] {
	var c storeCaps[map[K]S]
	part, key := m.part.caps(), lattice.CapsOf(m.key)
	if part.atoms != nil {
		c.atoms = func(v map[K]S, yield func(map[K]S, Dot) bool) bool {
			for _, k := range sortedKeys(v) {
				if !part.atoms(v[k], func(a S, d Dot) bool { return yield(map[K]S{k: a}, d) }) {
					return false
				}
			}
			return true
		}
	}
	if part.append != nil && part.decode != nil {
		c.append = func(dst []byte, v map[K]S) []byte {
			keys := sortedKeys(v)
			n := 0
			for _, k := range keys {
				if !m.part.empty(v[k]) {
					n++
				}
			}
			dst = binary.AppendUvarint(dst, uint64(n))
			for _, k := range keys {
				if !m.part.empty(v[k]) {
					dst = part.append(key.Append(dst, k), v[k])
				}
			}
			return dst
		}
		c.decode = func(src []byte) (map[K]S, []byte, error) { return m.decode(key, part, src) }
	}
	return c
}

func (m dotMap[K, S]) decode(key lattice.Caps[K], part storeCaps[S], src []byte) (map[K]S, []byte, error) {
	n, rest, err := count(src, 2)
	if err != nil {
		return nil, src, err
	}
	v := make(map[K]S)
	var prev K
	for i := range n {
		var k K
		if k, rest, err = key.Decode(rest); err != nil {
			return nil, src, fmt.Errorf("%w: key: %w", ErrDecode, err)
		}
		if i > 0 && cmp.Compare(prev, k) >= 0 || k != k {
			return nil, src, fmt.Errorf("%w: keys not ascending", ErrDecode)
		}
		prev = k
		var s S
		if s, rest, err = part.decode(rest); err != nil {
			return nil, src, err
		}
		if m.part.empty(s) {
			return nil, src, fmt.Errorf("%w: a key without events", ErrDecode)
		}
		v[k] = s
	}
	return v, rest, nil
}
