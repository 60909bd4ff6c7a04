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
	"fmt"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

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
	Replicas   int  // of each partition: as many owners a write may ask for
	Txns       bool // sessions work in transactions
	Deletes    bool // keys are deleted, which else they are in one plan of four; of transactions, in half as many
}

// Key is a key of a plan with its type.
type Key struct {
	Name string
	Type history.Type
}

// Keys lists the keys of a plan, with each of their types, in the order of their first
// use. What is asked amiss counts with its key: nothing of it must come to be held.
func Keys(ops []Operation) []Key {
	var keys []Key
	for i := range ops {
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.Name == ops[i].Key && k.Type == ops[i].Type }) {
			keys = append(keys, Key{ops[i].Key, ops[i].Type})
		}
	}
	return keys
}

// placedKey is a key with the replicas that hold it.
type placedKey struct {
	Key
	owners []ring.NodeID
	huge   bool // a counter whose amounts are about as large as they can be
}

// planner draws a plan. Half of it is bursts: two or three sessions write one key
// through different replicas within a moment, and another reads it soon after,
// since a merge shows its faults where writes are concurrent.
type planner struct {
	src   choice.Source
	draws uint64
	Options
	character
	keys    []placedKey
	ops     []Operation
	retries []int // of all operations
}

// character is what a plan has more of than others.
type character struct {
	mixed   bool  // keys are asked for as other kinds than their own, too
	large   bool  // values of some thousand bytes
	deletes bool  // keys are deleted
	rich    bool  // sets and counters are of richer kinds
	batches bool  // reads ask for several keys at once
	acks    bool  // puts ask to be answered sooner or later than once a disk has them
	homes   []int // by session: the replica that it prefers, and leaves for one operation; -1 is none
}

// Draw draws a plan in memory that is used again: it is valid until the next call.
func Draw(src choice.Source, o Options, r *ring.Ring, memory *Memory) []Operation {
	p := &planner{src: src, Options: o, ops: memory.drawn[:0], retries: memory.retries[:0]}
	p.draw()
	p.drawKeys(r)
	for len(p.ops) < o.Operations {
		at := sim.Time(p.pick("plan.at", int(o.Horizon/sim.Millisecond)*latest/1000)) * sim.Millisecond
		if p.pick("plan.burst", 2) == 0 {
			p.burst(at)
		} else {
			p.single(at)
		}
	}
	memory.drawn, memory.retries = p.ops, p.retries
	p.ops = memory.sort()
	if p.acks {
		p.drawAcks()
	}
	if p.deletes {
		p.drawDeletes()
	}
	if o.Txns {
		p.drawTxns()
	}
	if p.batches {
		p.drawBatches()
	}
	for i := range p.ops {
		p.name(&p.ops[i], uint64(i+1))
	}
	return p.ops
}

// own draws what was added to plans later, without shifting other draws.
func (p *planner) own(site string, key uint64, n int) int {
	return int(p.src.Choose(choice.Point{Site: site, Key: key, N: uint64(n)}))
}

// drawAcks has some puts ask for less than a disk, or for owners.
func (p *planner) drawAcks() {
	for i := range p.ops {
		o := &p.ops[i]
		if o.Func == history.Read {
			continue
		}
		switch how := p.own("plan.ack", uint64(i), 8); how {
		case 0, 1:
			o.Ack = session.AckMemory
		case 2, 3, 4:
			o.Ack = session.Owners(1 + p.own("plan.owners", uint64(i), p.Replicas))
		}
	}
}

// mostInTxn is how many operations a transaction has at most.
const mostInTxn = 5

// drawTxns groups the operations of each session into transactions, of which one in four is
// aborted, and has some of their reads read again what was read, and, where keys are deleted,
// what the transaction has written.
func (p *planner) drawTxns() {
	type open struct {
		txn   uint64
		left  int
		reads []int // positions
		wrote []int // of writes, where keys are deleted
	}
	sessions := make([]open, p.Sessions)
	for i := range p.ops {
		o, s, key := &p.ops[i], &sessions[p.ops[i].Session], uint64(i)
		if s.left == 0 {
			*s = open{txn: s.txn + 1, left: 1 + p.own("plan.txn", key, mostInTxn), reads: s.reads[:0], wrote: s.wrote[:0]}
		}
		s.left--
		o.Txn = s.txn
		if s.left == 0 {
			if o.End = Commit; p.own("plan.abort", key, 4) == 3 {
				o.End = Abort
			}
		}
		if o.Func != history.Read || o.Amiss != "" {
			if p.deletes && o.Amiss == "" {
				s.wrote = append(s.wrote, i)
			}
			continue
		}
		if len(s.reads) > 0 && p.own("plan.reread", key, 2) == 1 {
			p.readAgain(i, s.reads, "")
		}
		if len(s.wrote) > 0 && p.own("plan.readown", key, 2) == 1 {
			p.readAgain(i, s.wrote, ".own")
		}
		s.reads = append(s.reads, i)
	}
}

// readAgain has the read at a position be of the key of one of the operations before it, drawn
// at sites of that name.
func (p *planner) readAgain(i int, of []int, name string) {
	o, key := &p.ops[i], uint64(i)
	before := &p.ops[of[p.own("plan.which"+name, key, len(of))]]
	k := p.keys[slices.IndexFunc(p.keys, func(k placedKey) bool { return k.Name == before.Key })]
	o.Key, o.Type, o.Retries = before.Key, before.Type, nil
	o.Node = int(k.owners[p.own("plan.owner"+name, key, len(k.owners))])
}

// latest is the part of the horizon, in thousandths, within which operations are planned:
// a session that waits for answers issues the last ones later.
const latest = 650

func (p *planner) draw() {
	p.mixed = p.pick("plan.mixed", 4) == 3
	p.large = p.pick("plan.large", 8) == 7
	p.batches = !p.Txns && p.own("plan.batches", 0, 4) == 3
	p.deletes = (p.Options.Deletes || p.own("plan.deletes", 0, 4) == 3) && (!p.Txns || p.own("plan.txn.deletes", 0, 2) == 1)
	p.rich = !p.Txns && p.own("plan.rich", 0, 6) == 5
	p.acks = p.Replicas > 0 && p.own("plan.acks", 0, 4) == 3
	for range p.Sessions {
		home := -1
		if p.pick("plan.settled", 2) == 1 {
			home = p.pick("plan.home", p.Nodes)
		}
		p.homes = append(p.homes, home)
	}
}

// drawKeys draws a few keys, or, in every eighth plan, more than a few.
func (p *planner) drawKeys(r *ring.Ring) {
	types := []history.Type{history.Register, history.Set, history.Counter}
	first, n, names := p.pick("plan.type", 3), 1+p.pick("plan.keys", 3), 8
	if p.pick("plan.many", 8) == 7 {
		n, names = 10+p.pick("plan.keys", 12), 1000
	}
	for i := range n {
		t := types[(first+i)%3]
		name := fmt.Sprintf("%c%d", t[0], p.pick("plan.name", names))
		if p.deletes && t == history.Set {
			name = shrinkingName + name[1:]
		}
		if p.rich {
			name = p.richName(i, t, name)
		}
		if slices.ContainsFunc(p.keys, func(k placedKey) bool { return k.Name == name }) {
			continue
		}
		huge := t == history.Counter && p.Tagged && p.pick("plan.huge", 4) == 3
		p.keys = append(p.keys, placedKey{Key{name, t}, r.Owners(r.PartitionOf(name)), huge})
	}
}

// Memory is that of a plan, as it is drawn and as it is.
type Memory struct {
	drawn, sorted []Operation
	order         []int
	retries       []int
}

// Give lets go of what the operations of a plan point to, so that copies of them stay as
// they are when another plan is drawn.
func (m *Memory) Give() { m.retries = nil }

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

// add adds an operation of a key. In a plan of mixed kinds it may be one of another
// kind, which is refused wherever the key is known.
func (p *planner) add(at sim.Time, session int, k placedKey, put bool) {
	o := Operation{At: at, Session: session, Func: history.Read, Type: k.Type, Key: k.Name}
	o.Node = int(k.owners[p.pick("plan.node", len(k.owners))])
	if home := p.homes[session]; home >= 0 && slices.Contains(k.owners, ring.NodeID(home)) && p.pick("plan.away", 4) > 0 {
		o.Node = home
	}
	if p.mixed && p.pick("plan.other", 6) == 5 {
		o.Type = other[o.Type][p.pick("plan.kind", 2)]
	}
	if put {
		o.Func = putOf[o.Type]
		if p.pick("plan.stranger", 8) == 7 { // any replica takes writes, owner or not
			o.Node = p.pick("plan.any", p.Nodes)
		}
	}
	p.retry(&o, k)
	if p.pick("plan.amiss", 24) == 23 {
		p.spoil(&o, k)
	}
	p.ops = append(p.ops, o)
}

// other are the kinds that a key can be asked for as instead of its own.
var other = map[history.Type][2]history.Type{
	history.Register: {history.Set, history.Counter},
	history.Set:      {history.Register, history.Counter},
	history.Counter:  {history.Register, history.Set},
}

// retry draws what a session does if it gets no answer: give up, mostly, ask the same
// replica again, or another.
func (p *planner) retry(o *Operation, k placedKey) {
	how := p.pick("plan.retry", 8)
	from := len(p.retries)
	if how == 4 || how == 5 || how == 7 {
		p.retries = append(p.retries, o.Node)
	}
	if how >= 6 {
		p.retries = append(p.retries, int(k.owners[p.pick("plan.next", len(k.owners))]))
	}
	if len(p.retries) > from {
		o.Retries = p.retries[from:len(p.retries):len(p.retries)]
	}
}

// spoil makes a request one that must be refused.
func (p *planner) spoil(o *Operation, k placedKey) {
	wrong := all[p.pick("plan.wrong", len(all))]
	if !wrong.fits(o.Func) || wrong == BadAmount && !p.Tagged && o.Type != history.Counter {
		return // an untagged register or set takes any bytes
	}
	if wrong == NotOwner {
		var strangers []int
		for n := range p.Nodes {
			if !slices.Contains(k.owners, ring.NodeID(n)) {
				strangers = append(strangers, n)
			}
		}
		if len(strangers) == 0 {
			return
		}
		o.Node = strangers[p.pick("plan.stranger", len(strangers))]
	}
	o.Amiss, o.Retries = wrong, nil
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
// elements occur once, and a dozen amounts in a row are different powers of two, up or
// down, so that what a read saw can mostly be told from its value even without tags. In
// tagged runs some elements repeat, as they do in life.
func (p *planner) name(o *Operation, id uint64) {
	o.ID = id
	switch o.Func {
	case history.Write:
		o.Arg = "v" + strconv.FormatUint(id, 10) + p.padding()
	case history.Add:
		o.Arg = "e" + strconv.FormatUint(id, 10)
		if p.Tagged && p.pick("plan.repeat", 4) == 3 {
			o.Arg = "e"
		} else {
			o.Arg += p.padding()
		}
	case Delete:
		p.nameDelete(o)
	case history.Inc:
		o.Arg = strconv.FormatInt(p.amount(o, id), 10)
	}
}

// padding makes some values of a plan with large ones large.
func (p *planner) padding() string {
	if !p.large || p.pick("plan.pad", 3) < 2 {
		return ""
	}
	return padding(200 + p.pick("plan.size", 5000))
}

func (p *planner) amount(o *Operation, id uint64) int64 {
	huge := slices.ContainsFunc(p.keys, func(k placedKey) bool { return k.huge && k.Name == o.Key })
	if huge && p.pick("plan.small", 3) > 0 {
		return hugeAmounts[p.pick("plan.amount", len(hugeAmounts))]
	}
	bit := 0
	for _, other := range p.ops[:id-1] {
		if other.Func == history.Inc && other.Key == o.Key {
			bit++
		}
	}
	n := int64(1) << (bit % 12)
	if huge {
		n = hugeUnit << (bit % 7)
	}
	if p.pick("plan.down", 2) == 1 {
		n = -n
	}
	return n
}

// hugeUnit is what the amounts of a counter with huge ones are multiples of, and what
// histories show them and their sums in: else the sums that checkers work with would
// not fit an int64.
const hugeUnit = 1 << 56

// hugeAmounts soon make the sum of one replica pass 64 bits, and that of all an int64.
var hugeAmounts = [...]int64{127 * hugeUnit, -128 * hugeUnit, 64 * hugeUnit, -64 * hugeUnit, 126 * hugeUnit, -127 * hugeUnit}

// shown is an amount or a sum as histories show it.
func shown(n int64) history.Value {
	if n%hugeUnit == 0 {
		n /= hugeUnit
	}
	return history.Int(n)
}

// Huge reports whether sums of the key's amounts may not fit an int64.
func Huge(ops []Operation, key string) bool {
	for i := range ops {
		o := &ops[i]
		if o.Func != history.Inc || o.Key != key {
			continue
		}
		if n, err := strconv.ParseInt(o.Arg, 10, 64); err == nil && (n >= hugeUnit || n <= -hugeUnit) {
			return true
		}
	}
	return false
}

// Bytes is the size of what the puts of a plan give to the store.
func Bytes(ops []Operation) (n int) {
	for i := range ops {
		n += max(len(ops[i].Arg), sizeOf(ops[i].Arg))
	}
	return n
}
