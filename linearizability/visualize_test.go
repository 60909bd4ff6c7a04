package linearizability

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

func TestVisualize(t *testing.T) {
	h := oracle.RandomRegister(7, oracle.Shape{Ops: 9, Sessions: 3, Keys: 2, Unknown: 20}, true)
	var page strings.Builder
	require.NoError(t, Visualize(h, "cas-register", Budget{}, &page))
	for _, o := range h.Ops {
		if o.Happened() { // the page holds the operations as JSON
			quoted, err := json.Marshal(o.String())
			require.NoError(t, err)
			require.True(t, strings.Contains(page.String(), string(quoted)), "%v is not drawn", o)
		}
	}
	require.True(t, Visualizes("cas-register"))
	require.False(t, Visualizes("cc"))
	require.ErrorIs(t, Visualize(h, "cc", Budget{}, &page), ErrUnknownModel)
	require.ErrorContains(t, Visualize(h, "cas-register", Budget{Time: -1}, &page), "negative")
	require.ErrorIs(t, Visualize(&history.History{Ops: []history.Op{{Index: 2}}}, "cas-register", Budget{}, &page), history.ErrInvalid)
	thin := sessionsOf(t, []string{"w x 1", "w x 1", "r x 1"})
	require.ErrorContains(t, Visualize(thin, "causal", Budget{}, &page), "more than one place")
	require.ErrorContains(t, Visualize(h, "cas-register", Budget{}, brokenWriter{}), "gone")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }
