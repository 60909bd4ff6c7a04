package kvs

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Usage is what a replica keeps beside values, in numbers, as counted anew. It is for
// observers, and no part of what a replica goes by.
type Usage struct {
	Persisting int // batches of records that are not known to be durable
	Pending    int // bytes of the entries in them
	Waiting    int // threshold reads that wait
	Repeats    int // answers to repeats that wait for a write
	Untold     int // rows taken back of which the others are not told yet
	Fetching   int // peers that are asked for pieces of snapshots
	Sessions   int // that are remembered
	Requests   int // of them
	Idle       int // of the sessions, those whose last write is older than MaxIdleMS, by the time of the last event
	Logged     int // bytes of records since the last checkpoint began, its own excepted
	Checkpoint int // bytes of the last one

	Partitions []PartitionUsage
}

// PartitionUsage is what is kept of one partition.
type PartitionUsage struct {
	Partition  ring.Partition
	Owned      bool
	Deltas     int // in the log
	DeltaBytes int
	Pending    int         // records that are not known to be durable
	InFlight   int         // dots that are taken to be among these
	Dots       gossip.Dots // that are visible; valid until the next step, not to be changed
	Cuts       int         // origins of which barriers are known
	Doubted    int         // of these, origins of which the cuts may name what is lost
	Waiting    int
	Offers     int // peers that offer a snapshot
	Staged     int // pieces that have come of one
	StagedSize int // bytes of these
}

// Usage counts what the replica keeps, in the memory of u.
func (r *Replica) Usage(u *Usage) {
	*u = Usage{
		Waiting: len(r.multis), Persisting: len(r.batches), Pending: r.persisting, Repeats: len(r.repeats), Untold: len(r.taken), Sessions: len(r.sessions.heap),
		Logged: r.checkpoint.logged, Checkpoint: r.checkpoint.size, Partitions: u.Partitions[:0],
	}
	for i := range r.peers {
		if r.peers[i].fetch.on {
			u.Fetching++
		}
	}
	for _, m := range r.sessions.heap {
		u.Requests += len(m.requests)
		if m.clock>>logicalBits+r.cfg.MaxIdleMS < r.now {
			u.Idle++
		}
	}
	for _, p := range r.parts {
		x := PartitionUsage{
			Partition: p.id, Owned: p.keeps(), Deltas: p.log.Len(), DeltaBytes: p.log.Bytes(), Pending: p.pending,
			InFlight: int(p.inFlight.Count()), Dots: p.applied, Cuts: len(p.cuts), Doubted: len(p.doubt), Waiting: len(p.waiting), Offers: len(p.offers),
		}
		if p.intake != nil {
			x.Staged = len(p.intake.pieces)
			for _, piece := range p.intake.pieces {
				x.StagedSize += len(piece)
			}
		}
		u.Waiting += x.Waiting
		u.Partitions = append(u.Partitions, x)
	}
}

// Tombstones counts the keys of partitions that the replica owns of which nothing is left
// that a read would find, since they were deleted. A delete has to stand against writes that
// come later and were made before it, until none can come any more; of kinds of which that
// cannot be told it is kept for good ([Replica.Unburied]). It looks at every value.
// O(bytes held).
func (r *Replica) Tombstones() (n int) {
	for _, p := range r.parts {
		if !p.owned {
			continue
		}
		p.each(func(_, name string, v kind.Value) {
			if k, _ := r.cfg.Kinds.Find(name); v != nil && k.Absent(v) {
				n++
			}
		})
	}
	return n
}
