package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/explain"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

// edelweissOptions are the flags of "simfuzz edelweiss".
type edelweissOptions struct {
	seed    uint64
	seeds   int
	nodes   int
	print   bool
	mermaid bool
	json    bool
}

func (c *cli) edelweissCommand() *cobra.Command {
	var o edelweissOptions
	cmd := &cobra.Command{
		Use:   "edelweiss FILE|PROGRAM…",
		Short: "Rewrite event-log programs to give their storage back, explain it, and fuzz them against their originals",
		Long: "edelweiss checks programs, rewrites them, has the certificates checked, says what becomes of each collection\n" +
			"and why, and runs rewritten and original side by side under faults: their outputs must be equal in every timestep.\n" +
			"Shipped programs go by their names and run under workloads of their own: " + strings.Join(programs.Names(), " ") + ".\n" +
			"A file runs under random inputs that respect its keys and seals.",
		RunE: func(_ *cobra.Command, args []string) error { return c.edelweiss(o, args) },
	}
	f := cmd.Flags()
	f.Uint64Var(&o.seed, "seed", 1, "first seed of the faults")
	f.IntVar(&o.seeds, "seeds", 100, "how many seeds")
	f.IntVar(&o.nodes, "nodes", 3, "nodes that run a program from a file")
	f.BoolVar(&o.print, "print", false, "print the rewritten program instead of the explanation")
	f.BoolVar(&o.mermaid, "mermaid", false, "print the dependences as a Mermaid flowchart instead of the explanation")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line")
	return cmd
}

// edelweissJSON is one program as scripts read it.
type edelweissJSON struct {
	Kind         string  `json:"kind"`
	Program      string  `json:"program"`
	Equal        bool    `json:"equal"`
	Seeds        int     `json:"seeds"`
	Certificates bool    `json:"certificates"`
	Tuples       int     `json:"tuples"`    // that the originals hold at the end, over all seeds
	Live         int     `json:"live"`      // that the rewritten programs hold
	Reclaimed    int     `json:"reclaimed"` // the difference
	Intervals    int     `json:"intervals"` // that ranges hold besides
	Seconds      float64 `json:"seconds"`
	Error        string  `json:"error,omitempty"`
}

func (c *cli) edelweiss(o edelweissOptions, names []string) error {
	switch {
	case len(names) == 0:
		return usagef("edelweiss: no program: name a file, or one of %s", strings.Join(programs.Names(), ", "))
	case o.seeds < 0:
		return usagef("edelweiss: --seeds %d: want 0 or more", o.seeds)
	case o.nodes < 1 || o.nodes > 64:
		return usagef("edelweiss: --nodes %d: want 1 to 64", o.nodes)
	case o.print && o.mermaid || o.json && (o.print || o.mermaid):
		return usagef("edelweiss: --print, --mermaid and --json exclude each other")
	}
	for _, name := range names {
		if err := c.edelweissOne(o, name); err != nil {
			return fmt.Errorf("edelweiss: %s: %w", name, err)
		}
		if c.ctx.Err() != nil {
			c.worsen(exitInterrupted)
			break
		}
	}
	return nil
}

// loadProgram reads a file or, where there is none of that name, a shipped program,
// and a workload for it.
func loadProgram(name string, nodes int) (*el.Program, *trial.Workload, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(programs.Names(), name) {
		p, err := programs.Load(name)
		return p, trial.Workloads[name], err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: give a file, or one of %s", err, strings.Join(programs.Names(), ", "))
	}
	p, err := el.Parse(string(text))
	if err != nil {
		return nil, nil, err
	}
	if err := el.Check(p); err != nil {
		return nil, nil, err
	}
	load, err := trial.Generic(p, nodes)
	return p, load, err
}

func (c *cli) edelweissOne(o edelweissOptions, name string) error {
	p, load, err := loadProgram(name, o.nodes)
	if err != nil && !errors.Is(err, trial.ErrWorkload) {
		return err
	}
	noWorkload := err
	r, err := reclaim.Rewrite(p, reclaim.All)
	if err != nil {
		return err
	}
	sum := edelweissJSON{Kind: "edelweiss", Program: name, Equal: true}
	proof := certify.Check(p, r.Program, r.Certificate)
	if sum.Certificates = proof == nil; !sum.Certificates {
		c.worsen(exitViolated)
	}
	report := explain.Explain(p, r)
	switch {
	case o.print:
		c.printf("%s", el.Print(r.Program))
	case o.mermaid:
		c.printf("%s", report.Mermaid)
	case !o.json:
		c.printf("%s\n%s", name, report.Text())
	}
	if noWorkload != nil {
		fmt.Fprintf(c.err, "simfuzz: %s: not run: %v\n", name, noWorkload)
		c.worsen(exitUndecided)
		o.seeds = 0
	}
	started := time.Now()
	failure := c.edelweissTrials(o, p, r, load, &sum)
	sum.Seconds = time.Since(started).Seconds()
	if failure != nil {
		sum.Error = failure.Error()
		if errors.Is(failure, trial.ErrWorkload) {
			c.worsen(exitUndecided)
		} else {
			sum.Equal = false
			c.worsen(exitViolated)
		}
	}
	if o.json {
		return c.printJSON(sum)
	}
	if o.print || o.mermaid {
		if failure != nil {
			fmt.Fprintf(c.err, "simfuzz: %s: %v\n", name, failure)
		}
		return nil
	}
	c.printEdelweiss(sum, proof)
	return nil
}

// edelweissTrials runs the seeds until one fails.
func (c *cli) edelweissTrials(o edelweissOptions, p *el.Program, r *reclaim.Result, load *trial.Workload, sum *edelweissJSON) error {
	for i := range o.seeds {
		if c.ctx.Err() != nil {
			return nil
		}
		report, err := trial.Run(p, r, load, trial.Options{Seed: o.seed + uint64(i), Faults: true})
		sum.Seeds++
		if err != nil {
			return err
		}
		sum.Tuples += report.Original
		sum.Live += report.Tuples
		sum.Reclaimed += report.Reclaimed
		sum.Intervals += report.Intervals
	}
	return nil
}

func (c *cli) printEdelweiss(sum edelweissJSON, proof error) {
	certificate := "certificate holds"
	if proof != nil {
		certificate = proof.Error()
	}
	c.printf("\n%s; %d seeds in %.1f s, at the end %d tuples and %d intervals instead of %d tuples\n",
		certificate, sum.Seeds, sum.Seconds, sum.Live, sum.Intervals, sum.Tuples)
	if sum.Error != "" {
		state := "FAILED"
		if sum.Equal {
			state = "undecided"
		}
		c.printf("%s: %s\n", state, sum.Error)
	}
}
