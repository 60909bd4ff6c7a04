package models

import (
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// maxSums bounds the distinct sums that a counter's indeterminate or undelivered
// increments may have when a read of an untagged history is explained.
const maxSums = 1 << 16

// maxSpan bounds how far apart the sums may lie that are kept as bits, of which there
// may be as many: 64 KiB. A long run of a counter comes to several times maxSums.
const maxSpan = 1 << 19

// DescribesReplicated reports whether an operation is one of a replicated type:
// register write and read, set add and read, counter inc and read.
func DescribesReplicated(o *history.Op) bool {
	if o.Func == history.Read {
		return o.Type == history.Register || o.Type == history.Set || o.Type == history.Counter
	}
	switch o.Type {
	case history.Register:
		return o.Func == history.Write
	case history.Set:
		return o.Func == history.Add
	case history.Counter:
		return o.Func == history.Inc && o.Arg.Kind() == history.KindInt
	}
	return false
}

// Joins reports whether the value that the read r returned is the join of
// exactly the given puts on its object: their union (Set), their sum (Counter),
// or the one with the greatest stamp and value (Register; nil if there is none).
// Stamps that are not known decide nothing: any put that is not below another
// one by known stamps may be the winner. O(puts + size of the value).
func Joins(r *history.Op, puts []*history.Op) bool {
	switch r.Type {
	case history.Register:
		return registerJoins(r, puts, puts)
	case history.Set:
		if same, sorted := sortedUnion(r.Out, puts); sorted {
			return same
		}
		seen, ok := elements(r.Out)
		if !ok {
			return false
		}
		joined := make(map[string]struct{}, len(puts))
		for _, p := range puts {
			k := p.Arg.Key()
			if _, in := seen[k]; !in {
				return false
			}
			joined[k] = struct{}{}
		}
		return len(joined) == len(seen)
	case history.Counter:
		got, ok := count(r.Out)
		sum, exact := total(puts)
		return ok && exact && got == sum
	}
	return false
}

// sortedUnion compares a set's value with the union of puts, without the cost of
// a table, where the value is in the order that history.SetOf makes; sorted is
// false where it is not.
func sortedUnion(v history.Value, puts []*history.Op) (same, sorted bool) {
	list, isList := v.AsList()
	if !isList || !ascend(list) {
		return false, false
	}
	byArg := func(a, b *history.Op) int { return a.Arg.Compare(b.Arg) }
	if !slices.IsSortedFunc(puts, byArg) {
		puts = slices.Clone(puts)
		slices.SortFunc(puts, byArg)
	}
	n := 0
	for i, p := range puts {
		if i > 0 && p.Arg.Equal(puts[i-1].Arg) {
			continue
		}
		if n == len(list) || !list[n].Equal(p.Arg) {
			return false, true
		}
		n++
	}
	return n == len(list), true
}

// Explains reports whether the value of r is the join of some set of puts that
// contains required and lies within issued; required must be part of issued.
// For a counter this is subset sum, within the bound that CountersBounded
// checks; the others are O(issued + size of the value).
func Explains(r *history.Op, issued, required []*history.Op) bool {
	switch r.Type {
	case history.Register:
		return registerJoins(r, issued, required)
	case history.Set:
		if list, ok := r.Out.AsList(); ok && ascend(list) {
			return listExplains(list, issued, required)
		}
		return tableExplains(r, issued, required)
	case history.Counter:
		return counterExplains(r, issued, required)
	}
	return false
}

// listExplains is Explains for a set's value that ascends, as most do.
func listExplains(list []history.Value, issued, required []*history.Op) bool {
	for _, p := range required {
		if _, in := slices.BinarySearchFunc(list, p.Arg, history.Value.Compare); !in {
			return false
		}
	}
	var few [4]uint64
	found := few[:]
	if len(list) > 64*len(few) {
		found = make([]uint64, len(list)/64+1)
	}
	n := 0
	for _, p := range issued {
		at, in := slices.BinarySearchFunc(list, p.Arg, history.Value.Compare)
		if in && found[at/64]>>(at%64)&1 == 0 {
			found[at/64] |= 1 << (at % 64)
			n++
		}
	}
	return n == len(list)
}

// tableExplains is Explains for any set's value.
func tableExplains(r *history.Op, issued, required []*history.Op) bool {
	seen, ok := elements(r.Out)
	if !ok {
		return false
	}
	for _, p := range required {
		if _, in := seen[p.Arg.Key()]; !in {
			return false
		}
	}
	found := make(map[string]struct{}, len(seen))
	for _, p := range issued {
		k := p.Arg.Key()
		if _, in := seen[k]; in {
			found[k] = struct{}{}
		}
	}
	return len(found) == len(seen)
}

// registerJoins looks among the candidates for a write of r's value that is not
// below any write of floor.
func registerJoins(r *history.Op, candidates, floor []*history.Op) bool {
	if r.Out.IsNil() && len(floor) == 0 {
		return true
	}
	for _, w := range candidates {
		if wrote(w, r) && !slices.ContainsFunc(floor, func(x *history.Op) bool { return below(w, r, x) }) {
			return true
		}
	}
	return false
}

// wrote reports whether w can be the write whose value r returned.
func wrote(w, r *history.Op) bool {
	sameStamp := w.Stamp == r.Stamp || !w.Stamp.Known() || !r.Stamp.Known()
	return sameStamp && w.Arg.Equal(r.Out)
}

// below reports whether w, the write that r returned, is surely overwritten by
// x. The read tells w's stamp where the write itself does not: a client that got
// no answer knows none.
func below(w, r, x *history.Op) bool {
	stamp := w.Stamp
	if !stamp.Known() {
		stamp = r.Stamp
	}
	if !stamp.Known() || !x.Stamp.Known() {
		return false
	}
	if c := stamp.Compare(x.Stamp); c != 0 {
		return c < 0
	}
	return w.Arg.Compare(x.Arg) < 0
}

// elements returns the keys of a set's value, nil counting as empty; false for
// anything that is not a list of distinct values.
func elements(v history.Value) (map[string]struct{}, bool) {
	list, ok := v.AsList()
	if !ok {
		return nil, v.IsNil()
	}
	set := make(map[string]struct{}, len(list))
	for _, e := range list {
		set[e.Key()] = struct{}{}
	}
	return set, len(set) == len(list)
}

// count returns a counter's value, nil counting as zero.
func count(v history.Value) (int64, bool) {
	n, ok := v.AsInt()
	return n, ok || v.IsNil()
}

// total adds up increments; false if the sum leaves 64 bits.
func total(incs []*history.Op) (int64, bool) {
	var sum int64
	for _, p := range incs {
		n, _ := p.Arg.AsInt()
		next := sum + n
		if (n > 0) != (next > sum) && n != 0 {
			return 0, false
		}
		sum = next
	}
	return sum, true
}

func counterExplains(r *history.Op, issued, required []*history.Op) bool {
	want, ok := count(r.Out)
	floor, exact := total(required)
	if !ok || !exact {
		return false
	}
	var left func(*history.Op) bool
	if len(required) > 0 {
		included := make(map[*history.Op]struct{}, len(required))
		for _, p := range required {
			included[p] = struct{}{}
		}
		left = func(p *history.Op) bool { _, in := included[p]; return in }
	}
	var sums SubsetSums
	if !sums.Reset(floor, issued, left) {
		return subsetSumsByList(want, floor, issued, left)
	}
	for _, p := range issued {
		if left == nil || !left(p) {
			n, _ := p.Arg.AsInt()
			sums.Add(n)
		}
	}
	return sums.Has(want)
}

// subsetSumsByList is the plain way, for sums however far apart.
func subsetSumsByList(want, base int64, incs []*history.Op, left func(*history.Op) bool) bool {
	sums := []int64{base}
	for _, p := range incs {
		if left != nil && left(p) {
			continue
		}
		n, _ := p.Arg.AsInt()
		if sums = withAmount(sums, n); len(sums) > maxSums {
			return false // unreachable where CountersBounded was asked first
		}
	}
	_, found := slices.BinarySearch(sums, want)
	return found
}

// withAmount returns the ascending distinct sums with and without n. Both halves
// ascend, so it is a merge of two lists, linear in their length.
func withAmount(sums []int64, n int64) []int64 {
	all := make([]int64, 0, 2*len(sums))
	for with, without := 0, 0; with < len(sums) || without < len(sums); {
		var next int64
		if without == len(sums) || with < len(sums) && sums[with]+n < sums[without] {
			next = sums[with] + n
			with++
		} else {
			next = sums[without]
			without++
		}
		if len(all) == 0 || all[len(all)-1] != next {
			all = append(all, next)
		}
	}
	return all
}

// CountersBounded reports whether the subset sums of these increments stay
// within the bound of Explains, and their magnitudes within 64 bits.
func CountersBounded(incs []*history.Op) bool {
	var span int64
	for _, p := range incs {
		n, _ := p.Arg.AsInt()
		if n == math.MinInt64 {
			return false
		}
		span += max(n, -n)
		if span < 0 {
			return false
		}
	}
	if span < maxSpan {
		return true // they fit into SubsetSums
	}
	sums := []int64{0}
	for _, p := range incs {
		n, _ := p.Arg.AsInt()
		if sums = withAmount(sums, n); len(sums) > maxSums {
			return false
		}
	}
	return true
}
