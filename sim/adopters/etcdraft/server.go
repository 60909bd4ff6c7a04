package etcdraft

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign/invariant"
	"github.com/joinery-go/joinery/sim/campaign/register"
	"github.com/joinery-go/joinery/sim/disk"
)

const (
	members = 3
	tick    = 10 * sim.Millisecond
	// tail is how many applied entries stay in the log, and often how many are applied
	// between two snapshots.
	tail, often = 2, 4
	// resolved is how long a snapshot may be on its way before it counts as lost.
	resolved = 100 * sim.Millisecond

	tickTimer     sim.TimerID = 1
	snapshotTimer sim.TimerID = 8 // and the member behind it

	msgRequest sim.MsgKind = 1 // of a client
	msgAnswer  sim.MsgKind = 2
	msgRaft    sim.MsgKind = 8 // and the library's type behind it
)

// waiting is a read that the library has placed.
type waiting struct {
	id    uint64
	from  sim.NodeID
	index uint64 // it sees what is applied up to here
}

// snapshotFile is the file beside the log that has the last snapshot.
const snapshotFile = "snapshot"

// record is a record of the log of this incarnation: the index of its first entry, or of the
// snapshot behind which the log begins anew with it.
type record struct{ token, first uint64 }

// server is a host of the library's raw node.
type server struct {
	slip    Slip
	leaders *invariant.Agreement[uint64, sim.NodeID] // by term
	applies *invariant.Agreement[uint64, string]     // by index

	node     *raft.RawNode
	log      *raft.MemoryStorage
	state    contents
	applied  uint64
	snapshot uint64      // the index of the last one
	saving   *raft.Ready // what is on its way to the disk
	token    uint64      // of the last request to it
	waits    uint64      // for which saving waits
	file     uint64      // by which a snapshot of its own is on its way, 0 for none
	records  []record
	noted    bool // of a snapshot that is being saved, the record is on its way
	leader   bool

	writes map[uint64]sim.NodeID // proposed here, by operation: who asked
	reads  map[uint64]sim.NodeID
	placed []waiting
}

func (s *server) Start(c *sim.Context) {
	s.state.Done = map[uint64]bool{}
	s.writes, s.reads = map[uint64]sim.NodeID{}, map[uint64]sim.NodeID{}
	err := s.recover(c)
	if err == nil {
		err = s.restore()
	}
	if err != nil {
		c.Fail(err)
		return
	}
	choosing(c, func() {
		s.node, err = raft.NewRawNode(&raft.Config{
			ID: uint64(c.Self()) + 1, ElectionTick: 10, HeartbeatTick: 2, Storage: s.log, Applied: s.applied,
			MaxSizePerMsg: 4096, MaxInflightMsgs: 16, CheckQuorum: true, PreVote: true, ReadOnlyOption: s.readOnly(), Logger: quiet{},
		})
	})
	if err != nil {
		c.Fail(err)
		return
	}
	if c.Incarnation() > 1 && s.applied > 0 {
		c.Mark("started again from a snapshot")
	}
	c.After(tick, tickTimer)
}

// recover reads the snapshot and the log behind it.
func (s *server) recover(c *sim.Context) error {
	var file saved
	b, err := disk.Of(c).File(snapshotFile)
	if err == nil {
		file, err = decodeSaved(b)
	} else if errors.Is(err, disk.ErrNoFile) {
		err = nil
	}
	if err != nil {
		return err
	}
	all := replayed{first: s.slip == KeepsConflicts}
	for _, r := range disk.Of(c).Records() {
		part, err := decodeSaved(r)
		if err != nil {
			return err
		}
		all.add(&part)
	}
	if s.slip == LogUnread && file.Snapshot != nil {
		all.entries = nil
	}
	s.log, err = all.onto(&file)
	return err
}

func (s *server) readOnly() raft.ReadOnlyOption {
	if s.slip == LeaseReads {
		return raft.ReadOnlyLeaseBased
	}
	return raft.ReadOnlySafe
}

// restore sets the register to the snapshot that is in the log.
func (s *server) restore() error {
	snap, err := s.log.Snapshot()
	if err != nil || raft.IsEmptySnap(snap) {
		return err
	}
	s.applied = snap.GetMetadata().GetIndex()
	s.snapshot = s.applied
	return s.state.decode(snap.GetData())
}

func (s *server) Timer(c *sim.Context, id sim.TimerID) {
	choosing(c, func() {
		if id == tickTimer {
			s.node.Tick()
		} else {
			s.node.ReportSnapshot(uint64(id-snapshotTimer), raft.SnapshotFailure)
		}
	})
	if id == tickTimer {
		c.After(tick, tickTimer)
	}
	s.ready(c)
}

func (s *server) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	if c.Kind() == msgRequest {
		s.request(c, from, msg)
		s.ready(c)
		return
	}
	m := &pb.Message{}
	if err := proto.Unmarshal(msg, m); err != nil {
		c.Fail(err)
		return
	}
	choosing(c, func() {
		// An error is of a message that the library has no use for, such as a proposal while
		// there is no leader: who sent it asks again.
		_ = s.node.Step(m)
	})
	s.ready(c)
}

// request takes a request of a client. One that cannot be served is not answered.
func (s *server) request(c *sim.Context, from sim.NodeID, msg []byte) {
	q, err := register.Parse(msg)
	if err != nil {
		return // damaged on its way
	}
	choosing(c, func() {
		switch {
		case q.Read && s.slip == LocalReads && s.leader:
			s.answer(c, from, q.ID)
		case q.Read:
			s.reads[q.ID] = from
			s.node.ReadIndex(binary.LittleEndian.AppendUint64(nil, q.ID))
		default:
			s.writes[q.ID] = from
			err = s.node.Propose(q.Append(nil))
		}
	})
	if !q.Read && s.slip == AnswersEarly && err == nil && s.leader {
		s.answer(c, from, q.ID)
	}
}

func (s *server) answer(c *sim.Context, to sim.NodeID, id uint64) {
	c.Send(to, msgAnswer, register.Answer(id, s.state.Value))
}

// ready does what the library has ready, as far as it has not to wait for the disk.
func (s *server) ready(c *sim.Context) {
	for s.saving == nil && s.node.HasReady() {
		var rd raft.Ready
		choosing(c, func() { rd = s.node.Ready() })
		s.saving = &rd
		if rd.SoftState != nil {
			s.elected(c, rd.SoftState)
		}
		if s.slip == SendsEarly {
			s.send(c, rd.Messages)
		}
		if !s.save(c, &rd) {
			s.done(c)
		}
	}
}

// elected tells who watches of a new leader.
func (s *server) elected(c *sim.Context, soft *raft.SoftState) {
	was := s.leader
	if s.leader = soft.RaftState == raft.StateLeader; s.leader && !was {
		c.Mark("a leader was elected")
		s.leaders.Say(c.Self(), s.node.BasicStatus().HardState.GetTerm(), c.Self())
	}
}

// save puts what must be durable on disk, and says whether there is any. Of a snapshot
// the file comes first, and then the record that says so.
func (s *server) save(c *sim.Context, rd *raft.Ready) bool {
	if !raft.IsEmptySnap(rd.Snapshot) {
		s.waits = s.replace(c, &saved{Snapshot: rd.Snapshot})
		return true
	}
	if !rd.MustSync {
		return false
	}
	return s.record(c, rd)
}

// record appends what the library gave to the log.
func (s *server) record(c *sim.Context, rd *raft.Ready) bool {
	part, first := saved{State: s.hardState(rd.HardState), Entries: rd.Entries}, uint64(0)
	if s.slip == ForgetsEntries {
		part.Entries = nil
	}
	if len(part.Entries) > 0 {
		first = part.Entries[0].GetIndex()
	}
	if !raft.IsEmptySnap(rd.Snapshot) {
		part.Snapshot = &pb.Snapshot{Metadata: rd.Snapshot.GetMetadata()}
		first = rd.Snapshot.GetMetadata().GetIndex()
	}
	b, err := part.encode()
	if err != nil {
		c.Fail(err)
	}
	if len(b) == 0 {
		return false
	}
	s.token++
	if first > 0 {
		s.records = append(s.records, record{s.token, first})
	}
	if err := disk.Of(c).Append(c, s.token, b); err != nil {
		c.Abort()
	}
	s.waits = s.token
	return true
}

// replace puts a snapshot in the place of the last one, and returns by which request.
func (s *server) replace(c *sim.Context, file *saved) uint64 {
	b, err := file.encode()
	if err != nil {
		c.Fail(err)
	}
	s.token++
	if err := disk.Of(c).Replace(c, s.token, snapshotFile, b); err != nil {
		c.Abort()
	}
	return s.token
}

// truncate cuts off what a snapshot stands in for.
func (s *server) truncate(c *sim.Context, at uint64) {
	if keep := s.needed(at); keep >= 0 {
		c.Mark("the log was cut off")
		disk.Of(c).Truncate(c, s.records[keep].token)
		s.records = s.records[keep:]
	}
}

// needed is the first record that is needed behind a snapshot: the last one that says what
// the entry at its end is. It is negative if that is of an earlier incarnation.
func (s *server) needed(at uint64) int {
	for i := len(s.records) - 1; i >= 0; i-- {
		if s.records[i].first <= at {
			return i
		}
	}
	return -1
}

// hardState is what is saved of the library's hard state.
func (s *server) hardState(state *pb.HardState) *pb.HardState {
	if state == nil || s.slip != ForgetsVote && s.slip != ForgetsEntries {
		return state
	}
	state = proto.Clone(state).(*pb.HardState)
	if s.slip == ForgetsVote {
		state.Vote = nil
	} else {
		state.Commit = nil // what is committed would not be there
	}
	return state
}

// Persisted goes on with what waited for the disk.
func (s *server) Persisted(c *sim.Context, token uint64) {
	if disk.Of(c).Synced(token) != nil {
		c.Abort()
		return
	}
	if token == s.file {
		s.file = 0
		s.truncate(c, s.snapshot)
	}
	if s.saving == nil || token != s.waits {
		return
	}
	if !raft.IsEmptySnap(s.saving.Snapshot) && !s.noted {
		s.noted = s.record(c, s.saving)
		return
	}
	s.noted = false
	s.done(c)
	s.ready(c)
}

// done finishes what is durable: the log has it, messages go out, entries are applied,
// reads are placed, and the library goes on.
func (s *server) done(c *sim.Context) {
	rd := s.saving
	s.saving = nil
	if s.slip != SendsEarly {
		s.send(c, rd.Messages)
	}
	s.take(c, rd)
	s.compact(c)
}

// take has the log hold what the library gave, and the register what is committed.
func (s *server) take(c *sim.Context, rd *raft.Ready) {
	if err := takeOver(s.log, rd); err != nil {
		c.Fail(err)
		return
	}
	if !raft.IsEmptySnap(rd.Snapshot) {
		c.Mark("a snapshot was taken in")
		was := s.state
		if err := s.restore(); err != nil {
			c.Fail(err)
		}
		if s.slip == SnapshotIgnored {
			s.state = was
		}
	}
	for _, e := range rd.CommittedEntries {
		s.apply(c, e)
	}
	for _, r := range rd.ReadStates {
		id := binary.LittleEndian.Uint64(r.RequestCtx)
		if from, ours := s.reads[id]; ours {
			delete(s.reads, id)
			s.placed = append(s.placed, waiting{id, from, r.Index})
		}
	}
	s.serve(c)
	choosing(c, func() { s.node.Advance(*rd) })
}

// serve answers the reads that see what they must.
func (s *server) serve(c *sim.Context) {
	later := s.placed[:0]
	for _, w := range s.placed {
		if w.index > s.applied && s.slip != ReadsEarly {
			c.Mark("a read waited")
			later = append(later, w)
			continue
		}
		s.answer(c, w.from, w.id)
	}
	s.placed = later
}

// apply executes a committed entry.
func (s *server) apply(c *sim.Context, e *pb.Entry) {
	s.applies.Say(c.Self(), e.GetIndex(), fmt.Sprintf("%v of term %d with %q", e.GetType(), e.GetTerm(), e.GetData()))
	s.applied = e.GetIndex()
	if e.GetType() != pb.EntryNormal || len(e.GetData()) == 0 {
		return
	}
	q, err := register.Parse(e.GetData())
	if err != nil {
		panic(err) // a finding: nobody proposed that
	}
	if s.state.Done[q.ID] {
		c.Mark("a write came again")
	}
	if !s.state.Done[q.ID] || s.slip == ExecutesTwice {
		s.state.Value = q.Value
	}
	s.state.Done[q.ID] = true
	if from, ours := s.writes[q.ID]; ours {
		delete(s.writes, q.ID)
		s.answer(c, from, q.ID)
	}
}

// compact makes a snapshot now and then, and drops what is before it: in memory at once, on
// disk when the snapshot is durable.
func (s *server) compact(c *sim.Context) {
	if s.applied < s.snapshot+often || s.saving != nil || s.file != 0 || s.slip == ForgetsEntries {
		return
	}
	b, err := s.state.encode(s.slip == SnapshotPartial)
	if err == nil {
		err = compact(s.log, s.applied, b)
	}
	var file saved
	if err == nil {
		file.Snapshot, err = s.log.Snapshot()
	}
	var state *pb.HardState
	if err == nil {
		state, _, err = s.log.InitialState()
	}
	if err != nil {
		c.Fail(fmt.Errorf("compact at %d: %w", s.applied, err))
		return
	}
	file.State = s.hardState(state)
	s.snapshot = s.applied
	s.file = s.replace(c, &file)
	if s.slip == TruncatesEarly {
		s.truncate(c, s.snapshot)
	}
}

// send sends messages, and sees to it that the library hears of snapshots that are lost.
func (s *server) send(c *sim.Context, ms []*pb.Message) {
	for _, m := range ms {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			c.Fail(err)
			return
		}
		if m.GetType() == pb.MsgSnap && s.slip != SnapshotSilent {
			c.After(resolved, snapshotTimer+sim.TimerID(m.GetTo()))
		}
		c.Send(sim.NodeID(m.GetTo()-1), msgRaft+sim.MsgKind(m.GetType()), b)
	}
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Debug(...any)                   {}
func (quiet) Debugf(string, ...any)          {}
func (quiet) Error(...any)                   {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Info(...any)                    {}
func (quiet) Infof(string, ...any)           {}
func (quiet) Warning(...any)                 {}
func (quiet) Warningf(string, ...any)        {}
func (quiet) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (quiet) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
func (quiet) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (quiet) Panicf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
