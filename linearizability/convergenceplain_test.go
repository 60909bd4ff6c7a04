package linearizability

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// TestConvergesAsPlainly holds the judge of convergence to its plain form, result
// by result, over random histories of which a part is spoiled.
func TestConvergesAsPlainly(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	statuses := map[Status]int{}
	for range 20_000 {
		h := randomReplicated(r)
		require.NoError(t, h.Validate())
		want, wantErr := plainConverges(h)
		got, err := converges(nil, h, (*convergenceCheck).explained, (*convergenceCheck).sameTags, (*convergenceCheck).settled)
		require.Equal(t, wantErr == nil, err == nil)
		require.Equal(t, want, got, "%v", h.Ops)
		statuses[got.status]++
	}
	assert.Greater(t, statuses[OK], 2000)
	assert.Greater(t, statuses[Violation], 2000)
}

// randomReplicated is a history in which most reads return what they saw.
func randomReplicated(r *rand.Rand) *history.History {
	h := &history.History{Tagged: r.IntN(2) == 0}
	n := 2 + r.IntN(14)
	if r.IntN(3) > 0 {
		h.Fences = []int64{10 * int64(r.IntN(n)+1)}
	}
	objects := 1 + r.IntN(10)
	for i := range n {
		k := r.IntN(objects)
		o := history.Op{Index: i, Session: i, Node: -1, Type: [...]history.Type{history.Set, history.Counter, history.Register}[k%3],
			Key: fmt.Sprint("k", k), Call: int64(10 * i), Return: int64(10*i + 1 + r.IntN(40)), Func: history.Read}
		if r.IntN(2) == 0 {
			randomPut(r, &o, h.Tagged)
		} else {
			randomRead(r, &o, h)
		}
		h.Ops = append(h.Ops, o)
	}
	return h
}

func randomPut(r *rand.Rand, o *history.Op, tagged bool) {
	o.Outcome = []history.Outcome{history.OK, history.OK, history.OK, history.Unknown, history.Failed}[r.IntN(5)]
	if tagged {
		o.Tag = uint64(o.Index)*uint64(1+99*r.IntN(2)) + 1
	}
	switch o.Type {
	case history.Set:
		o.Func, o.Arg = history.Add, history.Str(fmt.Sprint("e", r.IntN(5)))
	case history.Counter:
		o.Func, o.Arg = history.Inc, history.Int(int64(r.IntN(9))-2)
		if r.IntN(20) == 0 {
			o.Arg = history.Int(1 << 40)
		}
	case history.Register:
		o.Func, o.Arg = history.Write, history.Str(fmt.Sprint("v", o.Index))
		o.Stamp = history.Stamp{Clock: uint64(1 + r.IntN(4)), Writer: uint64(1 + r.IntN(2))}
	}
}

func randomRead(r *rand.Rand, o *history.Op, h *history.History) {
	if h.Tagged {
		o.Saw = []uint64{}
	}
	var elems []history.Value
	sum := int64(0)
	all := r.IntN(2) == 0
	for i := range h.Ops {
		p := &h.Ops[i]
		if p.Key != o.Key || !p.IsPut() || p.Outcome == history.Failed || !all && r.IntN(2) == 0 {
			continue
		}
		if h.Tagged {
			o.Saw = append(o.Saw, p.Tag)
		}
		elems = append(elems, p.Arg)
		amount, _ := p.Arg.AsInt()
		sum += amount
		if o.Stamp.Compare(p.Stamp) < 0 || o.Stamp == p.Stamp && o.Out.Compare(p.Arg) < 0 {
			if o.Type == history.Register {
				o.Stamp, o.Out = p.Stamp, p.Arg
			}
		}
	}
	slices.Sort(o.Saw)
	o.Saw = slices.Compact(o.Saw)
	switch o.Type {
	case history.Set:
		o.Out = history.SetOf(elems...)
		if r.IntN(12) == 0 {
			o.Out = history.List(append(elems, history.Str("e1"))...)
		}
	case history.Counter:
		o.Out = history.Int(sum + int64(r.IntN(12)/11))
	}
}

// plainObjectReads is what the history holds on one object.
type plainObjectReads struct {
	name  string
	reads []int
	puts  []*history.Op
	at    map[*history.Op]int
}

const plainByTags = "tags"

// plainConverges is converges as it was first written; a violation's witness is the read
// and what it saw, or the two reads that disagree.
func plainConverges(h *history.History) (result, error) {
	objects, err := plainGroupObjects(h)
	if err != nil {
		return result{}, err
	}
	bounded := result{status: OK, method: plainByTags}
	byTag := make(map[uint64]int)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.IsPut() && o.Happened() {
			byTag[o.Tag] = i
		}
	}
	for _, o := range objects {
		parts := []func(*history.History, map[uint64]int, *plainObjectReads) result{plainExplained, plainSameTags, plainSettled}
		if o.unbounded(h) {
			bounded = result{status: Undecided, method: plainByTags, reason: o.name + ": too many distinct sums of increments"}
			continue
		}
		for _, part := range parts {
			if r := part(h, byTag, o); r.status == Violation {
				r.method = plainByTags
				return r, nil
			}
		}
	}
	return bounded, nil
}

// unbounded reports whether the sums of an untagged counter are too many.
func (o *plainObjectReads) unbounded(h *history.History) bool {
	return !h.Tagged && len(o.puts) > 0 && o.puts[0].Type == history.Counter && !models.CountersBounded(o.puts)
}

func plainGroupObjects(h *history.History) ([]*plainObjectReads, error) {
	type object struct {
		typ history.Type
		key string
	}
	var order []*plainObjectReads
	found := make(map[object]*plainObjectReads)
	for i := range h.Ops {
		o := &h.Ops[i]
		if !o.Happened() {
			continue
		}
		if !models.DescribesReplicated(o) {
			return nil, fmt.Errorf("model convergence: %w: %v", models.ErrUnsupported, o)
		}
		k := object{o.Type, o.Key}
		if found[k] == nil {
			found[k] = &plainObjectReads{name: fmt.Sprintf("%s %q", k.typ, k.key), at: make(map[*history.Op]int)}
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

// plainExplained is part 1.
func plainExplained(h *history.History, byTag map[uint64]int, o *plainObjectReads) result {
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
				return result{status: Violation, reason: unexplained(o.name, r)}
			}
			continue
		}
		witness := []int{i}
		var seen []*history.Op
		for _, t := range r.Saw {
			j, ok := byTag[t]
			if !ok || h.Ops[j].Key != r.Key || h.Ops[j].Type != r.Type || h.Ops[j].Call > r.Return {
				return result{status: Violation, witness: []int{i}, reason: fmt.Sprintf(
					"%s: read #%d saw tag %d, which no put called by then has", o.name, r.Index, t)}
			}
			seen = append(seen, &h.Ops[j])
			witness = append(witness, j)
		}
		if !models.Joins(r, seen) {
			slices.Sort(witness)
			return result{status: Violation, witness: witness, reason: fmt.Sprintf(
				"%s: the value of read #%d is not the join of the puts it saw", o.name, r.Index)}
		}
	}
	return result{status: OK}
}

// plainSameTags is part 2.
func plainSameTags(h *history.History, _ map[uint64]int, o *plainObjectReads) result {
	if !h.Tagged {
		return result{status: OK}
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
			return result{status: Violation, reason: fmt.Sprintf("%s: reads #%d and #%d saw the same puts and differ",
				o.name, h.Ops[j].Index, h.Ops[i].Index)}
		}
	}
	return result{status: OK}
}

// plainSettled is part 3.
func plainSettled(h *history.History, _ map[uint64]int, o *plainObjectReads) result {
	if len(h.Fences) == 0 {
		return result{status: OK}
	}
	last := h.Fences[len(h.Fences)-1]
	quiet := !slices.ContainsFunc(o.puts, func(p *history.Op) bool {
		return p.Call >= last || p.Outcome == history.OK && p.Return >= last
	})
	agreed := -1
	for _, i := range o.reads {
		r := &h.Ops[i]
		if missing := o.missing(h, r); missing != nil {
			return result{status: Violation, reason: fmt.Sprintf("%s: read #%d misses put #%d, acknowledged before the fence",
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
			return result{status: Violation, reason: fmt.Sprintf("%s: reads #%d and #%d disagree after the last fence",
				o.name, a.Index, r.Index)}
		}
	}
	return result{status: OK}
}

// missing returns an acknowledged put that the fences oblige r to include and
// that it does not, or nil. An untagged value can be blamed as a whole only, and
// then the first such put stands for all of them.
func (o *plainObjectReads) missing(h *history.History, r *history.Op) *history.Op {
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
