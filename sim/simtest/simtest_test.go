package simtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
)

// childVariable has TestChild, in another process of this test, fuzz a lease with a fault
// that it names. Fuzz takes nothing but a testing.T, so what it does to a test that fails
// can only be seen from outside.
const childVariable = "SIMTEST_CHILD_FAULT"

func TestChild(t *testing.T) {
	fault, err := strconv.Atoi(os.Getenv(childVariable))
	if err != nil {
		return // this is no child
	}
	Fuzz(t, lease.With(lease.Fault(fault)), Seeds(1, 1500), Workers(2))
}

// child runs TestChild in a folder.
func child(t *testing.T, dir string, fault lease.Fault, args ...string) (out string, passed bool) {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), executable, append([]string{"-test.v"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childVariable, fault))
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	return b.String(), err == nil
}

// TestFailuresAreKeptAndReplayedFirst: the first failing seed is shrunk, told and kept;
// the command printed replays it and nothing else; the next run replays it before
// anything else; and once it is mended, it passes.
func TestFailuresAreKeptAndReplayedFirst(t *testing.T) {
	dir := t.TempDir()
	out, passed := child(t, dir, lease.FromNow, "-test.run", "^TestChild$")
	require.False(t, passed, out)
	assert.Contains(t, out, "lease: seed 27 fails")
	assert.Contains(t, out, "always: used under an older lease after a newer one")
	assert.Contains(t, out, "shrunk to 2 operations, 1 fault and 0 choices of its own")
	assert.Regexp(t, `  \d+ at \d+ms n\d ask "" ""\n`, out)
	assert.Regexp(t, `  at .*s net.delay [0-9a-f]{16} \d\n`, out)
	assert.Contains(t, out, "──▶│", "a diagram")
	kept := filepath.Join("testdata", "sim", "lease", "seed-27.json")
	assert.Contains(t, out, "kept in "+kept)
	assert.FileExists(t, filepath.Join(dir, kept))

	command := regexp.MustCompile(`go test -run '(.*)'`).FindStringSubmatch(out)
	require.NotNil(t, command, out)
	out, passed = child(t, dir, lease.FromNow, "-test.run", command[1])
	require.False(t, passed)
	assert.Contains(t, out, "--- FAIL: TestChild/kept/seed-27")
	assert.NotContains(t, out, "TestChild/seeds", "it replays that alone")

	out, passed = child(t, dir, lease.FromNow, "-test.run", "^TestChild$")
	require.False(t, passed)
	assert.Less(t, strings.Index(out, "=== RUN   TestChild/kept/seed-27"), strings.Index(out, "=== RUN   TestChild/seeds"), out)

	out, passed = child(t, dir, lease.None, "-test.run", "^TestChild$")
	assert.True(t, passed, out)
	assert.Contains(t, out, "--- PASS: TestChild/kept/seed-27")
	assert.Contains(t, out, "1500 seeds from 1")
	assert.Contains(t, out, "75 seeds run twice with one trace")
	out, passed = child(t, dir, lease.None, "-test.run", "^TestChild$", "-test.short")
	assert.True(t, passed, out)
	assert.Contains(t, out, "300 seeds from 1", "a fifth")
}

// log is a test that is expected to fail.
type log struct {
	t      *testing.T
	name   string
	text   strings.Builder
	failed bool
}

func (l *log) Helper()                         {}
func (l *log) Name() string                    { return l.name }
func (l *log) Context() context.Context        { return l.t.Context() }
func (l *log) Logf(format string, args ...any) { fmt.Fprintf(&l.text, format+"\n", args...) }
func (l *log) Errorf(format string, args ...any) {
	l.Logf(format, args...)
	l.failed = true
}
func (l *log) Fatalf(format string, args ...any) { l.Errorf(format, args...) }

func run(t *testing.T, p campaign.Protocol, o options) *log {
	t.Helper()
	o.Failures, o.Options.Workers = 1, 1
	l := &log{t: t, name: "TestX/seeds"}
	fuzz(l, &p, o)
	return l
}

// unsteady is a lease whose actors mark what a map gives first, and send it.
func unsteady() campaign.Protocol {
	p := lease.Protocol()
	p.Kinds = append(p.Kinds, "word")
	inner := p.New
	p.New = func(r *campaign.Run) campaign.Instance {
		in := inner(r)
		make := in.Actor
		in.Actor = func(n sim.NodeID) sim.Actor { return &shuffler{make(n)} }
		return in
	}
	return p
}

type shuffler struct{ sim.Actor }

func (s *shuffler) Input(c *sim.Context, id uint64) {
	s.Actor.(sim.Inputter).Input(c, id)
	for word := range map[byte]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true} {
		c.Send((c.Self()+1)%3, 3, append(make([]byte, 16), word))
	}
}

// TestWhatIsSaid of failures that have no smaller form, cannot be kept, or are none of a
// seed.
func TestWhatIsSaid(t *testing.T) {
	l := run(t, unsteady(), options{Options: campaign.Options{Seeds: 60}, keep: true, dir: t.TempDir()})
	assert.True(t, l.failed)
	assert.Contains(t, l.text.String(), "one seed, two traces")
	assert.Contains(t, l.text.String(), "run it again with")

	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	l = run(t, lease.With(lease.FromNow), options{Options: campaign.Options{Seeds: 60}, keep: true, dir: blocked})
	assert.Contains(t, l.text.String(), "it is not kept: ")
	assert.Contains(t, l.text.String(), "go test -run '^TestX$/^seeds$' # with simtest.Seeds(27, 1)")

	p := lease.Protocol()
	p.Points = append(p.Points, "the moon was full")
	l = run(t, p, options{Options: campaign.Options{Seeds: 100}})
	assert.True(t, l.failed)
	assert.Contains(t, l.text.String(), "in 100 seeds never once: the moon was full")
	l = run(t, p, options{Options: campaign.Options{Seeds: 100}, partial: true})
	assert.False(t, l.failed, l.text.String())

	p.Name = "No Name"
	l = run(t, p, options{})
	assert.Contains(t, l.text.String(), "invalid protocol")
}

// TestHolds: a tape that cannot be read, or is of another protocol, fails a test.
func TestHolds(t *testing.T) {
	p := lease.Protocol()
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.json")
	require.NoError(t, os.WriteFile(foreign, []byte(`{"joinery_protocol_tape": 1, "protocol": "other"}`), 0o600))
	for path, what := range map[string]string{filepath.Join(dir, "none.json"): "no such file", foreign: "it is of protocol \"other\""} {
		l := &log{t: t}
		holds(l, &p, path)
		assert.True(t, l.failed)
		assert.Contains(t, l.text.String(), what)
	}
}

// TestOptionsThatCannotBe: they are told by name, and not taken for a default.
func TestOptionsThatCannotBe(t *testing.T) {
	var o options
	for _, opt := range []Option{Seeds(0, 5), Seeds(1, 0), Workers(0), Replays(-1), Seeds(3, 4), Workers(2), Replays(1)} {
		opt(&o)
	}
	require.Len(t, o.wrong, 4)
	assert.Equal(t, "Seeds(0, 5): want a first seed of 1 or more, and 1 seed or more", o.wrong[0])
	assert.Contains(t, o.wrong[1], "Seeds(1, 0)")
	assert.Contains(t, o.wrong[2], "Workers(0)")
	assert.Contains(t, o.wrong[3], "Replays(-1)")
}
