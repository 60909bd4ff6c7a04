package linearizability

import (
	"context"
	"encoding/binary"
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
		judge:   func(_ *meter, h *history.History) (ruling, error) { return converges(h, explained, sameTags, settled) },
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
	c := convergenceChecker()
	v := Verdict{Model: c.Name, Status: Inconclusive}
	if err := h.Validate(); err != nil {
		v.Reason = err.Error()
		return v
	}
	b, err := Budget{}.withDefaults()
	if err == nil {
		v, err = c.check(context.Background(), h, b)
	}
	if err != nil {
		return Verdict{Model: c.Name, Status: Inconclusive, Reason: err.Error()}
	}
	return v
}

// objectReads is what the history holds on one object.
type objectReads struct {
	name  string
	reads []int
	puts  []*history.Op
	at    map[*history.Op]int
}

const byTags = "tags"

// convergencePart judges one of the three parts on one object.
type convergencePart func(h *history.History, byTag map[uint64]int, o *objectReads) ruling

// converges is Convergence, or some of its parts, without shrinking; a violation's
// witness is the read and what it saw, or the two reads that disagree.
func converges(h *history.History, parts ...convergencePart) (ruling, error) {
	objects, err := groupObjects(h)
	if err != nil {
		return ruling{}, err
	}
	bounded := ruling{status: OK, method: byTags}
	byTag := make(map[uint64]int)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.IsPut() && o.Happened() {
			byTag[o.Tag] = i
		}
	}
	for _, o := range objects {
		if o.unbounded(h) {
			bounded = ruling{status: Undecided, method: byTags, reason: o.name + ": too many distinct sums of increments"}
			continue
		}
		for _, part := range parts {
			switch r := part(h, byTag, o); r.status {
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

func groupObjects(h *history.History) ([]*objectReads, error) {
	type object struct {
		typ history.Type
		key string
	}
	var order []*objectReads
	found := make(map[object]*objectReads)
	for i := range h.Ops {
		o := &h.Ops[i]
		if !o.Happened() {
			continue
		}
		if !models.DescribesReplicated(o) {
			return nil, unsupported("convergence", o)
		}
		k := object{o.Type, o.Key}
		if found[k] == nil {
			found[k] = &objectReads{name: fmt.Sprintf("%s %q", k.typ, k.key), at: make(map[*history.Op]int)}
			order = append(order, found[k])
		}
		if o.IsPut() {
			found[k].puts = append(found[k].puts, o)
			found[k].at[o] = i
		} else {
			found[k].reads = append(found[k].reads, i)
		}
	}
	return order, nil
}

// explained is part 1.
func explained(h *history.History, byTag map[uint64]int, o *objectReads) ruling {
	for _, i := range o.reads {
		r := &h.Ops[i]
		if !h.Tagged {
			var issued []*history.Op
			for _, p := range o.puts {
				if p.Call <= r.Return {
					issued = append(issued, p)
				}
			}
			if !models.Explains(r, issued, nil) {
				return ruling{status: Violation, reason: fmt.Sprintf("%s: no set of puts joins to the value of read #%d", o.name, r.Index)}
			}
			continue
		}
		witness := []int{i}
		var seen []*history.Op
		for _, t := range r.Saw {
			j, ok := byTag[t]
			if !ok || h.Ops[j].Key != r.Key || h.Ops[j].Type != r.Type || h.Ops[j].Call > r.Return {
				return ruling{status: Violation, witness: []int{i}, reason: fmt.Sprintf(
					"%s: read #%d saw tag %d, which no put called by then has", o.name, r.Index, t)}
			}
			seen = append(seen, &h.Ops[j])
			witness = append(witness, j)
		}
		if !models.Joins(r, seen) {
			slices.Sort(witness)
			return ruling{status: Violation, witness: witness, reason: fmt.Sprintf(
				"%s: the value of read #%d is not the join of the puts it saw", o.name, r.Index)}
		}
	}
	return ruling{status: OK}
}

// sameTags is part 2.
func sameTags(h *history.History, _ map[uint64]int, o *objectReads) ruling {
	if !h.Tagged {
		return ruling{status: OK}
	}
	first := make(map[string]int)
	var key []byte
	for _, i := range o.reads {
		key = key[:0]
		for _, t := range h.Ops[i].Saw {
			key = binary.BigEndian.AppendUint64(key, t)
		}
		j, seen := first[string(key)]
		if !seen {
			first[string(key)] = i
			continue
		}
		if !models.SameValue(&h.Ops[i], &h.Ops[j]) {
			return ruling{status: Violation, reason: fmt.Sprintf("%s: reads #%d and #%d saw the same puts and differ",
				o.name, h.Ops[j].Index, h.Ops[i].Index)}
		}
	}
	return ruling{status: OK}
}

// settled is part 3.
func settled(h *history.History, _ map[uint64]int, o *objectReads) ruling {
	if len(h.Fences) == 0 {
		return ruling{status: OK}
	}
	last := h.Fences[len(h.Fences)-1]
	quiet := !slices.ContainsFunc(o.puts, func(p *history.Op) bool {
		return p.Call >= last || p.Outcome == history.OK && p.Return >= last
	})
	agreed := -1
	for _, i := range o.reads {
		r := &h.Ops[i]
		if missing := o.missing(h, r); missing != nil {
			return ruling{status: Violation, reason: fmt.Sprintf("%s: read #%d misses put #%d, acknowledged before the fence",
				o.name, r.Index, missing.Index)}
		}
		if !quiet || r.Call < last {
			continue
		}
		if agreed < 0 {
			agreed = i
		}
		a := &h.Ops[agreed]
		if !models.SameValue(a, r) || !slices.Equal(a.Saw, r.Saw) {
			return ruling{status: Violation, reason: fmt.Sprintf("%s: reads #%d and #%d disagree after the last fence",
				o.name, a.Index, r.Index)}
		}
	}
	return ruling{status: OK}
}

// missing returns an acknowledged put that the fences oblige r to include and
// that it does not, or nil. An untagged value can be blamed as a whole only, and
// then the first such put stands for all of them.
func (o *objectReads) missing(h *history.History, r *history.Op) *history.Op {
	n, exact := slices.BinarySearch(h.Fences, r.Call)
	for exact && n < len(h.Fences) && h.Fences[n] == r.Call {
		n++
	}
	if n == 0 {
		return nil
	}
	var issued, due []*history.Op
	for _, p := range o.puts {
		if p.Call <= r.Return {
			issued = append(issued, p)
		}
		if p.Outcome != history.OK || p.Return >= h.Fences[n-1] {
			continue
		}
		if _, saw := slices.BinarySearch(r.Saw, p.Tag); h.Tagged && !saw {
			return p
		}
		due = append(due, p)
	}
	if !h.Tagged && len(due) > 0 && !models.Explains(r, issued, due) {
		return due[0]
	}
	return nil
}
