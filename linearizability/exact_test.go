package linearizability

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// What agreement with brute force does not see, because another way leads to the same verdict:
// by which way it was decided, what is said, and what a checker points to.

func TestExactlyWhichWay(t *testing.T) {
	t.Parallel()
	h := received(60, 4, 4)
	pram, err := Judge(context.Background(), h, "pram", Budget{})
	require.NoError(t, err)
	three, err := Judge(context.Background(), h, "ryw+mr+mw", Budget{})
	require.NoError(t, err)
	require.Equal(t, pram.Status, three.Status)
	require.Equal(t, pram.Method, three.Method, "it is that level")

	own := Own{Name: "mine", Spec: stack{}}
	push := &history.History{Ops: []history.Op{{Node: -1, Type: "stack", Func: "pop", Key: "s", Return: 1}}}
	v, err := JudgeWith(context.Background(), push, "mine", Options{Own: []Own{own}})
	require.NoError(t, err)
	require.Contains(t, v.Method, "since only the specification is known")
}

func TestExactlyWhatIsSaid(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("x", mostShown)
	require.Equal(t, `"`+whole+`"`, short(whole))
	require.NotContains(t, short(whole+"y"), whole)

	_, err := Judge(context.Background(), &history.History{Ops: []history.Op{{Node: -1, Type: history.Etcd, Func: history.Write}}}, "etcd", Budget{})
	require.ErrorContains(t, err, "no function of etcd")
}

// A read shows what was added later and not what had been added when that was called: the
// sentence and the witness have all three, whichever value has the smaller number.
func TestExactlyWhichAdds(t *testing.T) {
	t.Parallel()
	for _, v := range [][2]history.Value{{history.Int(1), history.Int(2)}, {history.Int(2), history.Int(1)}, {history.Str("a"), history.Str("b")}, {history.Str("b"), history.Str("a")}} {
		set := func(i int, fn history.Func, arg, out history.Value, call, ret int64) history.Op {
			return history.Op{Index: i, Session: i, Node: -1, Type: history.Set, Func: fn, Key: "s", Arg: arg, Out: out, Call: call, Return: ret}
		}
		for _, first := range []int64{0, 4} {
			ops := []history.Op{
				set(0, history.Read, history.Nil, history.SetOf(v[1]), first, 10), set(1, history.Add, v[0], history.Nil, 1, 2), set(2, history.Add, v[1], history.Nil, 3, 4),
			}
			h := inOrder(&history.History{Ops: ops})
			got, err := Judge(context.Background(), h, "linearizable", Budget{})
			require.NoError(t, err)
			require.Equal(t, Violation, got.Status)
			if first == 0 {
				require.Contains(t, got.Reason, fmt.Sprintf("#0 shows %s and not %s, but #2 adds %s and was called when #1, with %s, had returned", v[1], v[0], v[1], v[0]))
				require.Len(t, got.Witness, 3)
			}
		}
	}
}

// What these levels point to is a violation by itself, with what it rests on, so that
// shrinking begins there however long the history is.
func TestWhatIsPointedToIsAViolation(t *testing.T) {
	t.Parallel()
	pointed := map[string]int{}
	for _, level := range []string{"ccv", "cc", "ryw", "wfr"} {
		c, known := checkerNamed(level)
		require.True(t, known)
		for seed := range uint64(2000) {
			h := oracle.SomeRegisters(seed, 12, 3, 2)
			r, err := c.decide(newMeter(context.Background(), defaults(t)), h)
			require.NoError(t, err)
			if r.status != Violation || len(r.witness) == 0 {
				continue
			}
			s := &shrinker{c: c, m: newMeter(context.Background(), defaults(t))}
			s.about(h)
			closed := s.close(append([]int(nil), r.witness...))
			require.True(t, s.violates(closed), "%s, seed %d: %s: %v", level, seed, r.reason, r.witness)
			pointed[level]++
		}
	}
	require.Len(t, pointed, 4)
}
