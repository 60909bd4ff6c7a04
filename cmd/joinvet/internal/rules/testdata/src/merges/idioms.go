package merges

import (
	"context"
	"io"
)

type header struct{ rev int }

func (h *header) merge(o *header) { h.rev = max(h.rev, o.rev) } // want `header.merge merges header, .* laws.CheckMethod`

type Doc struct{ header }

func (d *Doc) Merge(ctx context.Context, o *Doc) error { // want `Doc.Merge merges Doc, .* laws.CheckMergeIn`
	d.merge(&o.header)
	return ctx.Err()
}

type State interface{ Merge(o State) error }

type Reg struct{ N int }

func (r *Reg) Merge(o State) error { // want `Reg.Merge merges Reg, .* laws.CheckMergeIn`
	r.N = max(r.N, o.(*Reg).N)
	return nil
}

var mergeShelves = func(a, b Shelf) Shelf { return a } // want `mergeShelves merges Shelf, .* laws.CheckMerge`

// What follows is checked, or is no merge.

var MergeDeeper = func(a, b Deep) Deep { return a }

type Segment struct{ b []byte }

func (s *Segment) Merge(o *Segment, w io.Writer) error { return nil }

func (s *Segment) Join(o io.Reader) error { return nil }

type Loose struct{ N int }

func (l *Loose) Merge(o any) error { return nil }

var _ = mergeShelves
