package history

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Kind is the shape of a Value.
type Kind uint8

// The shapes, in the order in which Compare ranks them.
const (
	KindNil Kind = iota
	KindInt
	KindStr
	KindList
)

// Value is what operations write and read: nothing, an integer, a string, or a
// list of values. The zero Value is Nil. Values are immutable: no method
// changes one and List copies its arguments.
type Value struct {
	kind Kind
	num  int64
	str  string
	list []Value
}

// Nil is the absent value: what a register holds before its first write.
var Nil Value

// Int returns the integer n.
func Int(n int64) Value { return Value{kind: KindInt, num: n} }

// Str returns the string s, which may hold any bytes.
func Str(s string) Value { return Value{kind: KindStr, str: s} }

// List returns the list of vs in the given order. Reads of a Set carry their
// elements in ascending order by Compare; SetOf makes such a list.
func List(vs ...Value) Value {
	if len(vs) == 0 {
		return Value{kind: KindList}
	}
	return Value{kind: KindList, list: slices.Clone(vs)}
}

// SetOf returns the list of the distinct values of vs in ascending order.
func SetOf(vs ...Value) Value {
	sorted := slices.Clone(vs)
	slices.SortFunc(sorted, Value.Compare)
	return List(slices.CompactFunc(sorted, Value.Equal)...)
}

// Kind returns the shape of v.
func (v Value) Kind() Kind { return v.kind }

// IsNil reports whether v is Nil.
func (v Value) IsNil() bool { return v.kind == KindNil }

// AsInt returns the integer and true if v is one.
func (v Value) AsInt() (int64, bool) { return v.num, v.kind == KindInt }

// AsStr returns the string and true if v is one.
func (v Value) AsStr() (string, bool) { return v.str, v.kind == KindStr }

// AsList returns the elements and true if v is a list. The slice is shared with
// v and must not be changed.
func (v Value) AsList() ([]Value, bool) { return v.list, v.kind == KindList }

// Len returns the number of elements of a list, and 0 for everything else.
func (v Value) Len() int { return len(v.list) }

// Equal reports whether v and w are the same value. O(size).
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.num != w.num || v.str != w.str {
		return false
	}
	return slices.EqualFunc(v.list, w.list, Value.Equal)
}

// Compare is a total order with Compare(v, w) == 0 iff v.Equal(w): by kind
// (nil, integers, strings, lists), then by number, by bytes, or
// lexicographically. O(size).
func (v Value) Compare(w Value) int {
	if c := cmp.Compare(v.kind, w.kind); c != 0 {
		return c
	}
	switch v.kind {
	case KindInt:
		return cmp.Compare(v.num, w.num)
	case KindStr:
		return strings.Compare(v.str, w.str)
	case KindList:
		return slices.CompareFunc(v.list, w.list, Value.Compare)
	}
	return 0
}

// Key returns a string that is the same for equal values and differs for
// different ones, for use as a map key. Lengths go first, so that no content
// can imitate a boundary.
func (v Value) Key() string { return string(v.appendKey(nil)) }

func (v Value) appendKey(dst []byte) []byte {
	switch v.kind {
	case KindInt:
		dst = strconv.AppendInt(append(dst, 'i'), v.num, 10)
		return append(dst, ';')
	case KindStr:
		dst = strconv.AppendInt(append(dst, 's'), int64(len(v.str)), 10)
		return append(append(dst, ':'), v.str...)
	case KindList:
		dst = strconv.AppendInt(append(dst, 'l'), int64(len(v.list)), 10)
		dst = append(dst, ':')
		for _, e := range v.list {
			dst = e.appendKey(dst)
		}
		return dst
	}
	return append(dst, 'n')
}

// String renders v for people: nil, 7, "text", [1 2 3].
func (v Value) String() string {
	switch v.kind {
	case KindInt:
		return strconv.FormatInt(v.num, 10)
	case KindStr:
		return strconv.Quote(v.str)
	case KindList:
		var b strings.Builder
		b.WriteByte('[')
		for i, e := range v.list {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(e.String())
		}
		b.WriteByte(']')
		return b.String()
	}
	return "nil"
}
