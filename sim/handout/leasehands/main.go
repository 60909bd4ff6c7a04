// Command leasehands does what is left to do of a campaign of a lease that is broken, as
// workers of it agree by a NATS server, or without one.
package main

import (
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
	"github.com/joinery-go/joinery/sim/handout"
)

func main() { handout.Main(lease.With(lease.FromNow)) }
