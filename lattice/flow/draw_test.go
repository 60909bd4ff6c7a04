package flow_test

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

var update = flag.Bool("update", false, "write the golden files")

// TestSVG keeps the drawing of the transitive closure that the README shows.
func TestSVG(t *testing.T) {
	g, _ := closure(nil)
	got := flow.SVG(g)
	if *update {
		require.NoError(t, os.WriteFile("closure.svg", []byte(got), 0o644))
	}
	want, err := os.ReadFile("closure.svg")
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run with -update where the change is meant")
	d := xml.NewDecoder(strings.NewReader(got))
	for err = nil; err == nil; {
		_, err = d.Token()
	}
	require.ErrorIs(t, err, io.EOF)
}

// TestDrawAnything: names that mean something to a drawing language stay names.
func TestDrawAnything(t *testing.T) {
	g := flow.New(`<a> "b" & [c]`, flow.Options{})
	flow.Collect(flow.Once(g, 1).Named("x\"]\n<y>&"))
	require.Contains(t, flow.Mermaid(g), `(["once x#quot;] <y>&"])`)
	require.Contains(t, flow.DOT(g), `label="once x\"]\n<y>&"`)
	require.Contains(t, flow.SVG(g), "once x&#34;]\n&lt;y&gt;&amp;")
}

// TestDrawChannels: graphs that a channel joins are joined in a drawing of both.
func TestDrawChannels(t *testing.T) {
	a, b := flow.New("a", flow.Options{}), flow.New("b", flow.Options{})
	ch := flow.NewChannel[int]("c", 1)
	flow.Send(flow.Once(a, 1), ch)
	flow.Collect(flow.Receive(b, ch))
	require.Contains(t, flow.Mermaid(a, b), "  g0n1 -.-> g1n0\n")
	require.Contains(t, flow.DOT(a, b), "  g0n1 -> g1n0 [style=dashed];\n")
	require.NotContains(t, flow.Mermaid(b), "-.->")
}

// TestTypesOfEdges: drawings name the types of this module by their package alone.
func TestTypesOfEdges(t *testing.T) {
	g := flow.New("g", flow.Options{})
	flow.Collect(flow.Map(flow.Once(g, 1), lattice.Some[int]))
	require.Contains(t, flow.Mermaid(g), `|"lattice.Option[int]"|`)
	require.Contains(t, flow.DOT(g), `label="lattice.Option[int]"`)
}
