package laws_test

import (
	"maps"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// bitmap is a set of numbers below 10. Its other bits say in how many steps it was made,
// which Equals leaves aside.
type bitmap struct{ bits int }

func (b *bitmap) Equals(o any) bool {
	other, ok := o.(*bitmap)
	return ok && b.bits&1023 == other.bits&1023
}

// A library's method Equals says which states are equal, as Equal does.
func TestEqualsSaysWhatIsEqual(t *testing.T) {
	type both struct{ Add, Rem *bitmap }
	bits := rapid.Map(rapid.IntRange(0, 1<<20), func(n int) *bitmap { return &bitmap{n} })
	states := rapid.Custom(func(t *rapid.T) both { return both{bits.Draw(t, "add"), bits.Draw(t, "rem")} })
	union := func(a, b *bitmap) *bitmap { return &bitmap{(a.bits|b.bits)&1023 + a.bits&^1023 + 1024} }
	laws.CheckMerge(t, func(a, b both) both { return both{union(a.Add, b.Add), union(a.Rem, b.Rem)} }, states)
	laws.CheckMerge(t, union, bits)
}

// hub wakes somebody where it has heard of something new.
type hub struct {
	wake chan struct{}
	seen map[string]int
}

func (h *hub) Merge(o *hub) {
	changed := false
	for k, n := range o.seen { //joinery:anyorder each key on its own
		if n > h.seen[k] {
			h.seen[k], changed = n, true
		}
	}
	if changed {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// Channels that a generator makes for each state are refused, by name; nobody is accused of
// the differences between them. Those that it has from elsewhere are what Go takes them for.
func TestChannelsMadeAnewAreRefused(t *testing.T) {
	hubs := func(wake func() chan struct{}) *rapid.Generator[*hub] {
		seen := rapid.MapOfN(rapid.StringMatching(`[a-d]`), rapid.IntRange(1, 9), 0, 3)
		return rapid.Map(seen, func(m map[string]int) *hub { return &hub{wake(), m} })
	}
	said := func(states *rapid.Generator[*hub], opts ...laws.Option) *tape {
		out := &tape{name: "TestHub"}
		out.run(func() { laws.Unsteady(out, laws.Method[*hub]((*hub).Merge, opts...), states) })
		return out
	}
	anew := hubs(func() chan struct{} { return make(chan struct{}, 1) })
	refused := said(anew)
	assert.True(t, refused.failed)
	assert.Contains(t, refused.text(), "states cannot be compared: a.wake is a chan that is made anew for each state")
	assert.Contains(t, refused.text(), "laws.State")
	sometimes := 0
	refused = said(hubs(func() chan struct{} {
		if sometimes++; sometimes%4 == 0 {
			return nil
		}
		return make(chan struct{}, 1)
	}))
	assert.True(t, refused.failed, "also where some states have none")

	shared := make(chan struct{}, 1)
	ok := said(hubs(func() chan struct{} { return shared }))
	assert.False(t, ok.failed)
	assert.NotContains(t, ok.text(), "chan")
	ofSeen := []laws.Option{
		laws.State(func(h *hub) any { return h.seen }),
		laws.Equal(func(a, b *hub) bool { return maps.Equal(a.seen, b.seen) }),
	}
	for _, option := range ofSeen {
		ok = said(anew, option)
		assert.False(t, ok.failed)
		assert.NotContains(t, ok.text(), "chan")
	}
	laws.CheckMethod(t, (*hub).Merge, anew, ofSeen[0])
}

// A Join of its own that lends out its argument, where that has everything, is found by what
// is merged into the result.
func TestJoinThatLendsItsArgument(t *testing.T) {
	m, set := unions(), lattice.SetOf[int]()
	m.caps = lattice.Caps[ints]{Join: func(a, b ints) ints {
		if j := lattice.Join(set, a, b); len(j) > len(a) {
			return j
		}
		return a
	}}
	report := laws.Exhaust(laws.InPlace[ints](m), gen.Subsets(0, 1))
	res, ok := report.Result("inplace/join")
	require.True(t, ok)
	require.NotNil(t, res.Failure, "%v", report)
	assert.Equal(t, "a after merging c into Join(a, b)", res.Failure.RightExpr)
}

// A tolerance that holds one way round only is no equality.
func TestToleranceOneWayRound(t *testing.T) {
	above := laws.Tolerance(func(a, b float64) bool { return a <= b+1e-9 })
	r := laws.Run(laws.Monoid(math.Max, 0, above), gen.Independent(gen.Float64Any()), laws.RunOptions{Seed: 1, Cases: 300})
	assert.Contains(t, r.Failing(), "wellposed/equal-symmetric")
}
