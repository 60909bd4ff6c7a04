package member

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
)

// Factor is how many replicas somebody has decided that a partition is to have in each tier (the
// replication vector of Anna, VLDB 2019, section 4), and which decision about it that is, from 1: a
// later decision is above an earlier one, whatever it says, and of two that were made at once the
// one for more replicas on disk, or for as many and more in memory. The zero Factor is that of a
// partition about which nobody has decided.
type Factor uint64

const (
	// MaxReplicas is the greatest number in memory that a decision can name. Where there are fewer
	// nodes, all of them own the partition, and those that join come to.
	MaxReplicas = MaxMembers
	// MaxDisk is the greatest number on disk: as many as there is room for beside the other one,
	// where a factor without any is the number that it has been since before there were tiers.
	MaxDisk = (1<<factorBits - 1 - MaxReplicas) / (MaxReplicas + 1)
	// MaxEpoch is the number of the last decision about a partition.
	MaxEpoch = 1<<32 - 1

	factorBits    = 16
	maxPartitions = 1 << 16
)

// FactorOf is what the decision of a number, from 1 to [MaxEpoch], says: from 1 to [MaxReplicas]
// in memory, and none on disk.
func FactorOf(epoch uint32, replicas int) Factor { return VectorOf(epoch, replicas, 0) }

// VectorOf is what the decision of a number, from 1 to [MaxEpoch], says: up to [MaxReplicas] in
// memory and up to [MaxDisk] on disk, and not none of either.
func VectorOf(epoch uint32, memory, disk int) Factor {
	return Factor(epoch)<<factorBits | Factor(memory+disk*(MaxReplicas+1))
}

// Epoch is which decision it is.
func (f Factor) Epoch() uint32 { return uint32(f >> factorBits) }

func (f Factor) vector() int { return int(f & (1<<factorBits - 1)) }

// Replicas is how many replicas it asks for in memory; 0 if nobody has decided, or none.
func (f Factor) Replicas() int { return f.vector() % (MaxReplicas + 1) }

// Disk is how many replicas it asks for on disk; 0 if nobody has decided, or none.
func (f Factor) Disk() int { return f.vector() / (MaxReplicas + 1) }

func (f Factor) String() string {
	switch {
	case f == 0:
		return "undecided"
	case f.Disk() > 0:
		return fmt.Sprintf("%d replicas in memory and %d on disk by decision %d", f.Replicas(), f.Disk(), f.Epoch())
	}
	return fmt.Sprintf("%d replicas by decision %d", f.Replicas(), f.Epoch())
}

// valid reports whether there can be such a decision.
func (f Factor) valid() bool {
	return f>>factorBits >= 1 && f>>factorBits <= MaxEpoch && f.vector() >= 1 && f.Disk() <= MaxDisk
}

// lawful reports whether a partition of rf replicas may be so: one tier has as many at least,
// unless none on disk are asked for; then memory has as many whatever is asked for.
func (f Factor) lawful(rf int) bool { return f.Disk() == 0 || max(f.Replicas(), f.Disk()) >= rf }

// Factors is the last decision about each partition about which there is one: entries that strictly
// ascend by partition, none at the zero Factor. ⊥ is the empty one.
type Factors []lattice.Entry[ring.Partition, Factor]

var (
	factors     = lattice.OrderedMapOf[ring.Partition](lattice.Max[Factor]())
	factorsCaps = lattice.CapsOf(factors) // made once, since each message has some
)

// FactorsMerge is the lattice of factors.
func FactorsMerge() lattice.Merge[Factors] { return lattice.As[Factors](factors) }

// At is the last decision about a partition. O(log entries).
func (f Factors) At(p ring.Partition) Factor {
	at, found := slices.BinarySearchFunc(f, p, func(e lattice.Entry[ring.Partition, Factor], p ring.Partition) int { return int(e.Key) - int(p) })
	if !found {
		return 0
	}
	return f[at].Val
}

// Replicas is how many replicas a partition is to have in memory, by the last decision about it; 0 if
// there is none.
func (f Factors) Replicas(p ring.Partition) int { return f.At(p).Replicas() }

// Vector is how many replicas a partition is to have in each tier, by the last decision about it; 0
// and 0 if there is none.
func (f Factors) Vector(p ring.Partition) (memory, disk int) {
	at := f.At(p)
	return at.Replicas(), at.Disk()
}

// Lawful is why partitions of which there are so many, with rf replicas each, cannot have these
// factors, nil if they can: one is of no partition, or has fewer than rf replicas in either tier, some
// of them on disk. Errors wrap [ErrChange].
func (f Factors) Lawful(partitions, rf int) error {
	for _, e := range f {
		switch {
		case int(e.Key) >= partitions:
			return fmt.Errorf("%w: partition %d of %d", ErrChange, e.Key, partitions)
		case !e.Val.lawful(rf):
			return fmt.Errorf("%w: partition %d with %v, want %d in one tier at least", ErrChange, e.Key, e.Val, rf)
		}
	}
	return nil
}

// MergeIn joins other into f and reports whether f rose. other is not retained.
func (f *Factors) MergeIn(other Factors) (grew bool) {
	return factors.MergeIn((*[]lattice.Entry[ring.Partition, Factor])(f), other)
}

// Clone returns an independent copy.
func (f Factors) Clone() Factors { return slices.Clone(f) }

// Append appends the encoding of f.
func (f Factors) Append(dst []byte) []byte { return factorsCaps.Append(dst, f) }

// DecodeFactors reads factors from the front of src. Errors wrap [ErrDecode].
func DecodeFactors(src []byte) (f Factors, rest []byte, err error) {
	entries, rest, err := factorsCaps.Decode(src)
	if err != nil {
		return nil, src, fmt.Errorf("%w: %w", ErrDecode, err)
	}
	for _, e := range entries {
		if e.Key >= maxPartitions || !e.Val.valid() {
			return nil, src, fmt.Errorf("%w: partition %d with %d and %d replicas by decision %d", ErrDecode, e.Key, e.Val.Replicas(), e.Val.Disk(), uint64(e.Val>>factorBits))
		}
	}
	return entries, rest, nil
}

// Decision is what somebody asks for: that a partition has so many replicas in each tier, and no
// fewer altogether than are configured, as long as there are so many nodes. Whoever decides numbers
// decisions about a partition ascending; the same decision may be asked for at any replicas, in any
// order and again.
type Decision struct {
	Partition ring.Partition
	Epoch     uint32 // from 1
	// Replicas is how many are in memory, up to [MaxReplicas]. As many as are configured, or fewer, and
	// none on disk, take back all that was decided before.
	Replicas int
	Disk     int // how many are on disk, up to [MaxDisk]
}

// Factor is what it says of its partition.
func (d Decision) Factor() Factor { return VectorOf(d.Epoch, d.Replicas, d.Disk) }

func (d Decision) String() string { return fmt.Sprintf("partition %d: %v", d.Partition, d.Factor()) }

// With is f with a decision about one of so many partitions, which must not be known already, nor
// one that stands above it. Errors wrap [ErrChange]. Whether it is lawful is [Factors.Lawful]'s to say.
func (f Factors) With(d Decision, partitions int) (Factors, error) {
	at := f.At(d.Partition)
	switch {
	case int(d.Partition) >= min(partitions, maxPartitions):
		return nil, fmt.Errorf("%w: partition %d of %d", ErrChange, d.Partition, partitions)
	case d.Replicas < 0 || d.Replicas > MaxReplicas || d.Disk < 0 || d.Disk > MaxDisk || d.Replicas+d.Disk == 0 || d.Epoch == 0:
		return nil, fmt.Errorf("%w: %d replicas in memory, up to %d, and %d on disk, up to %d, of partition %d by decision %d, want one at least, and a number", ErrChange, d.Replicas, MaxReplicas, d.Disk, MaxDisk, d.Partition, d.Epoch)
	case d.Factor() <= at:
		return nil, fmt.Errorf("%w: %v, which has %v", ErrChange, d, at)
	}
	risen := f.Clone()
	risen.MergeIn(Factors{{Key: d.Partition, Val: d.Factor()}})
	return risen, nil
}
