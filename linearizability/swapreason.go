package linearizability

import (
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

// mostTold is how many operations a sentence tells of.
const mostTold = 8

// swapReason says in a sentence what is wrong with the witness of a search where it is of
// one register with compare-and-sets: what the operation called last among those that
// found something found, and what the others had done by then. Empty if it is of anything
// else, or of too much to be told.
func swapReason(witness []history.Op) string {
	last := -1
	for i := range witness {
		o := &witness[i]
		if o.Type != history.Register || o.Key != witness[0].Key {
			return ""
		}
		if _, found := foundValue(o); found && (last < 0 || o.Call > witness[last].Call) {
			last = i
		}
	}
	if last < 0 || len(witness) > mostTold || len(witness) == 1 && witness[0].Outcome == history.OK { // by itself it found what nobody wrote
		return ""
	}
	late := &witness[last]
	var before, beside []string
	for i := range witness {
		switch o := &witness[i]; {
		case i == last:
		case o.Outcome == history.Unknown || o.Return >= late.Call:
			beside = append(beside, fmt.Sprintf("#%d, which %s", o.Index, swapDid(o, false)))
		default:
			before = append(before, fmt.Sprintf("#%d had %s", o.Index, swapDid(o, true)))
		}
	}
	text := fmt.Sprintf("register %q: #%d %s", late.Key, late.Index, swapDid(late, false))
	if len(before) > 0 {
		text += " after " + inWords(before)
	}
	if len(beside) > 0 {
		text += ", beside " + inWords(beside)
	}
	return text + "; no order of these explains that"
}

// swapDid says what an operation of a register did, of which had is true after "had".
func swapDid(o *history.Op, had bool) string {
	pair, _ := o.Arg.AsList()
	switch {
	case o.Func == history.Read:
		return fmt.Sprintf("read %s", o.Out)
	case o.Func == history.CAS && o.Outcome == history.Unknown:
		return fmt.Sprintf("may have put %s in the place of %s", pair[1], pair[0])
	case o.Func == history.CAS && o.Outcome == history.Failed:
		return fmt.Sprintf("found something else than %s", pair[0])
	case o.Func == history.CAS:
		return fmt.Sprintf("put %s in the place of %s", pair[1], pair[0])
	case o.Outcome == history.Unknown:
		return fmt.Sprintf("may have written %s", o.Arg)
	case had:
		return fmt.Sprintf("written %s", o.Arg)
	}
	return fmt.Sprintf("wrote %s", o.Arg)
}

// inWords joins what stands in a list by commas, and "and" before the last.
func inWords(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " and " + all[last]
}
