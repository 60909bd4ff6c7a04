package lattice_test

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

type codecValue = lattice.Pair[uint64, string]

// codecState is a last-writer-wins map of 1,024 short strings.
func codecState() (lattice.Merge[map[string]codecValue], map[string]codecValue) {
	m := lattice.MapOf[string](lattice.DominatingPairOf(lattice.Max[uint64](), lattice.Max[string]()))
	v := make(map[string]codecValue, benchKeys)
	for i := range benchKeys {
		v["user:"+strconv.FormatUint(key(i)%1_000_000, 10)] = codecValue{First: 1_700_000_000_000 + uint64(i), Second: "value " + strconv.Itoa(i)}
	}
	return m, v
}

// handAppend and handDecode are what one would write for the type, to the same
// format.
func handAppend(dst []byte, v map[string]codecValue) []byte {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, k := range keys {
		x := v[k]
		dst = append(binary.AppendUvarint(dst, uint64(len(k))), k...)
		dst = binary.AppendUvarint(dst, x.First)
		dst = append(binary.AppendUvarint(dst, uint64(len(x.Second))), x.Second...)
	}
	return dst
}

var errHand = errors.New("not a map")

func handDecode(src []byte) (map[string]codecValue, error) {
	number := func() (uint64, bool) {
		n, w := binary.Uvarint(src)
		if w <= 0 || w > 1 && src[w-1] == 0 {
			return 0, false
		}
		src = src[w:]
		return n, true
	}
	text := func() (string, bool) {
		n, ok := number()
		if !ok || n > uint64(len(src)) {
			return "", false
		}
		s := string(src[:n])
		src = src[n:]
		return s, true
	}
	n, ok := number()
	if !ok || n > uint64(len(src)) {
		return nil, errHand
	}
	v := make(map[string]codecValue)
	prev := ""
	for i := range n {
		k, ok1 := text()
		first, ok2 := number()
		second, ok3 := text()
		if !ok1 || !ok2 || !ok3 || i > 0 && k <= prev {
			return nil, errHand
		}
		prev = k
		v[k] = codecValue{First: first, Second: second}
	}
	return v, nil
}

// BenchmarkCodec measures the codec of a composed merge against one written by
// hand for the type and against two that know nothing of it. An operation is one
// state of 1,024 keys; bytes are those of the state, encoded.
func BenchmarkCodec(b *testing.B) {
	m, v := codecState()
	enc := lattice.Encode(m, v)
	require.Equal(b, enc, handAppend(nil, v))
	b.Run("encode/hand", func(b *testing.B) {
		var buf []byte
		lawtest.Ratio(b, 1, nil,
			func() { buf = lattice.CapsOf(m).Append(buf[:0], v) },
			func() { buf = handAppend(buf[:0], v) })
		b.ReportMetric(float64(len(enc)), "bytes")
	})
	b.Run("decode/hand", func(b *testing.B) {
		var got map[string]codecValue
		var err error
		lawtest.Ratio(b, 1, nil,
			func() { got, err = lattice.Decode(m, enc) },
			func() { _, _ = handDecode(enc) })
		require.NoError(b, err)
		require.Len(b, got, len(v))
	})
	against(b, "gob", v, func() []byte {
		var buf bytes.Buffer
		require.NoError(b, gob.NewEncoder(&buf).Encode(v))
		return buf.Bytes()
	}, func(src []byte) error {
		var got map[string]codecValue
		return gob.NewDecoder(bytes.NewReader(src)).Decode(&got)
	})
	against(b, "json", v, func() []byte {
		out, err := json.Marshal(v)
		require.NoError(b, err)
		return out
	}, func(src []byte) error {
		var got map[string]codecValue
		return json.Unmarshal(src, &got)
	})
}

// against reports another codec's times as the twin's.
func against(b *testing.B, name string, v map[string]codecValue, encode func() []byte, decode func([]byte) error) {
	m, _ := codecState()
	enc, theirs := lattice.Encode(m, v), encode()
	b.Run("encode/"+name, func(b *testing.B) {
		var buf []byte
		lawtest.Ratio(b, 1, nil, func() { buf = lattice.CapsOf(m).Append(buf[:0], v) }, func() { encode() })
		b.ReportMetric(float64(len(theirs)), "twin-bytes")
	})
	b.Run("decode/"+name, func(b *testing.B) {
		var err error
		lawtest.Ratio(b, 1, nil, func() { _, err = lattice.Decode(m, enc) }, func() { err = errors.Join(err, decode(theirs)) })
		require.NoError(b, err)
	})
}

// BenchmarkClone measures the safe copy against the shallow one, which shares what
// it copies.
func BenchmarkClone(b *testing.B) {
	m, v := codecState()
	lawtest.Ratio(b, 1, nil, func() { m.Clone(v) }, func() {
		c := make(map[string]codecValue, len(v))
		for k, x := range v {
			c[k] = x
		}
	})
}
