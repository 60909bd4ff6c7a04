// Package simtool makes a program of simulated protocols, in one line:
//
//	func main() { simtool.Main(lease.Protocol()) }
//
// The program runs seeds, replays and shrinks what failed, writes a page to look at, says
// with which fault a failure comes about, searches all schedules with few faults, and is a
// worker of a campaign that others share. It talks to nobody but its terminal, and with
// campaign and merge to the bucket that they are given, and writes nothing but run folders of
// failing seeds, and that bucket. Everything it lists fits into 80 columns.
//
// Exit codes: 0 holds, 1 violated, 2 undecided or incomplete, 3 the tool itself failed,
// 130 interrupted without a violation, 141 if whoever read its output is gone. Of several
// the gravest counts: 1 over 3 over 141 over 130 over 2.
//
// An interrupt (Ctrl-C, SIGINT or SIGTERM) ends every command; what was found until then
// is printed and kept. A second one ends the program without that, and names the seed that
// was under way. A run that does not end is told after ten seconds, and given up as a
// failure of its seed after a minute, or --patience.
//
// It decides nothing about a protocol: package campaign does.
package simtool

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Main runs the command line of this process with some protocols, of which the first is
// meant where none is named, and ends it.
func Main(protocols ...campaign.Protocol) {
	ctx, cancel := context.WithCancel(context.Background())
	watch := new(campaign.Watch)
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		cancel()
		<-interrupts
		fmt.Fprintln(os.Stderr, abandoned(os.Args[0], watch.UnderWay()))
		os.Exit(command.ExitInterrupted)
	}()
	// Asked for, the signal of a closed pipe does not end the process, and the write fails
	// instead: so failing seeds are kept first.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, watch, protocols))
}

// abandoned says what a second interrupt ends in the middle of.
func abandoned(called string, under []campaign.UnderWay) string {
	text := filepath.Base(called) + ": interrupted twice: ended at once"
	if len(under) == 0 {
		return text
	}
	u := under[0]
	return fmt.Sprintf("%s, while seed %d of %s had run for %v; run it again with:\n%s", text, u.Seed, u.Protocol, u.Took.Round(time.Second),
		command.Line(thisProgram(called), "run", "--protocol", u.Protocol, "--seed", fmt.Sprint(u.Seed), "--seeds", "1"))
}

// Streams are where a program reads and writes.
type Streams = command.Streams

// Run runs a command line, the program's name first, and returns the exit code.
func Run(ctx context.Context, args []string, s Streams, protocols ...campaign.Protocol) int {
	return run(ctx, args, s, new(campaign.Watch), protocols)
}

func run(ctx context.Context, args []string, s Streams, watch *campaign.Watch, protocols []campaign.Protocol) int {
	c := &cli{watch: watch, ctx: ctx, in: s.In, out: s.Out, err: s.Err, name: "simtool", program: "simtool"}
	if len(args) > 0 {
		c.name, c.program = filepath.Base(args[0]), thisProgram(args[0])
		args = args[1:]
	}
	if len(protocols) == 0 {
		fmt.Fprintf(s.Err, "%s: no protocol was given to simtool.Main\n", c.name)
		return command.ExitFailed
	}
	names := make(map[string]bool)
	for _, one := range protocols {
		p := &one
		err := p.Validate()
		if err == nil && names[p.Name] {
			err = fmt.Errorf("two protocols have the name %q", p.Name)
		}
		if err != nil {
			fmt.Fprintf(s.Err, "%s: %v\n", c.name, err)
			return command.ExitFailed
		}
		names[p.Name] = true
		if p.Watch != nil && watch.Patience == 0 {
			watch.Patience = p.Watch.Patience
		}
		p.Watch, p.Program = watch, packagePath()
		c.protocols = append(c.protocols, p)
	}
	p := command.Program{
		Name: c.name, Ctx: ctx, Streams: s,
		Begin: func(ctx context.Context, s command.Streams) *cobra.Command {
			c.ctx, c.in, c.out, c.err = ctx, s.In, s.Out, s.Err
			return c.root()
		},
		Codes: command.ExitCodes(), Worsen: c.worsen,
	}
	p.Run(args)
	return c.code
}

// packagePath is this program as a Go package, "" if that is not known.
func packagePath() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "command-line-arguments" {
		return ""
	}
	return info.Path
}

// thisProgram is how a user can call this program again.
func thisProgram(called string) string {
	executable, err := os.Executable()
	if pkg := packagePath(); err == nil && pkg != "" && command.RunByGo(executable) {
		return "go run " + command.ShellWord(path.Clean(pkg))
	}
	return command.ShellWord(called)
}

// cli is one invocation: where it reads and writes, and how it will end.
type cli struct {
	ctx       context.Context
	in        io.Reader
	out       io.Writer
	err       io.Writer
	name      string
	program   string // how to call it again, as a shell has it
	protocols []*campaign.Protocol
	watch     *campaign.Watch
	code      int
}

func (c *cli) worsen(code int) { c.code = command.Graver(c.code, code) }

func (c *cli) root() *cobra.Command {
	run := c.runCommand()
	root := &cobra.Command{
		Use:   c.name,
		Short: "Fuzz simulated protocols",
		Long: c.name + " runs a protocol in a simulated world full of faults, judges every run, and keeps what fails. " +
			"Without a command it does what \"" + c.name + " run\" does.\n\n" +
			"Exit codes: 0 holds, 1 violated, 2 undecided or incomplete, 3 the tool itself failed, " +
			"130 interrupted before anything was violated, 141 nobody reads its output on. --json is for scripts.",
		Example: fmt.Sprintf("  %[1]s                          ten seconds on all cores\n"+
			"  %[1]s run --seed 1 --seeds 5000\n"+
			"  %[1]s replay runs/%[2]s/seed-7/shrunk.json\n"+
			"  %[1]s report runs/%[2]s/seed-7/tape.json -o seed-7.html\n"+
			"  %[1]s bisect runs/%[2]s/seed-7/tape.json\n"+
			"  %[1]s explore --most 1", c.name, c.protocols[0].Name),
		Version:       command.Version(),
		Args:          command.NoArguments,
		RunE:          run.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.Flags().AddFlagSet(run.Flags())
	root.PersistentFlags().Var(command.Span{P: &c.watch.Patience}, "patience", "how long one run may take before it is given up, and is a failure (default: 1m)")
	root.SetFlagErrorFunc(command.FlagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentPreRunE = command.RefuseEmpty
	command.FitHelp(root)
	root.AddCommand(run, c.replayCommand(), c.shrinkCommand(), c.reportCommand(), c.bisectCommand(), c.exploreCommand(),
		c.campaignCommand(), c.mergeCommand(),
		command.CompletionCommand(c.name, ""))
	root.SetHelpCommand(command.HelpCommand())
	return root
}

// protocolFlag adds the flag of which protocol is meant.
func (c *cli) protocolFlag(cmd *cobra.Command, p *string) {
	var names []string
	for _, one := range c.protocols {
		names = append(names, one.Name)
	}
	command.WordFlag(cmd, p, "protocol", names[0], names, "which protocol")
}

// protocol is the one of a name, which is one of those that there are.
func (c *cli) protocol(name string) *campaign.Protocol {
	for _, p := range c.protocols {
		if p.Name == name {
			return p
		}
	}
	return c.protocols[0]
}

func (c *cli) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

func (c *cli) field(name, format string, args ...any) {
	command.PrintField(c.out, name, fmt.Sprintf(format, args...))
}

func (c *cli) text(indent, text string) { command.PrintText(c.out, indent, text) }

func (c *cli) printJSON(v any) error { return command.PrintJSON(c.out, v) }

// again is a command line of this program that can be pasted.
func (c *cli) again(args ...string) string { return command.Line(c.program, args...) }
