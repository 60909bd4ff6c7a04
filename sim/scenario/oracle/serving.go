package oracle

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Serving is the oracle of when a replica begins to serve a partition that it has gained: once each
// of the other owners goes by the same view, and not before it holds all that each had when it came
// to. A read of it before that is answered as if nothing had been there, which at a level whose
// reads do not wait nobody else can tell from a stale answer. A node that has started since it
// gained the partition serves at once.
//
// Where somebody has decided about the partition, and none of those that owned it by the view before
// owns it any more, though one of them is there still, the same holds for all members, owners or not,
// as it is there that all there is may lie.
type Serving struct {
	base
	nodes []servingNode
}

// servingNode is what a node was at last.
type servingNode struct {
	looked bool
	again  bool // it has started since it came to go by view
	view   uint64
	by     member.Set // of that name
	place  *member.Placement
	serves []bool                   // by partition
	alone  []bool                   // by partition: it owns it, and no former owner does
	had    map[uint64][]gossip.Dots // by view, and partition: what it held when it came to go by that
}

// Begin forgets an earlier run.
func (o *Serving) Begin(c Cluster) {
	o.base.Begin(c)
	o.nodes = o.nodes[:0]
	for range c.Nodes() {
		o.nodes = append(o.nodes, servingNode{serves: make([]bool, c.Ring().Partitions()), alone: make([]bool, c.Ring().Partitions())})
	}
}

// Persisted looks at a node, which may go by another view since.
func (o *Serving) Persisted(n ring.NodeID) { o.look(n) }

// Ticked looks at a node.
func (o *Serving) Ticked(n ring.NodeID) { o.look(n) }

// Restarted notes what a node serves and holds that starts. What it has lost is not to be had of
// it any more.
func (o *Serving) Restarted(n ring.NodeID, _ Missing) {
	core := o.Store(n)
	if !o.Moves() || core == nil {
		return
	}
	x := &o.nodes[n]
	x.looked, x.again = true, true
	clear(x.alone)
	for p := range x.serves {
		x.serves[p] = core.Serves(ring.Partition(p))
	}
	//joinery:anyorder each is changed by itself
	for _, had := range x.had {
		for p := range had {
			held, _ := core.Dots(ring.Partition(p))
			had[p] = had[p].Intersect(held)
		}
	}
	x.goesBy(core)
}

// goesBy notes what a node holds that has come to go by its view. What it held when it first did
// stands.
func (x *servingNode) goesBy(core *kvs.Replica) {
	name := core.ViewName()
	x.view, x.by, x.place = name, core.View(), core.Placement()
	if name == 0 || x.had[name] != nil {
		return
	}
	had := make([]gossip.Dots, len(x.serves))
	for p := range had {
		if held, _ := core.Dots(ring.Partition(p)); core.Keeps(ring.Partition(p)) {
			had[p] = held.Clone()
		}
	}
	if x.had == nil {
		x.had = make(map[uint64][]gossip.Dots)
	}
	x.had[name] = had
}

func (o *Serving) look(n ring.NodeID) {
	core := o.Running(n)
	if !o.Moves() || core == nil {
		return
	}
	x := &o.nodes[n]
	if !x.looked || core.ViewName() != x.view {
		if x.again = false; x.looked {
			o.seats(n, x, core)
		}
		x.goesBy(core)
	}
	for i := range x.serves {
		p := ring.Partition(i)
		serves := core.Serves(p)
		if serves && !x.serves[i] && x.view != 0 && !core.Keeps(p) {
			continue // it asks to be started anew, and will have come to own it then
		}
		if serves && !x.serves[i] && x.view != 0 && !x.again && (x.looked || core.View().At(n).Phase() == member.Joining) {
			o.begins(n, p, core)
		}
		if x.serves[i] = serves; serves {
			x.alone[i] = false
		}
	}
	x.looked = true
}

// seats notes of which partitions a node that goes by another view is the owner, and nobody stays who was.
func (o *Serving) seats(n ring.NodeID, x *servingNode, core *kvs.Replica) {
	members := core.View()
	for i := range x.alone {
		p := ring.Partition(i)
		memory, disk, _ := o.VectorOf(p)
		if owns := core.Placement().Owns(n, p); !owns || x.place.Owns(n, p) || memory+disk == 0 {
			x.alone[i] = x.alone[i] && owns
			continue
		}
		stays, there := false, false
		for _, m := range x.place.Owners(p) {
			is := members.At(m)
			same := is.Phase() != member.Gone && is.Life() == x.by.At(m).Life()
			there, stays = there || same, stays || same && core.Placement().Owns(m, p)
		}
		x.alone[i] = there && !stays
	}
}

// begins compares what a node holds that begins to serve with what the other owners had.
func (o *Serving) begins(n ring.NodeID, p ring.Partition, core *kvs.Replica) {
	held, _ := core.Dots(p)
	for m := range ring.NodeID(len(o.nodes)) {
		is := core.View().At(m)
		asked := o.nodes[n].alone[p] && is != 0 && is.Phase() != member.Gone
		if m == n || !core.Placement().Owns(m, p) && !asked {
			continue
		}
		had, came := o.nodes[m].had[core.ViewName()]
		if !came {
			o.fail(n, "view", "node %d serves partition %d, and node %d, which owns it too or may hold it, has not come to go by the view of that", n, p, m)
			continue
		}
		if lacks := had[p].Without(held); len(lacks) > 0 {
			o.fail(n, "values", "node %d serves partition %d without %v, which node %d had when it came to go by the view of that", n, p, lacks, m)
		}
	}
}

func (o *Serving) fail(n ring.NodeID, what, format string, args ...any) {
	o.Fail(Violation{Oracle: "serving", Kind: what, Node: int(n), Message: fmt.Sprintf(format, args...)})
}
