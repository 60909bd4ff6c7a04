package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/net"
)

// FaultClasses names the fault classes in the order of Result.FaultEffective.
func FaultClasses() []string { return campaign.FaultClasses() }

// Supported reports whether the store is made to bear a class, so that campaigns draw
// it. It bears all.
func Supported(c sim.Class) bool { return c < sim.AllClasses }

// faultSpec is the value of Config.Faults taken apart.
type faultSpec struct {
	base      string               // swarm, off, low or extreme
	named     [sim.AllClasses]bool // given a level of their own
	levels    Levels               // of those
	unexcused bool
}

// FaultLevels names the ways to set the level of all classes.
func FaultLevels() []string { return []string{"swarm", "off", "low", "extreme"} }

// Unexcused is the part of Config.Faults by which a run is held to more than the
// store can promise: that no acknowledged write is lost even with the only disk
// that held it.
const Unexcused = "unexcused"

func unexcused(faults string) bool {
	spec, err := parseFaults(faults)
	return err == nil && spec.unexcused
}

// parseFaults reads how hard faults strike: one of FaultLevels for all classes
// that the store bears, and behind it, after commas, single classes, or the word
// [Unexcused]:
//
//	swarm,corrupt=off     off,crash=extreme,disk=low     clock=extreme
//
// Without the first part all other classes are off.
func parseFaults(text string) (faultSpec, error) {
	spec := faultSpec{base: "off"}
	if text == "" {
		spec.base = "swarm"
		return spec, nil
	}
	for i, part := range strings.Split(text, ",") {
		if part == Unexcused {
			spec.unexcused = true
			continue
		}
		class, level, named := strings.Cut(part, "=")
		if !named {
			if i > 0 || !slices.Contains(FaultLevels(), part) {
				return spec, fmt.Errorf("%w: faults %q: %q is not one of %v, nor CLASS=LEVEL", ErrConfig, text, part, FaultLevels())
			}
			spec.base = part
			continue
		}
		c, l := slices.Index(FaultClasses(), class), slices.Index(levelNames(), level)
		if c < 0 || l < 0 {
			return spec, fmt.Errorf("%w: faults %q: %q, want one of the classes %v at one of %v", ErrConfig, text, part, FaultClasses(), levelNames())
		}
		spec.named[c], spec.levels[c] = true, sim.Level(l)
	}
	return spec, nil
}

// drawFaults draws the level of each class. A later attempt at the same seed
// turns the common classes up, since the earlier ones left no fault that took
// effect.
func drawFaults(c Config, seed uint64, attempt int) (levels Levels) {
	spec, err := parseFaults(c.Faults)
	if err != nil {
		return levels // Validate has said so
	}
	src := choice.Seeded(choice.Mix(choice.MixString(seed, "swarm"), uint64(attempt)))
	for class := range sim.AllClasses {
		switch {
		case spec.named[class]:
			levels[class] = spec.levels[class]
		case !Supported(class) || spec.base == "off":
		case spec.base == "extreme" || attempt > 1 && spec.base == "swarm" && class < sim.NumClasses:
			levels[class] = sim.Extreme
		case spec.base == "low" || c.Strategy == "uniform" || c.Strategy == "exhaustive":
			levels[class] = sim.Low
		case c.Strategy == "pct" && class == sim.Delay:
			levels[class] = sim.Low // what it decides are delays
		default:
			levels[class] = swarmLevel(src, class)
		}
	}
	lossy := spec.base == "swarm" && levels[sim.Restore] != sim.Off
	if lossy && !spec.named[sim.Crash] && levels[sim.Crash] == sim.Off {
		levels[sim.Crash] = sim.Extreme // a disk is lost at a crash
	}
	return levels
}

// mayRaise reports whether what is drawn of a class may be raised: nobody has said how hard it
// is to strike, and strategies that count faults do not draw.
func mayRaise(c Config, class sim.Class) bool {
	spec, err := parseFaults(c.Faults)
	return err == nil && spec.base == "swarm" && !spec.named[class] && c.Strategy != "uniform" && c.Strategy != "exhaustive" && c.Strategy != "pct"
}

// swarmLevel is [sim.SwarmLevel] for the common classes. Each of the further ones
// is off in four seeds of five, so that a seed has two or three of them, and its
// operations still get somewhere. Disks are lost in three of ten, and then mostly
// at every second crash, for the faults that only this shows need several at once.
func swarmLevel(src choice.Source, c sim.Class) sim.Level {
	if c < sim.NumClasses {
		return sim.SwarmLevel(src, c)
	}
	v := src.Choose(choice.Point{Site: "swarm.further", Key: uint64(c), N: 10})
	if c == sim.Restore {
		return restoreLevels[v]
	}
	return furtherLevels[v]
}

// furtherLevels and restoreLevels are what the answers 0 to 9 stand for.
var (
	furtherLevels = [10]sim.Level{8: sim.Low, 9: sim.Extreme}
	restoreLevels = [10]sim.Level{7: sim.Low, 8: sim.Extreme, 9: sim.Extreme}
)

// queueBounds are how many messages may be under way on a link, by level of the
// class queue: a bound is no decision, so the setup holds it.
var queueBounds = [sim.NumLevels]int{sim.Low: 6, sim.Extreme: 2}

// links are the options of a setup's network.
func (s *Setup) links() net.Options {
	f := &s.Faults
	return net.Options{
		Faults: net.Faults{
			Drop: f[sim.Drop], Duplicate: f[sim.Duplicate], Delay: f[sim.Delay], Partition: f[sim.Partition],
			Burst: f[sim.Burst], Clog: f[sim.Clog], Bridge: f[sim.Bridge], Flap: f[sim.Flap],
			Filter: f[sim.Filter], Corrupt: f[sim.Corrupt],
		},
		Kinds: messageKinds(), Queue: s.Queue, FIFO: s.FIFO,
	}
}

// trouble is what befalls processes, clocks and disks of a setup's replicas.
func (s *Setup) trouble() sim.ProcessFaultOptions {
	f := &s.Faults
	return sim.ProcessFaultOptions{
		Clock: f[sim.Clock], Pause: f[sim.Pause], Slow: f[sim.Slow], Outage: f[sim.Outage], MidCrash: f[sim.MidCrash],
		Restore: f[sim.Restore], DiskError: f[sim.DiskError], Rot: f[sim.Rot], Version: f[sim.Version], Nodes: s.Nodes,
	}
}

// Levels is a level for each fault class. In JSON it is an object from the names of
// classes to the names of levels; a class left out is off.
type Levels = campaign.Levels

func levelNames() []string { return campaign.LevelNames() }
