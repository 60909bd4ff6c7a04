package main

import (
	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/sim/scenario"
)

func (c *cli) shrinkCommand() *cobra.Command {
	var engine string
	cmd := c.onTapes().Shrink("the fewest operations and faults that still lead to the tape's first violation", func(path string) (*tapes.Failing, error) {
		t, _, err := readTapeOn(path, engine)
		if err == nil {
			err = refuseEndless(path, t)
		}
		if err != nil {
			return nil, err
		}
		return &tapes.Failing{Operations: len(t.Operations), Faults: len(t.Decisions), Shrink: func(replays int) (*tapes.Small, error) {
			s, err := scenario.Shrink(c.ctx, t, replays)
			if err != nil {
				return nil, err
			}
			return c.small(s), nil
		}}, nil
	})
	tapeEngineFlag(cmd, &engine)
	return cmd
}

// small is a small tape as the command shrink shows it.
func (c *cli) small(s *scenario.Shrunk) *tapes.Small {
	return &tapes.Small{
		Nodes: s.Tape.Setup.Nodes, Operations: len(s.Tape.Operations), Faults: len(s.Tape.Decisions), Replays: s.Replays, Settled: s.Settled,
		Hash: s.Tape.TraceHash, Violations: s.Result.Violations, Others: s.Others, Write: s.Tape.Write, Print: func() { c.printShrunk(s, "") },
	}
}
