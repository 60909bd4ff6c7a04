package disk

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// files is which files a log is made of, and what a crash may make of their names.
// Positions are in the log as it would be if nothing were ever cut off.
type files struct {
	base   int       // where the oldest file begins; all before is gone
	starts []int     // where each begins, ascending
	gone   []int     // where those began whose removal a crash may undo, ascending
	fewer  int       // how many have been removed
	tokens []mark    // where the records of this incarnation stand, ascending
	cuts   []horizon // what base was when, ascending
}

type mark struct {
	token uint64
	at    int
}

// horizon says that base was what it says from the time on when so much was durable.
type horizon struct{ durable, base int }

func (f *files) reset() files {
	return files{starts: append(f.starts[:0], 0), gone: f.gone[:0], tokens: f.tokens[:0], cuts: f.cuts[:0]}
}

// append notes a record that stands at a position, which begins another file if the last
// has enough. It returns how many removals are durable with the name of that.
func (f *files) append(token uint64, at, enough int) (drops int) {
	f.tokens = append(f.tokens, mark{token, at})
	if at-f.starts[len(f.starts)-1] < enough {
		return 0
	}
	f.starts = append(f.starts, at)
	return f.fewer
}

// synced makes the first removals durable.
func (f *files) synced(removals int) {
	if n := len(f.gone) - (f.fewer - removals); n > 0 {
		f.gone = f.gone[n:]
	}
}

// Truncate removes the files that hold nothing from the record named token on. Should
// that fail, they stay until a later Truncate.
func (l *Log) Truncate(c *sim.Context, token uint64) {
	if !c.Effect() {
		return
	}
	i, found := slices.BinarySearchFunc(l.tokens, token, func(m mark, t uint64) int { return cmp.Compare(m.token, t) })
	if !found {
		return
	}
	n := 0
	for n+1 < len(l.starts) && l.starts[n+1] <= l.tokens[i].at {
		n++
	}
	if n == 0 || c.StorageFault(sim.DiskError, "disk.remove", 2, choice.Permille(l.opts.ErrorPermille)) != 0 {
		return
	}
	l.tokens = l.tokens[i:]
	l.gone, l.fewer = append(l.gone, l.starts[:n]...), l.fewer+n
	l.starts = slices.Delete(l.starts, 0, n)
	l.files.cut(l.starts[0], len(l.durable))
}

func (f *files) cut(base, durable int) {
	f.base = base
	f.cuts = append(f.cuts, horizon{durable, base})
}

// crash decides how many of the files removed last are there again, with so much
// durable, and reports whether any is.
func (f *files) crash(c *sim.CrashContext, durable int, rare uint32) (back bool) {
	f.tokens = f.tokens[:0]
	if v := c.Choose("disk.names", 1+len(f.gone), rare); v > 0 {
		again := f.gone[len(f.gone)-v:]
		f.starts = slices.Insert(f.starts, 0, again...)
		f.cut(again[0], durable)
		back = true
	}
	f.gone = f.gone[:0]
	for len(f.starts) > 1 && f.starts[len(f.starts)-1] > durable {
		f.starts = f.starts[:len(f.starts)-1]
	}
	if f.base > durable { // what it was cut for had not become durable
		f.starts[0] = durable
		f.cut(durable, durable)
	}
	return back
}

// rewind is what the files were when so much was durable.
func (f *files) rewind(durable int) {
	for len(f.cuts) > 0 && f.cuts[len(f.cuts)-1].durable > durable {
		f.cuts = f.cuts[:len(f.cuts)-1]
	}
	f.base = 0
	if n := len(f.cuts); n > 0 {
		f.base = min(f.cuts[n-1].base, durable)
	}
	f.starts, f.gone, f.tokens = append(f.starts[:0], f.base), f.gone[:0], f.tokens[:0]
}
