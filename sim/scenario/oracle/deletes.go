package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Deletes is the oracle of what deletes take away, by a model that is a list of writes. A put
// to a multi-value register is a delete, too: of the values that it names, which are those that
// its session has read, wherever it is served. Of
// the writes that are in a value, those are taken away that a delete had seen which is in
// the value too: what the replica held that served it, and nothing else; of a set, less what
// it found taken away, and of a counter with what had been taken away of that, for who has not heard. So what was deleted does not come back, and what is added besides
// stays. What a session has written, and reads, its deletes see too. A key is said to be
// deleted if that is why nothing is found. At rest no more keys have the remains of a delete
// than were deleted.
//
// A delete that several replicas have served may have seen more at one than at another:
// what only some have seen may be there or not. A counter of which an increment was served
// twice, or is lost and yet in a sum, is not judged.
type Deletes struct {
	base
	Lost   *LostWrites
	Tagged bool // values tell which writes are in them; else dots do, where no disk was lost

	keys   []workload.Key // of which the plan takes away
	writes []deletable
	takers []int   // positions of those of operations that take away what others have put
	inside []taker // scratch, as the next two
	fates  []fate
	saw    []int
	acked  []int    // positions of writes that were acknowledged
	tags   []uint64 // scratch
	known  map[kind.Kind]kind.Value
}

// deletable is a write that a replica has accepted for a key of which the plan has deletes.
type deletable struct {
	at        int // the position of the operation
	partition ring.Partition
	dot       causal.Dot
	seen      []uint64      // of a delete: ids of the writes that it had seen, ascending
	unsure    []uint64      // and of those that it may have found taken away
	name      workload.Name // of a put that replaces others
}

// Situations that deletes bring about.
const (
	MarkDeleted = "read of a deleted key"
	MarkSpared  = "read of what a delete had not seen"
)

// Begin forgets an earlier run.
func (o *Deletes) Begin(c Cluster) {
	o.base.Begin(c)
	o.keys = workload.Deletes(c.Operations())
	o.writes, o.takers, o.acked = o.writes[:0], o.takers[:0], o.acked[:0]
}

// Accepted notes a write, and what a delete sees: a replica that accepts one has not made it
// visible yet.
func (o *Deletes) Accepted(w *Write) {
	x := w.Operation
	if x.Amiss != "" {
		return
	}
	d := deletable{at: w.At, partition: w.Partition, dot: w.Entry.Dot}
	if core := o.Running(w.Node); x.Func == workload.Delete && core != nil {
		within := o.within(core, x.Key, x.Type, core.Look(x.Key, x.Kind()))
		o.sees(&d, x, within)
		if !o.Tagged && core.Stats().Snapshots > 0 {
			o.maySee(&d, x, within)
		}
		o.seesOwn(w, &d)
	}
	if x.Replaces() {
		o.replaces(w, &d)
	}
	slices.Sort(d.seen)
	if x.Takes() {
		o.takers = append(o.takers, len(o.writes))
	}
	o.writes = append(o.writes, d)
}

// replaces notes which writes a put replaces: its session has named those of values that it
// has read.
func (o *Deletes) replaces(w *Write, d *deletable) {
	k, _ := o.Kinds().Find(w.Operation.Kind())
	delta, err := k.Decode(w.Entry.Delta)
	if err != nil {
		return // which others tell
	}
	if written := workload.ShownBy(delta).Names; len(written) != 1 {
		o.Fail(at("deletes", w.Node, w.Operation, "put #%d of %q writes %d values", w.Operation.ID, w.Operation.Key, len(written)))
	} else {
		d.name = written[0]
	}
	for _, n := range w.Names {
		i := slices.IndexFunc(o.writes, func(x deletable) bool { return x.name == n })
		if i < 0 {
			o.Fail(at("deletes", w.Node, w.Operation, "put #%d of %q replaces a value of session %d at %d, which nobody has written", w.Operation.ID, w.Operation.Key, n.Writer, n.Clock))
			continue
		}
		d.seen = append(d.seen, o.Operations()[o.writes[i].at].ID)
	}
}

// sees notes what a delete sees of the writes in the value that it meets.
func (o *Deletes) sees(d *deletable, x *workload.Operation, within []uint64) {
	d.seen = slices.Clone(within)
	if x.Type == history.Counter {
		o.passesOn(d, x, within)
	}
	if x.Type != history.Set {
		return
	}
	fates := o.fatesOf(x.Key, x.Type, within)
	d.seen = d.seen[:0]
	for i, id := range within {
		if fates[i] == stays {
			d.seen = append(d.seen, id)
		} else if fates[i] == mayBeGone {
			d.unsure = append(d.unsure, id)
		}
	}
}

// passesOn notes what the deletes in the value that a delete of a counter meets have seen: it takes that
// away, too, for who has not heard of these.
func (o *Deletes) passesOn(d *deletable, x *workload.Operation, within []uint64) {
	takers := o.takersIn(x.Key, x.Type, within)
	for i, t := range takers {
		alone := (i == 0 || takers[i-1].id != t.id) && (i == len(takers)-1 || takers[i+1].id != t.id)
		to := &d.seen
		if !alone { // which of the writes that have served it is in the value, nobody knows
			to = &d.unsure
		}
		for _, id := range o.writes[t.at].seen {
			if !slices.Contains(*to, id) {
				*to = append(*to, id)
			}
		}
		for _, id := range o.writes[t.at].unsure {
			if !slices.Contains(d.unsure, id) {
				d.unsure = append(d.unsure, id)
			}
		}
	}
}

// maySee notes what a delete may see beside, where only dots tell what is in a value: one that came
// with a snapshot may have writes whose dots the replica does not hold yet.
func (o *Deletes) maySee(d *deletable, x *workload.Operation, within []uint64) {
	for i := range o.writes {
		y := &o.Operations()[o.writes[i].at]
		if y.Key == x.Key && y.Type == x.Type && !slices.Contains(within, y.ID) && !slices.Contains(d.unsure, y.ID) {
			d.unsure = append(d.unsure, y.ID)
		}
	}
}

// seesOwn looks whether a delete of a session that reads its writes meets them.
func (o *Deletes) seesOwn(w *Write, d *deletable) {
	x := w.Operation
	if !x.Sees() || o.Level().Guarantees()&session.RYW == 0 || !o.Tagged {
		return
	}
	within, _ := workload.TagsOf(o.Running(w.Node).Look(x.Key, x.Kind()))
	for _, at := range o.acked {
		y := &o.Operations()[at]
		if y.Session == x.Session && y.Key == x.Key && y.Type == x.Type && y.ID < x.ID && !slices.Contains(within, y.ID) && !o.Lost.Forgiven(at) {
			o.Fail(Violation{Oracle: "deletes", Kind: string(x.Type), Op: string(x.Func), Node: int(w.Node), Message: fmt.Sprintf(
				"delete #%d of %q is served by node %d, which does not have write #%d of its session", x.ID, x.Key, w.Node, y.ID)})
		}
	}
}

// position is that of an operation, or where it would be.
func (o *Deletes) position(id uint64) (at int, found bool) {
	if ops := o.Operations(); id > 0 && id <= uint64(len(ops)) && ops[id-1].ID == id { // as in a plan that is whole
		return int(id - 1), true
	}
	return slices.BinarySearchFunc(o.Operations(), id, func(x workload.Operation, id uint64) int { return cmp.Compare(x.ID, id) })
}

func (o *Deletes) operation(id uint64) (x *workload.Operation, found bool) {
	at, found := o.position(id)
	if !found {
		return nil, false
	}
	return &o.Operations()[at], true
}

// within are the ids of the writes in a value that a replica holds, ascending; nil if it holds
// none.
func (o *Deletes) within(core *kvs.Replica, key string, t history.Type, v kind.Value) []uint64 {
	if v == nil {
		return nil
	}
	if o.Tagged {
		tags, _ := workload.TagsOf(v)
		return tags
	}
	o.tags = o.tags[:0]
	ops := o.Operations()
	for i := range o.writes {
		w := &o.writes[i]
		if x := &ops[w.at]; x.Key == key && x.Type == t && core.Has(w.partition, w.dot) && !slices.Contains(o.tags, x.ID) {
			o.tags = append(o.tags, x.ID)
		}
	}
	slices.Sort(o.tags)
	return o.tags
}

// Answered judges what a read was answered.
func (o *Deletes) Answered(a *Answer) {
	x := a.Operation
	if x.Func != history.Read && a.Recorded.Outcome == history.OK {
		at, _ := o.position(x.ID)
		o.acked = append(o.acked, at)
	}
	if a.Response.Status != wire.StatusOK || x.Func != history.Read || a.Recorded.Outcome != history.OK || !a.Response.Held() {
		return
	}
	k, _ := o.Kinds().Find(x.Kind())
	v, ok := o.known[k]
	if !ok {
		if o.known == nil {
			o.known = make(map[kind.Kind]kind.Value)
		}
		v = k.New()
		o.known[k] = v
	}
	if err := k.DecodeInto(v, a.Response.Value); err != nil {
		return // told already
	}
	if k.Absent(v) != a.Response.Deleted {
		o.Fail(at("deletes", a.Node, x, "read #%d of %q is answered as found %v, deleted %v, by a value of which %v is left", x.ID, x.Key, a.Response.Found, a.Response.Deleted, !k.Absent(v)))
	}
	if a.Response.Deleted {
		o.Mark(MarkDeleted)
	}
	if !o.Tagged {
		return
	}
	tags, _ := workload.TagsOf(v)
	if what := o.wrong(x.Key, x.Type, v, tags); what != "" {
		o.Fail(at("deletes", a.Node, x, "read #%d of %q: %s", x.ID, x.Key, what))
	}
}

// AtRest judges what owners hold.
func (o *Deletes) AtRest(r *Rest) {
	if !r.Came || r.Final || !o.Tagged && o.Lost.Lossy() {
		return
	}
	for i := range o.Nodes() {
		n := ring.NodeID(i)
		core := o.Running(n)
		if core == nil {
			continue
		}
		for _, k := range o.keys {
			v := core.Look(k.Name, k.Kind())
			if v == nil || !o.Ring().Owns(n, o.Ring().PartitionOf(k.Name)) {
				continue
			}
			if what := o.wrong(k.Name, k.Type, v, o.within(core, k.Name, k.Type, v)); what != "" {
				o.Fail(Violation{Oracle: "deletes", Kind: string(k.Type), Node: i, Message: fmt.Sprintf("at rest, node %d holds under %q: %s", n, k.Name, what)})
			}
		}
		if left := core.Tombstones(); left > o.deleted() && left > o.deleted()+o.unplanned(core) {
			o.Fail(Violation{Oracle: "deletes", Kind: "tombstones", Node: i, Message: fmt.Sprintf("at rest, node %d has %d keys of which nothing is left, and %d were deleted", n, left, o.deleted())})
		}
	}
}

// unplanned is how many values a replica holds that no operation is of, such as those of a
// hostile client: what became of these is not judged.
func (o *Deletes) unplanned(core *kvs.Replica) (n int) {
	planned := make(map[string]bool)
	for _, k := range workload.Keys(o.Operations()) {
		planned[k.Name] = true
	}
	core.Each(func(_ ring.Partition, key, _ string, _ kind.Value) {
		if !planned[key] {
			n++
		}
	})
	return n
}

// deleted is how many keys, each of one kind, a delete was accepted of.
func (o *Deletes) deleted() (n int) {
	var seen []workload.Key
	ops := o.Operations()
	for i := range o.writes {
		x := &ops[o.writes[i].at]
		if k := (workload.Key{Name: x.Key, Type: x.Type}); x.Func == workload.Delete && !slices.Contains(seen, k) {
			seen = append(seen, k)
		}
	}
	return len(seen)
}

// fate is what deletes in a value have done with a write in it.
type fate uint8

const (
	stays fate = iota
	mayBeGone
	gone
)

// taker is a write, by its position, of an operation that takes away what others have put.
type taker struct {
	id uint64 // of the operation
	at int
}

// takersIn are those in a value, those of one operation next to each other. They are valid
// until the next call.
func (o *Deletes) takersIn(key string, t history.Type, within []uint64) []taker {
	o.inside = o.inside[:0]
	ops := o.Operations()
	for _, at := range o.takers {
		x := &ops[o.writes[at].at]
		if x.Key != key || x.Type != t {
			continue
		}
		if _, in := slices.BinarySearch(within, x.ID); in {
			o.inside = append(o.inside, taker{x.ID, at})
		}
	}
	slices.SortStableFunc(o.inside, func(a, b taker) int { return cmp.Compare(a.id, b.id) })
	return o.inside
}

// fatesOf works out, for each of the writes in a value, what the takers among them have done
// with it. The result is valid until the next call. It costs what these have seen.
func (o *Deletes) fatesOf(key string, t history.Type, within []uint64) []fate {
	o.fates = slices.Grow(o.fates[:0], len(within))[:len(within)]
	o.saw = slices.Grow(o.saw[:0], len(within))[:len(within)]
	clear(o.fates)
	clear(o.saw)
	takers := o.takersIn(key, t, within)
	for len(takers) > 0 {
		n := 1
		for n < len(takers) && takers[n].id == takers[0].id {
			n++
		}
		o.take(within, takers[:n])
		takers = takers[n:]
	}
	return o.fates
}

// take notes what one operation has done, which all of these have served: what only some have
// seen may be there or not.
func (o *Deletes) take(within []uint64, served []taker) {
	ops := o.Operations()
	x := &ops[o.writes[served[0].at].at]
	all := x.Func != workload.Delete || x.Arg == ""
	each := func(ids []uint64, do func(i int)) {
		for _, id := range ids {
			i, in := slices.BinarySearch(within, id)
			if !in {
				continue
			}
			if put, ok := o.operation(id); ok && (all || x.Arg == put.Arg) {
				do(i)
			}
		}
	}
	for _, s := range served {
		each(o.writes[s.at].seen, func(i int) { o.saw[i]++ })
	}
	for _, s := range served {
		each(o.writes[s.at].unsure, func(i int) { o.fates[i] = max(o.fates[i], mayBeGone) })
	}
	for _, s := range served {
		each(o.writes[s.at].seen, func(i int) {
			if o.saw[i] == len(served) {
				o.fates[i] = gone
			} else if o.saw[i] > 0 {
				o.fates[i] = max(o.fates[i], mayBeGone)
			}
		})
	}
	for _, s := range served {
		each(o.writes[s.at].seen, func(i int) { o.saw[i] = 0 })
	}
}

// wrong says what is wrong with a value that has these writes in it, "" if nothing is.
func (o *Deletes) wrong(key string, t history.Type, v kind.Value, within []uint64) string {
	if t == history.Register || !slices.Contains(o.keys, workload.Key{Name: key, Type: t}) {
		return ""
	}
	var puts []*workload.Operation
	var fates []fate
	ops := o.Operations()
	spared, deletes := false, false
	of := o.fatesOf(key, t, within)
	for i, id := range within {
		switch x, ok := o.operation(id); {
		case !ok || x.Key != key || x.Type != t:
		case x.Func == workload.Delete:
			deletes = true
		default:
			puts, fates = append(puts, x), append(fates, of[i])
			spared = spared || fates[len(fates)-1] == stays
		}
	}
	if deletes && spared {
		o.Mark(MarkSpared)
	}
	got, err := workload.ReadingOf(t, v, o.Tagged, new([]history.Value))
	switch {
	case t == history.Counter && (o.Lost.Unjudged(key) || o.Lost.Repeated(key) || workload.Huge(ops, key)):
		return ""
	case err != nil:
		return err.Error()
	case t == history.Counter:
		return wrongSum(got.Value, puts, fates)
	}
	return wrongElements(got.Value, puts, fates)
}

// wrongSum holds a counter to the sum of the increments that are not taken away.
func wrongSum(got history.Value, puts []*workload.Operation, fates []fate) string {
	sum := int64(0)
	for i, x := range puts {
		n, err := strconv.ParseInt(x.Arg, 10, 64)
		switch {
		case err != nil || fates[i] == mayBeGone:
			return ""
		case fates[i] == stays:
			sum += n
		}
	}
	if n, ok := got.AsInt(); !ok || n != sum {
		return fmt.Sprintf("the sum is %s, and that of the increments in it which no delete in it has seen is %d", got, sum)
	}
	return ""
}

// wrongElements holds a set to the elements that were added and not taken away.
func wrongElements(got history.Value, puts []*workload.Operation, fates []fate) string {
	elements, _ := got.AsList()
	for i, x := range puts {
		if fates[i] == stays && !slices.ContainsFunc(elements, x.Value().Equal) {
			return fmt.Sprintf("%q is not in it, though no delete in it has seen the add #%d", x.Arg, x.ID)
		}
	}
	for _, e := range elements {
		may := false
		for i, x := range puts {
			may = may || fates[i] != gone && x.Value().Equal(e)
		}
		if !may {
			return fmt.Sprintf("%s is in it, and a delete in it has seen every add of that which is", e)
		}
	}
	return ""
}
