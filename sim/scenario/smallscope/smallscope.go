// Package smallscope searches every behaviour of a small cluster of the store: every
// order in which a few writes, their messages and the replicas' timers can happen, with
// a bounded number of lost and repeated messages and crashes.
//
// Clocks are logical, writes are durable at once, there is one key, and no client waits
// for anything. What needs more than that, package scenario looks for by chance.
package smallscope

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/explore"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// ErrScope is wrapped when a scope is refused.
var ErrScope = errors.New("smallscope: invalid scope")

// Scope is how much of the store to explore: every order in which its messages,
// timers and writes can happen.
type Scope struct {
	Nodes      int    // replicas, all of which own the one key; 2 to 5
	Writes     int    // writes to it, the i-th at replica i modulo Nodes; 1 to 8
	Kind       string // set, register or counter
	Ticks      int    // gossip rounds of each replica; 0 is 1
	Drops      int    // messages that may be lost
	Duplicates int    // messages that may arrive twice
	Crashes    int    // replicas that may crash and restart from their disk
	MaxStates  int    // bound on distinct states; 0 is 10 million

	Checkpoints bool // replicas write one where more has been written than the last one had, and cut their logs
	Outside     bool // and keep values outside of memory, all that they can, in a plain map; it implies Checkpoints

	// Each switches a reduction off: that by commuting actions, that by renaming
	// replicas together with their writes, and that of leaving drops to the end.
	NoCommute, NoSymmetry, EarlyDrops bool

	plain bool // search the plain model, as the check of all that Run does instead
}

// Kinds names the kinds that can be explored.
func Kinds() []string {
	return []string{string(history.Set), string(history.Register), string(history.Counter)}
}

// String describes the scope in a line.
func (s Scope) String() string {
	checkpoints := ""
	if s.Checkpoints {
		checkpoints = ", checkpoints"
	}
	if s.Outside {
		checkpoints = ", checkpoints, values outside of memory"
	}
	return fmt.Sprintf("%d replicas, %d writes of one %s, %d gossip rounds each, at most %d drops, %d duplicates, %d crashes%s; "+
		"logical clocks, writes durable at once", s.Nodes, s.Writes, s.Kind, s.Ticks, s.Drops, s.Duplicates, s.Crashes, checkpoints)
}

func (s *Scope) validate() error {
	if s.Ticks == 0 {
		s.Ticks = 1
	}
	s.Checkpoints = s.Checkpoints || s.Outside
	switch {
	case s.Nodes < 2 || s.Nodes > 5:
		return fmt.Errorf("%w: %d nodes, want 2 to 5", ErrScope, s.Nodes)
	case s.Writes < 1 || s.Writes > 8:
		return fmt.Errorf("%w: %d writes, want 1 to 8", ErrScope, s.Writes)
	case !slices.Contains(Kinds(), s.Kind):
		return fmt.Errorf("%w: kind %q, want one of %v", ErrScope, s.Kind, Kinds())
	case s.Ticks < 1 || s.Drops < 0 || s.Duplicates < 0 || s.Crashes < 0 || s.MaxStates < 0:
		return fmt.Errorf("%w: a bound is negative", ErrScope)
	}
	return nil
}

// Explored is what an exploration came to.
type Explored struct {
	Scope       Scope
	States      int    // up to renaming
	Renamed     int    // with all that they can be renamed to
	Renamings   int    // 1 is none
	Asymmetry   string // why there are fewer renamings than replicas and writes suggest
	Transitions int
	Asleep      int // transitions that the reduction by commuting actions spared
	Depth       int
	Complete    bool
	Stopped     string   // why it is not complete
	Violation   string   // what was found wrong; "" is nothing
	Path        []string // the shortest way there
}

// exploredNode is one replica with its disk. It is a value: a step makes another.
type exploredNode struct {
	core    *kvs.Replica
	records [][]byte
	before  int // where in records the one of token 1 is, or was
	starts  uint64
	shelf   shelf // nil if all values are in memory
}

// explorer makes a cluster of the store's core for exploring.
type explorer struct {
	scope  Scope
	ring   *ring.Ring
	kinds  *kind.Kinds
	writes []workload.Operation
}

const exploreTick = 1

// clockBase is the physical time at which every event happens, in milliseconds.
const clockBase = 1_000_000

// secret is that of the replicas.
var secret = []byte("the replicas of an explored store")

// originOf names an incarnation of a node, the later the greater.
func originOf(self int, starts uint64) uint64 { return starts<<4 | uint64(self) + 1 }

// Explore searches every behaviour of the store within the scope. In each state
// a replica's value is the join of exactly the writes that it has applied; from
// each last state, a run without faults brings all replicas to one value that
// has all writes in it.
//
// Replicas with as many writes as each other change places, with their writes, where
// the search finds that to make no difference; see [explore.Cluster.Run] for that
// and the other reductions.
//
// A cancelled context stops the search; the result then says that it is not
// complete, and how far it came. progress, if not nil, is called now and then with the number of
// states found.
func Explore(ctx context.Context, s Scope, progress func(states int)) (*Explored, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	x, err := newExplorer(s)
	if err != nil {
		return nil, err
	}
	return x.search(ctx, progress)
}

func (x *explorer) search(ctx context.Context, progress func(states int)) (*Explored, error) {
	s := x.scope
	c := explore.Cluster[exploredNode]{
		Nodes: s.Nodes, Start: x.start, Step: x.step, Crashed: x.crashed,
		Timers: func(int, exploredNode) []uint64 { return []uint64{exploreTick} },
		Append: x.append,
		Drops:  s.Drops, Duplicates: s.Duplicates, Crashes: s.Crashes, Firings: s.Ticks, EarlyDrops: s.EarlyDrops,
		CheckNode: x.check, CheckEnd: x.agree, Quiet: func(n exploredNode) bool { return n.core.Quiet() }, Rounds: healRounds,
	}
	for i := range x.writes {
		c.Inputs = append(c.Inputs, explore.Input{Node: x.writes[i].Node, ID: uint64(i)})
	}
	o := explore.Options{
		MaxStates: s.MaxStates, NoCommute: s.NoCommute, NoSymmetry: s.NoSymmetry, Progress: func(states int) error {
			if progress != nil {
				progress(states)
			}
			return ctx.Err()
		},
	}
	search := c.Run
	if s.plain {
		m, err := c.Model()
		if err != nil {
			return nil, err
		}
		search = func(o explore.Options) (explore.Result[*explore.Global[exploredNode], explore.Action], error) {
			return explore.Run(m, o)
		}
	}
	r, err := search(o)
	if err != nil && (ctx.Err() == nil || !errors.Is(err, ctx.Err())) {
		return nil, fmt.Errorf("smallscope: %w", err)
	}
	out := &Explored{
		Scope: s, States: r.States, Renamed: r.Renamed, Renamings: r.Renamings, Asymmetry: r.Asymmetry,
		Transitions: r.Transitions, Asleep: r.Asleep, Depth: r.Depth, Complete: r.Complete, Stopped: r.Stopped,
	}
	if err != nil {
		out.Complete, out.Stopped = false, fmt.Sprintf("interrupted after %d states, at depth %d", r.States, r.Depth)
	}
	if v := r.Violation; v != nil {
		out.Violation, out.Stopped = v.What, "a violation was found"
		for _, a := range v.Path {
			out.Path = append(out.Path, x.describe(a))
		}
	}
	return out, nil
}

func newExplorer(s Scope) (*explorer, error) {
	ids := make([]ring.NodeID, s.Nodes)
	for i := range ids {
		ids[i] = ring.NodeID(i)
	}
	r, err := ring.New(ids, 1, s.Nodes)
	if err != nil {
		return nil, err
	}
	x := &explorer{scope: s, ring: r}
	if x.kinds, err = workload.TaggedKinds(); err != nil {
		return nil, err
	}
	t := history.Type(s.Kind)
	for i := range s.Writes {
		o := workload.Operation{ID: uint64(i) + 1, Session: i, Node: i % s.Nodes, Func: workload.PutOf(t), Type: t, Key: "k", Arg: fmt.Sprintf("v%d", i)}
		if t == history.Counter {
			o.Arg = fmt.Sprint(1 << i)
		}
		x.writes = append(x.writes, o)
	}
	return x, nil
}

// append writes a node in canonical bytes. Its disk counts where it may crash, and
// there as a set, save with checkpoints, whose parts lie in order: recovery does not
// depend on that of other records.
func (x *explorer) append(dst []byte, n exploredNode) []byte {
	dst = n.core.AppendState(append(dst, byte(n.starts)))
	if x.scope.Crashes == 0 {
		return dst
	}
	records := n.records
	if !x.scope.Checkpoints {
		records = slices.SortedFunc(slices.Values(records), bytes.Compare)
	}
	for _, r := range records {
		dst = append(append(dst, 'r'), r...)
	}
	for _, slot := range slices.Sorted(maps.Keys(n.shelf)) {
		dst = append(append(dst, 's', byte(slot)), n.shelf[slot]...)
	}
	return dst
}

// shelf is the plainest [kvs.Values].
type shelf map[uint64][]byte

func (s shelf) ID() uint64                      { return 1 }
func (s shelf) Get(slot uint64) ([]byte, error) { return s[slot], nil }

func (x *explorer) start(self int) (exploredNode, []explore.Message) {
	n, sends, err := x.boot(self, exploredNode{starts: 1})
	if err != nil {
		panic("smallscope: a replica without records does not start: " + err.Error())
	}
	return n, sends
}

// boot starts a replica on what n has but its core.
func (x *explorer) boot(self int, n exploredNode) (exploredNode, []explore.Message, error) {
	cfg := kvs.Config{
		Self: ring.NodeID(self), Origin: originOf(self, n.starts), First: n.starts == 1, Ring: x.ring, Kinds: x.kinds, Secret: secret, ForwardTicks: 1,
		CheckpointBytes: -1,
	}
	if x.scope.Checkpoints {
		cfg.CheckpointBytes = 1
	}
	if x.scope.Outside {
		if n.shelf = maps.Clone(n.shelf); n.shelf == nil {
			n.shelf = make(shelf)
		}
		cfg.Values, cfg.CacheBytes = n.shelf, 1
	}
	var err error
	if n.core, err = kvs.New(cfg, n.records); err != nil {
		return exploredNode{}, nil, err
	}
	n.before = len(n.records)
	return x.play(n, (*host.Host).Start)
}

// crashed restarts a replica from what its disk holds, which is everything: in
// this scope writes are durable at once.
func (x *explorer) crashed(self int, n exploredNode) (exploredNode, []explore.Message, error) {
	n.starts++
	return x.boot(self, n)
}

func (x *explorer) step(_ int, n exploredNode, ev explore.Event) (exploredNode, []explore.Message, error) {
	n.shelf = maps.Clone(n.shelf)
	n.core = n.core.CloneOn(n.shelf)
	e := kvs.Event{Kind: kvs.EventTick, NowMS: clockBase}
	switch ev.Kind {
	case explore.Deliver, explore.Duplicate:
		e.Kind, e.From, e.Msg = kvs.EventMessage, ring.NodeID(ev.From), []byte(ev.Payload)
	case explore.Take:
		o := &x.writes[ev.ID]
		arg, err := o.Argument(nil, true, nil)
		if err != nil {
			return n, nil, err
		}
		q := wire.Request{Client: uint64(o.Session) + 1, Req: o.ID, Put: true, Key: o.Key, Kind: o.Kind(), Arg: arg}
		e.Kind, e.Msg = kvs.EventRequest, q.Encode()
	}
	return x.play(n, func(h *host.Host) error { return h.Do(e) })
}

// exploredEnv collects what a step sends, and takes what it persists for durable as
// soon as the step is over.
type exploredEnv struct {
	node    *exploredNode
	out     []explore.Message
	durable uint64 // the last token
	hardens uint64 // the token of what is to be durable
}

func (e *exploredEnv) Send(to ring.NodeID, _ wire.MessageKind, msg []byte) {
	e.out = append(e.out, explore.Message{To: int(to), Payload: string(msg)})
}

func (e *exploredEnv) Persist(token uint64, record []byte) error {
	e.node.records = append(slices.Clip(e.node.records), bytes.Clone(record))
	e.durable = token
	return nil
}

func (e *exploredEnv) Keep(slot uint64, value []byte) error {
	if len(value) == 0 {
		delete(e.node.shelf, slot)
	} else {
		e.node.shelf[slot] = bytes.Clone(value)
	}
	return nil
}

func (e *exploredEnv) Harden(token uint64) error {
	e.hardens = token
	return nil
}

// Truncate cuts what the core needs no more.
func (e *exploredEnv) Truncate(token uint64) {
	cut := e.node.before + int(token) - 1
	e.node.records = e.node.records[cut:]
	e.node.before -= cut
}

func (e *exploredEnv) Respond(uint64, []byte) {} // nobody asks
func (e *exploredEnv) After(uint64)           {} // any time will do for a tick
func (e *exploredEnv) Accepted(*gossip.Entry) {}

// play has a node do something, and all that is durable by that.
func (x *explorer) play(n exploredNode, do func(*host.Host) error) (exploredNode, []explore.Message, error) {
	env := &exploredEnv{node: &n}
	h := host.New(n.core, env)
	err := do(&h)
	for err == nil && env.durable+env.hardens > 0 {
		ev := kvs.Event{Kind: kvs.EventPersisted, NowMS: clockBase, Token: env.durable}
		if env.durable == 0 {
			ev.Kind, ev.Token, env.hardens = kvs.EventHardened, env.hardens, 0
		}
		env.durable = 0
		err = h.Do(ev)
	}
	return n, env.out, err
}

// check asks that a replica's value be the join of exactly the writes applied.
func (x *explorer) check(self int, n exploredNode) string {
	if what := x.explain(n.core); what != "" {
		return fmt.Sprintf("replica %d: %s", self, what)
	}
	return ""
}

func (x *explorer) explain(r *kvs.Replica) string {
	v := r.Value("k", x.scope.Kind)
	got, err := workload.ReadingOf(history.Type(x.scope.Kind), v, true, new([]history.Value))
	if err != nil {
		return err.Error()
	}
	if applied := appliedTo(r); applied != len(got.Saw) {
		return fmt.Sprintf("%d writes are applied, but the value has the tags %v", applied, got.Saw)
	}
	if want := x.joinOf(got); !want.Equal(got.Value) {
		return fmt.Sprintf("the value %v is not the join of the writes %v, which is %v", got.Value, got.Saw, want)
	}
	return ""
}

// appliedTo is how many writes a replica has applied.
func appliedTo(r *kvs.Replica) int {
	n := uint64(0)
	//joinery:anyorder a sum
	for _, spans := range r.Applied(0) {
		n += spans.Count()
	}
	return int(n)
}

// joinOf is the value that the writes with the tags seen join to. Of registers
// it is the value read, provided that one of those writes wrote it.
func (x *explorer) joinOf(r workload.Reading) history.Value {
	var elems []history.Value
	sum := int64(0)
	for _, id := range r.Saw {
		v := x.writes[id-1].Value()
		elems = append(elems, v)
		if n, ok := v.AsInt(); ok {
			sum += n
		}
	}
	switch history.Type(x.scope.Kind) {
	case history.Set:
		return history.SetOf(elems...)
	case history.Counter:
		return history.Int(sum)
	}
	if slices.ContainsFunc(elems, r.Value.Equal) {
		return r.Value
	}
	return history.Value{}
}

// healRounds is how many rounds of gossip without faults the replicas have to come
// to rest in.
const healRounds = 200

// agree asks that replicas at rest hold one value with all writes in it.
func (x *explorer) agree(nodes []exploredNode) string {
	var first []byte
	for i, n := range nodes {
		v := n.core.Value("k", x.scope.Kind)
		if v == nil {
			return fmt.Sprintf("at rest, replica %d holds nothing", i)
		}
		b := v.Append(nil)
		if i == 0 {
			first = b
		}
		if !bytes.Equal(b, first) {
			return fmt.Sprintf("at rest, replicas 0 and %d hold different values", i)
		}
		if what := x.explain(n.core); what != "" {
			return fmt.Sprintf("at rest, replica %d: %s", i, what)
		}
		if got := appliedTo(n.core); got != x.scope.Writes {
			return fmt.Sprintf("at rest, replica %d has %d of %d writes", i, got, x.scope.Writes)
		}
	}
	return ""
}

// describe writes an action without the bytes of its message.
func (x *explorer) describe(a explore.Action) string {
	switch a.Kind {
	case explore.Take:
		return fmt.Sprintf("write %v at n%d", x.writes[a.ID].Arg, a.Node)
	case explore.Fire:
		return fmt.Sprintf("tick n%d", a.Node)
	case explore.Crash:
		return fmt.Sprintf("crash n%d", a.Node)
	}
	return fmt.Sprintf("%v gossip n%d→n%d", a.Kind, a.Message.From, a.Message.To)
}
