package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
)

// Sweep is a parameter of an engine and the values that are tried.
type Sweep struct {
	Parameter string
	Engine    string
	Doc       string
	Values    []int
	set       func(p *Parameters, v int)
}

// small are parameters with which background work comes up at the sizes of a sweep.
func small() Parameters {
	return Parameters{
		MemtableBytes: 256 << 10, PageBytes: 128 << 10, MutablePages: 4, ReadOnlyPages: 2, FoldPages: 4, SegmentBytes: 512 << 10,
		BufferBytes: 16 << 10,
	}
}

// smallBeside are parameters with which files are small beside so many bytes: those of a sweep,
// or, where they would be thousands, up to four times as large.
func smallBeside(bytes int) Parameters {
	p, times := small(), min(max(1, bytes/(32<<20)), 4)
	p.MemtableBytes, p.PageBytes, p.SegmentBytes = p.MemtableBytes*times, p.PageBytes*times, p.SegmentBytes*int64(times)
	return p
}

// Sweeps are the parameters of the thesis.
func Sweeps() []Sweep {
	return []Sweep{
		{"max-runs", lsm.Name, "runs of a level that are merged into one of the next", []int{2, 4, 8, 16},
			func(p *Parameters, v int) { p.FanIn = v }},
		{"density-factor", lsm.Name, "records to a fence pointer", []int{2, 8, 32, 128},
			func(p *Parameters, v int) { p.DensityFactor = v }},
		{"memtable-bytes", lsm.Name, "bytes of the table in memory", []int{64 << 10, 256 << 10, 1 << 20, 4 << 20},
			func(p *Parameters, v int) { p.MemtableBytes = v }},
		{"mutable-pages", hybridlog.Name, "pages that are updated in place", []int{1, 4, 16, 64},
			func(p *Parameters, v int) { p.MutablePages = v }},
		{"read-only-pages", hybridlog.Name, "pages that are in memory to be read", []int{1, 4, 16, 64},
			func(p *Parameters, v int) { p.ReadOnlyPages = v }},
		{"flush-interval", hybridlog.Name, "pages that are written before the log is folded over", []int{1, 4, 16, 64},
			func(p *Parameters, v int) { p.FoldPages = v }},
		{"threshold", appendlog.Name, "bytes at which a log is sealed", []int{128 << 10, 512 << 10, 2 << 20, 8 << 20},
			func(p *Parameters, v int) { p.SegmentBytes = int64(v) }},
		{"log-runs", appendlog.Name, "logs of a level that are merged into one of the next", []int{2, 4, 8, 16},
			func(p *Parameters, v int) { p.FanIn = v }},
	}
}

// SweepEngines are the engines that have parameters.
func SweepEngines() []string {
	return Among(Engines(), []string{appendlog.Name, hybridlog.Name, lsm.Name})
}

// SweepNames are the names of the parameters of engines.
func SweepNames(engines []string) []string {
	var names []string
	for _, s := range Sweeps() {
		if slices.Contains(engines, s.Engine) {
			names = append(names, s.Parameter)
		}
	}
	return names
}

// ErrParameter reports a parameter that is none of [SweepNames].
var ErrParameter = errors.New("no such parameter")

// Swept is what came of one value of a parameter.
type Swept struct {
	Parameter string `json:"parameter"`
	Value     int    `json:"value"`
	Compared
}

// RunSweeps measures each value of parameters under the update-heavy workload.
func RunSweeps(ctx context.Context, w Work, parameters []string, progress Progress, each func(Swept) error) error {
	var chosen []Sweep
	total := 0
	for _, name := range parameters {
		found := false
		for _, s := range Sweeps() {
			if s.Parameter == name {
				chosen, found, total = append(chosen, s), true, total+len(s.Values)
			}
		}
		if !found {
			return fmt.Errorf("%w: %q", ErrParameter, name)
		}
	}
	done := 0
	for _, s := range chosen {
		for _, v := range s.Values {
			p := small()
			s.set(&p, v)
			r, err := w.compare(ctx, Kinds()[0], s.Engine, p)
			if err != nil {
				return fmt.Errorf("%s %d: %w", s.Parameter, v, err)
			}
			done++
			progress(done, total)
			if err := each(Swept{s.Parameter, v, r}); err != nil {
				return err
			}
		}
	}
	return nil
}
