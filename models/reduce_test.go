package models

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// plainly is restrict as it is said: each read goes through its tags and its value anew.
func plainly(r *reducer, kept []int) *history.History {
	sub := restrict(r.h)(kept)
	for n := range sub.Ops {
		o := &sub.Ops[n]
		if o.IsPut() || o.Outcome != history.OK || !r.relieves(o) {
			continue
		}
		var tags []uint64
		var left, gone []*history.Op
		for _, t := range o.Saw {
			j, known := r.byTag[t]
			switch {
			case known && sameObject(&r.h.Ops[j], o) && slices.Contains(kept, j):
				left = append(left, &r.h.Ops[j])
			case known && sameObject(&r.h.Ops[j], o):
				gone = append(gone, &r.h.Ops[j])
				continue
			}
			tags = append(tags, t)
		}
		if len(gone) == 0 {
			continue
		}
		o.Saw = tags
		wroteIt := func(w *history.Op) bool { return wrote(w, o) }
		switch {
		case o.Type == history.Counter:
			sum, _ := total(left)
			o.Out = history.Int(sum)
		case o.Type == history.Set:
			o.Out = setWithout(o.Out, gone, left)
		case !slices.ContainsFunc(left, wroteIt) && slices.ContainsFunc(gone, wroteIt):
			if o.Out, o.Stamp = r.h.Initial, (history.Stamp{}); len(left) > 0 {
				o.Out, o.Stamp = greatest(left)
			}
		}
	}
	return sub
}

// setWithout drops from a set's value what gone added and left did not.
func setWithout(v history.Value, gone, left []*history.Op) history.Value {
	list, isList := v.AsList()
	if !isList {
		return v
	}
	keep := make(map[string]bool, len(gone)+len(left))
	for _, p := range gone {
		keep[p.Arg.Key()] = false
	}
	for _, p := range left {
		keep[p.Arg.Key()] = true
	}
	return history.List(slices.DeleteFunc(slices.Clone(list), func(e history.Value) bool {
		stays, known := keep[e.Key()]
		return known && !stays
	})...)
}

// someTagged is a tagged history of two objects of each type, with reads that saw some puts
// and return about what these amount to: a value more, one less, a tag that no put has.
func someTagged(rng *rand.Rand, n int) *history.History {
	h := &history.History{Tagged: true}
	for i := range n {
		o := history.Op{Index: i, Session: rng.IntN(3), Node: -1, Key: fmt.Sprint(rng.IntN(2)), Func: history.Read, Call: int64(i), Return: int64(i) + 1}
		o.Type = []history.Type{history.Set, history.Set, history.Counter, history.Register}[rng.IntN(4)]
		if rng.IntN(2) == 0 {
			o.Func = map[history.Type]history.Func{history.Set: history.Add, history.Counter: history.Inc, history.Register: history.Write}[o.Type]
			o.Arg, o.Tag = history.Int(rng.Int64N(6)), uint64(i+1)
			if o.Type == history.Register {
				o.Stamp = history.Stamp{Clock: uint64(i + 1)}
			}
			if rng.IntN(8) == 0 {
				o.Outcome = history.Unknown
			}
			h.Ops = append(h.Ops, o)
			continue
		}
		var seen []*history.Op
		for j := range h.Ops {
			if p := &h.Ops[j]; p.IsPut() && rng.IntN(3) > 0 && (sameObject(p, &o) || rng.IntN(20) == 0) {
				o.Saw = append(o.Saw, p.Tag)
				seen = append(seen, p)
			}
		}
		switch {
		case o.Type == history.Counter:
			sum, _ := total(seen)
			o.Out = history.Int(sum + int64(rng.IntN(8)/7))
		case o.Type == history.Register && len(seen) > 0:
			o.Out, o.Stamp = greatest(seen)
		case o.Type == history.Set && rng.IntN(12) > 0:
			var list []history.Value
			for _, p := range seen {
				if rng.IntN(10) > 0 {
					list = append(list, p.Arg)
				}
			}
			o.Out = history.SetOf(list...)
			if rng.IntN(6) == 0 {
				o.Out = history.List(append(list, history.Int(rng.Int64N(9)))...) // one that was added twice may be there twice
			}
		}
		if rng.IntN(6) == 0 {
			o.Saw = append(o.Saw, 1<<40)
		}
		h.Ops = append(h.Ops, o)
	}
	return h
}

// What is left of reads is what the plain restriction leaves.
func TestRestrictsAsPlainly(t *testing.T) {
	t.Parallel()
	shorter := 0
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 5))
		h := someTagged(rng, 5+rng.IntN(40))
		how, plain := reduceReplicated(h), &reducer{putIndex: indexPuts(h)}
		for range 6 { // the same reduction, so that what it keeps is asked again
			var kept []int
			share := rng.IntN(10)
			for i := range h.Ops {
				if rng.IntN(10) >= share {
					kept = append(kept, i)
				}
			}
			want, got := plainly(plain, kept), how.Restrict(kept)
			require.Len(t, got.Ops, len(want.Ops))
			for n := range want.Ops {
				require.Equal(t, fmt.Sprint(want.Ops[n]), fmt.Sprint(got.Ops[n]), "seed %d", seed)
				require.True(t, want.Ops[n].Out.Equal(got.Ops[n].Out))
				if len(got.Ops[n].Saw) < len(h.Ops[kept[n]].Saw) {
					shorter++
				}
			}
		}
	}
	require.Greater(t, shorter, 4000)
}

// A set of many elements: the restrictions that a witness takes, of reads that saw thousands
// of puts.
func BenchmarkRestrictTaggedSet(b *testing.B) {
	h := &history.History{Tagged: true}
	var tags []uint64
	var list []history.Value
	for i := range 2000 {
		o := history.Op{Index: i, Node: -1, Type: history.Set, Func: history.Read, Call: int64(2 * i), Return: int64(2*i + 1)}
		if i%2 == 0 {
			o.Func, o.Arg, o.Tag = history.Add, history.Str(fmt.Sprint("element ", i)), uint64(i+1)
			tags, list = append(tags, o.Tag), append(list, o.Arg)
		} else {
			o.Saw, o.Out = slices.Clone(tags), history.List(list...)
		}
		h.Ops = append(h.Ops, o)
	}
	how, plain := reduceReplicated(h), &reducer{putIndex: indexPuts(h)}
	var kept []int
	for i := range h.Ops {
		if i%10 > 0 {
			kept = append(kept, i)
		}
	}
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			how.Restrict(kept)
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plainly(plain, kept)
		}
	})
}
