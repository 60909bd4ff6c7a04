package mutants

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// Trials is how a strategy fared against one mutant, over and over.
type Trials struct {
	Needed []int64 // seeds of each trial that found it, ascending
	Missed int     // trials that came to the bound without
}

// maxMisses ends the trials of a strategy that does not find a mutant.
const maxMisses = 3

// Median is the median number of seeds over all trials, missed ones counting as
// more than any, and false if it is one of those, or there were none.
func (t Trials) Median() (int64, bool) {
	i := (len(t.Needed) + t.Missed - 1) / 2
	if len(t.Needed) == 0 || i >= len(t.Needed) {
		return 0, false
	}
	return t.Needed[i], true
}

// Trials counts the seeds that a campaign needs to find a mutant, count times over or until
// three trials have missed it within o.Seeds seeds each. Trials follow each other
// in one row of seeds, which are independent; with apart each begins at a seed of
// its own, for strategies that go through the schedules of their first seed.
func (b *Builder) Trials(ctx context.Context, m Mutant, program string, o CampaignOptions, count int, apart bool) (Trials, error) {
	var t Trials
	for seed := o.Seed; len(t.Needed)+t.Missed < count && t.Missed < maxMisses; {
		most := count - len(t.Needed) - t.Missed
		if apart {
			most = 1
		}
		found, err := b.failures(ctx, m, program, seed, most, o)
		if err != nil {
			return t, err
		}
		if len(found) == 0 {
			t.Missed++
			seed += o.Seeds
			continue
		}
		last := seed
		for _, s := range found {
			t.Needed = append(t.Needed, int64(s-last+1))
			last = s + 1
		}
		seed = last
		if apart {
			seed = o.Seed + uint64(len(t.Needed)+t.Missed)
		}
	}
	slices.Sort(t.Needed)
	return t, nil
}

// failures lists the seeds at which a program fails as the mutant should, at most
// so many, within the campaign's bound.
func (b *Builder) failures(ctx context.Context, m Mutant, program string, seed uint64, most int, o CampaignOptions) ([]uint64, error) {
	args := append([]string{
		"run", "--json", "--keep=false", "--seed", strconv.FormatUint(seed, 10), "--seeds", strconv.FormatUint(o.Seeds, 10),
		"--failures", strconv.Itoa(most),
	}, slices.Concat(o.Flags, m.Flags)...)
	lines, _, err := b.ask(ctx, program, args...)
	if err != nil {
		return nil, fmt.Errorf("try mutant %s: %w", m.Name, err)
	}
	if lines[len(lines)-1].Kind != "summary" {
		return nil, fmt.Errorf("try mutant %s: %w", m.Name, ErrCrashed)
	}
	var found []uint64
	for _, l := range lines {
		if l.Kind == "violation" && m.Expects(l.Oracle) {
			found = append(found, l.Seed)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
