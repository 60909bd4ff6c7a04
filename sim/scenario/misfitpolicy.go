package scenario

import (
	"math"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
)

// amissOfMembers are changes of who the members are that nobody may make, and sets that are none.
var amissOfMembers = []refusal{
	{"a node too large", member.ErrChange, changing(three, member.Change{Node: ring.MaxNode + 1, To: member.Joining})},
	{"a life too many", member.ErrChange, changing(member.Set{{Key: 1, Val: member.In(member.MaxLife, member.Gone)}}, member.Change{Node: 1, To: member.Joining})},
	{"nobody to stay", member.ErrChange, changing(member.Set{{Key: 1, Val: member.In(1, member.Active)}}, member.Change{Node: 1, To: member.Leaving})},
	{"nobody who holds anything", member.ErrChange, changing(member.Set{{Key: 1, Val: member.In(1, member.Active)}}, member.Change{Node: 1, To: member.Gone})},
	{"a node that does not say so itself", member.ErrChange, changing(three, member.Change{Node: 1, To: member.Active})},
	{"another life", member.ErrChange, changing(three, member.Change{Node: 1, To: member.Gone, Life: 2})},
	{"a state that there is not", member.ErrDecode, reading(member.Set{{Key: 1, Val: member.In(0, member.Gone)}})},
	{"a set with a node too large", member.ErrDecode, reading(member.Set{{Key: ring.MaxNode + 1, Val: member.In(1, member.Active)}})},
	{"a placement of no partitions", ring.ErrConfig, placing(three, 0, 1)},
	{"a placement of no partitions while somebody joins", ring.ErrConfig, placing(append(three.Clone(), lattice.Entry[ring.NodeID, member.State]{Key: 4, Val: member.In(1, member.Joining)}), 0, 1)},
}

var three = member.Set{{Key: 1, Val: member.In(1, member.Active)}, {Key: 2, Val: member.In(1, member.Active)}, {Key: 3, Val: member.In(1, member.Active)}}

func changing(s member.Set, c member.Change) func() error {
	return func() error { _, err := s.With(c); return err }
}

func reading(s member.Set) func() error {
	return func() error { _, _, err := member.Decode(s.Append(nil)); return err }
}

func placing(s member.Set, partitions, rf int) func() error {
	return func() error { _, err := member.Place(s, partitions, rf); return err }
}

// amissOfPolicy are targets, metrics, options and samples that no policy or controller can go by.
var amissOfPolicy = []refusal{
	{"no latency to work towards", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.LatencyMS = 0 })},
	{"storage whose bounds are crossed", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.StorageLow = t.StorageHigh })},
	{"nodes busy for more than all of the time", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.BusyHigh = 2 })},
	{"keys without replicas", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.MinFactor = 0 })},
	{"keys that are demoted as soon as promoted", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.Demote = t.Promote })},
	{"no moves", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.MaxMoves = 0 })},
	{"fewer nodes than replicas", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.MaxNodes[policy.Memory] = 1 })},
	{"fewer nodes of the other tier than replicas", policy.ErrTargets, deciding(func(t *policy.Targets, _ *policy.Metrics) { t.MaxNodes[policy.Disk] = 1 })},
	{"a latency that is no number", policy.ErrMetrics, deciding(func(_ *policy.Targets, m *policy.Metrics) { m.LatencyMS = math.NaN() })},
	{"a node without room", policy.ErrMetrics, deciding(func(_ *policy.Targets, m *policy.Metrics) { m.Nodes[1].Capacity = 0 })},
	{"a node of no tier", policy.ErrMetrics, deciding(func(_ *policy.Targets, m *policy.Metrics) { m.Nodes[1].Tier = 2 })},
	{"a key twice", policy.ErrMetrics, deciding(func(_ *policy.Targets, m *policy.Metrics) { m.Keys[1].Name = m.Keys[0].Name })},
	{"a controller without a ring", elastic.ErrOptions, controlling(func(o *elastic.Options) { o.Ring = nil })},
	{"a controller with a factor of its own", elastic.ErrOptions, controlling(func(o *elastic.Options) { o.Targets.MinFactor = 1 })},
	{"a controller of too many nodes", elastic.ErrOptions, controlling(func(o *elastic.Options) { o.Targets.MaxNodes[policy.Memory] = 2 })},
	{"a controller with targets that are none", elastic.ErrOptions, controlling(func(o *elastic.Options) { o.Targets.LatencyMS = -1 })},
	{"a sample of no incarnation", elastic.ErrSample, observing(func(s *elastic.Sample) { s.Demand.Origin = 0 })},
	{"a sample of partitions that there are not", elastic.ErrSample, observing(func(s *elastic.Sample) {
		s.View.Factors = member.Factors{{Key: 2, Val: member.FactorOf(1, 3)}}
	})},
}

func soundTargets() policy.Targets {
	return policy.Targets{
		LatencyMS: 3, StorageHigh: 0.9, StorageLow: 0.5, BusyHigh: 0.7, BusyLow: 0.25,
		MinFactor: 2, MaxNodes: [2]int{3, 0}, Promote: 2, Demote: 1, Settle: 1, MaxMoves: 8,
	}
}

// deciding has the policy decide for two nodes and two keys, with something changed.
func deciding(change func(*policy.Targets, *policy.Metrics)) func() error {
	return func() error {
		t := soundTargets()
		m := policy.Metrics{
			Nodes: []policy.Node{{ID: 1, Capacity: 1}, {ID: 2, Capacity: 1}},
			Keys:  []policy.Key{{Name: "a", Factor: 2}, {Name: "b", Factor: 2}},
		}
		change(&t, &m)
		_, _, err := policy.Decide(&m, &t, policy.State{})
		return err
	}
}

// soundOptions are a controller's of a store of three nodes.
func soundOptions() elastic.Options {
	r, err := ring.New([]ring.NodeID{0, 1, 2}, 2, 2)
	if err != nil {
		panic(err) // three nodes make a ring
	}
	return elastic.Options{Ring: r, Targets: soundTargets(), PeriodMS: 1, AskMS: 1}
}

func controlling(change func(*elastic.Options)) func() error {
	return func() error {
		o := soundOptions()
		change(&o)
		_, err := elastic.New(o)
		return err
	}
}

func observing(change func(*elastic.Sample)) func() error {
	return func() error {
		c, err := elastic.New(soundOptions())
		if err != nil {
			return err
		}
		s := elastic.Sample{Node: 1, Demand: kvs.Demand{Origin: 1}, UpUS: 1, Capacity: 1}
		change(&s)
		return c.Observe(&s)
	}
}
