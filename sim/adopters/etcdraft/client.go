package etcdraft

import (
	"encoding/binary"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

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

// kinds names the kinds of messages as the library does.
func kinds() []string {
	all := make([]string, int(msgRaft)+len(pb.MessageType_name))
	all[msgRequest], all[msgAnswer] = "request", "answer"
	for i := range len(pb.MessageType_name) {
		all[int(msgRaft)+i] = pb.MessageType(i).String()
	}
	return all
}
