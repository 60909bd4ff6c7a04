package operators_test

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// The doors are one line each, and their laws are subtests.
func TestCheckSeq(t *testing.T) {
	operators.CheckSeq(t, mapped(func(n int) set[int] { return setOf(n % 3) }), lattice.IsMorphism, union, numbers(), laws.Cases(50))
}

func TestCheckEmit(t *testing.T) {
	count := func() func(int, func(int)) {
		seen := set[int]{}
		return func(n int, emit func(int)) {
			seen[n] = true
			emit(len(seen))
		}
	}
	operators.CheckEmit(t, count, lattice.IsTricky, larger, numbers(), laws.Cases(50))
}

func TestCheck(t *testing.T) {
	operators.Check(t, operators.Operator[int, int, set[int]]{
		Emit: unique, Lift: lift[int], Merge: union[int], Inputs: numbers(), Once: true,
		Feedback: func(n int) (int, bool) { return n, true },
	}, laws.Cases(50))
}

// refusing is a T that keeps what it is told.
type refusing struct {
	*testing.T
	told string
}

type refused struct{}

func (r *refusing) Fatalf(format string, args ...any) {
	for _, a := range args {
		if err, ok := a.(error); ok {
			r.told = err.Error() + strings.TrimPrefix(format, "%v")
		}
	}
	panic(refused{})
}

func TestDoorsRefuse(t *testing.T) {
	told := func(check func(t laws.T)) string {
		r := &refusing{T: t}
		func() {
			defer func() { assert.Equal(t, refused{}, recover()) }()
			check(r)
		}()
		return r.told
	}
	op := operators.Operator[int, int, int]{Emit: stateless(func(n int, emit func(int)) { emit(n) }), Merge: larger}
	assert.Contains(t, told(func(t laws.T) { operators.Check(t, op) }), "needs Inputs")
	assert.Contains(t, told(func(t laws.T) { operators.CheckSeq[int, int](t, nil, lattice.IsMorphism, larger, numbers()) }), "one of Seq and Emit")
	one := func(d flow.Delta[int]) flow.Delta[int] { return d }
	assert.Contains(t, told(func(t laws.T) { operators.CheckFlow(t, one, lattice.IsMorphism, nil, numbers()) }), "the merge of the fold")
	assert.Contains(t, told(func(t laws.T) {
		operators.CheckFlow[int, int](t, nil, lattice.IsMorphism, lattice.Max[int](), numbers())
	}), "what builds the operator")
}

// A write is shown by what it changed, or, where that is not printed, by words.
func TestWritesAreShown(t *testing.T) {
	type held struct{ Of *[1]int }
	hide := laws.Show(func(held) string { return "held" })
	op := operators.Operator[held, held, set[int]]{
		Emit: func() func(held, func(held)) {
			last := [1]int{}
			return func(h held, emit func(held)) {
				h.Of[0]++
				last[0]++
				emit(held{&last})
			}
		}, Lift: func(held) set[int] { return setOf(1) }, Merge: union[int],
	}
	source := operators.Source(gen.Gen[held](func(d *gen.Draw) held { return held{&[1]int{d.Index("n", 3)}} }))
	for _, law := range []string{"operator/inputs", "operator/outputs"} {
		for _, c := range []struct {
			opts  []operators.Option
			words bool
		}{{nil, false}, {[]operators.Option{hide}, true}} {
			r := laws.Run(operators.Laws(op, c.opts...), source, laws.RunOptions{Seed: 1, Only: law})
			res, _ := r.Result(law)
			require.NotNil(t, res.Failure, law)
			assert.Equal(t, c.words, strings.Contains(res.Failure.Right, "changed where it is not shown"), res.Failure.Right)
			assert.NotEqual(t, res.Failure.Left, res.Failure.Right)
		}
	}
}

func TestSetUp(t *testing.T) {
	right := operators.Operator[int, int, int]{Emit: stateless(func(n int, emit func(int)) { emit(n) }), Merge: larger}
	for words, spoil := range map[string]func(*operators.Operator[int, int, int]){
		"one of Seq and Emit": func(o *operators.Operator[int, int, int]) { o.Seq = mapped(func(n int) int { return n }) },
		"needs Merge":         func(o *operators.Operator[int, int, int]) { o.Merge = nil },
		"a Class":             func(o *operators.Operator[int, int, int]) { o.Class = 3 },
		"edges":               func(o *operators.Operator[int, int, int]) { o.Out = 2 },
		"needs edges":         func(o *operators.Operator[int, int, int]) { o.In, o.Join = 2, larger },
		"needs Join":          func(o *operators.Operator[int, int, int]) { o.In = operators.States },
		"needs Start":         func(o *operators.Operator[int, int, int]) { o.Recompute = func([]int) int { return 0 } },
		"a Longest":           func(o *operators.Operator[int, int, int]) { o.Longest = -1 },
		"without Feedback":    func(o *operators.Operator[int, int, int]) { o.Within = 3 },
		"cannot have Feedback": func(o *operators.Operator[int, int, int]) {
			o.Late, o.Feedback = true, func(n int) (int, bool) { return n, true }
		},
	} {
		o := right
		spoil(&o)
		r := laws.Run(operators.Laws(o), operators.Source(gen.Int(0, 3)), laws.RunOptions{})
		require.ErrorIs(t, r.Err, laws.ErrSetup, words)
		assert.Contains(t, r.Err.Error(), words)
	}
	r := laws.Run(operators.Laws(operators.Operator[int, string, int]{
		Emit: stateless(func(int, func(string)) {}), Merge: larger,
	}), operators.Source(gen.Int(0, 3)), laws.RunOptions{})
	require.ErrorIs(t, r.Err, laws.ErrSetup)
	assert.Contains(t, r.Err.Error(), "needs Lift")
	r = laws.Run(operators.Laws(operators.Operator[int, func(), int]{
		Emit: stateless(func(int, func(func())) {}), Merge: larger, Lift: func(func()) int { return 0 },
	}), operators.Source(gen.Int(0, 3)), laws.RunOptions{})
	require.ErrorIs(t, r.Err, laws.ErrSetup, "elements that cannot be compared")
	assert.True(t, laws.Run(operators.Laws(right), operators.Source(gen.Int(0, 3)), laws.RunOptions{}).OK())
}

// Options are for elements or states by their type, and one for neither is a mistake.
func TestOptions(t *testing.T) {
	type taken struct {
		N    int
		Done func()
	}
	type emitted struct{ N, Time int }
	calls := 0
	op := operators.Operator[taken, emitted, int]{
		Emit: stateless(func(v taken, emit func(emitted)) {
			calls++
			emit(emitted{v.N, calls})
		}),
		Lift: func(e emitted) int { return e.N / 2 }, Merge: larger, Once: true,
	}
	source := operators.Source(gen.Gen[taken](func(d *gen.Draw) taken { return taken{N: d.Index("n", 5)} }))
	opts := []operators.Option{
		laws.Equal(func(a, b taken) bool { return a.N == b.N }), laws.Show(func(v taken) string { return strings.Repeat("|", v.N) }),
		laws.Equal(func(a, b emitted) bool { return a.N == b.N }),
		laws.Show(func(n int) string { return "state " + strings.Repeat("!", n) }),
	}
	r := laws.Run(operators.Laws(op, opts...), source, laws.RunOptions{Seed: 1})
	require.NoError(t, r.Err)
	require.Equal(t, []string{"operator/once"}, r.Failing(), "elements given are equal by their option")
	res, _ := r.Result("operator/once")
	assert.Contains(t, res.Failure.Left, "state ")
	assert.NotContains(t, res.Failure.Where[0].Value, "Done", "elements taken are shown by their option")

	r = laws.Run(operators.Laws(op, append(opts, laws.Show(func(string) string { return "" }))...), source, laws.RunOptions{})
	require.ErrorIs(t, r.Err, laws.ErrSetup)
	assert.Contains(t, r.Err.Error(), "string")
}

// An operator that panics fails the law that met it, with what it was fed.
func TestPanics(t *testing.T) {
	op := operators.Operator[int, int, int]{Merge: larger, Emit: stateless(func(n int, emit func(int)) {
		if n == 2 {
			panic(errors.New("two"))
		}
		emit(n)
	})}
	r := laws.Run(operators.Laws(op), operators.Source(gen.Int(0, 4)), laws.RunOptions{Seed: 1})
	require.NoError(t, r.Err)
	res, _ := r.Result("operator/order")
	require.NotNil(t, res.Failure)
	assert.Equal(t, "two", res.Failure.Panic)
	assert.Contains(t, res.Failure.Where[0].Value, "2, // panics: two")
	res, _ = r.Result("operator/inputs")
	assert.Equal(t, "[]int{\n        2, // panics: two\n    }", res.Failure.Where[0].Value)
}

// What an instance is given to emit with is for the element it comes with.
func TestStaleEmit(t *testing.T) {
	op := operators.Operator[int, int, int]{Merge: larger, Emit: func() func(int, func(int)) {
		var first func(int)
		return func(n int, emit func(int)) {
			if first == nil {
				first = emit
			}
			first(n)
		}
	}}
	r := laws.Run(operators.Laws(op), operators.Source(gen.Int(0, 4)), laws.RunOptions{Seed: 1, Only: "operator/order"})
	res, _ := r.Result("operator/order")
	require.NotNil(t, res.Failure)
	assert.Contains(t, res.Failure.Panic, "emit that it was given with an element before")
	assert.Contains(t, res.Failure.Where[0].Value, "// panics: the operator calls an emit")
}

// An operator that never stops emitting is told apart from one that emits much.
func TestEndless(t *testing.T) {
	op := operators.Operator[int, int, int]{Merge: larger, Seq: func(in iter.Seq[int]) iter.Seq[int] {
		return func(yield func(int) bool) {
			for n := range in {
				for yield(n) {
				}
			}
		}
	}}
	for _, law := range []string{"operator/fresh", "operator/inputs", "operator/outputs"} {
		r := laws.Run(operators.Laws(op), operators.Source(gen.Int(0, 4)), laws.RunOptions{Seed: 1, Only: law, Replays: 10})
		res, _ := r.Result(law)
		require.NotNil(t, res.Failure)
		assert.Contains(t, res.Failure.Panic, "emits more than 65536 elements")
	}
}

// One that does not come back is given up, with what it was fed.
func TestStuck(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	op := operators.Operator[int, int, int]{Merge: larger, Emit: stateless(func(n int, emit func(int)) {
		if n == 2 {
			<-stop
		}
		emit(n)
	})}
	watch := laws.Watch(func(evaluate func()) bool {
		done := make(chan struct{})
		go func() { defer close(done); evaluate() }()
		select {
		case <-done:
			return true
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
	r := laws.Run(operators.Laws(op, watch), operators.Source(gen.Just(2)), laws.RunOptions{Seed: 1, Only: "operator/inputs"})
	res, _ := r.Result("operator/inputs")
	require.NotNil(t, res.Failure)
	assert.Contains(t, res.Failure.Panic, "does not return")
	assert.Contains(t, res.Failure.Where[0].Value, "[]int{2", "it is shown as feeds are")
}

// What is drawn is made of each other's parts: keys tie while values differ.
func TestSource(t *testing.T) {
	type wide struct{ K, V uint64 }
	ties := 0
	source := operators.Source(gen.FromRapid(rapid.Custom(func(t *rapid.T) wide {
		return wide{rapid.Uint64().Draw(t, "k"), rapid.Uint64().Draw(t, "v")}
	})))
	op := operators.Operator[wide, wide, set[wide]]{Lift: lift[wide], Merge: union[wide], Emit: func() func(wide, func(wide)) {
		values := map[uint64]uint64{}
		return func(w wide, emit func(wide)) {
			if v, ok := values[w.K]; ok && v != w.V {
				ties++
			}
			values[w.K] = w.V
			emit(w)
		}
	}}
	r := laws.Run(operators.Laws(op), source, laws.RunOptions{Seed: 1, Only: "operator/fresh"})
	assert.True(t, r.OK(), "%v", r)
	assert.Greater(t, ties, 30)
}
