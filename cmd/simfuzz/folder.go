package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/joinery-go/joinery/sim/scenario"
)

// Run folders are private: they may hold what a user's own system stored.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// checkWritable makes sure that run folders can be written to dir, before hours
// of work would be lost for want of it. It leaves behind what it found.
func checkWritable(dir string) error {
	_, err := os.Stat(dir)
	created := errors.Is(err, os.ErrNotExist)
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return fmt.Errorf("--out %s: %w", dir, err)
	}
	probe, err := os.MkdirTemp(dir, ".writable-*")
	if err != nil {
		return fmt.Errorf("--out %s: %w", dir, err)
	}
	err = os.Remove(probe)
	if created {
		err = errors.Join(err, os.Remove(dir))
	}
	if err != nil {
		return fmt.Errorf("--out %s: %w", dir, err)
	}
	return nil
}

// writeRun writes the run folder of a failing seed: whole or not at all. It
// returns the path of its tape.
func writeRun(dir string, seed uint64, t *scenario.Tape, r *scenario.Result) (tape string, err error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return "", fmt.Errorf("write run of seed %d: %w", seed, err)
	}
	temp, err := os.MkdirTemp(dir, ".run-*")
	if err != nil {
		return "", fmt.Errorf("write run of seed %d: %w", seed, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write run of seed %d: %w", seed, err), os.RemoveAll(temp))
		}
	}()
	for name, write := range map[string]func(io.Writer) error{
		"tape.json": t.Write, "ops.txt": r.WriteOps, "history.jsonl": r.WriteHistory, "trace.txt": r.WriteTrace,
		"diagram.txt":    func(w io.Writer) error { return r.WriteDiagram(w, 0) },
		"replay_test.go": func(w io.Writer) error { return scenario.WriteTest(w, t, "tape.json") },
		"violations.txt": func(w io.Writer) error { return writeViolations(w, r) },
	} {
		if err := writeFile(filepath.Join(temp, name), write); err != nil {
			return "", err
		}
	}
	folder := filepath.Join(dir, fmt.Sprintf("seed-%d", seed))
	if err := os.RemoveAll(folder); err != nil { // of an earlier campaign
		return "", err
	}
	if err := os.Rename(temp, folder); err != nil {
		return "", err
	}
	return filepath.Join(folder, "tape.json"), nil
}

func writeViolations(w io.Writer, r *scenario.Result) error {
	for _, v := range r.Violations {
		if _, err := fmt.Fprintf(w, "%s\n  %s\n", v.Signature(), v.Message); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bufio.NewWriter(f)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}
