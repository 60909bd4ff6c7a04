package workload_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// all are the sets of kinds that runs have.
func all(t *testing.T) map[string]*kind.Kinds {
	t.Helper()
	plain, err := workload.Kinds(false)
	require.NoError(t, err)
	foreign, err := workload.Kinds(true)
	require.NoError(t, err)
	tagged, err := workload.TaggedKinds()
	require.NoError(t, err)
	return map[string]*kind.Kinds{"plain": plain, "foreign": foreign, "tagged": tagged}
}

// TestRicherKinds: of whatever kind a set or a counter is, what was put is read, with its tag,
// and what was deleted is not; a field of a map is found by the element.
func TestRicherKinds(t *testing.T) {
	for name, kinds := range all(t) {
		tagged := name == "tagged"
		for key, want := range map[string]string{"a1": "addwins", "v1": "multivalue", "m1": "setmap", "t1": "countermap"} {
			typ := history.Set
			if key == "t1" {
				typ = history.Counter
			}
			k, ok := kinds.Find((&workload.Key{Name: key, Type: typ}).Kind())
			require.True(t, ok)
			require.Equal(t, want, k.Name())
			v := k.New()
			do := func(o workload.Operation, clock uint64) {
				t.Helper()
				o.Type, o.Key = typ, key
				arg, err := o.Argument(nil, tagged, nil)
				require.NoError(t, err)
				u := kind.Update{Arg: arg, Clock: clock, Origin: 7}
				var d kind.Value
				if o.Func == workload.Delete {
					d, err = k.Delete(u, v)
				} else {
					d, err = k.Mutate(u, v)
				}
				require.NoError(t, err)
				v.MergeIn(d)
			}
			reads := func(want history.Value, tags int) {
				t.Helper()
				got, err := workload.ReadingOf(typ, v, tagged, new([]history.Value))
				require.NoError(t, err)
				assert.True(t, got.Value.Equal(want), "%s %s: %v, want %v", name, key, got.Value, want)
				if tagged {
					assert.Len(t, got.Saw, tags)
					held, ok := workload.TagsOf(v)
					assert.True(t, ok)
					assert.Equal(t, got.Saw, held)
				}
			}
			if typ == history.Counter {
				do(workload.Operation{ID: 1, Func: history.Inc, Arg: "5"}, 1)
				do(workload.Operation{ID: 2, Func: history.Inc, Arg: "-3"}, 2)
				reads(history.Int(2), 2)
				_, err := workload.CounterOf(v)
				assert.NoError(t, err)
				do(workload.Operation{ID: 3, Func: workload.Delete}, 3)
				reads(history.Int(0), 3)
				continue
			}
			for i, e := range []string{"e1", "e2", "e3"} {
				do(workload.Operation{ID: uint64(i + 1), Func: history.Add, Arg: e}, uint64(i+1))
			}
			reads(history.List(history.Str("e1"), history.Str("e2"), history.Str("e3")), 3)
			do(workload.Operation{ID: 4, Func: workload.Delete, Arg: "e2"}, 4)
			reads(history.List(history.Str("e1"), history.Str("e3")), 4)
			assert.False(t, k.Absent(v))
			do(workload.Operation{ID: 5, Func: workload.Delete}, 5)
			reads(history.List(), 5)
			assert.True(t, k.Absent(v))
		}
	}
}

// TestReplaces: a put of a multi-value register names what its session has read, which it
// replaces, and nothing else.
func TestReplaces(t *testing.T) {
	for name, kinds := range all(t) {
		k, _ := kinds.Find("multivalue")
		put := func(id, session uint64, names []byte) kind.Value {
			o := workload.Operation{ID: id, Func: history.Add, Type: history.Set, Key: "v1", Arg: "e" + string(rune('0'+id))}
			assert.True(t, o.Replaces())
			assert.True(t, o.Takes())
			arg, err := o.Argument(nil, name == "tagged", names)
			require.NoError(t, err)
			d, err := k.Mutate(kind.Update{Arg: arg, Clock: 10 * id, Origin: session}, nil)
			require.NoError(t, err)
			return d
		}
		v := put(1, 5, nil)
		v.MergeIn(put(2, 6, nil))
		read := workload.ShownBy(v)
		assert.Equal(t, []workload.Name{{Writer: 5, Clock: 10}, {Writer: 6, Clock: 20}}, read.Names)
		v.MergeIn(put(3, 7, nil)) // not read
		d := put(4, 5, read.Arg)
		assert.Equal(t, []workload.Name{{Writer: 5, Clock: 40}}, workload.ShownBy(d).Names)
		v.MergeIn(d)
		got, err := workload.ReadingOf(history.Set, v, name == "tagged", new([]history.Value))
		require.NoError(t, err)
		assert.True(t, got.Value.Equal(history.List(history.Str("e3"), history.Str("e4"))), "%v", got.Value)
	}
}
