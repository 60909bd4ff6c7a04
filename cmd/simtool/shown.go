package simtool

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/joinery-go/joinery/cmd/internal/live"
	"github.com/joinery-go/joinery/sim/campaign"
)

// shown is a campaign as a terminal shows it while it runs.
type shown struct {
	protocol *campaign.Protocol
	first    uint64
	started  time.Time
	limit    time.Duration // 0 for no bound
	wanted   uint64        // seeds; 0 for no bound

	mu                           sync.Mutex
	seeds, deliveries, violating int64
	reached                      []int64 // seeds, by point of the protocol
	failures                     []live.Failure
}

// look notes how a campaign goes.
func (s *shown) look(r *campaign.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeds, s.deliveries, s.violating = r.Seeds, r.Deliveries, r.Violating
	s.reached = s.reached[:0]
	for _, point := range s.protocol.Points {
		s.reached = append(s.reached, r.Points[point])
	}
	for _, res := range r.Failures[len(s.failures):] {
		s.failures = append(s.failures, live.Failure{Seed: res.Seed, Message: res.Violations[0].String()})
	}
}

// state is how it goes, with a note.
func (s *shown) state(note string) live.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	seconds := max(time.Since(s.started).Seconds(), 0.001)
	state := live.State{
		Title: fmt.Sprintf("fuzzing %s from seed %d", s.protocol.Name, s.first), Seconds: seconds, Limit: s.limit.Seconds(),
		Seeds: s.seeds, Wanted: s.wanted, PerSecond: float64(s.seeds) / seconds, Deliveries: s.deliveries, Violations: s.violating,
		Failures: slices.Clone(s.failures), Note: note,
	}
	for i, n := range s.reached {
		state.Points = append(state.Points, live.Point{Name: s.protocol.Points[i], Seeds: n})
	}
	return state
}
