package campaign

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// IsFault reports whether decisions at a site are faults, by what its name begins with:
// net., sim., disk. or fs. All others are choices of the protocol's own.
func IsFault(site string) bool {
	family, _, dotted := strings.Cut(site, ".")
	return dotted && (family == "net" || family == "sim" || family == "disk" || family == "fs")
}

// classOf is the fault class of a site as the shrinker takes them, which is one for all
// choices of the protocol's own.
func classOf(site string) string {
	if IsFault(site) {
		return site
	}
	return "choices"
}

// split answers faults and the protocol's own choices from two sources.
type split struct{ faults, choices choice.Source }

func (s *split) Choose(p choice.Point) uint64 {
	if IsFault(p.Site) {
		return s.faults.Choose(p)
	}
	return s.choices.Choose(p)
}

// watching is a split whose faults come from a source that wants to see messages.
type watching struct {
	split
	watch sim.Observer
}

func (w *watching) Observe(m sim.Envelope) { w.watch.Observe(m) }

// noted is a source whose decisions can be had while it is asked by a run that does not
// end.
type noted struct {
	src choice.Source
	mu  sync.Mutex
	ds  []choice.Decision
}

func (n *noted) Choose(p choice.Point) uint64 {
	v := n.src.Choose(p)
	if v != 0 {
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.ds) < maxDecisions {
			n.ds = append(n.ds, choice.Decision{Site: p.Site, Key: p.Key, Value: v})
		}
	}
	return v
}

// decided are the decisions so far.
func (n *noted) decided() []choice.Decision {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ds)
}

// Noted is a source, and what was decided by it so far, in order, 0 left out: to be had while
// a run that does not end goes on asking. It is for hosts that run worlds themselves.
func Noted(src choice.Source) (asked choice.Source, decided func() []choice.Decision) {
	n := &noted{src: src}
	if watch, ok := src.(sim.Observer); ok {
		return &watchingNoted{n, watch}, n.decided
	}
	return n, n.decided
}

// watchingNoted is a noted whose source wants to see messages.
type watchingNoted struct {
	*noted
	watch sim.Observer
}

func (w *watchingNoted) Observe(m sim.Envelope) { w.watch.Observe(m) }

// ownChoices draws the protocol's own choices of a seed.
func ownChoices(seed uint64) choice.Source {
	return choice.Seeded(choice.MixString(seed, "choices"))
}

// drawnSource answers everything for a seed.
func drawnSource(s *Setup, strategy string) (choice.Source, error) {
	seed := choice.MixString(s.Seed, "faults")
	faults, choices := choice.Seeded(seed), ownChoices(s.Seed)
	if strategy != "pct" {
		return &split{faults, choices}, nil
	}
	pct, err := sim.NewPCT(seed, sim.PCTOptions{Rest: faults})
	if err != nil {
		return nil, fmt.Errorf("campaign: strategy pct: %w", err)
	}
	return &watching{split{pct, choices}, pct}, nil
}

// tapeSource answers as decisions say: faults that are not listed are not decided, and
// choices that are not listed are 0, or drawn from the seed, as the setup says.
func tapeSource(s *Setup, ds []choice.Decision) choice.Source {
	replay := choice.NewReplay(ds)
	if s.Choices == Listed {
		return replay
	}
	listed := make(map[siteKey]bool)
	for _, d := range ds {
		if !IsFault(d.Site) {
			listed[siteKey{d.Site, d.Key}] = true
		}
	}
	return &split{replay, &overlaid{replay, listed, ownChoices(s.Seed)}}
}

type siteKey struct {
	site string
	key  uint64
}

// overlaid answers what is listed from a tape, and the rest otherwise.
type overlaid struct {
	tape   choice.Source
	listed map[siteKey]bool
	rest   choice.Source
}

func (o *overlaid) Choose(p choice.Point) uint64 {
	if o.listed[siteKey{p.Site, p.Key}] {
		return o.tape.Choose(p)
	}
	return o.rest.Choose(p)
}
