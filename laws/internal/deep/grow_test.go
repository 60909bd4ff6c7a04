//lint:file-ignore U1000 what is never used here is read by reflection

package deep

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"math/big"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unique"
	"unsafe"

	"pgregory.net/rapid"
)

// vertex is a type of graphs: cyclic, with memory that is referred to in all ways.
type vertex struct {
	Name   string
	Weight float64
	Next   *vertex
	Prev   *vertex
	Links  []*vertex
	Inner  []vertex
	Window []vertex
	Count  *int
	counts []int
	index  map[*vertex]int
	byName map[string]*vertex
	nans   map[float64]*vertex
	Any    any
	anys   map[any]any
	slot   atomic.Pointer[vertex]
	mu     sync.Mutex
	once   sync.Once
	Err    error
	At     time.Time
	Addr   netip.Addr
	kind   reflect.Type
	synced sync.Map
}

// message is made like those of protobuf.
type message struct {
	state         messageState
	sizeCache     int32
	unknownFields []byte
	Text          string
	Sub           *message
	Map           map[string]*message
}

func (*message) ProtoReflect() {}

type messageState struct {
	_    [0]func()
	_    [0]sync.Mutex
	info *messageInfo
}

type messageInfo struct {
	goType  reflect.Type
	export  func(any, int) any
	mu      sync.Mutex
	tables  []any
	pending unsafe.Pointer
}

var theInfo = &messageInfo{goType: reflect.TypeFor[message](), export: func(any, int) any { return nil }}

type errNoted struct {
	Code int
	text string
}

func (e *errNoted) Error() string { return e.text }

var (
	errOne   = errors.New("one")
	errTwo   = &errNoted{2, "two"}
	interned = []*string{new("a"), new("b")}
	cancel   = func() context.Context { ctx, stop := context.WithCancel(context.Background()); stop(); return ctx }()
)

// libraries are values of types that a state may hold, made anew by each call.
var libraries = []func() any{
	func() any { return errOne },
	func() any { return errTwo },
	func() any { return fmt.Errorf("wrapped: %w", io.EOF) },
	func() any { return errors.Join(errOne, errTwo) },
	func() any { return reflect.TypeFor[map[string]vertex]() },
	func() any { return reflect.ValueOf(&vertex{}) },
	func() any { return time.Unix(5, 6) },
	func() any { return time.Unix(5, 6).In(time.FixedZone("x", 60)) },
	func() any { return time.FixedZone("y", 60) },
	func() any { return time.UTC },
	func() any { return netip.MustParseAddr("fe80::1%eth0") },
	func() any { return netip.MustParsePrefix("10.0.0.0/8") },
	func() any { return unique.Make("text") },
	func() any { return big.NewInt(-7) },
	func() any { return *new(big.Int).Lsh(big.NewInt(1), 100) },
	func() any { return regexp.MustCompile("a+") },
	func() any { l := list.New(); l.PushBack(1); l.PushBack("x"); return l },
	func() any { var b strings.Builder; b.WriteString("x"); return &b },
	func() any { return bytes.NewBufferString("buffer") },
	func() any { return strings.NewReader("reader") },
	func() any { return context.WithValue(cancel, errTwo, 1) },
	func() any { return os.Stdout },
	func() any { return log.Default() },
	func() any { return time.NewTimer(time.Hour) },
	func() any { return new(sync.Mutex) },
	func() any { return &sync.Cond{L: new(sync.Mutex)} },
	func() any { return make(chan int) },
	func() any { return func() {} },
	func() any { return (func())(nil) },
	func() any { return unsafe.Pointer(new(int)) },
	func() any { return uintptr(4711) },
	func() any { return struct{}{} },
	func() any { return new(struct{}) },
	func() any { return make([]struct{}, 1<<30) },
	func() any { return map[float64]int{math.NaN(): 1, math.Inf(1): 2} },
	func() any {
		return map[any]any{netip.MustParseAddr("::1"): 1, errOne: 2, interned[0]: 3, [2]any{1, "x"}: 4}
	},
	func() any { return (*vertex)(nil) },
	func() any { return map[string]int(nil) },
	func() any {
		return &message{state: messageState{info: theInfo}, sizeCache: 3, Sub: &message{Text: "x"}}
	},
	func() any { m := new(sync.Map); m.Store("a", &vertex{Name: "in a sync.Map"}); return m },
	func() any { m := new(sync.Map); m.Store(m, m); return m },
	func() any { v := any(nil); v = &v; return v },
	func() any { s := make([]any, 1, 3); s[0] = s; return s },
	func() any { m := map[string]any{}; m["m"] = m; return m },
	func() any {
		s := make([]byte, 64)
		w := make([][]byte, len(s))
		for i := range w {
			w[i] = s[i:]
		}
		return w
	},
}

// boxes are what the runtime itself cannot hash as keys in any useful time: they hold each other
// twice, forty times over, or have a billion elements.
var boxes = []func() any{
	func() any { return [1 << 30]struct{}{} },
	func() any {
		b := [2]any{}
		for range 40 {
			b = [2]any{b, b}
		}
		b[0] = []int{1}
		return b
	},
	func() any {
		e := any([]int{1})
		for range 40 {
			e = [2]any{e, e}
		}
		return e
	},
}

// libraryTypes are their types, and those of the graphs.
var libraryTypes = func() []reflect.Type {
	types := []reflect.Type{
		reflect.TypeFor[vertex](), reflect.TypeFor[*vertex](), reflect.TypeFor[message](), reflect.TypeFor[error](),
		reflect.TypeFor[reflect.Type](), reflect.TypeFor[io.Reader](), reflect.TypeFor[context.Context](),
		reflect.TypeFor[fmt.Stringer](), reflect.TypeFor[atomic.Int64](), reflect.TypeFor[atomic.Value](),
		reflect.TypeFor[atomic.Pointer[string]](), reflect.TypeFor[sync.Once](), reflect.TypeFor[sync.Map](),
		reflect.TypeFor[sync.RWMutex](), reflect.TypeFor[sync.WaitGroup](), reflect.TypeFor[sync.Pool](),
		reflect.TypeFor[list.List](), reflect.TypeFor[strings.Builder](), reflect.TypeFor[func(int) error](),
		reflect.TypeFor[chan<- int](), reflect.TypeFor[parity](), reflect.TypeFor[[300]*int](), reflect.TypeFor[[3]any](),
	}
	for _, make := range slices.Concat(libraries, boxes) {
		types = append(types, reflect.TypeOf(make()))
	}
	return types
}()

// grow fills values with graphs: what was filled before may be referred to again.
type grow struct {
	t    *rapid.T
	pool map[reflect.Type][]reflect.Value // places that can be pointed to
	left int                              // references that may still lead to new memory
	key  bool                             // keys are filled
}

func (g *grow) bool(name string) bool { return rapid.Bool().Draw(g.t, name) }

func (g *grow) below(n int, name string) int { return rapid.IntRange(0, n-1).Draw(g.t, name) }

// fill fills v, which must be addressable; kept if it stays where it is.
func (g *grow) fill(v reflect.Value, kept bool) {
	t := v.Type()
	if kept {
		g.pool[t] = append(g.pool[t], v)
	}
	switch {
	case t.PkgPath() == "sync" && t.Name() == "Map":
		if g.bool("store") {
			v.Addr().Interface().(*sync.Map).Store("key", rapid.SampledFrom([]any{1, "a", interned[0]}).Draw(g.t, "stored"))
		}
		return
	case t.PkgPath() == "sync/atomic":
		g.fillAtomic(v)
		return
	case isWord(t) || t.PkgPath() == "sync" || t.Kind() == reflect.Struct && standard(t.PkgPath()):
		g.library(v)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).Name != "_" && t.Field(i).Name != "info" {
				g.fill(settable(v.Field(i)), kept)
			}
		}
	case reflect.Array:
		for i := range min(v.Len(), 3) {
			g.fill(v.Index(i), kept)
		}
	case reflect.Pointer:
		g.pointer(v)
	case reflect.Slice:
		g.slice(v)
	case reflect.Map:
		g.fillMap(v)
	case reflect.Interface:
		g.fillInterface(v)
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		g.library(v)
	default:
		fill(g.t, v)
	}
}

func (g *grow) fillAtomic(v reflect.Value) {
	switch {
	case strings.HasPrefix(v.Type().Name(), "Pointer["):
		p, _ := atomicPointee(v.Type())
		g.fill(reflect.NewAt(p, unsafe.Add(v.Addr().UnsafePointer(), atomicWord(v.Type()))).Elem(), false)
	case v.Type() == reflect.TypeFor[atomic.Int64]():
		v.Addr().Interface().(*atomic.Int64).Store(int64(g.below(3, "atomic")))
	case v.Type() == reflect.TypeFor[atomic.Value]():
		if g.bool("atomic") {
			v.Addr().Interface().(*atomic.Value).Store([]*vertex{{Name: "in an atomic.Value"}})
		}
	}
}

// library sets v to one of the values of libraries, if there is one of its type.
func (g *grow) library(v reflect.Value) {
	var fits []any
	from := libraries
	if !g.key {
		from = slices.Concat(libraries, boxes)
	}
	for _, make := range from {
		if held := make(); reflect.TypeOf(held).AssignableTo(v.Type()) {
			fits = append(fits, held)
		}
	}
	if i := g.below(len(fits)+1, "library"); i > 0 {
		v.Set(reflect.ValueOf(fits[i-1]))
	}
}

func (g *grow) pointer(v reflect.Value) {
	elem := v.Type().Elem()
	places := g.pool[elem]
	switch form := g.below(4, "pointer"); {
	case form == 0:
	case form == 1 && len(places) > 0:
		v.Set(places[g.below(len(places), "place")].Addr())
	case standard(elem.PkgPath()):
		g.library(v)
	case g.left > 0:
		g.left--
		v.Set(reflect.New(elem))
		g.fill(v.Elem(), true)
	}
}

func (g *grow) slice(v reflect.Value) {
	others := g.pool[v.Type()]
	if len(others) > 1 && g.bool("window") {
		other := others[g.below(len(others)-1, "of")]
		if other.Cap() > 0 {
			from := g.below(other.Cap(), "from")
			to := from + g.below(other.Cap()-from+1, "to")
			v.Set(other.Slice3(from, to, to+g.below(other.Cap()-to+1, "cap")))
			return
		}
	}
	n := g.below(4, "len") - 1
	if n < 0 || g.left <= 0 {
		return
	}
	g.left--
	v.Set(reflect.MakeSlice(v.Type(), n, n+g.below(3, "spare")))
	for i := range v.Cap() {
		g.fill(v.Slice(0, v.Cap()).Index(i), true)
	}
}

func (g *grow) fillMap(v reflect.Value) {
	others := g.pool[v.Type()]
	if len(others) > 1 && g.bool("the same") {
		v.Set(others[g.below(len(others)-1, "of")])
		return
	}
	n := g.below(4, "len") - 1
	if n < 0 || g.left <= 0 {
		return
	}
	g.left--
	v.Set(reflect.MakeMap(v.Type()))
	for range n {
		key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		outer := g.key
		g.key = true
		g.fill(key, false)
		g.key = outer
		g.fill(val, false)
		if key.Comparable() {
			v.SetMapIndex(key, val)
		}
	}
}

func (g *grow) fillInterface(v reflect.Value) {
	if v.NumMethod() > 0 || g.bool("library") {
		g.library(v)
		return
	}
	if g.left <= 0 {
		return
	}
	g.left--
	held := reflect.New(rapid.SampledFrom([]reflect.Type{
		reflect.TypeFor[*vertex](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](), reflect.TypeFor[float64](),
		reflect.TypeFor[string](), reflect.TypeFor[struct{ V *vertex }](), reflect.TypeFor[[2][]int](), reflect.TypeFor[*int](),
	}).Draw(g.t, "dynamic")).Elem()
	g.fill(held, false)
	v.Set(held)
}

// drawGraphType draws types of which library types are parts.
func drawGraphType(t *rapid.T, depth int) reflect.Type {
	forms := []string{"library", "scalar"}
	if depth > 0 {
		forms = []string{"library", "array", "struct", "any", "map", "slice", "pointer", "chan", "func"}
	}
	switch rapid.SampledFrom(forms).Draw(t, "form") {
	case "library":
		return rapid.SampledFrom(libraryTypes).Draw(t, "library")
	case "array":
		elem := drawGraphType(t, depth-1)
		if elem.Size() > 1<<16 {
			return elem
		}
		return reflect.ArrayOf(rapid.SampledFrom([]int{0, 1, 2, 6}).Draw(t, "len"), elem)
	case "struct":
		fields := make([]reflect.StructField, rapid.IntRange(0, len(fieldNames)).Draw(t, "fields"))
		for i := range fields {
			fields[i] = reflect.StructField{Name: fieldNames[i], Type: drawGraphType(t, depth-1)}
		}
		return reflect.StructOf(fields)
	case "any":
		return reflect.TypeFor[any]()
	case "map":
		key := drawGraphType(t, depth-1)
		if !key.Comparable() || locks(key) || long(key) {
			key = drawType(t, 1, true)
		}
		return reflect.MapOf(key, drawGraphType(t, depth-1))
	case "slice":
		return reflect.SliceOf(drawGraphType(t, depth-1))
	case "pointer":
		return reflect.PointerTo(drawGraphType(t, depth-1))
	case "chan":
		return reflect.ChanOf(reflect.BothDir, drawType(t, 1, false))
	case "func":
		return reflect.FuncOf([]reflect.Type{drawType(t, 1, false)}, nil, false)
	}
	return rapid.SampledFrom(scalars).Draw(t, "scalar")
}

// long reports types of arrays that the runtime cannot hash as keys in any useful time.
func long(t reflect.Type) bool {
	return anyPart(t, func(part reflect.Type) bool { return part.Kind() == reflect.Array && part.Len() > 1<<16 })
}

// drawGraph draws a value of a type that may hold anything.
func drawGraph(t *rapid.T) (*Type, reflect.Value) {
	typ := drawGraphType(t, 3)
	v := reflect.New(typ).Elem()
	g := &grow{t: t, pool: map[reflect.Type][]reflect.Value{}, left: 24}
	g.fill(v, true)
	return Of(typ), v
}
