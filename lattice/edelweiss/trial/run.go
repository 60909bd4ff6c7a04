package trial

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/gen/choice"
	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
)

// What a trial finds, for errors.Is; whatever else fails is wrapped as it comes.
var (
	ErrUnequal  = errors.New("outputs differ")
	ErrStorage  = errors.New("storage is not given back")
	ErrDiverged = errors.New("worlds end differently")
	ErrUnsent   = errors.New("message never arrives")
)

// Options of a trial. The zero value runs without faults.
type Options struct {
	Seed   uint64
	Faults bool
	// Alone skips the world of originals.
	Alone bool
	// Samples keeps the tuples of node 0 after each of its timesteps.
	Samples bool
	// Resend is how long a node waits before it sends again what is not
	// acknowledged, 40 ms by default; after the faults it is 250 ms at least.
	Resend sim.Time
	// Engine names what keeps tables durable, for tapes; Disks makes it. Without it a
	// timestep is durable when it ends.
	Engine string
	Disks  Disks
	// Trace is how many events of the trace are kept, for [Tape.Replay] to write.
	Trace int
	// Stop ends a trial in the middle of a timestep, with [eval.ErrStop]; see there.
	Stop func() bool
	// Cut takes the last node off the network for a while.
	Cut Cut
}

// Cut is a time without messages to or from the last node, none if From is To.
type Cut struct{ From, To sim.Time }

// Sample is what a node stored at a time: tuples of tables and intervals of ranges.
type Sample struct {
	At               sim.Time
	Tables, Original int
}

// Report is what a trial counted.
type Report struct {
	Ticks, Messages, Corrupt int
	Tuples                   int // in tables at the end, over all nodes
	Intervals                int // in ranges
	Original                 int // tuples that the originals hold at the end
	Reclaimed                int // tuples that they hold and the rewritten ones do not
	// Arrived says that the trial came to rest, and each message that the originals would
	// go on to send had arrived.
	Arrived   bool
	Converged bool // the end was compared with that of a world of originals
	Hash      uint64
	Samples   []Sample
}

type run struct {
	program  *el.Program
	original *el.Program // nil if program is it
	load     *Workload
	plan     []Operation
	done     []bool
	acks     map[string]bool
	kinds    map[string]sim.MsgKind
	hosts    []*host
	world    *sim.World
	received map[string]bool // messages, by destination, channel and encoding
	options  Options
	report   Report
}

// Failure is what is wrong with a rewritten program, one of the errors above, and
// where.
type Failure struct {
	Kind       error
	Collection string // "" if the program does not go on at all
	Node       int64
	Detail     string
}

// Error names the kind, the collection, the node and both contents.
func (f *Failure) Error() string {
	if f.Collection == "" {
		return fmt.Sprintf("%v at node %d: %s", f.Kind, f.Node, f.Detail)
	}
	return fmt.Sprintf("%v: %s of node %d: %s", f.Kind, f.Collection, f.Node, f.Detail)
}

// Unwrap is the kind.
func (f *Failure) Unwrap() error { return f.Kind }

// Signature names a failure without its details, "" for no failure and for errors of
// the trial itself: two trials with the same signature show the same fault.
func Signature(err error) string {
	var f *Failure
	if !errors.As(err, &f) {
		return ""
	}
	if f.Collection == "" {
		return f.Kind.Error()
	}
	return f.Kind.Error() + ": " + f.Collection
}

// Run takes a rewritten program through a workload beside its original and, unless
// told not to, compares the end with that of a world of originals. The error is a
// [Failure] of the rewritten program, or says that the trial could not be made.
func Run(original, rewritten *el.Program, load *Workload, o Options) (*Report, error) {
	r, err := play(original, rewritten, load, load.plan(o.Seed), choice.Seeded(o.Seed), o)
	if err != nil {
		err = fmt.Errorf("seed %d: %w", o.Seed, err)
	}
	report := r.report // a copy, which does not hold on to the world
	return &report, err
}

// play is a trial of a plan under decisions. Channels of the rewritten program that
// the original does not have carry what only the rewritten one understands.
func play(original, rewritten *el.Program, load *Workload, plan []Operation, src choice.Source, o Options) (*run, error) {
	r := &run{program: rewritten, original: original, load: load, plan: plan, acks: map[string]bool{}, options: o}
	for _, c := range original.Collections {
		d := rewritten.Collection(c.Name)
		if c.Kind > el.Range && c.Kind != el.Scratch && (d == nil || d.String() != c.String()) {
			return r, fmt.Errorf("%w: declare %s in both programs alike", ErrWorkload, c.Name)
		}
	}
	for _, c := range rewritten.Collections {
		if c.Kind == el.Channel && original.Collection(c.Name) == nil {
			r.acks[c.Name] = true
		}
	}
	if o.Resend == 0 {
		r.options.Resend = 40 * sim.Millisecond
	}
	if err := r.live(src); err != nil {
		return r, err
	}
	r.count()
	if err := r.storage(); err != nil {
		return r, err
	}
	if err := r.arrived(); err != nil {
		return r, err
	}
	r.report.Arrived = true
	if o.Alone || len(load.Converges)+len(load.Answers) == 0 {
		return r, nil
	}
	alone := &run{program: original, load: load, plan: plan, acks: map[string]bool{}, options: r.options}
	if err := alone.live(src); err != nil {
		return r, fmt.Errorf("the world of originals: %w", err)
	}
	if !slices.Equal(r.done, alone.done) {
		return r, nil // crashes lost different operations; nothing can be compared
	}
	r.report.Converged = true
	if err := r.sameEnd(alone); err == nil {
		return r, nil
	}
	switch rests, err := alone.rests(); {
	case err != nil:
		return r, fmt.Errorf("the world of originals: %w", err)
	case !rests:
		r.report.Converged = false // there is no end to compare with
		return r, nil
	}
	return r, r.sameEnd(alone)
}

// rests gives a world of originals, which sends for ever, as long as the rewritten
// program had, and reports whether what converges has done so.
func (r *run) rests() (bool, error) {
	if err := r.world.RunUntil(r.load.until() + quietWithin - sim.Second); err != nil {
		return false, err
	}
	before := r.ends()
	if err := r.world.RunUntil(r.load.until() + quietWithin); err != nil {
		return false, err
	}
	same := func(a, b []el.Tuple) bool {
		return slices.EqualFunc(a, b, func(a, b el.Tuple) bool { return a.Compare(b) == 0 })
	}
	busy := slices.ContainsFunc(r.hosts, func(h *host) bool { return !h.m.Idle() })
	return !busy && slices.EqualFunc(before, r.ends(), same), nil
}

// ends is what each node holds of what converges.
func (r *run) ends() (out [][]el.Tuple) {
	for _, h := range r.hosts {
		for _, name := range slices.Concat(r.load.Converges, r.load.Answers) {
			out = append(out, h.m.Contents(name))
		}
	}
	return out
}

// sameEnd compares what converges with a world of originals.
func (r *run) sameEnd(alone *run) error {
	for i, h := range r.hosts {
		for _, name := range slices.Concat(r.load.Converges, r.load.Answers) {
			columns := len(r.original.Collection(name).Columns)
			if slices.Contains(r.load.Answers, name) {
				columns = r.original.Collection(name).Keys()
			}
			got, want := h.m.Contents(name), alone.hosts[i].m.Contents(name)
			if !slices.EqualFunc(got, want, func(a, b el.Tuple) bool { return a[:columns].Compare(b[:columns]) == 0 }) {
				return &Failure{ErrDiverged, name, int64(i), fmt.Sprintf("rewritten %v, original %v", got, want)}
			}
		}
	}
	return nil
}

// Phases of a trial: operations and faults until Workload.Until, then quiet with
// what was lost issued again, closing operations, quiet.
const (
	againAfter = 400 * sim.Millisecond
	closeAfter = 1000 * sim.Millisecond
	endAfter   = 1800 * sim.Millisecond
	// quietWithin is when there must be an end.
	quietWithin = 10 * sim.Second
)

func (r *run) live(src choice.Source) error {
	r.done = make([]bool, len(r.plan))
	r.kinds, r.received = map[string]sim.MsgKind{}, map[string]bool{}
	for i, c := range r.program.Collections {
		r.kinds[c.Name] = sim.MsgKind(i + 1)
	}
	for i := range r.load.Nodes {
		h := &host{run: r, id: sim.NodeID(i)}
		if r.options.Disks != nil {
			var err error
			if h.disk, err = r.options.Disks(h.id, src, r.options.Faults, r.load.until()); err != nil {
				return err
			}
		}
		r.hosts = append(r.hosts, h)
	}
	options, err := r.worldOptions(src)
	if err != nil {
		return err
	}
	if r.world, err = sim.New(options); err != nil {
		return err
	}
	defer func() { r.report.Hash = r.world.Hash() }()
	for _, op := range r.plan {
		if err := r.world.Inject(op.At, sim.NodeID(op.Node), op.ID); err != nil {
			return err
		}
	}
	if err := r.world.Heal(r.load.until()); err != nil {
		return err
	}
	if err := r.world.RunUntil(r.load.until() + againAfter); err != nil {
		return err
	}
	// What was lost because its node was down comes again.
	for i, op := range r.plan {
		if op.At < r.load.until() && !r.done[i] && r.load.Reissue {
			if err := r.world.Inject(r.world.Now()+sim.Millisecond, sim.NodeID(op.Node), op.ID); err != nil {
				return err
			}
		}
	}
	if err := r.world.RunUntil(r.load.until() + endAfter); err != nil {
		return err
	}
	if r.original != nil {
		if _, err := r.world.RunUntilQuiet(r.load.until() + quietWithin); err != nil {
			return err
		}
	}
	return nil
}

// resend is how long a node waits before it sends again. Links that are whole lose
// nothing, so that after the faults one more time is enough and the others are for
// nodes that were behind.
func (r *run) resend() sim.Time {
	if r.world.Now() < r.load.until() {
		return r.options.Resend
	}
	return max(r.options.Resend, closeAfter/4)
}

func (r *run) worldOptions(src choice.Source) (sim.Options, error) {
	faults := simnet.Faults{}
	options := sim.Options{
		Nodes: r.load.Nodes, Source: src,
		Factory: func(n sim.NodeID) sim.Actor { return r.hosts[n] },
		Trace:   sim.TraceOptions{Records: r.options.Trace}, Decisions: r.options.Trace > 0,
		KindName: r.kindName,
	}
	if r.options.Disks != nil {
		options.Device = func(n sim.NodeID) sim.Device { return r.hosts[n].disk }
	}
	if r.options.Faults {
		faults = simnet.SwarmAll(src)
		options.Crash.Level = sim.SwarmLevel(src, sim.Crash)
		t := &options.ProcessFaults
		t.Clock, t.Pause, t.Slow = sim.SwarmLevel(src, sim.Clock), sim.SwarmLevel(src, sim.Pause), sim.SwarmLevel(src, sim.Slow)
		t.Outage, t.MidCrash = sim.SwarmLevel(src, sim.Outage), sim.SwarmLevel(src, sim.MidCrash)
	}
	net := simnet.Options{Faults: faults}
	for i, c := range r.program.Collections {
		if c.Kind == el.Channel {
			net.Kinds = append(net.Kinds, sim.MsgKind(i+1))
		}
	}
	var err error
	options.Net, err = simnet.New(net)
	if cut := r.options.Cut; cut.From != cut.To {
		options.Net = &cutNetwork{Network: options.Net, cut: cut}
	}
	return options, err
}

func (r *run) kindName(k sim.MsgKind) string {
	if int(k) < 1 || int(k) > len(r.program.Collections) {
		return ""
	}
	return r.program.Collections[k-1].Name
}

// cutNetwork is a network that loses what passes a cut.
type cutNetwork struct {
	sim.Network
	fabric *sim.Fabric
	cut    Cut
}

// Attach implements [sim.Network].
func (n *cutNetwork) Attach(f *sim.Fabric) error {
	n.fabric = f
	return n.Network.Attach(f)
}

// Send implements [sim.Network].
func (n *cutNetwork) Send(m sim.Envelope, out []sim.Delivery) []sim.Delivery {
	last := sim.NodeID(n.fabric.Nodes() - 1)
	now := n.fabric.Now()
	if now >= n.cut.From && now < n.cut.To && (m.From == last) != (m.To == last) {
		return out
	}
	return n.Network.Send(m, out)
}

// stored is the number of tuples in tables and of intervals in ranges.
func stored(m *eval.Machine) (tuples, intervals int) {
	for _, s := range m.Sizes() {
		if s.Kind == el.Range {
			intervals += s.Tuples
		} else {
			tuples += s.Tuples
		}
	}
	return tuples, intervals
}

func (r *run) sample(h *host) {
	if !r.options.Samples || h.id != 0 || h.ref == nil {
		return
	}
	tuples, intervals := stored(h.m)
	before, also := stored(h.ref)
	r.report.Samples = append(r.report.Samples, Sample{At: r.world.Now(), Tables: tuples + intervals, Original: before + also})
}

// arrived holds what arrived against what the originals, fed alike, would send at the end
// and for ever: a rewritten program may stop sending what has arrived, and nothing else.
// This needs no other world, so that timing does not matter; a message that the original
// takes back before the end it does not see.
func (r *run) arrived() error {
	for _, h := range r.hosts {
		for _, f := range h.ref.Sends() {
			to := f.Tuple[r.original.Collection(f.Collection).Location()].Int()
			if !r.received[arrival(to, f)] {
				return &Failure{ErrUnsent, f.Collection, int64(h.id), fmt.Sprintf("the original would send %s, which never arrives at node %d", f, to)}
			}
		}
	}
	return nil
}

// arrival names a message that arrives at a node.
func arrival(to int64, f eval.Fact) string {
	return strconv.FormatInt(to, 10) + " " + f.Collection + " " + string(f.Tuple.Append(nil))
}

func (r *run) count() {
	for _, h := range r.hosts {
		tuples, intervals := stored(h.m)
		r.report.Tuples += tuples
		r.report.Intervals += intervals
		tuples, _ = stored(h.ref)
		r.report.Original += tuples
	}
	r.report.Reclaimed = r.report.Original - r.report.Tuples
}

// storage holds what tables contain at the end against what may be left.
func (r *run) storage() error {
	for _, h := range r.hosts {
		for _, left := range r.load.Left {
			n, most := len(h.m.Contents(left.Table)), 0
			if left.Output != "" {
				most = len(h.m.Contents(left.Output))
			}
			if n > most {
				return &Failure{ErrStorage, left.Table, int64(h.id), fmt.Sprintf("holds %d tuples, may hold %d: %v", n, most, h.m.Contents(left.Table))}
			}
		}
	}
	return nil
}
