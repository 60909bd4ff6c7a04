package laws_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

var errBytes = errors.New("no number")

// A codec of the numbers from 0 to 9 as digits, with a part replaced.
type digits struct {
	encode func(int) ([]byte, error)
	decode func([]byte) (int, error)
}

func encodeDigit(v int) ([]byte, error) { return []byte(strconv.Itoa(v)), nil }

func decodeDigit(b []byte) (int, error) {
	if len(b) != 1 || b[0] < '0' || b[0] > '9' {
		return 0, errBytes
	}
	return int(b[0] - '0'), nil
}

func digit(change func(*digits), opts ...laws.Option) laws.Suite {
	c := digits{encodeDigit, decodeDigit}
	change(&c)
	// The states are drawn apart: joins of them may be numbers that have no code.
	u := gen.Range(0, 3)
	return laws.NewSuite("digits", laws.CodecFunc(c.encode, c.decode, opts...), gen.Independent(gen.AnyIn(u, nil)), u)
}

func TestCodecFaults(t *testing.T) {
	lists := gen.Values([]int{}, []int{1}, []int{2, 1}, []int{3, 2})
	decodeList := func(b []byte) (v []int, err error) { return v, json.Unmarshal(b, &v) }
	killAlone(t, map[string]laws.Suite{
		"codec/state-unchanged": suite(laws.CodecFunc(func(v []int) ([]byte, error) {
			b, err := json.Marshal(v)
			slices.Sort(v)
			return b, err
		}, decodeList), lists, slices.Clone[[]int]),
		"codec/round-trip": digit(func(c *digits) {
			c.encode = func(v int) ([]byte, error) { return encodeDigit(min(v, 2)) }
		}),
		"codec/round-trip: refused by encode": digit(func(c *digits) {
			c.encode = func(v int) ([]byte, error) {
				if v == 3 {
					return nil, errOdd
				}
				return encodeDigit(v)
			}
		}),
		"codec/round-trip: refused by decode": digit(func(c *digits) {
			c.decode = func(b []byte) (int, error) {
				if bytes.Equal(b, []byte("3")) {
					return 0, errOdd
				}
				return decodeDigit(b)
			}
		}),
		// Nil is written as null, and its equal, an empty list, as [].
		"codec/canonical": suite(laws.CodecFunc(func(v []int) ([]byte, error) { return json.Marshal(v) }, decodeList, laws.Canonical()),
			lists, slices.Clone[[]int]),
		"codec/merge": digit(func(c *digits) {
			c.encode = func(v int) ([]byte, error) { return encodeDigit(min(v, 5)) }
		}, laws.MergedBy(plus)),
		"codec/total": digit(func(c *digits) {
			c.decode = func(b []byte) (int, error) {
				if len(b) > 4 {
					panic("too long")
				}
				return decodeDigit(b)
			}
		}),
		"codec/decoded": digit(func(c *digits) {
			c.decode = func(b []byte) (int, error) {
				if bytes.Contains(b, []byte{0x7f}) {
					return -1, nil
				}
				return decodeDigit(b)
			}
		}),
	})
}

// A length that is believed without looking: memory is what it costs, so it is tried
// once.
func TestCodecBelievesNoLength(t *testing.T) {
	s := digit(func(c *digits) {
		c.decode = func(b []byte) (int, error) {
			if len(b) > 4 {
				_ = make([]byte, 1<<25+1<<20+len(b)) // a little more than a decoder may
			}
			return decodeDigit(b)
		}
	})
	r := s.Run(laws.RunOptions{Seed: 1, Cases: 1, Replays: 1})
	assert.Equal(t, []string{"codec/total"}, r.Failing(), "%v", r)
}

// entry is a value of the kinds that programs send to each other.
type entry struct {
	Name  string            `json:"name"`
	At    time.Time         `json:"at"`
	Tags  map[string]int    `json:"tags,omitempty"`
	Next  *entry            `json:"next,omitempty"`
	Bytes []byte            `json:"bytes"`
	Other map[string]string `json:"other"`
}

func entries(depth int) *rapid.Generator[entry] {
	return rapid.Custom(func(t *rapid.T) entry {
		e := entry{
			Name: rapid.String().Draw(t, "name"), At: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0).UTC(),
			Tags: rapid.MapOfN(texts(), rapid.Int(), 0, 3).Draw(t, "tags"), Bytes: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "bytes"),
		}
		if depth > 0 && rapid.Bool().Draw(t, "more") {
			next := entries(depth-1).Draw(t, "next")
			e.Next = &next
		}
		return e
	})
}

func TestCodecDoors(t *testing.T) {
	o := laws.Cases(*doorCases)
	toJSON := func(e entry) ([]byte, error) { return json.Marshal(e) }
	fromJSON := func(b []byte) (e entry, err error) { return e, json.Unmarshal(b, &e) }
	toGob := func(e entry) ([]byte, error) {
		var b bytes.Buffer
		err := gob.NewEncoder(&b).Encode(e)
		return b.Bytes(), err
	}
	fromGob := func(b []byte) (e entry, err error) { return e, gob.NewDecoder(bytes.NewReader(b)).Decode(&e) }
	t.Run("json", func(t *testing.T) { laws.CheckCodec(t, toJSON, fromJSON, entries(1), o) })
	t.Run("gob", func(t *testing.T) { laws.CheckCodec(t, toGob, fromGob, entries(1), o, laws.TrustedBytes()) })
	counts := rapid.MapOfN(texts(), rapid.IntRange(0, 9), 0, 3)
	t.Run("with a merge", func(t *testing.T) {
		laws.CheckCodec(t, func(m map[string]int) ([]byte, error) {
			if len(m) == 0 {
				return []byte("{}"), nil
			}
			return json.Marshal(m)
		}, func(b []byte) (m map[string]int, err error) { return m, json.Unmarshal(b, &m) }, counts, o, laws.Canonical(), laws.MergedBy(maxOf))
	})
}

func TestCodecSetup(t *testing.T) {
	refusedSetup(t, laws.CodecFunc(encodeDigit, nil), "decode")
	refusedSetup(t, laws.CodecFunc(nil, decodeDigit), "encode")
	refusedSetup(t, laws.CodecFunc(encodeDigit, decodeDigit, laws.MergedBy(join)), "laws.MergedBy", "string", "int")
	refusedSetup(t, laws.CodecFunc(encodeDigit, decodeDigit, laws.NotIdempotent()), "laws.NotIdempotent", "CheckCodec")
}

func ExampleCheckCodec() {
	// In a test it is laws.CheckCodec(t, encode, decode, notes). The same laws, anywhere:
	// JSON leaves out fields that are not exported.
	type note struct {
		Text string
		seen int
	}
	encode := func(n note) ([]byte, error) { return json.Marshal(n) }
	decode := func(b []byte) (n note, err error) { return n, json.Unmarshal(b, &n) }
	text, seen := gen.String("ab", 2), gen.Int(0, 9)
	notes := gen.Gen[note](func(d *gen.Draw) note { return note{text(d), seen(d)} })
	r := laws.Run(laws.CodecFunc(encode, decode), gen.Independent(notes), laws.RunOptions{Seed: 1})
	fmt.Println(r.Failing())
	res, _ := r.Result("codec/round-trip")
	fmt.Println(res.Failure.Left, "instead of", res.Failure.Right)
	// Output:
	// [codec/round-trip]
	// laws_test.note{} instead of laws_test.note{seen: 1}
}

func TestCodecShowsText(t *testing.T) {
	set := laws.CodecFunc(func(v []int) ([]byte, error) { return json.Marshal(v) },
		func(b []byte) (v []int, err error) { return v, json.Unmarshal(b, &v) }, laws.Canonical())
	r := laws.Run(set, gen.Independent(gen.Just([]int{})), laws.RunOptions{})
	res, _ := r.Result("codec/canonical")
	assert.Equal(t, "`[]`", res.Failure.Left)
	assert.Equal(t, "`null`", res.Failure.Right)
}
