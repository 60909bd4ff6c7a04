package main

import (
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/sim/scenario/smallscope"
)

func (c *cli) exploreCommand() *cobra.Command {
	var s smallscope.Scope
	var o exploreOptions
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Search every schedule of a small scope",
		Long: "explore searches every order in which a few writes, their messages and the replicas' timers can happen, with a " +
			"bounded number of lost and repeated messages and crashes. In each state a replica's value must be the join of " +
			"the writes it has applied; from each last state all replicas must come to one value with all writes in it.\n\n" +
			"States that differ by renaming replicas and writes count once, if that is found to make no difference; of actions " +
			"that commute one order is tried; a message that is lost stays under way until the end. A violation is shown with " +
			"the shortest way there. The exit code is 2 if a bound was met before the scope was searched through.",
		Example: "  simfuzz explore --nodes 3 --writes 3 --kind counter\n  simfuzz explore --nodes 2 --writes 2 --ticks 2 --drops 1 --crashes 1",
		Args:    command.NoArguments,
		RunE:    func(*cobra.Command, []string) error { return c.explore(s, o) },
	}
	f := cmd.Flags()
	command.NumberFlag(f, &s.Nodes, "nodes", 3, 2, 5, "replicas, 2 to 5")
	command.NumberFlag(f, &s.Writes, "writes", 3, 1, 8, "writes, 1 to 8")
	command.WordFlag(cmd, &s.Kind, "kind", "set", smallscope.Kinds(), "what is written: "+strings.Join(smallscope.Kinds(), ", "))
	command.NumberFlag(f, &s.Ticks, "ticks", 1, 1, 255, "gossip rounds of each replica")
	command.NumberFlag(f, &s.Drops, "drops", 0, 0, 1000, "messages that may be lost")
	command.NumberFlag(f, &s.Duplicates, "duplicates", 0, 0, 1000, "messages that may arrive twice")
	command.NumberFlag(f, &s.Crashes, "crashes", 0, 0, 1000, "crashes and restarts")
	command.NumberOrZeroFlag(f, &s.MaxStates, "states", 1, math.MaxInt32, "10 million, of about 120 bytes each", "bound on distinct states")
	command.WordFlag(cmd, &o.engine, "engine", noEngine, []string{noEngine, plainEngine},
		"what keeps the values of replicas; memory: a map beside each, by checkpoints; none: its memory, and the log")
	f.BoolVar(&o.unreduced, "unreduced", false, "do without any reduction")
	f.BoolVar(&o.compare, "compare", false, "search once more without any reduction, and with each alone, and print their factors")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// exploreOptions are the flags of simfuzz explore that are no matter of scope.
type exploreOptions struct {
	json, compare, unreduced bool
	engine                   string
}

// plainEngine is the one engine that a search has: what a node is in each of millions of
// states is copied, which no engine with files can be.
const plainEngine = "memory"

type exploreJSON struct {
	Kind        string        `json:"kind"`
	Value       string        `json:"value"`
	States      int           `json:"states"`
	Renamed     int           `json:"states_renamed"` // with all that they can be renamed to
	Renamings   int           `json:"renamings"`
	Asymmetry   string        `json:"asymmetry,omitempty"`
	Transitions int           `json:"transitions"`
	Asleep      int           `json:"asleep"`
	Violations  int           `json:"violations"`
	Complete    bool          `json:"complete"`
	Stopped     string        `json:"stopped,omitempty"`
	Scope       string        `json:"scope"`
	Seconds     float64       `json:"seconds"`
	PerSecond   float64       `json:"states_per_second"`
	Unreduced   int           `json:"unreduced_transitions,omitempty"` // with --compare, if that search finished
	Factor      float64       `json:"reduction_factor,omitempty"`      // of transitions
	Searches    []exploreWith `json:"searches,omitempty"`              // with --compare
	Violation   string        `json:"violation,omitempty"`
	Path        []string      `json:"path,omitempty"`
}

// exploreWith is a search with some of the reductions, compared to that with none.
type exploreWith struct {
	Reductions  string  `json:"reductions"`
	States      int     `json:"states"`
	Transitions int     `json:"transitions"`
	Complete    bool    `json:"complete"`
	Seconds     float64 `json:"seconds"`
	ByStates    float64 `json:"factor_states,omitempty"` // if both finished
	ByMoves     float64 `json:"factor_transitions,omitempty"`
}

func (c *cli) explore(s smallscope.Scope, o exploreOptions) error {
	if o.compare && o.unreduced {
		return command.Usagef("explore: --compare and --unreduced: want one of them")
	}
	s.Outside = o.engine == plainEngine
	s.NoCommute, s.NoSymmetry, s.EarlyDrops = o.unreduced, o.unreduced, o.unreduced
	r, seconds, err := c.search(s)
	if err != nil {
		return err
	}
	switch {
	case r.Violation != "":
		c.worsen(exitViolated)
	case c.ctx.Err() != nil:
		c.worsen(exitInterrupted)
	case !r.Complete:
		c.worsen(exitUndecided)
	}
	out := exploreJSON{
		Kind: "explore", Value: r.Scope.Kind, States: r.States, Renamed: r.Renamed, Renamings: r.Renamings, Asymmetry: r.Asymmetry,
		Transitions: r.Transitions, Asleep: r.Asleep,
		Violations: int(count(r.Violation != "")), Complete: r.Complete, Stopped: r.Stopped, Scope: r.Scope.String(),
		Seconds: seconds, PerSecond: float64(r.States) / seconds, Violation: r.Violation, Path: r.Path,
	}
	if !o.json {
		c.printExplored(r, seconds)
	}
	if o.compare && r.Complete {
		if err := c.compareReductions(s, r, seconds, &out); err != nil {
			return err
		}
		if !o.json {
			c.printCompared(&out)
		}
	}
	if o.json {
		return c.printJSON(out)
	}
	return nil
}

// compareReductions searches without any reduction and with each alone, and holds
// all to each other: what the reductions leave must stand for what they leave out.
func (c *cli) compareReductions(s smallscope.Scope, all *smallscope.Explored, seconds float64, out *exploreJSON) error {
	none := s
	none.NoCommute, none.NoSymmetry, none.EarlyDrops = true, true, true
	commute, symmetry, late := none, none, none
	commute.NoCommute, symmetry.NoSymmetry, late.EarlyDrops = false, false, false
	var whole *smallscope.Explored
	add := func(name string, r *smallscope.Explored, seconds float64) {
		w := exploreWith{Reductions: name, States: r.States, Transitions: r.Transitions, Complete: r.Complete, Seconds: seconds}
		if whole.Complete && r.Complete {
			w.ByStates = float64(whole.States) / float64(r.States)
			w.ByMoves = float64(whole.Transitions) / float64(r.Transitions)
		}
		out.Searches = append(out.Searches, w)
	}
	var drops int // states with late drops
	for _, search := range []struct {
		name  string
		scope smallscope.Scope
	}{{"none", none}, {"commuting", commute}, {"renaming", symmetry}, {"late drops", late}} {
		if search.name == "late drops" && s.Drops == 0 {
			drops = whole.States
			continue
		}
		r, took, err := c.search(search.scope)
		if err != nil {
			return err
		}
		switch search.name {
		case "none":
			whole = r
		case "late drops":
			drops = r.States
		default:
			if whole.Complete && r.Complete && r.Renamed != whole.States {
				return fmt.Errorf("explore: the search by %s finds %d states, the whole one %d: the reduction is wrong", search.name, r.Renamed, whole.States)
			}
		}
		if r.Violation != "" {
			return fmt.Errorf("explore: with the reductions %s there is a violation that was missed: %s", search.name, r.Violation)
		}
		add(search.name, r, took)
		if !r.Complete {
			return nil
		}
	}
	if all.Renamed != drops {
		return fmt.Errorf("explore: the reduced search finds %d states, without renaming %d: the reduction is wrong", all.Renamed, drops)
	}
	add("all", all, seconds)
	out.Unreduced, out.Factor = whole.Transitions, float64(whole.Transitions)/float64(all.Transitions)
	return nil
}

// search explores a scope and says how many seconds that took.
func (c *cli) search(s smallscope.Scope) (*smallscope.Explored, float64, error) {
	started := time.Now()
	var states atomic.Int64
	p := command.StartProgress(c.err, func() string {
		return fmt.Sprintf("explore: %.0fs, %d states", time.Since(started).Seconds(), states.Load())
	})
	// What the search keeps has few pointers: collecting it more often costs little.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	r, err := smallscope.Explore(c.ctx, s, func(n int) { states.Store(int64(n)) })
	p.Finish()
	return r, time.Since(started).Seconds(), err
}

func (c *cli) printExplored(r *smallscope.Explored, seconds float64) {
	c.field("scope", "%v", r.Scope)
	c.field("states", "%d, by %d transitions, %d more spared because their actions commute; the farthest %d actions away",
		r.States, r.Transitions, r.Asleep, r.Depth)
	if r.Renamings > 1 {
		c.field("symmetry", "%d renamings of replicas and writes: they stand for %d states", r.Renamings, r.Renamed)
	}
	if r.Asymmetry != "" {
		c.field("symmetry", "less than tried, since %s", r.Asymmetry)
	}
	c.field("speed", "%.0f states/s, %.1fs", float64(r.States)/seconds, seconds)
	if r.Complete {
		c.field("complete", "yes")
	} else {
		c.field("complete", "no: %s", r.Stopped)
	}
	if r.Violation == "" {
		c.field("violations", "0")
		return
	}
	c.field("violated", "%s", r.Violation)
	c.printf("the shortest way there:\n")
	for _, step := range r.Path {
		c.printText("  ", step)
	}
}

// printCompared says what the reductions are worth against the whole search.
func (c *cli) printCompared(out *exploreJSON) {
	for _, w := range out.Searches {
		name := layout.Pad(w.Reductions, 10)
		head := layout.Pad("reduction", fieldColumns) + name + " "
		text := fmt.Sprintf("%d states (factor %.2f), %d transitions (factor %.2f), %.1fs", w.States, w.ByStates, w.Transitions, w.ByMoves, w.Seconds)
		if !w.Complete {
			text = fmt.Sprintf("stopped after %d states in %.1fs: factors are unknown", w.States, w.Seconds)
		}
		c.printf("%s\n", layout.Hang(head, text))
	}
}
