package foreign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// State is a JSON value in a form in which equal values are equal strings: without
// space, the keys of objects in order, numbers as they were written.
type State string

// GoString shows the JSON as it is.
func (s State) GoString() string { return string(s) }

// canonical is raw as a State. Numbers keep their digits: 1 and 1.0 differ, and nothing
// is lost of a large one.
func canonical(raw []byte) (State, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	if _, err := d.Token(); err != io.EOF {
		return "", fmt.Errorf("more than one value in %q", clip(raw))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return State(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// clip is the beginning of what a message quotes.
func clip(b []byte) string {
	const most = 200
	if len(b) <= most {
		return string(b)
	}
	return string(b[:most]) + "…"
}
