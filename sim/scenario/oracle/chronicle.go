package oracle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Chronicle judges nothing: it keeps what replicas show under their keys, and when
// that changes, for whoever wants to look at a run. It looks at every value whenever
// something has become visible, so it is for single runs.
type Chronicle struct {
	base
	Now     func() sim.Time
	Changes []Change // in order of time, at most maxChanges
	Cut     int      // further ones
	Values  []Values // of each key, in the order in which keys came up, at most maxKeys

	shown   [][]shown // by node: what it showed when last looked at
	resting bool      // what is shown now is what a run ends with
	scratch []byte
}

// Bounds of a chronicle.
const (
	maxChanges = 100_000
	maxKeys    = 1_000
	maxValues  = 40 // kept of a key, and one a node in the end
)

// Change is that a node shows another value under a key.
type Change struct {
	At            sim.Time
	Node          ring.NodeID
	Key           string
	Before, After string // in words; "" is nothing
}

// Values are the different values that replicas have shown under a key.
type Values struct {
	Key, Kind string
	Partition ring.Partition
	Different []Distinct
	Cut       int // further ones
}

// Distinct is one value that was shown.
type Distinct struct {
	Value kind.Value
	Text  string
	First ring.NodeID // who showed it first
	At    sim.Time

	encoded string
	kind    string
}

type shown struct{ key, kind, encoded, text string }

// Begin forgets another run.
func (o *Chronicle) Begin(c Cluster) {
	o.base.Begin(c)
	o.Changes, o.Values, o.Cut, o.resting = nil, nil, 0, false
	o.shown = make([][]shown, c.Nodes())
}

// Persisted looks at what a node shows.
func (o *Chronicle) Persisted(n ring.NodeID) { o.look(n) }

// Restarted looks at what a node has found on its disk.
func (o *Chronicle) Restarted(n ring.NodeID, _ Missing) { o.look(n) }

// AtRest looks at all.
func (o *Chronicle) AtRest(*Rest) {
	o.resting = true
	defer func() { o.resting = false }()
	for n := range o.Nodes() {
		o.look(ring.NodeID(n))
	}
}

func (o *Chronicle) look(n ring.NodeID) {
	core := o.Running(n)
	if core == nil {
		return
	}
	before := o.shown[n]
	at := make(map[[2]string]int, len(before))
	for i, b := range before {
		at[[2]string{b.key, b.kind}] = i
	}
	var now []shown
	core.Each(func(p ring.Partition, key, kind string, v kind.Value) {
		s := shown{key: key, kind: kind, text: "lost"}
		o.scratch = o.scratch[:0]
		if v != nil {
			o.scratch = v.Append(o.scratch)
		}
		i, known := at[[2]string{key, kind}]
		delete(at, [2]string{key, kind})
		same := known && string(o.scratch) == before[i].encoded
		if same {
			s = before[i] // whose text need not be made again
		} else if s.encoded = string(o.scratch); v != nil {
			s.text = describe(kind, v)
		}
		if v != nil && (!same || o.resting) {
			o.distinct(n, p, s, v)
		}
		switch {
		case !known:
			o.change(n, key, "", s.text)
		case !same:
			o.change(n, key, before[i].text, s.text)
		}
		now = append(now, s)
	})
	for _, b := range before {
		if _, gone := at[[2]string{b.key, b.kind}]; gone {
			o.change(n, b.key, b.text, "")
		}
	}
	o.shown[n] = now
}

func (o *Chronicle) change(n ring.NodeID, key, before, after string) {
	if len(o.Changes) >= maxChanges {
		o.Cut++
		return
	}
	o.Changes = append(o.Changes, Change{o.Now(), n, key, before, after})
}

// distinct keeps a value that was not shown before by anyone.
func (o *Chronicle) distinct(n ring.NodeID, p ring.Partition, s shown, v kind.Value) {
	i := slices.IndexFunc(o.Values, func(x Values) bool { return x.Key == s.key && x.Kind == s.kind })
	if i < 0 {
		if len(o.Values) >= maxKeys {
			return
		}
		i = len(o.Values)
		o.Values = append(o.Values, Values{Key: s.key, Kind: s.kind, Partition: p})
	}
	of := &o.Values[i]
	if slices.ContainsFunc(of.Different, func(d Distinct) bool { return d.encoded == s.encoded }) {
		return
	}
	if len(of.Different) >= maxValues && !o.resting { // there is always room for what a run ends with
		of.Cut++
		return
	}
	of.Different = append(of.Different, Distinct{Value: v.Clone(), Text: s.text, First: n, At: o.Now(), encoded: s.encoded, kind: s.kind})
}

// Held says which of the values of a key a node shows now, or -1.
func (o *Chronicle) Held(of *Values, n ring.NodeID) int {
	for _, s := range o.shown[n] {
		if s.key == of.Key && s.kind == of.Kind {
			return slices.IndexFunc(of.Different, func(d Distinct) bool { return d.encoded == s.encoded })
		}
	}
	return -1
}

// fewWrites is how many of the writes in a value are named.
const fewWrites = 40

// describe writes a value of a kind for people: what a read of it gives, the stamp of
// a register, and of a tagged value the writes that are in it.
func describe(name string, v kind.Value) string {
	var elems []history.Value
	tagged := true
	got, err := workload.ReadingOf(history.Type(name), v, true, &elems)
	if err != nil {
		tagged = false
		got, err = workload.ReadingOf(history.Type(name), v, false, &elems)
	}
	if err != nil {
		return fmt.Sprintf("%d bytes of kind %s", len(v.Append(nil)), name)
	}
	var b strings.Builder
	b.WriteString(got.Value.String())
	if got.Stamp.Known() {
		// A writer is a hash of 64 bits, of which four digits tell apart those of a run.
		fmt.Fprintf(&b, " at %d by …%04x", got.Stamp.Clock, got.Stamp.Writer&0xffff)
	}
	switch saw := got.Saw; {
	case !tagged:
	case len(saw) <= fewWrites:
		fmt.Fprintf(&b, " of writes %v", saw)
	default:
		fmt.Fprintf(&b, " of %d writes, the latest %v", len(saw), saw[len(saw)-fewWrites:])
	}
	return b.String()
}

// Below reports whether the lattice has one value below another, or equal to it.
func (d *Distinct) Below(other *Distinct) bool {
	x := d.Value.Compare(other.Value)
	return x == lattice.Less || x == lattice.Equal
}

// Joined is the join of the two, as merging other into a copy of d gives it.
func (d *Distinct) Joined(other *Distinct) Distinct {
	v := d.Value.Clone()
	v.MergeIn(other.Value)
	return Distinct{Value: v, Text: describe(d.kind, v), First: d.First, encoded: string(v.Append(nil)), kind: d.kind}
}
