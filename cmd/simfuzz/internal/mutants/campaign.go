package mutants

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	cmdline "github.com/joinery-go/joinery/cmd/internal/command"
)

// ErrCrashed is returned where a program ended without the summary it owes; a
// crash of the tool is no kill.
var ErrCrashed = errors.New("the program ended without a summary")

// CampaignOptions say how to fuzz a mutant.
type CampaignOptions struct {
	Seed  uint64   // the first seed
	Seeds uint64   // how many at most
	Flags []string // further flags for the program's run command
}

// Campaign is what came of fuzzing one mutant.
type Campaign struct {
	Found     bool   // a violation was found, by an oracle the mutant expects
	Oracle    string // that saw the first violation; "" if there was none
	Seed      uint64 // that found it
	Seeds     int64  // run until then, or in all
	TraceHash string // of the failing run
	Replays   bool   // the mutant's replay of the tape failed alike, to the same trace
	CleanHold bool   // the clean program's replay of the tape held
	Tape      string // path, in the folder of the builder
	Seconds   float64

	// What the violation was shrunk to, and in how many replays; nil where nothing was
	// shrunk.
	ShrunkOperations, ShrunkExceptions, ShrunkReplays *int
	ShrunkTape                                        string // path, in the folder of the builder

	// KeptFails says whether the mutant fails on the tape that is kept of it in the
	// corpus; nil if none is.
	KeptFails *bool
}

// Killed reports whether the harness proved itself on the mutant: found,
// repeated from its tape, and no false alarm on the clean program.
func (c Campaign) Killed() bool { return c.Found && c.Replays && c.CleanHold }

// line is any line that a program prints with --json.
type line struct {
	Kind       string          `json:"kind"`
	Seed       uint64          `json:"seed"`
	Oracle     string          `json:"oracle"`
	TraceHash  string          `json:"trace_hash"`
	Tape       string          `json:"tape"`
	Seeds      int64           `json:"seeds"`
	Deliveries int64           `json:"deliveries"`
	Operations int64           `json:"operations"`
	Violations json.RawMessage `json:"violations"` // a number in a summary, a list in a replay

	ShrunkOperations *int `json:"shrunk_operations"`
	ShrunkExceptions *int `json:"shrunk_exceptions"`
	ShrunkReplays    *int `json:"shrunk_replays"`

	ShrunkTape string `json:"shrunk_tape"`
}

// holds reports whether a replay saw no violation.
func (l line) holds() bool {
	v := string(l.Violations)
	return v == "[]" || v == "0"
}

// Fuzz runs a mutant's program until it finds a violation or the seeds run
// out, and replays the tape of what it found with both programs.
func (b *Builder) Fuzz(ctx context.Context, m Mutant, program string, o CampaignOptions) (c Campaign, err error) {
	started := time.Now()
	defer func() { c.Seconds = time.Since(started).Seconds() }()
	args := append([]string{
		"run", "--json", "--seed", strconv.FormatUint(o.Seed, 10), "--seeds", strconv.FormatUint(o.Seeds, 10),
		"--out", filepath.Join(filepath.Dir(program), "runs"),
	}, slices.Concat(o.Flags, m.Flags)...)
	lines, code, err := b.ask(ctx, program, args...)
	if err != nil {
		return c, fmt.Errorf("fuzz mutant %s: %w", m.Name, err)
	}
	sum := lines[len(lines)-1]
	if sum.Kind != "summary" {
		return c, fmt.Errorf("fuzz mutant %s: %w", m.Name, ErrCrashed)
	}
	c.Seeds = sum.Seeds
	first, ok := firstViolation(lines, m)
	if ok != (code == 1) {
		return c, fmt.Errorf("fuzz mutant %s: exit code %d does not fit what was printed", m.Name, code)
	}
	if !ok {
		return c, nil
	}
	c.Oracle, c.Seed, c.TraceHash, c.Tape = first.Oracle, first.Seed, first.TraceHash, first.Tape
	c.Found = m.Expects(first.Oracle)
	c.ShrunkOperations, c.ShrunkExceptions = first.ShrunkOperations, first.ShrunkExceptions
	c.ShrunkReplays, c.ShrunkTape = first.ShrunkReplays, first.ShrunkTape
	if first.Seed >= o.Seed {
		c.Seeds = int64(first.Seed - o.Seed + 1) // workers may have run a few more
	}
	if first.Tape == "" {
		return c, nil // the run did not repeat, so there is no tape: no kill
	}
	failed, err := b.replay(ctx, program, first.Tape)
	if err != nil {
		return c, fmt.Errorf("replay mutant %s: %w", m.Name, err)
	}
	c.Replays = !failed.holds() && failed.TraceHash == first.TraceHash
	clean, err := b.replay(ctx, b.clean, first.Tape)
	if err != nil {
		return c, fmt.Errorf("replay mutant %s with the clean program: %w", m.Name, err)
	}
	c.CleanHold = clean.holds()
	return c, nil
}

// Fails reports whether a program, as Build made it, fails on a tape.
func (b *Builder) Fails(ctx context.Context, program, tape string) (bool, error) {
	l, err := b.replay(ctx, program, tape)
	return err == nil && !l.holds(), err
}

// firstViolation is the violation of the lowest seed, one of an expected oracle
// before others of that seed.
func firstViolation(lines []line, m Mutant) (first line, ok bool) {
	for _, l := range lines {
		if l.Kind != "violation" {
			continue
		}
		better := l.Seed < first.Seed || l.Seed == first.Seed && m.Expects(l.Oracle) && !m.Expects(first.Oracle)
		if !ok || better {
			first, ok = l, true
		}
	}
	return first, ok
}

// replay runs a tape. That the clean program does not take the mutant's course,
// and therefore ends with exit code 3, is to be expected: what counts is whether
// it saw a violation.
func (b *Builder) replay(ctx context.Context, program, tape string) (line, error) {
	lines, code, err := b.ask(ctx, program, "replay", "--json", tape)
	if err != nil {
		return line{}, err
	}
	last := lines[len(lines)-1]
	if last.Kind != "replay" || len(last.Violations) == 0 {
		return line{}, fmt.Errorf("%w: exit code %d", ErrCrashed, code)
	}
	return last, nil
}

// ask runs a program and reads what it prints, which is at least one line.
// Signals, silence, and exit code 3 but after a replay are errors that carry its
// standard error.
func (b *Builder) ask(ctx context.Context, program string, args ...string) ([]line, int, error) {
	cmd := command(ctx, program, args...)
	cmd.Dir = b.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, 0, err
	}
	code := cmd.ProcessState.ExitCode()
	if gone := interrupted(ctx, code, err); gone != nil {
		return nil, code, gone
	}
	lines, err := readLines(out)
	if err != nil {
		return nil, code, fmt.Errorf("read what %s %s printed: %w", filepath.Base(program), args[0], err)
	}
	replayed := len(lines) > 0 && lines[len(lines)-1].Kind == "replay"
	if code < 0 || code > 2 && !replayed {
		return nil, code, fmt.Errorf("exit code %d: %s", code, lastLine(stderr.String()))
	}
	if len(lines) == 0 {
		return nil, code, fmt.Errorf("%w: exit code %d: %s", ErrCrashed, code, lastLine(stderr.String()))
	}
	return lines, code, nil
}

// interrupted is [cmdline.Interrupted] of a program whose exit code says what it found,
// or that it was interrupted.
func interrupted(ctx context.Context, code int, err error) error {
	if code < 0 || code == 130 {
		return cmdline.Interrupted(ctx, err)
	}
	return ctx.Err()
}

// readLines reads the objects that a program printed, one a line, among other lines.
func readLines(out []byte) (lines []line, err error) {
	in := bufio.NewScanner(bytes.NewReader(out))
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		if len(bytes.TrimSpace(in.Bytes())) == 0 || in.Bytes()[0] != '{' {
			continue // replay prints its trace besides
		}
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, in.Err()
}

// lastLine is the last thing a program said before it ended.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		return s[i+1:]
	}
	return s
}
