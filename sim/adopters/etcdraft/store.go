package etcdraft

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// register is the state machine: a value, and the writes that were executed.
type register struct {
	Value string
	Done  map[uint64]bool
}

// encode writes the state; JSON sorts its keys.
func (r *register) encode(partial bool) ([]byte, error) {
	c := *r
	if partial {
		c.Done = nil
	}
	return json.Marshal(c)
}

func (r *register) decode(b []byte) error {
	*r = register{}
	if err := json.Unmarshal(b, r); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if r.Done == nil {
		r.Done = map[uint64]bool{}
	}
	return nil
}

// saved is what one record of the disk holds, all of it or nothing.
type saved struct {
	State     *pb.HardState
	Snapshot  *pb.Snapshot // of another server, which the log begins with from then on
	Compacted *pb.Snapshot // of this one, for which it dropped what came before
	Entries   []*pb.Entry
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
	if s.Compacted != nil {
		if err := add('c', s.Compacted); err != nil {
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
		case 'c':
			s.Compacted = &pb.Snapshot{}
			err = proto.Unmarshal(part, s.Compacted)
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

// keep takes over what is durable.
func keep(m *raft.MemoryStorage, s *saved) error {
	if s.Snapshot != nil {
		if err := m.ApplySnapshot(s.Snapshot); err != nil && err != raft.ErrSnapOutOfDate {
			return err
		}
	}
	if c := s.Compacted; c != nil {
		if err := compact(m, c.GetMetadata().GetIndex(), c.GetData()); err != nil {
			return err
		}
	}
	if err := m.Append(s.Entries); err != nil {
		return err
	}
	if s.State != nil {
		return m.SetHardState(s.State)
	}
	return nil
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
