package laws_test

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// What a programmer met who wrote sixty merges of their own, half of them wrong.

// tagged is a record whose greater encoding wins.
type tagged struct {
	Rev  int
	Tags map[string]string
	List []string
}

func byEncoding(a, b map[string]tagged) map[string]tagged {
	encoded := func(v tagged) string {
		b, _ := json.Marshal(v)
		return string(b)
	}
	j := maps.Clone(a)
	if j == nil {
		j = map[string]tagged{}
	}
	for k, v := range b {
		if o, ok := j[k]; !ok || v.Rev > o.Rev || v.Rev == o.Rev && encoded(v) > encoded(o) {
			j[k] = v
		}
	}
	return j
}

func taggedStates(withNil bool) *rapid.Generator[map[string]tagged] {
	return rapid.MapOfN(rapid.StringMatching(`[a-c]`), rapid.Custom(func(t *rapid.T) tagged {
		v := tagged{
			rapid.Int().Draw(t, "rev"), rapid.MapOfN(rapid.StringMatching(`[a-z]`), rapid.String(), 0, 2).Draw(t, "tags"),
			rapid.SliceOfN(rapid.String(), 0, 2).Draw(t, "list"),
		}
		if withNil && len(v.Tags) == 0 && rapid.Bool().Draw(t, "nil") {
			v.Tags = nil
		}
		return v
	}), 0, 3)
}

// A merge that compares encodings tells nil from empty. Where the states drawn have the one
// alone, that is no fault, but said; where they have both, equal states merge to others.
func TestNilThatIsNeverDrawn(t *testing.T) {
	laws.CheckMerge(t, byEncoding, taggedStates(false), laws.Cases(2000))
	laws.CheckBand(t, byEncoding, taggedStates(false), laws.Cases(2000))
	laws.CheckMergeIn(t, func(dst *map[string]tagged, d map[string]tagged) {
		*dst = byEncoding(*dst, d)
	}, taggedStates(false), laws.AllowSharing(), laws.Cases(2000))

	set := laws.Func(byEncoding)
	out := &tape{name: "TestTagged/inplace/equals-alike"}
	out.run(func() {
		laws.CheckLawTB(out, set, "inplace/equals-alike", laws.SourceOf(set, gen.FromRapid(taggedStates(false))), 2000)
	})
	assert.Contains(t, out.text(), "the merge tells nil from empty in slices or maps of which the states drawn have one of them alone")

	for id, set := range map[string]laws.Set[map[string]tagged]{"inplace/equals-alike": set, "wellposed/congruence": laws.Band(byEncoding)} {
		source := laws.SourceOf(set, gen.FromRapid(taggedStates(true)))
		for seed := range uint64(scaledRuns) {
			res, ok := laws.Run(set, source, laws.RunOptions{Seed: seed, Cases: laws.DefaultCases, Only: id}).Result(id)
			require.True(t, ok)
			require.NotNil(t, res.Failure, "seed %d", seed)
			assert.Contains(t, res.Failure.Note, "laws.Equal says so")
			assert.NotEqual(t, res.Failure.Left, res.Failure.Right)
		}
	}
}

// In a value of JSON an empty list is never nil, and so it is not tried.
func TestNilInsideOfAny(t *testing.T) {
	greater := func(a, b any) any {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) >= string(y) {
			return a
		}
		return b
	}
	laws.CheckMerge(t, greater, rapid.OneOf(
		rapid.Bool().AsAny(), rapid.SliceOfN(rapid.Bool().AsAny(), 0, 2).AsAny(),
		rapid.MapOfN(rapid.StringMatching(`[ab]`), rapid.Bool().AsAny(), 0, 2).AsAny(),
	), laws.Cases(2000))
}

// A generator that reads a clock makes states that do not tie, which is said, with its cause.
func TestGeneratorThatReadsAClock(t *testing.T) {
	type stamped struct {
		At    time.Time
		Value int
	}
	at := func(now func() time.Time) *rapid.Generator[stamped] {
		return rapid.Custom(func(t *rapid.T) stamped {
			ago := time.Duration(rapid.IntRange(0, 1000).Draw(t, "ago"))
			return stamped{now().Add(-ago), rapid.IntRange(0, 9).Draw(t, "value")}
		})
	}
	later := func(a, b stamped) stamped {
		if b.At.After(a.At) {
			return b
		}
		return a
	}
	said := func(states *rapid.Generator[stamped], opts ...laws.Option) string {
		out := &tape{name: "TestStamped"}
		out.run(func() { laws.Unsteady(out, laws.Func(later, opts...), states) })
		assert.False(t, out.failed)
		return out.text()
	}
	ticks := time.Unix(0, 0)
	ticking := func() time.Time {
		ticks = ticks.Add(time.Hour)
		return ticks
	}
	assert.Contains(t, said(at(ticking)), "the generator makes another state of the same choices, 16 times of 16: does it read a clock")
	assert.NotContains(t, said(at(func() time.Time { return time.Unix(5000, 0) })), "another state")
	value := func(s stamped) any { return s.Value }
	assert.NotContains(t, said(at(ticking), laws.State(value)), "another state", "what differs is no state")
}

// A decoder that believes lengths is found before it is given one that ends the process.
func TestLengthsRise(t *testing.T) {
	for name, length := range map[string]struct {
		put func([]byte, uint64) []byte
		get func([]byte) (uint64, int)
	}{
		"varint": {binary.AppendUvarint, binary.Uvarint},
		"four bytes, most significant first": {
			func(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) },
			func(b []byte) (uint64, int) {
				if len(b) < 4 {
					return 0, 0
				}
				return uint64(binary.BigEndian.Uint32(b)), 4
			},
		},
		"four bytes, least significant first": {
			func(b []byte, n uint64) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) },
			func(b []byte) (uint64, int) {
				if len(b) < 4 {
					return 0, 0
				}
				return uint64(binary.LittleEndian.Uint32(b)), 4
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			lengthsRise(t, 16, length.put, length.get)
			lengthsRise(t, 1, length.put, length.get)
		})
	}
}

// lengthsRise checks a codec of numbers n as a length and as many zeros, which allocates n
// elements of a size, or what is too much already, before it looks whether they are there.
func lengthsRise(t *testing.T, size uint64, put func([]byte, uint64) []byte, get func([]byte) (uint64, int)) {
	const tooMuch, harmless = 40 << 20, 1 << 31
	most, room := uint64(0), []byte(nil)
	decode := func(b []byte) (int, error) {
		n, used := get(b)
		if used <= 0 {
			return 0, errBytes
		}
		if most = max(most, n*size); n*size > harmless {
			return 0, errBytes // where it would end the process
		}
		room = make([]byte, min(n*size, tooMuch))
		if b = b[used:]; n > 9 || uint64(len(b)) != n {
			return 0, errBytes
		}
		return int(n), nil
	}
	encode := func(n int) ([]byte, error) { return append(put(nil, uint64(n)), make([]byte, n)...), nil }
	set := laws.CodecFunc(encode, decode)
	res, ok := laws.Run(set, gen.Independent(gen.Int(0, 9)), laws.RunOptions{Cases: laws.DefaultCases, Only: "codec/total", Replays: 1}).Result("codec/total")
	require.True(t, ok)
	require.NotNil(t, res.Failure)
	assert.Contains(t, res.Failure.Right, "allocates more than")
	laws.Run(set, gen.Independent(gen.Int(0, 9)), laws.RunOptions{Cases: 1, Only: "codec/decoded"})
	assert.LessOrEqual(t, most, uint64(harmless))
	_ = room
}

// Values in interfaces and behind pointers tie in their type, and in being there.
func TestTypesAndPointersTie(t *testing.T) {
	type held struct {
		Any  any
		Here *int
	}
	states := rapid.Custom(func(t *rapid.T) held {
		v := rapid.IntRange(0, 3).Draw(t, "v")
		return held{rapid.OneOf(rapid.Int().AsAny(), rapid.Bool().AsAny()).Draw(t, "any"), &v}
	})
	first := func(a, b held) held { return a }
	assert.Empty(t, laws.Remarks(first, states))
	of := rapid.Map(states, func(h held) any { return h.Any })
	assert.Empty(t, laws.Remarks(func(a, b any) any { return a }, of))
}

// Patience may end before there is a state to report, on a busy machine.
func TestPatienceEndsBeforeStates(t *testing.T) {
	failure := laws.SurveyBeforeStates(func(a, _ int) int { return a }, rapid.Int())
	require.NotNil(t, failure)
	assert.Empty(t, failure.Where)
	assert.Contains(t, failure.String(), "does not return")
}
