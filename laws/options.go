package laws

import (
	"errors"
	"reflect"
	"time"
)

// ErrSetup is wrapped by every error in how a check was set up, as against a law
// that does not hold: an option for another type, states that cannot be compared,
// a universe too large.
var ErrSetup = errors.New("laws: set-up")

// Option adjusts how a set is bound or checked. Options that carry a function of
// states must be for the type of the states; another type is a set-up error.
type Option struct{ apply func(*settings) }

// given is a function of states that the user gave, over boxes, with the type it is
// for.
type given struct {
	option string
	typ    reflect.Type
	f      any
}

func givenOf[S any](option string, f any) *given { return &given{option, reflect.TypeFor[S](), f} }

type settings struct {
	equal, clone, show, state, bottomParts, valid *given

	cases                  int
	chain, single, sharing bool
	reportLimit            int
	noLeastDiff            string
	watchdog               Watchdog
	patience               *time.Duration
	door                   doorSettings
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
// where S has one, or Equals where it has none, else equality of structure, with nil and empty collections
// equal and NaN equal to itself. A function that tells nil from empty is at fault where both
// are among the states drawn, in collections of one type; where one alone is, the log says so.
func Equal[S any](equal func(a, b S) bool) Option {
	boxed := func(a, b any) bool { return equal(unbox[S](a), unbox[S](b)) }
	return Option{func(s *settings) { s.equal = givenOf[S]("Equal", boxed) }}
}

// Clone sets how states are copied. The default for merges without a Clone of
// their own copies everything a state holds, unexported fields included.
func Clone[S any](clone func(S) S) Option {
	boxed := func(v any) any { return box(clone(unbox[S](v))) }
	return Option{func(s *settings) { s.clone = givenOf[S]("Clone", boxed) }}
}

// State says what of a value is state: state returns it, as a value of any type, and
// two states are equal where what it returns is. What it leaves out (a cached hash,
// scratch memory, statistics) may be written into, also by a merge in its arguments.
// state must not change the value.
func State[S any](state func(S) any) Option {
	boxed := func(v any) any { return state(unbox[S](v)) }
	return Option{func(s *settings) { s.state = givenOf[S]("State", boxed) }}
}

// Show sets how states are printed. The default prints Go literals. What it
// prints must be a function of the state alone: messages are compared.
func Show[S any](show func(S) string) Option {
	boxed := func(v any) string { return show(unbox[S](v)) }
	return Option{func(s *settings) { s.show = givenOf[S]("Show", boxed) }}
}

// DefaultReportLimit is how many bytes of a state are printed, unless [ReportLimit] says
// otherwise.
const DefaultReportLimit = 1 << 10

// ReportLimit sets how many bytes of each state a report prints at most. Longer states
// are cut, with a comment that says so, and the first places are listed at which they
// differ. It does not concern states that [Show] prints.
func ReportLimit(bytes int) Option { return Option{func(s *settings) { s.reportLimit = bytes }} }

// Valid declares which states are of the domain: valid says why one is not. A merge
// that leaves the domain breaks the law totality/defined, of [Totality] and of the doors
// for plain functions that merge.
func Valid[S any](valid func(S) error) Option {
	boxed := func(v any) error { return valid(unbox[S](v)) }
	return Option{func(s *settings) { s.valid = givenOf[S]("Valid", boxed) }}
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
	parts := bottomParts{choice, func(v any) (any, bool) {
		padded, ok := pad(unbox[S](v))
		return box(padded), ok
	}}
	return Option{func(s *settings) { s.bottomParts = givenOf[S]("BottomParts", parts) }}
}

type bottomParts struct {
	choice BottomChoice
	pad    func(any) (any, bool)
}
