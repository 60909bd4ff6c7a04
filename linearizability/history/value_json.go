package history

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxValueDepth bounds the nesting of lists and maps in a decoded Value, so that a
// hostile line cannot spend the stack.
const maxValueDepth = 512

// text is a string that survives JSON unchanged whatever bytes it holds: valid
// UTF-8 is a JSON string, anything else {"b64": "…"}. encoding/json would
// replace invalid bytes silently, and a history must round-trip exactly.
type text string

type rawText struct {
	B64 []byte `json:"b64"`
}

// MarshalJSON implements json.Marshaler.
func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(rawText{[]byte(t)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(src []byte) error {
	if len(src) == 0 || src[0] != '{' {
		var s string
		if err := json.Unmarshal(src, &s); err != nil {
			return err
		}
		*t = text(s)
		return nil
	}
	var raw struct {
		B64 *string `json:"b64"`
	}
	if err := strictJSON(src, &raw); err != nil {
		return err
	}
	if raw.B64 == nil {
		return fmt.Errorf("text object has no field b64")
	}
	b, err := base64.StdEncoding.DecodeString(*raw.B64)
	if err != nil {
		return fmt.Errorf("text object: %w", err)
	}
	*t = text(b)
	return nil
}

// rawField is the only field of the object that stands for a string of other bytes
// than UTF-8, as in the tag of rawText.
const rawField = "b64"

// pairsField is the only field of the object that stands for a map which JSON has
// no object for: {"map-pairs": [[key, value], …]}.
const pairsField = "map-pairs"

// MarshalJSON renders null, true or false, a number, a string (or {"b64": "…"}
// where the bytes are not UTF-8), an array, or an object. A map whose keys are not
// all strings of UTF-8, or that would look like one of the two objects with a
// meaning of their own, is {"map-pairs": [[key, value], …]}.
func (v Value) MarshalJSON() ([]byte, error) { return v.appendJSON(nil) }

func (v Value) appendJSON(dst []byte) ([]byte, error) {
	switch v.kind {
	case KindBool:
		return strconv.AppendBool(dst, v.num == 1), nil
	case KindInt:
		return strconv.AppendInt(dst, v.num, 10), nil
	case KindDecimal:
		return append(dst, plainDecimal(v.str)...), nil
	case KindStr:
		b, err := text(v.str).MarshalJSON()
		return append(dst, b...), err
	case KindList:
		return appendArray(dst, v.list)
	case KindMap:
		return v.appendMap(dst)
	}
	return append(dst, "null"...), nil
}

func appendArray(dst []byte, list []Value) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = e.appendJSON(dst); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (v Value) appendMap(dst []byte) (_ []byte, err error) {
	dst = append(dst, '{')
	if !v.isObject() {
		var pairs []Value
		for i := 0; i < len(v.list); i += 2 {
			pairs = append(pairs, List(v.list[i:i+2]...))
		}
		dst = append(strconv.AppendQuote(dst, pairsField), ':')
		if dst, err = appendArray(dst, pairs); err != nil {
			return nil, err
		}
		return append(dst, '}'), nil
	}
	for i := 0; i < len(v.list); i += 2 {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = v.list[i].appendJSON(dst); err != nil {
			return nil, err
		}
		if dst, err = v.list[i+1].appendJSON(append(dst, ':')); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// isObject reports whether a map can be written as an object and read back.
func (v Value) isObject() bool {
	for i := 0; i < len(v.list); i += 2 {
		if k := v.list[i]; k.kind != KindStr || !utf8.ValidString(k.str) {
			return false
		}
	}
	return len(v.list) != 2 || v.list[0].str != pairsField && v.list[0].str != rawField
}

// UnmarshalJSON reads any JSON value, within bounds: nested at most 512 deep, and
// exponents of 32 bits. Numbers are exact (see Decimal), and of fields with one
// name in an object the last counts. The objects of one field that MarshalJSON
// writes mean what they mean there.
func (v *Value) UnmarshalJSON(src []byte) error {
	if len(src) > 0 && src[0] != '+' {
		if n, err := strconv.ParseInt(string(src), 10, 64); err == nil { // most values
			*v = Int(n)
			return nil
		}
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	d, err := readValue(dec, 0)
	if err != nil {
		return err
	}
	if rest := bytes.TrimSpace(src[dec.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("unexpected %s after the value", clip(rest))
	}
	*v = d
	return nil
}

// readValue reads the next value, token by token, so that its text is gone
// through once however deep it nests.
func readValue(dec *json.Decoder, depth int) (Value, error) {
	if depth > maxValueDepth {
		return Nil, fmt.Errorf("value nested deeper than %d", maxValueDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return Nil, err
	}
	switch t := token.(type) {
	case bool:
		return Bool(t), nil
	case string:
		return Str(t), nil
	case json.Number:
		n, ok := Decimal(t.String())
		if !ok {
			return Nil, fmt.Errorf("number %s: its exponent has more than 32 bits", clip([]byte(t)))
		}
		return n, nil
	case json.Delim:
		if t == '{' {
			return readObject(dec, depth)
		}
		var list []Value
		for dec.More() {
			e, err := readValue(dec, depth+1)
			if err != nil {
				return Nil, err
			}
			list = append(list, e)
		}
		_, err := dec.Token()
		return Value{kind: KindList, list: list}, err
	}
	return Nil, nil
}

// readObject reads on to the end of an object: a map, or one of the two with a
// meaning of their own.
func readObject(dec *json.Decoder, depth int) (Value, error) {
	var entries [][2]Value
	for dec.More() {
		name, err := readValue(dec, depth+1)
		if err != nil {
			return Nil, err
		}
		v, err := readValue(dec, depth+1)
		if err != nil {
			return Nil, err
		}
		entries = append(entries, [2]Value{name, v})
	}
	if _, err := dec.Token(); err != nil {
		return Nil, err
	}
	if len(entries) == 1 {
		only := entries[0]
		if coded, isText := only[1].AsStr(); isText && only[0].str == rawField {
			if b, err := base64.StdEncoding.DecodeString(coded); err == nil {
				return Str(string(b)), nil
			}
		}
		if m, ok := mapOfPairs(only[1]); ok && only[0].str == pairsField {
			return m, nil
		}
	}
	return MapOf(entries...), nil
}

// mapOfPairs turns [[key, value], …] into the map of these entries.
func mapOfPairs(v Value) (Value, bool) {
	list, ok := v.AsList()
	entries := make([][2]Value, 0, len(list))
	for _, e := range list {
		pair, _ := e.AsList()
		if len(pair) != 2 {
			return Nil, false
		}
		entries = append(entries, [2]Value{pair[0], pair[1]})
	}
	return MapOf(entries...), ok
}

// strictJSON decodes exactly one JSON value with known fields only.
func strictJSON(src []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if rest := bytes.TrimSpace(src[dec.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("unexpected %s after the record", clip(rest))
	}
	return nil
}

// clip quotes the front of untrusted bytes for an error message.
func clip(b []byte) string {
	const most = 40
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "…"
	}
	return strconv.Quote(string(b))
}
