package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/gen/choice/tapefile"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Errors of tapes.
var (
	// ErrTape is wrapped when a tape cannot be read or is not valid.
	ErrTape = errors.New("scenario: invalid tape")
	// ErrVersion is wrapped when a tape is of another version or scenario, which
	// this program refuses to replay.
	ErrVersion = errors.New("scenario: tape of another version")
	// ErrRebase is wrapped when a run does not repeat from its own tape.
	ErrRebase = errors.New("scenario: the run does not repeat from its tape")
)

// The version of tapes and of what they mean: it rises whenever an old tape would
// replay to another trace. Version 2 has every fault class, bounded queues and
// links that keep order. In version 3 the store bears lost disks, by messages of
// another form and one kind more. In version 4 a session shows its whole past, with a
// replica's proof. In version 5 a session waits 80 ms for an answer, and asks again as
// the operation says, and there are requests that are amiss and large values. In version 6
// causal sessions read once more at rest, and are to find all that they depend on. In version
// 7 operations may be deletes, or asked for several at once, and messages and values have
// another form for it. In version 8 messages of subscribers and updates are numbered, keys may
// be multi-value registers and maps, and one of several that are asked for may be amiss. In
// version 9 gossip says of each delta what differs from the one before, and nodes may run an
// older program.
const (
	TapeVersion  = 9
	tapeScenario = "kvs"
	maxTapeItems = 1 << 20 // operations, and decisions
)

// Tape is everything needed to run once more: the setup, the operations, and each
// decision that was not 0.
type Tape struct {
	Setup      Setup
	Operations []workload.Operation
	Decisions  []choice.Decision
	TraceHash  uint64   // of the run that was recorded
	Violations []string // their signatures
}

// tapeFile is the JSON form: one line an operation, one a decision.
type tapeFile struct {
	Version    int      `json:"joinery_tape"`
	Scenario   string   `json:"scenario"`
	Setup      Setup    `json:"setup"`
	TraceHash  string   `json:"trace_hash"`
	Violations []string `json:"violations"`
	Operations []string `json:"operations"`
	Decisions  []string `json:"decisions"`
}

// Write writes the tape as JSON.
func (t *Tape) Write(w io.Writer) error {
	f := tapeFile{
		Version: TapeVersion, Scenario: tapeScenario, Setup: t.Setup, TraceHash: FormatHash(t.TraceHash),
		Violations: t.Violations, Operations: []string{}, Decisions: tapefile.FormatDecisions(t.Decisions),
	}
	for _, o := range t.Operations {
		f.Operations = append(f.Operations, o.String())
	}
	if err := tapefile.Encode(w, f); err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	return nil
}

// FormatHash writes a trace hash as all outputs show it.
func FormatHash(h uint64) string { return tapefile.FormatHash(h) }

// LoadTape reads a tape. A damaged one is an error that wraps [ErrTape], one of
// another version or scenario one that wraps [ErrVersion].
func LoadTape(r io.Reader) (*Tape, error) {
	b, err := tapefile.Read(r, ErrTape)
	if err != nil {
		return nil, err
	}
	var head struct {
		Version  *int   `json:"joinery_tape"`
		Scenario string `json:"scenario"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	switch {
	case head.Version == nil:
		return nil, fmt.Errorf("%w: no joinery_tape version; is this a tape?", ErrTape)
	case *head.Version != TapeVersion:
		return nil, fmt.Errorf("%w: version %d, this program replays version %d; run its seed again to record it anew", ErrVersion, *head.Version, TapeVersion)
	case head.Scenario != tapeScenario:
		return nil, fmt.Errorf("%w: scenario %q, this program replays %q", ErrVersion, head.Scenario, tapeScenario)
	}
	var f tapeFile
	if err := tapefile.Decode(b, &f, ErrTape); err != nil {
		return nil, err
	}
	return f.tape()
}

func (f *tapeFile) tape() (*Tape, error) {
	t := &Tape{Setup: f.Setup, Violations: f.Violations}
	if len(f.Operations) > maxTapeItems || len(f.Decisions) > maxTapeItems {
		return nil, fmt.Errorf("%w: more than %d operations or decisions", ErrTape, maxTapeItems)
	}
	if err := t.Setup.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	var err error
	if t.TraceHash, err = tapefile.ParseHash(f.TraceHash); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	last := uint64(0)
	for _, line := range f.Operations {
		o, err := workload.ParseOperation(line)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrTape, err)
		case o.ID <= last || o.ID >= workload.FirstFinal:
			return nil, fmt.Errorf("%w: operation %d after %d: ids must ascend and stay below %d", ErrTape, o.ID, last, workload.FirstFinal)
		case o.Session >= t.Setup.Sessions || o.Node >= t.Setup.Nodes || len(o.Retries) > 0 && slices.Max(o.Retries) >= t.Setup.Nodes:
			return nil, fmt.Errorf("%w: operation %q names a session or node that the setup does not have", ErrTape, line)
		}
		last = o.ID
		t.Operations = append(t.Operations, o)
	}
	if t.Decisions, err = tapefile.ParseDecisions(f.Decisions); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	return t, nil
}

const traceRecords = 200_000

// Replay runs a tape. The result keeps its trace and its decisions.
func Replay(ctx context.Context, t *Tape) (*Result, error) {
	setup := t.Setup
	setup.Operations = len(t.Operations)
	o := options{decisions: true, records: traceRecords}
	return new(Runner).run(ctx, setup, t.Operations, choice.NewReplay(t.Decisions), o)
}

// Watch is [Replay], and keeps what replicas show and when it changes, for
// [Result.Page].
func Watch(ctx context.Context, t *Tape) (*Result, error) {
	setup := t.Setup
	setup.Operations = len(t.Operations)
	o := options{decisions: true, records: traceRecords, chronicle: true}
	return new(Runner).run(ctx, setup, t.Operations, choice.NewReplay(t.Decisions), o)
}

// Record runs res once more with everything kept, unless its source cannot be
// asked again and its decisions were kept, makes a tape of it, and replays the
// tape: it must lead to the same trace and the same violations, or Record says
// that it does not, by [ErrRebase], and gives what it got all the same: as evidence.
func Record(ctx context.Context, res *Result) (*Tape, *Result, error) {
	s := res.Setup
	first := res
	if res.source != nil {
		src, err := res.source()
		if err != nil {
			return nil, nil, err
		}
		if first, err = new(Runner).run(ctx, s, res.ops, src, options{decisions: true}); err != nil {
			return nil, nil, err
		}
	}
	t := first.tape()
	again, err := Replay(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	if first.TraceHash != res.TraceHash || again.TraceHash != res.TraceHash {
		return t, again, fmt.Errorf("%w: seed %d: trace %s when found, %s when recorded, %s when replayed",
			ErrRebase, s.Seed, FormatHash(res.TraceHash), FormatHash(first.TraceHash), FormatHash(again.TraceHash))
	}
	return t, again, nil
}

func (r *Result) tape() *Tape {
	t := &Tape{Setup: r.Setup, Operations: r.ops, Decisions: r.decisions, TraceHash: r.TraceHash, Violations: []string{}}
	for _, v := range r.Violations {
		t.Violations = append(t.Violations, v.Signature())
	}
	return t
}
