package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/scenario"
)

// storeCampaign runs seeds of the store until there are none left, time is up, or
// something asks it to stop.
type storeCampaign struct {
	cfg     scenario.Config
	first   uint64
	seeds   uint64        // how many; 0 is no bound
	limit   time.Duration // 0 is no bound
	workers int
	most    int             // failing seeds after which it stops
	watch   *campaign.Watch // what does not end is given up as it says; nil has the usual patience

	mu        sync.Mutex // of totals, while it runs
	totals    totals
	failed    []*scenario.Result // the violating ones, by seed
	exhausted bool               // there were no more seeds
	ended     string             // why it did not run all that it was asked for; "" if it did
	started   time.Time
	took      time.Duration
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
	Judged       map[judged]tally // histories, by what has judged them
	BySide       bySides          // requests, by how the replica stood that was asked
	NotServed    map[string]int64 // and of those, refused without reason or not answered
	FewestOps    int64
	FewestNodes  int
	NoConcurrent int64 // seeds without a read after concurrent writes
	NoFault      int64 // seeds in which no fault took effect
	RestBytes    int64 // delivered between replicas from the end of faults to rest
	MostBytes    int64 // in one seed
	LongestRest  sim.Time
}

const maxFailed = 10 // failing seeds after which a campaign has said enough, unless told otherwise

func (k *storeCampaign) run(ctx context.Context) error {
	if k.workers == 0 {
		k.workers = runtime.GOMAXPROCS(0)
	}
	if k.most == 0 {
		k.most = maxFailed
	}
	k.begin()
	within := ctx
	if k.limit > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, k.limit)
		defer cancel()
	}
	if k.watch == nil {
		k.watch = new(campaign.Watch)
	}
	pool := &campaign.Pool[scenario.Judged]{
		First: k.first, Seeds: k.seeds, Workers: k.workers, Worker: k.cfg.Worker,
		Patience: k.watch.Limit(),
		Late:     func(seed uint64, l campaign.Late) (scenario.Judged, error) { return k.cfg.Late(seed, l, k.watch), nil },
		Count: func(_ uint64, r scenario.Judged) bool {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.add(r.Result, r.Twice)
			return len(k.failed) < k.most && !r.GaveUp() // what does not end takes a processor from the others
		},
	}
	err := pool.Run(within)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.exhausted = pool.Exhausted()
	k.ended = k.endedBy(ctx, within, err)
	k.took = time.Since(k.started)
	if k.ended == unexplained {
		return errUnexplained
	}
	return err
}

// unexplained is said where a pool has left out seeds that nothing had it leave out, which none
// does.
const unexplained = "nothing says why, which is a fault of simfuzz"

var errUnexplained = errors.New("run: not all seeds were run, and nothing says why")

// endedBy is why the campaign, which was to end with ctx, and ran within the time that it was
// given, has not run all the seeds that it was asked for; "" if it has. Where no number of
// seeds was asked for, its time is what was.
func (k *storeCampaign) endedBy(ctx, within context.Context, err error) string {
	failed := len(k.failed)
	switch {
	case k.seeds > 0 && uint64(k.totals.Seeds) >= k.seeds, k.exhausted:
		return ""
	case err != nil:
		return err.Error()
	case failed > 0 && k.failed[failed-1].GaveUp():
		return fmt.Sprintf("seed %d does not end; --patience gives a run more time", k.failed[failed-1].Seed)
	case failed > 0 && failed >= k.most:
		return fmt.Sprintf("%d have failed, as many as --failures allows", failed)
	case ctx.Err() != nil:
		return fmt.Sprintf("it was interrupted: %v", context.Cause(ctx))
	case within.Err() != nil && k.seeds == 0:
		return ""
	case within.Err() != nil:
		return fmt.Sprintf("%v were over, as --for says", k.limit)
	case k.seeds == 0:
		return "there are no greater ones"
	}
	return unexplained
}

// begin is the start of the campaign, with nothing counted.
func (k *storeCampaign) begin() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.started = time.Now()
	k.totals.Effective = make([]int64, len(scenario.FaultClasses()))
	k.totals.Marks = make(map[string]int64)
	k.totals.Judged, k.totals.BySide = make(map[judged]tally), make(bySides)
	k.totals.Asked, k.totals.NotServed = make(map[string]int64), make(map[string]int64)
}

func (k *storeCampaign) add(r *scenario.Result, twice bool) {
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
	t.BySide.add(r.Setup.Level, r.BySide)
	for _, j := range r.Judged {
		by := judged{r.Setup.Level, j.Model}
		t.Judged[by] = t.Judged[by].with(j)
	}
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
func (k *storeCampaign) notReached() []string {
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
//
// The other levels come in fewer seeds, so that their shares scatter more: of 5,000 seeds
// each, it was 26 to 29%, and less in transactions, which answer much by themselves.
var mostNotServed = map[string]float64{
	"eventual": 0.36, "causal": 0.36, "ryw": 0.4, "mr": 0.4, "mw": 0.4, "wfr": 0.4, "pram": 0.4, "read-committed": 0.4, "item-cut": 0.4,
}

// tooFewServed says where a long campaign has not served as many operations as it must.
func (k *storeCampaign) tooFewServed() []string {
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
func (k *storeCampaign) line() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	seconds := time.Since(k.started).Seconds()
	return fmt.Sprintf("%.0fs: %d seeds, %d deliveries (%.2f M/s), %d violations",
		seconds, k.totals.Seeds, k.totals.Deliveries, float64(k.totals.Deliveries)/seconds/1e6, k.totals.Violations)
}

// rows are the campaign on a live screen.
func (k *storeCampaign) rows(columns, lines int) []command.Row {
	s := k.state()
	return s.Rows(columns, lines)
}
