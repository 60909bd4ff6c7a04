package trial

import (
	"errors"
	"fmt"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/sim"
)

// ErrWorkload says that a trial shows nothing of a rewrite: no workload can be made
// up for the program, or one breaks what the program itself relies on, a key or a
// seal.
var ErrWorkload = errors.New("no workload")

// Generic makes up a workload for any program: random tuples for its inputs, of which
// the key determines the rest. Inputs from which seals derive are fed only at the
// end and the others only before, so that seals are true. Sealed collections hold
// all nodes, and must have facts of their own if they are of another form. What the
// program's clients promise each other beyond keys and seals it cannot know. The
// outputs that [Converging] names are to end as in a world of originals.
func Generic(p *el.Program, nodes int) (*Workload, error) {
	load := &Workload{Nodes: nodes, Reissue: true}
	late := announcing(p)
	var early, closing []*el.Collection
	for i := range p.Collections {
		c := &p.Collections[i]
		switch {
		case c.Kind == el.Input && late[c.Name]:
			closing = append(closing, c)
		case c.Kind == el.Input:
			early = append(early, c)
		case c.Kind == el.Sealed && len(c.Columns) == 1 && c.Columns[0].Type == el.NodeType:
			load.Sealed = append(load.Sealed, everyNode(c.Name, nodes)...)
		case c.Kind == el.Sealed && !slices.ContainsFunc(p.Rules, func(r el.Rule) bool { return r.Head.Name == c.Name }):
			return nil, fmt.Errorf("%w: sealed %s is no set of nodes: give it facts", ErrWorkload, c.Name)
		}
	}
	if len(early) == 0 {
		return nil, fmt.Errorf("%w: the program has no input: declare one", ErrWorkload)
	}
	load.Converges, _ = Converging(p)
	load.Plan = func(d *Draw) {
		for _, at := range d.times(operations) {
			c := early[d.IntN(len(early))]
			t, n := d.tuple(c)
			d.Feed(at, n, c.Name, t...)
		}
	}
	load.Close = func(d *Draw) {
		at := d.from
		for _, c := range closing {
			for v := range int64(small) {
				for n := range int64(nodes) {
					at += sim.Millisecond
					d.Feed(at, n, c.Name, determined(c, v, n)...)
				}
			}
		}
	}
	return load, nil
}

// announcing finds the inputs from which collections derive that announce seals.
func announcing(p *el.Program) map[string]bool {
	late := map[string]bool{}
	for _, s := range p.Seals {
		late[s.By.Name] = true
	}
	for before := -1; before < len(late); {
		before = len(late)
		for _, r := range p.Rules {
			if !late[r.Head.Name] {
				continue
			}
			for _, l := range r.Body {
				if l.Kind == el.Match {
					late[l.Atom.Name] = true
				}
			}
		}
	}
	return late
}

// small is how many values columns have that are no ids.
const small = 4

// tuple is a random tuple and the node that is fed it: its first number is an id
// of the node's or, as often, one that was used before; what is not key follows
// from the key.
func (d *Draw) tuple(c *el.Collection) (el.Tuple, int64) {
	const perNode = 1_000_000
	n := d.node()
	id := n*perNode + d.Int64N(small)
	if d.IntN(2) == 0 {
		id = d.id(n, c.Name)
		d.ids = append(d.ids, id)
	} else if used := d.some(1); len(used) > 0 {
		id = used[0]
	}
	n = id / perNode % 1_000
	return determined(c, id, id%int64(d.load.Nodes)), n
}

// determined fills all columns of a tuple from one number.
func determined(c *el.Collection, id, node int64) el.Tuple {
	t := make(el.Tuple, len(c.Columns))
	for i, col := range c.Columns {
		switch col.Type {
		case el.NumberType:
			t[i] = el.Number(id)
			if i > 0 {
				t[i] = el.Number((id + int64(i)) % small)
			}
		case el.SymbolType:
			t[i] = el.Symbol(string(rune('a' + (id+int64(i))%small)))
		case el.NodeType:
			t[i] = el.Node(node)
		case el.NumbersType:
			t[i] = el.Numbers(max(0, id-1), id%small)
		}
	}
	return t
}
