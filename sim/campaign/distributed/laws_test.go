package distributed_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// states draws states of few commits, workers, counters and classes, so that parts tie.
func states() gen.Gen[distributed.State] {
	seeds := gen.MapOf(gen.OneOf("", "c1"), gen.Map(gen.Dots(1, 4), func(d causal.Dots) causal.Spans { return d[1] }), 2)
	counters := gen.MapOf(gen.OneOf("a#1", "b#1"), gen.MapOf(gen.OneOf("x", "y"), gen.Int[uint64](0, 3), 2), 2)
	failure := func(d *gen.Draw) distributed.Failure {
		return distributed.Failure{
			Operations: gen.Int(0, 2)(d), Exceptions: gen.Int(0, 2)(d), Bytes: gen.Int(0, 1)(d),
			Tape: gen.OneOf("", strings.Repeat("00", 32), strings.Repeat("ff", 32))(d),
			Seed: gen.Int[uint64](0, 2)(d), Commit: gen.OneOf("", "c1")(d), Message: gen.OneOf("", "m")(d),
		}
	}
	failures := gen.MapOf(gen.OneOf("lost/1", "lost/2"), failure, 2)
	return func(d *gen.Draw) distributed.State {
		return distributed.State{Seeds: seeds(d), Abandoned: seeds(d), Counters: counters(d), Failures: failures(d)}
	}
}

// few are some states that differ in one part each, to be gone through all together.
func few() gen.Universe[distributed.State] {
	s := func(lo, hi uint64) map[string]causal.Spans { return map[string]causal.Spans{"": {{Lo: lo, Hi: hi}}} }
	f := func(ops int, tape string) map[string]distributed.Failure {
		return map[string]distributed.Failure{"x": {Operations: ops, Tape: tape}}
	}
	return gen.Values(
		distributed.State{}, distributed.State{Seeds: s(1, 2)}, distributed.State{Seeds: s(2, 3)}, distributed.State{Abandoned: s(1, 2)},
		distributed.State{Counters: map[string]map[string]uint64{"a": {"n": 1}}}, distributed.State{Counters: map[string]map[string]uint64{"a": {"n": 2}, "b": {}}},
		distributed.State{Failures: f(1, "")}, distributed.State{Failures: f(1, "00")}, distributed.State{Failures: f(2, "00"), Seeds: s(1, 1)},
	)
}

// TestLaws: states are a lattice, by every law of the registry that applies to a merge.
func TestLaws(t *testing.T) {
	m := distributed.Merge()
	entry := laws.Register("campaign state", m, gen.For(m, states()), laws.WithUniverse(few()))
	rows := laws.Rows([]laws.Entry{entry}, laws.MatrixOptions{Seed: 1, Cases: 100})
	seen := make(map[string]bool)
	for _, r := range rows {
		assert.True(t, r.OK, "%s: %s\n%s", r.Law, r.Status, r.Why)
		seen[r.Law] = true
	}
	for _, law := range []string{"semilattice/associative", "semilattice/commutative", "semilattice/idempotent"} {
		assert.True(t, seen[law], "%s was checked: %v", law, seen)
	}
}

// TestLawsFindArrival: the laws find a merge whose failures are those that came first.
func TestLawsFindArrival(t *testing.T) {
	first := func(a, b distributed.State) distributed.State {
		joined := lattice.Join(distributed.Merge(), a, b)
		for class, f := range a.Failures {
			joined.Failures[class] = f
		}
		return joined
	}
	found := laws.Rows([]laws.Entry{laws.Register("by arrival", arriving{distributed.Merge(), first}, gen.For(distributed.Merge(), states()))},
		laws.MatrixOptions{Seed: 1, Cases: 100})
	broken := false
	for _, r := range found {
		broken = broken || !r.OK && strings.HasSuffix(r.Law, "commutative")
	}
	assert.True(t, broken)
}

type arriving struct {
	lattice.Merge[distributed.State]
	join func(a, b distributed.State) distributed.State
}

func (m arriving) MergeIn(target *distributed.State, delta distributed.State) bool {
	before := m.Clone(*target)
	*target = m.join(before, delta)
	return m.Compare(before, *target) == lattice.Less
}

// TestCodec: a head is read as it was written, equal ones are equal bytes, and any bytes are
// an error at most.
func TestCodec(t *testing.T) {
	laws.CheckCodec(t, distributed.EncodeState, distributed.DecodeState,
		rapid.Custom(func(t *rapid.T) distributed.State {
			return distributed.State{
				Seeds:     map[string]causal.Spans{rapid.SampledFrom([]string{"", "c"}).Draw(t, "commit"): {{Lo: 1, Hi: rapid.Uint64Range(1, 9).Draw(t, "hi")}}},
				Abandoned: map[string]causal.Spans{}, Counters: map[string]map[string]uint64{"w": {"n": rapid.Uint64().Draw(t, "n")}},
				Failures: map[string]distributed.Failure{rapid.String().Draw(t, "class"): {
					Operations: rapid.IntRange(0, 9).Draw(t, "ops"), Seed: rapid.Uint64().Draw(t, "seed"), Message: rapid.String().Draw(t, "message"),
				}},
			}
		}), laws.Cases(100))
}
