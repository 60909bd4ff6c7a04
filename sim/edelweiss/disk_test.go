package edelweiss_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/edelweiss"
)

var (
	seeds = flag.Int("disk-seeds", 2, "fault seeds a program and engine")
	first = flag.Uint64("disk-first", 1, "first fault seed")
)

func options(t testing.TB, r *reclaim.Result, engine string, seed uint64) trial.Options {
	t.Helper()
	disks, err := edelweiss.Disks(r.Program, engine)
	require.NoError(t, err)
	return trial.Options{Seed: seed, Faults: true, Engine: engine, Disks: disks}
}

// TestPrograms takes every shipped program through crashes, failing writes and torn
// tails on every engine: outputs equal, storage given back, and nothing lost that was
// acknowledged.
func TestPrograms(t *testing.T) {
	for _, engine := range edelweiss.Engines() {
		for _, name := range programs.Names() {
			t.Run(engine+"/"+name, func(t *testing.T) {
				p, err := programs.Load(name)
				require.NoError(t, err)
				r, err := reclaim.Rewrite(p, reclaim.All)
				require.NoError(t, err)
				compared := 0
				for seed := *first; seed < *first+uint64(*seeds); seed++ {
					report, err := trial.Run(p, r.Program, trial.Workloads[name], options(t, r, engine, seed))
					require.NoError(t, err)
					if report.Converged {
						compared++
					}
				}
				t.Logf("%d of %d worlds compared", compared, *seeds)
			})
		}
	}
}

// lazy is a disk that says at once that a timestep is durable, and makes it so with the
// next one.
type lazy struct {
	trial.Disk
	gone, added []eval.Fact
	kept        bool
}

func (l *lazy) Keep(c *sim.Context, gone, added []eval.Fact) error {
	before := *l
	l.gone, l.added, l.kept = gone, added, true
	if !before.kept {
		return nil
	}
	return l.Disk.Keep(c, before.gone, before.added)
}

func (l *lazy) Crash(c *sim.CrashContext) {
	l.gone, l.added, l.kept = nil, nil, false
	l.Disk.Crash(c)
}

// TestAcknowledgedBeforeDurable: a node that lets others hear of a timestep before it is
// durable is found.
func TestAcknowledgedBeforeDurable(t *testing.T) {
	p, err := programs.Load("unicast")
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	for _, engine := range edelweiss.Engines() {
		found := uint64(0)
		for seed := uint64(1); seed <= 20 && found == 0; seed++ {
			o := options(t, r, engine, seed)
			honest := o.Disks
			o.Disks = func(n sim.NodeID, src choice.Source, faulty bool, until sim.Time) (trial.Disk, error) {
				d, err := honest(n, src, faulty, until)
				return &lazy{Disk: d}, err
			}
			if _, err := trial.Run(p, r.Program, trial.Workloads["unicast"], o); err != nil {
				require.ErrorIs(t, err, trial.ErrLost)
				found = seed
			}
		}
		assert.NotZero(t, found, engine)
		t.Logf("%s: found with seed %d", engine, found)
	}
}

func TestDeterministic(t *testing.T) {
	p, err := programs.Load("kvs")
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	for _, engine := range edelweiss.Engines() {
		for seed := uint64(1); seed < 4; seed++ {
			a, err := trial.Run(p, r.Program, trial.Workloads["kvs"], options(t, r, engine, seed))
			require.NoError(t, err)
			b, err := trial.Run(p, r.Program, trial.Workloads["kvs"], options(t, r, engine, seed))
			require.NoError(t, err)
			assert.Equal(t, a, b)
		}
	}
	_, err = edelweiss.Disks(p, "tape")
	require.ErrorIs(t, err, edelweiss.ErrEngine)
}

// noted is a source that counts by site what it chose other than 0.
type noted struct {
	choice.Source
	seen map[string]int
}

func (n noted) Choose(p choice.Point) uint64 {
	v := n.Source.Choose(p)
	if v != 0 {
		n.seen[p.Site]++
	}
	return v
}

// TestDisksFail: the disks under programs lose what was not synced, and fail operations
// while a timestep is being kept.
func TestDisksFail(t *testing.T) {
	p, err := programs.Load("unicast")
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	seen := map[string]int{}
	for seed := uint64(1); seed <= 20; seed++ {
		o := options(t, r, "lsm", seed)
		honest := o.Disks
		o.Disks = func(n sim.NodeID, src choice.Source, faulty bool, until sim.Time) (trial.Disk, error) {
			return honest(n, noted{src, seen}, faulty, until)
		}
		_, err := trial.Run(p, r.Program, trial.Workloads["unicast"], o)
		require.NoError(t, err)
	}
	crashes, operations := 0, 0
	for site, n := range seen {
		switch {
		case strings.HasPrefix(site, "fs.crash."):
			crashes += n
		case strings.HasPrefix(site, "fs."):
			operations += n
		}
	}
	assert.Positive(t, crashes, "%v", seen)
	assert.Positive(t, operations, "%v", seen)
}
