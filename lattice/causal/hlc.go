package causal

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"github.com/joinery-go/joinery/lattice"
)

// Hybrid is the time of a hybrid logical clock: ticks of a physical clock, in
// whatever unit its users agree on, and a counter of events within a tick. Times
// are ordered by Wall, then by Logical. The zero Hybrid is before every event.
type Hybrid struct {
	Wall    uint64
	Logical uint32
}

// Compare is negative, zero or positive as t is before, equal to or after u.
func (t Hybrid) Compare(u Hybrid) int {
	return cmp.Or(cmp.Compare(t.Wall, u.Wall), cmp.Compare(t.Logical, u.Logical))
}

// Now is the time of a local event where t is the clock's last time and wall the
// reading of the physical clock: after t, and following wall while that runs ahead.
// A tick whose counter is used up is left for the next one, ahead of the physical
// clock; ErrOverflow comes only at the end of all ticks.
func (t Hybrid) Now(wall uint64) (Hybrid, error) {
	switch {
	case wall > t.Wall:
		return Hybrid{Wall: wall}, nil
	case t.Logical < math.MaxUint32:
		return Hybrid{t.Wall, t.Logical + 1}, nil
	case t.Wall < math.MaxUint64:
		return Hybrid{Wall: t.Wall + 1}, nil
	}
	return t, fmt.Errorf("%w: no hybrid time after %d.%d", ErrOverflow, t.Wall, t.Logical)
}

// Update is the time of the receipt of a message sent at remote: after t and after
// remote. A remote time from the far future takes the clock along; see
// [Hybrid.Ahead].
func (t Hybrid) Update(remote Hybrid, wall uint64) (Hybrid, error) {
	if t.Compare(remote) < 0 {
		t = remote
	}
	return t.Now(wall)
}

// Ahead is by how many ticks t is ahead of the physical clock, 0 if it is not.
// Kulkarni et al. bound it by the skew of the physical clocks; a receiver may want
// to refuse times beyond that.
func (t Hybrid) Ahead(wall uint64) uint64 {
	if t.Wall <= wall {
		return 0
	}
	return t.Wall - wall
}

// HybridMerge merges hybrid times to the later one; a chain from the zero time up
// to the end of all ticks. What a clock knows is the merge of its own times and of
// those it has received. (Kulkarni et al., "Logical physical clocks", OPODIS 2014.)
func HybridMerge() lattice.Merge[Hybrid] { return hybridMerge{} }

type hybridMerge struct{}

func (hybridMerge) MergeIn(target *Hybrid, delta Hybrid) bool {
	if target.Compare(delta) >= 0 {
		return false
	}
	*target = delta
	return true
}

func (hybridMerge) Compare(a, b Hybrid) lattice.Order { return chainOrder(a.Compare(b)) }

func (hybridMerge) Clone(v Hybrid) Hybrid { return v }

func (m hybridMerge) Caps() lattice.Caps[Hybrid] {
	return chainCaps(m, lattice.Caps[Hybrid]{
		Bottom: func() Hybrid { return Hybrid{} },
		Top:    func() Hybrid { return Hybrid{math.MaxUint64, math.MaxUint32} },
		Append: appendHybrid,
		Decode: decodeHybrid,
	})
}

func chainOrder(c int) lattice.Order {
	switch {
	case c < 0:
		return lattice.Less
	case c > 0:
		return lattice.Greater
	}
	return lattice.Equal
}

// chainCaps adds to c what every total order with a ⊥ can do.
func chainCaps[T any](m lattice.Merge[T], c lattice.Caps[T]) lattice.Caps[T] {
	c.Join = func(a, b T) T { return lattice.Join(m, a, b) }
	c.Diff = func(base, v T) T {
		if m.Compare(v, base).Leq() {
			return c.Bottom()
		}
		return v
	}
	c.Atoms = func(v T) iter.Seq[T] {
		return func(yield func(T) bool) {
			if m.Compare(v, c.Bottom()) != lattice.Equal {
				yield(v)
			}
		}
	}
	return c
}

func appendHybrid(dst []byte, t Hybrid) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, t.Wall), uint64(t.Logical))
}

func decodeHybrid(src []byte) (Hybrid, []byte, error) {
	wall, rest, err := uvarint(src)
	if err != nil {
		return Hybrid{}, src, err
	}
	logical, rest, err := uvarint(rest)
	if err != nil {
		return Hybrid{}, src, err
	}
	if logical > math.MaxUint32 {
		return Hybrid{}, src, fmt.Errorf("%w: logical time beyond 32 bits", ErrDecode)
	}
	return Hybrid{wall, uint32(logical)}, rest, nil
}
