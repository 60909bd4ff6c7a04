package deep

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

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
		text, inherent = p.quoted(v.String()), "string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		text, inherent = strconv.FormatInt(v.Int(), 10), "int"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		text = strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		text, constant = floatText(v.Float(), t.Bits(), typed)
		inherent = "float64"
	case reflect.Complex64, reflect.Complex128:
		text, constant = complexText(v.Complex(), t.Bits())
		inherent = "complex128"
	}
	if t.String() == inherent || typed && constant {
		p.write(text)
		return
	}
	p.write(TypeName(t), "(", text, ")")
}

// quoted is s as a literal, cut to what is left.
func (p *printer) quoted(s string) string {
	left := max(p.limit-p.b.Len(), 32)
	if len(s) <= left {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:left]) + " /* … " + strconv.Itoa(len(s)-left) + " bytes more */"
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

// complexText prints c; constant is false where one of its parts is none.
func complexText(c complex128, bits int) (text string, constant bool) {
	re, constantRe := floatText(real(c), bits/2, true)
	im, constantIm := floatText(imag(c), bits/2, true)
	if constantRe && constantIm {
		return strconv.FormatComplex(c, 'g', -1, bits), true
	}
	return "complex(" + re + ", " + im + ")", false
}
