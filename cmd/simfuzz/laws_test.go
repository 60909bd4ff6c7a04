package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLawsCommand(t *testing.T) {
	code, out, errs := invoke(t, "", "laws", "--json", "--cases", "60", "--only", "semilattice", "Or", "Max[int]")
	assert.Equal(t, exitOK, code, "%s%s", out, errs)
	var s lawsSummary
	lastJSON(t, out, &s)
	assert.Equal(t, lawsSummary{Kind: "summary", Merges: 2, Rows: 6}, s)
	assert.Contains(t, out, `"kind":"law","merge":"Or","law":"semilattice/associative","status":"exhausted(`)

	code, out, _ = invoke(t, "", "laws", "--cases", "60", "Or")
	assert.Equal(t, exitOK, code, out)
	assert.True(t, strings.HasSuffix(out, " 0 failed, 0 never or too rarely exercised\n"), out)

	for _, args := range [][]string{{"laws", "NoSuch"}, {"laws", "--only", "nonsense", "Or"}, {"laws", "--wat"}} {
		code, _, errs := invoke(t, "", args...)
		assert.Equal(t, exitFailed, code, "%v", args)
		assert.Regexp(t, "^simfuzz: ", errs)
	}
}

// A program that merges is judged by its own laws, and told how to be judged again.
func TestLawsOfAProgram(t *testing.T) {
	const last = `sh -c 'while read -r line; do echo "{\"merged\": ${line##*,}"; done'` // {"merge":[a,b]} by {"merged": b]}
	states := filepath.Join(t.TempDir(), "states")
	assert.NoError(t, os.WriteFile(states, []byte("1\n2\n"), 0o644))
	code, _, errs := invoke(t, "", "laws", "--exec", last, "--states", states)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "it answered {\"merged\": 1]}: no JSON: ")

	const second = `sed -u 's/.*,\(.*\)]}/{"merged": \1}/'`
	code, out, errs := invoke(t, "", "laws", "--exec", second, "--states", states, "--cases", "50", "--seed", "7")
	assert.Equal(t, exitViolated, code, "%s%s", out, errs)
	assert.Contains(t, out, "law semilattice/commutative does not hold")
	assert.Contains(t, out, "simfuzz laws --exec 'sed -u")
	assert.Contains(t, out, " --only semilattice/commutative --seed 7 --cases 50 --states "+states)

	for says, args := range map[string][]string{
		"leave it or --exec out":          {"--list"},
		`did you mean "semilattice"?`:     {"--only", "semilatice"},
		"no law of a program's merge":     {"--only", "order"},
		`want no name of a shipped merge`: {"Or"},
	} {
		code, _, errs := invoke(t, "", append([]string{"laws", "--exec", second, "--states", states}, args...)...)
		assert.Equal(t, exitFailed, code, "%v", args)
		assert.Contains(t, errs, says)
	}
}
