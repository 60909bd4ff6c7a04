package tapefile_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/gen/choice/tapefile"
)

var errDamaged = errors.New("damaged")

// TestRead: what is damaged can be told from what cannot be read.
func TestRead(t *testing.T) {
	b, err := tapefile.Read(strings.NewReader(" {}"), errDamaged)
	require.NoError(t, err)
	assert.Equal(t, " {}", string(b))

	_, err = tapefile.Read(strings.NewReader(" \n"), errDamaged)
	require.ErrorIs(t, err, errDamaged)
	assert.Equal(t, "damaged: empty", err.Error())
	spaces := func(n int64) io.Reader { return io.LimitReader(blank{}, n) }
	_, err = tapefile.Read(io.MultiReader(strings.NewReader("{}"), spaces(tapefile.MaxBytes-2)), errDamaged)
	require.NoError(t, err)
	_, err = tapefile.Read(io.MultiReader(strings.NewReader("{}"), spaces(tapefile.MaxBytes-1)), errDamaged)
	require.ErrorIs(t, err, errDamaged)
	assert.Equal(t, "damaged: larger than 67108864 bytes", err.Error())

	_, err = tapefile.Read(iotest.ErrReader(io.ErrClosedPipe), errDamaged)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.NotErrorIs(t, err, errDamaged)
}

type blank struct{}

func (blank) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// TestDecode: a tape is one object without unknown fields; what was cut off, and what stands
// behind it, is told.
func TestDecode(t *testing.T) {
	var tape struct{ A, B string }
	require.NoError(t, tapefile.Decode([]byte(`{"A": "<x>", "B": ""}`+"\n "), &tape, errDamaged))
	assert.Equal(t, "<x>", tape.A)
	var out strings.Builder
	require.NoError(t, tapefile.Encode(&out, tape))
	assert.Equal(t, "{\n \"A\": \"<x>\",\n \"B\": \"\"\n}\n", out.String())
	require.ErrorIs(t, tapefile.Encode(broken{}, tape), io.ErrShortWrite)
	for _, text := range []string{`{"A": "x"} {}`, `{"A": "x"} x`, `{"C": 1}`, `{"A": "x"`, `[]`, `{"A": 1}`} {
		require.ErrorIs(t, tapefile.Decode([]byte(text), &tape, errDamaged), errDamaged, text)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestDecisionsParseBack: every decision and hash is read back as it was.
func TestDecisionsParseBack(t *testing.T) {
	assert.Equal(t, []string{}, tapefile.FormatDecisions(nil))
	assert.Equal(t, []string{"net.drop 00000000000000ff 3"}, tapefile.FormatDecisions([]choice.Decision{{Site: "net.drop", Key: 255, Value: 3}}))
	assert.Equal(t, "00000000000000ff", tapefile.FormatHash(255))
	rapid.Check(t, func(t *rapid.T) {
		var ds []choice.Decision
		for range rapid.IntRange(1, 4).Draw(t, "decisions") {
			ds = append(ds, choice.Decision{
				Site: rapid.StringMatching(`[a-z.]{0,128}`).Draw(t, "site"), Key: rapid.Uint64().Draw(t, "key"), Value: rapid.Uint64().Draw(t, "value"),
			})
		}
		again, err := tapefile.ParseDecisions(tapefile.FormatDecisions(ds))
		require.NoError(t, err)
		assert.Equal(t, ds, again)
		hash, err := tapefile.ParseHash(tapefile.FormatHash(ds[0].Key))
		require.NoError(t, err)
		assert.Equal(t, ds[0].Key, hash)
	})
}

// TestDecisionsRefused: what is no decision, or more than one, is told.
func TestDecisionsRefused(t *testing.T) {
	for _, line := range []string{
		"", "a", "a 1", "a 1 2 ", "a 1 2 3", "a  1 2", "a 0x1 2", "a 1 -2", "a 1 0x2", "a 10000000000000000 2", "a 1 18446744073709551616",
		strings.Repeat("a", 129) + " 1 2",
	} {
		_, err := tapefile.ParseDecisions([]string{"a 1 2", line})
		require.Error(t, err, line)
		assert.Contains(t, err.Error(), "want SITE KEY VALUE", line)
	}
	d, err := tapefile.ParseDecision("a ffffffffffffffff 18446744073709551615")
	require.NoError(t, err)
	assert.Equal(t, choice.Decision{Site: "a", Key: math.MaxUint64, Value: math.MaxUint64}, d)
	_, err = tapefile.ParseHash("g")
	require.ErrorContains(t, err, `trace hash "g"`)
}
