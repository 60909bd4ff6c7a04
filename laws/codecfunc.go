package laws

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
)

// CheckCodec checks a codec of whole buffers, such as encoding/json, gob or a protobuf
// message: what is decoded is what was encoded; encoding leaves the state alone; any
// bytes at all are an error or a state that can be encoded again, without panic and
// without allocating out of proportion. [Canonical] asks for one encoding of equal
// states, and [MergedBy] that merging and coding commute; [TrustedBytes] leaves out what
// is asked of any bytes. For the codecs of merges from
// package lattice, which decode a prefix of their input, see [Codec].
func CheckCodec[S any](t T, encode func(S) ([]byte, error), decode func([]byte) (S, error), states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	set := CodecFunc(encode, decode, opts...).s.value()
	set.subject.sayUnsteady(t, ofRapid(states), opts)
	checkOn(t, set, set.drawing(ofRapid(states)), opts)
}

// CodecFunc is the set that [CheckCodec] checks.
func CodecFunc[S any](encode func(S) ([]byte, error), decode func([]byte) (S, error), opts ...Option) Set[S] {
	o := settingsOf(opts)
	s := bind[S](o)
	if encode == nil || decode == nil {
		s.fail(fmt.Errorf("%w: a codec needs encode and decode", ErrSetup))
	}
	c := codecFunc{
		encode: func(v any) ([]byte, error) { return encode(unbox[S](v)) },
		decode: func(b []byte) (any, error) {
			v, err := decode(b)
			return &v, err
		},
	}
	return Set[S]{pin(c.set(s, o))}
}

// codecFunc is a codec of whole buffers over boxes.
type codecFunc struct {
	encode func(any) ([]byte, error)
	decode func([]byte) (any, error)
}

func (c codecFunc) set(s *subject, o settings) set {
	s.knows(o, "CheckCodec", "Canonical", "MergedBy", "TrustedBytes")
	s.mergedBy(o)
	s.thing = "codec"
	// Laws that codecs of prefixes have too see this one as a codec that decodes all.
	s.caps.append = func(dst []byte, v any) []byte {
		b, err := c.encode(v)
		if err != nil {
			panic(refusal{err})
		}
		return append(dst, b...)
	}
	s.caps.decode = func(src []byte) (v any, rest []byte, err error) {
		v, err = c.decode(src)
		return v, nil, err
	}
	s.guards = []law{c.stateUnchanged()}
	set := set{name: "codec", parents: []set{wellPosed(s)}, subject: s, laws: []law{c.stateUnchanged(), c.roundTrip()}}
	if o.door.canonical {
		set.laws = append(set.laws, codecCanonical())
	} else {
		set.absences = append(set.absences, Absence{"codec/canonical", "laws.Canonical does not declare it"})
	}
	if s.join != nil {
		set.laws = append(set.laws, codecMerge())
	} else {
		set.absences = append(set.absences, Absence{"codec/merge", "laws.MergedBy gives no merge"})
	}
	if o.door.trusted {
		const why = "laws.TrustedBytes declares that nothing is decoded but what encode wrote"
		set.absences = append(set.absences, Absence{"codec/total", why}, Absence{"codec/decoded", why})
	} else {
		set.laws = append(set.laws, codecTotal(bufferAllowance), c.decoded())
	}
	return set.mapped(unlessRefused)
}

func (c codecFunc) stateUnchanged() law {
	return judged("codec/state-unchanged", "encode leaves a as it was", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		a := p.Copy(x[0])
		s, changed := Sides{}, !watched(p, a, func() { _, _ = c.encode(a) }) // what it returns is the business of round-trip
		if changed {
			a = p.Copy(x[0])
			s, _ = beforeAfter(p, "a", a, "encode(a)", func() { _, _ = c.encode(a) })
		}
		return holds(!changed), func() Sides { return s }
	})
}

func (c codecFunc) roundTrip() law {
	return judged("codec/round-trip", "decode(encode(a)) = a", 1, func(p *probe, x []any) (Outcome, func() Sides) {
		got, words := c.around(p, x[0])
		if words == "" && p.Equal(got, x[0]) {
			return Holds, nil
		}
		return Fails, func() Sides {
			if words == "" {
				words = p.Show(got)
			}
			return Sides{"decode(encode(a))", words, "a", p.Show(x[0])}
		}
	})
}

// around is v after a way through its encoding, or in words why it did not come back.
func (c codecFunc) around(p *probe, v any) (got any, words string) {
	b, err := c.encode(v)
	if err != nil {
		return nil, fmt.Sprintf("encode refuses it: %v", err)
	}
	if got, err = c.decode(b); err != nil {
		return nil, fmt.Sprintf("decode refuses %s: %v", showBytes(b), err)
	}
	return got, ""
}

// decoded is about what comes of bytes that nobody encoded: a state like any other.
func (c codecFunc) decoded() law {
	const statement = "what any bytes are decoded to is a state: it can be encoded, and decode(encode(v)) = v"
	return judged("codec/decoded", statement, 2, func(p *probe, x []any) (Outcome, func() Sides) {
		for _, b := range hostile(p.s.caps.append(nil, x[0]), p.s.caps.append(nil, x[1])) {
			before := allocated()
			v, refused := c.decodedSafely(b)
			if allocated()-before > allowance(bufferAllowance, len(b)) {
				return Holds, nil // the business of codec/total: what follows might end the process
			}
			if refused || !p.Equal(v, v) {
				continue // the latter is no state that anything could be equal to
			}
			got, words := c.around(p, v)
			if words == "" && p.Equal(got, v) {
				continue
			}
			return Fails, func() Sides {
				if words == "" {
					words = p.Show(got)
				}
				return Sides{"v", p.Show(v) + " decoded from " + showBytes(b), "decode(encode(v))", words}
			}
		}
		return Holds, nil
	})
}

// decodedSafely decodes bytes; that decode panics is the business of codec/total.
func (c codecFunc) decodedSafely(b []byte) (v any, refused bool) {
	defer func() { refused = recover() != nil || refused }()
	v, err := c.decode(append([]byte(nil), b...))
	return v, err != nil
}

// showBytes prints bytes as a Go string where they are text, and else as digits.
func showBytes(b []byte) string {
	for _, c := range b {
		if c < ' ' || c > '~' || c == '`' {
			return fmt.Sprintf("%x", b)
		}
	}
	return "`" + string(b) + "`"
}

// drawing is the source of a set whose subject may have no merge.
func (s set) drawing(g gen.Gen[any]) gen.Source[any] {
	if s.subject.join == nil {
		return s.subject.apart(g)
	}
	return s.source(g)
}
