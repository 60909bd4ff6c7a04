package report_test

import (
	"testing"

	"github.com/joinery-go/joinery/sim/report"
)

// BenchmarkManyEvents makes the page of 100,000 events.
func BenchmarkManyEvents(b *testing.B) {
	p := &report.Page{Title: "Many", Run: manyEvents(100_000)}
	var size counting
	b.ReportAllocs()
	for b.Loop() {
		size = 0
		if err := p.Write(&size); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB/page")
}

type counting int

func (c *counting) Write(b []byte) (int, error) { *c += counting(len(b)); return len(b), nil }
