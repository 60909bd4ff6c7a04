package laws

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// Details is the report with everything known beyond [Failure.String]: the parts in
// which states tie, the picture of the order of the states, and a test to be pasted. The set that the test binds
// is written as a place to fill in.
func (f *Failure) Details() string {
	var b strings.Builder
	b.WriteString(f.String())
	if f.Ties != "" {
		b.WriteString("ties\n")
		for line := range strings.Lines(f.Ties) {
			b.WriteString("    " + line)
		}
	}
	if f.Picture != "" {
		b.WriteString("picture\n")
		for line := range strings.Lines(f.Picture) {
			b.WriteString("    " + line)
		}
	}
	if len(f.Where) > 0 {
		b.WriteString("test\n")
		for line := range strings.Lines(f.GoTest("set")) {
			b.WriteString("    " + line)
		}
	}
	return b.String()
}

// GoTest is a Go test that judges the law on the states of the failure again. set
// is the Go expression of the set, laws.Func(merge) for example; type names are
// those of the report, with their packages.
func (f *Failure) GoTest(set string) string {
	law := f.Law
	if f.While != "" {
		law = f.While
	}
	var b strings.Builder
	fmt.Fprintf(&b, "func Test%s(t *testing.T) {\n", camel(law))
	var names []string
	for _, w := range f.Where {
		fmt.Fprintf(&b, "\t%s := %s\n", w.Name, w.Value)
		names = append(names, w.Name)
	}
	fmt.Fprintf(&b, "\tlaws.Judge(t, %s, %q, %s)\n}\n", set, law, strings.Join(names, ", "))
	return b.String()
}

// camel makes an identifier out of the name of a law.
func camel(id string) string {
	var b strings.Builder
	up := true
	for _, r := range id {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
			continue
		case up:
			r = unicode.ToUpper(r)
		}
		up = false
		b.WriteRune(r)
	}
	return b.String()
}

// Judge judges one law of the set on given states: what a counterexample becomes
// once it is a test. It fails if the law does not hold on them, if it does not
// apply to them, and if the set has no such law or the law is about more or fewer
// states.
func Judge[S any](t testing.TB, set Set[S], id string, states ...S) {
	t.Helper()
	judgeOn(t, set.s.value(), id, boxAll(states))
}

func judgeOn(t testing.TB, set set, id string, states []any) {
	t.Helper()
	if err := set.usable(); err != nil {
		t.Fatalf("%v", err)
	}
	for _, law := range set.all() {
		if law.ID != id {
			continue
		}
		if len(states) != law.Arity {
			t.Fatalf("%v: law %s is about %d states, not %d", ErrSetup, id, law.Arity, len(states))
		}
		p := newProbe(set.subject)
		f := p.judge(&law, p.copies(states))
		switch {
		case f.kind == vacuous:
			t.Fatalf("law %s does not apply to these states\n    %s", id, law.Text)
		case f.kind.bad():
			t.Fatalf("\n%v", p.failure(&law, states, f))
		}
		return
	}
	t.Fatalf("%v: set %s has no law %q", ErrSetup, set.name, id)
}

// failureJSON and the types below are the report as scripts read it.
type failureJSON struct {
	Law       string            `json:"law"`
	Statement string            `json:"statement"`
	LeftExpr  string            `json:"left_expr,omitempty"`
	Left      string            `json:"left,omitempty"`
	RightExpr string            `json:"right_expr,omitempty"`
	Right     string            `json:"right,omitempty"`
	Differ    string            `json:"differ,omitempty"`
	Panic     string            `json:"panic,omitempty"`
	While     string            `json:"while,omitempty"`
	Where     map[string]string `json:"where"`
	Note      string            `json:"note,omitempty"`
	Found     string            `json:"found,omitempty"`
	Again     string            `json:"again,omitempty"`
	Tape      []uint64          `json:"tape,omitempty"`
	Picture   string            `json:"picture,omitempty"`
	Test      string            `json:"test,omitempty"`
}

type resultJSON struct {
	Law       string       `json:"law"`
	Statement string       `json:"statement"`
	Status    string       `json:"status"`
	Cases     int          `json:"cases"`
	Exercised int          `json:"exercised"`
	Failure   *failureJSON `json:"failure,omitempty"`
}

type reportJSON struct {
	Set     string            `json:"set"`
	Scope   string            `json:"scope"`
	OK      bool              `json:"ok"`
	Results []resultJSON      `json:"results"`
	Absent  map[string]string `json:"absent,omitempty"`
	Error   string            `json:"error,omitempty"`
}

// MarshalJSON is the report for scripts: an object with set, scope, ok, results,
// absent and error. It is as stable as the text.
func (r Report) MarshalJSON() ([]byte, error) {
	j := reportJSON{Set: r.Set, Scope: r.Scope, OK: r.OK(), Results: []resultJSON{}}
	for _, res := range r.Results {
		j.Results = append(j.Results, resultJSON{res.Law, res.Statement, res.Status.String(), res.Cases, res.Exercised, res.Failure.json()})
	}
	for _, a := range r.Absent {
		if j.Absent == nil {
			j.Absent = make(map[string]string)
		}
		j.Absent[a.ID] = a.Why
	}
	if r.Err != nil {
		j.Error = r.Err.Error()
	}
	return json.Marshal(j)
}

func (f *Failure) json() *failureJSON {
	if f == nil {
		return nil
	}
	j := &failureJSON{
		Law: f.Law, Statement: f.Statement, LeftExpr: f.LeftExpr, Left: f.Left, RightExpr: f.RightExpr, Right: f.Right, Differ: f.Differ,
		Panic: f.Panic, While: f.While, Where: map[string]string{}, Note: f.Note, Found: f.Found, Again: f.Again, Tape: f.Tape, Picture: f.Picture,
	}
	for _, w := range f.Where {
		j.Where[w.Name] = w.Value
	}
	if len(f.Where) > 0 {
		j.Test = f.GoTest("set")
	}
	return j
}
