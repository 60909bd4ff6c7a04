package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign"
)

// tightDisk is where run folders are written while there is room: a number of
// bytes over all files, after which a write fails, or the close of a file that no
// longer fits.
type tightDisk struct {
	room  int
	atEnd bool
}

type tightFile struct {
	io.WriteCloser
	disk *tightDisk
	over bool
}

func (d *tightDisk) create(path string) (io.WriteCloser, error) {
	f, err := campaign.CreateFile(path)
	if err != nil {
		return nil, err
	}
	return &tightFile{f, d, false}, nil
}

func (f *tightFile) Write(b []byte) (int, error) {
	f.disk.room -= len(b)
	if f.disk.room >= 0 {
		return f.WriteCloser.Write(b)
	}
	f.over = true
	if f.disk.atEnd { // as a file system does that finds room only later
		return len(b), nil
	}
	return 0, &os.PathError{Op: "write", Path: "file", Err: syscall.ENOSPC}
}

func (f *tightFile) Close() error {
	err := f.WriteCloser.Close()
	if f.over && f.disk.atEnd {
		return &os.PathError{Op: "close", Path: "file", Err: syscall.ENOSPC}
	}
	return err
}

// A run folder that there is no room for is named, is not half there, and takes
// away nothing: not an earlier one of its seed, nor what is printed of the seed,
// nor the other failing seeds; and the seed can be run again.
func TestFullDisk(t *testing.T) {
	args := []string{"run", "--seed", "40", "--seeds", "100", "--failures", "2", "--faults", unexcusedFaults, "--workers", "1", "--out", "runs"}
	t.Chdir(t.TempDir())
	run := func(disk *tightDisk) (code int, out, errs string) {
		var stdout, stderr strings.Builder
		c := &cli{ctx: t.Context(), in: strings.NewReader(""), out: &stdout, err: &stderr}
		if disk != nil {
			c.create = disk.create
		}
		code = c.main(args)
		return code, stdout.String(), withoutProgress(stderr.String())
	}
	code, _, _ := run(nil)
	require.Equal(t, exitViolated, code)
	tapes, err := filepath.Glob("runs/seed-*/tape.json")
	require.NoError(t, err)
	require.Len(t, tapes, 2)
	was := contents(t, "runs")

	for _, disk := range []*tightDisk{{room: 0}, {room: campaign.UsualRun - 1}, {room: campaign.UsualRun - 1, atEnd: true}} {
		code, out, errs := run(disk)
		assert.Equal(t, exitFailed, code, "noticed before hours of work")
		assert.Empty(t, out)
		assert.Regexp(t, `^simfuzz: run: --out runs: no room for a run folder: (write|close) file: no space left on device\n$`, errs)
		assert.Equal(t, was, contents(t, "runs"))
	}
	for _, disk := range []*tightDisk{{room: 0}, {room: 100}, {room: 5_000}, {room: 40_000}, {room: 0, atEnd: true}, {room: 5_000, atEnd: true}} {
		disk.room += campaign.UsualRun
		what := fmt.Sprintf("%+v", *disk)
		code, out, errs := run(disk)
		assert.Equal(t, exitViolated, code, "%s: a violation counts for more than the failure to keep it", what)
		assert.Regexp(t, `^simfuzz: run: write run of seed \d+: .*(write|close) file: no space left on device\n$`, errs, what)
		assert.Equal(t, was, contents(t, "runs"), "%s: the earlier folders are what they were, and nothing half-written is left", what)
		assert.Regexp(t, `not kept: run: write run of seed \d+: (.*\s)*(write|close)\s+file:\s+no\s+space`, out, what)
		assert.Equal(t, 2, strings.Count(out, "\nseed "), "%s: both seeds are told", what)
		assert.Equal(t, 2, strings.Count(out, "shrunk to "), "%s: and what they shrink to", what)
		again := regexpFind(t, `run it again with:\nsimfuzz (run --seed \d+ --seeds 1 --faults .*)\n$`, out)
		code, out, _ = invoke(t, "", append(strings.Fields(again), "--keep=false")...)
		assert.Equal(t, exitViolated, code, "%s: %s", what, out)
	}
	// With room for one of them, that one is kept, and is the one to replay.
	first := 0
	for path, text := range was {
		if strings.HasPrefix(path, filepath.Dir(tapes[0])+"/") && !strings.HasSuffix(path, "shrunk.json") {
			first += len(text)
		}
	}
	require.NoError(t, os.RemoveAll("runs"))
	code, out, errs := run(&tightDisk{room: campaign.UsualRun + first + 10})
	assert.Equal(t, exitViolated, code)
	assert.Contains(t, errs, "no space left on device")
	assert.FileExists(t, tapes[0])
	assert.NoFileExists(t, tapes[1])
	assert.Contains(t, out, "kept in "+filepath.Dir(tapes[0]))
}

// A folder without room for anything is noticed before hours of work, unless the
// program itself is to keep nothing.
func TestRefusedFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("file", nil, 0o600))
	code, _, errs := invoke(t, "", "run", "--seeds", "1", "--out", "file/runs")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "simfuzz: run: --out file/runs: ")
	code, _, _ = invoke(t, "", "run", "--seeds", "1", "--out", "file/runs", "--keep=false")
	assert.Equal(t, exitOK, code)
}

// A small tape that cannot be written is an error of its own; the whole one stays.
func TestSmallTapeWithoutRoom(t *testing.T) {
	tape := failingTape(t)
	code, _, errs := invoke(t, "", "shrink", tape, "-o", filepath.Join(t.TempDir(), "no", "such", "folder", "s.json"))
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "simfuzz: shrink: ")
	assert.FileExists(t, tape)
}

// contents are the files below a folder, by path.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[filepath.ToSlash(path)] = string(text)
		return err
	}))
	return files
}
