package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// This is what checkpoints do with values that are kept outside, and what a start makes
// of that.

// take is a free place, for a value that the checkpoint being written puts there.
func (k *keeper) take() uint64 {
	at := uint64(len(k.places))
	if n := len(k.free); n > 0 {
		at = k.free[n-1]
		k.free = k.free[:n-1]
	} else {
		k.places = append(k.places, place{})
	}
	k.places[at] = place{origin: k.r.cfg.Origin, number: k.r.checkpoint.number, live: true}
	return at
}

// leave notes that no key has its value in a place any more.
func (k *keeper) leave(at uint64) {
	if at != 0 {
		k.places[at].live = false // what a checkpoint names stays until the next one is whole
	}
}

// nameValue is where the value of s is for the checkpoint being written. One that has
// changed since it was last kept is put there.
func (r *Replica) nameValue(p *partition, s *slot) wire.KeptValue {
	k, x := r.keeper, s.kept
	if x.dirty {
		v := p.value(s)
		k.leave(x.at)
		x.at = k.take()
		from := len(r.wire)
		r.wire = varint.Append(varint.Append(varint.Append(r.wire, x.at), r.cfg.Origin), r.checkpoint.number)
		head := len(r.wire)
		r.wire = v.Append(r.wire)
		size := len(r.wire) - head
		k.places[x.at].size = uint64(size)
		p.sized(s, size)
		k.clean(x, size)
		r.emit(Effect{Kind: EffectKeep, Token: x.at, Msg: r.written(from)})
		r.checkpoint.kept = true
		r.stats.Kept++
	}
	at := &k.places[x.at]
	if !at.naming {
		at.naming = true
		k.naming = append(k.naming, x.at)
	}
	return wire.KeptValue{
		Key: x.cell.key, Kind: s.kind, At: wire.Slot{Number: x.at, Origin: at.origin, Checkpoint: at.number},
		Bytes: at.size, Writes: s.writes, Deps: s.deps,
	}
}

// whole notes that the checkpoint being written is: what only the last one named is free.
func (k *keeper) whole() {
	for _, at := range k.named {
		k.places[at].named = false
	}
	for _, at := range k.naming {
		k.places[at].named, k.places[at].naming = true, false
	}
	for _, at := range k.named {
		if x := &k.places[at]; !x.named && !x.live {
			k.free = append(k.free, at)
			k.r.emit(Effect{Kind: EffectKeep, Token: at})
		}
	}
	k.named, k.naming = k.naming, k.named[:0]
	switch {
	case len(k.named) == 0:
	case k.scrubAt == 0:
		k.scrubAt = 1
	default:
		k.again = true // what has been read may have been spoiled by what was written
	}
}

// Lost is which partitions of its checkpoint the incarnation has left out, since values of
// theirs are lost that were kept outside.
func (r *Replica) Lost() []ring.Partition { return r.lost }

// foresee finds, before anything is recovered, which checkpoint counts where values are
// kept outside: what an earlier one names may have been put elsewhere since. It also
// finds which values are known to be lost.
func (r *Replica) foresee(records [][]byte, past *recovery) error {
	var name checkpointName
	var sessions recoveredPart
	for i, rec := range records {
		switch {
		case wire.IsLost(rec):
			lost, err := wire.Lost(rec)
			if err != nil {
				return fmt.Errorf("record %d of %d: %w", i+1, len(records), err)
			}
			past.lost = append(past.lost, lost)
		case r.keeper != nil && wire.IsCheckpoint(rec):
			x, err := r.in.Checkpoint(rec)
			if err != nil {
				return fmt.Errorf("record %d of %d: %w", i+1, len(records), err)
			}
			if n := (checkpointName{x.Origin, x.Number}); n != name {
				name, sessions = n, recoveredPart{}
			}
			if x.Sessions {
				x.Clients = nil
				if sessions.add(x); sessions.whole {
					past.counts = name
				}
			}
		}
	}
	return nil
}

// reachable reports whether the values of a partition of a checkpoint are where it says,
// as far as is known.
func (r *Replica) reachable(x *recoveredPart, past *recovery) (bool, error) {
	for i := range x.parts {
		part := &x.parts[i]
		switch {
		case part.Keeper == 0 || len(part.Kept) == 0:
			continue
		case r.keeper == nil:
			return false, fmt.Errorf("%w: values of partition %d are kept outside, and there is nothing to read them from; set Values", ErrConfig, x.of)
		case part.Keeper != r.keeper.from.ID():
			return false, nil
		}
		for j := range part.Kept {
			if slices.Contains(past.lost, part.Kept[j].At) {
				return false, nil
			}
		}
	}
	return true, nil
}

// find has a value held that a checkpoint says is kept outside, and that was written at that
// time at the latest.
func (p *partition) find(v *wire.KeptValue, clock uint64, r *Replica) error {
	if _, known := r.cfg.Kinds.Find(v.Kind); !known || r.cfg.Ring.PartitionOf(v.Key) != p.id {
		return fmt.Errorf("%w: unknown kind %q, or key %q in partition %d", wire.ErrMessage, v.Kind, v.Key, p.id)
	}
	if v.At.Number == 0 || v.At.Number > maxPlaces {
		return fmt.Errorf("%w: slot %d of %d", wire.ErrMessage, v.At.Number, maxPlaces)
	}
	s, _ := p.slot(v.Key, v.Kind)
	if s == nil {
		s = p.hold(v.Key, v.Kind)
	} else {
		s.kept.rest = true // of later records
	}
	k := p.keeper
	for uint64(len(k.places)) <= v.At.Number {
		k.places = append(k.places, place{})
	}
	if k.places[v.At.Number].live {
		return fmt.Errorf("%w: slot %d has two values", wire.ErrMessage, v.At.Number)
	}
	k.places[v.At.Number] = place{origin: v.At.Origin, number: v.At.Checkpoint, size: v.Bytes, live: true, named: true}
	k.named = append(k.named, v.At.Number)
	s.kept.at = v.At.Number
	s.size += int(min(v.Bytes, wire.MaxClock))
	s.writes.MergeIn(v.Writes)
	s.deps.MergeIn(v.Deps)
	p.entomb(v.Key, s, clock)
	return nil
}

// found works out what is free once a checkpoint has been recovered.
func (k *keeper) found() {
	for at := len(k.places) - 1; at > 0; at-- {
		if !k.places[at].named {
			k.free = append(k.free, uint64(at))
		}
	}
	if len(k.named) > 0 {
		k.scrubAt = 1
	}
}
