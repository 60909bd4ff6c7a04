package storetest

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

var heap = flag.Bool("storetest.heap", false, "hold what engines say of their memory against that of the process, on the disk of the test")

// Budget is what an engine may hold in memory, beside its index, with the options that a
// test opens it with.
type Budget struct {
	Bytes int64 // of values, pages, write buffers and caches
	// PerKey is what the index may take of the heap a key.
	PerKey int64
}

// TestBudget sets ten times as many bytes of distinct keys as the engine's budget for
// memory has, and as many again over them, with background work between sets: what the
// engine says that it holds stays within the budget all the time, and all values are
// there. With -storetest.heap the same is held against the heap of the process.
func TestBudget(t *testing.T, open func(store.Options) (store.Engine, error), b Budget) {
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	o := store.Options{Dir: "dir", FS: newDisk(t), Scheduler: q}
	if *heap {
		o.Dir, o.FS = t.TempDir(), store.Private
	}
	const valueBytes = 1000
	keys := int(10*b.Bytes/valueBytes) + 1
	key := func(i int) []byte { return fmt.Appendf(nil, "key-%012d", i) }
	value := func(i, round int) []byte { // that nothing compresses
		var b []byte
		for r := rand.NewPCG(uint64(i), uint64(round)); len(b) < valueBytes; {
			b = binary.LittleEndian.AppendUint64(b, r.Uint64())
		}
		return b
	}
	before := heapBytes()
	e, err := open(o)
	require.NoError(t, err)
	for round := range 2 {
		for i := range keys {
			require.NoError(t, e.Set(key(i), value(i, round)))
			require.LessOrEqual(t, e.Size().Memory, b.Bytes, "after set %d of round %d", i, round)
			if i%10 == 0 {
				_, err := q.Drain(10)
				require.NoError(t, err)
			}
		}
	}
	_, err = q.Drain(maxSteps)
	require.NoError(t, err)
	require.GreaterOrEqual(t, e.Size().Disk+e.Size().Memory, 9*b.Bytes, "the values are somewhere")
	for i := 0; i < keys; i += 7 {
		got, err := e.Get(key(i))
		require.NoError(t, err)
		require.Equal(t, value(i, 1), got)
		require.LessOrEqual(t, e.Size().Memory, b.Bytes)
	}
	if *heap {
		grown, allowed := heapBytes()-before, b.Bytes+int64(keys)*b.PerKey+slack
		t.Logf("%d keys of %d bytes with values of %d: the heap grew by %d, allowed are %d", keys, len(key(0)), valueBytes, grown, allowed)
		require.LessOrEqual(t, grown, allowed)
	}
	require.NoError(t, e.Close())
}

// slack is what the heap may grow by whatever is held: buffers of merges and of tests.
const slack = 2 << 20

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
