package laws

import (
	"errors"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
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

	distinct bool // the law is one of states that differ
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
			why = "the states of each tuple were all equal, and of such states it holds of any merge; laws.OneState says that there is but one"
		}
		return fmt.Sprintf("law %s was never exercised\n    %s\nits premise held in none of %d cases: %s\n", r.Law, r.Statement, r.Cases, why)
	}
	return ""
}

// Binding is a state of a counterexample with its name in the law.
type Binding struct{ Name, Value string }

// stuckText stands in Failure.Panic for a merge, or what else is checked, that does not
// return.
func stuckText(thing string) string { return "none: the " + thing + " does not return" }

// stuck is what the failure says does not return, if it does.
func (f *Failure) stuck() (text string, ok bool) {
	text, ok = strings.CutPrefix(f.Panic, "none: ")
	return text, ok && strings.HasSuffix(text, " does not return")
}

// Failure explains how a law was refuted.
type Failure struct {
	Law, Statement string
	Sides
	// Panic is what the merge panicked with, if it did, or says that it did not
	// return; there are no sides then.
	Panic string
	// While is the law that was being judged when a merge was caught writing into
	// its arguments; that law was judged no further.
	While string
	Where []Binding
	// Differ lists the first places at which the two sides differ, a line each, where the
	// sides are too long to be seen through; "" elsewhere.
	Differ string
	// Note says, where it may be so, that the failure comes of how states are copied or
	// compared and not of what is checked, with the part of the state and the option that
	// says otherwise; "" elsewhere.
	Note string
	// Found says in which case, or where, the refutation was met.
	Found string
	// Again is a command that runs the check again.
	Again string
	// Size is the length of the states as they are printed, and Tape the choices
	// that make them, where a seeded run found them; see [choice.NewSequence].
	Size int
	Tape []uint64
	// Picture is the order of the states involved and their joins, as text: see
	// [Failure.Details]. It is "" where the states are not of a merge.
	Picture string
}

// size measures a counterexample by what a reader has to read.
func (f *Failure) size() int {
	n := 0
	for _, w := range f.Where {
		n += len(w.Value)
	}
	return n
}

// String is the report of the failure. It is stable: it depends on the law and
// the states alone.
func (f *Failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "law %s does not hold\n    %s\n", f.Law, f.Statement)
	switch text, stuck := f.stuck(); {
	case stuck:
		fmt.Fprintf(&b, "stuck  %s\n", text)
	case f.Panic != "":
		fmt.Fprintf(&b, "panic  %s\n", f.Panic)
	default:
		fmt.Fprintf(&b, "left   %s = %s\n", f.LeftExpr, f.Left)
		fmt.Fprintf(&b, "right  %s = %s\n", f.RightExpr, f.Right)
		for i, line := range strings.Split(f.Differ, "\n") {
			if i == 0 && line != "" {
				fmt.Fprintf(&b, "differ at %s\n", line)
			} else if line != "" {
				fmt.Fprintf(&b, "       %s\n", line)
			}
		}
	}
	b.WriteString("where\n")
	for _, w := range f.Where {
		fmt.Fprintf(&b, "    %s = %s\n", w.Name, w.Value)
	}
	if f.While != "" {
		fmt.Fprintf(&b, "seen   while judging %s, which was judged no further\n", f.While)
	}
	if f.Note != "" {
		fmt.Fprintf(&b, "note   %s\n", f.Note)
	}
	if f.Found != "" {
		fmt.Fprintf(&b, "found  %s\n", f.Found)
	}
	if f.Again != "" {
		fmt.Fprintf(&b, "again  %s\n", f.Again)
	}
	return b.String()
}

// failure explains a finding about law on the states x, which must be as they
// were drawn. It is for reports: it evaluates again.
func (p *probe) failure(law *law, x []any, found finding) *Failure {
	if found.kind == wrote {
		if f := p.blame(law, x); f != nil {
			return f
		}
	}
	f := &Failure{Law: law.ID, Statement: law.Text, Where: p.bindings(x)}
	switch found.kind {
	case panicked, unequated:
		f.Panic = panicText(found.panic)
	case stuck:
		f.Panic = stuckText(p.s.checked())
	case wrote:
		f.While = law.ID
		if len(p.s.guards) > 0 {
			f.Law, f.Statement = p.s.guards[0].ID, p.s.guards[0].Text
		}
		f.Sides = p.writtenSides(law, x)
	default:
		if again := p.undetermined(law, x); again != nil {
			return again
		}
		f.Sides, f.Panic = p.explain(law, x)
		f.Differ = p.differ(law, x, &f.Sides)
		f.Picture = p.picture(x)
	}
	return f
}

// deterministic is the law that a merge breaks whose result depends on more than its
// arguments: on the order of a map, a clock, a random number.
const (
	deterministic     = "wellposed/deterministic"
	deterministicText = "merging the same states again gives an equal result"
)

// repeats is the law that what is checked is deterministic, and mergesAgain that of the
// merge alone: a function or a codec may be checked with a merge beside it.
func (s *subject) repeats() string {
	if thing := s.checked(); thing != "merge" {
		return "given the same again, the " + thing + " does the same"
	}
	return deterministicText
}

func (s *subject) mergesAgain() string {
	if s.thing == "method" {
		return s.repeats()
	}
	return deterministicText
}

// tries is how often the same evaluation is repeated to see whether it stays the same.
const tries = 20

// undetermined explains a law that is refuted in one evaluation of the states and holds
// in another: it shows two results of one merge. It returns nil if all evaluations end
// alike.
func (p *probe) undetermined(law *law, x []any) *Failure {
	alike := true
	for range tries {
		alike = alike && p.eval(law, p.copies(x)).kind == refuted
	}
	if alike {
		return nil
	}
	f := &Failure{Law: deterministic, Statement: p.s.repeats(), While: law.ID, Where: p.bindings(x)}
	if p.s.join != nil {
		for i := range x {
			for j := range x {
				if first, second, differ := p.twice(x[i], x[j]); differ {
					f.Statement = p.s.mergesAgain()
					joined := variables[i] + " ⊔ " + variables[j]
					f.Sides = Sides{joined, p.Show(first), joined + ", again", p.Show(second)}
					return f
				}
			}
		}
	}
	f.Sides = Sides{"judging " + law.ID, "it did not hold", "judging it again", "it holds: the outcome depends on more than the states"}
	return f
}

// twice merges two states until two results differ.
func (p *probe) twice(a, b any) (first, second any, differ bool) {
	defer func() {
		if recover() != nil {
			differ = false // a panic is not another result
		}
	}()
	first = p.Join(p.Copy(a), p.Copy(b))
	for range tries {
		if second = p.Join(p.Copy(a), p.Copy(b)); !p.Equal(first, second) {
			return first, second, true
		}
	}
	return first, second, false
}

// blame finds the law about arguments that accounts for a write: it tries them on
// the states of the tuple, in every order of picking.
func (p *probe) blame(law *law, x []any) *Failure {
	for i := range p.s.guards {
		guard := &p.s.guards[i]
		var culprit *Failure
		eachPick(len(x), guard.Arity, func(pick []int) bool {
			y := make([]any, len(pick))
			for k, at := range pick {
				y[k] = p.copies(x[at : at+1])[0]
			}
			if p.eval(guard, y).kind != refuted {
				return true
			}
			culprit = p.failure(guard, y, finding{kind: refuted})
			culprit.While = law.ID
			return false
		})
		if culprit != nil {
			return culprit
		}
	}
	return nil
}

// eachPick calls visit with every list of k numbers below n, until it returns
// false.
func eachPick(n, k int, visit func(pick []int) bool) {
	pick := make([]int, k)
	for visit(pick) {
		i := k - 1
		for i >= 0 && pick[i] == n-1 {
			pick[i] = 0
			i--
		}
		if i < 0 {
			return
		}
		pick[i]++
	}
}

// writtenSides evaluates law once more and shows the first state it changed.
func (p *probe) writtenSides(law *law, x []any) Sides {
	y := p.copies(x)
	for i := range y {
		p.prints[i] = p.fingerprint(y[i])
	}
	prints, before := p.prints, p.copies(y)
	p.eval(law, y)
	for i := range y {
		if p.fingerprint(y[i]) != prints[i] {
			return Sides{variables[i] + " before", p.Show(x[i]), variables[i] + " after judging " + law.ID, p.written(before[i], y[i])}
		}
	}
	return Sides{"states before", "as below", "states after judging " + law.ID, "changed, but not again"}
}

// written shows a state that was written into, before being a copy from before that.
func (p *probe) written(before, after any) string {
	shown := p.Show(after)
	if len(shown) <= longSide && shown != p.Show(before) {
		return shown
	}
	where := deep.DifferencesOfBoxes(before, after, deep.DifferenceOptions{Memory: true})
	if len(where.Places) == 0 {
		return shown + ", changed in memory that is not shown"
	}
	first := where.Places[0]
	return fmt.Sprintf("%s, changed at a%s: %s against %s", shown, first.Path, first.A, first.B)
}

// explain asks the law for its sides, on copies. A law that panics only now gets
// its panic reported.
func (p *probe) explain(law *law, x []any) (s Sides, panicText_ string) {
	defer func() {
		if v := recover(); v != nil {
			panicText_ = panicText(v)
		}
	}()
	return law.explain(p, p.copies(x)), ""
}

// longSide is how many bytes of a side a reader sees through.
const longSide = 300

// differ says where the sides of a law differ that are too long to be compared by eye,
// and cuts them.
func (p *probe) differ(law *law, x []any, s *Sides) (text string) {
	if law.sides == nil || len(s.Left) <= longSide && len(s.Right) <= longSide {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = "" // what panics now was no part of what failed
		}
	}()
	left, right := law.sides(p, p.copies(x))
	if p.s.literals {
		s.Left, s.Right = deep.LiteralBoxWithin(left, longSide), deep.LiteralBoxWithin(right, longSide)
	}
	return deep.DifferencesOfBoxes(left, right, deep.DifferenceOptions{}).String()
}

func (p *probe) bindings(x []any) []Binding {
	w := make([]Binding, len(x))
	for i, v := range x {
		w[i] = Binding{variables[i], p.Show(v)}
	}
	return w
}

// equalityInstead is what to do where states cannot be compared by structure.
const equalityInstead = "give laws.Equal, laws.State, or the type an Equal method"

func panicText(v any) string {
	if undecided, ok := v.(*deep.Undecided); ok {
		return undecided.Error() + "; " + equalityInstead
	}
	if err, ok := v.(error); ok {
		return err.Error()
	}
	return fmt.Sprint(v)
}

// drawFailure explains a source that could not draw. A join that panicked while
// states were being correlated is a failure of the law; anything else is a
// mistake in the set-up.
func (p *probe) drawFailure(law *law, err error) (*Failure, error) {
	var jp *gen.JoinPanic
	if !errors.As(err, &jp) {
		return nil, fmt.Errorf("%w: drawing states for %s: %w", ErrSetup, law.ID, err)
	}
	f := &Failure{Law: law.ID, Statement: law.Text, Panic: panicText(jp.Value) + " (in a ⊔ b, while states were drawn)"}
	f.Where = p.operands(jp.A, jp.B)
	return f, nil
}

// operands binds the operands of a join that a source made: boxes, or states of
// sources that know their type. There are none of a source over other states.
func (p *probe) operands(a, b any) []Binding {
	x, okA := p.s.boxOf(a)
	y, okB := p.s.boxOf(b)
	if !okA || !okB {
		return nil
	}
	return p.bindings([]any{x, y})
}
