package policy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// nodes are of one tier, with those bytes and busy shares, numbered from first.
func nodes(tier policy.Tier, first ring.NodeID, bytes uint64, busy ...float64) (all []policy.Node) {
	for i, b := range busy {
		all = append(all, policy.Node{ID: first + ring.NodeID(i), Tier: tier, Bytes: bytes, Capacity: capacity, Busy: b})
	}
	return all
}

// TestRules: what each rule decides just within its bound and just beyond it, and what it
// says.
func TestRules(t *testing.T) {
	disk := nodes(policy.Disk, 11, 500, 0.3, 0.3)
	fast, slow := 1.0, 9.0
	for name, c := range map[string]struct {
		latency float64
		nodes   []policy.Node
		keys    []policy.Key
		want    policy.Decision
	}{
		"memory is full to its bound": {fast, append(nodes(policy.Memory, 1, 800, 0.3, 0.3), disk...), nil, policy.Decision{}},
		"and beyond it": {fast, append(nodes(policy.Memory, 1, 801, 0.3, 0.3), disk...), nil, policy.Decision{
			Add: [2]int{1, 0}, Why: []string{"memory was full to 80%, above 80%"},
		}},
		"disk is, far beyond it": {fast, append(nodes(policy.Memory, 1, 500, 0.3, 0.3), nodes(policy.Disk, 11, 1000, 0.3, 0.3, 0.3, 0.3, 0.3)...), nil, policy.Decision{
			Add: [2]int{0, 2}, Why: []string{"disk was full to 100%, above 80%"},
		}},
		"busy and slow": {slow, append(nodes(policy.Memory, 1, 500, 0.7, 0.71), disk...), nil, policy.Decision{
			Add: [2]int{2, 0}, Why: []string{"requests took 9.0 ms, more than 5.0, and memory was busy for 70% of the time, above 70%"},
		}},
		"busy, and a little too slow": {5.1, append(nodes(policy.Memory, 1, 500, 0.9, 0.9, 0.9), disk...), nil, policy.Decision{
			Add: [2]int{1, 0}, Why: []string{"requests took 5.1 ms, more than 5.0, and memory was busy for 90% of the time, above 70%"},
		}},
		"busy, and fast enough":    {5, append(nodes(policy.Memory, 1, 500, 0.9, 0.9), disk...), nil, policy.Decision{}},
		"slow, and nobody is busy": {slow, append(nodes(policy.Memory, 1, 500, 0.7, 0.7), disk...), nil, policy.Decision{}},
		"slow, and one node is busy": {slow, append(nodes(policy.Memory, 1, 500, 0.71, 0.2), disk...), nil, policy.Decision{
			Add: [2]int{1, 0}, Why: []string{"requests took 9.0 ms, more than 5.0, a node of memory was busy above 70% of the time, and no key stands out"},
		}},
		"idle": {fast, append(nodes(policy.Memory, 1, 100, 0.15, 0.1, 0.2), disk...), nil, policy.Decision{
			Remove: []ring.NodeID{2}, Why: []string{"memory was busy for 15% of the time, below 20%, and full to 10%"},
		}},
		"idle, the least busy of two that have less": {fast, append([]policy.Node{
			{ID: 1, Bytes: 1, Capacity: capacity, Busy: 0.2}, {ID: 2, Bytes: 300, Capacity: capacity, Busy: 0.1}, {ID: 3, Bytes: 200, Capacity: capacity, Busy: 0.1},
		}, disk...), nil, policy.Decision{
			Remove: []ring.NodeID{3}, Why: []string{"memory was busy for 13% of the time, below 20%, and full to 17%"},
		}},
		"idle, and as many as a key needs":             {fast, append(nodes(policy.Memory, 1, 100, 0.1, 0.1), disk...), nil, policy.Decision{}},
		"idle, and not empty":                          {fast, append(nodes(policy.Memory, 1, 400, 0.1, 0.1, 0.1), disk...), nil, policy.Decision{}},
		"idle, and one node has most of the capacity":  {fast, append(append(nodes(policy.Memory, 1, 850, 0.1, 0.1), policy.Node{ID: 3, Capacity: 5000, Busy: 0}), disk...), nil, policy.Decision{}},
		"not busy for the bound, exactly, is not idle": {fast, append(nodes(policy.Memory, 1, 100, 0.2, 0.2, 0.2), disk...), nil, policy.Decision{}},
		"a key with too few replicas": {fast, append(nodes(policy.Memory, 1, 500, 0.3, 0.3), disk...), []policy.Key{{Name: "a", Factor: 1}}, policy.Decision{
			Factors: []policy.Factor{{Key: "a", Replicas: 2}}, Why: []string{"keys were used more than their replicas can bear, or had fewer than 2: 1"},
		}},
		"a key with too many": {fast, append(nodes(policy.Memory, 1, 500, 0.3, 0.3, 0.3), disk...), []policy.Key{{Name: "a", Factor: 3, Work: 1.4}}, policy.Decision{
			Factors: []policy.Factor{{Key: "a", Replicas: 2}}, Why: []string{"keys had more replicas than their use asks for: 1"},
		}},
		"a key with as many as it asks for": {fast, append(nodes(policy.Memory, 1, 500, 0.3, 0.3, 0.3), disk...), []policy.Key{{Name: "a", Factor: 3, Work: 1.41}}, policy.Decision{}},
		"tiers": {fast, append(nodes(policy.Memory, 1, 840, 0.3, 0.3), disk...), []policy.Key{
			{Name: "b", Bytes: 30, Factor: 2, Accesses: 10}, {Name: "a", Bytes: 30, Factor: 2, Accesses: 9}, {Name: "c", Bytes: 30, Factor: 2, Accesses: 9},
			{Name: "d", Tier: policy.Disk, Bytes: 30, Factor: 2, Accesses: 100},
		}, policy.Decision{
			Moves: []policy.Move{{Key: "a", To: policy.Disk}, {Key: "c", To: policy.Disk}},
			Why:   []string{"memory was full above 80%, and keys there were used at most 10 times: 2"},
		}},
		"room in memory": {fast, append(nodes(policy.Memory, 1, 700, 0.3, 0.3), disk...), []policy.Key{{Name: "d", Tier: policy.Disk, Bytes: 100, Factor: 2, Accesses: 100}}, policy.Decision{
			Moves: []policy.Move{{Key: "d", To: policy.Memory}}, Why: []string{"keys on disk were used 100 times or more: 1"},
		}},
		"no room by a byte": {fast, append(nodes(policy.Memory, 1, 700, 0.3, 0.3), disk...), []policy.Key{{Name: "d", Tier: policy.Disk, Bytes: 101, Factor: 2, Accesses: 100}}, policy.Decision{}},
		"one tier alone": {fast, nodes(policy.Memory, 1, 850, 0.3, 0.3), []policy.Key{{Name: "a", Bytes: 100, Factor: 2}}, policy.Decision{
			Add: [2]int{1, 0}, Why: []string{"memory was full to 85%, above 80%"},
		}},
	} {
		g := targets()
		got, s, err := policy.Decide(&policy.Metrics{LatencyMS: c.latency, Nodes: c.nodes, Keys: c.keys}, &g, policy.State{})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.want.Add != [2]int{} || len(c.want.Remove) > 0, s.Settling == g.Settle, name)
	}
}

// TestStaysBusy: a node that the others could not do without stays, however near the bounds
// are to each other.
func TestStaysBusy(t *testing.T) {
	g := targets()
	g.MinFactor, g.BusyLow = 1, 0.6
	for busy, want := range map[float64][]ring.NodeID{0.36: nil, 0.34: {1}} {
		d, _, err := policy.Decide(&policy.Metrics{Nodes: nodes(policy.Memory, 1, 100, busy, busy)}, &g, policy.State{})
		require.NoError(t, err)
		assert.Equal(t, want, d.Remove, "%v", busy)
	}
}

// TestMostMoves: one decision changes so many keys, those first that are used most.
func TestMostMoves(t *testing.T) {
	g := targets()
	g.MaxMoves = 2
	m := &policy.Metrics{LatencyMS: 9, Nodes: nodes(policy.Memory, 1, 500, 0.4, 0.4, 0.4, 0.4)}
	for i, work := range []float64{1.5, 1.7, 1.5, 1.6} {
		m.Keys = append(m.Keys, policy.Key{Name: string(rune('d' - i)), Factor: 2, Work: work})
	}
	d, s, err := policy.Decide(m, &g, policy.State{})
	require.NoError(t, err)
	assert.Equal(t, []policy.Factor{{Key: "a", Replicas: 3}, {Key: "c", Replicas: 3}}, d.Factors)
	assert.Equal(t, map[string]float64{"a": 1.6, "c": 1.7}, s.Raised)
	m.Keys = append(m.Keys[:1], m.Keys[2])
	d, _, err = policy.Decide(m, &g, s)
	require.NoError(t, err)
	assert.Equal(t, []policy.Factor{{Key: "b", Replicas: 3}, {Key: "d", Replicas: 3}}, d.Factors)
	assert.Len(t, s.Raised, 2, "the state that was given is as it was")
}

// TestMovedKeys: a key that is moved gets no other number of replicas by the same decision,
// and what is moved counts among what one decision changes.
func TestMovedKeys(t *testing.T) {
	g := targets()
	g.MaxMoves = 2
	m := &policy.Metrics{LatencyMS: 1, Nodes: append(nodes(policy.Memory, 1, 500, 0.3, 0.3), nodes(policy.Disk, 11, 500, 0.3, 0.3)...)}
	m.Keys = []policy.Key{
		{Name: "a", Tier: policy.Disk, Factor: 1, Bytes: 1, Accesses: 100},
		{Name: "b", Tier: policy.Disk, Factor: 1, Work: 0.1}, {Name: "c", Tier: policy.Disk, Factor: 1, Work: 0.2},
	}
	d, _, err := policy.Decide(m, &g, policy.State{})
	require.NoError(t, err)
	assert.Equal(t, []policy.Move{{Key: "a", To: policy.Memory}}, d.Moves)
	assert.Equal(t, []policy.Factor{{Key: "c", Replicas: 2}}, d.Factors)
}

// TestUnevenDisk: a key of the second tier is found to stand out there as one of the first is.
func TestUnevenDisk(t *testing.T) {
	g := targets()
	m := &policy.Metrics{LatencyMS: 9, Nodes: append(nodes(policy.Memory, 1, 500, 0.3, 0.3, 0.3), nodes(policy.Disk, 11, 500, 0.9, 0.3, 0.3)...)}
	for i := range 40 {
		m.Keys = append(m.Keys, policy.Key{Name: fmt.Sprint(i), Tier: policy.Disk, Factor: 2, Work: 0.01})
	}
	m.Keys[3].Work = 0.3
	d, _, err := policy.Decide(m, &g, policy.State{})
	require.NoError(t, err)
	assert.Equal(t, []policy.Factor{{Key: "3", Replicas: 3}}, d.Factors)
}

// TestSaysWhatIsWrong: a refusal names the numbers that are wrong.
func TestSaysWhatIsWrong(t *testing.T) {
	g := targets()
	g.Settle, g.MaxMoves = -1, 7
	assert.EqualError(t, g.Validate(), "policy: invalid targets: -1 periods to settle and 7 moves, want at least 0 and 1")
	g = targets()
	g.Promote, g.Demote = 4, 5
	assert.EqualError(t, g.Validate(), "policy: invalid targets: keys are demoted up to 5 accesses and promoted from 4, want fewer for the former")
	g = targets()
	g.StorageLow, g.StorageHigh = 0.9, 0.8
	assert.EqualError(t, g.Validate(), "policy: invalid targets: storage between 0.9 and 0.8, want 0 to 1, the lower below the upper")
	g = targets()
	g.BusyLow, g.BusyHigh = 0.9, 0.8
	assert.EqualError(t, g.Validate(), "policy: invalid targets: nodes busy between 0.9 and 0.8, want 0 to 1, the lower below the upper")
	g.BusyLow, g.BusyHigh, g.StorageLow, g.StorageHigh = 0, 1, 0, 1
	assert.NoError(t, g.Validate(), "no bounds")
	g = targets()
	g.MaxNodes[policy.Disk] = 1
	assert.EqualError(t, g.Validate(), "policy: invalid targets: at most 1 nodes for disk and 2 replicas at least")
	assert.Equal(t, "memory disk tier 2", fmt.Sprint(policy.Memory, " ", policy.Disk, " ", policy.Tier(2)))
}
