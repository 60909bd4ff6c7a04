package eval

import (
	"fmt"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// Contents is what a collection held in the last timestep, copied and sorted; of a
// channel each tuple with its sender as a last column. An unknown name holds nothing.
func (m *Machine) Contents(collection string) []el.Tuple {
	if r := m.rels[collection]; r != nil {
		return r.contents()
	}
	return nil
}

// Sends is all that @async rules derived in the last timestep, sorted. A host
// that sends it again and again gets everything through in the end.
func (m *Machine) Sends() []Fact {
	return m.sends(func(f *effect) []*row { return f.into.all() })
}

// Sending reports whether Sends is not empty, without listing it.
func (m *Machine) Sending() bool {
	for _, f := range m.effects {
		if f.op == el.Async && len(f.into.all()) > 0 {
			return true
		}
	}
	return false
}

// NewSends is the part of Sends that was not derived in the timestep before.
func (m *Machine) NewSends() []Fact { return m.sends(func(f *effect) []*row { return f.came }) }

func (m *Machine) sends(of func(*effect) []*row) []Fact {
	var out []Fact
	for _, f := range m.effects {
		if f.op == el.Async {
			for _, w := range of(f) {
				out = append(out, Fact{f.into.name, w.tuple})
			}
		}
	}
	slices.SortFunc(out, Fact.Compare)
	return out
}

// Durable is what tables and ranges hold at the start of the next timestep, copied and
// sorted: what a host keeps so that a machine with it as Options.Stored goes on
// where this one stopped. O(stored).
func (m *Machine) Durable() []Fact {
	var out []Fact
	for _, r := range m.order {
		if r.decl.Kind != el.Table && r.decl.Kind != el.Range {
			continue
		}
		if r.ids != nil {
			for t := range r.ids.All() {
				out = append(out, Fact{r.name, t})
			}
		}
		var made copies
		made.room(r, len(r.all())+len(r.arrivals))
		for _, w := range r.all() {
			if !w.going || w.coming {
				out = append(out, Fact{r.name, made.of(w.tuple)})
			}
		}
		for _, w := range r.arrivals { // what is there already is left out below
			out = append(out, Fact{r.name, made.of(w.tuple)})
		}
	}
	slices.SortFunc(out, Fact.Compare)
	return slices.CompactFunc(out, func(a, b Fact) bool { return a.Compare(b) == 0 })
}

// Idle reports whether another timestep without events would change nothing.
func (m *Machine) Idle() bool {
	for _, r := range m.order {
		if len(r.arrivals) > 0 || len(r.removals) > 0 || len(r.passed) > 0 {
			return false
		}
	}
	return true
}

// Size is what one collection costs.
type Size struct {
	Collection string
	Kind       el.Kind
	Tuples     int // of a range, its intervals
}

// Sizes are the tables and ranges, in the order of their declarations.
func (m *Machine) Sizes() []Size {
	var out []Size
	for _, r := range m.order {
		switch r.decl.Kind {
		case el.Table:
			out = append(out, Size{r.name, r.decl.Kind, len(r.all())})
		case el.Range:
			out = append(out, Size{r.name, r.decl.Kind, r.ids.Intervals()})
		}
	}
	return out
}

// String names the node and the timestep.
func (m *Machine) String() string { return fmt.Sprintf("node %d after timestep %d", m.self, m.tick) }
