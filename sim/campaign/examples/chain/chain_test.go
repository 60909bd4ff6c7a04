package chain_test

import (
	"testing"

	"github.com/joinery-go/joinery/sim/campaign/examples/chain"
	"github.com/joinery-go/joinery/sim/simtest"
)

func TestChain(t *testing.T) { simtest.Fuzz(t, chain.Protocol(), simtest.Seeds(1, 4000)) }
