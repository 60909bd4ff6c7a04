package history

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const dbcopJSONSample = `[
 [{"events": [{"Write": {"variable": 3, "version": 7}}, {"Read": {"variable": 4, "version": 0}}], "committed": true},
  {"events": [{"Write": {"variable": 4, "version": 8}}, {"Read": {"variable": 9, "version": null}}], "committed": true}],
 [{"events": [{"Write": {"variable": 3, "version": 5}}], "committed": false},
  {"events": [{"Read": {"variable": 3, "version": 7}}], "committed": true}]
]
`

// dbcopShortSample is dbcopJSONSample with events written shorter.
const dbcopShortSample = `[[{"events":[["w",3,7],["r",4,0]],"committed":true},{"events":[["w",4,8],["r",9,null]],"committed":true}],
[{"events":[["w",3,5]],"committed":false},{"events":[["r",3,7]],"committed":true}]]
`

const dbcopWholeSample = `{"params":{"id":0,"n_node":2,"n_variable":5,"n_transaction":2,"n_event":2},"info":"generated","start":"s","end":"e","data":[
[{"events":[{"write":true,"variable":3,"value":7,"success":true},{"write":false,"variable":4,"value":0,"success":true}],"success":true},
{"events":[{"write":true,"variable":4,"value":8,"success":true},{"write":true,"variable":4,"value":9,"success":false}],"success":true}],
[{"events":[{"write":true,"variable":3,"value":5,"success":true}],"success":false},
{"events":[{"write":false,"variable":3,"value":7,"success":true}],"success":true}]]}
`

func TestDBCopJSON(t *testing.T) {
	want := []string{
		`#0 s0 [0,1] register "3" write 7 ok txn 1`,
		`#1 s0 [2,3] register "4" read -> nil ok txn 1`,
		`#2 s0 [4,5] register "4" write 8 ok txn 2`,
		`#3 s1 [6,7] register "3" write 5 failed txn 3`,
		`#4 s1 [8,9] register "3" read -> 7 ok txn 4`,
	}
	raw := []string{want[0], want[1], want[2], `#3 s0 [6,7] register "9" read -> nil ok txn 2`, `#4 s1 [8,9] register "3" write 5 failed txn 3`, `#5 s1 [10,11] register "3" read -> 7 ok txn 4`}
	for sample, want := range map[string][]string{dbcopJSONSample: raw, dbcopShortSample: raw, dbcopWholeSample: want, "\n\n " + dbcopWholeSample: want} {
		require.Equal(t, want, strungWith(t, "dbcop", sample, Options{}))
		require.Equal(t, want, strungWith(t, Auto, sample, Options{}))
	}
	unknown := strungWith(t, Auto, dbcopJSONSample, Options{NilReads: NilIsUnknown})
	require.Len(t, unknown, len(raw)-2, "neither what was not written yet, nor what is the same there")
	d, err := DecodeWith(Auto, "x", strings.NewReader("\n"+dbcopJSONSample), Options{Initial: Int(0)})
	require.NoError(t, err)
	require.True(t, d.History.Ops[1].Out.Equal(Int(0)))
	require.True(t, d.History.Untimed)
	require.True(t, d.History.Ops[3].Out.Equal(Int(0)), "what was not written yet holds that, too")
	require.Equal(t, []int32{3, 3, 4, 4, 5, 6}, d.Lines)
	for text, want := range map[string]error{
		`[[{"events":[],"committed":true}]]`: ErrEmpty,
		`[[{"events":[]}]]`:                  ErrFormat,
		`[[{"events":[{"Write":{"variable":1,"version":-3}}],"committed":true}]]`: ErrFormat,
		`[[{"events":[{"Write":{"variable":1}}],"committed":true}]]`:              ErrFormat,
		`[[{"events":[{"write":true,"variable":1,"value":2}],"success":true}]]`:   ErrFormat,
		`[[{"events":[["x",1,2]],"committed":true}]]`:                             ErrUnknownOp,
		`[[{"events":[["w",1]],"committed":true}]]`:                               ErrFormat,
		`[[{"events":[["w",1,null]],"committed":true}]]`:                          ErrFormat,
		`[[{"events":[["r","x",2]],"committed":true}]]`:                           ErrFormat,
		`[[{"events":[7],"committed":true}]]`:                                     ErrFormat,
		`{"params":{}}`:                                                           ErrFormat,
		`{"data":[],"data":[]}`:                                                   ErrFormat,
		`[] []`:                                                                   ErrFormat,
		`[[`:                                                                      ErrTruncated,
		"[\n\xff":                                                                 ErrFormat,
	} {
		_, err := Decode("dbcop", "bad", strings.NewReader(text))
		require.ErrorIs(t, err, want, text)
	}
}

// cobraText writes records of Cobra.
func cobraText(records ...any) string {
	var b []byte
	for _, r := range records {
		switch v := r.(type) {
		case string:
			b = append(b, v...)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, v)
		case int:
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		}
	}
	return string(b)
}

var cobraSample = cobraText(
	"S", 17, "W", 1001, 3, 7, "R", uint64(cobraInitial), uint64(cobraInitial), 4, 99, "C", 17,
	"S", 18, "R", 17, 1001, 3, 7, "W", 1002, 4, 8, "C", 18, "S", 19, "C", 19,
)

func TestCobraSample(t *testing.T) {
	want := []string{
		`#0 s0 [0,1] register "3" write [1001 7] ok txn 1`,
		`#1 s0 [2,3] register "4" read -> nil ok txn 1`,
		`#2 s0 [4,5] register "3" read -> [1001 7] ok txn 2`,
		`#3 s0 [6,7] register "4" write [1002 8] ok txn 2`,
	}
	require.Equal(t, want, strungWith(t, "cobra", cobraSample, Options{}))
	require.Equal(t, want, strungWith(t, Auto, cobraSample, Options{}))
	for text, want := range map[string]error{
		"":                                  ErrEmpty,
		cobraText("S", 1, "C", 2):           ErrFormat,
		cobraText("S", 1, "S", 2):           ErrFormat,
		cobraText("W", 1, 2, 3):             ErrFormat,
		cobraText("S", 1, "W", 1, 2, 3):     ErrTruncated,
		cobraText("S", 1, "A", 1):           ErrFormat,
		cobraText("S", 1, "C", 1) + "S\x00": ErrTruncated,
	} {
		_, err := Decode("cobra", "bad", strings.NewReader(text))
		require.ErrorIs(t, err, want, "%q", text)
	}
	_, err := DecodeLimited("cobra", "many", strings.NewReader(cobraSample), Limits{Ops: 2})
	require.ErrorIs(t, err, ErrTooMany)
}

const viperSample = `{:type :ok, :f :txn, :value [[:i 5 11 nil false true] [:r 6 nil false] [:w 7 12 true]]}
{:type :ok, :f :txn, :value [[:d 5 13 11 false true] [:w 6 14 false] [:range 5 9 [{:id 5 :val 13} {:id 7 :val 12}] []]]}
{:type :fail, :f :txn, :value [[:w 8 15 true]]}
`

const viperJSONSample = `[{"value": [["i", 5, 11, "nil", false, true], ["r", 6, null, false], ["w", 7, 12, true]]},
 {"value": [["d", 5, 13, 11, false, true], ["w", 6, 14, false], ["range", 5, 9, [{"id": 5, "val": 13}, {"id": 7, "val": 12}], []]]},
 {"isInitial": true, "value": [["w", 9, 1, true]]}]
`

func TestViperSample(t *testing.T) {
	want := []string{
		`#0 s0 [0,1] register "5" read -> nil ok txn 1`,
		`#1 s0 [2,3] register "5" write 11 ok txn 1`,
		`#2 s0 [4,5] register "6" read -> nil ok txn 1`,
		`#3 s0 [6,7] register "7" write 12 ok txn 1`,
		`#4 s0 [8,9] register "5" read -> 11 ok txn 2`,
		`#5 s0 [10,11] register "5" write 13 ok txn 2`,
		`#6 s0 [12,13] register "5" read -> 13 ok txn 2`,
		`#7 s0 [14,15] register "7" read -> 12 ok txn 2`,
	}
	for sample, last := range map[string]string{
		viperSample: `#8 s0 [16,17] register "8" write 15 failed txn 3`, viperJSONSample: `#8 s1 [16,17] register "9" write 1 ok txn 3`,
	} {
		require.Equal(t, append(want, last), strungWith(t, "viper", sample, Options{}))
		require.Equal(t, append(want, last), strungWith(t, Auto, sample, Options{}))
		require.Contains(t, notesOf(t, "viper", sample, Options{})[0], "line 2: 1 range read")
	}
	require.Len(t, strungWith(t, "viper", viperSample, Options{Ignore: []string{"range"}}), 7)
	require.Equal(t, []string{`#0 s0 [0,1] register "1" read -> nil ok txn 1`, `#1 s0 [2,3] register "1" write 2 ok txn 1`},
		strungWith(t, "viper", `[{"value": [["i", 1, 2, null]]}]`, Options{}), "what may be left out")
	require.Equal(t, []string{`#0 s0 [0,1] register "1" read -> "two" ok txn 1`}, strungWith(t, "viper", `[{"value": [["r", 1, "two", false]]}]`, Options{}))
	for text, want := range map[string]error{
		"": ErrEmpty, `[{"value": 3}]`: ErrFormat, `[{"value": [["w", 1]]}]`: ErrFormat, `[{"value": [["x", 1, 2]]}]`: ErrUnknownOp,
		`[{"value": [["w", 1, null]]}]`: ErrFormat, `[{"value": [["i", 1, 2]]}]`: ErrFormat, `[{"value": [["w", 1, 2, 3]]}]`: ErrFormat,
		`[{"value": [["range", 1, 2, [3], []]]}]`: ErrFormat, `[{"value": []}`: ErrTruncated, `{:type :invoke :value []}`: ErrFormat,
		"[{\"value\": [[\"r\", \"\xff\", 1]]}]": ErrFormat,
	} {
		_, err := Decode("viper", "bad", strings.NewReader(text))
		require.ErrorIs(t, err, want, text)
	}
}

const etcdOpsSample = `{"ClientId":1,"Input":{"Type":"txn","LeaseGrant":null,"LeaseRevoke":null,"Range":null,"Txn":{"Conditions":null,"OperationsOnSuccess":[{"Type":"put-operation","Range":{"Start":"","End":"","Limit":0},"Put":{"Key":"k","Value":{"Value":"1"},"LeaseID":0},"Delete":{"Key":""}}],"OperationsOnFailure":null},"Defragment":null,"Compact":null},"Call":10,"Output":{"Txn":{"Failure":false,"Results":[{"KVs":null,"Count":0,"Deleted":0}]},"Range":null,"Revision":2,"Persisted":false,"PersistedRevision":0,"Error":""},"Return":20}
{"ClientId":2,"Input":{"Type":"leaseGrant","LeaseGrant":{"LeaseID":7}},"Call":5,"Output":{"Error":"timeout"},"Return":-1}
{"ClientId":1,"Input":{"Type":"range","Range":{"Start":"k","End":"","Limit":0,"Revision":0}},"Call":30,"Output":{"Range":{"KVs":[{"Key":"k","Value":{"Value":"1"},"ModRevision":2}],"Count":1},"Revision":2},"Return":40}
`

const etcdWatchSample = `{"Request":{"Key":"a","Revision":0}}
{"Request":{"Key":"","Revision":1,"WithPrefix":true},"Responses":[{"Events":null,"IsProgressNotify":true,"Revision":1,"Time":7},
{"Events":[{"Type":"put-operation","Key":"a","Value":{"Value":"1","Hash":0},"Revision":2,"IsCreate":true,"PrevValue":null}],"Revision":2,"Time":9}]}
`

func TestEtcdOperationsSample(t *testing.T) {
	for _, format := range []string{"etcd-robustness", Auto} {
		d, err := DecodeWith(format, "x", strings.NewReader("\n"+etcdOpsSample), Options{})
		require.NoError(t, err)
		require.Equal(t, []int32{3, 2, 4}, d.Lines, "they are ordered by their calls")
		ops := d.History.Ops
		require.Len(t, ops, 3)
		require.Equal(t, []Func{EtcdGrant, EtcdTxn, Read}, []Func{ops[0].Func, ops[1].Func, ops[2].Func})
		require.Equal(t, Unknown, ops[0].Outcome)
		require.Equal(t, Pending, ops[0].Return)
		require.Contains(t, ops[2].Out.String(), "ModRevision")
		require.NotContains(t, ops[1].Arg.String(), "LeaseGrant", "what is null is left out")
	}
	w, err := Decode(Auto, "watch", strings.NewReader(etcdWatchSample))
	require.NoError(t, err)
	require.Len(t, w.Ops, 2)
	require.Equal(t, []Func{EtcdWatch, EtcdWatch}, []Func{w.Ops[0].Func, w.Ops[1].Func})
	require.NotEqual(t, w.Ops[0].Session, w.Ops[1].Session, "a watch goes on while others do")
	require.Equal(t, []int64{0, 0, 7, 9}, []int64{w.Ops[0].Call, w.Ops[0].Return, w.Ops[1].Call, w.Ops[1].Return})
	require.Contains(t, w.Ops[1].Out.String(), "IsProgressNotify")
	d, err := DecodeWith(Auto, "old", strings.NewReader(strings.Replace(etcdOpsSample, `"Persisted":false,"PersistedRevision":0`, `"PartialResponse":true`, 1)), Options{})
	require.NoError(t, err)
	require.Equal(t, Unknown, d.History.Ops[1].Outcome)
	for text, want := range map[string]error{
		"": ErrEmpty, `{"ClientId":1}`: ErrFormat, `{"ClientId":-1,"Input":{"Type":"range"},"Call":1,"Output":{},"Return":2}`: ErrFormat,
		`{"ClientId":1,"Input":{"Type":"watch"},"Call":1,"Output":{},"Return":2}`:          ErrUnknownOp,
		`{"ClientId":1,"Input":{"Type":"range"},"Call":3,"Output":{},"Return":2}`:          ErrInvalid,
		`{"ClientId":1,"Input":{"Type":"range"},"Call":1,"Output":{},"Return":2,"What":1}`: ErrFormat,
		`{"ClientId":1,"Input":{"Type":"range"},"Call":1,"Output":[],"Return":2}`:          ErrFormat,
		`{"Request":3}`: ErrFormat, `{"Request":{},"Responses":[3]}`: ErrFormat, `{"Request":{},"Responses":{}}`: ErrFormat,
		`{"Request":{},"Responses":[{"Time":9223372036854775807}]}`: ErrFormat, `{"Request":{},"Request":{}}`: ErrFormat,
		etcdOpsSample[:300]: ErrTruncated,
		etcdOpsSample + "]": ErrFormat,
	} {
		_, err := Decode("etcd-robustness", "bad", strings.NewReader(text))
		require.ErrorIs(t, err, want, text)
	}
}

const otlpSample = `{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"shop"},"spans":[
{"traceId":"a","spanId":"1","name":"put","startTimeUnixNano":"1000","endTimeUnixNano":"2000","attributes":[{"key":"joinery.func","value":{"stringValue":"write"}},{"key":"joinery.key","value":{"stringValue":"x"}},{"key":"joinery.arg","value":{"stringValue":"{\"a\":1}"}},{"key":"http.route","value":{"stringValue":"/x"}}],"status":{}},
{"traceId":"a","spanId":"2","name":"internal","startTimeUnixNano":"1000","endTimeUnixNano":"2000","attributes":[],"status":{}},
{"traceId":"b","spanId":"3","name":"get","startTimeUnixNano":"500","endTimeUnixNano":"2500","attributes":[{"key":"joinery.func","value":{"stringValue":"read"}},{"key":"joinery.key","value":{"stringValue":"x"}},{"key":"joinery.out","value":{"stringValue":"not json"}},{"key":"joinery.session","value":{"stringValue":"bob"}}]},
{"traceId":"c","spanId":"4","name":"put","startTimeUnixNano":"3000","endTimeUnixNano":"4000","attributes":[{"key":"joinery.func","value":{"stringValue":"inc"}},{"key":"joinery.type","value":{"stringValue":"counter"}},{"key":"joinery.arg","value":{"intValue":"3"}},{"key":"joinery.node","value":{"intValue":2}},{"key":"joinery.txn","value":{"intValue":"9"}}],"status":{"code":2}}
]}],"resource":{"attributes":[{"key":"service.instance.id","value":{"stringValue":"shop-1"}}]}}]}
`

func TestOTLPSample(t *testing.T) {
	want := []string{
		`#0 bob [500,2500] register "x" read -> "not json" ok`,
		`#1 shop-1 [1000,2000] register "x" write {"a" 1} ok`,
		`#2 shop-1@n2 [3000,…] counter "" inc 3 unknown txn 9`,
	}
	for _, format := range []string{"otlp", Auto} {
		require.Equal(t, want, strungWith(t, format, otlpSample, Options{}))
	}
	require.Equal(t, []string{"line 3: 1 span without joinery.func passed over"}, notesOf(t, "otlp", otlpSample, Options{}))
	span := func(attributes string) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[` + attributes + `]}]}]}]}`
	}
	write := `{"key":"joinery.func","value":{"stringValue":"write"}},{"key":"joinery.session","value":{"stringValue":"a"}}`
	require.Len(t, strungWith(t, "otlp", span(write)+"\n"+span(strings.Replace(write, `"a"`, `"b"`, 1)), Options{}), 2, "several exports")
	for text, want := range map[string]error{
		"": ErrEmpty, span(""): ErrEmpty, `{"resourceSpans":3}`: ErrFormat, `{"resourceSpans":[`: ErrTruncated, "[]": ErrFormat,
		span(`{"key":"joinery.func","value":{"stringValue":"write"}}`):                        ErrFormat, // whose session is not known
		span(write + `,{"key":"joinery.txn","value":{"stringValue":"x"}}`):                    ErrFormat,
		span(write + `,{"key":"joinery.outcome","value":{"stringValue":"x"}}`):                ErrFormat,
		strings.Replace(span(write), `"startTimeUnixNano":"1"`, `"startTimeUnixNano":"x"`, 1): ErrFormat,
		strings.Replace(span(write), `"startTimeUnixNano":"1"`, `"startTimeUnixNano":"3"`, 1): ErrClock,
		strings.Replace(span(write), `"endTimeUnixNano":"2"`, `"endTimeUnixNano":{}`, 1):      ErrFormat,
		strings.Replace(span(write), `"attributes":[`, `"attributes":[3,`, 1):                 ErrFormat,
	} {
		_, err := Decode("otlp", "bad", strings.NewReader(text))
		require.ErrorIs(t, err, want, text)
	}
}

// Completions without an invocation are an error, or if asked left out, or taken to have
// begun when their process had ended what it did before.
func TestUnmatchedReturns(t *testing.T) {
	const src = "{:process 1 :type :ok :f :read :value 3}\n{:process 0 :type :invoke :f :write :value 3}\n{:process 0 :type :ok :f :write :value 3}\n{:process 0 :type :fail :f :read}\n"
	_, err := Decode("jepsen", "x", strings.NewReader(src))
	require.ErrorIs(t, err, ErrUnmatchedReturn)
	require.ErrorContains(t, err, "x:1: ")
	require.ErrorContains(t, err, "--unmatched skip")
	require.Equal(t, []string{`#0 s0 [2,3] register "" write 3 ok`}, strungWith(t, "jepsen", src, Options{Unmatched: UnmatchedSkip}))
	require.Equal(t, []string{"line 1: 2 completions without a beginning in the file left out, as asked"}, notesOf(t, "jepsen", src, Options{Unmatched: UnmatchedSkip}))
	require.Equal(t, []string{`#0 s1 [0,1] register "" read -> 3 ok`, `#1 s0 [2,3] register "" write 3 ok`},
		strungWith(t, "jepsen", src[:strings.LastIndex(src, "{")], Options{Unmatched: UnmatchedBegin}))
	later := strings.Replace(src, ":process 0 :type :fail :f :read", ":process 0 :type :ok :f :read :value [4 5]", 1)
	require.Equal(t, `#2 s0 [3,4] register "" read -> [4 5] ok`, strungWith(t, "jepsen", later, Options{Unmatched: UnmatchedBegin})[2])
	require.Equal(t, []string{"line 1: 2 completions without a beginning in the file; each is taken to have begun when its process had ended what it did before"},
		notesOf(t, "jepsen", later, Options{Unmatched: UnmatchedBegin}))
	log := "INFO  jepsen.util - 0\t:ok\t:read\t7\n" + etcdSample
	_, err = Decode("porcupine-etcd", "x", strings.NewReader(log))
	require.ErrorIs(t, err, ErrUnmatchedReturn)
	require.Len(t, strungWith(t, "porcupine-etcd", log, Options{Unmatched: UnmatchedSkip}), 4)
}

func FuzzDBCopJSON(f *testing.F) {
	fuzz(f, "dbcop", dbcopJSONSample, dbcopShortSample, dbcopWholeSample)
}
func FuzzCobra(f *testing.F) { fuzz(f, "cobra", cobraSample) }
func FuzzViper(f *testing.F) { fuzz(f, "viper", viperSample, viperJSONSample) }
func FuzzEtcdOperations(f *testing.F) {
	fuzz(f, "etcd-robustness", etcdOpsSample)
}
func FuzzOTLP(f *testing.F) { fuzz(f, "otlp", otlpSample) }

// FuzzAuto looks at anything.
func FuzzAuto(f *testing.F) {
	fuzz(f, Auto, otlpSample, etcdOpsSample, viperSample, viperJSONSample, cobraSample, dbcopSample, dbcopJSONSample, dbcopTextSample, plumeSample, sample)
}

// The logs of several clients are one history.
func TestJoin(t *testing.T) {
	part := func(format, name, src string) *Decoded {
		d, err := DecodeWith(format, name, strings.NewReader(src), Options{})
		require.NoError(t, err)
		return d
	}
	other := cobraText("S", 20, "R", 18, 1002, 4, 8, "C", 20)
	d, from, err := Join("run", []*Decoded{part("cobra", "T1", cobraSample), part("cobra", "T2", other)})
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 0, 0, 1}, from)
	require.Equal(t, `#4 T2 [8,9] register "4" read -> [1002 8] ok txn 1`, d.History.Ops[4].String())
	require.Equal(t, int32(1), d.Lines[4])
	require.NoError(t, d.History.Validate())

	late := strings.ReplaceAll(etcdOpsSample, `"Call":10`, `"Call":7`)
	d, from, err = Join("run", []*Decoded{part("etcd-robustness", "client-1", etcdOpsSample), part("etcd-robustness", "client-2", late)})
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 1, 0, 0, 1}, from, "by their calls")
	require.Len(t, d.History.Ops, 6)
	sessions := map[string]int{}
	for _, o := range d.History.Ops {
		sessions[o.Client] = o.Session
	}
	require.Len(t, sessions, 4)

	_, _, err = Join("run", []*Decoded{part("cobra", "T1", cobraSample), part("etcd-robustness", "client-1", etcdOpsSample)})
	require.ErrorIs(t, err, ErrFormat)
	_, _, err = Join("run", nil)
	require.ErrorIs(t, err, ErrEmpty)
}
