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

// usualRun is about how many bytes a run folder takes.
const usualRun = 256 << 10

// checkWritable makes sure that a run folder can be written to dir, before hours of
// work would be lost for want of it. It leaves behind what it found.
func (c *cli) checkWritable(dir string) error {
	_, err := os.Stat(dir)
	created := errors.Is(err, os.ErrNotExist)
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return fmt.Errorf("run: --out %s: %w", dir, err)
	}
	probe, err := os.MkdirTemp(dir, ".writable-*")
	if err != nil {
		return fmt.Errorf("run: --out %s: %w", dir, err)
	}
	err = c.writeFile(filepath.Join(probe, "probe"), func(w io.Writer) error {
		_, err := w.Write(make([]byte, usualRun))
		return err
	})
	err = errors.Join(err, os.RemoveAll(probe))
	if created {
		err = errors.Join(err, os.Remove(dir))
	}
	if err != nil {
		return fmt.Errorf("run: --out %s: no room for a run folder: %w", dir, err)
	}
	return nil
}

// writeRun writes the run folder of a failing seed: whole or not at all, so an
// earlier one of that seed stays where the new one cannot be written. It returns
// the path of its tape.
func (c *cli) writeRun(dir string, seed uint64, t *scenario.Tape, r *scenario.Result) (tape string, err error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return "", fmt.Errorf("write run of seed %d: %w", seed, err)
	}
	temp, err := os.MkdirTemp(dir, ".run-*")
	if err != nil {
		return "", fmt.Errorf("write run of seed %d: %w", seed, err)
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"tape.json", t.Write},
		{"violations.txt", func(w io.Writer) error { return writeViolations(w, r) }},
		{"ops.txt", r.WriteOps},
		{"history.jsonl", r.WriteHistory},
		{"trace.txt", r.WriteTrace},
		{"diagram.txt", func(w io.Writer) error { return r.WriteDiagram(w, 0) }},
		{"replay_test.go", func(w io.Writer) error { return scenario.WriteTest(w, t, "tape.json") }},
	} {
		if err := c.writeFile(filepath.Join(temp, file.name), file.write); err != nil {
			return "", errors.Join(fmt.Errorf("write run of seed %d: %w", seed, err), os.RemoveAll(temp))
		}
	}
	folder := filepath.Join(dir, fmt.Sprintf("seed-%d", seed))
	if err := replaceFolder(temp, folder); err != nil {
		return "", errors.Join(fmt.Errorf("write run of seed %d: %w", seed, err), os.RemoveAll(temp))
	}
	return filepath.Join(folder, "tape.json"), nil
}

// replaceFolder renames a folder to what may be the name of another, which is then
// gone. If that fails, the other is what it was.
func replaceFolder(from, to string) error {
	old := from + "-old"
	err := os.Rename(to, old)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return os.Rename(from, to)
	case err != nil:
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Rename(old, to))
	}
	return os.RemoveAll(old)
}

func writeViolations(w io.Writer, r *scenario.Result) error {
	for _, v := range r.Violations {
		if _, err := fmt.Fprintf(w, "%s\n  %s\n", v.Signature(), v.Message); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a new file. What a full disk says may come as late as when the
// file is closed.
func (c *cli) writeFile(path string, write func(io.Writer) error) (err error) {
	create := c.create
	if create == nil {
		create = createFile
	}
	f, err := create(path)
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

func createFile(path string) (io.WriteCloser, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}
