package gopterlaws_test

import (
	"os"

	"github.com/leanovate/gopter"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/gopterlaws"
)

// Laws under gopter's own runner, here for a register that keeps whichever
// of two writes at one time it was given last.
func ExampleProperties() {
	type write struct {
		Time int
		Text string
	}
	merge := func(a, b write) write {
		if b.Time >= a.Time {
			return b
		}
		return a
	}
	time, text := gen.Int(0, 1000), gen.String("xyz", 3)
	writes := gen.Gen[write](func(d *gen.Draw) write {
		at := time(d)
		return write{at, text(d)}
	})
	properties := gopterlaws.Properties(laws.Func(merge).Only("semilattice", "inplace"), gen.Mixed(writes, merge, nil), gopterlaws.Seed(4))
	properties.Run(gopter.NewFormatedReporter(false, 100, os.Stdout))
	// Output:
	// + semilattice/associative: OK, passed 100 tests.
	// ! semilattice/commutative: Falsified after 1 passed tests.
	// > Labels of failing property: law semilattice/commutative does not hold
	//     a ⊔ b = b ⊔ a
	// left   a ⊔ b = gopterlaws_test.write{Text: "x"}
	// right  b ⊔ a = gopterlaws_test.write{}
	// where
	//     a = gopterlaws_test.write{}
	//     b = gopterlaws_test.write{Text: "x"}
	// found  test 2 of gopter's seed 4
	//
	// a: gopterlaws_test.write{}
	// a_ORIGINAL (6 shrinks): gopterlaws_test.write{Time: 5, Text: "zzx"}
	// b: gopterlaws_test.write{Text: "x"}
	// b_ORIGINAL (6 shrinks): gopterlaws_test.write{Time: 5, Text: "zx"}
	// + semilattice/idempotent: OK, passed 100 tests.
	// + inplace/arguments-unchanged: OK, passed 100 tests.
	// + inplace/equals-alike: OK, passed 100 tests.
}

// The parameters of gopter say how much is tried.
func ExampleWith() {
	p := gopter.DefaultTestParametersWithSeed(42)
	p.MinSuccessfulTests = 2000
	m := lattice.SetOf[string]()
	source := gen.For(m, gen.SubsetOf("x", "y", "z"))
	gopterlaws.Properties(laws.Semilattice(m), source, gopterlaws.With(p)).Run(gopter.NewFormatedReporter(false, 80, os.Stdout))
	// Output:
	// + semilattice/associative: OK, passed 2000 tests.
	// + semilattice/commutative: OK, passed 2000 tests.
	// + semilattice/idempotent: OK, passed 2000 tests.
}
