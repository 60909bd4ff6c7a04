package archtest_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/archtest"
)

var (
	toyTable = []archtest.Room{
		{Pattern: "low"},
		{Pattern: "mid", Packages: []string{"low", "low/sub/..."}, Modules: []string{"example.org/kept"}},
		{Pattern: "low/sub/..."},
		{Pattern: "low/sub/own", Packages: []string{"low"}},
		{Pattern: "low/internal/rig", TestOnly: true, Modules: []string{"example.org/testing"}},
		{Pattern: "tool/...", Packages: []string{"..."}, Modules: []string{""}},
	}
	toyTests = archtest.Room{Packages: []string{"mid"}, Modules: []string{"example.org/testing"}}
)

func TestCheckImports(t *testing.T) {
	cases := []struct {
		name string
		pkg  archtest.Package
		want string // "" for no violation
	}{
		{"standard library", archtest.Package{ImportPath: "m/low", Imports: []string{"fmt", "go/ast"}}, ""},
		{"allowed package", archtest.Package{ImportPath: "m/mid", Imports: []string{"m/low"}}, ""},
		{"allowed subtree", archtest.Package{ImportPath: "m/mid", Imports: []string{"m/low/sub/deep"}}, ""},
		{"allowed module", archtest.Package{ImportPath: "m/mid", Imports: []string{"example.org/kept/part"}}, ""},
		{"own internal", archtest.Package{ImportPath: "m/low", Imports: []string{"m/low/internal/x"}}, ""},
		{"internal has its room's row", archtest.Package{ImportPath: "m/mid/internal/x", Imports: []string{"m/low"}}, ""},
		{"outer ring", archtest.Package{ImportPath: "m/tool/x", Imports: []string{"m/mid", "example.org/any"}}, ""},
		{"test may add", archtest.Package{ImportPath: "m/low", TestImports: []string{"m/mid", "example.org/testing/x"}}, ""},
		{"external test imports its own", archtest.Package{ImportPath: "m/low", XTestImports: []string{"m/low"}}, ""},
		{"test imports below", archtest.Package{ImportPath: "m/low", XTestImports: []string{"m/low/sub/own"}}, ""},
		{"rig for tests", archtest.Package{ImportPath: "m/low/internal/rig", Imports: []string{"example.org/testing"}}, ""},
		{"rig in a test", archtest.Package{ImportPath: "m/low", TestImports: []string{"m/low/internal/rig"}}, ""},

		{
			"rig in production", archtest.Package{ImportPath: "m/low", Imports: []string{"m/low/internal/rig"}},
			"low imports m/low/internal/rig, which is for tests only",
		},
		{
			"arrow upwards", archtest.Package{ImportPath: "m/low", Imports: []string{"m/mid"}},
			`low imports m/mid, which row "low" does not allow`,
		},
		{
			"module not kept", archtest.Package{ImportPath: "m/low", Imports: []string{"example.org/kept"}},
			`low imports example.org/kept, which row "low" does not allow`,
		},
		{
			"module with a kept one's name as prefix", archtest.Package{ImportPath: "m/mid", Imports: []string{"example.org/kept2"}},
			`mid imports example.org/kept2, which row "mid" does not allow`,
		},
		{
			"testing library in production", archtest.Package{ImportPath: "m/mid", Imports: []string{"example.org/testing"}},
			`mid imports example.org/testing, which row "mid" does not allow`,
		},
		{
			"most specific row governs", archtest.Package{ImportPath: "m/low/sub/other", Imports: []string{"m/low"}},
			`low/sub/other imports m/low, which row "low/sub/..." does not allow`,
		},
		{
			"internal is held too", archtest.Package{ImportPath: "m/low/internal/x", Imports: []string{"m/mid"}},
			`low/internal/x imports m/mid, which row "low" does not allow`,
		},
		{
			"test beyond the wider row", archtest.Package{ImportPath: "m/low", XTestImports: []string{"m/tool/x"}},
			`low imports m/tool/x in a test, which row "low" and the row for tests do not allow`,
		},
		{
			"no row", archtest.Package{ImportPath: "m/stray"},
			"stray: no row of the import table governs this package",
		},
		{
			"a row without dots does not govern below", archtest.Package{ImportPath: "m/mid/below"},
			"mid/below: no row of the import table governs this package",
		},
		{"another module", archtest.Package{ImportPath: "other/low"}, "other/low: not a package of module m"},
		{"junk drawer", archtest.Package{ImportPath: "m/tool/util"}, `tool/util: "util" says nothing of what is inside`},
		{
			"undocumented", archtest.Package{ImportPath: "m/low", GoFiles: []string{"a.go"}},
			"low: no package comment",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := archtest.CheckImports("m", toyTable, toyTests, []archtest.Package{c.pkg})
			if c.want == "" {
				assert.Empty(t, found)
				return
			}
			assert.Equal(t, []string{c.want}, found)
		})
	}
}

func TestCheckTable(t *testing.T) {
	assert.Empty(t, archtest.CheckTable(toyTable))
	assert.Equal(t, []string{`row "a" stands twice`, `row "b" allows "gone/...", which no row governs`},
		archtest.CheckTable([]archtest.Room{
			{Pattern: "a"}, {Pattern: "a"}, {Pattern: "b", Packages: []string{"a", "gone/...", "..."}},
		}))
}

func TestJudged(t *testing.T) {
	for _, rel := range []string{"lattice", "lattice/internal/other", "kvs", "kvs/servers", "sim/scenario", "unheard/of"} {
		assert.True(t, archtest.Judged(rel), rel)
	}
	for _, rel := range []string{"cmd/simfuzz", "cmd/simfuzz/internal/mutants", "kvs/server", "kvs/client/x", "kvs/store/storetest"} {
		assert.False(t, archtest.Judged(rel), rel)
	}
}

func TestCheckLayout(t *testing.T) {
	root := fstest.MapFS{"kept/x.go": {}, ".dot/y": {}, "go.mod": {}, "notes.txt": {}, "scratch/z.go": {}}
	entries, err := fs.ReadDir(root, ".")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"notes.txt: nothing in the table of the top level explains it",
		"scratch: nothing in the table of the top level explains it",
	}, archtest.CheckLayout(entries, map[string]string{"kept": "why", "go.mod": "why"}))
}

func TestExcuse(t *testing.T) {
	found := []archtest.Finding{
		{File: "a/b.go", Line: 3, Rule: archtest.Clock, Message: "clock"},
		{File: "a/b.go", Line: 9, Rule: archtest.Random, Message: "dice"},
	}
	assert.Equal(t, []string{"a/b.go:9: [random] dice"},
		archtest.Excuse(found, []archtest.Exception{{File: "a/b.go", Rule: archtest.Clock, Reason: "injected"}}))
	assert.Equal(t, []string{
		"a/b.go:3: [clock] clock",
		"a/b.go:9: [random] dice",
		"exception for a/c.go [clock] excuses nothing: remove it",
	}, archtest.Excuse(found, []archtest.Exception{{File: "a/c.go", Rule: archtest.Clock, Reason: "gone"}}))
	assert.Equal(t, []string{"exception for a/b.go [clock] gives no reason"},
		archtest.Excuse(found[:1], []archtest.Exception{{File: "a/b.go", Rule: archtest.Clock}}))
}
