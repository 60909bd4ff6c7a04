package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
)

// The module and the program that mutants are built from.
const (
	modulePath  = "github.com/joinery-go/joinery"
	programPath = "./cmd/simfuzz"
)

// mutantsOptions are the flags of "simfuzz mutants".
type mutantsOptions struct {
	seed     uint64
	seeds    uint64
	workers  int
	strategy string
	engine   string
	list     bool
	compare  bool
	trials   int
	corpus   string
	json     bool

	mechanical string // patterns of packages, separated by commas
	sample     int
	sampled    bool   // --sample was given
	files      string // pattern of the files to mutate; "": all of the packages
	first      bool   // whoever notices first is enough
}

func (c *cli) mutantsCommand() *cobra.Command {
	var o mutantsOptions
	cmd := &cobra.Command{
		Use:   "mutants [NAME…]",
		Short: "Seed known faults into the store, show that each is found",
		Long: "mutants builds each seeded fault from source, without touching the checkout, fuzzes it until a violation is " +
			"found, and replays the tape: the mutant must fail alike, the clean program must hold; and it must fail on the tape " +
			"kept of it. It needs the go command and a source checkout of this module.\n\n" +
			"A mutant that survives is exit code 1, a kept tape that has gone stale 2.\n\n" +
			"With --mechanical the faults are derived from the source of packages by rule: comparisons flipped, bounds off by one, " +
			"conditions negated, statements, calls and cases dropped, arguments swapped, constants changed, fields cleared, min for max, " +
			"early returns. A sample of them is drawn by --seed; what does not compile, or compiles to the same code, is replaced. Each is " +
			"tried by a campaign of --seeds seeds, where the campaign runs the package, and by the tests of the packages given. " +
			"A mutant counts as found also if the program panics, gives up with an error, or takes five times as long and seven seconds more. One " +
			"that nothing notices survives, unless " + arguedPath + " argues why.",
		Example: "  simfuzz mutants reclaim-or canary\n  simfuzz mutants --mechanical ./kvs/... --sample 200 --seed 7\n" +
			"  simfuzz mutants --mechanical ./kvs/gossip kvs/gossip.Dots.insert/constant/1",
		ValidArgsFunction: completeMutants,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.sampled = cmd.Flags().Changed("sample")
			return c.mutants(o, args)
		},
	}
	f := cmd.Flags()
	command.SeedFlag(f, &o.seed, "first seed; with --mechanical it draws the sample, too")
	f.StringVar(&o.mechanical, "mechanical", "", "derive mutants from the source of `PACKAGES`, such as ./kvs/...; several are separated by commas")
	command.NumberFlag(f, &o.sample, "sample", 100, 1, 1_000_000, "with --mechanical, how many mutants to draw")
	f.StringVar(&o.files, "files", "", "with --mechanical, mutate only files of the packages whose name matches `PATTERN`, such as multi*.go; several are separated by commas")
	f.BoolVar(&o.first, "first", false, "with --mechanical, leave a mutant once anyone has noticed it: a few seeds, then the tests, then the other seeds")
	command.NumberFlag(f, &o.seeds, "seeds", 5000, 1, 1_000_000_000_000, "seeds a mutant may take at most")
	command.WorkersFlag(f, &o.workers, "seeds run at once")
	strategyFlag(cmd, &o.strategy)
	engineFlag(cmd, &o.engine, drawnEngine, "what keeps the values of replicas, of mutants that do not name it; drawn: an engine for one seed in eight", noEngine)
	f.BoolVar(&o.compare, "strategies", false, "instead compare the strategies: how many seeds each needs to find each mutant")
	command.NumberFlag(f, &o.trials, "trials", 20, 1, 10_000, "with --strategies, how often each tries")
	f.StringVar(&o.corpus, "corpus", "", "`FOLDER` in which to keep a small tape of each mutant found, as a test of what once broke")
	f.BoolVar(&o.list, "list", false, "list the mutants and what each breaks")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, the last one the summary")
	return cmd
}

// mutantJSON is one mutant as scripts read it. The sizes of the shrunk tape are
// null where nothing was shrunk.
type mutantJSON struct {
	Kind             string  `json:"kind"`
	Name             string  `json:"name"`
	Strategy         string  `json:"strategy"`
	Found            bool    `json:"found"`
	By               string  `json:"by"` // campaign, or nothing
	Oracle           string  `json:"oracle"`
	Seeds            int64   `json:"seeds"`
	Seconds          float64 `json:"seconds"`
	Replayed         bool    `json:"replayed"`
	CleanHolds       bool    `json:"clean_holds"`
	ShrunkOperations *int    `json:"shrunk_operations"`
	ShrunkExceptions *int    `json:"shrunk_exceptions"`
	ShrunkReplays    *int    `json:"shrunk_replays"`
	KeptFails        *bool   `json:"kept_tape_fails,omitempty"`
	Error            string  `json:"error,omitempty"`
}

// mutantSummary counts what came of all mutants.
type mutantSummary struct {
	Kind     string `json:"kind"`
	Mutants  int    `json:"mutants"`
	Found    int    `json:"found"`  // those killed
	Argued   int    `json:"argued"` // none: each of these is a fault
	Killed   int    `json:"killed"`
	Survived int    `json:"survived"`
	Errors   int    `json:"errors"`
	// Over the mutants killed: what their tapes were shrunk to.
	Operations spread `json:"shrunk_operations"`
	Exceptions spread `json:"shrunk_exceptions"`
	Replays    spread `json:"shrunk_replays"`
	Seeds      spread `json:"seeds"`

	operations, exceptions, replays, seeds []int
}

// spread is a median and the worst.
type spread struct {
	Median int `json:"median"`
	Worst  int `json:"worst"`
}

func spreadOf(v []int) spread {
	if len(v) == 0 {
		return spread{}
	}
	slices.Sort(v)
	return spread{v[len(v)/2], v[len(v)-1]}
}

// finish works out the spreads.
func (s *mutantSummary) finish() {
	s.Operations, s.Exceptions = spreadOf(s.operations), spreadOf(s.exceptions)
	s.Replays, s.Seeds = spreadOf(s.replays), spreadOf(s.seeds)
}

// mutants fuzzes the chosen mutants one after the other; each campaign uses all
// workers.
func (c *cli) mutants(o mutantsOptions, names []string) (err error) {
	if o.seeds-1 > math.MaxUint64-o.seed {
		return command.Usagef("mutants: --seeds %d: from --seed %d on there are %d", o.seeds, o.seed, math.MaxUint64-o.seed+1)
	}
	if err := o.checkMechanical(); err != nil {
		return err
	}
	if o.mechanical != "" {
		return c.mechanical(o, names)
	}
	chosen, err := chooseMutants(names)
	if err != nil {
		return err
	}
	if o.list {
		return c.listMutants(o, chosen)
	}
	c.note("mutants: building the clean program")
	builder, err := mutants.Open(c.ctx, ".", modulePath, programPath)
	if c.ctx.Err() != nil && err != nil {
		return c.ctx.Err() // the go command was ended as well
	}
	if err != nil {
		return fmt.Errorf("mutants: %w", err)
	}
	defer func() {
		if closeErr := builder.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("mutants: %w", closeErr))
		}
	}()
	if o.compare {
		return c.compareStrategies(builder, chosen, o)
	}
	return c.fuzzAll(builder, chosen, o)
}

// fuzzAll fuzzes each mutant and says what came of it.
func (c *cli) fuzzAll(builder *mutants.Builder, chosen []mutants.Mutant, o mutantsOptions) error {
	sum := mutantSummary{Kind: "summary"}
	if !o.json {
		c.printf(mutantRow+"%s\n", "MUTANT", "STATE", "SEEDS", "SECONDS", "SHRUNK", "REPLAYS", "SEEN BY")
	}
	for i, m := range chosen {
		started := time.Now()
		p := command.StartProgress(c.err, func() string {
			return fmt.Sprintf("mutants: %d of %d, %s, %s: %s", i+1, len(chosen), command.Since(started), m.Name, m.Doc)
		})
		k, failed := c.fuzzMutant(builder, m, o)
		p.Finish()
		if c.ctx.Err() != nil {
			c.worsen(exitInterrupted)
			break
		}
		sum.add(k, failed)
		if err := c.printMutant(o, m, k, failed); err != nil {
			return err
		}
	}
	if sum.Errors > 0 {
		c.worsen(exitFailed)
	}
	if sum.Survived > 0 {
		c.worsen(exitViolated)
	}
	sum.finish()
	if o.json {
		return c.printJSON(sum)
	}
	c.printf("%d mutants: %d killed, %d survived, %d in error\n", sum.Mutants, sum.Killed, sum.Survived, sum.Errors)
	c.printText("", fmt.Sprintf("median (worst): %d (%d) seeds; shrunk to %d (%d) operations and %d (%d) faults in %d (%d) replays",
		sum.Seeds.Median, sum.Seeds.Worst, sum.Operations.Median,
		sum.Operations.Worst, sum.Exceptions.Median, sum.Exceptions.Worst, sum.Replays.Median, sum.Replays.Worst))
	return nil
}

// mutantRow is the row of a mutant but for who saw it.
const mutantRow = "%-25s %-8s %5s %7s %7s %7s  "

func chooseMutants(names []string) ([]mutants.Mutant, error) {
	all, err := mutants.Shipped()
	if err != nil {
		return nil, fmt.Errorf("mutants: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("mutants: the tool was built without any mutants")
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []mutants.Mutant
	for _, name := range names {
		i := slices.IndexFunc(all, func(m mutants.Mutant) bool { return m.Name == name })
		if i < 0 {
			return nil, command.Usagef("mutants: no mutant is named %q (--list lists them)%s", name, command.DidYouMean(name, mutantNames(all)))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (c *cli) listMutants(o mutantsOptions, list []mutants.Mutant) error {
	for _, m := range list {
		if o.json {
			if err := c.printJSON(map[string]any{
				"kind": "mutant", "name": m.Name, "doc": m.Doc, "file": m.File, "oracles": m.Oracles, "flags": m.Flags,
			}); err != nil {
				return err
			}
			continue
		}
		c.printf("%s\n", layout.Hang(fmt.Sprintf("%-25s  ", m.Name), fmt.Sprintf("%s (%s)", m.Doc, m.File)))
	}
	return nil
}

func mutantNames(all []mutants.Mutant) []string {
	var names []string
	for _, m := range all {
		names = append(names, m.Name)
	}
	return names
}

func completeMutants(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	all, err := mutants.Shipped()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return mutantNames(all), cobra.ShellCompDirectiveNoFileComp
}

// fuzzMutant builds one mutant and fuzzes it, and keeps its tape if asked to.
func (c *cli) fuzzMutant(builder *mutants.Builder, m mutants.Mutant, o mutantsOptions) (mutants.Campaign, error) {
	program, err := builder.Build(c.ctx, m)
	if err != nil {
		return mutants.Campaign{}, err
	}
	campaign := o.campaign(o.strategy)
	campaign.Flags = append(campaign.Flags, "--failures", "1")
	k, err := builder.Fuzz(c.ctx, m, program, campaign)
	if err == nil && o.corpus != "" && k.Killed() {
		err = c.keepTape(builder, m, program, k, o.corpus)
	}
	if err == nil {
		err = c.tryKept(builder, m, program, &k)
	}
	return k, err
}

// campaign is how a mutant is fuzzed with a strategy.
func (o *mutantsOptions) campaign(strategy string) mutants.CampaignOptions {
	c := mutants.CampaignOptions{Seed: o.seed, Seeds: o.seeds}
	if strategy != "" {
		c.Flags = append(c.Flags, "--strategy", strategy)
	}
	if o.engine != drawnEngine {
		c.Flags = append(c.Flags, "--engine", o.engine)
	}
	if o.workers > 0 {
		c.Flags = append(c.Flags, "--workers", fmt.Sprint(o.workers))
	}
	return c
}

func (s *mutantSummary) add(k mutants.Campaign, err error) {
	s.Mutants++
	switch {
	case err != nil:
		s.Errors++
	case k.Killed():
		s.Killed++
		s.Found++
		s.seeds = append(s.seeds, int(k.Seeds))
		if k.ShrunkOperations != nil && k.ShrunkExceptions != nil && k.ShrunkReplays != nil {
			s.operations = append(s.operations, *k.ShrunkOperations)
			s.exceptions = append(s.exceptions, *k.ShrunkExceptions)
			s.replays = append(s.replays, *k.ShrunkReplays)
		}
	default:
		s.Survived++
	}
}

func (c *cli) printMutant(o mutantsOptions, m mutants.Mutant, k mutants.Campaign, failed error) error {
	if failed != nil {
		c.note("simfuzz: mutants: %v", failed)
	}
	if o.json {
		j := mutantJSON{
			Kind: "mutant", Name: m.Name, Strategy: o.strategy, Found: k.Found, Oracle: k.Oracle, Seeds: k.Seeds,
			Seconds: k.Seconds, Replayed: k.Replays, CleanHolds: k.CleanHold,
			ShrunkOperations: k.ShrunkOperations, ShrunkExceptions: k.ShrunkExceptions, ShrunkReplays: k.ShrunkReplays,
			KeptFails: k.KeptFails,
		}
		if k.Killed() {
			j.By = "campaign"
		}
		if failed != nil {
			j.Error = failed.Error()
		}
		return c.printJSON(j)
	}
	head := fmt.Sprintf(mutantRow, m.Name, state(k, failed), fmt.Sprint(k.Seeds), fmt.Sprintf("%.1f", k.Seconds), shrunk(k), replays(k))
	c.printf("%s\n", layout.Below(head, "    ", remark(m, k)))
	return nil
}

// state is the outcome in a word.
func state(k mutants.Campaign, err error) string {
	switch {
	case err != nil:
		return "error"
	case k.Killed():
		return "killed"
	}
	return "SURVIVED"
}

// shrunk is the size of the shrunk tape: operations + exceptions.
func shrunk(k mutants.Campaign) string {
	if k.ShrunkOperations == nil || k.ShrunkExceptions == nil {
		return "-"
	}
	return fmt.Sprintf("%d + %d", *k.ShrunkOperations, *k.ShrunkExceptions)
}

// replays is how many replays shrinking took.
func replays(k mutants.Campaign) string {
	if k.ShrunkReplays == nil {
		return "-"
	}
	return fmt.Sprint(*k.ShrunkReplays)
}

// remark says who saw the mutant, or why what was seen is no kill.
func remark(m mutants.Mutant, k mutants.Campaign) string {
	switch {
	case k.Oracle == "":
		return "nobody"
	case !k.Found:
		return fmt.Sprintf("%s, where %s was expected", k.Oracle, strings.Join(m.Oracles, " or "))
	case !k.Replays:
		return k.Oracle + ", but its tape does not replay alike"
	case !k.CleanHold:
		return k.Oracle + ", but the clean program fails on the tape too"
	case k.KeptFails != nil && !*k.KeptFails:
		return k.Oracle + ", but the tape kept of it does not fail any more: keep one anew with --corpus " + corpusDir
	}
	return k.Oracle
}
