package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/explain"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim/campaign"
	simedelweiss "github.com/joinery-go/joinery/sim/edelweiss"
)

// edelweissOptions are the flags of "simfuzz edelweiss".
type edelweissOptions struct {
	seed    uint64
	seeds   int
	limit   time.Duration
	workers int
	nodes   int
	against string
	engine  string
	out     string
	plot    string
	keep    bool
	print   bool
	mermaid bool
	json    bool
}

const maxEdelweissSeeds = 1_000_000_000

// noEngine is what stands for none: the tables of a program are on a disk that writes a
// timestep at once, the values of the store in memory.
const noEngine = "none"

func (c *cli) edelweissCommand() *cobra.Command {
	var o edelweissOptions
	cmd := &cobra.Command{
		Use:   "edelweiss FILE|PROGRAM…",
		Short: "Rewrite event-log programs to give their storage back, and fuzz the result",
		Long: "edelweiss checks event-log programs, rewrites them so that they delete what no rule can need again, has the " +
			"certificates of the rewrites checked, and says what becomes of each collection and why. Then rewritten and original run side by side " +
			"under faults: outputs must be equal in every timestep; once all has healed, what the original would still send must have arrived, and " +
			"outputs must be equal to those of a world of originals. " +
			"The last is made for outputs that end alike whatever the timing; " +
			"of others, and of seeds whose crashes lost different inputs, it is said that it was not. " +
			"With --engine, tables go through a storage engine whose disk loses and tears what was not synced, and fails writes: a node may send nothing " +
			"before what it rests on is durable. " +
			"A failing seed leaves a folder under --out with a tape that \"simfuzz edelweiss replay\" and \"shrink\" take.\n\n" +
			"Shipped programs go by their names and run under workloads of their own: " + strings.Join(programs.Names(), " ") + ". " +
			"A file, or - for standard input, runs under random inputs that respect its keys and seals. \"go doc " + modulePath +
			"/lattice/edelweiss\" explains the text form.\n\n" +
			"The exit code is 1 if outputs differ, storage stays, or a certificate does not hold. It is 2 where nothing was " +
			"compared: the program cannot be run, breaks its own keys or seals, has no output, or no seed was done in time. With --json \"verdict\" is equal, differs, undecided, failed or, with --seeds 0, not run; \"equal\" is true for the " +
			"first alone; \"timesteps\" counts those compared, \"arrived\" the seeds in which all did, \"compared\" the ends, \"ends\" and \"timed\" name the outputs that have such and those that have none.",
		Example: "  simfuzz edelweiss kvs --seeds 1000\n  simfuzz edelweiss program.dl --nodes 4 --for 1m\n" +
			"  simfuzz edelweiss kvs --print > rewritten.dl\n  simfuzz edelweiss kvs --against rewritten.dl",
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return programs.Names(), cobra.ShellCompDirectiveDefault
		},
	}
	cmd.RunE = func(called *cobra.Command, args []string) error {
		if o.limit > 0 && !called.Flags().Changed("seeds") {
			o.seeds = maxEdelweissSeeds
		}
		return c.edelweiss(o, args)
	}
	f := cmd.Flags()
	command.SeedFlag(f, &o.seed, "first seed of the faults")
	command.NumberFlag(f, &o.seeds, "seeds", 100, 0, maxEdelweissSeeds, "how many seeds to run a program with; 0 explains only")
	f.Var(command.Span{P: &o.limit}, "for", "how long to run a program (default: until --seeds are done)")
	command.WorkersFlag(f, &o.workers, "how many seeds to run at once")
	command.NumberFlag(f, &o.nodes, "nodes", 3, 1, 64, "nodes that run a program from a file")
	f.StringVar(&o.against, "against", "", "run this rewritten program, a `FILE`, instead of what the rewrites make; it has no certificate")
	engineFlag(cmd, &o.engine, noEngine, "what keeps tables, on a disk with faults; none: a disk without")
	f.StringVar(&o.out, "out", "runs", "`FOLDER` for the runs of failing seeds")
	f.BoolVar(&o.keep, "keep", true, "keep a folder of the first failing seed, and shrink it")
	f.StringVar(&o.plot, "plot", "", "write a plot of storage over time of the first seed to this `FOLDER`, PROGRAM.svg")
	f.BoolVar(&o.print, "print", false, "print the rewritten program only")
	f.BoolVar(&o.mermaid, "mermaid", false, "print the dependences as a Mermaid flowchart only")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, one a program")
	cmd.AddCommand(c.edelweissReplayCommand(), c.edelweissShrinkCommand())
	return cmd
}

// edelweissJSON is one program as scripts read it.
type edelweissJSON struct {
	Kind    string `json:"kind"`
	Program string `json:"program"`
	// Equal says that outputs were compared in each timestep of a seed at least, and what
	// arrived until its end, and that nothing differed. Of what is not equal, verdict says
	// whether it differs.
	Equal     bool           `json:"equal"`
	Verdict   edelweissRuled `json:"verdict"`
	Undecided string         `json:"undecided,omitempty"` // why it is
	Seeds     int            `json:"seeds"`
	Timesteps int            `json:"timesteps"` // in which all outputs of both were compared
	Arrived   int            `json:"arrived"`   // seeds in which all that the originals would still send at the end had arrived
	Compared  int            `json:"compared"`  // seeds with an end compared with that of a world of originals
	// The outputs that are compared there, and those that are not: timing alone may
	// make them end differently.
	Ends         []string `json:"ends"`
	Timed        []string `json:"timed"`
	Certificates bool     `json:"certificates"`
	Tuples       int      `json:"tuples"`    // that the originals hold at the end, over all seeds
	Live         int      `json:"live"`      // that the rewritten programs hold
	Reclaimed    int      `json:"reclaimed"` // the difference
	Intervals    int      `json:"intervals"` // that ranges hold besides
	Seconds      float64  `json:"seconds"`
	Error        string   `json:"error,omitempty"`

	// Of a failing seed.
	Seed             *uint64 `json:"seed,omitempty"`
	Signature        string  `json:"signature,omitempty"`
	Tape             string  `json:"tape,omitempty"`
	ShrunkTape       string  `json:"shrunk_tape,omitempty"`
	ShrunkOperations *int    `json:"shrunk_operations,omitempty"`
	ShrunkExceptions *int    `json:"shrunk_exceptions,omitempty"`
}

// edelweissRuled is what trials say of a program.
type edelweissRuled string

const (
	ruledEqual     edelweissRuled = "equal"
	ruledDiffers   edelweissRuled = "differs"
	ruledUndecided edelweissRuled = "undecided" // nothing was compared, or not to the end
	ruledNotRun    edelweissRuled = "not run"   // nor meant to be: --seeds 0
	ruledFailed    edelweissRuled = "failed"    // it is no program, or the tool failed
)

// rule settles the verdict, and the exit code with it, unless the program did not load.
func (c *cli) rule(o edelweissOptions, e *edelweissProgram, t *edelweissTrials, sum *edelweissJSON) {
	undecided := func(why string) {
		sum.Verdict, sum.Undecided = ruledUndecided, why
		c.worsen(exitUndecided)
	}
	switch {
	case t.failed != nil && errors.Is(t.failed, trial.ErrWorkload):
		undecided(t.failed.Error())
	case t.failed != nil:
		sum.Verdict = ruledDiffers
		c.worsen(exitViolated)
	case e.notRun != nil:
		undecided(e.notRun.Error())
	case o.seeds == 0:
		sum.Verdict = ruledNotRun
	case sum.Arrived == 0:
		undecided("no seed was done: give it more time")
	case len(sum.Ends)+len(sum.Timed) == 0:
		undecided("the program has no output, so that there is nothing to compare: declare one")
	default:
		sum.Verdict, sum.Equal = ruledEqual, true
	}
}

func (c *cli) edelweiss(o edelweissOptions, names []string) error {
	switch {
	case len(names) == 0:
		return command.Usagef("edelweiss: no program: name a file, or one of %s", strings.Join(programs.Names(), ", "))
	case o.print && o.mermaid || o.json && (o.print || o.mermaid):
		return command.Usagef("edelweiss: --print, --mermaid and --json exclude each other")
	case o.against != "" && len(names) > 1:
		return command.Usagef("edelweiss: --against %s: want one program, got %d", command.ShellWord(o.against), len(names))
	}
	for i, name := range names {
		if i > 0 && !o.json && !o.print && !o.mermaid {
			c.printf("\n")
		}
		err := c.edelweissOne(o, name)
		if errors.Is(err, command.ErrOutput) {
			return err
		}
		if err != nil {
			c.note("simfuzz: edelweiss: %v", err)
			c.worsen(exitFailed)
			if o.json {
				if err := c.printJSON(edelweissJSON{Kind: "edelweiss", Program: name, Verdict: ruledFailed, Error: err.Error()}); err != nil {
					return err
				}
			}
		}
		if c.ctx.Err() != nil {
			break
		}
	}
	return nil
}

// edelweissProgram is a program and what is done with it.
type edelweissProgram struct {
	name      string
	original  *el.Program
	rewritten *el.Program
	load      *trial.Workload
	notRun    error           // why there is no workload
	timed     []trial.Timed   // outputs whose end is not compared
	result    *reclaim.Result // nil if somebody else rewrote it
	proof     error           // of the certificate
}

// ends are the outputs of which the end is compared with that of a world of originals.
func (e *edelweissProgram) ends() []string {
	if e.load == nil {
		return []string{}
	}
	return append(append([]string{}, e.load.Converges...), e.load.Answers...)
}

// maxFaults is how many faults of a program are listed.
const maxFaults = 20

// faultsOf lists what is wrong with a file, a line each, as file:line:column.
func faultsOf(name string, err error) error {
	var all []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		all = append(all, name+":"+strings.TrimPrefix(line, "0:0: "))
	}
	if more := len(all) - maxFaults; more > 0 {
		all = append(all[:maxFaults], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(all, "\n"))
}

// readProgram reads a file, or standard input for -, and parses it.
func (c *cli) readProgram(name string) (*el.Program, error) {
	in := c.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, el.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := el.Parse(string(text))
	if err != nil {
		return nil, faultsOf(name, err)
	}
	return p, nil
}

// isFolder reports whether a path is that of a folder, as kvs is in a checkout.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// loadEdelweiss reads a file or, where there is none of that name, or only a folder, a
// shipped program, rewrites it, and finds a workload for it.
func (c *cli) loadEdelweiss(o edelweissOptions, name string) (*edelweissProgram, error) {
	e := &edelweissProgram{name: name}
	if name == "-" {
		e.name = "stdin"
	}
	var err error
	e.original, err = c.readProgram(name)
	switch {
	case (errors.Is(err, fs.ErrNotExist) || isFolder(name)) && slices.Contains(programs.Names(), name):
		if e.original, err = programs.Load(name); err != nil {
			return nil, err
		}
		e.load = trial.Workloads[name]
		_, e.timed = trial.Converging(e.original)
		e.timed = slices.DeleteFunc(e.timed, func(o trial.Timed) bool { return slices.Contains(e.ends(), o.Output) })
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: give a file, or one of %s%s", err, strings.Join(programs.Names(), ", "), command.DidYouMean(name, programs.Names()))
	case err != nil:
		return nil, err
	default:
		if err := el.Check(e.original); err != nil {
			return nil, faultsOf(name, err)
		}
		e.load, e.notRun = trial.Generic(e.original, o.nodes)
		_, e.timed = trial.Converging(e.original)
	}
	if o.against == "" {
		if e.result, err = reclaim.Rewrite(e.original, reclaim.All); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		e.rewritten, e.proof = e.result.Program, certify.Check(e.original, e.result.Program, e.result.Certificate)
		return e, nil
	}
	if e.rewritten, err = c.readProgram(o.against); err != nil {
		return nil, err
	}
	if err := el.CheckRewritten(e.rewritten); err != nil {
		return nil, faultsOf(o.against, err)
	}
	return e, nil
}

func (c *cli) edelweissOne(o edelweissOptions, name string) error {
	e, err := c.loadEdelweiss(o, name)
	if err != nil {
		return err
	}
	sum := edelweissJSON{Kind: "edelweiss", Program: name, Certificates: e.result != nil && e.proof == nil, Ends: e.ends(), Timed: []string{}}
	for _, o := range e.timed {
		sum.Timed = append(sum.Timed, o.Output)
	}
	if e.proof != nil {
		c.worsen(exitViolated)
	}
	if done := c.explainEdelweiss(o, e); done {
		return nil
	}
	if e.notRun != nil {
		c.note("simfuzz: edelweiss: %s: not run: %v", name, e.notRun)
		sum.Error = e.notRun.Error()
		o.seeds = 0
	}
	t := &edelweissTrials{program: e, o: o}
	if o.engine != noEngine {
		var err error
		if t.disks, err = simedelweiss.Disks(e.rewritten, o.engine); err != nil {
			return err
		}
	}
	p := command.StartProgress(c.err, t.line)
	t.run(c.ctx)
	p.Finish()
	t.count(&sum)
	kept := c.keepEdelweiss(o, t, &sum)
	c.rule(o, e, t, &sum)
	if o.plot != "" && o.seeds > 0 {
		kept = errors.Join(kept, c.plotEdelweiss(o, e))
	}
	if o.json {
		return errors.Join(c.printJSON(sum), kept)
	}
	c.printEdelweiss(o, e, t, &sum)
	return kept
}

// explainEdelweiss prints what becomes of the program, and reports whether that is
// all that was asked for.
func (c *cli) explainEdelweiss(o edelweissOptions, e *edelweissProgram) (done bool) {
	switch {
	case o.print:
		c.printf("%s", el.Print(e.rewritten))
		return true
	case e.result == nil:
		return false
	case o.mermaid:
		c.printf("%s", explain.Explain(e.original, e.result).Mermaid)
		return true
	case !o.json:
		c.printf("%s\n", e.name)
		c.printReport(explain.Explain(e.original, e.result))
		c.printf("\n")
	}
	return false
}

// printReport prints an explanation in lines that fit.
func (c *cli) printReport(r *explain.Report) {
	width := 0
	for _, row := range r.Rows {
		width = max(width, layout.Columns(row.Collection))
	}
	for _, row := range r.Rows {
		c.printf("  %s  %-7s  %s\n", layout.Pad(row.Collection, width), row.Kind, row.Fate)
		for _, line := range row.Because {
			c.printText("      ", line)
		}
	}
	if len(r.Returning) > 0 {
		c.printf("\n  A replica that was given up and comes back:\n")
		for _, line := range r.Returning {
			c.printText("    ", line)
		}
	}
}

func (c *cli) printEdelweiss(o edelweissOptions, e *edelweissProgram, t *edelweissTrials, sum *edelweissJSON) {
	switch {
	case e.result == nil:
		c.field("certificate", "none: %s was not made by these rewrites", command.ShellWord(o.against))
	case e.proof != nil:
		c.field("certificate", "DOES NOT HOLD")
		c.printText("  ", e.proof.Error())
	default:
		c.field("certificate", "holds")
	}
	c.field("seeds", "%d from %d on, %d of them also beside a world of originals, in %.1f s", sum.Seeds, o.seed, sum.Compared, sum.Seconds)
	c.field("storage", "%d tuples and %d intervals at the end instead of %d tuples", sum.Live, sum.Intervals, sum.Tuples)
	switch sum.Verdict {
	case ruledEqual:
		c.printEqual(sum)
	case ruledUndecided:
		c.field("outputs", "undecided: %s", sum.Undecided)
	case ruledDiffers:
		c.field("FAILED", "%v", t.failed)
		c.printKept(sum, t.shrunk)
	}
	for _, o := range e.timed {
		if t.failed == nil && sum.Seeds > 0 {
			c.printText("  ", "not compared at the end: "+o.String())
		}
	}
}

// printEqual says what was equal.
func (c *cli) printEqual(sum *edelweissJSON) {
	if sum.Compared > 0 {
		c.field("outputs", "equal in all timesteps; at the end of %d of %d seeds equal to a world of originals: %s", sum.Compared, sum.Seeds, strings.Join(sum.Ends, " "))
		return
	}
	why := "none of them must end alike"
	if len(sum.Ends) > 0 {
		why = "crashes lost different inputs, or there was no end"
	}
	c.field("outputs", "equal in all timesteps, and what the originals would still send at the end had arrived, in %d of %d seeds; "+
		"NO end was compared with a world of originals: %s", sum.Arrived, sum.Seeds, why)
}

func (c *cli) plotEdelweiss(o edelweissOptions, e *edelweissProgram) error {
	report, err := trial.Run(e.original, e.rewritten, e.load, trial.Options{Seed: o.seed, Faults: true, Alone: true, Samples: true})
	if trial.Signature(err) == "" && err != nil {
		return fmt.Errorf("%s: plot: %w", e.name, err)
	}
	if err := os.MkdirAll(o.plot, campaign.FolderMode); err != nil {
		return fmt.Errorf("--plot %s: %w", command.ShellWord(o.plot), err)
	}
	name := strings.TrimSuffix(filepath.Base(e.name), filepath.Ext(e.name))
	path := filepath.Join(o.plot, name+".svg")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--plot %s: %w", command.ShellWord(o.plot), err)
	}
	title := fmt.Sprintf("%s, seed %d: tuples of node 0, rewritten (black) and original (red)", name, o.seed)
	if err := c.writeFile(path, func(w io.Writer) error { return trial.WriteSVG(w, title, report.Samples) }); err != nil {
		return fmt.Errorf("--plot %s: %w", command.ShellWord(o.plot), err)
	}
	return nil
}

// lastSeed is the last of n seeds from first on, or the last that there is.
func lastSeed(first uint64, n int) uint64 {
	if n > 0 && first > math.MaxUint64-uint64(n-1) {
		return math.MaxUint64
	}
	return first + uint64(max(n, 1)-1)
}
