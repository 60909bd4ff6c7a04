package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// What is wrong with a text, in words, and which operations show it.

// mostShown bounds how much of a text a sentence has.
const mostShown = 60

// short is the end of a text, quoted.
func short(text string) string {
	if len(text) <= mostShown {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q (the last of %d bytes)", text[len(text)-mostShown:], len(text))
}

// did says what an operation did, of which had is true after "had".
func (s *textOrder) did(n int32, had bool) string {
	o := &s.h.Ops[n]
	switch {
	case o.Func == history.Read:
		return "read " + short(s.got(int(n)))
	case o.Func == history.Append:
		return "appended " + short(s.put(int(n)))
	case had:
		return "written " + short(s.put(int(n)))
	}
	return "wrote " + short(s.put(int(n)))
}

// with are the positions, and for each append of a chain a read that shows where it stands.
func (s *textOrder) with(nodes ...int32) (at []int) {
	for _, n := range nodes {
		if n == initial {
			continue
		}
		at = append(at, int(n))
		if by := s.used[int(n)] - 1; by >= 0 {
			at = append(at, by)
		}
	}
	return at
}

// tooLate is the violation of the operation at y, which comes after the one at x and had
// returned before that was called.
func (s *textOrder) tooLate(x, y int) result {
	a, b := &s.h.Ops[x], &s.h.Ops[y]
	at := s.with(int32(x), int32(y))
	switch {
	case a.Func == history.Read && b.Func == history.Read:
		return s.broken(at, "#%d shows less than #%d, which had returned when it began", a.Index, b.Index)
	case a.Func == history.Read:
		return s.broken(at, "#%d does not show %s, which #%d had put and returned when it began", a.Index, short(s.put(y)), b.Index)
	case b.Func == history.Read:
		return s.broken(at, "#%d shows %s and had returned when #%d was called, which puts it", b.Index, short(s.put(x)), a.Index)
	}
	return s.broken(at, "#%d shows %s, and %s not before it, though #%d had put that and returned when #%d was called",
		s.h.Ops[s.used[y]-1].Index, short(s.put(x)), short(s.put(y)), b.Index, a.Index)
}

// clash is the violation of a forward zone that another one overlaps, or lies within.
func (s *textOrder) clash(x, y zone) result {
	at := s.with(x.first, x.last, y.first, y.last)
	last := &s.h.Ops[x.last]
	switch first := &s.h.Ops[y.first]; {
	case y.forward:
		from := fmt.Sprintf(", yet #%d %s", s.h.Ops[y.last].Index, s.did(y.last, false))
		if x.first != initial {
			from += fmt.Sprintf(" after #%d had %s", s.h.Ops[x.first].Index, s.did(x.first, true))
		}
		return s.broken(at, "#%d %s after #%d had %s%s, and each was begun once", last.Index, s.did(x.last, false), first.Index, s.did(y.first, true), from)
	case s.used[int(y.first)] == 0 && first.IsPut(): // which no read shows
		since := ""
		if x.first != initial {
			since = fmt.Sprintf(": #%d had %s before #%d was called", s.h.Ops[x.first].Index, s.did(x.first, true), first.Index)
		}
		switch {
		case last.IsPut():
			return s.broken(at, "#%d %s behind what does not show %s, which #%d had put and returned when it began%s",
				last.Index, s.did(x.last, false), short(s.put(int(y.first))), first.Index, since)
		case first.Func == history.Write:
			return s.broken(at, "#%d %s, though #%d had %s in its place and returned when it began%s",
				last.Index, s.did(x.last, false), first.Index, s.did(y.first, true), since)
		}
		return s.broken(at, "#%d does not show %s, which #%d had put and returned when it began%s",
			last.Index, short(s.put(int(y.first))), first.Index, since)
	default:
		since := ""
		if x.first != initial {
			since = fmt.Sprintf(": #%d had %s before #%d was called", s.h.Ops[x.first].Index, s.did(x.first, true), s.h.Ops[y.last].Index)
			if y.last != y.first {
				since += ", which " + s.did(y.last, false)
			}
		}
		return s.broken(at, "#%d %s after #%d had %s, and nothing began that anew in between%s", last.Index, s.did(x.last, false), first.Index, s.did(y.first, true), since)
	}
}

// minimise leaves out what the violation does without. A put that is left out may have
// taken effect at any time, or never, so that what reads show of it stays, and a read that
// is left out is gone.
func (s *textOrder) minimise(model models.Model, r result) result {
	kept := r.witness
	if len(kept) > 1 && s.alone(model, kept).status != Violation {
		kept = s.withEqual(kept)
	}
	for n := len(kept) - 1; n >= 0 && len(kept) > 1; n-- {
		rest := slices.Delete(slices.Clone(kept), n, n+1)
		if next := s.alone(model, rest); next.status == Violation {
			kept, r.reason = rest, next.reason
		}
	}
	r.witness, r.minimal = kept, true
	return r
}

// withEqual adds what tells that an append equal to a write is not how a text begins.
func (s *textOrder) withEqual(kept []int) []int {
	kept = append(slices.Clone(kept), s.earliest)
	for _, i := range s.puts {
		if all := s.alike[i]; all != nil && s.h.Ops[i].Func == history.Write {
			kept = append(kept, all...)
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}

// alone judges these operations without any others but puts at any time or never, by a
// search where that leaves puts that cannot be told apart.
func (s *textOrder) alone(model models.Model, kept []int) result {
	sub := *s.h
	sub.Ops = nil
	in := make(map[int]bool)
	for _, i := range kept {
		in[i] = true
		sub.Ops = append(sub.Ops, s.h.Ops[i])
	}
	for _, i := range kept {
		if s.h.Ops[i].IsPut() {
			continue
		}
		for n, first := range s.pieces(i) {
			puts := s.appends(first)
			if n == 0 && s.h.Ops[first].Func == history.Write {
				puts = append([]int{first}, s.alike[first]...) // any of them may be it now
			}
			for _, put := range puts {
				if in[put] {
					continue
				}
				in[put] = true
				o := s.h.Ops[put]
				o.Outcome, o.Call, o.Return = history.Unknown, math.MinInt64, history.Pending
				sub.Ops = append(sub.Ops, o)
			}
		}
	}
	slices.SortStableFunc(sub.Ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	at := make([]int, len(sub.Ops))
	for n := range at {
		at[n] = n
	}
	if t := newTextOrder(s.m, &sub, at); t != nil {
		if r, fits := t.decide(); fits {
			return r
		}
	}
	var r result
	var err error
	s.m.within(patientSteps, func() { r, err = search(s.m, model, &sub, model.Because) })
	if err != nil || r.status != Violation {
		return result{}
	}
	return r
}

// pieces are the puts that a read shows, each the first of those of its text.
func (s *textOrder) pieces(get int) (puts []int) {
	for text := s.got(get); text != ""; {
		i := s.shown(text)
		if i < 0 {
			return puts
		}
		puts = append(puts, i)
		text = text[len(s.put(i)):]
	}
	return puts
}
