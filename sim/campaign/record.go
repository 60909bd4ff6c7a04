package campaign

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

// Replay runs a tape. The result keeps its trace.
func (p *Protocol) Replay(ctx context.Context, t *Tape) (*Result, error) {
	if t.Protocol != p.Name || t.Version != p.Version {
		return nil, fmt.Errorf("%w: it is of version %d of %q, this is version %d of %q", ErrVersion, t.Version, t.Protocol, p.Version, p.Name)
	}
	return (&runner{p: p}).replay(ctx, t, keep{decisions: true, records: traceRecords})
}

func (rn *runner) replay(ctx context.Context, t *Tape, k keep) (*Result, error) {
	return rn.run(ctx, t.Setup.clone(), t.Operations, tapeSource(&t.Setup, t.Decisions), k)
}

// Record runs a failing seed of a campaign once more with its decisions kept, makes a
// tape of it, and replays that: it must lead to the same trace and the same violations, or
// Record says that it does not, by [ErrUnsteady], and gives what it got all the same: as
// evidence, with what the seed was found to violate. Of a run that was given up the tape
// has what was decided until then, once more, and is not replayed.
func (p *Protocol) Record(ctx context.Context, res *Result) (*Tape, *Result, error) {
	src, err := drawnSource(&res.Setup, res.strategy)
	if err != nil {
		return nil, nil, err
	}
	if res.late {
		return p.recordLate(ctx, res, src)
	}
	first, err := (&runner{p: p}).run(ctx, res.Setup, res.ops, src, keep{decisions: true})
	if err != nil {
		return nil, nil, err
	}
	t := p.tape(first)
	again, err := p.Replay(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	if !first.same(again) || first.TraceHash != res.TraceHash || steady(res) != steady(first) {
		err := fmt.Errorf("%w: seed %d: trace %s when found, %s when recorded, %s when replayed; found %s, recorded %s, replayed %s",
			ErrUnsteady, res.Seed, FormatHash(res.TraceHash), FormatHash(first.TraceHash), FormatHash(again.TraceHash), res.verdict(), first.verdict(), again.verdict())
		again.Violations = res.Violations
		return t, again, err
	}
	return t, again, nil
}

// recordLate is Record of a run that was given up.
func (p *Protocol) recordLate(ctx context.Context, res *Result, src choice.Source) (*Tape, *Result, error) {
	asked, decided := Noted(src)
	again, err := (&runner{p: p}).run(ctx, res.Setup, res.ops, asked, keep{})
	if err != nil {
		return nil, nil, err
	}
	if !again.late {
		err = fmt.Errorf("%w: seed %d: it was given up when found, and has ended when recorded; a Watch with more Patience gives it more time", ErrUnsteady, res.Seed)
		again.Violations = res.Violations
	}
	again.strategy = res.strategy
	t := p.tape(again)
	t.Decisions = slices.DeleteFunc(decided(), func(d choice.Decision) bool { return !IsFault(d.Site) })
	return t, again, err
}

// steady is what a run violates but for having two traces.
func steady(res *Result) string {
	var all []string
	for _, v := range res.Violations {
		if v.Oracle != OracleDeterminism {
			all = append(all, v.Signature())
		}
	}
	return strings.Join(all, "\n")
}

// tape makes a tape of a run whose decisions were kept. Of the protocol's own choices
// those stand in it that its source would not make by itself.
func (p *Protocol) tape(res *Result) *Tape {
	t := &Tape{Protocol: p.Name, Version: p.Version, Program: p.Program, Setup: res.Setup, Operations: res.ops, TraceHash: res.TraceHash}
	for _, d := range res.decisions {
		if IsFault(d.Site) || res.Setup.Choices == Listed {
			t.Decisions = append(t.Decisions, d.Decision)
		}
	}
	for _, v := range res.Violations {
		t.Violations = append(t.Violations, v.Signature())
	}
	return t
}

// RunWith runs the plan of a seed under choices from any source, such as
// [sim.FromRapid] or [choice.FromBytes], once, with every fault class asked that the
// protocol bears. The tape replays it.
func (p *Protocol) RunWith(ctx context.Context, seed uint64, src choice.Source) (*Tape, *Result, error) {
	if err := p.Validate(); err != nil {
		return nil, nil, err
	}
	s, ops, err := p.begin(seed, "uniform", nil, false)
	if err != nil {
		return nil, nil, err
	}
	s.Choices = Listed
	res, err := (&runner{p: p}).run(ctx, s, ops, src, keep{decisions: true, records: traceRecords})
	if err != nil {
		return nil, nil, err
	}
	return p.tape(res), res, nil
}

// WriteOps writes the planned operations, a line each; [ParseOp] reads them back.
func (res *Result) WriteOps(w io.Writer) error {
	for _, o := range res.ops {
		if _, err := fmt.Fprintln(w, o); err != nil {
			return fmt.Errorf("campaign: write operations: %w", err)
		}
	}
	return nil
}

// Ops are the planned operations. They must not be changed.
func (res *Result) Ops() []Op { return res.ops }

// Decisions are the decisions other than 0 of a replay, in order, faults and choices of
// the protocol's own. They must not be changed.
func (res *Result) Decisions() []sim.TimedDecision { return res.decisions }

// History is what clients saw; nil if nothing was recorded.
func (res *Result) History() *history.History {
	if len(res.history) == 0 {
		return nil
	}
	return historyOf(res.Seed, res.history)
}

// WriteTrace writes the events of the run, if the result is of a replay. Package sim
// explains its columns.
func (res *Result) WriteTrace(w io.Writer) error {
	if res.world == nil {
		return nil
	}
	return res.world.WriteTrace(w)
}

// WriteDiagram draws the run, if the result is of a replay, as a space-time diagram of
// at most so many rows (0 is 10,000), servers as n0, n1 and so on, clients as c0, c1 and
// so on. Timers and first starts are left out. Package sim explains the signs.
func (res *Result) WriteDiagram(w io.Writer, rows int) error {
	if res.world == nil {
		return nil
	}
	return res.world.WriteDiagram(w, sim.DiagramOptions{NoTimers: true, Rows: rows, Lane: res.lane, Label: res.label})
}

func (res *Result) lane(n sim.NodeID) string {
	if int(n) < res.Setup.Nodes {
		return n.String()
	}
	return fmt.Sprintf("c%d", int(n)-res.Setup.Nodes)
}

func (res *Result) label(e sim.Record) (string, bool) {
	switch e.Kind {
	case sim.EventStart:
		return "", e.Aux > 1 || e.At > 0
	case sim.EventInput:
		for i := range res.ops {
			if o := &res.ops[i]; o.ID == e.Aux {
				return strings.TrimSpace(fmt.Sprintf("#%d %s %s %s", o.ID, o.Func, o.Key, o.Arg)), true
			}
		}
	}
	return "", true
}

// diagramRows is the longest diagram that is shown unasked.
const diagramRows = 60

// ShortDiagram is the diagram of a replay, or "" if it is too long to be read at a glance.
func (res *Result) ShortDiagram() string {
	var b strings.Builder
	if err := res.WriteDiagram(&b, diagramRows); err != nil {
		return "" // a strings.Builder does not fail
	}
	if strings.Count(b.String(), "\n") > diagramRows+1 {
		return ""
	}
	return b.String()
}
