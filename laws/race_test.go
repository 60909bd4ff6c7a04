//go:build unix

package laws_test

import (
	"flag"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// version is a register: what was written last.
type version struct {
	time  int
	value string
}

//go:noinline
func later(a, b version) version {
	if b.time > a.time || b.time == a.time && b.value > a.value {
		return b
	}
	return a
}

func versions() *rapid.Generator[version] {
	return rapid.Custom(func(t *rapid.T) version {
		at := rapid.IntRange(0, 9).Draw(t, "time")
		return version{at, rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, "value")}
	})
}

//go:noinline
func maxOf(a, b map[string]int) map[string]int {
	j := make(map[string]int, max(len(a), len(b)))
	maps.Copy(j, a)
	for k, n := range b {
		if have, ok := j[k]; !ok || n > have {
			j[k] = n
		}
	}
	return j
}

// counters makes up to three counts of three keys. What it draws from is made once,
// which leaves the fewest costs of rapid's own to hide ours behind.
func counters() *rapid.Generator[map[string]int] {
	length, key, count := rapid.IntRange(0, 3), rapid.SampledFrom([]string{"a", "b", "c"}), rapid.IntRange(0, 9)
	return rapid.Custom(func(t *rapid.T) map[string]int {
		n := length.Draw(t, "len")
		m := make(map[string]int, n)
		for range n {
			m[key.Draw(t, "key")] = count.Draw(t, "count")
		}
		return m
	})
}

// One operation is a turn each: subtests that check one law in 2,000 cases together,
// through this package and by a property of rapid written by hand, which draws states
// apart from each other. Through [laws.Check] they are drawn apart too, in the 100 cases
// a subtest that rapid makes; by default they are drawn as [laws.CheckMerge] does,
// spliced and as joins of each other, in as many cases as it makes, by hand as by the
// law. They run as real subtests, since either is only ever
// run as one, and what starting a test costs is not the checker's. Turns are timed
// by what they keep processors busy for and by the clock, and the metrics are the
// medians over pairs of turns: of a machine that others use too, they are what can
// be compared. The merges are kept from being inlined, as merges of a package of
// their own hardly ever are: inlined into the law written by hand, what they make
// never leaves its stack, which takes a tenth off its cost.
func BenchmarkRapidLaw(b *testing.B) {
	b.Run("associative/set", func(b *testing.B) {
		states := stringSets()
		race(b, "semilattice/associative", laws.Func(unionOf), states, func(t *rapid.T) bool {
			x, y, z := states.Draw(t, "x"), states.Draw(t, "y"), states.Draw(t, "z")
			return maps.Equal(unionOf(unionOf(x, y), z), unionOf(x, unionOf(y, z)))
		})
	})
	b.Run("commutative/map", func(b *testing.B) {
		states := counters()
		race(b, "semilattice/commutative", laws.Func(maxOf), states, func(t *rapid.T) bool {
			x, y := states.Draw(t, "x"), states.Draw(t, "y")
			return maps.Equal(maxOf(x, y), maxOf(y, x))
		})
	})
	b.Run("commutative/register", func(b *testing.B) {
		states := versions()
		race(b, "semilattice/commutative", laws.Func(later), states, func(t *rapid.T) bool {
			x, y := states.Draw(t, "x"), states.Draw(t, "y")
			return later(x, y) == later(y, x)
		})
	})
}

func race[S any](b *testing.B, id string, set laws.Set[S], states *rapid.Generator[S], law func(t *rapid.T) bool) {
	const rapidsOwn = 100
	set = laws.Alone(set, id)
	b.Run("apart", func(b *testing.B) {
		apart := gen.Independent(gen.FromRapid(states))
		raceOf(b, id, rapidsOwn, func(t *testing.T) { laws.Check(t, set, apart, laws.Cases(rapidsOwn)) }, law)
	})
	b.Run("default", func(b *testing.B) {
		raceOf(b, id, laws.DefaultCases, func(t *testing.T) { laws.CheckDrawn(t, set, gen.FromRapid(states), laws.Cases(laws.DefaultCases)) }, law)
	})
}

func raceOf(b *testing.B, id string, cases int, through func(*testing.T), law func(t *rapid.T) bool) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := checks.Value.Set(strconv.Itoa(cases)); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = checks.Value.Set(before) }() // which it was
	byHand := func(t *testing.T) {
		t.Run(id, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				if !law(t) {
					t.Fatalf("does not hold")
				}
			})
		})
	}
	turn := func(t *testing.T, run func(*testing.T)) (processor, clock float64) {
		began, at := busy(b), time.Now()
		for range 2000 / cases {
			run(t)
		}
		return (busy(b) - began).Seconds(), time.Since(at).Seconds()
	}
	var busyRatios, clockRatios []float64
	procs := runtime.GOMAXPROCS(0)
	compare := func(t *testing.T) {
		if len(busyRatios) > 0 {
			return // RunTests follows -count and -cpu as well
		}
		runtime.GOMAXPROCS(procs)
		turn(t, through)
		turn(t, byHand)
		for b.Loop() {
			processor, clock := turn(t, through)
			handProcessor, handClock := turn(t, byHand)
			busyRatios, clockRatios = append(busyRatios, processor/handProcessor), append(clockRatios, clock/handClock)
		}
	}
	all := func(_, _ string) (bool, error) { return true, nil }
	if !testing.RunTests(all, []testing.InternalTest{{Name: b.Name(), F: compare}}) {
		b.Fatal("a law that holds was refuted")
	}
	runtime.GOMAXPROCS(procs)
	slices.Sort(busyRatios)
	slices.Sort(clockRatios)
	b.ReportMetric(busyRatios[len(busyRatios)/2], "x-hand")
	b.ReportMetric(clockRatios[len(clockRatios)/2], "x-hand-clock")
}

// busy is how long this process has kept processors busy.
func busy(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
