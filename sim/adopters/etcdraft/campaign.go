package etcdraft

import (
	"encoding/binary"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/consistency"
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
		Kinds:  kinds(),
		Points: []string{"a leader was elected", "started again from a snapshot", "a snapshot was taken in", "the log was cut off", "a read waited", "a write came again"},
		Plan: func(p *campaign.Plan) {
			p.Spread(8, 24, func(n int, o *campaign.Op) {
				if o.Func = p.Pick("func", "write", "read"); o.Func == "write" {
					o.Arg = fmt.Sprint("v", n)
				}
			})
			p.EachClient(p.Setup.Horizon+sim.Second, func(o *campaign.Op) { o.Func = "read" })
		},
		New: func(r *campaign.Run) campaign.Instance {
			w := &watch{run: r, leaders: map[uint64]sim.NodeID{}}
			return campaign.Instance{
				Actor: func(n sim.NodeID) sim.Actor {
					if n < members {
						return &server{slip: slip, watch: w}
					}
					return client(r)
				},
				Device: func(sim.NodeID) sim.Device {
					return disk.NewLog(disk.Options{Latency: 2 * sim.Millisecond, SegmentBytes: 128})
				},
				Done:  func(r *campaign.Run) bool { return converged(r.World()) },
				Check: check,
			}
		},
	}
}

// kinds names the kinds of messages as the library does.
func kinds() []string {
	all := make([]string, int(msgRaft)+len(pb.MessageType_name))
	all[msgRequest], all[msgAnswer] = "request", "answer"
	for i := range len(pb.MessageType_name) {
		all[int(msgRaft)+i] = pb.MessageType(i).String()
	}
	return all
}

// converged reports whether all servers run and have applied the same.
func converged(w *sim.World) bool {
	if w.Now() < 2*sim.Second { // the reads of the end are under way
		return false
	}
	first, ok := w.Actor(0).(*server)
	for n := range sim.NodeID(members) {
		s, up := w.Actor(n).(*server)
		if !ok || !up || s.applied != first.applied || s.applied == 0 || s.saving != nil {
			return false
		}
	}
	return true
}

// check judges a run that has ended.
func check(r *campaign.Run) error {
	for n := range sim.NodeID(members) {
		a, b := r.World().Actor(n).(*server), r.World().Actor((n+1)%members).(*server)
		if err := logsMatch(a.log, b.log); err != nil {
			return err
		}
		if a.state.Value != b.state.Value {
			return campaign.Violation{Kind: "states differ", Node: -1, Message: fmt.Sprintf("the register is %q and %q", a.state.Value, b.state.Value)}
		}
	}
	return consistency.Check(r, "linearizable")
}

// client asks one server after the other.
func client(r *campaign.Run) *campaign.Client {
	return &campaign.Client{
		Run: r, Attempts: 8, Timeout: 40 * sim.Millisecond,
		Send: func(c *sim.Context, o campaign.Op, attempt int) {
			m := append(binary.LittleEndian.AppendUint64(nil, o.ID), 0)
			if o.Func == string(history.Read) {
				m[8] = 1
			}
			c.Send(sim.NodeID((int(o.ID)+attempt)%members), msgRequest, append(m, o.Arg...))
		},
		Answer: func(_ *sim.Context, _ sim.NodeID, msg []byte) (uint64, history.Value, bool) {
			out := history.Value{}
			if len(msg) > 8 {
				out = history.Str(string(msg[8:]))
			}
			return binary.LittleEndian.Uint64(msg), out, true
		},
	}
}
