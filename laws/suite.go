package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// Suite is a set with what it is checked against, its type of states forgotten:
// suites over different states go into one table.
type Suite struct {
	// Name is the merge's, for tables.
	Name string
	// Run checks the set at random; see [Run].
	Run func(RunOptions) Report
	// Exhaust checks the set over its universe; see [Exhaust]. It is nil where no
	// universe was given.
	Exhaust func() Report
	// Check checks the set under go test; see [Check].
	Check func(t T, opts ...Option)
	// Judge makes a tuple out of any bytes and judges one law on it, which the first
	// byte chooses. It returns nil where the law holds or does not apply.
	Judge func(data []byte) *Failure
	// IDs are the laws of the set, in order, and Absent those that do not apply.
	IDs    []string
	Absent []Absence
}

// NewSuite binds a set to a source and a universe; an empty universe is none.
func NewSuite[S any](name string, set Set[S], source gen.Source[S], universe gen.Universe[S]) Suite {
	return newSuite(name, set.s.value(), boxSource(source), boxAll(universe))
}

func newSuite(name string, set set, source gen.Source[any], universe []any) Suite {
	s := Suite{
		Name:   name,
		Run:    func(o RunOptions) Report { return set.run(source, o) },
		Check:  func(t T, opts ...Option) { t.Helper(); checkOn(t, set, source, opts) },
		Judge:  func(data []byte) *Failure { return judgeBytes(set, source, data) },
		Absent: set.absent(),
	}
	if len(universe) > 0 {
		s.Exhaust = func() Report { return set.exhaust(universe) }
	}
	for _, l := range set.all() {
		s.IDs = append(s.IDs, l.ID)
	}
	return s
}

// Together makes one suite of several, in their order: for merges whose laws are
// about more than one kind of tuple. A suite without a universe has its laws
// checked at random alone.
func Together(name string, suites ...Suite) Suite {
	all := Suite{Name: name}
	for _, s := range suites {
		all.IDs = append(all.IDs, s.IDs...)
		all.Absent = append(all.Absent, s.Absent...)
		if s.Exhaust != nil {
			all.Exhaust = func() Report { return gathered(name, suites, Suite.exhausted) }
		}
	}
	all.Run = func(o RunOptions) Report {
		return gathered(name, suites, func(s Suite) (Report, bool) { return s.Run(o), s.has(o.Only) })
	}
	all.Check = func(t T, opts ...Option) {
		t.Helper()
		for _, s := range suites {
			s.Check(t, opts...)
		}
	}
	all.Judge = func(data []byte) *Failure {
		first, rest := head(data)
		return suites[first%len(suites)].Judge(rest)
	}
	return all
}

func (s Suite) exhausted() (Report, bool) {
	if s.Exhaust == nil {
		return Report{}, false
	}
	return s.Exhaust(), true
}

// has reports whether a law of the suite is named by only.
func (s Suite) has(only string) bool {
	for _, id := range s.IDs {
		if named(only, id) {
			return true
		}
	}
	return false
}

// gathered is the reports of several suites as one, less those that do not apply.
func gathered(name string, suites []Suite, report func(Suite) (Report, bool)) Report {
	all := Report{Set: name}
	for _, s := range suites {
		r, applies := report(s)
		if !applies {
			continue
		}
		if all.Scope == "" {
			all.Scope = r.Scope
		}
		all.Results = append(all.Results, r.Results...)
		all.Absent = append(all.Absent, r.Absent...)
		if all.Err == nil {
			all.Err = r.Err
		}
	}
	if len(all.Results) == 0 && all.Err == nil {
		all.Err = fmt.Errorf("%w: suite %s has no such law", ErrSetup, name)
	}
	return all
}

// judgeBytes is the door of native fuzzing. What it is given is data, so a set-up
// error is a failure without sides and not a panic.
func judgeBytes(set set, source gen.Source[any], data []byte) *Failure {
	if err := set.usable(); err != nil {
		return &Failure{Law: set.name, Statement: "the set can be checked", Panic: err.Error()}
	}
	laws := set.all()
	first, rest := head(data)
	law := laws[first%len(laws)]
	run := &seededRun{law: &law, source: source, probe: newProbe(set.subject), x: make([]any, law.Arity)}
	got := run.judge(choice.FromBytes(rest))
	if got.drawErr == nil && !got.finding.kind.bad() {
		return nil
	}
	if got.drawErr != nil {
		failure, err := run.probe.drawFailure(&law, got.drawErr)
		if err != nil {
			return &Failure{Law: law.ID, Statement: law.Text, Panic: err.Error()}
		}
		return failure
	}
	run.draw.Reset(choice.FromBytes(rest))
	if v := run.fill(); v != nil {
		return &Failure{Law: law.ID, Statement: law.Text, Panic: panicText(v)}
	}
	return run.probe.failure(&law, run.x, got.finding)
}
