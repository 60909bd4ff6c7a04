package main

import (
	"fmt"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/sim/scenario"
)

// byCheckerJSON is what a checker came to of the histories of a level, in the summary of
// run --json.
type byCheckerJSON struct {
	Level        string `json:"level"`
	Model        string `json:"model"`
	Porcupine    bool   `json:"porcupine"` // a search by porcupine, of the small histories of a share of the seeds
	Histories    int64  `json:"histories"` // the sum of the three below
	Decided      int64  `json:"decided"`
	Undecided    int64  `json:"undecided"`
	Inconclusive int64  `json:"inconclusive"` // the history cannot say: nothing was read, or values do not tell
}

// byChecker are the histories of the campaign, by level as levels are listed, then by checker.
func (t *totals) byChecker() []byCheckerJSON {
	all := make([]byCheckerJSON, 0, len(t.Judged))
	for _, by := range inOrder(t.Judged) {
		n := t.Judged[by]
		decided := n.OK + n.Violated
		all = append(all, byCheckerJSON{
			by.level, by.model, scenario.ByPorcupine(by.model), decided + n.Undecided + n.Inconclusive, decided, n.Undecided, n.Inconclusive,
		})
	}
	return all
}

// byCheckerTable is a row for each level of the store of which there are histories and
// each checker that has judged some. It fits a screen up to some ten million histories.
func byCheckerTable(all []byCheckerJSON) [][]string {
	table := [][]string{{"LEVEL", "CHECKER", "JUDGED", "DECIDED", "UNDECIDED", "INCONCLUSIVE"}}
	for _, x := range all {
		checker := x.Model
		if x.Porcupine {
			checker = "porcupine " + checker
		}
		table = append(table, []string{
			x.Level, checker, fmt.Sprint(x.Histories), fmt.Sprint(x.Decided), fmt.Sprint(x.Undecided), fmt.Sprint(x.Inconclusive),
		})
	}
	return table
}

// printByChecker prints the table of levels and checkers, if there is anything in it.
func (c *cli) printByChecker(all []byCheckerJSON) {
	if len(all) > 0 {
		c.printf("\n%s\n", layout.Table("", byCheckerTable(all)))
	}
}
