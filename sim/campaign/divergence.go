package campaign

import (
	"context"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/gen/choice/tapefile"
	"github.com/joinery-go/joinery/sim"
)

const divergenceLines = 6 // shown before, and of each run

// divergence is the violation of a seed that has two traces. It runs the seed
// again with traces kept, to say where two runs part.
func (rn *runner) divergence(ctx context.Context, res, again *Result, o Options) (Violation, error) {
	v := Violation{
		Oracle: OracleDeterminism, Kind: "trace", Node: -1,
		Message: fmt.Sprintf("one seed, two traces: %s and %s", FormatHash(res.TraceHash), FormatHash(again.TraceHash)),
	}
	if res.TraceHash == again.TraceHash {
		v.Kind = "verdict"
		v.Message = fmt.Sprintf("one trace, %s, two verdicts: %s; and %s", FormatHash(res.TraceHash), res.verdict(), again.verdict())
		return v, nil
	}
	where, err := rn.part(ctx, res.Seed, o)
	if err != nil {
		return v, err
	}
	v.Message += "\n" + where
	return v, nil
}

const moreRuns = 8 // to find two that part

// part runs a seed several times more, until two runs part, and says where.
func (rn *runner) part(ctx context.Context, seed uint64, o Options) (string, error) {
	var first *sim.World
	for range moreRuns {
		one, err := rn.seed(ctx, seed, o, keep{records: traceRecords})
		if err != nil {
			return "", err
		}
		if first == nil || one.world == nil {
			first = one.world
			continue
		}
		var b strings.Builder
		parted, err := sim.WriteDivergence(&b, first, one.world, divergenceLines)
		if err != nil {
			return "", fmt.Errorf("campaign: %w", err)
		}
		if parted {
			return strings.TrimSuffix(b.String(), "\n"), nil
		}
	}
	return fmt.Sprintf("%d more runs have one trace: what parted the first depends on what ran before them", moreRuns), nil
}

// verdict is what a run was found to violate, in a line.
func (res *Result) verdict() string {
	if len(res.Violations) == 0 {
		return "nothing violated"
	}
	var all []string
	for _, v := range res.Violations {
		all = append(all, v.Signature())
	}
	return strings.Join(all, ", ")
}

// FormatHash writes a trace hash as all outputs show it.
func FormatHash(h uint64) string { return tapefile.FormatHash(h) }
