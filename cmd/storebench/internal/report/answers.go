package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
	"github.com/joinery-go/joinery/kvs/store/memory"
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
			Answer:   answerRates(d, "update-heavy", "read-heavy"), Rows: short(rows(comparedIn(d, "update-heavy", "read-heavy")), "engine", "workload", "sets_per_second", "gets_per_second", "p999_set_us", "disk_bytes", "merges", "refused"),
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
			Answer:   answerRates(d, "larger-than-memory", "drifting"), Rows: short(rows(comparedIn(d, "larger-than-memory", "drifting")), "engine", "workload", "sets_per_second", "gets_per_second", "memory_bytes", "budget_bytes", "disk_bytes"),
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

// comparedIn are the measurements under workloads of those kinds.
func comparedIn(d Data, kinds ...string) (of []measure.Compared) {
	for _, c := range d.Compared {
		if slices.Contains(kinds, c.Workload) {
			of = append(of, c)
		}
	}
	return of
}

// inMemory reports an engine that is given a budget and holds all there is in memory.
func inMemory(c measure.Compared) bool {
	return c.Budget > 0 && (c.Engine == memory.Name || c.Engine == measure.MapName)
}

// answerRates says who is fastest under workloads, each engine's ratio to Pebble, and what all
// but one of a thousand sets take. Where there is a budget of memory, those that know none are
// left out.
func answerRates(d Data, kinds ...string) []string {
	var say []string
	for _, kind := range kinds {
		var fastest, reference measure.Compared
		var ratios, tails []string
		for _, c := range d.Compared {
			if c.Workload == kind && c.Engine == pebble.Name {
				reference = c
			}
		}
		for _, c := range d.Compared {
			if c.Workload != kind || inMemory(c) {
				continue
			}
			tails = append(tails, fmt.Sprintf("%s %.0f", c.Engine, c.P999))
			if c.Sets > fastest.Sets {
				fastest = c
			}
			if reference.Sets > 0 && c.Engine != pebble.Name {
				ratios = append(ratios, fmt.Sprintf("%s %.1f and %.1f", c.Engine, c.Sets/reference.Sets, c.Gets/max(reference.Gets, 1e-9)))
			}
			if c.Budget > 0 && c.Memory > c.Budget {
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
		say = append(say, fmt.Sprintf("%s: 999 of 1000 sets take at most, in microseconds: %s.", kind, strings.Join(tails, ", ")))
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

// answerRecovery says of each engine what opening costs with the most keys, for each length of
// values, and how many segments a restore has read at most.
func answerRecovery(d Data) []string {
	var say []string
	most := 0
	for _, r := range d.Recovered {
		most = max(most, r.Keys)
	}
	for _, engine := range namesOf(d.Recovered, func(r measure.Recovered) string { return r.Engine }) {
		var parts []string
		for _, r := range d.Recovered {
			if r.Engine != engine || r.Keys != most {
				continue
			}
			after := "a close"
			if r.Crashed {
				after = "a crash"
			}
			parts = append(parts, fmt.Sprintf("with values of %d bytes after %s in %.1f ms, %.1f times reading index and tail once",
				r.ValueBytes, after, r.Seconds*1e3, r.Seconds/max(r.ReadIndex, 1e-9)))
		}
		if len(parts) > 0 {
			say = append(say, fmt.Sprintf("%s opens %d keys %s.", engine, most, strings.Join(parts, "; ")))
		}
	}
	for _, engine := range namesOf(d.Snapped, func(s measure.Snapped) string { return s.Engine }) {
		segments, versions := 0, 0
		for _, s := range d.Snapped {
			if s.Engine == engine {
				segments, versions = max(segments, s.Segments), max(versions, int(s.Version))
			}
		}
		say = append(say, fmt.Sprintf("%s: a restore reads at most %d segments, of %d versions.", engine, segments, versions))
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
