package measure

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Series is what many snapshots of an engine cost, one after the other with the same part of the
// keys changed before each.
type Series struct {
	Engine    string  `json:"engine"`
	Fraction  float64 `json:"changed_fraction"`
	Snapshots int     `json:"snapshots"` // without the first one, of all keys
	// MeanNew and WorstNew are bytes given to the bucket while a snapshot was waited for, in
	// multiples of the keys and last values that changed since its parent.
	MeanNew  float64 `json:"mean_new_per_changed"`
	WorstNew float64 `json:"worst_new_per_changed"`
	// WorstBeside is the worst without the head, which names all versions that are kept, and so grows
	// with their number whatever changed.
	WorstBeside float64 `json:"worst_new_without_head_per_changed"`
	// All, Changes and Bound are those of [Snapped] after the last snapshot.
	All          int64    `json:"all_uploaded_bytes"`
	Changes      int64    `json:"all_changed_bytes"`
	Bound        *float64 `json:"bound_bytes"`
	Seconds      float64  `json:"median_seconds"`
	WorstSeconds float64  `json:"worst_seconds"`
	FullDump     float64  `json:"full_dump_seconds"` // the median of some on the way
	Segments     int      `json:"segments_read_by_restore"`
}

// dumps is how many full dumps are taken beside a series.
const dumps = 10

// Tiered are the engines whose snapshots are merged in the background, so that what all of them
// together cost is a matter of how many there are.
func Tiered() []string {
	return slices.DeleteFunc(Engines(), func(n string) bool { return fanIn[n] == 0 })
}

// SnapshotSeries measures so many snapshots of each engine, after changes to a part of the keys.
// The last one is restored into a directory of its own and compared with what was set.
func SnapshotSeries(ctx context.Context, w Work, fraction float64, snapshots int, names []string, progress Progress, each func(Series) error) error {
	if err := CheckNames(names, Tiered()); err != nil {
		return err
	}
	w.Updates = 0 // each changed key once
	done := 0
	for _, name := range names {
		var r Series
		err := SnapshotWork{Work: w}.withEngine(ctx, name, func(s *snapping) (err error) {
			r, err = s.series(fraction, snapshots, func() { done++; progress(done, snapshots*len(names)) })
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapping) series(fraction float64, snapshots int, step func()) (r Series, err error) {
	r = Series{Engine: s.name, Fraction: fraction, Snapshots: snapshots}
	if _, err := s.measure(1); err != nil {
		return r, err
	}
	var last Snapped
	var took, dumped []time.Duration
	for i := range snapshots {
		heads := s.bucket.givenHeads()
		if last, err = s.take(fraction); err != nil {
			return r, err
		}
		beside := last.New - (s.bucket.givenHeads() - heads)
		r.WorstBeside = max(r.WorstBeside, float64(beside)/float64(last.Changed))
		per := float64(last.New) / float64(last.Changed)
		r.MeanNew, r.WorstNew = r.MeanNew+per/float64(snapshots), max(r.WorstNew, per)
		took = append(took, seconds(last.Seconds))
		if (i+1)%max(1, snapshots/dumps) == 0 || i+1 == snapshots {
			d, err := s.dump()
			if err != nil {
				return r, err
			}
			dumped = append(dumped, seconds(d))
		}
		step()
	}
	r.All, r.Changes, r.Bound = last.All, last.Changes, last.Bound
	r.Seconds, r.FullDump, r.WorstSeconds = spreadOf(took).P50, spreadOf(dumped).P50, slices.Max(took).Seconds()
	if err := s.restore(&last); err != nil {
		return r, err
	}
	r.Segments = last.Segments
	return r, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
