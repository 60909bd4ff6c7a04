package main

import (
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
