// Command raftsim fuzzes etcd's raft library in a simulated world, and replays, shrinks and
// bisects what fails.
package main

import (
	"github.com/joinery-go/joinery/cmd/simtool"
	"github.com/joinery-go/joinery/sim/adopters/etcdraft"
)

func main() { simtool.Main(etcdraft.Protocol()) }
