package live

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
)

// Rows are the state for a terminal of some width: how far the campaign is, how fast, what it
// has not come to yet, and what fails, the last ones if there is not room for all.
func (s *State) Rows(columns, lines int) []command.Row {
	rows := []command.Row{{Text: s.Title, Style: command.Strong}, {Text: s.clock(columns)}}
	rows = append(rows, command.Row{Text: fmt.Sprintf("%d seeds, %.0f/s; %d deliveries, %.2f M/s", s.Seeds, s.PerSecond, s.Deliveries, float64(s.Deliveries)/s.Seconds/1e6)})
	rows = append(rows, s.points(columns)...)
	if s.Violations == 0 {
		rows = append(rows, command.Row{Text: "no failing seed so far", Style: command.Good})
	} else {
		rows = append(rows, command.Row{Text: fmt.Sprintf("%d failing so far", s.Violations), Style: command.Bad})
	}
	last := 1 // for the note
	room := max(lines-len(rows)-last, 0)
	for _, f := range s.Failures[max(len(s.Failures)-room, 0):] {
		message, _, _ := strings.Cut(f.Message, "\n")
		rows = append(rows, command.Row{Text: fmt.Sprintf("  seed %d  %s", f.Seed, message)})
	}
	if s.Note != "" {
		rows = append(rows, command.Row{Text: s.Note})
	}
	return rows
}

// clock is what time has passed and what is left, with a bar where that is known.
func (s *State) clock(columns int) string {
	text := span(s.Seconds)
	left, done := math.Inf(1), 0.0
	if s.Limit > 0 {
		left, done = s.Limit-s.Seconds, s.Seconds/s.Limit
	}
	if s.Wanted > 0 && s.PerSecond > 0 {
		left = min(left, (float64(s.Wanted)-float64(s.Seeds))/s.PerSecond)
		done = max(done, float64(s.Seeds)/float64(s.Wanted))
	}
	if math.IsInf(left, 1) {
		return text + ", until an interrupt"
	}
	text += fmt.Sprintf(", %s left", span(max(left, 0)))
	if s.Wanted > 0 {
		text += fmt.Sprintf(", %d of %d seeds", s.Seeds, s.Wanted)
	}
	room := min(columns-layout.Columns(text)-4, 30)
	if room < 5 {
		return text
	}
	full := int(min(done, 1) * float64(room))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", room-full) + "]  " + text
}

// span is so many seconds, up to years.
func span(seconds float64) string {
	return (time.Duration(min(seconds, 1e9)) * time.Second).String()
}

// points are how many situations were reached, and which were not, in three rows at most.
func (s *State) points(columns int) []command.Row {
	if len(s.Points) == 0 {
		return nil
	}
	var never []string
	for _, p := range s.Points {
		if p.Seeds == 0 {
			never = append(never, p.Name)
		}
	}
	text := fmt.Sprintf("%d of %d situations reached", len(s.Points)-len(never), len(s.Points))
	if len(never) == 0 {
		return []command.Row{{Text: text, Style: command.Good}}
	}
	rows := []command.Row{{Text: text + "; not yet:"}}
	const most = 3
	for len(never) > 0 {
		if len(rows) == most {
			return append(rows, command.Row{Text: fmt.Sprintf("  and %d more", len(never))})
		}
		line, n := "  "+never[0], 1
		for n < len(never) && layout.Columns(line)+3+layout.Columns(never[n]) <= columns {
			line += ", " + never[n]
			n++
		}
		if never = never[n:]; len(never) > 0 {
			line += ","
		}
		rows = append(rows, command.Row{Text: line})
	}
	return rows
}
