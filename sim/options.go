package sim

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
)

// Options describe a world. The zero value of a field stands for its default.
type Options struct {
	// Nodes is the number of nodes, 1 to 4096.
	Nodes int
	// Factory makes the actor of a node, at its first start and at each restart.
	Factory func(NodeID) Actor
	// Programs are further versions of the nodes' program: Programs[v-1] makes actors
	// of version v as Factory does of version 0, with which every node starts at
	// first. Which nodes change, the class [Version] decides at restarts.
	Programs []func(NodeID) Actor
	// Absent are the nodes that do not start at time 0: they are no members before
	// [World.Join] makes them so.
	Absent []NodeID
	// Source answers all decisions; nil is [choice.Benign].
	Source choice.Source
	// Net carries messages between different nodes; nil is [Perfect] at 1 ms.
	Net Network
	// Device makes the storage of a node, once; nil gives no node a device.
	Device func(NodeID) Device
	// Crash sets the crash faults, DiskFaults those of devices.
	Crash      CrashOptions
	DiskFaults Level
	// ProcessFaults sets the further faults of processes, clocks and disks.
	ProcessFaults ProcessFaultOptions
	// TimerGrid is the distance of the instants at which a node's timers can fire,
	// 1 ms by default. The grid makes the lineage of a timer robust: re-armed a
	// little earlier or later, it still fires at the same point. Nodes have
	// their grids shifted against each other.
	TimerGrid Time
	// Quiet is how long nothing must happen before a world counts as quiet, by
	// default 100 timer grids.
	Quiet Time
	// Limits bound the run.
	Limits Limits
	// Trace says what of the trace is kept besides its hash.
	Trace TraceOptions
	// Decisions keeps every answer other than 0, see [World.Decisions].
	Decisions bool
	// AssertKeys checks that no decision is asked twice and no two events share a
	// lineage key, at the cost of a map entry each.
	AssertKeys bool
	// KindName names message kinds in written traces; nil or "" writes the number.
	KindName func(MsgKind) string
}

// Limits bound a run. Passing one stops the world with [ErrBound].
type Limits struct {
	Events       int64 // events of a run, default 100 million
	Queue        int   // pending events, default 1 million
	MessageBytes int   // bytes of one message, default 1 MiB
	Timers       int   // pending timers of one node, default 1024
	Children     int   // sends and choices of one event, default 4096
	Decisions    int   // kept decisions, default 1 million
}

// TraceOptions say what of the trace to keep.
type TraceOptions struct {
	// Records is the largest number of events and notes kept, 0 none. Later ones
	// are counted, not kept.
	Records int
	// Hashes is the largest number of per-event hashes kept, for [FirstDivergence].
	Hashes int
}

// CrashOptions set how nodes crash. At each grid tick each live node is asked
// whether it crashes, when within the next tick, and for how long.
type CrashOptions struct {
	// Level is how often; Off does not ask.
	Level Level
	// Grid is the distance of the ticks, 50 ms by default.
	Grid Time
	// Nodes is how many nodes can crash, counted from node 0; 0 is all.
	Nodes int
	// MaxDown is how many may be down at once; 0 is any number.
	MaxDown int
	// Pause is the shortest time down, 5 ms by default; the longest is 256 times
	// as long.
	Pause Time
	// Permille is the chance per node and tick, by level; zero is 0, 10, 80.
	Permille [NumLevels]int
}

// A crash decision is 1 + pause·crashOffsets + offset: which eighth of the tick,
// and how many times the pause is quadrupled. 0 is no crash.
const (
	crashOffsets = 8
	crashPauses  = 5
)

// Bounds that are no matter of taste: node numbers share a word of the trace hash,
// and a node keeps its version in two bytes.
const (
	maxNodes    = 4096
	maxPrograms = 1024
)

func (o *Options) validate() error {
	bad := func(what string, v any, need string) error {
		return fmt.Errorf("%w: %s is %v, need %s", ErrOptions, what, v, need)
	}
	switch {
	case o.Nodes < 1 || o.Nodes > maxNodes:
		return bad("Nodes", o.Nodes, "1 to 4096")
	case o.Factory == nil:
		return bad("Factory", "nil", "a function")
	case slices.ContainsFunc(o.Programs, func(f func(NodeID) Actor) bool { return f == nil }):
		return bad("one of Programs", "nil", "a function")
	case len(o.Programs) > maxPrograms:
		return bad("the number of Programs", len(o.Programs), fmt.Sprintf("at most %d", maxPrograms))
	case slices.ContainsFunc(o.Absent, func(n NodeID) bool { return n < 0 || int(n) >= o.Nodes }):
		return bad("Absent", o.Absent, "nodes of the world")
	case o.Crash.Level >= NumLevels:
		return bad("Crash.Level", uint8(o.Crash.Level), "off, low or extreme")
	case o.DiskFaults >= NumLevels:
		return bad("DiskFaults", uint8(o.DiskFaults), "off, low or extreme")
	case o.Crash.Nodes < 0 || o.Crash.Nodes > o.Nodes:
		return bad("Crash.Nodes", o.Crash.Nodes, "0 to Nodes")
	case o.Crash.MaxDown < 0:
		return bad("Crash.MaxDown", o.Crash.MaxDown, "0 or more")
	case !o.ProcessFaults.valid():
		return bad("ProcessFaults", fmt.Sprintf("%+v", o.ProcessFaults), "levels off, low or extreme, Grid 0 or more")
	case o.TimerGrid < 0 || o.Crash.Grid < 0 || o.Crash.Pause < 0 || o.Quiet < 0:
		return bad("a duration", "negative", "0 or more")
	case o.Trace.Records < 0 || o.Trace.Hashes < 0:
		return bad("a trace bound", "negative", "0 or more")
	}
	l := o.Limits
	if l.Events < 0 || l.Queue < 0 || l.MessageBytes < 0 || l.Timers < 0 || l.Children < 0 || l.Decisions < 0 {
		return bad("a limit", "negative", "0 or more")
	}
	o.defaults()
	return nil
}

func (o *Options) defaults() {
	if o.Source == nil {
		o.Source = choice.Benign
	}
	if o.Net == nil {
		o.Net = &Perfect{Latency: Millisecond}
	}
	setDefault(&o.TimerGrid, Millisecond)
	setDefault(&o.Quiet, 100*o.TimerGrid)
	setDefault(&o.Crash.Grid, 50*Millisecond)
	setDefault(&o.Crash.Pause, 5*Millisecond)
	setDefault(&o.Crash.Nodes, o.Nodes)
	setDefault(&o.Crash.Permille, [NumLevels]int{0, 10, 80})
	setDefault(&o.ProcessFaults.Grid, 50*Millisecond)
	setDefault(&o.ProcessFaults.Permille, [NumLevels]int{0, 15, 120})
	setDefault(&o.Limits.Events, 100_000_000)
	setDefault(&o.Limits.Queue, 1_000_000)
	setDefault(&o.Limits.MessageBytes, 1<<20)
	setDefault(&o.Limits.Timers, 1024)
	setDefault(&o.Limits.Children, 4096)
	setDefault(&o.Limits.Decisions, 1_000_000)
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
