package member

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
)

// Factor is how many replicas somebody has decided that a partition is to have, and which decision
// about it that is, from 1: a later decision is above an earlier one, whatever it says, and of two
// that were made at once the one for more replicas. The zero Factor is that of a partition about
// which nobody has decided.
type Factor uint64

const (
	// MaxReplicas is the greatest number that a decision can name. Where there are fewer nodes,
	// all of them own the partition, and those that join come to.
	MaxReplicas = MaxMembers
	// MaxEpoch is the number of the last decision about a partition.
	MaxEpoch = 1<<32 - 1

	factorBits    = 16
	maxPartitions = 1 << 16
)

// FactorOf is what the decision of a number, from 1 to [MaxEpoch], says: from 1 to [MaxReplicas].
func FactorOf(epoch uint32, replicas int) Factor {
	return Factor(epoch)<<factorBits | Factor(replicas)
}

// Epoch is which decision it is.
func (f Factor) Epoch() uint32 { return uint32(f >> factorBits) }

// Replicas is how many replicas it asks for; 0 if nobody has decided.
func (f Factor) Replicas() int { return int(f & (1<<factorBits - 1)) }

func (f Factor) String() string {
	if f == 0 {
		return "undecided"
	}
	return fmt.Sprintf("%d replicas by decision %d", f.Replicas(), f.Epoch())
}

// valid reports whether there can be such a decision.
func (f Factor) valid() bool {
	return f>>factorBits >= 1 && f>>factorBits <= MaxEpoch && f.Replicas() >= 1 && f.Replicas() <= MaxReplicas
}

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

// Replicas is how many replicas a partition is to have, by the last decision about it; 0 if there
// is none.
func (f Factors) Replicas(p ring.Partition) int { return f.At(p).Replicas() }

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
			return nil, src, fmt.Errorf("%w: partition %d with %d replicas by decision %d", ErrDecode, e.Key, e.Val.Replicas(), uint64(e.Val>>factorBits))
		}
	}
	return entries, rest, nil
}

// Decision is what somebody asks for: that a partition has so many replicas, and no fewer than are
// configured. Whoever decides numbers decisions about a partition ascending; the same decision may
// be asked for at any replicas, in any order and again.
type Decision struct {
	Partition ring.Partition
	Epoch     uint32 // from 1
	Replicas  int    // from 1 to [MaxReplicas]; as many as are configured, or fewer, take back all that was decided before
}

func (d Decision) String() string {
	return fmt.Sprintf("partition %d: %v", d.Partition, FactorOf(d.Epoch, d.Replicas))
}

// With is f with a decision about one of so many partitions, which must not be known already, nor
// one that stands above it. Errors wrap [ErrChange].
func (f Factors) With(d Decision, partitions int) (Factors, error) {
	at := f.At(d.Partition)
	switch {
	case int(d.Partition) >= min(partitions, maxPartitions):
		return nil, fmt.Errorf("%w: partition %d of %d", ErrChange, d.Partition, partitions)
	case d.Replicas < 1 || d.Replicas > MaxReplicas || d.Epoch == 0:
		return nil, fmt.Errorf("%w: %d replicas of partition %d by decision %d, want 1 to %d, and a number", ErrChange, d.Replicas, d.Partition, d.Epoch, MaxReplicas)
	case FactorOf(d.Epoch, d.Replicas) <= at:
		return nil, fmt.Errorf("%w: %v, which has %v", ErrChange, d, at)
	}
	risen := f.Clone()
	risen.MergeIn(Factors{{Key: d.Partition, Val: FactorOf(d.Epoch, d.Replicas)}})
	return risen, nil
}
