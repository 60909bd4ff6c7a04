package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf16"
)

// plainJSON refuses what package encoding/json lets pass and a history must not: an object
// with a field twice, of which it takes the last one, and half of a character beyond
// 16 bits, which it replaces, so that two different strings become one. What else is wrong
// is for the decoder to say. O(length) for objects of few fields.
func plainJSON(src []byte) error { return new(jsonScanner).plain(src) }

// jsonScanner is plainJSON for many texts, with one memory.
type jsonScanner struct {
	all []jsonObject // by depth; of a list without keys
}

// opened is an object, or a list, one level deeper than so many.
func (s *jsonScanner) opened(depth int, object bool) {
	if depth == len(s.all) {
		s.all = append(s.all, jsonObject{})
	}
	o := &s.all[depth]
	o.object, o.key, o.keys, o.many = object, object, o.keys[:0], nil
}

func (s *jsonScanner) plain(src []byte) error {
	depth := 0
	for i := 0; i < len(src); i++ {
		switch c := src[i]; c {
		case '"':
			end, err := quotedJSON(src[i:])
			if err != nil {
				return err
			}
			if depth > 0 && s.all[depth-1].key {
				o := &s.all[depth-1]
				o.key = false
				if !o.add(src[i : i+end]) {
					return fmt.Errorf("%w: the field %s is there twice", ErrFormat, clip(src[i+1:i+end-1]))
				}
			}
			i += end - 1
		case '{', '[':
			s.opened(depth, c == '{')
			depth++
		case '}', ']':
			depth = max(0, depth-1)
		case ',':
			if depth > 0 {
				s.all[depth-1].key = s.all[depth-1].object
			}
		}
	}
	return nil
}

// jsonObject is an object, or a list, that is open.
type jsonObject struct {
	object bool
	key    bool // the next string is a key
	keys   [][]byte
	many   map[string]struct{} // keys, where they are many
}

const fewKeys = 16

// add notes a key, as it is written, and reports whether it is new.
func (o *jsonObject) add(key []byte) bool {
	if len(o.keys) < fewKeys {
		for _, k := range o.keys {
			if bytes.Equal(k, key) {
				return false
			}
		}
		o.keys = append(o.keys, key)
		return true
	}
	if o.many == nil {
		o.many = make(map[string]struct{})
		for _, k := range o.keys {
			o.many[string(k)] = struct{}{}
		}
	}
	_, was := o.many[string(key)]
	o.many[string(key)] = struct{}{}
	return !was
}

// quotedJSON is the length of the string that src begins with, quotes included.
func quotedJSON(src []byte) (int, error) {
	for i := 1; i < len(src); i++ {
		switch src[i] {
		case '"':
			return i + 1, nil
		case '\\':
			first, is := escaped16(src[i:])
			if !is || !utf16.IsSurrogate(first) {
				i++
				continue
			}
			second, _ := escaped16(src[min(i+6, len(src)):])
			if utf16.DecodeRune(first, second) == '\ufffd' {
				return 0, fmt.Errorf("%w: the escape %s is half of a character", ErrFormat, src[i:i+6])
			}
			i += 11
		}
	}
	return len(src), nil
}

// escaped16 is the 16 bits of \uXXXX.
func escaped16(src []byte) (rune, bool) {
	if len(src) < 6 || src[0] != '\\' || src[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(src[2:6]), 16, 16)
	return rune(n), err == nil
}

// inWords has an error of a field of the wrong type name the field as it is in the file, and
// what is due there, instead of a type of this program.
func inWords(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) || wrong.Field == "" || wrong.Type == nil {
		return err
	}
	due := wrong.Type.String()
	switch kind := wrong.Type.Kind(); kind {
	case reflect.Int64, reflect.Int:
		due = "an integer of 64 bits"
	case reflect.Uint64:
		due = "an integer from 0, of 64 bits"
	case reflect.String:
		due = "a string"
	case reflect.Bool:
		due = "true or false"
	case reflect.Slice:
		due = "a list"
	case reflect.Struct, reflect.Map:
		due = "an object"
	}
	return fmt.Errorf("field %q: %s where %s is due", wrong.Field, wrong.Value, due)
}
