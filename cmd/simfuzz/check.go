package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
)

// checkOptions are the flags of "simfuzz check".
type checkOptions struct {
	format  string
	model   string
	explain bool
	list    bool
	json    bool
	workers int
}

func (c *cli) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check --format F --model M PATH…",
		Short: "Judge recorded histories: files, folders, or - for standard input",
		Long: "check judges recorded histories by a consistency model. Folders are walked in sorted order for the files of\n" +
			"the format; several files are judged at once and reported in the order given.",
		RunE: func(_ *cobra.Command, args []string) error {
			if o.list {
				return c.listModels(o.json)
			}
			if err := o.validate(args); err != nil {
				return err
			}
			return c.check(o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "jsonl", "format of the histories: "+strings.Join(history.Formats(), ", "))
	f.StringVar(&o.model, "model", "", "model to judge by, one of --list")
	f.BoolVar(&o.explain, "explain", false, "say how each verdict was reached")
	f.BoolVar(&o.list, "list", false, "list the models: what they demand, what it costs, what they need")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, the last one the summary")
	f.IntVar(&o.workers, "workers", 0, "histories judged at once; 0 is one a core")
	return cmd
}

func (o checkOptions) validate(args []string) error {
	models := modelNames()
	switch {
	case !slices.Contains(history.Formats(), o.format):
		return usagef("check: --format %q: unknown, want one of %s", o.format, strings.Join(history.Formats(), ", "))
	case o.model == "":
		return usagef("check: no --model given, want one of %s", strings.Join(models, ", "))
	case !linearizability.Known(o.model):
		return usagef("check: --model %q: unknown, want one of %s", o.model, strings.Join(models, ", "))
	case o.workers < 0:
		return usagef("check: --workers %d: want 0 or more", o.workers)
	case len(args) == 0:
		return usagef("check: no history given: name files, folders, or - for standard input")
	}
	return nil
}

func modelNames() []string {
	var names []string
	for _, m := range linearizability.Models() {
		names = append(names, m.Name)
	}
	return names
}

// listModels prints the table of models.
func (c *cli) listModels(asJSON bool) error {
	if asJSON {
		for _, m := range linearizability.Models() {
			if err := c.printJSON(map[string]string{
				"kind": "model", "name": m.Name, "doc": m.Doc, "complexity": m.Complexity, "needs": m.Needs,
			}); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	rows := [][]string{{"MODEL", "DEMANDS", "COST", "NEEDS"}}
	for _, m := range linearizability.Models() {
		rows = append(rows, []string{m.Name, m.Doc, m.Complexity, m.Needs})
	}
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(r, "\t")); err != nil {
			return fmt.Errorf("check: list models: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("check: list models: %w", err)
	}
	_, err := fmt.Fprintf(c.out, "\nformats: %s\n", strings.Join(history.Formats(), ", "))
	return err
}

// checked is what came of one input.
type checked struct {
	name    string
	verdict linearizability.Verdict
	err     error
	skipped bool // zero length, met on a walk
	stopped bool // the user interrupted before there was a verdict
	seconds float64
}

// checkSummary counts what came of all inputs.
type checkSummary struct {
	Kind         string  `json:"kind"`
	Files        int     `json:"files"`
	OK           int     `json:"ok"`
	Violation    int     `json:"violation"`
	Undecided    int     `json:"undecided"`
	Inconclusive int     `json:"inconclusive"`
	Errors       int     `json:"errors"`
	Skipped      int     `json:"skipped"`
	Seconds      float64 `json:"seconds"`
}

// check judges every input and prints the results in the inputs' order.
func (c *cli) check(o checkOptions, args []string) error {
	started := time.Now()
	inputs, err := expand(args, o.format)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	var finished atomic.Int64
	if !terminal(c.out) { // on a terminal the results themselves show the progress
		p := startProgress(c.err, func() string {
			return fmt.Sprintf("check: %d of %d histories", finished.Load(), len(inputs))
		})
		defer p.finish()
	}
	sum := checkSummary{Kind: "summary"}
	for r := range c.judgeAll(o, inputs) {
		finished.Add(1)
		sum.add(r)
		if err := c.printChecked(o, r); err != nil {
			return err
		}
	}
	sum.Seconds = time.Since(started).Seconds()
	if sum.Files == 0 && c.ctx.Err() == nil {
		return fmt.Errorf("check %s: every file is empty", strings.Join(args, " "))
	}
	c.worsen(sum.code(c.ctx.Err() != nil))
	if o.json {
		return c.printJSON(sum)
	}
	_, err = fmt.Fprintf(c.out, "%s: %d histories: %d ok, %d violation, %d undecided, %d inconclusive, %d unreadable, %d empty, %.2f s\n",
		o.model, sum.Files, sum.OK, sum.Violation, sum.Undecided, sum.Inconclusive, sum.Errors, sum.Skipped, sum.Seconds)
	return err
}

// judgeAll yields the results in the inputs' order, while several workers are at
// it. A consumer that stops early stops the workers too.
func (c *cli) judgeAll(o checkOptions, inputs []input) func(yield func(checked) bool) {
	return func(yield func(checked) bool) {
		ctx, cancel := context.WithCancel(c.ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		results := make([]chan checked, len(inputs))
		for i := range results {
			results[i] = make(chan checked, 1)
		}
		workers := o.workers
		if workers == 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		var next atomic.Int64
		for range min(workers, len(inputs)) {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(inputs)); i = next.Add(1) - 1 {
					results[i] <- c.judge(ctx, o, inputs[i])
				}
			})
		}
		for _, r := range results {
			if !yield(<-r) {
				return
			}
		}
	}
}

// judge reads and checks one input.
func (c *cli) judge(ctx context.Context, o checkOptions, in input) (r checked) {
	r.name = in.name
	if ctx.Err() != nil {
		r.stopped = true
		return r
	}
	started := time.Now()
	defer func() { r.seconds = time.Since(started).Seconds() }()
	h, err := c.decode(o.format, in)
	switch {
	case errors.Is(err, errEmptyWalked):
		r.skipped = true
		return r
	case err != nil:
		r.err = err
		return r
	}
	r.verdict, r.err = linearizability.Check(ctx, h, o.model, linearizability.Budget{})
	r.stopped = r.err == nil && ctx.Err() != nil && r.verdict.Status == linearizability.Undecided
	return r
}

// errEmptyWalked marks a file of zero length that nobody named.
var errEmptyWalked = errors.New("empty file met on a walk")

func (c *cli) decode(format string, in input) (h *history.History, err error) {
	if in.path == stdinPath {
		return history.Decode(format, in.name, c.in)
	}
	f, err := os.Open(in.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if in.walked {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.Size() == 0 {
			return nil, errEmptyWalked
		}
	}
	return history.Decode(format, in.name, io.Reader(f))
}

func (s *checkSummary) add(r checked) {
	switch {
	case r.stopped:
	case r.skipped:
		s.Skipped++
	case r.err != nil:
		s.Files++
		s.Errors++
	default:
		s.Files++
		switch r.verdict.Status {
		case linearizability.OK:
			s.OK++
		case linearizability.Violation:
			s.Violation++
		case linearizability.Inconclusive:
			s.Inconclusive++
		default:
			s.Undecided++
		}
	}
}

// code is the gravest of the outcomes.
func (s *checkSummary) code(interrupted bool) int {
	switch {
	case s.Violation > 0:
		return exitViolated
	case s.Errors > 0:
		return exitFailed
	case interrupted:
		return exitInterrupted
	case s.Undecided+s.Inconclusive > 0:
		return exitUndecided
	}
	return exitOK
}

// printChecked prints one result; what is wrong with an input also goes to
// standard error, in one line.
func (c *cli) printChecked(o checkOptions, r checked) error {
	switch {
	case r.stopped:
		return nil
	case r.skipped:
		_, err := fmt.Fprintf(c.err, "simfuzz: check %s: skipped, the file is empty\n", r.name)
		return err
	case r.err != nil:
		if _, err := fmt.Fprintf(c.err, "simfuzz: check: %v\n", r.err); err != nil {
			return err
		}
		if o.json {
			return c.printJSON(map[string]string{"kind": "error", "file": r.name, "error": r.err.Error()})
		}
		return nil
	case o.json:
		return c.printJSON(verdictLine(r))
	}
	v := r.verdict
	line := fmt.Sprintf("%-12s  %s", v.Status, r.name)
	if v.Reason != "" {
		line += ": " + v.Reason
	}
	for _, op := range v.Witness {
		line += "\n    " + op.String()
	}
	if o.explain {
		if d := v.Diagram(); d != "" {
			line += "\n\n    " + strings.ReplaceAll(strings.TrimRight(d, "\n"), "\n", "\n    ") + "\n"
		}
		line += fmt.Sprintf("\n    decided by %s in %d steps, %.3f s", v.Method, v.Steps, r.seconds)
	}
	_, err := fmt.Fprintln(c.out, line)
	return err
}

// verdictJSON is one verdict as scripts read it.
type verdictJSON struct {
	Kind    string   `json:"kind"`
	File    string   `json:"file"`
	Model   string   `json:"model"`
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
	Witness []string `json:"witness"` // operations, one a string
	Method  string   `json:"method"`
	Steps   int64    `json:"steps"`
	Seconds float64  `json:"seconds"`
}

func verdictLine(r checked) verdictJSON {
	v := r.verdict
	line := verdictJSON{
		Kind: "verdict", File: r.name, Model: v.Model, Verdict: string(v.Status), Reason: v.Reason,
		Witness: []string{}, Method: v.Method, Steps: v.Steps, Seconds: r.seconds,
	}
	for _, op := range v.Witness {
		line.Witness = append(line.Witness, op.String())
	}
	return line
}
