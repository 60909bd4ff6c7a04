package terminaltest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestScreen: it shows what terminals do, however what is written is cut up.
func TestScreen(t *testing.T) {
	const written = "kept\r\none\r\ntwo ⊔\x1b[K\r\nthree\r\x1b[2A\x1b[1mONE\x1b[0m\r\nx\x1b[K\x1b[?25l\r\nsee\x1b[J\r\nlast\r\x1b[Jend"
	want := []string{"kept", "ONE", "x", "see", "end"}
	for size := 1; size <= len(written); size++ {
		s := new(Screen)
		for at := 0; at < len(written); at += size {
			_, err := s.Write([]byte(written[at:min(at+size, len(written))]))
			assert.NoError(t, err)
		}
		assert.Equal(t, want, s.Lines(), "in pieces of %d", size)
		assert.Equal(t, []string{"[?25l"}, s.Unknown)
		assert.True(t, s.Coloured)
	}
}
