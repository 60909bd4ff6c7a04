package invariant_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/invariant"
)

// node is a node that holds what a case says.
type node struct {
	log  entries
	far  int
	busy bool
}

func (*node) Start(*sim.Context)                       {}
func (*node) Timer(*sim.Context, sim.TimerID)          {}
func (*node) Receive(*sim.Context, sim.NodeID, []byte) {}

// entries is a log, which may begin late.
type entries []invariant.Entry

var errRead = errors.New("torn")

func (e entries) FirstIndex() (uint64, error) {
	if len(e) == 0 {
		return 1, nil
	}
	return e[0].Index, nil
}

func (e entries) LastIndex() (uint64, error) {
	if len(e) == 0 {
		return 0, nil
	}
	return e[len(e)-1].Index, nil
}

func (e entries) at(i uint64) (invariant.Entry, error) {
	if found := e[i-e[0].Index]; found.Data != "torn" {
		return found, nil
	}
	return invariant.Entry{}, errRead
}

// logOf is a log whose entries have a letter of data and a term each, from an index on.
func logOf(first uint64, data string, terms ...uint64) (e entries) {
	for i, term := range terms {
		e = append(e, invariant.Entry{Index: first + uint64(i), Term: term, Data: data[i : i+1]})
	}
	return e
}

// judged runs nodes that do nothing, and returns what came of it.
func judged(t *testing.T, nodes []*node, in campaign.Instance) *campaign.Result {
	t.Helper()
	p := campaign.Protocol{
		Name: "still", Setup: campaign.Setup{Nodes: len(nodes)},
		New: func(*campaign.Run) campaign.Instance {
			in.Actor = func(n sim.NodeID) sim.Actor { return nodes[n] }
			return in
		},
	}
	_, res, err := p.RunWith(t.Context(), 1, choice.Benign)
	require.NoError(t, err)
	return res
}

// TestLogsMatch: logs that agree at an index must agree before it; what is behind the last
// agreement may differ.
func TestLogsMatch(t *testing.T) {
	a := logOf(1, "abcd", 1, 1, 2, 2)
	for what, b := range map[string]struct {
		log   entries
		wrong string
	}{
		"the same":                    {logOf(1, "abcd", 1, 1, 2, 2), ""},
		"shorter":                     {logOf(1, "ab", 1, 1), ""},
		"empty":                       {nil, ""},
		"longer":                      {logOf(1, "abcde", 1, 1, 2, 2, 7), ""},
		"another end":                 {logOf(1, "abxy", 1, 1, 3, 3), ""},
		"nothing in common":           {logOf(1, "wxyz", 3, 3, 3, 3), ""},
		"begins late":                 {logOf(3, "cd", 2, 2), ""},
		"begins behind the other":     {logOf(6, "f", 2), ""},
		"begins late and wrong":       {logOf(3, "xd", 2, 2), "index 3,"},
		"agrees behind what does not": {logOf(1, "abxd", 1, 1, 1, 2), "index 3,"},
		"other data in one term":      {logOf(1, "axcd", 1, 1, 2, 2), "index 2,"},
		"other data at the first":     {logOf(1, "xbcd", 1, 1, 2, 2), "index 1,"},
		"another index at the end":    {logOf(1, "abce", 1, 1, 2, 2), "index 4,"},
	} {
		for _, nodes := range [][]*node{{{log: a}, {log: b.log}}, {{log: b.log}, {log: a}}, {{log: a}, {log: a}, {log: b.log}}} {
			res := judged(t, nodes, campaign.Instance{
				Check: invariant.LogsMatch(len(nodes), func(n *node) entries { return n.log }, entries.at),
			})
			if b.wrong == "" {
				assert.Empty(t, res.Violations, what)
				continue
			}
			require.Len(t, res.Violations, 1, what)
			assert.Equal(t, "log matching/two entries//-1", res.Violations[0].Signature())
			assert.Contains(t, res.Violations[0].Message, b.wrong, what)
		}
	}
	res := judged(t, []*node{{log: logOf(1, "a", 1)}, {log: entries{{Index: 1, Data: "torn"}}}}, campaign.Instance{
		Check: invariant.LogsMatch(2, func(n *node) entries { return n.log }, entries.at),
	})
	require.Len(t, res.Violations, 1)
	assert.Contains(t, res.Violations[0].Message, "log cannot be read: torn")
}

// TestAgreement: a key has one value, whoever says it and how often; another is a
// violation that names both and who said them.
func TestAgreement(t *testing.T) {
	res := judged(t, []*node{{}, {}, {}}, campaign.Instance{Check: func(r *campaign.Run) error {
		leads := invariant.NewAgreement[uint64, sim.NodeID](r, "election safety", "the leader of term")
		leads.Say(0, 1, 0)
		leads.Say(1, 1, 0)
		leads.Say(1, 2, 1)
		leads.Say(0, 1, 0)
		leads.Say(2, 2, 2)
		leads.Say(2, 2, 1)
		return nil
	}})
	require.Len(t, res.Violations, 1)
	v := res.Violations[0]
	assert.Equal(t, "election safety/disagreement//-1", v.Signature())
	assert.Equal(t, "n2 says that the leader of term 2 is n2, and n1 said n1", v.Message)
	assert.Contains(t, fmt.Sprint(invariant.Entry{Index: 3, Term: 2, Data: string(make([]byte, 50))}), "and 10 bytes more")
}

// TestConvergedAndSame: all must be settled and equally far, and of one value.
func TestConvergedAndSame(t *testing.T) {
	done := invariant.Converged(2, func(n *node) (int, bool) { return n.far, !n.busy })
	same := invariant.Same(2, "the log", func(n *node) string { return fmt.Sprint(n.log) })
	for what, c := range map[string]struct {
		nodes  []*node
		wanted string
	}{
		"alike":         {[]*node{{far: 2}, {far: 2}}, ""},
		"behind":        {[]*node{{far: 2}, {far: 1}}, "done/not done//-1"},
		"busy":          {[]*node{{far: 2}, {far: 2, busy: true}}, "done/not done//-1"},
		"the first is":  {[]*node{{far: 2, busy: true}, {far: 2}}, "done/not done//-1"},
		"another value": {[]*node{{far: 2}, {far: 2, log: logOf(1, "a", 1)}}, "check/the log differs//-1"},
		"others do not": {[]*node{{far: 2}, {far: 2}, {far: 9, busy: true}}, ""},
	} {
		seen := ""
		in := campaign.Instance{Done: done, Check: invariant.All(func(*campaign.Run) error { seen += "first,"; return nil }, same)}
		res := judged(t, c.nodes, in)
		if c.wanted == "" {
			assert.Empty(t, res.Violations, what)
			assert.Equal(t, "first,", seen)
			continue
		}
		require.NotEmpty(t, res.Violations, what)
		assert.Equal(t, c.wanted, res.Violations[0].Signature(), what)
	}
	res := judged(t, []*node{{}}, campaign.Instance{Done: invariant.Converged(2, func(n *node) (int, bool) { return 0, true })})
	assert.NotEmpty(t, res.Violations, "a node that is not there has not converged")
	wrong := errors.New("the first")
	res = judged(t, []*node{{}, {}}, campaign.Instance{Check: invariant.All(func(*campaign.Run) error { return wrong }, func(*campaign.Run) error { return errRead })})
	require.Len(t, res.Violations, 1)
	assert.Equal(t, "the first", res.Violations[0].Message)
}
