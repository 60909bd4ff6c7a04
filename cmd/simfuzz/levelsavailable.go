package main

import (
	"fmt"
	"math"

	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim/scenario"
	"github.com/joinery-go/joinery/sim/scenario/split"
)

// partitionsAlone are the faults of the campaign that says who answers under partitions: no
// others, so that what is not answered is so for them.
const partitionsAlone = "off,partition=extreme"

// bySides are the requests of a campaign, by level.
type bySides map[string]scenario.BySide

// add adds those of a run.
func (b bySides) add(level string, more scenario.BySide) {
	sum := b[level]
	for put := range sum {
		for moved := range sum[put] {
			for side := range sum[put][moved] {
				sum[put][moved][side].Asked += more[put][moved][side].Asked
				sum[put][moved][side].Answered += more[put][moved][side].Answered
			}
		}
	}
	b[level] = sum
}

// sidesJSON are the requests of a level at replicas that stood alike, as scripts read them.
type sidesJSON struct {
	Kind     string `json:"kind"`   // sides
	Faults   string `json:"faults"` // default, or those of [partitionsAlone]
	Level    string `json:"level"`
	Request  string `json:"request"` // read, or write
	Session  string `json:"session"` // stays with its replica, or has moved
	Side     string `json:"side"`
	Asked    int64  `json:"asked"`
	Answered int64  `json:"answered"`
}

var (
	requestNames = [...]string{"read", "write"}
	sessionNames = [...]string{"stays", "moved"}
)

// lines are the requests as scripts read them.
func (b bySides) lines(faults string) (lines []any) {
	for _, level := range session.Levels() {
		sum := b[level]
		for put, byMoved := range sum {
			for moved, bySide := range byMoved {
				for side, n := range bySide {
					if n.Asked > 0 {
						lines = append(lines, sidesJSON{
							"sides", faults, level, requestNames[put], sessionNames[moved], scenario.Side(side).String(), n.Asked, n.Answered,
						})
					}
				}
			}
		}
	}
	return lines
}

// printSides prints who answered under the partitions of a campaign.
func (c *cli) printSides(b bySides, theory map[string]string) {
	c.printText("", "Reads of sessions that have asked one replica alone:")
	c.printf("\n%s\n", layout.Table("", b.reads(0, theory)))
	c.printText("", "Reads of sessions that have asked others, too:")
	c.printf("\n%s\n", layout.Table("", b.reads(1, theory)))
	c.printText("", "Writes that wait for no other owner:")
	c.printf("\n%s\n", layout.Table("", b.writes()))
}

// reads are those of sessions that stay, or that have moved, beside whether theory has it that
// they can always be answered. No read is asked of a replica that is no owner.
func (b bySides) reads(moved int, theory map[string]string) [][]string {
	sides := []scenario.Side{scenario.SideWhole, scenario.SideMajority, scenario.SideMinority, scenario.SideAlone}
	table := [][]string{{"LEVEL", "CAN"}}
	for _, s := range sides {
		table[0] = append(table[0], s.String())
	}
	for _, level := range session.Levels() {
		can := "yes"
		if moved == 1 && theory[level] == "sticky" {
			can = "no"
		}
		line := []string{level, can}
		sum := b[level]
		for _, s := range sides {
			line = append(line, answeredOf(sum[0][moved][s]))
		}
		table = append(table, line)
	}
	return table
}

func (b bySides) writes() [][]string {
	table := [][]string{{"LEVEL"}}
	for side := scenario.SideWhole; side < scenario.NumSides; side++ {
		table[0] = append(table[0], side.String())
	}
	for _, level := range session.Levels() {
		line, sum := []string{level}, b[level]
		for side := scenario.SideWhole; side < scenario.NumSides; side++ {
			n := sum[1][0][side]
			n.Asked += sum[1][1][side].Asked
			n.Answered += sum[1][1][side].Answered
			line = append(line, answeredOf(n))
		}
		table = append(table, line)
	}
	return table
}

// answeredOf is which part was answered, rounded down, of how many.
func answeredOf(n scenario.Answered) string {
	switch n.Asked {
	case 0:
		return "-"
	case n.Answered:
		return fmt.Sprintf("100%% %d", n.Asked)
	}
	return fmt.Sprintf("%.1f%% %d", math.Floor(1000*float64(n.Answered)/float64(n.Asked))/10, n.Asked)
}

// theories are what Bailis et al. say of each level.
func theories(rows []split.Row) map[string]string {
	of := make(map[string]string)
	for _, r := range rows {
		of[r.Level.String()] = r.Theory
	}
	return of
}
