package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/coverage"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
)

// coverPattern are the packages whose statements run --cover counts: those of the
// replicated store that a run executes. The storage engines are not among them: a run has
// one of them at most, and each has tests of its own.
const coverPattern = "./kvs,./kvs/elastic,./kvs/gossip,./kvs/host,./kvs/internal/...,./kvs/kind,./kvs/member,./kvs/policy,./kvs/ring,./kvs/session,./kvs/subscription,./kvs/wire"

// coverageJSON is what a campaign reached, as scripts read it. It stands before the
// summary, which stays the last line.
type coverageJSON struct {
	Kind       string       `json:"kind"`
	Packages   []string     `json:"packages"`
	Statements int          `json:"statements"`
	Reached    int          `json:"reached"`
	Explained  int          `json:"explained"` // of those never reached, statements of which it is known why
	Never      []neverBlock `json:"never"`
}

type neverBlock struct {
	File       string `json:"file"`
	Func       string `json:"func"`
	First      int    `json:"first_line"`
	Last       int    `json:"last_line"`
	Statements int    `json:"statements"`
}

// cover has a program that notes which statements it reaches run the campaign with the
// same flags, and adds what it never reached.
func (c *cli) cover(given *pflag.FlagSet, asJSON bool) (err error) {
	root, err := mutants.Checkout(".", modulePath)
	if err != nil {
		return fmt.Errorf("run: --cover: %w", err)
	}
	started := time.Now()
	p := command.StartProgress(c.err, func() string {
		return "run: " + command.Since(started) + ": building a program that counts its statements"
	})
	program, err := coverage.Build(c.ctx, root, programPath, coverPattern)
	p.Finish()
	if err != nil {
		if c.ctx.Err() != nil {
			return c.ctx.Err() // the go command was ended as well
		}
		return fmt.Errorf("run: --cover: %w", err)
	}
	defer func() {
		if closeErr := program.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("run: --cover: %w", closeErr))
		}
	}()
	last, err := c.runCovered(program, given, asJSON)
	if err != nil {
		return fmt.Errorf("run: --cover: %w", err)
	}
	count, err := program.Count(context.WithoutCancel(c.ctx))
	if err != nil {
		return errors.Join(fmt.Errorf("run: --cover: %w", err), writeAll(c.out, last))
	}
	known, err := coverage.Explanations()
	if err != nil {
		return errors.Join(fmt.Errorf("run: --cover: %w", err), writeAll(c.out, last))
	}
	unexplained, n := count.Unexplained(known)
	explained := count.Statements - count.Reached - n
	if !asJSON {
		c.printCoverage(count, explained, unexplained)
		return nil
	}
	j := coverageJSON{Kind: "coverage", Packages: count.Packages, Statements: count.Statements, Reached: count.Reached, Explained: explained, Never: []neverBlock{}}
	for _, b := range count.Never {
		j.Never = append(j.Never, neverBlock(b))
	}
	return errors.Join(c.printJSON(j), writeAll(c.out, last))
}

// runCovered runs the program and passes on what it prints, but for the last line of
// JSON, which it returns.
func (c *cli) runCovered(program *coverage.Program, given *pflag.FlagSet, asJSON bool) (last []byte, err error) {
	args := []string{"run"}
	given.Visit(func(f *pflag.Flag) {
		if f.Name != "cover" {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	cmd := exec.CommandContext(c.ctx, program.Path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = coverLeavesWithin
	cmd.Env = append(os.Environ(), program.Variable())
	if c.program != "" {
		cmd.Env = append(cmd.Env, calledVariable+"="+c.program)
	}
	var buffer bytes.Buffer
	cmd.Stdout, cmd.Stderr = c.out, c.err
	if asJSON {
		cmd.Stdout = &buffer
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && c.ctx.Err() == nil {
		return nil, err
	}
	code := cmd.ProcessState.ExitCode()
	if code < 0 && command.Interrupted(c.ctx, err) == nil {
		return nil, fmt.Errorf("the campaign was ended by a signal: %w", err)
	}
	c.worsen(code)
	text := buffer.Bytes()
	if i := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n'); i >= 0 {
		return text[i+1:], writeAll(c.out, text[:i+1])
	}
	return text, nil
}

// coverLeavesWithin is how long an interrupted campaign may take to print what it has.
const coverLeavesWithin = 20 * time.Second

func writeAll(w io.Writer, text []byte) error {
	_, err := w.Write(text)
	return err
}

// printCoverage prints how many statements were never reached, and where those stand of
// which nobody has said why.
func (c *cli) printCoverage(n coverage.Count, explained int, never []coverage.Block) {
	unreached := n.Statements - n.Reached
	c.field("statements", "%s of %s never reached, %d of them for a reason that cmd/simfuzz/internal/coverage/unreached.txt gives",
		shareOf(unreached, n.Statements), strings.Join(n.Packages, " "), explained)
	for i := 0; i < len(never); {
		file := never[i].File
		var lines []string
		for i < len(never) && never[i].File == file {
			first, last := never[i].First, never[i].Last
			// Blocks that touch are one.
			for i++; i < len(never) && never[i].File == file && never[i].First <= last+1; i++ {
				last = max(last, never[i].Last)
			}
			if first == last {
				lines = append(lines, fmt.Sprint(first))
			} else {
				lines = append(lines, fmt.Sprintf("%d-%d", first, last))
			}
		}
		c.printf("%s\n", layout.Hang("  "+file+"  ", strings.Join(lines, " ")))
	}
}
