package sim

import "github.com/joinery-go/joinery/gen/choice"

// Class is a kind of fault.
type Class uint8

// The fault classes.
const (
	Drop      Class = iota // a message is lost
	Duplicate              // a message arrives more than once
	Delay                  // a message arrives late, overtaken by younger ones
	Partition              // links are cut for a while
	Crash                  // a node stops, loses its memory and starts again
	Disk                   // storage is slow, or keeps part of what was not yet durable
	NumClasses
)

var classNames = [NumClasses]string{"drop", "duplicate", "delay", "partition", "crash", "disk"}

// String names the class in lower case.
func (c Class) String() string {
	if c < NumClasses {
		return classNames[c]
	}
	return "class(invalid)"
}

// Classes is a set of fault classes; the zero value is empty.
type Classes uint8

// With returns the set with c added.
func (s Classes) With(c Class) Classes { return s | 1<<c }

// Has reports whether c is in the set.
func (s Classes) Has(c Class) bool { return s&(1<<c) != 0 }

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
	Decided [NumClasses]int64
	// Effective counts faults that changed the run: a dropped message that would
	// have reached a live node; an extra copy, or a delayed one, that did reach
	// one; a message that a cut link kept from a live node; a live node stopped;
	// storage that survived a crash in part, or was slow.
	Effective [NumClasses]int64
	// Messages counts messages handed to live nodes, copies included.
	Messages int64
	// Lost counts messages that arrived at a node while it was down.
	Lost int64
	// Bytes counts the payload bytes of Messages.
	Bytes int64
}
