package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/laws"
)

// listMerges lists merges by name.
func (c *cli) listMerges(o lawsOptions, entries []laws.Entry) error {
	for _, e := range entries {
		if !o.json {
			c.printf("%s\n", e.Name)
		} else if err := c.printJSON(map[string]string{"kind": "merge", "name": e.Name}); err != nil {
			return err
		}
	}
	return nil
}

// printLaws prints what came of laws: the matrix of merges and sets of laws, or law
// by law, and below it in full whatever does not hold.
func (c *cli) printLaws(rows []laws.Row, each bool) {
	if each {
		c.printEach(rows)
	} else {
		c.printMatrix(rows)
	}
	for _, r := range rows {
		if !r.OK {
			c.printText("", fmt.Sprintf("%s, %s: %s", r.Merge, r.Law, r.Status))
			c.printText("", r.Why)
		}
	}
}

// printEach prints a line a law, merge by merge.
func (c *cli) printEach(rows []laws.Row) {
	for len(rows) > 0 {
		merge := rows[0].Merge
		table := [][]string{{"LAW", "CASES", "HOW"}}
		for len(rows) > 0 && rows[0].Merge == merge {
			r := rows[0]
			rows = rows[1:]
			how := r.Status
			if r.Status == laws.StatusAbsent {
				how += ": " + r.Why
			}
			table = append(table, []string{r.Law, fmt.Sprint(r.Cases), how})
		}
		c.printf("%s\n%s\n", merge, layout.Table("  ", table))
	}
}

// The letters of the matrix, from what does not hold to what holds by proof; a set
// shows the first that one of its laws has.
var letters = []struct{ sign, means string }{
	{"✗", "does not hold, or was never exercised"},
	{"R", "holds on reachable states only"},
	{"S", "sampled"},
	{"E", "exhausted over a scope"},
	{"P", "proved up to keys"},
	{"·", "does not apply"},
}

// letter is the place of a row's letter.
func letter(r laws.Row) int {
	switch {
	case r.Status == laws.StatusAbsent:
		return 5
	case !r.OK:
		return 0
	case r.Status == laws.StatusReachable:
		return 1
	case strings.HasPrefix(r.Status, "exhausted"):
		return 3
	case r.Status == laws.StatusProved:
		return 4
	}
	return 2
}

// printMatrix prints a line a merge and a column a set of laws.
func (c *cli) printMatrix(rows []laws.Row) {
	var merges, sets []string
	weakest := make(map[[2]string]int)
	name := 0
	for _, r := range rows {
		set, _, _ := strings.Cut(r.Law, "/")
		if !slices.Contains(sets, set) {
			sets = append(sets, set)
		}
		if !slices.Contains(merges, r.Merge) {
			merges = append(merges, r.Merge)
		}
		at := [2]string{r.Merge, set}
		if old, met := weakest[at]; !met || letter(r) < old {
			weakest[at] = letter(r)
		}
		name = max(name, layout.Columns(r.Merge))
	}
	slices.Sort(sets)
	line := layout.Pad("", name)
	for i := range sets {
		line += fmt.Sprintf("%3d", i+1)
	}
	c.printf("%s\n", line)
	for _, m := range merges {
		line := layout.Pad(m, name)
		for _, s := range sets {
			l, met := weakest[[2]string{m, s}]
			if !met {
				l = len(letters) - 1
			}
			line += "  " + letters[l].sign
		}
		c.printf("%s\n", line)
	}
	c.printf("\n")
	for i, s := range sets {
		c.printf("%3d %s\n", i+1, s)
	}
	for _, l := range letters {
		c.printf("  %s %s\n", l.sign, l.means)
	}
	c.printf("\n")
}
