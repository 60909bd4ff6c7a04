package kvs

import (
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/wire"
)

// giving is a partition of which a checkpoint has been given some. What is still to come is
// of the moment at which its first part was given: the cells from next on, but for those that
// are ahead, which were given before they changed, or have come since.
//
// Behind the values come the pieces of a snapshot that was being taken in at that moment, as many
// as have come by then: their records lie before the point at which the log is cut. If it has
// become visible since, all are given, since the values were those from before.
type giving struct {
	r    *Replica
	of   *folding            // what was visible then, and not folded in; nil mostly
	in   *intake             // the snapshot that was being taken in; nil mostly
	at   int                 // the next piece of it
	vals bool                // all values have been given
	part wire.CheckpointPart // the next one; its values were preserved
	size int                 // of these, in bytes, about
	next string              // no key before it is still to be given
}

// goOn gives a part, of values or of a snapshot that is being taken in, and reports whether it
// was the last.
func (g *giving) goOn(p *partition) (all bool) {
	p.giving = nil
	if !g.vals {
		if g.vals = g.values(p); !g.vals {
			return false
		}
		if g.in != nil && p.keeps() {
			p.giving = g
			return false
		}
	}
	if p.intake.continues(g.in) {
		g.in = p.intake
	}
	if g.pieces(); g.at < g.count() && p.keeps() {
		p.giving = g
		return false
	}
	return true
}

// count is how many pieces are to be given by now. The last one of a snapshot is not before its
// own record.
func (g *giving) count() int {
	switch {
	case g.in == nil:
		return 0
	case g.in.sift != nil:
		return len(g.in.pieces) - 1
	}
	return len(g.in.pieces)
}

// pieces gives some of the snapshot that is being taken in, those that are being persisted too.
func (g *giving) pieces() {
	r := g.r
	for size := 0; g.at < g.count() && size < r.cfg.BatchBytes; g.at++ {
		from := len(r.wire)
		r.wire = g.in.stored(r.wire, g.at)
		size += len(r.wire) - from
		r.record(from)
	}
}

// values gives a part, and reports whether it was the last. More than one are given only
// where much was preserved, or much of a value's size is its past. Of a partition that is to be handed over all is given at once,
// since its values may be dropped.
func (g *giving) values(p *partition) (all bool) {
	g.flushPreserved()
	cells := p.cells.from(g.next)
	if g.of != nil && g.of == p.fold { // else what is to be given is what is not folded
		cells = p.folded(g.next)
	}
	for c := range cells {
		if c.ahead {
			c.ahead = false
			continue
		}
		if p.keeps() && g.size > 0 && g.size+c.size() > g.r.cfg.BatchBytes {
			g.next = c.key
			g.give(false)
			p.giving = g
			return false
		}
		g.add(p, c, true)
	}
	g.give(true)
	return true
}

// size is how many bytes of values are in the cell, encoded, about.
func (c *cell) size() (n int) {
	for i := range c.slots {
		n += c.slots[i].size
	}
	return n
}

// add adds what a cell holds to the next part, which is given before that where it has
// become large, if it may be.
func (g *giving) add(p *partition, c *cell, may bool) {
	for i := range c.slots {
		s := &c.slots[i]
		size := 0
		var kept wire.KeptValue
		var held wire.HeldValue
		if s.kept != nil {
			kept = g.r.nameValue(p, s)
			size = kept.Size()
		} else {
			held = wire.HeldValue{Key: c.key, Kind: s.kind, Value: s.val.Append(nil), Writes: s.writes, Deps: s.deps}
			p.sized(s, len(held.Value))
			size = held.Size()
		}
		if may && g.size > 0 && g.size+size > g.r.cfg.BatchBytes {
			g.give(false)
		}
		if g.size += size; s.kept != nil {
			g.part.Kept = append(g.part.Kept, kept)
		} else {
			g.part.Values = append(g.part.Values, held)
		}
	}
}

// give gives the next part, and begins the one behind it.
func (g *giving) give(last bool) {
	x := &g.part
	g.r.giveCheckpoint(x, last)
	x.Applied, x.Cuts, x.Gap, x.Doubt, x.Buried, x.BuriedWrites, x.BuriedDeps = nil, nil, nil, nil, 0, nil, nil
	clear(x.Values)
	clear(x.Kept)
	x.Values, x.Kept, g.size = x.Values[:0], x.Kept[:0], 0
}

// awaits reports whether a key's turn is still to come.
func (g *giving) awaits(key string) bool { return g != nil && !g.vals && key >= g.next }

// preserve has what a cell holds, which is about to change, given as it is.
func (g *giving) preserve(p *partition, c *cell) {
	if !g.awaits(c.key) || c.ahead {
		return
	}
	c.ahead = true
	values, kept := len(g.part.Values), len(g.part.Kept)
	g.add(p, c, false)
	for i := range g.part.Values[values:] {
		v := &g.part.Values[values+i]
		v.Writes, v.Deps = v.Writes.Clone(), v.Deps.Clone()
	}
	for i := range g.part.Kept[kept:] {
		v := &g.part.Kept[kept+i]
		v.Writes, v.Deps = v.Writes.Clone(), v.Deps.Clone()
	}
}

// flushPreserved gives what was preserved since the last part, in parts of their own where
// it is more than one has.
func (g *giving) flushPreserved() {
	values, kept := g.part.Values, g.part.Kept
	g.part.Values, g.part.Kept, g.size = nil, nil, 0
	room := func(size int) {
		if g.size > 0 && g.size+size > g.r.cfg.BatchBytes {
			g.give(false)
		}
		g.size += size
	}
	for _, v := range values {
		room(v.Size())
		g.part.Values = append(g.part.Values, v)
	}
	for _, v := range kept {
		room(v.Size())
		g.part.Kept = append(g.part.Kept, v)
	}
}

// clone is a copy for a clone of the replica.
func (g *giving) clone(r *Replica) *giving {
	if g == nil {
		return nil
	}
	c := *g
	c.r, c.of = r, nil
	c.part.Values = append([]wire.HeldValue(nil), g.part.Values...) // which are not changed once made
	c.part.Kept = append([]wire.KeptValue(nil), g.part.Kept...)
	return &c
}

// append writes what is still to come.
func (g *giving) append(dst []byte, p *partition) []byte {
	if g == nil {
		return dst
	}
	dst = wire.AppendString(varint.Append(append(dst, 'g'), uint64(g.part.At)), g.next)
	dst = wire.AppendBool(wire.AppendBool(dst, g.vals), g.of != nil && g.of == p.fold)
	if g.in != nil {
		dst = g.in.append(varint.Append(append(dst, 'i'), uint64(g.at)))
	}
	for i := range g.part.Values {
		dst = g.part.Values[i].Append(dst)
	}
	for i := range g.part.Kept {
		v := &g.part.Kept[i]
		dst = wire.AppendString(wire.AppendString(dst, v.Key), v.Kind)
		dst = v.Deps.Append(v.Writes.Append(varint.Append(dst, v.At.Number)))
	}
	for c := range p.cells.from(g.next) {
		dst = wire.AppendBool(dst, c.ahead)
	}
	return dst
}
