package trial

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/gen/choice/tapefile"
	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/sim"
)

// Errors of tapes, for errors.Is.
var (
	ErrTape   = errors.New("trial: invalid tape")
	ErrRebase = errors.New("trial: the run does not repeat from its tape")
)

// Bounds on tapes, and the version of what they mean.
const (
	TapeVersion  = 1
	maxTapeItems = 1 << 20 // operations, and decisions
	maxNodes     = 64
	traceRecords = 100_000
)

// Tape is a trial that can be run again: both programs, the operations, and each
// decision of the simulator that was not benign.
type Tape struct {
	Name                string // of the program, for people
	Original, Rewritten *el.Program
	Load                *Workload // of which Plan and Close are not kept
	Options             Options
	Operations          []Operation
	Decisions           []choice.Decision
	Signature           string // of its failure
	Hash                uint64 // of the trace of the rewritten program's world
}

// Replayed is a trial that was run from a tape.
type Replayed struct {
	Report *Report
	Err    error // what [Run] would return
	run    *run
}

// WriteTrace writes the events of the rewritten program's world; package sim
// explains the columns.
func (r *Replayed) WriteTrace(w io.Writer) error { return r.run.world.WriteTrace(w) }

// WriteDiagram draws them as a space-time diagram.
func (r *Replayed) WriteDiagram(w io.Writer) error {
	return r.run.world.WriteDiagram(w, sim.DiagramOptions{NoTimers: true})
}

// Record runs a seed that fails once more and writes everything down. The error is an
// [ErrRebase] if it does not fail alike from its tape.
func Record(name string, original, rewritten *el.Program, load *Workload, o Options) (*Tape, *Replayed, error) {
	if o.Cut != (Cut{}) {
		return nil, nil, fmt.Errorf("%w: a cut is not written down", ErrTape)
	}
	src := &choice.Recorder{Src: choice.Seeded(o.Seed)}
	plan := load.plan(o.Seed)
	first, err := play(original, rewritten, load, plan, src, o)
	kept := *load
	kept.Plan, kept.Close = nil, nil
	t := &Tape{
		Name: name, Original: original, Rewritten: rewritten, Load: &kept, Options: o, Operations: plan,
		Decisions: unique(src.Decisions), Signature: Signature(err), Hash: first.report.Hash,
	}
	again := t.Replay()
	if Signature(again.Err) != t.Signature || again.Report.Hash != t.Hash {
		return t, again, fmt.Errorf("%w: %q with trace %016x, then %q with %016x", ErrRebase,
			t.Signature, t.Hash, Signature(again.Err), again.Report.Hash)
	}
	return t, again, nil
}

// unique keeps the first of each decision: both worlds of a trial ask, and are
// answered alike.
func unique(ds []choice.Decision) (out []choice.Decision) {
	type point struct {
		site string
		key  uint64
	}
	seen := map[point]bool{}
	for _, d := range ds {
		if p := (point{d.Site, d.Key}); !seen[p] {
			seen[p] = true
			out = append(out, d)
		}
	}
	return out
}

// Replay runs the tape. One with Options.Engine needs Options.Disks, which no file holds.
func (t *Tape) Replay() *Replayed {
	o := t.Options
	o.Trace = traceRecords
	if o.Engine != "" && o.Disks == nil {
		return &Replayed{Report: &Report{}, Err: fmt.Errorf("%w: no disks of engine %q: set Options.Disks", ErrTape, o.Engine), run: &run{}}
	}
	r, err := play(t.Original, t.Rewritten, t.Load, t.Operations, choice.NewReplay(t.Decisions), o)
	return &Replayed{Report: &r.report, Err: err, run: r}
}

// tapeFile is the JSON form.
type tapeFile struct {
	Version    int      `json:"joinery_tape"`
	Scenario   string   `json:"scenario"`
	Name       string   `json:"name"`
	Seed       uint64   `json:"seed"`
	Faults     bool     `json:"faults"`
	Alone      bool     `json:"alone,omitempty"`
	Resend     sim.Time `json:"resend,omitempty"`
	Engine     string   `json:"engine,omitempty"`
	Nodes      int      `json:"nodes"`
	Until      sim.Time `json:"until"`
	Reissue    bool     `json:"reissue"`
	Sealed     []string `json:"sealed"`
	Converges  []string `json:"converges"`
	Answers    []string `json:"answers"`
	Left       []Left   `json:"left"`
	Signature  string   `json:"violation"`
	Hash       string   `json:"trace_hash"`
	Original   []string `json:"original"`
	Rewritten  []string `json:"rewritten"`
	Operations []string `json:"operations"`
	Decisions  []string `json:"decisions"`
}

const tapeScenario = "edelweiss"

// Write writes the tape as JSON.
func (t *Tape) Write(w io.Writer) error {
	f := tapeFile{
		Version: TapeVersion, Scenario: tapeScenario, Name: t.Name, Seed: t.Options.Seed, Faults: t.Options.Faults,
		Alone: t.Options.Alone, Resend: t.Options.Resend, Engine: t.Options.Engine, Nodes: t.Load.Nodes, Until: t.Load.until(), Reissue: t.Load.Reissue,
		Sealed: factTexts(t.Load.Sealed), Converges: t.Load.Converges, Answers: t.Load.Answers, Left: t.Load.Left,
		Signature: t.Signature, Hash: tapefile.FormatHash(t.Hash),
		Original: lines(el.Print(t.Original)), Rewritten: lines(el.Print(t.Rewritten)), Operations: []string{}, Decisions: tapefile.FormatDecisions(t.Decisions),
	}
	for _, o := range t.Operations {
		f.Operations = append(f.Operations, o.String())
	}
	if err := tapefile.Encode(w, f); err != nil {
		return fmt.Errorf("trial: %w", err)
	}
	return nil
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// String is the operation as tapes hold it: number, time, node, facts.
func (o Operation) String() string {
	return fmt.Sprintf("%d %d @%d %s", o.ID, int64(o.At), o.Node, strings.Join(factTexts(o.Facts), " "))
}

func factTexts(fs []eval.Fact) []string {
	out := []string{}
	for _, f := range fs {
		out = append(out, f.String()+".")
	}
	return out
}

// LoadTape reads a tape; the error is an [ErrTape].
func LoadTape(r io.Reader) (*Tape, error) {
	b, err := tapefile.Read(r, ErrTape)
	if err != nil {
		return nil, err
	}
	var f tapeFile
	switch err := tapefile.Decode(b, &f, ErrTape); {
	case err != nil:
		return nil, fmt.Errorf("%w: is this a tape of simfuzz edelweiss?", err)
	case f.Version != TapeVersion || f.Scenario != tapeScenario:
		return nil, fmt.Errorf("%w: version %d of scenario %q, this program replays version %d of %q: run its seed again",
			ErrTape, f.Version, f.Scenario, TapeVersion, tapeScenario)
	}
	t, err := f.tape()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	return t, nil
}

func (f *tapeFile) tape() (*Tape, error) {
	switch {
	case f.Nodes < 1 || f.Nodes > maxNodes:
		return nil, fmt.Errorf("%d nodes: want 1 to %d", f.Nodes, maxNodes)
	case f.Until <= 0 || f.Until > sim.Time(24*3600)*sim.Second || f.Resend < 0:
		return nil, fmt.Errorf("until %d, resend %d: want a time up to a day", f.Until, f.Resend)
	case len(f.Operations) > maxTapeItems || len(f.Decisions) > maxTapeItems:
		return nil, fmt.Errorf("more than %d operations or decisions", maxTapeItems)
	}
	t := &Tape{
		Name: f.Name, Signature: f.Signature, Options: Options{Seed: f.Seed, Faults: f.Faults, Alone: f.Alone, Resend: f.Resend, Engine: f.Engine},
		Load: &Workload{Nodes: f.Nodes, Until: f.Until, Reissue: f.Reissue, Converges: f.Converges, Answers: f.Answers, Left: f.Left},
	}
	var err error
	if t.Hash, err = tapefile.ParseHash(f.Hash); err != nil {
		return nil, err
	}
	if t.Original, err = el.Parse(strings.Join(f.Original, "\n")); err == nil {
		err = el.Check(t.Original)
	}
	if err != nil {
		return nil, fmt.Errorf("original: %w", err)
	}
	if t.Rewritten, err = el.Parse(strings.Join(f.Rewritten, "\n")); err == nil {
		err = el.CheckRewritten(t.Rewritten)
	}
	if err != nil {
		return nil, fmt.Errorf("rewritten: %w", err)
	}
	if t.Load.Sealed, err = facts(strings.Join(f.Sealed, " ")); err != nil {
		return nil, fmt.Errorf("sealed: %w", err)
	}
	for _, name := range slices.Concat(f.Converges, f.Answers) {
		if c := t.Original.Collection(name); c == nil || c.Kind != el.Output {
			return nil, fmt.Errorf("%q is no output of the program", name)
		}
	}
	for i, text := range f.Operations {
		o, err := operation(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("operation %d: %w", i, err)
		case o.Node < 0 || o.Node >= int64(f.Nodes):
			return nil, fmt.Errorf("operation %d: node %d of %d", i, o.Node, f.Nodes)
		case i > 0 && o.ID <= t.Operations[i-1].ID:
			return nil, fmt.Errorf("operation %d: number %d is not above the one before", i, o.ID)
		}
		t.Operations = append(t.Operations, o)
	}
	if t.Decisions, err = tapefile.ParseDecisions(f.Decisions); err != nil {
		return nil, err
	}
	return t, nil
}

// facts reads facts in the text form, each with a full stop.
func facts(text string) ([]eval.Fact, error) {
	p, err := el.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(p.Collections)+len(p.Seals) > 0 {
		return nil, errors.New("declarations among facts")
	}
	var out []eval.Fact
	for _, r := range p.Rules {
		f := eval.Fact{Collection: r.Head.Name}
		for _, t := range r.Head.Args {
			if t.Kind != el.Const || r.Op != el.Now || len(r.Body) > 0 {
				return nil, fmt.Errorf("%s is no fact", &r)
			}
			f.Tuple = append(f.Tuple, t.Value)
		}
		out = append(out, f)
	}
	return out, nil
}

func operation(text string) (o Operation, err error) {
	head := strings.SplitN(text, " ", 4)
	if len(head) < 4 {
		return o, fmt.Errorf("%q: want number, time, @node and facts", text)
	}
	var at int64
	if _, err := fmt.Sscanf(strings.Join(head[:3], " "), "%d %d @%d", &o.ID, &at, &o.Node); err != nil {
		return o, fmt.Errorf("%q: %w", text, err)
	}
	if o.At = sim.Time(at); at < 0 {
		return o, fmt.Errorf("%q: time before the start", text)
	}
	o.Facts, err = facts(head[3])
	return o, err
}

// T is what AssertHolds needs of a test.
type T interface {
	Helper()
	Fatal(args ...any)
}

// AssertHolds fails a test with what goes wrong in a replay of the tape at a path.
func AssertHolds(t T, path string) {
	t.Helper()
	AssertHoldsWith(t, path, LoadTape)
}

// AssertHoldsWith is AssertHolds with another way to load the tape.
func AssertHoldsWith(t T, path string, load func(io.Reader) (*Tape, error)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tape, err := load(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := tape.Replay().Err; err != nil {
		t.Fatal(err)
	}
}

// Test is a Go test that replays the tape of that name in its folder. It is built
// only with the tag [TestTag], so that "go test ./..." leaves it alone.
func Test(tape string) string {
	return "//go:build " + TestTag + "\n\n// Package run_test replays what broke.\npackage run_test\n\nimport (\n\t\"testing\"\n\n" +
		"\t\"github.com/joinery-go/joinery/lattice/edelweiss/trial\"\n)\n\n" +
		fmt.Sprintf("// TestReplay runs the programs of the tape.\nfunc TestReplay(t *testing.T) { trial.AssertHolds(t, %q) }\n", tape)
}

// TestTag is the build tag of the tests in run folders.
const TestTag = "replay"
