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
	KindBool
	KindInt     // an integer of 64 bits
	KindDecimal // any other decimal number, exactly
	KindStr
	KindList
	KindMap
)

// Value is what operations write and read: nothing, a truth value, a number, a
// string, a list of values, or a map from values to values; so everything that
// JSON has. The zero Value is Nil. Values are immutable: no method changes one,
// and List and MapOf copy their arguments.
type Value struct {
	kind Kind
	num  int64   // KindInt; KindBool: 1 is true
	str  string  // KindStr; KindDecimal: see Decimal
	list []Value // KindList; KindMap: keys, ascending, each with its value behind it
}

// Nil is the absent value: what a register holds before its first write.
var Nil Value

// Int returns the integer n.
func Int(n int64) Value { return Value{kind: KindInt, num: n} }

// Bool returns the truth value b.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

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

// MapOf returns the map with these entries, key and value; of entries with equal
// keys the last one counts.
func MapOf(entries ...[2]Value) Value {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b [2]Value) int { return a[0].Compare(b[0]) })
	v := Value{kind: KindMap}
	for i, e := range sorted {
		if i+1 == len(sorted) || !e[0].Equal(sorted[i+1][0]) {
			v.list = append(v.list, e[0], e[1])
		}
	}
	return v
}

// Kind returns the shape of v.
func (v Value) Kind() Kind { return v.kind }

// IsNil reports whether v is Nil.
func (v Value) IsNil() bool { return v.kind == KindNil }

// AsInt returns the integer and true if v is one; 0 and false otherwise.
func (v Value) AsInt() (int64, bool) {
	if v.kind != KindInt {
		return 0, false
	}
	return v.num, true
}

// AsStr returns the string and true if v is one; "" and false otherwise.
func (v Value) AsStr() (string, bool) {
	if v.kind != KindStr {
		return "", false
	}
	return v.str, true
}

// AsBool returns the truth value and true if v is one.
func (v Value) AsBool() (b, ok bool) { return v.kind == KindBool && v.num == 1, v.kind == KindBool }

// AsList returns the elements and true if v is a list. The slice is shared with
// v and must not be changed.
func (v Value) AsList() ([]Value, bool) {
	if v.kind != KindList {
		return nil, false
	}
	return v.list, true
}

// AsMap returns the entries in ascending order of their keys, and true if v is a
// map.
func (v Value) AsMap() (entries [][2]Value, ok bool) {
	if v.kind != KindMap {
		return nil, false
	}
	for i := 0; i < len(v.list); i += 2 {
		entries = append(entries, [2]Value{v.list[i], v.list[i+1]})
	}
	return entries, true
}

// Len returns the number of elements of a list, and 0 for everything else.
func (v Value) Len() int {
	if v.kind != KindList {
		return 0
	}
	return len(v.list)
}

// Equal reports whether v and w are the same value. O(size).
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.num != w.num || v.str != w.str {
		return false
	}
	return slices.EqualFunc(v.list, w.list, Value.Equal)
}

// Compare is a total order with Compare(v, w) == 0 iff v.Equal(w): by kind, in the
// order of the constants, then by number, by bytes, or lexicographically, a map as
// the list of its keys and values. O(size).
func (v Value) Compare(w Value) int {
	if c := cmp.Compare(v.kind, w.kind); c != 0 {
		return c
	}
	switch v.kind {
	case KindBool, KindInt:
		return cmp.Compare(v.num, w.num)
	case KindDecimal:
		return compareDecimals(v.str, w.str)
	case KindStr:
		return strings.Compare(v.str, w.str)
	case KindList, KindMap:
		return slices.CompareFunc(v.list, w.list, Value.Compare)
	}
	return 0
}

// Key returns a string that is the same for equal values and differs for
// different ones, for use as a map key. Lengths go first, so that no content
// can imitate a boundary.
func (v Value) Key() string { return string(v.appendKey(nil)) }

func (v Value) appendKey(dst []byte) []byte {
	letter := [...]byte{KindNil: 'n', KindBool: 'b', KindInt: 'i', KindDecimal: 'd', KindStr: 's', KindList: 'l', KindMap: 'm'}[v.kind]
	switch v.kind {
	case KindBool, KindInt:
		dst = strconv.AppendInt(append(dst, letter), v.num, 10)
		return append(dst, ';')
	case KindStr, KindDecimal:
		dst = strconv.AppendInt(append(dst, letter), int64(len(v.str)), 10)
		return append(append(dst, ':'), v.str...)
	case KindList, KindMap:
		dst = strconv.AppendInt(append(dst, letter), int64(len(v.list)), 10)
		dst = append(dst, ':')
		for _, e := range v.list {
			dst = e.appendKey(dst)
		}
		return dst
	}
	return append(dst, letter)
}

// String renders v for people: nil, true, 7, 1.5, "text", [1 2 3], {"a" 1, "b" 2}.
func (v Value) String() string {
	switch v.kind {
	case KindBool:
		return strconv.FormatBool(v.num == 1)
	case KindInt:
		return strconv.FormatInt(v.num, 10)
	case KindDecimal:
		return plainDecimal(v.str)
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
	case KindMap:
		var b strings.Builder
		b.WriteByte('{')
		for i := 0; i < len(v.list); i += 2 {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(v.list[i].String() + " " + v.list[i+1].String())
		}
		b.WriteByte('}')
		return b.String()
	}
	return "nil"
}
