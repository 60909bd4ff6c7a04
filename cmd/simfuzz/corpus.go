package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
	"github.com/joinery-go/joinery/sim/scenario"
)

// keepTape keeps what a mutant was shrunk to as DIR/NAME/tape.json, with what it
// once broke in broke.txt. The tape is that of the clean program's run, which
// holds; the mutant must still fail on it, or it would test nothing.
func (c *cli) keepTape(builder *mutants.Builder, m mutants.Mutant, program string, k mutants.Campaign, dir string) error {
	if k.ShrunkTape == "" {
		return fmt.Errorf("keep a tape of %s: there is no small one", m.Name)
	}
	tape, err := readTape(k.ShrunkTape)
	if err != nil {
		return fmt.Errorf("keep a tape of %s: %w", m.Name, err)
	}
	broke := tape.Violations
	res, err := scenario.Replay(context.WithoutCancel(c.ctx), tape)
	if err != nil {
		return fmt.Errorf("keep a tape of %s: %w", m.Name, err)
	}
	if len(res.Violations) > 0 {
		return fmt.Errorf("keep a tape of %s: the clean program fails on it too: %v", m.Name, res.Violations[0])
	}
	tape.TraceHash, tape.Violations = res.TraceHash, []string{}
	folder := filepath.Join(dir, m.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("keep a tape of %s: %w", m.Name, err)
	}
	path := filepath.Join(folder, "tape.json")
	text := fmt.Sprintf("mutant %s of %s: %s\n", m.Name, m.File, m.Doc)
	for _, v := range broke {
		text += "it broke " + v + "\n"
	}
	err = errors.Join(replaceTape(path, tape), os.Chmod(path, 0o644), os.WriteFile(filepath.Join(folder, "broke.txt"), []byte(text), 0o644))
	if err != nil {
		return fmt.Errorf("keep a tape of %s: %w", m.Name, err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("keep a tape of %s: %w", m.Name, err)
	}
	fails, err := builder.Fails(c.ctx, program, absolute)
	if err == nil && !fails {
		err = errors.New("the mutant does not fail on it")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep a tape of %s: %w", m.Name, err), os.RemoveAll(folder))
	}
	return nil
}

// corpusDir is where the tapes of what once broke are kept, in the checkout.
const corpusDir = "sim/scenario/testdata"

// tryKept has a mutant run the tape that is kept of it, if one is: one that it does
// not fail on any more tests nothing.
func (c *cli) tryKept(builder *mutants.Builder, m mutants.Mutant, program string, k *mutants.Campaign) error {
	tape := builder.File(filepath.ToSlash(filepath.Join(corpusDir, m.Name, "tape.json")))
	if _, err := os.Stat(tape); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	fails, err := builder.Fails(c.ctx, program, tape)
	if err != nil {
		return fmt.Errorf("run the tape kept of %s: %w", m.Name, err)
	}
	k.KeptFails = &fails
	if !fails {
		c.worsen(exitUndecided)
	}
	return nil
}
