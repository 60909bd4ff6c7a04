package laws

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

// CheckRapid checks the law by a property of rapid, in a test of the caller's making:
// for those who want rapid's own runner, its flags and its fail files. rapid draws the
// choices, so it makes a failing case smaller too. For the number of cases see the flag
// -rapid.checks. A merge that does not return hangs it, unless it is watched (see
// [Watch]).
func (t *Trial) CheckRapid(tb rapid.TB) {
	tb.Helper()
	cases, exercised := 0, 0
	rapid.Check(tb, func(rt *rapid.T) {
		v, states := t.run.shown(choice.FromRapid(rt))
		cases++
		switch v.Outcome {
		case Vacuous:
			return
		case Holds:
			exercised++
			return
		}
		// The report is built only when rapid prints, at the end. What fails the case is
		// constant for a law and a way of failing, because rapid shrinks by it.
		rt.Logf("\n%v", lazy(func() string {
			if v.got.drawErr == nil {
				return t.run.probe.failure(&t.law, states, v.got.finding).String()
			}
			failure, err := t.run.probe.drawFailure(&t.law, v.got.drawErr)
			if err != nil {
				return err.Error()
			}
			return failure.String()
		}))
		rt.Fatalf("law %s: %s", t.law.ID, v.got.classOf(t.run.probe.s.checked()))
	})
	if short := t.Shortfall(cases, exercised); short != "" {
		tb.Errorf("%s", short)
	}
}

// shown judges a case and returns the states as they were before. What rapid itself
// draws is on no tape of ours, so they cannot be drawn again; and a panic while they are
// drawn is how rapid ends a case, and is left to it.
func (r *seededRun) shown(src choice.Source) (v Verdict, states []any) {
	r.draw.Reset(src)
	r.source(&r.draw, r.x)
	if err := r.draw.Err(); err != nil {
		return verdictOf(refutation{drawErr: err}), nil
	}
	states = r.probe.copies(r.x)
	return verdictOf(refutation{finding: r.probe.judge(r.law, r.x)}), states
}

// lazy is text that is made when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }

var _ fmt.Stringer = lazy(nil)
