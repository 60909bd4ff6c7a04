package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// reply is any answer.
type reply struct {
	asked, line []byte
	fields      map[string]json.RawMessage
	used        *int
	err         *string
}

// parseReply reads an answer. Its errors are in terms of JSON, for authors of programs in
// any language.
func parseReply(line []byte) (reply, error) {
	r := reply{line: line}
	var wrongType *json.UnmarshalTypeError
	switch err := json.Unmarshal(line, &r.fields); {
	case errors.As(err, &wrongType):
		return reply{}, fmt.Errorf("want a JSON object, not %s", article(wrongType.Value))
	case err != nil && bytes.Contains(line, []byte("NaN")) || err != nil && bytes.Contains(line, []byte("Infinity")):
		return reply{}, errors.New("NaN and Infinity are no JSON: write them as strings, say")
	case err != nil:
		return reply{}, fmt.Errorf("no JSON: %w", err)
	case r.fields == nil:
		return reply{}, errors.New("want a JSON object, not null")
	}
	if raw, ok := r.fields["used"]; ok {
		if err := json.Unmarshal(raw, &r.used); err != nil || r.used == nil {
			return reply{}, fmt.Errorf("its field %q is %s: want a whole number", "used", clip(raw))
		}
	}
	if raw, ok := r.fields["error"]; ok {
		if err := json.Unmarshal(raw, &r.err); err != nil {
			return reply{}, fmt.Errorf("its field %q is %s: want a string", "error", clip(raw))
		}
	}
	return r, nil
}

// article is a kind of JSON value in a sentence.
func article(kind string) string {
	switch kind {
	case "array":
		return "an array"
	case "bool":
		return "true or false"
	}
	return "a " + kind
}
