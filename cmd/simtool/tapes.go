package simtool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
)

// oneTape refuses anything but the path of one tape.
func oneTape(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return command.Usagef("%swant one tape, got %d arguments", command.Prefix(cmd), len(args))
	}
	return nil
}

// tape reads a tape of one of the protocols.
func (c *cli) tape(path string) (*campaign.Tape, *campaign.Protocol, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	t, p, err := campaign.LoadTape(f, c.protocols...)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, p, nil
}

// replayOptions are the flags of replay.
type replayOptions struct{ json, quiet, anyTrace bool }

func (c *cli) replayCommand() *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay TAPE",
		Short: "Run a tape again and print its trace",
		Long: "replay runs a recorded tape once more and prints every event, a diagram if it is short, what was violated " +
			"and the trace hash; \"go doc github.com/joinery-go/joinery/sim\" explains the columns and signs.\n\n" +
			"A trace other than the tape's means that other code recorded it: nothing is repeated then, and the exit code " +
			"is 2 unless something is violated; --any-trace accepts it, to see whether changed code still fails.",
		Args: oneTape,
		RunE: func(_ *cobra.Command, args []string) error { return c.replay(args[0], o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object instead of the trace")
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "leave out the trace")
	cmd.Flags().BoolVar(&o.anyTrace, "any-trace", false, "accept another trace than the tape's")
	return cmd
}

type replayJSON struct {
	Kind       string   `json:"kind"`
	Protocol   string   `json:"protocol"`
	TraceHash  string   `json:"trace_hash"`
	SameTrace  bool     `json:"same_trace"`
	Violations []string `json:"violations"`
}

func (c *cli) replay(path string, o replayOptions) error {
	t, p, err := c.tape(path)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	res, err := p.Replay(c.ctx, t)
	if err != nil {
		return fmt.Errorf("replay %s: %w", path, err)
	}
	same := res.TraceHash == t.TraceHash
	if err := c.parts(p, t, res); err != nil {
		return fmt.Errorf("replay %s: %w", path, err)
	}
	if o.json {
		out := replayJSON{Kind: "replay", Protocol: p.Name, TraceHash: campaign.FormatHash(res.TraceHash), SameTrace: same, Violations: signatures(res)}
		if err := c.printJSON(out); err != nil {
			return err
		}
	} else if err := c.printReplay(res, o.quiet); err != nil {
		return err
	}
	if len(res.Violations) > 0 {
		c.worsen(command.ExitViolated)
	}
	if !same && !o.anyTrace {
		c.worsen(command.ExitUndecided)
		c.note("%s: replay %s: not the trace of the tape, %s: it was recorded by other code (--any-trace accepts that)",
			c.name, path, campaign.FormatHash(t.TraceHash))
	}
	return nil
}

// moreReplays are tried of a tape that was recorded of a run with two traces.
const moreReplays = 8

// parts adds to a replay of a tape that was recorded of a run with two traces whether it has
// two again. A tape cannot hold what such a run hangs on.
func (c *cli) parts(p *campaign.Protocol, t *campaign.Tape, res *campaign.Result) error {
	if !slices.ContainsFunc(t.Violations, func(v string) bool { return strings.HasPrefix(v, campaign.OracleDeterminism+"/") }) {
		return nil
	}
	for range moreReplays {
		again, err := p.Replay(c.ctx, t)
		if err != nil {
			return err
		}
		if again.TraceHash != res.TraceHash {
			res.Violations = append(res.Violations, campaign.Violation{
				Oracle: campaign.OracleDeterminism, Kind: "trace", Node: -1,
				Message: fmt.Sprintf("one tape, two traces: %s and %s", campaign.FormatHash(res.TraceHash), campaign.FormatHash(again.TraceHash)),
			})
			return nil
		}
	}
	c.note("%s: replay: the tape is of a run that had two traces, and %d replays of it have one: what parted them depends on what ran before", c.name, moreReplays+1)
	return nil
}

func signatures(res *campaign.Result) []string {
	all := []string{}
	for _, v := range res.Violations {
		all = append(all, v.Signature())
	}
	return all
}

func (c *cli) printReplay(res *campaign.Result, quiet bool) error {
	if !quiet {
		if err := res.WriteTrace(c.out); err != nil {
			return err
		}
		c.printf("\n")
		if picture := res.ShortDiagram(); picture != "" {
			c.printf("%s\n", picture)
		}
	}
	for _, v := range res.Violations {
		c.field("violated", "%s", v.Signature())
		c.text("  ", v.String())
	}
	c.field("violations", "%d", len(res.Violations))
	c.field("trace hash", "%s", campaign.FormatHash(res.TraceHash))
	return nil
}

// shrinkOptions are the flags of shrink.
type shrinkOptions struct {
	out     string
	replays int
	json    bool
}

func (c *cli) shrinkCommand() *cobra.Command {
	var o shrinkOptions
	cmd := &cobra.Command{
		Use:   "shrink TAPE -o OUT",
		Short: "Minimise a failing tape to the operations and faults that matter",
		Long: "shrink looks for the fewest operations and faults that still lead to the tape's first violation, then for the fewest " +
			"choices of the protocol's own, and writes the tape of that run to OUT. The exit code is that of its replay: 1, since it fails. " +
			"Interrupted, it writes the smallest that it has found.",
		Args: oneTape,
		RunE: func(_ *cobra.Command, args []string) error { return c.shrink(args[0], o) },
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "`FILE` to write the small tape to (default: shrunk.json beside the tape)")
	command.NumberFlag(cmd.Flags(), &o.replays, "replays", campaign.DefaultReplays, 1, 1_000_000, "runs that the search may take")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

type shrinkJSON struct {
	Kind       string   `json:"kind"`
	Protocol   string   `json:"protocol"`
	Operations int      `json:"operations"`
	Exceptions int      `json:"exceptions"`
	Choices    int      `json:"choices"`
	Replays    int      `json:"replays"`
	Seconds    float64  `json:"seconds"`
	Settled    bool     `json:"settled"`
	TraceHash  string   `json:"trace_hash"`
	Violations []string `json:"violations"`
	Others     []string `json:"other_violations_met"`
	Tape       string   `json:"tape"`
}

func (c *cli) shrink(path string, o shrinkOptions) error {
	if o.out == "" {
		o.out = filepath.Join(filepath.Dir(path), campaign.SmallTape)
	}
	if filepath.Clean(o.out) == filepath.Clean(path) {
		return command.Usagef("shrink: --out %s is the tape itself, which belongs to the run beside it; name another file", o.out)
	}
	t, p, err := c.tape(path)
	if err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	started := time.Now()
	live := command.StartProgress(c.err, func() string {
		return fmt.Sprintf("shrink: %s, from %d operations and %d faults", command.Since(started), len(t.Operations), t.Faults())
	})
	s, err := p.Shrink(c.ctx, t, o.replays)
	live.Finish()
	if err != nil {
		return fmt.Errorf("shrink %s: %w", path, err)
	}
	if err := campaign.ReplaceFile(o.out, s.Tape.Write); err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	c.worsen(command.ExitViolated)
	if o.json {
		return c.printJSON(shrinkJSON{
			Kind: "shrink", Protocol: p.Name, Operations: len(s.Tape.Operations), Exceptions: s.Tape.Faults(), Choices: s.Tape.Choices(),
			Replays: s.Replays, Seconds: time.Since(started).Seconds(), Settled: s.Settled, TraceHash: campaign.FormatHash(s.Tape.TraceHash),
			Violations: s.Tape.Violations, Others: append([]string{}, s.Others...), Tape: o.out,
		})
	}
	c.printf("from %d operations and %d faults\n", len(t.Operations), t.Faults())
	c.printShrunk("", s)
	if !s.Settled {
		c.printf("stopped before it was done: there may be a smaller one\n")
	}
	for _, v := range s.Result.Violations {
		c.text("", v.String())
	}
	for _, other := range s.Others {
		c.text("", "met on the way: "+other)
	}
	c.printf("replay with:\n%s\n", c.again("replay", o.out))
	return nil
}

func (c *cli) bisectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bisect TAPE",
		Short: "Say with which fault and operation a failure comes about",
		Long: "bisect looks, by halving, for the number of the tape's faults, in the order in which they were decided, that lead to its " +
			"first violation, where one less does not; for the same number of its operations; and for the fault classes of which none " +
			"can be left out whole. Both sides of what it names have been run. Where faults cancel each other out, there may be other such places. " +
			"The exit code is that of the tape's replay: 1, since it fails.",
		Args: oneTape,
		RunE: func(_ *cobra.Command, args []string) error { return c.bisect(args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

type bisectJSON struct {
	Kind       string   `json:"kind"`
	Protocol   string   `json:"protocol"`
	Signature  string   `json:"signature"`
	Faults     int      `json:"faults"`     // so many, in order, suffice
	Decision   string   `json:"decision"`   // the last of them
	AtNS       int64    `json:"at_ns"`      // when it was decided
	Operations int      `json:"operations"` // so many, in order, suffice
	Operation  string   `json:"operation"`  // the last of them
	Classes    []string `json:"classes"`    // that are needed
	Replays    int      `json:"replays"`
}

func (c *cli) bisect(path string, asJSON bool) error {
	t, p, err := c.tape(path)
	if err != nil {
		return fmt.Errorf("bisect: %w", err)
	}
	b, err := p.Bisect(c.ctx, t)
	if err != nil {
		return fmt.Errorf("bisect %s: %w", path, err)
	}
	c.worsen(command.ExitViolated)
	out := bisectJSON{
		Kind: "bisect", Protocol: p.Name, Signature: b.Signature, Faults: b.Faults, Operations: b.Operations, Classes: b.Classes, Replays: b.Replays,
	}
	if b.Faults > 0 {
		out.Decision, out.AtNS = campaign.FormatDecision(b.Decided.Decision), int64(b.Decided.At)
	}
	if b.Operations > 0 {
		out.Operation = b.Last.String()
	}
	if asJSON {
		return c.printJSON(out)
	}
	c.field("violated", "%s", b.Signature)
	switch {
	case b.Faults == 0:
		c.field("faults", "none is needed")
	default:
		c.field("faults", "the first %d of %d suffice, and not without the last of these: at %v %s", b.Faults, t.Faults(), b.Decided.At, out.Decision)
		c.field("classes", "needed: %s", strings.Join(b.Classes, ", "))
	}
	if b.Operations == 0 {
		c.field("operations", "none is needed")
	} else {
		c.field("operations", "the first %d of %d suffice, and not without the last of these: %s", b.Operations, len(t.Operations), out.Operation)
	}
	c.field("replays", "%d", b.Replays)
	return nil
}
