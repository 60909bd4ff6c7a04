package etcdraft

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"
)

// entriesOf are entries of one term from an index on.
func entriesOf(from, n int, term uint64) (es []*pb.Entry) {
	for i := range n {
		es = append(es, &pb.Entry{Term: &term, Index: new(uint64(from + i)), Data: fmt.Appendf(nil, "%d of %d", from+i, term)})
	}
	return es
}

func shown(t require.TestingT, m *raft.MemoryStorage, from uint64) string {
	last, err := m.LastIndex()
	require.NoError(t, err)
	state, _, err := m.InitialState()
	require.NoError(t, err)
	s := fmt.Sprint(state.GetTerm(), state.GetVote(), state.GetCommit(), " to ", last)
	for i := from + 1; i <= last; i++ {
		es, err := m.Entries(i, i+1, 1<<20)
		require.NoError(t, err)
		s += fmt.Sprintf(", %s", es[0].GetData())
	}
	return s
}

// TestReplayed: whatever was appended, overwritten and taken over from others, and wherever
// the log was cut off for a snapshot, what is read from disk is what was in memory.
func TestReplayed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := raft.NewMemoryStorage()
		require.NoError(t, m.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: servers()}}))
		s := &server{}
		var file saved
		var parts []saved
		applied, last, term, vote := uint64(0), uint64(0), uint64(1), uint64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			rd, first := raft.Ready{}, uint64(0)
			switch rapid.SampledFrom([]int{2, 0, 2, 0, 2, 1}).Draw(t, "step") {
			case 0: // what is committed is applied, and now and then a snapshot is durable
				applied = rapid.Uint64Range(applied, last).Draw(t, "applied")
				rd.HardState = &pb.HardState{Term: new(term), Vote: new(vote), Commit: new(applied)}
				if applied > tail && rapid.Bool().Draw(t, "snapshot") {
					require.NoError(t, takeOver(m, &rd))
					if err := compact(m, applied, nil); err == raft.ErrSnapOutOfDate {
						continue
					}
					snap, err := m.Snapshot()
					require.NoError(t, err)
					state, _, err := m.InitialState()
					require.NoError(t, err)
					file = saved{State: state, Snapshot: snap}
					if keep := s.needed(applied); keep > 0 {
						parts, s.records = parts[s.records[keep].token:], renumbered(s.records[keep:])
					}
					continue
				}
			case 1: // a snapshot of another, of what is not applied here
				term++
				last = rapid.Uint64Range(applied+1, last+3).Draw(t, "index") // entries of old may go further
				applied = last
				rd.Snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: servers(), Index: new(last), Term: new(term)}}
				rd.HardState, vote = &pb.HardState{Term: new(term), Commit: new(applied)}, 0
				file, first = saved{Snapshot: rd.Snapshot}, last
			default: // entries, which may take the place of some that are not applied
				term += rapid.Uint64Range(0, 1).Draw(t, "term")
				from := max(applied+1, last+1-min(last, rapid.Uint64Range(0, 3).Draw(t, "over")))
				rd.Entries = entriesOf(int(from), rapid.IntRange(1, 3).Draw(t, "entries"), term)
				vote = 2
				rd.HardState = &pb.HardState{Term: new(term), Vote: new(vote), Commit: new(applied)}
				first, last = from, from+uint64(len(rd.Entries))-1
			}
			require.NoError(t, takeOver(m, &rd))
			part := saved{State: rd.HardState, Entries: rd.Entries}
			if rd.Snapshot != nil {
				part.Snapshot = &pb.Snapshot{Metadata: rd.Snapshot.Metadata}
			}
			if first > 0 {
				s.records = append(s.records, record{uint64(len(parts)), first})
			}
			parts = append(parts, part)
		}
		var all replayed
		for _, part := range parts {
			all.add(&part)
		}
		again, err := all.onto(&file)
		require.NoError(t, err)
		from := file.Snapshot.GetMetadata().GetIndex()
		require.Equal(t, shown(t, m, from), shown(t, again, from))

		// A crash comes after the file of a snapshot, and before the record that says so.
		index := rapid.Uint64Range(applied+1, last+3).Draw(t, "at the end")
		file = saved{Snapshot: &pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: servers(), Index: &index, Term: new(term + 1)}}}
		again, err = all.onto(&file)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(term+1, 0, index, " to ", index), shown(t, again, index))
	})
}

// renumbered are records whose numbers are from the first of them on.
func renumbered(records []record) (out []record) {
	for _, r := range records {
		out = append(out, record{r.token - records[0].token, r.first})
	}
	return out
}
