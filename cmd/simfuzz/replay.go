package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/scenario"
)

func (c *cli) replayCommand() *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay TAPE",
		Short: "Run a tape again and print its trace",
		Long: "replay runs a recorded tape once more and prints every event, a diagram if it is short, what was violated " +
			"and the trace hash; \"go doc github.com/joinery-go/joinery/sim\" explains the columns and signs.\n\n" +
			"A trace other than the tape's means that other code recorded it: nothing is repeated then, and the exit code " +
			"is 2 unless something is violated; --any-trace accepts it, to see whether changed code still fails. " +
			"--engine runs it with another engine than the tape's, which takes another trace.",
		Args: oneTape,
		RunE: func(_ *cobra.Command, args []string) error { return c.replay(args[0], o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object instead of the trace")
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "leave out the trace")
	engineFlag(cmd, &o.engine, tapeEngine, "what keeps the values of replicas; tape: what the tape says")
	cmd.Flags().BoolVar(&o.anyTrace, "any-trace", false, "accept another trace than the tape's")
	return cmd
}

// oneTape refuses anything but the path of one tape.
func oneTape(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return command.Usagef("%swant one tape, got %d arguments", command.Prefix(cmd), len(args))
	}
	return nil
}

// replayOptions are the flags of simfuzz replay.
type replayOptions struct {
	json, quiet, anyTrace bool
	engine                string
}

// tapeEngine stands for the engine that a tape names.
const tapeEngine = "tape"

type replayJSON struct {
	Kind       string   `json:"kind"`
	TraceHash  string   `json:"trace_hash"`
	SameTrace  bool     `json:"same_trace"`
	Violations []string `json:"violations"`
}

func (c *cli) replay(path string, o replayOptions) error {
	tape, err := readTape(path)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if o.engine != tapeEngine && o.engine != tape.Setup.Engine {
		tape.Setup.SetEngine(o.engine)
		o.anyTrace = true
	}
	res, err := scenario.Replay(c.ctx, tape)
	if err != nil {
		return fmt.Errorf("replay %s: %w", path, err)
	}
	same := res.TraceHash == tape.TraceHash
	if o.json {
		out := replayJSON{Kind: "replay", TraceHash: scenario.FormatHash(res.TraceHash), SameTrace: same, Violations: []string{}}
		for _, v := range res.Violations {
			out.Violations = append(out.Violations, v.Signature())
		}
		if err := c.printJSON(out); err != nil {
			return err
		}
	} else if err := c.printReplay(res, o.quiet); err != nil {
		return err
	}
	if len(res.Violations) > 0 {
		c.worsen(exitViolated)
	}
	if !same && !o.anyTrace {
		c.worsen(exitUndecided)
		c.note("simfuzz: replay %s: not the trace of the tape, %s: it was recorded by other code (--any-trace accepts that)",
			path, scenario.FormatHash(tape.TraceHash))
	}
	return nil
}

func (c *cli) printReplay(res *scenario.Result, quiet bool) error {
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
		c.printText("  ", v.String())
	}
	c.field("violations", "%d", len(res.Violations))
	c.field("trace hash", "%s", scenario.FormatHash(res.TraceHash))
	return nil
}
