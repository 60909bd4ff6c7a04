package linearizability

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

// stack is a specification: push and pop, states are strings of letters.
type stack struct{}

func (stack) Init() any { return "" }

func (stack) Step(state any, o *history.Op) (any, bool) {
	now := state.(string)
	letter, _ := o.Arg.AsStr()
	switch {
	case o.Func == "push":
		return now + letter, true
	case now == "":
		return now, o.Outcome == history.Unknown || o.Out.IsNil()
	}
	top, _ := o.Out.AsStr()
	rest, answered := strings.CutSuffix(now, top)
	if o.Outcome == history.Unknown {
		return now[:len(now)-1], true
	}
	return rest, answered && top != ""
}

// A model of one's own needs a state to begin with and a step.
func ExampleJudgeWith() {
	h := &history.History{Name: "stack"}
	record := func(session int, fn history.Func, arg, out history.Value) {
		at := int64(len(h.Ops))
		h.Ops = append(h.Ops, history.Op{
			Index: len(h.Ops), Session: session, Node: -1, Type: "stack", Func: fn, Key: "s", Arg: arg, Out: out, Call: 2 * at, Return: 2*at + 1,
		})
	}
	record(1, "push", history.Str("a"), history.Nil)
	record(2, "push", history.Str("b"), history.Nil)
	record(1, "pop", history.Nil, history.Str("a"))
	v, err := JudgeWith(context.Background(), h, "stack", Options{Own: []Own{{Name: "stack", Spec: stack{}}}})
	fmt.Println(v, err)
	// Output:
	// stack: violation: stack "s": no order of the operations is allowed
	//   #0 s1 [0,1] stack "s" push "a" ok
	//   #1 s2 [2,3] stack "s" push "b" ok
	//   #2 s1 [4,5] stack "s" pop nil -> "a" ok <nil>
}

// counting is a model of porcupine, as people have them.
var counting = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		now := state.(int64)
		if n, isInc := input.(int64); isInc {
			return true, now + n
		}
		return output.(int64) == now, now
	},
}

func countingSpec() Specification {
	return FromPorcupine(counting, func(o *history.Op) any {
		if n, ok := o.Arg.AsInt(); ok {
			return n
		}
		return "read"
	}, func(o *history.Op) any {
		n, _ := o.Out.AsInt()
		return n
	})
}

// queueing is a specification with every method that one may have.
type queueing struct{}

func (queueing) Init() any { return []history.Value(nil) }
func (queueing) Step(state any, o *history.Op) (any, bool) {
	now := state.([]history.Value)
	switch {
	case o.Func == history.Enqueue:
		return append(slices.Clone(now), o.Arg), true
	case len(now) == 0:
		return now, o.Outcome == history.Unknown || o.Out.IsNil()
	}
	return now[1:], o.Outcome == history.Unknown || now[0].Equal(o.Out)
}
func (queueing) Equal(a, b any) bool {
	return slices.EqualFunc(a.([]history.Value), b.([]history.Value), history.Value.Equal)
}
func (queueing) Hash(state any) uint64 { return uint64(len(state.([]history.Value))) }
func (queueing) Describes(o *history.Op) bool {
	return o.Type == history.Queue
}
func (queueing) Observes(*history.Op) bool { return false }
func (queueing) Show(state any) string     { return fmt.Sprintf("holding %v", state) }
func (queueing) Support(h *history.History, i int) []int {
	return modelOf("linearizable").Reduce(h).Support(i)
}

func modelOf(name string) models.Model {
	all := models.All()
	return all[slices.IndexFunc(all, func(m models.Model) bool { return m.Name == name })]
}

// uncompared is a queue whose states Go cannot compare.
type uncompared struct{}

func (uncompared) Init() any { return queueing{}.Init() }
func (uncompared) Step(state any, o *history.Op) (any, bool) {
	return queueing{}.Step(state, o)
}

// Models of one's own say what the shipped ones say of the same objects.
func TestOwnModelsAgree(t *testing.T) {
	counts := map[Status]int{}
	for seed := range uint64(600) {
		for name, spec := range map[history.Type]Specification{history.Counter: countingSpec(), history.Queue: queueing{}, "queue ": uncompared{}} {
			h := oracle.RandomObject(seed, history.Type(strings.TrimSpace(string(name))), 4+int(seed%4), false)
			o := Options{Own: []Own{{Name: "mine", Spec: spec}}}
			v, err := JudgeWith(context.Background(), h, "mine", o)
			require.NoError(t, err)
			want := OK
			if !oracle.LinearizableObjects(h, false) {
				want = Violation
			}
			if v.Status == Inconclusive {
				require.Equal(t, OK, want)
				continue
			}
			require.Equal(t, want, v.Status, "seed %d: %v%s", seed, v, dump{h})
			counts[want]++
			if want == Violation {
				g := *h
				g.Ops = slices.Clone(v.Witness)
				require.False(t, oracle.LinearizableObjects(&g, false), "%v%s", v, dump{h})
			}
		}
	}
	require.Greater(t, counts[OK], 300)
	require.Greater(t, counts[Violation], 100)
}

func TestOwnModelIsRefusedOrStopped(t *testing.T) {
	ctx := context.Background()
	h := ofOneObject(history.Queue, 40, 4)
	for _, o := range []Options{
		{Own: []Own{{Spec: stack{}}}}, {Own: []Own{{Name: "mine"}}}, {Own: []Own{{Name: "cc", Spec: stack{}}}},
		{Own: []Own{{Name: "mine", Spec: stack{}}, {Name: "mine", Spec: stack{}}}},
	} {
		_, err := JudgeWith(ctx, h, "linearizable", o)
		require.ErrorIs(t, err, ErrOwnModel)
	}
	own := Options{Own: []Own{{Name: "mine", Spec: queueing{}}}}
	_, err := JudgeWith(ctx, h, "thine", own)
	require.ErrorIs(t, err, ErrUnknownModel)
	_, err = JudgeWith(ctx, ofOneObject(history.Set, 4, 2), "mine", own)
	require.ErrorIs(t, err, models.ErrUnsupported)
	own.Budget.Steps = 5
	v, err := JudgeWith(ctx, h, "mine", own)
	require.NoError(t, err)
	require.Equal(t, Undecided, v.Status)
	own.Budget = Budget{}
	v, err = JudgeWith(ctx, h, "mine", own)
	require.NoError(t, err)
	require.Equal(t, OK, v.Status)
	var page bytes.Buffer
	require.NoError(t, VisualizeWith(h, "mine", own, &page))
	require.Contains(t, page.String(), "holding [")

	lastRead(h).Out = history.Str("nothing of the kind")
	v, err = JudgeWith(ctx, h, "mine", own)
	require.NoError(t, err)
	require.Equal(t, Violation, v.Status)
	require.Len(t, v.Witness, 1, "Support makes it small: %v", v)

	require.True(t, sameState(nil, nil))
	require.False(t, sameState(nil, 3))
	require.True(t, sameState([]int{1}, []int{1}))
	p := FromPorcupine(counting, nil, nil).(*ofPorcupine)
	require.Equal(t, "7", p.Show(int64(7)))
	require.True(t, p.Equal(int64(7), int64(7)))
	p.DescribeState, p.Model.Equal, p.Model.Hash = func(any) string { return "x" }, func(a, b any) bool { return false }, func(any) uint64 { return 5 }
	require.Equal(t, "x", p.Show(int64(7)))
	require.False(t, p.Equal(int64(7), int64(7)))
	require.Equal(t, uint64(5), p.Hash(int64(7)))
}

// observed is a counter whose reads are known to change nothing.
type observed struct{ Specification }

func (observed) Observes(o *history.Op) bool { return o.Func == history.Read }

// A witness by a specification that says nothing of what supports what is of one object,
// without what only observes.
func TestOwnWitnessIsOfOneObject(t *testing.T) {
	h := &history.History{}
	for i, key := range []string{"a", "b", "a", "b", "a", "a"} {
		o := history.Op{Index: i, Session: i, Node: -1, Type: history.Counter, Func: history.Inc, Key: key, Arg: history.Int(1), Call: int64(2 * i), Return: int64(2*i + 1)}
		if i >= 4 {
			o.Func, o.Arg, o.Out = history.Read, history.Nil, history.Int([]int64{2, 9}[i-4])
		}
		h.Ops = append(h.Ops, o)
	}
	v, err := JudgeWith(context.Background(), h, "mine", Options{Own: []Own{{Name: "mine", Spec: observed{countingSpec()}}}})
	require.NoError(t, err)
	require.Equal(t, Violation, v.Status)
	require.Len(t, v.Witness, 3)
	for _, o := range v.Witness {
		require.Equal(t, "a", o.Key)
	}
}

// What failed did not happen, by a specification of one's own too.
func TestOwnModelLeavesOutWhatFailed(t *testing.T) {
	h := &history.History{Ops: []history.Op{
		{Index: 0, Session: 0, Node: -1, Type: history.Counter, Func: history.Inc, Key: "a", Arg: history.Int(1), Call: 0, Return: 1, Outcome: history.Failed},
		{Index: 1, Session: 1, Node: -1, Type: history.Counter, Func: history.Read, Key: "a", Out: history.Int(0), Call: 2, Return: 3},
	}}
	v, err := JudgeWith(context.Background(), h, "mine", Options{Own: []Own{{Name: "mine", Spec: countingSpec()}}})
	require.NoError(t, err)
	require.Equal(t, OK, v.Status, "%v", v)
}
