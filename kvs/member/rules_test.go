package member_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

// mayChange is which change an operator may ask for, from the words of [member.Set.With], and
// the state that a node is in after it.
func mayChange(s member.Set, c member.Change) (to member.State, ok bool) {
	known, at, active, holders := false, member.State(0), 0, 0
	for _, e := range s {
		if e.Key == c.Node {
			known, at = true, e.Val
			continue
		}
		switch e.Val.Phase() {
		case member.Active:
			active, holders = active+1, holders+1
		case member.Leaving:
			holders++
		case member.Joining, member.Gone:
		}
	}
	switch c.To {
	case member.Joining:
		return member.In(at.Life()+1, member.Joining), !known || at.Phase() == member.Gone
	case member.Leaving:
		return member.In(at.Life(), member.Leaving), known && at.Phase() == member.Active && active > 0
	case member.Gone:
		lives := known && at.Phase() != member.Gone
		return member.In(at.Life(), member.Gone), lives && (at.Phase() == member.Joining || holders > 0)
	case member.Active:
	}
	return 0, false
}

// TestChangesInEverySet: which changes are taken, and what becomes of them, in every set of
// three nodes, in any lives; the set that is asked stays what it was.
func TestChangesInEverySet(t *testing.T) {
	taken := map[member.Phase]int{}
	every(3, func(s member.Set) {
		for i := range s {
			s[i].Val = member.In(uint32(i)*7+1, s[i].Val.Phase())
		}
		before := s.Clone()
		for _, c := range changes() {
			risen, err := s.With(c)
			to, ok := mayChange(s, c)
			require.Equal(t, before, s)
			if !ok {
				require.ErrorIs(t, err, member.ErrChange, "%v in %v", c, s)
				require.Nil(t, risen)
				continue
			}
			require.NoError(t, err, "%v in %v", c, s)
			taken[c.To]++
			for n := range ring.NodeID(6) {
				if n == c.Node {
					require.Equal(t, to, risen.At(n), "%v in %v", c, s)
				} else {
					require.Equal(t, s.At(n), risen.At(n))
				}
			}
		}
	})
	assert.Len(t, taken, 3)
}

// TestListsOfPhases: who is in which phases, and whether anybody comes or goes.
func TestListsOfPhases(t *testing.T) {
	every(3, func(s member.Set) {
		var joining, settled []ring.NodeID
		for _, e := range s {
			if p := e.Val.Phase(); p == member.Joining || p == member.Leaving {
				joining = append(joining, e.Key)
			} else {
				settled = append(settled, e.Key)
			}
		}
		require.Equal(t, joining, s.In(member.Joining, member.Leaving))
		require.Equal(t, settled, s.In(member.Active, member.Gone))
		require.Equal(t, len(joining) > 0, s.Moving())
		require.Empty(t, s.In())
	})
}

// TestRaiseLeavesWhatIsThere: a join that brings nothing is the set itself, and one that does
// is another.
func TestRaiseLeavesWhatIsThere(t *testing.T) {
	s := set(is(1, 1, member.Active))
	same := s.Raised(1, member.In(1, member.Joining))
	assert.Same(t, &s[0], &same[0])
	risen := s.Raised(1, member.In(1, member.Leaving))
	assert.Equal(t, member.In(1, member.Active), s.At(1))
	assert.Equal(t, member.In(1, member.Leaving), risen.At(1))
	assert.Equal(t, set(is(1, 1, member.Active), is(3, 2, member.Gone)), s.Raise(set(is(3, 2, member.Gone))))
}

// TestWordsOfMembers: what states, changes and refusals are said to be.
func TestWordsOfMembers(t *testing.T) {
	assert.Equal(t, "never named", member.State(0).String())
	for state, word := range map[member.State]string{
		member.In(1, member.Joining): "joining in life 1", member.In(2, member.Active): "active in life 2",
		member.In(3, member.Leaving): "leaving in life 3", member.In(math.MaxUint32, member.Gone): "gone in life 4294967295",
	} {
		assert.Equal(t, word, state.String())
	}
	assert.Equal(t, "phase 9", member.Phase(9).String())
	assert.Equal(t, "node 7 leaving", member.Change{Node: 7, To: member.Leaving}.String())

	s := set(is(1, 1, member.Active), is(2, 3, member.Joining), is(3, math.MaxUint32, member.Gone))
	for c, word := range map[member.Change]string{
		{Node: ring.MaxNode + 1, To: member.Joining}: "member: change refused: node 4294901760, limit 4294901759",
		{Node: 2, To: member.Joining}:                "member: change refused: node 2 is joining in life 3",
		{Node: 3, To: member.Joining}:                "member: change refused: node 3 is one, or one life, too many",
		{Node: 1, To: member.Active}:                 "member: change refused: it is for node 1 to say that it is active",
		{Node: 4, To: member.Gone}:                   "member: change refused: node 4 is never named",
		{Node: 2, To: member.Leaving}:                "member: change refused: node 2 is joining in life 3, and only an active one leaves",
		{Node: 1, To: member.Leaving}:                "member: change refused: node 1 is the last that is active",
		{Node: 1, To: member.Gone}:                   "member: change refused: node 1 is the last that holds anything",
	} {
		_, err := s.With(c)
		assert.EqualError(t, err, word)
	}
	for of, word := range map[*member.Set]string{
		{{Key: 5, Val: member.State(member.Active)}}:                 "member: cannot decode: node 5 in life 0",
		{{Key: 5, Val: member.In(math.MaxUint32, member.Gone) + 1}}:  "member: cannot decode: node 5 in life 4294967296",
		{{Key: ring.MaxNode + 1, Val: member.In(1, member.Joining)}}: "member: cannot decode: node 4294901760, limit 4294901759",
		{{Key: ring.MaxNode, Val: member.In(1, member.Joining)}}:     "",
		{{Key: 5, Val: member.In(1, member.Joining)}}:                "",
		{{Key: 5, Val: member.In(math.MaxUint32, member.Gone)}}:      "",
		{{Key: 5, Val: member.In(1, member.Joining) - 1}}:            "member: cannot decode: node 5 in life 0",
	} {
		encoded := of.Append(nil)
		got, rest, err := member.Decode(encoded)
		if word == "" {
			require.NoError(t, err)
			assert.Equal(t, *of, got)
			assert.Empty(t, rest)
			continue
		}
		require.EqualError(t, err, word)
		assert.Nil(t, got)
		assert.Equal(t, encoded, rest, "what is refused is left")
	}
	_, rest, err := member.Decode([]byte{9})
	require.ErrorIs(t, err, member.ErrDecode)
	assert.Equal(t, []byte{9}, rest)
}

// TestAsManyMembersAsNodesOfARing: every set can be placed, so that whoever goes by one finds
// where partitions are; a node more is one too many for a ring.
func TestAsManyMembersAsNodesOfARing(t *testing.T) {
	full := member.Set{}
	for n := range ring.NodeID(member.MaxMembers) {
		full = append(full, is(n, 1, member.Active))
	}
	_, err := member.Place(full, 1, 1)
	require.NoError(t, err)
	_, err = member.Place(append(full, is(member.MaxMembers, 1, member.Active)), 1, 1)
	require.ErrorIs(t, err, ring.ErrConfig)
	assert.ErrorContains(t, err, "member: place: ")
	_, err = member.Place(append(full, is(member.MaxMembers, 1, member.Joining)), 1, 1)
	require.ErrorIs(t, err, ring.ErrConfig, "of the next placement")
	risen, err := full[1:].With(member.Change{Node: 0, To: member.Joining})
	require.NoError(t, err)
	assert.Len(t, risen, member.MaxMembers)
	full[0].Val = member.In(1, member.Gone)
	risen, err = full.With(member.Change{Node: 0, To: member.Joining})
	require.NoError(t, err, "a node that was there before is none more")
	assert.Equal(t, member.In(2, member.Joining), risen.At(0))
	assert.Equal(t, uint32(math.MaxUint32), uint32(member.MaxLife))
	_, _, err = member.Decode(append(full, is(member.MaxMembers, 1, member.Active)).Append(nil))
	assert.EqualError(t, err, "member: cannot decode: 4097 members, limit 4096")
}

// TestNobodyPlacesNothing: without a node nobody owns anything; a placement on a ring has the
// owners of the ring, and none beyond its partitions.
func TestNobodyPlacesNothing(t *testing.T) {
	none, err := member.Place(set(is(1, 1, member.Gone)), partitions, rf)
	require.NoError(t, err)
	assert.Nil(t, none.Owners(0))
	assert.False(t, none.Owns(1, 0) || none.Held(1, 0) || none.Holds(1, 0))
	both, err := member.Place(set(is(1, 1, member.Active), is(2, 1, member.Joining)), partitions, rf)
	require.NoError(t, err)
	assert.NotNil(t, both.Owners(partitions-1))
	assert.Nil(t, both.Owners(partitions))
}

// TestNodesOfARingAreActive in their first life, each of them.
func TestNodesOfARingAreActive(t *testing.T) {
	r, err := ring.New([]ring.NodeID{9, 2}, partitions, rf)
	require.NoError(t, err)
	assert.Equal(t, set(is(2, 1, member.Active), is(9, 1, member.Active)), member.Of(r))
}

// TestChangesOfALife: a change that names a life concerns no other one, so that one that comes late
// does nothing.
func TestChangesOfALife(t *testing.T) {
	s := member.Set{{Key: 1, Val: member.In(1, member.Active)}, {Key: 2, Val: member.In(2, member.Active)}, {Key: 3, Val: member.In(2, member.Gone)}}
	for _, c := range []member.Change{
		{Node: 2, To: member.Leaving, Life: 1}, {Node: 2, To: member.Leaving, Life: 3}, {Node: 2, To: member.Gone, Life: 1}, {Node: 2, To: member.Joining, Life: 3},
		{Node: 3, To: member.Joining, Life: 1}, {Node: 3, To: member.Joining, Life: 2}, {Node: 3, To: member.Joining, Life: 4}, {Node: 4, To: member.Joining, Life: 2}, {Node: 3, To: member.Gone, Life: 2},
	} {
		_, err := s.With(c)
		assert.ErrorIs(t, err, member.ErrChange, "%v of life %d", c, c.Life)
	}
	for c, want := range map[member.Change]member.State{
		{Node: 2, To: member.Leaving, Life: 2}: member.In(2, member.Leaving), {Node: 2, To: member.Gone, Life: 2}: member.In(2, member.Gone),
		{Node: 3, To: member.Joining, Life: 3}: member.In(3, member.Joining), {Node: 4, To: member.Joining, Life: 1}: member.In(1, member.Joining),
	} {
		risen, err := s.With(c)
		require.NoError(t, err, "%v of life %d", c, c.Life)
		assert.Equal(t, want, risen.At(c.Node))
	}
}
