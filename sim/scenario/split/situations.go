package split

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/session"
)

// Situation is something that a session does while all replicas are cut off from each
// other.
type Situation struct {
	Name string
	Doc  string
	run  func(c *cluster, l session.Level, cached bool) *client
}

// Situations are those that [Measure] tries.
func Situations() []Situation {
	return []Situation{
		{"stays", "writes and reads where it has always been", func(c *cluster, l session.Level, cached bool) *client {
			c.cut(true)
			x := c.client(1, l, cached)
			for range 2 {
				x.put(0, "a", session.AckDurable)
				x.read(0, "a")
				x.read(0, "b")
			}
			return x
		}},
		{"writes", "goes anywhere, and writes", func(c *cluster, l session.Level, cached bool) *client {
			c.cut(true)
			x := c.client(1, l, cached)
			for n := range 2 * nodes {
				x.put(n%nodes, "a", session.AckDurable)
			}
			return x
		}},
		{"wrote", "reads elsewhere what it has written", func(c *cluster, l session.Level, cached bool) *client {
			c.cut(true)
			x := c.client(1, l, cached)
			x.put(0, "a", session.AckDurable)
			x.read(1, "a")
			x.read(2, "a")
			return x
		}},
		{"saw", "reads elsewhere what it has read", func(c *cluster, l session.Level, cached bool) *client {
			c.cut(true)
			c.client(2, session.Eventual, false).put(0, "a", session.AckDurable)
			x := c.client(1, l, cached)
			x.read(0, "a")
			x.read(1, "a")
			x.read(2, "a")
			return x
		}},
		{"two writes", "reads where another session, which went there, has written once more", func(c *cluster, l session.Level, cached bool) *client {
			c.cut(true)
			other := c.client(2, l, false)
			other.put(0, "a", session.AckDurable)
			other.put(1, "a", session.AckDurable)
			x := c.client(1, l, cached)
			x.read(1, "a")
			return x
		}},
		{"a reply", "reads where another session has written, which had read elsewhere", func(c *cluster, l session.Level, cached bool) *client {
			c.cut(true)
			c.client(3, session.Eventual, false).put(0, "a", session.AckDurable)
			other := c.client(2, l, false)
			other.read(0, "a")
			other.put(1, "a", session.AckDurable)
			x := c.client(1, l, cached)
			x.read(1, "a")
			return x
		}},
		{"healed", "does all that once the network is whole again", func(c *cluster, l session.Level, cached bool) *client {
			c.cut(true)
			x := c.client(1, l, cached)
			x.put(0, "a", session.AckDurable)
			c.cut(false)
			for n := range 2 * nodes {
				x.put(n%nodes, "a", session.AckDurable)
				x.read((n+1)%nodes, "a")
			}
			return x
		}},
	}
}

// Cell is what came of a situation at a level.
type Cell struct {
	Asked, Answered int // requests of the session, while the network was split or healed
}

// All reports whether every request was answered.
func (c Cell) All() bool { return c.Answered == c.Asked }

// Row is one level in all situations.
type Row struct {
	Level  session.Level
	Cached bool   // the session has a cache
	Theory string // by Bailis et al.: "available", or "sticky", which is for a session that stays
	Cells  []Cell
}

// theory is table 3 of Bailis et al., less what no session guarantee is about.
var theory = map[session.Level]string{
	session.Eventual: "available", session.ReadCommitted: "available", session.ItemCut: "available",
	session.MonotonicReads: "available", session.MonotonicWrites: "available", session.WritesFollowReads: "available",
	session.ReadYourWrites: "sticky", session.PRAM: "sticky", session.Causal: "sticky",
}

// Measure tries every level in every situation, monotonic reads with a cache as well.
func Measure() ([]Row, error) {
	var rows []Row
	for _, name := range session.Levels() {
		l, err := session.ParseLevel(name)
		if err != nil {
			return nil, err
		}
		for _, cached := range []bool{false, true} {
			if cached && l != session.MonotonicReads {
				continue
			}
			row := Row{Level: l, Cached: cached, Theory: theory[l]}
			for _, s := range Situations() {
				c, err := newCluster()
				if err != nil {
					return nil, fmt.Errorf("%w: %w", ErrSplit, err)
				}
				x := s.run(c, l, cached)
				if c.err != nil {
					return nil, fmt.Errorf("%w %s at %v: %w", ErrSplit, s.Name, l, c.err)
				}
				row.Cells = append(row.Cells, Cell{x.asked, x.got})
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// AckRow is one acknowledgement: whether a write is answered by a replica that is cut off
// from so many others.
type AckRow struct {
	Ack      session.Ack
	Answered [nodes]bool // by how many of the others are cut off
}

// MeasureAcks tries every acknowledgement.
func MeasureAcks() ([]AckRow, error) {
	var rows []AckRow
	for _, a := range []session.Ack{session.AckMemory, session.AckDurable, session.Owners(1), session.Owners(2), session.Owners(3)} {
		row := AckRow{Ack: a}
		for gone := range nodes {
			c, err := newCluster()
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrSplit, err)
			}
			for n := range gone {
				c.side[n+1] = n + 1
			}
			x := c.client(1, session.Eventual, false)
			x.put(0, "a", a)
			if c.err != nil {
				return nil, fmt.Errorf("%w: %w", ErrSplit, c.err)
			}
			row.Answered[gone] = x.got == x.asked
		}
		rows = append(rows, row)
	}
	return rows, nil
}
