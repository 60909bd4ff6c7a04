package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

const byPrefixes = "prefixes, since texts are only appended to and tell what was"

// growText decides linearizability of a text that is only appended to, where no text that
// is appended begins another one, so that what a read returned tells which appends it saw
// and in which order. The longest read gives the order of all appends that any read saw;
// other reads stand where their lengths put them, and appends that no read saw come last.
// That is the only order there may be, and it is one iff each read begins the longest one
// and no operation returned before an earlier one was called. O(n log n + text read).
type growText struct {
	h    *history.History
	name string
	puts []int // appends, by their texts
	gets []int // reads, by length
}

// decideGrowText judges the operations at these positions, of one object; fits is false
// where texts do not tell appends apart.
func decideGrowText(h *history.History, at []int) (r result, fits bool) {
	s := &growText{h: h, name: fmt.Sprintf("%s %q", h.Ops[at[0]].Type, h.Ops[at[0]].Key)}
	for _, i := range at {
		if h.Ops[i].Func == history.Read {
			s.gets = append(s.gets, i)
		} else {
			s.puts = append(s.puts, i)
		}
	}
	slices.SortStableFunc(s.puts, func(a, b int) int { return strings.Compare(s.put(a), s.put(b)) })
	for n, i := range s.puts {
		if s.put(i) == "" || n > 0 && strings.HasPrefix(s.put(i), s.put(s.puts[n-1])) {
			return result{}, false
		}
	}
	slices.SortStableFunc(s.gets, func(a, b int) int { return cmp.Compare(len(s.got(a)), len(s.got(b))) })
	for n := 1; n < len(s.gets); n++ {
		if a, b := s.gets[n-1], s.gets[n]; !strings.HasPrefix(s.got(b), s.got(a)) {
			return s.broken([]int{a, b}, "#%d and #%d read texts of which neither begins with the other", h.Ops[min(a, b)].Index, h.Ops[max(a, b)].Index), true
		}
	}
	return s.ordered(), true
}

func (s *growText) put(i int) string { text, _ := s.h.Ops[i].Arg.AsStr(); return text }
func (s *growText) got(i int) string { text, _ := s.h.Ops[i].Out.AsStr(); return text }

// broken is a violation by these operations, where what other appends put is taken out
// of what reads returned.
func (s *growText) broken(at []int, why string, args ...any) result {
	slices.Sort(at)
	return result{
		status: Violation, method: byPrefixes, minimal: true, witness: slices.Compact(at), reason: s.name + ": " + fmt.Sprintf(why, args...),
	}
}

// appended finds the append whose text stands at the beginning of rest; -1 if none does.
func (s *growText) appended(rest string) int {
	n, found := slices.BinarySearchFunc(s.puts, rest, func(i int, rest string) int { return strings.Compare(s.put(i), rest) })
	if !found {
		n--
	}
	if n < 0 || !strings.HasPrefix(rest, s.put(s.puts[n])) {
		return -1
	}
	return s.puts[n]
}

// ordered goes through the order that the longest read gives.
func (s *growText) ordered() result {
	if len(s.gets) == 0 {
		return result{status: OK, method: byPrefixes}
	}
	longest := s.gets[len(s.gets)-1]
	whole := s.got(longest)
	late := late{call: math.MinInt64, at: -1}
	used := make(map[int]bool, len(s.puts))
	next, shown := 0, 0 // read; bytes of whole
	for {
		before := late
		for ; next < len(s.gets) && len(s.got(s.gets[next])) == shown; next++ {
			i := s.gets[next]
			if s.h.Ops[i].Return < before.call {
				return s.tooLate(before.at, i, longest)
			}
			if s.h.Ops[i].Call > late.call {
				late.call, late.at = s.h.Ops[i].Call, i
			}
		}
		if next == len(s.gets) {
			break
		}
		i := s.appended(whole[shown:])
		if i < 0 || len(s.got(s.gets[next])) < shown+len(s.put(i)) {
			return s.broken([]int{s.gets[next]}, "#%d shows %q, which is no text that anybody had appended", s.h.Ops[s.gets[next]].Index, s.got(s.gets[next])[shown:])
		}
		if used[i] {
			return s.broken([]int{i, longest}, "#%d shows %q twice, which #%d appended once", s.h.Ops[longest].Index, s.put(i), s.h.Ops[i].Index)
		}
		if used[i] = true; effect(&s.h.Ops[i]) < late.call {
			return s.tooLate(late.at, i, longest)
		}
		if s.h.Ops[i].Call > late.call {
			late.call, late.at = s.h.Ops[i].Call, i
		}
		shown += len(s.put(i))
	}
	for _, i := range s.puts {
		if !used[i] && effect(&s.h.Ops[i]) < late.call {
			return s.tooLate(late.at, i, longest)
		}
	}
	return result{status: OK, method: byPrefixes}
}

// tooLate is the violation of the operation at y, which comes after the one at x and had
// returned before that was called.
func (s *growText) tooLate(x, y, longest int) result {
	a, b := &s.h.Ops[x], &s.h.Ops[y]
	switch {
	case a.Func == history.Read && b.Func == history.Read:
		return s.broken([]int{x, y}, "#%d shows less than #%d, which had returned when it began", a.Index, b.Index)
	case a.Func == history.Read:
		return s.broken([]int{x, y}, "#%d does not show %q, which #%d had appended and returned when it began", a.Index, s.put(y), b.Index)
	case b.Func == history.Read:
		return s.broken([]int{x, y}, "#%d shows %q and had returned when #%d was called, which appends it", b.Index, s.put(x), a.Index)
	}
	return s.broken([]int{x, y, longest}, "#%d shows %q, and %q not before it, though #%d had appended that and returned when #%d was called",
		s.h.Ops[longest].Index, s.put(x), s.put(y), b.Index, a.Index)
}
