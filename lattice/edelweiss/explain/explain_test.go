package explain_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/explain"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
)

var update = flag.Bool("update", false, "write golden files")

// TestExplained holds the explanation of every shipped program, which is also the
// record of what is reclaimed from it and what is not.
func TestExplained(t *testing.T) {
	for _, name := range programs.Names() {
		t.Run(name, func(t *testing.T) {
			p, err := programs.Load(name)
			require.NoError(t, err)
			r, err := reclaim.Rewrite(p, reclaim.All)
			require.NoError(t, err)
			report := explain.Explain(p, r)
			got := report.Text() + "\n" + report.Mermaid
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestFates(t *testing.T) {
	p, err := el.Parse(`.decl n(a: node) sealed
.decl i(k: number) input
.decl x(k: number) table
.decl y(k: number) table
.decl kept(k: number, l: number) table
.decl s(k: number) scratch
.decl c(@a: node, k: number) channel
.decl d(@a: node, k: number) channel
.decl e(@a: node, k: number) channel
x(k) :- i(k).
y(k) :- i(k).
kept(k, k) :- d(_, k).
s(k) :- x(k), !y(k).
c(a, k) @async :- x(k), n(a).
s(k) @next :- c(_, k).
d(a, k) @async :- y(k), n(a).
`)
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	fates := map[string]explain.Fate{}
	for _, row := range explain.Explain(p, r).Rows {
		fates[row.Collection] = row.Fate
		if row.Fate == explain.Grows || row.Fate == explain.Repeated {
			assert.NotEmpty(t, row.Because, row.Collection)
		}
	}
	assert.Equal(t, map[string]explain.Fate{
		"n": explain.Fixed, "i": explain.Passing, "x": explain.Grows, "y": explain.Grows, "kept": explain.Ranges,
		"s": explain.Passing, "c": explain.Repeated, "d": explain.Acknowledged, "e": explain.Unsent,
	}, fates)
	p, err = el.Parse(".decl i(k: number) input\n.decl x(k: number) table\nx(k) :- i(k).\n")
	require.NoError(t, err)
	r, err = reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	assert.NotContains(t, explain.Explain(p, r).Text(), "comes back", "nothing is lost")
	assert.Equal(t, "?", explain.Fate(0).String()+explain.Fate(99).String()[1:])
}
