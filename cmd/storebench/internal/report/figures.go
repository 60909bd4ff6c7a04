package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// figure is a plot.
type figure struct {
	name, title string
	svg, png    []byte
}

const (
	wide = 16 * vg.Centimeter
	high = 9 * vg.Centimeter
)

// figures are the plots of what was measured.
func figures(d Data) ([]figure, error) {
	var all []figure
	for _, draw := range []func(Data) ([]figure, error){comparisons, sweeps, snapshots, recoveries, lazies, workers} {
		more, err := draw(d)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// group is a series of a plot: a line, or the bars of one colour.
type group struct {
	name string
	at   plotter.XYs
}

// rendered draws a plot.
func rendered(name string, p *plot.Plot) (figure, error) {
	f := figure{name: name, title: p.Title.Text}
	for format, to := range map[string]*[]byte{"svg": &f.svg, "png": &f.png} {
		w, err := p.WriterTo(wide, high, format)
		if err != nil {
			return f, fmt.Errorf("plot %s: %w", name, err)
		}
		var b bytes.Buffer
		if _, err := w.WriteTo(&b); err != nil {
			return f, fmt.Errorf("plot %s: %w", name, err)
		}
		*to = b.Bytes()
	}
	return f, nil
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Legend.Top = true
	p.Y.Min = 0
	p.Add(plotter.NewGrid())
	return p
}

// headroom keeps the place of a legend of so many names free of what is plotted, most of which
// begins at 0.
func headroom(p *plot.Plot, names int) {
	const each = 0.07 // of the height: a line of text
	p.Y.Max /= 1 - min(each*float64(names), 0.5)
}

// barWidth is how wide a bar is, so that the bars of one label end before those of the next begin:
// nine tenths of the plot are between the axis and its end, and a seventh of a label's part stays
// free.
func barWidth(labels, groups int) vg.Length {
	return min(wide*9/10*6/7/vg.Length(max(1, labels)), vg.Points(60)) / vg.Length(max(1, groups))
}

// bars draws groups of bars over the labels.
func bars(name, title, y string, labels []string, groups []group) (figure, error) {
	p := newPlot(title, "", y)
	width := barWidth(len(labels), len(groups))
	for i, g := range groups {
		values := make(plotter.Values, len(labels))
		for _, at := range g.at {
			values[int(at.X)] = at.Y
		}
		b, err := plotter.NewBarChart(values, width)
		if err != nil {
			return figure{}, fmt.Errorf("plot %s: %w", name, err)
		}
		b.Color, b.LineStyle.Width = plotutil.Color(i), 0
		b.Offset = width * vg.Length(float64(i)-float64(len(groups)-1)/2)
		p.Add(b)
		p.Legend.Add(g.name, b)
	}
	p.NominalX(labels...)
	headroom(p, len(groups))
	return rendered(name, p)
}

// curves draws groups as lines, on an axis of logarithms where logX says so, which
// takes values above 0.
func curves(name, title, x, y string, logX bool, groups []group) (figure, error) {
	p := newPlot(title, x, y)
	if logX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	for i, g := range groups {
		slices.SortFunc(g.at, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
		l, points, err := plotter.NewLinePoints(g.at)
		if err != nil {
			return figure{}, fmt.Errorf("plot %s: %w", name, err)
		}
		l.Color, points.Color, points.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
		p.Add(l, points)
		p.Legend.Add(g.name, l, points)
	}
	headroom(p, len(groups))
	return rendered(name, p)
}

// comparisons are rates and tails of engines under each workload.
func comparisons(d Data) ([]figure, error) {
	var all []figure
	var tails []group
	engines := namesOf(d.Compared, func(c measure.Compared) string { return c.Engine })
	for _, kind := range namesOf(d.Compared, func(c measure.Compared) string { return c.Workload }) {
		sets, gets, tail := group{name: "sets"}, group{name: "gets"}, group{name: kind}
		for _, c := range d.Compared {
			if c.Workload == kind {
				x := float64(slices.Index(engines, c.Engine))
				sets.at = append(sets.at, plotter.XY{X: x, Y: c.Sets / 1e6})
				gets.at = append(gets.at, plotter.XY{X: x, Y: c.Gets / 1e6})
				tail.at = append(tail.at, plotter.XY{X: x, Y: c.P999})
			}
		}
		tails = append(tails, tail)
		f, err := bars("compare-"+kind, "Rates: "+kind, "million a second", engines, []group{sets, gets})
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	if len(tails) == 0 {
		return nil, nil
	}
	f, err := bars("tail", "99.9th percentile of the time of a set", "µs", engines, tails)
	return append(all, f), err
}

// lazies are times until the first get over the number of keys.
func lazies(d Data) ([]figure, error) {
	if len(d.Lazied) == 0 {
		return nil, nil
	}
	var groups []group
	for _, engine := range namesOf(d.Lazied, func(r measure.Lazied) string { return r.Engine }) {
		lazy, eager := group{name: engine + ", lazily"}, group{name: engine + ", all restored first"}
		for _, r := range d.Lazied {
			if r.Engine == engine {
				lazy.at = append(lazy.at, plotter.XY{X: float64(r.Keys), Y: r.First * 1e3})
				eager.at = append(eager.at, plotter.XY{X: float64(r.Keys), Y: r.Eager * 1e3})
			}
		}
		groups = append(groups, lazy, eager)
	}
	f, err := curves("recovery-lazy", "From an empty directory to the first get", "keys", "ms", true, groups)
	return []figure{f}, err
}

// workers are the plots of global snapshots.
func workers(d Data) ([]figure, error) {
	if len(d.Globaled) == 0 {
		return nil, nil
	}
	return globals(d.Globaled)
}

// namesOf are the names in a list, in the order in which they come first.
func namesOf[T any](list []T, name func(T) string) []string {
	var names []string
	for _, m := range list {
		if n := name(m); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// sweeps are rates over the values of each parameter.
func sweeps(d Data) ([]figure, error) {
	var all []figure
	for _, parameter := range namesOf(d.Swept, func(s measure.Swept) string { return s.Parameter }) {
		sets, gets, engine := group{name: "sets"}, group{name: "gets"}, ""
		for _, s := range d.Swept {
			if s.Parameter == parameter {
				engine = s.Engine
				sets.at = append(sets.at, plotter.XY{X: float64(s.Value), Y: s.Sets / 1e6})
				gets.at = append(gets.at, plotter.XY{X: float64(s.Value), Y: s.Gets / 1e6})
			}
		}
		f, err := curves("sweep-"+parameter, engine+": "+parameter, parameter, "million a second", true, []group{sets, gets})
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// snapshots are bytes and times of snapshots over the part of the keys that changed.
func snapshots(d Data) ([]figure, error) {
	if len(d.Snapped) == 0 {
		return nil, nil
	}
	var critical, uploaded, times []group
	for _, engine := range namesOf(d.Snapped, func(s measure.Snapped) string { return s.Engine }) {
		c, u, t := group{name: engine}, group{name: engine}, group{name: engine}
		for _, f := range fractionsOf(d.Snapped, engine) {
			x := f * 100
			c.at = append(c.at, plotter.XY{X: x, Y: meanOf(d.Snapped, engine, f, perChanged(func(s measure.Snapped) int64 { return s.New }))})
			u.at = append(u.at, plotter.XY{X: x, Y: meanOf(d.Snapped, engine, f, perChanged(func(s measure.Snapped) int64 { return s.Uploaded }))})
			t.at = append(t.at, plotter.XY{X: x, Y: meanOf(d.Snapped, engine, f, perDump)})
		}
		critical, uploaded, times = append(critical, c), append(uploaded, u), append(times, t)
	}
	var all []figure
	for _, p := range []struct {
		name, title, y string
		groups         []group
	}{
		{"snapshot-bytes", "Bytes that a snapshot waits for", "times the bytes that changed", critical},
		{"snapshot-uploaded", "All bytes given to the bucket, background included", "times the bytes that changed", uploaded},
		{"snapshot-time", "Time of a snapshot", "times that of a full dump", times},
	} {
		f, err := curves(p.name, p.title, "keys changed, %", p.y, true, p.groups)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func fractionsOf(list []measure.Snapped, engine string) []float64 {
	var fs []float64
	for _, s := range list {
		if s.Engine == engine && !slices.Contains(fs, s.Fraction) {
			fs = append(fs, s.Fraction)
		}
	}
	slices.Sort(fs)
	return fs
}

func meanOf(list []measure.Snapped, engine string, fraction float64, of func(measure.Snapped) float64) float64 {
	sum, n := 0.0, 0
	for _, s := range list {
		if s.Engine == engine && s.Fraction == fraction {
			sum, n = sum+of(s), n+1
		}
	}
	return sum / float64(max(1, n))
}

// worstOf is the most of any snapshot.
func worstOf(list []measure.Snapped, engine string, fraction float64, of func(measure.Snapped) float64) float64 {
	worst := 0.0
	for _, s := range list {
		if s.Engine == engine && s.Fraction == fraction {
			worst = max(worst, of(s))
		}
	}
	return worst
}

func perChanged(of func(measure.Snapped) int64) func(measure.Snapped) float64 {
	return func(s measure.Snapped) float64 { return float64(of(s)) / float64(max(1, s.Changed)) }
}

func perDump(s measure.Snapped) float64 { return s.Seconds / max(s.FullDump, 1e-9) }

// recoveries are times of opening over the number of keys and the length of values.
func recoveries(d Data) ([]figure, error) {
	if len(d.Recovered) == 0 {
		return nil, nil
	}
	most, least := 0, d.Recovered[0].ValueBytes
	for _, r := range d.Recovered {
		most, least = max(most, r.Keys), min(least, r.ValueBytes)
	}
	var byKeys, byValues []group
	name := func(r measure.Recovered) string {
		if r.Crashed {
			return r.Engine + ", crashed"
		}
		return r.Engine
	}
	for _, engine := range namesOf(d.Recovered, name) {
		k, v := group{name: engine}, group{name: engine}
		for _, r := range d.Recovered {
			if name(r) == engine && r.ValueBytes == least {
				k.at = append(k.at, plotter.XY{X: float64(r.Keys), Y: r.Seconds * 1e3})
			}
			if name(r) == engine && r.Keys == most {
				v.at = append(v.at, plotter.XY{X: float64(r.ValueBytes), Y: r.Seconds * 1e3})
			}
		}
		byKeys = append(byKeys, k)
		if len(v.at) > 0 { // none if it was interrupted
			byValues = append(byValues, v)
		}
	}
	keys, err := curves("recovery-keys", fmt.Sprintf("Opening again, values of %d bytes", least), "keys", "ms", true, byKeys)
	if err != nil {
		return nil, err
	}
	values, err := curves("recovery-values", fmt.Sprintf("Opening again, %d keys", most), "bytes of a value", "ms", true, byValues)
	return []figure{keys, values}, err
}
