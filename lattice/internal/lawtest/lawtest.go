// Package lawtest checks the merges of lattice/... against the laws, in few and
// plain lines that share nothing with package laws: a second opinion, for the
// tests of these packages only. It does not explain or minimise; laws does.
package lawtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
)

// Tuples draws n states that belong together.
type Tuples[T any] func(rt *rapid.T, n int) []T

// Joins draws three states and makes each of the n a join of some of them, so
// that ties and chains are likely.
func Joins[T any](m lattice.Merge[T], states *rapid.Generator[T]) Tuples[T] {
	return func(rt *rapid.T, n int) []T {
		base := []T{states.Draw(rt, "base"), states.Draw(rt, "base"), states.Draw(rt, "base")}
		out := make([]T, n)
		for i := range out {
			mask := rapid.IntRange(1, 7).Draw(rt, "join of")
			first := true
			for j, b := range base {
				switch {
				case mask>>j&1 == 0:
				case first:
					out[i], first = m.Clone(b), false
				default:
					m.MergeIn(&out[i], b)
				}
			}
		}
		return out
	}
}

// Check runs every law that applies to m, one property each.
func Check[T any](t *testing.T, m lattice.Merge[T], tuples Tuples[T]) {
	t.Helper()
	c := checker[T]{m, lattice.CapsOf(m)}
	for _, law := range c.laws() {
		t.Run(law.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { law.check(rt, tuples(rt, 3)) })
		})
	}
}

type checker[T any] struct {
	m    lattice.Merge[T]
	caps lattice.Caps[T]
}

type law[T any] struct {
	name  string
	check func(rt *rapid.T, x []T)
}

func (c checker[T]) laws() []law[T] {
	laws := []law[T]{
		{"associative", func(rt *rapid.T, x []T) {
			c.same(rt, c.join(c.join(x[0], x[1]), x[2]), c.join(x[0], c.join(x[1], x[2])), x)
		}},
		{"commutative", func(rt *rapid.T, x []T) { c.same(rt, c.join(x[0], x[1]), c.join(x[1], x[0]), x[:2]) }},
		{"idempotent", func(rt *rapid.T, x []T) { c.same(rt, c.join(x[0], x[0]), x[0], x[:1]) }},
		{"order", c.order},
		{"grew", c.grew},
		{"aliasing", c.aliasing},
	}
	if c.caps.Bottom != nil {
		laws = append(laws, law[T]{"bottom", func(rt *rapid.T, x []T) {
			c.same(rt, c.join(c.caps.Bottom(), x[0]), x[0], x[:1])
			c.same(rt, c.join(x[0], c.caps.Bottom()), x[0], x[:1])
		}})
	}
	if c.caps.Top != nil {
		laws = append(laws, law[T]{"top", func(rt *rapid.T, x []T) {
			c.same(rt, c.join(c.caps.Top(), x[0]), c.caps.Top(), x[:1])
			c.same(rt, c.join(x[0], c.caps.Top()), c.caps.Top(), x[:1])
		}})
	}
	if c.caps.Join != nil {
		laws = append(laws, law[T]{"join", func(rt *rapid.T, x []T) {
			before := show(x)
			c.same(rt, c.caps.Join(x[0], x[1]), c.join(x[0], x[1]), x[:2])
			require.Equal(rt, before, show(x), "Join changed an operand")
		}})
	}
	if c.caps.Diff != nil {
		laws = append(laws, law[T]{"diff", c.diff})
	}
	if c.caps.Atoms != nil {
		laws = append(laws, law[T]{"atoms", c.atoms})
	}
	if c.caps.Append != nil {
		laws = append(laws, law[T]{"codec", c.codec}, law[T]{"decoder", c.decoder})
	}
	return laws
}

func show(v any) string { return fmt.Sprintf("%+v", v) }

func (c checker[T]) join(a, b T) T {
	t := c.m.Clone(a)
	c.m.MergeIn(&t, b)
	return t
}

// same wants a and b to be equal by Compare and, where there is a codec, by
// encoding.
func (c checker[T]) same(rt *rapid.T, a, b T, of []T) {
	rt.Helper()
	if c.m.Compare(a, b) != lattice.Equal {
		rt.Fatalf("%+v and %+v differ (%v), of %+v", a, b, c.m.Compare(a, b), of)
	}
	if c.caps.Append != nil && !slices.Equal(c.caps.Append(nil, a), c.caps.Append(nil, b)) {
		rt.Fatalf("%+v and %+v are equal but encode differently, of %+v", a, b, of)
	}
}

func (c checker[T]) equal(a, b T) bool { return c.m.Compare(a, b) == lattice.Equal }

func (c checker[T]) order(rt *rapid.T, x []T) {
	j := c.join(x[0], x[1])
	if c.m.Compare(x[0], x[1]).Leq() != c.equal(j, x[1]) {
		rt.Fatalf("a ⊑ b does not agree with a ⊔ b = b: %+v, %v, join %+v", x[:2], c.m.Compare(x[0], x[1]), j)
	}
	if c.m.Compare(x[0], x[1]) != c.m.Compare(x[1], x[0]).Dual() {
		rt.Fatalf("not dual: %+v", x[:2])
	}
	if !c.m.Compare(x[0], j).Leq() || !c.m.Compare(x[1], j).Leq() {
		rt.Fatalf("%+v is no upper bound of %+v", j, x[:2])
	}
	if c.m.Compare(x[0], x[2]).Leq() && c.m.Compare(x[1], x[2]).Leq() && !c.m.Compare(j, x[2]).Leq() {
		rt.Fatalf("%+v is not the least upper bound: %+v", j, x)
	}
	if c.m.Compare(x[0], x[1]).Leq() && c.m.Compare(x[1], x[2]).Leq() && !c.m.Compare(x[0], x[2]).Leq() {
		rt.Fatalf("not transitive: %+v", x)
	}
}

func (c checker[T]) grew(rt *rapid.T, x []T) {
	target := c.m.Clone(x[0])
	if grew := c.m.MergeIn(&target, x[1]); grew == c.equal(target, x[0]) {
		rt.Fatalf("grew is %v: %+v into %+v gives %+v", grew, x[1], x[0], target)
	}
	if c.m.MergeIn(&target, x[1]) {
		rt.Fatalf("merging %+v again reports growth of %+v", x[1], target)
	}
}

// aliasing merges on after each sharing that a merge could leave behind.
func (c checker[T]) aliasing(rt *rapid.T, x []T) {
	a, b := c.m.Clone(x[0]), c.m.Clone(x[1])
	before := show(b)
	c.m.MergeIn(&a, b)
	c.m.MergeIn(&a, x[2])
	require.Equal(rt, before, show(b), "the delta changed")
	a = c.join(x[0], b)
	after := show(a)
	c.m.MergeIn(&b, x[2])
	require.Equal(rt, after, show(a), "the result shares with the delta")
	clone := c.m.Clone(a)
	c.m.MergeIn(&clone, x[2])
	require.Equal(rt, after, show(a), "the clone shares with its original")
	clone = c.m.Clone(a)
	c.m.MergeIn(&a, x[2])
	require.Equal(rt, after, show(clone), "the original shares with its clone")
}

func (c checker[T]) diff(rt *rapid.T, x []T) {
	base, v := x[0], x[1]
	before := show(x)
	d := c.caps.Diff(base, v)
	require.Equal(rt, before, show(x), "Diff changed an operand")
	c.same(rt, c.join(d, base), c.join(v, base), x[:2])
	if !c.m.Compare(d, v).Leq() {
		rt.Fatalf("the difference %+v has what %+v has not", d, v)
	}
	if c.caps.Bottom != nil && c.m.Compare(v, base).Leq() && !c.equal(d, c.caps.Bottom()) {
		rt.Fatalf("%+v less %+v is %+v, not ⊥", v, base, d)
	}
	if c.caps.Atoms != nil {
		for a := range c.caps.Atoms(d) {
			if c.m.Compare(a, base).Leq() {
				rt.Fatalf("the difference %+v has %+v, which %+v has", d, a, base)
			}
		}
	}
	c.m.MergeIn(&d, x[2])
	require.Equal(rt, before, show(x), "the difference shares with an operand")
}

func (c checker[T]) atoms(rt *rapid.T, x []T) {
	j := c.caps.Bottom()
	for a := range c.caps.Atoms(x[0]) {
		if c.equal(a, c.caps.Bottom()) {
			rt.Fatalf("⊥ is no atom: %+v", x[0])
		}
		n := 0
		for b := range c.caps.Atoms(a) {
			n++
			if !c.equal(a, b) {
				rt.Fatalf("the atom %+v of %+v has the atom %+v", a, x[0], b)
			}
		}
		if n != 1 {
			rt.Fatalf("the atom %+v of %+v has %d atoms", a, x[0], n)
		}
		c.m.MergeIn(&j, a)
	}
	c.same(rt, j, x[0], x[:1])
}

func (c checker[T]) codec(rt *rapid.T, x []T) {
	b := c.caps.Append([]byte{7}, x[0])[1:]
	got, rest, err := c.caps.Decode(append(slices.Clone(b), 0xAA))
	require.NoError(rt, err, "%+v", x[0])
	require.Equal(rt, []byte{0xAA}, rest)
	c.same(rt, got, x[0], x[:1])
	c.same(rt, c.join(got, x[1]), c.join(x[0], x[1]), x[:2])
	for i := range b {
		if _, err := lattice.Decode(c.m, b[:i]); err == nil {
			rt.Fatalf("%+v cut to %d of %d bytes decodes", x[0], i, len(b))
		}
	}
}

// decoder feeds bytes near and far from an encoding.
func (c checker[T]) decoder(rt *rapid.T, x []T) {
	b := c.caps.Append(nil, x[0])
	if len(b) > 0 && rapid.Bool().Draw(rt, "near") {
		b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
	} else {
		b = rapid.SliceOfN(rapid.Byte(), 0, 24).Draw(rt, "bytes")
	}
	Decoded(rt, c.m, b)
}

// Decoded decodes b, and where that succeeds wants the value to be of the domain:
// it encodes to b, equals itself and merges with itself.
func Decoded[T any](t require.TestingT, m lattice.Merge[T], b []byte) {
	v, err := lattice.Decode(m, b)
	if err != nil {
		return
	}
	require.Equal(t, b, lattice.Encode(m, v), "one value has one encoding")
	require.Equal(t, lattice.Equal, m.Compare(v, v))
	c := m.Clone(v)
	assert.False(t, m.MergeIn(&c, v))
}
