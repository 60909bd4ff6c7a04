// Package report turns measurements into tables, plots and one page that answers the
// five questions of Gavalas's thesis on storage engines with incremental snapshots.
//
// It writes what it is given and nothing else: a question whose measurement is missing
// is answered by saying so.
package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// Data are measurements, and what they were made with.
type Data struct {
	Compared    []measure.Compared
	Swept       []measure.Swept
	Snapped     []measure.Snapped
	Series      []measure.Series
	Recovered   []measure.Recovered
	Lazied      []measure.Lazied
	Globaled    []measure.Globaled
	Machine     string // what it ran on
	Command     string // that makes the report again
	Work        string // sizes, in words
	Interrupted bool   // not all was measured
}

// ErrWrite reports a file of the report that could not be written.
var ErrWrite = errors.New("write the report")

// File is one file of a report.
type File struct {
	Name string
	Data []byte
}

// Files are all files of the report: index.html, report.md, a CSV file a kind of
// measurement, and each plot as SVG and as PNG.
func Files(d Data) ([]File, error) {
	files := tables(d)
	plots, err := figures(d)
	if err != nil {
		return nil, err
	}
	for _, p := range plots {
		files = append(files, File{p.name + ".svg", p.svg}, File{p.name + ".png", p.png})
	}
	sections := questions(d, plots)
	files = append(files, File{"report.md", markdown(d, sections)})
	page, err := page(d, sections)
	if err != nil {
		return nil, err
	}
	return append(files, File{"index.html", page}), nil
}

// Write writes the report into dir, which is made if it is missing, the page last. It
// replaces files of the same names.
func Write(dir string, d Data) error {
	files, err := Files(d)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrWrite, err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			return fmt.Errorf("%w: %w", ErrWrite, err)
		}
	}
	return nil
}
