package etcdraft

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/invariant"
	"github.com/joinery-go/joinery/sim/campaign/register"
	"github.com/joinery-go/joinery/sim/disk"
)

// Protocol is the register on a host as it should be.
func Protocol() campaign.Protocol { return With(None) }

// With is the register on a host with a slip.
func With(slip Slip) campaign.Protocol {
	return campaign.Protocol{
		Name: "etcd-raft",
		Setup: campaign.Setup{
			Nodes: members, Clients: 3, Horizon: 800 * sim.Millisecond, Settle: 3 * sim.Second,
			Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition, sim.Bridge, sim.Crash, sim.MidCrash, sim.Disk, sim.DiskError, sim.Pause, sim.Clock),
		},
		Kinds:  campaign.EnumKinds([]string{msgRequest: "request", msgAnswer: "answer"}, msgRaft, pb.MessageType_name),
		Points: []string{"a leader was elected", "started again from a snapshot", "a snapshot was taken in", "the log was cut off", "a read waited", "a write came again"},
		Plan:   register.Plan(8, 24),
		New: func(r *campaign.Run) campaign.Instance {
			clients := register.Clients{Kind: msgRequest, To: register.InTurn(members), Attempts: 8, Timeout: 40 * sim.Millisecond}
			leaders := invariant.NewAgreement[uint64, sim.NodeID](r, "election safety", "the leader of term")
			applies := invariant.NewAgreement[uint64, string](r, "state machine safety", "what is applied at index")
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					if n < members {
						return &server{slip: slip, leaders: leaders, applies: applies}
					}
					return clients.Client(r)
				},
				Device: func(sim.NodeID) sim.Device {
					return disk.NewLog(disk.Options{Latency: 2 * sim.Millisecond, SegmentBytes: 128})
				},
				Done: invariant.Converged(members, func(s *server) (uint64, bool) { return s.applied, s.applied > 0 && s.saving == nil }),
				Check: invariant.All(
					invariant.LogsMatch(members, func(s *server) *raft.MemoryStorage { return s.log }, at),
					invariant.Same(members, "the register", func(s *server) string { return s.state.Value }), register.Check),
			}
		},
	}
}

// at is what is compared of an entry.
func at(log *raft.MemoryStorage, i uint64) (invariant.Entry, error) {
	es, err := log.Entries(i, i+1, 1)
	if err != nil {
		return invariant.Entry{}, err
	}
	return invariant.Entry{Index: i, Term: es[0].GetTerm(), Data: es[0].GetType().String() + string(es[0].GetData())}, nil
}
