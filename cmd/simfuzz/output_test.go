package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// full is an output that takes so many bytes and then says why it takes no more.
type full struct {
	room int
	why  error
	text strings.Builder
}

func (f *full) Write(b []byte) (int, error) {
	n := min(f.room, len(b))
	f.room -= n
	f.text.Write(b[:n])
	if n < len(b) {
		return n, f.why
	}
	return n, nil
}

// printing are command lines of every command, what they come to where their
// output can be written.
func printing(t *testing.T) map[string]int {
	t.Helper()
	dir := t.TempDir()
	tape := failingTape(t)
	bucket := filepath.Join(dir, "bucket")
	code, _, errs := invoke(t, "", "campaign", "--bucket", bucket, "--seeds", "1", "--out", dir+"/c")
	require.Equal(t, exitOK, code, errs)
	return map[string]int{
		"run --seed 7 --seeds 10 --out " + dir:                                  exitOK,
		"run --seed 7 --seeds 10 --json --out " + dir:                           exitOK,
		"replay " + exampleTape:                                                 exitOK,
		"replay --json " + exampleTape:                                          exitOK,
		"shrink " + tape + " -o " + dir + "/s":                                  exitViolated,
		"serve --seed 1 --seeds 1 --out " + dir + "/served":                     exitOK, // and waits, where its output has room
		"grep crash " + filepath.Dir(tape):                                      exitOK,
		"campaign --bucket " + bucket + " --seeds 2 --out " + dir + "/c":        exitOK,
		"campaign --json --bucket " + bucket + " --seeds 2 --out " + dir + "/c": exitOK,
		"campaign --bucket s3://b/c --kubernetes 2 --image i":                   exitOK,
		"merge " + bucket:                                                       exitOK,
		"merge --json " + bucket:                                                exitOK,
		"report --draws 1 " + tape + " -o " + dir + "/r":                        exitViolated,
		"report --json " + exampleTape + " -o " + dir + "/e":                    exitOK,
		"explore --nodes 2 --writes 2":                                          exitOK,
		"explore --nodes 2 --writes 2 --json":                                   exitOK,
		"check --list":                                                          exitOK,
		"check --list --json":                                                   exitOK,
		"check --list ryw":                                                      exitOK,
		"laws --cases 30 --only semilattice Or":                                 exitOK,
		"laws --cases 30 --only order --json Or":                                exitOK,
		"laws --list":                                                           exitOK,
		"zoo --cases 50 L1":                                                     exitOK,
		"zoo --cases 50 --json L1":                                              exitOK,
		"mutants --list":                                                        exitOK,
		"mutants --list --json":                                                 exitOK,
		"edelweiss --seeds 2 unicast":                                           exitOK,
		"edelweiss --seeds 2 --json unicast":                                    exitOK,
		"edelweiss --print unicast":                                             exitOK,
		"levels":                                                                exitOK,
		"completion bash":                                                       exitOK,
		"completion zsh":                                                        exitOK,
		"completion fish":                                                       exitOK,
		"completion powershell":                                                 exitOK,
		"help":                                                                  exitOK,
		"help run":                                                              exitOK,
		"run --help":                                                            exitOK,
		"--version":                                                             exitOK,
	}
}

// An output without room is a failure of every command that prints, told once; a
// pipe that nobody reads is none. What was violated counts for more.
func TestOutputWithoutRoom(t *testing.T) {
	covered := map[string]bool{}
	for line, usual := range printing(t) {
		args := strings.Fields(line)
		covered[args[0]] = true
		for _, room := range []int{0, 20} {
			var errs strings.Builder
			out := &full{room: room, why: fmt.Errorf("write: %w", syscall.ENOSPC)}
			c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: out, err: &errs, merges: shippedOnce}
			want := exitFailed
			if usual == exitViolated {
				want = usual
			}
			assert.Equal(t, want, c.main(args), "%s: %s", line, &errs)
			assert.Equal(t, 1, strings.Count(errs.String(), "no space left on device"), "%s: %s", line, &errs)
			assert.Contains(t, errs.String(), "simfuzz: write standard output: write: no space left on device\n", line)
			assert.NotContains(t, errs.String(), "interrupted", line)

			errs.Reset()
			c = &cli{ctx: t.Context(), in: strings.NewReader(""), out: &full{room: room, why: syscall.EPIPE}, err: &errs, merges: shippedOnce}
			want = exitClosedPipe
			if usual == exitViolated {
				want = usual
			}
			assert.Equal(t, want, c.main(args), line)
			assert.NotContains(t, errs.String(), "simfuzz: ", "%s ends quietly", line)
		}
	}
	for _, command := range everyCommand() {
		if len(command) > 0 {
			assert.True(t, covered[command[0]], "%v is not tried", command)
		}
	}
}

// What goes wrong besides is not hidden by an output that cannot be written, nor
// told as if the output were at fault.
func TestOutputWithoutRoomHidesNothing(t *testing.T) {
	var errs strings.Builder
	c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: &full{why: syscall.ENOSPC}, err: &errs}
	assert.Equal(t, exitFailed, c.main([]string{"replay", "no-such-tape"}))
	assert.Equal(t, "simfuzz: replay: open no-such-tape: no such file or directory\n", errs.String())
}

// A standard error that nobody reads ends what would go on for hours, as SIGPIPE
// would; one without room loses notes, and nothing else.
func TestErrorOutputGone(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: &out, err: &full{why: syscall.EPIPE}}
	assert.Equal(t, exitClosedPipe, c.main([]string{"run", "--seed", "1", "--for", "1h", "--out", dir}))
	assert.Contains(t, out.String(), "interrupted")
	out.Reset()
	c = &cli{ctx: t.Context(), in: strings.NewReader(""), out: &out, err: &full{why: syscall.ENOSPC}}
	assert.Equal(t, exitUndecided, c.main([]string{"replay", "--quiet", otherTrace(t)}), "its note is lost")
	assert.Contains(t, out.String(), "trace hash")
}
