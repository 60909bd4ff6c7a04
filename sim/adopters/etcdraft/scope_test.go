package etcdraft

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/joinery-go/joinery/sim/explore"
)

// member is a raw node of the library in a small scope. It cannot be copied. Its host saves at
// once what the library asks it to, and a timer of the scope has it campaign, so that the
// library's ticks, and the chance in them, play no part.
type member struct {
	self      int
	forgetful bool // a crash loses the term and the vote
	node      *raft.RawNode
	saved     *raft.MemoryStorage
	granted   map[uint64]uint64 // whom it has voted for, by term; what a crash cannot take away
	wrong     string
	votes     []string // for it, in this term, which the library does not show
}

// begin starts the library on what is saved.
func (m *member) begin() error {
	node, err := raft.NewRawNode(&raft.Config{
		ID: uint64(m.self + 1), ElectionTick: 10, HeartbeatTick: 1, Storage: m.saved, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 16, Logger: quiet{},
	})
	m.node, m.votes = node, nil
	return err
}

// step is what the member makes of an event.
func (m *member) step(ev explore.Event) ([]explore.Message, error) {
	var err error
	switch ev.Kind {
	case explore.Fire:
		m.votes = nil
		err = m.node.Campaign()
	default:
		in := new(pb.Message)
		if err := proto.Unmarshal([]byte(ev.Payload), in); err != nil {
			return nil, err
		}
		if in.GetType() == pb.MessageType_MsgVoteResp {
			m.votes = append(m.votes, fmt.Sprintf("%d from %d: %t", in.GetTerm(), in.GetFrom(), in.GetReject()))
			slices.Sort(m.votes)
		}
		_ = m.node.Step(in) // an error is of a message that the library has no use for
	}
	if err != nil {
		return nil, err
	}
	return m.ready()
}

// ready does what the library has ready, and says what it sends.
func (m *member) ready() (out []explore.Message, err error) {
	for m.node.HasReady() {
		rd := m.node.Ready()
		if !raft.IsEmptyHardState(rd.HardState) {
			if err := m.saved.SetHardState(rd.HardState); err != nil {
				return nil, err
			}
		}
		if err := m.saved.Append(rd.Entries); err != nil {
			return nil, err
		}
		for _, send := range rd.Messages {
			m.vote(send)
			payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(send)
			if err != nil {
				return nil, err
			}
			out = append(out, explore.Message{To: int(send.GetTo()) - 1, Payload: string(payload)})
		}
		m.node.Advance(rd)
	}
	return out, nil
}

// vote notes the votes that the member gives.
func (m *member) vote(send *pb.Message) {
	if send.GetType() != pb.MessageType_MsgVoteResp || send.GetReject() {
		return
	}
	term, to := send.GetTerm(), send.GetTo()
	if other, ok := m.granted[term]; ok && other != to {
		m.wrong = fmt.Sprintf("n%d votes for n%d and for n%d in term %d", m.self, other-1, to-1, term)
	}
	m.granted[term] = to
}

// crash begins anew with what is saved, or with the log alone.
func (m *member) crash() ([]explore.Message, error) {
	if m.forgetful {
		kept := raft.NewMemoryStorage()
		if err := kept.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: servers()}}); err != nil {
			return nil, err
		}
		m.saved = kept
	}
	if err := m.begin(); err != nil {
		return nil, err
	}
	return m.ready()
}

// append writes what the library shows of the node, and the votes for it, which it does not
// show. What it counts of ticks is left out, since there are none.
func (m *member) append(dst []byte) []byte {
	s := m.node.Status()
	dst = fmt.Appendf(dst, "%d %d %d %v %d %v %v %v", s.HardState.GetTerm(), s.HardState.GetVote(), s.HardState.GetCommit(), s.RaftState, s.Lead, m.votes, m.granted, m.wrong)
	for id := range uint64(members) {
		if p, ok := s.Progress[id+1]; ok {
			dst = fmt.Appendf(dst, " %v %v", &p, p.RecentActive)
		}
	}
	first, err := m.saved.FirstIndex()
	last, err2 := m.saved.LastIndex()
	if err == nil && err2 == nil && first <= last {
		entries, err := m.saved.Entries(first, last+1, 1<<20)
		dst = fmt.Appendf(dst, " %v %v", entries, err)
	}
	return dst
}

// raftScope is a cluster of such members, each of which campaigns once at most.
func raftScope(forgetful bool) explore.Cluster[*explore.Past] {
	c := explore.Replayed(func(self int) (explore.Running, []explore.Message, error) {
		m := &member{self: self, forgetful: forgetful, saved: raft.NewMemoryStorage(), granted: make(map[uint64]uint64)}
		if err := m.saved.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: servers()}}); err != nil {
			return explore.Running{}, nil, err
		}
		if err := m.begin(); err != nil {
			return explore.Running{}, nil, err
		}
		return explore.Running{
			Step: m.step, Crash: m.crash,
			Timers: func() []uint64 {
				if self == members-1 {
					return nil // one votes only
				}
				return []uint64{1}
			}, Append: m.append,
			Check: func() string { return m.wrong },
		}, nil, nil
	})
	c.Nodes, c.Firings, c.Crashes = members, 1, 1
	return c
}

// TestScope searches what the library can do in a small scope, as it can be replayed: in no
// order of messages, and with a crash anywhere, does a member vote for two in one term,
// unless the crash takes the vote away, and then this is the shortest way to it.
func TestScope(t *testing.T) {
	sound := raftScope(false)
	r, err := sound.Run(explore.Options{NoSymmetry: true, MaxDepth: 10})
	require.NoError(t, err)
	assert.Nil(t, r.Violation)
	assert.Greater(t, r.States, 1000)
	t.Logf("%d states, %d transitions; %s", r.States, r.Transitions, r.Stopped)

	forgetful := raftScope(true)
	r, err = forgetful.Run(explore.Options{NoSymmetry: true, MaxDepth: 10})
	require.NoError(t, err)
	require.NotNil(t, r.Violation)
	assert.Contains(t, r.Violation.What, "in term 1")
	var path []string
	for _, a := range r.Violation.Path {
		path = append(path, a.Kind.String())
	}
	assert.Equal(t, "fire, deliver, fire, crash, deliver", strings.Join(path, ", "), r.Violation.What)
}
