package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/report"
)

// hostile are texts that would break out of where they are shown, if anything let them.
var hostile = []string{
	`</script><script>document.title="owned"</script>`, `<img src=x onerror=document.title="owned">`, `"><svg onload=document.title="owned">`,
	`javascript:document.title="owned"`, `{{.Page}}`, "]]>", `<!--<script>`, "\u2028\u2029\x00\x1b[31m\u202e", `'";--\`, "\xff\xfe", `</style><style>*{display:none}`,
	`</title>`, `</textarea></pre>`,
}

// sample is a page with every section in it, and texts made of seed.
func sample(text func(what string) string) *report.Page {
	run := &report.Diagram{
		Clock: true, Lanes: []report.Lane{{Name: text("n0")}, {Name: text("n1")}, {Name: text("c0")}},
		Events: []report.Event{
			{At: 0, Lane: 2, From: report.None, Kind: report.Operation, Label: text("write x 1")},
			{At: 1_000_000, Lane: 0, From: 2, Kind: report.Message, Label: text("request"), Sent: 0, Fate: text("duplicate")},
			{At: 1_200_000, Lane: 0, From: report.None, Kind: report.Storage, Label: text("durable")},
			{At: 1_300_000, Lane: 1, From: 0, Kind: report.Lost, Label: text("gossip lost"), Sent: 1_200_000, Fate: text("drop")},
			{At: 1_400_000, Lane: report.None, From: report.None, Kind: report.Network, Label: text("faults end")},
			{At: 1_500_000, Lane: 1, From: report.None, Kind: report.Crash, Label: text("crash")},
			{At: 1_600_000, Lane: 1, From: report.None, Kind: report.Start, Label: text("start")},
			{At: 1_700_000, Lane: 1, From: report.None, Kind: report.Timer, Label: text("timer")},
			{At: 2_000_000, Lane: 2, From: 0, Kind: report.Message, Label: text("response"), Sent: 1_200_000},
		},
		Spans:  []report.Span{{Name: "#0", Lane: 2, From: 0, Until: 2_000_000, Label: text("write"), Outcome: text("ok"), Mark: true}},
		Bands:  []report.Band{{From: 1_500_000, Until: 1_600_000, Lanes: []int{1}, Label: text("n1 is down")}},
		States: []report.State{{At: 1_200_000, Lane: 0, Key: text("x"), After: text("one")}, {At: 2_000_000, Lane: 0, Key: text("x"), Before: text("one"), After: text("two")}},
	}
	h := &history.History{Ops: []history.Op{
		{Index: 0, Session: 0, Client: text("alice"), Node: 0, Type: history.Register, Func: history.Write, Key: text("x"), Arg: history.Str(text("1")), Call: 5, Return: 9},
		{Index: 1, Session: 1, Client: text("bob"), Node: -1, Type: history.Register, Func: history.Read, Key: text("x"), Out: history.Str(text("0")), Call: 10, Return: 12},
		{Index: 2, Session: 1, Client: text("bob"), Node: -1, Type: history.Register, Func: history.Write, Key: text("x"), Arg: history.Str("2"), Call: 12, Return: history.Pending, Outcome: history.Unknown},
	}}
	return &report.Page{
		Title: text("A run"), Verdict: text("violated"), Bad: true, Summary: []string{text("It broke.")}, Facts: []report.Fact{{Name: text("nodes"), Value: text("2")}},
		Commands: []report.Fact{{Name: text("Again:"), Value: text("simfuzz replay x")}}, Violations: []report.Fact{{Name: text("convergence"), Value: text("apart")}},
		Run: run, History: report.NewHistory(h, func(i int) bool { return i == 1 }),
		Orders: []report.Order{{
			Title: text("x"), Note: text("apart"), States: []report.OrderState{{Text: text("one"), Where: []string{text("n0")}, Final: true}, {Text: text("two"), Final: true}, {Text: text("both"), Join: true}},
			Below: [][]bool{{true, false, true}, {false, true, true}, {false, false, true}},
		}},
		Choices: &report.Choices{Draws: 10, Rows: []report.Choice{{What: text("drop"), At: 1, Drawn: true, With: 9, Without: 1}, {What: text("write"), Operation: true}}},
		Rewind:  &report.Rewind{Draws: 10, Points: []report.RewindPoint{{At: 0, What: text("nothing"), Failed: 1}, {At: 5_000_000, What: text("drop"), Failed: 10}}},
		Shrink:  &report.Shrink{Replays: 12, Settled: true, Steps: []report.ShrinkStep{{Replay: 1, Operations: 40, Faults: 9}, {Replay: 12, Operations: 2, Faults: 1}}},
		Notes:   []string{text("nothing else")},
	}
}

func plain(what string) string { return what }

func written(t *testing.T, p *report.Page) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, p.Write(&b))
	return b.String()
}

// TestHostileText: whatever stands in a run, the page has the elements that it has with
// plain text, and no more; and its policy lets nothing else run or be fetched.
func TestHostileText(t *testing.T) {
	clean := written(t, sample(plain))
	for _, bad := range hostile {
		page := written(t, sample(func(what string) string { return what + bad }))
		for _, tag := range []string{"<script", "</script", "<style", "</style", "<img", "<svg", "<!--", "<title", "</title", "</pre", "<iframe"} {
			assert.Equal(t, strings.Count(clean, tag), strings.Count(page, tag), "%q and %q", bad, tag)
		}
		assert.NotContains(t, page, "\x00")
		assert.NotContains(t, page, "\u202e", "what is shown in another direction passes for something else")
	}
	assert.Contains(t, clean, `content="default-src &#39;none&#39;; script-src &#39;sha256-`)
	assert.NotContains(t, clean, "http://")
	assert.NotContains(t, clean, "https://")
	assert.NotContains(t, clean, `style="`, "the policy would not let it in")
	assert.Contains(t, clean[:512], report.Generator, "a page can be told from another file by how it begins")
	assert.Equal(t, clean, written(t, sample(plain)), "the same page is the same bytes")
}

func TestSectionsFollowTheData(t *testing.T) {
	page := written(t, sample(plain))
	for _, id := range []string{"summary", "violations", "run", "history", "orders", "choices", "rewind", "shrink", "notes"} {
		assert.Contains(t, page, `<section id="`+id+`"`)
		assert.Contains(t, page, `href="#`+id+`"`)
	}
	bare := written(t, &report.Page{Title: "Nothing"})
	assert.Equal(t, 1, strings.Count(bare, "<section"))
	assert.NotContains(t, bare, "<canvas")
}

func TestRefusesWhatCannotBeDrawn(t *testing.T) {
	for what, spoil := range map[string]func(p *report.Page){
		"no title":              func(p *report.Page) { p.Title = "" },
		"lane of an event":      func(p *report.Page) { p.Run.Events[1].Lane = 3 },
		"lane of a sender":      func(p *report.Page) { p.Run.Events[1].From = -2 },
		"time that falls":       func(p *report.Page) { p.Run.Events[1].At = -1 },
		"kind":                  func(p *report.Page) { p.Run.Events[1].Kind = 99 },
		"interval without lane": func(p *report.Page) { p.Run.Spans[0].Lane = report.None },
		"interval backwards":    func(p *report.Page) { p.History.Spans[0].Until = p.History.Spans[0].From - 1 },
		"lane of a band":        func(p *report.Page) { p.Run.Bands[0].Lanes[0] = 9 },
		"lane of a state":       func(p *report.Page) { p.Run.States[0].Lane = 3 },
		"state out of order":    func(p *report.Page) { p.Run.States[1].At = 0 },
		"too many lanes":        func(p *report.Page) { p.Run.Lanes = make([]report.Lane, report.MaxLanes+1) },
		"order not square":      func(p *report.Page) { p.Orders[0].Below[1] = nil },
		"order too short":       func(p *report.Page) { p.Orders[0].Below = p.Orders[0].Below[:1] },
		"more than all fail":    func(p *report.Page) { p.Rewind.Points[0].Failed = 11 },
		"less than none":        func(p *report.Page) { p.Choices.Rows[0].Without = -1 },
	} {
		p := sample(plain)
		spoil(p)
		var b bytes.Buffer
		err := p.Write(&b)
		assert.ErrorIs(t, err, report.ErrPage, what)
		assert.Zero(t, b.Len(), what)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("no space")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteTellsOfItsWriter(t *testing.T) {
	err := sample(plain).Write(brokenWriter{})
	require.ErrorIs(t, err, errBroken)
	assert.NotErrorIs(t, err, report.ErrPage)
}

// TestBounds: what is beyond a bound is left out, and the page says so.
func TestBounds(t *testing.T) {
	p := &report.Page{Title: strings.Repeat("é", report.MaxText), Run: &report.Diagram{Lanes: []report.Lane{{Name: "n"}}, Cut: 7}}
	for i := range report.MaxBands + 3 {
		p.Run.Bands = append(p.Run.Bands, report.Band{Label: fmt.Sprint(i)})
	}
	for i := range 1500 {
		p.Run.Spans = append(p.Run.Spans, report.Span{Name: fmt.Sprintf("#%d", i), Mark: i == 1400, Until: 1})
		p.Violations = append(p.Violations, report.Fact{Name: "v"})
	}
	page := written(t, p)
	assert.Contains(t, page, "7 events are not here")
	assert.Contains(t, page, "3 faults are left out")
	assert.Contains(t, page, "499 operations are in the diagram alone")
	assert.Contains(t, page, "<td>#1400</td>", "those of the witness are in the table wherever they stand")
	assert.NotContains(t, page, "<td>#1401</td>")
	assert.NotContains(t, page, strings.Repeat("é", report.MaxText/2+1))
	assert.NotContains(t, page, "\ufffd…", "a character is not cut in two")
}
