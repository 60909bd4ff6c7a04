package scenario

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/engines"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// ErrConfig is wrapped when a configuration is refused.
var ErrConfig = errors.New("scenario: invalid configuration")

// Config is what a campaign fixes; what it leaves at zero is drawn for each seed.
type Config struct {
	Nodes      int    // replicas, 3 to MaxNodes; 0 draws 3 to 5
	Level      string // consistency level of all sessions; "" draws one
	Faults     string // see ParseFaults; "" is "swarm"
	Strategy   string // how choices are made, see Strategies; "" is the first
	Depth      int    // of the strategy pct, 1 to MaxDepth; 0 is 3
	Base       uint64 // of the strategy exhaustive: the seed whose schedules are gone through
	Engine     string // storage engine that keeps the values of replicas, see engines.Names; "" keeps them in memory, and DrawnEngine does for most seeds
	Operations int    // client operations, 20 to MaxOperations; 0 draws 20 to UsualOperations
	Elastic    bool   // a monitor decides about members and factors in each seed that may have one, see elastic.go
}

// DrawnEngine as Config.Engine has one seed in eight run on a storage engine, each in turn.
const DrawnEngine = "drawn"

// UsualOperations is the most operations that a run has unless it is asked for more.
// A longer run takes more time, in proportion, so that operations are as dense in it,
// and porcupine is not asked, whose search is exponential.
const UsualOperations = 56

// Bounds of a configuration.
const (
	MinNodes      = 3
	MaxNodes      = 9
	MinOperations = 20
	MaxOperations = 2000
	MaxDepth      = 64
)

// Validate refuses a configuration that describes no campaign.
func (c Config) Validate() error {
	switch {
	case c.Nodes != 0 && (c.Nodes < MinNodes || c.Nodes > MaxNodes):
		return fmt.Errorf("%w: %d nodes, want %d to %d", ErrConfig, c.Nodes, MinNodes, MaxNodes)
	case c.Operations != 0 && (c.Operations < MinOperations || c.Operations > MaxOperations):
		return fmt.Errorf("%w: %d operations, want %d to %d", ErrConfig, c.Operations, MinOperations, MaxOperations)
	case c.Level != "" && !slices.Contains(session.Levels(), c.Level):
		return fmt.Errorf("%w: level %q, want one of %v", ErrConfig, c.Level, session.Levels())
	case c.Depth < 0 || c.Depth > MaxDepth:
		return fmt.Errorf("%w: depth %d, want 1 to %d", ErrConfig, c.Depth, MaxDepth)
	case c.Strategy != "" && !slices.Contains(Strategies(), c.Strategy):
		return fmt.Errorf("%w: strategy %q, want one of %v", ErrConfig, c.Strategy, Strategies())
	}
	if c.Engine != "" && c.Engine != DrawnEngine {
		if err := engines.Check(c.Engine, 0); err != nil {
			return fmt.Errorf("%w: engine: %w", ErrConfig, err)
		}
	}
	_, err := parseFaults(c.Faults)
	return err
}

// Setup is everything about a run but its operations and its choices. A tape
// carries it.
type Setup struct {
	Seed       uint64 `json:"seed"`
	Attempt    int    `json:"attempt"` // how often it was drawn again to be worth running
	Nodes      int    `json:"nodes"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"` // of each partition, at least
	Sessions   int    `json:"sessions"`
	Operations int    `json:"operations"`
	Level      string `json:"level"`
	Tagged     bool   `json:"tagged"`
	Porcupine  bool   `json:"porcupine"` // the history is also searched by porcupine
	Faults     Levels `json:"faults"`

	// CheckpointBytes is how many bytes of records replicas write between checkpoints; 0 is
	// the default of the store, which no run comes to.
	CheckpointBytes int `json:"checkpoint_bytes,omitempty"`

	// Engine keeps the values of replicas, in files of about EngineBytes (see
	// engines.Open), but for CacheBytes of them. Without it they are all in memory.
	Engine      string `json:"engine,omitempty"`
	EngineBytes int    `json:"engine_bytes,omitempty"`
	CacheBytes  int    `json:"cache_bytes,omitempty"`
	Background  bool   `json:"background,omitempty"` // merges are done in steps between events, and may fall behind (see engine.go)

	BatchBytes int    `json:"batch_bytes"`           // of a gossip message, of a piece of a snapshot, and half of a window of these; 0 is the store's default
	Log        int    `json:"log,omitempty"`         // deltas that a replica keeps for owners that lack them; 0 is the store's default
	Waiting    int    `json:"waiting,omitempty"`     // reads that may wait at a replica, and fewer by one of one session; 0 is the store's default
	HandOver   int    `json:"hand_over,omitempty"`   // writes to a partition that a replica takes which does not own it, until an owner has them; 0 is the store's default
	ValueBytes int    `json:"value_bytes,omitempty"` // beyond which no write may bring a value; 0 is the store's default
	Queue      int    `json:"queue"`                 // messages that may be under way on a link; 0 is any number
	FIFO       bool   `json:"fifo"`                  // links keep the order of messages
	ClockMS    uint64 `json:"clock_ms"`              // resolution of the replicas' physical clocks
	Watchers   int    `json:"watchers,omitempty"`    // that subscribe to a key each
	Hostile    bool   `json:"hostile,omitempty"`     // a node of the world sends replicas what it likes, and members what cannot be read
	Persist    int    `json:"persist,omitempty"`     // bytes of writes that may be on their way to the disk of a replica; 0 is the store's default
	Subscribed int    `json:"subscribed,omitempty"`  // subscriptions that a replica keeps; 0 is the store's default
	HorizonMS  uint64 `json:"horizon_ms"`            // faults end, and the run must come to rest
	Cache      bool   `json:"cache,omitempty"`       // sessions answer reads from what they have read lately
	LateMS     uint64 `json:"late_ms,omitempty"`     // after which what is left of a deleted register is forgotten; 0 is the store's default, which no run comes to
	Unexcused  bool   `json:"unexcused,omitempty"`   // what lost disks undo is not forgiven
	SkewMS     uint64 `json:"skew_ms,omitempty"`     // by less than which the clocks of sessions' hosts are ahead
	Moves      []Move `json:"moves,omitempty"`       // of members, which Nodes counts all
	Old        uint   `json:"old,omitempty"`         // nodes that begin with the older program, as bits; see versions.go

	Decisions []Decision `json:"decisions,omitempty"` // of how many replicas partitions are to have
	Absurd    bool       `json:"absurd,omitempty"`    // operators also ask for what makes no sense
	Elastic   *Elastic   `json:"elastic,omitempty"`   // a monitor decides about both; Nodes counts those that stand by

	Disks        int  `json:"disks,omitempty"`          // how many nodes are of the disk tier, the last of the run's
	EngineOnDisk bool `json:"engine_on_disk,omitempty"` // Engine is of these only
}

const (
	maxAttempts         = 6
	replicasOfPartition = 3
)

// smallBatch has a message carry one delta, and snapshots, of which there are some only
// where disks are lost, come in several pieces.
const smallBatch = 32

// checkpoints are what Setup.CheckpointBytes is drawn from: mostly little, so that a
// replica writes several checkpoints while a run lasts.
var checkpoints = []int{256, 512, 1024, 4096}

// engineFiles and caches are what Setup.EngineBytes and CacheBytes are drawn from: little, so
// that files are merged, and values leave the memory, while a run lasts.
var (
	engineFiles = []int{1 << 10, 2 << 10, 16 << 10}
	caches      = []int{1, 100, 1000, 100_000}
)

// smallValue is reached by sets and counters within a run.
const smallValue = 40

// smallLog has owners that have been out of touch brought up by snapshots.
const smallLog = 4

// drawnLevels are what the level of a seed is drawn from. Those whose faults take more than
// one replica's mistake to show come more often.
var drawnLevels = [...]session.Level{
	session.Eventual, session.Eventual, session.Eventual, session.Eventual, session.Causal, session.Causal, session.Causal, session.Causal, session.Causal,
	session.ReadYourWrites, session.MonotonicReads, session.MonotonicWrites, session.MonotonicWrites, session.WritesFollowReads, session.WritesFollowReads,
	session.PRAM, session.PRAM, session.ReadCommitted, session.ItemCut,
}

// maxSkewMS is far less than replicas allow the clock of a client to be ahead.
const maxSkewMS = 1000

// fewWaiting and fewHandOver are reached within a run.
const fewWaiting, fewHandOver = 3, 2

// fewReplicas have partitions in one seed of eight, and in every other one that loses disks. fewPersist is reached within a run.
// fewSubscribed leaves each watcher, and the hostile node, one subscription.
const fewReplicas, fewPersist, fewSubscribed = 2, 100, 3

// draw resolves a configuration for one seed. Every fifth seed runs untagged, and
// every sixth is also searched by porcupine.
func draw(c Config, seed uint64, attempt int) Setup {
	src := choice.Seeded(choice.MixString(seed, "setup"))
	pick := func(site string, n int) int { return int(src.Choose(choice.Point{Site: site, N: uint64(n)})) }
	s := Setup{
		Seed: seed, Attempt: attempt, Nodes: c.Nodes, Partitions: 1 + pick("partitions", 4), Replicas: replicasOfPartition,
		Sessions: 4 + pick("sessions", 3), Operations: c.Operations, Level: c.Level,
		Tagged: seed%5 != 0, Porcupine: seed%6 == 0, HorizonMS: 300 + 100*uint64(pick("horizon", 5)),
		ClockMS: []uint64{1, 16}[pick("clock", 2)],
	}
	if s.Nodes == 0 {
		s.Nodes = MinNodes + pick("nodes", 3)
	}
	if s.Operations == 0 {
		s.Operations = 24 + pick("operations", UsualOperations-24+1)
		if s.Porcupine {
			s.Operations = MinOperations + pick("operations", 11) // its search is exponential
		}
	}
	if s.Level == "" {
		s.Level = drawnLevels[pick("level", len(drawnLevels))].String()
	}
	s.Tagged = s.Tagged && !s.transactional() // checkers of transactions go by values
	s.HorizonMS *= uint64(s.long())
	s.Porcupine = s.Porcupine && s.Operations <= UsualOperations
	s.Faults = drawFaults(c, seed, attempt)
	s.Queue = queueBounds[s.Faults[sim.Queue]]
	s.Unexcused = unexcused(c.Faults)
	often := 6
	if s.Faults[sim.Restore] != sim.Off {
		often = 2
	}
	if pick("batch", often) == 1 {
		s.BatchBytes = smallBatch * s.long()
	}
	if pick("log", 4) == 3 {
		s.Log = smallLog * s.long()
	}
	if pick("waiting", 4) == 3 {
		s.Waiting = fewWaiting
	}
	if pick("hand over", 4) == 3 {
		s.HandOver = fewHandOver
	}
	s.Cache = pick("cache", 4) == 3 && !s.transactional()
	s.CheckpointBytes = checkpoints[pick("checkpoint", len(checkpoints))]
	if s.Engine = engineOf(c, seed); s.Engine != "" {
		s.EngineBytes = engineFiles[pick("engine", len(engineFiles))]
		s.CacheBytes = caches[pick("cache", len(caches))]
		s.Background = pick("background", 3) > 0
	}
	s.FIFO = pick("fifo", 8) == 7 && c.Faults != "off"
	if pick("value", 16) == 15 {
		s.ValueBytes = smallValue * s.long()
	}
	s.Watchers = max(pick("watchers", 6)-3, 0) // none to two
	s.drawRest(pick)
	switch {
	case s.LateMS != soonMS || !mayRaise(c, sim.Filter):
	case pick("filter", 2) == 1:
		s.Faults[sim.Filter] = sim.Extreme // what nodes promise each other comes, and what they write does not
	default:
		s.HorizonMS *= 2 // so that disks are lost when some has been forgotten
	}
	s.drawMoves(c, pick)
	if s.mixed() {
		s.Old = uint(pick("old", 1<<s.Nodes))
	} else {
		s.drawDecisions(c, pick) // which the older program knows nothing of
	}
	s.Absurd = len(s.Moves)+len(s.Decisions) > 0 && pick("absurd", 2) == 1
	s.drawElastic(c, pick)
	if pick("skew", 4) == 3 && c.Faults != "off" {
		s.SkewMS = min(s.HorizonMS, maxSkewMS)
	}
	return s
}

// drawRest draws what a run in many has beside: two owners of each partition, who asks for
// what it must not have, and bounds that are reached.
func (s *Setup) drawRest(pick func(site string, n int) int) {
	often := 8
	if s.Faults[sim.Restore] != sim.Off { // all owners of a partition may lose theirs
		often = 2
	}
	if pick("replicas", often) == 1 {
		s.Replicas = fewReplicas
	}
	if s.Hostile = pick("hostile", 16) == 15; s.Hostile && pick("few", 2) == 1 {
		s.Waiting = fewWaiting
	}
	switch late := pick("late", 4); {
	case late == 3:
		s.LateMS = soonMS
	case late > 0:
		s.LateMS = lateMS
	}
	if pick("persist", 16) == 15 {
		s.Persist = fewPersist
	}
	if pick("subscribed", 4) == 3 {
		s.Subscribed = fewSubscribed
	}
}

// engineOf is the engine of a seed.
func engineOf(c Config, seed uint64) string {
	const often = 8
	names := engines.Names()
	switch {
	case c.Engine != DrawnEngine:
		return c.Engine
	case seed%often == often-1:
		return names[seed/often%uint64(len(names))]
	}
	return ""
}

// long is how often UsualOperations fit into the run, rounded up. The last burst of
// a plan may have gone beyond what was asked for.
func (s *Setup) long() int {
	return max(s.Operations-workload.Beyond+UsualOperations-1, UsualOperations) / UsualOperations
}

// workload is what the plan is drawn for.
func (s *Setup) workload() workload.Options {
	nodes := s.Nodes
	if s.Elastic != nil {
		nodes -= s.Elastic.Spare - 1 // one of those that stand by is asked, too
	}
	return workload.Options{
		Nodes: nodes, Sessions: s.Sessions, Operations: s.Operations, Horizon: sim.Time(s.HorizonMS) * sim.Millisecond, Tagged: s.Tagged,
		Replicas: s.Replicas, Txns: s.transactional(), Deletes: s.LateMS == soonMS,
	}
}

// transactional reports whether the sessions of the run work in transactions.
func (s *Setup) transactional() bool {
	l, err := s.level()
	return err == nil && l.Transactional()
}

func (s *Setup) level() (session.Level, error) { return session.ParseLevel(s.Level) }

func (s *Setup) ring() (*ring.Ring, error) {
	return ring.Tiered(s.nodes(false), s.Partitions, s.Replicas, s.disks(), s.vectorOf)
}

// SetEngine has the run's values kept by another engine, with files and as many bytes in
// memory as a tape without an engine does not say.
func (s *Setup) SetEngine(name string) {
	if s.Engine = name; s.EngineBytes == 0 {
		s.EngineBytes, s.CacheBytes = engineFiles[0], caches[1]
	}
}

// validate checks what a tape brought.
func (s *Setup) validate() error {
	asked := max(s.Operations, MinOperations) // a shrunk tape has fewer
	if asked <= MaxOperations+workload.Beyond {
		asked = min(asked, MaxOperations)
	}
	err := Config{Nodes: s.Nodes, Level: s.Level, Operations: asked}.Validate()
	if err == nil {
		err = s.validateMoves()
	}
	if err == nil {
		err = s.validateDecisions()
	}
	if err == nil {
		err = s.validateElastic()
	}
	if err == nil {
		err = s.validateTiers()
	}
	switch {
	case err != nil:
		return err
	case s.Level == "" || s.Nodes == 0:
		return fmt.Errorf("%w: no level, or no nodes", ErrConfig)
	case s.Sessions < 1 || s.Sessions > 64:
		return fmt.Errorf("%w: %d sessions, want 1 to 64", ErrConfig, s.Sessions)
	case s.SkewMS > maxSkewMS:
		return fmt.Errorf("%w: clocks %d ms ahead, want 0 to %d", ErrConfig, s.SkewMS, maxSkewMS)
	case s.Watchers < 0 || s.Watchers > 64:
		return fmt.Errorf("%w: %d watchers, want 0 to 64", ErrConfig, s.Watchers)
	case s.ClockMS < 1 || s.ClockMS > 1000:
		return fmt.Errorf("%w: a clock resolution of %d ms, want 1 to 1000", ErrConfig, s.ClockMS)
	case s.HorizonMS < 1 || s.HorizonMS > 600_000:
		return fmt.Errorf("%w: a horizon of %d ms, want 1 to 600000", ErrConfig, s.HorizonMS)
	case s.BatchBytes < 0 || s.BatchBytes > wire.MaxMessage/2:
		return fmt.Errorf("%w: a batch of %d bytes, want 0 to %d", ErrConfig, s.BatchBytes, wire.MaxMessage/2)
	case s.CheckpointBytes < 0 || s.CheckpointBytes > 1<<30:
		return fmt.Errorf("%w: a checkpoint every %d bytes, want 0 to %d", ErrConfig, s.CheckpointBytes, 1<<30)
	case s.Engine == "" && (s.EngineBytes != 0 || s.CacheBytes != 0 || s.Background):
		return fmt.Errorf("%w: sizes of an engine or its work, and no engine", ErrConfig)
	case s.CacheBytes < 0 || s.CacheBytes > 1<<30:
		return fmt.Errorf("%w: %d bytes of values in memory, want 0 to %d", ErrConfig, s.CacheBytes, 1<<30)
	case s.Log < 0 || s.Log > 1<<20:
		return fmt.Errorf("%w: a log of %d deltas, want 0 to %d", ErrConfig, s.Log, 1<<20)
	case s.Waiting < 0 || s.Waiting == 1 || s.Waiting > 1<<20:
		return fmt.Errorf("%w: %d reads that may wait, want 0 or 2 to %d", ErrConfig, s.Waiting, 1<<20)
	case s.HandOver < 0 || s.HandOver > 1<<20:
		return fmt.Errorf("%w: %d writes to be handed over, want 0 to %d", ErrConfig, s.HandOver, 1<<20)
	case s.Persist < 0 || s.Persist > 1<<30 || s.Subscribed < 0 || s.Subscribed > 1<<20:
		return fmt.Errorf("%w: %d bytes being persisted, %d subscriptions, want 0 to %d and %d", ErrConfig, s.Persist, s.Subscribed, 1<<30, 1<<20)
	case s.ValueBytes < 0 || s.ValueBytes > wire.MaxMessage/2:
		return fmt.Errorf("%w: values of %d bytes, want 0 to %d", ErrConfig, s.ValueBytes, wire.MaxMessage/2)
	case s.mixed() && len(s.Decisions) > 0:
		return fmt.Errorf("%w: decisions that an older program does not know", ErrConfig)
	case s.Old>>s.Nodes != 0:
		return fmt.Errorf("%w: nodes %b with the older program, of %d", ErrConfig, s.Old, s.Nodes)
	case s.Queue < 0 || s.Queue > 1<<20:
		return fmt.Errorf("%w: a queue of %d messages, want 0 to %d", ErrConfig, s.Queue, 1<<20)
	}
	if s.Engine != "" {
		if err := engines.Check(s.Engine, s.EngineBytes); err != nil {
			return fmt.Errorf("%w: engine: %w", ErrConfig, err)
		}
	}
	_, err = s.ring()
	return err
}
