package report

import (
	"cmp"
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
	Tables   []table
	Figures  []figure
}

// table is what was measured, the names of the columns first.
type table struct {
	Caption string
	Rows    [][]string
}

// filled are those tables that have a row below their names.
func filled(all ...table) (tables []table) {
	for _, t := range all {
		if len(t.Rows) > 1 {
			tables = append(tables, t)
		}
	}
	return tables
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
			Answer:   answerSweeps(d), Figures: of("sweep-"),
			Tables: filled(table{"Parameters, under the update-heavy workload", short(rows(d.Swept), "parameter", "value", "engine",
				"sets_per_second", "gets_per_second", "p999_set_us", "disk_bytes", "memory_bytes", "merged_bytes")}),
		},
		{
			Question: "2. Which engine is fast under which workload, and against Pebble and a map?",
			Answer:   answerRates(d, questionTwo...), Figures: of("compare-update", "compare-read", "compare-merging", "tail"),
			Tables: filled(table{"Rates and tails", short(rows(comparedIn(d, questionTwo...)), "engine", "workload",
				"sets_per_second", "gets_per_second", "p999_set_us", "disk_bytes", "merges", "tail_merges", "refused")}),
		},
		{
			Question: "3. What does an incremental snapshot cost, against a full dump, and with how much changed?",
			Answer:   append(answerSnapshots(d), answerSeries(d)...), Figures: of("snapshot-"),
			Tables: filled(table{"Snapshots, each with a full dump and a restore beside it", rows(d.Snapped)},
				table{"Many snapshots, one after the other", rows(d.Series)}),
		},
		{
			Question: "4. What do recovery and restore cost, with how much data?",
			Answer:   slices.Concat(answerRecovery(d), answerLazy(d), answerGlobals(d.Globaled)), Figures: of("recovery-", "global-"),
			Tables: filled(table{"Opening a directory again", rows(d.Recovered)},
				table{"From an empty directory to the first get", rows(d.Lazied)}, globalTable(d.Globaled)),
		},
		{
			Question: "5. What holds when the data outgrow memory, or the hot keys move?",
			Answer:   answerRates(d, "larger-than-memory", "drifting"), Figures: of("compare-larger", "compare-drifting"),
			Tables: filled(table{"Rates and memory", short(rows(comparedIn(d, "larger-than-memory", "drifting")), "engine", "workload",
				"sets_per_second", "gets_per_second", "memory_bytes", "budget_bytes", "disk_bytes")}),
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

// questionTwo are the workloads of the second question.
var questionTwo = []string{"update-heavy", "read-heavy", measure.MergingName}

// unbounded reports what keeps no budget of memory under a workload that has one.
func unbounded(c measure.Compared) bool { return c.Budget == nil && measure.Budgeted(c.Workload) }

// against are what rates are given in multiples of.
var against = []struct{ name, shown string }{
	{pebble.Name, "Pebble's as an engine"}, {measure.PebbleAloneName, "Pebble's alone"}, {measure.MapName, "the map's"},
}

// answerRates says who is fastest under workloads, each one's ratio to Pebble and to the map, and
// what all but one of a thousand sets take. Where there is a budget of memory, those that keep none
// are left out.
func answerRates(d Data, kinds ...string) []string {
	var say []string
	for _, kind := range kinds {
		var those []measure.Compared
		for _, c := range comparedIn(d, kind) {
			if !unbounded(c) {
				those = append(those, c)
			}
		}
		if len(those) == 0 {
			continue
		}
		for _, c := range those {
			if c.Budget != nil && c.Memory != nil && *c.Memory > *c.Budget {
				say = append(say, fmt.Sprintf("%s: %s holds %d bytes in memory, over its budget of %d.", kind, c.Engine, *c.Memory, *c.Budget))
			}
		}
		fastest := slices.MaxFunc(those, func(a, b measure.Compared) int { return cmp.Compare(a.Sets, b.Sets) })
		say = append(say, fmt.Sprintf("%s: sets are fastest on %s, %s/s.", kind, fastest.Engine, count(fastest.Sets)))
		say = append(say, ratios(kind, those)...)
		say = append(say, answerTails(kind, those)...)
	}
	return say
}

// ratios are rates in multiples of those of what is measured beside engines.
func ratios(kind string, those []measure.Compared) []string {
	var say []string
	for _, reference := range against {
		at := slices.IndexFunc(those, func(c measure.Compared) bool { return c.Engine == reference.name })
		if at < 0 || len(those) < 2 {
			continue
		}
		var list []string
		for i, c := range those {
			if i != at {
				list = append(list, fmt.Sprintf("%s %s and %s", c.Engine, plain(c.Sets/those[at].Sets), plain(c.Gets/those[at].Gets)))
			}
		}
		say = append(say, fmt.Sprintf("%s: sets and gets in multiples of %s: %s.", kind, reference.shown, strings.Join(list, "; ")))
	}
	return say
}

// answerTails says what all but one of a thousand sets take, and how many merges ended while these
// were timed.
func answerTails(kind string, those []measure.Compared) []string {
	var tails, merges []string
	for _, c := range those {
		tails = append(tails, fmt.Sprintf("%s %.0f", c.Engine, c.P999))
		if c.TailMerges != nil && c.Engine != memory.Name {
			merges = append(merges, fmt.Sprintf("%s %d", c.Engine, *c.TailMerges))
		}
	}
	say := fmt.Sprintf("%s: 999 of 1000 sets take at most, in microseconds: %s.", kind, strings.Join(tails, ", "))
	if len(merges) > 0 {
		say += fmt.Sprintf(" Background merges that ended meanwhile: %s.", strings.Join(merges, ", "))
	}
	if kind == measure.MergingName {
		say += " This is the tail with merges running, of those engines of which some have ended; under the other workloads few run, or none."
	}
	return []string{say}
}

// answerSnapshots says what snapshots cost on average and at worst, for each part of the keys that
// changed.
func answerSnapshots(d Data) []string {
	var say []string
	given := perChanged(func(s measure.Snapped) int64 { return s.New })
	for _, engine := range namesOf(d.Snapped, func(s measure.Snapped) string { return s.Engine }) {
		var parts []string
		for _, f := range fractionsOf(d.Snapped, engine) {
			parts = append(parts, fmt.Sprintf("at %g%% changed %.2f (worst %.2f) of the changed bytes and %.2f (worst %.2f) of a full dump's time", f*100,
				meanOf(d.Snapped, engine, f, given), worstOf(d.Snapped, engine, f, given), meanOf(d.Snapped, engine, f, perDump), worstOf(d.Snapped, engine, f, perDump)))
		}
		say = append(say, engine+": "+strings.Join(parts, ", ")+".")
	}
	return say
}

// answerSeries says what many snapshots cost, the worst of them included, and all of them together
// against what tiering takes.
func answerSeries(d Data) []string {
	var say []string
	for _, s := range d.Series {
		text := fmt.Sprintf("%s, %d snapshots with %g%% changed before each: a snapshot waits for %.2f (worst %.2f, or %.2f without the head, which names all versions) of the changed bytes, and takes %.1f ms at the "+
			"median (worst %.1f), %.2f of a full dump's; a restore of the last one reads %d segments.", s.Engine, s.Snapshots, s.Fraction*100, s.MeanNew, s.WorstNew, s.WorstBeside, s.Seconds*1e3,
			s.WorstSeconds*1e3, s.Seconds/max(s.FullDump, 1e-9), s.Segments)
		if s.Bound != nil {
			text += fmt.Sprintf(" All bytes uploaded, the first version with them, are %.2f times all that changed; the bound is max(1, log_r(N)), %.2f after %d versions.",
				float64(s.All)/float64(s.Changes), *s.Bound/float64(s.Changes), s.Snapshots+1)
		}
		say = append(say, text)
	}
	return say
}

// answerLazy says how long it takes from an empty directory to the first get, and that with the most
// keys in multiples of that with the fewest.
func answerLazy(d Data) []string {
	var say []string
	for _, engine := range namesOf(d.Lazied, func(r measure.Lazied) string { return r.Engine }) {
		var parts []string
		var least, most measure.Lazied
		for _, r := range d.Lazied {
			if r.Engine != engine {
				continue
			}
			if least.Keys == 0 || r.Keys < least.Keys {
				least = r
			}
			if r.Keys > most.Keys {
				most = r
			}
			parts = append(parts, fmt.Sprintf("with %d keys after %s ms (median of %d, worst %s), and after %s where all of it is restored first", r.Keys, plain(r.First*1e3),
				r.Rounds, plain(r.Worst*1e3), plain(r.Eager*1e3)))
		}
		text := fmt.Sprintf("%s, opened lazily in an empty directory, answers its first get %s.", engine, strings.Join(parts, "; "))
		if most.Keys > least.Keys {
			text += fmt.Sprintf(" With %d keys that takes %.2f times as long as with %d.", most.Keys, most.First/max(least.First, 1e-9), least.Keys)
		}
		say = append(say, text)
	}
	if len(say) > 0 {
		say = append(say, "The other engines do not open lazily: they must read all of a version to find a key.")
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
