package deep

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// importPath matches what comes before the last element of an import path, in the
// arguments of a generic type.
var importPath = regexp.MustCompile(`[\w.~+-]+(/[\w.~+-]+)*/`)

// spelling turns the runtime's spelling of types into that of gofmt.
var spelling = strings.NewReplacer("interface {}", "any", "struct {}", "struct{}", "interface { ", "interface{ ")

// TypeName names t as source code does, type arguments included. Packages are named
// by their last element.
func TypeName(t reflect.Type) string {
	if t.Name() != "" {
		return spelling.Replace(importPath.ReplaceAllString(t.String(), ""))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + TypeName(t.Elem())
	case reflect.Slice:
		return "[]" + TypeName(t.Elem())
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + TypeName(t.Elem())
	case reflect.Map:
		return "map[" + TypeName(t.Key()) + "]" + TypeName(t.Elem())
	case reflect.Chan:
		elem := TypeName(t.Elem())
		if t.Elem().Kind() == reflect.Chan && t.Elem().Name() == "" && t.Elem().ChanDir() == reflect.RecvDir {
			elem = "(" + elem + ")"
		}
		return t.ChanDir().String() + " " + elem
	case reflect.Func:
		return "func" + signature(t)
	case reflect.Struct:
		return structName(t)
	}
	return spelling.Replace(importPath.ReplaceAllString(t.String(), ""))
}

func structName(t reflect.Type) string {
	if t.NumField() == 0 {
		return "struct{}"
	}
	fields := make([]string, t.NumField())
	for i := range fields {
		f := t.Field(i)
		fields[i] = TypeName(f.Type)
		if !f.Anonymous {
			fields[i] = f.Name + " " + fields[i]
		}
		if f.Tag != "" {
			fields[i] += " " + strconv.Quote(string(f.Tag))
		}
	}
	return "struct{ " + strings.Join(fields, "; ") + " }"
}

// signature is the parameters and results of a function type.
func signature(t reflect.Type) string {
	in, out := make([]string, t.NumIn()), make([]string, t.NumOut())
	for i := range in {
		in[i] = TypeName(t.In(i))
		if t.IsVariadic() && i == len(in)-1 {
			in[i] = "..." + TypeName(t.In(i).Elem())
		}
	}
	for i := range out {
		out[i] = TypeName(t.Out(i))
	}
	results := strings.Join(out, ", ")
	if len(out) > 0 {
		results = " " + results
	}
	if len(out) > 1 {
		results = " (" + results[1:] + ")"
	}
	return "(" + strings.Join(in, ", ") + ")" + results
}
