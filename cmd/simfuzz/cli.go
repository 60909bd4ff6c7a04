package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The exit codes that scripts rely on.
const (
	exitOK          = 0   // everything holds
	exitViolated    = 1   // a violation, a surviving mutant or zoo entry
	exitUndecided   = 2   // undecided, inconclusive or incomplete
	exitFailed      = 3   // the tool itself failed: bad flags, bad input, no space
	exitInterrupted = 130 // stopped by the user, nothing violated
)

// cli is one invocation: where it reads and writes, and how it will end.
type cli struct {
	ctx  context.Context
	in   io.Reader
	out  io.Writer
	err  io.Writer
	code int
}

// worsen raises the exit code: 1 over 3 over 130 over 2 over 0.
func (c *cli) worsen(code int) {
	rank := []int{exitOK, exitUndecided, exitInterrupted, exitFailed, exitViolated}
	if slices.Index(rank, code) > slices.Index(rank, c.code) {
		c.code = code
	}
}

// main runs the command line and returns the exit code.
func (c *cli) main(args []string) int {
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	cmd, err := root.ExecuteContextC(c.ctx)
	if err != nil {
		fmt.Fprintf(c.err, "simfuzz: %v\n", err)
		if errors.Is(err, errUsage) || cmd == root && !isOurs(err) {
			fmt.Fprintf(c.err, "see %q\n", cmd.CommandPath()+" --help")
		}
		c.worsen(exitFailed)
	}
	return c.code
}

// errUsage marks errors in how a command was called.
var errUsage = errors.New("usage")

// usageError is an error in how a command was called; it prints without the mark.
type usageError struct{ text string }

func (e usageError) Error() string        { return e.text }
func (e usageError) Is(target error) bool { return target == errUsage }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// isOurs tells errors that a command returned from those of the flag parser,
// which cobra makes without a type.
func isOurs(err error) bool {
	var wrapped interface{ Unwrap() error }
	return errors.As(err, &wrapped)
}

func (c *cli) root() *cobra.Command {
	run := c.runCommand()
	root := &cobra.Command{
		Use:   "simfuzz",
		Short: "Find out whether things that merge really merge",
		Long: "simfuzz runs a replicated store in a simulated world full of faults, judges every history, and keeps what fails.\n" +
			"Without a command it does what 'simfuzz run' does.",
		Args:          noArguments,
		RunE:          run.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.Flags().AddFlagSet(run.Flags())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err.Error()} })
	root.AddCommand(run, c.replayCommand(), c.shrinkCommand(), c.exploreCommand(), c.checkCommand(), c.lawsCommand(), c.zooCommand(), c.mutantsCommand())
	return root
}

// noArguments refuses words that are no command.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return nil
}

// printJSON prints one object on a line of its own.
func (c *cli) printJSON(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// printf prints to standard output; an output that is gone is noticed where the
// command ends, by its last line.
func (c *cli) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
