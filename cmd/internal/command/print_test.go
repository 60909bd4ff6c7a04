package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPrintText: lines stay lines with their indents, without what is empty at the end.
func TestPrintText(t *testing.T) {
	var b strings.Builder
	PrintText(&b, "> ", "one\n  two\n\nthree\n\n")
	PrintText(&b, "> ", strings.TrimSpace(strings.Repeat("word ", 20)))
	assert.Equal(t, "> one\n>   two\n>\n> three\n", b.String()[:strings.Index(b.String(), "> word")])
	_, wrapped, _ := strings.Cut(b.String(), "> word")
	assert.Contains(t, wrapped, "\n>   word", "the rest of a line that is too wide is further in")
}
