// Package policy decides from what was measured of a cluster how it should change: how
// many nodes each tier should have, in which tier a key should lie, and on how many nodes
// of it. It is a pure function of metrics, targets and what the last decisions were, so that
// it can be tested against models of clusters and workloads, and run by whoever monitors a
// cluster.
//
// It measures nothing and changes nothing: package elastic gives it what the nodes of a store
// report, and has what it decides come true there, with partitions for keys. It knows nothing of
// partitions: which nodes a key lies on is the ring's to say, and that no write is lost while nodes
// come and go, and keys go from tier to tier, is the store's.
//
// The rules are those of Anna's policy engine (Wu, Sreekanti, Hellerstein: Autoscaling
// Tiered Cloud Storage in Anna, VLDB 2019, section 5), with three differences. A node is
// taken away only if those that stay keep below the bounds at which nodes are added, for
// storage and for work, so that under a steady load decisions come to an end. A key is given
// as many replicas as its work takes nodes; only where no key alone explains why a node has
// no time, those three standard deviations above the mean get one more, as in Anna. And no
// decision asks for what the targets forbid: fewer nodes than the least replication factor,
// or more than the greatest number.
package policy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
)

// Tier is where a key lies.
type Tier uint8

// The tiers, fastest first.
const (
	Memory Tier = iota
	Disk

	tiers = 2
)

func (t Tier) String() string {
	switch t {
	case Memory:
		return "memory"
	case Disk:
		return "disk"
	}
	return fmt.Sprintf("tier %d", uint8(t))
}

// Node is what was measured of a node over a period.
type Node struct {
	ID       ring.NodeID
	Tier     Tier
	Bytes    uint64  // stored
	Capacity uint64  // bytes that it can store; above 0
	Busy     float64 // share of the period that it spent serving, 0 to 1
}

// Key is what was measured of a key over a period.
type Key struct {
	Name     string
	Tier     Tier
	Bytes    uint64
	Accesses uint64  // reads and writes of clients, at all its replicas
	Factor   int     // replicas in its tier
	Work     float64 // share of one node's time that all its accesses take
}

// Metrics is what was measured of a cluster over a period. The order of nodes and of keys
// does not matter.
type Metrics struct {
	LatencyMS float64 // mean of requests, as clients see it
	Changing  bool    // nodes are joining or leaving
	Nodes     []Node
	// Keys are those that were used, or lie on more nodes than the least, or in memory and
	// might be demoted; a key that is not among them is left where it is.
	Keys []Key
}

// Targets are what decisions work towards.
type Targets struct {
	LatencyMS   float64 // that requests may have
	StorageHigh float64 // share of a tier's capacity above which it gets nodes, 0 to 1
	StorageLow  float64 // below which it may lose some; below StorageHigh
	BusyHigh    float64 // share of time above which a tier of slow requests gets nodes, 0 to 1
	BusyLow     float64 // below which it may lose some; below BusyHigh
	MinFactor   int     // replicas of each key, at least: what losing nodes may cost
	MaxNodes    [tiers]int
	Promote     uint64 // accesses from which a key on disk is moved to memory
	Demote      uint64 // accesses up to which one in memory may be moved to disk; below Promote
	Settle      int    // periods for which nothing is decided after nodes were added or removed
	MaxMoves    int    // keys that one decision moves, or gives another factor; above 0
}

// State is what a decision has to know of earlier ones; the zero value is none. It is not
// changed once it is returned.
type State struct {
	Settling int // periods for which nodes are left as they are
	// Raised is, by key, its work when it was given more replicas. It loses them only once
	// its work is half of that: what made requests fast must not be undone for being fast.
	Raised map[string]float64
}

// Move moves a key to a tier.
type Move struct {
	Key string
	To  Tier
}

// Factor gives a key a number of replicas in its tier.
type Factor struct {
	Key      string
	Replicas int
}

// Decision is what should be changed. Nodes are added or removed, and not both in one tier.
type Decision struct {
	Add     [tiers]int    // nodes for each tier
	Remove  []ring.NodeID // ascending
	Factors []Factor      // ascending by key
	Moves   []Move        // ascending by key
	Why     []string      // a sentence for each kind of change
}

// Empty reports whether nothing is to be changed.
func (d *Decision) Empty() bool {
	return d.Add == [tiers]int{} && len(d.Remove) == 0 && len(d.Factors) == 0 && len(d.Moves) == 0
}

// ErrTargets is wrapped when targets contradict each other, ErrMetrics when metrics cannot
// be of a cluster.
var (
	ErrTargets = errors.New("policy: invalid targets")
	ErrMetrics = errors.New("policy: invalid metrics")
)

// Decide is what should be changed, and what the next decision has to know of this one.
// O(n log n) in nodes and keys.
func Decide(m *Metrics, t *Targets, s State) (Decision, State, error) {
	if err := t.Validate(); err != nil {
		return Decision{}, s, err
	}
	if err := m.validate(); err != nil {
		return Decision{}, s, err
	}
	d := &decider{m: m, t: t, raised: maps.Clone(s.Raised), slow: m.LatencyMS > t.LatencyMS}
	for tier := range Tier(tiers) {
		d.tier[tier] = m.load(tier)
	}
	d.moves()
	if s.Settling > 0 || m.Changing {
		s.Settling = max(s.Settling-1, 0)
		return d.out, s, nil
	}
	for tier := range Tier(tiers) {
		d.storage(tier)
	}
	d.work()
	d.factors()
	d.spread()
	s.Raised = d.raised
	slices.Sort(d.out.Remove)
	if d.out.Add != [tiers]int{} || len(d.out.Remove) > 0 {
		s.Settling = t.Settle
	}
	return d.out, s, nil
}

// Validate is why the targets cannot be worked towards, nil if they can.
func (t *Targets) Validate() error {
	share := func(low, high float64) bool { return 0 <= low && low < high && high <= 1 }
	switch {
	case !(t.LatencyMS > 0):
		return fmt.Errorf("%w: a latency of %v ms, want more than 0", ErrTargets, t.LatencyMS)
	case !share(t.StorageLow, t.StorageHigh):
		return fmt.Errorf("%w: storage between %v and %v, want 0 to 1, the lower below the upper", ErrTargets, t.StorageLow, t.StorageHigh)
	case !share(t.BusyLow, t.BusyHigh):
		return fmt.Errorf("%w: nodes busy between %v and %v, want 0 to 1, the lower below the upper", ErrTargets, t.BusyLow, t.BusyHigh)
	case t.MinFactor < 1:
		return fmt.Errorf("%w: %d replicas at least, want 1 or more", ErrTargets, t.MinFactor)
	case t.Demote >= t.Promote:
		return fmt.Errorf("%w: keys are demoted up to %d accesses and promoted from %d, want fewer for the former", ErrTargets, t.Demote, t.Promote)
	case t.Settle < 0 || t.MaxMoves < 1:
		return fmt.Errorf("%w: %d periods to settle and %d moves, want at least 0 and 1", ErrTargets, t.Settle, t.MaxMoves)
	}
	for tier, most := range t.MaxNodes {
		if most < t.MinFactor && most != 0 {
			return fmt.Errorf("%w: at most %d nodes for %v and %d replicas at least", ErrTargets, most, Tier(tier), t.MinFactor)
		}
	}
	return nil
}

func (m *Metrics) validate() error {
	if !(m.LatencyMS >= 0) {
		return fmt.Errorf("%w: a latency of %v ms", ErrMetrics, m.LatencyMS)
	}
	nodes := make(map[ring.NodeID]bool, len(m.Nodes))
	for _, n := range m.Nodes {
		if n.Tier >= tiers || n.Capacity == 0 || !(n.Busy >= 0 && n.Busy <= 1) || nodes[n.ID] {
			return fmt.Errorf("%w: node %d twice, or of %v, capacity %d, busy %v", ErrMetrics, n.ID, n.Tier, n.Capacity, n.Busy)
		}
		nodes[n.ID] = true
	}
	keys := make(map[string]bool, len(m.Keys))
	for _, k := range m.Keys {
		if k.Tier >= tiers || k.Factor < 1 || !(k.Work >= 0 && k.Work <= math.MaxInt32) || keys[k.Name] {
			return fmt.Errorf("%w: key %q twice, or of %v, %d replicas, work %v", ErrMetrics, k.Name, k.Tier, k.Factor, k.Work)
		}
		keys[k.Name] = true
	}
	return nil
}

// load is what a tier has to bear.
type load struct {
	nodes           int
	bytes, capacity float64
	busy            float64 // nodes' worth of time
}

func (m *Metrics) load(tier Tier) (l load) {
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.Tier == tier {
			l.nodes++
			l.bytes += float64(n.Bytes)
			l.capacity += float64(n.Capacity)
			l.busy += n.Busy
		}
	}
	return l
}

// decider comes to one decision.
type decider struct {
	m    *Metrics
	t    *Targets
	slow bool
	tier [tiers]load // as it will be once moves are made

	raised map[string]float64
	out    Decision
}

func (d *decider) because(format string, args ...any) {
	d.out.Why = append(d.out.Why, fmt.Sprintf(format, args...))
}

// moves promotes keys on disk that are used much, the most used first, as far as memory has
// room below the upper bound, and, where memory is above that, demotes those in memory that
// are used little, the least used first.
func (d *decider) moves() {
	mem, disk := &d.tier[Memory], &d.tier[Disk]
	if mem.nodes == 0 || disk.nodes == 0 {
		return
	}
	var hot, cold []*Key
	for i := range d.m.Keys {
		switch k := &d.m.Keys[i]; {
		case k.Tier == Disk && k.Accesses >= d.t.Promote:
			hot = append(hot, k)
		case k.Tier == Memory && k.Accesses <= d.t.Demote:
			cold = append(cold, k)
		}
	}
	by := func(a, b *Key) int { return cmp.Or(cmp.Compare(a.Accesses, b.Accesses), cmp.Compare(a.Name, b.Name)) }
	slices.SortFunc(hot, func(a, b *Key) int { return by(b, a) })
	slices.SortFunc(cold, by)
	full := d.t.StorageHigh * mem.capacity
	demoted, promoted := 0, 0
	move := func(k *Key, from, to *load, tier Tier) {
		size := float64(k.Bytes) * float64(k.Factor)
		from.bytes, to.bytes = max(from.bytes-size, 0), to.bytes+size
		d.out.Moves = append(d.out.Moves, Move{k.Name, tier})
	}
	for _, k := range hot {
		if size := float64(k.Bytes) * float64(k.Factor); mem.bytes+size <= full && len(d.out.Moves) < d.t.MaxMoves {
			move(k, disk, mem, Memory)
			promoted++
		}
	}
	for _, k := range cold {
		if mem.bytes <= full || len(d.out.Moves) == d.t.MaxMoves {
			break
		}
		move(k, mem, disk, Disk)
		demoted++
	}
	slices.SortFunc(d.out.Moves, func(a, b Move) int { return cmp.Compare(a.Key, b.Key) })
	if promoted > 0 {
		d.because("keys on disk were used %d times or more: %d", d.t.Promote, promoted)
	}
	if demoted > 0 {
		d.because("memory was full above %.0f%%, and keys there were used at most %d times: %d", 100*d.t.StorageHigh, d.t.Demote, demoted)
	}
}

// storage adds nodes to a tier that is full, as many as bring it below its bound.
func (d *decider) storage(tier Tier) {
	l := &d.tier[tier]
	if l.nodes == 0 || l.bytes <= d.t.StorageHigh*l.capacity {
		return
	}
	want := int(math.Ceil(l.bytes / (d.t.StorageHigh * l.capacity / float64(l.nodes))))
	if d.add(tier, want) {
		d.because("%v was full to %.0f%%, above %.0f%%", tier, 100*l.bytes/l.capacity, 100*d.t.StorageHigh)
	}
}

// add has a tier grow to so many nodes, as far as it may, and reports whether it grows.
func (d *decider) add(tier Tier, want int) bool {
	n := min(want, d.t.MaxNodes[tier]) - d.tier[tier].nodes
	if n <= d.out.Add[tier] {
		return false
	}
	d.out.Add[tier] = n
	return true
}

// work adds nodes to tiers that are busy while requests are slow, in the proportion in which
// they are too slow, at most twice as many; and takes the least busy node from one that has
// little to do while they are not.
func (d *decider) work() {
	for tier := range Tier(tiers) {
		l := &d.tier[tier]
		switch n := float64(l.nodes); {
		case l.nodes == 0:
		case d.slow && l.busy > d.t.BusyHigh*n:
			ratio := min(d.m.LatencyMS/d.t.LatencyMS, 2)
			if d.add(tier, int(math.Ceil(n*ratio))) { // one more at least, as the ratio is above 1
				d.because("requests took %.1f ms, more than %.1f, and %v was busy for %.0f%% of the time, above %.0f%%", d.m.LatencyMS, d.t.LatencyMS, tier, 100*l.busy/n, 100*d.t.BusyHigh)
			}
		case !d.slow && l.busy < d.t.BusyLow*n:
			d.remove(tier)
		}
	}
}

// remove takes the least busy node from a tier if those that stay bear what it has, below
// the bounds above which nodes are added, and are not fewer than a key needs.
func (d *decider) remove(tier Tier) {
	l := &d.tier[tier]
	var least *Node
	for i := range d.m.Nodes {
		n := &d.m.Nodes[i]
		if n.Tier == tier && (least == nil || cmp.Or(cmp.Compare(n.Busy, least.Busy), cmp.Compare(n.Bytes, least.Bytes), cmp.Compare(n.ID, least.ID)) < 0) {
			least = n
		}
	}
	stay := float64(l.nodes - 1)
	if d.out.Add[tier] > 0 || l.nodes-1 < d.t.MinFactor || l.busy > d.t.BusyHigh*stay ||
		l.bytes >= d.t.StorageLow*l.capacity || l.bytes > d.t.StorageHigh*(l.capacity-float64(least.Capacity)) {
		return
	}
	d.out.Remove = append(d.out.Remove, least.ID)
	d.because("%v was busy for %.0f%% of the time, below %.0f%%, and full to %.0f%%", tier, 100*l.busy/float64(l.nodes), 100*d.t.BusyLow, 100*l.bytes/l.capacity)
}

// factors spreads keys over more nodes, while requests are slow, and takes replicas back,
// while they are not, from keys that are used half as much as when they were spread.
func (d *decider) factors() {
	moved := make(map[string]bool, len(d.out.Moves))
	for _, x := range d.out.Moves {
		moved[x.Key] = true
	}
	uneven := d.uneven()
	var change []*Key
	want := make(map[string]int)
	for i := range d.m.Keys {
		if k := &d.m.Keys[i]; !moved[k.Name] && d.tier[k.Tier].nodes > 0 {
			if n := d.replicas(k, uneven[k.Tier]); n != k.Factor {
				want[k.Name] = n
				change = append(change, k)
			}
		}
	}
	slices.SortFunc(change, func(a, b *Key) int { return cmp.Or(cmp.Compare(b.Work, a.Work), cmp.Compare(a.Name, b.Name)) })
	change = change[:min(len(change), d.t.MaxMoves-len(d.out.Moves))]
	more, fewer := 0, 0
	for _, k := range change {
		if want[k.Name] > k.Factor {
			more++
			if d.raised == nil {
				d.raised = make(map[string]float64)
			}
			d.raised[k.Name] = k.Work
		} else {
			fewer++
			delete(d.raised, k.Name)
		}
		d.out.Factors = append(d.out.Factors, Factor{k.Name, want[k.Name]})
	}
	slices.SortFunc(d.out.Factors, func(a, b Factor) int { return cmp.Compare(a.Key, b.Key) })
	if more > 0 {
		d.because("keys were used more than their replicas can bear, or had fewer than %d: %d", d.t.MinFactor, more)
	}
	if fewer > 0 {
		d.because("keys had more replicas than their use asks for: %d", fewer)
	}
}

// hasBusy reports whether a node of a tier has no time.
func (d *decider) hasBusy(tier Tier) bool {
	return slices.ContainsFunc(d.m.Nodes, func(n Node) bool { return n.Tier == tier && n.Busy > d.t.BusyHigh })
}

// spread adds a node to a tier of which one has no time, where requests are slow and nothing
// else can be done for it: what lies together by chance comes to lie apart.
func (d *decider) spread() {
	if !d.slow || !d.out.Empty() {
		return
	}
	for tier := range Tier(tiers) {
		if d.hasBusy(tier) && d.add(tier, d.tier[tier].nodes+1) {
			d.because("requests took %.1f ms, more than %.1f, a node of %v was busy above %.0f%% of the time, and no key stands out", d.m.LatencyMS, d.t.LatencyMS, tier, 100*d.t.BusyHigh)
		}
	}
}

// replicas is how many of a key there should be. One that asks more of a node than it may
// gets as many as it takes; where a tier is uneven, one that is used much more than others
// there, by at least so much work, gets one more.
func (d *decider) replicas(k *Key, uneven float64) int {
	nodes := d.tier[k.Tier].nodes
	least := min(d.t.MinFactor, nodes)
	need := min(max(least, int(math.Ceil(k.Work/d.t.BusyHigh))), nodes)
	switch raised, was := d.raised[k.Name]; {
	case k.Factor < least || d.slow && need > k.Factor:
		return need
	case d.slow && k.Work > uneven:
		return min(k.Factor+1, nodes)
	case !d.slow && need < k.Factor && (!was || k.Work <= raised/2):
		return need
	}
	return min(k.Factor, nodes)
}

// uneven is, by tier, the work above which a key is used much more than others, if requests
// are slow while the tier has time, and a node of it none: three standard deviations above
// the mean of the keys in use.
func (d *decider) uneven() (above [tiers]float64) {
	for tier := range Tier(tiers) {
		above[tier] = math.Inf(1)
		if l := &d.tier[tier]; l.busy > d.t.BusyHigh*float64(l.nodes) || !d.hasBusy(tier) {
			continue
		}
		n, sum, squares := 0.0, 0.0, 0.0
		for i := range d.m.Keys {
			if k := &d.m.Keys[i]; k.Tier == tier {
				n, sum, squares = n+1, sum+k.Work, squares+k.Work*k.Work
			}
		}
		if n > 0 {
			mean := sum / n
			above[tier] = mean + 3*math.Sqrt(max(squares/n-mean*mean, 0))
		}
	}
	return above
}
