// Package gopterlaws checks sets of laws with gopter (github.com/leanovate/gopter):
// for those whose tests run on it already, and as a second runner that owes nothing
// to rapid.
//
// [Check] is laws.Check on gopter, a subtest and a property a law, and [Properties]
// hands the same properties to gopter's own runner. What a law is, how it is
// judged, what counts as having exercised it and how a failure reads are those of
// package laws; random numbers, the number of tests and the bound on shrinking are
// gopter's. A failing tuple is made smaller by its tape of choices (see package
// gen/gopter), as gopter's shrinkers of values could not: they do not know how
// states hang together. For what to know of gopter itself, see gen/gopter too.
//
// The package refuses to run laws on sources that need rapid, which draw nowhere
// else: that is an error of the set-up.
package gopterlaws

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"testing"

	"github.com/leanovate/gopter"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// Check checks every law of the set against tuples drawn from the source: one
// subtest and one property of gopter a law. Laws that do not apply are logged with
// the reason. The cases of a law depend on the seed and on its ID alone, and the
// seed is 1 unless an option says otherwise: a failure stays until it is mended.
//
//	gopterlaws.Check(t, laws.Lattice(m), gen.For(m, states), gopterlaws.Tests(1000))
func Check[S any](t laws.T, set laws.Set[S], source gen.Source[S], opts ...Option) {
	t.Helper()
	o, err := settingsOf(opts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	trials, absent, err := laws.Trials(set, source)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, a := range absent {
		t.Logf("law %s does not apply: %s", a.ID, a.Why)
	}
	for _, trial := range trials {
		t.Run(trial.Law().ID, func(t *testing.T) {
			t.Helper()
			checkLaw(t, trial, o)
		})
	}
}

// failing is the part of *testing.T that says how a law failed.
type failing interface {
	Helper()
	Name() string
	Errorf(format string, args ...any)
}

// checkLaw is the test of one law.
func checkLaw(t failing, trial *laws.Trial, o settings) {
	t.Helper()
	p := newProperty(trial, o)
	p.again = againCommand(t.Name(), o.seed)
	switch result := gopter.Prop(p.test).Check(o.parameters(trial.Law().ID)); result.Status {
	case gopter.TestPassed:
	case gopter.TestError:
		t.Errorf("%v", result.Error)
	default:
		t.Errorf("\n%s", strings.Join(result.Labels, "\n"))
	}
}

// Properties makes a property of each law of the set, named by its ID, for gopter's
// own runner:
//
//	gopterlaws.Properties(set, source).TestingRun(t)
//
// gopter draws all of them from one stream of random numbers, so what a law is
// checked on depends on the laws before it; [Check] keeps them apart. A failing
// property carries the report of package laws as its label and the states as its
// arguments. A set or option that cannot be used makes one property, named by the
// set, that is an error. The properties count their cases and are for one run.
func Properties[S any](set laws.Set[S], source gen.Source[S], opts ...Option) *gopter.Properties {
	o, err := settingsOf(opts)
	if err != nil {
		return unusable(set.Name(), o, err)
	}
	trials, _, err := laws.Trials(set, source)
	if err != nil {
		return unusable(set.Name(), o, err)
	}
	all := gopter.NewProperties(o.parameters(""))
	for _, trial := range trials {
		all.Property(trial.Law().ID, newProperty(trial, o).test)
	}
	return all
}

func unusable(name string, o settings, err error) *gopter.Properties {
	all := gopter.NewProperties(gopter.DefaultTestParametersWithSeed(o.seed))
	all.Property(name, func(*gopter.GenParameters) *gopter.PropResult { return errored(err) })
	return all
}

// Option adjusts how laws are checked. Later options win.
type Option struct{ apply func(*settings) }

type settings struct {
	seed                    int64
	tests, shrinks, workers int
}

const defaultSeed = 1

// Seed sets the seed, instead of 1.
func Seed(seed int64) Option { return Option{func(s *settings) { s.seed = seed }} }

// Tests sets how many cases a law is checked on, instead of 100. All of them
// count, whether the premise of the law holds or not.
func Tests(n int) Option { return Option{func(s *settings) { s.tests = n }} }

// With takes seed, MinSuccessfulTests, MaxShrinkCount and Workers from parameters
// of gopter; gopter.DefaultTestParameters() makes every run another. The random
// numbers of p are not used, but made again from its seed. With several workers the
// cases are judged one after the other, since a merge need not be safe for
// concurrent use, and in no certain order: one seed may end in different
// counterexamples. A nil p changes nothing.
func With(p *gopter.TestParameters) Option {
	return Option{func(s *settings) {
		if p == nil {
			return
		}
		s.seed, s.tests, s.shrinks, s.workers = p.Seed(), p.MinSuccessfulTests, p.MaxShrinkCount, p.Workers
	}}
}

func settingsOf(opts []Option) (settings, error) {
	d := gopter.DefaultTestParametersWithSeed(defaultSeed)
	s := settings{seed: defaultSeed, tests: d.MinSuccessfulTests, shrinks: d.MaxShrinkCount, workers: d.Workers}
	for _, o := range opts {
		if o.apply != nil {
			o.apply(&s)
		}
	}
	if s.tests < 1 || s.workers < 1 || s.shrinks < 0 {
		return s, fmt.Errorf("%w: gopter needs at least one test and one worker, and shrinks from 0 up; there are %d, %d and %d",
			laws.ErrSetup, s.tests, s.workers, s.shrinks)
	}
	return s, nil
}

// parameters are those of one property, with random numbers of its own.
func (s settings) parameters(law string) *gopter.TestParameters {
	h := fnv.New64a()
	h.Write([]byte(law)) // a hash.Hash returns no error
	seed := s.seed
	if law != "" {
		seed ^= int64(h.Sum64())
	}
	p := gopter.DefaultTestParametersWithSeed(seed)
	p.MinSuccessfulTests, p.MaxShrinkCount, p.Workers = s.tests, s.shrinks, s.workers
	return p
}

// againCommand is the command that runs one subtest again. The seed is a matter of
// the test's source, so it stands behind as a comment.
func againCommand(test string, seed int64) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	cmd := fmt.Sprintf("go test -run '%s'", strings.Join(parts, "/"))
	if seed != defaultSeed {
		cmd += fmt.Sprintf(" # with gopterlaws.Seed(%d)", seed)
	}
	return cmd
}
