package history

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// samples has a history of each format.
var samples = map[string]string{
	"jsonl": sample, "jepsen": jepsenSample, "porcupine-etcd": etcdSample, "plume": plumeSample, "awdit": awditSample,
	"dbcop": dbcopSample, "cobra": cobraSample, "viper": viperSample, "etcd-robustness": etcdOpsSample, "otlp": otlpSample,
}

func compressed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// How a file is wrapped does not matter, in any format.
func TestWrappings(t *testing.T) {
	for _, format := range Formats() {
		text := samples[format]
		want, err := DecodeWith(format, "x", strings.NewReader(text), Options{})
		require.NoError(t, err, format)
		for name, wrapped := range map[string]string{
			"byte order mark": "\ufeff" + text,
			"CRLF":            strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n"),
			"gzip":            compressed(t, text),
			"gzip of a mark":  compressed(t, "\ufeff"+text),
			"two members":     compressed(t, text[:len(text)/2]) + compressed(t, text[len(text)/2:]),
		} {
			if (format == "dbcop" || format == "cobra") && name == "CRLF" {
				continue // it has no lines
			}
			got, err := DecodeWith(format, "x", iotestOneByte{strings.NewReader(wrapped)}, Options{})
			require.NoError(t, err, "%s: %s", format, name)
			require.Equal(t, want, got, "%s: %s", format, name)
		}
		packed := compressed(t, text)
		_, err = Decode(format, "x", strings.NewReader(packed[:len(packed)-6]))
		require.ErrorIs(t, err, ErrTruncated, format)
		_, err = Decode(format, "x", strings.NewReader(packed[:len(packed)-8]+"\x00\x00\x00\x00"+packed[len(packed)-4:]))
		require.ErrorIs(t, err, ErrFormat, format)
		require.ErrorIs(t, err, gzip.ErrChecksum, format)
		_, err = Decode(format, "x", strings.NewReader(packed[:10]+"\xff\xff\xff"))
		require.ErrorIs(t, err, ErrFormat, format)
		_, err = Decode(format, "x", strings.NewReader("\x1f\x8b"))
		require.ErrorIs(t, err, ErrTruncated, format)
		_, err = Decode(format, "x", io.MultiReader(strings.NewReader(packed[:len(packed)-6]), broken{}))
		require.ErrorIs(t, err, errBroken, format)
	}
}

// iotestOneByte reads a byte at a time.
type iotestOneByte struct{ r io.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// notesOf decodes and returns the notes.
func notesOf(t *testing.T, format, src string, o Options) []string {
	t.Helper()
	d, err := DecodeWith(format, "x", strings.NewReader(src), o)
	require.NoError(t, err)
	var notes []string
	for _, n := range d.Notes {
		notes = append(notes, n.String())
	}
	return notes
}

func TestIgnore(t *testing.T) {
	for format, c := range map[string]struct {
		ignore string
		kept   int
		note   string
	}{
		"jsonl":          {"add", 1, "1 operation add left out, as asked"},
		"jepsen":         {":write", 3, "1 operation write left out, as asked"},
		"porcupine-etcd": {"cas", 3, "1 operation cas left out, as asked"},
		"plume":          {"write", 3, "3 operations write left out, as asked"},
		"awdit":          {"read", 3, "2 operations read left out, as asked"},
	} {
		got := strungWith(t, format, samples[format], Options{Ignore: []string{c.ignore}})
		require.Len(t, got, c.kept, "%s: %v", format, got)
		require.Equal(t, []string{c.note}, notesOf(t, format, samples[format]+"\n", Options{Ignore: []string{c.ignore}}))
	}
	// What is left out need not be understood, nor says what pairs are.
	const src = `
{:process 0 :type :invoke :f :restart :value [1 2]}
{:process 0 :type :info :f :restart}
{:process 1 :type :ok :f :restart}
{:process 1 :type :invoke :f :read :value [7 nil]}
{:process 1 :type :ok :f :read :value [7 3]}
{:process 0 :type :invoke :f :sync}
`
	_, err := Decode("jepsen", "x", strings.NewReader(src))
	require.ErrorIs(t, err, ErrUnknownOp)
	require.ErrorContains(t, err, "--ignore restart")
	o := Options{Ignore: []string{"restart", "sync", "gone"}}
	require.Equal(t, []string{`#0 s1 [1,2] register "7" read -> 3 ok`}, strungWith(t, "jepsen", src, o))
	require.Equal(t, []string{
		"1 operation restart left out, as asked", "1 operation sync left out, as asked", "0 operations gone left out, as asked",
	}, notesOf(t, "jepsen", src, o))
}

func TestNilReads(t *testing.T) {
	for format, want := range map[string]struct{ ops, nils int }{"jsonl": {2, 0}, "jepsen": {4, 1}, "porcupine-etcd": {4, 1}} {
		require.Len(t, strungWith(t, format, samples[format], Options{}), want.ops, format)
		require.Len(t, strungWith(t, format, samples[format], Options{NilReads: NilIsUnknown}), want.ops-want.nils, format)
		require.Len(t, notesOf(t, format, samples[format], Options{NilReads: NilIsUnknown}), want.nils, format)
	}
	require.Equal(t, []string{"line 2: 1 read of nil left out, as nil is unknown"}, notesOf(t, "porcupine-etcd",
		"\nINFO  jepsen.util - 1 :invoke :read nil\nINFO  jepsen.util - 1 :ok :read nil\n", Options{NilReads: NilIsUnknown}))
	const dequeue = `{"kind":"op","session":0,"type":"queue","func":"dequeue","key":"q","call":1,"return":2}`
	text := `{"kind":"history","version":1,"tagged":false}` + "\n" + dequeue + "\n" + `{"kind":"end","ops":1,"fences":0}`
	require.Equal(t, []string{`#0 s0 [1,2] queue "q" dequeue -> nil ok`}, strungWith(t, "jsonl", text, Options{NilReads: NilIsUnknown}), "the queue was empty")
}

func TestFailedCAS(t *testing.T) {
	const jsonl = `{"kind":"history","version":1,"tagged":false}
{"kind":"op","session":0,"type":"register","func":"cas","key":"x","arg":[1,2],"call":1,"return":2,"outcome":"failed"}
{"kind":"op","session":0,"type":"register","func":"write","key":"x","arg":1,"call":3,"return":4,"outcome":"failed"}
{"kind":"end","ops":2,"fences":0}`
	for _, c := range []struct {
		format, src string
		failed      FailedCAS
		ops         int
	}{
		{"jsonl", jsonl, FailedCASByFormat, 2},
		{"jsonl", jsonl, FailedCASMismatch, 2},
		{"jsonl", jsonl, FailedCASAbsent, 1},
		{"porcupine-etcd", etcdSample, FailedCASByFormat, 4},
		{"porcupine-etcd", etcdSample, FailedCASMismatch, 4},
		{"porcupine-etcd", etcdSample, FailedCASAbsent, 3},
		{"jepsen", jepsenSample, FailedCASByFormat, 4},
		{"jepsen", jepsenSample, FailedCASMismatch, 5},
		{"jepsen", jepsenSample, FailedCASAbsent, 4},
	} {
		got := strungWith(t, c.format, c.src, Options{FailedCAS: c.failed})
		require.Len(t, got, c.ops, "%s %d: %v", c.format, c.failed, got)
		require.Empty(t, notesOf(t, c.format, c.src, Options{FailedCAS: c.failed}))
	}
}

func TestPairs(t *testing.T) {
	const lists = "{:process 0 :type :invoke :f :write :value [1 2]}\n{:process 0 :type :ok :f :write :value [1 3]}\n"
	const read = "{:process 1 :type :invoke :f :read}\n{:process 1 :type :ok :f :read :value [1 3]}\n"
	const keyed = "{:process 2 :type :invoke :f :read :value [1 nil]}\n{:process 2 :type :ok :f :read :value [1 3]}\n"
	const late = "{:process 3 :type :invoke :f :write}\n{:process 3 :type :ok :f :write :value [4 5]}\n"
	const cas = "{:process 4 :type :invoke :f :cas :value [1 [3 4]]}\n{:process 4 :type :ok :f :cas}\n"
	asValue, asKey := `#0 s0 [1,2] register "" write [1 3] ok`, `#0 s0 [1,2] register "1" write 3 ok`
	for _, c := range []struct {
		name, src string
		pairs     Pairs
		want      []string
	}{
		{"values", lists + read, PairsByUse, []string{asValue, `#1 s1 [3,4] register "" read -> [1 3] ok`}},
		{"keys", lists + keyed, PairsByUse, []string{asKey, `#1 s2 [3,4] register "1" read -> 3 ok`}},
		{"values all the same", lists + keyed, PairsAreValues, []string{asValue, `#1 s2 [3,4] register "" read -> [1 3] ok`}},
		{"keys all the same", lists + read, PairsAreKeyed, []string{asKey, `#1 s1 [3,4] register "" read -> [1 3] ok`}},
		{"nobody says", lists, PairsByUse, []string{asKey}},
		{"nobody says, and the value comes late", late, PairsByUse, []string{`#0 s3 [1,2] register "4" write 5 ok`}},
		{"late, by a read", late + read, PairsByUse, []string{`#0 s3 [1,2] register "" write [4 5] ok`, `#1 s1 [3,4] register "" read -> [1 3] ok`}},
		{"late, by a read with a key", late + keyed, PairsByUse, []string{`#0 s3 [1,2] register "4" write 5 ok`, `#1 s2 [3,4] register "1" read -> 3 ok`}},
		{"cas by a key", cas + keyed, PairsByUse, []string{`#0 s4 [1,2] register "1" cas [3 4] ok`, `#1 s2 [3,4] register "1" read -> 3 ok`}},
		{"cas of values", cas + read, PairsByUse, []string{`#0 s4 [1,2] register "" cas [1 [3 4]] ok`, `#1 s1 [3,4] register "" read -> [1 3] ok`}},
		{"a set of two is no pair", strings.ReplaceAll(lists, "[1 2]", "#{1 2}"), PairsByUse, []string{asValue}},
	} {
		require.Equal(t, c.want, strungWith(t, "jepsen", c.src, Options{Pairs: c.pairs}), c.name)
	}
	for name, src := range map[string]string{
		"reads of both kinds": read + keyed, "a plain write": keyed + strings.ReplaceAll(lists, "[1 2]", "1"),
		"a plain cas": keyed + strings.ReplaceAll(cas, "[1 [3 4]]", "[3 4]"), "a plain value at the end": keyed + strings.ReplaceAll(late, "[4 5]", "4"),
	} {
		_, err := Decode("jepsen", "x", strings.NewReader(src))
		require.ErrorIs(t, err, ErrAmbiguous, name)
	}
}

// The value at the end counts where the operation ended well and has one there.
func TestValuesAtTheEnd(t *testing.T) {
	op := func(fn, begun, kind, ended string) string {
		return "{:process 0 :type :invoke :f :" + fn + " :value " + begun + "}\n{:process 0 :type :" + kind + " :f :" + fn + " :value " + ended + "}\n"
	}
	for _, c := range []struct {
		src, want string
		notes     int
	}{
		{op("write", "nil", "ok", "5"), `#0 s0 [1,2] register "" write 5 ok`, 0},
		{op("write", "5", "ok", "nil"), `#0 s0 [1,2] register "" write 5 ok`, 0},
		{op("write", "4", "ok", "5"), `#0 s0 [1,2] register "" write 5 ok`, 1},
		{op("write", "4", "info", "5"), `#0 s0 [1,…] register "" write 4 unknown`, 0},
		{op("write", "4", "fail", "5"), `#0 s0 [1,2] register "" write 4 failed`, 0},
		{op("write", "nil", "info", "5"), `#0 s0 [1,…] register "" write nil unknown`, 0},
		{op("cas", "nil", "ok", "[4 5]"), `#0 s0 [1,2] register "" cas [4 5] ok`, 0},
		{op("cas", "[3 4]", "ok", "[4 5]"), `#0 s0 [1,2] register "" cas [4 5] ok`, 1},
		{op("cas", "[3 4]", "ok", "true"), `#0 s0 [1,2] register "" cas [3 4] ok`, 0},
		{op("cas", "7", "ok", "[4 5]"), `#0 s0 [1,2] register "" cas [4 5] ok`, 1},
		{op("add", "nil", "ok", "5"), `#0 s0 [1,2] set "" add 5 ok`, 0},
		{op("remove", "4", "ok", "5"), `#0 s0 [1,2] set "" remove 5 ok`, 1},
		{op("inc", "nil", "ok", "7"), `#0 s0 [1,2] counter "" inc 1 ok`, 0},
		{op("dec", "2", "ok", "7"), `#0 s0 [1,2] counter "" inc -2 ok`, 0},
		{op("read", "4", "ok", "5"), `#0 s0 [1,2] register "" read -> 5 ok`, 0},
		{op("read", "4", "info", "5"), `#0 s0 [1,…] register "" read unknown`, 0},
	} {
		require.Equal(t, []string{c.want}, strungWith(t, "jepsen", c.src, Options{}), c.src)
		require.Len(t, notesOf(t, "jepsen", c.src, Options{}), c.notes, c.src)
	}
	// What a read that did not end well says is no result, nor tells what is read.
	h, err := Decode("jepsen", "x", strings.NewReader(op("add", "1", "ok", "1")+op("read", "nil", "fail", "[1 2]")+op("read", "nil", "info", "7")))
	require.NoError(t, err)
	require.Equal(t, []Type{Set, Set, Set}, []Type{h.Ops[0].Type, h.Ops[1].Type, h.Ops[2].Type})
	require.True(t, h.Ops[1].Out.IsNil() && h.Ops[2].Out.IsNil())
	d, err := DecodeWith("jepsen", "x", strings.NewReader(op("write", "nil", "fail", "nil")+op("cas", "nil", "fail", "nil")), Options{FailedCAS: FailedCASMismatch})
	require.NoError(t, err)
	require.Empty(t, d.History.Ops, "what they found is not known")
	for name, src := range map[string]string{
		"cas of one value":        op("cas", "7", "info", "nil"),
		"cas of unknown values":   op("cas", "nil", "info", "[1 2]"),
		"a cas without an answer": "{:process 0 :type :invoke :f :cas}",
		"write of unknown value":  op("write", "nil", "ok", "5") + op("write", "nil", "info", "7"),
		"add of unknown value":    op("add", "nil", "ok", "5") + op("add", "nil", "info", "7"),
		"inc of a word":           op("inc", ":x", "ok", "1"),
		"inc of a large number":   op("inc", "9223372036854775808", "ok", "1"),
	} {
		_, err := Decode("jepsen", "x", strings.NewReader(src))
		require.ErrorIs(t, err, ErrFormat, name)
	}
}

// Numbers, truth values and maps of EDN are what they mean, and the rest its text.
func TestEDNValues(t *testing.T) {
	for text, want := range map[string]Value{
		"1.50": decimal("1.5"), "1.5M": decimal("1.5"), "7N": Int(7), "2.0": Int(2), "-3e2": Int(-300), "+4": Int(4),
		"12345678901234567890": decimal("12345678901234567890"), "12345678901234567890N": decimal("12345678901234567890"),
		"true": Bool(true), "false": Bool(false), "1/2": Str("1/2"), "-": Str("-"), "N": Str("N"), "x": Str("x"), ":k": Str(":k"), `\a`: Str(`\a`),
		"##NaN": Str("##NaN"), "##-Inf": Str("##-Inf"), `#inst "2019"`: Str(`#inst "2019"`), "1e9999999999": Str("1e9999999999"),
		"{:b {} :a [1.0 ##Inf]}": MapOf([2]Value{Str(":a"), List(Int(1), Str("##Inf"))}, [2]Value{Str(":b"), MapOf()}),
		"#{2.0 1 2}":             List(Int(1), Int(2)),
	} {
		h, err := Decode("jepsen", "x", strings.NewReader("{:process 0 :type :invoke :f :write :value "+text+"}"))
		require.NoError(t, err, text)
		require.True(t, h.Ops[0].Arg.Equal(want), "%s is %v", text, h.Ops[0].Arg)
	}
}

func TestJSONLReadings(t *testing.T) {
	const header = `{"kind":"history","version":1,"tagged":false,"initial":{"a":1},"host":"n1"}` + "\n"
	const text = header +
		`{"kind":"op","session":"b","type":"register","func":"read","key":"x","out":1,"call":7,"return":7}` + "\n" +
		`{"kind":"fence","at":9,"node":3}` + "\n" +
		`{"kind":"op","session":1,"type":"register","func":"write","key":"x","arg":1,"call":5,"return":9,"host":1}` + "\n" +
		`{"kind":"op","session":"a","type":"register","func":"read","key":"x","out":2,"call":7,"return":8,"host":1}` + "\n" +
		`{"kind":"fence","at":4}` + "\n" +
		`{"kind":"op","session":"b","type":"register","func":"read","key":"x","out":true,"call":0,"return":7}` + "\n" +
		`{"kind":"end","ops":4,"fences":2,"colour":"red"}` + "\n\n"
	d, err := DecodeWith("jsonl", "x", strings.NewReader(text), Options{})
	require.NoError(t, err)
	require.Equal(t, []string{
		`#0 b [0,7] register "x" read -> true ok`, `#1 s1 [5,9] register "x" write 1 ok`,
		`#2 b [7,7] register "x" read -> 1 ok`, `#3 a [7,8] register "x" read -> 2 ok`,
	}, strungWith(t, "jsonl", text, Options{}))
	require.Equal(t, []int32{7, 4, 2, 5}, d.Lines)
	require.Equal(t, []int64{4, 9}, d.History.Fences)
	require.Equal(t, []int{0, 1, 0, 2}, []int{d.History.Ops[0].Session, d.History.Ops[1].Session, d.History.Ops[2].Session, d.History.Ops[3].Session})
	require.True(t, d.History.Initial.Equal(MapOf([2]Value{Str("a"), Int(1)})))
	require.Equal(t, []string{
		`line 1: unknown field "host" passed over, in 3 records`, `line 3: unknown field "node" passed over, in 1 record`,
		`line 8: unknown field "colour" passed over, in 1 record`,
	}, notesOf(t, "jsonl", text, Options{}))
	_, err = DecodeWith("jsonl", "x", strings.NewReader(text), Options{Strict: true})
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "x:1:")
	d, err = DecodeWith("jsonl", "x", strings.NewReader(text), Options{Initial: Int(3)})
	require.NoError(t, err)
	require.True(t, d.History.Initial.Equal(Int(3)), "what is asked for prevails")
	_, err = Decode("jsonl", "x", strings.NewReader(text+"\n{}"))
	require.ErrorContains(t, err, "after the closing record")

	many := strings.ReplaceAll(text, `"host":1`, `"f`+strings.Repeat("o", 7)+`":1`)
	for i := range 2 * mostUnknown {
		many = strings.Replace(many, `"call":5`, `"g`+strings.Repeat("o", i)+`":0,"call":5`, 1)
	}
	require.Len(t, notesOf(t, "jsonl", many, Options{}), mostUnknown, "notes are bounded")
}

func TestPlumeReadings(t *testing.T) {
	require.Equal(t, []string{`#0 s0 [0,1] register "1" write 0 ok txn 1`, `#1 s0 [2,3] register "1" read -> 0 ok txn 2`},
		strungWith(t, "plume", "w(1,0,0,0)\nr(1,0,0,1)", Options{Initial: Int(5)}))
	// What is there at first may be written, too; then it is a value like any other.
	for format, text := range map[string]string{
		"plume": "r(2,0,0,0)\nw(1,0,0,1)\nr(1,0,0,2)",
		"dbcop": dbcopText([][]dbcopEvent{{{false, 2, 0, false}}, {{true, 1, 0, false}}, {{false, 1, 0, false}}}),
	} {
		d, err := DecodeWith(format, "x", strings.NewReader(text), Options{})
		require.NoError(t, err, format)
		require.True(t, d.History.Initial.Equal(Int(0)), format)
		require.True(t, d.History.Ops[0].Out.Equal(Int(0)), format)
		require.True(t, d.History.Ops[1].Arg.Equal(Int(0)), format)
		require.True(t, d.History.Ops[2].Out.Equal(Int(0)), format)
		require.Equal(t, []Note{{2, "0 is written, and is the initial value too: a read of 0 may be of either"}}, d.Notes, format)
	}
	// Aborted lines that follow one another are one transaction, others are not.
	h, err := Decode("plume", "x", strings.NewReader("w(1,1,0,-1)\nw(2,2,0,-1)\nw(1,3,1,-1)\nw(1,4,0,-1)\nw(1,5,0,0)\nw(1,6,0,-1)"))
	require.NoError(t, err)
	var txns []uint64
	for _, o := range h.Ops {
		txns = append(txns, o.Txn)
	}
	require.Equal(t, []uint64{abortedTxn, abortedTxn, abortedTxn + 1, abortedTxn, 1, abortedTxn + 2}, txns)
}

func TestTimeRunsBackwards(t *testing.T) {
	const src = `{:process 0 :type :invoke :f :read :time 7}
{:process 0, :type :ok, :f :read, :time 7}
{:process 0, :type :invoke, :f :read, :time 5}
{:process 0, :type :ok, :f :read, :time 6}
{:process 0, :type :invoke, :f :read, :time 8}
`
	require.Len(t, strungWith(t, "jepsen", src, Options{}), 3)
	require.Equal(t, []string{"line 3: time runs backwards, :time of 2 lines is up to 2 before that of an earlier one; the order of the entries counts"},
		notesOf(t, "jepsen", src, Options{}))
	require.Empty(t, notesOf(t, "jepsen", strings.Split(src, "\n")[0], Options{}))
}

func TestNote(t *testing.T) {
	require.Equal(t, "line 3: x", Note{3, "x"}.String())
	require.Equal(t, "x", Note{0, "x"}.String())
	_, err := DecodeWith("xml", "x", strings.NewReader(""), Options{})
	require.True(t, errors.Is(err, ErrUnknownFormat))
}
