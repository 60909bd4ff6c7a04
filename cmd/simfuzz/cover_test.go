package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/coverage"
)

// A campaign that counts statements prints what it would print without, and the count
// before its summary.
func TestRunCover(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs; skipped by -short")
	}
	args := []string{"run", "--seed", "1", "--seeds", "20", "--json"}
	_, plain, _ := invoke(t, "", args...)
	var want, got struct {
		Kind                          string
		Seeds, Deliveries, Operations int64
	}
	lastJSON(t, plain, &want)
	code, out, errs := invoke(t, "", append(args, "--cover")...)
	require.Equal(t, exitOK, code, errs)
	lastJSON(t, out, &got)
	assert.Equal(t, want, got)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2)
	var count coverageJSON
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &count))
	assert.Equal(t, "coverage", count.Kind)
	assert.Contains(t, count.Packages, "kvs/gossip")
	assert.NotContains(t, count.Packages, "cmd/simfuzz")
	assert.Equal(t, ofRuns(t), count.Packages, "what a run executes, and nothing else")
	assert.Greater(t, count.Reached, count.Statements/2)
	never := 0
	for _, b := range count.Never {
		never += b.Statements
		assert.True(t, strings.HasPrefix(b.File, "kvs/"), b.File)
	}
	assert.Equal(t, count.Statements-count.Reached, never)

	t.Chdir(t.TempDir())
	code, _, errs = invoke(t, "", append(args, "--cover")...)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "not inside a source checkout")
}

// ofRuns are the packages of the store that a simulated run is made of, but for engines.
func ofRuns(t *testing.T) (packages []string) {
	t.Helper()
	deps, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "../../sim/scenario").Output()
	require.NoError(t, err)
	for _, pkg := range strings.Fields(string(deps)) {
		if rel := strings.TrimPrefix(pkg, modulePath+"/"); rel == "kvs" || strings.HasPrefix(rel, "kvs/") && !strings.HasPrefix(rel+"/", "kvs/store/") {
			packages = append(packages, rel)
		}
	}
	slices.Sort(packages)
	return packages
}

func TestPrintCoverage(t *testing.T) {
	var out bytes.Buffer
	c := &cli{ctx: t.Context(), out: &out, err: &out}
	n := coverage.Count{Packages: []string{"kvs", "kvs/gossip"}, Statements: 50, Reached: 45, Never: []coverage.Block{
		{File: "kvs/a.go", Func: "f", First: 3, Last: 3, Statements: 1}, {File: "kvs/a.go", Func: "T.g", First: 7, Last: 9, Statements: 2},
		{File: "kvs/a.go", Func: "T.g", First: 10, Last: 12, Statements: 1}, {File: "kvs/gossip/b.go", Func: "h", First: 4, Last: 5, Statements: 1},
	}}
	never, statements := n.Unexplained([]coverage.Explanation{{File: "kvs/a.go", Func: "f", Statements: 1}, {File: "kvs/a.go", Func: "T.g", Statements: 2}, {File: "kvs/b.go", Func: "h", Statements: 9}})
	assert.Equal(t, 4, statements, "more of T.g than is explained, so all of it")
	c.printCoverage(n, 1, never)
	assert.Equal(t, "statements   5 of 50 (10%) of kvs kvs/gossip never reached, 1 of them for a\n             reason that cmd/simfuzz/internal/coverage/unreached.txt gives\n"+
		"  kvs/a.go  7-12\n  kvs/gossip/b.go  4-5\n", out.String())
	fits(t, "run --cover", out.String())
}
