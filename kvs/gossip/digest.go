package gossip

import "slices"

// Digest is what a replica says of the dots that it holds. While these are few spans, it
// says all of them each time. Once they are many, as each incarnation that wrote has
// left one, it says what has changed since the digest that the receiver has confirmed:
// the spans of incarnations that have ended have been told, and leave the messages.
//
// Within an incarnation what is held only grows, so the number of dots held, Rev, names
// a state of it, and a greater one includes a lesser one. A digest with Rev says: all that
// I held at Base, and Known beside, is all that I held at Rev. Seen is the other
// direction's: the greatest Rev of the receiver's up to which the sender has all.
//
// Why no dot can be mistaken for one that is held, or a whole digest for a part. Let s be
// an incarnation that sends, t one that receives.
//
//   - Each dot in Known is held by s, in a part as in a whole: what t believes of s is at
//     any time a subset of what s holds. So no delta is reclaimed too early.
//   - t takes a part only if Rev r of s up to which it has all is at least Base. By
//     induction over the digests that t takes, it has all that s held at r: a whole digest
//     gives all at its Rev; a part gives what changed between Base and its Rev, and what
//     s held at Base ≤ r it has. A part that t cannot use (it has started again, say, or
//     it has never heard of s) it leaves, also where it would learn some dots of it: for
//     an incarnation that has just been heard of, a part would be taken for less than s
//     has ([Log.ObservePeer], regressed).
//   - s sets Base to a Seen that t said, so t has all up to there. If t starts again, its
//     next incarnation has none of that. s goes by Seen of the newest incarnation that it
//     has heard of: before it has heard of that, its parts are left; after, Base is 0
//     until that one has confirmed a whole digest. Messages may be lost, repeated and
//     delayed: Seen is a maximum, and that of an older incarnation is ignored.
//   - If s starts again, it counts anew under another name, and t has no Rev of that.
//   - If t forgets what s said, as it does when it learns that s's node has begun another life, and
//     may have heard that life by then, it says to have heard of no incarnation. Then s takes Base
//     to be 0, also where such a message comes late, which costs a whole digest.
//
// So t ends with what whole digests would have told it, or knows less until the next one.
type Digest struct {
	Known Dots
	Rev   uint64 // 0 if Known is all, and Rev is not told
	Base  uint64 // ≤ Rev; 0 if Known is all
	Seen  uint64
}

// Changes remembers in which order origins got new dots, since the digests of a partition
// began to be parts. The zero value has seen none.
type Changes struct {
	on     bool
	newest []change // descending by rev
}

type change struct{ origin, rev uint64 }

// Note takes note that dots of origin came, by which the number of dots held has become
// rev, in spans that are more than limit, or have been.
func (c *Changes) Note(origin, rev uint64, spans, limit int) {
	if c.on = c.on || spans > limit; !c.on {
		return
	}
	at := slices.IndexFunc(c.newest, func(x change) bool { return x.origin == origin })
	if at < 0 {
		at = len(c.newest)
		c.newest = append(c.newest, change{})
	}
	copy(c.newest[1:at+1], c.newest[:at])
	c.newest[0] = change{origin, rev}
}

// NoteAll takes note that dots of all origins of a set came.
func (c *Changes) NoteAll(came Dots, rev uint64, spans, limit int) {
	for i, x := range came {
		if i == 0 || came[i-1].Origin != x.Origin {
			c.Note(x.Origin, rev, spans, limit)
		}
	}
}

// On reports whether digests are parts.
func (c *Changes) On() bool { return c.on }

// Digest is what to say of held, rev dots, to one who has confirmed all up to base. It may
// share the memory of held.
func (c *Changes) Digest(held Dots, rev, base uint64) Digest {
	switch {
	case !c.on:
		return Digest{Known: held}
	case base == 0:
		return Digest{Known: held, Rev: rev}
	}
	var part Dots
	for _, x := range c.newest {
		if x.rev <= base {
			break
		}
		part = append(part, held.Of(x.origin)...)
	}
	slices.SortFunc(part, Span.compare)
	return Digest{Known: part, Rev: rev, Base: base}
}

// Clone returns an independent copy.
func (c *Changes) Clone() Changes { return Changes{c.on, slices.Clone(c.newest)} }

// Reset forgets all, and keeps the memory.
func (c *Changes) Reset() { *c = Changes{newest: c.newest[:0]} }

// Each calls visit for every origin noted, the newest first, with the number of dots
// that were held then.
func (c *Changes) Each(visit func(origin, rev uint64)) {
	for _, x := range c.newest {
		visit(x.origin, x.rev)
	}
}
