package kvs

import (
	"bytes"
	"cmp"
	"slices"
)

// recoverPiece reads back a piece that was persisted. One whose record before is not there
// is left: it has been cut out, or the checkpoint has not come yet that has both. In its
// place may be the record of an earlier answer, of which the replica had dropped the parts.
func (r *Replica) recoverPiece(rec []byte, past *recovery) error {
	s, x, err := r.in.StoredPiece(rec)
	if err != nil {
		return err
	}
	if int(x.Partition) >= r.cfg.Ring.Partitions() {
		return errPartition(x.Partition, r.cfg.Ring)
	}
	p := r.partition(x.Partition)
	of := &intake{begun: s.Begun, number: s.Number}
	in := past.opened(p, of)
	if past.whole(p, of) || in != nil && int(s.At) < len(in.pieces) && bytes.Equal(in.pieces[s.At], s.Encoded) {
		return nil // a checkpoint has written it once more
	}
	encoded := slices.Clone(s.Encoded)
	if x, err = r.in.Piece(encoded); err != nil {
		return err
	}
	switch {
	case s.At == 0:
		in = of
	case in == nil || !in.goesOn(int(s.At), &x):
		return nil
	}
	if in, err = in.with(r, &x, encoded); err != nil {
		return err
	}
	in.held, in.own = s.Held, s.Own
	r.learn(&x)
	past.keep(p, in)
	return nil
}

// whole reports whether a snapshot has been recovered whole.
func (x *recovery) whole(p *partition, of *intake) bool {
	return slices.ContainsFunc(x.taken, func(t recoveredIntake) bool { return t.p == p && t.x.continues(of) })
}

// opened is a snapshot of which some has been recovered, nil if nothing has been. A checkpoint
// may still write pieces of one when another has begun.
func (x *recovery) opened(p *partition, of *intake) *intake {
	at := slices.IndexFunc(x.open, func(t recoveredIntake) bool { return t.p == p && t.x.continues(of) })
	if at < 0 {
		return nil
	}
	return x.open[at].x
}

// keep notes that more has been recovered of a snapshot.
func (x *recovery) keep(p *partition, in *intake) {
	x.open = slices.DeleteFunc(x.open, func(t recoveredIntake) bool { return t.p == p && t.x.continues(in) })
	if in.whole {
		x.taken = append(x.taken, recoveredIntake{p, in})
	} else {
		x.open = append(x.open, recoveredIntake{p, in})
	}
}

type recoveredIntake struct {
	p *partition
	x *intake
}

// absorb makes the snapshots visible that have been recovered whole, once what they build
// on is, or is not to come; and lets go of those that build on what is lost, if they are in part, or
// if deletes had been forgotten where they come from. Such a one stands for them by naming nothing
// there, and an earlier write that had been left out of it, and is lost since, would come behind them.
func (x *recovery) absorb(r *Replica) {
	x.reach(r.cfg.MaxKnown)
	for len(x.taken) > 0 {
		next := max(slices.IndexFunc(x.taken, func(t recoveredIntake) bool { return t.p.applied.Includes(t.x.held) }), 0)
		t := x.taken[next]
		x.taken = slices.Delete(x.taken, next, next+1)
		if t.x.buried > 0 && !t.p.applied.Includes(t.x.held) {
			continue // what it says by not naming it may be contradicted by what is lost, which comes again
		}
		r.absorb(t.p, t.x)
		t.p.hazy = append(t.p.hazy, t.p.foldAll()...)
		x.reach(r.cfg.MaxKnown)
	}
	for _, t := range x.open { // the last one that was begun counts
		if in := t.p.intake; in == nil || cmp.Or(cmp.Compare(in.begun, t.x.begun), cmp.Compare(in.number, t.x.number)) < 0 {
			t.p.intake = t.x
		}
	}
	for _, p := range r.parts {
		if p.intake != nil && (!p.applied.Includes(p.intake.held) || p.applied.Includes(p.intake.base)) {
			p.intake = nil
		}
	}
}
