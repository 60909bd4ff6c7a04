package campaigns

import (
	"fmt"
	"strings"
	"time"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/live"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// PointCounter is how the names of counters begin that count the seeds which reached a
// situation.
const PointCounter = "point/"

// look notes what is known of the campaign, for the progress: what the bucket had when this
// worker last looked.
func (r *runner) look(s *distributed.State) {
	known := &live.State{
		Title: "fuzzing " + r.subject.Title + " from a bucket", Seeds: int64(s.Finished(r.f.commit)), Wanted: r.f.seeds,
		Deliveries: int64(s.Count("deliveries")), Violations: int64(len(s.Failures)),
	}
	for _, name := range s.Names() {
		if point, ok := strings.CutPrefix(name, PointCounter); ok {
			known.Points = append(known.Points, live.Point{Name: point, Seeds: int64(s.Count(name))})
		}
	}
	for _, class := range s.Classes() {
		known.Failures = append(known.Failures, live.Failure{Seed: s.Failures[class].Seed, Message: class})
	}
	if r.known.Load() == nil {
		r.before.seeds, r.before.deliveries = known.Seeds, known.Deliveries
	}
	r.known.Store(known)
}

// rows are the campaign on a live screen, after so long. Its speed, and
// its deliveries, are those of all workers since this one began.
func (r *runner) rows(took time.Duration, columns, lines int) []command.Row {
	s := *r.known.Load()
	s.Seconds, s.Limit = max(took.Seconds(), 0.001), r.f.limit.Seconds()
	s.PerSecond, s.Deliveries = float64(s.Seeds-r.before.seeds)/s.Seconds, s.Deliveries-r.before.deliveries
	mine := r.mine.Load()
	s.Note = fmt.Sprintf("worker %s: %d seeds, %.0f/s", r.f.worker, mine, float64(mine)/s.Seconds)
	return s.Rows(columns, lines)
}
