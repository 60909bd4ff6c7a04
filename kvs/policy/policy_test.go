package policy_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

func targets() policy.Targets {
	return policy.Targets{
		LatencyMS: 5, StorageHigh: 0.8, StorageLow: 0.4, BusyHigh: 0.7, BusyLow: 0.2,
		MinFactor: 2, MaxNodes: [2]int{12, 12}, Promote: 100, Demote: 10, Settle: 2, MaxMoves: 64,
	}
}

// cluster is a model: nodes that serve keys of a steady rate, each of them a queue of one
// server, so that a request takes its time divided by the share of the node's that is left.
type cluster struct {
	next  ring.NodeID
	nodes [2][]ring.NodeID
	keys  []policy.Key // Accesses are those of a period
	hash  map[at]uint64
}

// at is a key on a node.
type at struct {
	key  string
	node ring.NodeID
}

const (
	capacity = 1000
	work     = 1.0 / 2000 // of a node, by an access
)

var service = [2]float64{1, 2} // ms

func newCluster(memory, disk int) *cluster {
	c := &cluster{next: 1, hash: map[at]uint64{}}
	for tier, n := range []int{memory, disk} {
		for range n {
			c.nodes[tier] = append(c.nodes[tier], c.next)
			c.next++
		}
	}
	return c
}

// on is where the replicas of a key are, by rendezvous hashing, so that a node that comes or
// goes moves few of them.
func (c *cluster) on(k *policy.Key) []ring.NodeID {
	nodes := slices.Clone(c.nodes[k.Tier])
	weight := func(n ring.NodeID) uint64 {
		x := at{k.Name, n}
		h, known := c.hash[x]
		if !known {
			h = hash(fmt.Sprint(n, " ", k.Name))
			c.hash[x] = h
		}
		return h
	}
	slices.SortFunc(nodes, func(a, b ring.NodeID) int {
		if weight(a) > weight(b) {
			return -1
		}
		return 1
	})
	return nodes[:min(k.Factor, len(nodes))]
}

func hash(text string) uint64 {
	f := fnv.New64a()
	f.Write([]byte(text))
	h := f.Sum64() // in which the last bytes move little
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// measure is a period.
func (c *cluster) measure() *policy.Metrics {
	busy, bytes := map[ring.NodeID]float64{}, map[ring.NodeID]uint64{}
	m := &policy.Metrics{}
	for i := range c.keys {
		k := &c.keys[i]
		k.Work = float64(k.Accesses) * work
		if k.Tier == policy.Disk {
			k.Work *= 2
		}
		at := c.on(k)
		for _, n := range at {
			busy[n] += k.Work / float64(len(at))
			bytes[n] += k.Bytes
		}
		m.Keys = append(m.Keys, *k)
	}
	requests := 0.0
	for i := range c.keys {
		k := &c.keys[i]
		at := c.on(k)
		for _, n := range at {
			share := float64(k.Accesses) / float64(len(at))
			m.LatencyMS += share * service[k.Tier] / (1 - min(busy[n], 0.98))
			requests += share
		}
	}
	m.LatencyMS /= max(requests, 1)
	for tier, nodes := range c.nodes {
		for _, n := range nodes {
			m.Nodes = append(m.Nodes, policy.Node{ID: n, Tier: policy.Tier(tier), Bytes: bytes[n], Capacity: capacity, Busy: min(busy[n], 1)})
		}
	}
	return m
}

// apply makes a decision come true, and holds it to what it may ask for.
func (c *cluster) apply(t *testing.T, d *policy.Decision, g policy.Targets) {
	for tier, n := range d.Add {
		for range n {
			c.nodes[tier] = append(c.nodes[tier], c.next)
			c.next++
		}
	}
	for _, id := range d.Remove {
		for tier := range c.nodes {
			if at := slices.Index(c.nodes[tier], id); at >= 0 {
				require.Zero(t, d.Add[tier], "a tier grows or shrinks")
				c.nodes[tier] = slices.Delete(c.nodes[tier], at, at+1)
			}
		}
	}
	require.LessOrEqual(t, len(d.Factors)+len(d.Moves), g.MaxMoves)
	for _, f := range d.Factors {
		k := c.key(f.Key)
		require.GreaterOrEqual(t, f.Replicas, min(g.MinFactor, len(c.nodes[k.Tier])))
		require.LessOrEqual(t, f.Replicas, g.MaxNodes[k.Tier])
		k.Factor = f.Replicas
	}
	for _, x := range d.Moves {
		require.NotEqual(t, x.To, c.key(x.Key).Tier)
		c.key(x.Key).Tier = x.To
	}
	for tier, nodes := range c.nodes {
		require.LessOrEqual(t, len(nodes), g.MaxNodes[tier])
		require.GreaterOrEqual(t, len(nodes), g.MinFactor, "%v", policy.Tier(tier))
	}
}

func (c *cluster) key(name string) *policy.Key {
	return &c.keys[slices.IndexFunc(c.keys, func(k policy.Key) bool { return k.Name == name })]
}

// settle has a policy at work until it has decided nothing for a while, and returns how long
// it was at work.
func (c *cluster) settle(t *testing.T, g policy.Targets, s *policy.State) int {
	last := 0
	for period := 1; period <= last+20; period++ {
		require.Less(t, period, 300, "decisions do not come to an end: %v", c)
		d, next, err := policy.Decide(c.measure(), &g, *s)
		require.NoError(t, err)
		require.Equal(t, d.Empty(), len(d.Why) == 0, "a change has a reason: %+v", d)
		*s = next
		if !d.Empty() {
			last = period
		}
		c.apply(t, &d, g)
	}
	return last
}

// load gives the cluster keys whose use is skewed as a Zipf distribution is.
func (c *cluster) load(rng *rand.Rand, keys int, accesses float64, skew float64) {
	c.keys = nil
	sum := 0.0
	for i := range keys {
		sum += math.Pow(float64(i+1), -skew)
	}
	for i := range keys {
		tier := policy.Disk
		if rng.IntN(2) == 0 {
			tier = policy.Memory
		}
		c.keys = append(c.keys, policy.Key{
			Name: fmt.Sprint("k", i), Tier: tier, Bytes: 1 + rng.Uint64N(20), Factor: 2,
			Accesses: uint64(accesses * math.Pow(float64(i+1), -skew) / sum),
		})
	}
}

// TestSteadyLoads: under a load that stays, decisions come to an end, and what they come to
// meets the targets, or everything that they may change has been changed.
func TestSteadyLoads(t *testing.T) {
	g := targets()
	met, longest := 0, 0
	const runs = 100
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 7))
		c := newCluster(2+rng.IntN(8), 2+rng.IntN(8))
		c.load(rng, 50+rng.IntN(100), rng.Float64()*14_000, 1.3*rng.Float64())
		longest = max(longest, c.settle(t, g, new(policy.State)))
		m := c.measure()
		var bytes, room, busiest [2]float64
		for _, n := range m.Nodes {
			bytes[n.Tier] += float64(n.Bytes)
			room[n.Tier] += float64(n.Capacity)
			busiest[n.Tier] = max(busiest[n.Tier], n.Busy)
		}
		for tier, nodes := range c.nodes {
			if len(nodes) < g.MaxNodes[tier] {
				assert.LessOrEqual(t, bytes[tier], g.StorageHigh*room[tier], "seed %d: %v is full", seed, policy.Tier(tier))
				if m.LatencyMS > g.LatencyMS {
					assert.LessOrEqual(t, busiest[tier], g.BusyHigh, "seed %d: a node of %v has no time", seed, policy.Tier(tier))
				}
			}
		}
		if m.LatencyMS <= g.LatencyMS {
			met++
		}
	}
	t.Logf("settled in at most %d periods; %d of %d loads served within %v ms", longest, met, runs, g.LatencyMS)
	assert.Greater(t, met, runs*9/10)
}

// TestHotKey: a key that many want at once is spread until requests are fast, and gathered
// once they have lost interest; the nodes that came for it go.
func TestHotKey(t *testing.T) {
	g := targets()
	c := newCluster(6, 2)
	c.load(rand.New(rand.NewPCG(1, 1)), 100, 1500, 0)
	var s policy.State
	c.settle(t, g, &s)
	calm := len(c.nodes[policy.Memory])
	hot := c.key("k7")
	hot.Tier, hot.Accesses = policy.Memory, 7000 // three and a half nodes' worth
	require.Greater(t, c.measure().LatencyMS, g.LatencyMS)
	c.settle(t, g, &s)
	assert.LessOrEqual(t, c.measure().LatencyMS, g.LatencyMS)
	assert.GreaterOrEqual(t, hot.Factor, 5)
	hot.Accesses = 15
	c.settle(t, g, &s)
	assert.Equal(t, g.MinFactor, hot.Factor)
	assert.LessOrEqual(t, len(c.nodes[policy.Memory]), calm)
	assert.Empty(t, s.Raised, "nothing is remembered of what was taken back")
}

// TestUnevenNodes: where no key alone is too much for a node, and several together are, the
// most used get a replica more, and keep it for as long as they are used.
func TestUnevenNodes(t *testing.T) {
	g := targets()
	g.LatencyMS = 2
	m := &policy.Metrics{LatencyMS: 9}
	for n := range ring.NodeID(6) {
		m.Nodes = append(m.Nodes, policy.Node{ID: n, Capacity: capacity, Bytes: 500, Busy: 0.3})
	}
	m.Nodes[2].Busy = 0.9
	for i := range 40 {
		m.Keys = append(m.Keys, policy.Key{Name: fmt.Sprint(i), Factor: 2, Accesses: 50, Work: 0.01})
	}
	m.Keys[3].Work = 0.3
	d, s, err := policy.Decide(m, &g, policy.State{})
	require.NoError(t, err)
	assert.Equal(t, []policy.Factor{{Key: "3", Replicas: 3}}, d.Factors)
	assert.Zero(t, d.Add, "the tier has time")

	m.LatencyMS, m.Keys[3].Factor, m.Nodes[2].Busy = 1, 3, 0.4
	d, s, err = policy.Decide(m, &g, s)
	require.NoError(t, err)
	assert.Empty(t, d.Factors, "it is fast for having three")
	m.Keys[3].Work = 0.14
	d, s, err = policy.Decide(m, &g, s)
	require.NoError(t, err)
	assert.Equal(t, []policy.Factor{{Key: "3", Replicas: 2}}, d.Factors)
	assert.Empty(t, s.Raised)
}

// TestOrderDoesNotMatter: a decision is one of the metrics, whatever order they are listed in.
func TestOrderDoesNotMatter(t *testing.T) {
	g := targets()
	g.MaxMoves = 5
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		c := newCluster(2+rng.IntN(5), 2+rng.IntN(5))
		c.load(rng, 60, rng.Float64()*9000, rng.Float64())
		m := c.measure()
		want, _, err := policy.Decide(m, &g, policy.State{})
		require.NoError(t, err)
		rng.Shuffle(len(m.Nodes), func(i, j int) { m.Nodes[i], m.Nodes[j] = m.Nodes[j], m.Nodes[i] })
		rng.Shuffle(len(m.Keys), func(i, j int) { m.Keys[i], m.Keys[j] = m.Keys[j], m.Keys[i] })
		got, _, err := policy.Decide(m, &g, policy.State{})
		require.NoError(t, err)
		require.Equal(t, want, got, "seed %d", seed)
	}
}

// TestTiers: what is used much comes into memory as far as there is room, and what is not
// leaves it where it is full.
func TestTiers(t *testing.T) {
	g := targets()
	m := &policy.Metrics{LatencyMS: 1, Nodes: []policy.Node{
		{ID: 1, Capacity: 1000, Bytes: 600}, {ID: 2, Capacity: 1000, Bytes: 600}, {ID: 3, Tier: policy.Disk, Capacity: 9000, Bytes: 4000}, {ID: 4, Tier: policy.Disk, Capacity: 9000, Bytes: 4000},
	}}
	m.Keys = []policy.Key{
		{Name: "little", Tier: policy.Disk, Bytes: 100, Factor: 2, Accesses: 99},
		{Name: "much", Tier: policy.Disk, Bytes: 100, Factor: 2, Accesses: 100},
		{Name: "more", Tier: policy.Disk, Bytes: 150, Factor: 2, Accesses: 200},
		{Name: "unused", Tier: policy.Memory, Bytes: 100, Factor: 2, Accesses: 0},
	}
	d, _, err := policy.Decide(m, &g, policy.State{})
	require.NoError(t, err)
	assert.Equal(t, []policy.Move{{Key: "more", To: policy.Memory}}, d.Moves, "the most used first; there is room for one")

	m.Nodes[0].Bytes, m.Nodes[1].Bytes = 850, 850
	d, _, err = policy.Decide(m, &g, policy.State{})
	require.NoError(t, err)
	assert.Equal(t, []policy.Move{{Key: "unused", To: policy.Disk}}, d.Moves)
	assert.Zero(t, d.Add, "what leaves makes room")

	m.Keys[3].Accesses = g.Demote + 1
	d, _, err = policy.Decide(m, &g, policy.State{})
	require.NoError(t, err)
	assert.Empty(t, d.Moves, "it is used")
	assert.Equal(t, [2]int{1, 0}, d.Add, "so memory grows")
}

// TestSettling: nodes are left as they are while earlier decisions take effect; keys move.
func TestSettling(t *testing.T) {
	g := targets()
	c := newCluster(2, 2)
	c.load(rand.New(rand.NewPCG(4, 4)), 80, 9000, 0.5)
	d, s, err := policy.Decide(c.measure(), &g, policy.State{})
	require.NoError(t, err)
	require.NotZero(t, d.Add)
	assert.Equal(t, g.Settle, s.Settling)
	for left := g.Settle - 1; left >= 0; left-- {
		d, s, err = policy.Decide(c.measure(), &g, s)
		require.NoError(t, err)
		assert.Zero(t, d.Add)
		assert.Empty(t, d.Remove)
		assert.NotEmpty(t, d.Moves)
		assert.Equal(t, left, s.Settling)
	}
	m := c.measure()
	m.Changing = true
	d, _, err = policy.Decide(m, &g, s)
	require.NoError(t, err)
	assert.Zero(t, d.Add)
}

func TestRefuses(t *testing.T) {
	bad := map[string]func(*policy.Targets){
		"no latency":      func(g *policy.Targets) { g.LatencyMS = 0 },
		"latency NaN":     func(g *policy.Targets) { g.LatencyMS = math.NaN() },
		"storage":         func(g *policy.Targets) { g.StorageLow = g.StorageHigh },
		"storage above 1": func(g *policy.Targets) { g.StorageHigh = 1.1 },
		"busy":            func(g *policy.Targets) { g.BusyLow = -0.1 },
		"factor":          func(g *policy.Targets) { g.MinFactor = 0 },
		"tiers":           func(g *policy.Targets) { g.Demote = g.Promote },
		"settle":          func(g *policy.Targets) { g.Settle = -1 },
		"moves":           func(g *policy.Targets) { g.MaxMoves = 0 },
		"most nodes":      func(g *policy.Targets) { g.MaxNodes[1] = 1 },
	}
	for name, change := range bad {
		g := targets()
		change(&g)
		_, _, err := policy.Decide(&policy.Metrics{}, &g, policy.State{})
		assert.ErrorIs(t, err, policy.ErrTargets, name)
	}
	g := targets()
	for name, m := range map[string]policy.Metrics{
		"latency":  {LatencyMS: math.NaN()},
		"twice":    {Nodes: []policy.Node{{ID: 1, Capacity: 1}, {ID: 1, Capacity: 1}}},
		"capacity": {Nodes: []policy.Node{{ID: 1}}},
		"busy":     {Nodes: []policy.Node{{ID: 1, Capacity: 1, Busy: 1.5}}},
		"tier":     {Nodes: []policy.Node{{ID: 1, Capacity: 1, Tier: 2}}},
		"factor":   {Keys: []policy.Key{{Name: "a"}}},
		"work":     {Keys: []policy.Key{{Name: "a", Factor: 1, Work: math.Inf(1)}}},
		"same key": {Keys: []policy.Key{{Name: "a", Factor: 1}, {Name: "a", Factor: 1}}},
	} {
		_, _, err := policy.Decide(&m, &g, policy.State{})
		assert.ErrorIs(t, err, policy.ErrMetrics, name)
	}
	d, _, err := policy.Decide(&policy.Metrics{}, &g, policy.State{})
	require.NoError(t, err)
	assert.True(t, d.Empty(), "of a cluster without nodes nothing is known")
}
