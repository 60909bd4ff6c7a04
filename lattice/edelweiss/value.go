package edelweiss

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Type is the type of a column or a value.
type Type uint8

// The types of values.
const (
	NumberType  Type = iota + 1 // 64-bit signed integers
	SymbolType                  // strings
	NodeType                    // addresses of nodes
	NumbersType                 // finite sets of numbers
)

var typeNames = []string{"?", "number", "symbol", "node", "numbers"}

// String is the type's name in the text form.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "?"
}

// Value is one value of a tuple. Values are comparable with ==. The zero Value
// belongs to no type.
type Value struct {
	typ  Type
	num  int64
	text string // of a symbol, or 8 bytes for each member of a set, ascending
}

// Number is a number.
func Number(n int64) Value { return Value{typ: NumberType, num: n} }

// Symbol is a string.
func Symbol(s string) Value { return Value{typ: SymbolType, text: s} }

// Node is the address of a node.
func Node(n int64) Value { return Value{typ: NodeType, num: n} }

// Numbers is a set of numbers; order and repetition of the arguments do not matter.
func Numbers(ns ...int64) Value {
	sorted := slices.Clone(ns)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	text := make([]byte, 0, 8*len(sorted))
	for _, n := range sorted {
		text = appendNumber(text, n)
	}
	return Value{typ: NumbersType, text: string(text)}
}

// Type is the value's type, 0 for the zero Value.
func (v Value) Type() Type { return v.typ }

// Int is the number or the node's address, 0 for other types.
func (v Value) Int() int64 { return v.num }

// Text is the symbol's string, "" for other types.
func (v Value) Text() string {
	if v.typ != SymbolType {
		return ""
	}
	return v.text
}

// Len is the number of members of a set, 0 for other types.
func (v Value) Len() int {
	if v.typ != NumbersType {
		return 0
	}
	return len(v.text) / 8
}

// Member is the i-th smallest member of a set, for 0 <= i < v.Len().
func (v Value) Member(i int) int64 {
	return int64(binary.BigEndian.Uint64([]byte(v.text[8*i:8*i+8])) ^ 1<<63)
}

// Contains reports whether n is a member of the set v. O(log v.Len()).
func (v Value) Contains(n int64) bool {
	lo, hi := 0, v.Len()
	for lo < hi {
		mid := (lo + hi) / 2
		if v.Member(mid) < n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < v.Len() && v.Member(lo) == n
}

// Compare orders values: by type, then numbers by size, symbols by their bytes,
// sets by their ascending members.
func (v Value) Compare(w Value) int {
	return cmp.Or(cmp.Compare(v.typ, w.typ), cmp.Compare(v.num, w.num), strings.Compare(v.text, w.text))
}

// String is the value in the text form.
func (v Value) String() string {
	switch v.typ {
	case NumberType:
		return strconv.FormatInt(v.num, 10)
	case SymbolType:
		return strconv.Quote(v.text)
	case NodeType:
		return "@" + strconv.FormatInt(v.num, 10)
	case NumbersType:
		var b strings.Builder
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.FormatInt(v.Member(i), 10))
		}
		b.WriteByte(']')
		return b.String()
	}
	return "?"
}

// Append appends an encoding of v from which [DecodeValue] reads it back, given
// its type. Encodings of one type are prefix-free.
func (v Value) Append(dst []byte) []byte {
	switch v.typ {
	case NumberType, NodeType:
		return appendNumber(dst, v.num)
	default:
		dst = binary.AppendUvarint(dst, uint64(len(v.text)))
		return append(dst, v.text...)
	}
}

func appendNumber(dst []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(n)^1<<63)
}

// NumberSize is the size of an encoded number in bytes.
const NumberSize = 8

// DecodeNumber reads a number of which src is the encoding, of [NumberSize] bytes.
func DecodeNumber(src []byte) int64 { return int64(binary.BigEndian.Uint64(src) ^ 1<<63) }

// DecodeValue reads a value of type t from the start of src and returns what
// follows it. It accepts exactly what [Value.Append] writes, else the error is an
// [ErrEncoding].
func DecodeValue(t Type, src []byte) (Value, []byte, error) {
	switch t {
	case NumberType, NodeType:
		if len(src) < NumberSize {
			return Value{}, nil, fmt.Errorf("%w: %s of %d bytes, want %d", ErrEncoding, t, len(src), NumberSize)
		}
		return Value{typ: t, num: DecodeNumber(src)}, src[NumberSize:], nil
	case SymbolType, NumbersType:
		n, used := binary.Uvarint(src)
		if used <= 0 || n > uint64(len(src)-used) || used != uvarintLen(n) {
			return Value{}, nil, fmt.Errorf("%w: length of a %s", ErrEncoding, t)
		}
		v := Value{typ: t, text: string(src[used : used+int(n)])}
		if t == NumbersType && !ascending(v) {
			return Value{}, nil, fmt.Errorf("%w: set of numbers that does not ascend", ErrEncoding)
		}
		return v, src[used+int(n):], nil
	}
	return Value{}, nil, fmt.Errorf("%w: no type %d", ErrEncoding, t)
}

func uvarintLen(n uint64) int { return len(binary.AppendUvarint(nil, n)) }

func ascending(v Value) bool {
	if len(v.text)%8 != 0 {
		return false
	}
	for i := 1; i < v.Len(); i++ {
		if v.Member(i-1) >= v.Member(i) {
			return false
		}
	}
	return true
}

// Tuple is a row of a collection: a value a column.
type Tuple []Value

// Compare orders tuples lexicographically.
func (t Tuple) Compare(u Tuple) int { return slices.CompareFunc(t, u, Value.Compare) }

// String is the tuple in the text form, without a collection's name: (1, "a").
func (t Tuple) String() string {
	parts := make([]string, len(t))
	for i, v := range t {
		parts[i] = v.String()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// Append appends the encodings of the tuple's values. Among tuples of one
// collection encodings are prefix-free, so that they serve as keys of maps.
func (t Tuple) Append(dst []byte) []byte {
	for _, v := range t {
		dst = v.Append(dst)
	}
	return dst
}

// DecodeTuple reads a tuple of the columns' types from src, all of it, as
// [Tuple.Append] wrote it, else the error is an [ErrEncoding].
func DecodeTuple(columns []Column, src []byte) (Tuple, error) {
	t := make(Tuple, len(columns))
	var err error
	for i, c := range columns {
		if t[i], src, err = DecodeValue(c.Type, src); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	if len(src) > 0 {
		return nil, fmt.Errorf("%w: %d bytes after the last column", ErrEncoding, len(src))
	}
	return t, nil
}
