package distributed

import (
	"bytes"
	"context"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
)

// Gathered is what several buckets hold together.
type Gathered struct {
	Of    string // what all their campaigns are of
	State State
	// Tapes are those of the failures, by hash.
	Tapes map[string][]byte
	// Amiss says which tapes are not there, or are damaged: their failures count as without
	// a tape, so that those of other buckets with one come first.
	Amiss []error
}

// Gather reads the campaigns of several buckets and joins their states. The order of
// the buckets changes nothing, nor does one that is named twice.
func Gather(from ...store.Bucket) (*Gathered, error) {
	g := &Gathered{Tapes: make(map[string][]byte)}
	for i, b := range from {
		data, tag, err := head(b)
		if err != nil {
			return nil, fmt.Errorf("distributed: read %s: %w", nth(i, len(from)), err)
		}
		if tag == "" {
			return nil, fmt.Errorf("%w: %s has no head", ErrEmpty, nth(i, len(from)))
		}
		d, err := decode(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nth(i, len(from)), err)
		}
		if g.Of == "" {
			g.Of = d.Of
		}
		if d.Of != g.Of {
			return nil, fmt.Errorf("%w: bucket %d is of %s, those before of %s", ErrCampaign, i+1, d.Of, g.Of)
		}
		g.add(b, &d.State)
	}
	return g, nil
}

// nth names a bucket, by its place where there are several.
func nth(i, of int) string {
	if of == 1 {
		return "the bucket"
	}
	return fmt.Sprintf("bucket %d", i+1)
}

// add joins the state of a bucket, with its tapes.
func (g *Gathered) add(b store.Bucket, s *State) {
	for _, class := range s.Classes() {
		f := s.Failures[class]
		if f.Tape == "" || g.Tapes[f.Tape] != nil {
			continue
		}
		data, err := Tape(b, f)
		if err != nil {
			g.Amiss = append(g.Amiss, err)
			f.Tape, f.Bytes = "", 0
			s.Failures[class] = f
			continue
		}
		g.Tapes[f.Tape] = data
	}
	Merge().MergeIn(&g.State, *s)
}

// Store joins what was gathered into a bucket, which may hold a campaign of the same, or
// nothing. o says how; its names and its commit are not used.
func (g *Gathered) Store(ctx context.Context, o Options) error {
	o.Of, o.Name, o.Incarnation = g.Of, "merge", "merge"
	if err := o.validate(); err != nil {
		return err
	}
	for _, class := range g.State.Classes() {
		f := g.State.Failures[class]
		if f.Tape == "" {
			continue
		}
		if err := o.Bucket.Put(tapeObject(f.Tape), int64(f.Bytes), bytes.NewReader(g.Tapes[f.Tape])); err != nil {
			return fmt.Errorf("distributed: put the tape of %.80q: %w", class, err)
		}
	}
	w := &Worker{o: o, seen: make(map[string]sign)}
	return w.update(ctx, func(d *document) error {
		Merge().MergeIn(&d.State, g.State)
		return nil
	})
}
