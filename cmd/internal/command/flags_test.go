package command

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClosest(t *testing.T) {
	names := []string{"run", "replay", "shrink", "explore", "check", "laws", "zoo", "mutants"}
	for word, want := range map[string]string{
		"run": "run", "RUN": "run", "rnu": "run", "rn": "run", "ru": "run", "shirnk": "shrink", "expl": "explore", "zo": "zoo", "lawz": "laws", "re": "replay",
		"": "", "x": "", "simulate": "", "c": "check", "mut": "mutants", "abcde": "", "shrnik": "shrink", "srnk": "", "eplor": "explore",
	} {
		assert.Equal(t, want, closest(word, names), "%q", word)
	}
	assert.Empty(t, closest("s", []string{"shrink", "show"}), "it could be either")
	assert.Empty(t, closest("word", nil))
}

// edits against its definition: the fewest steps through all words in between.
func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"abc", "xabc", 1},
		{"kitten", "sitting", 3}, {"ca", "abc", 3}, {"abcdef", "badcfe", 3}, {"⊔a", "a⊔", 1},
	} {
		assert.Equal(t, c.want, edits(c.a, c.b), "%q %q", c.a, c.b)
	}
	var all []string
	for n := range 4 * 4 * 4 {
		all = append(all, strings.Trim(string([]byte{" abc"[n/16], " abc"[n/4%4], " abc"[n%4]}), " "))
	}
	for _, a := range all {
		for _, b := range all {
			assert.Equal(t, plainEdits([]rune(a), []rune(b)), edits(a, b), "%q %q", a, b)
		}
	}
}

// plainEdits is the recursion that edits tabulates.
func plainEdits(a, b []rune) int {
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b)
	}
	x, y := a[len(a)-1], b[len(b)-1]
	replace := plainEdits(a[:len(a)-1], b[:len(b)-1])
	if x != y {
		replace++
	}
	best := min(replace, plainEdits(a[:len(a)-1], b)+1, plainEdits(a, b[:len(b)-1])+1)
	if len(a) > 1 && len(b) > 1 && a[len(a)-2] == y && b[len(b)-2] == x {
		best = min(best, plainEdits(a[:len(a)-2], b[:len(b)-2])+1)
	}
	return best
}

func TestFlagValues(t *testing.T) {
	var n int
	var u uint64
	var d time.Duration
	var w string
	f := pflag.NewFlagSet("f", pflag.ContinueOnError)
	NumberFlag(f, &n, "n", 5, 2, 7, "a number")
	NumberOrZeroFlag(f, &u, "u", 3, 4, "drawn", "another")
	f.Var(Span{P: &d}, "d", "a duration")
	f.Var(word{&w, []string{"one", "two"}}, "w", "a word")
	assert.Equal(t, "      --d DURATION   a duration\n      --n N          a number (default 5)\n      --u N          another (default: drawn)\n      --w NAME       a word\n", f.FlagUsages())
	require.NoError(t, f.Parse([]string{"--n=7", "--u=0", "--d=1m30s", "--w=two"}))
	assert.Equal(t, []any{7, uint64(0), 90 * time.Second, "two"}, []any{n, u, d, w})
	for name, want := range map[string]string{"n": "7", "u": "0", "d": "1m30s", "w": "two"} {
		assert.Equal(t, want, f.Lookup(name).Value.String(), name)
	}
	for _, bad := range []string{"--n=1", "--n=8", "--n=0", "--u=2", "--u=5", "--w=three", "--d=0"} {
		assert.Error(t, f.Parse([]string{bad}), bad)
	}
	assert.Equal(t, []any{7, uint64(0), 90 * time.Second, "two"}, []any{n, u, d, w}, "what is refused changes nothing")
	cmd := &cobra.Command{Use: "c"}
	assert.Equal(t, "boom", FlagError(cmd, errors.New("boom")).Error())
	assert.Panics(t, func() { CompleteFlag(cmd, "none", nil) })
}
