package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/faultlist"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario"
)

// summaryJSON is the last line of run --json.
type summaryJSON struct {
	Kind            string             `json:"kind"`
	Seed            uint64             `json:"seed"`
	Seeds           int64              `json:"seeds"`
	SeedsAsked      uint64             `json:"seeds_asked"` // 0 is as many as there is time for
	Ended           string             `json:"ended_early"` // why not all of them were run; "" if they were
	Deliveries      int64              `json:"deliveries"`
	Operations      int64              `json:"operations"`
	Violations      int64              `json:"violations"`
	Undecided       int64              `json:"undecided"`
	Seconds         float64            `json:"seconds"`
	DeliveriesPerS  float64            `json:"deliveries_per_second"`
	MarksHit        int                `json:"marks_hit"`
	MarksTotal      int                `json:"marks_total"`
	Porcupine       int64              `json:"porcupine_decided"`
	PorcupineSeeds  int64              `json:"porcupine_seeds"`
	Untagged        int64              `json:"untagged"`
	OnEngine        int64              `json:"on_engine"`
	Twice           int64              `json:"run_twice"`
	FewestNodes     int                `json:"fewest_nodes"`
	FewestOps       int64              `json:"fewest_operations"`
	NoConcurrent    int64              `json:"seeds_without_reads_after_concurrent_writes"`
	NoFault         int64              `json:"seeds_without_effective_fault"`
	FaultEffective  map[string]float64 `json:"fault_effective"`
	MarksNotReached []string           `json:"marks_not_reached"`
	NotReached      []string           `json:"not_reached"` // what fails the campaign, if it is long
	Exhausted       bool               `json:"exhausted"`   // by the strategy of that name
	RestBytes       float64            `json:"bytes_to_converge"`
	MostBytes       int64              `json:"most_bytes_to_converge"`
	LongestRestMS   int64              `json:"longest_rest_ms"`
	UnderFaults     float64            `json:"operations_under_faults"` // share
	NotServed       map[string]float64 `json:"not_served_under_faults"` // share of these, by level
	TooFewServed    []string           `json:"too_few_served"`          // what fails the campaign, if it is long
	Judged          []byCheckerJSON    `json:"judged"`                  // histories, by level and checker
}

func (k *storeCampaign) summary() summaryJSON {
	t := &k.totals
	seconds := k.took.Seconds()
	s := summaryJSON{
		Kind: "summary", Seed: k.first, Seeds: t.Seeds, SeedsAsked: k.seeds, Ended: k.ended, Deliveries: t.Deliveries, Operations: t.Operations,
		Violations: t.Violations, Undecided: t.Undecided, Seconds: seconds,
		DeliveriesPerS: float64(t.Deliveries) / seconds, Porcupine: t.Decided, PorcupineSeeds: t.Searched,
		Untagged: t.Untagged, OnEngine: t.OnEngine, Twice: t.Twice, FewestNodes: t.FewestNodes, FewestOps: t.FewestOps,
		NoConcurrent: t.NoConcurrent, NoFault: t.NoFault, FaultEffective: make(map[string]float64),
		MarksNotReached: []string{}, NotReached: append([]string{}, k.notReached()...),
		RestBytes: share(t.RestBytes, t.Seeds), MostBytes: t.MostBytes, LongestRestMS: int64(t.LongestRest / sim.Millisecond),
		Exhausted: k.exhausted, Judged: t.byChecker(),
	}
	s.UnderFaults, s.NotServed = share(t.UnderFaults, t.Operations), make(map[string]float64)
	s.TooFewServed = append([]string{}, k.tooFewServed()...)
	for _, level := range session.Levels() {
		s.NotServed[level] = share(t.NotServed[level], t.Asked[level])
	}
	for i, class := range scenario.FaultClasses() {
		s.FaultEffective[class] = share(t.Effective[i], t.Seeds)
	}
	for _, m := range scenario.Marks() {
		s.MarksTotal++
		if t.Marks[m] > 0 {
			s.MarksHit++
		} else {
			s.MarksNotReached = append(s.MarksNotReached, m)
		}
	}
	return s
}

// notServed says what share of the operations under faults was not served.
func (k *storeCampaign) notServed(s summaryJSON) string {
	var all []string
	for _, level := range session.Levels() {
		if k.totals.Asked[level] > 0 {
			all = append(all, fmt.Sprintf("%.1f%% at level %s", 100*s.NotServed[level], level))
		}
	}
	if len(all) == 0 {
		return "of which there were none"
	}
	return "of which not served: " + strings.Join(all, ", ")
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func (c *cli) printSummary(k *storeCampaign) {
	s := k.summary()
	c.field("seeds", "%d from %d: %d untagged, %d on engines, %d run twice with one trace", s.Seeds, s.Seed, s.Untagged, s.OnEngine, s.Twice)
	c.field("simulated", "%d deliveries and %d operations in %.1fs, %.2f M deliveries/s",
		s.Deliveries, s.Operations, s.Seconds, s.DeliveriesPerS/1e6)
	c.field("every seed", "at least %d replicas and %d operations; %d without a read after concurrent writes, %d without a fault that took effect",
		s.FewestNodes, s.FewestOps, s.NoConcurrent, s.NoFault)
	c.field("under faults", "%.0f%% of the operations, %s", 100*s.UnderFaults, k.notServed(s))
	c.field("rest", "after the faults ended in at most %d ms of virtual time, %.0f bytes between replicas until then, at most %d",
		s.LongestRestMS, s.RestBytes, s.MostBytes)
	var shares []string
	for i, class := range scenario.FaultClasses() {
		if scenario.Supported(sim.Class(i)) {
			shares = append(shares, fmt.Sprintf("%s %.0f%%", class, 100*s.FaultEffective[class]))
		}
	}
	c.field("faults", "changed the trace in this share of seeds: %s", strings.Join(shares, ", "))
	c.field("porcupine", "decided %d histories, in %.1f%% of the seeds; left %d undecided (%.2f%%)",
		s.Porcupine, 100*share(s.PorcupineSeeds, s.Seeds), s.Undecided, 100*share(s.Undecided, s.Undecided+s.Porcupine))
	not := ""
	if len(s.MarksNotReached) > 0 {
		not = "; not: " + strings.Join(s.MarksNotReached, ", ")
	}
	c.field("situations", "%d of %d reached%s", s.MarksHit, s.MarksTotal, not)
	if missing := k.notReached(); len(missing) > 0 {
		c.field("incomplete", "in %d seeds never once: %s", s.Seeds, strings.Join(missing, ", "))
	}
	for _, what := range s.TooFewServed {
		c.field("unavailable", "%s", what)
	}
	c.printByChecker(s.Judged)
	if s.Exhausted {
		c.field("exhausted", "every schedule with one exception from the benign one of seed %d", k.first)
	}
	c.field("violations", "%d", s.Violations)
	switch {
	case s.Ended != "" && s.SeedsAsked > 0:
		c.field("ended early", "after %d of %d seeds: %s", s.Seeds, s.SeedsAsked, s.Ended)
	case s.Ended != "":
		c.field("ended early", "after %d seeds: %s", s.Seeds, s.Ended)
	}
	if c.ctx.Err() != nil {
		c.printf("interrupted: the above is what was finished\n")
	}
}

// printFailures tells of each failing seed what it violates and what is kept of it,
// and ends with the command that runs the last one again.
func (c *cli) printFailures(k *storeCampaign, f runFlags, all []kept) {
	again := ""
	for i, res := range k.failed {
		c.printf("\nseed %d\n", res.Seed)
		for _, v := range res.Violations {
			c.printText("  ", v.String())
		}
		one := &all[i]
		switch {
		case one.Tape != "":
			c.printf("  kept in %s\n", filepath.Dir(one.Tape))
			again = "replay with:\n" + c.command("replay", one.Tape)
		case f.keep:
			c.printf("%s\n", layout.Hang("  not kept: ", one.Err.Error()))
			if again == "" {
				again = "run it again with:\n" + c.command(f.repeat(k, res.Seed)...)
			}
		}
		if one.Shrunk {
			c.printShrunk(one.Form, "  ")
		}
		if one.Small != "" {
			again = "replay with:\n" + c.command("replay", one.Small)
		}
	}
	if again != "" {
		c.printf("\n%s\n", again)
	}
}

// repeat is the command that runs one seed of the campaign once more. Those of the
// strategy exhaustive are schedules of the first, so it goes through them again.
func (f *runFlags) repeat(k *storeCampaign, seed uint64) []string {
	first := seed
	if f.strategy == "exhaustive" {
		first = k.first
	}
	args := []string{"run", "--seed", fmt.Sprint(first), "--seeds", fmt.Sprint(seed - first + 1)}
	f.given.Visit(func(given *pflag.Flag) {
		switch given.Name {
		case "nodes", "operations", "faults", "level", "strategy", "depth", "engine":
			args = append(args, "--"+given.Name, given.Value.String())
		}
	})
	return args
}

// command is a command line of this program that can be pasted.
func (c *cli) command(args ...string) string {
	return command.Line(cmp.Or(c.program, "simfuzz"), args...)
}

// printText prints text whose line breaks and indents count, each line behind
// indent and the rest of one that is too wide further in.
func (c *cli) printText(indent, text string) {
	command.PrintText(c.out, indent, text)
}

// printShrunk prints what a small tape consists of, and its diagram if that is short.
func (c *cli) printShrunk(s *scenario.Shrunk, indent string) {
	t := s.Tape
	c.printf("%sshrunk to %d operations and %d faults in %d replays:\n", indent, len(t.Operations), len(t.Decisions), s.Replays)
	for _, o := range t.Operations[:min(len(t.Operations), faultlist.Most)] {
		c.printText(indent+"  ", o.String())
	}
	if more := len(t.Operations) - faultlist.Most; more > 0 {
		c.printText(indent+"  ", fmt.Sprintf("and %d more, which the tape lists", more))
	}
	for _, fault := range c.faultsOf(s) {
		c.printText(indent+"  ", fault)
	}
	for row := range strings.Lines(s.Result.ShortDiagram()) {
		c.printf("%s  %s", indent, row)
	}
}

// faultsOf says of each fault of a small tape what it does, or, where there was no
// time to find out, what was decided.
func (c *cli) faultsOf(s *scenario.Shrunk) []string {
	said, err := faultlist.Describe(c.ctx, s.Tape, s.Result)
	if err == nil {
		return said
	}
	said = nil
	for _, d := range s.Tape.Decisions {
		said = append(said, fmt.Sprintf("%s = %d", d.Site, d.Value))
	}
	return said
}
