package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"
)

//go:embed page/page.html.tmpl
var markup string

//go:embed page/page.css
var style string

//go:embed page/*.js
var scripts embed.FS

// script is the one script of a page: a file builds on those before it.
var script = func() string {
	var b strings.Builder
	b.WriteString("\"use strict\";\n(() => {\n")
	for _, name := range []string{"theme", "details", "drawing", "page"} {
		text, err := scripts.ReadFile("page/" + name + ".js")
		if err != nil {
			panic("report: a script that is embedded is not there: " + err.Error())
		}
		b.Write(text)
	}
	b.WriteString("})();\n")
	return b.String()
}()

// Generator is what a page names as its maker, by which a page can be told from a
// file that must not be written over.
const Generator = "joinery report 1"

var page = template.Must(template.New("page").Funcs(template.FuncMap{"clock": clock, "bar": newBar}).Parse(markup))

// policy is what the browser is told: nothing is fetched, and no script or style runs
// but those of this package, whatever the texts of a run say.
var policy = fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; base-uri 'none'; form-action 'none'", digest(script), digest(style))

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Write writes the page. An error that wraps [ErrPage] says what of p cannot be
// shown, and nothing has been written then; any other is that of w.
func (p *Page) Write(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, p.view()); err != nil {
		return fmt.Errorf("report: make the page %q: %w", p.Title, err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("report: write the page %q: %w", p.Title, err)
	}
	return nil
}

// view is a page as the template reads it.
type view struct {
	Page              *Page
	Generator, Policy string
	Style             template.CSS // of this package, and no other
	Script            template.JS
	Sections          []section
	Run, History      *diagramView
	Orders            []orderView
	Strip             *strip
	Fall              *fall
	Notes             []string
}

type section struct{ ID, Title string }

func (p *Page) view() *view {
	q := p.clipped()
	v := &view{Page: q, Generator: Generator, Policy: policy, Style: template.CSS(style), Script: template.JS(script), Notes: q.Notes}
	add := func(there bool, id, title string) {
		if there {
			v.Sections = append(v.Sections, section{id, title})
		}
	}
	add(true, "summary", "What happened")
	add(len(p.Violations) > 0, "violations", "Violations")
	if p.Run != nil {
		v.Run = v.diagram(p.Run, "run", "The run", "Time runs down, a lane a node. Point at an event, or walk through by keys, to see what its node held and what changed.")
	}
	add(v.Run != nil, "run", "The run")
	if p.History != nil {
		v.History = v.diagram(p.History, "history", "The history", "What the clients saw: a lane a session, an operation from its call to its return.")
		if p.Run != nil {
			v.History.Legend = nil // it stands below the run
		}
		v.History.Open = p.Run == nil || len(p.History.Spans) < 20
	}
	add(v.History != nil, "history", "The history")
	for i := range q.Orders {
		v.Orders = append(v.Orders, q.Orders[i].view())
	}
	add(len(v.Orders) > 0, "orders", "The states")
	add(p.Choices != nil, "choices", "Which choices matter")
	add(p.Rewind != nil, "rewind", "When it becomes likely")
	add(p.Shrink != nil, "shrink", "How it got small")
	v.Strip, v.Fall = newStrip(p.Rewind), newFall(p.Shrink)
	add(len(v.Notes) > 0, "notes", "What is left out")
	return v
}

// clipped is the page with every text that the template shows clipped.
func (p *Page) clipped() *Page {
	q := *p
	q.Title, q.Verdict = clip(p.Title), clip(p.Verdict)
	q.Summary, q.Notes = clipAll(p.Summary), clipAll(p.Notes)
	q.Facts, q.Commands, q.Violations = clipFacts(p.Facts), clipFacts(p.Commands), counted(clipFacts(p.Violations))
	if p.Choices != nil {
		c := *p.Choices
		c.Rows = append([]Choice(nil), c.Rows[:min(len(c.Rows), maxRows)]...)
		for i := range c.Rows {
			c.Rows[i].What = clip(c.Rows[i].What)
		}
		q.Choices = &c
		q.leftOut(len(p.Choices.Rows)-maxRows, "choice")
	}
	if p.Rewind != nil {
		r := *p.Rewind
		r.Points = append([]RewindPoint(nil), r.Points[:min(len(r.Points), maxRows)]...)
		for i := range r.Points {
			r.Points[i].What = clip(r.Points[i].What)
		}
		q.Rewind = &r
		q.leftOut(len(p.Rewind.Points)-maxRows, "point of rewind")
	}
	if p.Shrink != nil {
		s := *p.Shrink
		s.Steps = s.Steps[:min(len(s.Steps), maxRows)]
		q.Shrink = &s
		q.leftOut(len(p.Shrink.Steps)-maxRows, "step of shrinking")
	}
	if n := len(p.Orders) - maxOrders; n > 0 {
		q.Orders = p.Orders[:maxOrders]
		q.leftOut(n, "order of states")
	}
	return &q
}

func (p *Page) leftOut(n int, what string) {
	if n > 0 {
		p.Notes = append(p.Notes, plural(int64(n), what+" is", what+"s are")+" left out")
	}
}

func clipAll(all []string) []string {
	out := make([]string, 0, len(all))
	for _, s := range all[:min(len(all), maxRows)] {
		out = append(out, clip(s))
	}
	return out
}

func clipFacts(all []Fact) []Fact {
	out := make([]Fact, 0, len(all))
	for _, f := range all[:min(len(all), maxRows)] {
		out = append(out, Fact{clip(f.Name), clip(f.Value)})
	}
	return out
}

// counted is facts of which those that say the same are one, with how often it was said.
func counted(all []Fact) []Fact {
	out := make([]Fact, 0, len(all))
	times := make(map[Fact]int, len(all))
	for _, f := range all {
		if times[f]++; times[f] == 1 {
			out = append(out, f)
		}
	}
	for i, f := range out {
		if n := times[f]; n > 1 {
			out[i].Name = fmt.Sprintf("%s, %d times", f.Name, n)
		}
	}
	return out
}

// diagramView is a diagram's section.
type diagramView struct {
	ID, Title, Name, Hint string
	Data                  *data
	Operations            []operationRow
	More                  string
	Open                  bool // show the table of operations at once
	Legend                []string
	Messages, Witness     bool // it has any
}

type operationRow struct {
	Name, Who, What, From, Until, Outcome string
	Mark                                  bool
}

func (v *view) diagram(d *Diagram, id, title, hint string) *diagramView {
	d, notes := d.bounded()
	for _, n := range notes {
		v.Notes = append(v.Notes, title+": "+n+".")
	}
	x := &diagramView{ID: id, Title: title, Name: strings.ToLower(title[:1]) + title[1:], Hint: hint, Data: d.pack()}
	x.Legend, x.Messages, x.Witness = d.legend()
	for i := range d.Spans {
		s := &d.Spans[i]
		if len(x.Operations) >= maxRows && !s.Mark {
			continue
		}
		row := operationRow{Name: clip(s.Name), Who: clip(d.Lanes[s.Lane].Name), What: clip(s.Label), From: d.time(s.From), Until: d.time(s.Until), Outcome: clip(s.Outcome), Mark: s.Mark}
		if s.Open {
			row.Until = "never"
		}
		x.Operations = append(x.Operations, row)
	}
	if n := len(d.Spans) - len(x.Operations); n > 0 {
		x.More = fmt.Sprintf("The first %d, and those of the witness; %s in the diagram alone.", maxRows, plural(int64(n), "operation is", "operations are"))
	}
	return x
}

// legend explains the signs that a diagram has, and says whether it has messages, and a
// witness.
func (d *Diagram) legend() (signs []string, messages, witness bool) {
	var has [numKinds]bool
	fate, mark := false, false
	for i := range d.Events {
		e := &d.Events[i]
		has[e.Kind] = true
		fate, mark = fate || e.Kind == Message && e.Fate != "", mark || e.Mark
	}
	for i := range d.Spans {
		mark = mark || d.Spans[i].Mark
	}
	for _, sign := range []struct {
		has  bool
		text string
	}{
		{has[Operation], "◆ operation"}, {len(d.Spans) > 0, "▬ from its call to its return, a thread if there is none"}, {has[Return], "◇ return"},
		{has[Message], "▶ message arrives"}, {has[Lost], "✗ message lost"}, {fate, "dashed: late or a duplicate"}, {has[Storage], "■ durable"},
		{has[Start], "◯ start"}, {has[Crash], "╳ crash"}, {len(d.Bands) > 0, "shaded: a fault in force"}, {mark, "★ of the witness"},
	} {
		if sign.has {
			signs = append(signs, sign.text)
		}
	}
	return signs, has[Message] || has[Lost], mark
}

// time is a time of a diagram in words.
func (d *Diagram) time(at int64) string {
	switch {
	case d.Untimed:
		return ""
	case d.Clock:
		return clock(at)
	case len(d.Events) > 0:
		at -= d.Events[0].At
	}
	return "+" + strconv.FormatInt(at, 10)
}

func clock(at int64) string { return time.Duration(at).String() }

// share is n of all in words: a percentage only where there is enough of them.
func share(n, all int) string {
	if all == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", n, all)
}

// barView is a share in words and as a horizontal bar.
type barView struct{ Share, Width, Class string }

func newBar(n, all int, class string) barView {
	if all == 0 {
		return barView{share(n, all), "0", class}
	}
	return barView{share(n, all), strconv.FormatFloat(100*float64(n)/float64(all), 'f', 1, 64), class}
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}

// Style is the style sheet of pages, for others that are to look like them.
func Style() string { return style }
