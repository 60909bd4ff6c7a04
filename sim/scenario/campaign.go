package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Judged is what a seed of a campaign came to.
type Judged struct {
	*Result
	Twice bool // it was run twice, with one trace
}

// twiceEvery is the share of seeds run twice: one in nineteen, a number that has nothing in
// common with those that say which seeds are untagged, or on an engine.
const twiceEvery = 19

// OracleDeterminism finds seeds that have two traces.
const OracleDeterminism = campaign.OracleDeterminism

// Worker makes what runs the seeds of a campaign for one worker of a [campaign.Pool]. One
// seed in nineteen is run twice, to see that it has one trace.
func (c Config) Worker() func(ctx context.Context, seed uint64) (Judged, error) {
	rn := new(Runner)
	return func(ctx context.Context, seed uint64) (Judged, error) {
		res, err := rn.Run(ctx, c, seed)
		if errors.Is(err, ErrExhausted) {
			return Judged{}, campaign.ErrExhausted
		}
		if err != nil || seed%twiceEvery != 0 {
			return Judged{Result: res}, err
		}
		twice, err := rn.repeat(ctx, c, res)
		return Judged{res, twice}, err
	}
}

// repeat runs a seed once more and reports whether that is the same run; if not, its
// result says so as a violation.
func (rn *Runner) repeat(ctx context.Context, cfg Config, res *Result) (same bool, err error) {
	res.ops = slices.Clone(res.ops) // which are in the memory that the run has that follows
	again, err := rn.Again(ctx, cfg, res.Seed)
	if err != nil {
		return false, err
	}
	for _, o := range res.ops {
		if back, err := workload.ParseOperation(o.String()); err != nil || back.String() != o.String() {
			res.Violations = append(res.Violations, Violation{
				Oracle: OracleDeterminism, Kind: "plan", Node: -1, Message: fmt.Sprintf("the operation %q is read back as %q: %v", o, back, err),
			})
		}
	}
	for _, v := range again.Violations {
		if v.Oracle == OracleClone {
			res.Violations = append(res.Violations, v)
		}
	}
	if again.TraceHash == res.TraceHash {
		return true, nil
	}
	where, err := Divergence(ctx, res)
	if err != nil {
		return false, err
	}
	res.Violations = append(res.Violations, Violation{
		Oracle: OracleDeterminism, Kind: "trace", Node: -1,
		Message: fmt.Sprintf("one seed, two traces: %s and %s\n%s", FormatHash(res.TraceHash), FormatHash(again.TraceHash), where),
	})
	return false, nil
}

// Failing is a failing run of a campaign, to be kept.
func (r *Result) Failing() campaign.Failing[*Shrunk] { return &failing{res: r} }

type failing struct {
	res  *Result
	tape *Tape
}

func (f *failing) Seed() uint64 { return f.res.Seed }

func (f *failing) Record(ctx context.Context) (campaign.Recording, error) {
	record := Record
	if f.res.GaveUp() {
		record = recordLate
	}
	tape, again, err := record(ctx, f.res)
	if err != nil && !errors.Is(err, ErrRebase) {
		return campaign.Recording{}, err
	}
	f.tape = tape
	return recording(f.res, tape, again, err), nil
}

// recording is what is kept of a run and its replay. Of one that does not repeat that is
// what was said of it, with the tape and the trace of one more run.
func recording(res *Result, tape *Tape, again *Result, rebase error) campaign.Recording {
	rec := campaign.Recording{Whole: rebase == nil && len(again.Violations) > 0 && !again.GaveUp()} // each of its replays would be given up
	if rebase != nil {
		again.Violations = res.Violations
		if !slices.ContainsFunc(res.Violations, func(v Violation) bool { return v.Oracle == OracleDeterminism }) {
			rec.Unsteady = rebase
		}
	}
	rec.Files = Files(tape, again)
	return rec
}

func (f *failing) Shrink(ctx context.Context, replays int) (*Shrunk, func(io.Writer) error, error) {
	s, err := Shrink(ctx, f.tape, replays)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Tape.Write, nil
}

// Files are those of the run folder of a tape and its replay. Of one that has not ended there
// is neither history nor trace.
func Files(t *Tape, r *Result) []campaign.File {
	files := []campaign.File{
		{Name: campaign.TapeFile, Write: t.Write},
		{Name: "violations.txt", Write: func(w io.Writer) error { return campaign.WriteViolations(w, r.Violations) }},
		{Name: "ops.txt", Write: r.WriteOps},
	}
	if r.GaveUp() {
		return files
	}
	return append(files, []campaign.File{
		{Name: "history.jsonl", Write: r.WriteHistory},
		{Name: "trace.txt", Write: r.WriteTrace},
		{Name: "diagram.txt", Write: func(w io.Writer) error { return r.WriteDiagram(w, 0) }},
		{Name: "replay_test.go", Write: func(w io.Writer) error { return WriteTest(w, t, campaign.TapeFile) }},
	}...)
}
