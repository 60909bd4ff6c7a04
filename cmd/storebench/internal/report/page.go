package report

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
)

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Storage engines, measured</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
td, th { border: 1px solid #ccc; padding: 2px 6px; text-align: right }
td:first-child, th:first-child { text-align: left }
figure { margin: 1rem 0 } figure svg { max-width: 100%; height: auto }
</style>
<h1>Storage engines, measured</h1>
<p>{{.Data.Work}} {{.Data.Machine}}{{if .Data.Interrupted}} <strong>Interrupted: not everything was measured.</strong>{{end}}</p>
<p>Made by <code>{{.Data.Command}}</code>, which measures everything anew.</p>
{{range .Sections}}<h2>{{.Question}}</h2>
<ul>{{range .Answer}}<li>{{.}}</li>{{end}}</ul>
{{range .Figures}}<figure>{{.}}</figure>
{{end}}<details><summary>All figures</summary><table>
{{range $i, $row := .Rows}}<tr>{{range $row}}{{if $i}}<td>{{.}}</td>{{else}}<th>{{.}}</th>{{end}}{{end}}</tr>
{{end}}</table></details>
{{end}}</html>
`))

// page is the page, with the plots in it: it needs no other file.
func page(d Data, sections []section) ([]byte, error) {
	type view struct {
		section
		Figures []template.HTML
	}
	var views []view
	for _, s := range sections {
		v := view{section: s}
		for _, f := range s.Figures {
			v.Figures = append(v.Figures, inline(f))
		}
		views = append(views, v)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, map[string]any{"Data": d, "Sections": views}); err != nil {
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
		b.WriteString("\n")
		for i, row := range s.Rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
			}
		}
	}
	return b.Bytes()
}
