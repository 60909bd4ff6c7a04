package explore

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// tally is a node that keeps, by node, how often it heard of an increment there,
// and tells the others of its own; with sum it keeps one sum instead, to which
// each arrival adds.
type tally struct {
	own  [3]int
	sum  int
	told bool // its timer has told the others again
}

func tallies(sum bool, c Cluster[tally]) Cluster[tally] {
	c.Nodes = 3
	tell := func(self int, n tally) (out []Message) {
		for to := range 3 {
			if to != self {
				out = append(out, Message{To: to, Payload: fmt.Sprint(n.own[self])})
			}
		}
		return out
	}
	c.Start = func(int) (tally, []Message) { return tally{}, nil }
	c.Step = func(self int, n tally, ev Event) (tally, []Message, error) {
		switch ev.Kind {
		case Take:
			n.own[self]++
			n.sum++
			n.told = false
			return n, tell(self, n), nil
		case Fire:
			n.told = true
			return n, tell(self, n), nil
		}
		var v int
		if _, err := fmt.Sscan(ev.Payload, &v); err != nil {
			return n, nil, err
		}
		n.own[ev.From] = max(n.own[ev.From], v)
		n.sum++
		if !sum {
			n.sum = n.own[0] + n.own[1] + n.own[2]
		}
		return n, nil, nil
	}
	c.Append = func(dst []byte, n tally) []byte { return fmt.Appendf(dst, "%v", n) }
	c.CheckEnd = func(nodes []tally) string {
		for i, n := range nodes {
			if want := len(c.Inputs); n.sum != want {
				return fmt.Sprintf("n%d counts %d of %d", i, n.sum, want)
			}
		}
		return ""
	}
	return c
}

func explored(t *testing.T, c Cluster[tally], o Options) Result[*Global[tally], Action] {
	t.Helper()
	m, err := c.Model()
	require.NoError(t, err)
	r, err := c.Run(o)
	require.NoError(t, err)
	if r.Violation != nil {
		replay(t, m, r.Violation)
	}
	return r
}

// plainly searches the plain model of c with nothing left out.
func plainly(t *testing.T, c Cluster[tally]) Result[*Global[tally], Action] {
	t.Helper()
	m, err := c.Model()
	require.NoError(t, err)
	r, err := Run(m, Options{NoCommute: true})
	require.NoError(t, err)
	return r
}

func TestAClusterIsExploredAlikeWithAndWithoutReduction(t *testing.T) {
	c := tallies(false, Cluster[tally]{Inputs: []Input{{-1, 1}, {-1, 2}}, Duplicates: 1})
	full := explored(t, c, Options{NoCommute: true, NoSymmetry: true})
	require.True(t, full.Complete)
	require.Nil(t, full.Violation, "duplicates do no harm to maxima")
	awake := explored(t, c, Options{NoSymmetry: true, Samples: 4})
	require.True(t, awake.Complete)
	require.Equal(t, full.States, awake.States)
	require.Less(t, awake.Transitions, full.Transitions*4/5)
	require.Empty(t, awake.Refuted)
	require.Equal(t, full.States, plainly(t, c).States)
	both := explored(t, c, Options{})
	require.True(t, both.Complete)
	require.Equal(t, full.Depth, both.Depth)
	require.Less(t, both.States, full.States/5, "twelve renamings: two inputs for any node")
	require.Equal(t, full.States, both.Renamed)
	require.Equal(t, 12, both.Renamings)
	t.Logf("states %d, %d up to renaming; transitions %d, %d, %d", full.States, both.States, full.Transitions, awake.Transitions, both.Transitions)
}

func TestTheShortestFailureOfACluster(t *testing.T) {
	cases := []struct {
		name  string
		c     Cluster[tally]
		kinds []ActionKind
	}{
		{"duplicate", tallies(true, Cluster[tally]{Inputs: []Input{{0, 1}}, Duplicates: 1}),
			[]ActionKind{Deliver, Deliver, Take, Duplicate}},
		{"drop", tallies(false, Cluster[tally]{Inputs: []Input{{1, 1}}, Drops: 1}),
			[]ActionKind{Deliver, Take, Drop}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for _, o := range []Options{{}, {NoCommute: true}, {NoSymmetry: true}, {NoCommute: true, NoSymmetry: true}} {
				r := explored(t, tc.c, o)
				require.NotNil(t, r.Violation)
				var kinds []ActionKind
				for _, a := range r.Violation.Path {
					kinds = append(kinds, a.Kind)
				}
				slices.Sort(kinds)
				require.Equal(t, tc.kinds, kinds)
			}
		})
	}
}

func TestTimersMakeUpForDrops(t *testing.T) {
	c := tallies(false, Cluster[tally]{Inputs: []Input{{0, 1}}, Drops: 1, Firings: 1})
	c.Timers = func(_ int, n tally) []uint64 {
		if n.own != [3]int{} && !n.told {
			return []uint64{7}
		}
		return nil
	}
	r := explored(t, c, Options{})
	require.Nil(t, r.Violation, "all is told twice")
	require.True(t, r.Complete)
	c.Drops = 2
	require.NotNil(t, explored(t, c, Options{}).Violation)
	c.Drops, c.Firings = 1, 0
	require.NotNil(t, explored(t, c, Options{}).Violation)
}

func TestACrashLosesWhatIsNotKept(t *testing.T) {
	c := tallies(false, Cluster[tally]{Inputs: []Input{{0, 1}}, Crashes: 1})
	c.Crashed = func(int, tally) (tally, []Message, error) { return tally{}, nil, nil }
	r := explored(t, c, Options{})
	require.NotNil(t, r.Violation)
	c.Crashed = func(_ int, n tally) (tally, []Message, error) { return n, nil, nil }
	require.Nil(t, explored(t, c, Options{}).Violation)
}

func TestClustersAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(c *Cluster[tally]){
		"no nodes":     func(c *Cluster[tally]) { c.Nodes = 0 },
		"inputs":       func(c *Cluster[tally]) { c.Inputs = make([]Input, 65) },
		"input's node": func(c *Cluster[tally]) { c.Inputs = []Input{{Node: 3}} },
		"crashes":      func(c *Cluster[tally]) { c.Crashes = 1 },
		"negative":     func(c *Cluster[tally]) { c.Drops = -1 },
		"faults":       func(c *Cluster[tally]) { c.Drops = 1001 },
		"firings":      func(c *Cluster[tally]) { c.Firings = 256 },
	} {
		c := tallies(false, Cluster[tally]{})
		spoil(&c)
		_, err := c.Model()
		require.ErrorIs(t, err, ErrModel, name)
		_, err = c.Run(Options{})
		require.ErrorIs(t, err, ErrModel, name)
	}
}

// TestMessagesAreForNodes: one that is not is an error of the model, whoever sends it.
func TestMessagesAreForNodes(t *testing.T) {
	astray := []Message{{To: 3}}
	for _, spoil := range []func(c *Cluster[tally]){
		func(c *Cluster[tally]) { c.Start = func(int) (tally, []Message) { return tally{}, astray } },
		func(c *Cluster[tally]) {
			c.Step = func(int, tally, Event) (tally, []Message, error) { return tally{}, astray, nil }
		},
		func(c *Cluster[tally]) {
			c.Step = func(int, tally, Event) (tally, []Message, error) {
				return tally{}, make([]Message, listChunk), nil
			}
		},
	} {
		c := tallies(false, Cluster[tally]{Inputs: []Input{{0, 1}}})
		spoil(&c)
		_, err := c.Run(Options{})
		require.ErrorIs(t, err, ErrModel)
	}
}

// TestEachStepOfANodeIsTakenOnce counts the calls of Step: the states of the
// cluster combine those of its nodes.
func TestEachStepOfANodeIsTakenOnce(t *testing.T) {
	c := tallies(false, Cluster[tally]{Inputs: []Input{{0, 1}, {1, 2}}, Duplicates: 1})
	calls := map[string]int{}
	step := c.Step
	c.Step = func(self int, n tally, ev Event) (tally, []Message, error) {
		calls[fmt.Sprint(self, n, ev)]++
		return step(self, n, ev)
	}
	plain := plainly(t, c)
	for _, o := range []Options{{NoSymmetry: true}, {}} {
		clear(calls)
		r := explored(t, c, o)
		require.True(t, r.Complete)
		require.Equal(t, plain.States, r.Renamed)
		require.Equal(t, plain.Depth, r.Depth)
		for what, n := range calls {
			require.Equal(t, 1, n, what)
		}
		require.Less(t, len(calls), r.Transitions/4)
	}
}

func TestProgressCanEndASearch(t *testing.T) {
	cause := errors.New("enough")
	var seen []int
	r, err := Run(grid(4, 9), Options{NoSymmetry: true, Progress: func(states int) error {
		seen = append(seen, states)
		if states >= 3000 {
			return cause
		}
		return nil
	}})
	require.ErrorIs(t, err, cause)
	require.Equal(t, []int{1000, 2000, 3000}, seen)
	require.Equal(t, 3000, r.States)
	require.False(t, r.Complete)
}
