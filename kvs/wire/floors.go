package wire

import (
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Promise is what an incarnation of a node says of the times of writes, in hybrid time, so
// that tombstones can be forgotten; see package kvs. What is said stays so for as long as
// the incarnation runs; a later one of the same incarnation has a greater Rev, and Want,
// Ready, Floor and Clean that are no less.
type Promise struct {
	Rev   uint64 // 0 says nothing
	Want  uint64 // up to which it has tombstones that it would forget
	Ready uint64 // which its clock has passed for long enough
	Floor uint64 // the incarnation issues no write of this time or before, and no later one of its node does
	Clean uint64 // all that it had of this time or before when all nodes had promised that, every owner holds
	Era   uint64 // names the incarnations of all nodes by whose promises Clean is said
}

// Floors is what nodes tell each other of promises.
type Floors struct {
	From   ring.NodeID
	Origin uint64  // the sender's incarnation
	Own    Promise // its
	Pull   bool    // it wants to be told what the receiver has heard of it
	Heard  uint64  // the newest incarnation of the receiver's node that it has heard of so; 0 is none
	Rev    uint64  // of the promise that it has heard of that
	Most   uint64  // the greatest floor that it has ever heard of the receiver's node
}

// Append appends the message.
func (f *Floors) Append(dst []byte) []byte {
	start := len(dst)
	b := varint.Append(varint.Append(begin(dst, MsgFloors), uint64(f.From)), f.Origin)
	b = f.Own.append(b)
	b = varint.Append(varint.Append(varint.Append(AppendBool(b, f.Pull), f.Heard), f.Rev), f.Most)
	return seal(b, start)
}

func (p *Promise) append(b []byte) []byte {
	for _, x := range [...]uint64{p.Rev, p.Want, p.Ready, p.Floor, p.Clean, p.Era} {
		b = varint.Append(b, x)
	}
	return b
}

// Append appends the encoding of p.
func (p *Promise) Append(b []byte) []byte { return p.append(b) }

// Floors reads the body of such a message.
func (in *DecodeBuffer) Floors(body []byte) (f Floors, err error) {
	r := reader{b: body}
	f.From, f.Origin = ring.NodeID(r.uint32()), r.uvarint()
	f.Own = Promise{r.uvarint(), r.clock(), r.clock(), r.clock(), r.clock(), r.uvarint()}
	f.Pull, f.Heard, f.Rev, f.Most = r.bool(), r.uvarint(), r.uvarint(), r.clock()
	if r.err == nil && (f.Origin == 0 || f.Own.Clean > f.Own.Floor) {
		r.fail("a promise that contradicts itself")
	}
	return f, r.end("promise")
}

// NodeFloor is what a replica keeps on its disk of the promises of a node.
type NodeFloor struct {
	Node   ring.NodeID
	Origin uint64 // the newest incarnation that has promised something
	Floor  uint64 // the greatest floor that any has
}

// AppendFloors appends the record of the floors of nodes.
func AppendFloors(b []byte, floors []NodeFloor) []byte {
	return appendFloors(append(b, floorsVersion), floors)
}

func appendFloors(b []byte, floors []NodeFloor) []byte {
	b = varint.Append(b, uint64(len(floors)))
	for _, x := range floors {
		b = varint.Append(varint.Append(varint.Append(b, uint64(x.Node)), x.Origin), x.Floor)
	}
	return b
}

// IsFloors reports whether the record is one of floors.
func IsFloors(record []byte) bool { return len(record) > 0 && record[0] == floorsVersion }

// ReadFloors reads the record of floors.
func (in *DecodeBuffer) ReadFloors(record []byte) ([]NodeFloor, error) {
	if !IsFloors(record) {
		r := reader{}
		r.fail("no record of floors")
		return nil, r.err
	}
	r := reader{b: record[1:]}
	floors := r.floors()
	return floors, r.end("floors")
}

func (r *reader) floors() (floors []NodeFloor) {
	for range r.count(3) {
		floors = append(floors, NodeFloor{ring.NodeID(r.uint32()), r.uvarint(), r.clock()})
	}
	return floors
}
