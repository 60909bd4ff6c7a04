package laws

import (
	"errors"
	"fmt"
	"time"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// failure explains a finding about law on the states x, which must be as they
// were drawn. It is for reports: it evaluates again.
func (p *probe) failure(law *law, x []any, found finding) *Failure {
	if found.kind == wrote {
		if f := p.blame(law, x); f != nil {
			return f
		}
	}
	if found.kind == stuck {
		f := p.stuck(x)
		f.Law, f.Statement = law.ID, law.Text
		return f
	}
	f := &Failure{Law: law.ID, Statement: law.Text, Where: p.bindings(x)}
	switch found.kind {
	case panicked, unequated:
		f.Panic = panicText(found.panic)
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
		f.Picture, f.Order = p.picture(x)
		f.Ties = p.ties(x)
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

// stuck explains an evaluation of x that goes on. It runs nothing of what is checked; a
// Show of the user's, which may be what does not return, is waited for.
func (p *probe) stuck(x []any) *Failure {
	f := &Failure{Panic: stuckText(p.s.checked())}
	for i, v := range x {
		if v == nil {
			continue // not even drawn: the machine is busy, or patience is short
		}
		text := p.s.barely(v)
		if p.s.ownShow {
			var shown string
			if new(watchdog).watch(showPatience, func() { shown = p.Show(v) }) {
				text = shown
			} else {
				f.Panic = stuckText("function given as Show")
			}
		}
		f.Where = append(f.Where, Binding{variables[i], text})
	}
	return f
}

// stuckDrawing explains the drawing of states that goes on, in a join of these operands;
// nil where none had begun.
func (p *probe) stuckDrawing(joining *[2]any) *Failure {
	if joining == nil {
		return &Failure{Panic: stuckText("generator of states")}
	}
	a, okA := p.s.boxOf(joining[0])
	b, okB := p.s.boxOf(joining[1])
	if !okA || !okB {
		return p.stuck(nil) // of a source over other states
	}
	return p.stuck([]any{a, b})
}

// showPatience is how long a Show of the user's is waited for where something does not
// return.
const showPatience = time.Second

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
