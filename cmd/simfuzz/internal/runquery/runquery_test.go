package runquery_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/faultlist"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/runquery"
)

var picture = `          time  n0      n1      c0
          10ms  │       │       ●       #1 s0: write "v" to "k" at n0
          11ms  │◀──────┼───────●       request 8 B, sent 10ms
          12ms  ╳       │       │       crash
          13ms  ┊ ✗─────●       │       gossip to n0 lost: down
          20ms  ◯       │       │       start, life 2
          21ms  │       │       │▒      partition {n1} ≁ {n0} for 5ms
          30ms  │       ╳       │▒      crash
… and 4 more rows, beyond the bound of 8
`

func query(t testing.TB, want string, conditions ...runquery.Condition) runquery.Query {
	return runquery.Query{Want: regexp.MustCompile(want), Conditions: conditions}
}

func condition(t *testing.T, pattern string, before, never bool) runquery.Condition {
	t.Helper()
	c, err := runquery.NewCondition(pattern, before, never)
	require.NoError(t, err)
	return c
}

func TestFind(t *testing.T) {
	rows, err := faultlist.Read(picture)
	require.NoError(t, err)
	var lines []string
	for _, r := range rows {
		lines = append(lines, runquery.Line(r))
	}
	assert.Equal(t, []string{
		`c0 #1 s0: write "v" to "k" at n0`, "c0->n0 request 8 B, sent 10ms", "n0 crash", "n1 gossip to n0 lost: down", "n0 start, life 2",
		"partition {n1} ≁ {n0} for 5ms", "n1 crash",
	}, lines)
	find := func(q runquery.Query) []int { return q.Find(rows) }
	crash := "crash$"
	assert.Equal(t, []int{2, 6}, find(query(t, crash)))
	assert.Equal(t, []int{2}, find(query(t, crash, condition(t, "start", false, false))))
	assert.Equal(t, []int{6}, find(query(t, crash, condition(t, "start", false, true))), "a crash that no start follows")
	assert.Equal(t, []int{6}, find(query(t, crash, condition(t, "partition", true, false))))
	assert.Equal(t, []int{2}, find(query(t, crash, condition(t, "partition", true, true))))
	assert.Equal(t, []int{2, 6}, find(query(t, crash, condition(t, "request", true, false))))
	q := query(t, crash, condition(t, "request", true, false))
	q.SameLane = true
	assert.Equal(t, []int{2}, find(q), "the request went to n0")
	q = query(t, crash, condition(t, "request", true, false))
	q.Within = time.Millisecond
	assert.Equal(t, []int{2}, find(q))
	assert.Empty(t, find(query(t, crash, condition(t, "start", false, false), condition(t, "partition", true, false))), "all conditions must hold")

	_, err = runquery.NewCondition("(", true, false)
	require.ErrorIs(t, err, runquery.ErrQuery)
	_, err = faultlist.Read("no diagram")
	require.Error(t, err)
}

// TestFindIsWhatItSays: as going through all pairs of rows would have it.
func TestFindIsWhatItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "rows")
		rows := make([]faultlist.Row, n)
		for i := range rows {
			rows[i] = faultlist.Row{
				At: time.Duration(i * rapid.IntRange(0, 3).Draw(t, "step")), Where: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "where"), Text: rapid.SampledFrom([]string{"X", "Y", "Z"}).Draw(t, "text"),
			}
		}
		c := runquery.Condition{Match: regexp.MustCompile("Y$"), Before: rapid.Bool().Draw(t, "before"), Never: rapid.Bool().Draw(t, "never")}
		q := runquery.Query{Want: regexp.MustCompile("X$"), Conditions: []runquery.Condition{c}, SameLane: rapid.Bool().Draw(t, "same"), Within: time.Duration(rapid.IntRange(0, 5).Draw(t, "within"))}
		var want []int
		for i := range rows {
			if rows[i].Text != "X" {
				continue
			}
			there := false
			for j := range rows {
				far := rows[j].At - rows[i].At
				if far < 0 {
					far = -far
				}
				if rows[j].Text == "Y" && (c.Before && j < i || !c.Before && j > i) && (q.Within == 0 || far <= q.Within) &&
					(!q.SameLane || rows[i].Where != "" && rows[i].Where == rows[j].Where) {
					there = true
				}
			}
			if there != c.Never {
				want = append(want, i)
			}
		}
		require.Equal(t, want, q.Find(rows))
	})
}
