package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Failing is a failing run of whatever is simulated, as a campaign keeps it: of a
// [Protocol] ([Protocol.Failing]), or of a simulation with tapes of its own. S is what
// shrinking gives.
type Failing[S any] interface {
	// Seed names its folder.
	Seed() uint64
	// Record runs it once more with everything kept.
	Record(ctx context.Context) (Recording, error)
	// Shrink looks for a smaller form, after Record, in so many runs at most, and gives
	// what writes the tape of that.
	Shrink(ctx context.Context, replays int) (small S, tape func(io.Writer) error, err error)
}

// Paged is what a [Failing] can be besides: one of which there is a page to look at.
type Paged[S any] interface {
	// Page makes the page of the run, after Record, or of its small form, if that is not
	// the zero value of its type. It gives what writes it.
	Page(ctx context.Context, small S) (page func(io.Writer) error, err error)
}

// Recording is what is kept of a failing run.
type Recording struct {
	// Files are those of its folder, the tape first.
	Files []File
	// Whole says that the run fails again when it is run from its tape, so that it has a
	// smaller form.
	Whole bool
	// Unsteady is why the run does not repeat, unless that is what was found of it.
	Unsteady error
}

// Kept is what is left of a failing run.
type Kept[S any] struct {
	Tape   string // path; "" if it could not be written
	Shrunk bool   // Form is what shrinking gave; else there was no time, or nothing to shrink
	Form   S
	Small  string // path of the tape of Form
	Err    error  // why not all of it is there
}

// SmallTape is the name of the shrunk tape in a run folder.
const SmallTape = "shrunk.json"

// Keep records a failing run, writes its folder and shrinks it, in so many runs at most.
// Where the context ends the shrinking does, and what comes after it: what is there by then
// is kept, and of a run that is to be kept after that the tape and what goes with it.
func Keep[S any](ctx context.Context, out *Folder, run Failing[S], replays int) (k Kept[S]) {
	defer func() { k.addPage(ctx, run) }()
	rec, err := run.Record(context.WithoutCancel(ctx))
	if err != nil {
		k.Err = err
		return k
	}
	k.Tape, k.Err = out.WriteRun(run.Seed(), rec.Files)
	if rec.Unsteady != nil && k.Err == nil {
		k.Err = rec.Unsteady // that nothing could be kept comes first
	}
	if !rec.Whole || ctx.Err() != nil {
		return k
	}
	small, tape, err := run.Shrink(ctx, replays)
	if err != nil {
		if ctx.Err() == nil { // else interrupted: the whole tape is kept
			k.Err = errors.Join(k.Err, fmt.Errorf("shrink seed %d: %w", run.Seed(), err))
		}
		return k
	}
	k.Shrunk, k.Form = true, small
	if k.Tape == "" {
		return k
	}
	k.Small = filepath.Join(filepath.Dir(k.Tape), SmallTape)
	if err := ReplaceFile(k.Small, tape); err != nil {
		k.Small, k.Err = "", fmt.Errorf("write the small tape of seed %d: %w", run.Seed(), err)
	}
	return k
}

// addPage writes the page of a run that has one into its folder.
func (k *Kept[S]) addPage(ctx context.Context, run Failing[S]) {
	paged, ok := run.(Paged[S])
	if !ok || k.Tape == "" || ctx.Err() != nil {
		return // interrupted: there is the tape, to make it of
	}
	page, err := paged.Page(ctx, k.Form)
	if err == nil {
		err = ReplaceFile(filepath.Join(filepath.Dir(k.Tape), ReportFile), page)
	}
	if err != nil && ctx.Err() == nil {
		k.Err = errors.Join(k.Err, fmt.Errorf("write the page of seed %d: %w", run.Seed(), err))
	}
}

// ErrLeft is what is wrong with a failing run that [KeepAll] was told not to keep.
var ErrLeft = errors.New("there was no time; its seed finds it again")

// KeepAll keeps failing runs one after the other. One that cannot be kept does not hold
// up the others. It asks goOn, unless that is nil, with the number of each before; once that
// says no, the rest are left with [ErrLeft]. It returns the first other error met.
func KeepAll[S any](ctx context.Context, out *Folder, runs []Failing[S], replays int, goOn func(n int) bool) (all []Kept[S], first error) {
	for i, run := range runs {
		if goOn != nil && !goOn(i) {
			for range runs[i:] {
				all = append(all, Kept[S]{Err: ErrLeft})
			}
			return all, first
		}
		one := Keep(ctx, out, run, replays)
		all = append(all, one)
		if first == nil {
			first = one.Err
		}
	}
	return all, first
}

// Failing is a failing run of a campaign of p, to be kept.
func (p *Protocol) Failing(res *Result) Failing[*Shrunk] { return &failing{p: p, res: res} }

type failing struct {
	p    *Protocol
	res  *Result
	tape *Tape
}

func (f *failing) Seed() uint64 { return f.res.Seed }

func (f *failing) Record(ctx context.Context) (Recording, error) {
	tape, again, err := f.p.Record(ctx, f.res)
	unsteady := errors.Is(err, ErrUnsteady)
	if err != nil && !unsteady {
		return Recording{}, err
	}
	f.tape = tape
	rec := Recording{Files: f.p.Files(tape, again), Whole: !unsteady && len(again.Violations) > 0}
	rec.Whole = rec.Whole && !f.res.late // each of its replays would be given up
	found := slices.ContainsFunc(f.res.Violations, func(v Violation) bool { return v.Oracle == OracleDeterminism })
	if unsteady && !found {
		rec.Unsteady = err
	}
	return rec, nil
}

func (f *failing) Shrink(ctx context.Context, replays int) (*Shrunk, func(io.Writer) error, error) {
	s, err := f.p.Shrink(ctx, f.tape, replays)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Tape.Write, nil
}

// historyFile is a recorded history, or, of operations that its form does not know, what
// was recorded, in words: what the functions of a protocol are called must cost no run.
func historyFile(h *history.History) File {
	err := history.EncodeJSONL(io.Discard, h)
	if err == nil {
		return File{"history.jsonl", func(w io.Writer) error { return history.EncodeJSONL(w, h) }}
	}
	return File{"history.txt", func(w io.Writer) error {
		_, failed := fmt.Fprintf(w, "not written as history.jsonl: %v\n", err)
		for i := 0; i < len(h.Ops) && failed == nil; i++ {
			_, failed = fmt.Fprintln(w, &h.Ops[i])
		}
		return failed
	}}
}

// TapeFile is the name of the tape in a run folder.
const TapeFile = "tape.json"

// Files are those of the run folder of a tape and its replay: the tape, what was
// violated, the operations, the history if there is one, the trace, a space-time diagram,
// and, if the protocol says where Go code finds it, a test that replays the tape.
func (p *Protocol) Files(t *Tape, res *Result) []File {
	files := []File{
		{TapeFile, t.Write},
		{"violations.txt", func(w io.Writer) error { return WriteViolations(w, res.Violations) }},
		{"ops.txt", res.WriteOps},
	}
	if h := res.History(); h != nil {
		files = append(files, historyFile(h))
	}
	files = append(files, File{"trace.txt", res.WriteTrace}, File{"diagram.txt", func(w io.Writer) error { return res.WriteDiagram(w, 0) }})
	if p.Import != "" {
		files = append(files, File{"replay_test.go", func(w io.Writer) error { return p.WriteTest(w, t, TapeFile) }})
	}
	return files
}
