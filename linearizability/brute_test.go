package linearizability

import (
	"cmp"
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

var long = flag.Bool("long", false, "also compare a million histories of six operations and ten thousand of seven and eight, and draw more elsewhere")

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
	c, ok := checkerNamed(model)
	if !ok {
		t.Fatalf("no model %s", model)
	}
	r, err := c.judge(newMeter(context.Background(), Budget{Steps: DefaultSteps, Bytes: DefaultBytes, Time: DefaultTime}), h)
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

// agree holds a checker against what the definition says.
func (c bruteTally) agree(t *testing.T, h *history.History, level string, holds bool) {
	got := judgeBy(t, h, level)
	if (got == OK) != holds || got != OK && got != Violation {
		t.Fatalf("%s: fast checker %s, by definition %v:%s", level, got, holds, dump{h})
	}
	c.add(level, got)
}

// registers judges a history at all register levels but linearizability.
func (c bruteTally) registers(t *testing.T, h *history.History) {
	r, answer := oracle.NewRegisters(h)
	if answer != oracle.Allowed {
		t.Fatalf("%v:%s", answer, dump{h})
	}
	for _, level := range registerLevels {
		c.agree(t, h, level, byDefinition[level](r))
	}
}

// transactions judges a history at the isolation levels.
func (c bruteTally) transactions(t *testing.T, h *history.History) {
	o := oracle.NewTransactions(h)
	c.agree(t, h, "read-committed", o.ReadCommitted())
	c.agree(t, h, "item-cut", o.ItemCut())
	c.agree(t, h, "read-atomic", o.ReadAtomic())
	free := o.Free()
	c.agree(t, h, "monotonic-atomic-view", free.ReadCommitted())
	c.agree(t, h, "pl-2", free.PL2())
	c.agree(t, h, "read-uncommitted", free.PL1())
	c.ordered(t, h)
}

// ordered judges a history at the levels that ask for one order of all transactions,
// and the one below.
func (c bruteTally) ordered(t *testing.T, h *history.History) {
	o := oracle.NewTransactions(h)
	c.agree(t, h, "transactional-causal", o.Causal())
	c.agree(t, h, "prefix", o.Prefix())
	c.agree(t, h, "snapshot-isolation", o.Snapshot())
	c.agree(t, h, "serializable", o.Serializable())
	c.agree(t, h, "strict-serializable", o.StrictSerializable())
	free := o.Free()
	c.agree(t, h, "repeatable-read", free.Serializable())
	c.agree(t, h, "pl-si", free.Snapshot())
}

// report prints what was compared and demands that both answers occurred.
func (c bruteTally) report(t *testing.T, compared, least int) {
	t.Helper()
	t.Logf("%d histories compared with the definitions", compared)
	for _, level := range slices.Sorted(maps.Keys(c)) {
		t.Logf("  %-22s %d ok, %d violation", level, c[level][OK], c[level][Violation])
		require.GreaterOrEqual(t, c[level][OK], least, level)
		if level != "mw" {
			require.GreaterOrEqual(t, c[level][Violation], least, level)
		}
	}
	require.Zero(t, c["mw"][Violation], "monotonic writes alone exclude nothing")
}

// atRandom says how many histories of six operations, and of seven and eight, are
// compared: with -long as many as the project promises.
func atRandom(six, more int) (int, int) {
	if *long {
		return 1_000_000, 10_000
	}
	return six, more
}

// sample is how many seeds of a test that draws them are tried: with -long all of them.
func sample(few, all uint64) uint64 {
	if *long {
		return all
	}
	return few
}

// Every history up to five operations, three sessions and two keys, up to
// renaming.
func TestRegisterLevelsAgreeWithDefinitions(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	compared := 0
	for n := 1; n <= 5; n++ {
		for h := range oracle.AllRegisters(n, 3, 2) {
			counts.registers(t, h)
			compared++
		}
	}
	counts.report(t, compared, 100)
}

// doubted leaves some writes of every fourth history indeterminate.
func doubted(h *history.History, seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 13))
	for i := range h.Ops {
		if o := &h.Ops[i]; seed%4 == 0 && o.IsPut() && rng.IntN(3) == 0 {
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
	}
	return h
}

func TestRegisterLevelsAgreeAtRandom(t *testing.T) {
	t.Parallel()
	six, more := atRandom(10_000, 1_000)
	counts := bruteTally{}
	for seed := range six {
		counts.registers(t, doubted(oracle.SomeRegisters(uint64(seed), 6, 3, 2), uint64(seed)))
	}
	for seed := range more {
		counts.registers(t, doubted(oracle.SomeRegisters(uint64(seed), 7+seed%2, 3, 2), uint64(seed)))
	}
	counts.report(t, six+more, 100)
}

// The isolation levels against every commit order, over every way to cut the
// same histories into transactions, and to abort some of them.
func TestIsolationAgreesWithDefinitions(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	compared := 0
	judge := func(h *history.History) {
		counts.transactions(t, h)
		compared++
	}
	n := 0
	for size := 1; size <= 5; size++ {
		for h := range oracle.AllRegisters(size, 3, 2) {
			if n++; size < 5 || *long || n%16 == 0 {
				oracle.InTransactions(h, size < 4 || *long && size < 5, judge)
			}
		}
	}
	counts.report(t, compared, 500)
}

func TestIsolationAgreesAtRandom(t *testing.T) {
	t.Parallel()
	six, more := atRandom(6_000, 500)
	counts := bruteTally{}
	for seed := range six {
		counts.transactions(t, oracle.SomeTransactions(uint64(seed), 6, 3, 2))
	}
	for seed := range more {
		counts.transactions(t, oracle.SomeTransactions(uint64(seed), 7+seed%2, 3, 2))
	}
	counts.report(t, six+more, 100)
}

// The levels that ask for one order of all transactions, on histories made to fall
// near their borders.
func TestCommitOrdersAgreeAtRandom(t *testing.T) {
	t.Parallel()
	six, more := atRandom(5_000, 400)
	counts := bruteTally{}
	for seed := range six {
		counts.ordered(t, oracle.SomeSnapshots(uint64(seed), 5, 3, 2))
	}
	for seed := range more {
		counts.ordered(t, oracle.SomeSnapshots(uint64(seed), 7, 4, 2+seed%2))
	}
	counts.report(t, six+more, 100)
}

// Transactions of one operation: the strongest isolation level is causal
// convergence.
func TestSingleOperationTransactions(t *testing.T) {
	for seed := range uint64(3000) {
		h := oracle.SomeRegisters(seed, 8, 3, 2)
		require.Equal(t, judgeBy(t, h, "ccv"), judgeBy(t, h, "transactional-causal"), "seed %d%s", seed, dump{h})
	}
}

// timed gives the operations of an enumerated history overlapping intervals, of which
// some are an instant, and leaves some writes indeterminate.
func timed(h *history.History, seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 7))
	free := map[int]int64{}
	for i := range h.Ops {
		o := &h.Ops[i]
		o.Call = free[o.Session] + int64(rng.IntN(4))
		o.Return = o.Call + int64(rng.IntN(7))
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

// Zones, which decide linearizability, against the oracle that tries every order:
// every small history, with intervals that overlap in some way, and larger ones.
// Of the former the two searches must say the same.
func TestZonesAgree(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	agree := func(h *history.History) {
		require.NoError(t, h.Validate())
		counts.agree(t, h, "linearizable-register", oracle.Linearizable(h) == oracle.Allowed)
	}
	n := 0
	for size := 1; size <= 5; size++ {
		for h := range oracle.AllRegisters(size, 3, 2) {
			n++
			h = timed(h, uint64(n))
			agree(h)
			r, err := search(newMeter(context.Background(), defaults(t)), models.LinearizableRegister(), h, "as a second opinion")
			require.NoError(t, err)
			require.Equal(t, judgeBy(t, h, "linearizable-register"), r.status, "the search%s", dump{h})
			require.Equal(t, r.status, agreeWithPorcupine(t, models.LinearizableRegister(), h))
		}
	}
	six, more := atRandom(10_000, 1_000)
	for seed := range six {
		agree(timed(oracle.SomeRegisters(uint64(seed), 6, 3, 2), uint64(seed)))
	}
	for seed := range more {
		agree(timed(oracle.SomeRegisters(uint64(seed), 7+seed%2, 4, 1), uint64(seed)))
	}
	counts.report(t, n+six+more, 1000)
}

// Histories in each of the classes that tell CC, CM and CCv apart, with the
// definitions and the plain twin as second and third checker.
func TestSeparatingClasses(t *testing.T) {
	t.Parallel()
	each := int(sample(250, 1000))
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
		require.Equal(t, second, class, "seed %d%s", seed, dump{h})
		r, _ := oracle.NewRegisters(h)
		third := letter(r.CC()) + letter(r.CM()) + letter(r.CCv())
		require.Equal(t, third, class, "seed %d%s", seed, dump{h})
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
