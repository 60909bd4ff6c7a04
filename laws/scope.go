package laws

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// The small scope that doors about histories try in full.
const (
	scopeOps   = 4      // operations
	scopeDrawn = 64     // examples of which these are the shortest
	scopeSteps = 6      // steps at most
	scopeLimit = 20_000 // schedules at most
)

// checkSchedules checks a set first on every schedule of a small scope, and then at
// random. last is the set for the former: it may take what schedules without the last
// step have in common with a schedule as judged.
func checkSchedules[O any](t T, set Set[Schedule[O]], last set, ops *rapid.Generator[O], stale bool, opts []Option) {
	t.Helper()
	if err := set.s.value().usable(); err != nil {
		t.Fatalf("%v", err)
	}
	few, err := shortest(ops)
	if err != nil {
		t.Fatalf("%v", err)
	}
	all, length := schedulesOf(few, scopeSteps, scopeLimit, stale)
	scope := fmt.Sprintf("every schedule of up to %d steps at %d replicas, up to their names, with the operations %s: %d schedules",
		length, gen.Replicas, literals(few), len(all))
	failed := checkScope(t, last, boxAll(all), scope, settingsOf(opts))
	if rest := set.s.value().without(failed); len(rest.laws) > 0 {
		checkOn(t, rest, boxSource(ScheduleSource(gen.FromRapid(ops))), opts)
	}
}

// without is the set less some laws: those that need not be refuted again by longer
// schedules.
func (s set) without(ids []string) set {
	rest := set{name: s.name, absences: s.absent(), subject: s.subject}
	for _, l := range s.all() {
		if !slices.Contains(ids, l.ID) {
			rest.laws = append(rest.laws, l)
		}
	}
	return rest
}

// shortest is the operations among some examples that are shortest in print: those tie
// most, and are read most easily.
func shortest[O any](ops *rapid.Generator[O]) (few []O, err error) {
	defer func() {
		if v := recover(); v != nil {
			few, err = nil, fmt.Errorf("%w: Ops draws no operation: %s", ErrSetup, panicText(v))
		}
	}()
	type printed struct {
		op   O
		text string
	}
	var all []printed
	for seed := range scopeDrawn {
		op := ops.Example(seed)
		all = append(all, printed{op, deep.Literal(op)})
	}
	slices.SortFunc(all, func(a, b printed) int {
		return cmp.Or(cmp.Compare(len(a.text), len(b.text)), cmp.Compare(a.text, b.text))
	})
	all = slices.CompactFunc(all, func(a, b printed) bool { return a.text == b.text })
	for _, p := range all[:min(len(all), scopeOps)] {
		few = append(few, p.op)
	}
	return few, nil
}

func literals[O any](ops []O) string {
	texts := make([]string, len(ops))
	for i, op := range ops {
		texts[i] = deep.Literal(op)
	}
	return strings.Join(texts, ", ")
}

// checkScope judges the set's own laws, and not those on states, on every schedule,
// in a subtest, and returns the laws that fail. The schedule reported is a shortest one.
func checkScope(t T, set set, schedules []any, scope string, o settings) (failed []string) {
	t.Helper()
	t.Run("exhaustive", func(t *testing.T) {
		t.Helper()
		patience := o.waits(set.subject)
		a, p := new(watchdog), newProbe(set.subject)
		laws := set.only([]string{set.name}).all()
		at, x := 0, make([]any, 1)
		var failures []*Failure
		ended := a.watch(patience, func() {
			for at = range laws {
				for i, s := range schedules {
					a.step()
					a.step()
					x[0] = s
					if f := p.judge(&laws[at], x); f.kind.bad() {
						failure := p.failure(&laws[at], x, f)
						failure.Found = fmt.Sprintf("schedule %d of the scope", i+1)
						failures = append(failures, failure)
						break
					}
				}
			}
		})
		if !ended {
			for _, l := range set.all() {
				failed = append(failed, l.ID) // none of them would return
			}
			f := p.failure(&laws[at], x, finding{kind: stuck})
			f.Limit = limitText(patience)
			t.Fatalf("\n%v", f)
		}
		for _, f := range failures {
			f.Again = againCommand(t.Name(), 0)
			t.Errorf("\n%v", f)
			failed = append(failed, f.Law)
		}
		t.Logf("%s", scope)
	})
	return failed
}
