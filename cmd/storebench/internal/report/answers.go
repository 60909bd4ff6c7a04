package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
	"github.com/joinery-go/joinery/kvs/store/pebble"
)

// section is a question with its answer.
type section struct {
	Question string
	Answer   []string // sentences
	Rows     [][]string
	Figures  []figure
}

// questions are the thesis's, with answers from the measurements.
func questions(d Data, plots []figure) []section {
	of := func(prefixes ...string) []figure {
		var fs []figure
		for _, f := range plots {
			if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.name, p) }) {
				fs = append(fs, f)
			}
		}
		return fs
	}
	all := []section{
		{
			Question: "1. What do an engine's parameters do to its rates and its space?",
			Answer:   answerSweeps(d), Rows: short(rows(d.Swept), "parameter", "value", "engine", "sets_per_second", "gets_per_second", "p999_set_us", "disk_bytes", "memory_bytes", "merged_bytes"),
			Figures: of("sweep-"),
		},
		{
			Question: "2. Which engine is fast under which workload, and against Pebble and a map?",
			Answer:   answerRates(d, "update-heavy", "read-heavy"), Rows: short(rows(d.Compared), "engine", "workload", "sets_per_second", "gets_per_second", "p999_set_us", "disk_bytes", "merges", "refused"),
			Figures: of("compare-update", "compare-read", "tail"),
		},
		{
			Question: "3. What does an incremental snapshot cost, against a full dump, and with how much changed?",
			Answer:   answerSnapshots(d), Rows: rows(d.Snapped), Figures: of("snapshot-"),
		},
		{
			Question: "4. What do recovery and restore cost, with how much data?",
			Answer:   answerRecovery(d), Rows: rows(d.Recovered), Figures: of("recovery-"),
		},
		{
			Question: "5. What holds when the data outgrow memory, or the hot keys move?",
			Answer:   answerRates(d, "larger-than-memory", "drifting"), Rows: short(rows(d.Compared), "engine", "workload", "sets_per_second", "gets_per_second", "memory_bytes", "budget_bytes", "disk_bytes"),
			Figures: of("compare-larger", "compare-drifting"),
		},
	}
	for i := range all {
		if len(all[i].Answer) == 0 {
			all[i].Answer = []string{"Not measured."}
		}
	}
	return all
}

// short keeps the columns of those names.
func short(rows [][]string, names ...string) [][]string {
	var out [][]string
	for _, row := range rows {
		var cells []string
		for _, n := range names {
			cells = append(cells, row[slices.Index(rows[0], n)])
		}
		out = append(out, cells)
	}
	return out
}

func answerSweeps(d Data) []string {
	var say []string
	for _, parameter := range namesOf(d.Swept, func(s measure.Swept) string { return s.Parameter }) {
		var best, worst measure.Swept
		for _, s := range d.Swept {
			if s.Parameter != parameter {
				continue
			}
			if best.Sets == 0 || s.Sets > best.Sets {
				best = s
			}
			if worst.Sets == 0 || s.Sets < worst.Sets {
				worst = s
			}
		}
		say = append(say, fmt.Sprintf("%s of %s: sets are fastest at %d (%s/s) and slowest at %d (%s/s).",
			parameter, best.Engine, best.Value, count(best.Sets), worst.Value, count(worst.Sets)))
	}
	return say
}

// answerRates says who is fastest under workloads, and each engine's ratio to Pebble.
func answerRates(d Data, kinds ...string) []string {
	var say []string
	for _, kind := range kinds {
		var fastest, reference measure.Compared
		var ratios []string
		for _, c := range d.Compared {
			if c.Workload == kind && c.Engine == pebble.Name {
				reference = c
			}
		}
		for _, c := range d.Compared {
			if c.Workload != kind {
				continue
			}
			if c.Sets > fastest.Sets {
				fastest = c
			}
			if reference.Sets > 0 && c.Engine != pebble.Name {
				ratios = append(ratios, fmt.Sprintf("%s %.1f and %.1f", c.Engine, c.Sets/reference.Sets, c.Gets/max(reference.Gets, 1e-9)))
			}
			if c.Budget > 0 && c.Memory > c.Budget && c.Engine != "memory" {
				say = append(say, fmt.Sprintf("%s: %s holds %d bytes in memory, over its budget of %d.", kind, c.Engine, c.Memory, c.Budget))
			}
		}
		if fastest.Engine == "" {
			continue
		}
		say = append(say, fmt.Sprintf("%s: sets are fastest on %s, %s/s.", kind, fastest.Engine, count(fastest.Sets)))
		if len(ratios) > 0 {
			say = append(say, fmt.Sprintf("%s: sets and gets in multiples of Pebble's: %s.", kind, strings.Join(ratios, "; ")))
		}
	}
	return say
}

func answerSnapshots(d Data) []string {
	var say []string
	for _, engine := range namesOf(d.Snapped, func(s measure.Snapped) string { return s.Engine }) {
		var parts []string
		for _, f := range fractionsOf(d.Snapped, engine) {
			parts = append(parts, fmt.Sprintf("at %g%% changed %.2f of the changed bytes and %.2f of a full dump's time", f*100,
				meanOf(d.Snapped, engine, f, perChanged(func(s measure.Snapped) int64 { return s.New })), meanOf(d.Snapped, engine, f, perDump)))
		}
		say = append(say, engine+": "+strings.Join(parts, ", ")+".")
	}
	return say
}

func answerRecovery(d Data) []string {
	var say []string
	for _, r := range d.Recovered {
		say = append(say, fmt.Sprintf("%s, %d keys, values of %d bytes: open in %.1f ms, %.1f times reading index and tail once.",
			r.Engine, r.Keys, r.ValueBytes, r.Seconds*1e3, r.Seconds/max(r.ReadIndex, 1e-9)))
	}
	return say
}

// count is a rate in thousands or millions.
func count(rate float64) string {
	if rate >= 1e6 {
		return fmt.Sprintf("%.2f M", rate/1e6)
	}
	return fmt.Sprintf("%.0f k", rate/1e3)
}
