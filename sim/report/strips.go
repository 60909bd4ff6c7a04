package report

import (
	"fmt"
	"strings"
)

// strip is the causality bar: a rectangle from each point of rewind to the next, as
// high as the bug is likely.
type strip struct {
	Rects       []rect
	From, Until string
}

type rect struct{ X, Y, W, H string }

// span of the drawing, which the page stretches.
const stripWidth, stripHeight = 1000, 100

func newStrip(r *Rewind) *strip {
	if r == nil || len(r.Points) < 2 || r.Draws == 0 {
		return nil
	}
	first, last := r.Points[0].At, r.Points[len(r.Points)-1].At
	s := &strip{From: clock(first), Until: clock(last)}
	// The last point has no width in time: it gets as much as a reader needs to see it.
	const tail = stripWidth / 20
	x := func(at int64) float64 {
		if last == first {
			return 0
		}
		return float64(at-first) / float64(last-first) * (stripWidth - tail)
	}
	for i, p := range r.Points {
		end := float64(stripWidth)
		if i+1 < len(r.Points) {
			end = x(r.Points[i+1].At)
		}
		h := float64(p.Failed) / float64(r.Draws) * stripHeight
		s.Rects = append(s.Rects, rect{number(x(p.At)), number(stripHeight - h), number(end - x(p.At)), number(h)})
	}
	return s
}

func number(x float64) string { return fmt.Sprintf("%.1f", x) }

// fall is the timeline of shrinking, as two lines of steps.
type fall struct {
	Operations, Faults string
	Last               int
}

func newFall(s *Shrink) *fall {
	if s == nil || len(s.Steps) < 2 {
		return nil
	}
	most := 1
	for _, x := range s.Steps {
		most = max(most, x.Operations, x.Faults)
	}
	f := &fall{Last: max(s.Replays, s.Steps[len(s.Steps)-1].Replay)}
	line := func(of func(ShrinkStep) int) string {
		var b strings.Builder
		x := func(replay int) float64 { return float64(replay) / float64(max(f.Last, 1)) * stripWidth }
		y := func(n int) float64 { return stripHeight - 4 - float64(n)/float64(most)*(stripHeight-8) }
		was := of(s.Steps[0])
		fmt.Fprintf(&b, "0,%.1f", y(was))
		for _, step := range s.Steps {
			fmt.Fprintf(&b, " %.1f,%.1f %.1f,%.1f", x(step.Replay), y(was), x(step.Replay), y(of(step)))
			was = of(step)
		}
		fmt.Fprintf(&b, " %d,%.1f", stripWidth, y(was))
		return b.String()
	}
	f.Operations = line(func(x ShrinkStep) int { return x.Operations })
	f.Faults = line(func(x ShrinkStep) int { return x.Faults })
	return f
}
