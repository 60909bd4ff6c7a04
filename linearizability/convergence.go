package linearizability

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

func convergenceChecker() checker {
	return checker{
		ModelInfo: ModelInfo{
			Name:       "convergence",
			Doc:        "every value is the join of puts; equal tags mean equal values; after a settle fence all is included and reads agree",
			Complexity: "O(reads x puts seen), an object at a time",
			Needs:      "registers, sets, counters; tags for the second part; a settle fence with reads after it for the third",
		},
		judge: func(m *meter, h *history.History) (result, error) {
			return converges(m, h, (*convergenceCheck).explained, (*convergenceCheck).sameTags, (*convergenceCheck).settled)
		},
		settles: true,
		reduce:  models.Eventual().Reduce, // the same reads rest on the same puts
	}
}

// Convergence judges the replicas behind h, in three parts, and stops at the
// first that fails:
//
//  1. explained: the value of each read is the join of exactly the puts it saw
//     (untagged: of some of those called before it returned);
//  2. strong eventual consistency: reads of an object that saw the same tags
//     returned the same value;
//  3. settled: a read called at or after a fence includes every put that is OK
//     and returned before it, hence lies between the join of those and that join
//     with the indeterminate ones; and reads called at or after the last fence
//     agree, unless a put to the object came after it.
//
// Without a fence, or without a read after the last one, parts 1 and 2 alone are
// inconclusive. So is a history that Validate rejects or that holds operations
// of other types, with the reason. The witness of a violation is shrunk.
// O(reads × puts seen).
func Convergence(h *history.History) Verdict {
	c, _ := checkerNamed("convergence")
	v := Verdict{Model: c.Name, Status: Inconclusive}
	if err := h.Validate(); err != nil {
		v.Reason = err.Error()
		return v
	}
	o, err := Options{}.withDefaults()
	if err == nil {
		v, err = c.check(newMeter(context.Background(), o.Budget), h, o)
	}
	if err != nil {
		return Verdict{Model: c.Name, Status: Inconclusive, Reason: err.Error()}
	}
	return v
}

// objectReads is what the history holds on one object.
type objectReads struct {
	typ   history.Type
	key   string
	reads []int         // positions
	puts  []*history.Op // in the order of their calls
}

func (o *objectReads) String() string { return fmt.Sprintf("%s %q", o.typ, o.key) }

const byTags = "tags"

// convergencePart judges one of the three parts on one object.
type convergencePart func(s *convergenceCheck, o *objectReads) result

// convergenceCheck judges one history; it holds what the parts share.
type convergenceCheck struct {
	h      *history.History
	m      *meter
	tags   tagIndex
	unions unions
	seen   []*history.Op // scratch
	at     []int         // scratch
	first  map[uint64]int
	sums   models.SubsetSums
	due    []*history.Op
	summed int // what sums holds for missing: so many puts due, and
	issued int // so many issued; -1 where it holds something else
}

// converges is Convergence, or some of its parts, without shrinking; a violation's
// witness is the read and what it saw, or the two reads that disagree.
func converges(m *meter, h *history.History, parts ...convergencePart) (result, error) {
	objects, err := groupObjects(m, h)
	if err != nil {
		return result{}, err
	}
	bounded := result{status: OK, method: byTags}
	s := &convergenceCheck{
		h: h, m: m, tags: indexTags(h), unions: newUnions(h),
		seen: make([]*history.Op, 0, len(h.Ops)), at: make([]int, 0, len(h.Ops)),
	}
	for i := range objects {
		o := &objects[i]
		if m.mustStop(lookEvery) {
			break
		}
		if o.unbounded(h) {
			bounded = result{status: Undecided, method: byTags, reason: o.String() + ": too many distinct sums of increments"}
			continue
		}
		for _, part := range parts {
			switch r := part(s, o); r.status {
			case Violation:
				r.method = byTags
				return r, nil
			case Inconclusive:
				bounded.status, bounded.reason = r.status, r.reason
			}
		}
	}
	return bounded, nil
}

// unbounded reports whether the sums of an untagged counter are too many.
func (o *objectReads) unbounded(h *history.History) bool {
	return !h.Tagged && len(o.puts) > 0 && o.puts[0].Type == history.Counter && !models.CountersBounded(o.puts)
}

func groupObjects(m *meter, h *history.History) ([]objectReads, error) {
	number, objects := internObjects(h)
	at := make([]int32, objects) // by object: 1 + place in order
	count := make([]int, 2*objects)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.IsPut() {
			count[2*number[i]]++
		} else {
			count[2*number[i]+1]++
		}
	}
	order := make([]objectReads, 0, objects)
	for i := range h.Ops {
		if m.mustStopAt(i) {
			return nil, nil
		}
		o := &h.Ops[i]
		if !o.Happened() {
			continue
		}
		if !models.DescribesReplicated(o) {
			return nil, unsupported("convergence", o)
		}
		k := number[i]
		if at[k] == 0 {
			order = append(order, objectReads{
				typ: o.Type, key: o.Key, puts: make([]*history.Op, 0, count[2*k]), reads: make([]int, 0, count[2*k+1]),
			})
			at[k] = int32(len(order))
		}
		if on := &order[at[k]-1]; o.IsPut() {
			on.puts = append(on.puts, o)
		} else {
			on.reads = append(on.reads, i)
		}
	}
	return order, nil
}

// before returns the puts called by time t.
func (o *objectReads) before(t int64) []*history.Op {
	n := len(o.puts)
	for n > 0 && o.puts[n-1].Call > t {
		n--
	}
	return o.puts[:n]
}

// explained is part 1.
func (s *convergenceCheck) explained(o *objectReads) result {
	if !s.h.Tagged {
		return s.explainedByValue(o)
	}
	for _, i := range o.reads {
		r := &s.h.Ops[i]
		if s.m.mustStop(8 * len(r.Saw)) {
			break
		}
		s.seen, s.at = s.seen[:0], s.at[:0]
		for _, t := range r.Saw {
			j, ok := s.tags.put(t)
			if !ok || s.h.Ops[j].Key != r.Key || s.h.Ops[j].Type != r.Type || s.h.Ops[j].Call > r.Return {
				return result{status: Violation, witness: []int{i}, reason: fmt.Sprintf(
					"%s: read #%d saw tag %d, which no put called by then has", o, r.Index, t)}
			}
			s.seen, s.at = append(s.seen, &s.h.Ops[j]), append(s.at, int(j))
		}
		if !s.unions.joins(r, s.at) && !models.Joins(r, s.seen) {
			witness := append(slices.Clone(s.at), i)
			slices.Sort(witness)
			return result{status: Violation, witness: witness, reason: fmt.Sprintf(
				"%s: the value of read #%d is not the join of the puts it saw", o, r.Index)}
		}
	}
	return result{status: OK}
}

// explainedByValue is part 1 without tags.
func (s *convergenceCheck) explainedByValue(o *objectReads) result {
	wrong := -1
	if o.typ == history.Counter && s.sums.Reset(0, o.puts, nil) {
		wrong = s.sumless(o)
	} else {
		wrong = slices.IndexFunc(o.reads, func(i int) bool {
			r := &s.h.Ops[i]
			return !s.m.mustStop(8*len(o.puts)) && !models.Explains(r, o.before(r.Return), nil)
		})
		if wrong >= 0 {
			wrong = o.reads[wrong]
		}
	}
	if wrong < 0 {
		return result{status: OK}
	}
	return result{status: Violation, reason: unexplained(o.String(), &s.h.Ops[wrong])}
}

// unexplained says that a read returned what no set of puts joins to.
func unexplained(object string, read *history.Op) string {
	if read.Type == history.Counter {
		return fmt.Sprintf("%s: read #%d returned %s, to which no increments add up that were called until it returned", object, read.Index, read.Out)
	}
	return fmt.Sprintf("%s: read #%d returned %s, to which no set of puts joins that were called until it returned", object, read.Index, read.Out)
}

// sumless is the position of the first read of a counter whose value is no sum of
// increments called before it returned, or -1. It goes through the reads in the
// order of their returns, so that each increment is added once.
func (s *convergenceCheck) sumless(o *objectReads) int {
	s.issued = -1
	s.at = append(s.at[:0], o.reads...)
	slices.SortFunc(s.at, func(i, j int) int { return cmp.Compare(s.h.Ops[i].Return, s.h.Ops[j].Return) })
	wrong, added := -1, 0
	for _, i := range s.at {
		r := &s.h.Ops[i]
		for ; added < len(o.puts) && o.puts[added].Call <= r.Return; added++ {
			n, _ := o.puts[added].Arg.AsInt()
			s.sums.Add(n)
		}
		if got, ok := count(r); (!ok || !s.sums.Has(got)) && (wrong < 0 || i < wrong) {
			wrong = i
		}
	}
	return wrong
}

// count returns a counter's value, nil counting as zero.
func count(r *history.Op) (int64, bool) {
	n, ok := r.Out.AsInt()
	return n, ok || r.Out.IsNil()
}

// sameTags is part 2. Reads are found by a hash of the tags they saw; where two
// sets of tags have one hash, the later one is compared with all reads before it.
func (s *convergenceCheck) sameTags(o *objectReads) result {
	if !s.h.Tagged {
		return result{status: OK}
	}
	if s.first == nil {
		s.first = make(map[uint64]int, len(o.reads))
	}
	clear(s.first)
	for n, i := range o.reads {
		r := &s.h.Ops[i]
		key := hashTags(r.Saw)
		j, seen := s.first[key]
		if seen && !slices.Equal(s.h.Ops[j].Saw, r.Saw) {
			alike := slices.IndexFunc(o.reads[:n], func(k int) bool { return slices.Equal(s.h.Ops[k].Saw, r.Saw) })
			if seen = alike >= 0; seen {
				j = o.reads[alike]
			}
		} else if !seen {
			s.first[key] = i
		}
		if seen && !models.SameValue(r, &s.h.Ops[j]) {
			return result{status: Violation, reason: fmt.Sprintf("%s: reads #%d and #%d saw the same puts and differ",
				o, s.h.Ops[j].Index, r.Index)}
		}
	}
	return result{status: OK}
}

func hashTags(tags []uint64) uint64 {
	h := uint64(len(tags))
	for _, t := range tags {
		h = (h ^ t) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

// settled is part 3.
func (s *convergenceCheck) settled(o *objectReads) result {
	h := s.h
	if len(h.Fences) == 0 {
		return result{status: OK}
	}
	s.issued = -1
	last := h.Fences[len(h.Fences)-1]
	quiet := !slices.ContainsFunc(o.puts, func(p *history.Op) bool {
		return p.Call >= last || p.Outcome == history.OK && p.Return >= last
	})
	agreed := -1
	for _, i := range o.reads {
		r := &h.Ops[i]
		if missing := s.missing(o, r); missing != nil {
			return result{status: Violation, reason: fmt.Sprintf("%s: read #%d misses put #%d, acknowledged before the fence",
				o, r.Index, missing.Index)}
		}
		if !quiet || r.Call < last {
			continue
		}
		if agreed < 0 {
			agreed = i
		}
		a := &h.Ops[agreed]
		if !models.SameValue(a, r) || !slices.Equal(a.Saw, r.Saw) {
			return result{status: Violation, reason: fmt.Sprintf("%s: reads #%d and #%d disagree after the last fence",
				o, a.Index, r.Index)}
		}
	}
	return result{status: OK}
}

// missing returns an acknowledged put that the fences oblige r to include and
// that it does not, or nil. An untagged value can be blamed as a whole only, and
// then the first such put stands for all of them.
func (s *convergenceCheck) missing(o *objectReads, r *history.Op) *history.Op {
	h := s.h
	n, exact := slices.BinarySearch(h.Fences, r.Call)
	for exact && n < len(h.Fences) && h.Fences[n] == r.Call {
		n++
	}
	if n == 0 {
		return nil
	}
	s.due = s.due[:0]
	saw := r.Saw
	if s.m.mustStop(4 * len(o.puts)) {
		return nil
	}
	for _, p := range o.puts {
		if p.Outcome != history.OK || p.Return >= h.Fences[n-1] {
			continue
		}
		if !h.Tagged {
			s.due = append(s.due, p)
			continue
		}
		if len(saw) > 0 && saw[0] == p.Tag { // tags mostly ascend as calls do
			saw = saw[1:]
		} else if _, in := slices.BinarySearch(r.Saw, p.Tag); !in {
			return p
		}
	}
	if !h.Tagged && len(s.due) > 0 && !s.explains(o, r) {
		return s.due[0]
	}
	return nil
}

// explains reports whether puts that include those due join to the value of r.
// Reads after one fence mostly have the same to go by, so sums are kept.
func (s *convergenceCheck) explains(o *objectReads, r *history.Op) bool {
	issued := o.before(r.Return)
	if o.typ != history.Counter {
		return models.Explains(r, issued, s.due)
	}
	if s.issued != len(issued) || s.summed != len(s.due) {
		var floor int64
		for _, p := range s.due { // bounded: their magnitudes add up to 64 bits
			n, _ := p.Arg.AsInt()
			floor += n
		}
		s.issued = -1
		left := func(p *history.Op) bool { return slices.Contains(s.due, p) }
		if !s.sums.Reset(floor, issued, left) {
			return models.Explains(r, issued, s.due)
		}
		for _, p := range issued {
			if !left(p) {
				n, _ := p.Arg.AsInt()
				s.sums.Add(n)
			}
		}
		s.issued, s.summed = len(issued), len(s.due)
	}
	got, ok := count(r)
	return ok && s.sums.Has(got)
}
