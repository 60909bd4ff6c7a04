package storetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store/storetest"
)

func TestWorkloadsParseBack(t *testing.T) {
	kinds := map[storetest.Kind]bool{}
	rapid.Check(t, func(t *rapid.T) {
		w := storetest.Draw(choice.FromRapid(t), rapid.IntRange(0, 50).Draw(t, "n"), rapid.Bool().Draw(t, "crashes"))
		got, err := storetest.Parse("# a comment\n" + w.String())
		require.NoError(t, err)
		require.Equal(t, w.String(), got.String())
		require.Len(t, got, len(w))
		for i := range w {
			kinds[w[i].Kind] = true
			require.Equal(t, w[i], got[i])
		}
	})
	if !testing.Short() { // a fifth of the cases may do without
		require.Len(t, kinds, int(storetest.Split)+1, "all kinds are drawn")
	}
	for _, bad := range []string{"set", "set 1", "set 1 2", "get x", "snapshot 1", "jump", "crash 1", "clone", "split 1", "split 2 3", "restore 1 2", "set 1 2.3 4", " sync"} {
		_, err := storetest.Parse(bad)
		require.Error(t, err, bad)
	}
}
