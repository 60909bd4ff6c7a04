package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

// strung is many small runs of one register, one after the other: between two of
// them nothing is under way but what is indeterminate, and values carry over. Each
// run begins with a write.
func strung(t *testing.T, runs, faults, unknown int) *history.History {
	t.Helper()
	h := &history.History{Name: "strung"}
	base := int64(0)
	for seed := range uint64(runs) {
		shape := oracle.Shape{Ops: 8, Sessions: 3, Keys: 1, Faults: faults, Unknown: unknown}
		end := base
		h.Ops = append(h.Ops, history.Op{
			Session: 9, Node: -1, Type: history.Register, Func: history.Write, Key: "x", Call: base, Return: base + 1,
		})
		for _, o := range oracle.RandomRegister(seed, shape, true).Ops {
			o.Call += base + 2
			if o.Return != history.Pending {
				o.Return += base + 2
				end = max(end, o.Return)
			}
			h.Ops = append(h.Ops, o)
		}
		base = end + 3
	}
	h = inOrder(h)
	require.NoError(t, h.Validate())
	return h
}

func defaults(t *testing.T) Budget {
	t.Helper()
	b, err := Budget{}.withDefaults()
	require.NoError(t, err)
	return b
}

// agreeWithPorcupine searches every part both ways, and holds the furthest return
// against what was known just before it.
func agreeWithPorcupine(t *testing.T, model models.Model, h *history.History) Status {
	p, err := model.Prepare(h)
	require.NoError(t, err)
	sum := OK
	for _, part := range p.Parts {
		r, fits := searchRealTime(newMeter(context.Background(), defaults(t)), p, part)
		require.True(t, fits)
		want := Violation
		if porcupine.CheckOperations(p.Spec, part.Ops) {
			want = OK
		}
		require.Equal(t, want, r.status, "%s%s", part.Name, dump{h})
		if r.status != Violation {
			continue
		}
		sum = Violation
		prefix, _ := h.Until(*r.from - 1)
		q, err := model.Prepare(prefix)
		require.NoError(t, err)
		for _, early := range q.Parts {
			if early.Name == part.Name {
				require.True(t, porcupine.CheckOperations(q.Spec, early.Ops), "%s before %d%s", part.Name, *r.from, dump{h})
			}
		}
	}
	return sum
}

func TestRealTimeSearchAgreesWithPorcupine(t *testing.T) {
	t.Parallel()
	counts := map[string]map[Status]int{}
	add := func(model models.Model, h *history.History) {
		if counts[model.Name] == nil {
			counts[model.Name] = map[Status]int{}
		}
		counts[model.Name][agreeWithPorcupine(t, model, h)]++
	}
	seeds := uint64(1500)
	if *long {
		seeds = 40_000
	}
	for seed := range seeds {
		shape := oracle.Shape{Ops: 4 + int(seed%12), Sessions: 2 + int(seed%5), Keys: 1 + int(seed%2), Faults: int(seed % 12), Unknown: int(seed % 40)}
		add(models.CASRegister(), oracle.RandomRegister(seed, shape, true))
		add(models.CASRegister(), instants(oracle.RandomRegister(seed, shape, true), seed))
		add(models.LinearizableRegister(), oracle.RandomRegister(seed, shape, false))
		types := []history.Type{history.Register, history.Set, history.Counter, history.MultiValue, history.Map, history.Queue}
		add(models.Linearizable(), oracle.RandomObject(seed, types[seed%6], 4+int(seed%6), false))
		add(models.LWWRegister(), oracle.RandomObject(seed, history.Register, 4+int(seed%6), true))
	}
	for i := range 40 {
		add(models.CASRegister(), strung(t, 20+i, i%2, i%10))
	}
	t.Logf("%v", counts)
	for model, c := range counts {
		require.Greater(t, c[OK], 100, model)
		require.Greater(t, c[Violation], 100, model)
	}
}

// instants makes some operations return as they are called, at either end of their
// interval.
func instants(h *history.History, seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 17))
	for i := range h.Ops {
		switch o := &h.Ops[i]; {
		case o.Return == history.Pending:
		case rng.IntN(4) == 0:
			o.Return = o.Call
		case rng.IntN(4) == 0:
			o.Call = o.Return
		}
	}
	return inOrder(h)
}

// Operations of an instant, against the oracle that tries every order.
func TestInstantsAgree(t *testing.T) {
	counts := bruteTally{}
	for seed := range uint64(3000) {
		shape := oracle.Shape{Ops: 5 + int(seed%3), Sessions: 2 + int(seed%3), Keys: 1 + int(seed%2), Faults: int(seed % 12), Unknown: int(seed % 30)}
		for _, model := range []string{"cas-register", "linearizable"} {
			h := instants(oracle.RandomRegister(seed, shape, true), seed)
			require.NoError(t, h.Validate())
			counts.agree(t, h, model, oracle.Linearizable(h) == oracle.Allowed)
			plain := instants(oracle.RandomRegister(seed, shape, false), seed)
			counts.agree(t, plain, "linearizable-register", oracle.Linearizable(plain) == oracle.Allowed)
		}
	}
	counts.report(t, 6000, 300)
}

// What came before a quiescent point matters no more than by the state it left,
// so that the cost is linear, with indeterminate operations too; porcupine's
// grows with the square.
func TestRealTimeSearchScales(t *testing.T) {
	for _, unknown := range []int{0, 1} {
		h := strung(t, 6_000/(1+99*unknown), 0, 3*unknown)
		start := time.Now()
		v := mustCheck(t, h, "cas-register")
		require.Equal(t, OK, v.Status, "%v", v)
		require.Contains(t, v.Method, byReturns)
		t.Logf("%d operations in %v, %d steps", len(h.Ops), time.Since(start), v.Steps)
		require.Less(t, v.Steps, int64(40*len(h.Ops)))

		stuck, err := Judge(context.Background(), h, "cas-register", Budget{Steps: 100})
		require.NoError(t, err)
		require.Equal(t, Undecided, stuck.Status)
	}
}

// More than can be kept track of under way at a time goes to porcupine.
func TestWidePartsGoToPorcupine(t *testing.T) {
	h := &history.History{}
	for i := range maxOpen + 1 {
		h.Ops = append(h.Ops, history.Op{
			Index: i, Session: i, Type: history.Register, Func: history.Write, Key: "x", Arg: history.Int(1), Call: 0, Return: 9,
		})
	}
	h.Ops = append(h.Ops, history.Op{Index: len(h.Ops), Type: history.Register, Func: history.Read, Key: "x", Out: history.Int(1), Call: 10, Return: 11})
	v := mustCheck(t, h, "cas-register")
	require.Equal(t, OK, v.Status)
	require.Contains(t, v.Method, byPorcupine)
}

// Indeterminate operations stay under way for ever, and are counted: a run with a thousand of
// them is decided within the budget, and so is one that is wrong at its end.
func TestManyIndeterminateOperations(t *testing.T) {
	t.Parallel()
	h := swapping(40_000, 4)
	unknown := 0
	for i := range h.Ops {
		if h.Ops[i].Outcome == history.Unknown {
			unknown++
		}
	}
	require.Greater(t, unknown, 4*maxOpen)
	v := mustCheck(t, h, "cas-register")
	require.Equal(t, OK, v.Status, "%v", v)
	require.Contains(t, v.Method, byReturns)
	require.Less(t, v.Steps, int64(40*len(h.Ops)))

	// Each of several writes of one value that may have happened explains one read after
	// another value, and no more of them than there are.
	few := &history.History{}
	add := func(session int, fn history.Func, v int64, unknown bool) {
		t := int64(2 * len(few.Ops))
		o := history.Op{Index: len(few.Ops), Session: session, Node: -1, Type: history.Register, Func: fn, Key: "x", Call: t, Return: t + 1}
		if o.Arg = history.Int(v); fn == history.Read {
			o.Arg, o.Out = history.Nil, history.Int(v)
		}
		if unknown {
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
		few.Ops = append(few.Ops, o)
	}
	const lost = maxOpen + 20
	for n := range lost {
		add(10+n, history.Write, 1, true)
	}
	for range lost {
		add(0, history.Write, 2, false)
		add(0, history.Read, 1, false)
	}
	require.Equal(t, OK, mustCheck(t, few, "cas-register").Status)
	add(0, history.Write, 2, false)
	add(0, history.Read, 1, false)
	require.Equal(t, Violation, mustCheck(t, few, "cas-register").Status)
}

var afterHad = regexp.MustCompile(`#(\d+) read \S+?,?(?: the initial value,)? after #(\d+) had (written|read)`)

// What the sentence of a violation says is so: one operation began after another one had
// returned, and the two have different values.
func TestSentencesOfRegistersAreTrue(t *testing.T) {
	told := 0
	for seed := range uint64(3000) {
		shape := oracle.Shape{Ops: 5 + int(seed%8), Sessions: 2 + int(seed%3), Keys: 1 + int(seed%2), Faults: 15, Unknown: 10}
		h := oracle.RandomRegister(seed, shape, seed%2 == 0)
		v := mustCheck(t, h, "linearizable")
		for _, said := range afterHad.FindAllStringSubmatch(v.Reason, -1) {
			at := func(n string) *history.Op {
				i, err := strconv.Atoi(n)
				require.NoError(t, err)
				return &h.Ops[i]
			}
			late, early := at(said[1]), at(said[2])
			require.Equal(t, history.Read, late.Func, v.Reason)
			require.Equal(t, map[string]history.Func{"written": history.Write, "read": history.Read}[said[3]], early.Func, v.Reason)
			require.Less(t, early.Return, late.Call, "%v%s", v, dump{h})
			require.Equal(t, late.Key, early.Key)
			require.False(t, late.Out.Equal(early.Out) && late.Out.Equal(early.Arg), v.Reason)
			told++
		}
	}
	t.Logf("%d sentences", told)
	require.Greater(t, told, 100)
}

// What is wrong late in a long run of one register whose values repeat is shown by the few
// operations around it, and not by all before, whose candidates would take the budget.
func TestLateViolationsHaveShortWitnesses(t *testing.T) {
	for _, c := range []struct {
		percent int
		share   float64
	}{{0, 0.5}, {0, 0.9}, {1, 0.1}} {
		h := spoiled(t, swapping(3000, c.percent), c.share, false)
		v := mustCheck(t, h, "cas-register")
		require.Equal(t, Violation, v.Status)
		require.LessOrEqual(t, len(v.Witness), 16, "%d%% crashes, wrong at %.1f", c.percent, c.share)
		t.Log(v.Reason)
		checker, _ := checkerNamed("cas-register")
		m := newMeter(context.Background(), defaults(t))
		_, err := checker.decide(m, h)
		require.NoError(t, err)
		decided := m.steps.Load()
		require.Less(t, v.Steps, decided+decided/2, "what came before is not judged again where the last few operations tell it")
	}
}

// A value that nobody wrote is told at once, whatever may have happened beside: by brute force
// too, where it is small enough.
func TestValuesOfNobodyNeedNoSearch(t *testing.T) {
	h := swapping(5000, 4)
	at := slices.IndexFunc(h.Ops, func(o history.Op) bool { return o.Func == history.Read && o.Call > 1_000_000 })
	h.Ops[at].Out = history.Int(77)
	v := mustCheck(t, h, "cas-register")
	require.Equal(t, Violation, v.Status)
	require.Equal(t, []history.Op{h.Ops[at]}, v.Witness)
	require.Equal(t, fmt.Sprintf(`read #%d of "x" returned 77, which nobody wrote`, at), v.Reason)
	require.Equal(t, byFound, v.Method)
	require.Zero(t, v.Steps)
	h.Ops[at].Func, h.Ops[at].Arg, h.Ops[at].Out = history.CAS, history.List(history.Int(77), history.Int(1)), history.Nil
	v = mustCheck(t, h, "cas-register")
	require.Equal(t, []history.Op{h.Ops[at]}, v.Witness)
	require.Equal(t, fmt.Sprintf(`register "x": #%d found 77, which nobody wrote`, at), v.Reason)

	two := sessionsOf(t, []string{"w x 1", "w y 2"}, []string{"r y 1", "r x 1"})
	v = mustCheck(t, two, "cas-register")
	require.Equal(t, Violation, v.Status, "what is written to another register is not")
	for outcome, want := range map[history.Outcome]Status{history.OK: Violation, history.Failed: OK, history.Unknown: OK} {
		swap := history.Op{Session: 1, Node: -1, Type: history.Register, Key: "x", Func: history.CAS, Arg: history.List(history.Int(7), history.Int(8)), Call: 4, Return: 5, Outcome: outcome}
		if outcome == history.Unknown {
			swap.Return = history.Pending
		}
		read := history.Op{Index: 1, Session: 2, Node: -1, Type: history.Register, Key: "x", Func: history.Read, Call: 6, Return: 7}
		g := &history.History{Ops: []history.Op{swap, read}}
		require.Equal(t, want, mustCheck(t, g, "cas-register").Status, "%v: one that did not find it, or may not have happened", outcome)
		require.Equal(t, want == OK, oracle.Linearizable(g) == oracle.Allowed)
	}
}
