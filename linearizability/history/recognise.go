package history

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Auto is the format of Decode that looks at how the input begins. It is not among
// Formats.
const Auto = "auto"

// recognised is how far into an input Auto looks.
const recognised = 4096

// recognise returns the format of an input by its first bytes, and the input.
//
//	{"        jsonl, or jepsen in JSON if the first line has "type" and no "kind" or "func"
//	{: [ ( ;  jepsen, an operation map or a list of them
//	3 :invoke jepsen, a line of an operation
//	r( w(     plume
//	r w - =   awdit, the letters before a space, the signs in rules
//	a number  dbcop, of 64 bits of which the upper half is 0
//	[x:= [x== dbcop, its text, which // and lines of dashes may come before
//	S         cobra, before a number that is no text
//
// Other JSON is told by the names of its fields (see jsonFormat), and EDN of viper by its
// micro-operations. A first line with the marker of an etcd log is porcupine-etcd.
func recognise(src io.Reader) (format, io.Reader, error) {
	in := bufio.NewReaderSize(src, recognised)
	head, err := in.Peek(recognised)
	if len(head) == 0 && err != nil && err != io.EOF {
		return format{}, in, at(1, err)
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return format{}, in, fmt.Errorf("%w: it is text of UTF-16, and is to be UTF-8", ErrUnknownFormat)
	}
	name := formatOf(bytes.TrimSpace(head))
	if len(head) >= 8 && bytes.Equal(head[4:8], make([]byte, 4)) { // a number of 64 bits, and not a large one
		name = "dbcop"
	}
	if looksLikeCobra(head) {
		name = "cobra"
	}
	for _, f := range formats() {
		if f.name == name {
			return f, in, nil
		}
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return format{}, in, ErrEmpty
	}
	return format{}, in, fmt.Errorf("%w: it begins with %s; name the format, one of %s",
		ErrUnknownFormat, clip(firstLine(bytes.TrimSpace(head))), strings.Join(Formats(), ", "))
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line
}

// formatOf is the name of the format of a text that begins so; empty if none is known.
func formatOf(text []byte) string {
	line := firstLine(text)
	starts := func(words ...string) bool {
		for _, w := range words {
			if bytes.HasPrefix(line, []byte(w)) {
				return true
			}
		}
		return false
	}
	switch {
	case looksLikeDBCopText(text):
		return "dbcop"
	case bytes.Contains(line, []byte(etcdMarker)):
		return "porcupine-etcd"
	case starts("{", "[") && jsonFormat(text) != "":
		return jsonFormat(text)
	case starts("{"):
		has := func(field string) bool { return bytes.Contains(line, []byte(field)) }
		rest := bytes.TrimSpace(text[1:])
		quoted := len(rest) > 0 && rest[0] == '"'
		if len(rest) == 0 || quoted && (has(`"kind"`) || !has(`"type"`) || has(`"func"`) && !has(`"process"`)) || rest[0] == '}' {
			return "jsonl"
		}
		return "jepsen"
	case starts("[", "(", ";", "#"), looksLikeEntry(string(line)):
		return "jepsen"
	case starts("r(", "w("):
		return "plume"
	case starts("r ", "w ", "r\t", "w\t", "---", "==="):
		return "awdit"
	}
	return ""
}

// jsonFormat is the format of JSON, or of a list of EDN, that is neither jsonl nor jepsen;
// empty if it is one of those.
func jsonFormat(text []byte) string {
	has := func(field string) bool { return bytes.Contains(text, []byte(`"`+field+`"`)) }
	rest := bytes.TrimSpace(text[1:])
	switch {
	case bytes.Contains(firstLine(text), []byte(`"kind"`)):
		return ""
	case text[0] == '{' && has("Request") && has("Responses"): // watches
		return "etcd-robustness"
	case text[0] == '{' && has("resourceSpans"):
		return "otlp"
	case text[0] == '{' && has("ClientId") && has("Input"):
		return "etcd-robustness"
	case text[0] == '{' && has("params") && (has("n_node") || has("data")), text[0] == '[' && bytes.HasPrefix(rest, []byte("[")) && !looksLikeEntry(string(firstLine(rest[1:]))):
		return "dbcop"
	case text[0] == '[' && has("value") && !has("type") && !has("process") && !has(":type"), looksLikeViper(firstLine(text)):
		return "viper"
	}
	return ""
}
