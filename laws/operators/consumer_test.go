package operators_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goTest tests the module in the folder example, outside of any workspace.
func goTest(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command in PATH: the consumer module cannot be built")
	}
	cmd := exec.Command("go", append([]string{"test", "-mod=readonly", "./..."}, args...)...)
	cmd.Dir = "example"
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// A program in another module checks its own operator: right, it passes; wrong, it fails
// by the laws it breaks.
func TestConsumerModule(t *testing.T) {
	t.Run("right operator", func(t *testing.T) {
		stdout, stderr, err := goTest(t)
		assert.NoError(t, err, "%s%s", stdout, stderr)
		assert.Contains(t, stdout, "ok")
	})
	t.Run("wrong operator", func(t *testing.T) {
		stdout, stderr, err := goTest(t, "-tags=wrong", "-rapid.seed=1")
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "the wrong operator must fail its test: %s%s", stdout, stderr)
		assert.Contains(t, stdout, "law operator/duplicates does not hold")
		assert.Contains(t, stdout, "law operator/resume does not hold")
		assert.Contains(t, stdout, "go test -run '^TestCounter$/^operator$/^duplicates$' -rapid.seed=1")
		assert.Equal(t, 2, strings.Count(stdout, "where\n"), "two laws fail: %s", stdout)
	})
}
