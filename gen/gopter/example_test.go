package gengopter_test

import (
	"fmt"
	"maps"
	"os"

	"github.com/leanovate/gopter"
	ggen "github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	gengopter "github.com/joinery-go/joinery/gen/gopter"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// A property of gopter over a generator of choices.
func ExampleOf() {
	basket := gen.MapOf(gen.OneOf("apple", "pear", "plum"), gen.Int(0, 100), 3)
	properties := gopter.NewProperties(gopter.DefaultTestParametersWithSeed(1))
	properties.Property("no more than nine plums", prop.ForAll(func(b map[string]int) bool {
		return b["plum"] <= 9
	}, gengopter.Of(basket)))
	properties.Run(gopter.NewFormatedReporter(false, 80, os.Stdout))
	// Output:
	// ! no more than nine plums: Falsified after 19 passed tests.
	// ARG_0: map[plum:10]
	// ARG_0_ORIGINAL (5 shrinks): map[pear:50 plum:31]
}

// Values that tie, and stay tied while they shrink.
func ExampleTuple() {
	type write struct {
		Time int
		Text string
	}
	later := func(a, b write) write {
		if b.Time >= a.Time { // a tie takes the argument
			return b
		}
		return a
	}
	time, text := gen.Int(0, 1_000_000), gen.String("xyz", 3)
	writes := gen.Gen[write](func(d *gen.Draw) write {
		at := time(d)
		return write{at, text(d)}
	})
	properties := gopter.NewProperties(gopter.DefaultTestParametersWithSeed(1))
	properties.Property("commutes", prop.ForAll(func(x []write) bool {
		return later(x[0], x[1]) == later(x[1], x[0])
	}, gengopter.Tuple(gen.Mixed(writes, later, nil), 2)))
	properties.Run(gopter.NewFormatedReporter(false, 80, os.Stdout))
	// Output:
	// ! commutes: Falsified after 11 passed tests.
	// ARG_0: [{Time:0 Text:} {Time:0 Text:x}]
	// ARG_0_ORIGINAL (6 shrinks): [{Time:4 Text:xxx} {Time:4 Text:xzy}]
}

// A type that has a generator of gopter already is checked by the laws. Inside of
// go test, laws.Check does it under rapid.
func ExampleFrom() {
	stock := ggen.MapOf(ggen.OneConstOf("a", "b", "c"), ggen.IntRange(0, 100))
	merge := func(a, b map[string]int) map[string]int {
		j := maps.Clone(a)
		for k, n := range b {
			if n > 0 { // an entry of zero gets lost, but only on one side
				j[k] = max(j[k], n)
			}
		}
		return j
	}
	right := lattice.MapOf[string](lattice.Max[int]())
	source := gen.For(right, gengopter.From[map[string]int](stock, 3))
	report := laws.Run(laws.Func(merge), source, laws.RunOptions{Seed: 1})
	fmt.Println(report.Failing())
	res, _ := report.Result("semilattice/commutative")
	fmt.Print(res.Failure)
	// Output:
	// [semilattice/commutative inplace/equals-alike]
	// law semilattice/commutative does not hold
	//     a ⊔ b = b ⊔ a
	// left   a ⊔ b = map[string]int{}
	// right  b ⊔ a = map[string]int{"a": 0}
	// where
	//     a = map[string]int{}
	//     b = map[string]int{"a": 0}
	// found  case 44 of seed 1
}

// A property that judges and shrinks on its own.
func ExampleMinimise() {
	list := gen.SliceOf(gen.Int(0, 1000), 5)
	long := func(src choice.Source) bool { return len(list(gen.NewDraw(src))) > 2 }
	property := gopter.Prop(func(p *gopter.GenParameters) *gopter.PropResult {
		var tape gengopter.Recorder
		tape.Reset(p)
		if !long(&tape) {
			return &gopter.PropResult{Status: gopter.PropTrue}
		}
		least, shrinks := gengopter.Minimise(tape.Answers(), p, long)
		return gopter.NewPropResult(false, fmt.Sprint(list(gen.NewDraw(choice.NewSequence(least))), " after ", shrinks, " shrinks"))
	})
	fmt.Println(property.Check(gopter.DefaultTestParametersWithSeed(1)).Labels)
	// Output: [[0 0 0] after 2 shrinks]
}
