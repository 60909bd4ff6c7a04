package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Operation maps in JSON, as Jepsen's histories are exported: an object with "process",
// "type", "f" and "value" each. They are read as the EDN that they stand for: names of
// fields are keywords, and so are the words of "type" and "f".

// isJSONEntry reports whether an operation map is an object of JSON: its first field
// has quotes, which keywords have not.
func isJSONEntry(form []byte) bool {
	inner := bytes.TrimLeft(bytes.TrimPrefix(form, []byte("{")), " \t\r\n")
	return bytes.HasPrefix(inner, []byte(`"`))
}

// readJSONEntry reads the object in src.
func readJSONEntry(src string) (ednNode, error) {
	if err := plainJSON([]byte(src)); err != nil {
		return ednNode{}, err
	}
	r := &jsonNodes{src: src, dec: json.NewDecoder(strings.NewReader(src))}
	r.dec.UseNumber()
	n, err := r.value()
	if err != nil {
		return n, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if rest := strings.TrimSpace(src[r.dec.InputOffset():]); rest != "" {
		return n, fmt.Errorf("%w: %s after the value", ErrFormat, clip([]byte(rest)))
	}
	for i := 0; i+1 < len(n.items); i += 2 {
		if k := &n.items[i]; k.kind == ednString {
			k.kind, k.str = ednKeyword, strings.TrimPrefix(k.str, ":")
			if v := &n.items[i+1]; v.kind == ednString && (k.str == "type" || k.str == "f") {
				v.kind, v.str = ednKeyword, strings.TrimPrefix(v.str, ":")
			}
		}
	}
	return n, nil
}

// jsonNodes reads JSON token by token. The splitter has bounded how deep it nests.
type jsonNodes struct {
	src string
	dec *json.Decoder
}

func (r *jsonNodes) value() (ednNode, error) {
	token, err := r.dec.Token()
	if err != nil {
		return ednNode{}, err
	}
	start := int(r.dec.InputOffset())
	switch t := token.(type) {
	case nil:
		return ednNode{kind: ednNil, text: "null"}, nil
	case bool:
		return ednNode{kind: ednScalar, scalar: Bool(t), text: fmt.Sprint(t)}, nil
	case string:
		return ednNode{kind: ednString, str: t, text: fmt.Sprintf("%q", t)}, nil
	case json.Number:
		v, ok := Decimal(t.String())
		if !ok {
			return ednNode{}, fmt.Errorf("number %s: its exponent has more than 32 bits", clip([]byte(t)))
		}
		if n, isInt := v.AsInt(); isInt {
			return ednNode{kind: ednInt, num: n, text: t.String()}, nil
		}
		return ednNode{kind: ednScalar, scalar: v, text: t.String()}, nil
	case json.Delim:
		n := ednNode{kind: ednList}
		if t == '{' {
			n.kind = ednMap
		}
		for r.dec.More() {
			e, err := r.value()
			if err != nil {
				return n, err
			}
			n.items = append(n.items, e)
		}
		_, err := r.dec.Token() // what closes it
		n.text = r.src[start-1 : r.dec.InputOffset()]
		return n, err
	}
	return ednNode{}, fmt.Errorf("unexpected token %v", token)
}
