package kvs

import (
	"iter"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// A snapshot becomes visible in one moment, and is joined in over many steps. In one step the
// set of writes that the partition holds comes to have those of the snapshot ([Replica.absorb]),
// which costs as much as there are spans of dots, whatever the number of keys. From then on a
// value is what is held of it and what the snapshot has, joined: whoever asks for a key folds in
// first what waits for it ([partition.cell]), whoever goes through keys folds in each that he
// comes to ([partition.folded]), and what nobody asks for is folded in some with each tick and
// each record that has become durable. So nothing that the replica says, writes or is asked can
// tell whether a value was folded in before; a checkpoint that began before the snapshot was visible has what
// was held then ([giving.of]). Until all is folded in, no other snapshot of the partition is
// fetched. The side that watches ([Replica.Look]) sees values joined and changes nothing.
type folding struct {
	r      *Replica
	x      *intake
	gone   gossip.Dots // of what was held when it came, lost since
	had    gossip.Dots // what was held before; nil unless something was forgotten, here or there
	state  gossip.Dots // what the snapshot stands for
	buried bool        // tombstones had been forgotten here
	absent bool        // and there: what it does not name is gone, see [folding.drops]
	rows   []repeatMet // to be taken back from counters
	cursor string      // all before this key are folded
	piece  int         // of x.staged, the first one with a value that is not before cursor
	done   map[string]bool
	lost   []ownID // values that have writes which are gone
}

// repeatMet is the row of a repeat whose first write is held too.
type repeatMet struct {
	row   uint64
	first causal.Dot
}

// foldEach is for how many of the values that a step may look at for a snapshot one is folded in.
// With a batch of bytes to each record that is made durable, folding keeps pace with the pieces
// that come.
const foldEach = 4

// absorb makes a snapshot visible that has come whole and is durable. Its deltas are not in
// the log, so peers may be short of them now.
//
// A value that was sent later than others may have writes which are not in the states of
// all pieces. Those that are its own last ones of their origin are held, and are said to
// be, if the requests that they serve have come too. What else it may have nobody can tell
// from the value; see [sifting].
func (r *Replica) absorb(p *partition, x *intake) {
	if p.fold != nil {
		p.foldAll() // unreachable: none is fetched meanwhile
	}
	if x.hidden == nil { // it is found by a start
		x.siftAll()
	}
	// What was held before and had been left out, and is gone since, has not come.
	f := &folding{r: r, x: x, gone: x.held.Without(p.applied), buried: p.buried > 0, done: make(map[string]bool)}
	f.state = x.base.Without(f.gone)
	f.absent = x.buried > 0 && p.owned
	if f.buried || f.absent {
		f.had = p.applied.Clone()
	}
	dots := f.state.Clone()
	dots.MergeIn(x.extra)
	dots.MergeIn(x.beyond.Without(f.gone))
	if x.marks && x.own.Seq > 0 {
		dots.Add(x.own)
	}
	if g := p.giving; g != nil && x.continues(g.in) {
		g.in = x
	}
	before := p.rev
	if !p.applied.MergeIn(dots) {
		return
	}
	if p.rev = p.applied.Count(); p.rev <= before {
		p.rev = before + 1 // a set that large is a lie, and the only way to get here
	}
	p.changes.NoteAll(dots, p.rev, len(p.applied), r.cfg.MaxKnown)
	p.fold = f
	r.unfolded = true
	if x.buried > 0 {
		p.buriedElsewhere(x.buried, x.buriedWrites, x.buriedDeps)
	}
	p.passAll(x, f.gone)
	f.rows = r.repeatsMet(p)
	r.settleLog(p)
	r.stats.Snapshots++
	p.truncated(r.peers)
}

// cell is that of a key, nil if there is none. What waits for it is folded in.
func (p *partition) cell(key string) *cell {
	if p.fold != nil && p.fold.awaits(p, key) {
		p.foldKey(key)
	}
	return p.cells.find(key)
}

// awaits reports whether there is something to be folded in under key.
func (f *folding) awaits(p *partition, key string) bool {
	if key < f.cursor || f.done[key] {
		return false
	}
	next, ok := f.x.stagedFrom(key)
	return ok && next == key || f.everywhere() && p.cells.find(key) != nil
}

// everywhere reports whether keys that the snapshot does not name are concerned, too.
func (f *folding) everywhere() bool { return f.absent || len(f.rows) > 0 }

// foldKey folds in what waits for a key.
func (p *partition) foldKey(key string) {
	f, g := p.fold, p.giving
	f.done[key] = true
	if g != nil && g.of == f { // a checkpoint that has the snapshot is to have the value folded
		p.giving = nil
		defer func() { p.giving = g }()
	}
	for _, v := range f.x.stagedOf(key) {
		f.join(p, v)
	}
	c := p.cells.find(key)
	if c == nil {
		return
	}
	if f.absent {
		for i := len(c.slots) - 1; i >= 0; i-- {
			if f.drops(p, key, &c.slots[i]) {
				p.drop(key, c.slots[i].kind)
			}
		}
		if c = p.cells.find(key); c == nil {
			return
		}
	}
	f.settle(p, c)
}

// drops reports whether what is held under key was deleted and forgotten where the snapshot
// comes from: it is not named there, and p had nothing of it that the snapshot does not stand for.
func (f *folding) drops(p *partition, key string, s *slot) bool {
	return f.absent && forgettable(p.values.kinds, s.kind) && !f.x.named(key, s.kind) && writesWithin(s.writes, f.had, f.state)
}

// settle takes back from the counters of a cell what was counted twice.
func (f *folding) settle(p *partition, c *cell) {
	for _, row := range f.rows {
		for i := range c.slots {
			if s := &c.slots[i]; s.kept != nil && !s.kept.dirty {
				continue // nothing has come to it since it was whole
			}
			if k, ok := p.values.kinds.Find(c.slots[i].kind); ok && k.Own() {
				f.r.takeBack(p, c.key, k, row.row, row.first)
			}
		}
	}
}

// of is a value of the snapshot as it is to be joined in; ok is false if p knows all of it.
func (f *folding) of(p *partition, at stagedValue) (v keptValue, ok bool) {
	x := f.x
	values, err := f.r.keepValues(nil, p.id, []wire.HeldValue{*at.v})
	if err != nil || len(values) == 0 {
		if err != nil {
			f.r.stats.Rejected++ // unreachable: it was decoded when it came
		}
		return v, false
	}
	v = values[0]
	of, hidden := x.answers[at.piece.answer], x.hidden[at.piece.answer]
	v.until = at.piece.clock
	touched := touches(hidden, v.writes, v.deps)
	if f.buried && writesWithin(v.writes, of, f.had) && !touched {
		return v, false // what p does not hold of it, it has forgotten
	}
	if touched && x.own.Seq > 0 { // which stands for those of its writes that are hidden
		v.writes = slices.DeleteFunc(v.writes, func(m session.Mark) bool { return hidden.Contains(dotOf(m)) })
		own := markOf(p.id, x.own)
		v.writes.MergeIn(own[:])
	}
	return v, true
}

// join joins a value in.
func (f *folding) join(p *partition, at stagedValue) {
	v, ok := f.of(p, at)
	if !ok {
		return
	}
	if len(f.gone) > 0 && touches(f.gone, v.writes, v.deps) {
		f.lost = append(f.lost, ownID{v.kind, v.key})
		v.writes = slices.DeleteFunc(v.writes, func(m session.Mark) bool { // the request that it serves was left out, too
			return f.gone.Contains(dotOf(m))
		})
	}
	p.join([]keptValue{v})
}

// next is the next key that is to be folded in; ok is false if there is none.
func (f *folding) next(p *partition) (key string, ok bool) {
	for f.piece < len(f.x.staged) && f.x.staged[f.piece].last() < f.cursor {
		f.piece++
	}
	if f.piece < len(f.x.staged) {
		key, ok = f.x.staged[f.piece].from(f.cursor), true
	}
	if f.everywhere() {
		key, ok = p.cells.sooner(f.cursor, key, ok)
	}
	return key, ok
}

// foldSome folds in what comes next, so many values of about so many bytes, and reports whether
// that was all.
func (p *partition) foldSome(values, size int) (all bool) {
	f := p.fold
	for values > 0 && size > 0 {
		key, ok := f.next(p)
		if !ok {
			p.fold = nil
			return true
		}
		for _, v := range f.x.stagedOf(key) {
			size -= len(v.v.Value)
		}
		if values--; !f.done[key] {
			p.foldKey(key)
		}
		delete(f.done, key)
		f.cursor = key + "\x00"
	}
	return false
}

// foldAll folds in all that waits, and returns the names of values that may have writes which
// nobody is told of, as they have been lost here since; nil mostly.
func (p *partition) foldAll() (lost []ownID) {
	if f := p.fold; f != nil {
		for !p.foldSome(1<<30, 1<<30) {
		}
		lost = f.lost
	}
	return lost
}

// fresh notes that a key is held that was not.
func (f *folding) fresh(key string) {
	if f != nil && f.everywhere() && key >= f.cursor {
		f.done[key] = true
	}
}

// goOn goes on with what takes many steps: looking through snapshots that have come whole, and
// folding them in. It is bounded for all partitions together.
func (r *Replica) goOn() {
	if !r.unfolded {
		return
	}
	r.unfolded = false
	values, size := max(r.cfg.SnapshotValues/foldEach, 1), r.cfg.BatchBytes
	for i := range r.parts {
		p := r.parts[(r.foldFrom+i)%len(r.parts)]
		switch {
		case p.intake != nil && p.intake.sift != nil:
			r.unfolded = true
			r.siftOn(p)
		case p.fold == nil:
			continue
		case p.foldSome(values, size):
			r.fetch(p)
			r.unfolded = true // others may wait
		default:
			r.unfolded = true
		}
		r.foldFrom = (r.foldFrom + i + 1) % len(r.parts)
		return
	}
}

// folded are the cells from key on, in the order of keys, each with what waits for it. None may
// be added meanwhile but by that.
func (p *partition) folded(key string) iter.Seq[*cell] {
	f := p.fold
	if f == nil {
		return p.cells.from(key)
	}
	return func(yield func(*cell) bool) {
		for {
			next, ok := f.x.stagedFrom(key)
			if next, ok = p.cells.sooner(key, next, ok); !ok {
				return
			}
			if c := p.cell(next); c != nil && !yield(c) {
				return
			}
			key = next + "\x00"
		}
	}
}

// each calls visit for every value, as it is with what waits for it, and changes nothing. It is
// nil if it is kept outside and cannot be read.
func (p *partition) each(visit func(key, kind string, v kind.Value)) {
	for key := ""; ; key += "\x00" {
		var next string
		ok := false
		if p.fold != nil {
			next, ok = p.fold.x.stagedFrom(key)
		}
		if next, ok = p.cells.sooner(key, next, ok); !ok {
			return
		}
		key = next
		p.eachOf(key, visit)
	}
}

// eachOf is [partition.each] for one key.
func (p *partition) eachOf(key string, visit func(key, kind string, v kind.Value)) {
	c, f := p.cells.find(key), p.fold
	if f == nil || !f.awaits(p, key) {
		if c != nil {
			for i := range c.slots {
				visit(key, c.slots[i].kind, p.look(&c.slots[i]))
			}
		}
		return
	}
	type seen struct {
		kind string
		v    kind.Value
	}
	var values []seen
	if c != nil {
		for i := range c.slots {
			s := &c.slots[i]
			if v := p.look(s); v != nil && !f.drops(p, key, s) {
				values = append(values, seen{s.kind, v.Clone()})
			}
		}
	}
	for _, at := range f.x.stagedOf(key) {
		v, ok := f.of(p, at)
		if !ok {
			continue
		}
		if i := slices.IndexFunc(values, func(s seen) bool { return s.kind == v.kind }); i >= 0 {
			values[i].v.MergeIn(v.value)
		} else {
			values = append(values, seen{v.kind, v.value})
		}
	}
	slices.SortFunc(values, func(a, b seen) int { return strings.Compare(a.kind, b.kind) })
	for _, s := range values {
		if k, ok := p.values.kinds.Find(s.kind); ok && k.Own() {
			for _, row := range f.rows {
				if taken := k.Settle(row.row, s.v); taken != nil {
					s.v.MergeIn(taken)
				}
			}
		}
		visit(key, s.kind, s.v)
	}
}
