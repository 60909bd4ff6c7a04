package reports_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// stamped is a value written at a time.
type stamped struct {
	At    int64
	Value string
}

func someStamped() *rapid.Generator[stamped] {
	return rapid.Custom(func(t *rapid.T) stamped {
		return stamped{rapid.Int64().Draw(t, "at"), rapid.String().Draw(t, "value")}
	})
}

// firstOfTime keeps what came first, of writes at one time.
func firstOfTime(a, b stamped) stamped {
	if b.At > a.At {
		return b
	}
	return a
}

// greatestOfTime takes the greatest value, of writes at one time.
func greatestOfTime(a, b stamped) stamped {
	if c := cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Value, b.Value)); c < 0 {
		return b
	}
	return a
}

// row is a row of a table that two clusters write.
type row struct {
	Origin  time.Time
	Columns map[string]int
}

func someTables() *rapid.Generator[map[int]row] {
	one := rapid.Custom(func(t *rapid.T) row {
		return row{
			time.Unix(0, rapid.Int64Range(0, 1<<60).Draw(t, "origin")).UTC(),
			rapid.MapOfN(rapid.SampledFrom([]string{"name", "size", "price"}), rapid.Int(), 1, 3).Draw(t, "columns"),
		}
	})
	return rapid.MapOfN(rapid.IntRange(1, 9), one, 0, 4)
}

// replicated merges tables, of which rows written at one time are chosen from by tie.
func replicated(tie func(a, b row) row) func(a, b map[int]row) map[int]row {
	return func(a, b map[int]row) map[int]row {
		j := maps.Clone(a)
		if j == nil {
			j = map[int]row{}
		}
		for key, r := range b {
			have, ok := j[key]
			switch {
			case !ok || r.Origin.After(have.Origin):
				j[key] = r
			case r.Origin.Equal(have.Origin):
				j[key] = tie(have, r)
			}
		}
		return j
	}
}

func localRow(a, _ row) row { return a }

// greaterRow compares the columns in the order of their names.
func greaterRow(a, b row) row {
	columns := slices.Sorted(maps.Keys(a.Columns))
	columns = slices.AppendSeq(columns, maps.Keys(b.Columns))
	slices.Sort(columns)
	for _, column := range columns {
		x, inA := a.Columns[column]
		y, inB := b.Columns[column]
		switch {
		case !inB || inA && x > y:
			return a
		case !inA || x < y:
			return b
		}
	}
	return a
}

// edit is a photograph's entry, as a device left it.
type edit struct {
	UpdatedAt time.Time
	UpdatedBy string
	ID        string
	Caption   string
}

func someEdits() *rapid.Generator[edit] {
	return rapid.Custom(func(t *rapid.T) edit {
		return edit{
			time.UnixMilli(rapid.Int64Range(0, 1<<41).Draw(t, "at")).UTC(), rapid.StringMatching(`device-[A-Z]`).Draw(t, "by"),
			rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "id"), rapid.String().Draw(t, "caption"),
		}
	})
}

// picked takes the later edit, then that of the greater device, and then by the rest if it is asked to.
func picked(byRest bool) func(local, remote edit) edit {
	return func(local, remote edit) edit {
		c := cmp.Or(local.UpdatedAt.Compare(remote.UpdatedAt), cmp.Compare(local.UpdatedBy, remote.UpdatedBy))
		if c == 0 && byRest {
			c = cmp.Or(cmp.Compare(local.ID, remote.ID), cmp.Compare(local.Caption, remote.Caption))
		}
		if c > 0 {
			return local
		}
		return remote
	}
}

// memory is a note with the time of its last change, as text in the zone of who changed it.
type memory struct{ Updated, Text string }

func (m memory) at() time.Time {
	at, err := time.Parse(time.RFC3339, m.Updated)
	if err != nil {
		panic(err)
	}
	return at
}

// Equal is that of the instant and the text: zones are notation.
func (m memory) Equal(o memory) bool { return m.at().Equal(o.at()) && m.Text == o.Text }

func someMemories() *rapid.Generator[memory] {
	return rapid.Custom(func(t *rapid.T) memory {
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_700_360_000).Draw(t, "at"), 0)
		zone := time.FixedZone("", 3600*rapid.IntRange(-11, 12).Draw(t, "zone"))
		return memory{at.In(zone).Format(time.RFC3339), rapid.String().Draw(t, "text")}
	})
}

func laterByText(a, b memory) memory {
	if cmp.Or(cmp.Compare(a.Updated, b.Updated), cmp.Compare(a.Text, b.Text)) < 0 {
		return b
	}
	return a
}

func laterByTime(a, b memory) memory {
	if cmp.Or(a.at().Compare(b.at()), cmp.Compare(a.Text, b.Text)) < 0 {
		return b
	}
	return a
}

func writeReports() []report {
	local, greater := replicated(localRow), replicated(greaterRow)
	return []report{
		{where: "CBaquero/delta-enabled-crdts#7", defect: "of values joined at one time the first stays", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(firstOfTime), greatestOfTime, someStamped()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, greatestOfTime, someStamped(), o) }},
		{where: "cockroachdb/cockroach#168541", defect: "of rows written at one time in two clusters each keeps its own", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(local), greater, someTables()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, greater, someTables(), o) }},
		{where: "luzion89/keepsake#25", defect: "of edits by one device at one time the second argument is taken", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(picked(false)), picked(true), someEdits()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, picked(true), someEdits(), o) }},
		{where: "alphaonedev/ai-memory-mcp#344", defect: "times are compared as texts, whatever their zones", door: "CheckMerge, method Equal",
			law: "wellposed/congruence", faulty: doorOf(laws.Func(laterByText), laterByTime, someMemories()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, laterByTime, someMemories(), o) }},
	}
}
