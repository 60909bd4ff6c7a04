package workers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/kvs/store"
	kw "github.com/joinery-go/joinery/kvs/workers"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// system is what the nodes of a run share, and its oracle: what no node knows.
type system struct {
	layout   layout
	cfg      kw.Config
	engine   string
	begin    int // workers of the first line
	keys     [][]byte
	op       func(id uint64) campaign.Op
	segments *objects
	catalog  *objects

	point   func(string) // marks a situation
	wrong   error        // the first thing that must not have happened
	last    kw.Catalog
	undone  []kw.Undo
	kepts   map[snapshotID]cut
	globals map[uint64]cut // by id
	ops     map[kw.OpID]*operation
}

// snapshotID is a version of a branch.
type snapshotID struct {
	branch string
	v      store.Version
}

// cut is a state by partition.
type cut map[uint32]*kw.State

// operation is one that a source has logged.
type operation struct {
	op    kw.Op
	level kw.Level
	line  uint64   // of the source when it was submitted, as long as that process lives
	after []uint64 // tags of those that were executed in that line before, as the source knew

	executedIn uint64 // the line in which it was last known to be executed, of this process
	answer     kw.Answer
	settled    bool // in a global version
	settledAs  kw.Answer
	global     uint64
}

func (o *operation) tag() uint64 {
	tag, _ := parseArguments(o.op.Args)
	return tag
}

func newSystem(l layout, cfg kw.Config, engine string, begin, keys int, op func(uint64) campaign.Op) (*system, error) {
	cfg.Procedures = procedures()
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, err
	}
	s := &system{
		layout: l, cfg: cfg, engine: engine, begin: begin, keys: keyNames(keys), op: op,
		segments: newObjects(), catalog: newObjects(),
		kepts: make(map[snapshotID]cut), globals: make(map[uint64]cut), ops: make(map[kw.OpID]*operation),
	}
	s.catalog.swapped = s.swapped
	s.segments.stored = func(n sim.NodeID, name string) {
		if l.role(n).Role == kw.CoordinatorRole && strings.HasPrefix(name, "seg-") {
			s.violate("state copied", "coordinator %v stored %s: world-lines begin with what is there", n, name)
		}
	}
	return s, nil
}

// violate notes what must not have happened, by a name without particulars.
func (s *system) violate(kind, format string, args ...any) {
	if s.wrong == nil {
		s.wrong = fmt.Errorf("%s: %s", kind, fmt.Sprintf(format, args...))
	}
}

func (s *system) mark(c *sim.Context, point string) {
	if !c.Dead() {
		c.Mark(point)
	}
}

// operation is a planned operation for a source.
func (s *system) operation(id uint64) (kw.Op, kw.Level, error) {
	o := s.op(id)
	level := kw.Executed
	if id%2 == 0 {
		level = kw.Recoverable
	}
	out, err := parseOp(o.Func, o.Key, o.Arg, id)
	return out, level, err
}

// command gives a coordinator a planned command.
func (s *system) command(c *sim.Context, k *kw.Coordinator, id uint64) {
	o := s.op(id)
	var err error
	switch globals := k.Catalog().Globals; {
	case o.Func == "rescale":
		var n int
		if n, err = strconv.Atoi(o.Arg); err == nil {
			err = k.Rescale(n)
		}
	case len(globals) == 0:
		return
	case o.Arg == "oldest":
		err = k.Rollback(globals[0].ID)
	default:
		err = k.Rollback(globals[len(globals)/2].ID)
	}
	if err == nil {
		s.mark(c, "a command was taken: "+o.Func)
	}
}

// read is the state of some partitions of an engine.
func (s *system) read(e kw.Engine, from, to uint32) cut {
	out := make(cut)
	for p := from; p < to; p++ {
		state, err := s.cfg.ReadState(p, s.keys, e.Get)
		if err != nil {
			s.violate("unreadable state", "partition %d: %v", p, err)
			return out
		}
		for stream, sent := range state.Sent { //joinery:anyorder the first violation is one whichever it is
			if n := sent[1] - sent[0]; n > uint64(s.cfg.Window) {
				s.violate("unbounded outbox", "%d items of %v, at most %d", n, stream, s.cfg.Window)
			}
		}
		out[p] = state
	}
	return out
}

// kept notes what a snapshot holds.
func (s *system) kept(branch string, v store.Version, e kw.Engine) {
	s.kepts[snapshotID{branch, v}] = s.read(e, 0, uint32(s.cfg.Partitions))
}

// opened holds what an engine begins with against the global version that it is of.
func (s *system) opened(branch string, e kw.Engine) {
	i := slices.IndexFunc(s.last.Members, func(m kw.Member) bool { return m.Branch == branch })
	if i < 0 {
		return // of a line that is no more
	}
	m := s.last.Members[i]
	got := s.read(e, m.From, m.To)
	for p := m.From; p < m.To && s.wrong == nil; p++ {
		want := s.baseState(p)
		if want == nil {
			want = &kw.State{}
		}
		if s.last.Base.ID > 0 && string(got[p].Record) != string(want.Record) {
			s.violate("rollback not exact", "line %d, partition %d: the record differs from that of global version %d", s.last.Line, p, s.last.Base.ID)
		}
		for _, k := range s.keys {
			if string(got[p].Values[string(k)]) != string(want.Values[string(k)]) {
				s.violate("rollback not exact", "line %d, partition %d: key %s is %x, in global version %d it is %x",
					s.last.Line, p, k, got[p].Values[string(k)], s.last.Base.ID, want.Values[string(k)])
			}
		}
	}
}

// baseState is that of a partition in the base of the present line, nil if that is empty.
func (s *system) baseState(p uint32) *kw.State {
	for _, c := range s.last.Base.Cuts {
		if c.From <= p && p < c.To {
			return s.kepts[snapshotID{c.Branch, c.Store}][p]
		}
	}
	return nil
}

// swapped looks at a catalog that has just been written.
func (s *system) swapped(head []byte) {
	c, err := kw.DecodeCatalog(head)
	if err != nil {
		s.violate("unreadable catalog", "%v", err)
		return
	}
	if c.Line < s.last.Line || c.Last < s.last.Last {
		s.violate("catalog went back", "from line %d, version %d to %d, %d", s.last.Line, s.last.Last, c.Line, c.Last)
	}
	if len(c.Globals) > s.cfg.Retain {
		s.violate("too many global versions", "%d are kept, at most %d", len(c.Globals), s.cfg.Retain)
	}
	for _, u := range c.Undone {
		if u.Line > s.last.Line {
			s.undone = append(s.undone, u)
			s.point("a global version was given up")
		}
	}
	s.markPieces(&c)
	if n := len(c.Globals); n > 0 && c.Last > s.last.Last {
		s.published(c.Globals[n-1])
	}
	if c.Line > s.last.Line && c.Base.ID < s.lastID() && !s.gaveUp(s.lastID()) && !undoneBy(c.Undone, s.lastID()) {
		s.violate("recoverable state given up", "line %d begins with global version %d, the last is %d", c.Line, c.Base.ID, s.lastID())
	}
	s.last = c
}

// markPieces notes how the state of a new line is made of that of its base.
func (s *system) markPieces(c *kw.Catalog) {
	if c.Line == s.last.Line {
		return
	}
	of := make([]int, len(c.Base.Cuts))
	for _, m := range c.Members {
		pieces := 0
		for i, b := range c.Base.Cuts {
			if max(m.From, b.From) < min(m.To, b.To) {
				of[i]++
				pieces++
			}
		}
		if pieces > 1 {
			s.point("state was merged")
		}
	}
	if slices.ContainsFunc(of, func(n int) bool { return n > 1 }) {
		s.point("state was split")
	}
}

// lastID is the last global version of the present catalog.
func (s *system) lastID() uint64 {
	if n := len(s.last.Globals); n > 0 {
		return s.last.Globals[n-1].ID
	}
	return 0
}

func (s *system) gaveUp(id uint64) bool { return undoneBy(s.undone, id) }

func undoneBy(list []kw.Undo, id uint64) bool {
	return slices.ContainsFunc(list, func(u kw.Undo) bool { return u.From <= id && id <= u.To })
}

// published holds a new global version against what snapshots have held.
func (s *system) published(g kw.Global) {
	all := make(cut)
	for _, c := range g.Cuts {
		held := s.kepts[snapshotID{c.Branch, c.Store}]
		if held == nil {
			s.violate("unknown snapshot", "global version %d names version %v of %s, which nobody made", g.ID, c.Store, c.Branch)
			return
		}
		for p := c.From; p < c.To; p++ {
			if all[p] != nil {
				s.violate("overlapping cuts", "global version %d has partition %d twice", g.ID, p)
			}
			all[p] = held[p]
		}
	}
	if len(all) != s.cfg.Partitions {
		s.violate("partial cut", "global version %d has %d partitions of %d", g.ID, len(all), s.cfg.Partitions)
		return
	}
	s.globals[g.ID] = all
	s.checkChannels(g.ID, all)
	s.checkOnce(g.ID, all)
	s.checkSessions(g, all)
}

// checkChannels: what is taken in a cut is sent in it, and what is sent and not taken is in
// the sender's outbox.
func (s *system) checkChannels(id uint64, all cut) {
	for p := range uint32(s.cfg.Partitions) {
		for stream := range all[p].Received { //joinery:anyorder the first violation is one whichever it is
			if stream.Class == kw.Input {
				continue
			}
			if sent := all[stream.From].Sent[stream]; all[p].Received[stream] > sent[1] {
				s.violate("cut not consistent", "global version %d: %d items of %v were taken, and %d sent", id, all[p].Received[stream], stream, sent[1])
			}
		}
		for stream, sent := range all[p].Sent { //joinery:anyorder the first violation is one whichever it is
			if stream.Class == kw.Answered {
				continue
			}
			if taken := all[stream.To].Received[stream]; taken < sent[0] {
				s.violate("item lost in a cut", "global version %d: of %v items before %d are acknowledged, and %d were taken", id, stream, sent[0], taken)
			}
		}
	}
}

// checkOnce: no key of a cut has the effect of an operation twice.
func (s *system) checkOnce(id uint64, all cut) {
	for _, k := range s.keys {
		a, err := decodeAccount(all[s.cfg.PartitionOf(k)].Values[string(k)])
		if err != nil {
			s.violate("unreadable value", "global version %d: %s: %v", id, k, err)
			return
		}
		seen := make(map[uint64]bool)
		for _, tag := range a.trail {
			if seen[tag] {
				s.violate("executed twice", "global version %d: operation %d on key %s", id, tag, k)
			}
			seen[tag] = true
		}
	}
}

// wrote reports whether a cut has what an operation wrote at the last of its partitions,
// where it is decided.
func (s *system) wrote(all cut, o *operation) bool {
	last := slices.MaxFunc(o.op.Keys, func(a, b []byte) int { return cmp.Compare(s.cfg.PartitionOf(a), s.cfg.PartitionOf(b)) })
	a, err := decodeAccount(all[s.cfg.PartitionOf(last)].Values[string(last)])
	return err == nil && slices.Contains(a.trail, o.tag())
}

// byOffset are the operations of a source, in their order.
func (s *system) byOffset(source uint32) []*operation {
	var out []*operation
	for id := range s.ops { //joinery:anyorder sorted below
		if id.Source == source {
			out = append(out, s.ops[id])
		}
	}
	slices.SortFunc(out, func(a, b *operation) int { return cmp.Compare(a.op.ID.Offset, b.op.ID.Offset) })
	return out
}

// checkSessions: what a source submitted after it knew of an operation's outcome is in no
// cut without that (prefix recoverability, DPR section 3).
func (s *system) checkSessions(g kw.Global, all cut) {
	for source := range uint32(s.cfg.Sources) {
		seqs := make(map[uint32]uint64)
		tags := make(map[uint64]*operation)
		for _, o := range s.byOffset(source) {
			first := s.cfg.PartitionOf(slices.MinFunc(o.op.Keys, func(a, b []byte) int { return cmp.Compare(s.cfg.PartitionOf(a), s.cfg.PartitionOf(b)) }))
			seq := seqs[first]
			seqs[first]++
			tags[o.tag()] = o
			if o.line != g.Line || all[first].Received[kw.Stream{Class: kw.Input, From: source, To: first}] <= seq {
				continue
			}
			for _, tag := range o.after {
				if before := tags[tag]; before != nil && before.answer.OK && !s.wrote(all, before) {
					s.violate("prefix broken", "global version %d has begun operation %v, and not %v, whose outcome was known before", g.ID, o.op.ID, before.op.ID)
				}
			}
		}
	}
}

// submitted notes an operation in a source's log.
func (s *system) submitted(src *kw.Source, id kw.OpID, o kw.Op, level kw.Level) {
	o.ID = id
	n := &operation{op: o, level: level, line: src.Line()}
	for _, other := range s.byOffset(id.Source) {
		if other.executedIn > 0 && other.executedIn == src.Line() {
			n.after = append(n.after, other.tag())
		}
	}
	s.ops[id] = n
}

// restarted notes that a source has lost its memory, and what was not durable in its log.
func (s *system) restarted(src *kw.Source, n uint32) {
	for _, o := range s.byOffset(n) {
		o.line, o.after, o.executedIn = 0, nil, 0
		if o.op.ID.Offset > src.Offset() {
			delete(s.ops, o.op.ID)
		} else if a, global, ok := src.Outcome(o.op.ID.Offset); ok {
			s.settle(o, kw.Delivery{Answer: a, Global: global}) // it may not have got to say so
		}
	}
}

// delivered looks at answers.
func (s *system) delivered(c *sim.Context, n uint32, src *kw.Source, list []kw.Delivery) {
	for _, d := range list {
		o := s.ops[d.ID]
		switch {
		case o == nil:
			s.violate("answer to nothing", "source %d: %v", n, d.ID)
			return
		case d.Global > 0:
			s.settle(o, d)
		case o.level != kw.Executed:
			s.violate("answered too early", "operation %v: in no global version, which was asked for", d.ID)
		case o.executedIn > 0 && o.executedIn == src.Line():
			s.violate("answered twice", "operation %v in line %d", d.ID, src.Line())
		default:
			o.executedIn, o.answer = src.Line(), d.Answer
		}
		if !d.OK {
			s.mark(c, "a transaction was rolled back")
		} else if len(o.op.Keys) > 2 {
			s.mark(c, "a transaction was executed")
		}
	}
}

// settle: what is said to be recoverable is in a global version, and changes only if that is
// given up.
func (s *system) settle(o *operation, d kw.Delivery) {
	if s.gaveUp(d.Global) {
		return // the source has not heard of that yet
	}
	all := s.globals[d.Global]
	switch {
	case all == nil:
		s.violate("answered too early", "operation %v is said to be in global version %d, which there is not", d.ID, d.Global)
	case s.wrote(all, o) != d.OK:
		s.violate("answered too early", "operation %v: answer %v, and what it wrote is in global version %d: %v", d.ID, d.OK, d.Global, s.wrote(all, o))
	case o.settled && !s.gaveUp(o.global) && (d.OK != o.settledAs.OK || string(d.Result) != string(o.settledAs.Result)):
		s.violate("outcome changed", "operation %v: final in global version %d, and otherwise in %d", d.ID, o.global, d.Global)
	}
	o.settled, o.settledAs, o.global = true, d.Answer, d.Global
}

// checkWorker: a worker waits for nobody to take a snapshot, and holds no more than it may.
func (s *system) checkWorker(w *kw.Worker) {
	if ticks, reason := w.Waiting(); ticks > s.cfg.Interval && !reason {
		s.violate("a worker waited", "changes of %d ticks are in no snapshot, with an interval of %d", ticks, s.cfg.Interval)
	}
	if n, most := w.Pending(), 2*s.cfg.Pending+2; n > most {
		s.violate("unbounded snapshots", "%d are pending, at most %d", n, most)
	}
}

// owner is the worker that has a partition, nil if none is known to.
func (s *system) owner(w *sim.World, p uint32) *kw.Worker {
	for i, m := range s.last.Members {
		if m.From <= p && p < m.To {
			if n, ok := w.Actor(sim.NodeID(i)).(*workerNode); ok && n.w.Line() == s.last.Line {
				return n.w
			}
		}
	}
	return nil
}

// done reports whether everything has come about that must: every operation has its final
// answer, and nothing is under way.
func (s *system) done(w *sim.World) bool {
	for i := range s.layout.sources {
		n, ok := w.Actor(s.layout.source(i)).(*sourceNode)
		if !ok || n.s.Line() != s.last.Line || n.s.Open() > 0 {
			return false
		}
	}
	for p := range uint32(s.cfg.Partitions) {
		if o := s.owner(w, p); o == nil || o.Unacknowledged() > 0 {
			return false
		}
	}
	return s.last.Want == 0
}

// checkBranches: no more branches are left than are of the line, of what is kept, and of
// attempts at a line that came to nothing and are not dropped yet.
func (s *system) checkBranches() error {
	branches, err := kw.Archives{Bucket: client{objects: s.segments}}.Branches()
	if err != nil {
		return fmt.Errorf("branches unreadable: %w", err)
	}
	if most := maxWorkers * (s.cfg.Retain + 3); len(branches) > most {
		return fmt.Errorf("too many branches: %d, at most %d", len(branches), most)
	}
	return nil
}

// sortedKeys are the keys of a map in their order.
func sortedKeys[V any](m map[uint64]V) []uint64 { return slices.Sorted(maps.Keys(m)) }
