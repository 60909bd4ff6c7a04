package laws

import (
	"bytes"
	"fmt"
	"runtime/metrics"
	"slices"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Codec is about encoding: what is decoded is what was encoded, equal states have
// one encoding, merging and coding commute, and any bytes at all are decoded or
// refused, without panic and without allocating out of proportion.
func Codec[T any](m lattice.Merge[T], opts ...Option) Set[T] {
	return Set[T]{pin(codec(subjectOf(m, opts)))}
}

//go:noinline
func codec(s *subject) set {
	set := set{name: "codec", subject: s}
	laws := []law{codecRoundTrip(), codecCanonical(), codecMerge(), codecTotal(prefixAllowance)}
	if s.caps.append == nil || s.caps.decode == nil {
		for _, l := range laws {
			set.absences = append(set.absences, Absence{l.ID, "the merge has no codec"})
		}
		return set
	}
	set.laws = laws
	return set
}

// coded is v after a way through its encoding.
func (p *probe) coded(v any) (any, error) {
	got, _, err := p.s.caps.decode(p.s.caps.append(nil, v))
	return got, err
}

func codecRoundTrip() law {
	follows := []byte{0x5a, 0xff, 0x00}
	return judged("codec/round-trip", "decode(encode(a)) = a, and what stood before and follows is left alone", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		const before = 0xa5
		b := p.s.caps.append([]byte{before}, x[0])
		if len(b) == 0 || b[0] != before {
			return Fails, func() Sides {
				return Sides{"bytes before Append", "[165]", "after it they begin", fmt.Sprint(b[:min(1, len(b))])}
			}
		}
		got, rest, err := p.s.caps.decode(append(b[1:], follows...))
		ok := err == nil && p.Equal(got, x[0]) && bytes.Equal(rest, follows)
		return holds(ok), func() Sides {
			return Sides{"decode(encode(a))", fmt.Sprintf("%s, rest %x, error %v, of %x", p.Show(got), rest, err, b[1:]),
				"a", fmt.Sprintf("%s, rest %x", p.Show(x[0]), follows)}
		}
	})
}

func codecCanonical() law {
	return judged("codec/canonical", "equal states encode equally (a, b; a with nil for empty and spare capacity; a encoded twice)", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		twins := []any{x[0]}
		if p.s.variant != nil {
			twins = append(twins, p.s.variant(x[0], deep.VariantOptions{}))
		}
		if p.Equal(x[0], x[1]) {
			twins = append(twins, x[1])
		}
		want := p.s.caps.append(nil, x[0])
		for _, twin := range twins {
			if got := p.s.caps.append(nil, twin); !bytes.Equal(got, want) {
				return Fails, func() Sides {
					return Sides{"encode(a)", showBytes(want), "encode of its equal " + p.Show(twin), showBytes(got)}
				}
			}
		}
		return Holds, nil
	})
}

func codecMerge() law {
	return judged("codec/merge", "decode(encode(a)) ⊔ decode(encode(b)) = decode(encode(a ⊔ b))", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		a, errA := p.coded(x[0])
		b, errB := p.coded(x[1])
		j, errJ := p.coded(p.Join(x[0], x[1]))
		if errA != nil || errB != nil || errJ != nil {
			return Vacuous, nil // that is the business of round-trip
		}
		left := p.Join(a, b)
		return holds(p.Equal(left, j) && p.Equal(p.Join(x[0], x[1]), left)), func() Sides {
			return Sides{"decode(encode(a)) ⊔ decode(encode(b))", p.Show(left),
				"decode(encode(a ⊔ b))", fmt.Sprintf("%s, a ⊔ b = %s", p.Show(j), p.Show(p.Join(x[0], x[1])))}
		}
	})
}

// codecTotal is about any bytes; base is how many bytes decoding few of them may allocate.
func codecTotal(base uint64) law {
	return judged("codec/total", "any bytes are decoded or refused: no panic, no allocation out of proportion, and the rest is a tail of the bytes", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		for _, b := range hostile(p.s.caps.append(nil, x[0]), p.s.caps.append(nil, x[1])) {
			if what := p.mistreated(b, base); what != "" {
				return Fails, func() Sides { return Sides{"bytes", showBytes(b), "decoding them", what} }
			}
		}
		return Holds, nil
	})
}

// mistreated decodes b and says what went wrong, "" if nothing did.
func (p *probe) mistreated(b []byte, base uint64) (what string) {
	defer func() {
		if v := recover(); v != nil {
			what = "panics: " + panicText(v)
		}
	}()
	// Other goroutines allocate too: only what is repeated counts.
	const tries = 3
	var grown uint64
	for range tries {
		before := allocated()
		v, rest, err := p.s.caps.decode(slices.Clone(b))
		grown = allocated() - before
		if err == nil && !bytes.HasSuffix(b, rest) {
			return fmt.Sprintf("leaves the rest %x", rest)
		}
		if err == nil && p.s.valid != nil {
			if err := p.s.valid(v); err != nil {
				return fmt.Sprintf("gives %s, which is not of the domain: %v", p.Show(v), err)
			}
		}
		if grown <= allowance(base, len(b)) {
			return ""
		}
	}
	// The figure itself differs from run to run and stays out of the report.
	return fmt.Sprintf("allocates more than %d bytes", allowance(base, len(b)))
}

// How many bytes a decoder may allocate whatever it is given: those of merges, and those
// of whole buffers, of which encoding/gob reads into pieces of ten million bytes before
// it looks whether there are as many.
const (
	prefixAllowance = 1 << 20
	bufferAllowance = 1 << 25
)

// allowance is how many bytes decoding n bytes may allocate: far more than any
// decoder needs, and far less than a length believed without looking.
func allowance(base uint64, n int) uint64 { return base + uint64(n)*4096 }

// allocated is the bytes allocated by the process so far; large allocations are
// counted at once.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// What makes a length that a decoder which believes it allocates for, out of proportion but
// without harm. One byte in place of another makes, as the most significant of four from
// either end, two to the power of 24, for elements of some bytes, and then of 26, for single
// bytes. In place of one byte come varints of 22 and 26 bits, last, since whoever reads four
// bytes takes them for more.
var (
	largeBytes   = []byte{0x01, 0x04}
	largeVarints = [][]byte{{0x80, 0x80, 0x80, 0x02}, {0x80, 0x80, 0x80, 0x20}}
)

// promising is encodings with a large length at one of the places, the last place first: of
// lengths of eight bytes the lower half comes before the upper, where these begin with the
// most significant byte.
func promising(a []byte, places []int) (out [][]byte) {
	for _, v := range largeBytes {
		out = append(out, bytes.Repeat([]byte{v}, 16))
		for _, at := range slices.Backward(places) {
			c := slices.Clone(a)
			c[at] = v
			out = append(out, c)
		}
	}
	for _, l := range largeVarints {
		out = append(out, slices.Concat(l, l))
		for _, at := range places {
			out = append(out, slices.Concat(a[:at], l, a[at+1:]))
		}
	}
	return out
}

// hostile makes bytes out of two encodings: cut off, overwritten, spliced, and
// with lengths that promise what is not there. Lengths rise: one for which there is no
// memory ends the process, and nobody would see what decoding did.
func hostile(a, b []byte) [][]byte {
	const most = 12
	huge := [][]byte{{0xff, 0xff, 0xff, 0xff, 0x0f}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}}
	places := make([]int, min(len(a), most))
	for i := range places {
		places[i] = i * len(a) / len(places)
	}
	out := promising(a, places)
	out = append(out, nil, bytes.Repeat([]byte{0xff}, 16), bytes.Repeat([]byte{0x80}, 16))
	for _, at := range places {
		out = append(out, a[:at], slices.Concat(a[:at], b[min(at, len(b)):]))
		for _, v := range []byte{0x00, 0x7f, 0xff} {
			c := slices.Clone(a)
			c[at] = v
			out = append(out, c)
		}
		for _, h := range huge {
			out = append(out, slices.Concat(a[:at], h, a[at+1:]))
		}
	}
	return out
}
