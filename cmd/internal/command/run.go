// Package command is what the programs of this module have in common: how they are
// called, how they write, and how they end.
//
//   - Everything listed fits into 80 columns; help says what a flag takes; a mistyped
//     word gets the likeliest right one for an answer.
//   - A live line of progress stands on a terminal only.
//   - The first error of an output ends the program and is told once.
//   - An interruption ends what is under way at once; what was finished is kept.
//
// It knows nothing of what any of them does.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Streams are where a program reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Codes are the exit codes of endings that are not the program's own findings.
type Codes struct {
	Usage       int // called in a way that it cannot be
	Failed      int // an error
	Write       int // standard output cannot be written
	Interrupted int
	ClosedPipe  int // nobody reads on
}

// Program is one invocation of a program.
type Program struct {
	Name string
	Ctx  context.Context // ends where the user interrupts
	Streams
	// Begin makes the command line, which is to work with what it is given.
	Begin func(ctx context.Context, s Streams) *cobra.Command
	Codes
	// Worsen takes an exit code, which counts unless a graver one was taken.
	Worsen func(code int)
}

// Run runs the command line. An output that cannot be written ends it as an
// interruption does, and is told once.
func (p *Program) Run(args []string) {
	ctx, cancel := context.WithCancel(p.Ctx)
	defer cancel()
	shared := new(screen)
	out := &output{screen: shared, w: p.Out, failed: func(error) { cancel() }}
	errs := &output{screen: shared, w: p.Err, failed: func(err error) {
		if ClosedPipe(err) {
			cancel()
		}
	}}
	note := func(format string, args ...any) { fmt.Fprintf(errs, format+"\n", args...) }
	s := Streams{&Interruptible{ctx, p.In}, out, errs}
	root := p.Begin(ctx, s)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	cmd, err := root.ExecuteContextC(ctx)

	wrote := out.first()
	switch {
	case wrote != nil && errors.Is(err, wrote), errors.Is(err, context.Canceled) && ctx.Err() != nil:
		// told below
	case errors.Is(err, ErrUsage):
		note("%s: %v", p.Name, err)
		note("see %q", cmd.CommandPath()+" --help")
		p.Worsen(p.Usage)
	case err != nil:
		note("%s: %v", p.Name, err)
		p.Worsen(p.Failed)
	}
	switch {
	case ClosedPipe(wrote), ClosedPipe(errs.first()):
		p.Worsen(p.ClosedPipe)
	case wrote != nil:
		note("%s: write standard output: %v", p.Name, wrote)
		p.Worsen(p.Write)
	case p.Ctx.Err() != nil:
		note("%s: interrupted: what was finished stands above", p.Name)
		p.Worsen(p.Interrupted)
	}
}

// ErrUsage marks errors in how a command was called.
var ErrUsage = errors.New("usage")

// usageError is an error in how a command was called; it prints without the mark.
type usageError struct{ text string }

func (e usageError) Error() string        { return e.text }
func (e usageError) Is(target error) bool { return target == ErrUsage }

// Usagef is an error in how a command was called. It wraps [ErrUsage].
func Usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// NoArguments refuses words behind a command that takes none: mistyped commands.
func NoArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasParent():
		return Usagef("%stakes no arguments, got %q", Prefix(cmd), args[0])
	}
	return Usagef("unknown command %q for %q%s", args[0], cmd.CommandPath(), DidYouMean(args[0], CommandNames(cmd)))
}

// ErrOutput says that an output cannot be written.
var ErrOutput = errors.New("write output")

// PrintJSON prints one object on a line of its own. Its error is [ErrOutput].
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return nil
}
