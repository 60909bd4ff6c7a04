package gen

import "math"

// splicer remembers by which answers the values of a tuple were made, so that the next
// may be one of them with a part drawn anew: the same choices but for a few in a row. So
// any part of two values (a timestamp, the key of a map, an element of a nested slice)
// ties while another differs, whatever the ranges it is drawn from, and each value is
// one that the generator can draw.
type splicer struct {
	made [poolSize][]uint64
	n    int
	last []uint64 // the answers of a value after those
	over overlay
}

// overlay replays answers, but for those from one place to another.
type overlay struct {
	answers  []uint64
	from, to int
	at       int // how many answers were given
}

// fresh reports that the answer at i is not replayed.
func (o *overlay) fresh(i int) bool {
	return i >= len(o.answers) || i >= o.from && i < o.to
}

// next is the next answer if it is replayed; one that is too large is reduced to the
// largest that fits.
func (o *overlay) next(n uint64) (v uint64, replayed bool) {
	i := o.at
	o.at++
	if o.fresh(i) {
		return 0, false
	}
	return min(o.answers[i], n-1), true
}

// run is how many answers in a row, from i places ahead on, are all replayed or all not.
func (o *overlay) run(i int) int {
	switch at := o.at + i; {
	case at >= len(o.answers):
		return math.MaxInt
	case at < o.from:
		return min(o.from, len(o.answers)) - at
	case at < o.to && o.to < len(o.answers):
		return o.to - at
	case at < o.to:
		return math.MaxInt
	default:
		return len(o.answers) - at
	}
}

// peek fills words with the answers from i places ahead on, as many as are replayed, and
// says how many before them are not.
func (o *overlay) peek(i int, words []uint64) (replayed, fresh int) {
	at := o.at + i
	if !o.fresh(at) {
		return copy(words, o.answers[at:at+min(len(words), o.run(i))]), 0
	}
	inside := max(0, min(at, o.to, len(o.answers))-max(o.at, o.from))
	beyond := max(0, at-max(o.at, len(o.answers)))
	return 0, inside + beyond
}

// short is how many choices a piece of them has that is not long, at most; pieces is how
// many kinds of pieces there are.
const (
	short  = 4
	pieces = short + 1
)

// splice draws a value by g: apart times in three apart from the others, and else as a value
// before it with a part drawn anew.
func splice(d *Draw, g Gen[any], apart uint64) any {
	if d.keeping {
		return g(d)
	}
	s := &d.made
	if s.n > 0 {
		plaining := d.plaining
		d.plaining = false
		if v := d.Choose("splice", 3*pieces); v >= apart*pieces {
			d.over = s.choose(d, v%pieces)
		}
		if d.plaining = plaining; plaining {
			d.plain = append(d.plain, 0)
		}
	}
	into := &s.last
	if s.n < len(s.made) {
		into = &s.made[s.n]
	}
	d.keeping, d.answers = true, (*into)[:0]
	v := g(d)
	d.keeping, d.over, *into = false, nil, d.answers
	s.n = min(s.n+1, len(s.made))
	return v
}

// choose says which value is spliced, and where. Short pieces are the most likely: a
// part is made of few choices.
func (s *splicer) choose(d *Draw, piece uint64) *overlay {
	made := s.made[d.Index("splice.of", s.n)]
	if len(made) == 0 {
		return nil
	}
	length := 1 + piece
	if length > short {
		length = 1 + d.Choose("splice.long", uint64(len(made)))
	}
	from := d.Index("splice.from", len(made))
	s.over = overlay{answers: made, from: from, to: from + int(length)}
	return &s.over
}
