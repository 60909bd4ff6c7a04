package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim"
)

// ErrConfig is wrapped when a configuration is refused.
var ErrConfig = errors.New("scenario: invalid configuration")

// Config is what a campaign fixes; what it leaves at zero is drawn for each seed.
type Config struct {
	Nodes      int    // replicas, 3 to MaxNodes; 0 draws 3 to 5
	Level      string // consistency level of all sessions; "" draws one
	Faults     string // "swarm" (as ""), or one level for all classes: off, low, extreme
	Strategy   string // how choices are made, see Strategies; "" is the first
	Operations int    // client operations, 20 to MaxOperations; 0 draws 20 to 56
}

// Bounds of a configuration.
const (
	MinNodes      = 3
	MaxNodes      = 9
	MinOperations = 20
	MaxOperations = 2000
)

// Strategies names the ways to make choices. Swarm draws a level for each fault
// class and seed; uniform has every class at its low level always.
func Strategies() []string { return []string{"swarm", "uniform"} }

// FaultLevels names the values of Config.Faults.
func FaultLevels() []string { return []string{"swarm", "off", "low", "extreme"} }

// FaultClasses names the fault classes in the order of Result.FaultEffective.
func FaultClasses() []string {
	names := make([]string, sim.NumClasses)
	for c := range sim.NumClasses {
		names[c] = c.String()
	}
	return names
}

// Validate refuses a configuration that describes no campaign.
func (c Config) Validate() error {
	switch {
	case c.Nodes != 0 && (c.Nodes < MinNodes || c.Nodes > MaxNodes):
		return fmt.Errorf("%w: %d nodes, want %d to %d", ErrConfig, c.Nodes, MinNodes, MaxNodes)
	case c.Operations != 0 && (c.Operations < MinOperations || c.Operations > MaxOperations):
		return fmt.Errorf("%w: %d operations, want %d to %d", ErrConfig, c.Operations, MinOperations, MaxOperations)
	case c.Level != "" && !slices.Contains(session.Levels(), c.Level):
		return fmt.Errorf("%w: level %q, want one of %v", ErrConfig, c.Level, session.Levels())
	case c.Faults != "" && !slices.Contains(FaultLevels(), c.Faults):
		return fmt.Errorf("%w: faults %q, want one of %v", ErrConfig, c.Faults, FaultLevels())
	case c.Strategy != "" && !slices.Contains(Strategies(), c.Strategy):
		return fmt.Errorf("%w: strategy %q, want one of %v", ErrConfig, c.Strategy, Strategies())
	}
	return nil
}

// Setup is everything about a run but its operations and its choices. A tape
// carries it.
type Setup struct {
	Seed       uint64 `json:"seed"`
	Attempt    int    `json:"attempt"` // how often it was drawn again to be worth running
	Nodes      int    `json:"nodes"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"` // of each partition
	Sessions   int    `json:"sessions"`
	Operations int    `json:"operations"`
	Level      string `json:"level"`
	Tagged     bool   `json:"tagged"`
	Porcupine  bool   `json:"porcupine"` // the history is also searched by porcupine
	Faults     Levels `json:"faults"`
	ClockMS    uint64 `json:"clock_ms"`   // resolution of the replicas' physical clocks
	HorizonMS  uint64 `json:"horizon_ms"` // faults end, and the run must come to rest
}

// Levels is a level for each fault class. In JSON it is an object from the names
// of classes to the names of levels; a class left out is off.
type Levels [sim.NumClasses]sim.Level

// MarshalJSON writes the classes that are not off.
func (l Levels) MarshalJSON() ([]byte, error) {
	m := make(map[string]string)
	for c, level := range l {
		if level != sim.Off {
			m[sim.Class(c).String()] = level.String()
		}
	}
	return json.Marshal(m)
}

// UnmarshalJSON refuses classes and levels that it does not know.
func (l *Levels) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*l = Levels{}
	for _, class := range slices.Sorted(maps.Keys(m)) {
		c := slices.Index(FaultClasses(), class)
		level := slices.Index(levelNames(), m[class])
		if c < 0 || level < 0 {
			return fmt.Errorf("%w: fault %q at level %q, want one of %v at one of %v", ErrConfig, class, m[class], FaultClasses(), levelNames())
		}
		l[c] = sim.Level(level)
	}
	return nil
}

func levelNames() []string {
	names := make([]string, sim.NumLevels)
	for l := range sim.NumLevels {
		names[l] = l.String()
	}
	return names
}

const maxAttempts = 6

// draw resolves a configuration for one seed. Every fifth seed runs untagged, and
// every sixth is also searched by porcupine.
func draw(c Config, seed uint64, attempt int) Setup {
	src := choice.Seeded(choice.MixString(seed, "setup"))
	pick := func(site string, n int) int { return int(src.Choose(choice.Point{Site: site, N: uint64(n)})) }
	s := Setup{
		Seed: seed, Attempt: attempt, Nodes: c.Nodes, Partitions: 1 + pick("partitions", 4), Replicas: 3,
		Sessions: 3 + pick("sessions", 3), Operations: c.Operations, Level: c.Level,
		Tagged: seed%5 != 0, Porcupine: seed%6 == 0, HorizonMS: 300 + 100*uint64(pick("horizon", 5)),
		ClockMS: []uint64{1, 16}[pick("clock", 2)],
	}
	if s.Nodes == 0 {
		s.Nodes = MinNodes + pick("nodes", 3)
	}
	if s.Operations == 0 {
		s.Operations = 24 + pick("operations", 33)
		if s.Porcupine {
			s.Operations = MinOperations + pick("operations", 11) // its search is exponential
		}
	}
	if s.Level == "" {
		s.Level = session.Levels()[pick("level", 2)]
	}
	s.Faults = drawFaults(c, seed, attempt)
	return s
}

// drawFaults draws the level of each class. A later attempt at the same seed
// turns the classes up, since the earlier ones left no fault that took effect.
func drawFaults(c Config, seed uint64, attempt int) (levels Levels) {
	src := choice.Seeded(choice.Mix(choice.MixString(seed, "swarm"), uint64(attempt)))
	for class := range sim.NumClasses {
		switch {
		case c.Faults == "off":
			levels[class] = sim.Off
		case c.Faults == "extreme" || attempt > 1 && c.Faults != "low":
			levels[class] = sim.Extreme
		case c.Faults == "low" || c.Strategy == "uniform":
			levels[class] = sim.Low
		default:
			levels[class] = sim.SwarmLevel(src, class)
		}
	}
	return levels
}

func (s *Setup) level() (session.Level, error) { return session.ParseLevel(s.Level) }

func (s *Setup) ring() (*ring.Ring, error) {
	ids := make([]ring.NodeID, s.Nodes)
	for i := range ids {
		ids[i] = ring.NodeID(i)
	}
	return ring.New(ids, s.Partitions, s.Replicas)
}

// validate checks what a tape brought.
func (s *Setup) validate() error {
	err := Config{Nodes: s.Nodes, Level: s.Level, Operations: max(s.Operations, MinOperations)}.Validate()
	switch {
	case err != nil:
		return err
	case s.Level == "" || s.Nodes == 0:
		return fmt.Errorf("%w: no level, or no nodes", ErrConfig)
	case s.Sessions < 1 || s.Sessions > 64:
		return fmt.Errorf("%w: %d sessions, want 1 to 64", ErrConfig, s.Sessions)
	case s.ClockMS < 1 || s.ClockMS > 1000:
		return fmt.Errorf("%w: a clock resolution of %d ms, want 1 to 1000", ErrConfig, s.ClockMS)
	case s.HorizonMS < 1 || s.HorizonMS > 600_000:
		return fmt.Errorf("%w: a horizon of %d ms, want 1 to 600000", ErrConfig, s.HorizonMS)
	}
	_, err = s.ring()
	return err
}
