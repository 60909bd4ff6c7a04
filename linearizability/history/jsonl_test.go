package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// histories draws valid histories with awkward names, keys and values.
func histories() *rapid.Generator[*History] {
	return rapid.Custom(func(t *rapid.T) *History {
		awkward := rapid.SampledFrom([]string{"", "x", "\xff\xfe", "a\nb", `"`, "key 7", "\u2029"})
		h := &History{Name: awkward.Draw(t, "name"), Tagged: rapid.Bool().Draw(t, "tagged"), Initial: values().Draw(t, "initial")}
		call := rapid.Int64Range(-5, 5).Draw(t, "start")
		for i := range rapid.IntRange(0, 6).Draw(t, "ops") {
			call += rapid.Int64Range(0, 9).Draw(t, "gap")
			o := Op{
				Index: i, Session: i, Node: rapid.IntRange(-1, 2).Draw(t, "node"), Key: awkward.Draw(t, "key"),
				Type: rapid.SampledFrom([]Type{Register, Set, Counter, "queue"}).Draw(t, "type"),
				Func: rapid.SampledFrom([]Func{Read, Write, Add, "push"}).Draw(t, "func"),
				Out:  values().Draw(t, "out"), Call: call, Return: call + rapid.Int64Range(0, 5).Draw(t, "len"),
				Outcome: rapid.SampledFrom([]Outcome{OK, Failed, Unknown}).Draw(t, "outcome"),
				Client:  rapid.SampledFrom([]string{"", "client"}).Draw(t, "client"),
				Stamp:   Stamp{rapid.Uint64().Draw(t, "clock"), rapid.Uint64().Draw(t, "writer")},
			}
			if o.Client != "" {
				o.Client += awkward.Draw(t, "of") + strconv.Itoa(i)
			}
			if o.Outcome == Unknown {
				o.Return = Pending
			}
			if o.IsPut() {
				o.Arg = values().Draw(t, "arg")
			}
			if h.Tagged && o.IsPut() {
				o.Tag = ^uint64(i)
			} else if h.Tagged {
				o.Saw = [][]uint64{nil, {}, {1, ^uint64(0)}}[rapid.IntRange(0, 2).Draw(t, "saw")]
			}
			h.Ops = append(h.Ops, o)
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "fences") {
			h.Fences = append(h.Fences, int64(10*i))
		}
		return h
	})
}

func TestJSONLRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := histories().Draw(t, "h")
		var buf bytes.Buffer
		require.NoError(t, EncodeJSONL(&buf, h))
		text := buf.String()
		back, err := Decode("jsonl", h.Name, &buf)
		require.NoError(t, err)
		require.Equal(t, h, back)
		var again bytes.Buffer
		require.NoError(t, EncodeJSONL(&again, back))
		require.Equal(t, text, again.String())
	})
}

const sample = `{"kind":"history","version":1,"name":"sample","tagged":true}
{"kind":"op","session":0,"node":1,"type":"set","func":"add","key":"k","arg":5,"call":1,"return":4,"tag":1}
{"kind":"op","session":1,"type":"set","func":"read","key":"k","out":[5],"call":2,"return":9,"saw":[1]}
{"kind":"fence","at":9}
{"kind":"end","ops":2,"fences":1}
`

func TestJSONLSample(t *testing.T) {
	h, err := Decode("jsonl", "file", strings.NewReader(sample))
	require.NoError(t, err)
	require.Equal(t, &History{
		Name: "sample", Tagged: true, Fences: []int64{9},
		Ops: []Op{
			{Node: 1, Type: Set, Func: Add, Key: "k", Arg: Int(5), Call: 1, Return: 4, Tag: 1},
			{Index: 1, Session: 1, Node: -1, Type: Set, Func: Read, Key: "k", Out: List(Int(5)), Call: 2, Return: 9, Saw: []uint64{1}},
		},
	}, h)
	h, err = Decode("jsonl", "file", strings.NewReader(strings.TrimSuffix(sample, "\n")))
	require.NoError(t, err, "the last line needs no terminator")
	require.Len(t, h.Ops, 2)
	h, err = Decode("jsonl", "unnamed.jsonl", strings.NewReader(strings.Replace(sample, `"name":"sample",`, "", 1)))
	require.NoError(t, err)
	require.Equal(t, "unnamed.jsonl", h.Name)
}

func TestJSONLRejects(t *testing.T) {
	lines := strings.SplitAfter(sample, "\n")
	cases := []struct {
		name, input string
		line        int
		err         error
	}{
		{"empty", "", 0, ErrEmpty},
		{"blank", " \n\n", 0, ErrEmpty},
		{"cut at a line", strings.Join(lines[:3], ""), 4, ErrTruncated},
		{"cut within a line", sample[:len(sample)-4], 5, ErrTruncated},
		{"a line lost", lines[0] + lines[1] + lines[3] + lines[4], 4, ErrTruncated},
		{"garbage", "\x00\x01garbage\nmore\n", 1, ErrFormat},
		{"other JSON", "{\"a\":1}\n{}\n", 1, ErrFormat},
		{"another version", strings.Replace(sample, `"version":1`, `"version":2,"color":"red"`, 1), 1, ErrVersion},
		{"no version", strings.Replace(sample, `"version":1,`, "", 1), 1, ErrVersion},
		{"a field misspelt", strings.Replace(sample, `"tag":1`, `"tog":1`, 1), 2, ErrInvalid},
		{"the header twice", lines[0] + sample, 2, ErrFormat},
		{"a nameless session", strings.Replace(sample, `"session":0`, `"session":""`, 1), 2, ErrFormat},
		{"half a session", strings.Replace(sample, `"session":0`, `"session":0.5`, 1), 2, ErrFormat},
		{"two kinds", strings.Replace(sample, `"tag":1}`, `"tag":1,"kind":"end"}`, 1), 2, ErrFormat},
		{"unknown kind", lines[0] + "{\"kind\":\"opp\"}\n", 2, ErrFormat},
		{"unknown outcome", strings.Replace(sample, `"tag":1`, `"tag":1,"outcome":"maybe"`, 1), 2, ErrFormat},
		{"invalid UTF-8", strings.Replace(sample, `"key":"k"`, "\"key\":\"\xff\"", 1), 2, ErrFormat},
		{"an exponent too large", strings.Replace(sample, `"arg":5`, `"arg":5e4294967296`, 1), 2, ErrFormat},
		{"more after the end", sample + "{}\n", 6, ErrFormat},
		{"invalid history", strings.Replace(sample, `"return":4`, `"return":0`, 1), 2, ErrInvalid},
		{"a session that overlaps itself", strings.Replace(sample, `"session":1`, `"session":0`, 1), 3, ErrInvalid},
		{"return before the call", strings.Replace(sample, `"return":4`, `"return":0`, 1), 2, ErrClock},
		{"a return without a call", strings.Replace(sample, `"call":1,`, "", 1), 2, ErrUnmatchedReturn},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode("jsonl", "some.jsonl", strings.NewReader(c.input))
			require.ErrorIs(t, err, c.err)
			var de *DecodeError
			require.ErrorAs(t, err, &de)
			require.Equal(t, c.line, de.Line, "%v", err)
			require.Contains(t, err.Error(), "some.jsonl")
		})
	}
}

func TestDecodeLimits(t *testing.T) {
	long := strings.Replace(sample, `"key":"k"`, `"key":"`+strings.Repeat("k", 500)+`"`, 1)
	_, err := DecodeLimited("jsonl", "long", strings.NewReader(long), Limits{RecordBytes: 300})
	require.ErrorIs(t, err, ErrTooLong)
	require.ErrorContains(t, err, "long:2")
	_, err = DecodeLimited("jsonl", "many", strings.NewReader(sample), Limits{Ops: 1})
	require.ErrorIs(t, err, ErrTooMany)
	fences := strings.Replace(sample, `{"kind":"fence","at":9}`, strings.Repeat(`{"kind":"fence","at":9}`+"\n", 2)+`{"kind":"fence","at":9}`, 1)
	_, err = DecodeLimited("jsonl", "many", strings.NewReader(fences), Limits{Ops: 2})
	require.ErrorIs(t, err, ErrTooMany)
	require.ErrorContains(t, err, "many:6: too many operations: more than 2 fences")

	endless := io.MultiReader(strings.NewReader("{"), zeros{})
	for _, format := range Formats() {
		_, err = DecodeLimited(format, "endless", endless, Limits{RecordBytes: 1 << 16})
		require.Error(t, err, format)
	}
	_, err = Decode("yaml", "x", strings.NewReader(sample))
	require.ErrorIs(t, err, ErrUnknownFormat)
	require.ErrorContains(t, err, "porcupine-etcd")
}

// A line of a gigabyte is refused after the first 16 MiB of it, which is all of it
// that is ever held.
func TestGigabyteLine(t *testing.T) {
	first := map[string]string{
		"jsonl": strings.SplitAfter(sample, "\n")[0], "jepsen": "{:process 0 :type :invoke :f :read}\n{",
		"porcupine-etcd": strings.SplitAfter(etcdSample, "\n")[0], "plume": "w(1,1,0,0)\n", "awdit": "w 0 0\n",
		"viper": strings.SplitAfter(viperSample, "\n")[0] + "{", "etcd-robustness": strings.SplitAfter(etcdOpsSample, "\n")[0] + `{"x":"`,
		"otlp": "{\n\"x\":\"",
	}
	for _, format := range Formats() {
		if format == "cobra" { // whose records have one length each
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(format, "huge", io.MultiReader(strings.NewReader(first[format]), io.LimitReader(zeros{}, 1<<30)))
		runtime.ReadMemStats(&after)
		require.ErrorIs(t, err, ErrTooLong, format)
		if format != "dbcop" { // which has no lines
			require.ErrorContains(t, err, "huge:2", format)
		}
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(160<<20), format)
	}
}

// zeros is a line without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errBroken }
func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestReaderAndWriterErrorsSurface(t *testing.T) {
	for _, format := range Formats() {
		_, err := Decode(format, "x", broken{})
		require.ErrorIs(t, err, errBroken, format)
	}
	h, err := Decode("jsonl", "x", strings.NewReader(sample))
	require.NoError(t, err)
	require.ErrorIs(t, EncodeJSONL(broken{}, h), errBroken)
	h.Ops[0].Return = 0
	var buf bytes.Buffer
	require.ErrorIs(t, EncodeJSONL(&buf, h), ErrInvalid)
	require.Zero(t, buf.Len(), "nothing is written of an invalid history")
}

func TestValidate(t *testing.T) {
	base := func() *History {
		h, err := Decode("jsonl", "x", strings.NewReader(sample))
		require.NoError(t, err)
		h.Ops[1].Call, h.Ops[1].Return = 4, 9
		return h
	}
	require.NoError(t, base().Validate())
	breaks := map[string]func(h *History){
		"fences do not ascend":   func(h *History) { h.Fences = []int64{3, 2} },
		"has index 7":            func(h *History) { h.Ops[1].Index = 7 },
		"before its predecesso":  func(h *History) { h.Ops[1].Call = 0 },
		"no such outcome":        func(h *History) { h.Ops[0].Outcome = 9 },
		"before it is called":    func(h *History) { h.Ops[0].Return = 0 },
		"the name \"a\" before":  func(h *History) { h.Ops[0].Client, h.Ops[1].Client, h.Ops[1].Session = "a", "b", 0 },
		"is the name of session": func(h *History) { h.Ops[0].Client, h.Ops[1].Client = "a", "a" },
		"never returned":         func(h *History) { h.Ops[0].Return = Pending },
		"type or func missing":   func(h *History) { h.Ops[0].Type = "" },
		"a put with tags seen":   func(h *History) { h.Ops[0].Saw = []uint64{} },
		"a read with a tag":      func(h *History) { h.Ops[1].Tag = 3 },
		"untagged history":       func(h *History) { h.Tagged = false },
		"without a tag":          func(h *History) { h.Ops[0].Tag = 0 },
		"repeats the tag":        func(h *History) { h.Ops[1] = h.Ops[0]; h.Ops[1].Index, h.Ops[1].Session = 1, 1 },
		"seen do not ascend":     func(h *History) { h.Ops[1].Saw = []uint64{1, 1} },
		"overlaps":               func(h *History) { h.Ops[1].Session, h.Ops[1].Call = 0, 3 },
		"a list of two values":   func(h *History) { h.Ops[0].Func = CAS },
		"needs an integer":       func(h *History) { h.Ops[0].Func, h.Ops[0].Arg = Inc, Str("1") },
	}
	for why, change := range breaks {
		h := base()
		change(h)
		require.ErrorIs(t, h.Validate(), ErrInvalid, why)
		require.ErrorContains(t, h.Validate(), why)
	}
	instant := base()
	instant.Ops[0].Return = instant.Ops[0].Call
	require.NoError(t, instant.Validate(), "a coarse clock sees no time pass")
	touching := base()
	touching.Ops[1].Session = 0
	require.NoError(t, touching.Validate(), "one operation may begin when another ends")
	after := base()
	after.Ops[0].Outcome, after.Ops[0].Return = Unknown, Pending
	after.Ops[1].Session = 0
	require.NoError(t, after.Validate(), "a session goes on after an indeterminate operation")
}

func TestUntil(t *testing.T) {
	h := &History{Name: "n", Fences: []int64{3, 6, 9}}
	for i, o := range []Op{
		{Call: 0, Return: 2, Func: Write},
		{Call: 1, Return: 7, Func: Write},
		{Call: 2, Return: 7, Func: Read},
		{Call: 3, Return: 7, Func: CAS, Outcome: Failed},
		{Call: 4, Return: Pending, Func: Write, Outcome: Unknown},
		{Call: 5, Return: 6, Func: Read},
		{Call: 7, Return: 9, Func: Write},
	} {
		o.Index = i
		h.Ops = append(h.Ops, o)
	}
	prefix, from := h.Until(6)
	require.Equal(t, []int{0, 1, 4, 5}, from)
	require.Equal(t, []int64{3, 6}, prefix.Fences)
	require.Equal(t, Unknown, prefix.Ops[1].Outcome)
	require.Equal(t, Pending, prefix.Ops[1].Return)
	require.Equal(t, OK, h.Ops[1].Outcome, "the whole history is untouched")
	require.Equal(t, 5, prefix.Ops[3].Index)
}

func TestStrings(t *testing.T) {
	o := Op{
		Index: 4, Session: 1, Node: 2, Type: Register, Func: Write, Key: "x", Arg: Int(7),
		Call: 10, Return: 17, Tag: 3, Stamp: Stamp{5, 2},
	}
	require.Equal(t, `#4 s1@n2 [10,17] register "x" write 7 ok tag 3 stamp 5.2`, o.String())
	r := Op{Node: -1, Type: Set, Func: Read, Out: List(Int(1)), Call: 1, Return: Pending, Outcome: Unknown, Saw: []uint64{3}}
	require.Equal(t, `#0 s0 [1,…] set "" read unknown saw [3]`, r.String())
	require.Equal(t, "outcome(7)", Outcome(7).String())
	require.Equal(t, "?", Stamp{}.String())
	require.Equal(t, -1, Stamp{1, 9}.Compare(Stamp{2, 0}))
	require.Equal(t, 1, Stamp{2, 1}.Compare(Stamp{2, 0}))
	require.Equal(t, -1, Stamp{2, 0}.Compare(Stamp{2, 1}))
	require.Equal(t, 1, Stamp{3, 0}.Compare(Stamp{2, 1}))
	require.Zero(t, Stamp{2, 1}.Compare(Stamp{2, 1}))
	require.Equal(t, "decode history f:3: x", (&DecodeError{"f", 3, errors.New("x")}).Error())
}

func ExampleDecode() {
	h, err := Decode("jsonl", "sample.jsonl", strings.NewReader(sample))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range h.Ops {
		fmt.Println(o)
	}
	// Output:
	// #0 s0@n1 [1,4] set "k" add 5 ok tag 1
	// #1 s1 [2,9] set "k" read -> [5] ok saw [1]
}
