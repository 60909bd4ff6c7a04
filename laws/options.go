package laws

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// ErrSetup is wrapped by every error in how a check was set up, as against a law
// that does not hold: an option for another type, states that cannot be compared,
// a universe too large.
var ErrSetup = errors.New("laws: set-up")

// Option adjusts how a set is bound or checked. Options that carry a function of
// states must be for the type of the states; another type is a set-up error.
type Option struct{ apply func(*settings) }

type settings struct {
	equal, clone, show, bottomParts any
	valid                           any
	cases                           int
	chain, single                   bool
	noLeastDiff                     string
	watchdog                        Watchdog
	patience                        *time.Duration
}

func settingsOf(opts []Option) settings {
	var s settings
	for _, o := range opts {
		if o.apply != nil {
			o.apply(&s)
		}
	}
	return s
}

// Equal sets the equality of states. The default is an Equal(S) bool method
// where S has one, else equality of structure, with nil and empty collections
// equal and NaN equal to itself.
func Equal[S any](equal func(a, b S) bool) Option {
	return Option{func(s *settings) { s.equal = equal }}
}

// Clone sets how states are copied. The default for merges without a Clone of
// their own copies everything a state holds, unexported fields included.
func Clone[S any](clone func(S) S) Option {
	return Option{func(s *settings) { s.clone = clone }}
}

// Show sets how states are printed. The default prints Go literals. What it
// prints must be a function of the state alone: messages are compared.
func Show[S any](show func(S) string) Option {
	return Option{func(s *settings) { s.show = show }}
}

// Cases sets the least number of random cases a law. Under go test, rapid fixes
// the number for the whole process (-rapid.checks, 100 by default); a larger n is
// reached by further rounds. With -rapid.seed set, every round would draw the
// same cases, so there is one.
func Cases(n int) Option { return Option{func(s *settings) { s.cases = n }} }

// Valid declares which states are of the domain: valid says why one is not. A merge
// that leaves the domain breaks [Totality].
func Valid[S any](valid func(S) error) Option {
	return Option{func(s *settings) { s.valid = valid }}
}

// TotalOrder declares that any two states are comparable: [Order] then checks it,
// and [Coverage] does not ask for concurrent pairs.
func TotalOrder() Option { return Option{func(s *settings) { s.chain = true }} }

// OneState declares that the domain has a single state, so that nothing in it can
// differ.
func OneState() Option { return Option{func(s *settings) { s.chain, s.single = true, true }} }

// NoLeastDiff declares, with the reason, that the differences of the merge are not
// the least ones; [Decomposition] then does not ask for it. A lattice that is not
// distributive may have several minimal differences.
func NoLeastDiff(why string) Option { return Option{func(s *settings) { s.noLeastDiff = why }} }

// Watchdog runs one evaluation and reports whether it came to its end. It is how a
// merge that does not return becomes a failure of the law that met it outside of
// go test, where [Run], [Exhaust] and the rest start no goroutine and read no
// clock: whoever wants evaluations watched there brings the watchdog along. It
// runs evaluate in a goroutine, waits for a time of its choosing, and leaves the
// goroutine to itself if that was too short. [Check] needs none, see [Patience].
// Endless recursion no watchdog can catch: Go ends the process for it.
type Watchdog func(evaluate func()) (ended bool)

// Watch has every evaluation run under a watchdog, in place of the patience of
// [Check]. It costs two switches between goroutines a case.
func Watch(w Watchdog) Option { return Option{func(s *settings) { s.watchdog = w }} }

// BottomChoice is what a compound makes of a part that is at ⊥ (a key of a map,
// say) in relation to one that is absent.
type BottomChoice uint8

// The two lawful choices; mixing them is the defect that [Bounded] looks for.
const (
	SameAsAbsent BottomChoice = iota // an explicit ⊥ is the same state as its absence
	AboveAbsent                      // an explicit ⊥ is strictly above its absence
)

// BottomParts declares the choice a merge made, and so adds the law of the ⊥
// normal form to [Bounded]. pad returns v with one absent part added explicitly
// at ⊥, and false if v has no absent part; it must not change v.
func BottomParts[S any](choice BottomChoice, pad func(v S) (S, bool)) Option {
	return Option{func(s *settings) { s.bottomParts = bottomParts[S]{choice, pad} }}
}

type bottomParts[S any] struct {
	choice BottomChoice
	pad    func(S) (S, bool)
}

// typed returns the option v as an F, or a set-up error if it was made for
// another type of states.
func typed[F any](name string, v any) (f F, ok bool, err error) {
	if v == nil {
		return f, false, nil
	}
	f, ok = v.(F)
	if !ok {
		return f, false, fmt.Errorf("%w: laws.%s is a %s, but the states need a %s", ErrSetup, name,
			deep.TypeName(reflect.TypeOf(v)), deep.TypeName(reflect.TypeFor[F]()))
	}
	return f, true, nil
}
