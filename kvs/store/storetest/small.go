package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
)

// alphabet are the operations of small workloads. The last one is for those whose
// background work is queued: elsewhere there is none to step.
var alphabet = []Op{
	{Kind: Set, Key: 0, Serial: 1, Length: 10}, {Kind: Set, Key: 0, Serial: 2, Length: 600}, {Kind: Set, Key: 1, Serial: 3, Length: 10},
	{Kind: Delete, Key: 0}, {Kind: Sync}, {Kind: Snapshot}, {Kind: Idle}, {Kind: Restore, N: 0}, {Kind: Restore, N: 1},
	{Kind: Collect, N: 1}, {Kind: Reopen}, {Kind: Crash}, {Kind: Step},
}

// small are all workloads of one and of two operations, and one in every of three, beginning
// with the every-th; shorter ones come first.
func small(queued bool, every int) []Workload {
	ops := alphabet
	if !queued {
		ops = ops[:len(ops)-1]
	}
	var all []Workload
	last := []Workload{nil}
	for n := 1; n <= 3; n++ {
		var longer []Workload
		for _, w := range last {
			for _, o := range ops {
				longer = append(longer, slices.Concat(w, Workload{o}))
			}
		}
		last = longer
		for i, w := range longer {
			if n < 3 || i%every == every-1 {
				all = append(all, w)
			}
		}
	}
	return all
}

// smallStride is how far the crash points of a workload of n operations lie apart. With
// -storetest.long that is 1, so that none is left out, and 5 for engines that are crashed on
// copies: their runs are slow, and differ. Without, it is 307 for those, and else 1 for workloads of
// one operation, 7 of two, and 61 of three; the first point moves on by one with each workload, so
// that all kinds of points have their turn.
func smallStride(e Engine, n int) int64 {
	switch {
	case *long && e.Clones:
		return 5
	case *long:
		return 1
	case e.Clones:
		return 307
	}
	return [...]int64{1: 1, 2: 7, 3: 61}[n]
}

// merging is where small workloads may begin from: with two published versions, of whose files
// the merge, in which a tombstone meets what it deletes, is under way.
var merging = Workload{
	{Kind: Set, Key: 0, Serial: 4, Length: 600}, {Kind: Snapshot}, {Kind: Delete, Key: 0}, {Kind: Set, Key: 1, Serial: 5, Length: 600},
	{Kind: Snapshot}, {Kind: Step},
}

// testSmall runs all workloads of up to three operations and cuts the power at their disk
// operations, [smallStride] apart: with background work that runs at once; and of an engine that has
// such work and takes a queue for it, with a queue of which each step is an operation, and with that
// behind [merging]. With -storetest.long it does so at each level of durability that the engine has.
// Without, a workload has one of them, in turn, and with a queue only one in 5 of three operations is
// run, behind merging one in 11.
func testSmall(t *testing.T, e Engine) {
	beside(t, "small", func(t *testing.T) { testSmallBehind(t, e, nil, false, 1) })
	out, err := Run(Config{Engine: e, Durability: e.Durabilities[0], Queued: true}, merging)
	require.NoError(t, err)
	if !steps(out.History) { // it merges nothing, or on goroutines of its own
		t.Logf("%s takes no queue", e.Name)
		return
	}
	beside(t, "small queued", func(t *testing.T) { testSmallBehind(t, e, nil, true, 5) })
	beside(t, "small merging", func(t *testing.T) { testSmallBehind(t, e, merging, true, 11) })
}

func testSmallBehind(t *testing.T, e Engine, begin Workload, queued bool, every int) {
	if *long {
		every = 1
	}
	runs := smallRuns{begin: begin}
	for i, w := range small(queued, every) {
		at := e.Durabilities
		if !*long {
			at = at[(i+i/len(alphabet))%len(at):][:1] // not all of those with one last operation at one level
		}
		for _, d := range at {
			require.NoError(t, runs.add(Config{Engine: e, Durability: d, Crash: sim.Low, Queued: queued}, w))
		}
	}
	if e.Clones { // whose runs differ: one may be over before its point
		require.Greater(t, runs.cut, runs.points*9/10)
	} else {
		require.Equal(t, runs.points, runs.cut, "the power is cut at each point")
	}
	if queued {
		require.Positive(t, runs.stepped)
	}
	t.Logf("%d runs, %d of them with a step of background work, %d crash points", runs.whole, runs.stepped, runs.points)
}

// steps reports that a step of background work is among what was run.
func steps(history []string) bool {
	return slices.ContainsFunc(history, func(line string) bool { return strings.HasSuffix(line, " "+stepped) })
}

// smallRuns counts runs of small workloads, each of which is behind the same beginning.
type smallRuns struct {
	begin                       Workload
	whole, stepped, points, cut int
}

// add runs a workload whole, and then once for each point at which the power is cut.
func (s *smallRuns) add(c Config, w Workload) error {
	all := slices.Concat(s.begin, w)
	whole, err := Run(c, all)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, all)
	}
	s.whole++
	if steps(whole.History[len(s.begin):]) {
		s.stepped++
	}
	first, stride := int64(1), smallStride(c.Engine, len(w))
	if len(s.begin) > 0 {
		first += whole.Began[len(s.begin)]
	}
	for at := first + int64(s.whole)%stride; at <= whole.Ops; at += stride {
		c.CrashAt, c.Seed = at, uint64(at)
		out, err := Run(c, all)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, all)
		}
		if out.Ops < at && slices.ContainsFunc(w, func(o Op) bool { return o.Kind == Crash }) {
			continue // its own crash left something else, and it was over sooner
		}
		s.points++
		s.cut += out.Cuts
	}
	return nil
}
