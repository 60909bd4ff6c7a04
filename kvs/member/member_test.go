package member_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

func set(entries ...lattice.Entry[ring.NodeID, member.State]) member.Set { return entries }

func is(n ring.NodeID, life uint32, p member.Phase) lattice.Entry[ring.NodeID, member.State] {
	return lattice.Entry[ring.NodeID, member.State]{Key: n, Val: member.In(life, p)}
}

// TestSetLaws: sets are a lattice, and their coding commutes with it.
func TestSetLaws(t *testing.T) {
	drawn := rapid.Custom(func(t *rapid.T) member.Set {
		s := member.Set{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			n := ring.NodeID(rapid.Uint32Range(0, 3).Draw(t, "node"))
			s.MergeIn(set(is(n, rapid.Uint32Range(1, 2).Draw(t, "life"), member.Phase(rapid.IntRange(0, 3).Draw(t, "phase")))))
		}
		return s
	})
	source := gen.For(member.Merge(), gen.FromRapid(drawn))
	laws.Check(t, laws.Lattice(member.Merge()), source)
	laws.Check(t, laws.Codec(member.Merge()), source)
}

// TestNobodyComesBack: whatever is joined to a set in which a life is over, that life stays
// over, and a later one is above all of it.
func TestNobodyComesBack(t *testing.T) {
	for p := member.Joining; p <= member.Gone; p++ {
		s := set(is(1, 1, member.Gone))
		assert.False(t, s.MergeIn(set(is(1, 1, p))))
		assert.Equal(t, member.Gone, s.At(1).Phase())
		assert.True(t, s.MergeIn(set(is(1, 2, p))))
		assert.Equal(t, member.In(2, p), s.At(1))
	}
	for p := member.Joining; p < member.Gone; p++ {
		s := set(is(1, 1, p))
		assert.True(t, s.MergeIn(set(is(1, 1, p+1))), "%v is below %v", p, p+1)
	}
}

// changes is each change of nodes 1 to 4.
func changes() (all []member.Change) {
	for n := ring.NodeID(1); n <= 4; n++ {
		for p := member.Joining; p <= member.Gone; p++ {
			all = append(all, member.Change{Node: n, To: p})
		}
	}
	return all
}

// TestChanges: which changes an operator may ask for, in a set where node 1 is active, 2
// leaves, 3 joins and 4 was never named; 5 is gone.
func TestChanges(t *testing.T) {
	s := set(is(1, 1, member.Active), is(2, 1, member.Leaving), is(3, 1, member.Joining), is(5, 7, member.Gone))
	allowed := map[member.Change]member.State{
		{Node: 1, To: member.Gone}:    member.In(1, member.Gone),
		{Node: 2, To: member.Gone}:    member.In(1, member.Gone),
		{Node: 3, To: member.Gone}:    member.In(1, member.Gone),
		{Node: 4, To: member.Joining}: member.In(1, member.Joining),
		{Node: 5, To: member.Joining}: member.In(8, member.Joining),
	}
	for _, c := range append(changes(), member.Change{Node: 5, To: member.Joining}, member.Change{Node: 5, To: member.Gone}) {
		risen, err := s.With(c)
		want, ok := allowed[c]
		if !ok {
			require.ErrorIs(t, err, member.ErrChange, "%v", c)
			continue
		}
		require.NoError(t, err, "%v", c)
		assert.Equal(t, want, risen.At(c.Node))
		assert.True(t, risen.Includes(s) && !s.Includes(risen), "%v rises", c)
	}
	_, err := set(is(1, 1, member.Active), is(2, 1, member.Active)).With(member.Change{Node: 1, To: member.Leaving})
	require.NoError(t, err, "one stays")
	for name, c := range map[string]member.Change{
		"the last that is active": {Node: 1, To: member.Leaving}, "the last that holds anything": {Node: 1, To: member.Gone},
		"no id": {Node: ring.MaxNode + 1, To: member.Joining},
	} {
		_, err := set(is(1, 1, member.Active), is(3, 1, member.Joining)).With(c)
		require.ErrorIs(t, err, member.ErrChange, name)
	}
	_, err = set(is(1, 1, member.Active), is(2, member.MaxLife, member.Gone)).With(member.Change{Node: 2, To: member.Joining})
	require.ErrorIs(t, err, member.ErrChange, "no life is left")
}

// TestSetsAreBounded: more members than there may be are refused, by whoever asks and by
// whoever decodes.
func TestSetsAreBounded(t *testing.T) {
	full := member.Set{}
	for n := range ring.NodeID(member.MaxMembers) {
		full = append(full, is(n, 1, member.Active))
	}
	_, rest, err := member.Decode(full.Append(nil))
	require.NoError(t, err)
	assert.Empty(t, rest)
	_, err = full.With(member.Change{Node: member.MaxMembers, To: member.Joining})
	require.ErrorIs(t, err, member.ErrChange)
	_, _, err = member.Decode(append(full, is(member.MaxMembers, 1, member.Active)).Append(nil))
	require.ErrorIs(t, err, member.ErrDecode)
	for name, s := range map[string]member.Set{
		"life 0":         {{Key: 1, Val: member.State(member.Gone)}},
		"life too late":  {{Key: 1, Val: member.In(member.MaxLife, member.Gone) + 1}},
		"node too great": {is(ring.MaxNode+1, 1, member.Active)},
	} {
		_, _, err := member.Decode(s.Append(nil))
		assert.ErrorIs(t, err, member.ErrDecode, name)
	}
}

// FuzzDecode: arbitrary bytes are refused, or are the encoding of what they decode to.
func FuzzDecode(f *testing.F) {
	f.Add(set(is(1, 1, member.Active), is(9, 3, member.Gone)).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, rest, err := member.Decode(b)
		if err != nil {
			return
		}
		if again := s.Append(nil); !bytes.Equal(again, b[:len(b)-len(rest)]) {
			t.Fatalf("%v decodes to %v, which encodes to %v", b, s, again)
		}
	})
}

func TestNamesTellSetsApart(t *testing.T) {
	seen := map[uint64]member.Set{}
	every(4, func(s member.Set) {
		require.NotContains(t, seen, named(s), "%v and %v", s, seen[named(s)])
		seen[named(s)] = s.Clone()
	})
	assert.Len(t, seen, 5*5*5*5)
}

// every visits all sets of nodes 1 to n in their first life, or never named.
func every(n int, visit func(member.Set)) {
	total := 1
	for range n {
		total *= 5
	}
	for code := range total {
		s := member.Set{}
		for node, left := ring.NodeID(1), code; int(node) <= n; node, left = node+1, left/5 {
			if left%5 > 0 {
				s = append(s, is(node, 1, member.Phase(left%5-1)))
			}
		}
		visit(s)
	}
}

// named is the name of a view of these members, without factors.
func named(s member.Set) uint64 { return member.View{Members: s}.Name() }
