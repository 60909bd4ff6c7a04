package laws

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// T is the part of *testing.T that the checks use.
type T interface {
	rapid.TB
	Run(name string, f func(t *testing.T)) bool
}

// Check checks every law of the set against tuples drawn from the source: one
// subtest and one rapid property a law, so that shrinking one law never slips
// into another. Laws that do not apply are logged with the reason. For the number
// of cases see [Cases].
func Check[S any](t T, set Set[S], source gen.Source[S], opts ...Option) {
	t.Helper()
	check(t, set.s, boxSource(source), opts)
}

func check(t T, set set, source gen.Source[any], opts []Option) {
	t.Helper()
	if err := set.usable(); err != nil {
		t.Fatalf("%v", err)
	}
	for _, a := range set.absent() {
		t.Logf("law %s does not apply: %s", a.ID, a.Why)
	}
	o := settingsOf(opts)
	stuckAt := ""
	for _, law := range set.all() {
		t.Run(law.ID, func(t *testing.T) {
			t.Helper()
			if stuckAt != "" {
				t.Fatalf("law %s was not judged: the merge does not return, see %s", law.ID, stuckAt)
			}
			if !checkLaw(t, set.subject, &law, source, o) {
				stuckAt = law.ID
				t.FailNow()
			}
		})
	}
}

// usable reports a set-up error of the set.
func (s set) usable() error {
	switch {
	case s.subject == nil:
		return fmt.Errorf("%w: the set is bound to no merge: build it with Semilattice, Func or another function of this package", ErrSetup)
	case s.subject.err != nil:
		return s.subject.err
	case len(s.all()) == 0:
		return fmt.Errorf("%w: no law of set %q applies to the merge", ErrSetup, s.name)
	}
	for _, l := range s.all() {
		if l.Arity < 1 || l.Arity > maxArity || l.eval == nil || l.explain == nil || l.ID == "" {
			return fmt.Errorf("%w: law %q needs an ID, Eval, Explain and an arity from 1 to %d", ErrSetup, l.ID, maxArity)
		}
	}
	return nil
}

// checkLaw is the property of one law. It reports false, and an error, if the merge
// does not return.
func checkLaw(t rapid.TB, s *subject, law *law, source gen.Source[any], o settings) (returned bool) {
	t.Helper()
	patience := DefaultPatience
	if o.patience != nil {
		patience = *o.patience
	}
	if s.watchdog != nil {
		patience = 0
	}
	c := newRapidCheck(t, s, law, source)
	check := func(c *rapidCheck) bool {
		return c.attend(patience, func() {
			for range rounds(o.cases) {
				rapid.Check(t, c.property)
			}
		})
	}
	if !check(c) {
		if c.steps.Load()%2 == 1 {
			// It was a join of the source that did not return. To say which, the states
			// are drawn once more, with every join noted beforehand.
			again := newRapidCheck(t, s, law, source)
			again.noting = true
			if !check(again) {
				c = again // else other states were drawn, and those to blame stay unknown
			}
		}
		t.Errorf("\n%v\nlaw %s: %s", c.stuck(), law.ID, stuck)
		return false
	}
	switch {
	case c.exercised == 0:
		t.Errorf("%s", neverExercised(law.ID, law.Text, c.cases))
	case law.rarely(c.exercised, c.cases):
		t.Errorf("%s", tooRarely(law.ID, law.Text, c.exercised, c.cases, law.AtLeast))
	}
	return true
}

func newRapidCheck(t rapid.TB, s *subject, law *law, source gen.Source[any]) *rapidCheck {
	return &rapidCheck{law: law, source: source, probe: newProbe(s), x: make([]any, law.Arity), test: t.Name()}
}

// stuck explains an evaluation, or a join while states were drawn, that goes on.
// What it may still write into is printed as it is now.
func (c *rapidCheck) stuck() *Failure {
	p := newProbe(c.probe.s)
	if c.steps.Load()%2 == 0 {
		f := p.failure(c.law, c.x, finding{kind: stuck})
		f.Again = againCommand(c.test)
		return f
	}
	f := &Failure{Law: c.law.ID, Statement: c.law.Text, Panic: stuckText, Again: againCommand(c.test)}
	if operands := c.joining.Load(); operands != nil {
		f.Where = p.operands(operands[0], operands[1])
	}
	return f
}

// rounds is how many runs of rapid make the number of cases, which rapid fixes for
// the whole process. Under a fixed seed all rounds would be the same.
func rounds(cases int) int {
	if cases <= 1 {
		return 1 // whatever the flags say, and asking them costs as much as ten cases do
	}
	checks := flagValue("rapid.checks")
	if testing.Short() {
		checks /= 5
	}
	if checks == 0 || flagValue("rapid.seed") != 0 {
		return 1
	}
	return max(1, (cases+checks-1)/checks)
}

// flagValue returns the number that a flag of rapid is set to, 0 if there is none.
func flagValue(name string) int {
	f := flag.Lookup(name)
	if f == nil {
		return 0
	}
	n, err := strconv.ParseUint(f.Value.String(), 0, 64)
	if err != nil {
		return 0
	}
	return int(min(n, 1<<62))
}

// againCommand is the command that runs one subtest again, with rapid's seed where
// it is known. Otherwise rapid prints it along with the fail file.
func againCommand(test string) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	cmd := fmt.Sprintf("go test -run '%s'", strings.Join(parts, "/"))
	if seed := flagValue("rapid.seed"); seed != 0 {
		cmd += fmt.Sprintf(" -rapid.seed=%d", seed)
	}
	return cmd
}

// rapidCheck is one law under rapid.
type rapidCheck struct {
	attendance
	noting    bool // the operands of joins, while states are drawn
	law       *law
	source    gen.Source[any]
	probe     *probe
	draw      gen.Draw
	x         []any
	cases     int
	exercised int
	test      string
	// suspect is set once the merge was caught writing into states: from then on
	// they are copied before each case, to be shown as they were. Paying for that
	// in every run would make checks of large states half as fast.
	suspect bool
}

func (c *rapidCheck) property(t *rapid.T) {
	c.draw.Reset(choice.FromRapid(t))
	if c.noting {
		c.draw.OnJoin(func(a, b any) { c.joining.Store(&[2]any{a, b}) })
	}
	c.step()
	c.source(&c.draw, c.x)
	c.step()
	if err := c.draw.Err(); err != nil {
		c.refuse(t, err)
		return
	}
	states := c.x
	if c.suspect {
		states = c.probe.copies(c.x)
	}
	f := c.probe.judge(c.law, c.x)
	c.stay()
	c.cases++
	if f.kind != vacuous {
		c.exercised++
	}
	if !f.kind.bad() {
		return
	}
	c.suspect = c.suspect || f.kind == wrote
	// The report is built only when rapid prints, at the end. What fails the case
	// is constant for a law and a way of failing, because rapid shrinks by it.
	t.Logf("\n%v", lazy(func() string {
		failure := c.probe.failure(c.law, states, f)
		failure.Again = againCommand(c.test)
		return failure.String()
	}))
	t.Fatalf("law %s: %s", c.law.ID, f.kind)
}

func (c *rapidCheck) refuse(t *rapid.T, err error) {
	failure, err := c.probe.drawFailure(c.law, err)
	if err != nil {
		t.Fatalf("%v", err)
	}
	failure.Again = againCommand(c.test)
	t.Logf("\n%v", lazy(failure.String))
	t.Fatalf("law %s: %s", c.law.ID, panicked)
}

// String says how a case failed, in words that do not depend on the states.
func (k findingKind) String() string {
	switch k {
	case held:
		return "holds"
	case vacuous:
		return "does not apply"
	case refuted:
		return "does not hold"
	case wrote:
		return "cannot be judged, the merge writes into its arguments"
	case stuck:
		return "cannot be judged, the merge does not return"
	}
	return "the merge panics"
}

// lazy is text that is made when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }
