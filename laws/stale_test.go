package laws_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// observed is an observed-remove set without tombstones: the tags of what is in it, and
// how many tags of each replica were seen.
type observed struct {
	In   map[string]map[tag]struct{}
	Seen map[int]int
}

type tag struct{ Replica, N int }

func (o observed) clone() observed {
	c := observed{map[string]map[tag]struct{}{}, maps.Clone(o.Seen)}
	for e, tags := range o.In {
		c.In[e] = maps.Clone(tags)
	}
	return c
}

func (o observed) saw(t tag) bool { return o.Seen[t.Replica] >= t.N }

// join keeps the tags that both sides have, and those of one side that the other has not
// seen. Where survivors is set it has the defect of riak_dt #82: an element that both
// sides have keeps all its tags, whatever was removed.
func (o observed) join(p observed, survivors bool) observed {
	j := observed{map[string]map[tag]struct{}{}, maps.Clone(o.Seen)}
	for r, n := range p.Seen {
		j.Seen[r] = max(j.Seen[r], n)
	}
	keep := func(e string, t tag) {
		if j.In[e] == nil {
			j.In[e] = map[tag]struct{}{}
		}
		j.In[e][t] = struct{}{}
	}
	half := func(x, y observed) {
		for e, tags := range x.In {
			for t := range tags {
				_, both := y.In[e][t]
				if both || !y.saw(t) || survivors && y.In[e] != nil {
					keep(e, t)
				}
			}
		}
	}
	half(o, p)
	half(p, o)
	return j
}

type observedMerge struct{ survivors bool }

func (m observedMerge) MergeIn(t *observed, d observed) bool {
	before := t.clone()
	*t = t.join(d, m.survivors)
	return m.Compare(before, *t) != lattice.Equal
}

func (m observedMerge) Compare(a, b observed) lattice.Order {
	same := func(x, y observed) bool {
		return maps.Equal(x.Seen, y.Seen) && maps.EqualFunc(x.In, y.In, func(p, q map[tag]struct{}) bool { return maps.Equal(p, q) })
	}
	o, j := lattice.Incomparable, a.join(b, false)
	if same(j, b) {
		o |= lattice.Less
	}
	if same(j, a) {
		o |= lattice.Greater
	}
	return o
}

func (observedMerge) Clone(v observed) observed { return v.clone() }

type toggle struct {
	Element string
	Remove  bool
}

func observedUpdates() gen.Updates[observed, toggle] {
	return gen.Updates[observed, toggle]{
		Start: func() observed { return observed{map[string]map[tag]struct{}{}, map[int]int{}} },
		Ops:   func(d *gen.Draw) toggle { return toggle{"x", d.Choose("remove", 2) == 1} },
		Apply: func(s observed, replica int, op toggle) observed {
			s = s.clone()
			if op.Remove {
				delete(s.In, op.Element)
				return s
			}
			s.Seen[replica]++
			s.In[op.Element] = map[tag]struct{}{{replica, s.Seen[replica]}: {}}
			return s
		},
	}
}

// What both sides have survives its removals only where states meet that came late, and
// such meetings are tried.
func TestStaleDeliveries(t *testing.T) {
	t.Parallel()
	model := func(seen []gen.Event[toggle]) []string {
		in := map[string]struct{}{}
		for _, e := range seen {
			gone := slices.ContainsFunc(seen, func(f gen.Event[toggle]) bool { return f.Op.Element == e.Op.Element && f.Saw(e) && f.Op.Remove })
			if !e.Op.Remove && !gone {
				in[e.Op.Element] = struct{}{}
			}
		}
		return slices.Sorted(maps.Keys(in))
	}
	query := laws.Query[observed, []string]{Ask: func(s observed) []string { return slices.Sorted(maps.Keys(s.In)) }}
	u := observedUpdates()
	total := 0
	for seed := range runs() {
		o := laws.RunOptions{Seed: uint64(seed), Cases: 20_000, Replays: 1}
		r := laws.Run(laws.Denotation(observedMerge{survivors: true}, u, query, model), laws.PlanSource(u), o)
		require.NoError(t, r.Err)
		require.Equal(t, laws.Failed, r.Results[0].Status, "seed %d", seed)
		total += r.Results[0].Cases
	}
	t.Logf("found in %d of %d runs, in %d plans on average", runs(), runs(), total/runs())
	r := laws.Run(laws.Denotation(observedMerge{}, u, query, model), laws.PlanSource(u), laws.RunOptions{Seed: 1, Cases: 2000})
	assert.True(t, r.OK(), "%v", r)
}
