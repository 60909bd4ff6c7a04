package linearizability

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// publicFolder has checkouts of the repositories that PUBLIC.md names, by owner and name
// joined with a plus sign.
var publicFolder = flag.String("public", "", "folder with checkouts of public repositories of histories, see PUBLIC.md")

// publicHistories are the files of PUBLIC.md: at which level each is judged, what its
// source says of it, and what this package says.
var publicHistories = []struct {
	repo, file, level string
	source, ours      Status
}{
	{"jepsen-io+elle", "histories/si-without-g-single.edn", "repeatable-read", Violation, Violation},
	{"jepsen-io+elle", "histories/si-without-g-single.edn", "pl-si", OK, OK},
	{"jepsen-io+elle", "histories/huge-scc.edn", "strict-serializable", Violation, Violation},
	{"jepsen-io+elle", "histories/paper-example.edn", "pl-si", Violation, Violation},
	{"ligurio+elle-cli", "histories/elle/paper-example.edn", "pl-si", Violation, Violation},
	{"ligurio+elle-cli", "histories/elle/paper-example.json", "pl-si", Violation, Violation},
	{"ligurio+elle-cli", "histories/elle/list-append-gh-30.edn", "repeatable-read", Violation, Violation},
	{"ligurio+elle-cli", "histories/elle/rw-register.edn", "repeatable-read", OK, Violation},
	{"ligurio+elle-cli", "histories/elle/rw-register.json", "repeatable-read", OK, Violation},
	{"hengxin+PolySI-PVLDB2023-Artifacts", "artifact/PolySIHistories/violations/dgraph/history.bincode", "snapshot-isolation", Violation, Violation},
	{"hengxin+PolySI-PVLDB2023-Artifacts", "artifact/PolySIHistories/violations/galera/galera.txt", "snapshot-isolation", Violation, Violation},
	{"hengxin+PolySI-PVLDB2023-Artifacts", "artifact/PolySIHistories/violations/yugabyte/yugabyte.txt", "snapshot-isolation", Violation, Violation},
	{"hengxin+PolySI-PVLDB2023-Artifacts", "artifact/PolySIHistories/fig7/20_100_15_1000_0.5_uniform/hist-00000/history.bincode", "snapshot-isolation", OK, OK},
}

func TestPublicTransactions(t *testing.T) {
	if *publicFolder == "" {
		t.Skip("no checkouts of public histories: name their folder with -public")
	}
	for _, c := range publicHistories {
		t.Run(c.file+"/"+c.level, func(t *testing.T) {
			f, err := os.Open(filepath.Join(*publicFolder, c.repo, filepath.FromSlash(c.file)))
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			h, err := history.Decode(history.Auto, c.file, f)
			require.NoError(t, err)
			v := mustCheck(t, h, c.level)
			require.Equal(t, c.ours, v.Status, "%v", v)
			t.Log(fmt.Sprintf("the source says %s; ", c.source), v)
		})
	}
}
