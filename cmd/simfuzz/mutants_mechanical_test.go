package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

// What is printed and counted of each outcome of a mechanical mutant.
func TestMechanicalOutcomes(t *testing.T) {
	d := &mutants.Derived{Mutation: &mechanical.Mutation{
		Name: "kvs.F/flip/1", Kind: mechanical.Flip, Package: modulePath + "/kvs", File: "kvs/f.go", Func: "F", Line: 7, Was: "a < b", Now: "a > b",
	}}
	oracles := func(of ...string) map[string]int {
		m := make(map[string]int)
		for _, o := range of {
			m[o]++
		}
		return m
	}
	for name, c := range map[string]struct {
		trial  mutants.Trial
		reason string
		err    error
		sum    mechanicalSummary
		by     string
		want   []string
	}{
		"campaign": {
			trial: mutants.Trial{Simulated: true, Campaign: true, Oracle: "liveness", Seed: 9, Seeds: 5, Alone: true}, by: "campaign",
			sum:  mechanicalSummary{Mutants: 1, Found: 1, ByCampaign: 1, Oracles: oracles("liveness"), needed: []int{5}},
			want: []string{"campaign      5", "kvs.F/flip/1: liveness (seed 9)"},
		},
		"both": {
			trial: mutants.Trial{Simulated: true, Campaign: true, Oracle: "panic", Seed: 9, Seeds: 5, Test: "kvs TestF"}, by: "campaign",
			sum:  mechanicalSummary{Mutants: 1, Found: 1, ByCampaign: 1, ByTest: 1, ByBoth: 1, Oracles: oracles("panic"), needed: []int{5}},
			want: []string{"panic (only behind other seeds); go test"},
		},
		"test": {
			trial: mutants.Trial{Simulated: true, Seeds: 50, Test: "kvs TestF"}, by: "test",
			sum:  mechanicalSummary{Mutants: 1, Found: 1, ByTest: 1, Oracles: oracles()},
			want: []string{"test         50", "go test kvs TestF"},
		},
		"tests only": {
			trial: mutants.Trial{Test: "kvs TestF"}, by: "test",
			sum:  mechanicalSummary{Mutants: 1, Found: 1, ByTest: 1, TestsOnly: 1, Oracles: oracles()},
			want: []string{"test          - "},
		},
		"argued": {
			trial: mutants.Trial{Simulated: true, Seeds: 50, Called: []string{"tests"}}, reason: "both are the same", by: "argued",
			sum:  mechanicalSummary{Mutants: 1, Argued: 1, Oracles: oracles()},
			want: []string{"argued", "both are the same"},
		},
		"survived": {
			trial: mutants.Trial{Simulated: true, Seeds: 50, Called: []string{"campaign", "tests"}},
			sum:   mechanicalSummary{Mutants: 1, Survived: 1, Oracles: oracles()},
			want:  []string{"SURVIVED     50", "kvs/f.go:7\n  - a < b\n  + a > b\n", "called by the campaign and the tests", "1 survived"},
		},
		"survived, not called": {
			trial: mutants.Trial{Simulated: true, Seeds: 50, Called: []string{}},
			sum:   mechanicalSummary{Mutants: 1, Survived: 1, NotCalled: 1, Oracles: oracles()},
			want:  []string{"never called", "not called   1 of the survivors"},
		},
		"survived, outside of functions": {
			trial: mutants.Trial{Simulated: true, Seeds: 50},
			sum:   mechanicalSummary{Mutants: 1, Survived: 1, Oracles: oracles()},
			want:  []string{"whether anything comes to it is not known"},
		},
		"error": {
			err: errors.New("no fork"),
			sum: mechanicalSummary{Mutants: 1, Errors: 1, Oracles: oracles()}, want: []string{"no fork", "error", "1 in error"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cl := &cli{ctx: t.Context(), out: &out, err: &out}
			j := mechanicalResult(d, c.trial, c.reason, c.err)
			assert.Equal(t, c.by, j.By)
			assert.Equal(t, c.trial.Found(), j.Found)
			sum := mechanicalSummary{Oracles: make(map[string]int)}
			sum.add(j)
			survivors := sum.survivors
			sum.survivors = nil
			assert.Equal(t, c.sum, sum)
			sum.survivors = survivors
			require.NoError(t, cl.printMechanical(mutantsOptions{}, j))
			cl.printMechanicalSummary(&sum, 1)
			fits(t, name, out.String())
			for _, want := range c.want {
				assert.Contains(t, out.String(), want)
			}
			out.Reset()
			require.NoError(t, cl.printMechanical(mutantsOptions{json: true}, j))
			var again mechanicalJSON
			lastJSON(t, out.String(), &again)
			assert.Equal(t, j, again)
		})
	}
}

// The whole way on a small package: what scripts read, and exit codes.
func TestMechanicalRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs; skipped by -short")
	}
	code, out, errs := invoke(t, "", "mutants", "--mechanical", "./kvs/internal/varint", "--sample", "2", "--seeds", "20", "--json")
	var sum struct {
		Kind                             string
		Mutants, Found, Argued, Survived int
		Packages                         []string
	}
	lastJSON(t, out, &sum)
	assert.Equal(t, "summary", sum.Kind, errs)
	assert.Equal(t, 2, sum.Mutants)
	assert.Equal(t, 2, sum.Found+sum.Argued+sum.Survived)
	assert.Equal(t, []string{modulePath + "/kvs/internal/varint"}, sum.Packages)
	want := exitOK
	if sum.Survived > 0 {
		want = exitViolated
	}
	assert.Equal(t, want, code, errs)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3)
	var names []string
	for _, l := range lines[:2] {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &fields))
		for _, f := range []string{"kind", "name", "strategy", "found", "by", "seeds", "seconds", "file", "line", "was", "now", "oracle", "test"} {
			assert.Contains(t, fields, f)
		}
		names = append(names, fields["name"].(string))
	}
	_, listed, _ := invoke(t, "", "mutants", "--mechanical", "./kvs/internal/varint", "--sample", "2", "--list")
	for _, name := range names {
		assert.Contains(t, listed, name+"\n  kvs/internal/varint/varint.go:")
	}
}

// Mutations are drawn by the seed, or named.
func TestChooseMutations(t *testing.T) {
	all := []*mechanical.Mutation{{Name: "kvs.F/flip/1"}, {Name: "kvs.F/flip/2"}, {Name: "kvs.G/negate/1"}}
	o := mutantsOptions{mechanical: "./kvs", seed: 1, sample: 2}
	order, most, err := chooseMutations(all, o, nil)
	require.NoError(t, err)
	assert.ElementsMatch(t, all, order)
	assert.Equal(t, 2, most)
	order, most, err = chooseMutations(all, o, []string{"kvs.G/negate/1", "kvs.F/flip/1"})
	require.NoError(t, err)
	assert.Equal(t, []*mechanical.Mutation{all[2], all[0]}, order)
	assert.Zero(t, most, "all that are named")
	_, _, err = chooseMutations(all, o, []string{"kvs.G/negate/2"})
	require.ErrorIs(t, err, command.ErrUsage)
	assert.ErrorContains(t, err, `did you mean "kvs.G/negate/1"?`)
}

// Mutations are of the files that are asked for.
func TestMutationsOf(t *testing.T) {
	all := []*mechanical.Mutation{{File: "kvs/multi.go"}, {File: "kvs/wire/multi.go"}, {File: "kvs/multiput.go"}, {File: "kvs/cut.go"}}
	for patterns, want := range map[string][]*mechanical.Mutation{
		"": all, "multi*.go": all[:3], "cut.go,multi.go": {all[0], all[1], all[3]}, "multi.go,m*": all[:3],
	} {
		of, err := mutationsOf(all, patterns)
		require.NoError(t, err)
		assert.Equal(t, want, of, patterns)
	}
	for patterns, say := range map[string]string{"none.go": "no file", "[": "syntax error"} {
		_, err := mutationsOf(all, patterns)
		require.ErrorIs(t, err, command.ErrUsage)
		assert.ErrorContains(t, err, say)
	}
}

// Every entry of the table of argued mutants is of a mutation that there is.
func TestArguedTableApplies(t *testing.T) {
	table, err := mechanical.ParseArguments(argued(t))
	require.NoError(t, err)
	var patterns []string
	for _, a := range table {
		patterns = append(patterns, "./"+path.Dir(a.File))
	}
	if len(patterns) == 0 {
		return
	}
	list, err := mechanical.Load(t.Context(), "../..", patterns...)
	require.NoError(t, err)
	reasons, err := mechanical.Argued(table, list, mechanical.Mutations(modulePath, list))
	require.NoError(t, err)
	assert.Len(t, reasons, len(table), "entries of files that there are not")
}

func argued(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../" + arguedPath)
	require.NoError(t, err)
	return text
}
