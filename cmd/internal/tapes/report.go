package tapes

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/report"
)

// ReportOptions are the flags of report that say what goes into a page.
type ReportOptions struct {
	Replays int  // that shrinking may take; 0 takes the tape as it is
	Limited bool // Replays was not asked for: where runs are long it may take fewer
	Draws   int  // runs behind each likelihood; 0 leaves these out
	Bounded bool // Draws was not asked for: where runs are long they are fewer
	Seed    uint64
}

// Reported is the page of a tape.
type Reported struct {
	Page       *report.Page
	Operations int // of the run that it shows
	Exceptions int
	Violations []campaign.Violation
	Hash       uint64 // of the trace of the tape as it was given
	TapeHash   uint64 // that the tape says
	Changed    bool   // another trace is to be expected
}

// ReportLine is a page that was written for scripts.
type ReportLine struct {
	Kind       string   `json:"kind"`
	File       string   `json:"file"`
	Operations int      `json:"operations"`
	Exceptions int      `json:"exceptions"`
	Violations []string `json:"violations"`
	SameTrace  bool     `json:"same_trace"`
	Seconds    float64  `json:"seconds"`
}

// Report is the command report; page makes the page of the tape at a path, and shows says
// in its help what that has.
func (h *Host) Report(shows string, page func(path string, o ReportOptions) (*Reported, error)) *cobra.Command {
	var o ReportOptions
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report TAPE -o FILE",
		Short: "Write one page that shows what happened in a tape's run",
		Long: "report runs a tape again and writes one HTML page that stands by itself: " + shows + " It asks for no other file and no network.\n\n" +
			"A failing tape is shrunk first, and the page is of the small one; --replays 0 takes the tape as it is. " +
			"Where runs are long, fewer of them are spent on shrinking and on likelihoods, and the page says so; --replays and --draws take what they say. " +
			"The exit code is that of the tape's replay: 1 if it fails. A page that is there is written over, whole or not at all; any other file is not.",
		Example: fmt.Sprintf("  %[1]s report runs/seed-7/tape.json -o seed-7.html\n  %[1]s report runs/seed-7/tape.json --replays 0 --draws 0", h.Name),
		Args:    OneTape,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Limited, o.Bounded = !cmd.Flags().Changed("replays"), !cmd.Flags().Changed("draws")
			return h.report(args[0], out, asJSON, o, page)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "`FILE` to write the page to (default: report.html beside the tape)")
	command.NumberFlag(f, &o.Replays, "replays", 400, 0, 1_000_000, "runs that shrinking may take; 0 takes the tape as it is")
	command.NumberFlag(f, &o.Draws, "draws", 40, 0, 10_000, "runs behind each estimate of how likely the failure is; 0 leaves these out")
	command.SeedFlag(f, &o.Seed, "seed of these runs")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (h *Host) report(path, out string, asJSON bool, o ReportOptions, page func(path string, o ReportOptions) (*Reported, error)) error {
	started := time.Now()
	if out == "" {
		out = filepath.Join(filepath.Dir(path), campaign.ReportFile)
	}
	if err := campaign.MayReplacePage(out); err != nil { // before the work
		return fmt.Errorf("report: -o %s: %w", out, err)
	}
	live := command.StartProgress(h.Err, func() string { return "report: " + command.Since(started) })
	r, err := page(path, o)
	live.Finish()
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	r.Page.Commands = append(r.Page.Commands, report.Fact{Name: "Run it again:", Value: h.Again("replay", path)})
	same := r.Changed || r.Hash == r.TapeHash
	if !same {
		r.Page.Notes = append(r.Page.Notes, fmt.Sprintf("This is not the run that was recorded, whose trace was %s: the tape is of other code.", campaign.FormatHash(r.TapeHash)))
	}
	if err := (&campaign.Folder{Create: h.Create}).ReplacePage(out, r.Page.Write); err != nil {
		return fmt.Errorf("report: -o %s: %w", out, err)
	}
	if !same {
		h.otherCode("report", path, r.TapeHash, "")
	}
	if len(r.Violations) > 0 {
		h.Worsen(command.ExitViolated)
	}
	if asJSON {
		return command.PrintJSON(h.Out, ReportLine{"report", out, r.Operations, r.Exceptions, signatures(r.Violations), same, time.Since(started).Seconds()})
	}
	for _, line := range r.Page.Summary {
		command.PrintText(h.Out, "", line)
	}
	h.printf("wrote %s\n", out)
	return nil
}
