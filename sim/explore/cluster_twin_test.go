package explore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// toy is a random protocol: nodes in one of a few states, which an event changes by
// a random table, and messages of three ranks, each of which makes only messages of
// lesser rank, so that all comes to an end.
type toy struct {
	draw   func(site string, n int, keys ...int) int
	selves bool // what a node does depends on which one it is
	ids    bool // and on which input it takes
	bad    int  // a state of so many is wrong; 0 is none
}

const toyStates = 4

func newToy(seed uint64) *toy {
	src := choice.Seeded(seed)
	return &toy{draw: func(site string, n int, keys ...int) int {
		h := uint64(0)
		for _, k := range keys {
			h = choice.Mix(h, uint64(k)+1)
		}
		return int(src.Choose(choice.Point{Site: site, Key: h, N: uint64(n)}))
	}}
}

// react is the next state, and what is sent: to the sender, or to all others.
func (y *toy) react(nodes, self, state int, ev Event) (int, []Message) {
	what, rank := int(ev.Kind), 2
	if ev.Kind == Deliver {
		rank = int(ev.Payload[0]-'0') - 1
		what = 100 + int(ev.Payload[0])*10 + int(ev.Payload[1])
	}
	if ev.Kind == Take && y.ids {
		what += 1000 * int(ev.ID)
	}
	who := 0
	if y.selves {
		who = self
	}
	next := y.draw("next", toyStates, who, state, what)
	var sends []Message
	payload := fmt.Sprint(rank, y.draw("payload", 2, who, state, what))
	switch y.draw("sends", 5, who, state, what) {
	case 0:
		if ev.Kind == Deliver && rank >= 0 {
			sends = append(sends, Message{To: ev.From, Payload: payload})
		}
	case 1, 2:
		for to := range nodes {
			if to != self && rank > 0 {
				sends = append(sends, Message{To: to, Payload: payload})
			}
		}
	}
	return next, sends
}

func (y *toy) cluster(seed uint64) Cluster[int] {
	nodes := 2 + y.draw("nodes", 2)
	c := Cluster[int]{
		Nodes: nodes,
		Start: func(self int) (int, []Message) {
			var sends []Message
			if nodes == 2 {
				sends = []Message{{To: 1 - self, Payload: "20"}}
			}
			return 0, sends
		},
		Step: func(self, n int, ev Event) (int, []Message, error) {
			next, sends := y.react(nodes, self, n, ev)
			return next, sends, nil
		},
		Crashed: func(self, n int) (int, []Message, error) {
			next, sends := y.react(nodes, self, n, Event{Kind: Crash})
			return next, sends, nil
		},
		Timers: func(self, n int) []uint64 {
			if y.draw("armed", 2, n) == 0 {
				return []uint64{7}
			}
			return nil
		},
		Append:  func(dst []byte, n int) []byte { return append(dst, byte(n)) },
		Firings: y.draw("firings", 2),
	}
	switch y.draw("faults", 4) {
	case 0:
		c.Crashes = 1
	case 1:
		c.Drops = 1 + y.draw("drops", 2)
	case 2:
		c.Duplicates = 1
	case 3:
		c.Drops, c.Duplicates, c.Crashes = 1, 1, y.draw("crashes", 2)
	}
	for i := range y.draw("inputs", 4) {
		c.Inputs = append(c.Inputs, Input{Node: y.draw("at", nodes+1, i) - 1, ID: uint64(i)})
	}
	c.CheckNode = func(self, n int) string {
		if y.bad > 0 && n == toyStates-1 && y.draw("bad", y.bad, n) == 0 {
			return fmt.Sprint("bad node ", self)
		}
		return ""
	}
	return c
}

// TestClustersAgreeWithTheirPlainTwins explores random protocols with each mix of
// reductions, and holds states, verdicts, the shortest ways and the ends to those
// of brute force over the plain model.
func TestClustersAgreeWithTheirPlainTwins(t *testing.T) {
	var wrong, symmetric, refused, late int
	for seed := range uint64(250) {
		y := newToy(seed)
		y.selves, y.ids, y.bad = seed%5 == 1, seed%5 == 2, []int{0, 2}[seed/5%2]
		c := y.cluster(seed)
		ordered := seed%5 == 3 // the end is judged by which node is which
		var ends map[string]bool
		worst := []int{0, 3, 9}[seed/10%3]
		c.CheckEnd = func(nodes []int) string {
			ends[fmt.Sprint(nodes)] = true
			sorted := slices.Clone(nodes)
			if !ordered {
				slices.Sort(sorted)
			}
			if worst > 0 && y.draw("end", worst, sorted...) == 0 {
				return "bad end"
			}
			return ""
		}
		m, err := c.Model()
		require.NoError(t, err)
		ends = map[string]bool{}
		plain, err := Run(m, Options{NoCommute: true, MaxStates: 3_000})
		require.NoError(t, err)
		if plain.Stopped != "" {
			continue // too large for a twin
		}
		all := ends
		for mix := range 8 {
			o := Options{NoCommute: mix&1 > 0, NoSymmetry: mix&2 > 0, Samples: 2, AuditEvery: 3}
			c.EarlyDrops = mix&4 > 0
			ends = map[string]bool{}
			r, err := c.Run(o)
			require.NoError(t, err)
			require.Equal(t, plain.Complete, r.Complete, "seed %d mix %d", seed, mix)
			require.Empty(t, r.Refuted)
			if plain.Violation != nil {
				require.NotNil(t, r.Violation, "seed %d mix %d", seed, mix)
				require.Len(t, r.Violation.Path, len(plain.Violation.Path), "seed %d mix %d: the violation is the shortest", seed, mix)
				replay(t, m, r.Violation)
				wrong++
				continue
			}
			require.Equal(t, all, unfolded(ends, r.Renamings, c), "seed %d mix %d: ends", seed, mix)
			if c.EarlyDrops || c.Drops == 0 {
				require.Equal(t, plain.States, r.Renamed, "seed %d mix %d", seed, mix)
				require.Equal(t, plain.Depth, r.Depth)
			} else if r.Renamed < plain.States {
				late++
			}
			if r.Renamings > 1 && r.States < r.Renamed {
				symmetric++
			}
			if r.Asymmetry != "" {
				refused++
			}
		}
	}
	t.Logf("%d violations, %d searches with symmetry, %d in which some was refused, %d with fewer states for late drops", wrong, symmetric, refused, late)
	require.Greater(t, wrong, 500)
	require.Greater(t, symmetric, 100)
	require.Greater(t, refused, 15)
	require.Greater(t, late, 60)
}

// unfolded adds to ends all that they can be renamed to: as the nodes of a toy do
// not know who they are, that is their rearrangement.
func unfolded(ends map[string]bool, renamings int, c Cluster[int]) map[string]bool {
	if renamings < 2 {
		return ends
	}
	out := map[string]bool{}
	for s := range ends {
		nodes := make([]int, c.Nodes)
		for i := range nodes {
			nodes[i] = int(s[1+2*i] - '0')
		}
		for _, p := range Permutations(c.Nodes) {
			if c.withInputs(p) == nil {
				continue
			}
			other := make([]int, c.Nodes)
			for i := range nodes {
				other[p[i]] = nodes[i]
			}
			out[fmt.Sprint(other)] = true
		}
	}
	return out
}
