package oracle

import (
	"math/bits"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Sums is the oracle of what a replica says of its own amounts: the delta of a counter's
// write carries the sum of all amounts of that sign that its incarnation has accepted for
// the key, and nothing else.
type Sums struct {
	base
	sums   []ownSum
	values map[kind.Kind]kind.Value
}

// ownSum is what an incarnation has accepted for a key.
type ownSum struct {
	key    string
	origin uint64
	node   ring.NodeID
	total  [2]uint64 // increments, and decrements
}

// Begin forgets an earlier run.
func (o *Sums) Begin(c Cluster) {
	o.base.Begin(c)
	o.sums = o.sums[:0]
}

// Accepted compares the delta of a write with the sum.
func (o *Sums) Accepted(w *Write) {
	if !w.Operation.Counts() || w.Operation.Amiss != "" {
		return
	}
	if w.Entry.Again {
		o.row(w)
		return
	}
	s := o.of(w.Entry.Key, w.Entry.Dot.Origin, w.Node)
	sign, size := amountOf(w.Operation)
	var over uint64
	s.total[sign], over = bits.Add64(s.total[sign], size, 0)
	k, _ := o.Kinds().Find(w.Entry.Kind)
	got, err := o.delta(k, w.Entry.Delta)
	var want kind.Counter
	mine := kind.Sums{{Key: w.Entry.Dot.Origin, Val: kind.Sum{First: s.total[sign]}}}
	if sign == 0 {
		want.First = mine
	} else {
		want.Second = mine
	}
	if merge := kind.CounterMerge(); err != nil || over > 0 || merge.Compare(got, want) != lattice.Equal {
		o.Fail(at("sums", w.Node, w.Operation, "write #%d of %q brings %v (%v), want %v: the sum of what node %d has accepted (overflow %d)",
			w.Operation.ID, w.Entry.Key, got, err, want, w.Node, over))
	}
}

// row holds the delta of a repeat to the amount alone, in a row of no incarnation.
func (o *Sums) row(w *Write) {
	sign, size := amountOf(w.Operation)
	k, _ := o.Kinds().Find(w.Entry.Kind)
	got, err := o.delta(k, w.Entry.Delta)
	mine, other := got.First, got.Second
	if sign == 1 {
		mine, other = other, mine
	}
	if err != nil || len(mine) != 1 || len(other) > 0 || mine[0].Val != (kind.Sum{First: size}) || slices.ContainsFunc(o.sums, func(s ownSum) bool { return s.origin == mine[0].Key }) {
		o.Fail(at("sums", w.Node, w.Operation, "write #%d of %q, a repeat, brings %v (%v), want its amount alone, in a row of its own", w.Operation.ID, w.Entry.Key, got, err))
	}
}

func (o *Sums) delta(k kind.Kind, encoded []byte) (kind.Counter, error) {
	v, ok := o.values[k]
	if !ok {
		if o.values == nil {
			o.values = make(map[kind.Kind]kind.Value)
		}
		v = k.New()
		o.values[k] = v
	}
	if err := k.DecodeInto(v, encoded); err != nil {
		return kind.Counter{}, err
	}
	return workload.CounterOf(v)
}

func (o *Sums) of(key string, origin uint64, n ring.NodeID) *ownSum {
	for i := range o.sums {
		if s := &o.sums[i]; s.key == key && s.origin == origin {
			return s
		}
	}
	o.sums = append(o.sums, ownSum{key: key, origin: origin, node: n})
	return &o.sums[len(o.sums)-1]
}

// Overflow reports whether a node may have refused the operation since the sum of its
// amounts would pass 64 bits. It goes by all that it has accepted until the answer came.
func (o *Sums) Overflow(n ring.NodeID, x *workload.Operation) bool {
	sign, size := amountOf(x)
	for i := range o.sums {
		if s := &o.sums[i]; s.key == x.Key && s.node == n {
			if _, over := bits.Add64(s.total[sign], size, 0); over > 0 {
				return true
			}
		}
	}
	return false
}

// amountOf is the amount of an operation: 0 and its size, or 1 and that of a decrement.
func amountOf(x *workload.Operation) (sign int, size uint64) {
	n, err := strconv.ParseInt(x.Arg, 10, 64)
	switch {
	case err != nil:
		return 0, 0 // unreachable: plans are parsed or drawn
	case n < 0:
		return 1, -uint64(n)
	}
	return 0, uint64(n)
}
