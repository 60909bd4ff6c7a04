package trial

import (
	"fmt"
	"math/rand/v2"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/sim"
)

// Operation feeds facts to inputs of a node at a time. Its number stays when others
// are left out.
type Operation struct {
	ID    uint64
	At    sim.Time
	Node  int64
	Facts []eval.Fact
}

// Left says how many tuples a table may hold at the end: as many as an output, or
// none.
type Left struct{ Table, Output string }

// Workload is what clients do to a program.
type Workload struct {
	Nodes int
	// Until is when operations and faults end, 400 ms by default.
	Until  sim.Time
	Sealed []eval.Fact // content of sealed collections, the same at every node
	// Plan fills the time until faults end; Close comes when all is quiet again.
	Plan, Close func(d *Draw)
	// Reissue has operations come again that were lost with a node that was down.
	Reissue bool
	// Converges are outputs that depend on no timing once all is quiet.
	Converges []string
	// Answers are outputs of which only the key columns do.
	Answers []string
	Left    []Left
}

func (l *Workload) until() sim.Time {
	if l.Until == 0 {
		return 400 * sim.Millisecond
	}
	return l.Until
}

func (l *Workload) plan(seed uint64) []Operation {
	d := &Draw{Rand: rand.New(rand.NewPCG(seed, 0x5eed)), load: l, until: l.until()}
	l.Plan(d)
	if l.Close != nil {
		d.from, d.until = l.until()+closeAfter, l.until()+closeAfter+200*sim.Millisecond
		l.Close(d)
	}
	for i := range d.ops {
		d.ops[i].ID = uint64(i)
	}
	return d.ops
}

// Draw is what plans draw from.
type Draw struct {
	*rand.Rand
	load        *Workload
	from, until sim.Time
	ops         []Operation
	logs        []string  // collections that have ids
	next        [][]int64 // for each, the ids that each node used
	last        [2]int64  // batches and readers of atomic registers
	ids         []int64   // of what was made so far, for later operations to refer to
}

// times are n random instants of the phase, ascending.
func (d *Draw) times(n int) []sim.Time {
	ts := make([]sim.Time, n)
	for i := range ts {
		ts[i] = d.from + sim.Time(d.Int64N(int64(d.until-d.from)))
	}
	slices.Sort(ts)
	return ts
}

func (d *Draw) node() int64 { return d.Int64N(int64(d.load.Nodes)) }

// id is the next id of a node for a collection. Ids of one node and collection are
// dense, so that ranges of them are short.
func (d *Draw) id(node int64, collection string) int64 {
	i := slices.Index(d.logs, collection)
	if i < 0 {
		i = len(d.logs)
		d.logs = append(d.logs, collection)
		d.next = append(d.next, make([]int64, d.load.Nodes))
	}
	d.next[i][node]++
	return (int64(i)*1_000+node)*1_000_000 + d.next[i][node]
}

// Feed adds an operation of one fact.
func (d *Draw) Feed(at sim.Time, node int64, collection string, values ...el.Value) {
	d.ops = append(d.ops, Operation{At: at, Node: node, Facts: []eval.Fact{{Collection: collection, Tuple: values}}})
}

func (d *Draw) key() el.Value { return el.Symbol(string(rune('a' + d.IntN(4)))) }

// some is a set of up to n of the ids made so far, most of them recent.
func (d *Draw) some(n int) []int64 {
	var out []int64
	for range n {
		if len(d.ids) > 0 {
			out = append(out, d.ids[max(0, len(d.ids)-1-d.IntN(6))])
		}
	}
	return out
}

func text(id int64) el.Value { return el.Symbol(fmt.Sprintf("v%d", id)) }

func everyNode(collection string, nodes int) []eval.Fact {
	var out []eval.Fact
	for n := range nodes {
		out = append(out, eval.Fact{Collection: collection, Tuple: el.Tuple{el.Node(int64(n))}})
	}
	return out
}
