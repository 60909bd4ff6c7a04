// Package deep compares, fingerprints, copies, measures and prints values of any
// Go type by looking inside them, unexported fields included.
//
// It exists for law checking: states are compared structurally unless their type
// says otherwise, writes into arguments are found by fingerprints, and
// counterexamples are printed as Go literals. Types are taken apart once, into
// closures over addresses ([Of]), so that walking a value many times costs no
// reflection where the type allows it.
//
// # What a copy is
//
// A copy is a graph isomorphic to the original. Memory that is held twice is held
// twice by the copy; a pointer to a field, an element or into the backing array of
// a slice points to the corresponding place; slices that overlap do so in the copy,
// with their capacities. Values are immutable boxes where interfaces hold them, and
// strings are immutable: both may be shared.
//
// # What is kept by identity
//
// Go does not say which memory belongs to a state and which is only referred to.
// These rules decide, by type:
//
//   - Functions, channels, unsafe pointers and uintptrs are words. A word is copied
//     and compared as such; what is behind it is not looked at.
//   - Structs of packages unique, weak, reflect, runtime and internal/... of the
//     standard library are words too, whatever pointers they hold. (netip.Addr holds
//     a unique.Handle.)
//   - A pointer to a type that those packages declare (the runtime's types behind
//     reflect.Type), or that package context declares, or to a struct of the standard
//     library that itself holds a function, a channel, an unsafe pointer or a lock
//     (time.Timer, log.Logger, the file of os.File), is machinery: kept, and compared
//     and fingerprinted by address. A merge that uses such an object is not watched.
//   - A pointer to a struct that holds both a reflect.Type and functions describes a
//     type (protobuf's MessageInfo): it is machinery, and in an unexported field it is
//     set when first needed, so that it is neither compared nor fingerprinted.
//   - *time.Location is kept: times are compared by == in keys, and time.Local is known
//     by its address. It is compared by content, and fingerprinted by address, because
//     it initialises itself when it is first read.
//   - An interface that holds a pointer to an error made of nothing but numbers,
//     strings and errors keeps it, so that err == io.EOF holds for the copy. Its
//     content is compared and fingerprinted: a write through it is found.
//   - Pointers in keys of maps are kept, so that lookups by the original key find the
//     entry of the copy, unless what they point to is part of the copied graph by
//     another path that is not a key: then the key points into the copy. What keys
//     point to is fingerprinted either way.
//   - A pointer to memory without bytes is kept: there is nothing to copy.
//
// All other memory is copied. That includes what a program interned in tables of
// its own and compares by ==, since nothing in Go tells it from memory of the state;
// [Type.Shared] lists memory that two states hold in common, which is where a copy is
// to be suspected.
//
// # What is no state
//
// The types of package sync (but for sync.Map, which is read and copied by its
// methods) are made anew by copies, unlocked, and neither compared nor
// fingerprinted; a copy of a sync.Once remembers whether it ran. Values of sync/atomic are state like what they hold. Blank fields
// are no state, nor is the cached size of protobuf messages (a field sizeCache or
// XXX_sizecache of a struct with a method ProtoReflect or ProtoMessage).
//
// # What is not decided
//
// Maps may have keys that are NaN, or pointers that each of two values has of its own, so that
// only the values of their entries say which entries belong together. To find that out is in general as hard
// as telling whether two graphs are isomorphic. It is searched for in a bounded number of steps, and
// where they do not suffice, comparisons panic with an [*Undecided]: neither answer would be sure.
//
// # What is refused
//
// [Check] refuses types that have no structural equality: those with functions
// and unsafe pointers outside of machinery. [CheckCopy] refuses types that
// have no faithful copy: those with unsafe pointers, whose memory has no type, and
// with reflect.Values, which refer to memory elsewhere. Code that derives more
// memory from a pointer, by unsafe, than the type of the pointer has is not supported.
package deep

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// ErrOpaque is wrapped by the error of [Check].
var ErrOpaque = errors.New("has no structural equality")

// ErrUncopiable is wrapped by the error of [CheckCopy].
var ErrUncopiable = errors.New("has no faithful copy")

// Type is a type taken apart. Its methods may be used by several goroutines. Those that take values
// in boxes want them of exactly this type; where it is an interface type, of any
// type that implements it, or nil. A value of another type is a panic.
type Type struct {
	t       reflect.Type
	size    uintptr
	sliceOf reflect.Type // slices of this type
	elem    *Type        // of an array
	length  int          // of an array
	direct  bool         // an interface holds the value itself, not its address
	slots   []slot       // the references in a value, flattened
	texts   bool         // a value holds strings
	tangled bool         // values can be cyclic, or of any depth
	leafy   bool         // a value refers to few pieces of memory, and these to nothing
	equal   equalFunc
	same    equalFunc // equal, without the type's own method
	run     runEqual
	hash    hashFunc
	hashRun runHash
	single  bodyFunc // equal, as what a reference refers to
	entries *mapType // of a map
}

// Of returns t taken apart, which is done once for each type.
func Of(t reflect.Type) *Type {
	if v, ok := compiled.Load(t); ok {
		return v.(*Type)
	}
	compiling.Lock()
	defer compiling.Unlock()
	c := compiler{}
	of := c.of(t)
	c.rest()
	for _, made := range c.made { //joinery:anyorder each type is finished by itself
		made.tangled = tangled(made.t, map[reflect.Type]bool{})
		made.leafy = made.leadsToLeaves()
	}
	for _, made := range c.made { //joinery:anyorder and made known, now that all are finished
		compiled.Store(made.t, made)
	}
	return of
}

var (
	compiled  sync.Map // reflect.Type → *Type
	compiling sync.Mutex
)

// compiler takes types apart.
type compiler struct {
	made map[reflect.Type]*Type
	todo []*Type
}

// behind returns t, to which a type refers. Types may be recursive, and so t is
// finished later.
func (c *compiler) behind(t reflect.Type) *Type {
	if v, ok := compiled.Load(t); ok {
		return v.(*Type)
	}
	made, ok := c.made[t]
	if !ok {
		if c.made == nil {
			c.made = make(map[reflect.Type]*Type)
		}
		made = &Type{t: t, size: t.Size(), sliceOf: reflect.SliceOf(t)}
		c.made[t] = made
		c.todo = append(c.todo, made)
	}
	return made
}

// of returns t, which is taken apart before the types that hold it in themselves.
func (c *compiler) of(t reflect.Type) *Type {
	made := c.behind(t)
	if made.hashRun != nil {
		return made
	}
	c.layout(made)
	made.direct = isDirect(t)
	made.same = c.compileEqual(made)
	made.equal = made.same
	if m, ok := equalMethodOf(t); ok {
		made.equal = equalByMethod(made, m)
	}
	made.single = func(w *walk, a, b unsafe.Pointer, _ int) bool { return made.equal(w, a, b) }
	made.run = equalRun(made)
	made.hash = c.compileHash(made)
	made.hashRun = hashRun(made)
	return made
}

// rest takes apart what is referred to.
func (c *compiler) rest() {
	for len(c.todo) > 0 {
		last := len(c.todo) - 1
		t := c.todo[last]
		c.todo = c.todo[:last]
		c.of(t.t)
	}
}

// Go returns the type that was taken apart.
func (t *Type) Go() reflect.Type { return t.t }

// String is the name of the type, as source code has it.
func (t *Type) String() string { return TypeName(t.t) }

// isDirect reports whether an interface holds a value of t in its second word,
// which the runtime does not say: it is tried.
func isDirect(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Struct, reflect.Array:
	default:
		return false
	}
	if t.Size() != unsafe.Sizeof(uintptr(0)) || !hasPointers(t) {
		return false
	}
	probe := new(int)
	v := reflect.New(t)
	*(*unsafe.Pointer)(v.UnsafePointer()) = unsafe.Pointer(probe)
	held := v.Elem().Interface()
	return (*eface)(unsafe.Pointer(&held)).data == unsafe.Pointer(probe)
}

// hasPointers reports whether the first word of t, which is as large as a word, is
// a pointer.
func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	}
	return false
}

// eface is the memory of an interface; the first word is of no concern here.
type eface struct{ typ, data unsafe.Pointer }

// sliceHeader is the memory of a slice of any type.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// heldBy returns the type of what the interface at p, whose static type is iface,
// holds, and where that lies; nil if it holds nothing.
func heldBy(iface reflect.Type, p unsafe.Pointer) (*Type, unsafe.Pointer) {
	v := reflect.NewAt(iface, p).Elem()
	if v.IsNil() {
		return nil, nil
	}
	t := Of(v.Elem().Type())
	return t, t.inBox(p)
}

// inBox is where the value of t lies that the interface at p holds.
func (t *Type) inBox(p unsafe.Pointer) unsafe.Pointer {
	word := unsafe.Pointer(&(*eface)(p).data)
	if t.direct {
		return word
	}
	return *(*unsafe.Pointer)(word)
}

// at returns where the boxed value lies.
func (t *Type) at(v any) unsafe.Pointer {
	switch given := reflect.TypeOf(v); {
	case given == t.t:
		held := &v
		return t.inBox(unsafe.Pointer(held))
	case t.t.Kind() == reflect.Interface && (given == nil || given.Implements(t.t)):
		p := reflect.New(t.t)
		if given != nil {
			p.Elem().Set(reflect.ValueOf(v))
		}
		return p.UnsafePointer()
	default:
		panic(fmt.Sprintf("deep: a box of %v was given where one of %v belongs", given, t.t))
	}
}

// value is what lies at p.
func (t *Type) value(p unsafe.Pointer) reflect.Value { return reflect.NewAt(t.t, p).Elem() }

// settable makes a field that reflection refuses to touch touchable. v must be
// addressable.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}
