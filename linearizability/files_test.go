package linearizability

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

var update = flag.Bool("update", false, "rewrite golden files")

func decodeFile(t testing.TB, format, path string) (*history.History, error) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	return history.Decode(format, filepath.Base(path), f)
}

func mustCheck(t *testing.T, h *history.History, model string) Verdict {
	v, err := Judge(context.Background(), h, model, Budget{})
	require.NoError(t, err)
	if v.Status == Violation {
		require.NotEmpty(t, v.Witness)
		require.NotEmpty(t, v.Reason)
	} else {
		require.Empty(t, v.Witness)
	}
	require.NotContains(t, v.Reason, "%!")
	return v
}

// The etcd histories that ship with the porcupine module. The golden file
// carries the verdicts known from there; the counts stand in its documentation.
func TestEtcdHistories(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "test_data", "jepsen", "etcd_*.log"))
	require.NoError(t, err)
	require.Len(t, files, 103)
	var got strings.Builder
	counts := map[Status]int{}
	sizes := map[int]int{}
	for _, f := range files {
		h, err := decodeFile(t, "porcupine-etcd", f)
		if filepath.Base(f) == "etcd_095.log" {
			require.ErrorIs(t, err, history.ErrEmpty)
			continue
		}
		require.NoError(t, err)
		v := mustCheck(t, h, "cas-register")
		counts[v.Status]++
		sizes[len(v.Witness)]++
		fmt.Fprintf(&got, "%s %s\n", filepath.Base(f), v.Status)
	}
	t.Logf("verdicts %v, witness sizes %v", counts, sizes)
	require.Equal(t, map[Status]int{OK: 23, Violation: 79}, counts)
	golden := filepath.Join("testdata", "etcd-verdicts.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

// sharedHistories is the folder of real histories beside the checkout.
func sharedHistories(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod above the test")
		dir = parent
	}
	shared := filepath.Join(dir, "..", "shared", "histories")
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("the real histories are not beside this checkout: %v", err)
	}
	return shared
}

func TestKnossosHistories(t *testing.T) {
	shared := sharedHistories(t)
	for folder, want := range map[string]Status{"good": OK, "bad": Violation} {
		files, err := filepath.Glob(filepath.Join(shared, "knossos", folder, "*.edn"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, f := range files {
			h, err := decodeFile(t, "jepsen", f)
			require.NoError(t, err)
			v := mustCheck(t, h, "cas-register")
			require.Equal(t, want, v.Status, "%s: %v", f, v)
		}
		t.Logf("%d %s", len(files), folder)
	}
}

func TestCouchbaseHistories(t *testing.T) {
	shared := sharedHistories(t)
	for file, want := range map[string]Status{
		"sample-history-linearizable.edn":   OK,
		"sample-history-sequential.edn":     Violation,
		"sample-history-non-sequential.edn": Violation,
	} {
		h, err := decodeFile(t, "jepsen", filepath.Join(shared, "couchbase", file))
		require.NoError(t, err)
		for _, model := range []string{"linearizable-register", "cas-register"} {
			v := mustCheck(t, h, model)
			require.Equal(t, want, v.Status, "%s: %v", file, v)
			require.LessOrEqual(t, len(v.Witness), 3, "a stale read needs what it read, what came after, and itself")
		}
	}
}
