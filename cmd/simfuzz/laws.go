package main

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/shipped"
	"github.com/joinery-go/joinery/sim/campaign"
)

// lawsOptions are the flags of simfuzz laws.
type lawsOptions struct {
	seed  uint64
	cases int
	only  string
	list  bool
	json  bool
	html  string
	exec  execOptions
}

func (c *cli) lawsCommand() *cobra.Command {
	var o lawsOptions
	cmd := &cobra.Command{
		Use:   "laws [MERGE…]",
		Short: "Check the shipped merges against every law, print the matrix",
		Long: "laws checks each merge that this module ships, at random and, where it has a small universe, exhaustively. " +
			"The matrix says of each set of laws how it came to hold for a merge, by the weakest law of the set; of merges that are " +
			"named, the law by law view is printed instead.\n\n" +
			"A law that fails is exit code 1; one that a merge's source never or too rarely exercises has not been checked and is exit code 2.\n\n" + execHelp,
		Example: "  simfuzz laws --list\n  simfuzz laws \"SetOf[string]\"\n  simfuzz laws --only semilattice --cases 10000",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return mergeNames(c.shipped()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return c.laws(o, args) },
	}
	f := cmd.Flags()
	command.SeedFlag(f, &o.seed, "seed of the random cases")
	command.NumberFlag(f, &o.cases, "cases", 500, 1, maxCases, "random cases a law")
	f.StringVar(&o.only, "only", "", "one `LAW` or set of laws, such as semilattice or order/dual")
	o.exec.flags(f)
	f.BoolVar(&o.list, "list", false, "list the merges by name, and check nothing")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, the last one the summary")
	f.StringVar(&o.html, "html", "", "write a page to this `FILE`: what failed, and the order of the states that refute it")
	return cmd
}

// maxCases bounds how many cases of a law can be asked for.
const maxCases = 1_000_000_000

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
	if o.exec.patience <= 0 {
		return command.Usagef("laws: --patience %v: want more than 0s", o.exec.patience)
	}
	if o.list && o.html != "" {
		return command.Usagef("laws: --list checks nothing, so there is no page for --html %s; leave one of the two out", o.html)
	}
	if o.html != "" {
		if err := campaign.MayReplacePage(o.html); err != nil {
			return fmt.Errorf("laws: --html %s: %w", o.html, err)
		}
	}
	if o.exec.command != "" {
		if len(names) > 0 {
			return command.Usagef("laws: --exec %q: want no name of a shipped merge beside it, not %q", o.exec.command, names[0])
		}
		return c.execute(o)
	}
	if o.exec.states != "" {
		return command.Usagef("laws: --states %q: want it with --exec", o.exec.states)
	}
	entries, err := chooseMerges(c.shipped(), names)
	if err != nil {
		return err
	}
	if o.list {
		return c.listMerges(o, entries)
	}
	sum := lawsSummary{Kind: "summary", Merges: len(entries)}
	var rows []laws.Row
	var checked atomic.Int64
	p := command.StartProgress(c.err, func() string { return fmt.Sprintf("laws: %d of %d merges", checked.Load(), len(entries)) })
	defer p.Finish()
	for _, e := range entries {
		// A merge takes seconds, which an interruption does not wait for.
		of, ok := command.Await(c.ctx, 0, func() []laws.Row {
			return laws.Rows([]laws.Entry{e}, laws.MatrixOptions{Seed: o.seed, Cases: o.cases, Only: o.only})
		})
		if !ok {
			break
		}
		checked.Add(1)
		for _, row := range of {
			c.worsen(sum.add(row))
			rows = append(rows, row)
			if !o.json {
				continue
			}
			if err := c.printJSON(lawJSON{"law", row}); err != nil {
				return err
			}
		}
	}
	sum.Merges = int(checked.Load())
	if sum.Rows == 0 && c.ctx.Err() == nil {
		return command.Usagef("laws: --only %q: no law or set of that name%s", o.only, command.DidYouMean(o.only, lawNames(entries, o)))
	}
	if err := c.writeLawsPage(o, rows, sum, names); err != nil {
		return err
	}
	if o.json {
		return c.printJSON(sum)
	}
	c.printLaws(rows, len(names) > 0)
	c.printf("%s\n", layout.Hang("", fmt.Sprintf("%d merges, %d laws checked, %d failed, %d never or too rarely exercised",
		sum.Merges, sum.Rows, sum.Failed, sum.Unheard)))
	return nil
}

// add counts a row, and returns the exit code that it stands for.
func (s *lawsSummary) add(row laws.Row) int {
	s.Rows++
	switch {
	case row.OK:
		return exitOK
	case row.Status == "never exercised" || row.Status == "too rare":
		s.Unheard++
		return exitUndecided
	}
	s.Failed++
	return exitViolated
}

// shipped are the merges to choose from. To build them takes about a second.
func (c *cli) shipped() []laws.Entry {
	if c.merges != nil {
		return c.merges()
	}
	return shipped.Merges()
}

func chooseMerges(all []laws.Entry, names []string) ([]laws.Entry, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []laws.Entry
	for _, name := range names {
		i := slices.IndexFunc(all, func(e laws.Entry) bool { return e.Name == name })
		if i < 0 {
			return nil, command.Usagef("laws: no merge is named %q (--list lists them)%s", name, command.DidYouMean(name, mergeNames(all)))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func mergeNames(all []laws.Entry) []string {
	var names []string
	for _, e := range all {
		names = append(names, e.Name)
	}
	return names
}

// lawNames are the laws of a merge, and their sets, as one case of each tells them.
func lawNames(entries []laws.Entry, o lawsOptions) []string {
	var names []string
	for row := range laws.Matrix(entries[:1], laws.MatrixOptions{Seed: o.seed, Cases: 1}) {
		set, _, _ := strings.Cut(row.Law, "/")
		names = append(names, set, row.Law)
	}
	return names
}
