package linearizability

import (
	"cmp"
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

var long = flag.Bool("long", false, "also compare a million histories of six operations and ten thousand of seven and eight")

// byDefinition judges the register levels by trying orders.
var byDefinition = map[string]func(r *oracle.Registers) bool{
	"cc":            (*oracle.Registers).CC,
	"cm":            (*oracle.Registers).CM,
	"ccv":           (*oracle.Registers).CCv,
	"pram":          (*oracle.Registers).PRAM,
	"sequential":    (*oracle.Registers).Sequential,
	"ryw":           func(r *oracle.Registers) bool { return r.Session(true, false, false, false) },
	"mr":            func(r *oracle.Registers) bool { return r.Session(false, true, false, false) },
	"mw":            func(r *oracle.Registers) bool { return r.Session(false, false, true, false) },
	"wfr":           func(r *oracle.Registers) bool { return r.Session(false, false, false, true) },
	"ryw+mr":        func(r *oracle.Registers) bool { return r.Session(true, true, false, false) },
	"ryw+mw":        func(r *oracle.Registers) bool { return r.Session(true, false, true, false) },
	"ryw+wfr":       func(r *oracle.Registers) bool { return r.Session(true, false, false, true) },
	"mr+mw":         func(r *oracle.Registers) bool { return r.Session(false, true, true, false) },
	"mr+wfr":        func(r *oracle.Registers) bool { return r.Session(false, true, false, true) },
	"mw+wfr":        func(r *oracle.Registers) bool { return r.Session(false, false, true, true) },
	"ryw+mr+mw":     func(r *oracle.Registers) bool { return r.Session(true, true, true, false) },
	"ryw+mr+mw+wfr": func(r *oracle.Registers) bool { return r.Session(true, true, true, true) },
}

// registerLevels are the names above in a fixed order.
var registerLevels = []string{
	"sequential", "cc", "cm", "ccv", "pram", "ryw", "mr", "mw", "wfr", "ryw+mr", "ryw+mw", "ryw+wfr", "mr+mw", "mr+wfr", "mw+wfr",
	"ryw+mr+mw", "ryw+mr+mw+wfr",
}

// judgeBy decides without shrinking.
func judgeBy(t *testing.T, h *history.History, model string) Status {
	t.Helper()
	c, ok := checkerNamed(model)
	require.True(t, ok, model)
	b, err := Budget{}.withDefaults()
	require.NoError(t, err)
	r, err := c.judge(newMeter(context.Background(), b), h)
	require.NoError(t, err)
	return r.status
}

// bruteTally counts agreed verdicts a level.
type bruteTally map[string]map[Status]int

func (c bruteTally) add(level string, s Status) {
	if c[level] == nil {
		c[level] = map[Status]int{}
	}
	c[level][s]++
}

func (c bruteTally) compare(t *testing.T, h *history.History) {
	t.Helper()
	r, answer := oracle.NewRegisters(h)
	require.Equal(t, oracle.Allowed, answer)
	for _, level := range registerLevels {
		want := Violation
		if byDefinition[level](r) {
			want = OK
		}
		got := judgeBy(t, h, level)
		if got != want {
			t.Fatalf("%s: fast checker %s, by definition %s:%s", level, got, want, dump(h))
		}
		c.add(level, got)
	}
}

func (c bruteTally) report(t *testing.T, compared int) {
	t.Helper()
	t.Logf("%d histories compared", compared)
	for _, level := range registerLevels {
		t.Logf("  %-14s %d ok, %d violation", level, c[level][OK], c[level][Violation])
	}
}

// Every history up to five operations, three sessions and two keys, up to
// renaming, and larger ones drawn at random.
func TestRegisterLevelsAgreeWithDefinitions(t *testing.T) {
	counts := bruteTally{}
	compared := 0
	for n := 1; n <= 5; n++ {
		for h := range oracle.AllRegisters(n, 3, 2) {
			if n == 5 && testing.Short() && compared%16 > 0 {
				compared++
				continue
			}
			counts.compare(t, h)
			compared++
		}
	}
	counts.report(t, compared)
	for _, level := range registerLevels {
		require.Positive(t, counts[level][OK], level)
		if level != "mw" {
			require.Positive(t, counts[level][Violation], level)
		}
	}
	require.Zero(t, counts["mw"][Violation], "monotonic writes alone exclude nothing")
}

func TestRegisterLevelsAgreeAtRandom(t *testing.T) {
	six, more := 3_000, 500
	if *long {
		six, more = 1_000_000, 10_000
	}
	counts := bruteTally{}
	for seed := range six {
		counts.compare(t, oracle.SomeRegisters(uint64(seed), 6, 3, 2))
	}
	for seed := range more {
		counts.compare(t, oracle.SomeRegisters(uint64(seed), 7+seed%2, 3, 2))
	}
	counts.report(t, six+more)
}

// The isolation levels against every commit order, over every way to cut the
// same histories into transactions, and to abort some of them.
func TestIsolationAgreesWithDefinitions(t *testing.T) {
	counts := bruteTally{}
	compared := 0
	judge := func(h *history.History) {
		o := oracle.NewTransactions(h)
		for _, level := range []struct {
			name  string
			holds bool
		}{
			{"read-committed", o.ReadCommitted()}, {"item-cut", o.ItemCut()},
			{"read-atomic", o.ReadAtomic()}, {"transactional-causal", o.Causal()},
		} {
			got := judgeBy(t, h, level.name)
			if (got == OK) != level.holds || got != OK && got != Violation {
				t.Fatalf("%s: fast checker %s, by definition %v:%s", level.name, got, level.holds, dump(h))
			}
			counts.add(level.name, got)
		}
		compared++
	}
	n := 0
	for size := 1; size <= 5; size++ {
		for h := range oracle.AllRegisters(size, 3, 2) {
			if n++; size < 5 || *long || n%20 == 0 {
				oracle.InTransactions(h, size < 4 || *long && size < 5, judge)
			}
		}
	}
	t.Logf("%d histories compared: %v", compared, counts)
	for level, c := range counts {
		require.Greater(t, c[OK], 1000, level)
		require.Greater(t, c[Violation], 500, level)
	}
}

// Transactions of one operation: the strongest isolation level is causal
// convergence.
func TestSingleOperationTransactions(t *testing.T) {
	for seed := range uint64(3000) {
		h := oracle.SomeRegisters(seed, 8, 3, 2)
		require.Equal(t, judgeBy(t, h, "ccv"), judgeBy(t, h, "transactional-causal"), "seed %d%s", seed, dump(h))
	}
}

// timed gives the operations of an enumerated history overlapping intervals, and
// leaves some writes indeterminate.
func timed(h *history.History, seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 7))
	free := map[int]int64{}
	for i := range h.Ops {
		o := &h.Ops[i]
		o.Call = free[o.Session] + int64(rng.IntN(4))
		o.Return = o.Call + 1 + int64(rng.IntN(6))
		free[o.Session] = o.Return + int64(rng.IntN(2))
		if o.IsPut() && rng.IntN(8) == 0 {
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
	}
	slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	for i := range h.Ops {
		h.Ops[i].Index = i
	}
	return h
}

// Zones against the oracle that tries every order, and against porcupine.
func TestZonesAgree(t *testing.T) {
	counts := bruteTally{}
	agree := func(h *history.History) {
		require.NoError(t, h.Validate())
		r, err := zones(h)
		require.NoError(t, err)
		want := oracle.Linearizable(h)
		require.Equal(t, want, meaning[r.status], "%v%s", r, dump(h))
		b, err := Budget{}.withDefaults()
		require.NoError(t, err)
		p, err := search(newMeter(context.Background(), b), models.LinearizableRegister(), h, "as a second opinion")
		require.NoError(t, err)
		require.Equal(t, r.status, p.status, "porcupine%s", dump(h))
		counts.add("zones", r.status)
	}
	n := uint64(0)
	for size := 1; size <= 5; size++ {
		for h := range oracle.AllRegisters(size, 3, 2) {
			n++
			agree(timed(h, n))
		}
	}
	for seed := range uint64(3000) {
		agree(timed(oracle.SomeRegisters(seed, 8, 4, 1), seed))
	}
	t.Logf("zones, brute force and porcupine agree: %v", counts)
	require.Greater(t, counts["zones"][OK], 1000)
	require.Greater(t, counts["zones"][Violation], 1000)
}

// Histories in each of the classes that tell CC, CM and CCv apart, with the
// definitions and the plain twin as second and third checker.
func TestSeparatingClasses(t *testing.T) {
	const each = 1000
	classes := map[string]int{"TTT": 0, "TTF": 0, "TFT": 0, "TFF": 0, "FFF": 0}
	letter := func(holds bool) string {
		if holds {
			return "T"
		}
		return "F"
	}
	full, seed := 0, uint64(0)
	for ; full < len(classes) && seed < 300_000; seed++ {
		h := oracle.SomeStore(seed)
		class, second := "", ""
		for _, level := range []string{"cc", "cm", "ccv"} {
			class += letter(judgeBy(t, h, level) == OK)
		}
		if classes[class] >= each {
			continue
		}
		plain, answer := oracle.NewPatterns(h)
		require.Equal(t, oracle.Allowed, answer)
		second = letter(plain.CC()) + letter(plain.CM()) + letter(plain.CCv())
		require.Equal(t, second, class, "seed %d%s", seed, dump(h))
		r, _ := oracle.NewRegisters(h)
		third := letter(r.CC()) + letter(r.CM()) + letter(r.CCv())
		require.Equal(t, third, class, "seed %d%s", seed, dump(h))
		if classes[class]++; classes[class] == each {
			full++
		}
	}
	t.Logf("CC/CM/CCv by three checkers in %d histories drawn: %v", seed, classes)
	require.Len(t, classes, 5, "CM and CCv imply CC")
	for class, n := range classes {
		require.Equal(t, each, n, class)
	}
}
