package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

const (
	// simulationPath is the package whose dependencies a campaign runs.
	simulationPath = "./sim/scenario"
	// arguedPath is the table of mutants that are argued, in the checkout.
	arguedPath = "cmd/simfuzz/internal/mutants/argued.txt"
)

// mechanicalJSON is one mechanical mutant as scripts read it.
type mechanicalJSON struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Strategy string `json:"strategy"`
	Found    bool   `json:"found"` // by the campaign or by a test
	By       string `json:"by"`    // campaign, test, argued or nothing: the first of them that applies

	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function"`
	Mutation string `json:"mutation"` // its kind
	Was      string `json:"was"`
	Now      string `json:"now"`

	Simulated bool     `json:"simulated"` // the campaign runs the package
	Campaign  bool     `json:"campaign"`  // and noticed
	Oracle    string   `json:"oracle"`
	Seed      *uint64  `json:"seed"` // that found it
	Alone     bool     `json:"alone"`
	Seeds     int64    `json:"seeds"`
	Tests     []string `json:"tests"`            // packages whose tests ran
	Test      string   `json:"test"`             // that failed
	Called    []string `json:"called"`           // who called its function: campaign, tests; null where that is not known
	Reason    string   `json:"reason,omitempty"` // of an argued one
	Seconds   float64  `json:"seconds"`
	Error     string   `json:"error,omitempty"`
}

// mechanicalSummary counts what came of a sample.
type mechanicalSummary struct {
	Kind     string   `json:"kind"`
	Packages []string `json:"packages"`
	Seed     uint64   `json:"seed"`

	Mutants    int            `json:"mutants"` // that were tried
	Found      int            `json:"found"`
	Argued     int            `json:"argued"`
	Survived   int            `json:"survived"`
	Errors     int            `json:"errors"`
	ByCampaign int            `json:"by_campaign"` // of those found
	ByTest     int            `json:"by_test"`
	ByBoth     int            `json:"by_both"`
	NotCalled  int            `json:"not_called"` // of those that survived: nothing called their function
	TestsOnly  int            `json:"tests_only"` // of packages that the campaign does not run
	Oracles    map[string]int `json:"oracles"`
	Needed     spread         `json:"seeds"` // of those the campaign found

	Mutations   int     `json:"mutations"` // that there are in the packages
	Drawn       int     `json:"drawn"`
	Broken      int     `json:"not_compiling"`
	Equivalent  int     `json:"equivalent"`
	Duplicates  int     `json:"duplicates"`
	Seconds     float64 `json:"seconds"`
	Interrupted bool    `json:"interrupted"`

	needed    []int
	survivors []mechanicalJSON
}

// checkMechanical refuses flags that do not go together.
func (o *mutantsOptions) checkMechanical() error {
	switch {
	case o.mechanical == "" && o.sampled:
		return command.Usagef("mutants: --sample goes with --mechanical")
	case o.mechanical == "" && (o.files != "" || o.first):
		return command.Usagef("mutants: --files and --first go with --mechanical")
	case o.mechanical != "" && o.compare:
		return command.Usagef("mutants: --mechanical and --strategies do not go together")
	case o.mechanical != "" && o.corpus != "":
		return command.Usagef("mutants: --mechanical and --corpus do not go together")
	}
	return nil
}

// engines are the packages of the engine that the campaign runs, if it runs one.
func (o *mutantsOptions) engines() []string {
	if o.engine == drawnEngine || o.engine == noEngine {
		return nil
	}
	const store = modulePath + "/kvs/store"
	return []string{store + "/internal", store + "/" + o.engine}
}

// mechanical derives mutants from source and has the campaign and the tests run each.
func (c *cli) mechanical(o mutantsOptions, names []string) (err error) {
	started := time.Now()
	doing := newStep("building the clean program")
	p := command.StartProgress(c.err, func() string { return fmt.Sprintf("mutants: %s: %s", command.Since(started), doing.get()) })
	hide := func() {
		if p != nil {
			p.Finish()
			p = nil
		}
	}
	defer hide()
	b, err := mutants.Open(c.ctx, ".", modulePath, programPath)
	if err != nil {
		return c.mechanicalError(err)
	}
	defer func() {
		if closeErr := b.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("mutants: %w", closeErr))
		}
	}()
	doing.set("building the tests of " + o.mechanical)
	subject, err := b.Subject(c.ctx, simulationPath, strings.FieldsFunc(o.mechanical, func(r rune) bool { return r == ',' || r == ' ' })...)
	if err != nil {
		return c.mechanicalError(err)
	}
	subject.Leave(modulePath+"/kvs/store", o.engines()...)
	all := mechanical.Mutations(modulePath, subject.Packages)
	reasons, err := arguedMutants(b, subject, all)
	if err != nil {
		return c.mechanicalError(err)
	}
	all, err = mutationsOf(all, o.files)
	if err != nil {
		return err
	}
	order, most, err := chooseMutations(all, o, names)
	if err != nil {
		return err
	}
	sample, err := b.Draw(c.ctx, subject, order, most, doing.set)
	if err != nil {
		return c.mechanicalError(err)
	}
	if len(sample.Mutants) == 0 {
		return fmt.Errorf("mutants: nothing in %s can be mutated so that it compiles and differs", o.mechanical)
	}
	if o.list {
		hide()
		return c.listMechanical(o, sample)
	}
	bench, err := b.NewBench(c.ctx, subject, sample, o.campaign(o.strategy), doing.set)
	if err != nil {
		return c.mechanicalError(err)
	}
	bench.First = o.first
	hide()
	c.tellSample(o, subject, sample, bench)
	return c.tryAll(o, started, subject, sample, bench, reasons)
}

// mechanicalError is an error of the preparations; that they were interrupted is none.
func (c *cli) mechanicalError(err error) error {
	if c.ctx.Err() != nil {
		return c.ctx.Err() // the go command was ended as well
	}
	return fmt.Errorf("mutants: %w", err)
}

// arguedMutants reads the table of those argued, if the checkout has one.
func arguedMutants(b *mutants.Builder, s *mutants.Subject, all []*mechanical.Mutation) (map[*mechanical.Mutation]string, error) {
	text, err := os.ReadFile(b.File(arguedPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	table, err := mechanical.ParseArguments(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", arguedPath, err)
	}
	reasons, err := mechanical.Argued(table, s.Packages, all)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", arguedPath, err)
	}
	return reasons, nil
}

// mutationsOf are the mutations of the files whose names match one of the patterns,
// separated by commas; without any, all.
func mutationsOf(all []*mechanical.Mutation, patterns string) ([]*mechanical.Mutation, error) {
	if patterns == "" {
		return all, nil
	}
	var of []*mechanical.Mutation
	for _, m := range all {
		for pattern := range strings.SplitSeq(patterns, ",") {
			ok, err := path.Match(pattern, path.Base(m.File))
			if err != nil {
				return nil, command.Usagef("mutants: --files %q: %v", pattern, err)
			}
			if ok {
				of = append(of, m)
				break
			}
		}
	}
	if len(of) == 0 {
		return nil, command.Usagef("mutants: --files %q: no file of the packages that can be mutated has such a name", patterns)
	}
	return of, nil
}

// chooseMutations puts the mutations named, or all, in the order to draw them, and says
// how many to draw, 0 being all.
func chooseMutations(all []*mechanical.Mutation, o mutantsOptions, names []string) ([]*mechanical.Mutation, int, error) {
	if len(names) == 0 {
		return mechanical.Order(all, o.seed), o.sample, nil
	}
	var known []string
	for _, m := range all {
		known = append(known, m.Name)
	}
	var chosen []*mechanical.Mutation
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 {
			return nil, 0, command.Usagef("mutants: no mutation of %s is named %q%s", o.mechanical, name, command.DidYouMean(name, known))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, 0, nil
}

func (c *cli) listMechanical(o mutantsOptions, sample *mutants.Sample) error {
	for _, d := range sample.Mutants {
		if o.json {
			if err := c.printJSON(map[string]any{
				"kind": "mutant", "name": d.Name, "file": d.File, "line": d.Line, "function": d.Func, "mutation": d.Kind, "was": d.Was, "now": d.Now,
			}); err != nil {
				return err
			}
			continue
		}
		c.printMutation(d.Name, d.File, d.Line, d.Was, d.Now)
	}
	return nil
}

// printMutation prints the source line and the mutated line.
func (c *cli) printMutation(name, file string, line int, was, now string) {
	c.printf("%s\n  %s:%d\n%s\n%s\n", name, file, line, layout.Hang("  - ", was), layout.Hang("  + ", now))
}

// tellSample says what was drawn, and who is to notice it.
func (c *cli) tellSample(o mutantsOptions, s *mutants.Subject, sample *mutants.Sample, bench *mutants.Bench) {
	if o.json {
		return
	}
	c.field("sample", "%d mutants by seed %d of %d mutations; %d were drawn: %d do not compile, %d compile to the original, %d to one another",
		len(sample.Mutants), o.seed, sample.Mutations, sample.Drawn, sample.Broken, sample.Equivalent, sample.Duplicates)
	var simulated, alone []string
	for _, p := range s.Packages {
		if s.Simulated(p.Path) {
			simulated = append(simulated, short(p.Path))
		} else {
			alone = append(alone, short(p.Path))
		}
	}
	if len(simulated) > 0 {
		c.field("campaign", "%d seeds from %d of what it runs: %s", o.seeds, o.seed, strings.Join(simulated, " "))
	}
	if len(alone) > 0 {
		c.field("tests only", "the campaign does not run %s", strings.Join(alone, " "))
	}
	for _, pkg := range slices.Sorted(maps.Keys(bench.Unsteady)) {
		c.field("left out", "tests of %s, which fail with the switch in place and no mutant on: %s", short(pkg), bench.Unsteady[pkg])
	}
	c.printf("\n%s%s\n", fmt.Sprintf(mechanicalRow, "BY", "SEEDS", "SECONDS"), "MUTANT: SEEN BY")
}

// short is an import path without the module's.
func short(pkg string) string { return strings.TrimPrefix(strings.TrimPrefix(pkg, modulePath), "/") }

// mechanicalRow is the row of a mutant but for its name and who saw it.
const mechanicalRow = "%-9s %5s %7s  "

// tryAll tries each mutant and says what came of it.
func (c *cli) tryAll(o mutantsOptions, started time.Time, s *mutants.Subject, sample *mutants.Sample, bench *mutants.Bench, reasons map[*mechanical.Mutation]string) error {
	sum := mechanicalSummary{
		Kind: "summary", Seed: o.seed, Oracles: make(map[string]int), Mutations: sample.Mutations, Drawn: sample.Drawn,
		Broken: sample.Broken, Equivalent: sample.Equivalent, Duplicates: sample.Duplicates,
	}
	for _, p := range s.Packages {
		sum.Packages = append(sum.Packages, p.Path)
	}
	for i, d := range sample.Mutants {
		p := command.StartProgress(c.err, func() string {
			return fmt.Sprintf("mutants: %d of %d, %s, %d found, %d survived: %s", i+1, len(sample.Mutants), command.Since(started), sum.Found, sum.Survived, d.Name)
		})
		t, tryErr := bench.Try(c.ctx, d)
		p.Finish()
		if c.ctx.Err() != nil {
			sum.Interrupted = true
			c.worsen(exitInterrupted)
			break
		}
		reason := reasons[d.Mutation]
		if reason != "" && tryErr == nil && t.Found() {
			tryErr = fmt.Errorf("%s is argued in %s, but was found: remove the entry", d.Name, arguedPath)
		}
		row := mechanicalResult(d, t, reason, tryErr)
		row.Strategy = o.strategy
		sum.add(row)
		if err := c.printMechanical(o, row); err != nil {
			return err
		}
	}
	if sum.Errors > 0 {
		c.worsen(exitFailed)
	}
	if sum.Survived > 0 {
		c.worsen(exitViolated)
	}
	sum.Needed, sum.Seconds = spreadOf(sum.needed), time.Since(started).Seconds()
	if o.json {
		return c.printJSON(sum)
	}
	c.printMechanicalSummary(&sum, len(sample.Mutants))
	return nil
}

// mechanicalResult is the outcome of a mutant.
func mechanicalResult(d *mutants.Derived, t mutants.Trial, reason string, err error) mechanicalJSON {
	j := mechanicalJSON{
		Kind: "mutant", Name: d.Name, Found: t.Found(), File: d.File, Line: d.Line, Function: d.Func, Mutation: string(d.Kind),
		Was: d.Was, Now: d.Now, Simulated: t.Simulated, Campaign: t.Campaign, Oracle: t.Oracle, Alone: t.Alone, Seeds: t.Seeds,
		Tests: append([]string{}, t.Tests...), Test: t.Test, Called: t.Called, Seconds: t.Seconds,
	}
	switch {
	case t.Campaign:
		j.By = "campaign"
	case t.Test != "":
		j.By = "test"
	case reason != "":
		j.By, j.Reason = "argued", reason
	}
	if t.Campaign {
		j.Seed = &t.Seed
	}
	if err != nil {
		j.Error = err.Error()
	}
	return j
}

func (s *mechanicalSummary) add(j mechanicalJSON) {
	s.Mutants++
	if !j.Simulated && j.Error == "" {
		s.TestsOnly++
	}
	switch {
	case j.Error != "":
		s.Errors++
	case j.Found:
		s.Found++
		if j.Campaign {
			s.ByCampaign++
			s.Oracles[j.Oracle]++
			s.needed = append(s.needed, int(j.Seeds))
		}
		if j.Test != "" {
			s.ByTest++
		}
		if j.Campaign && j.Test != "" {
			s.ByBoth++
		}
	case j.By == "argued":
		s.Argued++
	default:
		s.Survived++
		s.survivors = append(s.survivors, j)
		if j.Called != nil && len(j.Called) == 0 {
			s.NotCalled++
		}
	}
}

func (c *cli) printMechanical(o mutantsOptions, j mechanicalJSON) error {
	if j.Error != "" {
		c.note("simfuzz: mutants: %s", j.Error)
	}
	if o.json {
		return c.printJSON(j)
	}
	by, seeds := j.By, fmt.Sprint(j.Seeds)
	switch {
	case j.Error != "":
		by = "error"
	case by == "":
		by = "SURVIVED"
	}
	if !j.Simulated {
		seeds = "-"
	}
	var seen []string
	if j.Campaign {
		at := "seed " + fmt.Sprint(*j.Seed)
		if !j.Alone {
			at = "only behind other seeds"
		}
		seen = append(seen, j.Oracle+" ("+at+")")
	}
	if j.Test != "" {
		seen = append(seen, "go test "+j.Test)
	}
	if j.Reason != "" {
		seen = append(seen, j.Reason)
	}
	text := j.Name
	if len(seen) > 0 {
		text += ": " + strings.Join(seen, "; ")
	}
	c.printf("%s\n", layout.Hang(fmt.Sprintf(mechanicalRow, by, seeds, fmt.Sprintf("%.1f", j.Seconds)), text))
	return nil
}

// printMechanicalSummary prints the counts, and of each survivor its lines.
func (c *cli) printMechanicalSummary(s *mechanicalSummary, drawn int) {
	for _, j := range s.survivors {
		c.printf("\n")
		c.printMutation("survived: "+j.Name, j.File, j.Line, j.Was, j.Now)
		c.printf("%s\n", layout.Hang("  ", whoCalled(j)))
	}
	c.printf("\n")
	c.field("mutants", "%d of %d tried: %d found, %d argued, %d survived, %d in error", s.Mutants, drawn, s.Found, s.Argued, s.Survived, s.Errors)
	if s.Found > 0 {
		c.field("found", "%s by the campaign, %s by tests, %s by both", shareOf(s.ByCampaign, s.Mutants-s.TestsOnly-s.Errors),
			shareOf(s.ByTest, s.Mutants-s.Errors), shareOf(s.ByBoth, s.Mutants-s.Errors))
	}
	if s.ByCampaign > 0 {
		var oracles []string
		for _, o := range slices.SortedFunc(maps.Keys(s.Oracles), func(a, b string) int {
			if s.Oracles[a] != s.Oracles[b] {
				return s.Oracles[b] - s.Oracles[a]
			}
			return strings.Compare(a, b)
		}) {
			oracles = append(oracles, fmt.Sprintf("%s %d", o, s.Oracles[o]))
		}
		c.field("seeds", "median %d, worst %d; by %s", s.Needed.Median, s.Needed.Worst, strings.Join(oracles, ", "))
	}
	if s.NotCalled > 0 {
		c.field("not called", "%d of the survivors: neither the campaign nor a test calls their functions", s.NotCalled)
	}
}

// shareOf is a count of a total, with its percentage.
func shareOf(n, total int) string {
	if total == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d of %d (%.0f%%)", n, total, 100*float64(n)/float64(total))
}

// whoCalled says who called the function of a survivor, and noticed nothing.
func whoCalled(j mechanicalJSON) string {
	switch {
	case len(j.Called) == 0 && !j.Simulated && len(j.Tests) == 0:
		return "nobody is there to notice: the campaign does not run the package, and there are no tests of it"
	case j.Called == nil:
		return "it stands outside of functions: whether anything comes to it is not known"
	case len(j.Called) == 0:
		return "its function was never called"
	}
	return "its function was called by the " + strings.Join(j.Called, " and the ")
}
