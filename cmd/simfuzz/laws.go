package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/shipped"
)

// lawsOptions are the flags of simfuzz laws.
type lawsOptions struct {
	seed  uint64
	cases int
	only  string
	json  bool
}

func (c *cli) lawsCommand() *cobra.Command {
	var o lawsOptions
	cmd := &cobra.Command{
		Use:   "laws [MERGE…]",
		Short: "Check every shipped merge against every law, and print the matrix",
		Long: "laws checks each merge that this module ships, at random and, where it has a small universe, exhaustively.\n" +
			"The matrix says of each law how it came to hold. A law that fails is exit code 1; one that a merge's source\n" +
			"never or too rarely exercises has not been checked and is exit code 2.",
		RunE: func(_ *cobra.Command, args []string) error { return c.laws(o, args) },
	}
	f := cmd.Flags()
	f.Uint64Var(&o.seed, "seed", 1, "seed of the random cases")
	f.IntVar(&o.cases, "cases", 500, "random cases a law")
	f.StringVar(&o.only, "only", "", "one law or set of laws, such as semilattice or order/dual")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, the last one the summary")
	return cmd
}

// lawJSON is one cell of the matrix as scripts read it.
type lawJSON struct {
	Kind string `json:"kind"`
	laws.Row
}

type lawsSummary struct {
	Kind    string `json:"kind"`
	Merges  int    `json:"merges"`
	Rows    int    `json:"laws"`
	Failed  int    `json:"failed"`
	Unheard int    `json:"never_or_rarely_exercised"`
}

func (c *cli) laws(o lawsOptions, names []string) error {
	if o.cases < 1 {
		return usagef("laws: --cases %d: want at least 1", o.cases)
	}
	entries, err := chooseMerges(names)
	if err != nil {
		return err
	}
	sum := lawsSummary{Kind: "summary", Merges: len(entries)}
	var rows []laws.Row
	for row := range laws.Matrix(entries, laws.MatrixOptions{Seed: o.seed, Cases: o.cases, Only: o.only}) {
		if c.ctx.Err() != nil {
			c.worsen(exitInterrupted)
			break
		}
		sum.Rows++
		switch {
		case row.OK:
		case row.Status == "never exercised" || row.Status == "too rare":
			sum.Unheard++
			c.worsen(exitUndecided)
		default:
			sum.Failed++
			c.worsen(exitViolated)
		}
		if !o.json {
			rows = append(rows, row)
		} else if err := c.printJSON(lawJSON{"law", row}); err != nil {
			return err
		}
	}
	if sum.Rows == 0 && c.ctx.Err() == nil {
		return usagef("laws: --only %q: no law or set of that name", o.only)
	}
	if o.json {
		return c.printJSON(sum)
	}
	c.printf("%s\n", laws.Render(rows))
	for _, r := range rows {
		if !r.OK {
			c.printf("%s, %s: %s\n%s\n", r.Merge, r.Law, r.Status, r.Why)
		}
	}
	_, err = fmt.Fprintf(c.out, "%d merges, %d laws checked, %d failed, %d never or too rarely exercised\n", sum.Merges, sum.Rows, sum.Failed, sum.Unheard)
	return err
}

func chooseMerges(names []string) ([]laws.Entry, error) {
	all := shipped.Merges()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []laws.Entry
	for _, name := range names {
		found := false
		for _, e := range all {
			if e.Name == name {
				chosen, found = append(chosen, e), true
			}
		}
		if !found {
			return nil, usagef("laws: no merge is named %q", name)
		}
	}
	return chosen, nil
}
