package workers

import (
	"fmt"
	"strconv"
	"strings"

	kw "github.com/joinery-go/joinery/kvs/workers"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/disk"
)

// The most of each that a run has.
const (
	maxWorkers      = 4
	maxCoordinators = 2
	maxSources      = 2
	numKeys         = 10
)

var whole = layout{maxWorkers, maxCoordinators, maxSources}

// Protocol is the system on one of the engines of package sim/engines.
func Protocol(engine string) campaign.Protocol {
	return campaign.Protocol{
		Name: "workers-" + engine,
		Setup: campaign.Setup{
			Nodes: whole.nodes(), Settle: 4 * sim.Second,
			Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition, sim.Crash, sim.Disk, sim.Burst, sim.Clog, sim.Bridge,
				sim.Flap, sim.Filter, sim.Queue, sim.Pause, sim.Slow, sim.Outage, sim.MidCrash, sim.DiskError),
		},
		Kinds: []string{1: "item", 2: "ack", 3: "status", 4: "plan"},
		Points: []string{
			"a worker rolled back", "a worker caught up with a message", "a message of another line came", "an engine failed",
			"a transaction was executed", "a transaction was rolled back", "a command was taken: rescale", "a command was taken: rollback",
			"state was split", "state was merged", "a global version was given up",
		},
		Vary: vary,
		Plan: plan,
		New: func(r *campaign.Run) campaign.Instance {
			s, err := fromSetup(&r.Setup, engine, r.Op)
			if err != nil {
				panic("sim/workers: " + err.Error())
			}
			return s.instance(r)
		},
	}
}

// vary draws what differs from seed to seed.
func vary(s *campaign.Setup, d *campaign.Draw) {
	s.SetParam("workers", d.Between("workers", 1, maxWorkers))
	s.SetParam("partitions", d.Between("partitions", maxWorkers, 7))
	s.SetParam("interval", d.Between("interval", 1, 4))
	s.SetParam("pending", d.Between("pending", 1, 6))
	s.SetParam("window", d.Between("window", 2, 6))
	s.SetParam("retain", d.Between("retain", 1, 4))
	s.SetParam("collect", d.Between("collect", 1, 4))
}

func fromSetup(s *campaign.Setup, engine string, op func(uint64) campaign.Op) (*system, error) {
	return newSystem(whole, kw.Config{
		Partitions: s.Param("partitions"), Sources: maxSources, Interval: s.Param("interval"),
		Pending: s.Param("pending"), Window: s.Param("window"), Retain: s.Param("retain"), CollectEvery: s.Param("collect"),
	}, engine, s.Param("workers"), numKeys, op)
}

// plan draws operations at sources, and commands at coordinators.
func plan(p *campaign.Plan) {
	l := whole
	p.Spread(8, 40, func(n int, o *campaign.Op) {
		o.Node = l.source(p.N("source", maxSources))
		o.Func = p.Pick("func", "add", "add", "scale", "move", "move", "rotate")
		keys := 1
		switch o.Func {
		case "move", "rotate":
			keys = p.Between("keys", 2, 4)
		}
		o.Key, o.Arg = strings.Join(distinct(p, keys), ","), strconv.Itoa(p.Between("arg", 1, 9))
	})
	for range p.N("commands", 4) {
		o := campaign.Op{
			At:   p.Time("command", 50*sim.Millisecond, p.Setup.Horizon+100*sim.Millisecond),
			Node: l.coordinator(p.N("coordinator", maxCoordinators)), Func: p.Pick("command kind", "rescale", "rescale", "rollback"),
		}
		if o.Arg = p.Pick("back to", "oldest", "middle"); o.Func == "rescale" {
			o.Arg = strconv.Itoa(p.Between("to", 1, maxWorkers))
		}
		p.Add(o)
	}
}

// distinct draws keys.
func distinct(p *campaign.Plan, n int) (out []string) {
	first := p.N("key", numKeys)
	step := p.Between("step", 1, 3) // 3 and below have at least four multiples below numKeys
	for i := range n {
		out = append(out, fmt.Sprint("k", (first+i*step)%numKeys))
	}
	return out
}

// instance makes a run of the system.
func (s *system) instance(r *campaign.Run) campaign.Instance {
	s.point = r.Mark
	return campaign.Instance{
		Actor: s.actor, Device: s.device,
		Always: func(r *campaign.Run) error { return s.wrong },
		Done:   func(r *campaign.Run) bool { return s.done(r.World()) },
		Check: func(r *campaign.Run) error {
			if err := s.checkTwin(r.World()); err != nil {
				return err
			}
			return s.checkBranches()
		},
	}
}

func (s *system) actor(n sim.NodeID) sim.Actor {
	switch s.layout.role(n).Role {
	case kw.WorkerRole:
		return &workerNode{sys: s}
	case kw.CoordinatorRole:
		return &coordinatorNode{sys: s}
	}
	return &sourceNode{sys: s}
}

func (s *system) device(n sim.NodeID) sim.Device {
	switch s.layout.role(n).Role {
	case kw.WorkerRole:
		d, err := newWorkerDisk()
		if err != nil {
			panic("sim/workers: " + err.Error())
		}
		return d
	case kw.CoordinatorRole:
		return nil
	}
	return disk.NewLog(disk.Options{Latency: sim.Millisecond, SegmentBytes: 256})
}
