package laws

import (
	"fmt"
	"slices"
	"strings"
)

// MatrixOptions say how a [Matrix] is filled.
type MatrixOptions struct {
	// Seed makes every random case; Cases is how many a law, 0 means 500.
	Seed  uint64
	Cases int
	// Only restricts the matrix to one law or one set of laws; see [RunOptions].
	Only string
}

// Row is one field of the matrix of laws and merges, in the order of the entries
// and of their laws.
type Row struct {
	Merge string `json:"merge"`
	Law   string `json:"law"`
	// Status says how the law came to hold: "proved up to keys", "exhausted(n
	// states)", "reachable only", "sampled(n)"; or "does not apply"; or how it came
	// not to: "failed", "never exercised", "too rare", "error".
	Status string `json:"status"`
	// Cases is how many tuples were judged, at random and over the universe.
	Cases int `json:"cases"`
	// OK reports that the law holds or does not apply.
	OK bool `json:"ok"`
	// Why is the reason of what does not apply, or the report of what failed.
	Why string `json:"why,omitempty"`
	// Failure is what a failed law is refuted by, or nil.
	Failure *Failure `json:"-"`
}

// The statuses of a [Row] that hold no number.
const (
	StatusProved    = "proved up to keys"
	StatusReachable = "reachable only"
	StatusAbsent    = "does not apply"
)

// Matrix checks every entry and says, law by law, what came of it. It yields the
// rows of an entry when that entry is done, so that a long run can be watched;
// see [Rows] for all of them at once.
func Matrix(entries []Entry, o MatrixOptions) func(yield func(Row) bool) {
	if o.Cases <= 0 {
		o.Cases = 500
	}
	return func(yield func(Row) bool) {
		for _, e := range entries {
			for _, row := range e.rows(o) {
				if !yield(row) {
					return
				}
			}
		}
	}
}

// Rows is all rows of a [Matrix].
func Rows(entries []Entry, o MatrixOptions) []Row { return slices.Collect(Matrix(entries, o)) }

func (e Entry) rows(o MatrixOptions) []Row {
	var rows []Row
	for i, s := range e.Suites {
		if !s.has(o.Only) {
			continue
		}
		run := RunOptions{Seed: o.Seed, Cases: o.Cases, Only: o.Only}
		random := s.Run(run)
		if random.Err != nil {
			rows = append(rows, Row{Merge: e.Name, Law: s.Name, Status: "error", Why: random.Err.Error()})
			continue
		}
		exhausted, _ := s.exhausted()
		var free Report
		if i == 0 && e.Free.Run != nil {
			free = e.Free.Run(run)
		}
		for _, res := range random.Results {
			rows = append(rows, e.row(res, exhausted, free))
		}
		for _, a := range s.Absent {
			if named(o.Only, a.ID) {
				rows = append(rows, Row{Merge: e.Name, Law: a.ID, Status: StatusAbsent, OK: true, Why: a.Why})
			}
		}
	}
	return rows
}

// row is what came of one law: of the ways in which it was found to hold the
// strongest is named.
func (e Entry) row(random Result, exhausted, free Report) Row {
	row := Row{Merge: e.Name, Law: random.Law, Cases: random.Cases, OK: random.Status.OK()}
	all, swept := resultOf(exhausted, random.Law)
	if swept {
		row.Cases += all.Cases
		row.OK = row.OK && all.Status.OK()
	}
	loose, tried := resultOf(free, random.Law)
	switch {
	case !random.Status.OK():
		row.Status, row.Why, row.Failure = random.Status.String(), text(random), random.Failure
	case swept && !all.Status.OK():
		row.Status, row.Why, row.Failure = all.Status.String(), text(all), all.Failure
	case tried && !loose.Status.OK():
		row.Status = StatusReachable
	case e.Proof != nil && e.Proof.OK() && provedLaws[random.Law]:
		row.Status = StatusProved
	case swept && all.Status == Passed:
		row.Status = fmt.Sprintf("exhausted(%s)", strings.TrimPrefix(exhausted.Scope, "every tuple of "))
	default:
		row.Status = fmt.Sprintf("sampled(%d)", random.Cases)
	}
	return row
}

func resultOf(r Report, law string) (Result, bool) {
	i := slices.IndexFunc(r.Results, func(res Result) bool { return res.Law == law })
	if i < 0 {
		return Result{}, false
	}
	return r.Results[i], true
}

func text(r Result) string {
	switch {
	case r.Failure != nil:
		return r.Failure.Details()
	}
	return r.shortfall()
}

// Render makes the matrix of rows as text: a line a merge, a column a law, and
// below it the laws by number and whatever failed, in full.
func Render(rows []Row) string {
	merges, laws := distinct(rows, func(r Row) string { return r.Merge }), distinct(rows, func(r Row) string { return r.Law })
	slices.Sort(laws)
	at := make(map[[2]string]Row, len(rows))
	width := 0
	for _, r := range rows {
		at[[2]string{r.Merge, r.Law}] = r
		width = max(width, len([]rune(r.Merge)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s ", width, "")
	for i := range laws {
		fmt.Fprintf(&b, "%3d", i+1)
	}
	b.WriteString("\n")
	for _, m := range merges {
		fmt.Fprintf(&b, "%-*s ", width, m)
		for _, l := range laws {
			b.WriteString("  " + letter(at[[2]string{m, l}]))
		}
		b.WriteString("\n")
	}
	b.WriteString("\nP proved up to keys   E exhausted over a scope   S sampled   R holds on reachable states only   · does not apply   ✗ does not hold\n\n")
	for i, l := range laws {
		fmt.Fprintf(&b, "%3d %s\n", i+1, l)
	}
	for _, r := range rows {
		if !r.OK {
			fmt.Fprintf(&b, "\n%s: %s: %s\n%s", r.Merge, r.Law, r.Status, r.Why)
		}
	}
	return b.String()
}

func letter(r Row) string {
	switch {
	case r.Status == StatusAbsent || r.Status == "":
		return "·"
	case !r.OK:
		return "✗"
	case r.Status == StatusProved:
		return "P"
	case r.Status == StatusReachable:
		return "R"
	case strings.HasPrefix(r.Status, "exhausted"):
		return "E"
	}
	return "S"
}

// Markdown is the matrix as a table for documents: merges with the statuses they
// reach set by set, the weakest of each set.
func Markdown(rows []Row) string {
	set := func(r Row) string { name, _, _ := strings.Cut(r.Law, "/"); return name }
	merges, sets := distinct(rows, func(r Row) string { return r.Merge }), distinct(rows, set)
	slices.Sort(sets)
	weakest := make(map[[2]string]Row)
	for _, r := range rows {
		key := [2]string{r.Merge, set(r)}
		if old, ok := weakest[key]; !ok || strength(r) < strength(old) {
			weakest[key] = r
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| merge | %s |\n|---|%s\n", strings.Join(sets, " | "), strings.Repeat("---|", len(sets)))
	for _, m := range merges {
		fmt.Fprintf(&b, "| %s |", m)
		for _, s := range sets {
			r := weakest[[2]string{m, s}]
			if letter(r) == "·" {
				r.Status = ""
			}
			fmt.Fprintf(&b, " %s |", r.Status)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// strength orders statuses for Markdown, failures first; what does not apply says
// nothing about the set.
func strength(r Row) int { return strings.Index("✗SREP·", letter(r)) }

func distinct(rows []Row, key func(Row) string) []string {
	var keys []string
	seen := make(map[string]bool)
	for _, r := range rows {
		if k := key(r); !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}
