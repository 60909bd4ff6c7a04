package workers

import "fmt"

// Bounds of a configuration.
const (
	MaxPartitions = 256
	MaxSources    = 1 << 8
	MaxWorkers    = MaxPartitions
	MaxWindow     = 1 << 12
	MaxPending    = 1 << 10
	MaxRetain     = 1 << 8
)

// Config is what all nodes of a system agree on, for as long as it lives. Zero values of
// the last five stand for their defaults.
type Config struct {
	// Partitions is into how many parts the keys are divided, by their hash: 1 to
	// [MaxPartitions], and never changed.
	Partitions int
	// Sources is how many input logs there are, 1 to [MaxSources].
	Sources int
	// Procedures are what operations may call, by name. They must be pure, and the same
	// at all nodes.
	Procedures map[string]Procedure

	// Interval is after how many ticks a worker begins its next version, 3 by default.
	Interval int
	// Pending bounds the versions of a worker that are in no global version yet, 8 by
	// default. A worker that has so many begins none of its own accord; it goes on
	// executing.
	Pending int
	// Window bounds the messages of a stream that are not acknowledged, and the operations
	// of a source to one partition that are not final; 32 by default.
	Window int
	// Retain is how many global versions are kept, 3 by default.
	Retain int
	// CollectEvery is after how many global versions workers delete snapshots that nobody can
	// ask for any more, 8 by default. It is for all of them at about the same time: what an
	// engine has uploaded ahead of its next snapshot goes with every collecting of anybody.
	CollectEvery int
}

// WithDefaults returns the configuration with defaults filled in, or an error that wraps
// [ErrConfig] and names the field.
func (c Config) WithDefaults() (Config, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&c.Interval, 3}, {&c.Pending, 8}, {&c.Window, 32}, {&c.Retain, 3}, {&c.CollectEvery, 8}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, b := range []struct {
		name        string
		value, most int
	}{
		{"Partitions", c.Partitions, MaxPartitions}, {"Sources", c.Sources, MaxSources}, {"Interval", c.Interval, 1 << 20},
		{"Pending", c.Pending, MaxPending}, {"Window", c.Window, MaxWindow}, {"Retain", c.Retain, MaxRetain},
		{"CollectEvery", c.CollectEvery, 1 << 20},
	} {
		if b.value < 1 || b.value > b.most {
			return c, fmt.Errorf("%w: %s is %d, want 1 to %d", ErrConfig, b.name, b.value, b.most)
		}
	}
	if len(c.Procedures) == 0 {
		return c, fmt.Errorf("%w: Procedures is empty: name what operations may call", ErrConfig)
	}
	return c, nil
}
