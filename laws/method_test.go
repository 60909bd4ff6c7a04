package laws_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

var errOdd = errors.New("odd")

// cell is a number behind a pointer.
type cell struct{ N int }

func cells(n int) gen.Universe[*cell] {
	var u gen.Universe[*cell]
	for i := range n {
		u = append(u, &cell{i})
	}
	return u
}

func copyCell(c *cell) *cell { return &cell{c.N} }

// taken merges b into a and returns what a lacked of it.
func taken(a *ints, b ints) (change ints) {
	for e := range b { //joinery:anyorder elements are taken apart
		if _, ok := (*a)[e]; ok {
			continue
		}
		if *a == nil {
			*a = ints{}
		}
		if change == nil {
			change = ints{}
		}
		(*a)[e], change[e] = struct{}{}, struct{}{}
	}
	return change
}

func TestMethodFaults(t *testing.T) {
	t.Parallel()
	ofSets := func(m func(*ints, ints) (ints, error), opts ...laws.Option) laws.Suite {
		return suite(laws.Method[ints](m, opts...), gen.Subsets(1, 2, 3), maps.Clone[ints])
	}
	killAlone(t, map[string]laws.Suite{
		"method/associative": ofInts(laws.Method[int](func(a *int, b int) { *a = winner(*a, b) }), 2),
		"method/commutative": ofInts(laws.Method[int](func(*int, int) {}), 2),
		"method/idempotent":  ofInts(laws.Method[int](func(a *int, b *int) { *a += *b }), 3),
		"inplace/grew: of a method": ofInts(laws.Method[int](func(a *int, b int) bool {
			*a = max(*a, b)
			return b > 0
		}), 3),
		"inplace/grew: with an error": ofInts(laws.Method[int](func(a, b *int) (bool, error) {
			*a = max(*a, *b)
			return false, nil
		}), 3),
		"inplace/delta-unchanged: of a method": suite(laws.Method[ints](func(a, b *ints) {
			taken(a, *b)
			clear(*b)
		}), gen.Subsets(1, 2, 3), maps.Clone[ints]),
		// Some pairs are refused, in both directions.
		"method/total": ofInts(laws.Method[int](func(a *int, b int) error {
			if (*a+b)%2 == 1 {
				return errOdd
			}
			*a = max(*a, b)
			return nil
		}), 5),
		"method/refuses-alike": ofInts(laws.Method[int](func(a *int, b int) error {
			if *a == 1 && b == 2 {
				return errOdd
			}
			*a = max(*a, b)
			return nil
		}, laws.MayRefuse()), 5),
		"method/refused-unchanged": ofInts(laws.Method[int](func(a *int, b int) error {
			if (*a+b)%2 == 1 {
				*a = max(*a, b)
				return errOdd
			}
			*a = max(*a, b)
			return nil
		}, laws.MayRefuse()), 5),
		"method/refused-unchanged: the argument": suite(laws.Method[ints](func(a *ints, b ints) error {
			if len(*a) != len(b) {
				b[99] = struct{}{}
				return errOdd
			}
			taken(a, b)
			return nil
		}, laws.MayRefuse()), gen.Subsets(1, 2, 3), maps.Clone[ints]),
		// The result is returned, and rubbish left behind.
		"method/receiver": suite(laws.Method[*cell](func(a, b *cell) (*cell, error) {
			j := &cell{max(a.N, b.N)}
			a.N = 99
			return j, nil
		}), cells(4), copyCell),
		"method/change": ofSets(func(a *ints, b ints) (ints, error) {
			taken(a, b)
			return nil, nil
		}),
		"method/change-empty": ofSets(func(a *ints, b ints) (ints, error) {
			if change := taken(a, b); change != nil {
				return change, nil
			}
			return b, nil
		}),
		"method/change-least": ofSets(func(a *ints, b ints) (ints, error) {
			if change := taken(a, b); change != nil {
				return b, nil
			}
			return nil, nil
		}),
		// More than was given, which suffices, and is not below b.
		"method/change-least: the whole": ofSets(func(a *ints, b ints) (ints, error) {
			if change := taken(a, b); change != nil {
				return maps.Clone(*a), nil
			}
			return nil, nil
		}),
		"method/change: by its address": suite(laws.Method[ints](func(a, b *ints) (*ints, error) {
			taken(a, *b)
			return nil, nil
		}), gen.Subsets(1, 2, 3), maps.Clone[ints]),
		// The receiver is no change where the change is declared.
		"method/change-empty: the receiver": suite(laws.Method[ints](func(a, b *ints) (*ints, error) {
			if taken(a, *b) == nil {
				return a, nil
			}
			return &ints{1: {}, 2: {}, 3: {}}, nil
		}, laws.ReturnsChange(), laws.NoLeastDiff("not asked here")).Only("method/change-empty"), gen.Subsets(1, 2, 3), maps.Clone[ints]),
	})
}

// gauge is a type with methods of every form.
type gauge struct {
	Unit string
	Max  map[string]int
}

var errUnit = errors.New("another unit")

func (g *gauge) raise(o gauge) (change gauge) {
	for k, n := range o.Max { //joinery:anyorder keys are raised apart
		if have, ok := g.Max[k]; ok && have >= n {
			continue
		}
		if g.Max == nil {
			g.Max = map[string]int{}
		}
		if change.Max == nil {
			change = gauge{g.Unit, map[string]int{}}
		}
		g.Max[k], change.Max[k] = n, n
	}
	return change
}

func (g *gauge) Merge(o gauge)                  { g.raise(o) }
func (g *gauge) MergeGrew(o gauge) bool         { return g.raise(o).Max != nil }
func (g *gauge) MergePointer(o *gauge)          { g.raise(*o) }
func (g *gauge) MergePointerGrew(o *gauge) bool { return g.raise(*o).Max != nil }

func (g *gauge) Try(o gauge) error {
	if g.Unit != o.Unit {
		return errUnit
	}
	g.raise(o)
	return nil
}

func (g *gauge) TryPointer(o *gauge) error { return g.Try(*o) }

func (g *gauge) TryGrew(o gauge) (bool, error) {
	change, err := g.TryChange(o)
	return change.Max != nil, err
}

func (g *gauge) TryPointerGrew(o *gauge) (bool, error) { return g.TryGrew(*o) }

func (g *gauge) TryChange(o gauge) (gauge, error) {
	if g.Unit != o.Unit {
		return gauge{}, errUnit
	}
	return g.raise(o), nil
}

func (g *gauge) TryPointerChange(o *gauge) (gauge, error) { return g.TryChange(*o) }

func (g *gauge) TryChangeOrNil(o *gauge) (*gauge, error) {
	change, err := g.TryChange(*o)
	if err != nil || change.Max == nil {
		return nil, err
	}
	return &change, nil
}

func (g *gauge) TryItself(o *gauge) (*gauge, error) {
	if err := g.TryPointer(o); err != nil {
		return nil, err
	}
	return g, nil
}

// Itself is the way of the builders: it returns its receiver.
func (g *gauge) Itself(o *gauge) *gauge {
	g.raise(*o)
	return g
}

// Afresh leaves its receiver alone.
func (g *gauge) Afresh(o *gauge) (*gauge, error) {
	fresh := &gauge{g.Unit, maps.Clone(g.Max)}
	return fresh.TryItself(o)
}

// tags is a map with a method of its own.
type tags map[string]bool

func (t tags) Add(o tags) { maps.Copy(t, o) }

func (t tags) AddGrew(o tags) bool {
	before := len(t)
	maps.Copy(t, o)
	return len(t) > before
}

func TestMethodDoors(t *testing.T) {
	t.Parallel()
	one := rapid.Custom(func(t *rapid.T) gauge {
		return gauge{"m", rapid.MapOfN(texts(), rapid.IntRange(0, 5), 0, 3).Draw(t, "max")}
	})
	any_ := rapid.Custom(func(t *rapid.T) gauge {
		g := one.Draw(t, "gauge")
		g.Unit = rapid.SampledFrom([]string{"m", "s"}).Draw(t, "unit")
		return g
	})
	of := func(g *rapid.Generator[gauge]) *rapid.Generator[*gauge] {
		return rapid.Map(g, func(g gauge) *gauge { return &g })
	}
	o, refuse := laws.Cases(*doorCases), laws.MayRefuse()
	t.Run("plain", func(t *testing.T) { laws.CheckMethod(t, (*gauge).Merge, one, o) })
	t.Run("bool", func(t *testing.T) { laws.CheckMethod(t, (*gauge).MergeGrew, one, o) })
	t.Run("pointer", func(t *testing.T) { laws.CheckMethod(t, (*gauge).MergePointer, one, o) })
	t.Run("pointer bool", func(t *testing.T) { laws.CheckMethod(t, (*gauge).MergePointerGrew, one, o) })
	t.Run("error never", func(t *testing.T) { laws.CheckMethod(t, (*gauge).Try, one, o) })
	t.Run("error", func(t *testing.T) { laws.CheckMethod(t, (*gauge).Try, any_, o, refuse) })
	t.Run("pointer error", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryPointer, any_, o, refuse) })
	t.Run("bool error", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryGrew, any_, o, refuse) })
	t.Run("pointer bool error", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryPointerGrew, any_, o, refuse) })
	t.Run("change", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryChange, any_, o, refuse) })
	t.Run("pointer change", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryPointerChange, any_, o, refuse) })
	t.Run("pointer to change", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryChangeOrNil, any_, o, refuse) })
	t.Run("itself", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryItself, any_, o, refuse) })
	t.Run("of pointers", func(t *testing.T) { laws.CheckMethod(t, (*gauge).MergePointer, of(one), o) })
	t.Run("of pointers bool", func(t *testing.T) { laws.CheckMethod(t, (*gauge).MergePointerGrew, of(one), o) })
	t.Run("of pointers error", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryPointer, of(any_), o, refuse) })
	t.Run("of pointers bool error", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryPointerGrew, of(any_), o, refuse) })
	t.Run("of pointers itself", func(t *testing.T) { laws.CheckMethod(t, (*gauge).Itself, of(one), o) })
	t.Run("of pointers itself error", func(t *testing.T) { laws.CheckMethod(t, (*gauge).TryItself, of(any_), o, refuse) })
	t.Run("of pointers afresh", func(t *testing.T) { laws.CheckMethod(t, (*gauge).Afresh, of(any_), o, refuse) })
	t.Run("of pointers change", func(t *testing.T) {
		laws.CheckMethod(t, (*gauge).TryChangeOrNil, of(any_), o, refuse, laws.ReturnsChange())
	})
	someTags := rapid.Map(rapid.MapOfN(texts(), rapid.Just(true), 0, 3), func(m map[string]bool) tags { return m })
	t.Run("of maps", func(t *testing.T) { laws.CheckMethod(t, tags.Add, someTags, o) })
	t.Run("of maps bool", func(t *testing.T) { laws.CheckMethod(t, tags.AddGrew, someTags, o) })
	adding := func(a *int, b int) { *a += b }
	t.Run("adding", func(t *testing.T) { laws.CheckMethod(t, adding, rapid.Int(), o, laws.NotIdempotent()) })
	appending := func(a *string, b string) { *a += b }
	t.Run("appending", func(t *testing.T) {
		laws.CheckMethod(t, appending, texts(), o, laws.NotIdempotent(), laws.NotCommutative())
	})
}

func TestMethodSetup(t *testing.T) {
	refusedSetup(t, laws.Method[int]((func(*int, int))(nil)), "nil")
	refusedSetup(t, laws.Method[int](func(int, int) {}), "laws.CheckMerge", "*int")
	refusedSetup(t, laws.Method[int](func(*int, int) {}, laws.MayRefuse()), "laws.MayRefuse")
	refusedSetup(t, laws.Method[int](func(*int, int) error { return nil }, laws.ReturnsChange()), "laws.ReturnsChange")
	refusedSetup(t, laws.Method[int](func(*int, int) {}, laws.Canonical()), "laws.Canonical", "CheckMethod")
	// A pure merge that may refuse is a method like others.
	pure := laws.Method[int](func(a, b int) (int, error) {
		if (a+b)%2 == 1 {
			return 0, errOdd
		}
		return max(a, b), nil
	}, laws.MayRefuse())
	r := laws.Exhaust(pure, gen.Range(0, 5))
	assert.True(t, r.OK(), "%v", r)
	res, _ := r.Result("method/associative")
	assert.Equal(t, 6*3*3, res.Exercised, "judged where all pairs are accepted")
}

// A source that joins states goes on where the method refuses: the refusals are for
// the laws, which say what it is that is refused.
func TestMethodThatRefusesEverything(t *testing.T) {
	set := laws.Method[int](func(*int, int) error { return errOdd })
	r := laws.Run(set, gen.Independent(gen.Int(0, 3)), laws.RunOptions{Seed: 1})
	assert.Contains(t, r.Failing(), "method/total")
	res, _ := r.Result("method/total")
	assert.Equal(t, "refused: odd", res.Failure.Left)
	assert.Equal(t, "laws.MayRefuse", res.Failure.RightExpr)
	res, _ = r.Result("method/associative")
	assert.Equal(t, laws.NeverExercised, res.Status)
}

// The laws of a change are left to those that have differences.
func TestMethodNoLeastDiff(t *testing.T) {
	whole := func(a *ints, b ints) (ints, error) {
		if taken(a, b) == nil {
			return nil, nil
		}
		return maps.Clone(*a), nil
	}
	set := laws.Method[ints](whole, laws.NoLeastDiff("the whole is sent"))
	r := laws.Run(set, gen.For(lattice.SetOf[int](), gen.SubsetOf(1, 2, 3)), laws.RunOptions{Seed: 1, Cases: 300})
	assert.True(t, r.OK(), "%v", r)
	assert.Contains(t, fmt.Sprint(r.Absent), "{method/change-least the whole is sent}")
}

func ExampleCheckMethod() {
	// In a test it is laws.CheckMethod(t, merge, states). The same laws, anywhere:
	// Merging takes over all that is newer, and returns all that it was given.
	merge := func(a *map[string]int, b map[string]int) (change map[string]int, err error) {
		*a = maxOf(*a, b)
		return b, nil
	}
	counts := gen.MapOf(gen.OneOf("x", "y"), gen.Int(1, 3), 2)
	r := laws.Run(laws.Method[map[string]int](merge), gen.Mixed(counts, maxOf, maps.Clone[map[string]int]), laws.RunOptions{Seed: 1})
	fmt.Println(r.Failing())
	res, _ := r.Result("method/change-empty")
	fmt.Print(res.Failure)
	// Output:
	// [method/change-empty method/change-least]
	// law method/change-empty does not hold
	//     where merging b changes nothing, the change returned is empty: merged into a, b or c it changes nothing
	// left   change = map[string]int{"x": 1}, of merging b into map[string]int{"x": 1}, which changed nothing
	// right  merged into map[string]int{} = map[string]int{"x": 1}
	// where
	//     a = map[string]int{}
	//     b = map[string]int{"x": 1}
	//     c = map[string]int{}
	// found  case 1 of seed 1
}
