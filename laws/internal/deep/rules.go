package deep

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// tenure is how a state holds what a pointer points to.
type tenure uint8

const (
	owned   tenure = iota // memory of the state: copied, compared, fingerprinted
	lent                  // data kept by identity: compared by content, fingerprinted by address
	machine               // kept, compared and fingerprinted by address
	derived               // machinery that describes a type
	nowhere               // no bytes: kept, and all such pointers are equal
)

var (
	runtimeType = reflect.TypeFor[reflect.Type]()
	errorType   = reflect.TypeFor[error]()
)

// tenureOf says how a pointer to t holds what it points to.
func tenureOf(t reflect.Type) tenure {
	switch pkg := t.PkgPath(); {
	case t.Size() == 0:
		return nowhere
	case t == reflect.TypeFor[time.Location]():
		return lent
	case pkg == "runtime" || pkg == "reflect" || pkg == "context" || strings.HasPrefix(pkg, "internal/"):
		return machine
	case t.Kind() != reflect.Struct:
		return owned
	case pkg == "sync" || pkg == "sync/atomic":
		return owned
	case standard(pkg) && holdsMachinery(t):
		return machine
	case describesType(t):
		return derived
	}
	return owned
}

// isWord reports structs that are words whatever they hold.
func isWord(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	switch pkg := t.PkgPath(); pkg {
	case "unique", "weak", "runtime", "reflect":
		return true
	default:
		return strings.HasPrefix(pkg, "internal/")
	}
}

// isFresh reports types of package sync that copies make anew.
func isFresh(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.PkgPath() != "sync" {
		return false
	}
	return t.Name() != "Map" && t.Name() != "Once"
}

// isSync reports types of package sync that are no state.
func isSync(t reflect.Type) bool { return isFresh(t) || t.PkgPath() == "sync" && t.Name() == "Once" }

func isSyncMap(t reflect.Type) bool { return t.PkgPath() == "sync" && t.Name() == "Map" }

// atomicPointee returns what an atomic.Pointer[T] points to. The type says it in a
// field without bytes.
func atomicPointee(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() != reflect.Struct || t.PkgPath() != "sync/atomic" || !strings.HasPrefix(t.Name(), "Pointer[") {
		return nil, false
	}
	if f := t.Field(0).Type; f.Kind() == reflect.Array && f.Elem().Kind() == reflect.Pointer {
		return f.Elem(), true
	}
	return nil, false
}

// atomicWord is the offset of the pointer in an atomic.Pointer.
func atomicWord(t reflect.Type) uintptr { return t.Field(t.NumField() - 1).Offset }

// holdsMachinery reports whether the memory of t itself, not what it points to,
// holds what has no structure.
func holdsMachinery(t reflect.Type) bool {
	return anyPart(t, func(part reflect.Type) bool {
		switch part.Kind() {
		case reflect.Func, reflect.Chan, reflect.UnsafePointer:
			return true
		}
		return part.PkgPath() == "sync" || strings.HasPrefix(part.PkgPath(), "internal/")
	})
}

// describesType reports structs that hold a type of the runtime and functions for
// it.
func describesType(t reflect.Type) bool {
	return t.Kind() == reflect.Struct &&
		anyPart(t, func(part reflect.Type) bool { return part == runtimeType }) &&
		anyPart(t, func(part reflect.Type) bool { return part.Kind() == reflect.Func })
}

// anyPart reports whether found holds for t, or for one of the fields and elements
// that lie within it. Values of sync/atomic are taken for what they hold.
func anyPart(t reflect.Type, found func(reflect.Type) bool) bool {
	switch {
	case t.PkgPath() == "sync/atomic":
		return false
	case found(t):
		return true
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if anyPart(t.Field(i).Type, found) {
				return true
			}
		}
	case t.Kind() == reflect.Array:
		return t.Len() > 0 && anyPart(t.Elem(), found)
	}
	return false
}

// isSentinel reports whether t, which an interface holds, is a pointer to an error
// that is made of nothing but numbers, strings and errors.
func isSentinel(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || !t.Implements(errorType) {
		return false
	}
	return !anyPart(t.Elem(), func(part reflect.Type) bool {
		switch part.Kind() {
		case reflect.Interface:
			return !part.Implements(errorType)
		case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Chan, reflect.Func, reflect.UnsafePointer:
			return true
		}
		return part.PkgPath() == "sync"
	})
}

// ignored reports fields that are no state.
func ignored(t reflect.Type, f reflect.StructField) bool {
	switch {
	case f.Name == "_":
		return true
	case isSync(f.Type):
		return true
	case f.Type.Kind() == reflect.Pointer && !f.IsExported() && tenureOf(f.Type.Elem()) == derived:
		return true
	case f.Type.Kind() == reflect.Int32 && (f.Name == "sizeCache" || f.Name == "XXX_sizecache"):
		p := reflect.PointerTo(t)
		_, reflects := p.MethodByName("ProtoReflect")
		_, marked := p.MethodByName("ProtoMessage")
		return reflects || marked
	}
	return false
}

// standard reports whether path is of a package of the standard library. The first
// elements of its paths are few; a new one is taken for a user's, whose structs are
// copied.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return standardRoots[first]
}

var standardRoots = func() map[string]bool {
	roots := make(map[string]bool)
	for root := range strings.FieldsSeq(`archive bufio bytes cmp compress container context crypto database debug
		embed encoding errors expvar flag fmt go hash html image index internal io iter log maps math mime net os
		path plugin reflect regexp runtime simd slices sort strconv strings structs sync syscall testing text time
		unicode unique unsafe weak`) {
		roots[root] = true
	}
	return roots
}()

// Check reports whether values of t can be compared structurally; the error
// names the first field that cannot. Types with an Equal method that is honoured are
// taken at their word, and channels are equal where they are the same, as in Go.
func Check(t reflect.Type) error {
	return inspect(t, t.String(), map[reflect.Type]bool{}, func(part reflect.Type, path string) (stop bool, err error) {
		if _, ok := equalMethodOf(part); ok {
			return true, nil
		}
		switch part.Kind() {
		case reflect.Func, reflect.UnsafePointer:
			return true, fmt.Errorf("%s is a %s, which %w", path, kindName(part), ErrOpaque)
		}
		return false, nil
	})
}

// CheckCopy reports whether values of t can be copied faithfully; the error names
// the first field that cannot, and the remedy. What interfaces hold is known only
// when it is met: unsafe pointers there are kept.
func CheckCopy(t reflect.Type) error {
	return inspect(t, t.String(), map[reflect.Type]bool{}, func(part reflect.Type, path string) (stop bool, err error) {
		if part.Kind() == reflect.UnsafePointer || part == reflect.TypeFor[reflect.Value]() {
			return true, fmt.Errorf("%s is %s, which %w: give laws.Clone", path, kindName(part), ErrUncopiable)
		}
		return false, nil
	})
}

// Check is [Check] and [CheckCopy].
func (t *Type) Check() error {
	if err := Check(t.t); err != nil {
		return err
	}
	return CheckCopy(t.t)
}

// kindName is the type for messages.
func kindName(t reflect.Type) string {
	if t.Kind() == reflect.UnsafePointer || t.Kind() == reflect.Struct {
		return t.String()
	}
	return t.Kind().String()
}

// inspect calls visit for t and what its values hold, each type once, until it
// reports an error. Where visit stops, and what is no state of its own, is not
// looked into.
func inspect(t reflect.Type, path string, seen map[reflect.Type]bool, visit func(reflect.Type, string) (bool, error)) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if stop, err := visit(t, path); stop || err != nil {
		return err
	}
	switch t.Kind() {
	case reflect.Struct:
		return inspectStruct(t, path, seen, visit)
	case reflect.Slice:
		return inspect(t.Elem(), path+"[]", seen, visit)
	case reflect.Array:
		if t.Len() > 0 {
			return inspect(t.Elem(), path+"[]", seen, visit)
		}
	case reflect.Pointer:
		if hold := tenureOf(t.Elem()); hold == owned || hold == lent {
			return inspect(t.Elem(), "(*"+path+")", seen, visit)
		}
	case reflect.Map:
		if err := inspect(t.Key(), path+"[key]", seen, visit); err != nil {
			return err
		}
		return inspect(t.Elem(), path+"[]", seen, visit)
	}
	return nil
}

func inspectStruct(t reflect.Type, path string, seen map[reflect.Type]bool, visit func(reflect.Type, string) (bool, error)) error {
	if isWord(t) || isSync(t) || isSyncMap(t) {
		return nil
	}
	if p, ok := atomicPointee(t); ok {
		return inspect(p, path, seen, visit)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if ignored(t, f) {
			continue
		}
		if err := inspect(f.Type, path+"."+f.Name, seen, visit); err != nil {
			return err
		}
	}
	return nil
}

// tangled reports whether values of t can be cyclic, or of any depth: t leads to
// itself, or to an interface.
func tangled(t reflect.Type, within map[reflect.Type]bool) bool {
	if done, ok := within[t]; ok {
		return !done // being looked at: t leads to itself
	}
	within[t] = false
	found := false
	switch t.Kind() {
	case reflect.Interface:
		found = true
	case reflect.Slice, reflect.Array:
		found = tangled(t.Elem(), within)
	case reflect.Pointer:
		hold := tenureOf(t.Elem())
		found = hold == owned && tangled(t.Elem(), within)
	case reflect.Map:
		found = tangled(t.Key(), within) || tangled(t.Elem(), within)
	case reflect.Struct:
		found = tangledStruct(t, within)
	}
	within[t] = true
	return found
}

func tangledStruct(t reflect.Type, within map[reflect.Type]bool) bool {
	switch p, ok := atomicPointee(t); {
	case ok:
		return tangled(p, within)
	case isWord(t) || isSync(t):
		return false
	case isSyncMap(t):
		return true
	}
	for i := range t.NumField() {
		if f := t.Field(i); !ignored(t, f) && tangled(f.Type, within) {
			return true
		}
	}
	return false
}
