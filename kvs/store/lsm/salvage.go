package lsm

import (
	"errors"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// A run of which a part cannot be read has lost records, of keys that nobody knows: but how
// many they are, and what the hashes of their keys add up to, its guide tells, less what can
// be read. If as many keys of younger runs stand where something was lost, may be in the run
// as far as its filter says, and add up to the same, they are those. Then whatever was lost,
// values and tombstones, does not count any more, and a merge may leave it out.

// span is a stretch of a run's records, whole ones.
type span struct{ from, to int64 }

// nothing is the scanner of no record of a run.
func nothing(r *run) *record.Scanner {
	return record.NewScanner(r.f, r.salt, record.HeaderBytes, record.HeaderBytes)
}

// gap is where records were lost: of keys from after on, or above it if that is of a record
// which can be read, and below before, if there is one.
type gap struct {
	after  string
	open   bool // after is of a record that can be read
	before string
	last   bool // there is no before
}

func (g *gap) holds(key string) bool {
	return (key > g.after || key == g.after && !g.open) && (g.last || key < g.before)
}

// salvaged is what can be read of a run, and what is known of the rest.
type salvaged struct {
	good []span
	gaps []gap
	lost int    // records
	sum  uint64 // of the hashes of their keys
}

// salvage reads a run block by block. O(bytes of the run).
func salvage(r *run) (s salvaged, err error) {
	s.lost, s.sum = r.records, r.sum
	for i := range r.fences.len() {
		from, to := r.fences.off(i), r.length
		g := gap{after: string(r.fences.key(i)), last: i+1 == r.fences.len()}
		if !g.last {
			to, g.before = r.fences.off(i+1), string(r.fences.key(i+1))
		}
		scan := record.NewScanner(r.f, r.salt, from, to)
		for err == nil {
			var rec record.Record
			if rec, _, _, err = scan.Next(); err == nil {
				s.lost, s.sum = s.lost-1, s.sum-xxhash.Sum64(rec.Key)
				g.after, g.open = string(rec.Key), true
			}
		}
		if scan.Offset() > from {
			s.good = append(s.good, span{from, scan.Offset()})
		}
		if err != io.EOF {
			if !errors.Is(err, store.ErrCorrupt) {
				return s, err
			}
			s.gaps = append(s.gaps, g)
		}
		err = nil
	}
	return s, nil
}

// maxSuspects bounds the keys that are looked at for one run.
const maxSuspects = 1 << 16

// superseded reports whether all that runs, oldest first, have lost is in younger ones of
// them, and what can be read of those that have lost something. O(bytes of the runs), once
// for each run that has lost something.
func superseded(runs []*run) (parts map[*run][]span, ok bool, err error) {
	all := make([]salvaged, len(runs))
	parts = map[*run][]span{}
	for i, r := range runs {
		if all[i], err = salvage(r); err != nil {
			return nil, false, err
		}
		if len(all[i].gaps) > 0 {
			parts[r] = all[i].good
		}
	}
	for i, r := range runs {
		if len(all[i].gaps) == 0 {
			continue
		}
		of := suspects{known: map[string]bool{}}
		for j := i + 1; j < len(runs); j++ {
			if err := of.add(r, all[i].gaps, runs[j], all[j].good); err != nil {
				return nil, false, err
			}
		}
		if len(of.hashes) > maxSuspects || !all[i].among(of.hashes) {
			return nil, false, nil
		}
	}
	return parts, true, nil
}

// suspects are keys of younger runs that a run may have lost.
type suspects struct {
	known  map[string]bool
	hashes []uint64
}

// add adds those of a younger run.
func (of *suspects) add(r *run, gaps []gap, younger *run, good []span) error {
	for _, s := range good {
		at := 0
		for scan := record.NewScanner(younger.f, younger.salt, s.from, s.to); ; {
			rec, _, _, err := scan.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			key := string(rec.Key)
			for at < len(gaps) && !gaps[at].last && key >= gaps[at].before {
				at++
			}
			if at < len(gaps) && gaps[at].holds(key) && !of.known[key] && r.filter.Test(rec.Key) && len(of.hashes) <= maxSuspects {
				of.known[key], of.hashes = true, append(of.hashes, xxhash.Sum64(rec.Key))
			}
		}
	}
	return nil
}

// among reports that all keys which were lost are among those with these hashes: they add up
// to the same, or do without one or two, which the filter has taken for the run's. O(hashes).
func (s *salvaged) among(hashes []uint64) bool {
	over := len(hashes) - s.lost
	rest, known := -s.sum, map[uint64]bool{} // rest is what those in excess add up to
	for _, h := range hashes {
		rest, known[h] = rest+h, true
	}
	switch over {
	case 0:
		return rest == 0
	case 1:
		return known[rest]
	case 2:
		return slices.ContainsFunc(hashes, func(h uint64) bool { return rest-h != h && known[rest-h] })
	}
	return false
}
