package etcdraft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// logOf is a log with entries of the given terms, and data.
func logOf(t *testing.T, data string, terms ...uint64) *raft.MemoryStorage {
	t.Helper()
	m := raft.NewMemoryStorage()
	require.NoError(t, m.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: servers()}}))
	for i, term := range terms {
		require.NoError(t, m.Append([]*pb.Entry{{Term: &term, Index: new(uint64(i + 1)), Data: []byte(data[i : i+1])}}))
	}
	return m
}

// TestLogsMatch: logs that agree at an index must agree before it; what is behind the last
// agreement may differ.
func TestLogsMatch(t *testing.T) {
	a := logOf(t, "abcd", 1, 1, 2, 2)
	for what, b := range map[string]struct {
		log   *raft.MemoryStorage
		match bool
	}{
		"the same":                    {logOf(t, "abcd", 1, 1, 2, 2), true},
		"shorter":                     {logOf(t, "ab", 1, 1), true},
		"empty":                       {logOf(t, ""), true},
		"another end":                 {logOf(t, "abxy", 1, 1, 3, 3), true},
		"agrees behind what does not": {logOf(t, "abxd", 1, 1, 1, 2), false},
		"other data in one term":      {logOf(t, "axcd", 1, 1, 2, 2), false},
	} {
		err := logsMatch(a, b.log)
		if b.match {
			assert.NoError(t, err, what)
		} else {
			assert.ErrorContains(t, err, "log matching", what)
		}
	}
	shorter := logOf(t, "abcd", 1, 1, 2, 2)
	require.NoError(t, compact(shorter, 3, nil))
	assert.NoError(t, logsMatch(a, shorter), "as far as both go back")
}

// TestSavedReadsBack: a record of the disk holds what was put in, and a damaged one is
// refused.
func TestSavedReadsBack(t *testing.T) {
	s := saved{
		State:    &pb.HardState{Term: new(uint64(3)), Vote: new(uint64(2)), Commit: new(uint64(7))},
		Snapshot: &pb.Snapshot{Data: []byte("s")},
		Entries:  []*pb.Entry{{Term: new(uint64(3)), Index: new(uint64(8)), Data: []byte("e")}, {Index: new(uint64(9))}},
	}
	b, err := s.encode()
	require.NoError(t, err)
	back, err := decodeSaved(b)
	require.NoError(t, err)
	again, err := back.encode()
	require.NoError(t, err)
	assert.Equal(t, b, again)
	assert.Len(t, back.Entries, 2)
	for i := 1; i < len(b); i++ {
		if half, err := decodeSaved(b[:i]); err == nil {
			whole, err := half.encode()
			require.NoError(t, err)
			assert.Equal(t, b[:i], whole, "whole parts only")
		}
	}
}

func TestSlipNames(t *testing.T) {
	for s := range Slips {
		assert.NotEmpty(t, s.String())
	}
	assert.Equal(t, "slip(invalid)", Slips.String())
}
