package foreign

import (
	"bufio"
	"errors"
	"fmt"
	"io"

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
	// Again is the command to print below a failure.
	Again string
}

// Check judges the program's merge by the laws of a semilattice, and whether it is
// deterministic. The error is the program's.
func Check(p *Program, o Options) (laws.Report, error) {
	merge := func(a, b State) State {
		j, err := p.Merge(a, b)
		if err != nil {
			panic(err)
		}
		return j
	}
	set := laws.Func(merge).Only("wellposed", "semilattice")
	source := gen.Mixed(p.states(o.Examples), merge, nil)
	report := laws.Run(set, source, laws.RunOptions{Seed: o.Seed, Cases: o.Cases, Only: o.Only, Replays: replays, Again: o.Again})
	if p.Err() != nil {
		return laws.Report{}, p.Err()
	}
	return report, report.Err
}

// replays bounds how often a failing case is judged again; a process away, each takes a
// while.
const replays = 1000

// states draws one of the examples, or what the program makes of numbers.
func (p *Program) states(examples []State) gen.Gen[State] {
	if len(examples) > 0 {
		return func(d *gen.Draw) State { return examples[d.Index("example", len(examples))] }
	}
	return gen.OfWords("number", p.Draw)
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
