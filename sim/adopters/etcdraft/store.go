package etcdraft

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// contents is the state machine: a value, and the writes that were executed.
type contents struct {
	Value string
	Done  map[uint64]bool
}

// encode writes the state; JSON sorts its keys.
func (r *contents) encode(partial bool) ([]byte, error) {
	c := *r
	if partial {
		c.Done = nil
	}
	return json.Marshal(c)
}

func (r *contents) decode(b []byte) error {
	*r = contents{}
	if err := json.Unmarshal(b, r); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if r.Done == nil {
		r.Done = map[uint64]bool{}
	}
	return nil
}

// saved is what one record of the log holds, all of it or nothing, and what the file of the
// snapshot does, beside the log.
type saved struct {
	State    *pb.HardState
	Snapshot *pb.Snapshot // in the log without its data: it begins anew behind this one
	Entries  []*pb.Entry
}

// parts are the messages of a record, each behind its kind and its length.
func (s *saved) encode() ([]byte, error) {
	var b []byte
	add := func(kind byte, m proto.Message) error {
		part, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		b = append(b, kind)
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
		return err
	}
	if s.State != nil {
		if err := add('h', s.State); err != nil {
			return nil, err
		}
	}
	if s.Snapshot != nil {
		if err := add('s', s.Snapshot); err != nil {
			return nil, err
		}
	}
	for _, e := range s.Entries {
		if err := add('e', e); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func decodeSaved(b []byte) (s saved, err error) {
	for len(b) > 0 {
		kind := b[0]
		n, size := binary.Uvarint(b[1:])
		if size <= 0 || uint64(len(b)-1-size) < n {
			return s, fmt.Errorf("record: a part of %d bytes does not fit", n)
		}
		part := b[1+size : 1+size+int(n)]
		b = b[1+size+int(n):]
		switch kind {
		case 'h':
			s.State = &pb.HardState{}
			err = proto.Unmarshal(part, s.State)
		case 's':
			s.Snapshot = &pb.Snapshot{}
			err = proto.Unmarshal(part, s.Snapshot)
		case 'e':
			e := &pb.Entry{}
			err = proto.Unmarshal(part, e)
			s.Entries = append(s.Entries, e)
		}
		if err != nil {
			return s, fmt.Errorf("record: %w", err)
		}
	}
	return s, nil
}

// takeOver has a log in memory hold what the library gave.
func takeOver(m *raft.MemoryStorage, rd *raft.Ready) error {
	if !raft.IsEmptySnap(rd.Snapshot) {
		if err := m.ApplySnapshot(rd.Snapshot); err != nil && err != raft.ErrSnapOutOfDate {
			return err
		}
	}
	if err := m.Append(rd.Entries); err != nil {
		return err
	}
	if rd.HardState != nil {
		return m.SetHardState(rd.HardState)
	}
	return nil
}

// replayed is what the records of a log come to.
type replayed struct {
	state   *pb.HardState
	entries []*pb.Entry
	first   bool // a slip: of two entries at an index the one that was saved first stays
}

// add goes on with a record: its entries stand for all from the first of them on.
func (r *replayed) add(part *saved) {
	if part.State != nil {
		r.state = part.State
	}
	if part.Snapshot != nil {
		r.entries = nil
	}
	news := part.Entries
	for r.first && len(news) > 0 && len(r.entries) > 0 && news[0].GetIndex() <= r.entries[len(r.entries)-1].GetIndex() {
		news = news[1:]
	}
	if len(news) == 0 {
		return
	}
	r.entries = append(r.before(news[0].GetIndex()), news...)
}

// before are the entries below an index.
func (r *replayed) before(index uint64) []*pb.Entry {
	n := 0
	for n < len(r.entries) && r.entries[n].GetIndex() < index {
		n++
	}
	return r.entries[:n:n]
}

// onto is a log in memory that begins with a snapshot, which may be older than the state
// that was saved last, and newer than all entries. Entries from before it count if they
// agree with it.
func (r *replayed) onto(file *saved) (*raft.MemoryStorage, error) {
	snap := &pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: servers()}}
	if file.Snapshot != nil {
		snap = file.Snapshot
	}
	index, term := snap.GetMetadata().GetIndex(), snap.GetMetadata().GetTerm()
	behind := r.entries[len(r.before(index)):]
	switch {
	case len(behind) > 0 && behind[0].GetIndex() == index && behind[0].GetTerm() == term:
		behind = behind[1:]
	case len(behind) > 0 && behind[0].GetIndex() == index:
		behind = nil
	case len(behind) > 0 && behind[0].GetIndex() > index+1:
		panic(fmt.Sprintf("the log begins with entry %d, and the snapshot ends with %d", behind[0].GetIndex(), index))
	}
	m := raft.NewMemoryStorage()
	if err := m.ApplySnapshot(snap); err != nil {
		return nil, err
	}
	if err := m.Append(behind); err != nil {
		return nil, err
	}
	return m, m.SetHardState(later(r.state, file.State, index, term))
}

// later is the later of two states, or none, of a server whose snapshot ends with an index
// and a term, which it may have heard of and not saved.
func later(a, b *pb.HardState, index, term uint64) *pb.HardState {
	if a == nil || b != nil && (b.GetTerm() > a.GetTerm() || b.GetTerm() == a.GetTerm() && b.GetCommit() > a.GetCommit()) {
		a, b = b, a
	}
	s := &pb.HardState{}
	if a != nil {
		s = proto.Clone(a).(*pb.HardState)
	}
	if b != nil && b.GetTerm() == s.GetTerm() && s.GetVote() == 0 {
		s.Vote = b.Vote
	}
	if s.GetTerm() < term {
		s.Term, s.Vote = new(term), nil
	}
	if s.GetCommit() < index {
		s.Commit = new(index)
	}
	return s
}

// compact makes a snapshot at an index that is applied, and drops what is before it.
func compact(m *raft.MemoryStorage, at uint64, state []byte) error {
	if _, err := m.CreateSnapshot(at, servers(), state); err != nil {
		return err
	}
	if err := m.Compact(at - tail); err != nil && err != raft.ErrCompacted {
		return err
	}
	return nil
}

// servers are the identities of the servers in the library, which count from 1.
func servers() *pb.ConfState { return &pb.ConfState{Voters: []uint64{1, 2, 3}} }
