package linearizability

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

func sharedFile(t *testing.T, format string, path ...string) *history.History {
	t.Helper()
	h, err := decodeFile(t, format, filepath.Join(append([]string{sharedHistories(t)}, path...)...))
	require.NoError(t, err)
	return h
}

// isolationLevels from weak to strong.
var isolationLevels = []string{"read-committed", "read-atomic", "transactional-causal"}

// requireStrongest demands that exactly the first n isolation levels hold.
func requireStrongest(t *testing.T, h *history.History, n int) {
	t.Helper()
	for i, level := range isolationLevels {
		v := mustCheck(t, h, level)
		want := OK
		if i >= n {
			want = Violation
		}
		require.Equal(t, want, v.Status, "%s: %v", h.Name, v)
		if want == Violation && i == n {
			t.Logf("%s: %v", h.Name, v)
		}
	}
}

// Plume's fourteen patterns. The i-th one is the l-th with its transactions and
// keys renamed (see TestPatternsIAndLAreTheSame), so no level can tell them
// apart: like l, and AWDIT's read-committed/biswas-enea, it holds read committed.
// The j-th one, a transaction that reads its own write and then another one, is the
// only one on which the two readings of OwnReads differ.
func TestPlumePatterns(t *testing.T) {
	differ := []string{}
	for _, p := range []struct {
		name          string
		always, plume int // levels that hold, of isolationLevels
	}{
		{"a", 0, 0}, {"b", 0, 0}, {"c", 0, 0}, {"d", 0, 0}, {"e", 0, 0}, {"f", 0, 0}, {"g", 0, 0}, {"h", 0, 0},
		{"i", 1, 1}, {"j", 0, 1}, {"k", 1, 1}, {"l", 1, 1}, {"m", 2, 2}, {"n", 2, 2},
	} {
		h := sharedFile(t, "plume", "plume", "tap", "tap-"+p.name+".txt")
		requireStrongest(t, h, p.always)
		if p.always != p.plume {
			differ = append(differ, p.name)
		}
		for own, n := range map[OwnReads]int{OwnReadsAlways: p.always, OwnReadsUntilRead: p.plume} {
			o := oracle.NewTransactions(h) // every commit order tried
			if own == OwnReadsUntilRead {
				o = oracle.NewPlumeTransactions(h)
			}
			require.Equal(t, []bool{n > 0, n > 1, n > 2}, []bool{o.ReadCommitted(), o.ReadAtomic(), o.Causal()}, h.Name)
			for i, level := range isolationLevels {
				v, err := JudgeWith(context.Background(), h, level, Options{OwnReads: own})
				require.NoError(t, err)
				require.Equal(t, i < n, v.Status == OK, "%s by %d: %v", h.Name, own, v)
			}
		}
	}
	require.Equal(t, []string{"j"}, differ)
}

func TestPatternsIAndLAreTheSame(t *testing.T) {
	// Exchange keys 1 and 2 and the first two sessions in the reads and writes of
	// i; what remains different is the order of the lines of sessions, and of two
	// blind writes within a transaction.
	shape := func(h *history.History, swap bool) string {
		var bySession [3][]string
		for _, o := range h.Ops {
			session, key, v := o.Session, o.Key, o.Arg
			if !o.IsPut() {
				v = o.Out
			}
			n, _ := v.AsInt()
			if swap {
				key = map[string]string{"1": "2", "2": "1"}[key]
				n = 3 - n
				if session < 2 {
					session = 1 - session
				}
			}
			bySession[session] = append(bySession[session], fmt.Sprint(o.Func, key, n))
		}
		for s := range 2 { // writes only, of different keys: their order is nobody's business
			if bySession[s][0] > bySession[s][1] {
				bySession[s][0], bySession[s][1] = bySession[s][1], bySession[s][0]
			}
		}
		return fmt.Sprint(bySession)
	}
	i := sharedFile(t, "plume", "plume", "tap", "tap-i.txt")
	l := sharedFile(t, "plume", "plume", "tap", "tap-l.txt")
	require.NotEqual(t, shape(l, false), shape(i, false))
	require.Equal(t, shape(l, false), shape(i, true))
	// A second opinion on both: every commit order tried.
	for _, h := range []*history.History{i, l} {
		o := oracle.NewTransactions(h)
		require.True(t, o.ReadCommitted(), h.Name)
		require.False(t, o.ReadAtomic(), h.Name)
		require.False(t, o.Causal(), h.Name)
	}
}

func TestPlumeBugs(t *testing.T) {
	for _, name := range []string{"antidote", "yugabyte"} {
		v := mustCheck(t, sharedFile(t, "plume", "plume", "bugs", name+".txt"), "transactional-causal")
		require.Equal(t, Violation, v.Status, name)
		t.Logf("%s: %v", name, v)
	}
}

func TestAwditHistories(t *testing.T) {
	shared := sharedHistories(t)
	for folder, n := range map[string]int{"none": 0, "read-committed": 1, "read-atomic": 2, "causal": 3} {
		for _, pattern := range []string{"*.txt", "generated/*.txt"} {
			files, err := filepath.Glob(filepath.Join(shared, "awdit", folder, pattern))
			require.NoError(t, err)
			for _, f := range files {
				h, err := decodeFile(t, "awdit", f)
				require.NoError(t, err)
				h.Name = strings.TrimPrefix(f, shared)
				requireStrongest(t, h, n)
			}
		}
	}
}

func TestCouchbaseSequential(t *testing.T) {
	for file, want := range map[string]Status{"linearizable": OK, "sequential": OK, "non-sequential": Violation} {
		v := mustCheck(t, sharedFile(t, "jepsen", "couchbase", "sample-history-"+file+".edn"), "sequential")
		require.Equal(t, want, v.Status, "%s: %v", file, v)
	}
}

// Real register histories, each decided by the fast checkers and by the plain
// twins, which close relations with Warshall's algorithm.
func TestRealRegisterHistories(t *testing.T) {
	t.Parallel()
	shared := sharedHistories(t)
	for _, db := range []string{"cockroach", "galera"} {
		files, err := filepath.Glob(filepath.Join(shared, "plume", db, "*.txt"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		counts := map[string]int{}
		for _, f := range files {
			h, err := decodeFile(t, "plume", f)
			require.NoError(t, err)
			plain, answer := oracle.NewPatterns(h)
			require.Equal(t, oracle.Allowed, answer, f)
			verdicts := ""
			for _, level := range []struct {
				name  string
				plain bool
			}{{"cc", plain.CC()}, {"cm", plain.CM()}, {"ccv", plain.CCv()}} {
				v := mustCheck(t, h, level.name)
				require.Equal(t, level.plain, v.Status == OK, "%s: %v", f, v)
				require.NotEqual(t, Undecided, v.Status)
				if v.Status == OK {
					verdicts += "T"
				} else {
					verdicts += "F"
					require.Contains(t, v.Reason, "WriteCOInitRead", "%s: %v", f, v)
					require.Len(t, v.Witness, 2, "%v", v)
				}
			}
			counts[verdicts]++
		}
		t.Logf("%s, CC/CM/CCv: %v of %d", db, counts, len(files))
		if db == "cockroach" {
			require.Equal(t, map[string]int{"TTT": len(files)}, counts)
		}
	}
}
