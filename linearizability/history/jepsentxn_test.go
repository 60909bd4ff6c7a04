package history

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const txnSample = `; list-append, a nemesis between
{:type :invoke, :f :txn, :value [[:append 11 1] [:r 11 nil]], :process 0, :time 10, :index 0}
{:type :invoke, :f :txn, :value [[:r 11 nil] [:r 9 nil]], :process 1, :time 11, :index 1}
{:type :info, :f :start-partition, :value {"n1" #{"n2"}}, :process :nemesis, :time 12, :index 2}
{:type :ok, :f :txn, :value [[:append 11 1] [:r 11 [1]]], :process 0, :time 13, :index 3}
{:type :ok, :f :txn, :value [[:r 11 [1]] [:r 9 nil]], :process 1, :time 14, :index 4}
{:type :invoke, :f :txn, :value [[:append 9 2]], :process 1, :time 15, :index 5}
{:type :info, :f :txn, :value [[:append 9 2]], :process 1, :time 16, :index 6, :error :timeout}
{:type :invoke, :f :txn, :value [[:append 9 3]], :process 1, :time 17, :index 7}
{:type :fail, :f :txn, :value [[:append 9 3]], :process 1, :time 18, :index 8, :error [:conflict "x"]}
{:type :invoke, :f :txn, :value [[:r 9 nil]], :process 0, :time 19, :index 9}
`

var txnSampleOps = []string{
	`#0 s0 [1,3] list "11" append 1 ok txn 1`,
	`#1 s0 [1,3] list "11" read -> [1] ok txn 1`,
	`#2 s1 [2,4] list "11" read -> [1] ok txn 2`,
	`#3 s1 [2,4] list "9" read -> nil ok txn 2`,
	`#4 s1 [5,…] list "9" append 2 unknown txn 3`,
	`#5 s2 [7,8] list "9" append 3 failed txn 4`, // process 1 again, but a session of its own
	`#6 s0 [9,…] list "9" read unknown txn 5`,
}

// asJSON rewrites entries of EDN as objects of JSON.
func asJSON(edn string) string {
	edn = regexp.MustCompile(`(?m)^;.*\n`).ReplaceAllString(edn, "")
	edn = regexp.MustCompile(`#\{"n2"\}`).ReplaceAllString(edn, `["n2"]`)
	edn = regexp.MustCompile(`\{"n1" `).ReplaceAllString(edn, `{"n1": `)
	edn = regexp.MustCompile(`\bnil\b`).ReplaceAllString(edn, "null")
	edn = regexp.MustCompile(`:(process|type|f|value|time|index|error) `).ReplaceAllString(edn, `"$1": `)
	edn = regexp.MustCompile(`\[:(r|w|append) (\S+) `).ReplaceAllString(edn, `["$1", $2, `)
	edn = regexp.MustCompile(`:([a-z-]+)`).ReplaceAllString(edn, `"$1"`)
	edn = strings.ReplaceAll(edn, `] [`, `], [`)
	return strings.ReplaceAll(edn, `"conflict" "x"`, `"conflict", "x"`)
}

func TestJepsenTransactions(t *testing.T) {
	require.Equal(t, txnSampleOps, strungWith(t, "jepsen", txnSample, Options{}))
	require.Equal(t, txnSampleOps, strungWith(t, Auto, txnSample, Options{}))
	require.Equal(t, txnSampleOps, strungWith(t, "jepsen", "["+strings.TrimPrefix(txnSample, "; list-append, a nemesis between\n")+"]", Options{}))
	json := asJSON(txnSample)
	require.Equal(t, txnSampleOps, strungWith(t, "jepsen", json, Options{}), json)
	require.Equal(t, txnSampleOps, strungWith(t, Auto, json, Options{}))
	array := "[" + strings.ReplaceAll(strings.TrimSpace(json), "}\n", "},\n") + "]"
	require.Equal(t, txnSampleOps, strungWith(t, Auto, array, Options{}), array)
	d, err := DecodeWith("jepsen", "x", strings.NewReader(txnSample), Options{})
	require.NoError(t, err)
	require.Equal(t, []int32{2, 2, 3, 3, 7, 9, 11}, d.Lines)
	var b strings.Builder
	require.NoError(t, EncodeJSONL(&b, d.History))
	require.Equal(t, txnSampleOps, strungWith(t, "jsonl", b.String(), Options{}), "operations of one transaction may overlap")
}

func TestJepsenTransactionsOfRegisters(t *testing.T) {
	require.Equal(t, []string{
		`#0 s0 [1,2] register "x" write 1 ok txn 1`,
		`#1 s0 [1,2] register "y" read -> nil ok txn 1`,
		`#2 s0 [3,4] register "x" read -> [1 2] ok txn 2`,
	}, strungWith(t, Auto, `
{:process 0 :type :invoke :f :txn :value [[:w "x" 1] [:r "y" nil]]}
{:process 0 :type :ok :f :txn :value [[:w "x" 1] [:r "y" nil]]}
{:process 0 :type :invoke :f :txn :value [[:r "x" nil]]}
{:process 0 :type :ok :f :txn :value [[:r "x" [1 2]]]}
`, Options{}))
}

// What a completion does not say is not known, and what has no invocation began when its
// process had ended what it did before.
func TestJepsenTransactionsInPart(t *testing.T) {
	require.Equal(t, []string{
		`#0 s0 [1,2] register "x" write 1 ok txn 1`, // of the read nothing is known
		`#1 s0 [2,3] register "x" read -> 1 ok txn 2`,
	}, strungWith(t, Auto, `
{:process 0 :type :invoke :f :txn :value [[:w "x" 1] [:r "y" nil]]}
{:process 0 :type :ok :f :txn :value nil}
{:process 0 :type :ok :f :txn :value [[:r "x" 1]]}
`, Options{}))
	d, err := DecodeWith(Auto, "x", strings.NewReader("{:index 0 :type :invoke :value [[:append 5 1]]}\n{:index 1 :type :ok :value [[:append 5 1]]}\n{:type :ok :value [[:r 5 [1]]]}\n"), Options{})
	require.NoError(t, err)
	require.True(t, d.History.Untimed)
	require.NotEqual(t, d.History.Ops[0].Session, d.History.Ops[1].Session)
	require.Len(t, d.History.Ops, 2)
	require.Contains(t, d.Notes[0].String(), "no :process")
}

// Each independent key has objects and sessions of its own.
func TestJepsenTransactionsOfIndependentKeys(t *testing.T) {
	require.Equal(t, []string{
		`#0 s0 [1,2] list "7/x" append 1 ok txn 1`,
		`#1 s1 [3,4] list "8/x" read -> [2] ok txn 2`,
		`#2 s0 [5,6] list "7/x" read -> [1] ok txn 3`,
	}, strungWith(t, Auto, `
{:process 0 :type :invoke :f :txn :value [7 [[:append "x" 1]]]}
{:process 0 :type :ok :f :txn :value [7 [[:append "x" 1]]]}
{:process 0 :type :invoke :f :txn :value [8 [[:r "x" nil]]]}
{:process 0 :type :ok :f :txn :value [8 [[:r "x" [2]]]]}
{:process 0 :type :invoke :f :txn :value [7 [[:r "x" nil]]]}
{:process 0 :type :ok :f :txn :value [7 [[:r "x" [1]]]]}
`, Options{}))
}

func TestJepsenTransactionsRejected(t *testing.T) {
	begin := "{:process 0 :type :invoke :f :txn :value [[:r 1 nil]]}\n"
	for _, c := range []struct {
		name, input string
		line        int
		err         error
	}{
		{"a word", "{:process 0 :type :invoke :f :txn :value :x}", 1, ErrFormat},
		{"another micro-operation", begin + "{:process 1 :type :invoke :f :txn :value [[:cas 1 2]]}", 2, ErrUnknownOp},
		{"too long a micro-operation", begin + "{:process 1 :type :invoke :f :txn :value [[:w 1 2 3]]}", 2, ErrFormat},
		{"a write of nothing", begin + "{:process 1 :type :invoke :f :txn :value [[:w 1]]}", 2, ErrFormat},
		{"a write of nil", begin + "{:process 1 :type :invoke :f :txn :value [[:w 1 nil]]}", 2, ErrFormat},
		{"two at once", begin + begin, 2, ErrOverlap},
		{"a list written to", begin + "{:process 1 :type :invoke :f :txn :value [[:w 1 1] [:append 1 2]]}", 2, ErrUnknownOp},
		{"another independent key", "{:process 0 :type :invoke :f :txn :value [7 [[:r 1 nil]]]}\n{:process 0 :type :ok :f :txn :value [8 [[:r 1 nil]]]}", 2, ErrUnmatchedReturn},
		{"single operations among them", begin + "{:process 1 :type :invoke :f :read}", 2, ErrUnknownOp},
		{"a process of too large a number", "{:process 99999999999 :type :invoke :f :txn :value [[:r 1 nil]]}", 1, ErrFormat},
		{"nothing", "{:process 0 :type :invoke :f :txn :value []}", 0, ErrEmpty},
		{"JSON that is none", `{"process": 0, "type": "invoke", "f": "txn", "value": [["r" 1]]}`, 1, ErrFormat},
		{"JSON that is cut", begin + `{"process": 0, "type": "invoke", "f": "txn", "value": [["r"`, 2, ErrTruncated},
	} {
		_, err := Decode("jepsen", "some.edn", strings.NewReader(c.input))
		require.ErrorIs(t, err, c.err, c.name)
		var de *DecodeError
		require.ErrorAs(t, err, &de, c.name)
		require.Equal(t, c.line, de.Line, "%s: %v", c.name, err)
	}
	_, err := DecodeWith("jepsen", "x", strings.NewReader(begin+"{:process 1 :type :invoke :f :read}"), Options{Ignore: []string{"read"}})
	require.NoError(t, err)
	_, err = DecodeLimited("jepsen", "many", strings.NewReader(begin+strings.ReplaceAll(begin, "process 0", "process 1")), Limits{Ops: 1})
	require.ErrorIs(t, err, ErrTooMany)
}

// A byte that is wrong, wherever it is, or the end of the file there, gives a history or
// an error that has a name and, unless all of the file is meant, a line.
func TestJepsenTransactionsWithAnyByteWrong(t *testing.T) {
	sentinels := []error{
		ErrEmpty, ErrTruncated, ErrFormat, ErrTooLong, ErrTooMany, ErrUnmatchedReturn, ErrOverlap, ErrUnknownOp, ErrAmbiguous, ErrInvalid,
	}
	for _, text := range []string{txnSample, asJSON(txnSample)} {
		for i := range text {
			for _, bad := range []string{text[:i], text[:i] + "\x00" + text[i+1:], text[:i] + "}" + text[i+1:], text[:i] + "9" + text[i+1:], text[:i] + text[i+1:]} {
				d, err := DecodeWith("jepsen", "bad", strings.NewReader(bad), Options{})
				if err == nil {
					require.NoError(t, d.History.Validate())
					continue
				}
				named := false
				for _, s := range sentinels {
					named = named || errors.Is(err, s)
				}
				require.True(t, named, "byte %d: %v", i, err)
				var de *DecodeError
				require.ErrorAs(t, err, &de)
				require.Equal(t, "bad", de.Name)
				require.True(t, de.Line > 0 || errors.Is(err, ErrEmpty), "byte %d: %v", i, err)
			}
		}
	}
}

// Lists of which one is a prefix of another one share their memory, and no list changes
// when a longer one is read.
func TestListsShareMemory(t *testing.T) {
	h, err := Decode("jepsen", "x", strings.NewReader(`
{:process 0 :type :ok :f :txn :value [[:r 1 [1 2]]]}
{:process 0 :type :ok :f :txn :value [[:r 1 [1 2 3]]]}
{:process 0 :type :ok :f :txn :value [[:r 1 [1 9]]]}
{:process 0 :type :ok :f :txn :value [[:r 1 [1 2 3 4]]]}
{:process 0 :type :ok :f :txn :value [[:append 1 1]]}
`))
	require.NoError(t, err)
	for i, want := range []Value{List(Int(1), Int(2)), List(Int(1), Int(2), Int(3)), List(Int(1), Int(9)), List(Int(1), Int(2), Int(3), Int(4))} {
		require.True(t, h.Ops[i].Out.Equal(want), "%v", h.Ops[i])
	}
	a, _ := h.Ops[1].Out.AsList()
	b, _ := h.Ops[3].Out.AsList()
	require.Same(t, &a[0], &b[0])
}
