package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/sim/scenario"
)

// onTapes is this program for the commands that work on one tape.
func (c *cli) onTapes() *tapes.Host {
	return &tapes.Host{Name: "simfuzz", Ctx: c.ctx, Out: c.out, Err: c.err, Again: c.command, Worsen: c.worsen, Create: c.create}
}

// tapeEngine stands for the engine that a tape names.
const tapeEngine = "tape"

// tapeEngineFlag adds the flag of another engine than a tape's.
func tapeEngineFlag(cmd *cobra.Command, p *string) {
	engineFlag(cmd, p, tapeEngine, "what keeps the values of replicas; tape: what the tape says")
}

// readTapeOn reads a tape and gives it the engine of the flag. It says whether that is
// another than the tape's.
func readTapeOn(path, engine string) (t *scenario.Tape, changed bool, err error) {
	if t, err = readTape(path); err != nil {
		return nil, false, err
	}
	if changed = engine != tapeEngine && engine != t.Setup.Engine; changed {
		t.Setup.SetEngine(engine)
	}
	return t, changed, nil
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

func (c *cli) replayCommand() *cobra.Command {
	var engine string
	cmd := c.onTapes().Replay(" --engine runs it with another engine than the tape's, which takes another trace.", func(path string) (*tapes.Replayed, error) {
		t, changed, err := readTapeOn(path, engine)
		if err != nil {
			return nil, err
		}
		res, err := scenario.Replay(c.ctx, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return &tapes.Replayed{Run: res, Violations: res.Violations, Hash: res.TraceHash, Recorded: t.TraceHash, Changed: changed}, nil
	})
	tapeEngineFlag(cmd, &engine)
	return cmd
}
