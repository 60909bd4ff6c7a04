package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/internal/terminaltest"
)

// terminal shows what is written as a terminal does: a line begins at its left.
type terminal struct{ terminaltest.Screen }

func (t *terminal) Write(b []byte) (int, error) {
	if _, err := t.Screen.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// onScreen is a screen with a line on it that must stay.
func onScreen(t *testing.T) (*screen, *terminal) {
	t.Helper()
	seen := new(terminal)
	_, err := seen.Write([]byte("before\n"))
	require.NoError(t, err)
	return new(screen), seen
}

func rowsOf(texts ...string) (rows []Row) {
	for _, text := range texts {
		rows = append(rows, Row{Text: text})
	}
	return rows
}

// TestRowsStandInOnePlace: rows are written over where they stand, whatever is empty, too long
// or broken among them, and what was written before stays.
func TestRowsStandInOnePlace(t *testing.T) {
	s, seen := onScreen(t)
	s.stand(seen, rowsOf("one", "", strings.Repeat("x", 100), "two\nlines", "five"), 40, 4)
	assert.Equal(t, []string{"before", "one", "", strings.Repeat("x", 39), "two lines"}, seen.Lines(), "four, none wider than the screen")
	s.stand(seen, rowsOf("1", "", "3"), 40, 9)
	assert.Equal(t, []string{"before", "1", "", "3"}, seen.Lines())
	s.stand(seen, rowsOf("a", "b", "c", "d", "e"), 40, 9)
	assert.Equal(t, []string{"before", "a", "b", "c", "d", "e"}, seen.Lines())
	s.clear()
	assert.Equal(t, []string{"before"}, seen.Lines())
	s.clear()
	assert.Equal(t, []string{"before"}, seen.Lines(), "there is nothing to be taken back")
	assert.Empty(t, seen.Unknown)
}

// TestLineBehindRows: a single line that takes the place of rows is taken back as one.
func TestLineBehindRows(t *testing.T) {
	s, seen := onScreen(t)
	o := &output{screen: s, w: seen}
	s.stand(seen, rowsOf("one", "two", "three"), 40, 9)
	o.show("a line")
	assert.Equal(t, []string{"before", "a line"}, seen.Lines())
	o.hide()
	assert.Equal(t, []string{"before"}, seen.Lines())
	s.stand(seen, rowsOf("one", "two"), 40, 9)
	_, err := o.Write([]byte("said\n"))
	require.NoError(t, err)
	assert.Equal(t, []string{"before", "said"}, seen.Lines())
}

// TestRowsOfANarrowerScreen: where a terminal broke rows in several, so many more are taken back.
func TestRowsOfANarrowerScreen(t *testing.T) {
	s := &screen{widths: []int{30, 0, 10, 20, 21}}
	assert.Equal(t, "\r\x1b[4A", s.up(40))
	assert.Equal(t, "\r\x1b[7A", s.up(15))
	assert.Equal(t, "\r\x1b[6A", s.up(20))
	assert.Equal(t, "\r", (&screen{widths: []int{20}}).up(20))
	assert.Equal(t, "\r", (&screen{widths: []int{0}}).up(20))
	assert.Equal(t, "\r\x1b[1A", (&screen{widths: []int{21}}).up(20))
}

// TestStylesOfRows: what a style is, is around the text, and is not where nobody wants colours.
func TestStylesOfRows(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	for style, want := range map[Style]string{Plain: "x", Strong: "\x1b[1mx\x1b[0m", Good: "\x1b[32mx\x1b[0m", Bad: "\x1b[31mx\x1b[0m"} {
		assert.Equal(t, want, style.of("x"))
	}
	t.Setenv("NO_COLOR", "1")
	assert.Equal(t, "x", Bad.of("x"))
}

// TestSizes: a terminal is as large as it says, were it one column; what is none has the usual
// size.
func TestSizes(t *testing.T) {
	program, user := terminaltest.Open(t, 1, 1)
	size := func() [2]int {
		columns, lines := sizeOf(program)
		return [2]int{columns, lines}
	}
	assert.Equal(t, [2]int{1, 1}, size())
	terminaltest.Resize(t, user, 120, 50)
	assert.Equal(t, [2]int{120, 50}, size())
	usual := [2]int{layout.Width, 24}
	for _, none := range [][2]uint16{{0, 50}, {120, 0}} {
		terminaltest.Resize(t, user, none[0], none[1])
		assert.Equal(t, usual, size())
	}
	columns, lines := sizeOf(new(strings.Builder))
	assert.Equal(t, usual, [2]int{columns, lines})
}
