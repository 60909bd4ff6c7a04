package laws_test

import (
	"maps"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

func writes() *rapid.Generator[lww] {
	return rapid.Custom(func(t *rapid.T) lww {
		return lww{rapid.IntRange(0, 9).Draw(t, "time"), rapid.StringN(0, 2, -1).Draw(t, "value")}
	})
}

// What a user sees under go test: the law, both sides, the smallest states and
// the command, in the same words for the same seed.
func TestCheckReport(t *testing.T) {
	fixSeed(t, "1")
	set := laws.Func(lastArrival)
	out := &tape{name: "TestLastArrival/semilattice/commutative"}
	out.run(func() {
		laws.CheckLawTB(out, set, "semilattice/commutative", laws.SourceOf(set, gen.FromRapid(writes())), 0)
	})
	assert.True(t, out.failed)
	golden(t, "check.txt", out.text())
}

func TestCheckReportOfAWrite(t *testing.T) {
	fixSeed(t, "1")
	set := laws.Func(func(a, b map[string]int) map[string]int {
		if a == nil {
			return maps.Clone(b)
		}
		maps.Copy(a, b) // writes into a, and loses what a had under the same key
		return a
	})
	out := &tape{name: "TestCopy/semilattice/commutative"}
	out.run(func() {
		states := rapid.MapOfN(rapid.SampledFrom([]string{"x", "y"}), rapid.IntRange(0, 3), 0, 2)
		laws.CheckLawTB(out, set, "semilattice/commutative", laws.SourceOf(set, gen.FromRapid(states)), 0)
	})
	assert.True(t, out.failed)
	golden(t, "check-write.txt", out.text())
}

func TestCheckReportOfAPanic(t *testing.T) {
	fixSeed(t, "1")
	set := laws.FuncIn(func(dst *map[string]int, delta map[string]int) {
		for k, n := range delta {
			(*dst)[k] = max((*dst)[k], n) // panics where the target is nil
		}
	})
	out := &tape{name: "TestNil/inplace/equals-alike"}
	out.run(func() {
		states := rapid.MapOfN(rapid.SampledFrom([]string{"x", "y"}), rapid.IntRange(0, 3), 0, 2)
		laws.CheckLawTB(out, set, "inplace/equals-alike", laws.SourceOf(set, gen.FromRapid(states)), 0)
	})
	assert.True(t, out.failed)
	golden(t, "check-panic.txt", out.text())
}

// A merge that does not return fails the law that met it, with the states that it
// was given, whether it was the law that merged them or the source.
func TestCheckGivesUpOnALoop(t *testing.T) {
	fixSeed(t, "1")
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	endless := func(a, b int) int {
		if a == 2 && b == 3 {
			<-stop // for ever, as far as the check is concerned
		}
		return max(a, b)
	}
	set, states := laws.Func(endless), gen.Int(0, 4)
	for name, source := range map[string]gen.Source[int]{
		"judging": gen.Independent(states), "drawing": gen.Correlated(states, endless, nil),
	} {
		t.Run(name, func(t *testing.T) {
			out := &tape{name: "TestEndless/semilattice/commutative"}
			out.run(func() {
				laws.CheckLawTB(out, set, "semilattice/commutative", source, 300, laws.Patience(200*time.Millisecond))
			})
			assert.True(t, out.failed)
			assert.Contains(t, out.text(), "law semilattice/commutative does not hold\n    a ⊔ b = b ⊔ a\nstuck  the merge does not return\nlimit  200ms without a sign of it; laws.Patience sets another, 0 none\nwhere\n    a = ")
			assert.Regexp(t, `(?s)where\n    [ab] = (2.*\n    [ab] = 3|3.*\n    [ab] = 2)\n`, out.text())
		})
	}
}

// Checks of one process are watched together, each with its own patience.
func TestCheckGivesUpOnOneLoopOfMany(t *testing.T) {
	fixSeed(t, "1")
	stop, given := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop) })
	slow := laws.Func(func(a, b int) int {
		<-given // until the other was given up
		return max(a, b)
	})
	endless := laws.Func(func(a, b int) int {
		<-stop
		return max(a, b)
	})
	source := gen.Independent(gen.Int(0, 4))
	passed, failed := &tape{name: "TestSlow"}, &tape{name: "TestEndless"}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		passed.run(func() {
			laws.CheckLawTB(passed, slow, "semilattice/commutative", source, 0, laws.Patience(time.Hour))
		})
	}()
	failed.run(func() {
		laws.CheckLawTB(failed, endless, "semilattice/commutative", source, 0, laws.Patience(50*time.Millisecond))
	})
	close(given)
	<-ended
	assert.True(t, failed.failed)
	assert.Contains(t, failed.text(), "the merge does not return")
	assert.False(t, passed.failed, passed.text())
}

// A loop met while states were drawn, and not met again, is told without states:
// those of another draw are not to blame.
func TestCheckBlamesNoOtherStates(t *testing.T) {
	fixSeed(t, "1")
	stop, once := make(chan struct{}), false
	t.Cleanup(func() { close(stop) })
	endless := func(a, b int) int {
		if a != b && !once {
			once = true
			<-stop
		}
		return max(a, b)
	}
	out := &tape{name: "TestEndless/semilattice/commutative"}
	out.run(func() {
		set := laws.Func(func(a, b int) int { return max(a, b) })
		laws.CheckLawTB(out, set, "semilattice/commutative", gen.Correlated(gen.Int(0, 4), endless, nil), 300, laws.Patience(200*time.Millisecond))
	})
	assert.True(t, out.failed)
	assert.Contains(t, out.text(), "stuck  the merge does not return\nlimit  200ms without a sign of it; laws.Patience sets another, 0 none\nwhere\nagain  ")
}

// A merge that gives up its test ends the check from where it was called.
func TestCheckPassesOnGivingUp(t *testing.T) {
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- returned }()
		set := laws.Func(func(a, b lww) lww {
			runtime.Goexit() // what FailNow of the user's own test does
			return a
		})
		laws.CheckLawTB(&tape{name: "TestX"}, set, "semilattice/commutative", laws.SourceOf(set, gen.FromRapid(writes())), 0)
		returned = true
	}()
	assert.False(t, <-ended)
}

// rapid's own runner judges laws as the package's runner does.
func TestRapidAsRunner(t *testing.T) {
	fixSeed(t, "1")
	fixFlag(t, "rapid.checks", "500") // of which it takes a fifth under -short
	for name, merge := range map[string]func(a, b lww) lww{"lawful": func(a, b lww) lww {
		if b.Time > a.Time || b.Time == a.Time && b.Value > a.Value {
			return b
		}
		return a
	}, "by arrival": lastArrival} {
		set := laws.Func(merge)
		trials, _, err := laws.Trials(set, laws.SourceOf(set, gen.FromRapid(writes())))
		require.NoError(t, err)
		for _, trial := range trials {
			out := &tape{name: "TestRapid/" + trial.Law().ID}
			out.run(func() { trial.CheckRapid(out) })
			want := name == "by arrival" && trial.Law().ID == "semilattice/commutative"
			assert.Equal(t, want, out.failed, "%s: %s\n%s", name, trial.Law().ID, out.text())
			if want {
				assert.Contains(t, out.text(), "law semilattice/commutative does not hold\n    a ⊔ b = b ⊔ a\nleft   a ⊔ b = laws_test.lww{")
			}
		}
	}
}
