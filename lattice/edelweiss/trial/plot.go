package trial

import (
	"fmt"
	"io"
	"strings"

	"github.com/joinery-go/joinery/sim"
)

// WriteSVG draws what node 0 stored over time: the rewritten program in black, the
// original in red. It keeps at most one sample a pixel.
func WriteSVG(w io.Writer, title string, samples []Sample) error {
	const width, height, left, bottom = 640, 360, 56, 28
	last, most := sim.Time(1), 1
	for _, s := range samples {
		last, most = max(last, s.At), max(most, s.Tables, s.Original)
	}
	x := func(t sim.Time) int { return left + int(int64(t)*(width-left-8)/int64(last)) }
	y := func(n int) int { return height - bottom - n*(height-bottom-32)/most }
	line := func(value func(Sample) int) string {
		var points []string
		at := -1
		for _, s := range samples {
			if px := x(s.At); px > at {
				at = px
				points = append(points, fmt.Sprintf("%d,%d", px, y(value(s))))
			}
		}
		return strings.Join(points, " ")
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
<text x="%d" y="20">%s</text>
<path d="M%d 32V%dH%d" fill="none" stroke="gray"/>
<text x="4" y="40">%d</text><text x="4" y="%d">0 tuples</text><text x="%d" y="%d" text-anchor="end">%v</text>
<polyline fill="none" stroke="firebrick" points="%s"/>
<polyline fill="none" stroke="black" points="%s"/>
</svg>
`, width, height, left, escape(title), left, height-bottom, width-8, most, height-bottom, width-8, height-8, last,
		line(func(s Sample) int { return s.Original }), line(func(s Sample) int { return s.Tables }))
	return err
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
