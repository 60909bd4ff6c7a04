package deep

import (
	"fmt"
	"reflect"
	"strings"
)

// LiteralLimit is how many bytes a literal has at most, if no other limit is given,
// and but for what closes what is open.
const LiteralLimit = 8 << 10

// Literal prints v as a Go expression of type T, on one line, of [LiteralLimit] bytes.
//
// Map keys are sorted, so equal values print alike. Packages are named by their last
// element. Numbers, strings and composites print as literals, a pointer to a number as
// new(5), and what is no state is left out. A few types of the standard library print
// as calls of their constructors. A type with a GoString method prints itself, unless
// that panics.
//
// An expression without a comment compiles, in the package whose types it is about.
// What has no literal is nil, or what is known of it, with a comment that says so: functions,
// channels, what is kept by identity, a value that holds itself, one that is nested
// too deep, and the rest of a value that is too long ("/* … 17 more */"). Structs of
// packages other than that of T have unexported fields that no literal can give: they
// are printed beside a comment, or, if their type has a String method, as what that
// returns, in a comment.
func Literal[T any](v T) string {
	return literal(reflect.ValueOf(&v).Elem(), LiteralLimit)
}

// Literal prints a boxed value; see [Literal].
func (t *Type) Literal(v any) string { return t.LiteralWithin(v, LiteralLimit) }

// LiteralWithin is Literal with a limit of its own, in bytes.
func (t *Type) LiteralWithin(v any, limit int) string {
	return literal(t.value(t.at(v)), limit)
}

func literal(v reflect.Value, limit int) string {
	p := newPrinter(limit, v.Type())
	p.value(v, false)
	return p.b.String()
}

// newPrinter prints values of type t.
func newPrinter(limit int, t reflect.Type) *printer {
	return &printer{limit: limit, home: homeOf(t), path: make(map[reference]bool)}
}

// deepest is the nesting beyond which a value is not printed.
const deepest = 64

type printer struct {
	b     strings.Builder
	brief bool // without the entries of maps
	limit int
	depth int
	home  string             // the package that the literal is for; "" if it is not known
	path  map[reference]bool // what is being printed
}

// reference is memory that a printed value refers to.
type reference struct {
	p uintptr
	n int
	t reflect.Type
}

// homeOf is the package of the first named type that is met in t, unless that is of
// the standard library.
func homeOf(t reflect.Type) string {
	for t.Name() == "" {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return ""
		}
	}
	if standard(t.PkgPath()) {
		return ""
	}
	return t.PkgPath()
}

func (p *printer) write(parts ...string) {
	for _, s := range parts {
		p.b.WriteString(s)
	}
}

// full reports whether the limit is reached.
func (p *printer) full() bool { return p.b.Len() >= p.limit }

// note writes a comment; text may hold anything.
func (p *printer) note(text string) {
	p.write("/* ", p.short(strings.NewReplacer("*/", "* /", "\n", " ").Replace(text)), " */")
}

// short cuts a text to what is left.
func (p *printer) short(text string) string {
	left := max(p.limit-p.b.Len(), 32)
	if len(text) <= left {
		return text
	}
	return fmt.Sprintf("%s… %d bytes more", strings.ToValidUTF8(text[:left], ""), len(text)-left)
}

// value prints v, which must be addressable. Where the context gives the type
// (typed), constants and nil need none.
func (p *printer) value(v reflect.Value, typed bool) {
	p.depth++
	defer func() { p.depth-- }()
	t := v.Type()
	if p.special(v, typed) {
		return
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Map:
		if isNil(v) {
			p.null(t, typed)
			return
		}
		if p.opens(v, typed) {
			p.write(TypeName(t))
			p.body(v)
			p.closes(v)
		}
	case reflect.Pointer:
		p.pointer(v, typed)
	case reflect.Interface:
		if v.IsNil() {
			p.null(t, typed)
			return
		}
		if !typed {
			p.write(TypeName(t), "(")
			defer p.write(")")
		}
		p.value(held(v.Elem()), false)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		p.null(t, typed)
		if !v.IsNil() {
			p.write(" ")
			p.note("a " + t.Kind().String() + " has no literal")
		}
	default:
		p.scalar(v, typed)
	}
}

// opens reports whether what v refers to is to be printed: not if it is being printed,
// or too deep.
func (p *printer) opens(v reflect.Value, typed bool) bool {
	why := ""
	switch r, ok := referenceOf(v); {
	case !ok:
		return true
	case p.path[r]:
		why = "a cycle"
	case p.depth > deepest:
		why = "nested too deep"
	default:
		p.path[r] = true
		return true
	}
	p.null(v.Type(), typed)
	p.write(" ")
	p.note(why)
	return false
}

// closes ends what opens began.
func (p *printer) closes(v reflect.Value) {
	if r, ok := referenceOf(v); ok {
		delete(p.path, r)
	}
}

// referenceOf is the memory that v refers to, if it is of a kind that does.
func referenceOf(v reflect.Value) (reference, bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map:
		return reference{v.Pointer(), 0, v.Type()}, true
	case reflect.Slice:
		return reference{v.Pointer(), v.Len(), v.Type()}, v.Len() > 0
	}
	return reference{}, false
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return v.IsNil()
	}
	return false
}

// held copies v to where it is addressable.
func held(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

func (p *printer) null(t reflect.Type, typed bool) {
	name := TypeName(t)
	switch {
	case typed:
		p.write("nil")
	case t.Kind() == reflect.Map || t.Kind() == reflect.Slice || t.Name() != "":
		p.write(name, "(nil)")
	default:
		p.write("(", name, ")(nil)")
	}
}

// composite reports whether a literal of t may leave its type out inside a
// composite literal.
func composite(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Map:
		return !isSpecial(t)
	}
	return false
}

// element prints v inside a collection whose literal names the type already.
func (p *printer) element(v reflect.Value) {
	inner := v
	if v.Kind() == reflect.Pointer && !v.IsNil() && !isSpecial(v.Type()) && v.Type().Name() == "" {
		inner = v.Elem()
	}
	if !composite(inner.Type()) || isNil(inner) {
		p.value(v, true)
		return
	}
	p.depth++
	defer func() { p.depth-- }()
	if inner != v && tenureOf(inner.Type()) != owned && tenureOf(inner.Type()) != nowhere {
		p.pointer(v, true)
		return
	}
	if !p.opens(v, true) {
		return
	}
	if inner != v && !p.opens(inner, true) {
		p.closes(v)
		return
	}
	p.body(inner)
	if inner != v {
		p.closes(inner)
	}
	p.closes(v)
}

// body prints the part of a composite literal in braces.
func (p *printer) body(v reflect.Value) {
	p.write("{")
	defer p.write("}")
	switch v.Kind() {
	case reflect.Struct:
		p.fields(v)
	case reflect.Map:
		if p.brief {
			p.note(count(v.Len(), "element"))
			return
		}
		keys := p.sortedKeys(v)
		for i, k := range keys {
			if !p.separate(i, len(keys)) {
				return
			}
			p.element(k.key)
			p.write(": ")
			p.element(k.val)
		}
	default:
		for i := range v.Len() {
			if !p.separate(i, v.Len()) {
				return
			}
			p.element(v.Index(i))
		}
	}
}

// separate prints what comes before the element i of n, and reports whether there is
// room for it. The first always has.
func (p *printer) separate(i, n int) bool {
	if i == 0 {
		return true
	}
	if p.full() {
		p.write(fmt.Sprintf(" /* … %d more */", n-i))
		return false
	}
	p.write(", ")
	return true
}

// fields prints the fields of a struct that are state and not zero.
func (p *printer) fields(v reflect.Value) {
	t := v.Type()
	var shown []int
	foreign := false
	for i := range t.NumField() {
		f := t.Field(i)
		if ignored(t, f) || v.Field(i).IsZero() {
			continue
		}
		shown = append(shown, i)
		foreign = foreign || !f.IsExported() && t.Name() != "" && t.PkgPath() != p.home
	}
	switch {
	case foreign && p.described(v):
		return
	case foreign:
		p.note("with unexported fields of package " + t.PkgPath())
		p.write(" ")
	}
	for n, i := range shown {
		if !p.separate(n, len(shown)) {
			return
		}
		p.write(t.Field(i).Name, ": ")
		p.value(settable(v.Field(i)), true)
	}
}

// described prints what the String method of v, or of a pointer to it, returns, if
// there is one.
func (p *printer) described(v reflect.Value) bool {
	for _, candidate := range []reflect.Value{v, v.Addr()} {
		if !candidate.Type().Implements(reflect.TypeFor[fmt.Stringer]()) {
			continue
		}
		if text, ok := calmly(candidate.Interface().(fmt.Stringer).String); ok {
			p.note(text)
			return true
		}
	}
	return false
}

// calmly calls a method of a user's type, and reports whether it returned.
func calmly(method func() string) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	return method(), true
}

func (p *printer) pointer(v reflect.Value, typed bool) {
	t := v.Type()
	hold := tenureOf(t.Elem())
	switch {
	case v.IsNil():
		p.null(t, typed)
	case hold != owned && hold != nowhere:
		p.null(t, typed)
		p.write(" ")
		p.note("a " + TypeName(t) + ", kept by identity")
	case !p.opens(v, typed):
	default:
		defer p.closes(v)
		conversion := ""
		if t.Name() != "" && !typed {
			conversion = TypeName(t)
			p.write(conversion, "(")
		}
		if elem := v.Elem(); composite(t.Elem()) && !isNil(elem) {
			p.write("&")
			p.value(elem, false)
		} else {
			p.write("new(")
			p.value(elem, false)
			p.write(")")
		}
		if conversion != "" {
			p.write(")")
		}
	}
}
