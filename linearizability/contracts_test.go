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
	return slices.ContainsFunc(contract.All(), func(c contract.Contract) bool { return c.Name == model })
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

// Histories of other people that were refused before: each judged by its own model.
func TestFindingsOfObjects(t *testing.T) {
	dir := filepath.Join(sharedHistories(t), "..", "findings", "histories")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the findings are not beside this checkout: %v", err)
	}
	for file, levels := range map[string]string{"bank.edn": "bank", "jepsen-126-queue.edn": "linearizable"} {
		h, err := decodeFile(t, "jepsen", filepath.Join(dir, file))
		require.NoError(t, err)
		report, err := Levels(context.Background(), h, Budget{})
		require.NoError(t, err)
		require.Equal(t, []string{levels}, report.Holds)
		require.Empty(t, report.Broken)
		require.Empty(t, report.Open)
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
