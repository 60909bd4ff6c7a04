package linearizability

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// looks is a context that ends when it has been looked at so often: a deadline without
// a clock.
type looks struct {
	context.Context
	left, seen int
}

func (l *looks) Err() error {
	if l.seen++; l.seen > l.left {
		return context.DeadlineExceeded
	}
	return nil
}

func endingAfter(n int) *looks {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(context.DeadlineExceeded)
	return &looks{Context: ctx, left: n}
}

// stoppable has, by model, histories that it judges: right ones and wrong ones.
func stoppable(t *testing.T) map[string][]*history.History {
	t.Helper()
	all := map[string][]*history.History{}
	add := func(h *history.History, models ...string) {
		for _, m := range models {
			all[m] = append(all[m], h)
		}
	}
	registers := []string{"linearizable-register", "sequential", "ccv", "cm", "cc", "pram", "ryw", "mr", "mw", "wfr", "mr+wfr", "ryw+mw+wfr", "ryw+mr+mw+wfr"}
	lattices := []string{"convergence", "explained", "strong-eventual", "settled", "lattice-causal", "lattice-linearizable", "lattice-pram", "lattice-ryw", "lattice-mr", "lattice-mw", "lattice-wfr"}
	var isolation []string
	for _, r := range transactionHierarchy() {
		isolation = append(isolation, r.level)
	}
	for seed := range uint64(6) {
		add(received(60+int(seed), 4, 4), registers...)
		add(oracle.SomeStore(seed), registers...)
		shape := shapeOf(seed)
		shape.Fence = true
		add(oracle.Random(seed, shape), lattices...)
		add(oracle.SomeTransactions(seed, 8, 3, 2), isolation...)
		add(oracle.SomeSnapshots(seed, 12, 4, 3), isolation...)
		add(oracle.SomeLists(seed, 6, 3, 2), isolation...)
	}
	for _, typ := range []history.Type{history.Set, history.Queue, history.Counter} {
		h := ofOneObject(typ, 300, 3)
		wrong := *h
		wrong.Ops = slices.Clone(h.Ops)
		o := lastRead(&wrong)
		o.Out = map[history.Type]history.Value{history.Set: history.Nil, history.Queue: history.Int(-1), history.Counter: history.Int(1 << 20)}[typ]
		for _, h := range []*history.History{h, &wrong} {
			add(h, "linearizable")
			switch typ {
			case history.Set:
				add(h, "set", "set-full", "set-full-linearizable", "g-set")
			case history.Counter:
				add(h, "counter", "pn-counter")
			case history.Queue:
				add(h, "queue", "total-queue")
			}
		}
	}
	add(texts(300, 3, 2), "linearizable")
	add(swapping(300, 1), "cas-register")
	for seed := range uint64(20) {
		add(writtenText(rand.New(rand.NewPCG(seed, 54))), "linearizable")
		for _, m := range Models() {
			if len(all[m.Name]) < 20 {
				add(smallOf(t, m.Name, seed), m.Name)
			}
		}
	}
	return all
}

// A check that is told to stop, at whichever look at its context, is undecided and says
// why, or has its whole verdict by then: never another one.
func TestEveryCheckerStops(t *testing.T) {
	t.Parallel()
	stopped := map[string]int{}
	for model, histories := range stoppable(t) {
		for n, h := range histories {
			want, err := Judge(context.Background(), h, model, Budget{})
			require.NoError(t, err)
			for look := 0; ; look += 1 + look/2 {
				ctx := endingAfter(look)
				v, err := Judge(ctx, h, model, Budget{})
				require.NoError(t, err)
				if ctx.seen <= ctx.left {
					require.Equal(t, want, v, "%s %d: not stopped after %d looks", model, n, look)
					break
				}
				if v.Status != want.Status { // a violation may be there, and be told less briefly
					require.Equal(t, Undecided, v.Status, "%s %d, look %d", model, n, look)
					require.Contains(t, v.Reason, "deadline exceeded", "%s %d, look %d", model, n, look)
					stopped[model]++
				}
			}
		}
	}
	for _, m := range Models() {
		require.Positive(t, stopped[m.Name], m.Name)
	}
}

// A violation that was found before the time ran out is reported, with a witness that there
// was no time to make small, and whoever does not wait for that is told at once.
func TestViolationsFoundAreNotLost(t *testing.T) {
	t.Parallel()
	early := map[string]int{}
	for model, histories := range stoppable(t) {
		for n, h := range histories {
			if n%3 > 0 { // they are enough
				continue
			}
			ctx := endingAfter(1 << 30)
			var told []Verdict
			v, err := JudgeWith(ctx, h, model, Options{Found: func(v Verdict) {
				told = append(told, v)
				ctx.left = ctx.seen + n%2 // looks before it is to stop
			}})
			require.NoError(t, err)
			if v.Status != Violation {
				require.Empty(t, told, "%s %d", model, n)
				continue
			}
			require.Len(t, told, 1, "%s %d", model, n)
			require.Equal(t, Violation, told[0].Status)
			require.Equal(t, model, told[0].Model)
			require.NotEmpty(t, told[0].Witness, "%s %d", model, n)
			require.NotEmpty(t, v.Witness, "%s %d", model, n)
			if v.Hint == unshrunk {
				early[model]++
			}
		}
	}
	require.Greater(t, len(early), 15, "%v", early)
}

// A checker that is stopped while it looks for the best way to tell of a violation keeps it,
// and so does one that has found it in one object and is stopped in another.
func TestViolationsAreKeptWhileTheyAreTold(t *testing.T) {
	t.Parallel()
	kept := 0
	for seed := range uint64(6) {
		h := oracle.SomeLists(seed, 40, 4, 3)
		for look := range 60 {
			v, err := Judge(endingAfter(look), h, "serializable", Budget{})
			require.NoError(t, err)
			if strings.HasPrefix(v.Reason, "no order of the transactions fits") {
				require.Equal(t, Violation, v.Status)
				kept++
			}
		}
	}
	require.Positive(t, kept)

	two := ofOneObject(history.Set, 4_000, 3)
	for i := range two.Ops {
		two.Ops[i].Key = "later"
	}
	first := history.Op{Session: 90, Node: -1, Type: history.Set, Func: history.Read, Key: "first", Out: history.SetOf(history.Int(1)), Call: two.Ops[0].Call, Return: two.Ops[0].Call}
	two.Ops = append([]history.Op{first}, two.Ops...)
	for i := range two.Ops {
		two.Ops[i].Index = i
	}
	whole := endingAfter(1 << 30)
	_, err := Judge(whole, two, "set-full", Budget{})
	require.NoError(t, err)
	v, err := Judge(endingAfter(whole.seen-1), two, "set-full", Budget{})
	require.NoError(t, err)
	require.Equal(t, Violation, v.Status, v.Reason)
	require.Contains(t, v.Reason, `set "first"`)
	require.Len(t, v.Witness, 1)
}

// Levels stops too, and what it says is open.
func TestLevelsStop(t *testing.T) {
	h := received(200, 5, 5)
	report, err := Levels(endingAfter(0), h, Budget{})
	require.NoError(t, err)
	require.Empty(t, report.Holds)
	require.Empty(t, report.Broken)
	require.NotEmpty(t, report.Open)
	for _, v := range report.Verdicts {
		require.Contains(t, v.Reason, "deadline exceeded", v.Model)
	}
}

// Told to stop, a checker comes to its end: it asks again a few times for each place that it
// is called from, and not for each operation. It has asked before, at least once in so many
// operations, on each of its ways through the history.
func TestLooksAreFrequent(t *testing.T) {
	const sessions, n = 40, 9_000
	registers := received(n, sessions, 50)
	many := map[string]*history.History{}
	for _, m := range Models() {
		many[m.Name] = registers
	}
	right := saturated(n, 20)
	for _, m := range []string{"linearizable-register", "sequential", "linearizable", "cas-register"} {
		many[m] = right
	}
	for _, m := range []string{"convergence", "explained", "strong-eventual", "settled", "lattice-causal", "lattice-linearizable", "lattice-pram", "lattice-ryw", "lattice-mr", "lattice-mw", "lattice-wfr"} {
		many[m] = joined(n, 20)
	}
	for _, m := range []string{"counter", "pn-counter"} {
		many[m] = ofOneObject(history.Counter, n, 3)
	}
	for _, m := range []string{"queue", "total-queue"} {
		many[m] = ofOneObject(history.Queue, n, 3)
	}
	for _, m := range []string{"set", "set-full", "set-full-linearizable", "g-set"} {
		many[m] = ofOneObject(history.Set, 1000, 3)
	}
	few := []string{"eventual", "causal", "pipelined", "lww-register", "lock", "bank", "unique-ids", "mutex", "etcd"} // searches, which count steps, and one walk
	for _, m := range Models() {
		if slices.Contains(few, m.Name) {
			continue
		}
		h := many[m.Name]
		c, _ := checkerNamed(m.Name)
		never := endingAfter(1 << 30)
		_, err := c.run(newMeter(never, defaults(t)), h)
		require.NoError(t, err)
		require.GreaterOrEqual(t, never.seen, len(h.Ops)/lookOps, "%s: looks", m.Name)
		most := 0
		for look := 1; look < never.seen; look += 1 + never.seen/8 {
			meter := newMeter(endingAfter(look), defaults(t))
			_, err := c.run(meter, h)
			require.NoError(t, err)
			most = max(most, meter.asked)
		}
		require.LessOrEqual(t, most, 16, m.Name)
		t.Logf("%s: %d looks at %d operations, %d more questions at most", m.Name, never.seen, len(h.Ops), most)
	}
}
