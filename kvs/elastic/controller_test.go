package elastic_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/policy"
	"github.com/joinery-go/joinery/kvs/ring"
)

func each(t *testing.T, seeds int, f func(t *testing.T, seed uint64)) {
	for seed := range uint64(seeds) {
		f(t, seed)
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// TestSteadyLoadsSettle: under a load that stays, decisions come to an end, and what they come to
// serves it in time, or there may be no more nodes.
func TestSteadyLoadsSettle(t *testing.T) {
	served, longest, decisions := 0, uint64(0), 0
	const seeds = 40
	each(t, seeds, func(t *testing.T, seed uint64) {
		m := newModel(t, 2+int(seed%5), 8+int(seed%3)*8, seed)
		m.lose = int(seed % 4)
		for p := range m.load {
			m.load[p] = m.rand.Float64() * 250
		}
		m.load[m.rand.IntN(len(m.load))] = m.rand.Float64() * 2500
		longest = max(longest, m.settle())
		decisions += len(m.decided)
		if len(m.truth().Members.In(member.Active)) < m.o.Targets.MaxNodes[policy.Memory] {
			served++
			assert.LessOrEqual(t, m.slow(), 2*m.o.Targets.LatencyMS, "%v", m.truth())
		}
	})
	t.Logf("settled in at most %d ms; %d decisions; %d of %d loads served on fewer than the most nodes", longest, decisions, served, seeds)
	assert.Greater(t, decisions, seeds)
	assert.Greater(t, served, seeds/4)
}

// TestHotPartition: one that many want at once comes to have more replicas, until requests are fast;
// once they have lost interest it has as many as the others, and the nodes that came for it go.
func TestHotPartition(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		m := newModel(t, 4, 8, seed)
		m.lose = int(seed % 5)
		for p := range m.load {
			m.load[p] = 120
		}
		m.settle()
		require.Empty(t, m.truth().Factors)
		nodes := len(m.truth().Members.In(member.Active))
		hot := ring.Partition(m.rand.IntN(8))
		m.load[hot] = 3000
		m.settle()
		require.GreaterOrEqual(t, m.truth().Factors.Replicas(hot), 4, "%v", m.truth())
		require.LessOrEqual(t, m.slow(), 2*m.o.Targets.LatencyMS)
		m.load[hot] = 10
		m.settle()
		require.Equal(t, 2, m.truth().Factors.Replicas(hot), "%v", m.truth())
		require.LessOrEqual(t, len(m.truth().Members.In(member.Active)), nodes)
	})
}

// TestControllersComeAndGo: whatever is lost and late, while controllers crash and start anew, and
// two are at work at once, the bounds of nodes hold, and in the end one of them has all of its
// decisions hold and takes back what is needed no more.
func TestControllersComeAndGo(t *testing.T) {
	most, least, crashes := 0, 99, 0
	each(t, 40, func(t *testing.T, seed uint64) {
		m := newModel(t, 2+int(seed%4), 8, seed)
		m.lose = 2 + int(seed%6)
		m.o.Targets.Settle = int(seed % 3)
		for range 12 {
			for p := range m.load {
				m.load[p] = m.rand.Float64() * []float64{20, 200, 800}[m.rand.IntN(3)]
			}
			m.load[m.rand.IntN(len(m.load))] = m.rand.Float64() * 3000
			for range 20 + m.rand.IntN(200) {
				m.step()
			}
			switch m.rand.IntN(3) {
			case 0: // one starts anew
				m.controllers = m.controllers[:len(m.controllers)-1]
				m.controller()
				crashes++
			case 1: // one more, while the other is taken for dead
				if len(m.controllers) < 3 {
					m.controller()
				}
			}
			least = min(least, len(m.truth().Members.In(member.Active)))
		}
		m.controllers, m.lose = m.controllers[:0], 0
		m.controller()
		clear(m.load)
		m.settle()
		most = max(most, m.most)
		v := m.truth()
		require.True(t, v.Includes(m.controllers[0].Goal()))
		require.Len(t, v.Members.In(member.Active), m.o.Targets.MinFactor, "nobody wants anything")
		for _, f := range v.Factors {
			require.LessOrEqual(t, f.Val.Replicas(), 2, "partition %d", f.Key)
		}
	})
	assert.Equal(t, targets().MaxNodes[policy.Memory], most)
	assert.Equal(t, 2, least)
	assert.Positive(t, crashes)
}

// TestFromTheViewAlone: a controller that starts anew, with nothing but the view, has factors stay
// for as long as their load does, and numbers its decisions after those that there were.
func TestFromTheViewAlone(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		m := newModel(t, 6, 8, seed)
		m.lose = int(seed % 3)
		hot := ring.Partition(m.rand.IntN(8))
		m.load[hot] = 3000
		m.settle()
		was, before := m.truth(), len(m.decided)
		require.GreaterOrEqual(t, was.Factors.Replicas(hot), 4)
		m.controllers = m.controllers[:0]
		m.controller()
		m.settle()
		require.Len(t, m.decided, before, "nothing is decided that was before")
		require.Equal(t, was, m.truth())
		m.load[hot] = 10
		m.settle()
		require.Equal(t, 2, m.truth().Factors.Replicas(hot))
		require.Greater(t, m.truth().Factors.At(hot).Epoch(), was.Factors.At(hot).Epoch())
	})
}

// TestUnevenLoadStaysSpread: where one partition stands out, and is given a replica more for it than
// its own work takes, it keeps that while the load stays: what made requests fast is not undone for
// being fast.
func TestUnevenLoadStaysSpread(t *testing.T) {
	raised := 0
	each(t, 30, func(t *testing.T, seed uint64) {
		m := newModel(t, 6, 48, seed)
		m.o.Targets.LatencyMS = 1.6
		m.controllers = m.controllers[:0]
		m.controller()
		for p := range m.load {
			m.load[p] = 30
		}
		hot := ring.Partition(m.rand.IntN(48))
		m.load[hot] = 1000 + 300*m.rand.Float64()
		m.settle()
		before := len(m.decided)
		if m.truth().Factors.Replicas(hot) > 2 {
			raised++
		}
		for range 200 {
			m.step()
		}
		require.Len(t, m.decided, before)
	})
	assert.Greater(t, raised, 5)
}

// TestOptions: what a controller cannot go by is refused.
func TestOptions(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{1, 2, 3}, 4, 2)
	require.NoError(t, err)
	for name, change := range map[string]func(o *elastic.Options){
		"no ring":           func(o *elastic.Options) { o.Ring = nil },
		"no period":         func(o *elastic.Options) { o.PeriodMS = 0 },
		"no time for asks":  func(o *elastic.Options) { o.AskMS = 0 },
		"another factor":    func(o *elastic.Options) { o.Targets.MinFactor = 3 },
		"fewer than a ring": func(o *elastic.Options) { o.Targets.MaxNodes[policy.Memory] = 2 },
		"no latency":        func(o *elastic.Options) { o.Targets.LatencyMS = 0 },
	} {
		o := elastic.Options{Ring: rg, Targets: targets(), PeriodMS: 1, AskMS: 1}
		_, err := elastic.New(o)
		require.NoError(t, err)
		change(&o)
		_, err = elastic.New(o)
		assert.ErrorIs(t, err, elastic.ErrOptions, name)
	}
	few, err := ring.New([]ring.NodeID{1}, 4, 2)
	require.NoError(t, err)
	_, err = elastic.New(elastic.Options{Ring: few, Targets: targets(), PeriodMS: 1, AskMS: 1})
	assert.ErrorIs(t, err, elastic.ErrOptions, "fewer nodes than replicas")
}
