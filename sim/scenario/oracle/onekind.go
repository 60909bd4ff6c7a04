package oracle

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
)

// OneKind is the oracle that a key has one kind: an incarnation that holds a key, or is
// about to, accepts no write of another kind. Only replicas that did not know of each
// other may bring two kinds of a key about, and then each serves both.
type OneKind struct {
	base
	accepted []kindOf
}

// kindOf is a kind that an incarnation has accepted for a key.
type kindOf struct {
	typedKey
	origin uint64
}

// Begin forgets an earlier run.
func (o *OneKind) Begin(c Cluster) {
	o.base.Begin(c)
	o.accepted = o.accepted[:0]
}

// Accepted looks for another kind of the key.
func (o *OneKind) Accepted(w *Write) {
	mine := kindOf{typedKey{w.Entry.Key, w.Entry.Kind}, w.Entry.Dot.Origin}
	if slices.Contains(o.accepted, mine) {
		return
	}
	core := o.Running(w.Node)
	if core == nil || !core.Knows(w.Entry.Key, w.Entry.Kind) {
		for i := range o.Kinds().Len() {
			other := o.Kinds().At(i).Name()
			if other == w.Entry.Kind {
				continue
			}
			coming := slices.Contains(o.accepted, kindOf{typedKey{w.Entry.Key, other}, w.Entry.Dot.Origin}) && o.keeps(w.Node, w.Partition) && o.Forgotten(w.Entry.Key, other) == nil
			if coming || core != nil && core.Knows(w.Entry.Key, other) {
				o.Fail(at("kind", w.Node, w.Operation, "write #%d makes %q a %s at node %d, where it is a %s", w.Operation.ID, w.Entry.Key, w.Entry.Kind, w.Node, other))
			}
		}
	}
	o.accepted = append(o.accepted, mine)
}

// Responded looks for a read that finds nothing, where there is something of another kind.
func (o *OneKind) Responded(s *Sent) {
	x, core := s.Operation, o.Running(s.Node)
	if s.Response.Status != wire.StatusOK || x.Func != history.Read || s.Response.Held() || core == nil {
		return
	}
	for i := range o.Kinds().Len() {
		if other := o.Kinds().At(i).Name(); other != x.Kind() && core.Knows(x.Key, other) {
			o.Fail(at("kind", s.Node, x, "read #%d of %q as a %s finds nothing at node %d, where it is a %s", x.ID, x.Key, x.Type, s.Node, other))
		}
	}
}

// keeps reports whether what the node has accepted it still knows: a replica that does
// not own the partition hands it over and forgets.
func (o *OneKind) keeps(n ring.NodeID, p ring.Partition) bool {
	return o.Ring().Owns(n, p) && !o.Moves()
}
