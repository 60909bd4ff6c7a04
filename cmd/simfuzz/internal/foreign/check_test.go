package foreign_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/foreign"
)

// TestMain is also the program that tests check: the test binary run again, with how it
// behaves in its environment.
func TestMain(m *testing.M) {
	if how := os.Getenv("FOREIGN_PROGRAM"); how != "" {
		program(how)
		return
	}
	os.Exit(m.Run())
}

// register is the state of the program.
type register struct {
	Time  int    `json:"time"`
	Value string `json:"value"`
}

func program(how string) {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	answer := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(out, "%s\n", b)
		out.Flush()
	}
	for n := 0; lines.Scan(); n++ {
		var r struct {
			Merge *[2]register
			Draw  []uint64
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		switch {
		case how == "dies" && n == 20:
			fmt.Fprintln(os.Stderr, "out of luck")
			os.Exit(4)
		case how == "hangs" && n == 20:
			time.Sleep(time.Hour)
		case how == "babbles" && n == 20:
			fmt.Fprintln(out, "debug: merging")
			out.Flush()
		case how == "silent" && n == 20:
			answer(map[string]int{"result": 1})
		case how == "wanders" && r.Draw != nil:
			answer(map[string]any{"state": register{n, "a"}, "used": 2})
		case how == "owes" && r.Draw != nil:
			answer(map[string]any{"state": register{1, "a"}, "used": -1})
		case how == "unsaid" && r.Draw != nil:
			answer(map[string]any{"state": register{int(r.Draw[0] % 1000), "a"}})
		case how == "lone" && r.Draw != nil:
			answer(map[string]any{"state": register{1, "a"}, "used": 1})
		case how == "changes" && r.Merge != nil:
			answer(map[string]any{"merged": register{n / 50 % 2, "a"}})
		case how == "counts" && r.Merge != nil:
			answer(map[string]any{"merged": register{n, "a"}})
		case r.Draw != nil:
			answer(map[string]any{"state": register{int(r.Draw[0] % 1000), string(rune('a' + r.Draw[1]%5))}, "used": 2})
		case how == "refuses" && r.Merge[0].Time == r.Merge[1].Time && r.Merge[0] != r.Merge[1]:
			answer(map[string]string{"error": "two values at one time"})
		default:
			answer(map[string]any{"merged": merged(how, r.Merge[0], r.Merge[1])})
		}
	}
}

func merged(how string, a, b register) register {
	switch {
	case b.Time > a.Time, how == "arrival" && b.Time == a.Time, how != "arrival" && b.Time == a.Time && b.Value > a.Value:
		return b
	}
	return a
}

func start(t *testing.T, how string, patience time.Duration) *foreign.Program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p, err := foreign.Start(context.Background(), "env FOREIGN_PROGRAM="+how+" "+self, patience)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestALawfulProgramPasses(t *testing.T) {
	p := start(t, "lawful", time.Minute)
	r, err := foreign.Check(p, foreign.Options{Seed: 1, Cases: 300})
	require.NoError(t, err)
	assert.True(t, r.OK(), "%v", r)
	assert.Greater(t, p.Requests(), 900)
}

func TestAWrongTieIsFound(t *testing.T) {
	examples, err := foreign.ReadStates(strings.NewReader(`{"value":"x", "time": 1}` + "\n\n" + `{"time":1,"value":"y"}` + "\n" + `{"time":2,"value":"x"}`))
	require.NoError(t, err)
	assert.Equal(t, []foreign.State{`{"time":1,"value":"x"}`, `{"time":1,"value":"y"}`, `{"time":2,"value":"x"}`}, examples)
	for name, o := range map[string]foreign.Options{"drawn": {Cases: 300}, "examples": {Cases: 300, Examples: examples}} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				o.Seed = seed
				r, err := foreign.Check(start(t, "arrival", time.Minute), o)
				require.NoError(t, err)
				assert.Equal(t, []string{"semilattice/commutative"}, r.Failing())
				res, _ := r.Result("semilattice/commutative")
				assert.Contains(t, res.Failure.String(), `a ⊔ b = {"time":`)
			}
		})
	}
}

func TestARefusalIsAFailureOfTheLaw(t *testing.T) {
	r, err := foreign.Check(start(t, "refuses", time.Minute), foreign.Options{Seed: 1, Cases: 300})
	require.NoError(t, err)
	require.NotEmpty(t, r.Failing())
	res, _ := r.Result(r.Failing()[0])
	assert.Contains(t, res.Failure.String(), "\nrefused two values at one time")
}

// TestUnansweredRequest: of a program that ends, what it was asked last is named.
func TestUnansweredRequest(t *testing.T) {
	p := start(t, "dies", time.Minute)
	_, err := foreign.Check(p, foreign.Options{Seed: 1, Cases: 100})
	require.ErrorContains(t, err, "without an answer to request 21, {")
}

// What is wrong with a program ends the check, and is no verdict on its merge.
func TestProgramsThatMisbehave(t *testing.T) {
	for how, says := range map[string]string{
		"dies": "out of luck", "hangs": "no answer within", "babbles": "it answered debug: merging: no JSON", "silent": `it answered {"result":1}, which has no field "`,
		"dies ": "it ended (exit status 4) without an answer",
	} {
		t.Run(how, func(t *testing.T) {
			p := start(t, strings.TrimSpace(how), 300*time.Millisecond)
			_, err := foreign.Check(p, foreign.Options{Seed: 1, Cases: 300})
			require.ErrorIs(t, err, foreign.ErrProgram)
			assert.ErrorContains(t, err, says)
			assert.Equal(t, 21, p.Requests(), "nothing more is asked")
		})
	}
	p, err := foreign.Start(context.Background(), "/no/such/merge", time.Second)
	require.NoError(t, err, "the shell starts")
	t.Cleanup(p.Close)
	_, err = foreign.Check(p, foreign.Options{Cases: 10})
	assert.ErrorIs(t, err, foreign.ErrProgram)
	assert.ErrorContains(t, err, "/no/such/merge")
}

// A program that draws by other things than the numbers is named, and not its merge.
func TestDrawingThatWanders(t *testing.T) {
	p := start(t, "wanders", time.Minute)
	_, err := foreign.Check(p, foreign.Options{Seed: 1, Cases: 100})
	assert.Equal(t, 2, p.Requests(), "the first draw is asked for twice")
	require.ErrorIs(t, err, foreign.ErrProgram)
	assert.ErrorContains(t, err, "of the same numbers again; the state must depend on the numbers alone")
}

// A merge that is not deterministic is told once, and one that refuses is not taken for such.
func TestLawsThatAreNotJudged(t *testing.T) {
	again := func(law string) string { return "again " + law }
	r, err := foreign.Check(start(t, "counts", time.Minute), foreign.Options{Seed: 1, Cases: 100, Again: again})
	require.NoError(t, err)
	assert.Equal(t, []string{"wellposed/deterministic"}, r.Failing())
	assert.Len(t, r.Results, 1)
	assert.Len(t, r.Absent, len(foreign.Laws())-1)
	assert.Equal(t, "again wellposed/deterministic", r.Results[0].Failure.Again)
	r, err = foreign.Check(start(t, "refuses", time.Minute), foreign.Options{Seed: 1, Cases: 300})
	require.NoError(t, err)
	assert.Empty(t, r.Absent)
	r, err = foreign.Check(start(t, "counts", time.Minute), foreign.Options{Seed: 1, Cases: 100, Only: "semilattice/idempotent"})
	require.NoError(t, err)
	assert.Len(t, r.Results, 1)
	assert.Empty(t, r.Absent)
}

// A merge that is not deterministic may show it under another law.
func TestNotDeterministicUnderAnotherLaw(t *testing.T) {
	r, err := foreign.Check(start(t, "changes", time.Minute), foreign.Options{Seed: 1, Cases: 100, Only: "semilattice"})
	require.NoError(t, err)
	assert.Equal(t, []string{"wellposed/deterministic"}, r.Failing())
	assert.Len(t, r.Results, 1)
	assert.Len(t, r.Absent, 2)
}

// How many numbers a state took: all of them where nothing is said, and never fewer than none.
func TestNumbersUsed(t *testing.T) {
	_, used, err := start(t, "unsaid", time.Minute).Draw([]uint64{1 << 11, 2 << 11, 3 << 11})
	require.NoError(t, err)
	assert.Equal(t, 3, used)
	_, err = foreign.Check(start(t, "owes", time.Minute), foreign.Options{Seed: 1, Cases: 100})
	require.ErrorIs(t, err, foreign.ErrProgram)
	assert.ErrorContains(t, err, "it used -1 numbers")
}

// What an author of a program reads names nothing of Go.
func TestTextsNameNoGo(t *testing.T) {
	r, err := foreign.Check(start(t, "lone", time.Minute), foreign.Options{Seed: 1, Cases: 50})
	require.NoError(t, err)
	assert.Contains(t, r.String(), "have draw make states that differ, or give such ones with --states")
	for _, how := range []string{"lone", "lawful", "arrival", "counts", "refuses"} {
		r, err := foreign.Check(start(t, how, time.Minute), foreign.Options{Seed: 1, Cases: 50})
		require.NoError(t, err)
		assert.NotContains(t, r.String(), "laws.", how)
		assert.NotContains(t, r.String(), "panic", how)
	}
}

func TestExamplesThatAreNone(t *testing.T) {
	for text, says := range map[string]string{
		"": "no states", "{}\n{": "line 2", "1 2": "more than one value", "[1,]": "line 1",
	} {
		_, err := foreign.ReadStates(strings.NewReader(text))
		assert.ErrorContains(t, err, says, "%q", text)
	}
}

// Programs in other languages, where there is an interpreter.
func TestOtherLanguages(t *testing.T) {
	for file, interpreter := range map[string]string{"register.py": "python3", "register.js": "node"} {
		t.Run(interpreter, func(t *testing.T) {
			if _, err := exec.LookPath(interpreter); err != nil {
				t.Skipf("there is no %s on this machine", interpreter)
			}
			for how, want := range map[string][]string{"": nil, " wrong": {"semilattice/commutative"}} {
				p, err := foreign.Start(context.Background(), interpreter+" testdata/"+file+how, time.Minute)
				require.NoError(t, err)
				t.Cleanup(p.Close)
				r, err := foreign.Check(p, foreign.Options{Seed: 1, Cases: 300})
				require.NoError(t, err)
				assert.Equal(t, want, r.Failing(), "%v", r)
			}
		})
	}
}
