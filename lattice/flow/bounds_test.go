package flow_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/flow"
)

type failing struct{ r io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = io.ErrClosedPipe
	}
	return n, err
}

func TestReader(t *testing.T) {
	lines := func(r io.Reader, limit int) ([]string, error) {
		g := flow.New("g", flow.Options{Batch: 2})
		out := flow.Collect(flow.FromReader(g, r, limit))
		s, err := flow.Start(g)
		require.NoError(t, err)
		err = s.Run(context.Background())
		return out.Take(), err
	}
	got, err := lines(strings.NewReader("ab\ncd\r\n\nlast"), 4)
	require.NoError(t, err)
	require.Equal(t, []string{"ab", "cd", "", "last"}, got)
	got, err = lines(strings.NewReader("abcd\nabcde\nx"), 4)
	require.ErrorIs(t, err, flow.ErrBound)
	require.ErrorContains(t, err, "read#0")
	require.Equal(t, []string{"abcd"}, got)
	_, err = lines(bytes.NewReader(make([]byte, 100_000)), 5000)
	require.ErrorIs(t, err, flow.ErrBound)
	got, err = lines(failing{strings.NewReader("ab\ncd\nef\n")}, 4)
	require.ErrorIs(t, err, flow.ErrSource)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Equal(t, []string{"ab", "cd", "ef"}, got)
}

// TestBounds: each bound that is passed is named, and what fits is not lost.
func TestBounds(t *testing.T) {
	small := flow.Options{Held: 3, Batch: 2}
	fails := func(name string, build func(g *flow.Graph)) {
		t.Run(name, func(t *testing.T) {
			g := flow.New("g", small)
			build(g)
			s, err := flow.Start(g)
			require.NoError(t, err)
			for range 2 {
				err = s.Run(context.Background())
				require.ErrorIs(t, err, flow.ErrBound)
				require.ErrorContains(t, err, name+"#")
			}
		})
	}
	fails("unique", func(g *flow.Graph) { flow.ForEach(flow.Unique(fives(g)), func(int) {}) })
	fails("cross", func(g *flow.Graph) {
		flow.ForEach(flow.Cross(fives(g), flow.Once(g, 0), func(a, b int) int { return a + b }), func(int) {})
	})
	fails("flat-map", func(g *flow.Graph) {
		flow.ForEach(flow.FlatMap(fives(g), func(v int) iter.Seq[int] { return slices.Values(numbers(v)) }), func(int) {})
	})
	fails("collect", func(g *flow.Graph) { flow.Collect(fives(g)) })
	fails("close", func(g *flow.Graph) {
		l, again := flow.NewLoop[int](g)
		ways := flow.Tee(flow.Flatten(flow.Map(flow.Unique(again), func(int) []int { return make([]int, 9) })), 2)
		l.Close(flow.Union(ways[0], flow.Once(g, 0)))
		flow.ForEach(ways[1], func(int) {})
	})

	g := flow.New("g", small)
	out := flow.Collect(fives(g))
	s, err := flow.Start(g)
	require.NoError(t, err)
	var got []int
	for err = s.Run(context.Background()); err != nil; err = s.Run(context.Background()) {
		require.ErrorIs(t, err, flow.ErrBound)
		got = append(got, out.Take()...)
	}
	require.Equal(t, numbers(5), append(got, out.Take()...))
}
