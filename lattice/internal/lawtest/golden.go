package lawtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
)

// Golden collects encodings and holds them to a file: bytes that are stored or sent
// are read by other versions of the program.
type Golden struct{ lines []string }

// Encoding adds the encoding of v by m under a name, and wants it to decode.
func Encoding[T any](t *testing.T, g *Golden, name string, m lattice.Merge[T], v T) {
	t.Helper()
	b := lattice.Encode(m, v)
	got, err := lattice.Decode(m, b)
	require.NoError(t, err, name)
	require.Equal(t, lattice.Equal, m.Compare(v, got), name)
	g.lines = append(g.lines, fmt.Sprintf("%-22s % x", name, b))
}

// Check compares with testdata/encodings.txt, or writes it where update is set.
func (g *Golden) Check(t *testing.T, update bool) {
	t.Helper()
	path := filepath.Join("testdata", "encodings.txt")
	text := strings.Join(g.lines, "\n") + "\n"
	if update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "run with -update if the format is meant to change")
}
