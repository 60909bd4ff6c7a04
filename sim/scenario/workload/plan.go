// Package workload draws what the clients of a simulated store do, and knows the kinds
// of values that they do it with.
//
// A plan is an explicit list of operations with absolute times, drawn from a
// [choice.Source] and nothing else. The kinds are those of the store, in tagged runs each
// composed with the set of the writes that are in a value, so that a read tells what it
// saw. The package issues nothing and judges nothing.
package workload

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

// Operation is one planned client operation. A plan is an explicit list, so that
// shrinking can leave operations out without moving the others.
type Operation struct {
	ID      uint64       // from 1, ascending in time; also the tag of a put
	At      sim.Time     // when the session issues it, or later if it is still busy
	Session int          // the client process
	Node    int          // the replica asked
	Func    history.Func // read, write, add or inc
	Type    history.Type // register, set or counter
	Key     string
	Arg     string // value, element, or decimal amount; "" for reads
}

// ErrPlan is wrapped by every refusal to parse an operation.
var ErrPlan = errors.New("workload: malformed operation")

// String writes the operation as a line that [ParseOperation] reads back:
//
//	12 at 35ms s3 n1 add set k2 "e12"
func (o Operation) String() string {
	s := fmt.Sprintf("%d at %v s%d n%d %s %s %s", o.ID, o.At, o.Session, o.Node, o.Func, o.Type, strconv.Quote(o.Key))
	if o.Func != history.Read {
		s += " " + strconv.Quote(o.Arg)
	}
	return s
}

// ParseOperation is the inverse of [Operation.String].
func ParseOperation(line string) (Operation, error) {
	var o Operation
	fail := func(what string) (Operation, error) { return Operation{}, fmt.Errorf("%w %q: %s", ErrPlan, line, what) }
	head := strings.SplitN(line, " ", 8)
	if len(head) < 8 || head[1] != "at" {
		return fail("want ID at TIME sSESSION nNODE FUNC TYPE KEY [ARG]")
	}
	var err error
	if o.ID, err = strconv.ParseUint(head[0], 10, 64); err != nil || o.ID == 0 {
		return fail("the id is not a positive number")
	}
	at, err := time.ParseDuration(head[2])
	if err != nil || at < 0 {
		return fail("the time is not a duration")
	}
	o.At = sim.Time(at)
	if _, err := fmt.Sscanf(head[3]+" "+head[4], "s%d n%d", &o.Session, &o.Node); err != nil || o.Session < 0 || o.Node < 0 {
		return fail("session or node is not a number")
	}
	o.Func, o.Type = history.Func(head[5]), history.Type(head[6])
	if putOf[o.Type] == "" || o.Func != history.Read && o.Func != putOf[o.Type] {
		return fail("no such function of that type")
	}
	rest := head[7]
	if o.Key, rest, err = unquoteFirst(rest); err != nil {
		return fail("the key is not quoted")
	}
	if o.Func != history.Read {
		if o.Arg, rest, err = unquoteFirst(rest); err != nil {
			return fail("the argument is not quoted")
		}
	}
	if rest != "" {
		return fail("more follows")
	}
	if o.Func == history.Inc {
		if _, err := strconv.ParseInt(o.Arg, 10, 64); err != nil {
			return fail("the amount is not an integer")
		}
	}
	return o, nil
}

func unquoteFirst(s string) (value, rest string, err error) {
	q, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, err
	}
	value, err = strconv.Unquote(q)
	return value, strings.TrimPrefix(s[len(q):], " "), err
}

// PutOf is the function that writes a type.
func PutOf(t history.Type) history.Func { return putOf[t] }

var putOf = map[history.Type]history.Func{
	history.Register: history.Write, history.Set: history.Add, history.Counter: history.Inc,
}

// Options are what a plan is drawn for.
type Options struct {
	Nodes      int
	Sessions   int
	Operations int      // at least; the last burst may add up to [Beyond]
	Horizon    sim.Time // no operation is planned much later
	Tagged     bool
}

// Key is a key of a plan with its type.
type Key struct {
	Name string
	Type history.Type
}

// Keys lists the keys of a plan in the order of their first use.
func Keys(ops []Operation) []Key {
	var keys []Key
	for i := range ops {
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.Name == ops[i].Key }) {
			keys = append(keys, Key{ops[i].Key, ops[i].Type})
		}
	}
	return keys
}

// placedKey is a key with the replicas that hold it.
type placedKey struct {
	Key
	owners []ring.NodeID
}

// planner draws a plan. Half of it is bursts: two or three sessions write one key
// through different replicas within a moment, and another reads it soon after,
// since a merge shows its faults where writes are concurrent.
type planner struct {
	src   choice.Source
	draws uint64
	Options
	keys []placedKey
	ops  []Operation
}

// Draw draws a plan in memory that is used again: it is valid until the next call.
func Draw(src choice.Source, o Options, r *ring.Ring, memory *Memory) []Operation {
	p := &planner{src: src, Options: o, ops: memory.drawn[:0]}
	types := []history.Type{history.Register, history.Set, history.Counter}
	first := p.pick("plan.type", 3)
	for i := range 1 + p.pick("plan.keys", 3) {
		t := types[(first+i)%3]
		name := fmt.Sprintf("%c%d", t[0], p.pick("plan.name", 8))
		if slices.ContainsFunc(p.keys, func(k placedKey) bool { return k.Name == name }) {
			continue
		}
		p.keys = append(p.keys, placedKey{Key{name, t}, r.Owners(r.PartitionOf(name))})
	}
	for len(p.ops) < o.Operations {
		at := sim.Time(p.pick("plan.at", int(o.Horizon/sim.Millisecond)*9/10)) * sim.Millisecond
		if p.pick("plan.burst", 2) == 0 {
			p.burst(at)
		} else {
			p.single(at)
		}
	}
	memory.drawn = p.ops
	p.ops = memory.sort()
	for i := range p.ops {
		p.name(&p.ops[i], uint64(i+1))
	}
	return p.ops
}

// Memory is that of a plan, as it is drawn and as it is.
type Memory struct {
	drawn, sorted []Operation
	order         []int
}

// sort puts the operations drawn in the order of their times, those of one time in
// that in which they were drawn. Operations are large, so their positions are
// sorted.
func (m *Memory) sort() []Operation {
	m.order = m.order[:0]
	for i := range m.drawn {
		m.order = append(m.order, i)
	}
	slices.SortFunc(m.order, func(a, b int) int { return cmp.Or(cmp.Compare(m.drawn[a].At, m.drawn[b].At), a-b) })
	m.sorted = m.sorted[:0]
	for _, at := range m.order {
		m.sorted = append(m.sorted, m.drawn[at])
	}
	return m.sorted
}

func (p *planner) pick(site string, n int) int {
	p.draws++
	return int(p.src.Choose(choice.Point{Site: site, Key: p.draws, N: uint64(n)}))
}

func (p *planner) add(at sim.Time, session int, k placedKey, put bool) {
	o := Operation{At: at, Session: session, Func: history.Read, Type: k.Type, Key: k.Name}
	o.Node = int(k.owners[p.pick("plan.node", len(k.owners))])
	if put {
		o.Func = putOf[k.Type]
		if p.pick("plan.stranger", 8) == 7 { // any replica takes writes, owner or not
			o.Node = p.pick("plan.any", p.Nodes)
		}
	}
	p.ops = append(p.ops, o)
}

// FirstFinal is the id of the first of the reads that follow a plan, after the fence.
const FirstFinal = 1 << 20

// Beyond is by how many operations a burst, of three writes and two reads at most,
// may make a plan longer than asked for.
const Beyond = 3 + 2 - 1

func (p *planner) burst(at sim.Time) {
	k := p.keys[p.pick("plan.key", len(p.keys))]
	from := p.pick("plan.session", p.Sessions)
	writers := 2 + p.pick("plan.writers", 2)
	for i := range min(writers, p.Sessions) {
		jitter := sim.Time(p.pick("plan.jitter", 3)) * sim.Millisecond
		p.add(at+jitter, (from+i)%p.Sessions, k, true)
	}
	for range 2 {
		wait := sim.Time(8+p.pick("plan.wait", 60)) * sim.Millisecond
		p.add(at+wait, p.pick("plan.reader", p.Sessions), k, false)
	}
}

func (p *planner) single(at sim.Time) {
	k := p.keys[p.pick("plan.key", len(p.keys))]
	p.add(at, p.pick("plan.session", p.Sessions), k, p.pick("plan.put", 2) == 1)
}

// name numbers the operation and gives it an argument of its own: values and
// elements occur once, and a dozen amounts in a row are different powers of two, so
// that what a read saw can mostly be told from its value even without tags. In
// tagged runs some elements repeat, as they do in life.
func (p *planner) name(o *Operation, id uint64) {
	o.ID = id
	switch o.Func {
	case history.Write:
		o.Arg = "v" + strconv.FormatUint(id, 10)
	case history.Add:
		o.Arg = "e" + strconv.FormatUint(id, 10)
		if p.Tagged && p.pick("plan.repeat", 4) == 3 {
			o.Arg = "e"
		}
	case history.Inc:
		bit := 0
		for _, other := range p.ops[:id-1] {
			if other.Func == history.Inc && other.Key == o.Key {
				bit++
			}
		}
		o.Arg = strconv.FormatInt(1<<(bit%12), 10)
	}
}
