package etcdraft

import (
	"fmt"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
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
