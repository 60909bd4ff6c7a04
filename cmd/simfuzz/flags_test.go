package main

import (
	"math"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
)

// refused is a value that a flag must refuse, and words that its error must have.
type refused struct{ value, want string }

// What flags of each kind refuse whatever command they belong to.
var (
	notWhole  = []refused{{"-1", "a whole number"}, {"1.5", "a whole number"}, {"many", "a whole number"}, {"99999999999999999999", "a whole number"}, {"''", "a whole number"}}
	notTruth  = []refused{{"maybe", "true or false"}}
	nothing   = []refused{{"", "want a value"}, {" ", "want a value"}}
	noPattern = append([]refused{{"(", "no regular expression"}}, nothing...)
	workers   = append([]refused{{"1025", "1 to 1024, or 0: the number of processors"}}, notWhole...)
	strategy  = []refused{{"luck", "one of swarm, uniform, pct"}, {"SWARM", "one of swarm"}, {"swram", `did you mean "swarm"?`}, {"", "one of swarm"}}
	fromZero  = append([]refused{{"18446744073709551616", "0 to 18446744073709551615"}}, notWhole...)
	cases     = append([]refused{{"0", "1 to 1000000000"}, {"1000000001", "1 to 1000000000"}}, notWhole...)
	upTo1000  = append([]refused{{"1001", "0 to 1000"}}, notWhole...)
	durations = []refused{{"0s", "a duration above 0"}, {"-1s", "a duration above 0"}, {"soon", "a duration above 0"}, {"10", "a duration above 0"}}
)

// refusals are, for every command, all its flags and what they refuse.
var refusals = map[string]map[string][]refused{
	"run": {
		"seed": fromZero, "seeds": notWhole, "for": durations, "workers": workers, "out": nothing, "keep": notTruth, "cover": notTruth, "json": notTruth, "patience": durations,
		"nodes":      append([]refused{{"2", "3 to 9, or 0: drawn"}, {"10", "3 to 9, or 0: drawn"}}, notWhole...),
		"operations": append([]refused{{"19", "20 to 2000, or 0: drawn"}, {"2001", "20 to 2000"}}, notWhole...),
		"faults":     append([]refused{{"some", `"some" is not one of`}, {"drop=much", `"drop=much", want one of the classes`}, {"swarm,thunder=low", "thunder"}}, nothing...),
		"level":      {{"strict", "one of eventual, ryw, mr, mw, wfr, pram, causal"}, {"casual", `did you mean "causal"?`}, {"", "one of eventual"}},
		"strategy":   strategy,
		"engine":     {{"pebble", "one of drawn, none, appendlog"}, {"lsn", `did you mean "lsm"?`}, {"", "one of drawn"}},
		"depth":      append([]refused{{"0", "1 to 64"}, {"65", "1 to 64"}}, notWhole...),
		"failures":   append([]refused{{"0", "1 to 10000"}, {"10001", "1 to 10000"}}, notWhole...),
	},
	"serve": {
		"address": {{"0.0.0.0:80", "want a loopback address and a port"}, {"example.com:1", "want a loopback address"}, {"127.0.0.1", "want a loopback address"}, {"", "want a value"}},
		"seed":    fromZero, "seeds": notWhole, "for": durations, "workers": workers, "out": nothing,
		"faults":   append([]refused{{"some", `"some" is not one of`}}, nothing...),
		"level":    {{"strict", "one of eventual, ryw, mr, mw, wfr, pram, causal"}, {"", "one of eventual"}},
		"failures": append([]refused{{"0", "1 to 10000"}, {"10001", "1 to 10000"}}, notWhole...),
	},
	"campaign": {
		"bucket": nothing, "worker": nothing, "commit": nothing, "out": nothing, "tapes": nothing, "export-seeds": nothing, "image": nothing, "json": notTruth,
		"seed":  append([]refused{{"0", "1 to 18446744073709551614"}}, notWhole...),
		"seeds": append([]refused{{"0", "1 to 18446744073709551614"}}, notWhole...),
		"for":   durations, "patience": durations, "lease": append([]refused{{"1m0s", "want more than 1m0s"}}, durations...), "workers": workers,
		"kubernetes": append([]refused{{"10001", "1 to 10000, or 0: run here"}}, notWhole...), "memory": append([]refused{{"much", "want a quantity"}}, nothing...),
		"faults":   append([]refused{{"some", `"some" is not one of`}}, nothing...),
		"level":    {{"strict", "one of eventual, ryw, mr, mw, wfr, pram, causal"}, {"", "one of eventual"}},
		"strategy": append([]refused{{"exhaustive", "one of swarm"}}, strategy...),
		"engine":   {{"pebble", "one of drawn, none, appendlog"}, {"lsn", `did you mean "lsm"?`}, {"", "one of drawn"}},
	},
	"merge":  {"into": nothing, "tapes": nothing, "export-seeds": nothing, "json": notTruth},
	"replay": {"patience": durations, "json": notTruth, "quiet": notTruth, "any-trace": notTruth, "engine": {{"none", "one of tape, appendlog"}, {"lsn", `did you mean "lsm"?`}}},
	"shrink": {
		"engine": {{"none", "one of tape, appendlog"}, {"lsn", `did you mean "lsm"?`}},
		"out":    nothing, "json": notTruth, "replays": append([]refused{{"0", "1 to 1000000"}, {"1000001", "1 to 1000000"}}, notWhole...),
	},
	"report": {
		"engine": {{"none", "one of tape, appendlog"}, {"lsn", `did you mean "lsm"?`}},
		"out":    nothing, "json": notTruth, "seed": fromZero,
		"replays": append([]refused{{"1000001", "0 to 1000000"}}, notWhole...), "draws": append([]refused{{"10001", "0 to 10000"}}, notWhole...),
	},
	"explore": {
		"nodes": append([]refused{{"1", "2 to 5"}, {"6", "2 to 5"}}, notWhole...), "writes": append([]refused{{"0", "1 to 8"}, {"9", "1 to 8"}}, notWhole...),
		"kind":   {{"queue", "one of set, register, counter"}, {"sets", `did you mean "set"?`}, {"", "one of set"}},
		"engine": {{"lsm", "one of none, memory"}, {"mem", "one of none, memory"}, {"", "one of none"}},
		"ticks":  append([]refused{{"0", "1 to 255"}, {"256", "1 to 255"}}, notWhole...),
		"drops":  upTo1000, "duplicates": upTo1000, "crashes": upTo1000, "states": append([]refused{{"2147483648", "1 to 2147483647, or 0"}}, notWhole...),
		"unreduced": notTruth, "compare": notTruth, "json": notTruth,
	},
	"check": {
		"format": append([]refused{{"xml", "want one of jsonl"}}, nothing...), "model": append([]refused{{"wishful", "want one of linearizable-register"}}, nothing...),
		"explain": notTruth, "list": notTruth, "json": notTruth, "visualize": nothing, "html": nothing,
		"workers":   {{"-1", "want 0 or more"}, {"many", "want a whole number"}},
		"max-steps": {{"-1", "want more than 0"}, {"many", "want a whole number"}},
		"max-bytes": {{"0", "want more than 0"}, {"-1", "want more than 0"}, {"1k", "want a whole number"}},
		"max-time":  {{"0s", "want more than 0"}, {"-1s", "want more than 0"}, {"soon", "want a duration"}},
	},
	"laws": {"seed": fromZero, "cases": cases, "only": append([]refused{{"nonsense", "no law or set of that name"}, {"order/daul", `did you mean "order/dual"?`}}, nothing...), "list": notTruth, "json": notTruth, "html": nothing,
		"exec": {{"cat", "no name of a shipped merge"}}, "states": {{"x.jsonl", "with --exec"}}, "patience": {{"0s", "more than 0s"}, {"-1s", "more than 0s"}, {"x", ""}},
	},
	"zoo": {"seed": fromZero, "cases": cases, "workers": workers, "json": notTruth},
	"mutants": {
		"engine": {{"pebble", "one of drawn, none, appendlog"}, {"lsn", `did you mean "lsm"?`}, {"", "one of drawn"}},
		"seed":   fromZero, "workers": workers, "strategy": strategy, "strategies": notTruth, "corpus": nothing, "list": notTruth, "json": notTruth,
		"seeds":  append([]refused{{"0", "1 to 1000000000000"}, {"1000000000001", "1 to 1000000000000"}}, notWhole...),
		"sample": append([]refused{{"0", "1 to 1000000"}, {"1000001", "1 to 1000000"}}, notWhole...), "mechanical": nothing,
		"files": nothing, "first": notTruth,
		"trials": append([]refused{{"0", "1 to 10000"}, {"10001", "1 to 10000"}}, notWhole...),
	},
	"edelweiss": {
		"seed": fromZero, "workers": workers, "for": durations, "against": nothing, "out": nothing, "plot": nothing,
		"keep": notTruth, "print": notTruth, "mermaid": notTruth, "json": notTruth,
		"engine": {{"disk", "one of none, appendlog"}, {"lsn", `did you mean "lsm"?`}, {"", "one of none"}},
		"seeds":  append([]refused{{"1000000001", "0 to 1000000000"}}, notWhole...),
		"nodes":  append([]refused{{"0", "1 to 64"}, {"65", "1 to 64"}}, notWhole...),
	},
	"grep": {
		"preceded-by": noPattern, "not-preceded-by": noPattern, "followed-by": noPattern, "not-followed-by": noPattern,
		"same-node": notTruth, "within": durations, "json": notTruth,
		"most": append([]refused{{"0", "1 to 1000000"}, {"1000001", "1 to 1000000"}}, notWhole...),
	},
	"levels": {
		"measure": notTruth, "json": notTruth, "seed": fromZero,
		"seeds": append([]refused{{"0", "1 to 1000000000"}, {"1000000001", "1 to 1000000000"}}, notWhole...),
	},
	"completion": {}, "help": {},
}

// arguments are what a command needs besides its flags to come to look at them.
var arguments = map[string][]string{
	"merge": {"nowhere"}, "replay": {exampleTape}, "shrink": {exampleTape}, "report": {exampleTape}, "grep": {"crash"}, "check": {"--model=eventual", "-"}, "laws": {"Or"}, "zoo": {"L1"}, "mutants": {"canary"}, "edelweiss": {"unicast"},
}

// Every flag of every command refuses what is out of its range, says which flag it
// is, which value and what is allowed, and ends with exit code 3.
func TestFlagsRefuse(t *testing.T) {
	for _, cmd := range new(cli).root().Commands() {
		flags, listed := refusals[cmd.Name()]
		assert.True(t, listed, "%s: no row says what its flags refuse", cmd.Name())
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			values, listed := flags[f.Name]
			if f.Name == "help" || cmd.Name() == "check" && !listed { // those of check are its own tests'
				return
			}
			assert.NotEmpty(t, values, "%s --%s: no row says what it refuses", cmd.Name(), f.Name)
			for _, r := range values {
				value := strings.Trim(r.value, "'")
				args := append([]string{cmd.Name(), "--" + f.Name + "=" + value}, arguments[cmd.Name()]...)
				if f.Name == "model" {
					args = []string{"check", "--model=" + value, "-"}
				}
				code, out, errs := invoke(t, "", args...)
				assert.Equal(t, exitFailed, code, "%v", args)
				assert.Empty(t, out, "%v", args)
				assert.Regexp(t, `^simfuzz: `+cmd.Name()+`: .*--`+f.Name, errs, "%v: which flag", args)
				assert.Contains(t, errs, value, "%v: which value", args)
				assert.Contains(t, errs, r.want, "%v: what is allowed", args)
				assert.Contains(t, errs, "\nsee \"simfuzz "+cmd.Name()+" --help\"\n", "%v", args)
				assert.NotContains(t, errs, "strconv", "%v: in our own words", args)
			}
		})
	}
}

// The bounds themselves are allowed, and so is 0 where it stands for what the help
// says of it.
func TestFlagsAllow(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--seed=18446744073709551615", "--seeds=1", "--nodes=9", "--operations=20", "--failures=1", "--workers=1", "--depth=64"},
		{"run", "--seed=0", "--seeds=1", "--nodes=3", "--operations=2000", "--failures=10000", "--workers=1024", "--depth=1"},
		{"run", "--seeds=1", "--nodes=0", "--operations=0", "--workers=0", "--for=1h", "--level=causal", "--strategy=uniform", "--faults=swarm,corrupt=off"},
		{"explore", "--nodes=2", "--writes=1", "--ticks=1", "--drops=0", "--crashes=0", "--duplicates=0", "--states=0"},
		{"explore", "--nodes=5", "--writes=8", "--ticks=255", "--drops=1000", "--crashes=1000", "--duplicates=1000", "--states=1"},
		{"mutants", "--list", "--seeds=1", "--trials=10000", "--workers=0"},
		{"laws", "--list", "--cases=1000000000"},
	} {
		if args[0] == "run" {
			args = append(args, "--out="+t.TempDir())
		}
		code, out, errs := invoke(t, "", args...)
		assert.NotEqual(t, exitFailed, code, "%v: %s%s", args, out, errs)
	}
}

func TestSeedsEnd(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--seed=18446744073709551615", "--seeds=2"}, {"mutants", "--seed=18446744073709551615", "--seeds=2"},
	} {
		code, _, errs := invoke(t, "", args...)
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, errs, "--seeds 2: from --seed 18446744073709551615 on there are 1")
	}
	f := runFlags{seed: 0, seeds: math.MaxUint64}
	_, err := f.config()
	assert.NoError(t, err)
}

// A mistyped command, flag or name is told with what was probably meant.
func TestMistyped(t *testing.T) {
	for line, want := range map[string]string{
		"runn":                  `unknown command "runn" for "simfuzz"; did you mean "run"?`,
		"exlpore":               `did you mean "explore"?`,
		"chek":                  `did you mean "check"?`,
		"mut":                   `did you mean "mutants"?`,
		"run --sedes 4":         `run: unknown flag --sedes; did you mean "--seeds"?`,
		"--lvl causal":          `unknown flag --lvl; did you mean "--level"?`,
		"help nosuch":           `help: no command "nosuch"`,
		"help reply":            `did you mean "replay"?`,
		"help run twice":        `help: no command "run twice"`,
		"run extra":             `run: takes no arguments, got "extra"`,
		"levels causal":         `levels: takes no arguments, got "causal"`,
		"zoo nosuch":            `zoo: no entry is numbered "nosuch", want one of L1 L2 `,
		"laws Max[itn]":         `did you mean "Max[int]"?`,
		"mutants canari":        `did you mean "canary"?`,
		"check --list ryww":     `did you mean "ryw"?`,
		"completion":            "completion: want one of bash, zsh, fish, powershell, got 0 arguments",
		"completion bas":        `did you mean "bash"?`,
		"replay":                "replay: want one tape, got 0 arguments",
		"shrink a b":            "shrink: want one tape, got 2 arguments",
		"report":                "report: want one tape, got 0 arguments",
		"run --out":             "run: --out: want a value: FOLDER for the runs of failing seeds",
		"shrink -o":             "shrink: --out: want a value: FILE to write",
		"run -x":                "run: unknown shorthand flag",
		"explore --compare -u":  "unknown shorthand flag",
		"completely-different":  `unknown command "completely-different" for "simfuzz"` + "\n",
		"run --not-at-all-such": "run: unknown flag --not-at-all-such\n",
	} {
		code, out, errs := invoke(t, "", strings.Fields(line)...)
		assert.Equal(t, exitFailed, code, line)
		assert.Empty(t, out, line)
		assert.Contains(t, errs, want, line)
		assert.Regexp(t, `^simfuzz: .+\nsee "simfuzz.* --help"\n$`, errs, line)
	}
}
