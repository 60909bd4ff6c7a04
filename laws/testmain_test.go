package laws_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// TestMain keeps rapid from writing fail files for the failures that tests here
// provoke on purpose.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "make it with go test -update")
	assert.Equal(t, string(want), got)
}

// fixSeed fixes rapid's seed for the rest of the test. Tests that use it must not
// run in parallel.
func fixSeed(t *testing.T, seed string) {
	t.Helper()
	fixFlag(t, "rapid.seed", seed)
}

// fixFlag sets a flag for the rest of the test.
func fixFlag(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
}

// tape is a rapid.TB that keeps what it is told.
type tape struct {
	name   string
	lines  []string
	failed bool
}

type stopped struct{}

// run calls f until it returns or gives up through FailNow.
func (r *tape) run(f func()) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(stopped); !ok {
				panic(v)
			}
		}
	}()
	f()
}

func (r *tape) text() string { return strings.Join(r.lines, "\n") + "\n" }
func (r *tape) add(s string) { r.lines = append(r.lines, s) }

func (r *tape) Helper()                           {}
func (r *tape) Name() string                      { return r.name }
func (r *tape) Logf(format string, args ...any)   { r.add(fmt.Sprintf(format, args...)) }
func (r *tape) Log(args ...any)                   { r.add(fmt.Sprint(args...)) }
func (r *tape) Skipf(format string, args ...any)  { r.Logf(format, args...); r.SkipNow() }
func (r *tape) Skip(args ...any)                  { r.Log(args...); r.SkipNow() }
func (r *tape) SkipNow()                          { panic(stopped{}) }
func (r *tape) Errorf(format string, args ...any) { r.Logf(format, args...); r.Fail() }
func (r *tape) Error(args ...any)                 { r.Log(args...); r.Fail() }
func (r *tape) Fatalf(format string, args ...any) { r.Logf(format, args...); r.FailNow() }
func (r *tape) Fatal(args ...any)                 { r.Log(args...); r.FailNow() }
func (r *tape) FailNow()                          { r.failed = true; panic(stopped{}) }
func (r *tape) Fail()                             { r.failed = true }
func (r *tape) Failed() bool                      { return r.failed }

var _ rapid.TB = (*tape)(nil)

// recorder is a testing.TB that keeps what it is told to fail with.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
	panic(stopped{})
}
