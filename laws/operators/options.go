package operators

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/joinery-go/joinery/laws"
)

// Option is what checks of operators take: an option of package laws, or one of this
// package, such as [Late], which says what the field of [Operator] of its name does.
type Option interface {
	// Of returns the type of the values that the option is for, and nil if it is for no
	// values.
	Of() reflect.Type
}

// claims are what the options of this package say.
type claims struct {
	once, late, lent bool
	in, out          Edge
	longest, within  int

	start, join, recompute, feedback any // functions of the operator's types
}

// claim is an option of this package.
type claim func(*claims)

// Of returns nil: whether the functions of claims are of the types of the operator is
// seen where they are put in their places.
func (claim) Of() reflect.Type { return nil }

// Late declares that elements are held back, and that what they give is emitted later, at
// the latest when the input ends; see [Operator.Late].
func Late() Option { return claim(func(c *claims) { c.late = true }) }

// Once claims that no element is emitted twice; see [Operator.Once].
func Once() Option { return claim(func(c *claims) { c.once = true }) }

// Lent declares that elements taken are lent until the next is asked for; see
// [Operator.Lent].
func Lent() Option { return claim(func(c *claims) { c.lent = true }) }

// StatesIn declares that the elements taken are States, which join joins; see [Operator.In].
func StatesIn[A any](join func(a, b A) A) Option {
	return claim(func(c *claims) { c.in, c.join = States, join })
}

// StatesOut declares that the elements given are States, each of which contains those
// before it; see [Operator.Out].
func StatesOut() Option { return claim(func(c *claims) { c.out = States }) }

// Longest bounds how many elements are fed; see [Operator.Longest].
func Longest(n int) Option { return claim(func(c *claims) { c.longest = n }) }

// Start makes the state that the fold begins with, its ⊥; see [Operator.Start].
func Start[S any](start func() S) Option {
	return claim(func(c *claims) { c.start = start })
}

// Join joins two elements taken, which are deltas; see [Operator.Join].
func Join[A any](join func(a, b A) A) Option {
	return claim(func(c *claims) { c.join = join })
}

// Recompute is the fold of the whole input as a plain function; see [Operator.Recompute].
// It goes with [Start].
func Recompute[A, S any](recompute func(inputs []A) S) Option {
	return claim(func(c *claims) { c.recompute = recompute })
}

// Feedback says what of an element given comes back as input where the operator runs in a
// cycle, which must be quiet after within elements were fed back; 0 means 1,000. See
// [Operator.Feedback].
func Feedback[S, A any](feedback func(S) (A, bool), within int) Option {
	return claim(func(c *claims) { c.feedback, c.within = feedback, within })
}

// declared is o as its fields and the options of this package declare it, and the options
// of package laws.
func declared[A, B, S any](o Operator[A, B, S], opts []Option) (Operator[A, B, S], []laws.Option, error) {
	c := claims{once: o.Once, late: o.Late, lent: o.Lent, in: o.In, out: o.Out, longest: o.Longest, within: o.Within}
	var rest []laws.Option
	for _, opt := range opts {
		switch opt := opt.(type) {
		case nil:
		case claim:
			opt(&c)
		case laws.Option:
			rest = append(rest, opt)
		default:
			return o, nil, fmt.Errorf("%w: an option of type %T is neither of package laws nor of operators", laws.ErrSetup, opt)
		}
	}
	o.Once, o.Late, o.Lent = c.once, c.late, c.lent
	o.In, o.Out, o.Longest, o.Within = c.in, c.out, c.longest, c.within
	return o, rest, errors.Join(
		put("Start", c.start, &o.Start), put("Join", c.join, &o.Join),
		put("Recompute", c.recompute, &o.Recompute), put("Feedback", c.feedback, &o.Feedback),
	)
}

// put puts the function of an option where it belongs.
func put[F any](option string, given any, to *F) error {
	if given == nil {
		return nil
	}
	f, ok := given.(F)
	if !ok {
		return fmt.Errorf("%w: the operator needs a %T for %s, not a %T", laws.ErrSetup, *to, option, given)
	}
	*to = f
	return nil
}
