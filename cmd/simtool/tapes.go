package simtool

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/sim/campaign"
)

// onTapes is this program for the commands that work on one tape.
func (c *cli) onTapes() *tapes.Host {
	return &tapes.Host{Name: c.name, Ctx: c.ctx, Out: c.out, Err: c.err, Again: c.again, Worsen: c.worsen}
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

func (c *cli) replayCommand() *cobra.Command {
	return c.onTapes().Replay("", func(path string) (*tapes.Replayed, error) {
		t, p, err := c.tape(path)
		if err != nil {
			return nil, err
		}
		res, err := p.Replay(c.ctx, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		note, err := c.parts(p, t, res)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r := &tapes.Replayed{Protocol: p.Name, Run: res, Violations: res.Violations, Hash: res.TraceHash, Recorded: t.TraceHash}
		if note != "" {
			r.Notes = append(r.Notes, note)
		}
		return r, nil
	})
}

// moreReplays are tried of a tape that was recorded of a run with two traces.
const moreReplays = 8

// parts adds to a replay of a tape that was recorded of a run with two traces whether it has
// two again, or gives what is to be said if it has not. A tape cannot hold what such a run
// hangs on.
func (c *cli) parts(p *campaign.Protocol, t *campaign.Tape, res *campaign.Result) (note string, err error) {
	if !slices.ContainsFunc(t.Violations, func(v string) bool { return strings.HasPrefix(v, campaign.OracleDeterminism+"/") }) {
		return "", nil
	}
	for range moreReplays {
		again, err := p.Replay(c.ctx, t)
		if err != nil {
			return "", err
		}
		if again.TraceHash != res.TraceHash {
			res.Violations = append(res.Violations, campaign.Violation{
				Oracle: campaign.OracleDeterminism, Kind: "trace", Node: -1,
				Message: fmt.Sprintf("one tape, two traces: %s and %s", campaign.FormatHash(res.TraceHash), campaign.FormatHash(again.TraceHash)),
			})
			return "", nil
		}
	}
	return fmt.Sprintf("the tape is of a run that had two traces, and %d replays of it have one: what parted them depends on what ran before", moreReplays+1), nil
}

func signatures(res *campaign.Result) []string {
	all := []string{}
	for _, v := range res.Violations {
		all = append(all, v.Signature())
	}
	return all
}

func (c *cli) shrinkCommand() *cobra.Command {
	what := "the fewest operations and faults that still lead to the tape's first violation, then for the fewest choices of the protocol's own"
	return c.onTapes().Shrink(what, func(path string) (*tapes.Failing, error) {
		t, p, err := c.tape(path)
		if err != nil {
			return nil, err
		}
		return &tapes.Failing{Operations: len(t.Operations), Faults: t.Faults(), Shrink: func(replays int) (*tapes.Small, error) {
			s, err := p.Shrink(c.ctx, t, replays)
			if err != nil {
				return nil, err
			}
			choices := s.Tape.Choices()
			return &tapes.Small{
				Protocol: p.Name, Operations: len(s.Tape.Operations), Faults: s.Tape.Faults(), Choices: &choices, Replays: s.Replays, Settled: s.Settled,
				Hash: s.Tape.TraceHash, Violations: s.Result.Violations, Others: s.Others, Write: s.Tape.Write, Print: func() { c.printShrunk("", s) },
			}, nil
		}}, nil
	})
}

// recorded are the violations that a tape says it has, of which it holds the signatures.
func recorded(t *campaign.Tape) []campaign.Violation {
	var all []campaign.Violation
	for _, signature := range t.Violations {
		v := campaign.ParseSignature(signature)
		v.Message = signature + ", as the tape says"
		all = append(all, v)
	}
	return all
}

func (c *cli) reportCommand() *cobra.Command {
	shows := "what was violated, a space-time diagram with faults, the history if the protocol records one, which faults matter, and from which point on the failure is likely."
	return c.onTapes().Report(shows, func(path string, o tapes.ReportOptions) (*tapes.Reported, error) {
		t, p, err := c.tape(path)
		if err != nil {
			return nil, err
		}
		page, err := p.Report(c.ctx, t, campaign.PageOptions{
			Replays: o.Replays, Draws: cmp.Or(o.Draws, -1), Seed: o.Seed, AllReplays: !o.Limited, AllDraws: !o.Bounded, Found: recorded(t),
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return &tapes.Reported{
			Page: page.Page, Operations: len(page.Tape.Operations), Exceptions: page.Tape.Faults(), Violations: page.Result.Violations,
			Hash: page.First, TapeHash: t.TraceHash,
		}, nil
	})
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
		Args: tapes.OneTape,
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
