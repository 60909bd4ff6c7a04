package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

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
	"States are any JSON. draw asks for the state that numbers make, used how many of them it took; with --states it is never asked."

// execute checks the merge of a program.
func (c *cli) execute(o lawsOptions) error {
	check := foreign.Options{Seed: o.seed, Cases: o.cases, Only: o.only}
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
	report, err := foreign.Check(p, check)
	switch {
	case c.ctx.Err() != nil:
		c.worsen(exitInterrupted)
		return nil
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
