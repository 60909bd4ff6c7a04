package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot/plotter"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// WriteGlobals writes into dir, which must be there, a page on global snapshots of workers,
// which goes with the fourth question: index.html, the same as report.md, the plots, and
// the figures as CSV. Of d it takes what it was made with.
func WriteGlobals(dir string, d Data, all []measure.Globaled) error {
	plots, err := globals(all)
	if err != nil {
		return err
	}
	sections := []section{{
		Question: "4, with many workers: what do global snapshots, recovery and transactions cost, against a full dump?",
		Answer:   answerGlobals(all), Tables: []table{globalTable(all)}, Figures: plots,
	}}
	html, err := page(d, sections)
	if err != nil {
		return err
	}
	files := []File{{"global.csv", csvOf(globalRows(all))}, {"report.md", markdown(d, sections)}, {"index.html", html}}
	for _, p := range plots {
		files = append(files, File{p.name + ".svg", p.svg}, File{p.name + ".png", p.png})
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			return fmt.Errorf("%w: %w", ErrWrite, err)
		}
	}
	return nil
}

// aspect is something of a measurement that has a median and a 99th percentile.
type aspect struct {
	name, title string
	of          func(measure.Globaled) measure.Spread
}

var aspects = []aspect{
	{"snapshot", "Snapshot: a worker's tick", func(g measure.Globaled) measure.Spread { return g.Snapshot }},
	{"recovery", "Recovery of all workers", func(g measure.Globaled) measure.Spread { return g.Recovery }},
	{"transaction", "Transaction on one key", func(g measure.Globaled) measure.Spread { return g.One }},
	{"transaction-three", "Transaction on three keys", func(g measure.Globaled) measure.Spread { return g.Three }},
}

// shownAs is the name of an engine as what it is compared as.
func shownAs(engine string) string {
	if engine == measure.DumpName {
		return "full dump"
	}
	return engine
}

// globalTable is what the page lists.
func globalTable(all []measure.Globaled) table {
	return table{"Global snapshots of workers, recovery of all of them, and transactions", globalRows(all)}
}

func globalRows(all []measure.Globaled) [][]string {
	rows := [][]string{{"engine", "keys"}}
	for _, a := range aspects {
		rows[0] = append(rows[0], a.name+"_p50_ms", a.name+"_p99_ms")
	}
	rows[0] = append(rows[0], "snapshot_bytes", "recovery_bytes")
	for _, g := range all {
		row := []string{g.Engine, fmt.Sprint(g.Keys)}
		for _, a := range aspects {
			s := a.of(g)
			row = append(row, fmt.Sprintf("%.4g", s.P50*1e3), fmt.Sprintf("%.4g", s.P99*1e3))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.0f", g.SnapshotBytes), fmt.Sprintf("%.0f", g.RecoveryBytes)))
	}
	return rows
}

// globals are medians and 99th percentiles over the number of keys, each engine beside the
// full dump; and what a snapshot writes.
func globals(all []measure.Globaled) ([]figure, error) {
	var figures []figure
	add := func(name, title, y string, of func(measure.Globaled) float64) error {
		var groups []group
		for _, engine := range namesOf(all, func(g measure.Globaled) string { return g.Engine }) {
			line := group{name: shownAs(engine)}
			for _, g := range all {
				if g.Engine == engine {
					line.at = append(line.at, plotter.XY{X: float64(g.Keys), Y: of(g)})
				}
			}
			groups = append(groups, line)
		}
		f, err := curves(name, title, "keys", y, true, groups)
		figures = append(figures, f)
		return err
	}
	for _, a := range aspects {
		if err := add("global-"+a.name+"-p50", a.title+", median", "ms", func(g measure.Globaled) float64 { return a.of(g).P50 * 1e3 }); err != nil {
			return nil, err
		}
		if err := add("global-"+a.name+"-p99", a.title+", 99th percentile", "ms", func(g measure.Globaled) float64 { return a.of(g).P99 * 1e3 }); err != nil {
			return nil, err
		}
	}
	err := add("global-bytes", "Bytes that a global snapshot writes, background included", "MB", func(g measure.Globaled) float64 { return g.SnapshotBytes / 1e6 })
	return figures, err
}

// answerGlobals says what the largest state costs, in multiples of the full dump where that was
// measured too.
func answerGlobals(all []measure.Globaled) []string {
	most := 0
	for _, g := range all {
		most = max(most, g.Keys)
	}
	if len(all) == 0 {
		return nil
	}
	say := []string{"Global snapshots of workers: no worker waits for another; a snapshot is within the tick of each."}
	against := measure.AgainstDump(all)
	for _, g := range all {
		if g.Keys != most {
			continue
		}
		at := slices.IndexFunc(against, func(x measure.Globaled) bool { return x.Engine == g.Engine && x.Keys == most })
		if at < 0 {
			say = append(say, fmt.Sprintf("%s under workers, %d keys: a snapshot takes %s ms at the median and %s at the 99th percentile, and writes %s kB; "+
				"a recovery takes %s ms; a transaction on one key %s µs.", shownAs(g.Engine), most, plain(g.Snapshot.P50*1e3), plain(g.Snapshot.P99*1e3),
				plain(g.SnapshotBytes/1e3), plain(g.Recovery.P50*1e3), plain(g.One.P50*1e6)))
			continue
		}
		r := against[at]
		say = append(say, fmt.Sprintf("%s under workers, %d keys: a snapshot takes %s ms at the median and %s at the 99th percentile, which is %s and %s times "+
			"a full dump, and writes %s times its bytes; a recovery %s ms, %s times; a transaction on one key %s µs, %s times.", r.Engine, most,
			plain(g.Snapshot.P50*1e3), plain(g.Snapshot.P99*1e3), plain(r.Snapshot.P50), plain(r.Snapshot.P99), plain(r.SnapshotBytes),
			plain(g.Recovery.P50*1e3), plain(r.Recovery.P50), plain(g.One.P50*1e6), plain(r.One.P50)))
	}
	return say
}

// plain writes a number with about two digits that count, and no exponent.
func plain(v float64) string {
	switch {
	case v >= 10:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2g", v)
}
