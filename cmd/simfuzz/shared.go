package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/campaigns"
	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/scenario"
)

// onCampaigns is this program for the commands of campaigns that workers share, with a watch
// over their runs.
func (c *cli) onCampaigns(watch *campaign.Watch) *campaigns.Host {
	return &campaigns.Host{
		Name: "simfuzz", Ctx: c.ctx, Out: c.out, Err: c.err, Again: c.command, Worsen: c.worsen, Create: c.create, Patience: watch.Limit,
	}
}

func (c *cli) campaignCommand() *cobra.Command {
	f := runFlags{depth: 3, failures: campaigns.MaxFailing}
	watch := new(campaign.Watch)
	return c.onCampaigns(watch).Campaign(func(cmd *cobra.Command) {
		fl := cmd.Flags()
		patienceFlag(fl, &watch.Patience)
		fl.StringVar(&f.faults, "faults", "swarm", "how hard `FAULTS` strike, as for run")
		command.WordFlag(cmd, &f.level, "level", "", session.Levels(), "consistency level of the sessions: "+strings.Join(session.Levels(), ", ")+" (default: drawn for each seed)")
		// The seeds of the strategy exhaustive are the schedules of one plan, and come to an end.
		strategies := slices.DeleteFunc(scenario.Strategies(), func(s string) bool { return s == "exhaustive" })
		command.WordFlag(cmd, &f.strategy, "strategy", "swarm", strategies, "how choices are made: "+strings.Join(strategies, ", "))
		engineFlag(cmd, &f.engine, drawnEngine, "what keeps the values of replicas, as for run", noEngine)
	}, func(*pflag.FlagSet) (*campaigns.Subject, error) {
		cfg, err := f.config()
		if err != nil {
			return nil, command.Usagef("campaign: %s", strings.TrimPrefix(err.Error(), "run: "))
		}
		return storeSubject(cfg, watch), nil
	})
}

func (c *cli) mergeCommand() *cobra.Command {
	return c.onCampaigns(new(campaign.Watch)).Merge(storeSubject(scenario.Config{}, new(campaign.Watch)))
}

// storeSubject is the store as what a campaign is of.
func storeSubject(cfg scenario.Config, watch *campaign.Watch) *campaigns.Subject {
	return &campaigns.Subject{
		Of: fmt.Sprintf("the store, tapes of version %d, level %s, faults %s, strategy %s, engine %s",
			scenario.TapeVersion, orDrawn(cfg.Level), cfg.Faults, cfg.Strategy, orNone(cfg.Engine)),
		Title: "the store",
		Run: func(ctx context.Context, from, n uint64, workers int) (campaigns.Ran, error) {
			if os.Getenv("GOGC") == "" {
				defer debug.SetGCPercent(debug.SetGCPercent(gcPercent)) // as run does
			}
			k := &storeCampaign{cfg: cfg, first: from, seeds: n, workers: workers, most: campaigns.MaxFailing, watch: watch}
			err := k.run(ctx)
			return k.ran(), err
		},
		Corpus: func(ctx context.Context, tape []byte) ([]byte, error) {
			t, err := scenario.LoadTape(bytes.NewReader(tape))
			if err == nil {
				err = refuseEndless("the tape", t)
			}
			if err != nil {
				return nil, err
			}
			return scenario.Bytes(ctx, t)
		},
	}
}

func orDrawn(level string) string {
	if level == "" {
		return "drawn"
	}
	return level
}

func orNone(engine string) string {
	if engine == "" {
		return noEngine
	}
	return engine
}

// ran is what came of a few seeds.
func (k *storeCampaign) ran() campaigns.Ran {
	t := &k.totals
	out := campaigns.Ran{Seeds: uint64(t.Seeds), Counters: map[string]uint64{
		"deliveries": uint64(t.Deliveries), "operations": uint64(t.Operations), "violating": uint64(t.Violations), "undecided": uint64(t.Undecided),
		"decided": uint64(t.Decided), "untagged": uint64(t.Untagged), "on engines": uint64(t.OnEngine), "twice": uint64(t.Twice), "faultless": uint64(t.NoFault),
	}}
	for c, name := range scenario.FaultClasses() {
		out.Counters["faults/"+name] = uint64(t.Effective[c])
	}
	for _, m := range scenario.Marks() {
		out.Counters[campaigns.PointCounter+m] = uint64(t.Marks[m])
	}
	for _, res := range k.failed {
		out.Failing = append(out.Failing, campaigns.Failing{Seed: res.Seed, Violation: res.Violations[0], Keep: campaigns.Keep(res.Failing())})
	}
	return out
}
