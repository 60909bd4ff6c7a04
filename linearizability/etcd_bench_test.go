package linearizability

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// etcdHistories are the 102 that ship with porcupine, in order.
func etcdHistories(t testing.TB) (all []*history.History) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "test_data", "jepsen", "etcd_*.log"))
	require.NoError(t, err)
	for _, path := range files {
		if filepath.Base(path) == "etcd_095.log" { // empty
			continue
		}
		f, err := os.Open(path)
		require.NoError(t, err)
		h, err := history.Decode("porcupine-etcd", filepath.Base(path), f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		all = append(all, h)
	}
	require.Len(t, all, 102)
	return all
}

// The 102 etcd histories, by porcupine alone and by Judge.
func BenchmarkEtcd(b *testing.B) {
	all := etcdHistories(b)
	b.Run("porcupine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, h := range all {
				p, err := models.CASRegister().Prepare(h)
				require.NoError(b, err)
				for _, part := range p.Parts {
					porcupine.CheckOperations(p.Spec, part.Ops)
				}
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, h := range all {
				_, err := Judge(context.Background(), h, "cas-register", Budget{})
				require.NoError(b, err)
			}
		}
	})
}
