package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
)

// TestPanicsAreKept: a panic of the store, while it serves a request or while an oracle
// looks into it, is a finding: kept with seed and tape, exit code 1, and again from the tape.
func TestPanicsAreKept(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs; skipped by -short")
	}
	for during, m := range map[string]mutants.Mutant{
		"request": {
			Name: "panics-on-request", File: "kvs/request.go",
			Search: "	r.clock.Observe(q.Clock)\n", Replace: "	r.clock.Observe(q.Clock)\n	if q.Req == 7 {\n		panic(\"seven\")\n	}\n",
		},
		"looking": {
			Name: "panics-on-look", File: "kvs/state.go",
			Search: "	if s, _ := p.slot(key, kind); s != nil {\n			return p.look(s)\n", Replace: "	if s, _ := p.slot(key, kind); s != nil {\n			if r.tick > 20 {\n				panic(\"late\")\n			}\n			return p.look(s)\n",
		},
	} {
		program := overlaid(t, m)
		run := func(args ...string) (int, string) {
			var out bytes.Buffer
			cmd := exec.CommandContext(t.Context(), program, args...)
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); cmd.ProcessState == nil {
				require.NoError(t, err)
			}
			return cmd.ProcessState.ExitCode(), out.String()
		}
		dir := t.TempDir()
		code, said := run("run", "--seed", "3", "--seeds", "1", "--out", dir)
		assert.Equal(t, exitViolated, code, "%s", said)
		assert.Contains(t, said, "panic: ", during)
		assert.NotContains(t, said, "goroutine ", "%s: the program itself has panicked", during)
		tape := filepath.Join(dir, "seed-3", "tape.json")
		require.FileExists(t, tape, "%s: %s", during, said)
		code, said = run("replay", tape)
		assert.Equal(t, exitViolated, code, "%s", said)
		assert.Contains(t, said, "panic: ", during)
	}
}
