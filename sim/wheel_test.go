package sim

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// heapQueue is the plain twin of the wheel: one typed heap.
type heapQueue struct {
	entries entryHeap
	events  []event
}

func (q *heapQueue) add(at Time) *event {
	ord := len(q.events)
	q.events = append(q.events, event{at: at, ord: uint64(ord)})
	q.entries.push(entry{at, uint64(ord), int32(ord)})
	return &q.events[ord]
}

func (q *heapQueue) pop(ev *event) bool {
	if len(q.entries) == 0 {
		return false
	}
	*ev = q.events[q.entries.pop().slot]
	return true
}

// TestWheelAgreesWithHeap is the property that the wheel yields the order of its
// plain twin, whatever mixture of pushes, pops and peeks it meets.
func TestWheelAgreesWithHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q wheel
		q.reset()
		var twin heapQueue
		now := Time(0)
		spans := []Time{0, 1, 3 << (bucketShift - 2), 1 << bucketShift, bucketCount << (bucketShift - 1), bucketCount << bucketShift, bucketCount << (bucketShift + 4)}
		steps := rapid.IntRange(1, 200).Draw(t, "steps")
		for range steps {
			if rapid.IntRange(0, 2).Draw(t, "op") > 0 {
				span := rapid.SampledFrom(spans).Draw(t, "span")
				at := now + Time(rapid.Int64Range(0, int64(span)).Draw(t, "in"))
				q.add(at).key = uint64(len(twin.events))
				twin.add(at).key = uint64(len(twin.events) - 1)
				continue
			}
			now = popBoth(t, &q, &twin, now)
		}
		for q.len() > 0 {
			now = popBoth(t, &q, &twin, now)
		}
		require.Empty(t, twin.entries)
		_, ok := q.peek()
		require.False(t, ok)
	})
}

func popBoth(t *rapid.T, q *wheel, twin *heapQueue, now Time) Time {
	var a, b event
	next, more := q.peek()
	okA, okB := q.pop(&a), twin.pop(&b)
	require.Equal(t, okB, okA)
	require.Equal(t, okA, more)
	if !okA {
		return now
	}
	require.Equal(t, a.at, next)
	require.Equal(t, b.at, a.at)
	require.Equal(t, b.ord, a.ord)
	require.Equal(t, b.key, a.key)
	return a.at
}

// TestHeapAgreesWithSort holds the twin itself to a sort.
func TestHeapAgreesWithSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ats := rapid.SliceOf(rapid.Int64Range(0, 20)).Draw(t, "ats")
		var pushed, ordered entryHeap
		var want []entry
		for i, at := range ats {
			e := entry{Time(at), uint64(i), int32(i)}
			pushed.push(e)
			ordered = append(ordered, e)
			want = append(want, e)
		}
		ordered.order()
		slices.SortFunc(want, func(a, b entry) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		for _, w := range want {
			require.Equal(t, w, pushed.pop())
			require.Equal(t, w, ordered.pop())
		}
	})
}

// TestWheelReset checks that a wheel reset half way yields nothing of its past.
func TestWheelReset(t *testing.T) {
	var q wheel
	q.reset()
	for i := range 100 {
		q.add(Time(i) * 10 * Millisecond)
	}
	var ev event
	require.True(t, q.pop(&ev))
	q.reset()
	require.False(t, q.pop(&ev))
	q.add(5)
	require.True(t, q.pop(&ev))
	require.Equal(t, Time(5), ev.at)
	require.Zero(t, ev.ord)
}

// BenchmarkWheel is the bare event loop: pop one, schedule one, 64 pending.
func BenchmarkWheel(b *testing.B) {
	var q wheel
	q.reset()
	for i := range 64 {
		q.add(Time(i) * 37 * Microsecond)
	}
	var ev event
	x := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		q.pop(&ev)
		x = x*6364136223846793005 + 1442695040888963407
		n := q.add(ev.at + Millisecond + Time(x>>44))
		n.key = ev.key + 1
		n.kind = EventTimer
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}
