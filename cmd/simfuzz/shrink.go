package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/scenario"
)

// shrinkOptions are the flags of simfuzz shrink.
type shrinkOptions struct {
	out     string
	replays int
	engine  string
	json    bool
}

func (c *cli) shrinkCommand() *cobra.Command {
	var o shrinkOptions
	cmd := &cobra.Command{
		Use:   "shrink TAPE -o OUT",
		Short: "Minimise a failing tape to the operations and faults that matter",
		Long: "shrink looks for the fewest operations and faults that still lead to the tape's first violation, and writes " +
			"the tape of that run to OUT. The exit code is that of its replay: 1, since it fails. " +
			"Interrupted, it writes the smallest that it has found.",
		Args: oneTape,
		RunE: func(_ *cobra.Command, args []string) error { return c.shrink(args[0], o) },
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "`FILE` to write the small tape to (default: shrunk.json beside the tape)")
	engineFlag(cmd, &o.engine, tapeEngine, "what keeps the values of replicas; tape: what the tape says")
	command.NumberFlag(cmd.Flags(), &o.replays, "replays", 1000, 1, 1_000_000, "runs that the search may take")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

type shrinkJSON struct {
	Kind       string   `json:"kind"`
	Operations int      `json:"operations"`
	Exceptions int      `json:"exceptions"`
	Nodes      int      `json:"nodes"`
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
		o.out = filepath.Join(filepath.Dir(path), "shrunk.json")
	}
	if filepath.Clean(o.out) == filepath.Clean(path) {
		return command.Usagef("shrink: --out %s is the tape itself, which belongs to the run beside it; name another file", o.out)
	}
	tape, err := readTape(path)
	if err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	started := time.Now()
	p := command.StartProgress(c.err, func() string {
		return fmt.Sprintf("shrink: %s, from %d operations and %d faults", command.Since(started), len(tape.Operations), len(tape.Decisions))
	})
	if o.engine != tapeEngine {
		tape.Setup.SetEngine(o.engine)
	}
	s, err := scenario.Shrink(c.ctx, tape, o.replays)
	p.Finish()
	if err != nil {
		return fmt.Errorf("shrink %s: %w", path, err)
	}
	if err := replaceTape(o.out, s.Tape); err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	c.worsen(exitViolated)
	if o.json {
		out := shrinkJSON{
			Kind: "shrink", Operations: len(s.Tape.Operations), Exceptions: len(s.Tape.Decisions), Nodes: s.Tape.Setup.Nodes,
			Replays: s.Replays, Seconds: time.Since(started).Seconds(), Settled: s.Settled,
			TraceHash: scenario.FormatHash(s.Tape.TraceHash), Violations: s.Tape.Violations, Others: append([]string{}, s.Others...), Tape: o.out,
		}
		return c.printJSON(out)
	}
	c.printf("from %d operations and %d faults, in %d replays\n", len(tape.Operations), len(tape.Decisions), s.Replays)
	c.printShrunk(s, "")
	if !s.Settled {
		c.printf("stopped before it was done: there may be a smaller one\n")
	}
	for _, v := range s.Result.Violations {
		c.printText("", v.String())
	}
	for _, other := range s.Others {
		c.printText("", "met on the way: "+other)
	}
	c.printf("replay with:\n%s\n", c.command("replay", o.out))
	return nil
}

func readTape(path string) (*scenario.Tape, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := scenario.LoadTape(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
