package policy_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// plain decides as the words of the package say, rule by rule, in whole numbers: of what are
// shares there are 1600 parts to a whole.
type plain struct {
	m     *policy.Metrics
	g     *policy.Targets
	bytes [2]int // after moves
	out   policy.Decision
	next  policy.State
	moved map[string]bool
}

const whole = 1600

func parts(x float64) int { return int(math.Round(whole * x)) }

// percent is the share of their time for which nodes are busy.
func percent(busy, nodes int) float64 { return 100 * float64(busy) / whole / float64(nodes) }

func (p *plain) because(format string, args ...any) {
	p.out.Why = append(p.out.Why, fmt.Sprintf(format, args...))
}

// of is how many nodes a tier has, how many bytes they can store, and how many parts of a node's
// time they spend.
func (p *plain) of(tier policy.Tier) (nodes, capacity, busy int) {
	for _, n := range p.m.Nodes {
		if n.Tier == tier {
			nodes, capacity, busy = nodes+1, capacity+int(n.Capacity), busy+parts(n.Busy)
		}
	}
	return nodes, capacity, busy
}

// keys are the names of those of a tier that are wanted, in an order.
func (p *plain) keys(want func(k policy.Key) bool, before func(a, b policy.Key) bool) (list []policy.Key) {
	for _, k := range p.m.Keys {
		if !want(k) {
			continue
		}
		at := 0
		for at < len(list) && before(list[at], k) {
			at++
		}
		list = slices.Insert(list, at, k)
	}
	return list
}

func (p *plain) full(tier policy.Tier, bytes, capacity int) bool {
	return whole*bytes > parts(p.g.StorageHigh)*capacity
}

func (p *plain) move() {
	mem, room, _ := p.of(policy.Memory)
	if disk, _, _ := p.of(policy.Disk); mem == 0 || disk == 0 {
		return
	}
	hot := p.keys(func(k policy.Key) bool { return k.Tier == policy.Disk && k.Accesses >= p.g.Promote },
		func(a, b policy.Key) bool {
			return a.Accesses > b.Accesses || a.Accesses == b.Accesses && a.Name > b.Name
		})
	cold := p.keys(func(k policy.Key) bool { return k.Tier == policy.Memory && k.Accesses <= p.g.Demote },
		func(a, b policy.Key) bool {
			return a.Accesses < b.Accesses || a.Accesses == b.Accesses && a.Name < b.Name
		})
	up, down := 0, 0
	for _, k := range hot {
		size := int(k.Bytes) * k.Factor
		if len(p.moved) < p.g.MaxMoves && !p.full(policy.Memory, p.bytes[policy.Memory]+size, room) {
			p.shift(k, policy.Disk, policy.Memory)
			up++
		}
	}
	for _, k := range cold {
		if len(p.moved) < p.g.MaxMoves && p.full(policy.Memory, p.bytes[policy.Memory], room) {
			p.shift(k, policy.Memory, policy.Disk)
			down++
		}
	}
	if up > 0 {
		p.because("keys on disk were used %d times or more: %d", p.g.Promote, up)
	}
	if down > 0 {
		p.because("memory was full above %.0f%%, and keys there were used at most %d times: %d", 100*p.g.StorageHigh, p.g.Demote, down)
	}
	slices.SortFunc(p.out.Moves, func(a, b policy.Move) int { return strings.Compare(a.Key, b.Key) })
}

func (p *plain) shift(k policy.Key, from, to policy.Tier) {
	size := int(k.Bytes) * k.Factor
	p.bytes[from], p.bytes[to] = max(0, p.bytes[from]-size), p.bytes[to]+size
	p.moved[k.Name] = true
	p.out.Moves = append(p.out.Moves, policy.Move{Key: k.Name, To: to})
}

func (p *plain) grow(tier policy.Tier, to int, why string, args ...any) {
	nodes, _, _ := p.of(tier)
	if more := min(to, p.g.MaxNodes[tier]) - nodes; more > p.out.Add[tier] {
		p.out.Add[tier] = more
		p.because(why, args...)
	}
}

func (p *plain) resize(tier policy.Tier, slow bool) {
	nodes, capacity, busy := p.of(tier)
	if nodes == 0 {
		return
	}
	high, low := parts(p.g.BusyHigh), parts(p.g.BusyLow)
	if slow && busy > high*nodes {
		to := max(nodes+1, int(math.Ceil(float64(nodes)*min(2, p.m.LatencyMS/p.g.LatencyMS))))
		p.grow(tier, to, "requests took %.1f ms, more than %.1f, and %v was busy for %.0f%% of the time, above %.0f%%",
			p.m.LatencyMS, p.g.LatencyMS, tier, percent(busy, nodes), 100*p.g.BusyHigh)
	}
	if slow || busy >= low*nodes || p.out.Add[tier] > 0 || nodes <= p.g.MinFactor || busy > high*(nodes-1) {
		return
	}
	idle := slices.MinFunc(slices.DeleteFunc(slices.Clone(p.m.Nodes), func(n policy.Node) bool { return n.Tier != tier }), func(a, b policy.Node) int {
		switch {
		case a.Busy != b.Busy:
			return parts(a.Busy - b.Busy)
		case a.Bytes != b.Bytes:
			return int(a.Bytes) - int(b.Bytes)
		}
		return int(a.ID) - int(b.ID)
	})
	if bytes := p.bytes[tier]; whole*bytes < parts(p.g.StorageLow)*capacity && !p.full(tier, bytes, capacity-int(idle.Capacity)) {
		p.out.Remove = append(p.out.Remove, idle.ID)
		p.because("%v was busy for %.0f%% of the time, below %.0f%%, and full to %.0f%%", tier, percent(busy, nodes), 100*p.g.BusyLow, 100*float64(bytes)/float64(capacity))
	}
}

// stands is the work above which a key of a tier stands out: more than three standard deviations
// above the mean, where the tier has time and a node of it has none.
func (p *plain) stands(tier policy.Tier) float64 {
	nodes, _, busy := p.of(tier)
	var works []float64
	for _, k := range p.m.Keys {
		if k.Tier == tier {
			works = append(works, k.Work)
		}
	}
	if busy > parts(p.g.BusyHigh)*nodes || !p.busyNode(tier) || len(works) == 0 {
		return math.Inf(1)
	}
	mean, spread := 0.0, 0.0
	for _, w := range works {
		mean += w
	}
	mean /= float64(len(works))
	for _, w := range works {
		spread += (w - mean) * (w - mean) / float64(len(works))
	}
	return mean + 3*math.Sqrt(spread)
}

func (p *plain) busyNode(tier policy.Tier) bool {
	return slices.ContainsFunc(p.m.Nodes, func(n policy.Node) bool { return n.Tier == tier && parts(n.Busy) > parts(p.g.BusyHigh) })
}

// copies is how many replicas of a key there should be.
func (p *plain) copies(k policy.Key, slow bool) int {
	nodes, _, _ := p.of(k.Tier)
	least := min(p.g.MinFactor, nodes)
	need := parts(k.Work) / parts(p.g.BusyHigh)
	if parts(k.Work)%parts(p.g.BusyHigh) > 0 {
		need++
	}
	need = min(max(need, least), nodes)
	was, spread := p.next.Raised[k.Name]
	switch {
	case k.Factor < least:
		return need
	case slow && need > k.Factor:
		return need
	case slow && k.Work > p.stands(k.Tier):
		return min(k.Factor+1, nodes)
	case !slow && need < k.Factor && (!spread || 2*parts(k.Work) <= parts(was)):
		return need
	}
	return min(k.Factor, nodes)
}

func (p *plain) spread(slow bool) {
	changed := p.keys(func(k policy.Key) bool {
		nodes, _, _ := p.of(k.Tier)
		return !p.moved[k.Name] && nodes > 0 && p.copies(k, slow) != k.Factor
	}, func(a, b policy.Key) bool { return a.Work > b.Work || a.Work == b.Work && a.Name < b.Name })
	changed = changed[:min(len(changed), p.g.MaxMoves-len(p.out.Moves))]
	more, fewer := 0, 0
	raised := maps.Clone(p.next.Raised)
	for _, k := range changed {
		n := p.copies(k, slow)
		p.out.Factors = append(p.out.Factors, policy.Factor{Key: k.Name, Replicas: n})
		if n < k.Factor {
			fewer++
			delete(raised, k.Name)
			continue
		}
		more++
		if raised == nil {
			raised = map[string]float64{}
		}
		raised[k.Name] = k.Work
	}
	p.next.Raised = raised
	slices.SortFunc(p.out.Factors, func(a, b policy.Factor) int { return strings.Compare(a.Key, b.Key) })
	if more > 0 {
		p.because("keys were used more than their replicas can bear, or had fewer than %d: %d", p.g.MinFactor, more)
	}
	if fewer > 0 {
		p.because("keys had more replicas than their use asks for: %d", fewer)
	}
}

func decidePlainly(m *policy.Metrics, g *policy.Targets, s policy.State) (policy.Decision, policy.State) {
	p := &plain{m: m, g: g, next: s, moved: map[string]bool{}}
	for _, n := range m.Nodes {
		p.bytes[n.Tier] += int(n.Bytes)
	}
	p.move()
	if s.Settling > 0 || m.Changing {
		p.next.Settling = max(0, s.Settling-1)
		return p.out, p.next
	}
	slow := m.LatencyMS > g.LatencyMS
	for tier := range policy.Tier(2) {
		if nodes, capacity, _ := p.of(tier); nodes > 0 && p.full(tier, p.bytes[tier], capacity) {
			to := nodes
			for p.full(tier, p.bytes[tier]*nodes, capacity*to) { // as many as keep it at its bound
				to++
			}
			p.grow(tier, to, "%v was full to %.0f%%, above %.0f%%", tier, 100*float64(p.bytes[tier])/float64(capacity), 100*g.StorageHigh)
		}
	}
	p.resize(policy.Memory, slow)
	p.resize(policy.Disk, slow)
	p.spread(slow)
	if slow && p.out.Empty() {
		for tier := range policy.Tier(2) {
			if nodes, _, _ := p.of(tier); p.busyNode(tier) {
				p.grow(tier, nodes+1, "requests took %.1f ms, more than %.1f, a node of %v was busy above %.0f%% of the time, and no key stands out",
					m.LatencyMS, g.LatencyMS, tier, 100*g.BusyHigh)
			}
		}
	}
	slices.Sort(p.out.Remove)
	if p.out.Add != [2]int{} || len(p.out.Remove) > 0 {
		p.next.Settling = g.Settle
	}
	return p.out, p.next
}

// drawn are metrics and targets of a small grid, so that bounds are met exactly as often as they
// are passed.
func drawn(r *rand.Rand) (*policy.Metrics, policy.Targets, policy.State) {
	pick := func(of ...float64) float64 { return of[r.IntN(len(of))] }
	g := policy.Targets{
		LatencyMS: 4, StorageHigh: 0.75, StorageLow: pick(0.25, 0.5), BusyHigh: pick(0.5, 0.75), BusyLow: pick(0.25, 0.4375),
		MinFactor: 1 + r.IntN(2), Promote: 8, Demote: 3, Settle: r.IntN(3), MaxMoves: 1 + r.IntN(4),
	}
	for tier := range g.MaxNodes {
		g.MaxNodes[tier] = []int{0, 2, 3, 5, 9}[r.IntN(5)]
	}
	m := &policy.Metrics{LatencyMS: pick(1, 4, 5, 6, 8, 9), Changing: r.IntN(8) == 0}
	id := ring.NodeID(0)
	for tier := range policy.Tier(2) {
		most := pick(0.25, 0.5, 1)
		for range r.IntN(5) {
			id++
			m.Nodes = append(m.Nodes, policy.Node{
				ID: id, Tier: tier, Capacity: uint64(pick(16, 16, 16, 48)), Bytes: uint64(pick(0, 2, 4, 8, 12, 13, 16)), Busy: most * pick(0, 0.25, 0.5, 0.75, 1),
			})
		}
	}
	r.Shuffle(len(m.Nodes), func(i, j int) { m.Nodes[i], m.Nodes[j] = m.Nodes[j], m.Nodes[i] })
	var s policy.State
	even := r.IntN(2) == 0 // most keys are used little
	for i := range r.IntN(8) * (1 + 3*r.IntN(2)) {
		k := policy.Key{
			Name: fmt.Sprintf("k%02d", i), Tier: policy.Tier(r.IntN(2)), Bytes: r.Uint64N(5), Accesses: []uint64{0, 2, 3, 4, 7, 8, 9, 20}[r.IntN(8)],
			Factor: 1 + r.IntN(4), Work: pick(0, 0.25, 0.5, 0.75, 1, 1.5, 2),
		}
		if even && i%9 > 0 {
			k.Work = 0.01
		}
		m.Keys = append(m.Keys, k)
		if r.IntN(3) == 0 {
			if s.Raised == nil {
				s.Raised = map[string]float64{}
			}
			s.Raised[k.Name] = pick(0.5, 1, 2, 3)
		}
	}
	if r.IntN(6) == 0 {
		s.Settling = 1 + r.IntN(3)
	}
	return m, g, s
}

// TestDecidesAsThePlainRules: decisions, their reasons, and what is remembered are those of the
// plain twin, whatever is measured.
func TestDecidesAsThePlainRules(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	reasons := map[string]int{}
	for i := range 30_000 {
		m, g, s := drawn(r)
		if g.Validate() != nil {
			continue
		}
		before := maps.Clone(s.Raised)
		d, next, err := policy.Decide(m, &g, s)
		require.NoError(t, err)
		want, wantNext := decidePlainly(m, &g, policy.State{Settling: s.Settling, Raised: maps.Clone(s.Raised)})
		require.Equal(t, want, d, "case %d: %+v\n%+v\n%+v", i, m, g, s)
		require.Equal(t, wantNext, next, "case %d", i)
		require.Equal(t, before, s.Raised, "the state that was given is as it was")
		for _, why := range d.Why {
			reasons[strings.Join(strings.FieldsFunc(why, func(c rune) bool { return c == '.' || c >= '0' && c <= '9' }), "")]++
		}
	}
	assert.Len(t, reasons, 12, "%v", reasons)
	for why, n := range reasons {
		assert.Greater(t, n, 50, why)
	}
}

// TestLeastAndMostMetrics: what is measured may be as little and as much as it can be, and no
// less and no more; a refusal names it.
func TestLeastAndMostMetrics(t *testing.T) {
	g := targets()
	node := policy.Node{ID: 7, Capacity: 1, Busy: 1}
	key := policy.Key{Name: "k", Tier: policy.Disk, Factor: 1, Work: math.MaxInt32}
	change := func(f func(n *policy.Node, k *policy.Key)) *policy.Metrics {
		n, k := node, key
		f(&n, &k)
		return &policy.Metrics{Nodes: []policy.Node{n}, Keys: []policy.Key{k}}
	}
	for _, m := range []*policy.Metrics{
		change(func(*policy.Node, *policy.Key) {}),
		change(func(n *policy.Node, k *policy.Key) { n.Busy, k.Work = 0, 0 }),
	} {
		_, _, err := policy.Decide(m, &g, policy.State{})
		require.NoError(t, err)
	}
	for word, m := range map[string]*policy.Metrics{
		"policy: invalid metrics: a latency of -1 ms":                                            {LatencyMS: -1},
		"policy: invalid metrics: node 7 twice, or of memory, capacity 1, busy -0.5":             change(func(n *policy.Node, _ *policy.Key) { n.Busy = -0.5 }),
		"policy: invalid metrics: node 7 twice, or of memory, capacity 1, busy 1.5":              change(func(n *policy.Node, _ *policy.Key) { n.Busy = 1.5 }),
		"policy: invalid metrics: node 7 twice, or of memory, capacity 0, busy 1":                change(func(n *policy.Node, _ *policy.Key) { n.Capacity = 0 }),
		"policy: invalid metrics: node 7 twice, or of tier 2, capacity 1, busy 1":                change(func(n *policy.Node, _ *policy.Key) { n.Tier = 2 }),
		"policy: invalid metrics: key \"k\" twice, or of tier 2, 1 replicas, work 0":             change(func(_ *policy.Node, k *policy.Key) { k.Tier, k.Work = 2, 0 }),
		"policy: invalid metrics: key \"k\" twice, or of disk, 0 replicas, work 0":               change(func(_ *policy.Node, k *policy.Key) { k.Factor, k.Work = 0, 0 }),
		"policy: invalid metrics: key \"k\" twice, or of disk, 1 replicas, work -1":              change(func(_ *policy.Node, k *policy.Key) { k.Work = -1 }),
		"policy: invalid metrics: key \"k\" twice, or of disk, 1 replicas, work 2.147483648e+09": change(func(_ *policy.Node, k *policy.Key) { k.Work++ }),
	} {
		given := policy.State{Settling: 3}
		d, s, err := policy.Decide(m, &g, given)
		require.EqualError(t, err, word)
		assert.Equal(t, policy.Decision{}, d)
		assert.Equal(t, given, s, "nothing has been decided")
	}
	g.LatencyMS = -1
	d, s, err := policy.Decide(&policy.Metrics{}, &g, policy.State{Settling: 3})
	require.EqualError(t, err, "policy: invalid targets: a latency of -1 ms, want more than 0")
	assert.Equal(t, policy.Decision{}, d)
	assert.Equal(t, 3, s.Settling)
	g = targets()
	g.MinFactor = 0
	assert.EqualError(t, g.Validate(), "policy: invalid targets: 0 replicas at least, want 1 or more")
	g = targets()
	g.MinFactor, g.Settle, g.MaxMoves, g.Demote, g.MaxNodes = 1, 0, 1, g.Promote-1, [2]int{0, 1}
	assert.NoError(t, g.Validate())
}
