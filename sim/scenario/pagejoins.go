package scenario

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// joinsOf merges the values held in the end in pairs, each way. It returns the joins
// that nobody has shown, or, where merging itself is at fault, what is wrong with it.
func joinsOf(values []oracle.Distinct, held []int) (joins []oracle.Distinct, note string) {
	defer func() { // the merge under test may do anything
		if what := recover(); what != nil {
			joins, note = nil, fmt.Sprintf("Merging what they hold panics: %v.", what)
		}
	}()
	for _, a := range held {
		for _, b := range held {
			if a < 0 || b < 0 || a >= b {
				continue
			}
			x, y := &values[a], &values[b]
			xy, yx := x.Joined(y), y.Joined(x)
			if !bytes.Equal(xy.Value.Append(nil), yx.Value.Append(nil)) {
				return nil, fmt.Sprintf("The merge is at fault: merging %s into %s gives %s, and the other way round it gives %s.", shortened(y.Text), shortened(x.Text), shortened(xy.Text), shortened(yx.Text))
			}
			same := func(d oracle.Distinct) bool { return bytes.Equal(d.Value.Append(nil), xy.Value.Append(nil)) }
			if !slices.ContainsFunc(values, same) && !slices.ContainsFunc(joins, same) {
				joins = append(joins, xy)
			}
		}
	}
	return joins, ""
}

// below is the order of values by their own comparison, or says that it panics.
func below(values []oracle.Distinct) (rows [][]bool, wrong string) {
	defer func() {
		if what := recover(); what != nil {
			rows, wrong = nil, fmt.Sprintf("comparing its states panics: %v", what)
		}
	}()
	rows = make([][]bool, len(values))
	for i := range values {
		for j := range values {
			rows[i] = append(rows[i], i == j || values[i].Below(&values[j]))
		}
	}
	return rows, ""
}
