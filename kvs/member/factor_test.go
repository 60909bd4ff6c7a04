package member_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/laws"
)

func decided(p ring.Partition, epoch uint32, replicas int) member.Factors {
	return member.Factors{{Key: p, Val: member.FactorOf(epoch, replicas)}}
}

// TestFactorsLaws: factors are a lattice, and their coding commutes with it.
func TestFactorsLaws(t *testing.T) {
	drawn := rapid.Custom(func(t *rapid.T) member.Factors {
		f := member.Factors{}
		for range rapid.IntRange(0, 4).Draw(t, "decisions") {
			p, epoch := ring.Partition(rapid.Uint32Range(0, 3).Draw(t, "partition")), rapid.Uint32Range(1, 3).Draw(t, "epoch")
			memory, disk := rapid.IntRange(0, 4).Draw(t, "replicas"), rapid.IntRange(0, 3).Draw(t, "on disk")
			if memory+disk == 0 {
				memory = 1
			}
			f.MergeIn(member.Factors{{Key: p, Val: member.VectorOf(epoch, memory, disk)}})
		}
		return f
	})
	source := gen.For(member.FactorsMerge(), gen.FromRapid(drawn))
	laws.Check(t, laws.Lattice(member.FactorsMerge()), source)
	laws.Check(t, laws.Codec(member.FactorsMerge()), source)
}

// TestLaterDecisionsCount: the last decision about a partition holds, whether it asks for more or
// for fewer, and of two at once the one that asks for more. Decisions may come in any order.
func TestLaterDecisionsCount(t *testing.T) {
	all := []member.Factors{decided(2, 1, 3), decided(2, 2, 5), decided(2, 3, 1), decided(2, 3, 2), decided(5, 1, 4)}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {3, 3, 4, 1, 0, 2}} {
		var f member.Factors
		for _, i := range order {
			f.MergeIn(all[i])
		}
		assert.Equal(t, 2, f.Replicas(2), "in order %v", order)
		assert.Equal(t, uint32(3), f.At(2).Epoch())
		assert.Equal(t, 4, f.Replicas(5))
		assert.Zero(t, f.At(3))
	}
	assert.Equal(t, "5 replicas by decision 2", member.FactorOf(2, 5).String())
	assert.Equal(t, "undecided", member.Factor(0).String())
}

// TestDecisions: which decisions may be asked for.
func TestDecisions(t *testing.T) {
	f := decided(2, 7, 3)
	for name, d := range map[string]member.Decision{
		"no such partition": {Partition: 8, Epoch: 8, Replicas: 2}, "no replicas": {Partition: 2, Epoch: 8, Replicas: 0},
		"too many": {Partition: 2, Epoch: 8, Replicas: member.MaxReplicas + 1}, "no number": {Partition: 3, Epoch: 0, Replicas: 2},
		"an earlier one": {Partition: 2, Epoch: 6, Replicas: 4}, "the same one": {Partition: 2, Epoch: 7, Replicas: 3}, "at once, for fewer": {Partition: 2, Epoch: 7, Replicas: 2},
	} {
		_, err := f.With(d, 8)
		require.ErrorIs(t, err, member.ErrChange, name)
	}
	for _, d := range []member.Decision{
		{Partition: 2, Epoch: 8, Replicas: 1}, {Partition: 2, Epoch: 7, Replicas: 4}, {Partition: 7, Epoch: 1, Replicas: member.MaxReplicas}, {Partition: 0, Epoch: member.MaxEpoch, Replicas: 1},
	} {
		risen, err := f.With(d, 8)
		require.NoError(t, err, "%v", d)
		assert.Equal(t, member.FactorOf(d.Epoch, d.Replicas), risen.At(d.Partition), "%v", d)
	}
	assert.Equal(t, decided(2, 7, 3), f, "it stays what it was")
}

// TestFactorsAreBounded: what cannot have been decided is refused by whoever decodes.
func TestFactorsAreBounded(t *testing.T) {
	for name, f := range map[string]member.Factors{
		"no decision": decided(1, 0, 3), "no replicas": decided(1, 1, 0), "too many": {{Key: 1, Val: member.VectorOf(1, 0, member.MaxDisk+1)}},
		"the most in memory, and too many on disk": {{Key: 1, Val: member.VectorOf(1, member.MaxReplicas, member.MaxDisk) + 1}},
		"no such partition":                        decided(1<<16, 1, 3), "too late": {{Key: 1, Val: member.FactorOf(member.MaxEpoch, 1) + 1<<16}},
	} {
		_, _, err := member.DecodeFactors(f.Append(nil))
		assert.ErrorIs(t, err, member.ErrDecode, name)
		v := member.View{Members: set(is(1, 1, member.Active)), Factors: f}
		_, err = member.DecodeView(v.Append(nil))
		assert.ErrorIs(t, err, member.ErrDecode, name)
	}
	f, rest, err := member.DecodeFactors(append(decided(1<<16-1, member.MaxEpoch, member.MaxReplicas).Append(nil), 9))
	require.NoError(t, err)
	assert.Equal(t, []byte{9}, rest)
	assert.Equal(t, decided(1<<16-1, member.MaxEpoch, member.MaxReplicas), f)
}

// TestViews: a view is the product of its parts, and is named by both.
func TestViews(t *testing.T) {
	a := member.View{Members: set(is(1, 1, member.Active)), Factors: decided(2, 1, 3)}
	b := member.View{Members: set(is(1, 1, member.Leaving), is(2, 1, member.Active)), Factors: decided(4, 1, 3)}
	join := a.Raise(b)
	assert.Equal(t, join, b.Raise(a))
	assert.Equal(t, b.Members, join.Members)
	assert.Equal(t, member.Factors{{Key: 2, Val: member.FactorOf(1, 3)}, {Key: 4, Val: member.FactorOf(1, 3)}}, join.Factors)
	assert.True(t, join.Includes(a) && join.Includes(b) && !a.Includes(b) && !b.Includes(a))
	assert.Equal(t, decided(2, 1, 3), a.Factors, "it stays what it was")
	names := map[uint64]bool{}
	for _, v := range []member.View{a, b, join, {Members: a.Members}, {Factors: a.Factors}, {Members: a.Members, Factors: decided(2, 2, 3)}, {Members: a.Members, Factors: decided(2, 1, 4)}} {
		names[v.Name()] = true
		back, err := member.DecodeView(v.Append(nil))
		require.NoError(t, err)
		assert.True(t, back.Includes(v) && v.Includes(back), "%v", v)
	}
	assert.Len(t, names, 7)
}

// TestFactorsPlaceAsTheTwin: in every set of three nodes, and with any factors, a partition has the
// owners that it had, as many more as were decided for, and never fewer than are configured.
func TestFactorsPlaceAsTheTwin(t *testing.T) {
	every(3, func(s member.Set) {
		for code := range 6 {
			var f member.Factors
			want := func(p ring.Partition) int { return (int(p)*7 + code) % 6 } // 0 is undecided, as of 1 and 2 rf holds
			for p := range ring.Partition(partitions) {
				if n := want(p); n > 0 {
					f.MergeIn(decided(p, 1+uint32(p)%3, n))
				}
			}
			place, err := member.View{Members: s, Factors: f}.Place(partitions, rf)
			require.NoError(t, err)
			for p := range ring.Partition(partitions) {
				was, will := sides(s)
				old, next := nearestOf(was, p, max(rf, want(p))), nearestOf(will, p, max(rf, want(p)))
				both := slices.Clone(next)
				for _, n := range old {
					if !slices.Contains(both, n) {
						both = append(both, n)
					}
				}
				require.Empty(t, cmpOwners(both, place.Owners(p)), "partition %d in %v with %v", p, s, f)
				for n := ring.NodeID(0); n < 5; n++ {
					require.Equal(t, slices.Contains(old, n), place.Held(n, p))
					require.Equal(t, slices.Contains(next, n), place.Holds(n, p))
				}
			}
		}
	})
}

func cmpOwners(want, got []ring.NodeID) []ring.NodeID {
	if slices.Equal(want, got) {
		return nil
	}
	return append(slices.Clone(want), got...)
}

// TestARaiseTakesFromNobody: whoever owns a partition by fewer replicas owns it by more.
func TestARaiseTakesFromNobody(t *testing.T) {
	every(4, func(s member.Set) {
		for n := 1; n < 6; n++ {
			before, err := member.View{Members: s, Factors: decided(3, 1, n)}.Place(partitions, rf)
			require.NoError(t, err)
			after, err := member.View{Members: s, Factors: decided(3, 2, n+1)}.Place(partitions, rf)
			require.NoError(t, err)
			for _, o := range before.Owners(3) {
				require.True(t, after.Owns(o, 3), "node %d in %v with %d replicas", o, s, n+1)
			}
		}
	})
}

// FuzzDecodeView: arbitrary bytes are refused, or are the encoding of what they decode to.
func FuzzDecodeView(f *testing.F) {
	f.Add(member.View{Members: set(is(1, 1, member.Active)), Factors: decided(2, 1, 3)}.Append(nil))
	f.Add(member.View{Members: set(is(1, 1, member.Active))}.Append(nil))
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := member.DecodeView(b)
		if err != nil {
			require.ErrorIs(t, err, member.ErrDecode)
			return
		}
		require.Equal(t, b, v.Append(nil))
	})
}
