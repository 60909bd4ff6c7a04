package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
)

// encoded is a register history in which one session writes 1 and another then
// reads the value given.
func encoded(t *testing.T, read int64) string {
	t.Helper()
	h := &history.History{Name: "h", Ops: []history.Op{
		{
			Index: 0, Session: 0, Node: -1, Type: history.Register, Func: history.Write, Key: "x",
			Arg: history.Int(1), Call: 1, Return: 2,
		},
		{
			Index: 1, Session: 1, Node: -1, Type: history.Register, Func: history.Read, Key: "x",
			Out: history.Int(read), Call: 3, Return: 4,
		},
	}}
	var b bytes.Buffer
	require.NoError(t, history.EncodeJSONL(&b, h))
	return b.String()
}

// folder writes files, given as name and text in turn, and returns their folder.
func folder(t *testing.T, namesAndTexts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(namesAndTexts); i += 2 {
		name := filepath.Join(dir, namesAndTexts[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(namesAndTexts[i+1]), 0o600))
	}
	return dir
}

var judge = []string{"check", "--format", "jsonl", "--model", "linearizable-register"}

func TestCheckVerdicts(t *testing.T) {
	good, bad := encoded(t, 1), encoded(t, 7)
	dir := folder(t, "b.jsonl", bad, "a.jsonl", good, "sub/c.jsonl", good, "notes.txt", "no history", ".hidden.jsonl", "no")

	code, out, errs := invoke(t, "", append(judge, dir)...)
	assert.Equal(t, exitViolated, code, errs)
	a, b, c := strings.Index(out, "a.jsonl"), strings.Index(out, "b.jsonl"), strings.Index(out, "c.jsonl")
	assert.True(t, 0 < a && a < b && b < c, "in sorted order: %s", out)
	assert.Contains(t, out, "3 histories: 2 ok, 1 violation")
	assert.NotContains(t, out, "\x1b", "no control characters when this is no terminal")
	assert.Empty(t, errs)

	code, out, _ = invoke(t, "", append(judge, filepath.Join(dir, "a.jsonl"))...)
	assert.Equal(t, exitOK, code, out)

	code, out, _ = invoke(t, bad, append(judge, "--json", "-")...)
	assert.Equal(t, exitViolated, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2)
	var v verdictJSON
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &v))
	assert.Equal(t, "verdict", v.Kind)
	assert.Equal(t, "<stdin>", v.File)
	assert.Equal(t, "linearizable-register", v.Model)
	assert.Equal(t, "violation", v.Verdict)
	assert.NotEmpty(t, v.Witness)
	var s checkSummary
	lastJSON(t, out, &s)
	assert.Equal(t, checkSummary{Kind: "summary", Files: 1, Violation: 1, Seconds: s.Seconds}, s)

	code, out, _ = invoke(t, good, append(judge, "--explain", "-")...)
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "decided by zones (Gibbons and Korach), since reads name their writes")

	code, out, _ = invoke(t, bad, append(judge, "--explain", "-")...)
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, out, `line 3: #1 s1 [3,4] register "x" read -> 7 ok`)
	assert.Contains(t, out, "#1    x = 7", "the witness is drawn")
}

// One pass over all levels.
func TestCheckLevels(t *testing.T) {
	const text = "w(1,1,0,0)\nr(1,1,1,1)\nw(1,2,1,2)\nr(1,1,1,3)\n"
	args := []string{"check", "--model", "levels", "-"}
	code, out, errs := invoke(t, text, args...)
	assert.Equal(t, exitViolated, code, errs)
	assert.Contains(t, out, "holds   repeatable-read, read-committed\n", "but for the order of sessions it is serializable")
	assert.Contains(t, out, "broken  read-atomic\n")
	assert.NotContains(t, out, "open", "nothing is")
	assert.Contains(t, out, "read-atomic: FracturedRead")
	assert.Contains(t, out, "#2            1 := 2")

	code, out, _ = invoke(t, text, append(args, "--explain")...)
	assert.Equal(t, exitViolated, code)
	assert.Regexp(t, `item-cut +ok +by commit order saturated, since reads name their writes`, out)

	code, out, _ = invoke(t, text, append(args, "--json")...)
	assert.Equal(t, exitViolated, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var l levelsJSON
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-2]), &l))
	assert.Equal(t, "levels", l.Kind)
	assert.Equal(t, []string{"repeatable-read", "read-committed"}, l.Holds)
	assert.Equal(t, []string{}, l.Open)
	var first verdictJSON
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	assert.Equal(t, "serializable", first.Model, "the text says nothing of time")

	code, out, _ = invoke(t, "w(1,1,0,0)\nr(1,1,1,1)\n", args...)
	assert.Equal(t, exitOK, code, out)
	code, out, _ = invoke(t, "w(1,1,0,0)\nw(1,1,1,1)\nr(1,1,1,2)\n", args...)
	assert.Equal(t, exitOK, code, "values repeat, and an order explains them: %s", out)
	code, out, _ = invoke(t, "w(1,1,0,0)\nw(1,1,1,1)\nr(1,1,1,2)\nr(1,0,1,3)\n", args...)
	assert.Equal(t, exitViolated, code, out)
	assert.Contains(t, out, "broken  serializable\n")
	assert.Contains(t, out, "open ")
}

func TestCheckVisualize(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	args := []string{"check", "--model", "linearizable-register", "--visualize", page}
	code, out, errs := invoke(t, encoded(t, 1), append(args, "-")...)
	assert.Equal(t, exitOK, code, "%s%s", out, errs)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(text), "</html>")
	a := filepath.Join(folder(t, "a.jsonl", encoded(t, 1)), "a.jsonl")
	code, _, errs = invoke(t, "", append(args, a, a)...)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "draws one history, not 2")
	args[4] = filepath.Join(a, "none")
	code, _, errs = invoke(t, encoded(t, 1), append(args, "-")...)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "not a directory")
}

// A budget that runs out is no pass, and says which one.
func TestCheckBudgets(t *testing.T) {
	var b strings.Builder
	b.WriteString("{:process 99 :type :invoke :f :cas :value [0 1]}\n") // no way around a search
	for i := range 30 {
		fmt.Fprintf(&b, "{:process %d :type :invoke :f :write :value %d}\n", i, i%3)
	}
	for i := range 30 {
		fmt.Fprintf(&b, "{:process %d :type :ok :f :write}\n", i)
	}
	for _, found := range []int{1, 0} { // though nothing was written in between
		fmt.Fprintf(&b, "{:process 1 :type :invoke :f :read}\n{:process 1 :type :ok :f :read :value %d}\n", found)
	}
	for flag, reason := range map[string]string{
		"--max-steps=1000": "1000 steps", "--max-bytes=9999": "9999 bytes", "--max-time=1ms": "1ms have passed",
	} {
		code, out, errs := invoke(t, b.String(), "check", "--format", "jepsen", "--model", "cas-register", flag, "-")
		assert.Equal(t, exitUndecided, code, errs)
		assert.Contains(t, out, reason)
	}
}

// What is wrong with one operation names its file and line, and ends with exit
// code 3, whether it shows while reading or only to the model.
func TestCheckNamesTheLine(t *testing.T) {
	for name, c := range map[string]struct{ format, model, text, want string }{
		"value written twice":   {"plume", "cc", "w(1,5,0,0)\nw(1,5,1,1)\nr(1,5,2,2)\n", "<stdin>:2: values are not unique"},
		"in transactions":       {"awdit", "read-atomic", "w 1 5\nw 1 6\n===\nw 1 5\n===\nr 1 5\n-----\nr 1 6\n-----\nr 1 5\n-----\nr 1 6\n", "<stdin>:4: values are not unique"},
		"return without a call": {"jepsen", "cas-register", "\n{:process 0 :type :ok :f :read :value 3}", "<stdin>:2: return without a call"},
		"clock backwards": {
			"jsonl", "cc", strings.Replace(encoded(t, 1), `"return":4`, `"return":2`, 1), "<stdin>:3: invalid history: clock ran backwards",
		},
		"unknown operation":      {"jepsen", "cas-register", "{:process 0 :type :invoke :f :frobnicate}", "<stdin>:1: malformed history: unknown operation"},
		"not one of the model's": {"jepsen", "cc", "{:process 0 :type :invoke :f :cas :value [1 2]}", "<stdin>:1: model cc: operation not described by the model"},
		"invalid UTF-8":          {"plume", "cc", "w(1,5,0,0)\n\xff", "<stdin>:2: malformed history: invalid UTF-8"},
		"deep nesting":           {"jepsen", "cc", "{:process 0 :value " + strings.Repeat("[", 1000), "<stdin>:1: malformed history: nested deeper than 128"},
		"cut short":              {"plume", "cc", "w(1,5,0,0)\nw(1,", "<stdin>:2: history is cut short"},
		"a very long line":       {"plume", "cc", "w(1,5,0,0)\n" + strings.Repeat("1", 17<<20), "<stdin>:2: record too long"},
	} {
		code, out, errs := invoke(t, c.text, "check", "--format", c.format, "--model", c.model, "-")
		assert.Equal(t, exitFailed, code, "%s: %s", name, out)
		assert.Contains(t, errs, c.want, name)
	}
}

func TestCheckInconclusiveIsNoPass(t *testing.T) {
	code, out, errs := invoke(t, encoded(t, 1), "check", "--model", "convergence", "-")
	assert.Equal(t, exitUndecided, code, errs)
	assert.Contains(t, out, "inconclusive")
	assert.Contains(t, out, "0 ok")
}

func TestCheckSameForAnyNumberOfWorkers(t *testing.T) {
	var files []string
	for i := range 40 {
		files = append(files, "h"+string(rune('A'+i))+".jsonl", encoded(t, int64(i%3)))
	}
	dir := folder(t, files...)
	verdicts := func(workers string) string {
		_, out, _ := invoke(t, "", append(judge, "--workers", workers, dir)...)
		cut := strings.LastIndex(strings.TrimSpace(out), "\n") // the summary has the time in it
		return out[:cut]
	}
	assert.Equal(t, verdicts("1"), verdicts("7"))
}

// What is wrong with the input ends with exit code 3 and one line that names the
// operation, the subject and the cause.
func TestCheckBadInput(t *testing.T) {
	good := encoded(t, 1)
	dir := folder(t, "empty.jsonl", "", "cut.jsonl", good[:len(good)-10], "half.jsonl", good[:len(good)/2],
		"garbage.jsonl", "\x00\xff\xfenot a history", "version.jsonl", strings.Replace(good, `"version":1`, `"version":99`, 1))
	require.Contains(t, good, `"version":1`)
	none := t.TempDir()
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  []string
	}{
		"unknown flag":     {"", []string{"check", "--nonsense"}, []string{"unknown flag", "simfuzz check --help"}},
		"unknown command":  {"", []string{"chek"}, []string{`unknown command "chek"`, "simfuzz --help"}},
		"bad value":        {"", []string{"check", "--workers", "many"}, []string{"--workers", "many"}},
		"negative workers": {"", append(judge, "--workers", "-1", dir), []string{"--workers -1"}},
		"no model":         {"", []string{"check", "--model", "", dir}, []string{"--model", "want a value"}},
		"unknown model":    {"", []string{"check", "--model", "wishful", dir}, []string{"wishful", "cas-register"}},
		"unknown format":   {"", []string{"check", "--format", "xml", "--model", "eventual", dir}, []string{"xml", "jepsen"}},
		"no path":          {"", judge, []string{"no history given", "simfuzz check --help"}},
		"missing file":     {"", append(judge, filepath.Join(dir, "gone.jsonl")), []string{"check", "gone.jsonl", "no such file"}},
		"empty file":       {"", append(judge, filepath.Join(dir, "empty.jsonl")), []string{"check", "empty.jsonl", "no history"}},
		"empty stdin":      {"", append(judge, "-"), []string{"check", "<stdin>", "no history"}},
		"stdin twice":      {good, append(judge, "-", "-"), []string{"standard input is named twice"}},
		"truncated":        {"", append(judge, filepath.Join(dir, "cut.jsonl")), []string{"cut.jsonl", "cut short"}},
		"truncated early":  {"", append(judge, filepath.Join(dir, "half.jsonl")), []string{"half.jsonl"}},
		"garbage":          {"", append(judge, filepath.Join(dir, "garbage.jsonl")), []string{"garbage.jsonl:1"}},
		"other version":    {"", append(judge, filepath.Join(dir, "version.jsonl")), []string{"version.jsonl", "version"}},
		"garbage as jepsen": {
			"\x00\x01(((", []string{"check", "--format", "jepsen", "--model", "cas-register", "-"}, []string{"<stdin>"},
		},
		"garbage as etcd log": {
			"hello\n", []string{"check", "--format", "porcupine-etcd", "--model", "cas-register", "-"}, []string{"<stdin>"},
		},
		"folder without any": {"", append(judge, none), []string{none, ".jsonl"}},
		"only empty files": {
			"", append(judge, folder(t, "one.jsonl", "")), []string{"every file is empty"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := invoke(t, c.stdin, c.args...)
			assert.Equal(t, exitFailed, code, "%s%s", out, errs)
			assert.True(t, strings.HasPrefix(errs, "simfuzz: "), errs)
			for _, want := range c.want {
				assert.Contains(t, errs, want)
			}
			assert.NotContains(t, out, "ok  ")
		})
	}
}

// The gravest outcome decides, and one unreadable file does not hide the rest.
func TestCheckGravest(t *testing.T) {
	dir := folder(t, "good.jsonl", encoded(t, 1), "bad.jsonl", encoded(t, 7), "broken.jsonl", "x", "empty.jsonl", "")
	in := func(names ...string) []string {
		args := append([]string{}, judge...)
		for _, n := range names {
			args = append(args, filepath.Join(dir, n))
		}
		return args
	}
	code, out, errs := invoke(t, "", in("broken.jsonl", "good.jsonl", "bad.jsonl")...)
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, errs, "broken.jsonl")
	assert.Contains(t, out, "3 histories: 1 ok, 1 violation, 0 undecided, 0 inconclusive, 1 unreadable")
	code, _, _ = invoke(t, "", in("broken.jsonl", "good.jsonl")...)
	assert.Equal(t, exitFailed, code)

	// Met on a walk an empty file is passed over with a note; named it is an error.
	code, out, errs = invoke(t, "", append(judge, "--json", dir)...)
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, errs, "empty.jsonl: skipped")
	assert.Contains(t, out, `"kind":"error"`)
	var s checkSummary
	lastJSON(t, out, &s)
	assert.Equal(t, checkSummary{Kind: "summary", Files: 3, OK: 1, Violation: 1, Errors: 1, Skipped: 1, Seconds: s.Seconds}, s)
}

func TestCheckInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	c := &cli{ctx: ctx, in: strings.NewReader(""), out: &out, err: &errs}
	dir := folder(t, "a.jsonl", encoded(t, 1))
	assert.Equal(t, exitInterrupted, c.main(append(judge, dir)))
	assert.Contains(t, out.String(), "0 histories")
}

// A reader that is gone is a failure of the tool, not a verdict.
func TestCheckBrokenOutput(t *testing.T) {
	var errs bytes.Buffer
	c := &cli{ctx: t.Context(), in: strings.NewReader(encoded(t, 1)), out: brokenWriter{}, err: &errs}
	assert.Equal(t, exitFailed, c.main(append(judge, "-")))
	assert.Contains(t, errs.String(), "pipe is gone")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("pipe is gone") }

func TestCheckList(t *testing.T) {
	code, out, _ := invoke(t, "", "check", "--list")
	assert.Equal(t, exitOK, code)
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for _, m := range linearizability.Models() {
		assert.Contains(t, words(out), m.Name+" "+words(m.Doc))
		code, one, _ := invoke(t, "", "check", "--list", m.Name)
		assert.Equal(t, exitOK, code)
		assert.Contains(t, words(one), words("model "+m.Name+" demands "+m.Doc+" costs "+m.Complexity+" needs "+m.Needs))
		assert.NotContains(t, one, "MODEL")
	}
	_, out, _ = invoke(t, "", "check", "--list", "--json", "ryw", "mr")
	assert.Len(t, strings.Split(strings.TrimSpace(out), "\n"), 2)
	code, _, errs := invoke(t, "", "check", "--list", "monotonic")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, `no model is named "monotonic"`)
	code, out, _ = invoke(t, "", "check", "--list", "--json")
	assert.Equal(t, exitOK, code)
	assert.Len(t, strings.Split(strings.TrimSpace(out), "\n"), len(linearizability.Models())+1)
	assert.Contains(t, out, `"name":"levels"`)
}

// The histories that Jepsen recorded of etcd, as they ship with porcupine.
func TestCheckEtcdHistories(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err)
	code, out, errs := invoke(t, "", "check", "--format", "porcupine-etcd", "--model", "cas-register", "--json",
		filepath.Join(strings.TrimSpace(string(dir)), "test_data", "jepsen"))
	assert.Equal(t, exitViolated, code, errs)
	var s checkSummary
	lastJSON(t, out, &s)
	assert.Equal(t, checkSummary{Kind: "summary", Files: 102, OK: 23, Violation: 79, Skipped: 1, Seconds: s.Seconds}, s)
}

// Histories of real systems that lie beside the checkout, where they do.
func TestCheckSharedHistories(t *testing.T) {
	shared := filepath.Join("..", "..", "..", "shared", "histories")
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("the folder of real histories is not beside the checkout: %v", err)
	}
	for _, c := range []struct {
		path, model string
		ok, bad     int
	}{
		{"knossos/good", "cas-register", 11, 0},
		{"knossos/bad", "cas-register", 0, 3},
		{"couchbase", "linearizable-register", 1, 2},
	} {
		_, out, errs := invoke(t, "", "check", "--format", "jepsen", "--model", c.model, "--json", filepath.Join(shared, c.path))
		var s checkSummary
		lastJSON(t, out, &s)
		assert.Equal(t, []int{c.ok, c.bad, 0}, []int{s.OK, s.Violation, s.Undecided + s.Inconclusive + s.Errors}, "%s: %s", c.path, errs)
	}
}

// TestCheckWithoutModel: where no model is named, every level that fits is asked.
func TestCheckWithoutModel(t *testing.T) {
	log := "{:process 0, :type :invoke, :f :write, :value 3}\n{:process 0, :type :ok, :f :write, :value 3}\n" +
		"{:process 1, :type :invoke, :f :read}\n{:process 1, :type :ok, :f :read, :value 4}\n"
	code, out, errs := invoke(t, log, "check", "-")
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	assert.Contains(t, out, "nobody wrote")
	code, named, _ := invoke(t, log, "check", "--model", "levels", "-")
	assert.Equal(t, exitViolated, code)
	trim := func(s string) string { at := strings.LastIndex(s, ","); return s[:at] } // the time it took
	assert.Equal(t, trim(named), trim(out))
}
