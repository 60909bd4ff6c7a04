package simtool

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/campaigns"
	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
)

// onCampaigns is this program for the commands of campaigns that workers share.
func (c *cli) onCampaigns() *campaigns.Host {
	return &campaigns.Host{
		Name: c.name, Ctx: c.ctx, Out: c.out, Err: c.err, Again: c.again, Worsen: c.worsen,
		Patience: c.watch.Limit,
	}
}

func (c *cli) campaignCommand() *cobra.Command {
	var f runFlags
	return c.onCampaigns().Campaign(func(cmd *cobra.Command) {
		c.protocolFlag(cmd, &f.protocol)
		command.WordFlag(cmd, &f.strategy, "strategy", campaign.Strategies()[0], campaign.Strategies(), "how choices are made: "+strings.Join(campaign.Strategies(), ", "))
		cmd.Flags().StringVar(&f.faults, "faults", "drawn", "how hard `FAULTS` strike, as for run")
	}, func(*pflag.FlagSet) (*campaigns.Subject, error) {
		p := c.protocol(f.protocol)
		levels, err := campaign.ParseLevels(f.faults, p.Setup.Faults)
		if err != nil {
			return nil, command.Usagef("campaign: --%s", strings.TrimPrefix(err.Error(), campaign.ErrSetup.Error()+": "))
		}
		s := subjectOf(p, f.strategy, &levels)
		s.Corpus = c.corpus
		return s, nil
	})
}

func (c *cli) mergeCommand() *cobra.Command {
	return c.onCampaigns().Merge(&campaigns.Subject{Corpus: c.corpus})
}

// corpus is a tape of one of the protocols as an input of go test -fuzz.
func (c *cli) corpus(ctx context.Context, tape []byte) ([]byte, error) {
	t, p, err := campaign.LoadTape(bytes.NewReader(tape), c.protocols...)
	if err != nil {
		return nil, err
	}
	return p.Bytes(ctx, t)
}

// subjectOf is a protocol as what a campaign is of.
func subjectOf(p *campaign.Protocol, strategy string, faults *campaign.Levels) *campaigns.Subject {
	return &campaigns.Subject{
		Of:    fmt.Sprintf("protocol %s, version %d, strategy %s, faults %v", p.Name, p.Version, strategy, faults),
		Title: p.Name,
		Run: func(ctx context.Context, from, n uint64, workers int) (campaigns.Ran, error) {
			r, err := p.Fuzz(ctx, campaign.Options{
				Seed: from, Seeds: n, Workers: workers, Strategy: strategy, Faults: faults, Failures: campaigns.MaxFailing,
			})
			if r == nil {
				return campaigns.Ran{}, err
			}
			return ran(p, r), err
		},
	}
}

// ran is what came of a few seeds.
func ran(p *campaign.Protocol, r *campaign.Report) campaigns.Ran {
	out := campaigns.Ran{Seeds: uint64(r.Seeds), Counters: map[string]uint64{
		"deliveries": uint64(r.Deliveries), "operations": uint64(r.Operations), "answered": uint64(r.Answered), "violating": uint64(r.Violating),
		"undecided": uint64(r.Undecided), "twice": uint64(r.Twice), "faultless": uint64(r.Faultless),
	}}
	for _, class := range r.Classes() {
		out.Counters["faults/"+class.String()] = uint64(r.Effective[class])
	}
	for _, point := range p.Points {
		out.Counters[campaigns.PointCounter+point] = uint64(r.Points[point])
	}
	for _, res := range r.Failures {
		out.Failing = append(out.Failing, campaigns.Failing{Seed: res.Seed, Violation: res.Violations[0], Keep: campaigns.Keep(p.Failing(res))})
	}
	return out
}
