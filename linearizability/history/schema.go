package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// record describes one kind of line of the format jsonl.
type record struct {
	kind, doc string
	wire      reflect.Type
	required  []string
	fields    map[string]field
}

// field describes a field of a record: the JSON Schema of its values, and what it means.
type field struct {
	schema any
	doc    string
}

type schemaOf map[string]any

var (
	anInteger = schemaOf{"type": "integer"}
	aCount    = schemaOf{"type": "integer", "minimum": 0}
	anything  = schemaOf{"description": "any JSON"}
	aText     = schemaOf{"anyOf": []any{
		schemaOf{"type": "string"},
		schemaOf{"type": "object", "properties": schemaOf{"b64": schemaOf{"type": "string", "contentEncoding": "base64"}}, "required": []string{"b64"}, "additionalProperties": false},
	}}
	aSession = schemaOf{"anyOf": append([]any{anInteger}, aText["anyOf"].([]any)...)}
)

// jsonlRecords are the kinds of lines. What fields there are, the wire types say; what
// they mean stands here, and a test holds that none is missing.
func jsonlRecords() []record {
	return []record{
		{kindHeader, "The first line.", reflect.TypeFor[wireHeader](), []string{"kind", "version"}, map[string]field{
			"version": {schemaOf{"const": JSONLVersion}, "the version of the format"},
			"name":    {aText, "what the history is called in messages"},
			"tagged":  {schemaOf{"type": "boolean"}, "puts carry tags, and reads say which they saw"},
			"initial": {anything, "what every register holds before it is written; left out, it is absent, which reads as null"},
			"untimed": {schemaOf{"type": "boolean"}, "calls and returns give an order and no real time"},
		}},
		{kindOp, "One operation. Lines may stand in any order.", reflect.TypeFor[wireOp](), []string{"kind", "session", "type", "func", "call"}, map[string]field{
			"session": {aSession, "the client, which does one thing at a time: a number or a name"},
			"node":    {anInteger, "the replica that was asked; left out if it is not known"},
			"type":    {aText, "the type of the object: " + typeNames()},
			"func":    {aText, "what was done, a function of the type"},
			"key":     {aText, "the object; \"\" where there is only one"},
			"arg":     {anything, "what was given, as to write; a cas has [old, new], a map's write [key, value], its read a key, or none for the whole map"},
			"out":     {anything, "what came back, as of a read; null if nothing was there; of a whole map an object, or a list of [key, value]"},
			"call":    {anInteger, "when it was called, in any unit, from one clock for all sessions"},
			"return":  {anInteger, "when it returned, not before call; left out if it never did"},
			"outcome": {schemaOf{"enum": []any{"ok", "failed", "unknown"}}, "ok (the default, if there is a return); failed: it did not happen; unknown (the default, if there is none): it may have, at any time after call"},
			"tag":     {aCount, "in a tagged history, the put's own number"},
			"saw":     {schemaOf{"type": "array", "items": aCount}, "in a tagged history, the tags that a read saw, ascending"},
			"stamp":   {schemaOf{"type": "object", "properties": schemaOf{"clock": aCount, "writer": aCount}, "additionalProperties": false}, "of a last-writer-wins register: what the write got, or the value read carries"},
			"txn":     {aCount, "the transaction it belongs to, of those of its session; 0 or left out: none"},
		}},
		{kindFence, "A time at which the system had settled: every put that was acknowledged had reached every replica.", reflect.TypeFor[wireFence](), []string{"kind", "at"}, map[string]field{
			"at": {anInteger, "that time"},
		}},
		{kindFooter, "The last line, by which a file that was cut is known.", reflect.TypeFor[wireFooter](), []string{"kind", "ops", "fences"}, map[string]field{
			"ops":    {aCount, "how many operations there are"},
			"fences": {aCount, "how many fences there are"},
		}},
	}
}

// typeFuncs are the functions of the types that models know, in order.
var typeFuncs = []struct {
	typ   Type
	funcs []Func
}{
	{Register, []Func{Write, Read, CAS}},
	{Set, []Func{Add, Remove, Read}},
	{Counter, []Func{Inc, Read}},
	{Map, []Func{Write, Remove, Read}},
	{MultiValue, []Func{Write, Read}},
	{Queue, []Func{Enqueue, Dequeue, Drain}},
	{AppendList, []Func{Append, Read}},
	{Text, []Func{Write, Append, Read}},
	{Lock, []Func{Acquire, Release}},
	{Bank, []Func{Transfer, Read}},
	{IDs, []Func{Generate}},
	{Etcd, []Func{Read, EtcdTxn, EtcdGrant, EtcdRevoke, EtcdCompact, EtcdDefragment, EtcdWatch}},
}

func typeNames() string {
	var names []string
	for _, t := range typeFuncs {
		var funcs []string
		for _, f := range t.funcs {
			funcs = append(funcs, string(f))
		}
		names = append(names, fmt.Sprintf("%s (%s)", t.typ, strings.Join(funcs, ", ")))
	}
	return strings.Join(names, "; ") + "; or one of a model of your own"
}

// names are the fields of a record, as the wire type has them.
func (r record) names() []string {
	var names []string
	for i := range r.wire.NumField() {
		name, _, _ := strings.Cut(r.wire.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// JSONLSchema is the JSON Schema of one line of the format jsonl. Fields of other names
// are allowed; Decode passes over them with a note.
func JSONLSchema() ([]byte, error) {
	var kinds []any
	for _, r := range jsonlRecords() {
		properties := schemaOf{"kind": schemaOf{"const": r.kind}}
		for name, f := range r.fields { //joinery:anyorder objects are written with their fields sorted
			s := schemaOf{"description": f.doc}
			for k, v := range f.schema.(schemaOf) { //joinery:anyorder objects are written with their fields sorted
				if k != "description" {
					s[k] = v
				}
			}
			properties[name] = s
		}
		kinds = append(kinds, schemaOf{"title": r.kind, "description": r.doc, "type": "object", "properties": properties, "required": r.required})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(schemaOf{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "One line of a history", "oneOf": kinds,
	})
	return b.Bytes(), err
}

// JSONLPage is the page about the format jsonl, in Markdown, with the given programs that
// record it, each by its name.
func JSONLPage(programs [][2]string) string {
	var b strings.Builder
	b.WriteString("# Histories as JSON lines\n\nThis page and [jsonl.schema.json](jsonl.schema.json) are written by `go test ./linearizability/history -run JSONLPage -update`.\n\n" +
		"A history is a file of UTF-8 text with one JSON object a line, of which \"kind\" says what it is. It may be compressed by gzip, and\n" +
		"begin with a byte order mark. `simfuzz check FILE --model M` judges it; `simfuzz check --list` names the models.\n\n" +
		"    {\"kind\":\"history\",\"version\":1}\n" +
		"    {\"kind\":\"op\",\"session\":\"a\",\"type\":\"register\",\"func\":\"write\",\"key\":\"x\",\"arg\":1,\"call\":10,\"return\":25}\n" +
		"    {\"kind\":\"op\",\"session\":\"b\",\"type\":\"register\",\"func\":\"read\",\"key\":\"x\",\"out\":1,\"call\":20,\"return\":31}\n" +
		"    {\"kind\":\"end\",\"ops\":2,\"fences\":0}\n")
	for _, r := range jsonlRecords() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | | meaning |\n|---|---|---|\n", r.kind, r.doc)
		for _, name := range r.names() {
			if name == "kind" {
				continue
			}
			must := ""
			for _, q := range r.required {
				if q == name {
					must = "required"
				}
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, must, strings.ReplaceAll(r.fields[name].doc, "|", "\\|"))
		}
	}
	b.WriteString("\nAny JSON is a value. Numbers are exact and compared by value, 1.5 and 1.50 being equal; objects are compared without regard to the\n" +
		"order of their fields. A string that is not UTF-8 is `{\"b64\": \"…\"}`, and a map with other keys than strings `{\"map-pairs\": [[key, value], …]}`.\n" +
		"An error of an operation that may have happened all the same, such as a timeout, is the outcome `unknown`, never `failed`; the session may go on.\n" +
		"Two operations of a session do not overlap. Operations that begin at one time count in the order of their lines.\n")
	for _, p := range programs {
		fmt.Fprintf(&b, "\n## %s\n\n    %s\n", p[0], strings.ReplaceAll(strings.TrimRight(p[1], "\n"), "\n", "\n    "))
	}
	return strings.ReplaceAll(b.String(), "\n    \n", "\n\n")
}
