package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario"
)

// campaign runs seeds on workers until there are none left, time is up, or
// something asks it to stop. What a seed gives does not depend on the worker.
type campaign struct {
	cfg     scenario.Config
	first   uint64
	seeds   uint64        // how many; 0 is no bound
	limit   time.Duration // 0 is no bound
	workers int
	most    int // failing seeds after which it stops

	mu      sync.Mutex
	last    uint64 // seeds from here on do not exist; 0 is no bound
	next    uint64
	done    map[uint64]finished // finished, but not yet counted: an earlier seed is still running
	counted uint64
	totals  totals
	failed  []*scenario.Result // the violating ones, by seed
	err     error
	started time.Time
	took    time.Duration
}

// finished is a seed that has run.
type finished struct {
	res   *scenario.Result
	twice bool // with one trace
}

// totals add up what seeds gave.
type totals struct {
	Seeds        int64
	Deliveries   int64
	Operations   int64
	Violations   int64 // seeds with at least one
	Undecided    int64 // histories left open by porcupine or another check
	Decided      int64 // histories decided by porcupine
	Searched     int64 // seeds with one that was decided
	Untagged     int64
	OnEngine     int64
	Twice        int64 // seeds run twice, with the same trace both times
	Effective    []int64
	Marks        map[string]int64
	UnderFaults  int64            // operations issued before the faults ended
	Asked        map[string]int64 // of these, by level
	NotServed    map[string]int64 // and of those, refused without reason or not answered
	FewestOps    int64
	FewestNodes  int
	NoConcurrent int64 // seeds without a read after concurrent writes
	NoFault      int64 // seeds in which no fault took effect
	RestBytes    int64 // delivered between replicas from the end of faults to rest
	MostBytes    int64 // in one seed
	LongestRest  sim.Time
}

// twiceEvery is the share of seeds run twice: one in twenty.
const twiceEvery = 20

const maxFailed = 10 // failing seeds after which a campaign has said enough, unless told otherwise

func (k *campaign) run(ctx context.Context) error {
	if k.workers == 0 {
		k.workers = runtime.GOMAXPROCS(0)
	}
	if k.most == 0 {
		k.most = maxFailed
	}
	k.started = time.Now()
	k.totals.Effective = make([]int64, len(scenario.FaultClasses()))
	k.totals.Marks = make(map[string]int64)
	k.totals.Asked, k.totals.NotServed = make(map[string]int64), make(map[string]int64)
	k.done = make(map[uint64]finished)
	if k.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, k.limit)
		defer cancel()
	}
	var wg sync.WaitGroup
	for range k.workers {
		wg.Go(func() { k.work(ctx) })
	}
	wg.Wait()
	k.took = time.Since(k.started)
	return k.err
}

// take hands out the next seed.
func (k *campaign) take(ctx context.Context) (uint64, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ctx.Err() != nil || k.err != nil || len(k.failed) >= k.most || k.seeds > 0 && k.next >= k.seeds ||
		k.last > 0 && k.first+k.next >= k.last {
		return 0, false
	}
	k.next++
	return k.first + k.next - 1, true
}

func (k *campaign) work(ctx context.Context) {
	var rn scenario.Runner
	// A seed that has begun is finished: it takes milliseconds, and a verdict cut
	// short would be no verdict.
	whole := context.WithoutCancel(ctx)
	for {
		seed, ok := k.take(ctx)
		if !ok {
			return
		}
		res, err := rn.Run(whole, k.cfg, seed)
		if errors.Is(err, scenario.ErrExhausted) {
			k.end(seed)
			return
		}
		twice := seed%twiceEvery == 0
		if err == nil && twice {
			twice, err = repeat(whole, &rn, k.cfg, res)
		}
		if err != nil {
			k.fail(err)
			return
		}
		k.finish(res, twice)
	}
}

// oracleDeterminism finds seeds that have two traces.
const oracleDeterminism = "determinism"

// repeat runs a seed once more and reports whether that is the same run; if not,
// its result says so as a violation.
func repeat(ctx context.Context, rn *scenario.Runner, cfg scenario.Config, res *scenario.Result) (same bool, err error) {
	again, err := rn.Again(ctx, cfg, res.Seed)
	if err != nil {
		return false, err
	}
	for _, v := range again.Violations {
		if v.Oracle == scenario.OracleClone {
			res.Violations = append(res.Violations, v)
		}
	}
	if again.TraceHash == res.TraceHash {
		return true, nil
	}
	where, err := scenario.Divergence(ctx, res)
	if err != nil {
		return false, err
	}
	res.Violations = append(res.Violations, scenario.Violation{
		Oracle: oracleDeterminism, Kind: "trace", Node: -1,
		Message: fmt.Sprintf("one seed, two traces: %s and %s\n%s",
			scenario.FormatHash(res.TraceHash), scenario.FormatHash(again.TraceHash), where),
	})
	return false, nil
}

// end notes that there are no seeds from one on.
func (k *campaign) end(seed uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == 0 || seed < k.last {
		k.last = seed
	}
}

// finish counts what has finished in the order of seeds, up to the last failing
// seed that a campaign needs, so that the outcome does not depend on workers.
func (k *campaign) finish(r *scenario.Result, twice bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done[r.Seed] = finished{r, twice}
	for len(k.failed) < k.most {
		f, ok := k.done[k.first+k.counted]
		if !ok {
			return
		}
		delete(k.done, k.first+k.counted)
		k.counted++
		k.add(f.res, f.twice)
	}
}

// fail stops the campaign with its first error.
func (k *campaign) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.err = err
	}
}

func (k *campaign) add(r *scenario.Result, twice bool) {
	t := &k.totals
	if t.Seeds == 0 || r.Operations < t.FewestOps {
		t.FewestOps = r.Operations
	}
	if t.Seeds == 0 || r.Setup.Nodes < t.FewestNodes {
		t.FewestNodes = r.Setup.Nodes
	}
	t.Seeds++
	t.Deliveries += r.Deliveries
	t.Operations += r.Operations
	t.UnderFaults += r.UnderFaults
	t.Asked[r.Setup.Level] += r.UnderFaults
	t.NotServed[r.Setup.Level] += r.NotServed
	t.Undecided += int64(r.Undecided)
	t.Decided += int64(r.Porcupine)
	t.Searched += count(r.Porcupine > 0)
	t.Untagged += count(!r.Setup.Tagged)
	t.OnEngine += count(r.Setup.Engine != "")
	t.NoConcurrent += count(r.Concurrent == 0)
	t.NoFault += count(!slices.Contains(r.FaultEffective, true))
	t.Twice += count(twice)
	t.RestBytes += r.RestBytes
	t.MostBytes, t.LongestRest = max(t.MostBytes, r.RestBytes), max(t.LongestRest, r.Rest)
	for c, yes := range r.FaultEffective {
		t.Effective[c] += count(yes)
	}
	for _, m := range r.Marks {
		t.Marks[m]++
	}
	if len(r.Violations) > 0 {
		t.Violations++
		k.failed = append(k.failed, r)
	}
}

func count(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// longCampaign is how many seeds a campaign must have to be held to reaching every
// situation and every fault: the rarest comes in one seed of a hundred.
const longCampaign = 2000

// notReached lists what a campaign of so many seeds, with faults drawn by chance,
// must have come to and has not.
func (k *campaign) notReached() []string {
	if k.totals.Seeds < longCampaign || k.cfg.Faults != "" && k.cfg.Faults != "swarm" || k.cfg.Strategy == "exhaustive" {
		return nil
	}
	var missing []string
	for _, m := range k.cfg.Marks() {
		if k.totals.Marks[m] == 0 {
			missing = append(missing, m)
		}
	}
	for c, name := range scenario.FaultClasses() {
		if scenario.Supported(sim.Class(c)) && k.totals.Effective[c] == 0 {
			missing = append(missing, name+" faults")
		}
	}
	return missing
}

// mostNotServed is the share of operations, by level of their sessions, that may not be
// served while faults last, in a long campaign with the faults of swarm. Seen in 20,000
// seeds: 30.2% at level eventual, 31.8% at level causal.
var mostNotServed = map[string]float64{"eventual": 0.36, "causal": 0.36}

// tooFewServed says where a long campaign has not served as many operations as it must.
func (k *campaign) tooFewServed() []string {
	if k.totals.Seeds < longCampaign || k.cfg.Faults != "" && k.cfg.Faults != "swarm" || k.cfg.Strategy != "" && k.cfg.Strategy != "swarm" || k.cfg.Operations != 0 || k.cfg.Nodes != 0 {
		return nil
	}
	var all []string
	for _, level := range session.Levels() {
		if got := share(k.totals.NotServed[level], k.totals.Asked[level]); got > mostNotServed[level] {
			all = append(all, fmt.Sprintf("%.1f%% of the %s operations under faults were not served, at most %.0f%% may be", 100*got, level, 100*mostNotServed[level]))
		}
	}
	return all
}

// line is the progress of the campaign.
func (k *campaign) line() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	seconds := time.Since(k.started).Seconds()
	return fmt.Sprintf("%.0fs: %d seeds, %d deliveries (%.2f M/s), %d violations",
		seconds, k.totals.Seeds, k.totals.Deliveries, float64(k.totals.Deliveries)/seconds/1e6, k.totals.Violations)
}
