package history

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the page and the schema of jsonl")

// The page and the schema in the repository are those that the code makes.
func TestJSONLPageAndSchema(t *testing.T) {
	var programs [][2]string
	for _, p := range [][2]string{{"Recording in Python", "record.py"}, {"Recording in JavaScript", "record.js"}} {
		text, err := os.ReadFile(filepath.Join("recorders", p[1]))
		require.NoError(t, err)
		p[1] = string(text)
		programs = append(programs, p)
	}
	schema, err := JSONLSchema()
	require.NoError(t, err)
	for file, want := range map[string]string{"JSONL.md": JSONLPage(programs), "jsonl.schema.json": string(schema)} {
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		}
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, want, string(got), "%s is out of date: go test ./linearizability/history -run JSONLPage -update", file)
	}
}

// Every field that is read and written is described, and no other one is.
func TestSchemaHasEveryField(t *testing.T) {
	for _, r := range jsonlRecords() {
		var described []string
		for name, f := range r.fields {
			described = append(described, name)
			require.NotEmpty(t, f.doc, name)
		}
		slices.Sort(described)
		require.Equal(t, described, slices.Sorted(slices.Values(slices.DeleteFunc(r.names(), func(n string) bool { return n == "kind" }))), r.kind)
		for _, name := range r.required {
			require.Contains(t, r.names(), name)
		}
	}
}

// fits holds a value against the parts of JSON Schema that the schema uses.
func fits(schema map[string]any, v any) bool {
	for word, want := range schema {
		object, isObject := v.(map[string]any)
		number, isNumber := v.(float64)
		switch word {
		case "type":
			_, isString := v.(string)
			_, isBool := v.(bool)
			_, isArray := v.([]any)
			is := map[any]bool{"object": isObject, "string": isString, "boolean": isBool, "array": isArray, "integer": isNumber && number == float64(int64(number))}
			if !is[want] {
				return false
			}
		case "const":
			if v != want {
				return false
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				return false
			}
		case "minimum":
			if number < want.(float64) {
				return false
			}
		case "required":
			for _, name := range want.([]any) {
				if _, has := object[name.(string)]; !has {
					return false
				}
			}
		case "properties":
			for name, s := range want.(map[string]any) {
				if at, has := object[name]; has && !fits(s.(map[string]any), at) {
					return false
				}
			}
		case "additionalProperties":
			for name := range object {
				if _, known := schema["properties"].(map[string]any)[name]; !known {
					return false
				}
			}
		case "items":
			for _, e := range v.([]any) {
				if !fits(want.(map[string]any), e) {
					return false
				}
			}
		case "anyOf", "oneOf":
			n := 0
			for _, s := range want.([]any) {
				if fits(s.(map[string]any), v) {
					n++
				}
			}
			if n == 0 || word == "oneOf" && n > 1 {
				return false
			}
		}
	}
	return true
}

// What is written fits the schema, and what does not fit it is not read.
func TestSchemaIsWhatIsRead(t *testing.T) {
	text, err := JSONLSchema()
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(text, &schema))
	valid := func(line string) bool {
		var v any
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		return fits(schema, v)
	}
	h := &History{Name: "\xff", Tagged: true, Initial: Int(3), Fences: []int64{9}, Ops: []Op{
		{Session: -3, Node: 2, Type: Register, Func: Write, Key: "\xfe", Arg: Int(1), Call: -4, Return: 5, Tag: 1, Stamp: Stamp{1, 2}},
		{Index: 1, Session: 1, Client: "b", Node: -1, Type: Set, Func: Read, Key: "k", Out: SetOf(Int(1)), Call: 1, Return: 2, Saw: []uint64{1}, Txn: 4},
		{Index: 2, Session: 7, Node: -1, Type: Counter, Func: Inc, Arg: Int(1), Call: 1, Return: Pending, Outcome: Unknown, Tag: 2},
	}}
	var b bytes.Buffer
	require.NoError(t, EncodeJSONL(&b, h))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 6)
	for _, line := range lines {
		require.True(t, valid(line), line)
	}
	frame := func(line string) string {
		return fmt.Sprintf("%s\n%s\n{\"kind\":\"end\",\"ops\":1,\"fences\":0}\n", `{"kind":"history","version":1}`, line)
	}
	const good = `{"kind":"op","session":1,"type":"register","func":"write","key":"x","arg":1,"call":1,"return":2}`
	require.True(t, valid(good))
	for was, is := range map[string]string{
		`"session":1`: `"session":1.5`, `"type":"register"`: `"type":3`, `"func":"write"`: `"func":null,"f":1`, `"key":"x"`: `"key":["x"]`,
		`"call":1`: `"called":1`, `"return":2`: `"return":"2"`, `"kind":"op"`: `"kind":"operation"`, `"arg":1`: `"arg":1,"outcome":"perhaps"`,
	} {
		bad := strings.Replace(good, was, is, 1)
		require.False(t, valid(bad), bad)
		_, err := Decode("jsonl", "x", strings.NewReader(frame(bad)))
		require.Error(t, err, bad)
	}
	_, err = Decode("jsonl", "x", strings.NewReader(frame(good)))
	require.NoError(t, err)
}
