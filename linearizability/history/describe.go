package history

import (
	"fmt"
	"strconv"
	"strings"
)

var outcomeNames = [...]string{OK: "ok", Failed: "failed", Unknown: "unknown"}

// String names the outcome: ok, failed or unknown.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "outcome(" + strconv.Itoa(int(o)) + ")"
}

// Known reports whether the stamp was recorded.
func (s Stamp) Known() bool { return s != Stamp{} }

// Compare orders stamps by Clock, then by Writer.
func (s Stamp) Compare(t Stamp) int {
	switch {
	case s.Clock != t.Clock && s.Clock < t.Clock:
		return -1
	case s.Clock != t.Clock:
		return 1
	case s.Writer < t.Writer:
		return -1
	case s.Writer > t.Writer:
		return 1
	}
	return 0
}

// String renders a stamp as clock.writer, or ? where it is not known.
func (s Stamp) String() string {
	if !s.Known() {
		return "?"
	}
	return fmt.Sprintf("%d.%d", s.Clock, s.Writer)
}

// Happened reports whether the operation can have had its effect or seen its
// value: every operation but the Failed, and a read only if it returned.
func (o *Op) Happened() bool {
	return o.Outcome == OK || o.Outcome == Unknown && o.IsPut()
}

// SessionName is the name of the session, and s with its number if it has none.
func (o *Op) SessionName() string {
	if o.Client != "" {
		return o.Client
	}
	return "s" + strconv.Itoa(o.Session)
}

// Returns reports whether Out is what the operation returned: of a read, a dequeue, a
// generate, and any other one that has something there.
func (o *Op) Returns() bool {
	return o.Func == Read || o.Func == Dequeue || o.Func == Generate || !o.Out.IsNil()
}

// takesArg reports whether Arg says something even where it is Nil.
func (o *Op) takesArg() bool { return !o.Func.answers() }

// String renders the operation on one line, as witnesses show it:
//
//	#4 s1@n2 [10,17] register "x" write 7 ok tag 3
//
// What came back stands behind an arrow. A session with a name goes by it.
func (o Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d %s", o.Index, o.SessionName())
	if o.Node >= 0 {
		fmt.Fprintf(&b, "@n%d", o.Node)
	}
	if o.Return == Pending {
		fmt.Fprintf(&b, " [%d,…]", o.Call)
	} else {
		fmt.Fprintf(&b, " [%d,%d]", o.Call, o.Return)
	}
	fmt.Fprintf(&b, " %s %q %s", o.Type, o.Key, o.Func)
	if o.takesArg() || !o.Arg.IsNil() {
		fmt.Fprintf(&b, " %s", o.Arg)
	}
	if o.Outcome == OK && o.Returns() {
		fmt.Fprintf(&b, " -> %s", o.Out)
	}
	fmt.Fprintf(&b, " %s", o.Outcome)
	if o.Tag != 0 {
		fmt.Fprintf(&b, " tag %d", o.Tag)
	}
	if o.Saw != nil {
		fmt.Fprintf(&b, " saw %v", o.Saw)
	}
	if o.Stamp.Known() {
		fmt.Fprintf(&b, " stamp %s", o.Stamp)
	}
	if o.Txn != 0 {
		fmt.Fprintf(&b, " txn %d", o.Txn)
	}
	return b.String()
}
