package laws_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// Reports call what is checked by its name: a merge, a method, or what a set of the
// user's own is about.
func TestReportsNameWhatIsChecked(t *testing.T) {
	flips := 0
	flip := func() int { flips++; return flips * flips % 7 & 1 }
	endless := func() int { select {} }
	watch := laws.Watch(func(evaluate func()) bool {
		done := make(chan struct{})
		go func() {
			defer close(done)
			evaluate()
		}()
		select {
		case <-done:
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	ints := gen.Independent(gen.Int(0, 1))
	merge := func(odd func() int) laws.Set[int] {
		return laws.Func(func(a, b int) int { return a | b ^ odd() }, watch)
	}
	method := func(odd func() int) laws.Set[int] {
		return laws.Method[int](func(a *int, b int) { *a |= b ^ odd() }, watch)
	}
	custom := func(odd func() int) laws.Set[int] {
		return laws.CustomSet(laws.Custom[int]{Name: "gadget", Laws: []laws.Law[int]{{
			ID: "gadget/even", Statement: "it is even", Arity: 1,
			Eval: func(*laws.Probe[int], []int) laws.Outcome {
				if odd() == 1 {
					return laws.Fails
				}
				return laws.Holds
			},
			Explain: func(*laws.Probe[int], []int) laws.Sides { return laws.Sides{LeftExpr: "it", Left: "is odd"} },
		}}}, watch)
	}
	for _, c := range []struct {
		name, thing, law, again string
		set                     func(odd func() int) laws.Set[int]
	}{
		{"merge", "merge", "semilattice/commutative", "merging the same states again gives an equal result", merge},
		{"method", "method", "method/commutative", "given the same again, the method does the same", method},
		{"custom", "gadget", "gadget/even", "given the same again, the gadget does the same", custom},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := laws.Run(c.set(flip), ints, laws.RunOptions{Seed: 1, Only: c.law})
			res, _ := r.Result(c.law)
			require.NotNil(t, res.Failure)
			assert.Equal(t, "wellposed/deterministic", res.Failure.Law)
			assert.Equal(t, c.again, res.Failure.Statement)

			stuck, _ := laws.Run(c.set(endless), ints, laws.RunOptions{Seed: 1, Only: c.law}).Result(c.law)
			require.NotNil(t, stuck.Failure)
			assert.Contains(t, stuck.Failure.String(), "stuck  the "+c.thing+" does not return\n")

			for why, odd := range map[string]func() int{"does not return": endless, "is not deterministic": flip} {
				barred := ""
				out := &tape{name: "TestX"}
				out.run(func() { barred = laws.CheckLawTB(out, c.set(odd), c.law, ints, 20) })
				assert.Equal(t, "the "+c.thing+" "+why+", see "+c.law, barred, out.text())
			}
		})
	}
}
