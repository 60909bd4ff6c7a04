package report

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"strings"

	"github.com/joinery-go/joinery/sim/report"
)

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Storage engines, measured</title>
<style>{{.Style}}</style>
</head>
<body>
<header><div class="top"><h1>Storage engines, measured</h1>{{if .Data.Interrupted}}<span class="verdict bad">interrupted</span>{{end}}</div></header>
<main>
<p>{{.Data.Work}} {{.Data.Machine}}{{if .Data.Interrupted}} <strong>Interrupted: not everything was measured.</strong>{{end}}</p>
<p>Made by <code>{{.Data.Command}}</code>, which measures everything anew.</p>
{{range $n, $_ := .Sections}}<section aria-labelledby="h-{{$n}}"><h2 id="h-{{$n}}">{{.Question}}</h2>
<ul>{{range .Answer}}<li>{{.}}</li>{{end}}</ul>
{{range .Figures}}<figure role="img" aria-label="{{.Title}}; all figures of this section are in the tables below">{{.SVG}}</figure>
{{end}}{{if .Tables}}<details><summary>All figures</summary>{{range .Tables}}<div class="scroll" tabindex="0" role="region" aria-label="{{.Caption}}"><table>
<caption>{{.Caption}}</caption>
{{range $i, $row := .Rows}}<tr>{{range $j, $cell := $row}}{{if $i}}<td{{if $j}} class="n"{{end}}>{{or . "-"}}</td>{{else}}<th scope="col"{{if $j}} class="n"{{end}}>{{.}}</th>{{end}}{{end}}</tr>
{{end}}</table></div>{{end}}</details>{{end}}</section>
{{end}}</main>
</body>
</html>
`))

// style is that of all pages, and what plots need: they are drawn dark on light, also where the
// reader wants it dark, since their colours are made for that.
var style = report.Style() + `
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
figure { margin: 1rem 0; } figure svg { display: block; max-width: 100%; height: auto; }
main > section > ul, main > p { max-width: 50rem; }
@media (prefers-color-scheme: dark) { figure svg { filter: brightness(.85); border-radius: .3rem; } }
`

// page is the page, with the plots in it: it needs no other file.
func page(d Data, sections []section) ([]byte, error) {
	type plotted struct {
		Title string
		SVG   template.HTML
	}
	type view struct {
		section
		Figures []plotted
	}
	var views []view
	for _, s := range sections {
		v := view{section: s}
		for _, f := range s.Figures {
			v.Figures = append(v.Figures, plotted{f.title, inline(f)})
		}
		views = append(views, v)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, map[string]any{"Data": d, "Sections": views, "Style": template.CSS(style)}); err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	return b.Bytes(), nil
}

// inline is a plot as an element of a page: its XML without what stands before the
// element. It comes from the plotter and holds names of engines and parameters only.
func inline(f figure) template.HTML {
	svg := string(f.svg)
	if i := strings.Index(svg, "<svg"); i >= 0 {
		svg = svg[i:]
	}
	return template.HTML(svg)
}

// markdown is the report without the page's frame, for places that show Markdown.
func markdown(d Data, sections []section) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Storage engines, measured\n\n%s %s\n\nMade by `%s`.\n", d.Work, d.Machine, d.Command)
	if d.Interrupted {
		b.WriteString("\nInterrupted: not everything was measured.\n")
	}
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Question)
		for _, a := range s.Answer {
			fmt.Fprintf(&b, "- %s\n", a)
		}
		for _, f := range s.Figures {
			fmt.Fprintf(&b, "\n![%s](%s.svg)\n", f.title, f.name)
		}
		for _, t := range s.Tables {
			fmt.Fprintf(&b, "\n%s:\n\n", t.Caption)
			for i, row := range t.Rows {
				b.WriteString("|")
				for _, cell := range row {
					fmt.Fprintf(&b, " %s |", cmp.Or(cell, "-"))
				}
				b.WriteString("\n")
				if i == 0 {
					b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
				}
			}
		}
	}
	return b.Bytes()
}
