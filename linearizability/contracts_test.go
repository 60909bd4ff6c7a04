package linearizability

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/contract"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

func isContract(model string) bool {
	return model == "mutex" || model == "etcd" || slices.ContainsFunc(contract.All(), func(c contract.Contract) bool { return c.Name == model })
}

func decodeJepsen(t *testing.T, text string) *history.History {
	t.Helper()
	h, err := history.Decode("jepsen", "x.edn", strings.NewReader(text))
	require.NoError(t, err)
	return h
}

// The verdicts of contracts: what is told, and what stands in the witness.
func TestContractVerdicts(t *testing.T) {
	queue := decodeJepsen(t, `
{:process 0 :type :invoke :f :enqueue :value 1} {:process 0 :type :ok :f :enqueue :value 1}
{:process 1 :type :invoke :f :enqueue :value 2} {:process 1 :type :info :f :enqueue :value 2}
{:process 2 :type :invoke :f :dequeue :value nil} {:process 2 :type :ok :f :dequeue :value 1}
{:process 3 :type :invoke :f :dequeue :value nil} {:process 3 :type :ok :f :dequeue :value 1}`)
	v := mustCheck(t, queue, "total-queue")
	require.Equal(t, OK, v.Status)
	require.Equal(t, `queue "": duplicated 1; 1 came out 2 times and was put in once, which total-queue allows`, v.Hint)
	v = mustCheck(t, queue, "queue")
	require.Equal(t, Violation, v.Status)
	require.Equal(t, `queue: violation: queue "": duplicated 1; #3 took out 1, which had come out once before and was put in once
  #0 s0 [1,2] queue "" enqueue 1 ok
  #2 s2 [5,6] queue "" dequeue -> 1 ok
  #3 s3 [7,8] queue "" dequeue -> 1 ok`, v.String())
	report, err := Levels(context.Background(), queue, Budget{})
	require.NoError(t, err)
	require.Equal(t, []string{"queue"}, report.Broken)
	require.Empty(t, report.Open)

	taken := decodeJepsen(t, `{:process 0 :type :invoke :f :enqueue :value 1} {:process 0 :type :ok :f :enqueue :value 1}
{:process 1 :type :invoke :f :dequeue :value nil} {:process 1 :type :info :f :dequeue :value nil}`)
	v = mustCheck(t, taken, "total-queue")
	require.Equal(t, Violation, v.Status)
	require.Contains(t, v.Reason, "#0 put in 1, which never came out (dequeues of unknown outcome, the first of them #1, count as taking out nothing, as in Jepsen, though one may have)")

	locks := decodeJepsen(t, `{:process 0 :type :invoke :f :acquire} {:process 0 :type :ok :f :acquire}
{:process 1 :type :invoke :f :acquire} {:process 1 :type :ok :f :acquire}`)
	require.Equal(t, "      s0        s1\n#0     acquire\n#1               acquire\n", mustCheck(t, locks, "lock").Diagram())

	never := decodeJepsen(t, `{:process 0 :type :invoke :f :add :value 1} {:process 0 :type :ok :f :add :value 1}
{:process 0 :type :invoke :f :remove :value 2}`)
	_, err = Judge(context.Background(), never, "set", Budget{})
	require.ErrorIs(t, err, models.ErrUnsupported)
	never.Ops = never.Ops[:1]
	v = mustCheck(t, never, "set")
	require.Equal(t, Inconclusive, v.Status)
	require.Equal(t, `set "" was never read`, v.Reason)
}

// Small histories that were once judged or refused wrongly, each with its right answer:
// what holds and what is broken of the levels that fit it, and the options with which.
func TestFindings(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(sharedHistories(t), "..", "findings", "histories")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the findings are not beside this checkout: %v", err)
	}
	for _, c := range []struct {
		file          string
		o             history.Options
		holds, broken string
	}{
		{"failcas-did-not-happen.edn", history.Options{}, "linearizable-register", ""},
		{"failcas-did-not-happen.edn", history.Options{FailedCAS: history.FailedCASMismatch}, "sequential", "cas-register"},
		{"write-completion-differs.edn", history.Options{}, "linearizable-register", ""},
		{"cas-completion.edn", history.Options{}, "cas-register", ""},
		{"keyed-completion.edn", history.Options{}, "linearizable-register", ""},
		{"initial-0.edn", history.Options{}, "", "mw"},
		{"initial-0.edn", history.Options{Initial: history.Int(0)}, "linearizable-register", ""},
		{"list-register.edn", history.Options{}, "linearizable-register", ""},
		{"float.edn", history.Options{}, "linearizable-register", ""},
		{"pram-holds-ryw-broken.jsonl", history.Options{}, "cm", "ccv"},
		{"ryw-three.jsonl", history.Options{}, "mr wfr", "ryw"},
		{"knossos-10.edn", history.Options{}, "linearizable-register", ""},
		{"queue-lost.jsonl", history.Options{}, "queue", "linearizable"},
		{"time-81ns-back.edn", history.Options{}, "linearizable-register", ""},
		{"mixed-f.edn", history.Options{Ignore: []string{"start-stage"}}, "linearizable-register", ""},
		{"unsorted-by-call.jsonl", history.Options{}, "linearizable-register", ""},
		{"bom.jsonl", history.Options{}, "linearizable-register", ""},
		{"crlf.jsonl.gz", history.Options{}, "linearizable-register", ""},
		{"nilread-after-write.edn", history.Options{}, "mr wfr", "ryw"},
		{"nilread-after-write.edn", history.Options{NilReads: history.NilIsUnknown}, "", ""},
		{"pending-40.jsonl", history.Options{}, "linearizable-register", ""},
		{"bank.edn", history.Options{}, "bank", ""},
		{"jepsen-126-queue.edn", history.Options{}, "linearizable", ""},
		{"call-eq-return.jsonl", history.Options{}, "", ""},
		{"string-session.jsonl", history.Options{}, "", ""},
		{"float-value.jsonl", history.Options{}, "", ""},
		{"bool-value.jsonl", history.Options{}, "", ""},
		{"object-value.jsonl", history.Options{}, "", ""},
		{"extra-field.jsonl", history.Options{}, "", ""},
	} {
		f, err := os.Open(filepath.Join(dir, c.file))
		require.NoError(t, err)
		d, err := history.DecodeWith(history.Auto, c.file, f, c.o)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		report, err := Levels(context.Background(), d.History, Budget{})
		require.NoError(t, err)
		require.Equal(t, c.holds, strings.Join(report.Holds, " "), c.file)
		require.Equal(t, c.broken, strings.Join(report.Broken, " "), c.file)
		require.Equal(t, observes(d.History), len(report.Open) == 0, "%s: %v", c.file, report.Open)
	}
}

// A history of one type is judged at the levels of that type, and one of several not as
// if it were of the first.
func TestLevelsOfTypes(t *testing.T) {
	op := func(i int, typ history.Type, fn history.Func) history.Op {
		return history.Op{Index: i, Session: i, Type: typ, Func: fn, Call: int64(i), Return: int64(i)}
	}
	for typ, l := range contractHierarchies {
		for _, level := range l {
			require.True(t, Known(level.level), "%s of %s", level.level, typ)
		}
	}
	require.Equal(t, drainedQueue, onlyType(&history.History{Ops: []history.Op{op(0, history.Queue, history.Enqueue), op(1, history.Queue, history.Drain)}}))
	mixed := &history.History{Ops: []history.Op{op(0, history.Lock, history.Acquire), op(1, history.Bank, history.Transfer)}}
	require.Empty(t, onlyType(mixed))
	require.Empty(t, onlyType(&history.History{}))
	_, err := Levels(context.Background(), mixed, Budget{})
	require.ErrorIs(t, err, models.ErrUnsupported)
}
