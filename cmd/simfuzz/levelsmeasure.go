package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/sim/scenario"
	"github.com/joinery-go/joinery/sim/scenario/split"
)

// levelsOptions are the flags of "simfuzz levels".
type levelsOptions struct {
	measure bool
	seed    uint64
	seeds   uint64
	json    bool
}

// judged is who has judged histories of sessions of a level.
type judged struct{ level, model string }

// tally counts what came of them.
type tally struct{ OK, Violated, Undecided, Inconclusive, Operations int64 }

// with is the tally with one history more.
func (t tally) with(j scenario.Judgement) tally {
	switch j.Status {
	case linearizability.OK:
		t.OK++
	case linearizability.Violation:
		t.Violated++
	case linearizability.Undecided:
		t.Undecided++
	case linearizability.Inconclusive:
		t.Inconclusive++
	}
	t.Operations += int64(j.Operations)
	return t
}

// judgedJSON is a row of the table of levels and checkers as scripts read it.
type judgedJSON struct {
	Kind         string `json:"kind"` // judged
	Level        string `json:"level"`
	Model        string `json:"model"`
	Decided      int64  `json:"decided"`
	Violated     int64  `json:"violated"`
	Undecided    int64  `json:"undecided"`
	Inconclusive int64  `json:"inconclusive"` // the history cannot say: nothing was read, or values do not tell
	Operations   int64  `json:"operations"`
}

// availableJSON is a level that was tried while replicas were cut off.
type availableJSON struct {
	Kind      string            `json:"kind"` // available
	Level     string            `json:"level"`
	Cache     bool              `json:"cache"`
	Theory    string            `json:"theory"`
	Situation map[string][2]int `json:"situations"` // answered, of so many requests
}

// ackJSON is an acknowledgement that was tried so.
type ackJSON struct {
	Kind     string `json:"kind"` // ack
	Ack      string `json:"ack"`
	Answered []bool `json:"answered"` // by how many of the two other owners are cut off
}

// measureLevels fuzzes each level, and prints the tables.
func (c *cli) measureLevels(o levelsOptions) error {
	all := make(map[judged]tally)
	sides, alone := make(bySides), make(bySides)
	violations := int64(0)
	now := newStep(session.Levels()[0])
	p := command.StartProgress(c.err, func() string { return "levels: " + now.get() })
	for _, level := range session.Levels() {
		now.set(level)
		for _, faults := range []string{"", partitionsAlone} {
			k := &storeCampaign{cfg: scenario.Config{Level: level, Faults: faults, Engine: drawnEngine, Base: o.seed}, first: o.seed, seeds: o.seeds}
			if err := k.run(c.ctx); err != nil {
				p.Finish()
				return err
			}
			violations += k.totals.Violations
			if faults != "" {
				maps.Copy(alone, k.totals.BySide)
				continue
			}
			maps.Copy(all, k.totals.Judged)
			maps.Copy(sides, k.totals.BySide)
		}
	}
	p.Finish()
	if violations > 0 {
		c.worsen(exitViolated)
	}
	rows, err := split.Measure()
	if err != nil {
		return err
	}
	acks, err := split.MeasureAcks()
	if err != nil {
		return err
	}
	if o.json {
		return c.printMeasured(all, rows, acks, append(sides.lines("default"), alone.lines(partitionsAlone)...), o, violations)
	}
	c.printText("", fmt.Sprintf("Histories of %d seeds a level, by what has judged them: eventual and causal are searched by porcupine, in one seed of six; "+
		"inconclusive are those of which values do not tell, or nothing was read.", o.seeds))
	c.printf("\n%s\n", layout.Table("", judgedTable(all)))
	c.printText("", "Requests answered while each replica is cut off from the others, of those asked (\"simfuzz levels --help\"):")
	c.printf("\n%s\n", layout.Table("", availableTable(rows)))
	for _, s := range split.Situations() {
		c.printf("%s\n", layout.Hang(fmt.Sprintf("%-11s ", s.Name), s.Doc))
	}
	c.printf("\n")
	c.printText("", "Requests answered, of so many, by how many owners the replica that was asked could hear, itself among them, where partitions are the only faults; "+
		"CAN says whether theory has it that all can be:")
	c.printf("\n")
	c.printSides(alone, theories(rows))
	c.printText("", "The same under the default faults, crashes, losses and delays among them:")
	c.printf("\n")
	c.printSides(sides, theories(rows))
	c.printText("", "Writes answered at a replica from which as many of the two other owners are cut off:")
	c.printf("\n%s", layout.Table("", ackTable(acks)))
	return nil
}

// inOrder are the rows of what was judged: by level as they are listed, then by model.
func inOrder(all map[judged]tally) []judged {
	return slices.SortedFunc(maps.Keys(all), func(a, b judged) int {
		return cmp.Or(cmp.Compare(slices.Index(session.Levels(), a.level), slices.Index(session.Levels(), b.level)), cmp.Compare(a.model, b.model))
	})
}

func judgedTable(all map[judged]tally) [][]string {
	table := [][]string{{"LEVEL", "CHECKER", "DECIDED", "VIOLATED", "UNDECIDED", "INCONCLUSIVE", "OPERATIONS"}}
	for _, by := range inOrder(all) {
		t := all[by]
		table = append(table, []string{
			by.level, by.model, fmt.Sprint(t.OK + t.Violated), fmt.Sprint(t.Violated), fmt.Sprint(t.Undecided), fmt.Sprint(t.Inconclusive), fmt.Sprint(t.Operations),
		})
	}
	return table
}

func availableTable(rows []split.Row) [][]string {
	head := []string{"LEVEL", "THEORY"}
	for _, s := range split.Situations() {
		head = append(head, s.Name)
	}
	table := [][]string{head}
	for _, r := range rows {
		line := []string{r.Level.String(), r.Theory}
		if r.Cached {
			line[0] += ", cache"
		}
		for _, x := range r.Cells {
			line = append(line, fmt.Sprintf("%d/%d", x.Answered, x.Asked))
		}
		table = append(table, line)
	}
	return table
}

func ackTable(acks []split.AckRow) [][]string {
	table := [][]string{{"ANSWERED", "none", "one", "both"}}
	for _, a := range acks {
		line := []string{a.Ack.String()}
		for _, yes := range a.Answered {
			line = append(line, map[bool]string{true: "yes", false: "unavailable"}[yes])
		}
		table = append(table, line)
	}
	return table
}

// printMeasured prints the tables for scripts.
func (c *cli) printMeasured(all map[judged]tally, rows []split.Row, acks []split.AckRow, sides []any, o levelsOptions, violations int64) error {
	var lines []any
	for _, by := range inOrder(all) {
		t := all[by]
		lines = append(lines, judgedJSON{"judged", by.level, by.model, t.OK + t.Violated, t.Violated, t.Undecided, t.Inconclusive, t.Operations})
	}
	for _, r := range rows {
		x := availableJSON{"available", r.Level.String(), r.Cached, r.Theory, make(map[string][2]int)}
		for i, s := range split.Situations() {
			x.Situation[s.Name] = [2]int{r.Cells[i].Answered, r.Cells[i].Asked}
		}
		lines = append(lines, x)
	}
	for _, a := range acks {
		lines = append(lines, ackJSON{"ack", a.Ack.String(), a.Answered[:]})
	}
	lines = append(lines, sides...)
	lines = append(lines, map[string]any{"kind": "summary", "seed": o.seed, "seeds": o.seeds, "levels": len(session.Levels()), "violations": violations})
	for _, l := range lines {
		if err := c.printJSON(l); err != nil {
			return err
		}
	}
	return nil
}
