package campaign_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/examples/chain"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
)

// written is all that a campaign says, down to each failing seed.
func written(t *testing.T, r *campaign.Report) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	require.NoError(t, enc.Encode(r.Line(0)))
	for _, f := range r.Failures {
		require.NoError(t, enc.Encode(f.Line(&campaign.Kept[*campaign.Shrunk]{})))
	}
	fmt.Fprintln(&b, r.Effective, r.Longest)
	return b.String()
}

// TestOutcomeDoesNotDependOnWorkers: what a campaign counts and finds is the same with
// any number of workers, also where it stops at failures.
func TestOutcomeDoesNotDependOnWorkers(t *testing.T) {
	for _, p := range []campaign.Protocol{toy(nil), chain.With(chain.AnyOrder), lease.Protocol()} {
		for _, o := range []campaign.Options{{Seeds: 150, Failures: 7}, {Seed: 40, Seeds: 60, Failures: 1000, Strategy: "pct"}, {Seeds: 60, Strategy: "uniform"}} {
			o.Workers = 1
			want := written(t, fuzz(t, p, o))
			for _, workers := range []int{2, 7} {
				o.Workers = workers
				require.Equal(t, want, written(t, fuzz(t, p, o)), "%s with %d workers, %+v", p.Name, workers, o)
			}
		}
	}
}

// TestToyIsFoundAndShrunk: the run of each class that matters is kept, repeats from its
// tape to the same trace, and shrinks to an operation and a fault.
func TestToyIsFoundAndShrunk(t *testing.T) {
	p := toy(nil)
	res, tape := firstFailure(t, p, 100)
	assert.Equal(t, "check/counted wrongly//-1", res.Violations[0].Signature())
	assert.Equal(t, res.TraceHash, tape.TraceHash)
	s, err := p.Shrink(t.Context(), tape, 0)
	require.NoError(t, err)
	assert.True(t, s.Settled)
	assert.Len(t, s.Tape.Operations, 1)
	assert.Equal(t, 1, s.Tape.Faults())
	assert.Zero(t, s.Tape.Choices())
	again, err := p.Replay(t.Context(), s.Tape)
	require.NoError(t, err)
	assert.Equal(t, s.Tape.TraceHash, again.TraceHash)
	assert.Contains(t, s.Result.ShortDiagram(), "count")
}

// TestNothingIsForgottenOnReplay: whatever a seed drew, and whichever classes it has,
// its tape leads to the same trace and verdict, read back from its file as well.
func TestNothingIsForgottenOnReplay(t *testing.T) {
	every := make([]sim.Class, sim.AllClasses)
	for c := range every {
		every[c] = sim.Class(c)
	}
	p := chain.Protocol()
	p.Setup.Faults = campaign.Bears(every...)
	p.Vary = func(s *campaign.Setup, d *campaign.Draw) {
		s.FIFO = d.N("fifo", 2) == 1
		s.SetParam("unused", d.Between("unused", 3, 9))
		s.Clients = d.Between("clients", 1, 3)
	}
	effective := map[sim.Class]int{}
	for _, strategy := range campaign.Strategies() {
		r := fuzz(t, p, campaign.Options{Seeds: 120, Failures: 1000, Strategy: strategy, TwiceEvery: -1, Progress: func(*campaign.Report) {}})
		require.Equal(t, int64(120), r.Seeds)
		require.Greater(t, len(r.Failures), 10, "it does not bear all that")
		for _, f := range r.Failures {
			tape, again, err := p.Record(t.Context(), f)
			require.NoError(t, err, "%s, seed %d", strategy, f.Seed)
			require.Equal(t, f.TraceHash, again.TraceHash)
			var b bytes.Buffer
			require.NoError(t, tape.Write(&b))
			read, of, err := campaign.LoadTape(&b, &p)
			require.NoError(t, err)
			require.Same(t, &p, of)
			require.Equal(t, tape, read)
			for c, yes := range f.Effective {
				if yes {
					effective[sim.Class(c)]++
				}
			}
		}
	}
	for _, c := range every {
		if c != sim.Version { // there is one version of it
			assert.Positive(t, effective[c], "%v", c)
		}
	}
}

// TestEnumKinds: names of an enumeration stand from a kind on, with what is no kind left out.
func TestEnumKinds(t *testing.T) {
	assert.Equal(t, []string{"a", "b", "", "zero", "", "two"},
		campaign.EnumKinds([]string{"a", "b"}, 3, map[int32]string{0: "zero", 2: "two", -1: "below", 65_533: "above", 1 << 30: "far above"}))
	assert.Equal(t, []string{"a", "zero", "c"}, campaign.EnumKinds([]string{"a", "b", "c"}, 1, map[int32]string{0: "zero"}))
	last := campaign.EnumKinds(nil, 3, map[int32]string{65_532: "last"})
	assert.Len(t, last, 1<<16)
	assert.Equal(t, "last", last[1<<16-1])
	assert.Empty(t, campaign.EnumKinds(nil, 3, nil))
}

// TestTwoTraces: a protocol that the order of a map reaches is found by running seeds
// twice, kept, and not shrunk.
func TestTwoTraces(t *testing.T) {
	p := unfailing(func(c *sim.Context, _ *counter) {
		if c.Kind() != 1 {
			return
		}
		for word := range map[byte]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true, 6: true} {
			c.Send((c.Self()+1)%3, 2, []byte{word})
		}
	})
	p.Kinds = append(p.Kinds, "word")
	r := fuzz(t, p, campaign.Options{Seeds: 40, Failures: 1})
	require.Len(t, r.Failures, 1)
	res := r.Failures[0]
	assert.Equal(t, uint64(20), res.Seed)
	assert.Equal(t, "determinism/trace//-1", res.Violations[0].Signature())
	assert.Contains(t, res.Violations[0].Message, "one seed, two traces")
	assert.Contains(t, res.Violations[0].Message, "the traces part at line")
	assert.Equal(t, int64(0), r.Twice)

	dir := t.TempDir()
	kept := campaign.Keep(t.Context(), &campaign.Folder{Dir: dir}, p.Failing(res), 0)
	require.NoError(t, kept.Err, "that it does not repeat is what was found")
	assert.False(t, kept.Shrunk)
	said, err := os.ReadFile(filepath.Join(dir, "seed-20", "violations.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(said), "two traces")
	assert.NoFileExists(t, filepath.Join(dir, "seed-20", campaign.SmallTape))
}

// TestUnsteadyFailureIsKept: a failing seed that was not run twice, and does not repeat
// when it is recorded, is kept with what was found of it, and that it does not repeat is
// said.
func TestUnsteadyFailureIsKept(t *testing.T) {
	var mu sync.Mutex
	calls := 0
	p := toy(nil)
	inner := p.New
	p.New = func(r *campaign.Run) campaign.Instance {
		in := inner(r)
		in.Check = func(*campaign.Run) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == 1 {
				return errToy
			}
			return nil
		}
		return in
	}
	r := fuzz(t, p, campaign.Options{Seeds: 1})
	require.Len(t, r.Failures, 1)
	dir := t.TempDir()
	kept := campaign.Keep(t.Context(), &campaign.Folder{Dir: dir}, p.Failing(r.Failures[0]), 0)
	require.ErrorIs(t, kept.Err, campaign.ErrUnsteady)
	said, err := os.ReadFile(filepath.Join(dir, "seed-1", "violations.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(said), "check/toy//-1")
}

// TestPanics: a panic anywhere in the protocol is a finding, named by the function that
// panicked, kept with tape and seed, and shrunk; the campaign goes on.
func TestPanics(t *testing.T) {
	p := unfailing(func(c *sim.Context, a *counter) {
		if len(a.seen) == 2 {
			var none []int
			_ = none[len(a.seen)]
		}
	})
	r := fuzz(t, p, campaign.Options{Seeds: 30, Failures: 5, Workers: 2})
	require.Len(t, r.Failures, 5)
	v := r.Failures[0].Violations[0]
	assert.Equal(t, campaign.OraclePanic, v.Oracle)
	assert.Contains(t, v.Kind, "TestPanics")
	assert.Regexp(t, `^runtime error: index out of range \[2\] with length 0, in campaign_test\.TestPanics\.func1 at \S+/sim/campaign_test/campaign_test\.go:\d+\n`+
		`  campaign_test\.TestPanics\.func1 at \S+\n  campaign_test\.\(\*counter\)\.Receive at \S+/toy_test\.go:\d+$`, v.Message)
	assert.Equal(t, v, fuzz(t, p, campaign.Options{Seeds: 30, Failures: 5}).Failures[0].Violations[0], "the same each time")
	dir := t.TempDir()
	kept := campaign.Keep(t.Context(), &campaign.Folder{Dir: dir}, p.Failing(r.Failures[0]), 0)
	require.NoError(t, kept.Err)
	require.True(t, kept.Shrunk)
	assert.Len(t, kept.Form.Tape.Operations, 3)
	assert.FileExists(t, kept.Small)

	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	p = unfailing(func(*sim.Context, *counter) { log.Panicf("by way of a logger") })
	r = fuzz(t, p, campaign.Options{Seeds: 1})
	assert.Contains(t, r.Failures[0].Violations[0].Kind, "TestPanics", "whoever called the logger")
	p = unfailing(func(*sim.Context, *counter) { _ = strings.Repeat("x", -len(t.Name())) })
	r = fuzz(t, p, campaign.Options{Seeds: 1})
	v = r.Failures[0].Violations[0]
	assert.Equal(t, "strings.Repeat", v.Kind)
	assert.Regexp(t, `negative Repeat count, in campaign_test\.TestPanics\.func\d at \S+/campaign_test\.go:\d+\n  strings\.Repeat at strings/strings\.go:\d+\n`, v.Message, "the line of the protocol's own")

	for what, broken := range map[string]func(*campaign.Protocol){
		"New": func(p *campaign.Protocol) { p.New = func(*campaign.Run) campaign.Instance { panic("begin") } },
		"Actor": func(p *campaign.Protocol) {
			wrap(p, func(in *campaign.Instance) { in.Actor = func(sim.NodeID) sim.Actor { panic("make") } })
		},
		"Check": func(p *campaign.Protocol) {
			wrap(p, func(in *campaign.Instance) { in.Check = func(*campaign.Run) error { panic("judge") } })
		},
		"Done": func(p *campaign.Protocol) {
			wrap(p, func(in *campaign.Instance) { in.Done = func(*campaign.Run) bool { panic("done") } })
		},
	} {
		p := unfailing(nil)
		broken(&p)
		r := fuzz(t, p, campaign.Options{Seeds: 3, Failures: 3})
		require.Len(t, r.Failures, 3, what)
		assert.Equal(t, campaign.OraclePanic, r.Failures[0].Violations[0].Oracle, what)
		_, _, err := p.Record(t.Context(), r.Failures[0])
		require.NoError(t, err, what)
	}
	p = unfailing(nil)
	p.Plan = func(*campaign.Plan) { panic("plan") }
	_, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 3})
	require.ErrorIs(t, err, campaign.ErrProtocol)
	require.ErrorContains(t, err, "seed 1: Vary or Plan panics: plan")
}

func wrap(p *campaign.Protocol, change func(in *campaign.Instance)) {
	inner := p.New
	p.New = func(r *campaign.Run) campaign.Instance {
		in := inner(r)
		change(&in)
		return in
	}
}

// TestGoexit: a protocol that ends its goroutine, as a test's FailNow does, is an error
// that names the seed, and no worker hangs.
func TestGoexit(t *testing.T) {
	p := unfailing(func(*sim.Context, *counter) { runtime.Goexit() })
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 30, Workers: 3})
	require.ErrorIs(t, err, campaign.ErrWorker)
	require.ErrorContains(t, err, "seed 1 ended its goroutine")
	assert.Zero(t, r.Seeds)
}

// TestMisuseOfTheWorldIsFound: what passes a bound of the world, or sends to nobody.
func TestMisuseOfTheWorldIsFound(t *testing.T) {
	for kind, does := range map[string]func(c *sim.Context, _ *counter){
		"bound passed": func(c *sim.Context, _ *counter) { c.Send(0, 1, []byte{1}); c.Send(1, 1, []byte{2}) },
		"no such node": func(c *sim.Context, _ *counter) { c.Send(99, 1, nil) },
	} {
		p := unfailing(does)
		p.Setup.Events = 10_000
		res, tape := firstFailure(t, p, 5)
		assert.Equal(t, campaign.OracleBound, res.Violations[0].Oracle)
		assert.Equal(t, kind, res.Violations[0].Kind)
		s, err := p.Shrink(t.Context(), tape, 0)
		require.NoError(t, err)
		assert.Len(t, s.Tape.Operations, 1)
	}
	p := unfailing(func(c *sim.Context, _ *counter) { c.Fail(errToy) })
	_, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 3})
	require.ErrorIs(t, err, errToy, "an error of the simulation is no finding")
	require.ErrorContains(t, err, "counter: seed 1")
}

// TestUntil: what must come about, or must always hold, ends the run where it does.
func TestUntil(t *testing.T) {
	p := unfailing(nil)
	wrap(&p, func(in *campaign.Instance) {
		in.Done = func(r *campaign.Run) bool { return r.World().Now() > 600*sim.Millisecond }
	})
	r := fuzz(t, p, campaign.Options{Seeds: 1})
	require.Equal(t, int64(1), r.Violating, "there is no event after which to notice it")
	assert.Equal(t, "done/not done//-1", r.Failures[0].Violations[0].Signature())

	p = unfailing(func(c *sim.Context, a *counter) { c.After(100*sim.Millisecond, 1) })
	wrap(&p, func(in *campaign.Instance) { in.Done = func(r *campaign.Run) bool { return true } })
	r = fuzz(t, p, campaign.Options{Seeds: 1})
	assert.Zero(t, r.Violating)
	assert.Less(t, r.Longest, 700*sim.Millisecond)

	p = unfailing(nil)
	wrap(&p, func(in *campaign.Instance) {
		in.Always = func(r *campaign.Run) error {
			if a, ok := r.World().Actor(1).(*counter); ok && a.n > 2 {
				return campaign.Violation{Kind: "many", Node: 1, Message: "three"}
			}
			return nil
		}
	})
	res, tape := firstFailure(t, p, 5)
	assert.Equal(t, []string{"always/many//1"}, tape.Violations)
	assert.Less(t, res.Took, 500*sim.Millisecond, "it is noticed when it happens")
	s, err := p.Shrink(t.Context(), tape, 0)
	require.NoError(t, err)
	assert.Len(t, s.Tape.Operations, 3)

	p = unfailing(func(c *sim.Context, _ *counter) { c.Send((c.Self()+1)%3, 1, nil) })
	p.Setup.Rest = true
	r = fuzz(t, p, campaign.Options{Seeds: 1})
	require.Len(t, r.Failures, 1)
	assert.Equal(t, "done/no rest//-1", r.Failures[0].Violations[0].Signature())
	p = unfailing(nil)
	p.Setup.Rest = true
	assert.Zero(t, fuzz(t, p, campaign.Options{Seeds: 20}).Violating)
}

// TestNeverReached: points and classes that no seed came to are told.
func TestNeverReached(t *testing.T) {
	p := unfailing(func(c *sim.Context, _ *counter) { c.Mark("heard") })
	p.Points = []string{"heard", "never heard of"}
	p.Setup.Faults = campaign.Levels{}.With(sim.Low, sim.Drop, sim.Crash).With(campaign.Drawn, sim.Version)
	r := fuzz(t, p, campaign.Options{Seeds: 60})
	assert.Equal(t, []string{"never heard of", "version faults"}, r.NeverReached())
	assert.Equal(t, int64(60), r.Points["heard"])
	p.Setup.Faults = campaign.Levels{}
	assert.Equal(t, []string{"never heard of"}, fuzz(t, p, campaign.Options{Seeds: 3}).NeverReached())
}

// TestInterrupted: where the context ends, what was finished is reported.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := toy(nil)
	r, err := p.Fuzz(ctx, campaign.Options{Seeds: 100_000, Failures: 1_000_000, Workers: 2, Progress: func(r *campaign.Report) {
		if r.Seeds == 25 {
			cancel()
		}
	}})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, r.Seeds, int64(25))
	assert.Less(t, r.Seeds, int64(1000))
	tape, _, err := p.Record(t.Context(), r.Failures[0])
	require.NoError(t, err)
	s, err := p.Shrink(ctx, tape, 0)
	require.NoError(t, err)
	assert.False(t, s.Settled)
	assert.Len(t, s.Tape.Operations, len(tape.Operations), "there was no time for a smaller one")
}

func TestRefusals(t *testing.T) {
	for what, broken := range map[string]func(*campaign.Protocol){
		"Name must be words":             func(p *campaign.Protocol) { p.Name = "A b" },
		"New is nil":                     func(p *campaign.Protocol) { p.New = nil },
		"want 0 or more":                 func(p *campaign.Protocol) { p.Version = -1 },
		"want a package path":            func(p *campaign.Protocol) { p.Import = "lease" },
		"point 0 has no name":            func(p *campaign.Protocol) { p.Points = []string{""} },
		"Kinds names none":               func(p *campaign.Protocol) { p.Kinds, p.Setup.Faults = nil, campaign.Bears(sim.Filter) },
		"want off, low, extreme":         func(p *campaign.Protocol) { p.Setup.Faults[0] = 9 },
		"the number of nodes":            func(p *campaign.Protocol) { p.Setup.Nodes = campaign.MaxNodes + 1 },
		"Horizon or Settle":              func(p *campaign.Protocol) { p.Setup.Horizon = -1 },
		"Choices is":                     func(p *campaign.Protocol) { p.Setup.Choices = "none" },
		"New gives no Actor":             func(p *campaign.Protocol) { wrap(p, func(in *campaign.Instance) { in.Actor = nil }) },
		"is for node 7 of 3":             func(p *campaign.Protocol) { plan(p, campaign.Op{Func: "f", Node: 7}) },
		"comes after the end of the run": func(p *campaign.Protocol) { plan(p, campaign.Op{Func: "f", At: sim.Second}) },
		"the function must be a word":    func(p *campaign.Protocol) { plan(p, campaign.Op{Func: "a b"}) },
		"seed 1: campaign: invalid setup: MaxDown": func(p *campaign.Protocol) {
			p.Vary = func(s *campaign.Setup, _ *campaign.Draw) { s.MaxDown = 5 }
		},
	} {
		p := toy(nil)
		broken(&p)
		_, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 2})
		require.ErrorContains(t, err, what)
	}
	p := toy(nil)
	for _, o := range []campaign.Options{{Workers: -1}, {Failures: -2}, {Strategy: "luck"}} {
		_, err := p.Fuzz(t.Context(), o)
		require.ErrorIs(t, err, campaign.ErrSetup)
	}
}

func plan(p *campaign.Protocol, o campaign.Op) { p.Plan = func(p *campaign.Plan) { p.Add(o) } }

// TestRunWith: a run under any source of choices replays from its tape.
func TestRunWith(t *testing.T) {
	p := lease.With(lease.FromNow)
	failed := 0
	for seed := range uint64(300) {
		tape, res, err := p.RunWith(t.Context(), seed, choice.Seeded(seed))
		require.NoError(t, err)
		again, err := p.Replay(t.Context(), tape)
		require.NoError(t, err)
		require.Equal(t, res.TraceHash, again.TraceHash, "seed %d", seed)
		failed += len(res.Violations)
	}
	assert.Positive(t, failed)
	_, _, err := p.RunWith(t.Context(), 1, choice.FromBytes([]byte(strings.Repeat("\xff", 2000))))
	require.NoError(t, err)
}
