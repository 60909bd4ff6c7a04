package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

const byPieces = "zones of what each write began, since texts show what was put into them and in which order"

// textOrder decides linearizability of a text that is written and appended to, where no text
// that is put begins another one, so that what a read returned tells which puts it saw and
// in which order: a write, if any, and then appends. All that reads show of one write is a
// chain: the write, what they show behind it, and each read where its length puts it. The
// same goes for what is shown of no write, from the beginning.
//
// While one chain goes on nothing else takes effect, or a later read of it would not show
// what it does; what no read shows can take effect between two chains, or behind the last
// one. So chains are what values are to a register: from the first return in it to the last
// call in it, and there is an order iff each chain by itself agrees with real time, no two
// forward zones overlap, and no backward one, of which an unseen put is one, lies within a
// forward one (Gibbons and Korach, 1997). Within its zone each operation of a chain comes as
// soon as it was called and all before it were. O(n log n + text read).
//
// Where several appends put the same, each way of telling them apart is tried that reads
// allow, of which there may be maxTellings.
type textOrder struct {
	m     *meter
	h     *history.History
	name  string
	puts  []int         // by their texts, and of one text by their calls
	gets  []int         // reads that returned
	alike map[int][]int // by the first of several puts of one text: all of them
	// earliest is the put that returned first, -1 if there is none.
	earliest int
	chains   []*chain    // that of no write first
	of       map[int]int // by write: its chain
	used     map[int]int // by put: 1 + a read that shows it
}

// maxTellings bounds the ways to tell appends of the same texts apart that are tried.
const maxTellings = 64

// chain is what reads show of one write, or of none.
type chain struct {
	write  int // -1 for what was there at first
	gets   []int
	pieces []piece
	latest int // the operation called last so far; -1
	zone   zone
}

// piece is a put that a chain shows: the first of those of its text, or which one is tried.
type piece struct {
	put   int
	by    int // the shortest read that shows it
	bytes int // of the text up to its end
}

// decideTexts judges the operations at these positions, of one text; fits is false where
// texts do not tell puts apart.
func decideTexts(m *meter, model models.Model, h *history.History, at []int) (r result, fits bool) {
	s := newTextOrder(m, h, at)
	if s == nil {
		return result{}, false
	}
	if r, fits = s.decide(); r.status == Violation {
		r = s.minimise(model, r)
	}
	return r, fits
}

// newTextOrder is nil where texts do not tell puts apart.
func newTextOrder(m *meter, h *history.History, at []int) *textOrder {
	s := &textOrder{m: m, h: h, earliest: -1, name: fmt.Sprintf("%s %q", h.Ops[at[0]].Type, h.Ops[at[0]].Key)}
	for _, i := range at {
		if o := &h.Ops[i]; o.IsPut() {
			s.puts = append(s.puts, i)
		} else if o.Outcome == history.OK {
			s.gets = append(s.gets, i)
		}
	}
	slices.SortStableFunc(s.puts, func(a, b int) int {
		return cmp.Or(strings.Compare(s.put(a), s.put(b)), strings.Compare(string(h.Ops[b].Func), string(h.Ops[a].Func)), cmp.Compare(h.Ops[a].Call, h.Ops[b].Call))
	})
	if !s.group() {
		return nil
	}
	return s
}

// group notes which puts are alike, the write first, and reports whether texts tell all
// others apart. What several writes began cannot be told. Where appends are equal to a
// write, what stands at the beginning of a text is the write if they were called when
// something had been put, and then there was a text for ever.
func (s *textOrder) group() bool {
	there := func(i int) int64 { return effect(&s.h.Ops[i]) } // when it surely was
	for _, i := range s.puts {
		if s.earliest < 0 || there(i) < there(s.earliest) {
			s.earliest = i
		}
	}
	first := 0
	for n, i := range s.puts {
		a := s.puts[first]
		switch {
		case s.put(i) == "":
			return false
		case n == first:
		case s.put(a) == s.put(i):
			if s.h.Ops[i].Func == history.Write || s.h.Ops[a].Func == history.Write && s.h.Ops[i].Call <= there(s.earliest) {
				return false
			}
			if s.alike == nil {
				s.alike = make(map[int][]int)
			}
			s.alike[a] = s.puts[first : n+1]
		case strings.HasPrefix(s.put(i), s.put(a)):
			return false
		default:
			first = n
		}
	}
	for a, all := range s.alike { //joinery:anyorder each entry gains a name by itself
		if s.h.Ops[a].Func == history.Write {
			s.alike[all[1]] = all
		}
	}
	return true
}

func (s *textOrder) put(i int) string { text, _ := s.h.Ops[i].Arg.AsStr(); return text }
func (s *textOrder) got(i int) string { text, _ := s.h.Ops[i].Out.AsStr(); return text }

// broken is a violation by these operations, of which a minimal part is to be found.
func (s *textOrder) broken(at []int, why string, args ...any) result {
	slices.Sort(at)
	return result{status: Violation, method: byPieces, witness: slices.Compact(at), reason: s.name + ": " + fmt.Sprintf(why, args...)}
}

// shown finds the put whose text stands at the beginning of rest, of several the first; -1
// if none does.
func (s *textOrder) shown(rest string) int {
	n, found := slices.BinarySearchFunc(s.puts, rest, func(i int, rest string) int { return strings.Compare(s.put(i), rest) })
	if !found {
		n--
	}
	if n < 0 || !strings.HasPrefix(rest, s.put(s.puts[n])) {
		return -1
	}
	for n > 0 && s.put(s.puts[n-1]) == s.put(s.puts[n]) {
		n--
	}
	return s.puts[n]
}

// decide judges all; fits is false if there are too many ways to tell appends apart.
func (s *textOrder) decide() (r result, fits bool) {
	s.chains, s.of = []*chain{{write: -1}}, make(map[int]int)
	for _, i := range s.gets {
		if r := s.place(i); r.status == Violation {
			return r, true
		}
	}
	for _, c := range s.chains {
		if s.m.mustStop(64 * len(c.gets)) {
			return result{}, true
		}
		if r := s.divide(c); r.status == Violation {
			return r, true
		}
	}
	t, r := s.tellings()
	if r.status == Violation || t == nil {
		return r, r.status == Violation
	}
	return s.tell(t), true
}

// tell goes through the ways to tell appends apart.
func (s *textOrder) tell(t *textTellings) (all result) {
	for n := range t.count {
		if s.m.mustStop(16 * (len(s.gets) + len(s.puts))) {
			return result{}
		}
		if !t.choose(n) {
			continue
		}
		r := s.follow()
		if r.status == OK {
			return r
		}
		if all.status == "" {
			all = r
		}
		all.witness = append(all.witness, r.witness...)
	}
	if all.status == "" {
		t.order()
		all = s.follow()
	}
	all.witness = append(all.witness, t.others...)
	slices.Sort(all.witness)
	all.witness = slices.Compact(all.witness)
	return all
}

// place puts a read into its chain.
func (s *textOrder) place(i int) result {
	o, first, at := &s.h.Ops[i], -1, 0
	if !o.Out.IsNil() && o.Out.Kind() != history.KindStr {
		return s.broken([]int{i}, "#%d read %s, which is no text", o.Index, o.Out)
	}
	if s.got(i) != "" {
		if first = s.shown(s.got(i)); first < 0 {
			return s.nobodys(i, 0)
		}
	}
	if first >= 0 && s.h.Ops[first].Func == history.Write {
		n, known := s.of[first]
		if !known {
			n = len(s.chains)
			s.of[first] = n
			s.chains = append(s.chains, &chain{write: first})
		}
		at = n
	}
	s.chains[at].gets = append(s.chains[at].gets, i)
	return result{}
}

// nobodys is the violation of a read whose text goes on at some byte with what nobody put.
func (s *textOrder) nobodys(i, from int) result {
	return s.broken([]int{i}, "#%d shows %s, which is no text that anybody had put", s.h.Ops[i].Index, short(s.got(i)[from:]))
}

// divide finds the pieces of a chain, in the order that the longest read of it gives.
func (s *textOrder) divide(c *chain) result {
	slices.SortStableFunc(c.gets, func(a, b int) int { return cmp.Compare(len(s.got(a)), len(s.got(b))) })
	for n := 1; n < len(c.gets); n++ {
		if a, b := c.gets[n-1], c.gets[n]; !strings.HasPrefix(s.got(b), s.got(a)) {
			a, b = min(a, b), max(a, b)
			return s.broken([]int{a, b}, "#%d and #%d read texts that went on in two ways: %s and %s",
				s.h.Ops[a].Index, s.h.Ops[b].Index, short(s.got(a)), short(s.got(b)))
		}
	}
	seen := 0
	for _, by := range c.gets {
		for seen < len(s.got(by)) {
			i := s.shown(s.got(by)[seen:])
			if i < 0 {
				return s.nobodys(by, seen)
			}
			if all := s.alike[i]; seen > 0 && s.h.Ops[i].Func == history.Write && all != nil {
				i = all[1]
			}
			if seen > 0 && s.h.Ops[i].Func == history.Write {
				return s.broken([]int{by, i}, "#%d shows %s behind other text, though #%d wrote that in place of all", s.h.Ops[by].Index, short(s.put(i)), s.h.Ops[i].Index)
			}
			seen += len(s.put(i))
			c.pieces = append(c.pieces, piece{put: i, by: by, bytes: seen})
		}
		if seen > len(s.got(by)) { // a shorter read, which a piece passes
			return s.nobodys(by, seen-len(s.put(c.pieces[len(c.pieces)-1].put)))
		}
	}
	return result{}
}

// follow goes through all chains as things are told apart, and looks for zones that cannot
// be ordered.
func (s *textOrder) follow() result {
	s.used = make(map[int]int, len(s.puts))
	for _, c := range s.chains {
		for _, p := range c.pieces {
			s.used[p.put] = 1 + p.by
		}
	}
	zones := make([]zone, 0, len(s.chains)+len(s.puts)-len(s.used))
	for _, c := range s.chains {
		if r := s.chain(c); r.status == Violation {
			return r
		}
		zones = append(zones, c.zone)
	}
	for _, i := range s.puts {
		if o := &s.h.Ops[i]; s.used[i] == 0 && o.Outcome == history.OK {
			zones = append(zones, zone{from: o.Return, to: o.Call, first: int32(i), last: int32(i), write: int32(i)})
		}
	}
	if x, y, clash := clashing(s.m, zones); clash {
		return s.clash(x, y)
	}
	return result{status: OK, method: byPieces}
}

// chain holds the order of one chain against real time, and finds its zone.
func (s *textOrder) chain(c *chain) result {
	c.latest, c.zone = -1, zone{from: math.MaxInt64, to: math.MinInt64, write: int32(c.write)}
	if c.write < 0 {
		c.zone = zone{from: math.MinInt64, to: math.MinInt64, first: initial, last: initial, write: initial}
	}
	next, seen := 0, 0 // read; bytes
	for n := 0; ; n++ {
		for before := c.latest; next < len(c.gets) && len(s.got(c.gets[next])) == seen; next++ {
			if r := s.join(c, before, c.gets[next]); r.status == Violation {
				return r
			}
		}
		if n == len(c.pieces) {
			return result{}
		}
		if r := s.join(c, c.latest, c.pieces[n].put); r.status == Violation {
			return r
		}
		seen = c.pieces[n].bytes
	}
}

// join has an operation be the next one of a chain, of which before was called last before
// it; other operations may stand at the same place.
func (s *textOrder) join(c *chain, before, i int) result {
	o := &s.h.Ops[i]
	if before >= 0 && effect(o) < s.h.Ops[before].Call {
		return s.tooLate(before, i)
	}
	if c.latest < 0 || o.Call > s.h.Ops[c.latest].Call {
		c.latest = i
	}
	if effect(o) < c.zone.from {
		c.zone.from, c.zone.first = effect(o), int32(i)
	}
	if o.Call > c.zone.to {
		c.zone.to, c.zone.last = o.Call, int32(i)
	}
	return result{}
}
