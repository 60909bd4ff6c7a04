//lint:file-ignore U1000 what is never used here is read by reflection

package deep_test

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unique"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Each test of this file is about a state that was accused wrongly, crashed the
// checker or made it hang.

// agrees fails unless v and its copy are equal both ways and v keeps its fingerprint,
// and returns the copy.
func agrees[T any](t *testing.T, v T) T {
	t.Helper()
	eq, fp := deep.EqualFunc[T](), deep.FingerprintFunc[T]()
	before := fp(&v)
	c := deep.Clone(v)
	assert.True(t, eq(&v, &c), "equal to its copy")
	assert.True(t, eq(&c, &v), "its copy equal to it")
	assert.Equal(t, before, fp(&v), "looked at")
	assert.NotEmpty(t, deep.Literal(v))
	return c
}

func TestReflectTypesInStates(t *testing.T) {
	type state struct {
		Type  reflect.Type
		Any   any
		Of    map[reflect.Type]int
		Types []reflect.Type
	}
	integer := reflect.TypeFor[int]()
	c := agrees(t, state{integer, reflect.TypeFor[state](), map[reflect.Type]int{integer: 1}, []reflect.Type{integer}})
	assert.True(t, c.Type == integer)
	assert.Equal(t, 1, c.Of[integer])
	assert.Equal(t, `reflect.TypeFor[int]()`, deep.Literal(integer)[len("reflect.Type("):len(deep.Literal(integer))-1])
}

// timestamp is made like what protobuf generates.
type timestamp struct {
	state         messageState
	sizeCache     int32
	unknownFields []byte
	Seconds       int64
}

func (*timestamp) ProtoReflect() any { return nil }

// messageState is made like protobuf's: its methods keep in it how its type is to be
// treated.
type messageState struct {
	_    [0]func()
	_    [0]sync.Mutex
	info *messageInfo
}

type messageInfo struct {
	goType   reflect.Type
	exporter func(any, int) any
	mu       sync.Mutex
	done     uint32
	self     any
}

func newInfo() *messageInfo {
	info := &messageInfo{goType: reflect.TypeFor[timestamp](), exporter: func(any, int) any { return nil }}
	info.self = info
	return info
}

func TestProtobufMessages(t *testing.T) {
	info := newInfo()
	v := &timestamp{Seconds: 5, state: messageState{info: info}, unknownFields: []byte{8, 1}}
	fp, eq := deep.FingerprintFunc[*timestamp](), deep.EqualFunc[*timestamp]()
	c := agrees(t, v)
	assert.Same(t, info, c.state.info)
	before := fp(&c)
	c.sizeCache, c.state.info, info.done = 17, nil, 1
	assert.Equal(t, before, fp(&c), "what the library caches is no write")
	assert.True(t, eq(&v, &c))
	c.unknownFields[0]++
	assert.NotEqual(t, before, fp(&c))
	assert.Equal(t, byte(8), v.unknownFields[0])
	assert.Less(t, len(deep.Literal(v)), 200)
	require.NoError(t, deep.Check(reflect.TypeFor[*timestamp]()))
}

func TestKeysWhoseIdentityIsTheirMeaning(t *testing.T) {
	t.Run("netip.Addr", func(t *testing.T) {
		addr := netip.MustParseAddr("fe80::1%eth0")
		c := agrees(t, map[netip.Addr]int{addr: 1})
		assert.Equal(t, 1, c[addr])
		assert.True(t, deep.Clone(addr) == addr)
	})
	t.Run("unique.Handle", func(t *testing.T) {
		h := unique.Make("x")
		assert.Equal(t, 1, agrees(t, map[unique.Handle[string]]int{h: 1})[h])
		assert.True(t, deep.Clone([]unique.Handle[string]{h})[0] == h)
	})
	t.Run("*time.Location", func(t *testing.T) {
		zone := time.FixedZone("x", 60)
		type state struct{ Zone *time.Location }
		assert.True(t, agrees(t, state{zone}).Zone == zone)
		assert.True(t, agrees(t, state{time.Local}).Zone == time.Local)
		assert.Equal(t, 1, agrees(t, map[*time.Location]int{zone: 1})[zone])
	})
	t.Run("time.Time", func(t *testing.T) {
		at := time.Unix(5, 0).In(time.FixedZone("x", 60))
		local := time.Unix(5, 0)
		c := agrees(t, map[time.Time]int{at: 1, local: 2})
		assert.Equal(t, 1, c[at])
		assert.Equal(t, 2, c[local])
	})
	t.Run("errors", func(t *testing.T) {
		type state struct {
			Err error
			Of  map[error]int
		}
		wrapped := fmt.Errorf("wrapped: %w", io.EOF)
		c := agrees(t, state{context.Canceled, map[error]int{io.EOF: 1}})
		assert.True(t, c.Err == context.Canceled)
		assert.Equal(t, 1, c.Of[io.EOF])
		assert.ErrorIs(t, agrees(t, state{Err: wrapped}).Err, io.EOF)
	})
	t.Run("interned pointers", func(t *testing.T) {
		type symbol struct{ name string }
		a, b := &symbol{"a"}, &symbol{"a"}
		c := agrees(t, map[*symbol]int{a: 1, b: 2})
		assert.Equal(t, 1, c[a])
		assert.Equal(t, 2, c[b])
		boxed := agrees(t, map[any]int{a: 1, [1]any{b}: 2})
		assert.Equal(t, 1, boxed[a])
		assert.Equal(t, 2, boxed[[1]any{b}])
	})
	t.Run("pointers without bytes", func(t *testing.T) {
		tombstone := new(struct{})
		type state struct{ Dead *struct{} }
		assert.True(t, agrees(t, state{tombstone}).Dead == tombstone)
	})
}

// What is kept is still watched, where it is memory of the program.
func TestWritesThroughWhatIsKept(t *testing.T) {
	type symbol struct{ name string }
	a := &symbol{"a"}
	keyed := map[*symbol]int{a: 1}
	fp := deep.FingerprintFunc[map[*symbol]int]()
	before := fp(&keyed)
	a.name = "b"
	assert.NotEqual(t, before, fp(&keyed))
	err := &note{text: "x"}
	held := any(err)
	fpAny := deep.FingerprintFunc[any]()
	before = fpAny(&held)
	err.text = "y"
	assert.NotEqual(t, before, fpAny(&held))
}

type note struct{ text string }

func (n *note) Error() string { return n.text }

func TestCopiesKeepTheirShape(t *testing.T) {
	t.Run("container/list", func(t *testing.T) {
		l := list.New()
		l.PushBack(1)
		l.PushBack(2)
		c := agrees(t, l)
		c.PushBack(3)
		c.Remove(c.Front())
		assert.Equal(t, 2, c.Len())
		assert.Equal(t, 2, c.Front().Value)
		assert.Nil(t, c.Front().Prev())
		assert.Equal(t, 2, l.Len())
		assert.Equal(t, 1, l.Front().Value)
	})
	t.Run("strings.Builder", func(t *testing.T) {
		var b strings.Builder
		b.WriteString("x")
		c := agrees(t, &b)
		require.NotPanics(t, func() { c.WriteString("y") })
		assert.Equal(t, "xy", c.String())
		assert.Equal(t, "x", b.String())
	})
	t.Run("an index of elements", func(t *testing.T) {
		type item struct{ n int }
		type state struct {
			items  []item
			index  map[string]*item
			ranked map[*item]int
		}
		s := state{items: []item{{1}, {2}}}
		s.index = map[string]*item{"b": &s.items[1]}
		s.ranked = map[*item]int{&s.items[0]: 7}
		c := agrees(t, s)
		c.index["b"].n = 9
		assert.Equal(t, []item{{1}, {9}}, c.items)
		assert.Equal(t, 7, c.ranked[&c.items[0]])
		assert.Equal(t, []item{{1}, {2}}, s.items)
	})
	t.Run("slices of one array", func(t *testing.T) {
		backing := []int{1, 2, 3, 4, 5}
		type state struct {
			Low, High []int
			At        *int
			Window    *[2]int
		}
		s := state{backing[:2], backing[1:3], &backing[2], (*[2]int)(backing[3:])}
		c := agrees(t, s)
		assert.Equal(t, 5, cap(c.Low))
		assert.Equal(t, 4, cap(c.High))
		c.Low = append(c.Low, 9)
		assert.Equal(t, []int{2, 9}, c.High)
		assert.Equal(t, 9, *c.At)
		assert.Equal(t, [2]int{4, 5}, *c.Window)
		c.Low = append(c.Low, 8)
		assert.Equal(t, 8, c.Window[0])
		assert.Equal(t, []int{1, 2, 3, 4, 5}, backing)
	})
	t.Run("pointers to fields", func(t *testing.T) {
		type inner struct{ a, b int }
		type state struct {
			whole *inner
			part  *int
		}
		w := &inner{1, 2}
		c := agrees(t, state{w, &w.b})
		*c.part = 5
		assert.Equal(t, 5, c.whole.b)
		assert.Equal(t, 2, w.b)
	})
}

func TestReadingTheLocalTimeIsNoWrite(t *testing.T) {
	type state struct{ At time.Time }
	zone := time.FixedZone("x", 60)
	s := state{time.Unix(5, 0).In(zone)}
	fp := deep.FingerprintFunc[state]()
	before := fp(&s)
	// What reading does to time.Local, once in a process, is done to a zone here.
	overwrite(zone)
	assert.Equal(t, before, fp(&s))
}

// overwrite changes what a location caches.
func overwrite(l *time.Location) {
	v := reflect.ValueOf(l).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Int64 {
			reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem().SetInt(4711)
		}
	}
}

type ring struct {
	Value      int
	Next, Prev *ring
}

func newRing(n int) *ring {
	first := &ring{}
	last := first
	for i := 1; i < n; i++ {
		next := &ring{Value: i, Prev: last}
		last.Next, last = next, next
	}
	last.Next, first.Prev = first, last
	return first
}

func TestRingsPrintFinitely(t *testing.T) {
	text := deep.Literal(newRing(1000))
	assert.Less(t, len(text), 20_000)
	assert.Contains(t, text, "a cycle")
	type graph struct{ Nodes []*graph }
	nodes := make([]*graph, 20)
	for i := range nodes {
		nodes[i] = &graph{}
	}
	for _, n := range nodes {
		n.Nodes = nodes
	}
	text = deep.Literal(nodes[0])
	assert.Less(t, len(text), 20_000)
	assert.Contains(t, text, "a cycle")
}

func TestNaNAsKey(t *testing.T) {
	nan := math.NaN()
	m := map[float64]int{nan: 1, 2: 3}
	m[math.NaN()] = 1
	agrees(t, m)
	assert.Equal(t, `map[float64]int{math.NaN(): 1, math.NaN(): 1, 2: 3}`, deep.Literal(m))
	eq := deep.EqualFunc[map[float64]int]()
	fewer := map[float64]int{nan: 1, 2: 3, 4: 5}
	assert.False(t, eq(&m, &fewer))
	other := map[float64]int{nan: 1, math.NaN(): 2, 2: 3}
	assert.False(t, eq(&m, &other))
	agrees(t, map[[1]float64][]int{{nan}: {1}, {math.NaN()}: {2}, {0}: {3}})
	agrees(t, map[any]*ring{nan: newRing(2), math.NaN(): newRing(3)})
}

// An array of no elements holds nothing, whatever its elements were: it is how a struct says
// that == is not for it.
func TestArraysOfNothingHoldNothing(t *testing.T) {
	type incomparable struct {
		no [0]func()
		n  int
	}
	of := deep.Of(reflect.TypeFor[incomparable]())
	require.NoError(t, of.Check())
	assert.True(t, of.Equal(incomparable{n: 1}, incomparable{n: 1}))
	assert.False(t, of.Equal(incomparable{n: 1}, incomparable{n: 2}))
}

// How deep a value is nested does not grow with its elements: one of many is printed like
// the first.
func TestManyElementsAreNotDeep(t *testing.T) {
	many := slices.Repeat([][]int{{1}}, 300)
	assert.Equal(t, "[][]int{"+strings.Repeat("{1}, ", 299)+"{1}}", deep.Literal(many))
}

// How many of the differences are channels is said, whatever the number of places told.
func TestDifferencesThatAreChannels(t *testing.T) {
	type hub struct {
		wake, done chan int
		n          int
	}
	a, b := hub{make(chan int), make(chan int), 1}, hub{make(chan int), make(chan int), 1}
	o := deep.DifferenceOptions{Places: 1}
	d := deep.Of(reflect.TypeFor[hub]()).Differences(a, b, o)
	assert.Equal(t, []int{1, 1, 2}, []int{len(d.Places), d.More, d.Channels})
	b.wake, b.n = a.wake, 2
	d = deep.Of(reflect.TypeFor[hub]()).Differences(a, b, o)
	assert.Equal(t, []int{1, 1, 1}, []int{len(d.Places), d.More, d.Channels})
}

func TestLongChains(t *testing.T) {
	const length = 250_000
	a := newRing(length)
	a.Prev.Next, a.Prev = nil, nil
	eq, fp := deep.EqualFunc[*ring](), deep.FingerprintFunc[*ring]()
	c := deep.Clone(a)
	require.True(t, eq(&a, &c))
	before := fp(&c)
	last, n := c, 1
	for last.Next != nil {
		last, n = last.Next, n+1
	}
	require.Equal(t, length, n)
	last.Value++
	assert.False(t, eq(&a, &c))
	assert.NotEqual(t, before, fp(&c))
	assert.Less(t, len(deep.Literal(a)), 20_000)
}

func TestSharedMemoryTakesNoTime(t *testing.T) {
	type pair struct{ a, b *pair }
	top := &pair{}
	for range 100 {
		top = &pair{top, top}
	}
	c := agrees(t, top)
	assert.Same(t, c.a, c.b)
	type twice [2]any
	box := any(new(5))
	for range 100 {
		box = twice{box, box}
	}
	agrees(t, box)
	text := make([]byte, 1<<15)
	suffixes := make([][]byte, len(text))
	for i := range suffixes {
		suffixes[i] = text[i:]
	}
	agrees(t, suffixes)
}

func TestHugeValuesWithoutBytes(t *testing.T) {
	agrees(t, make([]struct{}, 1<<30))
	agrees(t, [1 << 30]struct{}{})
	agrees(t, map[string][]struct{}{"a": make([]struct{}, 1<<30)})
	type state struct {
		Name string
		None [1 << 30]struct{}
	}
	assert.Equal(t, 4, deep.Size(state{Name: "n"}, 100))
}

func TestStatesOfManyKinds(t *testing.T) {
	type state struct {
		mu      sync.RWMutex
		once    sync.Once
		group   sync.WaitGroup
		pool    sync.Pool
		cond    *sync.Cond
		synced  sync.Map
		count   atomic.Int64
		ptr     atomic.Pointer[ring]
		value   atomic.Value
		number  big.Int
		reader  io.Reader
		ctx     context.Context
		cancel  any
		timer   *time.Timer
		err     error
		word    uintptr
		reflect any
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s := &state{
		cond: sync.NewCond(new(sync.Mutex)), reader: bytes.NewBufferString("x"), ctx: ctx, cancel: stop,
		timer: time.NewTimer(time.Hour), err: errors.Join(io.EOF, io.ErrUnexpectedEOF), reflect: reflect.ValueOf(new(int)),
	}
	s.synced.Store("a", newRing(2))
	s.count.Store(3)
	s.ptr.Store(newRing(3))
	s.value.Store([]int{1})
	s.number.SetInt64(-5)
	s.once.Do(func() {})
	s.mu.Lock()
	c := agrees(t, s)
	assert.True(t, c.mu.TryLock(), "locks of a copy are open")
	c.once.Do(func() { t.Error("a copy of a Once that ran runs again") })
	assert.Equal(t, int64(3), c.count.Load())
	assert.NotSame(t, s.ptr.Load(), c.ptr.Load())
	assert.Equal(t, 1, c.ptr.Load().Next.Value)
	assert.Same(t, s.timer, c.timer)
	assert.Equal(t, s.ctx, c.ctx)
	assert.NotSame(t, s.cond, c.cond)
	assert.NotSame(t, s.cond.L, c.cond.L)
	c.cond.Signal()
	kept, ok := c.synced.Load("a")
	require.True(t, ok)
	original, _ := s.synced.Load("a")
	assert.NotSame(t, original, kept)
	c.synced.Store("b", 1)
	_, ok = s.synced.Load("b")
	assert.False(t, ok)
	c.value.Load().([]int)[0] = 2
	assert.Equal(t, []int{1}, s.value.Load())
	assert.ErrorIs(t, c.err, io.ErrUnexpectedEOF)
	assert.Equal(t, "-5", c.number.String())
}

func TestUnsafePointersAreKept(t *testing.T) {
	n := 5
	c := agrees(t, any(unsafe.Pointer(&n)))
	assert.Equal(t, unsafe.Pointer(&n), c)
}

// What one slice has no room for, another of the same memory and length has to spare:
// a write into it is named, in whichever order they are met.
func TestDifferencesInSpareCapacityOfOneOfTwoSlices(t *testing.T) {
	type windows struct{ First, Second []int }
	of := deep.Of(reflect.TypeFor[windows]())
	for _, c := range []struct{ lenA, capA, lenB, capB int }{{1, 1, 1, 3}, {1, 3, 1, 1}, {1, 2, 1, 3}, {0, 1, 0, 3}, {2, 2, 1, 3}} {
		value := func() (*windows, []int) {
			s := []int{1, 2, 3}
			return &windows{s[:c.lenA:c.capA], s[:c.lenB:c.capB]}, s
		}
		for i := range 3 {
			a, _ := value()
			b, s := value()
			s[i] = 9
			d := of.DifferencesAt(unsafe.Pointer(a), unsafe.Pointer(b), deep.DifferenceOptions{Memory: true})
			assert.NotEmpty(t, d.Places, "%v: element %d", c, i)
			assert.NotEqual(t, of.FingerprintAt(unsafe.Pointer(a)), of.FingerprintAt(unsafe.Pointer(b)), "%v: element %d", c, i)
		}
	}
}
