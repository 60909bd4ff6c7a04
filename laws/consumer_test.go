package laws_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	consumer = "example" // the folder of a module of its own that imports laws
	joinery  = "github.com/joinery-go/joinery"
)

// goTool runs the go command in dir, outside of any workspace.
func goTool(t *testing.T, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command in PATH: the consumer module cannot be built")
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// A program in another module checks its own merge: right, it passes; wrong, it
// fails by the law it breaks.
func TestConsumerModule(t *testing.T) {
	t.Parallel()
	t.Run("right merge", func(t *testing.T) {
		stdout, stderr, err := goTool(t, consumer, "test", "-vet=off", "-mod=readonly", "./...", "-rapid.checks=200")
		assert.NoError(t, err, "%s%s", stdout, stderr)
		assert.Contains(t, stdout, "ok")
	})
	t.Run("wrong merge", func(t *testing.T) {
		stdout, stderr, err := goTool(t, consumer, "test", "-vet=off", "-mod=readonly", "-tags=wrong", ".", "-rapid.nofailfile", "-rapid.seed=1")
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "the wrong merge must fail its test: %s%s", stdout, stderr)
		assert.Contains(t, stdout, "law semilattice/commutative does not hold")
		assert.Contains(t, stdout, "a ⊔ b = b ⊔ a")
		assert.Contains(t, stdout, "go test -run '^TestMerge$/^semilattice$/^commutative$' -rapid.seed=1")
		assert.Equal(t, 1, strings.Count(stdout, "where\n"), "one law fails: %s", stdout)
	})
}

// failingLine finds the subtests that failed and have none of their own.
var failingLine = regexp.MustCompile(`(?m)^ +--- FAIL: (\S+) `)

// The same with one line for each of the other doors: right, all pass; wrong, each names
// the laws that its fault breaks.
func TestConsumerDoors(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := goTool(t, consumer, "test", "-vet=off", "-mod=readonly", "-tags=wrong", "./doors", "-rapid.nofailfile", "-rapid.seed=1", "-rapid.checks=200")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "the wrong merges must fail their tests: %s%s", stdout, stderr)
	var failing []string
	for _, m := range failingLine.FindAllStringSubmatch(stdout, -1) {
		failing = append(failing, m[1])
	}
	assert.Equal(t, []string{
		"TestMonoid/monoid/associative",
		"TestBand/band/idempotent",
		"TestMethod/method/change-empty", "TestMethod/method/change-least",
		"TestCodec/codec/round-trip",
		"TestMorphism/morphism/joins",
		"TestMonotone/monotone/order",
		"TestOrder/order/antisymmetric", "TestOrder/order/agrees",
		"TestDelta/updates/delta", "TestDelta/updates/as-states",
		"TestConverge/exhaustive",
		"TestConvergeOps/exhaustive",
	}, failing, stdout)
	assert.Contains(t, stdout, "law converge/model does not hold")
	assert.Contains(t, stdout, "law ops/commute does not hold")
	assert.Contains(t, stdout, "again  go test -run '^TestConverge$/^exhaustive$'")
}

// What a consumer takes on by importing laws: this module, rapid, and what the
// lattices themselves import.
func TestConsumerRequiresLittle(t *testing.T) {
	stdout, stderr, err := goTool(t, consumer, "mod", "edit", "-json")
	require.NoError(t, err, stderr)
	var mod struct{ Require []struct{ Path string } }
	require.NoError(t, json.Unmarshal([]byte(stdout), &mod))

	allowed := append(modulesOf(t, "../lattice/..."), joinery, "pgregory.net/rapid")
	for _, r := range mod.Require {
		assert.Contains(t, allowed, r.Path)
	}
	built, stderr, err := goTool(t, consumer, "list", "-mod=readonly", "-deps", "-test", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	require.NoError(t, err, stderr)
	allowed = append(allowed, "example.com/bookmarks")
	for _, path := range strings.Fields(built) {
		assert.Contains(t, allowed, path)
	}
}

// modulesOf lists the modules that the packages import, without their tests.
func modulesOf(t *testing.T, packages string) []string {
	t.Helper()
	stdout, stderr, err := goTool(t, ".", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", packages)
	require.NoError(t, err, stderr)
	modules := strings.Fields(stdout)
	slices.Sort(modules)
	return slices.Compact(modules)
}
