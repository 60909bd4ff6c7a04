package edelweiss

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

// LoadTape reads a tape as [trial.LoadTape] does, and gives it the disks of its engine, so
// that it can be replayed. The error is a [trial.ErrTape].
func LoadTape(r io.Reader) (*trial.Tape, error) {
	t, err := trial.LoadTape(r)
	if err != nil || t.Options.Engine == "" {
		return t, err
	}
	if t.Options.Disks, err = Disks(t.Rewritten, t.Options.Engine); err != nil {
		return nil, fmt.Errorf("%w: %w", trial.ErrTape, err)
	}
	return t, nil
}

// AssertHolds fails a test with what goes wrong in a replay of the tape at a path.
func AssertHolds(t interface {
	Helper()
	Fatal(args ...any)
}, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tape, err := LoadTape(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := tape.Replay().Err; err != nil {
		t.Fatal(err)
	}
}

// Test is [trial.Test] for a tape in a file: of a tape with an engine, the Go test calls
// [AssertHolds] of this package.
func Test(t *trial.Tape, file string) string {
	text := trial.Test(file)
	if t.Options.Engine == "" {
		return text
	}
	text = strings.Replace(text, "lattice/edelweiss/trial\"", "sim/edelweiss\"", 1)
	return strings.Replace(text, "trial.AssertHolds", "edelweiss.AssertHolds", 1)
}
