package layout

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestColumns(t *testing.T) {
	assert.Equal(t, 0, Columns(""))
	assert.Equal(t, 5, Columns("a ⊔ b"))
	assert.Equal(t, 1, Columns("e\u0301"), "a combining mark takes no column")
	assert.Equal(t, "⊔  |", Pad("⊔", 3)+"|")
	assert.Equal(t, "abcd", Pad("abcd", 3), "what is wider stays whole")
}

func TestWrap(t *testing.T) {
	eighty := strings.Repeat("x", 79) + " y"
	assert.Equal(t, strings.Repeat("x", 79)+"\ny", Wrap("", "", eighty), "81 columns are too many")
	exactly := strings.Repeat("x", 78) + " y"
	assert.Equal(t, exactly, Wrap("", "", exactly), "80 are not")
	assert.Equal(t, "head     one two", Hang("head     ", " one\n  two "))
	assert.Equal(t, "say \"a  b\"", Hang("say ", "\"a  b\""), "blanks may be part of what is said")
	assert.Equal(t, strings.Repeat("x", 70)+"\n"+strings.Repeat("y", 11), Wrap("", "", strings.Repeat("x", 70)+"   "+strings.Repeat("y", 11)))
	long := strings.Repeat("word ", 20)
	assert.Equal(t, "head "+strings.TrimSpace(strings.Repeat("word ", 15))+"\n     "+strings.TrimSpace(strings.Repeat("word ", 5)),
		Hang("head ", long))
	path := "/" + strings.Repeat("p", 99)
	assert.Equal(t, "at\n  "+path+"\n  end", Wrap("", "  ", "at "+path+" end"), "a path stays whole")
	assert.Equal(t, "only a head", Hang("only a head  ", ""))
}

func TestBelow(t *testing.T) {
	assert.Equal(t, "head text", Below("head ", "    ", "text"))
	fits := strings.Repeat("x", 75)
	assert.Equal(t, "head "+fits, Below("head ", "    ", fits))
	assert.Equal(t, "head\n    x"+fits, Below("head ", "    ", "x"+fits))
}

func TestProse(t *testing.T) {
	assert.Equal(t, "one two\n\nthree\n  kept   as it is\nfour five", Prose("one\ntwo\n\nthree\n  kept   as it is\nfour\nfive\n"))
	wide := "  " + strings.Repeat("word ", 20)
	for line := range strings.SplitSeq(Prose(wide), "\n") {
		assert.LessOrEqual(t, Columns(line), Width)
		assert.True(t, strings.HasPrefix(line, "  word"), "the rest of an indented line is indented alike: %q", line)
	}
}

func TestTable(t *testing.T) {
	assert.Equal(t, "  NAME   SAYS\n  short  text\n  ⊔      more text\n  alone\n",
		Table("  ", [][]string{{"NAME", "SAYS"}, {"short", "text"}, {"⊔", "more text"}, {"alone"}}))
	assert.Empty(t, Table("", nil))
	rows := [][]string{{"a", strings.Repeat("word ", 30)}, {"bb", "x"}}
	lines := strings.Split(strings.TrimSuffix(Table("", rows), "\n"), "\n")
	assert.Len(t, lines, 3)
	for _, line := range lines[:2] {
		assert.Equal(t, "word", line[4:8])
	}
}

// Every text keeps its words, in order, and no line is too wide that has a blank
// behind its head at which it could be broken.
func TestWrapKeepsWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.StringMatching(`[a-z⊔]{1,90}`)).Draw(t, "words")
		head := rapid.StringMatching(`[a-z]{0,20} {0,3}`).Draw(t, "head")
		text := strings.Join(words, rapid.SampledFrom([]string{" ", "  ", "\n"}).Draw(t, "blank"))
		for name, wrapped := range map[string]string{"hang": Hang(head, text), "wrap": Wrap(head, "  ", text), "below": Below(head, "  ", text)} {
			want := strings.Fields(head + text)
			if name == "below" && strings.Contains(wrapped, "\n") {
				want = append(strings.Fields(head), words...)
			}
			assert.Equal(t, want, strings.Fields(wrapped), name)
			for i, line := range strings.Split(wrapped, "\n") {
				if i > 0 && len(strings.Fields(line)) > 1 || i == 0 && len(strings.Fields(strings.TrimPrefix(line, head))) > 1 {
					assert.LessOrEqual(t, Columns(line), Width, name)
				}
			}
		}
	})
}
