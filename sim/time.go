package sim

import (
	"strconv"
	"time"
)

// Time is virtual time in nanoseconds since the start of the world.
type Time int64

// Units of virtual time, for writing durations.
const (
	Nanosecond  Time = 1
	Microsecond      = 1000 * Nanosecond
	Millisecond      = 1000 * Microsecond
	Second           = 1000 * Millisecond
)

// Forever is later than any event a world accepts.
const Forever Time = 1 << 62

// String writes t in Go's duration notation.
func (t Time) String() string { return time.Duration(t).String() }

// NodeID names a node; a world of n nodes has the nodes 0 to n-1.
type NodeID int32

// String writes the node as n0, n1 and so on; no node at all is a dash.
func (n NodeID) String() string {
	if n < 0 {
		return "-"
	}
	return "n" + strconv.Itoa(int(n))
}

// None stands where there is no node, such as the sender of a timer.
const None NodeID = -1

// MsgKind is the sender's label for a message. It takes part in lineage keys
// and in the trace; the simulator reads no meaning into it.
type MsgKind uint16

// TimerID names a timer of one node. A node has at most one timer of a name
// pending; arming it again moves it.
type TimerID uint64

// Key is a lineage key: a hash of where an event or a decision came from, equal
// in every run in which it comes about in the same way.
type Key = uint64
