package deep

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Literal prints v as a Go expression of type T, on one line. Map keys are
// sorted, so equal values print alike. Packages are named by their last element.
// A type with a GoString method prints itself. What has no literal (a function, a
// channel, a cycle) is nil with a comment.
func Literal[T any](v T) string {
	p := printer{}
	p.value(reflect.ValueOf(&v).Elem(), false)
	return p.b.String()
}

// maxDepth is the nesting beyond which a value is taken for cyclic.
const maxDepth = 64

type printer struct {
	b     strings.Builder
	depth int
}

var importPath = regexp.MustCompile(`[\w.~+-]+(/[\w.~+-]+)*/`)

// TypeName names t as source code does, type arguments included.
func TypeName(t reflect.Type) string {
	return spelling.Replace(importPath.ReplaceAllString(t.String(), ""))
}

// spelling turns the runtime's spelling of types into that of gofmt.
var spelling = strings.NewReplacer("interface {}", "any", "struct {}", "struct{}", "interface { ", "interface{ ")

func (p *printer) write(parts ...string) {
	for _, s := range parts {
		p.b.WriteString(s)
	}
}

// value prints v, which must be addressable. Where the context gives the type
// (typed), constants and nil need none.
func (p *printer) value(v reflect.Value, typed bool) {
	p.depth++
	defer func() { p.depth-- }()
	t := v.Type()
	switch {
	case p.depth > maxDepth:
		p.write("nil /* nested too deep, or a cycle */")
		return
	case t.Kind() != reflect.Interface && t.Implements(reflect.TypeFor[fmt.GoStringer]()) && !isNil(v):
		p.write(v.Interface().(fmt.GoStringer).GoString())
		return
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Map:
		if isNil(v) {
			p.null(t, typed)
			return
		}
		p.write(TypeName(t))
		p.body(v)
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
			p.write(" /* a ", t.Kind().String(), " has no literal */")
		}
	default:
		p.scalar(v, typed)
	}
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
	switch {
	case typed:
		p.write("nil")
	case t.Kind() == reflect.Map || t.Kind() == reflect.Slice || t.Name() != "":
		p.write(TypeName(t), "(nil)")
	default:
		p.write("(", TypeName(t), ")(nil)")
	}
}

// composite reports whether a literal of t may leave its type out inside a
// composite literal.
func composite(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Map:
		return !t.Implements(reflect.TypeFor[fmt.GoStringer]())
	}
	return false
}

// element prints v inside a collection whose literal names the type already.
func (p *printer) element(v reflect.Value) {
	switch t := v.Type(); {
	case composite(t) && !isNil(v) && p.depth < maxDepth:
		p.depth++
		p.body(v)
		p.depth--
	case t.Kind() == reflect.Pointer && !v.IsNil() && composite(t.Elem()) && p.depth < maxDepth:
		p.depth++
		p.body(v.Elem())
		p.depth--
	default:
		p.value(v, true)
	}
}

// body prints the part of a composite literal in braces.
func (p *printer) body(v reflect.Value) {
	p.write("{")
	defer p.write("}")
	switch v.Kind() {
	case reflect.Struct:
		first := true
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if v.Field(i).IsZero() {
				continue
			}
			if !first {
				p.write(", ")
			}
			first = false
			p.write(f.Name, ": ")
			p.value(settable(v.Field(i)), true)
		}
	case reflect.Map:
		for i, k := range sortedKeys(v) {
			if i > 0 {
				p.write(", ")
			}
			p.element(k)
			p.write(": ")
			p.element(held(v.MapIndex(k)))
		}
	default:
		for i := range v.Len() {
			if i > 0 {
				p.write(", ")
			}
			p.element(v.Index(i))
		}
	}
}

func (p *printer) pointer(v reflect.Value, typed bool) {
	switch {
	case v.IsNil():
		p.null(v.Type(), typed)
	case composite(v.Type().Elem()) && !isNil(v.Elem()):
		p.write("&")
		p.value(v.Elem(), false)
	default:
		p.write("new(")
		p.value(v.Elem(), false)
		p.write(")")
	}
}

// scalar prints a constant, converted where neither the context nor the form of
// the constant gives its type.
func (p *printer) scalar(v reflect.Value, typed bool) {
	t := v.Type()
	text, constant := "", true
	inherent := "" // the type an untyped constant of this form has by default
	switch t.Kind() {
	case reflect.Bool:
		text, inherent = strconv.FormatBool(v.Bool()), "bool"
	case reflect.String:
		text, inherent = strconv.Quote(v.String()), "string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		text, inherent = strconv.FormatInt(v.Int(), 10), "int"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		text = strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		text, constant = floatText(v.Float(), t.Bits(), typed)
		inherent = "float64"
	case reflect.Complex64, reflect.Complex128:
		text, inherent = strconv.FormatComplex(v.Complex(), 'g', -1, t.Bits()), "complex128"
	}
	if t.String() == inherent || typed && constant {
		p.write(text)
		return
	}
	p.write(TypeName(t), "(", text, ")")
}

// floatText prints f; constant is false where it takes a call of package math.
func floatText(f float64, bits int, typed bool) (text string, constant bool) {
	switch {
	case math.IsNaN(f):
		return "math.NaN()", false
	case math.IsInf(f, 1):
		return "math.Inf(1)", false
	case math.IsInf(f, -1):
		return "math.Inf(-1)", false
	case f == 0 && math.Signbit(f):
		return "math.Copysign(0, -1)", false
	}
	text = strconv.FormatFloat(f, 'g', -1, bits)
	if !typed && !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text, true
}

// sortedKeys returns the keys of map m in order: numbers and strings by value,
// others by their literals.
func sortedKeys(m reflect.Value) []reflect.Value {
	keys := make([]reflect.Value, 0, m.Len())
	for it := m.MapRange(); it.Next(); {
		keys = append(keys, held(it.Key()))
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func compareKeys(a, b reflect.Value) int {
	switch {
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	}
	var x, y printer
	x.value(a, false)
	y.value(b, false)
	return cmp.Compare(x.b.String(), y.b.String())
}
