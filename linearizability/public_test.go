package linearizability

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// publicFolder has checkouts of the repositories that PUBLIC.md names, by owner and name
// joined with a plus sign.
var publicFolder = flag.String("public", "", "folder with checkouts of public repositories of histories, see PUBLIC.md")

// public is a row of PUBLIC.md: files, at which level each is judged, what their source says
// of them, and what this package says.
type public struct {
	repo, files  string // a pattern, or with joined a folder
	count        int
	level        string
	source, ours Status
	except       map[string]Status // by name of the file
	refused      error             // what all of them are refused for, instead
	read         history.Options
	joined       bool // the logs of the folder are one history
	slow         bool // only with -long
}

const (
	elle    = "jepsen-io+elle"
	knossos = "jepsen-io+knossos"
	elleCLI = "ligurio+elle-cli"
	polySI  = "hengxin+PolySI-PVLDB2023-Artifacts"
	viper   = "Khoury-srg+Viper"
	awdit   = "lassemoldrup+AWDIT"

	polySIFiles = "artifact/PolySIHistories/"
	viperFiles  = "resources/elle-cli-0.1.3/histories/"
	awditFiles  = "histories/tests/"
)

// inElleCLI are the files of elle-cli, of which Viper has a copy of some.
func inElleCLI(repo, folder string, copied bool) []public {
	values := history.Options{Pairs: history.PairsAreValues}
	rows := []public{
		{repo: repo, files: "elle/paper-example.*", count: 2, level: "pl-si", source: Violation, ours: Violation},
		{repo: repo, files: "elle/list-append-gh-30.edn", count: 1, level: "repeatable-read", source: Violation, ours: Violation},
		{repo: repo, files: "elle/rw-register.*", count: 2, level: "repeatable-read", source: OK, ours: Violation},
		{repo: repo, files: "knossos/cas-register/bad/*.edn", count: 6, level: "cas-register", source: Violation, ours: Violation},
		{repo: repo, files: "knossos/cas-register/good/memstress3-9.*", count: 2, level: "cas-register", source: OK, ours: OK},
		{repo: repo, files: "knossos/mutex/bad/etcd.*", count: 2, level: "mutex", source: Violation, ours: Violation},
		{repo: repo, files: "jepsen/bank.*", count: 2, level: "bank", source: OK, ours: OK},
		{repo: repo, files: "jepsen/counter.*", count: 2, level: "counter", source: OK, ours: Inconclusive},
		{repo: repo, files: "jepsen/set_full.*", count: 2, level: "set-full", source: Violation, refused: history.ErrAmbiguous},
		{repo: repo, files: "jepsen/set_full.*", count: 2, level: "set-full", source: Violation, ours: Violation, read: values},
	}
	if !copied {
		rows = append(rows, []public{
			{repo: repo, files: "jepsen/set.edn", count: 1, level: "set", source: OK, ours: OK},
			{repo: repo, files: "jepsen/bank-tidb.edn", count: 1, level: "bank", source: Violation, ours: Violation},
			{repo: repo, files: "jepsen/bank-neg.edn", count: 1, level: "bank", source: OK, ours: OK},
			{repo: repo, files: "jepsen/bank-negative-balances.json", count: 1, level: "bank", source: Violation, ours: Violation},
			{repo: repo, files: "jepsen/long-fork.edn", count: 1, level: "prefix", source: Violation, ours: Violation},
			{repo: repo, files: "custom/comments.edn", count: 1, refused: history.ErrFormat},
		}...)
	}
	for n := range rows {
		rows[n].files = folder + rows[n].files
	}
	return rows
}

func publicHistories() []public {
	nothing := map[string]Status{"mongodb-v0-ack-rollback-9.edn": Inconclusive, "mongodb-v0-ack-rollback-10.edn": Inconclusive, "mongodb-v0-ack-rollback-11.edn": Inconclusive}
	rows := []public{
		{repo: elle, files: "histories/si-without-g-single.edn", count: 1, level: "repeatable-read", source: Violation, ours: Violation},
		{repo: elle, files: "histories/si-without-g-single.edn", count: 1, level: "pl-si", source: OK, ours: OK},
		{repo: elle, files: "histories/huge-scc.edn", count: 1, level: "strict-serializable", source: Violation, ours: Violation},
		{repo: elle, files: "histories/paper-example.edn", count: 1, level: "pl-si", source: Violation, ours: Violation},

		{repo: knossos, files: "data/cas-register/good/*[^\\-].edn", count: 112, level: "cas-register", source: OK, ours: OK, except: nothing},
		{repo: knossos, files: "data/cas-register/good/*-.edn", count: 1, refused: history.ErrEmpty},
		{repo: knossos, files: "data/cas-register/bad/*.edn", count: 7, level: "cas-register", source: Violation, ours: Violation},
		{repo: knossos, files: "data/mutex/bad/etcd.edn", count: 1, level: "mutex", source: Violation, ours: Violation},
		{repo: knossos, files: "data/multi-register/good/*.edn", count: 1, level: "strict-serializable", source: OK, ours: OK, read: history.Options{Initial: history.Int(0)}},

		{repo: polySI, files: polySIFiles + "violations/dgraph/history.bincode", count: 1, level: "snapshot-isolation", source: Violation, ours: Violation},
		{repo: polySI, files: polySIFiles + "violations/galera/galera.txt", count: 1, level: "snapshot-isolation", source: Violation, ours: Violation},
		{repo: polySI, files: polySIFiles + "violations/yugabyte/yugabyte.txt", count: 1, level: "snapshot-isolation", source: Violation, ours: Violation},
		{repo: polySI, files: polySIFiles + "fig7/20_100_15_1000_0.5_uniform/*/history.bincode", count: 3, level: "snapshot-isolation", source: OK, ours: OK},
		{repo: polySI, files: polySIFiles + "fig7/*_0_uniform/*/history.bincode", count: 3, level: "snapshot-isolation", source: OK, ours: Inconclusive},
		{repo: polySI, files: polySIFiles + "fig7/*_1_uniform/*/history.bincode", count: 3, level: "snapshot-isolation", source: OK, ours: OK, slow: true},
		{repo: polySI, files: polySIFiles + "fig7/*_0.*_uniform/*/history.bincode", count: 81, level: "snapshot-isolation", source: OK, ours: OK, slow: true},
		{repo: polySI, files: polySIFiles + "fig7/*_[hz]*/*/history.bincode", count: 6, level: "snapshot-isolation", source: OK, ours: OK, slow: true},
		{repo: polySI, files: polySIFiles + "fig8_9_10/25_400_8_10000_0.[59]*/*/history.bincode", count: 2, level: "snapshot-isolation", source: OK, ours: OK, slow: true},
		{repo: polySI, files: polySIFiles + "fig8_9_10/rubis-10000/hist-00000", joined: true, level: "snapshot-isolation", source: OK, ours: OK},
		{repo: polySI, files: polySIFiles + "fig8_9_10/tpcc-10000/hist-00000", joined: true, level: "snapshot-isolation", source: OK, ours: OK},
		{repo: polySI, files: polySIFiles + "fig8_9_10/twitter-10000/hist-00000", joined: true, level: "snapshot-isolation", source: OK, ours: OK},

		{repo: "anishathalye+porcupine", files: "test_data/kv/*-ok.txt", count: 3, level: "linearizable", source: OK, ours: OK},
		{repo: "anishathalye+porcupine", files: "test_data/kv/*-bad.txt", count: 3, level: "linearizable", source: Violation, ours: Violation},
	}
	levels := []string{"read-committed", "read-atomic", "transactional-causal"}
	for strongest, folder := range map[int]string{-1: "none", 0: "read-committed", 1: "read-atomic", 2: "causal"} {
		for n, level := range levels {
			says := OK
			if n > strongest {
				says = Violation
			}
			for pattern, count := range map[string][]int{"*.txt": {1, 3, 2, 3}, "generated/*.txt": {0, 5, 5, 3}} {
				if of := count[strongest+1]; of > 0 {
					rows = append(rows, public{repo: awdit, files: awditFiles + folder + "/" + pattern, count: of, level: level, source: says, ours: says})
				}
			}
		}
	}
	return append(append(rows, inElleCLI(elleCLI, "histories/", false)...), inElleCLI(viper, viperFiles, true)...)
}

func TestPublicTransactions(t *testing.T) {
	if *publicFolder == "" {
		t.Skip("no checkouts of public histories: name their folder with -public")
	}
	agree, differ := 0, 0
	for _, c := range publicHistories() {
		if c.slow && !*long {
			continue
		}
		t.Run(c.files+"/"+c.level, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(*publicFolder, c.repo, filepath.FromSlash(c.files)))
			require.NoError(t, err)
			if c.joined {
				v := mustCheck(t, joinedLogs(t, files[0]), c.level)
				require.Equal(t, c.ours, v.Status, "%v", v)
				agree++
				return
			}
			require.Len(t, files, c.count)
			for _, f := range files {
				h, err := decodedWith(f, c.read)
				if c.refused != nil {
					require.ErrorIs(t, err, c.refused, f)
					differ++
					continue
				}
				require.NoError(t, err)
				want, excepted := c.except[filepath.Base(f)]
				if !excepted {
					want = c.ours
				}
				v := mustCheck(t, h, c.level)
				require.Equal(t, want, v.Status, "%s: %v", f, v)
				if v.Status == c.source {
					agree++
				} else {
					differ++
					t.Logf("%s: the source says %s; %v", filepath.Base(f), c.source, v)
				}
			}
		})
	}
	t.Logf("%d verdicts are those of the sources, %d differ or are refused", agree, differ)
}

func decodedWith(path string, o history.Options) (_ *history.History, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	d, err := history.DecodeWith(history.Auto, filepath.Base(path), f, o)
	if err != nil {
		return nil, err
	}
	return d.History, nil
}

// joinedLogs is what the clients of a folder recorded, a log each.
func joinedLogs(t *testing.T, folder string) *history.History {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(folder, "*.log"))
	require.NoError(t, err)
	var parts []*history.Decoded
	for _, log := range logs {
		f, err := os.Open(log)
		require.NoError(t, err)
		d, err := history.DecodeWith("cobra", filepath.Base(log), f, history.Options{})
		require.NoError(t, errors.Join(err, f.Close()))
		parts = append(parts, d)
	}
	d, _, err := history.Join(folder, parts)
	require.NoError(t, err)
	return d.History
}
