// Package oracle decides small histories by trying everything: every order,
// every subset, every pair. It is the yardstick of the models and of the fast
// checkers and shares no code with them, so that a mistake would have to be made
// twice to go unnoticed. It is exponential without apology and refuses nothing:
// keep histories below about eight operations a search.
//
// Random makes the small histories, by letting a sloppy store answer.
package oracle

import (
	"fmt"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Answer is what an oracle says.
type Answer int

// The three answers.
const (
	Allowed Answer = iota
	Forbidden
	// Ambiguous means that the history does not say enough (untagged values
	// written more than once).
	Ambiguous
)

// String names the answer.
func (a Answer) String() string {
	switch a {
	case Allowed:
		return "allowed"
	case Forbidden:
		return "forbidden"
	case Ambiguous:
		return "ambiguous"
	}
	return fmt.Sprintf("answer(%d)", int(a))
}

// object identifies what an operation is about.
func object(o *history.Op) string { return string(o.Type) + "\x00" + o.Key }

// objects lists the objects of a history in order of appearance.
func objects(h *history.History) []string {
	var names []string
	seen := map[string]bool{}
	for i := range h.Ops {
		if k := object(&h.Ops[i]); !seen[k] {
			seen[k] = true
			names = append(names, k)
		}
	}
	return names
}

// putsOn returns the puts on an object that are not Failed.
func putsOn(h *history.History, name string) []*history.Op {
	var puts []*history.Op
	for i := range h.Ops {
		if o := &h.Ops[i]; object(o) == name && o.Func != history.Read && o.Outcome != history.Failed {
			puts = append(puts, o)
		}
	}
	return puts
}

// isValueOf reports whether r returned the value of exactly these puts,
// regardless of order: what the types mean, spelt out.
func isValueOf(r *history.Op, puts []*history.Op) bool {
	switch r.Type {
	case history.Set:
		var all []history.Value
		for _, p := range puts {
			all = append(all, p.Arg)
		}
		return history.SetOf(all...).Equal(asList(r.Out))
	case history.Counter:
		var sum int64
		for _, p := range puts {
			n, _ := p.Arg.AsInt()
			sum += n
		}
		n, _ := r.Out.AsInt()
		return n == sum
	}
	if len(puts) == 0 {
		return r.Out.IsNil()
	}
	for _, winner := range puts {
		if canWin(winner, r, puts) {
			return true
		}
	}
	return false
}

func asList(v history.Value) history.Value {
	if v.IsNil() {
		return history.List()
	}
	return v
}

// canWin reports whether the read saw this write and none of the others is
// known to be later.
func canWin(w, r *history.Op, puts []*history.Op) bool {
	if !w.Arg.Equal(r.Out) {
		return false
	}
	stamp := w.Stamp
	if stamp == (history.Stamp{}) {
		stamp = r.Stamp
	} else if r.Stamp != (history.Stamp{}) && r.Stamp != stamp {
		return false
	}
	for _, p := range puts {
		if stamp == (history.Stamp{}) || p.Stamp == (history.Stamp{}) {
			continue
		}
		if p.Stamp.Clock > stamp.Clock || p.Stamp.Clock == stamp.Clock && p.Stamp.Writer > stamp.Writer ||
			p.Stamp == stamp && p.Arg.Compare(w.Arg) > 0 {
			return false
		}
	}
	return true
}

// sawExactly reports whether the tags that r saw are those of the given puts.
func sawExactly(r *history.Op, puts []*history.Op) bool {
	if len(r.Saw) != len(puts) {
		return false
	}
	for _, t := range r.Saw {
		found := false
		for _, p := range puts {
			found = found || p.Tag == t
		}
		if !found {
			return false
		}
	}
	return true
}
