package tapes

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Replayed is a tape that was run once more.
type Replayed struct {
	Protocol string // "" of a program that has but one
	// Run is what there is to see of it.
	Run interface {
		WriteTrace(w io.Writer) error
		ShortDiagram() string
	}
	Violations []campaign.Violation
	Hash       uint64 // of its trace
	Recorded   uint64 // of the tape's
	// Changed says that it was run in another way than the tape says, so that another trace
	// is to be expected.
	Changed bool
	Notes   []string
}

// ReplayLine is a replay for scripts.
type ReplayLine struct {
	Kind       string   `json:"kind"`
	Protocol   string   `json:"protocol,omitempty"`
	TraceHash  string   `json:"trace_hash"`
	SameTrace  bool     `json:"same_trace"`
	Violations []string `json:"violations"`
}

// Replay is the command replay; run runs the tape at a path, and also is said in its help.
func (h *Host) Replay(also string, run func(path string) (*Replayed, error)) *cobra.Command {
	var asJSON, quiet, anyTrace bool
	cmd := &cobra.Command{
		Use:   "replay TAPE",
		Short: "Run a tape again and print its trace",
		Long: "replay runs a recorded tape once more and prints every event, a diagram if it is short, what was violated " +
			"and the trace hash; \"go doc github.com/joinery-go/joinery/sim\" explains the columns and signs.\n\n" +
			"A trace other than the tape's means that other code recorded it: nothing is repeated then, and the exit code " +
			"is 2 unless something is violated; --any-trace accepts it, to see whether changed code still fails." + also,
		Args: OneTape,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of the trace")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "leave out the trace")
	cmd.Flags().BoolVar(&anyTrace, "any-trace", false, "accept another trace than the tape's")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		r, err := run(args[0])
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if err := h.printReplay(r, asJSON, quiet); err != nil {
			return err
		}
		for _, n := range r.Notes {
			h.note("%s: replay %s: %s", h.Name, args[0], n)
		}
		if len(r.Violations) > 0 {
			h.Worsen(command.ExitViolated)
		}
		if r.Hash != r.Recorded && !r.Changed && !anyTrace {
			h.otherCode("replay", args[0], r.Recorded, " (--any-trace accepts that)")
		}
		return nil
	}
	return cmd
}

func (h *Host) printReplay(r *Replayed, asJSON, quiet bool) error {
	if asJSON {
		return command.PrintJSON(h.Out, ReplayLine{"replay", r.Protocol, campaign.FormatHash(r.Hash), r.Hash == r.Recorded, signatures(r.Violations)})
	}
	if !quiet {
		if err := r.Run.WriteTrace(h.Out); err != nil {
			return err
		}
		h.printf("\n")
		if picture := r.Run.ShortDiagram(); picture != "" {
			h.printf("%s\n", picture)
		}
	}
	for _, v := range r.Violations {
		command.PrintField(h.Out, "violated", v.Signature())
		command.PrintText(h.Out, "  ", v.String())
	}
	command.PrintField(h.Out, "violations", fmt.Sprint(len(r.Violations)))
	command.PrintField(h.Out, "trace hash", campaign.FormatHash(r.Hash))
	return nil
}
