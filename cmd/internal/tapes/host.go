// Package tapes is the commands that work on one tape, as the programs of this module
// have them in common: replay, shrink and report. It knows their flags, what they
// print and how they end; what a tape is, and how it is run, the program says that
// has them.
//
// It decides nothing about a run: package campaign does, or package scenario.
package tapes

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Host is the program that has the commands.
type Host struct {
	Name     string // in messages
	Ctx      context.Context
	Out, Err io.Writer
	// Again is a command line of the program that can be pasted.
	Again func(args ...string) string
	// Worsen takes an exit code, which counts unless a graver one was taken.
	Worsen func(code int)
	// Create creates files, which must not exist; nil is [campaign.CreateFile].
	Create func(path string) (io.WriteCloser, error)
}

// OneTape refuses anything but the path of one tape.
func OneTape(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return command.Usagef("%swant one tape, got %d arguments", command.Prefix(cmd), len(args))
	}
	return nil
}

// note tells on standard error what goes on; it is no result.
func (h *Host) note(format string, args ...any) { fmt.Fprintf(h.Err, format+"\n", args...) }

func (h *Host) printf(format string, args ...any) { fmt.Fprintf(h.Out, format, args...) }

// signatures are those of violations, at least an empty list of them.
func signatures(vs []campaign.Violation) []string {
	all := []string{}
	for _, v := range vs {
		all = append(all, v.Signature())
	}
	return all
}

// otherCode says of a run that it is not the one that was recorded.
func (h *Host) otherCode(what, path string, recorded uint64, hint string) {
	h.note("%s: %s %s: not the trace of the tape, %s: it was recorded by other code%s", h.Name, what, path, campaign.FormatHash(recorded), hint)
	h.Worsen(command.ExitUndecided)
}
