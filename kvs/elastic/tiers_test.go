package elastic_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

// inBoth holds each decision that has a partition leave a tier to what is to be by then: all that are
// active go by the one that has it in both.
func (m *model) inBoth(steps int) (began, ended int) {
	for range steps {
		before, decided := m.truth(), len(m.decided)
		m.step()
		for _, d := range m.decided[decided:] {
			for _, f := range d.Factors {
				at := before.Factors.At(f.Partition)
				if f.Replicas > 0 && f.Disk > 0 {
					began++
					continue
				}
				if wasOnDisk := at.Disk() > 0 && at.Replicas() == 0; wasOnDisk == (f.Disk > 0) {
					require.True(m.t, at.Disk() == 0 || at.Replicas() == 0 || f.Epoch != at.Epoch()+1 || m.allGoBy(f.Partition, at), "%v, which has %v", f, at)
				}
				if at.Replicas() > 0 && at.Disk() > 0 && f.Epoch == at.Epoch()+1 {
					ended++
					require.True(m.t, m.allGoBy(f.Partition, at), "%v, which has %v, before all that are active know", f, at)
				}
			}
		}
	}
	return began, ended
}

func (m *model) allGoBy(p ring.Partition, f member.Factor) bool {
	for _, n := range m.nodes {
		if n.view.Members.At(n.id).Phase() == member.Active && n.view.Factors.At(p) < f {
			return false
		}
	}
	return true
}

// tierOf is the tier that a partition is in, by what all go by.
func (m *model) tierOf(p ring.Partition) string {
	memory, disk := m.truth().Factors.Vector(p)
	switch {
	case memory > 0 && disk > 0:
		return "both"
	case disk > 0:
		return "disk"
	}
	return "memory"
}

// TestDemotedAndPromoted: where memory is full and may not have more nodes, partitions that nobody
// wants go to disk, for which there come to be nodes, until memory has room. Whoever is wanted again,
// and fits, comes back. Each time it is in both tiers first, until all go by that.
func TestDemotedAndPromoted(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		const partitions, hot = 8, 3
		m := newTieredModel(t, 3, partitions, seed, 4)
		m.lose = int(seed % 5)
		m.o.Targets.MaxNodes[policy.Memory], m.o.Targets.Promote, m.o.Targets.Demote = 3, 40, 10
		m.controllers = m.controllers[:0]
		m.controller()
		m.bytes = make([]uint64, partitions)
		for p := range m.bytes {
			m.bytes[p] = modelCapacity * 19 / 100 // of 16 replicas, where three nodes are full with 13
		}
		m.load[hot] = 200
		began, ended := m.inBoth(400)
		demoted := 0
		for p := range ring.Partition(partitions) {
			require.NotEqual(t, "both", m.tierOf(p), "partition %d", p)
			if m.tierOf(p) == "disk" {
				demoted++
			}
		}
		require.Equal(t, "memory", m.tierOf(hot))
		require.Equal(t, 2, demoted, "as many as it takes: %v", m.truth())
		require.GreaterOrEqual(t, began, demoted)
		require.GreaterOrEqual(t, ended, demoted)
		_, onDisk := byTier(m.truth().Members.In(member.Active))
		require.Equal(t, []ring.NodeID{modelDisks, modelDisks + 1}, onDisk)

		for p := range ring.Partition(partitions) {
			if m.tierOf(p) == "disk" {
				m.load[p] = 200
			}
		}
		m.bytes[hot] = 10 // there is room now for one of them, and not for two
		began, ended = m.inBoth(400)
		require.Positive(t, began)
		require.Positive(t, ended)
		promoted := demoted
		for p := range ring.Partition(partitions) {
			if m.tierOf(p) == "disk" {
				promoted--
			}
		}
		require.Equal(t, 1, promoted, "as many as fit: %v", m.truth())
		for p := range m.bytes {
			m.bytes[p] = 10
		}
		began, ended = m.inBoth(400)
		require.Positive(t, began)
		require.Positive(t, ended)
		for p := range ring.Partition(partitions) {
			require.Equal(t, "memory", m.tierOf(p), "partition %d", p)
		}
	})
}

// TestTiersWithControllersThatComeAndGo: as [TestControllersComeAndGo], with two tiers that have loads
// of any kind, and data that come and go. The bounds of each tier hold, and what one has begun another
// one ends.
func TestTiersWithControllersThatComeAndGo(t *testing.T) {
	most, onDisk, moves, crashes := 0, 0, 0, 0
	each(t, 30, func(t *testing.T, seed uint64) {
		m := newTieredModel(t, 2+int(seed%3), 6, seed, 4)
		m.lose = 1 + int(seed%6)
		m.o.Targets.Promote, m.o.Targets.Demote, m.o.Targets.Settle = 60, 20, int(seed%3)
		m.controllers = m.controllers[:0]
		m.controller()
		m.bytes = make([]uint64, 6)
		for range 12 {
			for p := range m.load {
				m.load[p] = m.rand.Float64() * []float64{5, 200, 800}[m.rand.IntN(3)]
				m.bytes[p] = uint64(m.rand.Float64() * modelCapacity * []float64{0, 0.5, 1.2}[m.rand.IntN(3)])
			}
			began, _ := m.inBoth(20 + m.rand.IntN(150))
			moves += began
			switch m.rand.IntN(3) {
			case 0:
				m.controllers = m.controllers[:len(m.controllers)-1]
				m.controller()
				crashes++
			case 1:
				if len(m.controllers) < 3 {
					m.controller()
				}
			}
		}
		m.controllers, m.lose = m.controllers[:0], 0
		m.controller()
		clear(m.load)
		clear(m.bytes)
		m.settle()
		most, onDisk = max(most, m.most), max(onDisk, m.mostOnDisk)
		v := m.truth()
		require.True(t, v.Includes(m.controllers[0].Goal()))
		inMemory, slow := byTier(v.Members.In(member.Active))
		require.Len(t, inMemory, m.o.Targets.MinFactor, "nobody wants anything")
		require.Len(t, slow, m.o.Targets.MinFactor, "nobody wants anything")
		for _, f := range v.Factors {
			require.NotEqual(t, "both", m.tierOf(f.Key), "partition %d", f.Key)
			require.LessOrEqual(t, f.Val.Replicas()+f.Val.Disk(), 2, "partition %d", f.Key)
		}
	})
	assert.Equal(t, targets().MaxNodes[policy.Memory], most)
	assert.Equal(t, 4, onDisk)
	assert.Greater(t, moves, 100)
	assert.Positive(t, crashes)
}

// tieredDesk is a desk of two nodes in memory, 0 and 1, and two on disk, 100 and 101, that all go by
// one view.
func tieredDesk(t *testing.T, factors member.Factors, change func(o *elastic.Options)) *desk {
	rg, err := ring.Tiered([]ring.NodeID{0, 1}, 2, 2, modelDisks, nil)
	require.NoError(t, err)
	o := elastic.Options{Ring: rg, Targets: targets(), PeriodMS: 1000, AskMS: 1000}
	o.Targets.MaxNodes, o.Targets.Promote, o.Targets.Demote = [2]int{4, 3}, 200, 50
	if change != nil {
		change(&o)
	}
	c, err := elastic.New(o)
	require.NoError(t, err)
	d := &desk{t: t, c: c, ring: rg, views: map[ring.NodeID]member.View{}, origin: map[ring.NodeID]uint64{}}
	v := member.View{Members: member.Of(rg), Factors: factors}
	for _, n := range []ring.NodeID{100, 101} {
		v.Members = v.Members.Raised(n, member.In(1, member.Active))
	}
	for _, n := range []ring.NodeID{0, 1, 100, 101} {
		d.views[n] = v
	}
	return d
}

// all has each node report, busy for so many percent with the first partition, but for one that is
// not settled, and ends the period.
func (d *desk) all(percent uint64, unsettled ring.NodeID) []string {
	for _, n := range []ring.NodeID{0, 1, 100, 101} {
		s := d.report(n, 1, percent)
		s.Settled = n != unsettled
		require.NoError(d.t, d.c.Observe(s))
	}
	return to(d.period(1))
}

const nobody = 999

func inTiers(epoch uint32, memory, disk int) member.Factors {
	return member.Factors{{Key: 0, Val: member.VectorOf(epoch, memory, disk)}}
}

// TestBothTiersAreLeftOnceAllKnow: a partition in both tiers goes to the one that its use asks for, as
// soon as each member has said that it goes by that, and has settled, and not before.
func TestBothTiersAreLeftOnceAllKnow(t *testing.T) {
	for percent, want := range map[uint64]string{
		1: "partition 0: 0 replicas in memory and 2 on disk by decision 6", // 40 requests a second
		2: "partition 0: 3 replicas by decision 6",                         // 80
	} {
		d := tieredDesk(t, inTiers(5, 3, 2), nil)
		d.all(percent, nobody)
		require.Empty(t, d.all(percent, 101), "one has not settled")
		require.Empty(t, d.all(percent, 0))
		v := d.views[1]
		for _, n := range []ring.NodeID{1, 101} {
			d.views[n] = member.View{Members: v.Members, Factors: inTiers(4, 3, 0)}
			require.Empty(t, d.all(percent, nobody), "node %d does not know", n)
			d.views[n] = v
		}
		for _, n := range []ring.NodeID{0, 1, 100} {
			require.NoError(t, d.c.Observe(d.report(n, 1, percent)))
		}
		require.Empty(t, d.period(1), "node 101 is silent")
		d.all(percent, nobody)
		asked := d.all(percent, nobody)
		require.Len(t, asked, 1, "%d percent", percent)
		require.Contains(t, asked[0], want)
	}
}

// TestTheDiskTierIsFounded: nodes of the disk tier join with the numbers of theirs, as many as a
// partition has replicas, where there may be some; and no more than there are machines for.
func TestTheDiskTierIsFounded(t *testing.T) {
	for _, c := range []struct {
		most int
		last ring.NodeID
		want []ring.NodeID
	}{{0, 0, nil}, {3, 0, []ring.NodeID{100, 101}}, {2, 0, []ring.NodeID{100, 101}}, {3, 100, []ring.NodeID{100}}} {
		d := tieredDesk(t, nil, func(o *elastic.Options) { o.Targets.MaxNodes[policy.Disk], o.LastDisk = c.most, c.last })
		for _, n := range []ring.NodeID{0, 1} {
			d.views[n] = member.View{Members: member.Of(d.ring)}
		}
		d.period(1, 30, 30)
		d.period(1, 30, 30)
		assert.Equal(t, c.want, d.decided.Join, "%+v", c)
		d.period(1, 30, 30)
		assert.Empty(t, d.decided.Join)
	}
}

// TestTiersCountApart: a tier that is full has no more nodes, however few the other one has, and
// numbers of the one are none of the other; the youngest of a tier leaves, and no more than leave as
// many as a partition has replicas.
func TestTiersCountApart(t *testing.T) {
	for most, want := range map[int][]ring.NodeID{2: nil, 3: {2}, 4: {2, 3}} {
		d := tieredDesk(t, inTiers(1, 2, 0), func(o *elastic.Options) { o.Targets.MaxNodes = [2]int{most, 2} })
		for range 2 {
			for _, n := range []ring.NodeID{0, 1, 100, 101} {
				percent := uint64(95)
				if n >= modelDisks {
					percent = 30
				}
				require.NoError(t, d.c.Observe(d.report(n, 9, percent)))
			}
			d.period(9)
		}
		assert.Equal(t, want, d.decided.Join, "at most %d", most)
	}
	d := tieredDesk(t, nil, nil)
	v := d.views[0]
	v.Members = v.Members.Raised(102, member.In(1, member.Active)).Raised(2, member.In(1, member.Active))
	for _, n := range []ring.NodeID{0, 1, 2, 100, 101, 102} {
		d.views[n] = v
	}
	var left []ring.NodeID
	for range 2 {
		for _, n := range []ring.NodeID{0, 1, 2, 100, 101, 102} {
			require.NoError(t, d.c.Observe(d.report(n, 1, 1)))
		}
		d.period(1)
		left = append(left, d.decided.Leave...)
	}
	assert.Equal(t, []ring.NodeID{2, 102}, left)
}

// TestTierOptions: what cannot be of two tiers is refused.
func TestTierOptions(t *testing.T) {
	rg, err := ring.Tiered([]ring.NodeID{1, 2, 3, 100, 101}, 4, 2, modelDisks, nil)
	require.NoError(t, err)
	for name, most := range map[string][2]int{"more on disk than may be": {8, 1}, "none on disk": {8, 0}, "fewer than replicas": {8, 1}, "too few in memory": {2, 4}, "": {3, 2}} {
		o := elastic.Options{Ring: rg, Targets: targets(), PeriodMS: 1, AskMS: 1}
		o.Targets.MaxNodes = most
		_, err := elastic.New(o)
		if name == "" {
			require.NoError(t, err)
			continue
		}
		assert.ErrorIs(t, err, elastic.ErrOptions, name)
	}
	var ids []ring.NodeID
	for n := range ring.NodeID(20) {
		ids = append(ids, n)
	}
	wide, err := ring.New(ids, 4, member.MaxDisk+1)
	require.NoError(t, err)
	for onDisk, ok := range map[int]bool{0: true, 20: false} {
		o := elastic.Options{Ring: wide, Targets: targets(), PeriodMS: 1, AskMS: 1}
		o.Targets.MinFactor, o.Targets.MaxNodes = member.MaxDisk+1, [2]int{20, onDisk}
		_, err = elastic.New(o)
		assert.Equal(t, ok, err == nil, fmt.Sprint(onDisk))
	}
}
