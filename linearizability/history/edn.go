package history

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ednKind is the shape of an EDN value as far as histories care.
type ednKind uint8

const (
	ednOther   ednKind = iota // anything else: its text is all that is kept
	ednNil                    // nil
	ednInt                    // an integer of 64 bits, also as 7N, 7.0 or 70e-1
	ednScalar                 // any other number in decimal, true or false
	ednString                 // "…"
	ednKeyword                // :word, without the colon
	ednList                   // [ … ] or ( … )
	ednSet                    // #{ … }
	ednMap                    // { … }: keys and values alternate
)

// ednNode is one EDN value.
type ednNode struct {
	kind   ednKind
	num    int64     // ednInt
	scalar Value     // ednScalar
	str    string    // ednString, ednKeyword
	items  []ednNode // ednList, ednSet, ednMap
	text   string    // the value as written
}

// isWord reports whether it is a keyword, or a string that may stand for one.
func (n ednNode) isWord() bool { return n.kind == ednKeyword || n.kind == ednString }

// name is a keyword without its colon, a string, and the text of anything else.
func (n ednNode) name() string {
	if n.isWord() {
		return n.str
	}
	return n.text
}

// field returns the value of a keyword in a map; nil if there is none.
func (n ednNode) field(name string) (v ednNode) {
	v.kind = ednNil
	for i := 0; i < len(n.items); i += 2 {
		if k := n.items[i]; k.kind == ednKeyword && k.str == name {
			v = n.items[i+1]
		}
	}
	return v
}

// ednReader reads EDN values from text that ednSplitter has cut out: brackets
// balance, depth is bounded, comments are gone. It is lenient about tokens: what
// it does not know (ratios, symbols, tagged values such as #object[…])
// is kept as text, since for a register only the identity of a value matters. Of
// the libraries that read EDN the best kept, olympos.io/encoding/edn, stops at the
// 0x4892d85e in the #object[…] of a nemesis, and tells neither lines nor bounds
// what it takes in; hence this one.
type ednReader struct {
	src string
	pos int
}

// readEDN reads the single value in src.
func readEDN(src string) (ednNode, error) {
	r := ednReader{src: src}
	n, err := r.value()
	if err != nil {
		return n, err
	}
	if r.space(); r.pos < len(src) {
		return n, fmt.Errorf("%w: %s after the value", ErrFormat, clip([]byte(src[r.pos:])))
	}
	return n, nil
}

func (r *ednReader) space() {
	for r.pos < len(r.src) && isEDNSpace(r.src[r.pos]) {
		r.pos++
	}
}

func (r *ednReader) value() (ednNode, error) {
	r.space()
	if r.pos >= len(r.src) {
		return ednNode{}, fmt.Errorf("%w: a value is missing", ErrFormat)
	}
	start := r.pos
	var n ednNode
	var err error
	switch c := r.src[r.pos]; c {
	case '[':
		n.kind = ednList
		n.items, err = r.sequence(']')
	case '(':
		n.kind = ednList
		n.items, err = r.sequence(')')
	case '{':
		n.kind = ednMap
		if n.items, err = r.sequence('}'); err == nil {
			err = keysOf(n.items)
		}
	case '"':
		n.kind = ednString
		n.str, err = r.quoted()
	case '#':
		switch rest := r.src[r.pos:]; {
		case strings.HasPrefix(rest, "#{"):
			r.pos++
			n.kind = ednSet
			n.items, err = r.sequence('}')
		case strings.HasPrefix(rest, "##"): // ##NaN, ##Inf: a token
			r.token()
		default:
			n, err = r.dispatch()
		}
	case ']', ')', '}':
		err = fmt.Errorf("%w: unexpected %q", ErrFormat, c)
	default:
		n = r.atom()
		if at := strings.IndexFunc(r.src[start:r.pos], unicode.IsControl); at >= 0 {
			err = fmt.Errorf("%w: a control character in %s", ErrFormat, clip([]byte(r.src[start:r.pos])))
		}
	}
	n.text = r.src[start:r.pos]
	return n, err
}

// keysOf refuses a map whose keys and values are not pairs, or that has a keyword or a string
// as a key twice.
func keysOf(items []ednNode) error {
	if len(items)%2 != 0 {
		return fmt.Errorf("%w: a map key without a value", ErrFormat)
	}
	var many map[string]struct{}
	if len(items) > 2*fewKeys {
		many = make(map[string]struct{}, len(items)/2)
	}
	for i := 0; i < len(items); i += 2 {
		k := &items[i]
		if k.kind != ednKeyword && k.kind != ednString {
			continue
		}
		_, twice := many[k.text]
		for j := 0; many == nil && j < i; j += 2 {
			twice = twice || items[j].text == k.text
		}
		if twice {
			return fmt.Errorf("%w: the key %s is there twice", ErrFormat, clip([]byte(k.text)))
		}
		if many != nil {
			many[k.text] = struct{}{}
		}
	}
	return nil
}

// sequence reads values up to the closing bracket.
func (r *ednReader) sequence(closing byte) ([]ednNode, error) {
	r.pos++
	var items []ednNode
	for {
		r.space()
		if r.pos >= len(r.src) {
			return nil, fmt.Errorf("%w: %q is missing", ErrFormat, closing)
		}
		if r.src[r.pos] == closing {
			r.pos++
			return items, nil
		}
		discard := strings.HasPrefix(r.src[r.pos:], "#_")
		if discard {
			r.pos += 2
		}
		n, err := r.value()
		if err != nil {
			return nil, err
		}
		if !discard {
			items = append(items, n)
		}
	}
}

// dispatch reads tags and what they tag. What a tag says of a collection is how it is kept, so
// that a vector, set or map is what it is without the tag, but for one of a set's kind, whose
// elements may stand in a list (#ordered/set (1 2)), and one of a tuple's kind, which is a pair
// (#jepsen.independent.Tuple{:key 1 :value 2}). What is tagged otherwise, such as
// #inst "2019", and every #object[…], is its text. It loops rather than recurses over tags,
// which nest without brackets.
func (r *ednReader) dispatch() (ednNode, error) {
	tag := ""
	for r.pos < len(r.src) && r.src[r.pos] == '#' && !strings.HasPrefix(r.src[r.pos:], "#{") {
		r.pos++
		if word := r.token(); tag == "" {
			tag = strings.ToLower(word)
		}
		r.space()
	}
	n, err := r.value()
	if err != nil || tag == "object" {
		return ednNode{}, err
	}
	switch n.kind {
	case ednList:
		if strings.HasSuffix(tag, "set") {
			n.kind = ednSet
		}
		return n, nil
	case ednMap:
		if strings.HasSuffix(tag, "tuple") && len(n.items) == 4 {
			return ednNode{kind: ednList, items: []ednNode{n.field("key"), n.field("value")}}, nil
		}
		return n, nil
	case ednSet:
		return n, nil
	}
	return ednNode{}, nil
}

func (r *ednReader) quoted() (string, error) {
	var b strings.Builder
	for r.pos++; r.pos < len(r.src); {
		c := r.src[r.pos]
		r.pos++
		switch c {
		case '"':
			return b.String(), nil
		case '\\':
			if err := r.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("%w: a string is not closed", ErrFormat)
}

func (r *ednReader) escape(b *strings.Builder) error {
	if r.pos >= len(r.src) {
		return fmt.Errorf("%w: a string is not closed", ErrFormat)
	}
	c := r.src[r.pos]
	r.pos++
	plain := map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', '\\': '\\', '"': '"'}
	if p, ok := plain[c]; ok {
		b.WriteByte(p)
		return nil
	}
	if c == 'u' && r.pos+4 <= len(r.src) {
		if n, err := strconv.ParseUint(r.src[r.pos:r.pos+4], 16, 16); err == nil {
			r.pos += 4
			b.WriteRune(rune(n))
			return nil
		}
	}
	return fmt.Errorf("%w: escape \\%c in a string", ErrFormat, c)
}

// token reads on to the next delimiter.
func (r *ednReader) token() string {
	start := r.pos
	if r.pos < len(r.src) && r.src[r.pos] == '\\' { // a character literal may be a delimiter
		r.pos++
		_, size := utf8.DecodeRuneInString(r.src[r.pos:])
		r.pos += size
	}
	for r.pos < len(r.src) && !isEDNSpace(r.src[r.pos]) && !strings.ContainsRune(`[](){}";`, rune(r.src[r.pos])) {
		r.pos++
	}
	return r.src[start:r.pos]
}

func (r *ednReader) atom() ednNode {
	word := r.token()
	switch {
	case word == "":
		r.pos++ // a stray delimiter that cannot begin a value: keep it as text
		return ednNode{}
	case word == "nil":
		return ednNode{kind: ednNil}
	case word[0] == ':':
		return ednNode{kind: ednKeyword, str: word[1:]}
	}
	v, known := ednScalarValue(word)
	if n, isInt := v.AsInt(); isInt {
		return ednNode{kind: ednInt, num: n}
	}
	if known {
		return ednNode{kind: ednScalar, scalar: v}
	}
	return ednNode{}
}

// ednScalarValue reads a number, which may end in N or M as those of any size do,
// or a truth value.
func ednScalarValue(word string) (v Value, ok bool) {
	switch word {
	case "true", "false":
		return Bool(word == "true"), true
	}
	if last := word[len(word)-1]; last == 'N' || last == 'M' {
		word = word[:len(word)-1]
	}
	return Decimal(word)
}

// ednFieldWord returns the token after a keyword of a map that cannot be read as
// EDN: for telling whose entry it is.
func ednFieldWord(form, keyword string) string {
	depth, quoted := 0, false
	for i := 0; i < len(form); i++ {
		switch c := form[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[' || c == '(':
			depth++
		case c == '}' || c == ']' || c == ')':
			depth--
		case depth == 1 && isEDNSpace(form[i-1]) || depth == 1 && form[i-1] == '{':
			rest, found := strings.CutPrefix(form[i:], keyword)
			if word := strings.TrimLeft(rest, " \t\n\r,\f"); found && word != rest {
				r := &ednReader{src: word}
				return r.token()
			}
		}
	}
	return ""
}
