package campaign_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
)

// full is a disk with room for so many files.
type full struct{ files int }

func (f *full) create(path string) (io.WriteCloser, error) {
	if f.files--; f.files < 0 {
		return nil, &os.PathError{Op: "create", Path: "file", Err: syscall.ENOSPC}
	}
	return campaign.CreateFile(path)
}

// TestRunFolder: the folder of a failing run is private, complete, and there whole or not
// at all; where the disk is full, an earlier one of its seed stays.
func TestRunFolder(t *testing.T) {
	p := lease.With(lease.FromNow)
	res, _ := firstFailure(t, p, 500)
	out := &campaign.Folder{Dir: filepath.Join(t.TempDir(), "runs", "lease")}
	require.NoError(t, out.CheckWritable())
	assert.NoDirExists(t, filepath.Dir(out.Dir), "it leaves behind what it found")
	kept := campaign.Keep(t.Context(), out, p.Failing(res), 0)
	require.NoError(t, kept.Err)
	require.True(t, kept.Shrunk)
	folder := filepath.Dir(kept.Tape)
	for _, name := range []string{"tape.json", "shrunk.json", "violations.txt", "ops.txt", "trace.txt", "diagram.txt", "replay_test.go", "report.html"} {
		info, err := os.Stat(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Equal(t, campaign.FileMode, info.Mode().Perm(), name)
		assert.Positive(t, info.Size(), name)
	}
	was, err := os.ReadFile(kept.Tape)
	require.NoError(t, err)

	tight := &campaign.Folder{Dir: out.Dir, Create: (&full{files: 3}).create}
	again := campaign.Keep(t.Context(), tight, p.Failing(res), 0)
	require.ErrorIs(t, again.Err, syscall.ENOSPC)
	assert.Empty(t, again.Tape)
	assert.True(t, again.Shrunk, "what was found is told all the same")
	is, err := os.ReadFile(kept.Tape)
	require.NoError(t, err)
	assert.Equal(t, was, is)
	entries, err := os.ReadDir(out.Dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing half-written is left")
	require.ErrorIs(t, (&campaign.Folder{Dir: out.Dir, Create: (&full{}).create}).CheckWritable(), campaign.ErrNoRoom)
	blocked := filepath.Join(out.Dir, "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	require.Error(t, (&campaign.Folder{Dir: filepath.Join(blocked, "x")}).CheckWritable())

	all, first := campaign.KeepAll(t.Context(), &campaign.Folder{Dir: blocked}, []campaign.Failing[*campaign.Shrunk]{p.Failing(res), p.Failing(res)}, 0, nil)
	require.Error(t, first)
	assert.Len(t, all, 2)
}

func TestReplaceFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(path, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	names := func() (all []string) {
		entries, err := os.ReadDir("place")
		require.NoError(t, err)
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	write("new/a", "1")
	require.NoError(t, campaign.ReplaceFolder("new", "place"))
	assert.Equal(t, []string{"a"}, names())
	write("new/b", "2")
	require.NoError(t, campaign.ReplaceFolder("new", "place"))
	assert.Equal(t, []string{"b"}, names())
	require.Error(t, campaign.ReplaceFolder("none", "place"))
	assert.Equal(t, []string{"b"}, names(), "what cannot be replaced is what it was")

	write("file", "old")
	broken := errors.New("broken")
	require.ErrorIs(t, campaign.ReplaceFile("file", func(io.Writer) error { return broken }), broken)
	text, err := os.ReadFile("file")
	require.NoError(t, err)
	assert.Equal(t, "old", string(text))
}

// TestReplayTest: the test of a run folder compiles, and fails as long as the tape does.
func TestReplayTest(t *testing.T) {
	p := lease.With(lease.FromNow)
	res, _ := firstFailure(t, p, 500)
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	dir, err := os.MkdirTemp("testdata", "run-of-a-test-*") // it must lie in this module
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	kept := campaign.Keep(t.Context(), &campaign.Folder{Dir: dir}, p.Failing(res), 0)
	require.NoError(t, kept.Err)
	said, err := exec.CommandContext(t.Context(), "go", "test", "-tags", campaign.TestTag, "./"+filepath.Dir(kept.Tape)).CombinedOutput()
	require.NoError(t, err, "the lease as it should be holds: %s", said)
	assert.Contains(t, string(said), "ok")
	p.Import = ""
	require.ErrorIs(t, p.WriteTest(io.Discard, &campaign.Tape{}, "tape.json"), campaign.ErrProtocol)
}

// TestAnyFunctionIsKept: a run whose operations a recorded history has no form for is kept
// with all else, and with what was recorded in words.
func TestAnyFunctionIsKept(t *testing.T) {
	p := lease.With(lease.FromNow)
	began := p.New
	p.New = func(r *campaign.Run) campaign.Instance {
		in := began(r)
		actor := in.Actor
		in.Actor = func(n sim.NodeID) sim.Actor { return caller{actor(n), r} }
		return in
	}
	plan := p.Plan
	p.Plan = func(pl *campaign.Plan) {
		plan(pl)
		pl.Add(campaign.Op{At: sim.Millisecond, Func: "inc", Arg: "not a number"})
	}
	res, _ := firstFailure(t, p, 500)
	out := &campaign.Folder{Dir: t.TempDir()}
	kept := campaign.Keep(t.Context(), out, p.Failing(res), 0)
	require.NoError(t, kept.Err)
	said, err := os.ReadFile(filepath.Join(filepath.Dir(kept.Tape), "history.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(said), "not written as history.jsonl: ")
	assert.Contains(t, string(said), "not a number")
	assert.NoFileExists(t, filepath.Join(filepath.Dir(kept.Tape), "history.jsonl"))
}

// caller records each operation as one of a counter before its actor has it.
type caller struct {
	sim.Actor
	run *campaign.Run
}

func (a caller) Input(c *sim.Context, id uint64) {
	a.run.Call(c, id, history.Counter)
	if o := a.run.Op(id); o.Func != "inc" {
		a.Actor.(sim.Inputter).Input(c, id)
	}
}

// interrupting is a failing run during whose shrinking, or page, the user interrupts.
type interrupting struct {
	seed      uint64
	inPage    bool
	interrupt func()
	calls     *[]string
}

func (r *interrupting) did(what string) {
	*r.calls = append(*r.calls, fmt.Sprintf("%s %d", what, r.seed))
}

func (r *interrupting) Seed() uint64 { return r.seed }

func (r *interrupting) Record(ctx context.Context) (campaign.Recording, error) {
	r.did("record")
	return campaign.Recording{Whole: true, Files: []campaign.File{{Name: campaign.TapeFile, Write: func(io.Writer) error { return nil }}}}, ctx.Err()
}

func (r *interrupting) Shrink(ctx context.Context, _ int) (string, func(io.Writer) error, error) {
	r.did("shrink")
	if !r.inPage {
		r.interrupt()
	}
	return "small", func(io.Writer) error { return nil }, nil // the smallest by then
}

func (r *interrupting) Page(ctx context.Context, _ string) (func(io.Writer) error, error) {
	r.did("page")
	r.interrupt()
	return func(io.Writer) error { return nil }, nil // without what takes long
}

// TestKeepingEnds: runs for which there is no time are left, and say so; the others are kept.
func TestKeepingEnds(t *testing.T) {
	var calls []string
	var runs []campaign.Failing[string]
	for seed := range uint64(3) {
		runs = append(runs, &interrupting{seed + 1, false, func() {}, &calls})
	}
	var asked []int
	all, err := campaign.KeepAll(t.Context(), &campaign.Folder{Dir: t.TempDir()}, runs, 10, func(n int) bool {
		asked = append(asked, n)
		return n < 1
	})
	require.NoError(t, err, "what is left is no error of the keeping")
	assert.Equal(t, []int{0, 1}, asked)
	require.Len(t, all, 3)
	assert.FileExists(t, all[0].Tape)
	for _, one := range all[1:] {
		assert.Empty(t, one.Tape)
		assert.ErrorIs(t, one.Err, campaign.ErrLeft)
	}
}

// TestInterruptedKeeping: an interrupt ends shrinking and pages, of the run that is being
// kept and of those after it, and what is there is kept: a tape of every run.
func TestInterruptedKeeping(t *testing.T) {
	for inPage, want := range map[bool][]string{
		false: {"record 1", "shrink 1", "record 2"},
		true:  {"record 1", "shrink 1", "page 1", "record 2"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		var calls []string
		var runs []campaign.Failing[string]
		for seed := range uint64(2) {
			runs = append(runs, &interrupting{seed + 1, inPage, cancel, &calls})
		}
		dir := t.TempDir()
		all, err := campaign.KeepAll(ctx, &campaign.Folder{Dir: dir}, runs, 10, nil)
		require.NoError(t, err)
		assert.Equal(t, want, calls)
		assert.FileExists(t, all[0].Small, "what it had come to")
		assert.FileExists(t, all[1].Tape)
		assert.Empty(t, all[1].Small)
		_, err = os.Stat(filepath.Join(dir, "seed-1", campaign.ReportFile))
		assert.Equal(t, inPage, err == nil)
	}
}
