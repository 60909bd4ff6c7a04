// Package runquery finds rows of runs by what they say and by what comes before and
// after them: a crash that no start follows, a read that a partition precedes.
//
// It looks at the rows of one run at a time, knows nothing of what they mean, and keeps
// none. Patterns are Go's regular expressions, which take time linear in the text.
package runquery

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/faultlist"
)

// ErrQuery is wrapped when a query is refused.
var ErrQuery = errors.New("invalid query")

// Query says which rows are wanted: those that match Want and for which each of the
// conditions holds.
type Query struct {
	Want       *regexp.Regexp
	Conditions []Condition
	// SameLane has a row count for a condition only if it shares a lane with the row that
	// is wanted, where it happens or where its message arrives.
	SameLane bool
	// Within bounds how far away in time a row of a condition may be; 0 is any distance.
	Within time.Duration
}

// Condition is that a row, or none, comes before or after.
type Condition struct {
	Match  *regexp.Regexp
	Before bool // rows before the one wanted count, else those after it
	Never  bool // no such row may be there
}

// NewCondition compiles a pattern.
func NewCondition(pattern string, before, never bool) (Condition, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return Condition{}, fmt.Errorf("%w: %q is no regular expression: %w", ErrQuery, pattern, err)
	}
	return Condition{re, before, never}, nil
}

// Line is how a row is matched and shown: where it happens, to whom, and what.
func Line(r faultlist.Row) string {
	var b strings.Builder
	b.WriteString(r.Where)
	if r.To != "" {
		b.WriteString("->" + r.To)
	}
	if b.Len() > 0 && r.Text != "" {
		b.WriteByte(' ')
	}
	b.WriteString(r.Text)
	return b.String()
}

// Find returns the positions of the rows that are wanted, ascending. O(r + m·c) for r
// rows, m of which match, and c rows that match conditions.
func (q *Query) Find(rows []faultlist.Row) []int {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = Line(r)
	}
	places := make([][]int, len(q.Conditions))
	for c := range q.Conditions {
		for i, line := range lines {
			if q.Conditions[c].Match.MatchString(line) {
				places[c] = append(places[c], i)
			}
		}
	}
	var found []int
	for i, line := range lines {
		if !q.Want.MatchString(line) {
			continue
		}
		holds := true
		for c := range q.Conditions {
			holds = holds && q.met(&q.Conditions[c], rows, places[c], i) != q.Conditions[c].Never
		}
		if holds {
			found = append(found, i)
		}
	}
	return found
}

// met reports whether one of the places is where the condition looks from row i.
func (q *Query) met(c *Condition, rows []faultlist.Row, places []int, i int) bool {
	for _, j := range places {
		side := j > i
		if c.Before {
			side = j < i
		}
		if side && (q.Within == 0 || (rows[j].At-rows[i].At).Abs() <= q.Within) && (!q.SameLane || shareLane(rows[i], rows[j])) {
			return true
		}
	}
	return false
}

func shareLane(a, b faultlist.Row) bool {
	for _, x := range []string{a.Where, a.To} {
		if x != "" && (x == b.Where || x == b.To) {
			return true
		}
	}
	return false
}
