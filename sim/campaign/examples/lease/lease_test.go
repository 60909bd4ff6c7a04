package lease_test

import (
	"testing"

	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
	"github.com/joinery-go/joinery/sim/simtest"
)

func TestLease(t *testing.T) { simtest.Fuzz(t, lease.Protocol(), simtest.Seeds(1, 5000)) }

func FuzzLease(f *testing.F) { simtest.FuzzBytes(f, lease.Protocol()) }
