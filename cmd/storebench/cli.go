package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
	"github.com/joinery-go/joinery/cmd/storebench/internal/report"
)

// The exit codes that scripts rely on.
const (
	exitOK          = 0
	exitFailed      = 1   // an engine failed or lost something
	exitUsage       = 3   // called in a way that it cannot be
	exitWrite       = 3   // an output or a file cannot be written
	exitInterrupted = 130 // stopped by the user
	exitClosedPipe  = 141 // nobody reads on, as with SIGPIPE
)

// cli is one invocation: where it reads and writes, and how it will end.
type cli struct {
	ctx  context.Context
	in   io.Reader
	out  io.Writer
	err  io.Writer
	code int
}

// worsen raises the exit code.
func (c *cli) worsen(code int) {
	rank := []int{exitOK, exitInterrupted, exitClosedPipe, exitWrite, exitFailed}
	if slices.Index(rank, code) > slices.Index(rank, c.code) {
		c.code = code
	}
}

// main runs the command line and returns the exit code.
func (c *cli) main(args []string) int {
	p := command.Program{
		Name: "storebench", Ctx: c.ctx, Streams: command.Streams{In: c.in, Out: c.out, Err: c.err},
		Begin: func(ctx context.Context, s command.Streams) *cobra.Command {
			c.ctx, c.in, c.out, c.err = ctx, s.In, s.Out, s.Err
			return c.root()
		},
		Codes: command.Codes{
			Usage: exitUsage, Failed: exitFailed, Write: exitWrite, Interrupted: exitInterrupted, ClosedPipe: exitClosedPipe,
		},
		Worsen: c.worsen,
	}
	p.Run(args)
	return c.code
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "storebench",
		Short: "Measure the storage engines",
		Long: "storebench measures the storage engines of the store side by side with Pebble and a Go map: rates and tails, what snapshots, " +
			"restores and recovery cost, of workers with global snapshots too, and what an engine's parameters do.\n\n" +
			"Exit codes: 0 measured, 1 an engine failed or lost something, 3 called in a way that it cannot be, or an output or a file " +
			"cannot be written, 130 interrupted, 141 nobody reads its output on. --json is for scripts.",
		Example: "  storebench compare\n" +
			"  storebench compare --engines hybridlog,pebble --keys 1000000 --json\n" +
			"  storebench snapshots --fractions 0.01,0.5 --keep kept\n" +
			"  storebench report --out report",
		Version:       command.Version(),
		Args:          command.NoArguments,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(command.FlagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentPreRunE = command.RefuseEmpty
	command.FitHelp(root)
	root.AddCommand(c.compareCommand(), c.snapshotsCommand(), c.recoveryCommand(), c.lazyCommand(), c.sweepCommand(), c.globalCommand(), c.reportCommand(),
		command.CompletionCommand("storebench", ""))
	root.SetHelpCommand(command.HelpCommand())
	return root
}

// ended is what a measurement ended with, for the command to return: files that could
// not be written, those of an engine on a full disk among them, have an exit code of
// their own.
func (c *cli) ended(err error) error {
	if errors.Is(err, command.ErrOutput) {
		return err // which is told where the output is
	}
	if errors.Is(err, measure.ErrWrite) || errors.Is(err, report.ErrWrite) || errors.Is(err, syscall.ENOSPC) {
		c.printed("storebench: %v", err)
		c.worsen(exitWrite)
		return nil
	}
	return err
}

// printf prints to standard output.
func (c *cli) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// printed tells on standard error.
func (c *cli) printed(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }
