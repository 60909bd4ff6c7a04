package scenario

import (
	"context"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/sim"
)

const divergenceLines = 6 // shown before, and of each run

// Divergence runs a result's seed twice more with traces kept, and says where they
// part, or that they do not: then what parted before depends on something that
// changes slowly, such as what ran before in the process.
func Divergence(ctx context.Context, res *Result) (string, error) {
	var worlds [2]*sim.World
	for i := range worlds {
		if res.source == nil {
			return "", fmt.Errorf("%w: its source cannot be asked again", ErrRebase)
		}
		src, err := res.source()
		if err != nil {
			return "", err
		}
		again, err := new(Runner).run(ctx, res.Setup, res.ops, src, options{records: traceRecords})
		if err != nil {
			return "", err
		}
		worlds[i] = again.world
	}
	var b strings.Builder
	parted, err := sim.WriteDivergence(&b, worlds[0], worlds[1], divergenceLines)
	if err != nil {
		return "", fmt.Errorf("scenario: %w", err)
	}
	if !parted {
		return fmt.Sprintf("two more runs have one trace, %s", FormatHash(worlds[0].Hash())), nil
	}
	return b.String(), nil
}
