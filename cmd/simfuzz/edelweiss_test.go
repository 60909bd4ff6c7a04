package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edelweissRun runs the command as the command line would.
func edelweissRun(t *testing.T, args ...string) (code int, out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := &cli{ctx: t.Context(), out: &stdout, err: &stderr}
	cmd := c.edelweissCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&stderr)
	cmd.SetErr(&stderr)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err = cmd.Execute()
	return c.code, stdout.String(), stderr.String(), err
}

func programFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program.dl")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestEdelweissExplains(t *testing.T) {
	code, out, _, err := edelweissRun(t, "kvs", "--seeds", "3")
	require.NoError(t, err)
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "del_log  table    deleted")
	assert.Contains(t, out, "certificate holds; 3 seeds")

	_, out, _, err = edelweissRun(t, "kvs", "--seeds", "0", "--print")
	require.NoError(t, err)
	assert.Contains(t, out, "@delete :- del_log")
	_, out, _, err = edelweissRun(t, "kvs", "--seeds", "0", "--mermaid")
	require.NoError(t, err)
	assert.Contains(t, out, "flowchart LR")
}

func TestEdelweissJSON(t *testing.T) {
	code, out, _, err := edelweissRun(t, "unicast", "two_phase_commit", "--seeds", "2", "--json")
	require.NoError(t, err)
	assert.Equal(t, exitOK, code)
	d := json.NewDecoder(bytes.NewBufferString(out))
	for _, name := range []string{"unicast", "two_phase_commit"} {
		var got edelweissJSON
		require.NoError(t, d.Decode(&got))
		assert.Equal(t, name, got.Program)
		assert.True(t, got.Equal && got.Certificates)
		assert.Equal(t, 2, got.Seeds)
		assert.Equal(t, got.Tuples-got.Live, got.Reclaimed)
		assert.Positive(t, got.Reclaimed)
		assert.Equal(t, "edelweiss", got.Kind)
		assert.Empty(t, got.Error)
	}
}

const wellFormed = `.decl i(k: number) input
.decl d(k: number) input
.decl x(k: number) table
.decl y(k: number) table
.decl o(k: number) output
x(k) :- i(k).
y(k) :- d(k).
o(k) :- x(k), !y(k).
`

func TestEdelweissFiles(t *testing.T) {
	code, out, _, err := edelweissRun(t, programFile(t, wellFormed), "--seeds", "2", "--nodes", "2")
	require.NoError(t, err)
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "once y(k)")

	_, _, _, err = edelweissRun(t, programFile(t, "x(k) :- i(k)"))
	assert.ErrorContains(t, err, "1:13: syntax")
	_, _, _, err = edelweissRun(t, programFile(t, wellFormed+"x(k) @delete :- x(k).\n"))
	assert.ErrorContains(t, err, "9:1: deletion")
	_, _, _, err = edelweissRun(t, "no/such/file")
	assert.ErrorContains(t, err, "give a file, or one of atomic_registers")

	// What cannot be run is still rewritten and explained.
	code, out, errs, err := edelweissRun(t, programFile(t, ".decl x(k: number) table\n"))
	require.NoError(t, err)
	assert.Equal(t, exitUndecided, code)
	assert.Contains(t, out, "x  table")
	assert.Contains(t, errs, "not run: no workload")

	// A program that breaks its own keys accuses nobody.
	code, out, _, err = edelweissRun(t, programFile(t, ".decl i(k: number) input\n.decl x(k: number => v: number) table\nx(1, k) :- i(k).\n"), "--seeds", "3")
	require.NoError(t, err)
	assert.Equal(t, exitUndecided, code)
	assert.Contains(t, out, "undecided: seed 1: no workload: the original:")
}

func TestEdelweissUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"kvs", "--seeds", "-1"}, {"kvs", "--nodes", "0"}, {"kvs", "--print", "--json"}} {
		_, _, _, err := edelweissRun(t, args...)
		assert.ErrorIs(t, err, errUsage, "%v", args)
	}
}
