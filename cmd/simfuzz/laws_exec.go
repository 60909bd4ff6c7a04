package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/foreign"
	"github.com/joinery-go/joinery/laws"
)

// execOptions are the flags of simfuzz laws for a merge that is a program.
type execOptions struct {
	command  string
	states   string
	patience time.Duration
}

func (o *execOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.command, "exec", "", "check the merge of a `COMMAND` that answers JSON lines, instead of those shipped")
	f.StringVar(&o.states, "states", "", "with --exec: a `FILE` of example states, one JSON value a line, - for standard input")
	f.DurationVar(&o.patience, "patience", 10*time.Second, "with --exec: how long one answer may take")
}

// execHelp says what a program is asked.
const execHelp = "With --exec the merge is that of a program in any language, which answers each line of its input by one of its output:\n\n" +
	"  {\"merge\": [A, B]}     by   {\"merged\": C} or {\"error\": \"why\"}\n" +
	"  {\"draw\": [3, 0, 7]}   by   {\"state\": S, \"used\": 2}\n\n" +
	"States are any JSON, and equal where their JSON is. draw asks for the state that numbers make, used how many of them it took; with " +
	"--states it is never asked. A merge that refuses states by an error breaks the law that needs them merged."

// execute checks the merge of a program.
func (c *cli) execute(o lawsOptions) error {
	check := foreign.Options{Seed: o.seed, Cases: o.cases, Only: o.only, Again: func(law string) string { return c.execAgain(o, law) }}
	if o.list {
		return command.Usagef("laws: --list lists the merges that are shipped; leave it or --exec out")
	}
	if names := foreignLaws(); o.only != "" && !slices.Contains(names, o.only) {
		return command.Usagef("laws: --only %q: no law of a program's merge, or set, is named so%s", o.only, command.DidYouMean(o.only, names))
	}
	if o.exec.states != "" {
		states, err := c.readStates(o.exec.states)
		if err != nil {
			return fmt.Errorf("laws: read states of %s: %w", o.exec.states, err)
		}
		check.Examples = states
	}
	p, err := foreign.Start(c.ctx, o.exec.command, o.exec.patience)
	if err != nil {
		return fmt.Errorf("laws: %w", err)
	}
	defer p.Close()
	progress := command.StartProgress(c.err, func() string { return fmt.Sprintf("laws: the program was asked %d times", p.Requests()) })
	defer progress.Finish()
	report, err := foreign.Check(p, check)
	switch {
	case c.ctx.Err() != nil:
		c.worsen(exitInterrupted) // what was judged is told
		if len(report.Results) == 0 {
			return nil
		}
	case err != nil:
		return fmt.Errorf("laws: %w", err)
	}
	sum := lawsSummary{Kind: "summary", Merges: 1}
	var rows []laws.Row
	for _, res := range report.Results {
		row := laws.Row{Merge: o.exec.command, Law: res.Law, Status: res.Status.String(), Cases: res.Cases, OK: res.Status.OK(), Failure: res.Failure}
		if res.Failure != nil {
			row.Why = res.Failure.String()
		}
		c.worsen(sum.add(row))
		rows = append(rows, row)
		if o.json {
			if err := c.printJSON(lawJSON{"law", row}); err != nil {
				return err
			}
		}
	}
	if err := c.writeLawsPage(o, rows, sum, nil); err != nil {
		return err
	}
	if o.json {
		return c.printJSON(sum)
	}
	c.printf("%v", report)
	return nil
}

// foreignLaws are the names of the laws that a program is judged by, and of their sets.
func foreignLaws() (names []string) {
	for _, law := range foreign.Laws() {
		set, _, _ := strings.Cut(law.ID, "/")
		names = append(names, law.ID, set)
	}
	return names
}

// execAgain is the command that judges a law of a program again. Where states were read from
// standard input they must be given again.
func (c *cli) execAgain(o lawsOptions, law string) string {
	args := []string{"laws", "--exec", o.exec.command, "--only", law, "--seed", strconv.FormatUint(o.seed, 10), "--cases", strconv.Itoa(o.cases)}
	if o.exec.states != "" {
		args = append(args, "--states", o.exec.states)
	}
	return c.command(args...)
}

func (c *cli) readStates(path string) ([]foreign.State, error) {
	if path == "-" {
		return foreign.ReadStates(c.in)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return foreign.ReadStates(io.Reader(f))
}
