package workers

import (
	"flag"
	"testing"

	"github.com/joinery-go/joinery/sim/engines"
	"github.com/joinery-go/joinery/sim/simtest"
)

var (
	seeds = flag.Uint64("workers-seeds", 25, "seeds an engine")
	first = flag.Uint64("workers-first", 1, "first seed")
)

// TestCampaign fuzzes the system on every engine.
func TestCampaign(t *testing.T) {
	for _, engine := range engines.Names() {
		t.Run(engine, func(t *testing.T) {
			opts := []simtest.Option{simtest.Seeds(*first, *seeds), simtest.KeepNothing(), simtest.Workers(1)}
			if *seeds < 1000 {
				opts = append(opts, simtest.NeedNotReachAll())
			}
			simtest.Fuzz(t, Protocol(engine), opts...)
		})
	}
}
