package oracle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// TestStorage: what is left of work that is done, more than the configuration says, and
// owners that hold different dots, are each seen; and nothing is where nothing is left.
func TestStorage(t *testing.T) {
	ops := []workload.Operation{
		op(1, history.Inc, history.Counter, "c", "5"), op(2, history.Inc, history.Counter, "c", "7"), op(3, history.Inc, history.Counter, "c", "9"),
	}
	seen := func(f *fake) (kinds []string) {
		for _, v := range f.failed {
			kinds = append(kinds, strings.Split(v, "/")[1])
		}
		slices.Sort(kinds)
		f.failed = nil
		return slices.Compact(kinds)
	}
	f := cluster(t, ops...)
	o := oracle.Storage{Lost: new(oracle.LostWrites), CheckpointBytes: 10, Log: 1}
	o.Begin(f)
	o.AtRest(&oracle.Rest{Came: true})
	assert.Empty(t, seen(f))
	n := f.owner("c", 0)
	f.write(t, &o, n, 0, kind.Amount(5), false)
	o.AtRest(&oracle.Rest{})
	assert.Empty(t, seen(f), "it did not come to rest")
	o.AtRest(&oracle.Rest{Came: true})
	assert.Equal(t, []string{"dots in flight", "records", "records being persisted"}, seen(f))

	f = cluster(t, ops...)
	o = oracle.Storage{Lost: new(oracle.LostWrites), Log: 1}
	o.Begin(f)
	for i := range ops {
		f.write(t, &o, n, i, kind.Amount(5), true)
	}
	for range 4 {
		o.Persisted(n)
	}
	assert.Equal(t, []string{"log"}, seen(f))
	o.AtRest(&oracle.Rest{Came: true})
	assert.Equal(t, []string{"deltas", "sessions"}, seen(f), "three sessions, of one that the plan has")
	f.write(t, &o, f.owner("c", 1), 0, kind.Amount(5), true)
	o.AtRest(&oracle.Rest{Came: true})
	assert.Contains(t, seen(f), "dots")
	f.stores[n] = nil
	o.Persisted(n)
	o.AtRest(&oracle.Rest{Came: true})
	assert.NotContains(t, seen(f), "dots", "a node that is down has none")
}
