package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// standstill is a scheduler that takes jobs, or refuses them, and never runs one.
type standstill struct {
	refuse error
	taken  int
}

func (s *standstill) Offer(string, store.Step) error {
	if s.refuse == nil {
		s.taken++
	}
	return s.refuse
}

// TestStandstill sets while no background work ever runs. Every set is taken, without a
// byte being merged, until as many files wait as the options bound them to, and not
// before; from then on a set that needs another file gets store.ErrBackpressure and
// changes nothing, however often it is tried, while everything else goes on. With that,
// no set can have waited for a merge. backlog is the bound, and atOnce how many files a
// set may add, as for [TestMaintenance].
func TestStandstill(t *testing.T, open func(store.Options) (store.Engine, error), backlog, atOnce int) {
	full := errors.New("full")
	for _, s := range []*standstill{{}, {refuse: full}} {
		d := newDisk(t)
		o := store.Options{Dir: "dir", FS: d, Scheduler: s}
		e, err := open(o)
		require.NoError(t, err)
		held := map[string]string{}
		taken, refused := 0, 0
		for i := 0; refused < 100; i++ {
			require.Less(t, taken, 20_000, "the bound is never reached")
			k, v := fmt.Sprintf("key %d", i%97), fmt.Sprintf("%0100d", i)
			before := e.Size()
			if err := e.Set([]byte(k), []byte(v)); err != nil {
				refused++
				require.ErrorIs(t, err, store.ErrBackpressure)
				require.Equal(t, s.refuse != nil, errors.Is(err, full), "it says what background work failed with")
				require.GreaterOrEqual(t, before.Backlog, backlog, "not before the bound")
				require.Equal(t, before, e.Size(), "nothing happened")
			} else {
				taken++
				held[k] = v
			}
			require.LessOrEqual(t, e.Size().Backlog, backlog+atOnce-1)
			stats := e.Stats()
			require.Equal(t, []int64{int64(taken), int64(refused), 0, 0},
				[]int64{stats.Sets, stats.Refused, stats.Merges, stats.MergedBytes})
		}
		require.Equal(t, s.refuse == nil, s.taken == 1, "a job is offered once, until it is taken")
		is := func() {
			for k, v := range held {
				got, err := e.Get([]byte(k))
				require.NoError(t, err)
				require.Equal(t, v, string(got))
			}
		}
		is()
		require.NoError(t, e.Sync())
		require.NoError(t, e.Close())
		e, err = open(o)
		require.NoError(t, err)
		is()
		require.NoError(t, e.Close())
	}
}
