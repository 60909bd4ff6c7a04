package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/sim/campaign"
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
	if errors.Is(err, scenario.ErrTape) {
		if of := tapeOfOthers(path); of != "" {
			return nil, fmt.Errorf("%s: %w: %s", path, scenario.ErrVersion, of)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// tapeOfOthers says of what is no tape of the store whose it is, and what replays it; "" if
// it is no tape.
func tapeOfOthers(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	protocol, program, ok := campaign.TapeOf(f)
	switch {
	case !ok:
		return ""
	case program == "":
		return fmt.Sprintf("it is of the protocol %q, and simfuzz is the tool of the store: the program replays it whose main hands that protocol to simtool.Main, or simtest.Holds in a test", protocol)
	}
	return fmt.Sprintf("it is of the protocol %q, and simfuzz is the tool of the store: what recorded it replays it: %s", protocol, command.Line("go run "+command.ShellWord(program), "replay", path))
}

func (c *cli) replayCommand() *cobra.Command {
	var engine string
	var watch campaign.Watch
	cmd := c.onTapes().Replay(" --engine runs it with another engine than the tape's, which takes another trace.", func(path string) (*tapes.Replayed, error) {
		t, changed, err := readTapeOn(path, engine)
		if err != nil {
			return nil, err
		}
		res, err := scenario.ReplayFor(c.ctx, t, &watch)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return &tapes.Replayed{Run: res, Violations: res.Violations, Hash: res.TraceHash, Recorded: t.TraceHash, Changed: changed}, nil
	})
	tapeEngineFlag(cmd, &engine)
	patienceFlag(cmd.Flags(), &watch.Patience)
	return cmd
}

// refuseEndless refuses a tape of a run that did not end, of which each replay would take for ever.
func refuseEndless(path string, t *scenario.Tape) error {
	for _, v := range t.Violations {
		if strings.HasPrefix(v, scenario.OracleTime+"/") {
			return fmt.Errorf("%s: it is of a run that does not end, so there is no smaller form and no page of it; replay it to see where it is", path)
		}
	}
	return nil
}
