package history

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxValueDepth bounds the nesting of lists in a decoded Value, so that a
// hostile line cannot spend the stack.
const maxValueDepth = 64

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

// MarshalJSON renders null, a number, a string (or {"b64": "…"} where the bytes
// are not UTF-8), or an array.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case KindInt:
		return strconv.AppendInt(nil, v.num, 10), nil
	case KindStr:
		return text(v.str).MarshalJSON()
	case KindList:
		dst := []byte{'['}
		for i, e := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			b, err := e.MarshalJSON()
			if err != nil {
				return nil, err
			}
			dst = append(dst, b...)
		}
		return append(dst, ']'), nil
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads what MarshalJSON writes; numbers that are not 64-bit
// integers, other objects, booleans, and lists nested deeper than 64 are
// errors.
func (v *Value) UnmarshalJSON(src []byte) error {
	d, err := decodeValue(src, 0)
	if err != nil {
		return err
	}
	*v = d
	return nil
}

func decodeValue(src []byte, depth int) (Value, error) {
	src = bytes.TrimSpace(src)
	if len(src) == 0 {
		return Nil, fmt.Errorf("empty value")
	}
	switch src[0] {
	case 'n':
		if string(src) != "null" {
			return Nil, fmt.Errorf("value %s is not null", clip(src))
		}
		return Nil, nil
	case '"', '{':
		var t text
		if err := t.UnmarshalJSON(src); err != nil {
			return Nil, err
		}
		return Str(string(t)), nil
	case '[':
		if depth >= maxValueDepth {
			return Nil, fmt.Errorf("value nested deeper than %d", maxValueDepth)
		}
		var parts []json.RawMessage
		if err := json.Unmarshal(src, &parts); err != nil {
			return Nil, err
		}
		list := make([]Value, 0, len(parts))
		for _, p := range parts {
			e, err := decodeValue(p, depth+1)
			if err != nil {
				return Nil, err
			}
			list = append(list, e)
		}
		return List(list...), nil
	}
	n, err := strconv.ParseInt(string(src), 10, 64)
	if err != nil {
		return Nil, fmt.Errorf("value %s is not a 64-bit integer", clip(src))
	}
	return Int(n), nil
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
