package history

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const jepsenSample = `; a vector, a comment, a nemesis with a value of its own kind
[{:process 0, :type :invoke, :f :write, :value 3}
 {:process 1, :type :invoke, :f :read, :value nil, :extra #object[java.lang.Object 0x4892 "o \"}"]}
 {:process :nemesis, :type :info, :f :kill, :value (#{"n1" "n2"} \} #inst "2019" 1.5)} ; }
 {:process 0, :type :info, :f :write, :value 3, :error :timeout}
 {:process 1, :type :ok, :f :read, :value :nil}
 {:process 0, :type :invoke, :f :cas, :value [3 4]},
 {:process 1, :type :invoke, :f :cas, :value [5 6]}
 {:process 1, :type :fail, :f :cas, :value [5 6]}
 {:process 0, :type :ok, :f :cas, :value [3 4]}
 #jepsen.history.Op{:process 1 :type :invoke :f :cas :value [7 8]}
 {:process 1, :type :fail, :f :cas, :value [7 8], :error :unavailable}
 {:process 2, :type :invoke, :f :read}
]
`

func TestJepsenSample(t *testing.T) {
	require.Equal(t, []string{
		`#0 s0 [1,…] register "" write 3 unknown`,
		`#1 s1 [2,4] register "" read -> nil ok`,
		`#2 s3 [5,8] register "" cas [3 4] ok`, // process 0 again, but a session of its own
		`#3 s2 [11,…] register "" read unknown`,
	}, strungWith(t, "jepsen", jepsenSample, Options{}))
	require.Equal(t, []string{
		`#0 s0 [1,…] register "" write 3 unknown`,
		`#1 s1 [2,4] register "" read -> nil ok`,
		`#2 s3 [5,8] register "" cas [3 4] ok`,
		`#3 s1 [6,7] register "" cas [5 6] failed`, // the one with an :error says nothing all the same
		`#4 s2 [11,…] register "" read unknown`,
	}, strungWith(t, "jepsen", jepsenSample, Options{FailedCAS: FailedCASMismatch}))
}

// strungWith decodes and prints operations.
func strungWith(t *testing.T, format, src string, o Options) []string {
	t.Helper()
	d, err := DecodeWith(format, "sample", strings.NewReader(src), o)
	require.NoError(t, err)
	require.NoError(t, d.History.Validate())
	require.Len(t, d.Lines, len(d.History.Ops))
	var got []string
	for _, o := range d.History.Ops {
		got = append(got, o.String())
	}
	return got
}

func TestJepsenValuesAndKeys(t *testing.T) {
	const src = `
{:process 0 :type :invoke :f :write :value ["k" :red]}
{:process 0 :type :ok :f :write :value ["k" :red]}
{:process 0 :type :invoke :f :read :value [7 nil]}
{:process 0 :type :ok :f :read :value [7 {:a 1}]}
{:process 0 :type :invoke :f :cas :value ["k" [1 "\u00e4\n"]]}
{:process 0 :type :ok :f :cas}
{:process 0 :type :invoke :f :write :value [1 2 #_ 9 3]}
{:process 0 :type :ok :f :write}
{:process 0 :type :invoke :f :write :value 12345678901234567890}
{:process 0 :type :fail :f :write}
`
	_, err := Decode("jepsen", "x", strings.NewReader(src))
	require.ErrorIs(t, err, ErrAmbiguous, "the list of three has no key")
	require.ErrorContains(t, err, "x:4: ")
	require.ErrorContains(t, err, "the write at line 8 has no key")
	d, err := DecodeWith("jepsen", "x", strings.NewReader(src), Options{Pairs: PairsAreKeyed})
	require.NoError(t, err)
	h := d.History
	require.Len(t, h.Ops, 5)
	require.Equal(t, "k", h.Ops[0].Key)
	require.True(t, h.Ops[0].Arg.Equal(Str(":red")))
	require.Equal(t, "7", h.Ops[1].Key)
	require.True(t, h.Ops[1].Out.Equal(MapOf([2]Value{Str(":a"), Int(1)})))
	require.Equal(t, "k", h.Ops[2].Key)
	require.True(t, h.Ops[2].Arg.Equal(List(Int(1), Str("ä\n"))))
	require.True(t, h.Ops[3].Arg.Equal(List(Int(1), Int(2), Int(3))))
	require.True(t, h.Ops[4].Arg.Equal(decimal("12345678901234567890")))
	require.Equal(t, Failed, h.Ops[4].Outcome)
}

// Sets and counters are told apart by what their reads return.
func TestJepsenSetsAndCounters(t *testing.T) {
	const src = `
{:process 0 :type :invoke :f :add :value 3}
{:process 0 :type :ok :f :add :value 3}
{:process 1 :type :invoke :f :add :value 1}
{:process 1 :type :info :f :add :value 1 :error :timeout}
{:process 0 :type :invoke :f :read :value nil}
{:process 0 :type :ok :f :read :value #{3 1}}
{:process 0 :type :invoke :f :read}
{:process 0 :type :ok :f :read :value [3 1]}
{:process 0 :type :invoke :f :remove :value 3}
{:process 0 :type :fail :f :remove :value 3}
{:process 2 :type :invoke :f :add :value [:hits 5]}
{:process 2 :type :ok :f :add :value [:hits 5]}
{:process 2 :type :invoke :f :dec :value [:hits 2]}
{:process 2 :type :ok :f :dec :value [:hits 2]}
{:process 2 :type :invoke :f :read :value [:hits nil]}
{:process 2 :type :ok :f :read :value [:hits 3]}
{:process 3 :type :invoke :f :increment :value nil}
`
	src2 := strings.Replace(src, ":f :increment :value nil", ":f :increment :value [:n nil]", 1)
	d, err := DecodeWith("jepsen", "x", strings.NewReader(src2), Options{Pairs: PairsAreKeyed})
	require.NoError(t, err)
	h, lines := d.History, d.Lines
	var got []string
	for _, o := range h.Ops {
		got = append(got, o.String())
	}
	require.Equal(t, []string{
		`#0 s0 [1,2] set "" add 3 ok`,
		`#1 s1 [3,…] set "" add 1 unknown`,
		`#2 s0 [5,6] set "" read -> [1 3] ok`,
		`#3 s0 [7,8] set "" read -> [3 1] ok`,
		`#4 s0 [9,10] set "" remove 3 failed`,
		`#5 s2 [11,12] counter ":hits" inc 5 ok`,
		`#6 s2 [13,14] counter ":hits" inc -2 ok`,
		`#7 s2 [15,16] counter ":hits" read -> 3 ok`,
		`#8 s3 [17,…] counter ":n" inc 1 unknown`,
	}, got)
	require.Equal(t, []int32{2, 4, 6, 8, 10, 12, 14, 16, 18}, lines)
	h, err = Decode("jepsen", "x", strings.NewReader("{:process 1 :type :invoke :f :add :value :x}"))
	require.NoError(t, err)
	require.Equal(t, Set, h.Ops[0].Type, "as long as no read says otherwise")
}

// What the nemesis says is passed over even where it is no EDN.
func TestJepsenNemesis(t *testing.T) {
	for _, value := range []string{"(a {:odd})", `"\q"`, "#", "{1}", "#{1 {2}}"} {
		nemesis := "{:type :info, :f :kill, :value " + value + ", :process :nemesis}\n"
		client := "{:process 0 :type :invoke :f :read}\n{:process 0, :type :ok, :f :read, :value 1}\n"
		h, err := Decode("jepsen", "x", strings.NewReader(nemesis+client+nemesis))
		require.NoError(t, err, value)
		require.Len(t, h.Ops, 1)
		_, err = Decode("jepsen", "x", strings.NewReader(client+strings.Replace(nemesis, ":nemesis", "7", 1)))
		require.Error(t, err, value)
	}
}

func TestJepsenRejects(t *testing.T) {
	ok := "{:process 0 :type :invoke :f :read}\n"
	add := "{:process 1 :type :invoke :f :add :value 7}\n"
	cases := []struct {
		name, input string
		line        int
		err         error
	}{
		{"empty", "", 0, ErrEmpty},
		{"only comments", "; nothing\n; here", 0, ErrEmpty},
		{"no operations", "[]", 0, ErrEmpty},
		{"only a nemesis", "{:process :nemesis :type :info :f :kill}", 0, ErrEmpty},
		{"cut in a map", ok + "{:process 0 :type", 2, ErrTruncated},
		{"cut in a string", ok + "{:process 0 :value \"}", 2, ErrTruncated},
		{"cut in the vector", "[" + ok, 2, ErrTruncated},
		{"cut after a tag", ok + "#jepsen.history.Op", 2, ErrTruncated},
		{"garbage", ok + "garbage", 2, ErrFormat},
		{"binary", "\x00\x01\x02", 1, ErrFormat},
		{"two vectors", "[" + ok + "] []", 2, ErrFormat},
		{"brackets that do not match", ok + "{:process 0 :value [1}}", 2, ErrFormat},
		{"odd map", ok + "{:process}", 2, ErrFormat},
		{"no process", ok + "{:type :ok :f :read}", 2, ErrFormat},
		{"no type", ok + "{:process 0 :f :read}", 2, ErrFormat},
		{"unknown type", ok + "{:process 0 :type :maybe :f :read}", 2, ErrFormat},
		{"unknown function", ok + "{:process 1 :type :invoke :f :restart}", 2, ErrUnknownOp},
		{"a set written to", ok + add + "{:process 0 :type :ok :f :read}\n{:process 0 :type :invoke :f :write :value 1}", 4, ErrUnknownOp},
		{"a register added to", ok + "{:process 1 :type :invoke :f :write :value 1}\n" + strings.ReplaceAll(add, "1", "2"), 3, ErrUnknownOp},
		{"a word added to a counter", ok + "{:process 0 :type :ok :f :read :value 7}\n" + strings.ReplaceAll(add, "7", ":x"), 3, ErrUnknownOp},
		{"inc by a word", "{:process 1 :type :invoke :f :inc :value :x}", 1, ErrFormat},
		{"two readings", "{:process 0 :type :invoke :f :write :value [1 2]}\n{:process 1 :type :invoke :f :read :value [1 nil]}\n{:process 2 :type :invoke :f :read}", 2, ErrAmbiguous},
		{"cas of unknown values", "{:process 1 :type :invoke :f :cas}\n{:process 1 :type :info :f :cas}", 1, ErrFormat},
		{"write of an unknown value", "{:process 1 :type :invoke :f :write}\n{:process 1 :type :ok :f :write :value 3}\n{:process 2 :type :invoke :f :write}", 3, ErrFormat},
		{"cas of one value", ok + "{:process 1 :type :invoke :f :cas :value 4}", 2, ErrFormat},
		{"bad escape", ok + "{:process 1 :type :invoke :f :write :value \"\\x\"}", 2, ErrFormat},
		{"invalid UTF-8", ok + "{:process 1 :type :invoke :f :write :value \"\xff\"}", 2, ErrFormat},
		{"negative process", "{:process -1 :type :invoke :f :read}", 1, ErrFormat},
		{"too deep", "{:process 0 :value " + strings.Repeat("[", 200), 1, ErrFormat},
		{"return without a call", ok + "{:process 1 :type :ok :f :read}", 2, ErrUnmatchedReturn},
		{"return of another function", ok + "{:process 0 :type :ok :f :write}", 2, ErrUnmatchedReturn},
		{"return of another key", "{:process 0 :type :invoke :f :read :value [1 nil]}\n{:process 0 :type :ok :f :read :value [2 7]}", 2, ErrUnmatchedReturn},
		{"two calls at once", ok + ok, 2, ErrOverlap},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode("jepsen", "some.edn", strings.NewReader(c.input))
			require.ErrorIs(t, err, c.err)
			var de *DecodeError
			require.ErrorAs(t, err, &de)
			require.Equal(t, c.line, de.Line, "%v", err)
		})
	}
	_, err := DecodeLimited("jepsen", "long", strings.NewReader(ok+"{:process 0 :value \""+strings.Repeat("x", 100)), Limits{RecordBytes: 64})
	require.ErrorIs(t, err, ErrTooLong)
	_, err = DecodeLimited("jepsen", "many", strings.NewReader(ok+"{:process 1 :type :invoke :f :read}"), Limits{Ops: 1})
	require.ErrorIs(t, err, ErrTooMany)
}

const etcdSample = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n" +
	"INFO  jepsen.util - 1   :invoke :cas    [1 -2]\r\n" +
	"\n" +
	"INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n" +
	"INFO  jepsen.util - 0\t:ok\t:read\tnil\n" +
	"INFO  jepsen.util - 1\t:fail\t:cas\t[1 -2]\n" +
	"INFO  jepsen.util - 0\t:invoke\t:write\t4\n" +
	"INFO  jepsen.util - 0\t:info\t:write\t:timed-out\n" +
	"INFO  jepsen.util - 1\t:invoke\t:read\tnil\n" +
	"INFO  jepsen.util - 1\t:fail\t:read\t:timed-out\n"

func TestEtcdLogSample(t *testing.T) {
	h, err := Decode("porcupine-etcd", "etcd.log", strings.NewReader(etcdSample))
	require.NoError(t, err)
	var got []string
	for _, o := range h.Ops {
		got = append(got, o.String())
	}
	require.Equal(t, []string{
		`#0 s0 [1,3] register "" read -> nil ok`,
		`#1 s1 [2,4] register "" cas [1 -2] failed`,
		`#2 s0 [5,…] register "" write 4 unknown`,
		`#3 s1 [7,8] register "" read failed`,
	}, got)
}

func TestEtcdLogRejects(t *testing.T) {
	line := func(s string) string { return "INFO  jepsen.util - " + s + "\n" }
	ok := line("0\t:invoke\t:read\tnil")
	cases := []struct {
		name, input string
		err         error
	}{
		{"garbage", "garbage\n", ErrFormat},
		{"few fields", line("0\t:invoke\t:read"), ErrFormat},
		{"process", line("x\t:invoke\t:read\tnil"), ErrFormat},
		{"type", line("0\t:start\t:read\tnil"), ErrFormat},
		{"function", line("0\t:invoke\t:push\tnil"), ErrUnknownOp},
		{"write of nil", line("0\t:invoke\t:write\tnil"), ErrFormat},
		{"value", ok + line("0\t:ok\t:read\tx"), ErrFormat},
		{"cas", line("0\t:invoke\t:cas\t[1]"), ErrFormat},
		{"cas of words", line("0\t:invoke\t:cas\t[a b]"), ErrFormat},
		{"cut", ok + "INFO  jepsen.util - 0\t:o", ErrTruncated},
		{"invalid UTF-8", line("0\t:invoke\t:read\t\xff"), ErrFormat},
		{"unmatched", ok + line("1\t:ok\t:read\tnil"), ErrUnmatchedReturn},
		{"overlap", ok + ok, ErrOverlap},
		{"empty", "", ErrEmpty},
	}
	for _, c := range cases {
		_, err := Decode("porcupine-etcd", "some.log", strings.NewReader(c.input))
		require.ErrorIs(t, err, c.err, c.name)
	}
}

// fuzz feeds arbitrary bytes to a decoder: an error or a valid history, and
// nothing else.
func fuzz(f *testing.F, format string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
		f.Add([]byte(s[:len(s)/2]))
	}
	f.Add([]byte(compressed(f, seeds[0])))
	limits := Limits{RecordBytes: 1 << 16, Ops: 1 << 10}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, o := range []Options{
			{Limits: limits}, {Limits: limits, Pairs: PairsAreKeyed, NilReads: NilIsUnknown, Strict: true},
			{Limits: limits, Pairs: PairsAreValues, FailedCAS: FailedCASMismatch, Ignore: []string{"read", "x"}, Initial: Int(1)},
		} {
			d, err := DecodeWith(format, "fuzz", strings.NewReader(string(src)), o)
			if err != nil {
				continue
			}
			h := d.History
			require.NoError(t, h.Validate())
			require.Len(t, d.Lines, len(h.Ops))
			var buf strings.Builder
			require.NoError(t, EncodeJSONL(&buf, h))
			back, err := Decode("jsonl", "fuzz", strings.NewReader(buf.String()))
			require.NoError(t, err)
			require.Len(t, back.Ops, len(h.Ops))
			for i := range h.Ops {
				require.True(t, back.Ops[i].Arg.Equal(h.Ops[i].Arg) && back.Ops[i].Out.Equal(h.Ops[i].Out), "%v became %v", &h.Ops[i], &back.Ops[i])
			}
		}
	})
}

func FuzzJSONL(f *testing.F) { fuzz(f, "jsonl", sample) }
func FuzzJepsen(f *testing.F) {
	fuzz(f, "jepsen", jepsenSample, "{:process 0 :type :invoke :f :add :value [:k 3]}\n{:process 0 :type :ok :f :add}\n"+
		"{:process 0 :type :invoke :f :read :value [:k nil]}\n{:process 0 :type :ok :f :read :value [:k #{3 #tag (1)}]}\n"+
		"{:process :nemesis :value {1}}", txnSample, asJSON(txnSample), "{:type :ok :value [7 [[:append 5 1] [:r 5 [1]]]]}")
}
func FuzzEtcdLog(f *testing.F) { fuzz(f, "porcupine-etcd", etcdSample) }
