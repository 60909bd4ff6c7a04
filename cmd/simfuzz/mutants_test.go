package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
)

func TestMutantsRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown name": {[]string{"mutants", "no-such-mutant"}, "no-such-mutant"},
		"unknown flag": {[]string{"mutants", "--wat"}, "simfuzz mutants --help"},

		"sample of nothing":      {[]string{"mutants", "--sample", "5"}, "--sample goes with --mechanical"},
		"files of nothing":       {[]string{"mutants", "--files", "*.go"}, "--files and --first go with --mechanical"},
		"first of nothing":       {[]string{"mutants", "--first"}, "--files and --first go with --mechanical"},
		"mechanical, strategies": {[]string{"mutants", "--mechanical", "./kvs", "--strategies"}, "do not go together"},
		"mechanical, corpus":     {[]string{"mutants", "--mechanical", "./kvs", "--corpus", "x"}, "do not go together"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := invoke(t, "", c.args...)
			assert.Equal(t, exitFailed, code, "%s%s", out, errs)
			assert.Contains(t, errs, c.want)
		})
	}
}

func TestMutantsOutsideCheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, errs := invoke(t, "", "mutants")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "not inside a source checkout")
}

func TestMutantsList(t *testing.T) {
	shipped, err := mutants.Shipped()
	require.NoError(t, err)
	require.NotEmpty(t, shipped)
	code, out, _ := invoke(t, "", "mutants", "--list")
	assert.Equal(t, exitOK, code)
	_, asJSON, _ := invoke(t, "", "mutants", "--list", "--json")
	for _, m := range shipped {
		assert.Contains(t, out, m.Name)
		assert.Contains(t, strings.Join(strings.Fields(out), " "), m.Doc)
		assert.Contains(t, asJSON, `"name":"`+m.Name+`"`)
	}
}

// What is printed and counted of each outcome of a campaign.
func TestMutantOutcomes(t *testing.T) {
	operations, exceptions, took := 2, 1, 33
	m := mutants.Mutant{Name: "m", Oracles: []string{"convergence", "durability"}}
	for name, c := range map[string]struct {
		campaign mutants.Campaign
		err      error
		sum      mutantSummary
		want     []string
	}{
		"killed": {
			mutants.Campaign{
				Found: true, Oracle: "convergence", Seeds: 17, Replays: true, CleanHold: true,
				ShrunkOperations: &operations, ShrunkExceptions: &exceptions, ShrunkReplays: &took,
			}, nil,
			mutantSummary{
				Mutants: 1, Found: 1, Killed: 1, Seeds: spread{17, 17}, Operations: spread{2, 2}, Exceptions: spread{1, 1}, Replays: spread{33, 33},
				seeds: []int{17}, operations: []int{2}, exceptions: []int{1}, replays: []int{33},
			}, []string{"killed", "17", "convergence", "2 + 1", "33"},
		},
		"survived": {
			mutants.Campaign{Seeds: 2000}, nil,
			mutantSummary{Mutants: 1, Survived: 1}, []string{"SURVIVED", "nobody"},
		},
		"wrong oracle": {
			mutants.Campaign{Oracle: "liveness", Replays: true, CleanHold: true}, nil,
			mutantSummary{Mutants: 1, Survived: 1}, []string{"SURVIVED", "liveness, where convergence or durability was expected"},
		},
		"does not repeat": {
			mutants.Campaign{Found: true, Oracle: "convergence"}, nil,
			mutantSummary{Mutants: 1, Survived: 1}, []string{"SURVIVED", "does not replay alike"},
		},
		"stale tape": {
			mutants.Campaign{Found: true, Oracle: "convergence", Replays: true, CleanHold: true, KeptFails: new(bool)}, nil,
			mutantSummary{Mutants: 1, Found: 1, Killed: 1, seeds: []int{0}}, []string{"killed", "the tape kept of it does not fail any more"},
		},
		"clean fails too": {
			mutants.Campaign{Found: true, Oracle: "convergence", Replays: true}, nil,
			mutantSummary{Mutants: 1, Survived: 1}, []string{"SURVIVED", "clean program fails"},
		},
		"error": {
			mutants.Campaign{}, errors.New("does not compile"),
			mutantSummary{Mutants: 1, Errors: 1}, []string{"error", "does not compile"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cl := &cli{ctx: t.Context(), out: &out, err: &out}
			var sum mutantSummary
			sum.add(c.campaign, c.err)
			sum.finish()
			assert.Equal(t, c.sum, sum)
			require.NoError(t, cl.printMutant(mutantsOptions{}, m, c.campaign, c.err))
			for _, want := range c.want {
				assert.Contains(t, out.String(), want)
			}
			out.Reset()
			require.NoError(t, cl.printMutant(mutantsOptions{json: true, strategy: "swarm"}, m, c.campaign, nil))
			var j mutantJSON
			lastJSON(t, out.String(), &j)
			assert.Equal(t, mutantJSON{
				Kind: "mutant", Name: "m", Strategy: "swarm", Found: c.campaign.Found, By: map[bool]string{true: "campaign"}[c.campaign.Killed()], Oracle: c.campaign.Oracle, Seeds: c.campaign.Seeds,
				Replayed: c.campaign.Replays, CleanHolds: c.campaign.CleanHold,
				ShrunkOperations: c.campaign.ShrunkOperations, ShrunkExceptions: c.campaign.ShrunkExceptions, ShrunkReplays: c.campaign.ShrunkReplays,
				KeptFails: c.campaign.KeptFails,
			}, j)
		})
	}
}

// What a cell of the table of strategies says.
func TestTrialCells(t *testing.T) {
	o := mutantsOptions{seeds: 2000, trials: 4}
	for want, c := range map[string]struct {
		trials mutants.Trials
		err    error
	}{
		"5":            {mutants.Trials{Needed: []int64{1, 5, 9}}, nil},
		"9 (3/4)":      {mutants.Trials{Needed: []int64{1, 9, 12}, Missed: 1}, nil},
		"> 2000 (0/3)": {mutants.Trials{Missed: 3}, nil},
		"error":        {mutants.Trials{}, errors.New("no")},
	} {
		assert.Equal(t, want, cell(o, c.trials, c.err))
	}
	var out bytes.Buffer
	cl := &cli{ctx: t.Context(), out: &out, err: &out}
	require.NoError(t, cl.printTrials(mutants.Mutant{Name: "m"}, "pct", mutants.Trials{Needed: []int64{3}}, nil))
	var j trialsJSON
	lastJSON(t, out.String(), &j)
	three := int64(3)
	assert.Equal(t, trialsJSON{Kind: "trials", Name: "m", Strategy: "pct", Trials: 1, Median: &three, Needed: []int64{3}}, j)
}
