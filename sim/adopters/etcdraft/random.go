package etcdraft

import (
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/standin"
)

// choosing does work while crypto/rand, of which the library asks its timeouts, ten to twenty
// ticks, gives choices of the run. All of them 0 is the shortest.
func choosing(c *sim.Context, work func()) { standin.Rand(c, "raft.random", 10, work) }
