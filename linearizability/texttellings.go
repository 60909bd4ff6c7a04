package linearizability

import "github.com/joinery-go/joinery/linearizability/history"

// textTellings are the ways to tell appends of the same texts apart: which of them stands at
// which place.
type textTellings struct {
	places []textPlace
	count  int
	others []int // operations that exclude other ways
}

// textPlace is where a text stands that was appended several times.
type textPlace struct {
	piece   *piece
	all     []int // appends of that text
	appends []int // those that it may be, as reads around it say
	inOrder int   // the one that it is if they stand in the order of their calls
}

// appends are those of the text of a put, in the order of their calls.
func (s *textOrder) appends(put int) []int {
	all, several := s.alike[put]
	switch {
	case !several:
		return []int{put}
	case s.h.Ops[all[0]].Func == history.Write:
		return all[1:]
	}
	return all
}

// tellings finds them; nil if there are more than maxTellings. It is a violation if a text
// stands at more places than there are appends of it.
func (s *textOrder) tellings() (*textTellings, result) {
	t, shown := &textTellings{count: 1}, make(map[int][]int) // by put: reads that show its text, each at another place
	for _, c := range s.chains {
		from, to := c.bounds(s)
		for n := range c.pieces {
			p := &c.pieces[n]
			if s.h.Ops[p.put].Func == history.Write {
				continue // with which its own chain begins
			}
			all := s.appends(p.put)
			shown[p.put] = append(shown[p.put], p.by)
			if k := len(shown[p.put]); k > len(all) {
				return nil, s.tooOften(all, shown[p.put])
			}
			if len(all) == 1 {
				continue
			}
			place := textPlace{piece: p, all: all, inOrder: all[len(shown[p.put])-1]}
			for _, i := range all {
				switch o := &s.h.Ops[i]; {
				case from[n] >= 0 && effect(o) < s.h.Ops[from[n]].Call:
					t.others = append(t.others, i, p.by, from[n])
				case s.h.Ops[to[n]].Return < o.Call:
					t.others = append(t.others, i, to[n])
				default:
					place.appends = append(place.appends, i)
				}
			}
			t.places = append(t.places, place)
		}
	}
	for k := range t.places {
		if t.count *= len(t.places[k].appends); t.count > maxTellings {
			return nil, result{}
		}
	}
	return t, result{}
}

// bounds are, for each piece, the read called last of those of the chain that do not show
// it, -1 if there are none, and the one that returned first of those that do.
func (c *chain) bounds(s *textOrder) (from, to []int) {
	if s.alike == nil {
		return nil, nil
	}
	from, to = make([]int, len(c.pieces)), make([]int, len(c.pieces))
	last, next := -1, 0
	for n := range c.pieces {
		for ; len(s.got(c.gets[next])) < c.pieces[n].bytes; next++ { // a last one shows all
			if i := c.gets[next]; last < 0 || s.h.Ops[i].Call > s.h.Ops[last].Call {
				last = i
			}
		}
		from[n] = last
	}
	first, next := -1, len(c.gets)-1
	for n := len(c.pieces) - 1; n >= 0; n-- {
		for ; next >= 0 && len(s.got(c.gets[next])) >= c.pieces[n].bytes; next-- {
			if i := c.gets[next]; first < 0 || s.h.Ops[i].Return < s.h.Ops[first].Return {
				first = i
			}
		}
		to[n] = first
	}
	return from, to
}

// tooOften is the violation of a text that is shown at more places than it was appended.
func (s *textOrder) tooOften(all, by []int) result {
	witness := append(append([]int{}, all...), by...)
	if len(all) == 1 {
		return s.broken(witness, "#%d put %s once, which #%d and #%d show at two places",
			s.h.Ops[all[0]].Index, short(s.put(all[0])), s.h.Ops[min(by[0], by[1])].Index, s.h.Ops[max(by[0], by[1])].Index)
	}
	return s.broken(witness, "%s is shown at a place more than the %d times that it was appended", short(s.put(all[0])), len(all))
}

// choose has the pieces be of the appends of the n-th way; it reports whether each is one
// of its own.
func (t *textTellings) choose(n int) bool {
	taken := make(map[int]bool, len(t.places))
	for k := range t.places {
		p := &t.places[k]
		i := p.appends[n%len(p.appends)]
		n /= len(p.appends)
		if taken[i] {
			return false
		}
		taken[i] = true
		p.piece.put = i
	}
	return true
}

// order has them stand in the order of their calls, where no other way is possible.
func (t *textTellings) order() {
	for k := range t.places {
		t.places[k].piece.put = t.places[k].inOrder
	}
}
