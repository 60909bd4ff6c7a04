package foreign

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// Options say how a program is checked.
type Options struct {
	// Seed and Cases are those of [laws.RunOptions].
	Seed  uint64
	Cases int
	// Only restricts the check to one law or set of laws.
	Only string
	// Examples are states of the program; without any it is asked to draw them.
	Examples []State
	// Again makes the command to print below a failure of a law; nil for none.
	Again func(law string) string
}

// lone is what a report says of a program all of whose states are equal.
const lone = "have draw make states that differ, or give such ones with --states"

// Laws are those that a program is judged by: that it is deterministic, and those of a
// semilattice. States are equal where their JSON is, so that there is nothing to ask of
// equality and copies.
func Laws() []laws.Statement { return lawsOf(func(a, _ State) State { return a }).Statements() }

func lawsOf(merge func(a, b State) State) laws.Set[State] {
	return laws.Func(merge).Only(deterministic, "semilattice")
}

const deterministic = "wellposed/deterministic"

// Check judges the program's merge by [Laws]. The error is the program's; what was judged
// before is in the report. Where the merge is not deterministic the laws that follow are not
// judged: they would say the same.
func Check(p *Program, o Options) (laws.Report, error) {
	merge := func(a, b State) State {
		j, err := p.Merge(a, b)
		if err != nil {
			panic(err)
		}
		return j
	}
	set := lawsOf(merge)
	source := gen.Mixed(p.states(o.Examples), merge, nil)
	var report laws.Report
	unsteady := false
	for _, law := range set.Statements() {
		if !o.asksFor(law.ID) {
			continue
		}
		if unsteady {
			report.Absent = append(report.Absent, laws.Absence{ID: law.ID, Why: "the merge is not deterministic"})
			continue
		}
		one := laws.RunOptions{Seed: o.Seed, Cases: o.Cases, Only: law.ID, Replays: replays, Lone: lone}
		if o.Again != nil {
			one.Again = o.Again(law.ID)
		}
		r := laws.Run(set, source, one)
		if err := cmp.Or(p.Err(), r.Err); err != nil {
			return report, err
		}
		report.Set, report.Scope = r.Set, r.Scope
		report.Results = append(report.Results, r.Results...)
		unsteady = slices.ContainsFunc(r.Results, notDeterministic)
	}
	return report, nil
}

// notDeterministic reports that a law was found, while it was judged, to be given other results
// for the same states.
func notDeterministic(res laws.Result) bool {
	return res.Failure != nil && res.Failure.Law == deterministic && res.Failure.Panic == ""
}

// asksFor reports that Only names the law, or its set, or nothing.
func (o Options) asksFor(law string) bool {
	return o.Only == "" || o.Only == law || strings.HasPrefix(law, o.Only+"/")
}

// replays bounds how often a failing case is judged again; a process away, each takes a
// while.
const replays = 1000

// states draws one of the examples, or what the program makes of numbers.
func (p *Program) states(examples []State) gen.Gen[State] {
	if len(examples) > 0 {
		return func(d *gen.Draw) State { return examples[d.Index("example", len(examples))] }
	}
	asked := 0
	return gen.OfWords("number", func(numbers []uint64) (State, int, error) {
		s, used, err := p.Draw(numbers)
		if asked++; err == nil && (asked <= drawnTwice || asked%drawnTwice == 0) {
			err = p.again(numbers, s)
		}
		return s, used, err
	})
}

// drawnTwice is of how many states at first, and of one in how many after that, it is asked
// whether they are drawn again from the same numbers. If they are not, what the merge did
// cannot be judged again, which would look like a fault of the merge.
const drawnTwice = 16

// again draws a state from the same numbers once more.
func (p *Program) again(numbers []uint64, first State) error {
	second, _, err := p.Draw(numbers)
	if err == nil && second != first {
		return p.fail(fmt.Errorf("draw made %s of numbers, and %s of the same numbers again", clip([]byte(first)), clip([]byte(second))),
			"the state must depend on the numbers alone")
	}
	return err
}

// maxExamples bounds how many states are read.
const maxExamples = 100_000

// ReadStates reads examples, one JSON value a line; empty lines are skipped.
func ReadStates(r io.Reader) ([]State, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxAnswer)
	var states []State
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		s, err := canonical(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w; write one state a line, as JSON", n, err)
		}
		if states = append(states, s); len(states) > maxExamples {
			return nil, fmt.Errorf("line %d: more than %d states", n, maxExamples)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(states) == 0 {
		return nil, errors.New("no states; write one a line, as JSON")
	}
	return states, nil
}
