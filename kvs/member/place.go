package member

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
)

// Placement says which nodes hold each partition while nodes may come and go. It is
// immutable and may be shared.
type Placement struct {
	old, next *ring.Ring // the same one while nobody comes or goes; nil if there is no node
	both      [][]ring.NodeID
}

// Fixed is the placement on the nodes of a ring that nobody joins or leaves.
func Fixed(r *ring.Ring) *Placement { return &Placement{old: r, next: r} }

// Place is the placement of partitions, rf replicas each, that follows from a set: that of a
// [View] without factors.
func Place(s Set, partitions, rf int) (*Placement, error) {
	return View{Members: s}.Place(partitions, rf)
}

// Place is [View.PlaceBy] where nodes from [ring.FirstDisk] on are of the disk tier.
func (v View) Place(partitions, rf int) (*Placement, error) {
	return v.place(partitions, rf, ring.FirstDisk)
}

// PlaceBy is the placement that follows from a view, where partitions, their least number of replicas
// and which nodes are of the disk tier are as in the ring with which the store began: that many
// replicas in memory, or as many in each tier as its factors say ([ring.Tiered]). It has no other
// input. Cost as of [ring.New], twice while a node joins or leaves. An error wraps [ring.ErrConfig].
func (v View) PlaceBy(r *ring.Ring) (*Placement, error) {
	return v.place(r.Partitions(), r.Replicas(), r.Disks())
}

func (v View) place(partitions, rf int, disks ring.NodeID) (*Placement, error) {
	was, will := v.Members.In(Active, Leaving), v.Members.In(Active, Joining)
	if len(was) == 0 {
		was = will
	}
	if len(will) == 0 {
		will = was
	}
	p := &Placement{}
	if len(was) == 0 {
		return p, nil
	}
	var err error
	if p.old, err = ring.Tiered(was, partitions, rf, disks, v.Factors.Vector); err != nil {
		return nil, fmt.Errorf("member: place: %w", err)
	}
	if slices.Equal(was, will) {
		p.next = p.old
		return p, nil
	}
	if p.next, err = ring.Tiered(will, partitions, rf, disks, v.Factors.Vector); err != nil {
		return nil, fmt.Errorf("member: place: %w", err)
	}
	p.both = make([][]ring.NodeID, partitions)
	for id := range ring.Partition(partitions) {
		owners := p.next.Owners(id)
		p.both[id] = slices.Clip(owners)
		for _, n := range p.old.Owners(id) {
			if !slices.Contains(owners, n) {
				p.both[id] = append(p.both[id], n)
			}
		}
	}
	return p, nil
}

// Owners lists the nodes that hold a partition: those of the next placement in order of
// preference, then those of the old one that are not among them. A partition out of range has
// none. The caller must not change it.
func (p *Placement) Owners(id ring.Partition) []ring.NodeID {
	switch {
	case p.old == nil:
		return nil
	case p.both == nil:
		return p.old.Owners(id)
	case int(id) >= len(p.both):
		return nil
	}
	return p.both[id]
}

// Owns reports whether a node holds a partition.
func (p *Placement) Owns(n ring.NodeID, id ring.Partition) bool {
	return slices.Contains(p.Owners(id), n)
}

// Held reports whether a node holds a partition by the old placement.
func (p *Placement) Held(n ring.NodeID, id ring.Partition) bool {
	return p.old != nil && p.old.Owns(n, id)
}

// Holds reports whether a node holds a partition by the next placement.
func (p *Placement) Holds(n ring.NodeID, id ring.Partition) bool {
	return p.next != nil && p.next.Owns(n, id)
}
