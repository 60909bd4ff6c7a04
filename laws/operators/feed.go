package operators

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/joinery-go/joinery/gen"
)

// Feed is a case that an operator is judged on: a few elements, no two of them equal, and
// some choices from which each law makes another way of delivering them.
type Feed struct {
	inputs []any // boxes
	picks  []int
}

// The shape of the feeds that are drawn.
const (
	feedInputs = 6  // elements at most, of most feeds
	feedLong   = 24 // and of one in longOneIn
	longOneIn  = 8
	feedPicks  = 6  // choices
	pickRange  = 60 // a multiple of all small numbers of elements
)

// Source draws feeds of up to six elements, and one in eight of up to 24, of which each may
// be one before it with a part drawn anew, so that keys tie while what is under them differs.
// The empty feed is simplest.
func Source[A any](inputs gen.Gen[A]) gen.Source[Feed] { return SourceUpTo(inputs, 0) }

// SourceUpTo is [Source] of feeds of at most longest elements; 0 means 24.
func SourceUpTo[A any](inputs gen.Gen[A], longest int) gen.Source[Feed] {
	if longest <= 0 {
		longest = feedLong
	}
	elements := gen.AnyOf(gen.Spliced(inputs), gen.Independent(inputs))
	return func(d *gen.Draw, feeds []Feed) {
		for i := range feeds {
			typed := make([]A, d.Index("feed.len", min(feedInputs, longest)+1))
			elements(d, typed)
			picks := make([]int, feedPicks)
			for j := range picks {
				picks[j] = d.Index("feed.pick", pickRange)
			}
			if longest > feedInputs && d.Index("feed.long", longOneIn) == longOneIn-1 {
				more := make([]A, d.Index("feed.more", longest-len(typed)+1))
				elements(d, more)
				typed = append(typed, more...)
			}
			feeds[i] = feedOf(typed)
			feeds[i].picks = picks
		}
	}
}

func feedOf[A any](elements []A) Feed {
	f := Feed{inputs: make([]any, len(elements))}
	for j := range elements {
		f.inputs[j] = &elements[j]
	}
	return f
}

// Feeds is every feed of at most most different elements of those given, in every order,
// with all choices by which words of them are delivered in other ways. Of three elements,
// two make 481 feeds and three 2,209.
func Feeds[A any](elements []A, most int) gen.Universe[Feed] {
	var u gen.Universe[Feed]
	var extend func(chosen []int)
	extend = func(chosen []int) {
		for _, p := range everyPick(len(chosen)) {
			typed := make([]A, len(chosen))
			for i, at := range chosen {
				typed[i] = elements[at]
			}
			f := feedOf(typed)
			f.picks = p
			u = append(u, f)
		}
		if len(chosen) >= most {
			return
		}
		for at := range elements {
			if !slices.Contains(chosen, at) {
				extend(append(chosen[:len(chosen):len(chosen)], at))
			}
		}
	}
	extend(nil)
	return u
}

// everyPick is all choices that words of n elements can tell apart.
func everyPick(n int) [][]int {
	all := [][]int{nil}
	if n == 0 {
		return all
	}
	for _, below := range []int{max(n, 2), n + 1, n + 1, n, 2} {
		var longer [][]int
		for _, p := range all {
			for v := range below {
				longer = append(longer, append(p[:len(p):len(p)], v))
			}
		}
		all = longer
	}
	return all
}

// bench is one evaluation of a law: an operator and a feed. Benches are used again, but
// for those of evaluations that panic or do not end.
type bench struct {
	op      *operator
	a, b, s kind
	inputs  []any // distinct
	picks   []int
}

func (o *operator) bench(f Feed) *bench {
	b, _ := o.benches.Get().(*bench)
	if b == nil {
		b = &bench{op: o, a: o.a(), b: o.b(), s: o.s()}
	}
	b.inputs, b.picks = nil, f.picks
	for _, v := range f.inputs {
		again := false
		for _, w := range b.inputs {
			again = again || b.a.equal(w, v)
		}
		if !again {
			b.inputs = append(b.inputs, v)
		}
	}
	return b
}

// pick is the i-th choice, below n. 0 is the simplest.
func (b *bench) pick(i, n int) int {
	if n <= 1 || len(b.picks) == 0 {
		return 0
	}
	return b.picks[i%len(b.picks)] % n
}

// word is the elements as the operator is given them in the best of worlds: as they are,
// or, of states, each joined with all before it. What waits until its input is complete
// gets the last state alone.
func (b *bench) word() []any {
	if b.op.in == Deltas {
		return b.inputs
	}
	var rising []any
	for i, v := range b.inputs {
		if i > 0 {
			v = b.joinInputs(rising[i-1], v)
		}
		rising = append(rising, v)
	}
	if b.op.sealed() && len(rising) > 0 {
		return rising[len(rising)-1:]
	}
	return rising
}

func (b *bench) joinInputs(x, y any) any { return b.op.join(b.a.copy(x), b.a.copy(y)) }

// often is how many times an element comes again that is chosen twice.
const often = 8

// again is the word with one or two of its elements delivered again, at once or later; one
// that is chosen twice comes again often, as where each delivery of it is given up.
func (b *bench) again(word []any) []any {
	n := len(word)
	if n == 0 {
		return nil
	}
	repeat := func(to []any, which, after int) []any {
		after += which
		return append(append(append([]any{}, to[:after+1]...), to[which]), to[after+1:]...)
	}
	k := b.pick(0, n)
	noisy := repeat(word, k, b.pick(1, n-k))
	if b.pick(4, 2) == 1 {
		times, other := 1, b.pick(2, n)
		if other == k {
			times = often - 1
		}
		for range times {
			noisy = repeat(noisy, other, b.pick(3, n-other))
		}
	}
	return noisy
}

// shuffled is the word in another order, nil if it comes to the same.
func (b *bench) shuffled(word []any) []any {
	other, moved := append([]any{}, word...), false
	for i := range other {
		j := i + b.pick(i, len(other)-i)
		other[i], other[j], moved = other[j], other[i], moved || i != j
	}
	if !moved {
		return nil
	}
	return other
}

// batched is the word with neighbours joined, or, of states, with some left out that later
// ones contain; nil if it comes to the same.
func (b *bench) batched(word []any) []any {
	var batches []any
	for i, v := range word {
		whole := i == 0 || b.pick(i-1, 2) == 1
		switch {
		case whole:
			batches = append(batches, v)
		case b.op.in == States:
			batches[len(batches)-1] = v
		default:
			batches[len(batches)-1] = b.joinInputs(batches[len(batches)-1], v)
		}
	}
	if len(batches) == len(word) {
		return nil
	}
	return batches
}

// dealt is the inputs dealt to two instances, nil if one would get them all.
func (b *bench) dealt() (left, right []any) {
	for i, v := range b.inputs {
		if b.pick(i, 2) == i%2 {
			left = append(left, v)
		} else {
			right = append(right, v)
		}
	}
	if len(left) == 0 || len(right) == 0 {
		return nil, nil
	}
	return left, right
}

// underway is the feeds that are judged at the moment: of an operator that does not come
// back, a report is made while it still runs, and nothing is asked of it again.
type underway struct {
	mu    sync.Mutex
	feeds []*Feed
}

// enter notes that a feed is judged, until what it returns is called.
func (u *underway) enter(f Feed) (leave func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.feeds = append(u.feeds, &f)
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.feeds = slices.DeleteFunc(u.feeds, func(g *Feed) bool { return g == &f })
	}
}

// has reports that a feed like b's is judged.
func (u *underway) has(b *bench, f Feed) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.ContainsFunc(u.feeds, func(g *Feed) bool {
		return slices.Equal(g.picks, f.picks) && slices.EqualFunc(g.inputs, f.inputs, b.a.equal)
	})
}

// show prints a feed as a list, with what each element gave behind it.
func (o *operator) show(f Feed) string {
	b := o.bench(f)
	word := b.word()
	if len(word) == 0 {
		return o.list + "{}"
	}
	if o.judging.has(b, f) {
		return o.list + "{" + b.elements(word) + "}"
	}
	gave := b.gave(word)
	var t strings.Builder
	fmt.Fprintf(&t, "%s{\n", o.list)
	for i, v := range word {
		fmt.Fprintf(&t, "        %s, // %s\n", b.a.show(v), gave[i+1])
	}
	t.WriteString("    }")
	if last := gave[len(word)+1]; last != "gives nothing" && last != notTaken {
		fmt.Fprintf(&t, " // and the end %s", last)
	}
	return t.String()
}

const notTaken = "is not taken"

// gave says what an instance gave before it was fed, of each element of a word, and at
// the end.
func (b *bench) gave(word []any) []string {
	given := make([][]string, len(word)+2)
	at, panicked := 0, ""
	func() {
		defer func() {
			if v := recover(); v != nil {
				panicked = fmt.Sprintf("panics: %v", v)
			}
		}()
		b.drive(word, func(taken int) bool {
			at = taken + 1
			return true
		}, func(v any) bool {
			given[at] = append(given[at], b.b.show(v))
			return true
		})
	}()
	said := make([]string, len(given))
	for i := range given {
		switch {
		case panicked != "" && i == at:
			said[i] = panicked
		case panicked != "" && i > at:
			said[i] = notTaken
		case len(given[i]) == 0:
			said[i] = "gives nothing"
		default:
			said[i] = "gives " + listed(given[i])
		}
	}
	return said
}

// mostListed bounds how many elements a report lists in a row.
const mostListed = 8

func listed(shown []string) string {
	if more := len(shown) - mostListed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(shown[:mostListed], ", "), more)
	}
	return strings.Join(shown, ", ")
}
