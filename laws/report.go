package laws

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/lattice"
)

// Status is what came of checking one law.
type Status uint8

// The statuses of a checked law.
const (
	Passed         Status = iota // it held in every case, and its premise in at least one
	Failed                       // a tuple refutes it
	NeverExercised               // its premise held in no random case: nothing was checked
	Impossible                   // its premise holds for no tuple of the whole universe
	TooRare                      // its premise held in fewer random cases than the law asks for
)

// String names the status.
func (s Status) String() string {
	switch s {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case NeverExercised:
		return "never exercised"
	case Impossible:
		return "impossible to exercise"
	case TooRare:
		return "too rare"
	}
	return "Status(invalid)"
}

// OK reports whether the status is no failure of the law or of the check.
func (s Status) OK() bool { return s == Passed || s == Impossible }

// Result is what came of checking one law.
type Result struct {
	Law, Statement string
	Status         Status
	// Cases is how many tuples were judged; of a failed law, up to and including
	// the first that refuted it.
	Cases int
	// Exercised is in how many of them the premise of the law held.
	Exercised int
	// AtLeast is, of a law that was too rarely exercised, the share of cases in
	// thousandths that it asks for.
	AtLeast int
	// Failure explains a failed law, and is nil otherwise.
	Failure *Failure

	distinct bool   // the law is one of states that differ
	lone     string // RunOptions.Lone
}

// Report is what came of checking a set.
type Report struct {
	Set string
	// Scope says what was looked at: random cases of a seed, or a universe.
	Scope   string
	Results []Result
	Absent  []Absence
	// Err is a set-up error; nothing was checked then.
	Err error

	evidence lattice.Evidence
}

// OK reports whether every law passed and nothing went wrong.
func (r Report) OK() bool {
	for _, res := range r.Results {
		if !res.Status.OK() {
			return false
		}
	}
	return r.Err == nil
}

// Result returns what came of the law with that ID. A law that other evaluations
// were found to break by writing into their arguments counts as failed too.
func (r Report) Result(id string) (Result, bool) {
	for _, res := range r.Results {
		if res.Failure != nil && res.Failure.Law == id {
			return res, true
		}
	}
	for _, res := range r.Results {
		if res.Law == id {
			return res, true
		}
	}
	return Result{}, false
}

// Failing returns the IDs of the laws that do not hold, each once, in the order
// in which they were found.
func (r Report) Failing() []string {
	var ids []string
	seen := make(map[string]bool)
	for _, res := range r.Results {
		id := res.Law
		if res.Status.OK() {
			continue
		}
		if res.Failure != nil {
			id = res.Failure.Law
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// String is a table of the laws, and below it every failure.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Set, r.Scope)
	if r.Err != nil {
		fmt.Fprintf(&b, "  %v\n", r.Err)
	}
	for _, res := range r.Results {
		fmt.Fprintf(&b, "  %-28s %-16s %d cases, %d exercised\n", res.Law, res.Status, res.Cases, res.Exercised)
	}
	for _, a := range r.Absent {
		fmt.Fprintf(&b, "  %-28s does not apply   %s\n", a.ID, a.Why)
	}
	for _, res := range r.Results {
		if res.Failure != nil {
			fmt.Fprintf(&b, "\n%s", res.Failure)
		} else if short := res.shortfall(); short != "" {
			fmt.Fprintf(&b, "\n%s", short)
		}
	}
	return b.String()
}

// shortfall says why a law that was not refuted does not count as checked, or "".
func (r Result) shortfall() string {
	switch r.Status {
	case TooRare:
		return fmt.Sprintf("law %s was too rarely exercised\n    %s\nits premise held in %d of %d cases, and it asks for %d in a thousand\n",
			r.Law, r.Statement, r.Exercised, r.Cases, r.AtLeast)
	case NeverExercised:
		why := "the source draws no tuple that satisfies it"
		if r.distinct {
			why = "the states of each tuple were all equal, and of such states it holds of any merge; " +
				cmp.Or(r.lone, "laws.OneState says that there is but one")
		}
		return fmt.Sprintf("law %s was never exercised\n    %s\nits premise held in none of %d cases: %s\n", r.Law, r.Statement, r.Cases, why)
	}
	return ""
}
