package tapes

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Failing is a tape that is to be made smaller.
type Failing struct {
	Operations, Faults int // that it has
	// Shrink looks for a smaller one, in so many replays at most.
	Shrink func(replays int) (*Small, error)
}

// Small is what came of it.
type Small struct {
	Protocol   string // "" of a program that has but one
	Nodes      int    // 0 leaves it out
	Operations int
	Faults     int
	Choices    *int // of the protocol's own; nil leaves them out
	Replays    int
	Settled    bool // nothing makes it smaller
	Hash       uint64
	Violations []campaign.Violation
	Others     []string // signatures met on the way
	Write      func(w io.Writer) error
	Print      func() // what it consists of
}

// ShrinkLine is a search for a smaller tape for scripts.
type ShrinkLine struct {
	Kind       string   `json:"kind"`
	Protocol   string   `json:"protocol,omitempty"`
	Operations int      `json:"operations"`
	Exceptions int      `json:"exceptions"`
	Choices    *int     `json:"choices,omitempty"`
	Nodes      int      `json:"nodes,omitempty"`
	Replays    int      `json:"replays"`
	Seconds    float64  `json:"seconds"`
	Settled    bool     `json:"settled"`
	TraceHash  string   `json:"trace_hash"`
	Violations []string `json:"violations"`
	Others     []string `json:"other_violations_met"`
	Tape       string   `json:"tape"`
}

// Shrink is the command shrink; open reads the tape at a path, and what says in its help
// what is looked for.
func (h *Host) Shrink(what string, open func(path string) (*Failing, error)) *cobra.Command {
	var out string
	var replays int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "shrink TAPE -o OUT",
		Short: "Minimise a failing tape to the operations and faults that matter",
		Long: "shrink looks for " + what + ", and writes the tape of that run to OUT. " +
			"The exit code is that of its replay: 1, since it fails. Interrupted, it writes the smallest that it has found.",
		Args: OneTape,
		RunE: func(_ *cobra.Command, args []string) error { return h.shrink(args[0], out, replays, asJSON, open) },
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "`FILE` to write the small tape to (default: shrunk.json beside the tape)")
	command.NumberFlag(cmd.Flags(), &replays, "replays", campaign.DefaultReplays, 1, 1_000_000, "runs that the search may take")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (h *Host) shrink(path, out string, replays int, asJSON bool, open func(path string) (*Failing, error)) error {
	if out == "" {
		out = filepath.Join(filepath.Dir(path), campaign.SmallTape)
	}
	if filepath.Clean(out) == filepath.Clean(path) {
		return command.Usagef("shrink: --out %s is the tape itself, which belongs to the run beside it; name another file", out)
	}
	f, err := open(path)
	if err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	started := time.Now()
	live := command.StartProgress(h.Err, func() string {
		return fmt.Sprintf("shrink: %s, from %d operations and %d faults", command.Since(started), f.Operations, f.Faults)
	})
	s, err := f.Shrink(replays)
	live.Finish()
	if err != nil {
		return fmt.Errorf("shrink %s: %w", path, err)
	}
	if err := campaign.ReplaceFile(out, s.Write); err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	h.Worsen(command.ExitViolated)
	if asJSON {
		return command.PrintJSON(h.Out, ShrinkLine{
			Kind: "shrink", Protocol: s.Protocol, Operations: s.Operations, Exceptions: s.Faults, Choices: s.Choices, Nodes: s.Nodes,
			Replays: s.Replays, Seconds: time.Since(started).Seconds(), Settled: s.Settled, TraceHash: campaign.FormatHash(s.Hash),
			Violations: signatures(s.Violations), Others: append([]string{}, s.Others...), Tape: out,
		})
	}
	h.printf("from %d operations and %d faults\n", f.Operations, f.Faults)
	s.Print()
	if !s.Settled {
		h.printf("stopped before it was done: there may be a smaller one\n")
	}
	for _, v := range s.Violations {
		command.PrintText(h.Out, "", v.String())
	}
	for _, other := range s.Others {
		command.PrintText(h.Out, "", "met on the way: "+other)
	}
	h.printf("replay with:\n%s\n", h.Again("replay", out))
	return nil
}
