package linearizability

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// ednOps are entries of Jepsen in EDN, each told as "process type f value".
func ednOps(entries ...string) string {
	var b strings.Builder
	for _, e := range entries {
		w := strings.SplitN(e, " ", 4)
		fmt.Fprintf(&b, "{:type :%s, :f :%s, :value %s, :process %s}\n", w[1], w[2], w[3], w[0])
	}
	return b.String()
}

// jsonlOps are operations in JSON lines, between the records that begin and end a file.
func jsonlOps(ops ...string) string {
	return `{"kind":"history","version":1}` + "\n" + `{"kind":"op",` + strings.Join(ops, "}\n"+`{"kind":"op",`) + "}\n" + fmt.Sprintf(`{"kind":"end","ops":%d,"fences":0}`+"\n", len(ops))
}

func jsonlWrite(key, arg string) string {
	return `"session":0,"type":"register","func":"write","key":` + key + `,"arg":` + arg + `,"call":0,"return":1`
}

func jsonlRead(key, out string) string {
	return `"session":1,"type":"register","func":"read","key":` + key + `,"out":` + out + `,"call":2,"return":3`
}

func zipped(texts ...string) string {
	var b bytes.Buffer
	for _, s := range texts {
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(s))
		if err = errors.Join(err, z.Close()); err != nil {
			panic(err)
		}
	}
	return b.String()
}

// recording is a small file as people have them, and what is right to say of it.
type recording struct {
	name, model, text string
	status            Status // or
	refused           string // what the error says, beside file and line
	note              string // what a note says
}

const writeOne, readOne = "0 invoke write 1\n0 ok write 1", "1 invoke read nil\n1 ok read 1"

func lines(parts ...string) string {
	var all []string
	for _, p := range parts {
		all = append(all, strings.Split(p, "\n")...)
	}
	return ednOps(all...)
}

// jepsenRecordings are odd, and mostly legal, histories of Jepsen.
var jepsenRecordings = []recording{
	{name: "nested values", text: lines("0 invoke write {:a [1 #{2 3}]}", "0 ok write {:a [1 #{3 2}]}", "1 invoke read nil", "1 ok read {:a [1 #{2 3}]}"), status: OK},
	{name: "a keyword is no string", text: lines("0 invoke write :on", "0 ok write :on", "1 invoke read nil", "1 ok read :off"), status: Violation},
	{name: "a string is no number", text: lines(`0 invoke write "1"`, `0 ok write "1"`, "1 invoke read nil", "1 ok read 1"), status: Violation},
	{name: "characters", text: lines(`0 invoke write \a`, `0 ok write \a`, "1 invoke read nil", `1 ok read \b`), status: Violation},
	{name: "1.0 is 1", text: lines("0 invoke write 1.0", "0 ok write 1.0", readOne), status: OK},
	{name: "numbers of any size", text: lines("0 invoke write 123456789012345678901234567890N", "0 ok write 123456789012345678901234567890N", "1 invoke read nil", "1 ok read 123456789012345678901234567890"), status: OK},
	{name: "names for processes", text: lines(`"w-1" invoke write 1`, `"w-1" ok write 1`, `"w-2" invoke read nil`, `"w-2" ok read 2`), status: Violation, note: "w-1, w-2"},
	{name: "names and numbers", text: lines(`"w-1" invoke write 1`, `"w-1" ok write 1`, readOne), refused: "some processes are numbers"},
	{name: "numbers in strings", text: lines(`"0" invoke write 1`, `"0" ok write 1`, `"1" invoke read nil`, `"1" ok read 2`), status: Violation},
	{name: "the nemesis as a string", text: lines(`"nemesis" info start nil`, writeOne, readOne), status: OK},
	{name: "something beside the nemesis", text: lines(":checker info start nil", writeOne, readOne), status: OK, note: "1 entry passed over"},
	{name: "the nemesis as it is", text: lines(":nemesis info start {:n1 #{\"n2\"}}", writeOne, readOne) + "{:type :info, :f :stop, :process :nemesis, :value [:isolated {\"n1\" #{\"n2\"}}], :error #error{:cause \"x\"}}\n", status: OK},
	{name: "independent keys", text: lines("0 invoke write [7 3]", "0 ok write [7 3]", "1 invoke read [7 nil]", "1 ok read [7 3]", "1 invoke read [8 nil]", "1 ok read [8 nil]"), status: OK},
	{name: "a key of nil", text: lines("0 invoke write [nil 3]", "0 ok write [nil 3]", "1 invoke read [nil nil]", "1 ok read [nil 4]"), status: Violation},
	{name: "a cas of a key", text: lines(`0 invoke write ["a" 1]`, `0 ok write ["a" 1]`, `0 invoke cas ["a" [1 2]]`, `0 ok cas ["a" [1 2]]`, `0 invoke read ["a" nil]`, `0 ok read ["a" 1]`), status: Violation},
	{name: "tuples with a tag", text: lines(`0 invoke write #jepsen.independent/tuple ["k" 3]`, `0 ok write #jepsen.independent/tuple ["k" 3]`, `1 invoke read #jepsen.independent/tuple ["k" nil]`, `1 ok read #jepsen.independent/tuple ["k" 4]`), status: Violation},
	{name: "tuples as records", text: lines("0 invoke write #jepsen.independent.Tuple{:key 7 :value 3}", "0 ok write #jepsen.independent.Tuple{:key 7 :value 3}", "1 invoke read #jepsen.independent.Tuple{:key 7 :value nil}", "1 ok read #jepsen.independent.Tuple{:key 7 :value 3}"), status: OK},
	{name: "an error with a vector", text: lines("0 invoke write 1") + `{:type :info, :f :write, :value 1, :process 0, :error [:timeout "x {" :y]}` + "\n" + lines("1 invoke read nil", "1 ok read 1", "1 invoke read nil", "1 ok read nil"), status: Violation},
	{name: "a process after :info is another session", text: lines("0 invoke write 1", "0 info write 1", "0 invoke write 2", "0 ok write 2", "1 invoke read nil", "1 ok read 1"), status: OK},
	{name: "a cas in doubt that happened", text: lines(writeOne, "1 invoke cas [1 2]", "1 info cas [1 2]", "0 invoke read nil", "0 ok read 2"), status: OK},
	{name: "a read that failed says nothing", text: lines(writeOne, "1 invoke read nil", "1 fail read 7", readOne), status: OK},
	{name: "records", text: strings.ReplaceAll(lines(writeOne, "1 invoke read nil", "1 ok read nil"), "{:type", "#jepsen.history.Op{:index 0, :time 1, :type"), status: Violation},
	{name: "comments and what is discarded", text: "; first\n" + lines("0 invoke write 1") + "{:type :ok, :f :write, #_ :x #_ 3 :value #_ 4 1, :process 0} ; {\n" + lines(readOne), status: OK},
	{name: "one list", text: "(" + lines(writeOne, readOne) + ")", status: OK},
	{name: "a mark and carriage returns", text: "\ufeff" + strings.ReplaceAll(lines(writeOne, readOne), "\n", "\r\n"), status: OK},
	{name: "strings for keywords", text: strings.NewReplacer(":ok", `"ok"`, ":invoke", `"invoke"`, ":write", `"write"`).Replace(lines(writeOne, readOne)), status: OK},
	{name: "a completion of something else", text: lines("0 invoke write 1", "0 ok read 1"), refused: "had begun a write"},
	{name: "a key twice", text: "{:type :invoke, :f :write, :value 1, :value 2, :process 0}\n", refused: "the key \":value\" is there twice"},
	{name: "the results", text: "{:valid? true, :count 3}\n", refused: "without :process"},
	{name: "JSON with colons", text: `{"type":":invoke","f":":write","value":1,"process":0}` + "\n" + `{"type":":ok","f":":write","value":1,"process":0}` + "\n" + `{"type":":invoke","f":":read","value":null,"process":0}` + "\n" + `{"type":":ok","f":":read","value":2,"process":0}` + "\n", status: Violation},
	{name: "a JSON array", text: `[{"type":"invoke","f":"write","value":1,"process":0},{"type":"ok","f":"write","value":1,"process":0},{"type":"invoke","f":"read","value":null,"process":0},{"type":"ok","f":"read","value":2,"process":0}]`, status: Violation},
	{name: "half a character in JSON", text: `{"type":"invoke","f":"write","value":"\ud83d","process":0}` + "\n", refused: "half of a character"},
	{name: "sets with a tag", model: "set-full", text: lines("0 invoke add 1", "0 ok add 1", "1 invoke read nil", "1 ok read #ordered/set (1 2)"), status: Violation},
	{name: "an empty queue fails", model: "queue", text: lines("0 invoke enqueue 1", "0 ok enqueue 1", "0 invoke dequeue nil", "0 ok dequeue 1", "0 invoke dequeue nil", "0 fail dequeue nil"), status: OK},
	{name: "a drain", model: "total-queue", text: lines("0 invoke enqueue 1", "0 ok enqueue 1", "0 invoke drain nil", "0 ok drain [1]"), status: OK},
	{name: "an add that is a counter's", model: "counter", text: lines("0 invoke add 2", "0 ok add 2", "0 invoke read nil", "0 ok read 3"), status: Violation},
	{name: "a bank that gains", model: "bank", text: lines("0 invoke read nil", "0 ok read {0 10, 1 0}", "0 invoke transfer {:from 0, :to 1, :amount 3}", "0 ok transfer {:from 0, :to 1, :amount 3}", "0 invoke read nil", "0 ok read {0 7, 1 4}"), status: Violation},
	{name: "lists in parentheses", model: "serializable", text: lines("0 invoke txn [[:append :x 1]]", "0 ok txn [[:append :x 1]]", "1 invoke txn [[:r :x nil]]", "1 ok txn [[:r :x (1)]]"), status: OK},
	{name: "a late read of a list", model: "strict-serializable", text: lines("0 invoke txn [[:append 1 1]]", "0 ok txn [[:append 1 1]]", "1 invoke txn [[:r 1 nil]]", "1 ok txn [[:r 1 nil]]"), status: Violation},
	{name: "a transaction without its value", model: "serializable", text: lines("0 invoke txn [[:append 1 1] [:r 1 nil]]", "0 ok txn nil", "1 invoke txn [[:r 1 nil]]", "1 ok txn [[:r 1 [1]]]"), status: OK, note: "1 read left out"},
}

// ownRecordings are odd, and partly wrong, files of JSON lines.
var ownRecordings = []recording{
	{name: "a field twice", text: jsonlOps(jsonlWrite(`"x"`, `1,"arg":2`)), refused: `the field "arg" is there twice`},
	{name: "a field of a value twice", text: jsonlOps(jsonlWrite(`"x"`, `{"a":1,"a":2}`)), refused: "twice"},
	{name: "integers of any size", text: jsonlOps(jsonlWrite(`"x"`, "18446744073709551616"), jsonlRead(`"x"`, "18446744073709551617")), status: Violation},
	{name: "the same, as a float", text: jsonlOps(jsonlWrite(`"x"`, "18446744073709551616"), jsonlRead(`"x"`, "18446744073709551616.0")), status: OK},
	{name: "1.0 is 1", text: jsonlOps(jsonlWrite(`"x"`, "1.0"), jsonlRead(`"x"`, "1")), status: OK},
	{name: "1e2 is 100", text: jsonlOps(jsonlWrite(`"x"`, "1e2"), jsonlRead(`"x"`, "100")), status: OK},
	{name: "fields in another order", text: jsonlOps(jsonlWrite(`"x"`, `{"a":1,"b":2}`), jsonlRead(`"x"`, `{"b":2,"a":1}`)), status: OK},
	{name: "keys with escapes", text: jsonlOps(jsonlWrite(`"\u00e9"`, "1"), jsonlRead(`"é"`, "2")), status: Violation},
	{name: "keys beyond 16 bits", text: jsonlOps(jsonlWrite(`"\ud83d\ude00"`, "1"), jsonlRead(`"😀"`, "2")), status: Violation},
	{name: "half a character", text: jsonlOps(jsonlWrite(`"\ud83d"`, "1")), refused: `\ud83d is half of a character`},
	{name: "half a character, and a whole one", text: jsonlOps(jsonlWrite(`"\ude00\ud83d\ude00"`, "1")), refused: "half of a character"},
	{name: "keys that only look alike", text: jsonlOps(jsonlWrite("\"e\u0301\"", "1"), jsonlRead(`"é"`, "1")), status: Violation},
	{name: "a mark and carriage returns", text: "\ufeff" + strings.ReplaceAll(jsonlOps(jsonlWrite(`"x"`, "1"), jsonlRead(`"x"`, "1")), "\n", "\r\n"), status: OK},
	{name: "a comma at the end", text: jsonlOps(jsonlWrite(`"x"`, "1") + ","), refused: "invalid character"},
	{name: "seconds", text: jsonlOps(strings.Replace(jsonlWrite(`"x"`, "1"), `"call":0`, `"call":0.5`, 1)), refused: `field "call": number 0.5 where an integer of 64 bits is due`},
	{name: "dates", text: jsonlOps(strings.Replace(jsonlWrite(`"x"`, "1"), `"call":0`, `"call":"2024-01-01"`, 1)), refused: `field "call": string where an integer`},
	{name: "a number for a key", text: jsonlOps(jsonlWrite("7", "1")), refused: `field "key": number where a string is due`},
	{name: "no return", text: jsonlOps(strings.Replace(jsonlWrite(`"x"`, "1"), `,"return":1`, "", 1), jsonlRead(`"x"`, "1")), status: OK},
	{name: "an outcome of one's own", text: jsonlOps(jsonlWrite(`"x"`, `1,"outcome":"timeout"`)), refused: "want ok, failed, or unknown"},
	{name: "before the epoch", text: jsonlOps(strings.Replace(jsonlWrite(`"x"`, "1"), `"call":0`, `"call":-5`, 1), jsonlRead(`"x"`, "1")), status: OK},
	{name: "nothing", text: "", refused: "no history in the input"},
	{name: "blank lines", text: "\n\n \n", refused: "no history in the input"},
	{name: "only a header", text: `{"kind":"history","version":1}` + "\n", refused: "cut short"},
	{name: "no header", text: `{"kind":"op",` + jsonlWrite(`"x"`, "1") + "}\n", refused: `a file begins with {"kind":"history","version":1}`},
	{name: "two histories", text: strings.Repeat(jsonlOps(jsonlWrite(`"x"`, "1")), 2), refused: "after the closing record"},
	{name: "another alphabet", text: jsonlOps(jsonlWrite("\"\xe9\"", "1")), refused: "invalid UTF-8"},
	{name: "UTF-16", text: "\xff\xfe{\x00\"\x00", refused: "UTF-16"},
	{name: "compressed in parts", text: func() string {
		s := jsonlOps(jsonlWrite(`"x"`, "1"), jsonlRead(`"x"`, "2"))
		return zipped(s[:70], s[70:])
	}(), status: Violation},
	{name: "compressed and cut", text: func() string { s := zipped(jsonlOps(jsonlWrite(`"x"`, "1"))); return s[:len(s)-9] }(), refused: "cut short"},
	{name: "compressed, and something behind", text: zipped(jsonlOps(jsonlWrite(`"x"`, "1"))) + "more", refused: "compressed data"},
}

// What people record, odd shapes and all, is read for what it means, or refused with a reason.
func TestRecordings(t *testing.T) {
	for kind, all := range map[string][]recording{"jepsen": jepsenRecordings, "jsonl": ownRecordings} {
		for _, r := range all {
			t.Run(kind+"/"+r.name, func(t *testing.T) {
				d, err := history.DecodeWith(history.Auto, "file", strings.NewReader(r.text), history.Options{})
				if r.refused != "" {
					require.ErrorContains(t, err, r.refused)
					require.ErrorContains(t, err, "file:")
					return
				}
				require.NoError(t, err)
				notes := fmt.Sprint(d.Notes)
				if r.note == "" {
					require.Empty(t, d.Notes)
				}
				require.Contains(t, notes, r.note)
				model := r.model
				if model == "" {
					model = "cas-register"
				}
				v, err := Judge(context.Background(), d.History, model, Budget{})
				require.NoError(t, err)
				require.Equal(t, r.status, v.Status, "%v", v)
			})
		}
	}
}
