package sim

import (
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
)

// Class is a kind of fault.
type Class uint8

// The fault classes that a campaign draws levels for.
const (
	Drop      Class = iota // a message is lost
	Duplicate              // a message arrives more than once
	Delay                  // a message arrives late, overtaken by younger ones
	Partition              // links are cut for a while
	Crash                  // a node stops, loses its memory and starts again
	Disk                   // storage is slow, or keeps part of what was not yet durable
	// NumClasses is the number of classes so far. Those below are as good, but off
	// unless asked for by name: what they ask changes no tape made without them.
	NumClasses
)

// The further fault classes.
const (
	Burst      Class = NumClasses + iota // a link loses most messages for a while
	Clog                                 // links hold their messages, and release them in a burst
	Bridge                               // cuts that leave a bridge between two sides, or each node a majority of its own
	Flap                                 // a cut that comes and goes
	Filter                               // all messages of one kind are lost for a while
	Queue                                // a message finds the bounded queue of its link full
	Corrupt                              // a message arrives with bits flipped, or cut short
	Clock                                // a node's clocks are off, drift, jump or stand still, and its timers are late
	Pause                                // a node does nothing for a while, and then all at once
	Slow                                 // a node takes its time for each event, for a while
	Outage                               // several nodes crash at once
	MidCrash                             // a node crashes within an event, between one effect and the next
	Restore                              // a node starts again without its disk, or with an old one
	DiskError                            // storage fails a write or a sync, and the process stops
	Rot                                  // storage spoils one of two copies of what was durable
	Version                              // a node starts again with another version of its program
	AllClasses                           // the number of all classes
)

var classNames = [AllClasses]string{
	"drop", "duplicate", "delay", "partition", "crash", "disk", "burst", "clog", "bridge", "flap", "filter",
	"queue", "corrupt", "clock", "pause", "slow", "outage", "mid-crash", "restore", "disk-error", "rot",
	"version",
}

// String names the class in lower case.
func (c Class) String() string {
	if c < AllClasses {
		return classNames[c]
	}
	return "class(invalid)"
}

// Classes is a set of fault classes; the zero value is empty.
type Classes uint32

// With returns the set with c added.
func (s Classes) With(c Class) Classes { return s | 1<<c }

// Has reports whether c is in the set.
func (s Classes) Has(c Class) bool { return s&(1<<c) != 0 }

// String lists the classes, joined by plus signs.
func (s Classes) String() string {
	var names []string
	for c := range AllClasses {
		if s.Has(c) {
			names = append(names, c.String())
		}
	}
	return strings.Join(names, "+")
}

// Level scales a fault class. It sets how often a random source answers with a
// fault and never what an answer means, so a tape replays alike at every level
// but [Off], where the class is not asked at all. Replay at [Low].
type Level uint8

// The levels.
const (
	Off Level = iota
	Low
	Extreme
	NumLevels
)

var levelNames = [NumLevels]string{"off", "low", "extreme"}

// String names the level in lower case.
func (l Level) String() string {
	if l < NumLevels {
		return levelNames[l]
	}
	return "level(invalid)"
}

// SwarmLevel draws the level of one class: swarm testing switches whole classes
// off and turns others up, one run differing from the next, since a class that
// is always on hides what only its absence uncovers. Draw levels from a source
// of their own: they do not belong on the tape of the run.
func SwarmLevel(src choice.Source, c Class) Level {
	return Level(src.Choose(choice.Point{Site: "swarm", Key: uint64(c), N: uint64(NumLevels)}))
}

// Stats counts faults by class.
type Stats struct {
	// Decided counts faults that were chosen.
	Decided [AllClasses]int64
	// Effective counts faults that changed the run: a dropped message that would
	// have reached a live node; an extra copy, or a delayed one, that did reach
	// one; a message that a cut link kept from a live node; a live node stopped;
	// storage that survived a crash in part, or was slow; and so on: what a class
	// decided counts once it met a live node.
	Effective [AllClasses]int64
	// Messages counts messages handed to live nodes, copies included.
	Messages int64
	// Lost counts messages that arrived at a node while it was down.
	Lost int64
	// Bytes counts the payload bytes of Messages.
	Bytes int64
}
