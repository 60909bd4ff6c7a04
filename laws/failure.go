package laws

import (
	"fmt"
	"strings"
)

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
	// Law and Statement are "" where no law had been judged yet.
	Law, Statement string
	Sides
	// Panic is what the merge panicked with, if it did, or says that it did not
	// return; there are no sides then.
	Panic string
	// Limit says how long was waited for what does not return, and which option sets that;
	// "" elsewhere.
	Limit string
	// While is the law that was being judged when a merge was caught writing into
	// its arguments; that law was judged no further.
	While string
	Where []Binding
	// Differ lists the first places at which the two sides differ, a line each, where the
	// sides are too long to be seen through; "" elsewhere.
	Differ string
	// Ties says in which parts two states of the counterexample are equal that differ in
	// others, a line each pair; "" where there is no such pair: see [Failure.Details].
	Ties string
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
	// [Failure.Details]. It is "" where the states are not of a merge. Order is the same
	// as data, or nil.
	Picture string
	Order   *StateOrder
}

// panicLine says what was panicked with. A merge that refuses states, as one does that
// returns errors, did not panic itself.
func (f *Failure) panicLine() string {
	if why, ok := strings.CutPrefix(f.Panic, refused); ok {
		return fmt.Sprintf("refused %s\n", why)
	}
	return fmt.Sprintf("panic  %s\n", f.Panic)
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
	if f.Law != "" {
		fmt.Fprintf(&b, "law %s does not hold\n    %s\n", f.Law, f.Statement)
	}
	switch text, stuck := f.stuck(); {
	case stuck:
		fmt.Fprintf(&b, "stuck  %s\n", text)
		if f.Limit != "" {
			fmt.Fprintf(&b, "limit  %s\n", f.Limit)
		}
	case f.Panic != "":
		b.WriteString(f.panicLine())
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
