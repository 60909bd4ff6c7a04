package linearizability

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// writtenText is a history of one text that is written and appended to, by puts that tell
// themselves apart but in one of eight, and reads that most often return what was there at
// some time.
func writtenText(rng *rand.Rand) *history.History {
	ops := make([]history.Op, 2+rng.IntN(6))
	held, times := "", []string{""}
	for i := range ops {
		o := &ops[i]
		o.Type, o.Key = history.Text, "t"
		put := fmt.Sprintf("%d.", i)
		if rng.IntN(12) == 0 {
			put = []string{"", "0.", "0.", "1.", "1.", "1"}[rng.IntN(6)]
		}
		switch rng.IntN(5) {
		case 0:
			o.Func, o.Arg, held = history.Write, history.Str(put), put
		case 1, 2:
			o.Func, o.Arg, held = history.Append, history.Str(put), held+put
		default:
			o.Func, o.Out = history.Read, history.Str(held)
			if rng.IntN(4) == 0 {
				o.Out = history.Str(times[rng.IntN(len(times))])
			}
			switch rng.IntN(60) {
			case 0:
				o.Out = history.Str(held + "?")
			case 1:
				if rng.IntN(9) == 0 {
					o.Out = history.Int(1)
				}
			case 2, 3:
				o.Out = history.Str(held + fmt.Sprintf("%d.", rng.IntN(7)))
			case 4, 5:
				o.Out = history.Str(fmt.Sprintf("%d.", rng.IntN(7)) + held)
			}
		}
		times = append(times, held)
	}
	return overlapping(rng, ops)
}

// plainText is the specification in its plainest form.
func plainText(held string, o *history.Op) (string, bool) {
	text, _ := o.Arg.AsStr()
	switch o.Func {
	case history.Write:
		return text, true
	case history.Append:
		return held + text, true
	}
	out, isText := o.Out.AsStr()
	return held, o.Outcome == history.Unknown || isText && out == held
}

// withoutPuts are the kept operations, and each put beside them at any time or never.
func withoutPuts(h *history.History, kept []int) (ops []history.Op) {
	for i := range h.Ops {
		o := h.Ops[i]
		if !slices.Contains(kept, i) {
			if !o.IsPut() {
				continue
			}
			o.Call, o.Return, o.Outcome = math.MinInt64, history.Pending, history.Unknown
		}
		ops = append(ops, o)
	}
	return ops
}

// Texts that are written and appended to, against every order, and against the search.
// Each witness is a violation whatever other puts did, and no part of it is.
func TestTextsAgreeWithBruteForce(t *testing.T) {
	t.Parallel()
	counts, fitting := bruteTally{}, 0
	sizes, reasons := map[int]int{}, map[string]int{}
	compared := int(sample(10_000, 1_000_000))
	for seed := range uint64(compared) {
		h := writtenText(rand.New(rand.NewPCG(seed, 54)))
		if !observes(h) {
			compared--
			continue
		}
		want := everyOrder(h.Ops, "", plainText)
		counts.agree(t, h, "linearizable", want)
		v := mustCheck(t, h, "linearizable")
		if v.Method != byPieces {
			continue
		}
		fitting++
		if want {
			continue
		}
		require.LessOrEqual(t, len(v.Witness), 6)
		sizes[len(v.Witness)]++
		reasons[strings.Join(strings.FieldsFunc(v.Reason, func(r rune) bool { return strings.ContainsRune("0123456789#\"?.", r) }), "")]++
		var kept []int
		for _, o := range v.Witness {
			kept = append(kept, o.Index)
		}
		require.False(t, everyOrder(withoutPuts(h, kept), "", plainText), "seed %d: no violation by itself: %v%s", seed, v, dump{h})
		for n := range kept {
			fewer := slices.Delete(slices.Clone(kept), n, n+1)
			require.True(t, everyOrder(withoutPuts(h, fewer), "", plainText), "seed %d: #%d can be left out: %v%s", seed, kept[n], v, dump{h})
		}
	}
	counts.report(t, compared, 500)
	t.Logf("%d by pieces; witnesses %v", fitting, sizes)
	for why, n := range reasons {
		t.Logf("%6d %s", n, why)
	}
	require.Greater(t, fitting, compared/2)
}

// The logs of a store of texts that ship with porcupine, with the verdicts in their names.
func TestTextsOfPorcupine(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "test_data", "kv", "*.txt"))
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, f := range files {
		h, err := decodeFile(t, history.Auto, f)
		require.NoError(t, err)
		v := mustCheck(t, h, "linearizable")
		require.Equal(t, strings.Contains(f, "bad"), v.Status == Violation, "%s: %v", f, v.Reason)
		require.Equal(t, byPieces, v.Method, f)
		t.Logf("%s: %d operations, %s %s", filepath.Base(f), len(h.Ops), v.Status, v.Reason)
		require.LessOrEqual(t, len(v.Witness), 4)
	}
}

// What is wrong with a text is said in words, of long ones the end.
func TestTextsSayWhatIsWrong(t *testing.T) {
	long := strings.Repeat("x", 99)
	lasting := func(i int, fn history.Func, text string, from, to int64) history.Op {
		o := history.Op{Index: i, Session: i, Node: -1, Type: history.Text, Key: "t", Func: fn, Call: from, Return: to}
		if fn == history.Read {
			o.Out = history.Str(text)
		} else {
			o.Arg = history.Str(text)
		}
		return o
	}
	op := func(i int, fn history.Func, text string) history.Op {
		return lasting(i, fn, text, int64(10*i), int64(10*i+5))
	}
	const read, write, put = history.Read, history.Write, history.Append
	for _, c := range []struct {
		says string
		ops  []history.Op
	}{
		{`#0 shows "a", which is no text that anybody had put`, []history.Op{op(0, read, "a")}},
		{`#1 shows "?", which is no text that anybody had put`, []history.Op{op(0, put, "a"), op(1, read, "a?")}},
		{`#1 does not show "a", which #0 had put and returned when it began`, []history.Op{op(0, put, "a"), op(1, read, "")}},
		{`#1 shows "b" behind other text, though #2 wrote that in place of all`, []history.Op{op(0, put, "a"), op(1, read, "ab"), op(2, write, "b")}},
		{`#3 and #4 read texts that went on in two ways: "ab" and "ac"`, []history.Op{op(0, put, "a"), op(1, put, "b"), op(2, put, "c"), op(3, read, "ab"), op(4, read, "ac")}},
		{`#1 put "a" once, which #2 and #3 show at two places`, []history.Op{op(0, write, "w"), op(1, put, "a"), op(2, read, "wa"), op(3, read, "a")}},
		{`#2 shows less than #1, which had returned when it began`, []history.Op{lasting(0, put, "a", 0, 99), op(1, read, "a"), op(2, read, "")}},
		{`#0 shows "a" and had returned when #1 was called, which puts it`, []history.Op{op(0, read, "a"), op(1, put, "a")}},
		{`#2 shows "b", and "a" not before it, though #0 had put that and returned when #1 was called`, []history.Op{op(0, put, "a"), op(1, put, "b"), op(2, read, "ba")}},
		{`#3 read "a" after #2 had read "b", and nothing began that anew in between: #0 had written "a" before #2 was called`,
			[]history.Op{op(0, write, "a"), lasting(1, write, "b", 9, 99), op(2, read, "b"), op(3, read, "a")}},
		{`#2 read "a", though #1 had written "b" in its place and returned when it began: #0 had written "a" before #1 was called`, []history.Op{op(0, write, "a"), op(1, write, "b"), op(2, read, "a")}},
		{`#2 read "a" after #1 had written "b", yet #3 read "b" after #0 had written "a", and each was begun once`,
			[]history.Op{lasting(0, write, "a", 0, 5), lasting(1, write, "b", 1, 6), lasting(2, read, "a", 20, 29), lasting(3, read, "b", 21, 28)}},
		{`#3 appended "c" behind what does not show "b", which #2 had put and returned when it began: #0 had written "a" before #2 was called`,
			[]history.Op{op(0, write, "a"), lasting(1, read, "ac", 8, 99), lasting(2, write, "b", 10, 15), lasting(3, put, "c", 20, 25)}},
		{`"x" is shown at a place more than the 2 times that it was appended`, []history.Op{op(0, put, "x"), op(1, put, "x"), op(2, read, "xxx")}},
		{`#0 read 1, which is no text`, []history.Op{{Type: history.Text, Key: "t", Node: -1, Func: read, Out: history.Int(1)}}},
		{fmt.Sprintf(`#1 shows %q (the last of 99 bytes), which is no text`, long[:60]), []history.Op{op(0, put, "a"), op(1, read, "a"+long)}},
	} {
		v, err := Judge(context.Background(), &history.History{Ops: c.ops}, "linearizable", Budget{})
		require.NoError(t, err)
		require.Equal(t, `text "t": `, v.Reason[:10])
		require.Contains(t, v.Reason, c.says)
	}
}
