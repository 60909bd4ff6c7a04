package laws_test

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// A merge of one's own, checked outside of go test. Inside, one line does it:
//
//	laws.CheckMerge(t, newest, rapid.Custom(drawPost))
func Example() {
	type post struct {
		Time int
		Text string
	}
	newest := func(a, b post) post {
		if b.Time >= a.Time {
			return b
		}
		return a
	}
	time, text := gen.Int(0, 1000), gen.String("xyz", 2)
	posts := gen.Gen[post](func(d *gen.Draw) post { return post{time(d), text(d)} })
	report := laws.Run(laws.Func(newest), gen.Mixed(posts, newest, nil), laws.RunOptions{Seed: 1})
	fmt.Println(report.Failing())
	res, _ := report.Result("semilattice/commutative")
	fmt.Print(res.Failure)
	// Output:
	// [semilattice/commutative]
	// law semilattice/commutative does not hold
	//     a ⊔ b = b ⊔ a
	// left   a ⊔ b = laws_test.post{}
	// right  b ⊔ a = laws_test.post{Text: "x"}
	// where
	//     a = laws_test.post{Text: "x"}
	//     b = laws_test.post{}
	// found  case 2 of seed 1
}

// Every tuple of the eight subsets of three elements.
func ExampleExhaust() {
	report := laws.Exhaust(laws.Order(lattice.SetOf[string]()), gen.Subsets("x", "y", "z"))
	fmt.Print(report)
	// Output:
	// order: every tuple of 8 states
	//   order/agrees                 passed           64 cases, 64 exercised
	//   order/dual                   passed           64 cases, 64 exercised
	//   order/antisymmetric          passed           64 cases, 8 exercised
	//   order/transitive             passed           512 cases, 64 exercised
	//   order/upper-bound            passed           64 cases, 64 exercised
	//   order/least                  passed           512 cases, 125 exercised
}

// A law of one's own, added to a set.
func ExampleSet_With() {
	m := lattice.MapOf[string](lattice.Max[int]())
	grows := laws.Law[map[string]int]{
		ID: "mine/keys-stay", Statement: "a ⊔ b has at least as many keys as a", Arity: 2,
		Eval: func(p *laws.Probe[map[string]int], x []map[string]int) laws.Outcome {
			if len(p.Join(x[0], x[1])) < len(x[0]) {
				return laws.Fails
			}
			return laws.Holds
		},
		Explain: func(p *laws.Probe[map[string]int], x []map[string]int) laws.Sides {
			return laws.Sides{LeftExpr: "a ⊔ b", Left: p.Show(p.Join(x[0], x[1])), RightExpr: "a", Right: p.Show(x[0])}
		},
	}
	report := laws.Exhaust(laws.Semilattice(m).With(grows), gen.Maps([]string{"x", "y"}, gen.Range(1, 2)))
	for _, r := range report.Results {
		fmt.Println(r.Law, r.Status, r.Cases)
	}
	// Output:
	// semilattice/associative passed 729
	// semilattice/commutative passed 81
	// semilattice/idempotent passed 9
	// mine/keys-stay passed 81
}
