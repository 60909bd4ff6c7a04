package kvs

import "github.com/joinery-go/joinery/kvs/ring"

// Demand is what clients have a replica do, and what it stores, in numbers, for whoever decides how
// many nodes there should be and how many replicas of a partition (packages policy and elastic). It
// is for observers, and no part of what a replica goes by.
type Demand struct {
	Origin     uint64            // the incarnation that has counted
	Served     uint64            // requests served of all partitions; rises within an incarnation
	Partitions []PartitionDemand // of which a request was served or something is held, ascending
}

// PartitionDemand is that of one partition.
type PartitionDemand struct {
	Partition ring.Partition
	// Served counts the reads that were answered with what there is, and the writes accepted, each
	// key of a request for several by itself. What was refused, repeats of writes, updates to
	// subscribers, and what peers ask for do not count. It rises within an incarnation.
	Served uint64
	Keys   int    // held
	Bytes  uint64 // of their values, encoded, about
}

// sizedKeys is how many keys of a partition are looked at to tell how many bytes it has; the others
// are taken to be as large as these.
const sizedKeys = 256

// Demand counts, in the memory of d. O(partitions held).
func (r *Replica) Demand(d *Demand) {
	*d = Demand{Origin: r.cfg.Origin, Partitions: d.Partitions[:0]}
	for _, p := range r.parts {
		if p.demanded == 0 && p.cells.count == 0 {
			continue
		}
		x := PartitionDemand{Partition: p.id, Served: p.demanded, Keys: p.cells.count}
		looked := 0
		for c := range p.cells.from("") {
			if looked == sizedKeys {
				break
			}
			looked++
			x.Bytes += uint64(c.size())
		}
		if looked > 0 {
			x.Bytes = x.Bytes * uint64(p.cells.count) / uint64(looked)
		}
		d.Served += x.Served
		d.Partitions = append(d.Partitions, x)
	}
}
