// Command example is a program made of the protocols that package campaign has for
// examples, each as it should be, and of the store with a causal value, as it should be and as
// it was published, which fails. It is how such a program looks, and no more.
package main

import (
	"github.com/joinery-go/joinery/cmd/simtool"
	"github.com/joinery-go/joinery/sim/campaign/examples/chain"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
	"github.com/joinery-go/joinery/sim/campaign/examples/primarybackup"
	"github.com/joinery-go/joinery/sim/causalvalue"
)

func main() {
	simtool.Main(lease.Protocol(), chain.Protocol(), primarybackup.Protocol(), causalvalue.Protocol(false), causalvalue.Protocol(true))
}
