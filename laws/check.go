package laws

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
)

// T is the part of *testing.T that the checks use.
type T interface {
	rapid.TB
	Run(name string, f func(t *testing.T)) bool
}

// Check checks every law of the set against tuples drawn from the source, one
// subtest a law. Laws that do not apply are logged with the reason. A case that
// refutes a law is made smaller, as long as it fails in the same way, and reported
// with a command that finds it again. For the number of cases see [Cases].
func Check[S any](t T, set Set[S], source gen.Source[S], opts ...Option) {
	t.Helper()
	checkOn(t, set.s.value(), boxSource(source), opts)
}

// checkOn is check with the options of one call.
func checkOn(t T, set set, source gen.Source[any], opts []Option) {
	t.Helper()
	check(t, set, source, settingsOf(opts), seedOfRun())
}

func check(t T, set set, source gen.Source[any], o settings, seed uint64) {
	t.Helper()
	if err := set.usable(); err != nil {
		t.Fatalf("%v", err)
	}
	for _, a := range set.absent() {
		t.Logf("law %s does not apply: %s", a.ID, a.Why)
	}
	for _, line := range set.subject.ignored() {
		t.Logf("%s", line)
	}
	barred := "" // why the laws that follow are not judged
	for _, law := range set.all() {
		t.Run(law.ID, func(t *testing.T) {
			t.Helper()
			if barred != "" {
				t.Fatalf("law %s was not judged: %s", law.ID, barred)
			}
			barred = checkLaw(t, set.subject, &law, source, o, seed)
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

// checkLaw is the test of one law. It returns why no further law can be judged, or "".
func checkLaw(t rapid.TB, s *subject, l *law, source gen.Source[any], o settings, seed uint64) (barred string) {
	t.Helper()
	b := budgetOf(o, seed)
	run := &seededRun{
		law: l, source: source, probe: newProbe(s), x: make([]any, l.Arity), watchdog: new(watchdog),
		o: RunOptions{Seed: b.seed, Cases: b.cases, Again: againCommand(t.Name(), b.seed)}.withDefaults(), stop: b.stop, shrink: within,
	}
	patience := o.waits(s)
	var res Result
	var err error
	attempt := func(r *seededRun) bool {
		return r.watch(patience, func() { res, err = r.check() })
	}
	if !attempt(run) {
		f := stuckFailure(run, attempt)
		f.Limit = limitText(patience)
		t.Errorf("\n%v", f)
		return "the " + s.checked() + " does not return, see " + l.ID
	}
	switch {
	case err != nil:
		t.Errorf("%v", err)
	case res.Failure != nil:
		t.Errorf("\n%v", res.Failure)
		if res.Failure.Law == deterministic {
			return "the " + s.checked() + " is not deterministic, see " + l.ID
		}
		if text, stuck := res.Failure.stuck(); stuck {
			return text + ", see " + l.ID
		}
	case !res.Status.OK():
		t.Errorf("%s", res.shortfall())
	case run.stopped:
		t.Logf("%d cases, in which %v had passed; laws.Cases asks for more", res.Cases, DefaultTime)
	default:
		t.Logf("%d cases", res.Cases)
	}
	if run.probe.nilMaps {
		t.Logf("the %s panics where a map that the states drawn have empty is nil: draw such states, if there are any", s.checked())
	}
	if run.probe.nilTold {
		t.Logf("the %s tells nil from empty in slices or maps of which the states drawn have one of them alone: draw both, if there are both", s.checked())
	}
	return ""
}

// stuckFailure explains an evaluation, or a join while states were drawn, that goes on.
// What it may still write into is printed as it is now.
func stuckFailure(r *seededRun, attempt func(*seededRun) bool) *Failure {
	p := newProbe(r.probe.s)
	if r.steps.Load()%2 == 0 {
		f := p.failure(r.law, r.x, finding{kind: stuck})
		f.Again = r.o.Again
		return f
	}
	// It was a join of the source that did not return. To say which, the states are
	// drawn once more, with every join noted beforehand.
	again := &seededRun{
		law: r.law, source: r.source, probe: p, x: make([]any, r.law.Arity), watchdog: new(watchdog),
		o: r.o, shrink: r.shrink, noting: true,
	}
	f := p.stuck(nil)
	if !attempt(again) {
		f = newProbe(p.s).stuckDrawing(again.joining.Load())
	}
	f.Law, f.Statement, f.Again = r.law.ID, r.law.Text, r.o.Again
	return f
}

// againCommand is the command that runs one subtest again on the same cases: those of a
// seed, or, where it is 0, those of every run.
func againCommand(test string, seed uint64) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	cmd := fmt.Sprintf("go test -run '%s'", strings.Join(parts, "/"))
	if seed != 0 {
		cmd += fmt.Sprintf(" -rapid.seed=%d", seed)
	}
	return cmd
}

// of says how a case failed, in words that do not depend on the states.
func (k findingKind) of(thing string) string {
	switch k {
	case held:
		return "holds"
	case vacuous:
		return "does not apply"
	case refuted:
		return "does not hold"
	case wrote:
		return "cannot be judged, the " + thing + " writes into its arguments"
	case unequated:
		return "cannot be judged, states are not compared to the end"
	case stuck:
		return "cannot be judged, the " + thing + " does not return"
	}
	return "the " + thing + " panics"
}
