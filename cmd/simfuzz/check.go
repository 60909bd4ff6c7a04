package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/campaign"
)

// levelsModel is the word for every level that fits, which reports the strongest
// that hold and the weakest that are broken.
const levelsModel = "levels"

// checkOptions are the flags of "simfuzz check".
type checkOptions struct {
	format    string
	model     string
	explain   bool
	list      bool
	json      bool
	workers   int
	join      bool
	budget    linearizability.Budget
	visualize string
	html      string
	readings
}

func (c *cli) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:               "check [--format F] [--model M] PATH…",
		Short:             "Judge recorded histories: files, folders, or - for standard input",
		ValidArgsFunction: completeCheck,
		Long: "check judges recorded histories by a consistency model. Folders are walked in sorted order for files\n" +
			"with the extensions of the formats, or of the one that is named, and of the folder of a run for its history alone; several files are judged at once and reported in the order given. The model \"" + levelsModel + "\", which is\n" +
			"taken where none is named, judges by every level that fits the history and reports the strongest that hold and the weakest that are broken; it\n" +
			"counts as violated where any is.\n\n" +
			"A byte order mark, CRLF and gzip are no obstacle. A register holds nothing, which is nil, until it is written; a\n" +
			"read of nil means that. In jepsen the order of the entries counts, the value with which a write, cas, add or\n" +
			"remove ends :ok is the one written, and what ends :fail did not happen. A jsonl session is a number or a name, its\n" +
			"lines stand in any order, and its values are any JSON. Flags choose other readings; a verdict that hangs on one names\n" +
			"its flag. What was passed over or assumed is noted on standard error.",
		RunE: func(_ *cobra.Command, args []string) error {
			if o.list {
				return c.listModels(o.json, args)
			}
			if err := o.validate(args); err != nil {
				return err
			}
			if err := o.settle(); err != nil {
				return err
			}
			return c.check(o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", history.Auto, "format of the histories, told by how each begins unless it is one of: "+strings.Join(history.Formats(), ", "))
	f.StringVar(&o.model, "model", levelsModel, "model to judge by, one of --list")
	f.BoolVar(&o.explain, "explain", false, "say how each verdict was reached and why so, and draw the witness")
	f.BoolVar(&o.list, "list", false, "list the models; with the name of one, also what it costs and needs")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, the last one the summary")
	f.IntVar(&o.workers, "workers", 0, "histories judged at once; 0 is one a core")
	f.BoolVar(&o.join, "join", false, "take the files of each folder, or all that are named, as one history: what its clients recorded, a file each (cobra, viper, etcd-robustness)")
	f.Int64Var(&o.budget.Steps, "max-steps", 0, fmt.Sprintf("steps of a search after which a history is undecided; 0 is %d and %d an operation",
		linearizability.DefaultSteps, linearizability.DefaultStepsPerOp))
	f.Int64Var(&o.budget.Bytes, "max-bytes", linearizability.DefaultBytes, "memory of a search after which a history is undecided")
	f.DurationVar(&o.budget.Time, "max-time", linearizability.DefaultTime, "time for reading and judging a history after which it is undecided; of standard input, for judging it")
	f.StringVar(&o.visualize, "visualize", "", "write porcupine's picture of the one history to this file, as HTML")
	f.StringVar(&o.html, "html", "", "write a page of the verdict on the one history to this file: its operations as intervals, the witness marked")
	o.flags(cmd)
	return cmd
}

// options are those of a judge.
func (o checkOptions) options() linearizability.Options {
	return linearizability.Options{Budget: o.budget, OwnReads: o.own}
}

func (o checkOptions) validate(args []string) error {
	models := modelNames()
	switch {
	case o.format != history.Auto && !slices.Contains(history.Formats(), o.format):
		return command.Usagef("check: --format %q: unknown, want one of %s%s", o.format, strings.Join(history.Formats(), ", "), command.DidYouMean(o.format, history.Formats()))
	case o.model != levelsModel && !linearizability.Known(o.model):
		return command.Usagef("check: --model %q: unknown, want one of %s%s", o.model, strings.Join(models, ", "), command.DidYouMean(o.model, models))
	case o.workers < 0:
		return command.Usagef("check: --workers %d: want 0 or more", o.workers)
	case o.budget.Steps < 0 || o.budget.Bytes <= 0 || o.budget.Time <= 0:
		return command.Usagef("check: --max-steps %d, --max-bytes %d, --max-time %v: want more than 0, or 0 steps", o.budget.Steps, o.budget.Bytes, o.budget.Time)
	case len(args) == 0:
		return command.Usagef("check: no history given: name files, folders, or - for standard input")
	case o.visualize != "" && !linearizability.Visualizes(o.model):
		return command.Usagef("check: --visualize: --model %s is not decided by a search that could be drawn", o.model)
	}
	return nil
}

func modelNames() []string {
	var names []string
	for _, m := range linearizability.Models() {
		names = append(names, m.Name)
	}
	return append(names, levelsModel)
}

// listed is the table of --list.
func listed() []linearizability.ModelInfo {
	return append(linearizability.Models(), linearizability.ModelInfo{
		Name:       levelsModel,
		Doc:        "every level that fits the history: the strongest that hold, the weakest that are broken",
		Complexity: "the sum of its levels",
		Needs:      "anything; what lacks for a level leaves that one open",
	})
}

// checked is what came of one input.
type checked struct {
	name    string
	verdict linearizability.Verdict
	report  *linearizability.Report // with levelsModel; verdict then sums it up
	lines   []int32                 // by operation: the line it is at
	files   []string                // by operation: the file it is in, of a history of several; else nil
	notes   []history.Note          // what was passed over or assumed in reading it
	err     error
	skipped string // why a file met on a walk is passed over; empty if it is not
	stopped bool   // the user interrupted before there was a verdict
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
	inputs, err := expand(args, o.format, o.join)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if o.visualize != "" || o.html != "" {
		inputs = c.recognised(o, inputs)
	}
	histories := len(inputs)
	for _, in := range inputs {
		if in.passed != "" {
			histories--
		}
	}
	if o.visualize != "" && histories != 1 {
		return command.Usagef("check: --visualize draws one history, not %d", histories)
	}
	if o.html != "" {
		if histories != 1 {
			return command.Usagef("check: --html is of one history, not %d", histories)
		}
		if err := campaign.MayReplacePage(o.html); err != nil {
			return fmt.Errorf("check: --html %s: %w", o.html, err)
		}
	}
	var finished atomic.Int64
	if !command.Terminal(c.out) { // on a terminal the results themselves show the progress
		p := command.StartProgress(c.err, func() string {
			return fmt.Sprintf("check: %d of %d histories", finished.Load(), len(inputs))
		})
		defer p.Finish()
	}
	sum := checkSummary{Kind: "summary"}
	for r := range c.judgeAll(o, inputs, &finished) {
		sum.add(r)
		if err := c.printChecked(o, r); err != nil {
			return err
		}
	}
	sum.Seconds = time.Since(started).Seconds()
	if sum.Files == 0 && c.ctx.Err() == nil {
		return fmt.Errorf("check %s: every file is empty, or no history", strings.Join(args, " "))
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
func (c *cli) judgeAll(o checkOptions, inputs []input, finished *atomic.Int64) func(yield func(checked) bool) {
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
					r, ok := command.Await(ctx, command.HeedsWithin, func() checked { return c.judge(ctx, o, inputs[i]) })
					if !ok || ctx.Err() != nil && errors.Is(r.err, context.Canceled) {
						r = checked{name: inputs[i].name, stopped: true}
					}
					results[i] <- r
					finished.Add(1)
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
	r.name, r.skipped = in.name, in.passed
	if ctx.Err() != nil {
		r.stopped = true
	}
	if r.stopped || in.passed != "" {
		return r
	}
	started := time.Now()
	defer func() { r.seconds = time.Since(started).Seconds() }()
	var d *history.Decoded
	if in.path == stdinPath { // whose time is that of whoever writes it
		if d = c.read(ctx, o, in, &r); d == nil {
			return r
		}
	}
	h, r := c.judgeInTime(ctx, o, in, d, r)
	if o.visualize != "" && r.err == nil && h != nil {
		r.err = draw(h, o)
	}
	if o.html != "" && r.err == nil && h != nil && !r.stopped {
		if err := c.replacePage(o.html, c.verdictPage(h, &r, o, in)); err != nil {
			r.err = fmt.Errorf("--html %s: %w", o.html, err)
		}
	}
	return r
}

// endsWithin is how long after its time has passed a check is waited for: it looks at the
// clock every few milliseconds, but for what it must put in order before.
const endsWithin = 200 * time.Millisecond

// judgeInTime reads what is not read yet, and judges it, within the time that there is and
// endsWithin. What has not come to its end by then is abandoned, and is undecided unless a
// violation had been found.
func (c *cli) judgeInTime(ctx context.Context, o checkOptions, in input, d *history.Decoded, r checked) (*history.History, checked) {
	type judged struct {
		h *history.History
		r checked
	}
	passed := fmt.Errorf("%v have passed", o.budget.Time)
	var found atomic.Pointer[checked] // with the violation that was found last, of the weakest level
	limited, cancel := context.WithTimeoutCause(ctx, o.budget.Time, passed)
	defer cancel()
	came, ok := command.Await(limited, endsWithin, func() judged {
		if d == nil {
			if d = c.read(limited, o, in, &r); d == nil {
				return judged{nil, r}
			}
		}
		r.lines, r.notes = d.Lines, d.Notes
		r.decide(limited, d.History, o, func(v linearizability.Verdict) {
			early := r
			if early.verdict = v; o.model == levelsModel {
				early.verdict = linearizability.Verdict{Model: levelsModel, Status: v.Status}
				early.report = &linearizability.Report{Verdicts: []linearizability.Verdict{v}, Broken: []string{v.Model}}
			}
			found.Store(&early)
		})
		return judged{d.History, r}
	})
	late := !ok || came.r.err != nil && errors.Is(came.r.err, passed)
	if !late || ctx.Err() != nil {
		came.r.stopped = came.r.stopped || !ok
		came.r.name = in.name
		return came.h, came.r
	}
	if early := found.Load(); early != nil { // it is one, whatever else there was no time for
		return nil, *early
	}
	return nil, checked{name: in.name, verdict: linearizability.Verdict{
		Model: o.model, Status: linearizability.Undecided, Reason: "stopped: " + passed.Error(), Method: "nothing yet",
	}}
}

// read decodes an input; nil if it could not, or there is nothing to judge, as r has it.
func (c *cli) read(ctx context.Context, o checkOptions, in input, r *checked) *history.Decoded {
	d, err := c.decodeParts(ctx, o, in, r)
	switch {
	case errors.Is(err, errEmptyWalked):
		r.skipped = "the file is empty"
	case in.walked && o.format == history.Auto && errors.Is(err, history.ErrUnknownFormat):
		r.skipped = "no history of a known format"
	case err != nil:
		r.err = err
	default:
		return d
	}
	return nil
}

// decide judges a history that was read.
func (r *checked) decide(ctx context.Context, h *history.History, o checkOptions, found func(linearizability.Verdict)) {
	options := o.options()
	options.Found = found
	if o.model == levelsModel {
		r.levels(ctx, h, options)
	} else {
		r.verdict, r.err = linearizability.JudgeWith(ctx, h, o.model, options)
	}
	if r.err == nil {
		r.err = r.verdict.Cause // values that should be unique and are not
	}
	r.err = located(r.name, r.err, r.lines, r.files)
	r.stopped = r.err == nil && errors.Is(context.Cause(ctx), context.Canceled) && r.verdict.Status == linearizability.Undecided
}

// located puts the line in front of an error about an operation.
func located(name string, err error, lines []int32, files []string) error {
	var bad *history.OpError
	if !errors.As(err, &bad) {
		return err
	}
	if files != nil {
		name = files[bad.Index]
	}
	return fmt.Errorf("%s:%d: %w", name, lines[bad.Index], bad)
}

// levels judges by every level and sums them up: violated if any is broken, else
// open as the first that is open.
func (r *checked) levels(ctx context.Context, h *history.History, o linearizability.Options) {
	report, err := linearizability.LevelsWith(ctx, h, o)
	if r.err = err; err != nil {
		return
	}
	r.report = &report
	r.verdict = linearizability.Verdict{Model: levelsModel, Status: linearizability.OK}
	switch {
	case len(report.Broken) > 0:
		r.verdict.Status = linearizability.Violation
	case len(report.Open) > 0:
		open := func(v linearizability.Verdict) bool { return v.Model == report.Open[0] }
		r.verdict.Status = report.Verdicts[slices.IndexFunc(report.Verdicts, open)].Status
	}
}

// decodeParts reads an input, or the files that are one history together: which file each
// operation is from is noted.
func (c *cli) decodeParts(ctx context.Context, o checkOptions, in input, r *checked) (*history.Decoded, error) {
	if in.parts == nil {
		return c.decode(ctx, o, in)
	}
	var parts []*history.Decoded
	for _, p := range in.parts {
		d, err := c.decode(ctx, o, p)
		switch {
		case p.walked && (errors.Is(err, errEmptyWalked) || o.format == history.Auto && errors.Is(err, history.ErrUnknownFormat)):
			continue
		case err != nil:
			return nil, err
		}
		parts = append(parts, d)
	}
	d, from, err := history.Join(in.name, parts)
	if err != nil {
		return nil, err
	}
	for _, n := range from {
		r.files = append(r.files, parts[n].History.Name)
	}
	return d, nil
}

// recognised passes over the files met on a walk that are no histories, where it matters
// how many there are. It reads them for that, unless there is but one.
func (c *cli) recognised(o checkOptions, inputs []input) []input {
	if len(inputs) < 2 {
		return inputs
	}
	all := slices.Clone(inputs)
	for i, in := range all {
		if !in.walked || in.passed != "" {
			continue
		}
		var r checked
		if c.read(c.ctx, o, in, &r) == nil && r.skipped != "" {
			all[i].passed = r.skipped
		}
	}
	return all
}

// errEmptyWalked marks a file of zero length that nobody named.
var errEmptyWalked = errors.New("empty file met on a walk")

func (c *cli) decode(ctx context.Context, o checkOptions, in input) (d *history.Decoded, err error) {
	if in.path == stdinPath {
		return history.DecodeWith(o.format, in.name, c.in, o.reading)
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
	return history.DecodeWith(o.format, in.name, inTime{ctx, f}, o.reading)
}

func (s *checkSummary) add(r checked) {
	switch {
	case r.stopped:
	case r.skipped != "":
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
