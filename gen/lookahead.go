package gen

import (
	"math"

	"github.com/joinery-go/joinery/gen/choice"
)

// fewWords is how many words are looked at first where nothing is known of how many it
// takes, and mostAtOnce how many at most.
const (
	fewWords   = 8
	mostAtOnce = 256
)

// padding is how many zeros stand behind the words, at least.
const padding = 64

// lookahead is the answers that a Draw is about to get.
type lookahead struct {
	d       *Draw
	site    string
	peek    choice.Peeker // nil where answers must be asked for to be known
	unknown bool          // whether the source can peek
	// room holds the answers looked at, ahead of them, and zeros behind those: as many
	// again, and [padding] at least.
	room    []uint64
	ahead   int
	dirty   int     // what stands in room from there on is zeros
	typical int     // how many are worth looking at at once; nothing that is drawn depends on it
	runner  *runner // what generators of rapid draw from; nil until one does
}

func (w *lookahead) begin(d *Draw, site string) {
	w.d, w.site, w.ahead = d, site, 0
	if w.unknown {
		w.peek, _ = choice.CanPeek(d.src)
		w.unknown = false
	}
}

// atFirst is how many answers to look at before a value is drawn.
func (w *lookahead) atFirst() int {
	if w.typical > 0 {
		return w.typical
	}
	return fewWords
}

// words is the answers looked at.
func (w *lookahead) words() []uint64 { return w.room[:w.ahead] }

// padded is the answers looked at with the zeros behind them.
func (w *lookahead) padded() []uint64 { return w.room[:w.ahead+max(w.ahead, padding)] }

// first looks at the first n of the answers, at least, and returns those.
func (w *lookahead) first(n int) []uint64 {
	have := w.ahead
	if n <= have && w.room != nil {
		return w.room[:n]
	}
	if need := n + max(n, padding); need > len(w.room) {
		room := make([]uint64, need)
		copy(room, w.words())
		w.room, w.dirty = room, have
	}
	if w.dirty > n {
		clear(w.room[n:w.dirty])
	}
	w.ahead, w.dirty = n, n
	words := w.words()
	if w.peek == nil {
		for i := have; i < n; i++ {
			words[i] = w.d.Choose(w.site, math.MaxUint64)
		}
		return words
	}
	for i := have; i < n; {
		i += w.fill(i, words[i:])
	}
	return words
}

// fill tells answers from the i-th on, as many as are replayed, or drawn, in a row.
func (w *lookahead) fill(i int, words []uint64) int {
	fresh := i
	if o := w.d.over; o != nil {
		var replayed int
		if replayed, fresh = o.peek(i, words); replayed > 0 {
			return replayed
		}
		words = words[:min(len(words), o.run(i))]
	}
	w.peek.Peek(w.site, w.d.asked+1+uint64(fresh), fresh, words)
	return len(words)
}

// take asks for the first n answers, which are then no longer ahead.
func (w *lookahead) take(n int) {
	w.typical = min(max(w.typical, n), mostAtOnce)
	if w.peek == nil {
		w.drop(n)
		return
	}
	d, taken := w.d, w.words()[:n]
	if d.keeping {
		d.answers = append(d.answers, taken...)
	}
	if d.plaining {
		d.plain = append(d.plain, taken...)
	}
	if d.over == nil {
		w.peek.Take(w.site, d.asked+1, taken)
		d.asked += uint64(n)
	}
	for i := 0; d.over != nil && i < n; {
		// Those that are replayed are asked of nobody.
		run := min(n-i, d.over.run(0))
		if d.over.fresh(d.over.at) {
			w.peek.Take(w.site, d.asked+1, taken[i:i+run])
			d.asked += uint64(run)
		}
		d.over.at += run
		i += run
	}
	w.drop(w.ahead)
}

// drop forgets the first n answers.
func (w *lookahead) drop(n int) {
	if n == w.ahead {
		w.ahead = 0 // what stands there is cleared where other answers do not take its place
		return
	}
	words := w.words()
	left := copy(words, words[n:])
	clear(words[left:])
	w.ahead = left
}
