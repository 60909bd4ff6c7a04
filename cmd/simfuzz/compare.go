package main

import (
	"fmt"
	"time"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
	"github.com/joinery-go/joinery/sim/scenario"
)

// trialsJSON is how one strategy fared against one mutant.
type trialsJSON struct {
	Kind     string  `json:"kind"`
	Name     string  `json:"name"`
	Strategy string  `json:"strategy"`
	Trials   int     `json:"trials"`
	Missed   int     `json:"missed"` // trials that took all seeds without finding it
	Median   *int64  `json:"median_seeds"`
	Needed   []int64 `json:"seeds"`
	Error    string  `json:"error,omitempty"`
}

// compareStrategies prints, for each mutant, how many seeds each strategy needs to
// find it. A strategy that misses it three times is given up; a mutant that the
// default strategy misses in the median is a survivor.
func (c *cli) compareStrategies(builder *mutants.Builder, chosen []mutants.Mutant, o mutantsOptions) error {
	strategies := scenario.Strategies()
	if !o.json {
		c.printText("", fmt.Sprintf("median seeds to find, over %d trials of at most %d seeds; in brackets how many trials found it, if not all", o.trials, o.seeds))
		c.printf("MUTANT\n")
		for _, s := range strategies {
			c.printf(trialsCell, s)
		}
		c.printf("\n")
	}
	errors := 0
	for _, m := range chosen {
		program, err := builder.Build(c.ctx, m)
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		if err != nil {
			errors++
			c.note("simfuzz: mutants: %v", err)
			continue
		}
		row := m.Name + "\n"
		for _, s := range strategies {
			started := time.Now()
			p := command.StartProgress(c.err, func() string { return fmt.Sprintf("mutants: %s by %s, %s", m.Name, s, command.Since(started)) })
			t, err := builder.Trials(c.ctx, m, program, o.campaign(s), o.trials, s == "exhaustive")
			p.Finish()
			if c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			if err != nil {
				errors++
				c.note("simfuzz: mutants: %v", err)
			}
			if _, found := t.Median(); !found && s == strategies[0] && err == nil {
				c.worsen(exitViolated)
			}
			row += fmt.Sprintf(trialsCell, cell(o, t, err))
			if o.json {
				if err := c.printTrials(m, s, t, err); err != nil {
					return err
				}
			}
		}
		if !o.json {
			c.printf("%s\n", row)
		}
	}
	if errors > 0 {
		c.worsen(exitFailed)
	}
	return nil
}

// trialsCell is how wide a strategy is in the table: five fit beside each other.
const trialsCell = " %14s"

func (c *cli) printTrials(m mutants.Mutant, strategy string, t mutants.Trials, failed error) error {
	j := trialsJSON{
		Kind: "trials", Name: m.Name, Strategy: strategy, Trials: len(t.Needed) + t.Missed, Missed: t.Missed,
		Needed: append([]int64{}, t.Needed...),
	}
	if median, found := t.Median(); found {
		j.Median = &median
	}
	if failed != nil {
		j.Error = failed.Error()
	}
	return c.printJSON(j)
}

// cell is the outcome of trials in a few characters.
func cell(o mutantsOptions, t mutants.Trials, failed error) string {
	median, found := t.Median()
	text := fmt.Sprint(median)
	switch {
	case failed != nil:
		return "error"
	case !found:
		text = fmt.Sprintf("> %d", o.seeds)
	}
	if t.Missed > 0 {
		text += fmt.Sprintf(" (%d/%d)", len(t.Needed), len(t.Needed)+t.Missed)
	}
	return text
}
