package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/laws"
)

// The exit codes that scripts rely on.
const (
	exitOK          = 0   // everything holds
	exitViolated    = 1   // a violation, a surviving mutant or zoo entry
	exitUndecided   = 2   // undecided, inconclusive or incomplete
	exitFailed      = 3   // the tool itself failed: bad flags, bad input, no space
	exitInterrupted = 130 // stopped by the user, nothing violated
	exitClosedPipe  = 141 // nobody reads on, as with SIGPIPE
)

// cli is one invocation: where it reads and writes, and how it will end.
type cli struct {
	ctx     context.Context
	in      io.Reader
	out     io.Writer
	err     io.Writer
	program string // how to call it again; "" is "simfuzz"
	code    int

	create func(path string) (io.WriteCloser, error) // files of run folders; nil is [createFile]
	merges func() []laws.Entry                       // whose laws are checked; nil is those shipped
}

// worsen raises the exit code: 1 over 3 over 141 over 130 over 2 over 0.
func (c *cli) worsen(code int) {
	rank := []int{exitOK, exitUndecided, exitInterrupted, exitClosedPipe, exitFailed, exitViolated}
	if slices.Index(rank, code) > slices.Index(rank, c.code) {
		c.code = code
	}
}

// main runs the command line and returns the exit code. An output that cannot be
// written ends the command as an interruption does, and is told once.
func (c *cli) main(args []string) int {
	user := c.ctx
	ctx, cancel := context.WithCancel(user)
	defer cancel()
	shared := new(screen)
	out := &output{screen: shared, w: c.out, failed: func(error) { cancel() }}
	errs := &output{screen: shared, w: c.err, failed: func(err error) {
		if closedPipe(err) {
			cancel()
		}
	}}
	c.ctx, c.in, c.out, c.err = ctx, &interruptible{ctx, c.in}, out, errs

	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	cmd, err := root.ExecuteContextC(c.ctx)

	wrote := out.first()
	switch {
	case wrote != nil && errors.Is(err, wrote), errors.Is(err, context.Canceled) && ctx.Err() != nil:
		err = nil // told below
	case err != nil:
		c.note("simfuzz: %v", err)
		if errors.Is(err, errUsage) {
			c.note("see %q", cmd.CommandPath()+" --help")
		}
		c.worsen(exitFailed)
	}
	switch {
	case closedPipe(wrote), closedPipe(errs.first()):
		c.worsen(exitClosedPipe)
	case wrote != nil:
		c.note("simfuzz: write standard output: %v", wrote)
		c.worsen(exitFailed)
	case user.Err() != nil:
		c.note("simfuzz: interrupted: what was finished stands above")
		c.worsen(exitInterrupted)
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

func (c *cli) root() *cobra.Command {
	run := c.runCommand()
	root := &cobra.Command{
		Use:   "simfuzz",
		Short: "Find out whether things that merge really merge",
		Long: "simfuzz runs a replicated store in a simulated world full of faults, judges every history, and keeps what fails. " +
			"Without a command it does what \"simfuzz run\" does.\n\n" +
			"Exit codes: 0 holds, 1 violated, 2 undecided or incomplete, 3 simfuzz itself failed, " +
			"130 interrupted before anything was violated, 141 nobody reads its output on. --json is for scripts.",
		Example: "  simfuzz                          ten seconds on all cores\n" +
			"  simfuzz run --for 5m --level causal\n" +
			"  simfuzz replay runs/seed-7/shrunk.json\n" +
			"  simfuzz check --model linearizable history.jsonl",
		Version:       version(),
		Args:          noArguments,
		RunE:          run.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.Flags().AddFlagSet(run.Flags())
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentPreRunE = refuseEmpty
	fitHelp(root)
	root.AddCommand(run, c.replayCommand(), c.shrinkCommand(), c.exploreCommand(), c.checkCommand(), c.lawsCommand(),
		c.zooCommand(), c.mutantsCommand(), c.edelweissCommand(), c.levelsCommand(), c.completionCommand())
	root.SetHelpCommand(helpCommand())
	return root
}

// noArguments refuses words behind a command that takes none: mistyped commands.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasParent():
		return usagef("%stakes no arguments, got %q", prefix(cmd), args[0])
	}
	return usagef("unknown command %q for %q%s", args[0], cmd.CommandPath(), didYouMean(args[0], commandNames(cmd)))
}

// errOutput says that the output cannot be written.
var errOutput = errors.New("write output")

// printJSON prints one object on a line of its own. Its error is [errOutput].
func (c *cli) printJSON(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("%w: %w", errOutput, err)
	}
	return nil
}
