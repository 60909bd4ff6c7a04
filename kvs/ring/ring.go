// Package ring places keys: a key hashes to one of a fixed number of
// partitions, and a ring with virtual nodes places each partition on rf nodes, or, where
// nodes are of two tiers, on so many of the one and so many of the other.
//
// It is pure data. It does not learn of nodes by itself, move anything, or know
// what a partition holds. (Consistent hashing as in Dynamo, SOSP'07, section
// 4.2, with its fixed-partition variant of section 6.2.)
package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// NodeID names a replica's place; it outlives restarts.
type NodeID uint32

// Partition names one of the fixed partitions, in [0, Partitions()).
type Partition uint32

// ErrConfig is wrapped by every refusal of [New].
var ErrConfig = errors.New("ring: invalid configuration")

const (
	maxPartitions = 1 << 16
	maxNodes      = 1 << 12
	virtualNodes  = 64
)

const (
	// MaxNode is the greatest id of a node: what names nodes among partitions has room for it.
	MaxNode NodeID = 1<<32 - 1 - maxPartitions
	// FirstDisk is the least id of a node of the disk tier, unless a ring says otherwise ([Tiered]).
	FirstDisk NodeID = 1 << 31
)

// Ring is an immutable placement; it may be shared.
type Ring struct {
	nodes  []NodeID
	rf     int
	disks  NodeID     // nodes from this id on are of the disk tier
	varied bool       // some partition is to have more, or replicas on disk
	owners [][]NodeID // by partition, in preference order
}

// New places partitions on the given nodes, rf replicas each (all nodes where
// there are fewer than rf). Cost O(nodes·64·log + partitions·log).
func New(nodes []NodeID, partitions, rf int) (*Ring, error) {
	return Varied(nodes, partitions, rf, nil)
}

// Varied is [New], with factor(p) replicas of partition p where that is more than rf, and all
// nodes where there are fewer. The owners by a greater factor are those by a lesser one, in the
// same order, and others after them. A nil factor gives every partition rf.
func Varied(nodes []NodeID, partitions, rf int, factor func(Partition) int) (*Ring, error) {
	if factor == nil {
		return Tiered(nodes, partitions, rf, FirstDisk, nil)
	}
	return Tiered(nodes, partitions, rf, FirstDisk, func(p Partition) (int, int) { return factor(p), 0 })
}

// Tiered places partitions on nodes of two tiers: those whose id is at least disks are of the disk
// tier, the others of the memory tier, and each tier has a circle of its own. The owners of
// partition p are as many nodes of the memory tier, and then of the disk tier, as vector(p) says, or
// all where a tier has fewer. Where these are fewer than rf, they are made up to rf: by further nodes
// of the memory tier, and, where it has no more, by further ones of the disk tier. So a partition has
// rf owners as long as there are rf nodes, of whatever tier. A nil vector is (0, 0) of every
// partition: rf replicas in memory. (The replication vector of Anna, VLDB'19, section 4.)
//
// A vector of which one number is at least rf loses no owner as either number rises.
func Tiered(nodes []NodeID, partitions, rf int, disks NodeID, vector func(Partition) (memory, disk int)) (*Ring, error) {
	switch {
	case len(nodes) == 0 || len(nodes) > maxNodes:
		return nil, fmt.Errorf("%w: %d nodes, want 1 to %d", ErrConfig, len(nodes), maxNodes)
	case partitions < 1 || partitions > maxPartitions:
		return nil, fmt.Errorf("%w: %d partitions, want 1 to %d", ErrConfig, partitions, maxPartitions)
	case rf < 1:
		return nil, fmt.Errorf("%w: replication factor %d, want at least 1", ErrConfig, rf)
	}
	sorted := slices.Clone(nodes)
	slices.Sort(sorted)
	if len(slices.Compact(slices.Clone(sorted))) != len(nodes) {
		return nil, fmt.Errorf("%w: a node is listed twice in %v", ErrConfig, nodes)
	}
	if last := sorted[len(sorted)-1]; last > MaxNode {
		return nil, fmt.Errorf("%w: node %d, want at most %d", ErrConfig, last, MaxNode)
	}
	r := &Ring{nodes: sorted, rf: rf, disks: disks, owners: make([][]NodeID, partitions)}
	split, _ := slices.BinarySearch(sorted, disks)
	inMemory, onDisk := circle(sorted[:split]), circle(sorted[split:])
	for p := range r.owners {
		m, d := 0, 0
		if vector != nil {
			m, d = vector(Partition(p))
		}
		r.varied = r.varied || m > rf || d > 0
		m, d = share(m, d, rf, split, len(nodes)-split)
		at := hashPair('p', uint64(p), 0)
		r.owners[p] = walk(onDisk, at, d, walk(inMemory, at, m, make([]NodeID, 0, m+d)))
	}
	return r, nil
}

// share is how many owners are of each tier, of so many nodes that are there, where the vector asks
// for m and d.
func share(m, d, rf, nodesInMemory, nodesOnDisk int) (inMemory, onDisk int) {
	inMemory, onDisk = min(m, nodesInMemory), min(d, nodesOnDisk)
	inMemory = min(max(inMemory, rf-onDisk), nodesInMemory)
	return inMemory, min(max(onDisk, rf-inMemory), nodesOnDisk)
}

type point struct {
	at   uint64
	node NodeID
}

// circle lists the points of all nodes, ascending, and those of one place by node. Places are
// hashes, so that as many buckets as there are points have about one each: what goes through them
// in order is sorted but for a few neighbours. O(points), for nodes that ascend.
func circle(nodes []NodeID) []point {
	n := len(nodes) * virtualNodes
	unsorted := make([]point, 0, n)
	shift := 64 - bits.Len(uint(n))
	starts := make([]int, 1<<(64-shift)+1)
	for _, id := range nodes {
		for v := range virtualNodes {
			x := point{hashPair('n', uint64(id), uint64(v)), id}
			unsorted = append(unsorted, x)
			starts[x.at>>shift+1]++
		}
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	points := make([]point, n)
	for _, x := range unsorted {
		bucket := &starts[x.at>>shift]
		points[*bucket] = x
		*bucket++
	}
	for i := 1; i < n; i++ {
		for j := i; j > 0 && points[j].at < points[j-1].at; j-- {
			points[j], points[j-1] = points[j-1], points[j]
		}
	}
	return points
}

// walk appends to owners the first n distinct nodes clockwise from at, of as many at least.
func walk(points []point, at uint64, n int, owners []NodeID) []NodeID {
	from, _ := slices.BinarySearchFunc(points, at, func(p point, at uint64) int {
		if p.at < at {
			return -1
		}
		return 1
	})
	n += len(owners)
	for i := 0; len(owners) < n; i++ {
		if node := points[(from+i)%len(points)].node; !slices.Contains(owners, node) {
			owners = append(owners, node)
		}
	}
	return owners
}

func hashPair(kind byte, a, b uint64) uint64 {
	var buf [17]byte
	buf[0] = kind
	binary.BigEndian.PutUint64(buf[1:], a)
	binary.BigEndian.PutUint64(buf[9:], b)
	return xxhash.Sum64(buf[:])
}

// Nodes lists all nodes in ascending order; the caller must not change it.
func (r *Ring) Nodes() []NodeID { return r.nodes }

// Replicas is how many replicas a partition is to have, at least where the ring is [Ring.Varied].
func (r *Ring) Replicas() int { return r.rf }

// Varied reports whether some partition is to have more than [Ring.Replicas], or replicas on disk.
func (r *Ring) Varied() bool { return r.varied }

// Disks is the least id of a node of the disk tier.
func (r *Ring) Disks() NodeID { return r.disks }

// OnDisk reports whether a node is of the disk tier: its name says so, whether the ring has it or
// not, and for as long as there is such a name.
func (r *Ring) OnDisk(node NodeID) bool { return node >= r.disks }

// Partitions is how many partitions there are.
func (r *Ring) Partitions() int { return len(r.owners) }

// PartitionOf is the partition of key.
func (r *Ring) PartitionOf(key string) Partition {
	return Partition(xxhash.Sum64String(key) % uint64(len(r.owners)))
}

// Owners lists the replicas of p in preference order; the caller must not change
// it. A partition out of range has none.
func (r *Ring) Owners(p Partition) []NodeID {
	if int(p) >= len(r.owners) {
		return nil
	}
	return r.owners[p]
}

// Owns reports whether node is a replica of p.
func (r *Ring) Owns(node NodeID, p Partition) bool { return slices.Contains(r.Owners(p), node) }
