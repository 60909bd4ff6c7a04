package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/laws"
)

// The exit codes that scripts rely on.
const (
	exitOK          = command.ExitOK
	exitViolated    = command.ExitViolated // also a surviving mutant or zoo entry
	exitUndecided   = command.ExitUndecided
	exitFailed      = command.ExitFailed
	exitInterrupted = command.ExitInterrupted
	exitClosedPipe  = command.ExitClosedPipe
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
func (c *cli) worsen(code int) { c.code = command.Graver(c.code, code) }

// main runs the command line and returns the exit code.
func (c *cli) main(args []string) int {
	p := command.Program{
		Name: "simfuzz", Ctx: c.ctx, Streams: command.Streams{In: c.in, Out: c.out, Err: c.err},
		Begin: func(ctx context.Context, s command.Streams) *cobra.Command {
			c.ctx, c.in, c.out, c.err = ctx, s.In, s.Out, s.Err
			return c.root()
		},
		Codes: command.ExitCodes(), Worsen: c.worsen,
	}
	p.Run(args)
	return c.code
}

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
		Version:       command.Version(),
		Args:          command.NoArguments,
		RunE:          run.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.Flags().AddFlagSet(run.Flags())
	root.SetFlagErrorFunc(command.FlagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentPreRunE = command.RefuseEmpty
	command.FitHelp(root)
	root.AddCommand(run, c.replayCommand(), c.shrinkCommand(), c.reportCommand(), c.grepCommand(), c.serveCommand(), c.exploreCommand(), c.checkCommand(), c.lawsCommand(),
		c.zooCommand(), c.mutantsCommand(), c.edelweissCommand(), c.levelsCommand(), c.campaignCommand(), c.mergeCommand(),
		command.CompletionCommand("simfuzz", ", their values, and the names of merges, zoo entries and mutants"))
	root.SetHelpCommand(command.HelpCommand())
	return root
}

// printJSON prints one object on a line of its own. Its error is [command.ErrOutput].
func (c *cli) printJSON(v any) error { return command.PrintJSON(c.out, v) }

// field prints a line of a summary, its name in front, in as many lines as it
// takes.
func (c *cli) field(name, format string, args ...any) {
	command.PrintField(c.out, name, fmt.Sprintf(format, args...))
}

// fieldColumns is where the text of a summary's lines begins.
const fieldColumns = command.FieldColumns

// printf prints to standard output.
func (c *cli) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// note tells on standard error what goes on; it is no result.
func (c *cli) note(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }
