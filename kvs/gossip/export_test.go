package gossip

import "github.com/joinery-go/joinery/kvs/ring"

// Origins is how many origins the log keeps memory for.
func (l *Log) Origins() int { return len(l.segments) }

// NewLog returns an empty log for a partition held by owners, seen from self.
func NewLog(self ring.NodeID, owners []ring.NodeID) *Log {
	l := new(Log)
	l.Reset(self, owners)
	return l
}
