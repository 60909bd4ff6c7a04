//go:build replay

// Package run_test replays what broke with seed 8: convergence/register/read/3.
package run_test

import (
	"testing"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestReplay runs these operations under the choices of the tape:
//
//	12 at 59.000001ms s0 n3>n3>n3 write register "r5" "v12"
//	sim.crash a74def899a85824c = 3
//	sim.restore 3ae6bcb30a12c855 = 1
func TestReplay(t *testing.T) { scenario.AssertHolds(t, "tape.json") }
