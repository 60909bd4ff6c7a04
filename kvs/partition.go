package kvs

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// slot is the value of one kind under one key. A key has one slot, save where
// replicas that did not know of each other created it with different kinds: then
// it keeps them all, and each is served by its name.
type slot struct {
	kind string
	val  Value
}

// partition is what a replica holds of one partition.
type partition struct {
	id      ring.Partition
	owned   bool
	cells   map[string][]slot
	own     map[string]Value // by kind and key: the join of this origin's deltas
	seq     uint64           // last sequence number given out by this origin
	applied causal.Dots      // durable and visible
	coming  causal.Dots      // being persisted
	deps    session.Matrix   // what the applied writes depend on
	log     *gossip.Log
	rev     uint64                 // counts changes of applied
	told    map[ring.NodeID]uint64 // rev that each peer was last told
	owe     []ring.NodeID          // peers to be told as soon as nothing is coming
	pending int                    // records being persisted
	waiting []waiter
}

// waiter is a threshold read that awaits its past.
type waiter struct {
	req      *Request
	deadline uint64 // tick
}

func newPartition(id ring.Partition, self ring.NodeID, r *ring.Ring) *partition {
	return &partition{
		id: id, owned: r.Owns(self, id),
		cells: make(map[string][]slot), own: make(map[string]Value),
		applied: make(causal.Dots), coming: make(causal.Dots), deps: make(session.Matrix),
		log: gossip.NewLog(self, r.Owners(id)), told: make(map[ring.NodeID]uint64),
	}
}

// find returns the value of kind under key, or the name of the kind that stands
// there instead.
func (p *partition) find(key, kind string) (v Value, other string) {
	slots := p.cells[key]
	for _, s := range slots {
		if s.kind == kind {
			return s.val, ""
		}
	}
	if len(slots) > 0 {
		return nil, slots[0].kind
	}
	return nil, ""
}

// merge joins delta into the value of kind under key.
func (p *partition) merge(key, kind string, delta Value) {
	if v, _ := p.find(key, kind); v != nil {
		v.MergeIn(delta)
		return
	}
	slots := append(p.cells[key], slot{kind, delta.Clone()})
	slices.SortFunc(slots, func(a, b slot) int {
		if a.kind < b.kind {
			return -1
		}
		return 1
	})
	p.cells[key] = slots
}

// ownValue is the join of this origin's deltas for key.
func (p *partition) ownValue(key string, k Kind) Value {
	id := k.Name() + "\x00" + key
	v, ok := p.own[id]
	if !ok {
		v = k.New()
		if k.Own() {
			p.own[id] = v
		}
	}
	return v
}

// apply makes a durable entry visible.
func (p *partition) apply(e gossip.Entry, delta Value, tick uint64) {
	if !p.applied.Add(e.Dot) {
		return
	}
	p.rev++
	p.merge(e.Key, e.Kind, delta)
	p.deps.MergeIn(e.Deps)
	p.log.Add(e, tick)
}

// covers reports whether a read that requires row may be answered: the row is
// applied, and so is all of this partition that the applied writes depend on.
func (p *partition) covers(row causal.Version) bool {
	return p.applied.Covers(row) && p.applied.Covers(p.deps[p.id])
}

// oweTo remembers to tell peer what this partition holds.
func (p *partition) oweTo(peer ring.NodeID) {
	if !slices.Contains(p.owe, peer) {
		p.owe = append(p.owe, peer)
		slices.Sort(p.owe)
	}
}

// release drops what a replica that does not own the partition holds of it, once
// every owner has it. The sequence number stays: dots are not reused.
func (p *partition) release() {
	if !p.owned && p.log.Len() == 0 && p.pending == 0 {
		clear(p.cells)
		clear(p.deps)
	}
}
