package storetest

import (
	"flag"
	"fmt"
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim"
)

var long = flag.Bool("storetest.long", false, "run all small workloads at all crash points, and ten times the random ones")

// Test runs the suite on an engine: random workloads without and with crashes and
// disk errors, and small workloads at their crash points.
func Test(t *testing.T, e Engine) {
	lessOften(t)
	for _, d := range e.Durabilities {
		beside(t, "quiet/"+d.String(), func(t *testing.T) { testRandom(t, e, d, false, sim.Off) })
		beside(t, "crashes/"+d.String(), func(t *testing.T) { testRandom(t, e, d, true, sim.Off) })
		beside(t, "points/"+d.String(), func(t *testing.T) { testPoints(t, e, d) })
		if !e.Clones {
			beside(t, "errors/"+d.String(), func(t *testing.T) { testRandom(t, e, d, true, sim.Low) })
		}
	}
	testSmall(t, e)
	if !e.Clones {
		beside(t, "failing", func(t *testing.T) { testFailing(t, e) })
		beside(t, "failures", func(t *testing.T) { testFailures(t, e) })
	}
	t.Run("lazily", func(t *testing.T) {
		r, err := e.Open(store.Options{Dir: "dir", FS: newDisk(t), Lazy: true})
		if !e.Lazy {
			require.ErrorIs(t, err, store.ErrUnsupported)
			require.ErrorContains(t, err, e.Name)
			return
		}
		require.NoError(t, err)
		require.NoError(t, r.Close())
	})
	beside(t, "seeded", func(t *testing.T) { testSeeded(t, e) })
}

// beside runs a test of the suite, each of which has a disk of its own, beside others.
func beside(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(t)
	})
}

// lessOften has memory collected less often while t runs: a test makes many small disks.
func lessOften(t *testing.T) {
	before := debug.SetGCPercent(400)
	t.Cleanup(func() { debug.SetGCPercent(before) })
}

// testSeeded cuts the power at disk operations of seeded workloads, which, other than
// rapid's, do not lean towards small numbers.
func testSeeded(t *testing.T, e Engine) {
	n := 400
	if e.Clones {
		n = 100
	}
	if *long {
		n = 12000
	}
	points, err := Points(e, n, 1)
	require.NoError(t, err)
	t.Logf("%d crash points", points)
}

// testFailing runs seeded workloads on a disk that fails now and then, and on one that
// often does: each failure that an operation reports ends in a crash, and one that it
// does not report must have cost nothing.
func testFailing(t *testing.T, e Engine) {
	n := uint64(200)
	if *long {
		n = 10000
	}
	crashes := 0
	for seed := range n {
		c := Config{
			Engine: e, Durability: e.Durabilities[int(seed)%len(e.Durabilities)], Crash: sim.Extreme,
			Errors: sim.Low, Seed: seed, Queued: seed&4 == 0,
		}
		if seed%3 == 0 {
			c.Errors = sim.Extreme
		}
		w := Draw(choice.Seeded(seed), 60, true)
		out, err := Run(c, w)
		require.NoError(t, err)
		crashes += out.Crashes
	}
	require.Positive(t, crashes)
	t.Logf("%d workloads, %d crashes", n, crashes)
}

// testFailures has the disk operations of seeded workloads fail one at a time, some of
// them in the background, where no operation is there to report them.
func testFailures(t *testing.T, e Engine) {
	for i, d := range e.Durabilities {
		for queued := range 2 {
			seed := uint64(100 + 2*i + queued)
			w := Draw(choice.Seeded(seed), 40, false)
			c := Config{Engine: e, Durability: d, Crash: sim.Extreme, Errors: sim.Low, Seed: seed, Queued: queued == 1, FailAt: math.MaxInt64}
			whole, err := Run(c, w)
			require.NoError(t, err)
			require.Positive(t, whole.Asked)
			stride := int64(1)
			if !*long {
				stride += whole.Asked / 40
			}
			for at := int64(1); at <= whole.Asked; at += stride {
				c.FailAt = at
				out, err := Run(c, w)
				require.NoError(t, err)
				require.Equal(t, int64(1), out.Disk.Errors)
			}
		}
	}
}

// testRandom lets rapid draw workloads and shrink one that departs.
func testRandom(t *testing.T, e Engine, d store.Durability, crashes bool, faults sim.Level) {
	rapid.Check(t, func(rt *rapid.T) {
		src := choice.FromRapid(rt)
		c := Config{
			Engine: e, Durability: d, Crash: sim.Extreme, Errors: faults,
			Seed:   src.Choose(choice.Point{Site: "seed", N: 1 << 32}),
			Queued: src.Choose(choice.Point{Site: "queued", N: 2}) == 1,
		}
		n := 1 + int(src.Choose(choice.Point{Site: "operations", N: 60}))
		w := Draw(src, n, crashes)
		if _, err := Run(c, w); err != nil {
			rt.Fatal(err)
		}
	})
}

// testPoints cuts the power at disk operations of seeded workloads, spread over them, after
// which a seeded part of what was not synced survives.
func testPoints(t *testing.T, e Engine, d store.Durability) {
	workloads := 2
	if *long {
		workloads = 20
	}
	points, crashes, kept, torn := 0, 0, int64(0), int64(0)
	for seed := range uint64(workloads) {
		w := Draw(choice.Seeded(seed), 50, false)
		c := Config{Engine: e, Durability: d, Crash: sim.Extreme, Seed: seed, Queued: seed%2 == 1}
		whole, err := Run(c, w)
		require.NoError(t, err)
		stride := 1 + whole.Ops/75
		if *long {
			stride = 1 + whole.Ops/150
		}
		for at := int64(1); at <= whole.Ops; at += stride {
			c.CrashAt, c.Seed = at, seed*1000003+uint64(at)
			out, err := Run(c, w)
			require.NoError(t, err)
			points, crashes = points+1, crashes+out.Crashes
			kept, torn = kept+out.Disk.Kept, torn+out.Disk.Torn
		}
	}
	require.Positive(t, points)
	if e.Clones { // whose runs differ: one may be over before its point
		require.Greater(t, crashes, points*9/10)
	} else {
		require.Equal(t, points, crashes, "each point cuts the power once")
	}
	t.Logf("%d crash points; %d unsynced writes survived, %d were torn", points, kept, torn)
}

// Points cuts the power n times at disk operations of seeded workloads, at all levels
// of durability in turn, and returns the first departure. The workloads themselves
// cut it too.
func Points(e Engine, n int, seed uint64) (points int, err error) {
	for ; points < n; seed++ {
		c := Config{
			Engine: e, Durability: e.Durabilities[int(seed)%len(e.Durabilities)], Crash: sim.Extreme, Seed: seed, Queued: seed&4 == 0,
		}
		w := Draw(choice.Seeded(seed), 60, true)
		whole, err := Run(c, w)
		if err != nil {
			return points, fmt.Errorf("%w\n%s", err, w)
		}
		points += whole.Crashes
		for at := 1 + int64(seed%7); at <= whole.Ops && points < n; at += 7 {
			c.CrashAt, c.Seed = at, seed*1000003+uint64(at)
			out, err := Run(c, w)
			if err != nil {
				return points, fmt.Errorf("%w\n%s", err, w)
			}
			points += out.Crashes
		}
	}
	return points, nil
}
